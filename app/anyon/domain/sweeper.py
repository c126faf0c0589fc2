"""Stops workspaces that nothing keeps awake, and says for each why it runs and until when (R5, R8, X3-X5, F1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog

from anyon.agent.answers import Status
from anyon.agent.errors import AgentError, AgentProtocolViolation
from anyon.clock import Clock, ClockJumps
from anyon.domain.idleness import Lease, LeaseKind, Verdict, judge
from anyon.domain.terminals import Terminals
from anyon.domain.workspaces import Place, Workspaces, instant
from anyon.errors import AnyonError
from anyon.metrics import Metrics
from anyon.model import WorkspaceState
from anyon.settings import Settings
from anyon.store import Store, TerminalRow, WorkspaceRow

_log = structlog.get_logger()

Subject = TypeVar("Subject", Place, WorkspaceRow)

_PARALLEL_STOPS = 8
_STATUS_SECONDS = 5.0
_EXAMINE_SECONDS = 60.0  # for one workspace, beyond the grace of a stop
_SWEPT = frozenset({WorkspaceState.RUNNING, WorkspaceState.FAILED, WorkspaceState.STOPPING})
"""A stop that was cut short is tried again."""
_NOTHING = Status()


@dataclass(frozen=True)
class IdleReport:
    """`state` is the workspace's; the verdict is None while it does not run."""

    state: WorkspaceState
    last_activity_at: datetime | None
    verdict: Verdict | None


