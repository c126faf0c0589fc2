"""What several tests of the agent use."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from anyon.agent.client import AgentClient, AgentStream, Data, Event

TOKEN = "the-token-of-this-workspace"
GENERATION = "generation-1"
AUTHOR = {"name": "Ada", "email": "ada@example.org"}


class Workspace(NamedTuple):
    repo: Path
    home: Path
    state: Path
    run: Path


class Git(NamedTuple):
    """The real git, to look at what the agent did."""

    folder: Path

    def __call__(self, *arguments: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def at(self, path: str) -> Git:
        return Git(self.folder / path)


async def import_tree(client: AgentClient, source: Path, exclude: str = "info") -> dict[str, Any]:
    stream = client.stream("repository.import", source=str(source), author=AUTHOR, exclude=exclude)
    _, result = await take_all(stream)
    return result


async def take_all(stream: AgentStream) -> tuple[list[Data | Event], dict[str, Any]]:
    """Everything that a stream gives, and its result."""
    async with stream:
        items = [item async for item in stream]
    assert stream.result is not None
    return items, stream.result


def bytes_of(items: list[Data | Event]) -> bytes:
    return b"".join(item.data for item in items if isinstance(item, Data))


async def start(client: AgentClient, identity: str, script: str, **more: Any) -> dict[str, Any]:
    """Start `sh -c script`."""
    return await client.call("execution.start", id=identity, argv=["sh", "-c", script], **more)


async def follow(client: AgentClient, identity: str, offset: int = 0) -> tuple[list[Data | Event], dict[str, Any]]:
    return await take_all(client.stream("execution.follow", id=identity, **{"from": offset}))


async def run(client: AgentClient, identity: str, script: str, **more: Any) -> tuple[bytes, dict[str, Any]]:
    """Start `sh -c script` and wait for its end; gives output and final record."""
    await start(client, identity, script, **more)
    items, execution = await follow(client, identity)
    return bytes_of(items), execution


async def add_worktree(client: AgentClient, name: str, branch: str | None = None, **more: Any) -> dict[str, Any]:
    return await client.call("worktree.add", path=f".worktrees/{name}", branch=branch or f"anyon/{name}", **more)


async def read_until(stream: AgentStream, wanted: bytes) -> bytes:
    """Take items until the bytes so far contain `wanted`."""
    seen = bytearray()
    async for item in stream:
        if isinstance(item, Data):
            seen += item.data
            if wanted in seen:
                return bytes(seen)
    raise AssertionError(f"the stream ended before {wanted!r}: {bytes(seen)!r}")


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something that gives no event of its own: another process, or the disk."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.005)


def is_there(pid: int) -> bool:
    """Whether a process, or its zombie, exists."""
    return Path(f"/proc/{pid}").exists()


def is_running(pid: int) -> bool:
    """Whether it exists and is more than a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def run_shell(script: str, folder: Path | None = None) -> str:
    """Run `sh -c script` to its end; its output."""
    return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True).stdout
