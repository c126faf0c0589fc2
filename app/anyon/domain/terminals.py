"""Terminals: shells that live in the workspace's agent and outlive the browser and the control plane (A13, A22)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from anyon.agent.answers import Change, Status, Terminal, open_terminals, uuid_of
from anyon.agent.client import AgentStream
from anyon.agent.errors import AgentProblem
from anyon.clock import Clock
from anyon.domain.attempt_rows import check_worktree
from anyon.domain.events import EventBus, Topic
from anyon.domain.names import git_identity
from anyon.domain.workspaces import Place, Workspaces
from anyon.ids import new_id
from anyon.model import TerminalState
from anyon.store import AttemptRow, Store, TerminalRow

_CALL_SECONDS = 10.0


@dataclass
class Terminals:
    store: Store
    workspaces: Workspaces
    clock: Clock
    bus: EventBus

    async def open(self, user_id: UUID, place: Place, attempt: AttemptRow | None, cols: int, rows: int) -> TerminalRow:
        """A new login shell, in the attempt's worktree if one is given.

        Raises as `check_worktree`, the agent's `too-many-terminals`, and what `ensure` raises.
        """
        if attempt is not None:
            check_worktree(attempt)
        async with self.store.for_user(user_id, read_only=True) as session:
            user = await session.account.get()
        client = await self.workspaces.ensure(place)
        terminal_id = new_id()
        await client.call(
            "terminal.open",
            id=str(terminal_id),
            argv=None,
            cwd=attempt.worktree if attempt else ".",
            cols=cols,
            rows=rows,
            env=git_identity(user.name, user.email),
        )
        # The row comes second: whoever compares rows with what the agent has may then trust the agent.
        async with self.store.for_user(user_id) as session:
            row = await session.terminals.create(
                terminal_id=terminal_id,
                project_id=place.project_id,
                title=f"attempt {attempt.number}" if attempt else "shell",
                attempt_id=attempt.id if attempt else None,
            )
            await session.audit.append("terminal.opened", row.id, project_id=place.project_id)
        self.bus.publish(Topic.TERMINAL, place.project_id, row.id)
        return row

    async def attach(
        self, place: Place, terminal: TerminalRow, start: int | None, cols: int | None, rows: int | None
    ) -> AgentStream:
        """The stream of an open terminal from byte `start`; None repaints. It begins inside `async with`.

        Without `cols` and `rows` the terminal keeps its size: who only looks changes nothing.
        """
        client = await self.workspaces.ensure(place)
        return client.stream("terminal.attach", id=str(terminal.id), **{"from": start}, cols=cols, rows=rows)

    async def close(self, place: Place, terminal: TerminalRow, by: UUID | None = None) -> None:
        """End the shell, in somebody's name or in the product's own. Idempotent."""
        client = self.workspaces.connected(place.project_id)
        if client is not None:
            try:
                await client.call("terminal.close", id=str(terminal.id), timeout=_CALL_SECONDS)
            except AgentProblem as problem:
                if problem.code != "not-found":
                    raise
        await self._settle(place, terminal.id, exit_code=None)
        if by is not None and terminal.state is TerminalState.OPEN:
            async with self.store.for_user(by) as session:
                await session.audit.append("terminal.closed", terminal.id, project_id=place.project_id)

    # --- what the workspaces report (WorkspaceListener) -----------------------------------------------------------

    async def on_snapshot(self, place: Place, _snapshot: Status, /) -> None:
        """After a reconnect: close what ended meanwhile."""
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            known = await session.terminals.open(place.project_id)
        client = self.workspaces.connected(place.project_id)
        if not known or client is None:
            return
        listed = open_terminals(await client.call("terminal.list", timeout=_CALL_SECONDS))
        alive = {record.id for record in listed if record.open}
        await self._settle_all(place, [row for row in known if str(row.id) not in alive])

    async def on_event(self, place: Place, event: Change) -> None:
        if isinstance(event, Terminal) and not event.open and (terminal_id := uuid_of(event.id)) is not None:
            async with self.store.for_user(place.owner_id, read_only=True) as session:
                terminal = await session.terminals.get(terminal_id)
            if terminal.project_id == place.project_id:  # the id comes from a workspace, which may name any
                await self._settle(place, terminal.id, event.exit_code)

    async def on_gone(self, place: Place) -> None:
        async with self.store.for_user(place.owner_id, read_only=True) as session:
            known = await session.terminals.open(place.project_id)
        await self._settle_all(place, known)

    async def _settle_all(self, place: Place, terminals: list[TerminalRow]) -> None:
        for terminal in terminals:
            await self._settle(place, terminal.id, exit_code=None)

    async def _settle(self, place: Place, terminal_id: UUID, exit_code: int | None) -> None:
        async with self.store.for_user(place.owner_id) as session:
            closed = await session.terminals.transition(
                terminal_id,
                from_states={TerminalState.OPEN},
                to=TerminalState.CLOSED,
                exit_code=exit_code,
                closed_at=self.clock.now(),
            )
        if closed is not None:
            self.bus.publish(Topic.TERMINAL, place.project_id, terminal_id)
