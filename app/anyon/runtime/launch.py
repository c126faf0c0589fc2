"""Spawns an agent that outlives this process: own session, nothing inherited but what is named here."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from anyon.runtime import keyring

INFO_DESCRIPTOR = 3
"""Descriptor to which bubblewrap writes the pid of the sandbox's first process."""

LOG_BYTES = 1_048_576
_LOWEST_DESCRIPTOR = 16
_MOST_INFO = 65536


@dataclass(frozen=True)
class AgentLimits:
    """Resource limits that the agent sets upon itself. `processes` counts those of its user id; None sets none."""

    open_files: int
    processes: int | None


def agent_command(
    python: Path, package_parent: str, directory: str, limits: AgentLimits, arguments: Sequence[str]
) -> list[str]:
    """The command line of the agent: an interpreter without site packages that finds only the agent's package."""
    most_processes = f"limit(resource.RLIMIT_NPROC, {limits.processes})\n" if limits.processes else ""
    script = (
        "import os, resource, sys\n"
        "def limit(kind, most):\n"
        "    hard = resource.getrlimit(kind)[1]\n"
        "    most = most if hard == resource.RLIM_INFINITY else min(most, hard)\n"
        "    resource.setrlimit(kind, (most, most))\n"
        "limit(resource.RLIMIT_CORE, 0)\n"
        f"limit(resource.RLIMIT_NOFILE, {limits.open_files})\n"
        f"{most_processes}"
        "os.umask(0o022)\n"
        f"os.chdir({directory!r})\n"
        "try:\n"
        "    with open('/proc/self/oom_score_adj', 'w') as score:\n"
        "        score.write('500')\n"  # short of memory, the kernel is to end workspaces before the service
        "except OSError:\n"
        "    pass\n"
        f"sys.path.insert(0, {package_parent!r})\n"
        "from anyon.agent.__main__ import main\n"
        "sys.exit(main())\n"
    )
    return [str(python), "-I", "-S", "-c", script, *arguments]


def open_log(folder: Path) -> FileIO:
    """The agent's log, for appending; one that has grown large becomes `agent.log.1` first."""
    path = folder / "agent.log"
    with suppress(FileNotFoundError):
        if path.stat(follow_symlinks=False).st_size > LOG_BYTES:
            path.replace(folder / "agent.log.1")
    return _raised(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab")


def tail_of_log(folder: Path, start: int, most: int = 2000) -> str:
    """What was written at or after byte `start`: the end of it, printable, at most `most` bytes."""
    try:
        with (folder / "agent.log").open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(start, end - most))
            text = log.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text).strip()


class Child:
    """The process that was spawned, reaped as soon as it ends while its event loop runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor: int | None = os.pidfd_open(pid)
        self._loop.add_reader(self._descriptor, self._reap)

    def release(self) -> None:
        """Stop watching; the process goes on."""
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self.release()
        self.ended.set()


@dataclass(frozen=True)
class Launched:
    """A spawned agent that waits for its token.

    `pid` is the agent's own, not that of bubblewrap around it; None when bubblewrap gave up before there was one.
    """

    child: Child
    pid: int | None
    input: FileIO

    def hand_over(self, token: str) -> None:
        """Give the agent its token; until then it does nothing, and without one it ends."""
        with suppress(BrokenPipeError):  # it has ended: whoever waits for it will see that
            self.input.write(token.encode() + b"\n")


@asynccontextmanager
async def launched(
    argv: Sequence[str], environment: Mapping[str, str], log: FileIO, *, sandboxed: bool
) -> AsyncIterator[Launched]:
    """Spawn `argv` with `log` as its output and error; on leaving the block its standard input ends.

    Raises OSError when the program cannot be started at all, or gets no session keyring of its own.
    """
    with ExitStack() as stack:
        token_read, token_write = _pipe(stack)
        info_read, info_write = _pipe(stack)
        moves = [(token_read, 0), (log, 1), (log, 2)] + ([(info_write, INFO_DESCRIPTOR)] if sandboxed else [])
        pid = _spawn(argv, environment, moves)
        child = Child(pid)
        token_read.close()
        info_write.close()
        yield Launched(child, await _agent_pid(info_read) if sandboxed else pid, token_write)


def _spawn(argv: Sequence[str], environment: Mapping[str, str], moves: Sequence[tuple[FileIO, int]]) -> int:
    """In a thread of its own: the session keyring goes by thread, and the service keeps the one that it has.

    Not in the agent, whose user may have no room for one more key: other workspaces fill what their user may have.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawn") as thread:
        return thread.submit(_spawn_here, argv, environment, moves).result()


def _spawn_here(argv: Sequence[str], environment: Mapping[str, str], moves: Sequence[tuple[FileIO, int]]) -> int:
    keyring.leave()
    return os.posix_spawn(
        argv[0],
        tuple(argv),
        environment,
        file_actions=[
            *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inheritable()),
            *((os.POSIX_SPAWN_DUP2, file.fileno(), target) for file, target in moves),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP),
    )


def _inheritable() -> list[int]:
    """What a child would get unasked: descriptors of whoever started this process, and of careless libraries."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # plain names
        with suppress(OSError):  # the listing's own, closed by now
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
    return found


async def _agent_pid(info: FileIO) -> int | None:
    """The pid that bubblewrap reports as JSON once the sandbox's first process exists; None if it ends without."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    text = b""
    os.set_blocking(info.fileno(), False)
    loop.add_reader(info.fileno(), readable.set)
    try:
        while len(text) < _MOST_INFO:
            await readable.wait()
            readable.clear()
            chunk = info.read(_MOST_INFO)
            if chunk is None:  # woken without anything to read: the rest is still to come
                continue
            text += chunk
            with suppress(ValueError, KeyError):
                return int(json.loads(text)["child-pid"])
            if not chunk:
                return None
        return None
    finally:
        loop.remove_reader(info.fileno())


def _pipe(stack: ExitStack) -> tuple[FileIO, FileIO]:
    read_end, write_end = os.pipe()
    return stack.enter_context(_raised(read_end, "rb")), stack.enter_context(_raised(write_end, "wb"))


def _raised(descriptor: int, mode: str) -> FileIO:
    """The same file above every descriptor that a child gets, so that handing one down overwrites no other."""
    try:
        return FileIO(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LOWEST_DESCRIPTOR), mode)
    finally:
        os.close(descriptor)
