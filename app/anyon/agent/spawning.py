"""Starts a program with posix_spawn: no Python runs between fork and exec, and the cost does not grow with the agent.

The working directory is changed in the agent around the call, which is safe because the agent has one thread that
starts programs and uses no relative path anywhere else.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from anyon.agent.problems import Problem

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The interpreter ignores these two; a child must not inherit that.
_SIGNALS_TO_RESET = (signal.SIGPIPE, signal.SIGXFSZ)


class Streams(NamedTuple):
    """What a program gets as its standard streams."""

    stdin: int | None = None  # descriptor, or None for /dev/null
    stdout: int | None = None
    stderr: int | None = None
    terminal: str | None = None  # path of a PTY: becomes all three, and the controlling terminal


def spawn(argv: Sequence[str], environment: Mapping[str, str], folder: int, streams: Streams) -> int:
    """Start `argv` as leader of its own session in the folder that the descriptor names; gives its pid.

    Raises Problem `command-missing` or `command-failed`.
    """
    with _working_directory(folder):
        program = _find(argv[0], environment.get("PATH", _DEFAULT_PATH))
        try:
            return os.posix_spawn(
                program,
                list(argv),
                dict(environment),
                file_actions=_file_actions(streams),
                setsid=True,
                setsigmask=(),
                setsigdef=_SIGNALS_TO_RESET,
            )
        except OSError as error:
            raise Problem(
                "command-failed",
                f"{argv[0]} cannot be started: {error.strerror}.",
                "Check the program.",
                command=argv[0],
            ) from error


def _file_actions(streams: Streams) -> list[tuple[int, ...] | tuple[int, int, str, int, int]]:
    if streams.terminal is not None:
        # Opened after setsid and without O_NOCTTY, so that it becomes the controlling terminal of the new session.
        return [
            (os.POSIX_SPAWN_OPEN, 0, streams.terminal, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ]
    return [
        _redirection(number, descriptor)
        for number, descriptor in enumerate((streams.stdin, streams.stdout, streams.stderr))
    ]


def _redirection(number: int, descriptor: int | None) -> tuple[int, ...] | tuple[int, int, str, int, int]:
    if descriptor is None:
        return (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY, 0)
    return (os.POSIX_SPAWN_DUP2, descriptor, number)


def _find(name: str, search_path: str) -> str:
    """The program's path, by the child's own PATH; relative entries count from the current folder."""
    folders = [""] if "/" in name else search_path.split(":")
    candidates = [Path(folder) / name for folder in folders]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate)
    raise Problem(
        "command-missing", f"There is no program {name} here.", f"Install {name} in the workspace.", command=name
    )


def file_in_memory(text: str) -> int:
    """A descriptor that gives the text, then its end: nobody has to feed a pipe. The caller closes it."""
    descriptor = os.memfd_create("stdin", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text.encode(errors="surrogateescape"))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


@contextmanager
def _working_directory(folder: int) -> Iterator[None]:
    before = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        os.fchdir(folder)
        yield
    finally:
        os.fchdir(before)
        os.close(before)
