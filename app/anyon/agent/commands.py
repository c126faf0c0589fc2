"""Runs a short-lived program to its end: with a deadline, bounded output, and never a shell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple, Self

from anyon.agent.paths import open_folder
from anyon.agent.problems import Problem
from anyon.agent.processes import Process, Processes
from anyon.agent.spawning import Streams, file_in_memory

MAX_AT_A_TIME = 8
MARKER = "ANYON_COMMAND"
_MAX_ERROR_BYTES = 65_536
_CHUNK_BYTES = 65_536

Progress = Callable[[str], None]


class Output(NamedTuple):
    """What a program wrote; `truncated` when it was stopped at the limit. Of the errors only the end is kept."""

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool

    @property
    def text(self) -> str:
        """The output without its last newline; bytes that are no UTF-8 become surrogates, as in file names."""
        return self.stdout.decode(errors="surrogateescape").rstrip("\n")

    @property
    def fields(self) -> list[str]:
        """The output split at NUL, as `-z` options write it."""
        return [field.decode(errors="surrogateescape") for field in self.stdout.split(b"\0") if field]


class Commands:
    """Programs started in folders below `root` (a descriptor), at most MAX_AT_A_TIME of them; the rest wait."""

    def __init__(self, root: int, processes: Processes) -> None:
        self._root = root
        self._processes = processes
        self._slots = asyncio.Semaphore(MAX_AT_A_TIME)
        self._count = 0

    async def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: str,
        timeout: float,
        limit: int,
        stdin: str | None = None,
        progress: Progress | None = None,
    ) -> Output:
        """Raises Problem `command-timeout`, `command-missing`, `path-escapes`, `not-found`."""
        async with self._slots:
            self._count += 1
            with ExitStack() as stack:
                folder = open_folder(self._root, cwd)
                stack.callback(os.close, folder)
                stdout = stack.enter_context(_Pipe(limit))
                stderr = stack.enter_context(_Pipe(_MAX_ERROR_BYTES, keep_end=True, progress=progress))
                content = None if stdin is None else file_in_memory(stdin)
                if content is not None:
                    stack.callback(os.close, content)
                streams = Streams(content, stdout.writing, stderr.writing)
                process = self._processes.start(argv, environment, folder, streams, f"{MARKER}={self._count}")
                return await _collect(process, stdout, stderr, argv, timeout)


async def _collect(process: Process, stdout: _Pipe, stderr: _Pipe, argv: Sequence[str], timeout: float) -> Output:
    """Read both pipes to their end; past a deadline, a limit or a cancellation the whole tree is killed."""
    try:
        async with asyncio.timeout(timeout):
            with stdout.reading(), stderr.reading():
                await stdout.ended.wait()
                if not stdout.truncated:
                    await stderr.ended.wait()
                    await process.exited.wait()
    except TimeoutError:
        detail = f"{' '.join(argv[:2])} took longer than {timeout:g} seconds."
        raise Problem("command-timeout", detail, "Try again.", seconds=timeout) from None
    finally:
        status = await process.stop(0)
    return Output(status.exit_code, bytes(stdout.content), bytes(stderr.content), stdout.truncated)


class _Pipe:
    """A pipe that collects up to `limit` bytes, then ends; or goes on and keeps the last of them."""

    def __init__(self, limit: int, *, keep_end: bool = False, progress: Progress | None = None) -> None:
        self.content = bytearray()
        self.ended = asyncio.Event()
        self.truncated = False
        self._limit = limit
        self._keep_end = keep_end
        self._progress = progress
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)
        self._close_writing()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Collect while the block runs; the program has the writing end by now."""
        self._close_writing()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._reading, self._read_once)
        try:
            yield
        finally:
            loop.remove_reader(self._reading)

    def _read_once(self) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._reading, _CHUNK_BYTES)
            self.content += data
            if self._progress is not None and (line := _last_line(data)):
                self._progress(line)
            if self._keep_end:
                del self.content[: -self._limit]
            elif len(self.content) > self._limit:
                del self.content[self._limit :]
                self.truncated = True
            if not data or self.truncated:
                self.ended.set()
                asyncio.get_running_loop().remove_reader(self._reading)

    def _close_writing(self) -> None:
        if self.writing != -1:
            os.close(self.writing)
            self.writing = -1


def _last_line(data: bytes) -> str:
    """The last line that is not empty; progress meters end theirs with a carriage return."""
    lines = data.decode(errors="replace").replace("\r", "\n").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