@dataclass
class Sweeper:
    store: Store
    workspaces: Workspaces
    clock: Clock
    metrics: Metrics
    settings: Settings
    terminals: Terminals

    def __post_init__(self) -> None:
        self._jumps = ClockJumps(self.clock)

    async def run(self) -> None:
        """Sweep for ever, every `sweep_seconds`."""
        while True:
            await asyncio.sleep(self.settings.sweep_seconds)
            try:
                await self.sweep()
            except AnyonError as error:
                _log.warning("sweep failed", reason=error.describe())

    async def plan(self) -> list[tuple[WorkspaceRow, Verdict]]:
        """What a sweep would find, by what the database knows: its dry run."""
        async with self.store.for_system(read_only=True) as session:
            rows = await session.workspaces()
            live = await session.live_executions()
        executions: dict[UUID, list[Lease]] = {}
        for execution in live:
            lease = Lease(LeaseKind.EXECUTION, str(execution.id), execution.executor, None)
            executions.setdefault(execution.project_id, []).append(lease)
        now = self.clock.now()
        return [(row, self._judge(now, row, executions.get(row.project_id, []))) for row in rows if row.state in _SWEPT]

    async def sweep(self) -> list[UUID]:
        """Close the terminals that nobody uses, stop what is idle; the projects whose workspaces stopped."""
        await self._expire_terminals()
        with self.metrics.histogram("anyon_sweep_seconds").time():
            plan = await self.plan()
            await self._leave_the_future([row for row, _ in plan])
            candidates = [row for row, verdict in plan if verdict.stop]
        stopped = await self._each(candidates, self._stop_if_idle, "stop")
        return [row.project_id for row, done in zip(candidates, stopped, strict=True) if done]

    async def _leave_the_future(self, rows: Iterable[WorkspaceRow]) -> None:
        """What the clock was set back behind was used just now: it is idle once it is quiet from here on."""
        now = self.clock.now()
        for row in rows:
            if row.last_activity_at is not None and row.last_activity_at > now:
                async with self.store.for_user(row.user_id) as session:
                    await session.workspaces.update(row.project_id, last_activity_at=now)

    async def _each(
        self, subjects: Iterable[Subject], work: Callable[[Subject], Awaitable[bool]], step: str
    ) -> list[bool]:
        """What `work` gives for each, a few at a time; one that fails or takes too long holds up no other."""
        slots = asyncio.Semaphore(_PARALLEL_STOPS)

        async def guarded(subject: Subject) -> bool:
            async with slots:
                try:
                    async with asyncio.timeout(self.settings.stop_seconds + _EXAMINE_SECONDS):
                        return await work(subject)
                except AnyonError as error:
                    _log.warning("sweep failed", step=step, project_id=str(subject.project_id), reason=error.describe())
                except TimeoutError:
                    _log.warning("sweep took too long", step=step, project_id=str(subject.project_id))
                return False

        return await asyncio.gather(*map(guarded, subjects))

    async def _expire_terminals(self) -> None:
        """A terminal without a byte in either direction for `terminal_idle_seconds` is closed (A20)."""
        latest = self.clock.now() - timedelta(seconds=self.settings.terminal_idle_seconds)
        async with self.store.for_system(read_only=True) as session:
            old = [row for row in await session.open_terminals() if row.created_at <= latest]
            owners = {row.project_id: await session.owner_of(row.project_id) for row in old}

        async def expire(place: Place) -> bool:
            used = _last_used(await self._status(place.project_id) or _NOTHING, self.clock.now())
            for row in old:
                if row.project_id == place.project_id and used.get(str(row.id), self.clock.now()) <= latest:
                    await self._expire(place, row)
            return True

        await self._each([Place(*owner) for owner in owners.items()], expire, "closing terminals")

    async def _expire(self, place: Place, row: TerminalRow) -> None:
        await self.terminals.close(place, row)
        async with self.store.for_system() as system:
            await system.append_audit(
                "terminal.expired",
                row.id,
                project_id=place.project_id,
                detail={"unused_seconds": self.settings.terminal_idle_seconds},
            )

    async def _stop_if_idle(self, row: WorkspaceRow) -> bool:
        """Ask the agent before stopping: only it has seen every byte. New work waits for the lock, then starts anew."""
        place = Place(row.project_id, row.user_id)
        if self.workspaces.lock(row.project_id).locked():
            return False  # somebody starts or stops it just now
        async with self.workspaces.lock(row.project_id):
            status = await self._status(row.project_id)
            with self.workspaces.withheld(row.project_id):
                reason = await self._stop_locked_if_idle(place, status)
        if reason is None:
            return False
        async with self.store.for_system() as system:
            await system.append_audit(
                "workspace.stopped", row.project_id, project_id=row.project_id, detail={"reason": reason}
            )
        return True

    async def _stop_locked_if_idle(self, place: Place, status: Status | None) -> str | None:
        """The reason why it was stopped. Work whose rows are there by now is seen; what comes later waits."""
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            row = await session.workspaces.get(place.project_id)
            queued = await session.executions.live(place.project_id)
        if row.state not in _SWEPT or queued:
            return None
        if status is None and row.state is WorkspaceState.RUNNING:
            return None  # only the agent knows when its terminals were used last: ask again at the next sweep
        now = self.clock.now()
        activity = self._activity(row, status or _NOTHING, now)
        verdict = judge(now, activity, _leases(row, status or _NOTHING, now), self.settings.idle_seconds)
        if not verdict.stop:
            async with self.store.for_user(place.owner_id) as session:
                await session.workspaces.update(place.project_id, last_activity_at=activity)
            return None
        minutes = int(verdict.quiet_seconds // 60)
        _log.info("Stopping idle container", project_id=str(place.project_id), idle_minutes=minutes)
        reason = f"idle for {minutes} min"
        await self.workspaces.stop_locked(place, reason)
        return reason

    async def report(self, row: WorkspaceRow) -> IdleReport:
        """What keeps a workspace awake, and when it stops."""
        if row.state is not WorkspaceState.RUNNING:
            return IdleReport(row.state, row.last_activity_at, None)
        status = await self._status(row.project_id) or _NOTHING
        now = self.clock.now()
        activity = self._activity(row, status, now)
        verdict = judge(now, activity, _leases(row, status, now), self.settings.idle_seconds)
        return IdleReport(row.state, activity, self._with_terminals(verdict, status, now))

    def _with_terminals(self, verdict: Verdict, status: Status, now: datetime) -> Verdict:
        """The same verdict, naming also the terminals whose last byte is the reason for it."""
        limit = timedelta(seconds=self.settings.idle_seconds)
        used = tuple(
            Lease(LeaseKind.TERMINAL, terminal, "terminal in use", last + limit)
            for terminal, last in _last_used(status, now).items()
        )
        return replace(verdict, kept_awake_by=(*verdict.kept_awake_by, *(lease for lease in used if lease.live(now))))

    async def _status(self, project_id: UUID) -> Status | None:
        """The agent's own account; None when it does not answer. One that makes no sense keeps nothing awake."""
        client = self.workspaces.connected(project_id)
        if client is None:
            return None
        try:
            return Status.parse(await client.call("status", timeout=_STATUS_SECONDS))
        except AgentProtocolViolation:
            return _NOTHING
        except AgentError:
            return None

    def _judge(self, now: datetime, row: WorkspaceRow, executions: list[Lease]) -> Verdict:
        leases = [*executions, *_leases(row, _NOTHING, now)]
        return judge(now, self._activity(row, _NOTHING, now), leases, self.settings.idle_seconds)

    def _activity(self, row: WorkspaceRow, status: Status, now: datetime) -> datetime:
        """The last use that is known. A jump of the clock counts as one: nobody knows how long ago the one before was.

        What an agent says of the future was before the clock was set back.
        """
        known = row.last_activity_at or row.started_at or row.created_at
        later = [self._jumps.latest(), _recent(status.last_activity, now)]
        return min(now, max([known, *(instant for instant in later if instant is not None and instant <= now)]))


def _leases(row: WorkspaceRow, status: Status, now: datetime) -> list[Lease]:
    leases = [Lease(LeaseKind.EXECUTION, record.id, "running execution", None) for record in status.executions]
    if row.pinned_until is not None:
        leases.append(Lease(LeaseKind.PIN, str(row.project_id), "pinned", row.pinned_until))
    heartbeat = _recent(status.heartbeat_until, now)
    if heartbeat is not None:
        leases.append(Lease(LeaseKind.HEARTBEAT, str(row.project_id), "asked from inside", heartbeat))
    return leases


def _last_used(status: Status, now: datetime) -> dict[str, datetime]:
    """When each open terminal last saw a byte, by its id; one from before the clock was set back is not known."""
    found = {}
    for record in status.terminals:
        last = _recent(record.last_activity, now)
        if record.open and last is not None and last <= now:
            found[record.id] = last
    return found


def _recent(value: float | None, now: datetime) -> datetime | None:
    """An agent's instant; what lies more than a year ahead is not believed."""
    found = instant(value)
    return None if found is None else min(found, now + timedelta(days=366))
