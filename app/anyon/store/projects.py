"""Projects and their members."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select

from anyon.ids import new_id
from anyon.model import ProjectState, Role, TaskState, WorkspaceState
from anyon.store.access import Record, Scoped, is_member, membership
from anyon.store.errors import AlreadyExists, NotFound
from anyon.store.rows import Document, Member, ProjectEntry, ProjectRow, WorkspaceRow
from anyon.store.tables import project_members, projects, tasks, users, workspaces

SLUG_LENGTH = 100
_NUMBERED_SLUGS = 9
_WIDTH = len(projects.c)

_ENTRIES = (
    select(*projects.c, *workspaces.c, project_members.c.role)
    .join_from(projects, project_members, membership(projects.c.id))
    .join(workspaces, workspaces.c.project_id == projects.c.id)
)
_ENTRY = _ENTRIES.where(projects.c.id == bindparam("key"))
_COUNTS = (
    select(tasks.c.project_id, tasks.c.state, func.count())
    .where(is_member(tasks.c.project_id))
    .group_by(tasks.c.project_id, tasks.c.state)
)
_COUNTS_OF_ONE = _COUNTS.where(tasks.c.project_id == bindparam("project"))


class ProjectChanges(TypedDict, total=False):
    name: str
    default_branch: str
    default_executor: str | None
    problem: Document | None
    source: str


class Projects(Scoped[ProjectRow]):
    kind = "project"
    table = projects
    key = projects.c.id
    project = projects.c.id
    row = ProjectRow

    async def create(
        self,
        *,
        name: str,
        slug: str,
        source: str,
        default_branch: str = "main",
        default_executor: str | None = None,
    ) -> ProjectRow:
        """A project in state creating, with the user as its owner and a stopped workspace.

        `slug` is a wish: when it is taken the row gets `slug-2` … or a random ending.
        """
        now = self._door.clock.now()
        values: dict[str, Any] = {
            "id": new_id(),
            "user_id": self._door.user_id,
            "name": name,
            "source": source,
            "default_branch": default_branch,
            "state": ProjectState.CREATING,
            "default_executor": default_executor,
            "next_task_number": 1,
            "created_at": now,
        }
        row = await self._insert_with_free_slug(slug, values)
        owned = {"project_id": row.id, "user_id": row.user_id, "created_at": now}
        await self._door.add(project_members, {**owned, "role": Role.OWNER})
        await self._door.add(workspaces, {**owned, "state": WorkspaceState.STOPPED})
        return row

    async def _insert_with_free_slug(self, slug: str, values: Mapping[str, Any]) -> ProjectRow:
        """The unique index decides, so that two replicas cannot both take a slug."""
        for candidate in slug_candidates(slug):
            statement = (
                self._door.insert_into(projects)
                .values(**values, slug=candidate)
                .on_conflict_do_nothing(index_elements=[projects.c.slug])
                .returning(*projects.c)
            )
            record = await self._door.write(statement)
            if record is not None:
                return ProjectRow(*record)
        raise AlreadyExists(kind="project", name=slug)

    async def entry(self, key: UUID) -> ProjectEntry:
        """One project with its workspace and the user's role. Raises NotFound."""
        record = await self._door.first(_ENTRY, key=key)
        if record is None:
            raise NotFound(kind=self.kind, id=key)
        return _entry(record)

    async def task_counts(self, project_id: UUID | None = None) -> dict[UUID, dict[TaskState, int]]:
        """Tasks per project and state, of one project or of all; what has no task is missing. One statement."""
        found = self._door.all(_COUNTS) if project_id is None else self._door.all(_COUNTS_OF_ONE, project=project_id)
        counts: dict[UUID, dict[TaskState, int]] = {}
        for of, state, number in await found:
            counts.setdefault(of, {})[state] = number
        return counts

    async def update(self, key: UUID, **changes: Unpack[ProjectChanges]) -> ProjectRow:
        """Change columns as an editor. Raises NotFound, RoleTooSmall."""
        return await self._rewrite(key, changes)

    async def transition(
        self, key: UUID, *, from_states: Collection[ProjectState], to: ProjectState, **changes: Unpack[ProjectChanges]
    ) -> ProjectRow | None:
        """Compare and set the state; None when the project was in none of `from_states`."""
        return await self._change(key, {"state": to, **changes}, from_states=from_states)

    async def delete(self, key: UUID) -> None:
        """Remove the project and every row of it but the audit log, as its owner. Raises NotFound, RoleTooSmall."""
        await self.get(key, Role.OWNER)
        await self._door.write(delete(projects).where(projects.c.id == key))

    async def members(self, key: UUID) -> list[Member]:
        """The members by email. Raises NotFound."""
        await self._door.require_member(key, Role.VIEWER)
        statement = (
            select(users.c.id, users.c.email, users.c.name, project_members.c.role)
            .join_from(project_members, users, users.c.id == project_members.c.user_id)
            .where(project_members.c.project_id == key)
            .order_by(users.c.email)
        )
        return [Member(*record) for record in await self._door.all(statement)]

    async def add_member(self, key: UUID, user_id: UUID, role: Role) -> None:
        """Let another account in, as an owner. Raises NotFound, RoleTooSmall, AlreadyExists."""
        await self._door.require_member(key, Role.OWNER)
        statement = (
            self._door.insert_into(project_members)
            .values(project_id=key, user_id=user_id, role=role, created_at=self._door.clock.now())
            .on_conflict_do_nothing()
            .returning(project_members.c.user_id)
        )
        if await self._door.write(statement) is None:
            raise AlreadyExists(kind="member", name=user_id)

    async def list(self) -> list[ProjectEntry]:
        """Every project of the user, by name whatever its case, with workspace and the user's role: one statement."""
        entries = [_entry(record) for record in await self._door.all(_ENTRIES)]
        return sorted(entries, key=lambda entry: (entry.project.name.casefold(), entry.project.id))


def slug_candidates(slug: str) -> Iterator[str]:
    """`docs`, `docs-2` … `docs-9`, then random endings, none longer than a slug may be."""
    yield slug[:SLUG_LENGTH]
    for number in range(2, _NUMBERED_SLUGS + 1):
        yield f"{slug[: SLUG_LENGTH - 2]}-{number}"
    for _ in range(3):
        yield f"{slug[: SLUG_LENGTH - 13]}-{new_id().hex[:12]}"


def _entry(record: Record) -> ProjectEntry:
    return ProjectEntry(ProjectRow(*record[:_WIDTH]), WorkspaceRow(*record[_WIDTH:-1]), record[-1])
