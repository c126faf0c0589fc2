"""What can run a task."""

from __future__ import annotations

from fastapi import APIRouter

from anyon.api.schemas.base import ListData
from anyon.api.schemas.projects import ExecutorView
from anyon.api.security import CallerDep
from anyon.api.state import ServicesDep

router = APIRouter(prefix="/api/executors", tags=["executors"])


@router.get("")
async def list_executors(services: ServicesDep, _caller: CallerDep) -> ListData[ExecutorView]:
    """The catalogue, in the order in which it is offered."""
    return ListData(
        data=[
            ExecutorView(
                name=executor.name,
                title=executor.title,
                description=executor.description,
                requires=[name for any_of in executor.requires for name in any_of],
                install=executor.install,
                prompt_label=executor.prompt_label,
            )
            for executor in services.executors.values()
        ]
    )
