"""Terminals."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from anyon.api.schemas.base import Body, View
from anyon.model import TerminalState


class NewTerminalBody(Body):
    attempt_id: UUID | None = None
    cols: int = Field(80, ge=2, le=1000)
    rows: int = Field(24, ge=2, le=1000)


class TerminalView(View):
    id: UUID
    project_id: UUID
    attempt_id: UUID | None
    title: str
    state: TerminalState
    exit_code: int | None
    created_at: datetime
    closed_at: datetime | None
