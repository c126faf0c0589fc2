"""The credentials of users: written once, read only by the executions that need them (A12)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from anyon.auth import SecretBox
from anyon.domain.errors import ValueRefused
from anyon.store import Store

_STEERS_PROGRAMS = re.compile(r"(PATH|HOME|SHELL|ENV|BASH_ENV|IFS|(LD|ANYON|GIT)_.*|PYTHON.*)\Z")
"""Variables that decide which program starts and how: a credential of that name would break every execution."""


@dataclass
class Credentials:
    """Values never leave this class but into the environment of one execution."""

    store: Store
    box: SecretBox

    async def put(self, user_id: UUID, name: str, value: str) -> None:
        """Store `value` under `name`, in place of what was there. Raises ValueRefused."""
        if _STEERS_PROGRAMS.match(name):
            raise ValueRefused(
                field="name",
                reason=f"{name} changes how programs start and cannot be a credential.",
                fix="Take another name; in a script, assign it to the variable that needs it.",
            )
        sealed = self.box.seal(user_id, name, value)
        async with self.store.for_user(user_id) as session:
            await session.secrets.put(name=name, ciphertext=sealed.ciphertext, key_version=sealed.key_version)
            await session.audit.append("credential.stored", name)

    async def delete(self, user_id: UUID, name: str) -> None:
        """Forget it. Raises NotFound."""
        async with self.store.for_user(user_id) as session:
            await session.secrets.delete(name)
            await session.audit.append("credential.deleted", name)

    async def reveal(self, user_id: UUID, names: Collection[str] | None) -> dict[str, str]:
        """The values of those of `names` that the user has stored; every one when `names` is None."""
        async with self.store.for_user(user_id, read_only=True) as session:
            rows = await session.secrets.list()
        return {
            row.name: self.box.open(user_id, row.name, row.ciphertext)
            for row in rows
            if names is None or row.name in names
        }
