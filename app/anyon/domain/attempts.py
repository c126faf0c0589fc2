"""One try at a task, from its first moment to the commit of what it made (design: the way of a task).

The steps are idempotent by the attempt's and the execution's ids, so a control plane that was killed takes each attempt
up where it was: a start is repeated, a running execution is watched again, a finish is finished.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from anyon.clock import Clock
from anyon.domain.background import Background
from anyon.domain.credentials import Credentials
from anyon.domain.errors import CredentialMissing, ExecutionFailed, ExecutionLost, ExecutorUnknown, ProjectNotReady
from anyon.domain.events import EventBus, Topic
from anyon.domain.machines import ATTEMPT, TASK_AFTER, AttemptEvent, sources, target
from anyon.domain.names import branch, worktree
from anyon.domain.phases import Phase, PhaseLog
from anyon.domain.workspaces import Place, Workspaces, problem_of
from anyon.errors import AnyonError
from anyon.executors import Executor
from anyon.metrics import Metrics
from anyon.model import AttemptState, ExecutionKind, ExecutionState, ProjectState, Role
from anyon.settings import Settings
from anyon.store import AttemptRow, ExecutionRow, Store, TaskRow, UserSession
from anyon.store.attempts import AttemptChanges

_log = structlog.get_logger()

_LIVE_EXECUTION = frozenset({ExecutionState.QUEUED, ExecutionState.RUNNING})
_START_TIMEOUT = 120.0
"""Seconds for one step of a start; a worktree of a very large repository takes a while."""


@dataclass(frozen=True)
class Job:
    """What a start needs to know."""

    attempt: AttemptRow
    execution: ExecutionRow
    place: Place
    prompt: str


@dataclass
class Attempts:
    """Starts attempts and sees them through; `AttemptReview` does what people decide afterwards."""

    store: Store
    workspaces: Workspaces
    executors: Mapping[str, Executor]
    credentials: Credentials
    clock: Clock
    bus: EventBus
    metrics: Metrics
    background: Background
    settings: Settings
    last_lines: dict[UUID, str] = field(default_factory=dict)
    phases: dict[UUID, PhaseLog] = field(default_factory=dict)
    _attempt_of: dict[UUID, UUID] = field(default_factory=dict)
    _locks: defaultdict[UUID, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    # --- start --------------------------------------------------------------------------------------------------

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
        attempt = await session.attempts.create(task.id, executor=chosen.name)
        attempt = await session.attempts.update(
            attempt.id,
            branch=branch(attempt.id, task.title),
            worktree=worktree(attempt.id, task.title),
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

    def launch(self, job: Job) -> None:
        """Start the attempt in the background."""
        phases = PhaseLog(self.clock, self.metrics, lambda: self._changed(job.attempt))
        phases.begin(Phase.QUEUE)
        self.phases[job.attempt.id] = phases
        self._attempt_of[job.execution.id] = job.attempt.id
        self.background.start(f"attempt {job.attempt.id}", self._run(job, phases))

    async def _run(self, job: Job, phases: PhaseLog) -> None:
        async with self._locks[job.attempt.id]:
            try:
                await self._start(job, phases)
            except AnyonError as error:
                phases.end("failed", error.describe())
                await self._fail_start(job, phases, error)

    async def _start(self, job: Job, phases: PhaseLog) -> None:
        if await self._move(job.place, job.attempt.id, AttemptEvent.START) is None:
            current = await self._attempt(job.place, job.attempt.id)
            if current.state is not AttemptState.STARTING:
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
                timeout=_START_TIMEOUT,
            )
        with phases.phase(Phase.EXEC):
            record = await self._execute(job, client)
        phases.begin(Phase.FIRST_BYTE)
        started_at = _instant(record.get("started_at")) or self.clock.now()
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
                base_commit=str(added["base_commit"]),
                phases=phases.entries,
            )
        self._changed(job.attempt)
        if row is None:  # cancelled while it started
            await self._stop_execution(client, job.execution.id)

    async def _wait_for_repository(self, place: Place, phases: PhaseLog) -> str:
        """The project's default branch, once its import has ended. Raises ProjectNotReady when it failed."""
        while True:
            seen = self.bus.sequence
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                project = await session.projects.get(place.project_id)
            if project.state is ProjectState.READY:
                return project.default_branch
            if project.state is not ProjectState.CREATING:
                raise ProjectNotReady(state=project.state.value)
            phases.explain("waiting for the project's import")
            await self.bus.wait_for(seen, place.project_id)

    async def _execute(self, job: Job, client: AgentClient) -> dict[str, Any]:
        executor = self.executor(job.attempt.executor)
        command = executor.command(job.prompt)
        names = None if executor.every_credential else executor.credentials
        return await client.call(
            "execution.start",
            id=str(job.execution.id),
            argv=list(command.argv),
            cwd=job.attempt.worktree,
            env=dict(executor.environment),
            secrets=await self.credentials.reveal(job.attempt.user_id, names),
            stdin=command.stdin,
            timeout=_START_TIMEOUT,
        )

    async def _fail_start(self, job: Job, phases: PhaseLog, error: AnyonError) -> None:
        problem = problem_of(error)
        if isinstance(error, AgentProblem) and error.code == "command-missing":
            problem["hint"] = f"Install it in a terminal of the project: {self.executor(job.attempt.executor).install}"
        async with self.store.for_user(job.place.owner_id) as session:
            await session.executions.transition(
                job.execution.id, from_states=_LIVE_EXECUTION, to=ExecutionState.FAILED, finished_at=self.clock.now()
            )
            await self._settle(session, job.attempt.id, AttemptEvent.FAIL, problem=problem, phases=phases.entries)
        self._forget(job.attempt.id)
        self._changed(job.attempt, task=True)

    # --- what the workspaces report (WorkspaceListener) -----------------------------------------------------------

    async def on_snapshot(self, place: Place, snapshot: dict[str, Any], /) -> None:
        """After a reconnect: finish what ended meanwhile."""
        running = {str(record["id"]) for record in snapshot["executions"]}
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            live = await session.executions.live(place.project_id)
        for execution in live:
            if execution.state is ExecutionState.RUNNING and str(execution.id) not in running:
                self.background.start(f"finish {execution.id}", self._look_and_finish(place, execution))

    async def on_event(self, place: Place, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "execution":
            record = event["execution"]
            if record["state"] == "running":
                await self._first_byte(UUID(record["id"]), record)
            else:
                self.background.start(f"finish {record['id']}", self._finish_record(place, record))
        elif kind == "progress":
            await self._progress(place, UUID(event["subject"]), str(event["text"])[:500])

    async def on_gone(self, place: Place) -> None:
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            live = await session.executions.live(place.project_id)
        for execution in live:
            if execution.state is ExecutionState.RUNNING and execution.attempt_id is not None:
                async with self._locks[execution.attempt_id]:
                    await self._lose(place, execution)

    async def _first_byte(self, execution_id: UUID, record: dict[str, Any]) -> None:
        attempt_id = self._attempt_of.get(execution_id)
        phases = self.phases.get(attempt_id) if attempt_id else None
        first, started = record.get("first_byte_at"), record.get("started_at")
        if phases is not None and isinstance(first, (int, float)) and isinstance(started, (int, float)):
            phases.end(seconds=max(0.0, first - started))

    async def _progress(self, place: Place, execution_id: UUID, text: str) -> None:
        attempt_id = self._attempt_of.get(execution_id)
        if attempt_id is not None:
            self.last_lines[attempt_id] = text
            self.bus.publish(Topic.LINE, place.project_id, attempt_id, text=text)

    # --- end ------------------------------------------------------------------------------------------------------

    async def resume(self, place: Place, attempt: AttemptRow) -> None:
        """Take up an attempt that the control plane left when it was killed."""
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            execution = (await session.executions.list(attempt.id))[0]
            task = await session.tasks.get(attempt.task_id)
        self._attempt_of[execution.id] = attempt.id
        if attempt.state in (AttemptState.QUEUED, AttemptState.STARTING):
            self.launch(Job(attempt, execution, place, task.description))
        elif attempt.state is AttemptState.FINISHING or execution.state is not ExecutionState.RUNNING:
            self.background.start(f"finish {execution.id}", self._look_and_finish(place, execution))

    async def _look_and_finish(self, place: Place, execution: ExecutionRow) -> None:
        """Ask the agent what became of an execution whose end nobody saw."""
        try:
            client = await self.workspaces.ensure(place)
            record = await client.call("execution.get", id=str(execution.id))
        except AgentProblem as problem:
            if problem.code != "not-found":
                raise
            record = {"id": str(execution.id), "state": "lost"}
        if record["state"] != "running":
            await self._finish_record(place, record)

    async def _finish_record(self, place: Place, record: dict[str, Any]) -> None:
        execution_id = UUID(record["id"])
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            execution = await session.executions.get(execution_id)
        if execution.project_id != place.project_id or execution.attempt_id is None:
            return
        async with self._locks[execution.attempt_id]:
            if record["state"] == "lost":
                await self._lose(place, execution)
            else:
                await self._finish(place, execution, record)

    async def _finish(self, place: Place, execution: ExecutionRow, record: dict[str, Any]) -> None:
        """Commit what the program left and hand the attempt over for review."""
        assert execution.attempt_id is not None  # noqa: S101 - checked by the caller
        ended = _ended(execution, record, self.clock.now())
        async with self.store.for_user(place.owner_id) as session:
            await session.executions.transition(
                execution.id, from_states=_LIVE_EXECUTION, to=ExecutionState.EXITED, **ended
            )
            attempt = await session.attempts.transition(
                execution.attempt_id,
                from_states={*sources(ATTEMPT, AttemptEvent.ENDED), AttemptState.FINISHING},
                to=AttemptState.FINISHING,
            )
        if attempt is None:
            return
        self._changed(attempt)
        self._observe(execution, ended)
        try:
            made = await self._commit(place, attempt)
            event, problem = _outcome(record)
        except AnyonError as error:
            made, event, problem = AttemptChanges(), AttemptEvent.FAIL, problem_of(error)
        phases = self.phases.get(attempt.id)
        if phases is not None:
            phases.end()
            made["phases"] = phases.entries
        async with self.store.for_user(place.owner_id) as session:
            await self._settle(session, attempt.id, event, problem=problem, **made)
        self._forget(attempt.id)
        self._changed(attempt, task=True)

    async def _commit(self, place: Place, attempt: AttemptRow) -> AttemptChanges:
        client = await self.workspaces.ensure(place)
        async with self.store.for_user(attempt.user_id, read_only=True) as session:
            task = await session.tasks.get(attempt.task_id)
            author = await session.account.get()
        commit = await client.call(
            "worktree.commit",
            path=attempt.worktree,
            message=f"{task.title}\n\nTask {task.number}, attempt {attempt.number} by {attempt.executor}.",
            author={"name": author.name, "email": author.email},
            timeout=_START_TIMEOUT,
        )
        measured = await self.measure(client, attempt)
        measured["head_commit"] = str(commit["head"])
        return measured

    async def measure(self, client: AgentClient, attempt: AttemptRow) -> AttemptChanges:
        """`files`, `added`, `removed` of the attempt's diff."""
        summary = await client.call(
            "diff.summary", path=attempt.worktree, base=attempt.base_branch, timeout=_START_TIMEOUT
        )
        return AttemptChanges(files=len(summary["files"]), added=int(summary["added"]), removed=int(summary["removed"]))

    async def _lose(self, place: Place, execution: ExecutionRow) -> None:
        assert execution.attempt_id is not None  # noqa: S101 - checked by the caller
        problem = problem_of(ExecutionLost())
        async with self.store.for_user(place.owner_id) as session:
            await session.executions.transition(
                execution.id, from_states=_LIVE_EXECUTION, to=ExecutionState.LOST, finished_at=self.clock.now()
            )
            attempt = await self._settle(session, execution.attempt_id, AttemptEvent.FAIL, problem=problem)
        self._forget(execution.attempt_id)
        if attempt is not None:
            self._changed(attempt, task=True)

    async def _settle(
        self, session: UserSession, attempt_id: UUID, event: AttemptEvent, **fields: Any
    ) -> AttemptRow | None:
        """Move the attempt to its end and its task's card with it, if it is the task's newest."""
        to = target(ATTEMPT, event)
        attempt = await session.attempts.transition(
            attempt_id, from_states=sources(ATTEMPT, event), to=to, finished_at=self.clock.now(), **fields
        )
        if attempt is None:
            return None
        await self.move_card(session, attempt)
        await session.audit.append(
            f"attempt.{to.value}", attempt.id, project_id=attempt.project_id, detail={"task": str(attempt.task_id)}
        )
        return attempt

    async def move_card(self, session: UserSession, attempt: AttemptRow) -> None:
        """Put the task's card where its newest attempt says; an older attempt moves nothing."""
        task = await session.tasks.get(attempt.task_id)
        wanted = TASK_AFTER[attempt.state]
        if task.attempts == attempt.number and task.state is not wanted:
            await session.tasks.transition(task.id, from_states={task.state}, to=wanted)

    async def wait_until_started(self, place: Place, execution: ExecutionRow) -> ExecutionRow:
        """The execution once it is no longer queued."""
        while execution.state is ExecutionState.QUEUED:
            seen = self.bus.sequence
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                execution = await session.executions.get(execution.id)
            if execution.state is ExecutionState.QUEUED and execution.attempt_id is not None:
                await self.bus.wait_for(seen, execution.attempt_id)
        return execution

    async def cancel(self, place: Place, attempt: AttemptRow) -> None:
        """End the attempt's whole process tree; what it made is committed. Idempotent."""
        async with self.store.for_user(place.owner_id) as session:
            cancelled = await session.attempts.transition(
                attempt.id,
                from_states={AttemptState.QUEUED, AttemptState.STARTING},
                to=AttemptState.CANCELLED,
                finished_at=self.clock.now(),
            )
            executions = await session.executions.list(attempt.id)
            for execution in executions:
                if execution.state in _LIVE_EXECUTION:
                    await session.executions.update(execution.id, stopped=True)
            if cancelled is not None:
                await self.move_card(session, cancelled)
        self._changed(attempt, task=True)
        client = self.workspaces.connected(place.project_id)
        if client is None and cancelled is None and attempt.state is AttemptState.RUNNING:
            client = await self.workspaces.ensure(place)
        for execution in executions if client else ():
            if execution.state in _LIVE_EXECUTION:
                await self._stop_execution(client, execution.id)

    async def _stop_execution(self, client: AgentClient | None, execution_id: UUID) -> None:
        if client is None:
            return
        grace = self.settings.stop_seconds
        try:
            await client.call("execution.stop", id=str(execution_id), grace=grace, timeout=grace + 10)
        except AgentProblem as problem:
            if problem.code != "not-found":
                raise

    # --- small things ---------------------------------------------------------------------------------------------

    async def _attempt(self, place: Place, attempt_id: UUID) -> AttemptRow:
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            return await session.attempts.get(attempt_id)

    async def _move(self, place: Place, attempt_id: UUID, event: AttemptEvent) -> AttemptRow | None:
        async with self.store.for_user(place.owner_id) as session:
            return await session.attempts.transition(
                attempt_id, from_states=sources(ATTEMPT, event), to=target(ATTEMPT, event)
            )

    def _changed(self, attempt: AttemptRow, *, task: bool = False) -> None:
        self.bus.publish(Topic.ATTEMPT, attempt.project_id, attempt.id)
        if task:
            self.bus.publish(Topic.TASK, attempt.project_id, attempt.task_id)

    def _forget(self, attempt_id: UUID) -> None:
        """Drop what is only needed while an attempt lives."""
        self.last_lines.pop(attempt_id, None)
        self.phases.pop(attempt_id, None)
        for execution_id in [known for known, owner in self._attempt_of.items() if owner == attempt_id]:
            self._attempt_of.pop(execution_id)

    def _observe(self, execution: ExecutionRow, ended: Mapping[str, Any]) -> None:
        if execution.started_at is None:
            return
        seconds = max(0.0, (ended["finished_at"] - execution.started_at).total_seconds())
        outcome = "ok" if ended["exit_code"] == 0 else "failed"
        project = self.metrics.project_label(str(execution.project_id))
        self.metrics.histogram("anyon_execution_duration_seconds").labels(execution.executor, outcome).observe(seconds)
        self.metrics.histogram("anyon_container_exec_duration_seconds").labels(project, outcome).observe(seconds)


def _instant(unix_seconds: Any) -> datetime | None:
    """An agent's time, or None when it is none."""
    if isinstance(unix_seconds, (int, float)) and 0 < unix_seconds < 1e11:
        return datetime.fromtimestamp(unix_seconds, UTC)
    return None


def _ended(execution: ExecutionRow, record: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    exit_code, signal, log_bytes = record.get("exit_code"), record.get("signal"), record.get("log_bytes")
    return {
        "exit_code": exit_code if isinstance(exit_code, int) else None,
        "signal": signal if isinstance(signal, int) else None,
        "stopped": execution.stopped or record.get("stopped") is True,
        "log_bytes": log_bytes if isinstance(log_bytes, int) and log_bytes >= 0 else 0,
        "finished_at": _instant(record.get("finished_at")) or now,
    }


def _outcome(record: Mapping[str, Any]) -> tuple[AttemptEvent, dict[str, Any] | None]:
    if record.get("stopped") is True:
        return AttemptEvent.CANCEL, None
    if record.get("exit_code") == 0:
        return AttemptEvent.COMMITTED, None
    signal = record.get("signal")
    ending = f"signal {signal}" if signal is not None else f"exit status {record.get('exit_code')}"
    failed = ExecutionFailed(ending=ending, exit_code=record.get("exit_code"), signal=signal)
    return AttemptEvent.FAIL, problem_of(failed)
