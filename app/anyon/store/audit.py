"""The audit log: who did what, when. Rows are only ever added; triggers refuse anything else."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from anyon.model import Role
from anyon.store.access import Door
from anyon.store.rows import AuditRow, Document
from anyon.store.tables import audit

PAGE = 100


def entry(
    at: datetime, user_id: UUID | None, project_id: UUID | None, action: str, subject: object, detail: Document | None
) -> dict[str, Any]:
    """The columns of one entry."""
    return {
        "at": at,
        "user_id": user_id,
        "project_id": project_id,
        "action": action,
        "subject": str(subject),
        "detail": detail or {},
    }


class Audit:
    def __init__(self, door: Door) -> None:
        self._door = door

    async def append(
        self, action: str, subject: object, *, project_id: UUID | None = None, detail: Document | None = None
    ) -> None:
        """Record that the user did `action` (`task.created`) to `subject` (an id or a name)."""
        now = self._door.clock.now()
        await self._door.add(audit, entry(now, self._door.user_id, project_id, action, subject, detail))

    async def list(self, project_id: UUID, *, before: int | None = None, limit: int = PAGE) -> list[AuditRow]:
        """Up to `limit` entries of a project, the latest first, older than entry `before`. Raises NotFound."""
        await self._door.require_member(project_id, Role.VIEWER)
        statement = select(*audit.c).where(audit.c.project_id == project_id).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.id < before)
        return [AuditRow(*record) for record in await self._door.all(statement)]
