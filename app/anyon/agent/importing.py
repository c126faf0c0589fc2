"""Makes the repository of a workspace: from nothing, from a URL, or from a folder that is mounted into it."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from anyon.agent import messages
from anyon.agent.commands import Commands, Progress
from anyon.agent.connection import Channel
from anyon.agent.git import GitFailed
from anyon.agent.messages import Author
from anyon.agent.problems import Problem
from anyon.agent.pulse import Pulse
from anyon.agent.repository import Repository
from anyon.agent.spare import Spare

CLONE_SECONDS = 3600.0
CLEAN_SECONDS = 300.0
_DEFAULT_BRANCH = "main"
_LISTING_BYTES = 67_108_864
_URL = re.compile(r"(https?|ssh|git)://(?![-/])[^\s\x00-\x1f]+")
_DENIED = "Permission denied"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


class Importer:
    """What it does is done or undone: a failure leaves an empty workspace behind."""

    def __init__(
        self, repository: Repository, commands: Commands, environment: Mapping[str, str], spare: Spare
    ) -> None:
        self._repository = repository
        self._git = repository.git
        self._commands = commands
        self._environment = environment
        self._spare = spare

    async def create(self, request: messages.RepositoryCreate) -> dict[str, Any]:
        """A repository with one empty commit; where there is one already, only its answer."""
        async with self._repository.lock:
            if not self._repository.is_complete:
                self._repository.begin()
                await self._git.run("init", "--quiet", f"--initial-branch={request.default_branch}")
                await self._commit_all("Initial commit", request.author, request.exclude)
                self._repository.finish(request.default_branch)
        self._spare.want()
        branch = self._repository.default_branch
        return {"default_branch": branch, "head": await self._repository.commit_of(branch)}

    async def run(self, request: messages.RepositoryImport, channel: Channel) -> dict[str, Any]:
        """Clone, or copy and commit; where there is a repository already, only its answer.

        Raises Problem `source-refused`, `source-missing`, `source-unreadable`, `clone-failed`, `copy-failed`.
        """
        source = _check_source(request.source)
        async with self._repository.lock:
            if not self._repository.is_complete:
                self._repository.begin()
                await self._clear()  # what an import left that was cut off
                try:
                    async with _meter(channel) as show:
                        branch = await self._fetch(source, request, show)
                except BaseException:
                    await self._clear()
                    raise
                self._repository.finish(branch)
        self._spare.want()
        branch = self._repository.default_branch
        listing = await self._git.run("ls-tree", "-r", "--name-only", "-z", "HEAD", limit=_LISTING_BYTES)
        head = await self._repository.commit_of(branch)
        return {"default_branch": branch, "head": head, "files": listing.stdout.count(b"\0")}

    async def _fetch(self, source: _Source, request: messages.RepositoryImport, show: Progress) -> str:
        """Fill the workspace; gives the default branch."""
        if not source.is_plain:
            await self._clone(source.place, show)
            return await self._settle_branch(request)
        show("Copying the folder")
        await self._copy(source.place)
        await self._git.run("init", "--quiet", f"--initial-branch={_DEFAULT_BRANCH}")
        show("Writing the first commit")
        await self._commit_all("Import", request.author, request.exclude)
        return _DEFAULT_BRANCH

    async def _clone(self, source: str, show: Progress) -> None:
        try:
            await self._git.run(
                "clone", "--progress", "--no-hardlinks", "--", source, ".", timeout=CLONE_SECONDS, progress=show
            )
        except GitFailed as error:
            if source.startswith("/") and _DENIED in error.lines:
                raise _unreadable(source, error.lines) from error
            lines = _CREDENTIALS.sub("", error.lines)
            hint = "Check the address, and that the workspace may read it."
            raise Problem("clone-failed", f"git could not clone: {lines}", hint) from error

    async def _settle_branch(self, request: messages.RepositoryImport) -> str:
        """Give a clone of an empty or headless repository a branch with a commit."""
        symbolic = await self._git.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        branch = symbolic.text or _DEFAULT_BRANCH
        if not symbolic.text:
            await self._git.run("checkout", "--quiet", "-B", branch)
        born = await self._git.run("rev-parse", "--verify", "--quiet", "HEAD", accept=(0, 1))
        if born.exit_code != 0:
            await self._commit_all("Initial commit", request.author, request.exclude)
        self._repository.exclude_worktrees(request.exclude)
        return branch

    async def _copy(self, folder: str) -> None:
        """Repositories below the folder become plain files: git would keep of each a link that leads nowhere."""
        for argv in (
            ("cp", "-R", "-P", "--", f"{folder}/.", "."),
            ("find", ".", "-name", ".git", "-prune", "-exec", "rm", "-rf", "--", "{}", "+"),
        ):
            environment = {**self._environment, "LC_ALL": "C"}
            output = await self._commands.run(argv, environment, cwd="", timeout=CLONE_SECONDS, limit=4096)
            if output.exit_code != 0:
                lines = " ".join(output.stderr.decode(errors="replace").strip().splitlines()[-1:])
                if _DENIED in lines:
                    raise _unreadable(folder, lines)
                raise Problem("copy-failed", f"The folder could not be copied: {lines}")

    async def _commit_all(self, message: str, author: Author, exclude: str) -> None:
        self._repository.exclude_worktrees(exclude)
        await self._git.run("add", "--all", timeout=CLONE_SECONDS)
        await self._git.run("commit", "--quiet", "--allow-empty", "-m", message, author=author)

    async def _clear(self) -> None:
        """Empty the workspace of what an unfinished import put there."""
        names = [f"./{entry.name}" for entry in self._repository.folder.iterdir()]
        if names:
            await self._commands.run(
                ("rm", "-rf", "--", *names), self._environment, cwd="", timeout=CLEAN_SECONDS, limit=4096
            )


class _Source(NamedTuple):
    place: str
    is_plain: bool  # a folder without history


def _check_source(source: str) -> _Source:
    if _URL.fullmatch(source):
        return _Source(source, is_plain=False)
    if not source.startswith("/"):
        hint = "Use https://, http://, ssh:// or git://, or the absolute path of a folder."
        raise Problem("source-refused", f"{_CREDENTIALS.sub('', source)!r} is no address to import from.", hint)
    folder = Path(source)
    try:
        if not folder.is_dir():
            raise Problem("source-missing", f"There is no folder {source} to import from.", "Check the path.")
        bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
        return _Source(source, is_plain=not (bare or (folder / ".git").exists()))
    except PermissionError as error:
        raise _unreadable(source) from error


def _unreadable(source: str, said: str = "permission denied") -> Problem:
    return Problem(
        "source-unreadable",
        f"The workspace's user may not read the folder {source}: {said}",
        f"Permit it on the host with `chmod -R o+rX {shlex.quote(source)}`, and `chmod o+x` for each folder above it; "
        "then try the import again.",
    )


@asynccontextmanager
async def _meter(channel: Channel) -> AsyncIterator[Progress]:
    """Sends the newest line of progress; a slow reader skips lines, it does not pile them up."""
    newest: list[str] = []
    changed = Pulse()

    def show(line: str) -> None:
        newest[:] = [_CREDENTIALS.sub("", line)]
        changed.fire()

    async def forward() -> None:
        while True:
            if newest:
                await channel.event(event="progress", text=newest.pop())
            else:
                await changed.wait()

    forwarding = asyncio.create_task(forward(), name="progress")
    try:
        yield show
    finally:
        forwarding.cancel()
        await asyncio.wait([forwarding])
