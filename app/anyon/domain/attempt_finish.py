"""The way of an attempt from the end of its program to the review: commit, measure, settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from anyon.agent.answers import Change, Committed, Diff, Execution, Progress, Status, uuid_of
from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from anyon.clock import Clock
from anyon.domain.attempt_progress import AttemptProgress
from anyon.domain.attempt_rows import AttemptRows
from anyon.domain.attempt_start import LIVE_EXECUTION, STEP_SECONDS
from anyon.domain.background import Background, persistently
from anyon.domain.errors import ExecutionFailed, ExecutionLost, NestedRepository, named
from anyon.domain.machines import ATTEMPT, AttemptEvent, sources
from anyon.domain.workspaces import Place, Workspaces, instant, problem_of
from anyon.errors import AnyonError
from anyon.metrics import Metrics
from anyon.model import AttemptState, ExecutionState
from anyon.store import AttemptRow, ExecutionRow, Store
from anyon.store.attempts import AttemptChanges
from anyon.store.errors import OUTAGES


@dataclass
class AttemptFinisher:
    """Hears from the agents (`WorkspaceListener`) when executions end.

    Agents may say so of anything, as often as they like: all that it starts is, for each execution of their project
    whose end is awaited, one job at a time that settles it and one that asks. An end does not wait for the latter,
    which gives the execution up when it gets no answer.
    """

    store: Store
    rows: AttemptRows
    progress: AttemptProgress
    workspaces: Workspaces
    clock: Clock
    metrics: Metrics
    background: Background

    async def on_snapshot(self, place: Place, snapshot: Status, /) -> None:
        """After a reconnect: finish what ended meanwhile."""
        running = {record.id for record in snapshot.executions}
        for execution in await self._running(place):
            if str(execution.id) not in running:
                self.finish_later(place, execution)

    async def on_event(self, place: Place, event: Change) -> None:
        if isinstance(event, Progress):
            if (subject := uuid_of(event.subject)) is not None:
                self.progress.line(place.project_id, subject, event.text)
        elif isinstance(event, Execution) and (execution_id := uuid_of(event.id)) is not None:
            if event.state == "running":
                self.progress.first_byte(place.project_id, execution_id, event)
            elif await self._is_awaited(place, execution_id):
                self.background.persist_one(
                    f"finish {execution_id}", lambda: self._finish_record(place, execution_id, event)
                )

    async def on_gone(self, place: Place) -> None:
        for execution in await self._running(place):
            if execution.attempt_id is not None:
                async with self.progress.lock(execution.attempt_id):
                    await self._lose(place, execution, problem_of(ExecutionLost()))

    def finish_later(self, place: Place, execution: ExecutionRow) -> None:
        """`look_and_finish` in the background, until it is done."""
        self.background.persist_one(f"look for {execution.id}", lambda: self.look_and_finish(place, execution))

    async def _is_awaited(self, place: Place, execution_id: UUID) -> bool:
        """Whether the end of an execution is news.

        Of what another life of the service started, only rows tell, until it is resumed. A queued one is left to that:
        who resumes it looks whether it ran.
        """
        if self.progress.follows(place.project_id, execution_id):
            return True
        return execution_id in {execution.id for execution in await self._running(place)}

    async def _running(self, place: Place) -> list[ExecutionRow]:
        """The project's executions that run as far as rows tell, once the database can be asked."""

        async def ask() -> list[ExecutionRow]:
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                return await session.executions.live(place.project_id)

        live = await persistently(f"executions of {place.project_id}", ask)
        return [execution for execution in live if execution.state is ExecutionState.RUNNING]

    async def look_and_finish(self, place: Place, execution: ExecutionRow) -> None:
        """Ask the agent what became of an execution whose end nobody saw."""
        try:
            client = await self.workspaces.ensure(place)
            record = Execution.parse(await client.call("execution.get", id=str(execution.id)))
        except AgentProblem as problem:
            if problem.code != "not-found":
                raise
            record = Execution(str(execution.id), "lost")
        except OUTAGES:
            raise
        except AnyonError as error:
            await self._give_up(place, execution, error)
            return
        if record.state != "running":
            await self._finish_record(place, execution.id, record)

    async def _give_up(self, place: Place, execution: ExecutionRow, error: AnyonError) -> None:
        """The workspace cannot be asked: what the program left is still in its worktree."""
        if execution.attempt_id is not None:
            async with self.progress.lock(execution.attempt_id):
                await self._lose(place, execution, problem_of(error))

    async def _finish_record(self, place: Place, execution_id: UUID, record: Execution) -> None:
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            execution = await session.executions.get(execution_id)
        if execution.project_id != place.project_id or execution.attempt_id is None:
            return
        self.progress.ended(place.project_id, execution.attempt_id)
        async with self.progress.lock(execution.attempt_id):
            if record.state == "lost":
                await self._lose(place, execution, problem_of(ExecutionLost()))
            else:
                await self._finish(place, execution, record)

    async def _finish(self, place: Place, execution: ExecutionRow, record: Execution) -> None:
        """Commit what the program left and hand the attempt over for review."""
        attempt_id = execution.attempt_id
        assert attempt_id is not None  # noqa: S101 - checked by the caller
        async with self.store.for_user(place.owner_id) as session:
            # Read again: a short program ends before the row says that it began.
            execution = await session.executions.get(execution.id)
            ended = _ended(execution, record, self.clock.now())
            await session.executions.transition(
                execution.id, from_states=LIVE_EXECUTION, to=ExecutionState.EXITED, **ended
            )
            attempt = await session.attempts.transition(
                attempt_id,
                from_states={*sources(ATTEMPT, AttemptEvent.ENDED), AttemptState.FINISHING},
                to=AttemptState.FINISHING,
            )
        if attempt is None:
            return
        self.progress.changed(attempt)
        self._observe(execution, ended)
        try:
            made, nested = await self._commit(place, attempt)
            event, problem = _outcome(record)
            problem = problem or nested
        except OUTAGES:
            raise
        except AnyonError as error:
            made, event, problem = AttemptChanges(), AttemptEvent.FAIL, problem_of(error)
        phases = self.progress.phases.get(attempt.id)
        if phases is not None:
            phases.end()
            made["phases"] = phases.entries
        async with self.store.for_user(place.owner_id) as session:
            await self.rows.settle(session, attempt.id, event, problem=problem, **made)
        self.progress.forget(attempt.id)
        self.progress.changed(attempt, task=True)

    async def _commit(self, place: Place, attempt: AttemptRow) -> tuple[AttemptChanges, dict[str, Any] | None]:
        """What the attempt changed, and the problem that a part of it is in no commit."""
        client = await self.workspaces.ensure(place)
        async with self.store.for_user(attempt.user_id, read_only=True) as session:
            task = await session.tasks.get(attempt.task_id)
            author = await session.account.get()
        answer = await client.call(
            "worktree.commit",
            path=attempt.worktree,
            branch=attempt.branch,
            base_commit=attempt.base_commit,
            message=f"{task.title}\n\nTask {task.number}, attempt {attempt.number} by {attempt.executor}.",
            author={"name": author.name, "email": author.email},
            timeout=STEP_SECONDS,
        )
        committed = Committed.parse(answer)
        nested = problem_of(NestedRepository(**named(committed.nested))) if committed.nested else None
        return await self.measure(client, attempt, committed.head), nested

    async def measure(self, client: AgentClient, attempt: AttemptRow, head: str) -> AttemptChanges:
        """What the attempt's branch changed up to its newest commit `head`."""
        changes, _ = await self._compare(client, attempt.base_branch, head)
        return changes

    async def measure_anew(self, client: AgentClient, attempt: AttemptRow, head: str) -> AttemptChanges:
        """The same with a new base: what the branch took in of its base meanwhile is nothing that it changed.

        A branch whose base has all of it already, as after a merge by hand, is measured from where it began.
        """
        changes, base = await self._compare(client, attempt.base_branch, head)
        if not changes["files"]:
            changes, base = await self._compare(client, attempt.base_commit, head)
        return {**changes, "base_commit": base}

    async def _compare(self, client: AgentClient, base: str | None, head: str) -> tuple[AttemptChanges, str]:
        """What lies between two states, and the commit of the first."""
        sides = {"path": ".", "base": base, "head": head}
        summary = Diff.parse(await client.call("diff.summary", **sides, timeout=STEP_SECONDS))
        count = len(summary.files)
        return AttemptChanges(files=count, added=summary.added, removed=summary.removed, head_commit=head), summary.base

    async def _lose(self, place: Place, execution: ExecutionRow, problem: dict[str, Any]) -> None:
        assert execution.attempt_id is not None  # noqa: S101 - checked by the callers
        async with self.store.for_user(place.owner_id) as session:
            await session.executions.transition(
                execution.id, from_states=LIVE_EXECUTION, to=ExecutionState.LOST, finished_at=self.clock.now()
            )
            attempt = await self.rows.settle(session, execution.attempt_id, AttemptEvent.FAIL, problem=problem)
        self.progress.forget(execution.attempt_id)
        self.progress.ended(place.project_id, execution.attempt_id)
        if attempt is not None:
            self.progress.changed(attempt, task=True)

    def _observe(self, execution: ExecutionRow, ended: Mapping[str, Any]) -> None:
        if execution.started_at is None:
            return
        seconds = max(0.0, (ended["finished_at"] - execution.started_at).total_seconds())
        outcome = "ok" if ended["exit_code"] == 0 else "failed"
        project = self.metrics.project_label(str(execution.project_id))
        self.metrics.histogram("anyon_execution_duration_seconds").labels(execution.executor, outcome).observe(seconds)
        self.metrics.histogram("anyon_container_exec_duration_seconds").labels(project, outcome).observe(seconds)


def _ended(execution: ExecutionRow, record: Execution, now: datetime) -> dict[str, Any]:
    return {
        "exit_code": record.exit_code,
        "signal": record.signal,
        "stopped": execution.stopped or record.stopped,
        "log_bytes": record.log_bytes,
        "finished_at": instant(record.finished_at) or now,
    }


def _outcome(record: Execution) -> tuple[AttemptEvent, dict[str, Any] | None]:
    if record.stopped:
        return AttemptEvent.CANCEL, None
    if record.exit_code == 0:
        return AttemptEvent.COMMITTED, None
    ending = f"signal {record.signal}" if record.signal is not None else f"exit status {record.exit_code}"
    failed = ExecutionFailed(ending=ending, exit_code=record.exit_code, signal=record.signal)
    return AttemptEvent.FAIL, problem_of(failed)
