"""Operations about the agent itself: status, watch, heartbeat, shutdown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anyon.agent import messages, protocol
from anyon.agent.connection import Channel
from anyon.agent.executions import Executions
from anyon.agent.hub import Hub
from anyon.agent.terminals import Terminals

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class System:
    """`stop` makes the agent end, with so many seconds for every process."""

    def __init__(
        self, generation: str, hub: Hub, executions: Executions, terminals: Terminals, stop: Callable[[float], None]
    ) -> None:
        self._generation = generation
        self._hub = hub
        self._executions = executions
        self._terminals = terminals
        self._stop = stop

    async def status(self, _: messages.Nothing) -> dict[str, Any]:
        """What runs, and what keeps the workspace awake."""
        return {
            "generation": self._generation,
            "started_at": self._hub.started_at,
            "protocol": protocol.VERSION,
            "executions": [execution.as_json() for execution in self._executions.running()],
            "terminals": [terminal.as_json() for terminal in self._terminals.all_open()],
            "last_activity": self._hub.last_activity,
            "memory_bytes": _resident_bytes(),
            "heartbeat_until": self._hub.heartbeat_until,
        }

    async def watch(self, request: messages.Nothing, channel: Channel) -> dict[str, Any]:
        """A snapshot, then every change, until the peer closes the channel."""
        watcher = self._hub.watch()
        try:
            await channel.event(event="snapshot", **await self.status(request))
            while True:
                if watcher.overflowed:
                    watcher.overflowed = False
                    await channel.event(event="snapshot", **await self.status(request))
                event = watcher.take()
                if event is None:
                    await watcher.pulse.wait()
                else:
                    await channel.event(**event)
        finally:
            self._hub.leave(watcher)

    async def heartbeat(self, request: messages.Heartbeat) -> dict[str, Any]:
        return {"heartbeat_until": self._hub.beat(request.seconds)}

    async def shutdown(self, request: messages.Shutdown) -> dict[str, Any]:
        """Begin to end; the answer goes out before the connection closes."""
        self._stop(request.grace)
        return {"stopping": True}


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
