"""How routes reach the services: from the application's state, wired once by `composition.build_services`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from anyon.composition import Services


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


async def _services(request: Request) -> Services:
    """Asynchronous although it waits for nothing: FastAPI calls plain functions in another thread."""
    return services_of(request)


ServicesDep = Annotated[Services, Depends(_services)]
