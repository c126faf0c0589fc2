"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from anyon.model import UserRole


@dataclass(frozen=True, slots=True)
class UserContext:
    """The user of a request (A2); `session_id` is set when a browser's cookie proved it, else a bearer token did."""

    user_id: UUID
    email: str
    name: str
    role: UserRole
    session_id: UUID | None = None

    @property
    def is_admin(self) -> bool:
        return self.role is UserRole.ADMIN
