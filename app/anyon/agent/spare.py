"""The prepared worktree: a checkout of the default branch that waits for the next attempt.

To claim it is to rename its folder and to rewrite two small files of git's own (`gitdir` and `HEAD` of
`.git/worktrees/<name>`), which takes no checkout. It is made again in the background, at low priority.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from anyon.agent.git import GitFailed
from anyon.agent.paths import read_plain
from anyon.agent.problems import Problem
from anyon.agent.pulse import Pulse
from anyon.agent.repository import Repository

SPARE_PATH = ".worktrees/.spare"
# After a claim the new checkout waits for the execution that the claim was for, so as not to slow it down.
CALM_SECONDS = 10.0

_log = logging.getLogger(__name__)


class _Prepared(NamedTuple):
    commit: str
    admin: Path  # git's folder for it: .git/worktrees/<name>


class Spare:
    """At most one spare; `calm` fires when an execution got going."""

    def __init__(self, repository: Repository, calm: Pulse) -> None:
        self._repository = repository
        self._calm = calm
        self._folder = repository.folder / SPARE_PATH
        self._prepared: _Prepared | None = None
        self._wanted = asyncio.Event()
        self._after_claim = False
        self.settled = asyncio.Event()  # nothing is wanted and nothing is under way

    def want(self) -> None:
        """Look soon whether the spare is there and current."""
        self.settled.clear()
        self._wanted.set()

    def is_ready(self, commit: str) -> bool:
        """Whether it can be claimed for this commit."""
        return self._prepared is not None and self._prepared.commit == commit

    def claim(self, branch: str, folder: Path) -> None:
        """Make it the worktree of `branch`, which exists, at `folder`, which does not.

        The caller holds the repository's lock. Raises OSError, with everything as it was but the spare given up.

        A crash between two steps leaves a spare whose entry names a folder that is not there: git prunes the entry, and
        the next spare replaces the folder. Nobody has worked in it yet.
        """
        prepared, self._prepared = self._prepared, None
        if prepared is None:
            raise FileNotFoundError(self._folder)
        self._after_claim = True
        self.want()
        head = read_plain(prepared.admin / "HEAD")
        try:
            _replace(prepared.admin / "HEAD", f"ref: refs/heads/{branch}\n")
            _replace(prepared.admin / "gitdir", f"{folder}/.git\n")
            self._folder.rename(folder)
        except OSError:
            with suppress(OSError):
                _replace(prepared.admin / "HEAD", head)
                _replace(prepared.admin / "gitdir", f"{self._folder}/.git\n")
            raise

    async def keep(self) -> None:
        """Prepare whenever it is wanted, until cancelled."""
        while True:
            if not self._wanted.is_set():
                self.settled.set()
            await self._wanted.wait()
            if self._after_claim:
                self._after_claim = False
                with suppress(TimeoutError):
                    async with asyncio.timeout(CALM_SECONDS):
                        await self._calm.wait()
            self._wanted.clear()
            try:
                await self._prepare()
            except (Problem, OSError) as error:
                _log.warning("no worktree is prepared: %s", error)

    async def _prepare(self) -> None:
        if not self._repository.is_complete:
            return
        commit = await self._repository.commit_of(self._repository.default_branch)
        if self.is_ready(commit):
            return
        self._prepared = None
        if self._admin() is None or not await self._reset(commit):
            await self._discard()
            async with self._repository.lock:
                await self._repository.git.run(
                    "worktree", "add", "--quiet", "--no-checkout", "--detach", str(self._folder), commit
                )
            if not await self._reset(commit):
                await self._discard()
                return
        admin = self._admin()
        if admin is not None:
            self._prepared = _Prepared(commit, admin)

    async def _reset(self, commit: str) -> bool:
        """Check out the commit, remove everything else; whether that worked."""
        git = self._repository.git
        try:
            await git.run("reset", "--quiet", "--hard", commit, cwd=SPARE_PATH, low_priority=True)
            await git.run("clean", "-ffdxq", cwd=SPARE_PATH, low_priority=True)
        except Problem as problem:
            _log.info("the prepared worktree is made anew: %s", problem)
            return False
        return True

    async def _discard(self) -> None:
        """Remove what is there. The name is the agent's own: no attempt ever works under it."""
        async with self._repository.lock:
            try:
                await self._repository.git.run("worktree", "remove", "--force", str(self._folder))
            except GitFailed:
                if self._folder.is_dir() and not self._folder.is_symlink():
                    shutil.rmtree(self._folder, ignore_errors=True)
                await self._repository.prune()

    def _admin(self) -> Path | None:
        """git's folder for the spare, if both point at each other."""
        try:
            admin = Path(read_plain(self._folder / ".git").strip().removeprefix("gitdir: "))
            mutual = read_plain(admin / "gitdir").strip() == f"{self._folder}/.git"
        except OSError:
            return None
        return admin if mutual and admin.parent == self._repository.git_folder / "worktrees" else None


def _replace(path: Path, content: str) -> None:
    """Write beside and rename over: a reader sees the old or the new."""
    draft = path.with_name(path.name + ".lock")
    draft.write_text(content)
    draft.replace(path)
