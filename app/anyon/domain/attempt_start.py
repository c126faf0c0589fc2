"""The way of an attempt from its row to its first output byte."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog

from anyon.agent import answers
from anyon.agent.answers import Execution
from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentError, AgentProblem
from anyon.clock import Clock
from anyon.domain.attempt_progress import AttemptProgress
from anyon.domain.attempt_rows import AttemptRows
from anyon.domain.background import Background, persistently
from anyon.domain.credentials import Credentials
from anyon.domain.errors import CredentialMissing, ExecutorUnknown, ProjectNotReady
from anyon.domain.events import Topic
from anyon.domain.machines import ATTEMPT, AttemptEvent, sources
from anyon.domain.names import branch, git_identity, worktree
from anyon.domain.phases import Phase, PhaseLog
from anyon.domain.turns import Turns
from anyon.domain.workspaces import Place, Workspaces, instant, problem_of
from anyon.errors import AnyonError
from anyon.executors import Executor
from anyon.ids import new_id
from anyon.model import AttemptState, ExecutionKind, ExecutionState, ProjectState, Role
from anyon.settings import Settings
from anyon.store import AttemptRow, ExecutionRow, Store, TaskRow, UserRow, UserSession
from anyon.store.errors import OUTAGES, NotFound

_log = structlog.get_logger()

LIVE_EXECUTION = frozenset({ExecutionState.QUEUED, ExecutionState.RUNNING})
_UNDER_WAY = frozenset({AttemptState.STARTING, AttemptState.RUNNING, AttemptState.FINISHING})
STEP_SECONDS = 120.0
"""For one step of a start; a worktree of a very large repository takes a while."""


@dataclass(frozen=True)
class Job:
    """What a start needs to know."""

    attempt: AttemptRow
    execution: ExecutionRow
    place: Place
    prompt: str


@dataclass
class AttemptStarter:
    """Every step is idempotent by the attempt's and the execution's ids, so an interrupted start is simply repeated."""

    store: Store
    rows: AttemptRows
    progress: AttemptProgress
    workspaces: Workspaces
    executors: Mapping[str, Executor]
    credentials: Credentials
    clock: Clock
    background: Background
    settings: Settings
    turns: Turns

    def executor(self, name: str) -> Executor:
        """Raises ExecutorUnknown."""
        found = self.executors.get(name)
        if found is None:
            raise ExecutorUnknown(executor=name, known=", ".join(self.executors))
        return found

    async def add(self, session: UserSession, task: TaskRow, executor: str | None) -> Job:
        """Rows of a new attempt within the caller's transaction; call `launch` after the commit.

        Raises ExecutorUnknown, CredentialMissing, ProjectNotReady, RoleTooSmall.
        """
        project = await session.projects.get(task.project_id, Role.EDITOR)
        if project.state not in (ProjectState.READY, ProjectState.CREATING):
            raise ProjectNotReady(state=project.state.value)
        chosen = self.executor(executor or task.executor or project.default_executor or self.settings.default_executor)
        await self._check_credentials(session, chosen)
        chosen.command(task.description)
        attempt_id = new_id()
        attempt = await session.attempts.create(
            task.id,
            attempt_id=attempt_id,
            executor=chosen.name,
            state=AttemptState.QUEUED if self.turns.are_awaited(project.id) else AttemptState.STARTING,
            branch=branch(attempt_id, task.title),
            worktree=worktree(attempt_id, task.title),
            base_branch=project.default_branch,
        )
        execution = await session.executions.create(
            project_id=task.project_id, executor=chosen.name, kind=ExecutionKind.AGENT, attempt_id=attempt.id
        )
        await session.audit.append(
            "attempt.created", attempt.id, project_id=task.project_id, detail={"executor": chosen.name}
        )
        return Job(attempt, execution, Place(project.id, project.user_id), task.description)

    async def _check_credentials(self, session: UserSession, executor: Executor) -> None:
        stored = {row.name for row in await session.secrets.list()} if executor.requires else set()
        missing = executor.missing_credentials(stored)
        if missing:
            raise CredentialMissing(title=executor.title, names=", ".join(missing[0]))

    def launch(self, job: Job, *, fresh: bool = False) -> asyncio.Task[None]:
        """Start the attempt in the background; the job ends when its program runs, or will never run.

        `fresh`: the rows of the job were written a moment ago, so that its first try need not look at them again.
        """
        phases = self.progress.track(job.attempt, job.execution)
        return self.background.start(f"attempt {job.attempt.id}", self._run(job, phases, fresh=fresh))

    async def _run(self, job: Job, phases: PhaseLog, *, fresh: bool) -> None:
        """The lock is held over every repetition: who finishes the attempt waits until the row says that it began."""
        unseen = iter([fresh])
        async with self.progress.lock(job.attempt.id):
            await persistently(f"attempt {job.attempt.id}", lambda: self._try(job, phases, fresh=next(unseen, False)))

    async def _try(self, job: Job, phases: PhaseLog, *, fresh: bool) -> None:
        try:
            await self._start_in_turn(job, phases, fresh=fresh)
        except OUTAGES as error:
            phases.end("failed", error.describe())
            raise
        except AnyonError as error:
            phases.end("failed", error.describe())
            await self._fail_start(job, phases, error)

    async def _start_in_turn(self, job: Job, phases: PhaseLog, *, fresh: bool) -> None:
        """Start it once the workspace has room for another program, after those that waited before."""
        limit = self.settings.max_running_executions
        ends = None  # of executions, when the last try was refused
        try:
            while True:
                if ends is not None or self.turns.are_awaited(job.place.project_id):
                    phases.back_to(Phase.QUEUE, f"waiting for one of {limit} running executions to end")
                    if not await self.turns.wait(job.attempt, ends, lambda: self._is_wanted(job)):
                        self.progress.forget(job.attempt.id)
                        return
                ends = self.progress.ends
                try:
                    await self._start(job, phases, fresh=fresh)
                except AgentProblem as problem:
                    if problem.code != "too-many-executions":
                        raise
                    fresh = False  # the row may have changed while it waits
                else:
                    return
        finally:
            self.turns.leave(job.attempt)

    async def _is_wanted(self, job: Job) -> bool:
        attempt = await self.rows.get(job.place, job.attempt.id)
        return attempt.state in (AttemptState.QUEUED, AttemptState.STARTING)

    async def _is_to_start(self, job: Job) -> bool:
        """Whether the row still says so; another launch of the same attempt may have been quicker."""
        moved = await self.rows.move(job.place, job.attempt.id, AttemptEvent.START)
        current = moved or await self.rows.get(job.place, job.attempt.id)
        if current.state not in _UNDER_WAY:
            self.progress.forget(job.attempt.id)
        return current.state is AttemptState.STARTING

    async def _start(self, job: Job, phases: PhaseLog, *, fresh: bool) -> None:
        is_starting = fresh and job.attempt.state is AttemptState.STARTING
        if not is_starting and not await self._is_to_start(job):
            return
        base_branch = await self._wait_for_repository(job.place, phases)
        phases.end()
        with phases.phase(Phase.ENSURE):
            client = await self.workspaces.ensure(job.place)
        with phases.phase(Phase.WORKTREE):
            added = await client.call(
                "worktree.add",
                path=job.attempt.worktree,
                branch=job.attempt.branch,
                base=base_branch,
                exclude="gitignore" if self.settings.exclude_worktrees_in_gitignore else "info",
                timeout=STEP_SECONDS,
            )
            base_commit = answers.commit(added, "base_commit")
        async with self.store.for_user(job.attempt.user_id, read_only=True) as session:
            current = await session.attempts.get(job.attempt.id)
            author = await session.account.get()
        if current.state is AttemptState.CANCELLED:
            await self._give_up(job, client)
        if current.state is not AttemptState.STARTING:  # somebody else has started it: it is not ours to remove
            return
        with phases.phase(Phase.EXEC):
            try:
                record = await self._execute(job, client, author)
            except AgentProblem:  # refused, so nothing has run in the worktree, and nobody would ever remove it
                with suppress(AgentError):
                    await self._remove_worktree(job, client)
                raise
        self.progress.began(job.attempt, job.execution)
        phases.begin(Phase.FIRST_BYTE)
        started_at = instant(record.started_at) or self.clock.now()
        async with self.store.for_user(job.place.owner_id) as session:
            await session.executions.transition(
                job.execution.id,
                from_states={ExecutionState.QUEUED},
                to=ExecutionState.RUNNING,
                generation=client.generation,
                started_at=started_at,
            )
            row = await session.attempts.transition(
                job.attempt.id,
                from_states=sources(ATTEMPT, AttemptEvent.STARTED),
                to=AttemptState.RUNNING,
                base_branch=base_branch,
                base_commit=base_commit,
                phases=phases.entries,
            )
            if row is None:  # cancelled while it started: what is there can still be reviewed or discarded
                await session.attempts.update(job.attempt.id, base_commit=base_commit)
        self.progress.changed(job.attempt)
        if row is None:
            await self.stop_execution(client, job.execution.id)
            self.progress.forget(job.attempt.id)

    async def _give_up(self, job: Job, client: AgentClient) -> None:
        """Cancelled before its program began: nothing of it stays."""
        await self._remove_worktree(job, client)
        self.progress.forget(job.attempt.id)

    async def _remove_worktree(self, job: Job, client: AgentClient) -> None:
        await client.call(
            "worktree.remove",
            path=job.attempt.worktree,
            branch=job.attempt.branch,
            delete_branch=True,
            force=True,
            timeout=STEP_SECONDS,
        )

    async def _wait_for_repository(self, place: Place, phases: PhaseLog) -> str:
        """The project's default branch, once its import has ended. Raises ProjectNotReady when it failed."""
        while True:
            seen = self.progress.bus.sequence
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                project = await session.projects.get(place.project_id)
            if project.state is ProjectState.READY:
                return project.default_branch
            if project.state is not ProjectState.CREATING:
                raise ProjectNotReady(state=project.state.value)
            phases.explain("waiting for the project's import")
            await self.progress.bus.wait_for(seen, (Topic.PROJECT, place.project_id))

    async def _execute(self, job: Job, client: AgentClient, author: UserRow) -> Execution:
        executor = self.executor(job.attempt.executor)
        command = executor.command(job.prompt)
        names = None if executor.every_credential else executor.credentials
        started = await client.call(
            "execution.start",
            id=str(job.execution.id),
            argv=list(command.argv),
            cwd=job.attempt.worktree,
            env={**git_identity(author.name, author.email), **executor.environment},
            secrets=await self.credentials.reveal(job.attempt.user_id, names),
            stdin=command.stdin,
            timeout=STEP_SECONDS,
        )
        return Execution.parse(started)

    async def _fail_start(self, job: Job, phases: PhaseLog, error: AnyonError) -> None:
        problem = problem_of(error)
        if isinstance(error, AgentProblem) and error.code == "command-missing":
            problem["hint"] = f"Install it in a terminal of the project: {self.executor(job.attempt.executor).install}"
        try:
            async with self.store.for_user(job.place.owner_id) as session:
                await session.executions.transition(
                    job.execution.id, from_states=LIVE_EXECUTION, to=ExecutionState.FAILED, finished_at=self.clock.now()
                )
                fields = {"problem": problem, "phases": phases.entries}
                await self.rows.settle(session, job.attempt.id, AttemptEvent.FAIL, **fields)
        except NotFound:  # its project was deleted meanwhile
            _log.info("an attempt went with its project", attempt_id=str(job.attempt.id))
        self.progress.forget(job.attempt.id)
        self.progress.changed(job.attempt, task=True)

    async def stop_execution(self, client: AgentClient | None, execution_id: UUID) -> None:
        if client is None:
            return
        grace = self.settings.stop_seconds
        try:
            await client.call("execution.stop", id=str(execution_id), grace=grace, timeout=grace + 10)
        except AgentProblem as problem:
            if problem.code != "not-found":
                raise
