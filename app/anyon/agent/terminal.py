"""One shell behind a PTY, its ring of output and its flow control."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol

from anyon.agent import messages
from anyon.agent.hub import Hub
from anyon.agent.messages import Terminal
from anyon.agent.processes import Process, Processes
from anyon.agent.protocol import WINDOW_BYTES
from anyon.agent.pulse import Pulse
from anyon.agent.ring import Ring
from anyon.agent.spawning import Streams
from anyon.agent.windows import SendWindow

MARKER = "ANYON_TERMINAL"
_READ_BYTES = 65_536
# The fastest viewer may be this far behind before reading stops: one more read still fits into the ring.
_LAG_BYTES = WINDOW_BYTES - _READ_BYTES
# Two changes of size at once would be seen as none by a program that asks for its size after the second.
_NUDGE_SECONDS = 0.05
_DRAIN_SECONDS = 0.5
_WINDOW_SIZE = struct.Struct("4H")  # rows, columns, and two that nobody uses
_SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")


class Size(NamedTuple):
    cols: int
    rows: int


class Viewer(Protocol):
    """What flow control needs of a channel."""

    window: SendWindow
    acknowledged: Pulse


class OpenTerminal:
    """Owns the PTY's master side. Made by `start_shell`."""

    def __init__(self, identity: str, process: Process, master: int, size: Size, hub: Hub) -> None:
        self.ring = Ring()
        self.changed = Pulse()  # the ring grew, or the output ended
        self.finished = asyncio.Event()
        self.output_ended = False
        self.size = size
        self.shown = 0  # offset after the last byte that any viewer was sent
        self._identity = identity
        self._process = process
        self._master = master
        self._hub = hub
        self._created_at = self._last_activity = hub.now()
        self._viewers: list[Viewer] = []
        self._input: deque[tuple[bytearray, Callable[[int], None]]] = deque()
        self._reading = False
        self._end_of_output = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(master, False)
        self._read_if_wanted()

    def snapshot(self) -> Terminal:
        status = self._process.status
        exit_code = (
            None if status is None else status.exit_code if status.exit_code is not None else -(status.signal or 0)
        )
        return Terminal(
            id=self._identity,
            pid=self._process.pid,
            cols=self.size.cols,
            rows=self.size.rows,
            created_at=self._created_at,
            last_activity=self._last_activity,
            open=status is None,
            exit_code=exit_code,
            output_bytes=self.ring.end,
        )

    def write(self, data: bytes, written: Callable[[int], None]) -> None:
        """Type; `written(size)` is called as the program's side takes it."""
        self._touch()
        if self._input and self._input[-1][1] == written:
            self._input[-1][0].extend(data)  # many small pieces must not cost more than their bytes
        else:
            self._input.append((bytearray(data), written))
        self._write_some()

    def resize(self, size: Size) -> None:
        """Tell the program about the viewer's screen; the newest wins."""
        self.size = size
        self._set_size(size)

    def nudge(self) -> None:
        """Make a full-screen program paint again, by a size that changes and changes back.

        A shell that waits at its prompt is left alone: the replay shows it as it was.
        """
        if self.output_ended or self._foreground() == self._process.pid:
            return
        self._set_size(Size(self.size.cols, self.size.rows - 1 if self.size.rows > 1 else 2))
        self._loop.call_later(_NUDGE_SECONDS, lambda: self._set_size(self.size))

    @contextmanager
    def viewed_through(self, viewer: Viewer) -> Iterator[None]:
        """Let a viewer's pace count while it is attached."""
        self._viewers.append(viewer)
        viewer.acknowledged.listener = self._read_if_wanted
        try:
            yield
        finally:
            viewer.acknowledged.listener = None
            self._viewers.remove(viewer)
            self._read_if_wanted()

    async def hang_up(self, grace: float) -> None:
        """HUP, `grace` seconds, then the way of every process."""
        self._process.signal_group(signal.SIGHUP)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._process.exited.wait()
        await self._process.stop(0)

    async def complete(self) -> Terminal:
        """Wait for the end of the shell, its tree and its output; gives the last state."""
        await self._process.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._end_of_output.wait()
        self._end_output()
        return self.snapshot()

    def _read_if_wanted(self) -> None:
        """Read the PTY unless the fastest viewer is too far behind; with no viewer the ring takes everything."""
        fastest = max((viewer.window.acknowledged for viewer in self._viewers), default=self.ring.end)
        wanted = not self.output_ended and self.ring.end - fastest <= _LAG_BYTES
        if wanted and not self._reading:
            self._loop.add_reader(self._master, self._read_once)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._master)
        self._reading = wanted

    def _read_once(self) -> None:
        """One bounded read per readiness, so that a flood leaves turns for everybody else."""
        try:
            data = os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # EIO: nobody has the other side open any more
            data = b""
        if not data:
            self._end_output()
            return
        self._touch()
        self.ring.append(data)
        self.changed.fire()
        self._read_if_wanted()

    def _write_some(self) -> None:
        """Hand input to the program's side, as much as it takes; go on when it takes more."""
        while self._input and not self.output_ended:
            data, written = self._input[0]
            try:
                size = os.write(self._master, data)
            except BlockingIOError:
                size = 0
            except OSError:  # EIO: the shell is gone
                self._input.clear()
                break
            written(size)
            del data[:size]
            if not data:
                self._input.popleft()
            else:
                self._loop.add_writer(self._master, self._write_some)
                return
        self._loop.remove_writer(self._master)

    def _end_output(self) -> None:
        if not self.output_ended:
            self.output_ended = True
            self._read_if_wanted()
            self._loop.remove_writer(self._master)
            self._input.clear()
            os.close(self._master)
            self._end_of_output.set()
            self.changed.fire()

    def _foreground(self) -> int:
        try:
            return os.tcgetpgrp(self._master)
        except OSError:
            return self._process.pid

    def _set_size(self, size: Size) -> None:
        if not self.output_ended:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, _WINDOW_SIZE.pack(size.rows, size.cols, 0, 0))

    def _touch(self) -> None:
        self._last_activity = self._hub.touch()


def start_shell(
    request: messages.TerminalOpen, folder: int, environment: Mapping[str, str], processes: Processes, hub: Hub
) -> OpenTerminal:
    """Start the program, or a login shell, in the folder of the descriptor. Raises Problem `command-missing`."""
    master, slave = os.openpty()
    size = Size(request.cols, request.rows)
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, _WINDOW_SIZE.pack(size.rows, size.cols, 0, 0))
        process = processes.start(
            request.argv or (_login_shell(environment), "-l"),
            {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", **request.env},
            folder,
            Streams(terminal=os.ttyname(slave)),
            f"{MARKER}={request.id}",
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        # The child opened it by name, after setsid: that is what makes it the controlling terminal.
        os.close(slave)
    return OpenTerminal(request.id, process, master, size, hub)


def _login_shell(environment: Mapping[str, str]) -> str:
    wanted = environment.get("SHELL", "")
    return next((shell for shell in (wanted, *_SHELLS) if shell and os.access(shell, os.X_OK)), _SHELLS[-1])
