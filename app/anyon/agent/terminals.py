"""The terminals of the workspace: opened, attached to by any number of viewers, closed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from anyon.agent import messages
from anyon.agent.arguments import Arguments
from anyon.agent.connection import Channel
from anyon.agent.hub import Hub
from anyon.agent.messages import Resize, Terminal
from anyon.agent.paths import open_folder
from anyon.agent.problems import Problem, not_found
from anyon.agent.processes import Processes
from anyon.agent.terminal import OpenTerminal, Size, start_shell

MAX_REMEMBERED = 1000  # closed terminals whose last state can still be asked for
CLOSE_SECONDS = 2.0  # between the hang-up and the kill


class Terminals:
    """`environment` is what every shell starts from."""

    def __init__(
        self,
        *,
        tasks: asyncio.TaskGroup,
        root: int,
        processes: Processes,
        hub: Hub,
        environment: Mapping[str, str],
        max_open: int,
    ) -> None:
        self._tasks = tasks
        self._root = root
        self._processes = processes
        self._hub = hub
        self._environment = environment
        self._max_open = max_open
        self._open: dict[str, OpenTerminal] = {}
        self._closed: dict[str, Terminal] = {}

    def all_open(self) -> list[Terminal]:
        return [terminal.snapshot() for terminal in self._open.values()]

    async def open(self, request: messages.TerminalOpen) -> dict[str, Any]:
        """Start a shell behind a PTY; the same id again gives the one that is there.

        Raises Problem `too-many-terminals`, `command-missing`, `path-escapes`, `not-found` (the folder).
        """
        known = self._find(request.id)
        if known is not None:
            return known.as_json()
        if len(self._open) >= self._max_open:
            raise Problem(
                "too-many-terminals",
                f"{len(self._open)} terminals are open; the limit is {self._max_open}.",
                "Close one.",
                limit=self._max_open,
            )
        folder = open_folder(self._root, request.cwd)
        try:
            terminal = start_shell(request, folder, self._environment, self._processes, self._hub)
        finally:
            os.close(folder)
        self._open[request.id] = terminal
        self._tasks.create_task(self._complete(terminal), name=f"terminal {request.id}")
        self._hub.touch()
        self._hub.terminal(terminal.snapshot())
        return terminal.snapshot().as_json()

    async def attach(self, request: messages.TerminalAttach, channel: Channel) -> dict[str, Any]:
        """Show a terminal on a channel until its shell ends. Raises Problem `not-found`."""
        terminal = self._open.get(request.id)
        if terminal is None:
            return self._get(request.id).as_json()
        if request.cols is not None and request.rows is not None:
            terminal.resize(Size(request.cols, request.rows))
        written = channel.consumed
        channel.listen(lambda data: terminal.write(data, written), lambda event: terminal.resize(_size_in(event)))
        await _show(terminal, request.offset, channel)
        await terminal.finished.wait()
        return self._get(request.id).as_json()

    async def close(self, request: messages.Identity) -> dict[str, Any]:
        """Hang up, then kill; gives the last state, also when it was closed before. Raises Problem `not-found`."""
        terminal = self._open.get(request.id)
        if terminal is not None:
            await terminal.hang_up(CLOSE_SECONDS)
            await terminal.finished.wait()
        return self._get(request.id).as_json()

    async def close_all(self, grace: float) -> None:
        async with asyncio.TaskGroup() as group:
            for terminal in self._open.values():
                group.create_task(terminal.hang_up(min(grace, CLOSE_SECONDS)))

    async def list(self, _: messages.Nothing) -> dict[str, Any]:
        return {"terminals": [terminal.as_json() for terminal in self.all_open()]}

    async def _complete(self, terminal: OpenTerminal) -> None:
        closed = await terminal.complete()
        del self._open[closed.id]
        self._closed[closed.id] = closed
        if len(self._closed) > MAX_REMEMBERED:
            del self._closed[next(iter(self._closed))]
        terminal.finished.set()
        self._hub.terminal(closed)

    def _find(self, identity: str) -> Terminal | None:
        terminal = self._open.get(identity)
        return terminal.snapshot() if terminal else self._closed.get(identity)

    def _get(self, identity: str) -> Terminal:
        terminal = self._find(identity)
        if terminal is None:
            raise not_found("terminal", identity)
        return terminal


async def _show(terminal: OpenTerminal, offset: int | None, channel: Channel) -> None:
    """Send what the ring has from the offset on, then what comes, until the output ends."""
    reset = offset is None or not terminal.ring.holds(offset)
    position = terminal.ring.safe_start() if offset is None or reset else offset
    channel.window.skip_to(position)
    with terminal.viewed_through(channel):
        size = terminal.size
        place = {"from": position, "reset": reset, "shown": max(position, terminal.shown)}
        await channel.event(event="attached", **place, cols=size.cols, rows=size.rows)
        # Everything from the very beginning gives the screen as it is; of a part, the program has to paint the rest.
        repaint_at = terminal.ring.end if reset and position > 0 else None
        while terminal.ring.end > position or not terminal.output_ended:
            if repaint_at is not None and position >= repaint_at:
                terminal.nudge()
                repaint_at = None
            if terminal.ring.end == position:
                await terminal.changed.wait()
                continue
            room = await channel.ready()
            if not terminal.ring.holds(position):
                fallen, position = position, terminal.ring.safe_start()
                repaint_at = terminal.ring.end
                channel.window.skip_to(position)
                await channel.event(**{"event": "gap", "from": fallen, "to": position, "reset": True})
            else:
                data = terminal.ring.read(position, room)
                channel.send(position, data)
                position += len(data)
                terminal.shown = max(terminal.shown, position)


def _size_in(event: dict[str, Any]) -> Size:
    resize = Resize.parse(Arguments(event))
    return Size(resize.cols, resize.rows)
