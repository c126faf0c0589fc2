"""The processes that the agent started, and the strangers that it inherits.

Each leads its own session. It is watched by a pidfd, which does not reap, so that its number cannot be used again
before its whole tree has been killed; it is reaped last.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from anyon.agent import tree
from anyon.agent.spawning import Streams, spawn

_KILL_ROUNDS = 20  # a tree that still grows after so many sweeps is left to the stop of the workspace
_UNCLEAR_ROUNDS = 5  # for orphans without an environment: an exec is over by then, a daemon without one is not meant
_ROUND_SECONDS = 0.01


class ExitStatus(NamedTuple):
    """How a process ended: exactly one is set."""

    exit_code: int | None
    signal: int | None


class Process:
    """A started program; made by `Processes.start`."""

    def __init__(self, pid: int, marker: str, owner: Processes) -> None:
        self.pid = pid
        self.exited = asyncio.Event()  # it ended; it is not reaped yet
        self.status: ExitStatus | None = None
        self._marker = marker
        self._owner = owner
        self._watch()

    def signal_group(self, number: int) -> None:
        """Signal every process of its group; nothing happens when none is left or it was reaped."""
        if self.status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def stop(self, grace: float) -> ExitStatus:
        """TERM, up to `grace` seconds, KILL for the group and for what left it; reaped at the end."""
        # Seen while their parents live: what leaves its session and cleans its environment has no other trace.
        below = tree.descendants_of(self.pid)
        self.signal_group(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.exited.wait()
        return await self._end_tree(below)

    async def finish(self) -> ExitStatus:
        """Wait until it ends by itself, then kill what it left behind and reap it."""
        await self.exited.wait()
        return await self._end_tree(set())

    async def _end_tree(self, below: set[tree.Member]) -> ExitStatus:
        """Kill all that is left of the tree, then reap the leader; the same answer for each caller."""
        below |= tree.descendants_of(self.pid)
        self.signal_group(signal.SIGKILL)  # always: the leader may be gone while its children are not
        for number in range(_KILL_ROUNDS):
            self._owner.reap_strangers()
            strays = tree.strays_of(self._marker, self._owner.owned)
            below |= strays.found
            running = [member for member in below if tree.is_running(member)]
            looked_enough = not strays.unclear or number >= _UNCLEAR_ROUNDS
            if not running and looked_enough and self.exited.is_set():
                break
            for member in running:
                tree.kill(member)
            await asyncio.sleep(_ROUND_SECONDS)
        await self.exited.wait()
        status = self._reap()
        self._owner.reap_strangers()
        return status

    def _reap(self) -> ExitStatus:
        if self.status is None:
            self.status = _wait(self.pid)
            self._owner.forget(self.pid)
        return self.status

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:  # a kernel before 5.3, or a sandbox that forbids the call
            threading.Thread(target=self._watch_in_thread, args=(loop,), daemon=True).start()
            return

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self.exited.set()

        loop.add_reader(descriptor, ended)

    def _watch_in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(RuntimeError):  # the loop closed meanwhile
            loop.call_soon_threadsafe(self.exited.set)


def _wait(pid: int) -> ExitStatus:
    _, raw = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(raw)
    return ExitStatus(code, None) if code >= 0 else ExitStatus(None, -code)


class Processes:
    """All processes that this agent started and has not reaped."""

    def __init__(self) -> None:
        self.owned: set[int] = set()

    def start(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: int, streams: Streams, marker: str
    ) -> Process:
        """Start a program; `marker` is a `NAME=value` of its environment that nothing else carries.

        Raises Problem `command-missing`, `command-failed`.
        """
        name, _, value = marker.partition("=")
        pid = spawn(argv, {**environment, name: value}, folder, streams)
        self.owned.add(pid)
        return Process(pid, marker, self)

    def forget(self, pid: int) -> None:
        self.owned.discard(pid)

    def reap_strangers(self) -> None:
        """Collect zombies that nobody here started: orphans come to PID 1 and to a subreaper.

        One look with WNOWAIT tells when there is nothing to do. It shows one zombie only, so when that is one of ours,
        which its owner will reap, the list of children is walked.
        """
        with suppress(ChildProcessError):
            while (peek := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if peek.si_pid in self.owned:
                    for child in tree.children_of(os.getpid()):
                        if child not in self.owned:
                            os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG)
                    return
                os.waitid(os.P_PID, peek.si_pid, os.WEXITED | os.WNOHANG)
