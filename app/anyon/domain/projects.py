"""Projects: made from an address, a folder or nothing; deleted with everything of theirs (R1, R7, R10)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from anyon.agent import answers
from anyon.agent.client import AgentClient, Event
from anyon.agent.errors import AgentTimeout
from anyon.domain.background import Background
from anyon.domain.errors import SourceHoldsCredential, SourceRefused, ValueRefused
from anyon.domain.events import EventBus, Topic
from anyon.domain.names import slug
from anyon.domain.workspaces import Place, Workspaces, problem_of
from anyon.errors import AnyonError
from anyon.model import ProjectState, Role
from anyon.settings import Settings
from anyon.store import ProjectRow, Store
from anyon.store.errors import OUTAGES

_log = structlog.get_logger()

_ADDRESS = re.compile(r"(https?|ssh|git)://[^\s\x00-\x1f]+\Z")
_SCP_ADDRESS = re.compile(r"[\w.-]+@[\w.-]+:(?!//)[^\s\x00-\x1f]+\Z")
_IMPORT_SECONDS = 1800.0


@dataclass
class Projects:
    store: Store
    workspaces: Workspaces
    bus: EventBus
    background: Background
    settings: Settings
    _making: set[UUID] = field(default_factory=set)

    async def create(self, user_id: UUID, *, name: str, source: str, default_executor: str | None) -> ProjectRow:
        """The project's row, in state creating; its repository is made in the background.

        Raises SourceRefused, SourceHoldsCredential.
        """
        self.check_source(source)
        async with self.store.for_user(user_id) as session:
            project = await session.projects.create(
                name=name, slug=slug(name, "project"), source=source, default_executor=default_executor
            )
            await session.audit.append(
                "project.created", project.id, project_id=project.id, detail={"name": name, "source": source}
            )
        self.bus.publish(Topic.PROJECT, project.id, project.id)
        self.begin(project)
        return project

    def begin(self, project: ProjectRow) -> None:
        """Make the repository of a project in state creating, in the background, once at a time."""
        if project.id in self._making:
            return
        self._making.add(project.id)
        self.background.persist(f"create {project.id}", lambda: self._make_repository(project))

    async def retry(self, user_id: UUID, project_id: UUID) -> ProjectRow:
        """Try a failed import again; any other state stays as it is."""
        async with self.store.for_user(user_id) as session:
            moved = await session.projects.transition(
                project_id, from_states={ProjectState.FAILED}, to=ProjectState.CREATING, problem=None
            )
            project = moved or await session.projects.get(project_id)
            if moved is not None:
                await session.audit.append("project.retried", project_id, project_id=project_id)
        if moved is not None:
            self.bus.publish(Topic.PROJECT, project_id, project_id)
            self.begin(moved)
        return project

    async def readdress(self, user_id: UUID, project_id: UUID, source: str) -> None:
        """Another source for a project whose import failed; `retry` takes it.

        Raises SourceRefused, SourceHoldsCredential, ValueRefused in any other state, NotFound, RoleTooSmall.
        """
        self.check_source(source)
        async with self.store.for_user(user_id) as session:
            await session.projects.get(project_id, Role.EDITOR)
            failed = ProjectState.FAILED
            if await session.projects.transition(project_id, from_states={failed}, to=failed, source=source) is None:
                raise ValueRefused(
                    field="git_repo_path",
                    reason="It can be changed only while the import has failed.",
                    fix="Create another project from the other address.",
                )
            await session.audit.append("project.changed", project_id, project_id=project_id, detail={"source": source})
        self.bus.publish(Topic.PROJECT, project_id, project_id)

    async def delete(self, project: ProjectRow, by: UUID | None = None) -> None:
        """Stop the workspace, remove its folder and every row; the audit log stays. Idempotent (R7).

        `by` is one of its owners; without it a deletion is finished that was begun before.
        """
        actor = by or project.user_id
        async with self.store.for_user(actor) as session:
            await session.projects.transition(project.id, from_states=frozenset(ProjectState), to=ProjectState.DELETING)
        self.bus.publish(Topic.PROJECT, project.id, project.id)
        await self.workspaces.remove(Place(project.id, project.user_id))
        async with self.store.for_user(actor) as session:
            await session.audit.append(
                "project.deleted", project.id, project_id=project.id, detail={"name": project.name}
            )
            await session.projects.delete(project.id)
        self.bus.publish(Topic.PROJECT, project.id, project.id, deleted=True)

    def check_source(self, source: str) -> Path | None:
        """The folder to import, None for an address or a new repository. Raises SourceRefused, SourceHoldsCredential.

        The address is kept, shown and audited as it is, and may thus hold nothing secret.
        """
        none = "an import root (none is configured: who operates this service sets `import_roots`)"
        roots = ", ".join(str(root) for root in self.settings.import_roots) or none
        if _ADDRESS.match(source) and _holds_credential(source):
            raise SourceHoldsCredential
        if not source or _ADDRESS.match(source) or _SCP_ADDRESS.match(source):
            return None
        if not source.startswith("/"):
            raise SourceRefused(reason="It is neither a git address nor an absolute path.", roots=roots)
        folder = Path(source).resolve()
        if not any(folder.is_relative_to(root.resolve()) for root in self.settings.import_roots):
            raise SourceRefused(reason=f"{source} is outside of every import root.", roots=roots)
        try:
            is_folder = folder.is_dir()
        except PermissionError:
            reason = f"The user of the service may not look at {source}: a folder above it lacks `chmod o+x`."
            raise SourceRefused(reason=reason, roots=roots) from None
        if not is_folder:
            raise SourceRefused(reason=f"{source} is not a folder.", roots=roots)
        return folder

    async def _make_repository(self, project: ProjectRow) -> None:
        place = Place(project.id, project.user_id)
        async with self.store.for_user(project.user_id, read_only=True) as session:
            project = await session.projects.get(project.id)
        if project.state is not ProjectState.CREATING:
            self._making.discard(project.id)
            return
        try:
            default_branch = await self._import(place, project)
        except OUTAGES:
            raise
        except AnyonError as error:
            _log.info("import failed", project_id=str(project.id), reason=error.describe())
            self._making.discard(project.id)  # before the row says so: then it may be tried again
            await self._settle(project, ProjectState.FAILED, problem=problem_of(error))
        else:
            self._making.discard(project.id)
            await self._settle(project, ProjectState.READY, problem=None, default_branch=default_branch)

    async def _import(self, place: Place, project: ProjectRow) -> str:
        folder = self.check_source(project.source)
        async with self.store.for_user(project.user_id, read_only=True) as session:
            user = await session.account.get()
        if folder is not None and self.workspaces.connected(project.id) is not None:
            # It may have been started by somebody who did not know of the folder.
            await self.workspaces.stop(place, "an import is due")
        client = await self.workspaces.ensure(place, import_source=folder)
        common: dict[str, Any] = {
            "author": {"name": user.name, "email": user.email},
            "exclude": "gitignore" if self.settings.exclude_worktrees_in_gitignore else "info",
        }
        if not project.source:
            made = await client.call("repository.create", default_branch="main", **common)
        else:
            source = self._as_the_agent_sees_it(project.source, folder)
            made = await self._follow_import(client, project, source, common)
        return answers.default_branch(made)

    def _as_the_agent_sees_it(self, source: str, folder: Path | None) -> str:
        """A folder is bound into an isolated workspace; `user@host:path` is a short form of ssh://."""
        if folder is not None:
            return "/import" if self.workspaces.runtime.isolated else str(folder)
        if _SCP_ADDRESS.match(source):
            host, _, path = source.partition(":")
            return f"ssh://{host}/{path.lstrip('/')}"
        return source

    async def _follow_import(
        self, client: AgentClient, project: ProjectRow, source: str, common: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            async with (
                asyncio.timeout(_IMPORT_SECONDS),
                client.stream("repository.import", source=source, **common) as progress,
            ):
                async for item in progress:
                    if isinstance(item, Event):
                        text = answers.import_progress(item.fields)
                        self.bus.publish(Topic.LINE, project.id, project.id, text=text)
        except TimeoutError:
            raise AgentTimeout(operation="The import", seconds=_IMPORT_SECONDS) from None
        return progress.result or {}

    async def _settle(self, project: ProjectRow, state: ProjectState, **fields: object) -> None:
        async with self.store.for_user(project.user_id) as session:
            moved = await session.projects.transition(
                project.id,
                from_states={ProjectState.CREATING},
                to=state,
                **fields,  # type: ignore[arg-type] # fields are ProjectChanges
            )
            if moved is None:  # it is being deleted
                return
            await session.audit.append(f"project.{state.value}", project.id, project_id=project.id)
        self.bus.publish(Topic.PROJECT, project.id, project.id)


def _holds_credential(address: str) -> bool:
    """Whether a password is in it; for HTTP, where a token often stands alone, whatever is before the @."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # a ValueError when it is the first part of a password that has a slash in it
    except ValueError:
        return True
    return parts.password is not None or (parts.username is not None and parts.scheme in ("http", "https"))
