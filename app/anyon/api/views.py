"""Rows turned into the shapes of the API."""

from __future__ import annotations

from pydantic import TypeAdapter

from anyon.api.schemas.tasks import AttemptView, ExecutionView, PhaseView, TaskView
from anyon.composition import Services
from anyon.store import AttemptRow, ExecutionRow, TaskEntry

_ATTEMPT_FIELDS = tuple(name for name in AttemptView.model_fields if name not in {"phases", "execution", "last_line"})
_PHASES = TypeAdapter(list[PhaseView]).validate_python
_TASK_FIELDS = tuple(name for name in TaskView.model_fields if name != "latest_attempt")


def execution_view(row: ExecutionRow) -> ExecutionView:
    return ExecutionView.model_construct(**{name: getattr(row, name) for name in ExecutionView.model_fields})


def attempt_view(services: Services, row: AttemptRow, execution: ExecutionRow | None) -> AttemptView:
    """A live attempt shows the phases and the last line that only this process knows yet."""
    live = services.progress.phases.get(row.id)
    return AttemptView.model_construct(
        **{name: getattr(row, name) for name in _ATTEMPT_FIELDS},
        phases=_PHASES(live.entries if live else row.phases),
        execution=execution_view(execution) if execution else None,
        last_line=services.progress.last_lines.get(row.id, ""),
    )


def task_view(services: Services, entry: TaskEntry) -> TaskView:
    latest = attempt_view(services, entry.attempt, entry.execution) if entry.attempt else None
    return TaskView.model_construct(**{name: getattr(entry.task, name) for name in _TASK_FIELDS}, latest_attempt=latest)
