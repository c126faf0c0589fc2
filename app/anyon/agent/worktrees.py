"""Worktrees of attempts: added (from the spare when it is current), looked at, removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from anyon.agent import messages
from anyon.agent.git import GitFailed
from anyon.agent.paths import read_plain
from anyon.agent.problems import Problem, bad_argument
from anyon.agent.repository import BRANCH_PREFIX, Repository
from anyon.agent.spare import Spare
from anyon.agent.standing import standing_of

_FOLDER = ".worktrees"
_SHOWN = 100  # nested repositories that an answer names


class Entry(NamedTuple):
    """A worktree as git knows it."""

    folder: str  # absolute
    branch: str | None  # None: detached
    admin: Path


class Worktrees:
    """Of one repository."""

    def __init__(self, repository: Repository, spare: Spare) -> None:
        self._repository = repository
        self._git = repository.git
        self._spare = spare

    async def add(self, request: messages.WorktreeAdd) -> dict[str, Any]:
        """A worktree on its own branch; the same path and branch again gives the one that is there.

        Raises Problem `path-in-use`, `branch-in-use`, `branch-refused`, `unknown-revision`, `no-repository`.
        """
        folder = self._repository.folder / check_path(request.path)
        check_branch(request.branch)
        base = request.base or self._repository.default_branch
        async with self._repository.lock:
            base_commit = await self._repository.commit_of(base)
            self._repository.exclude_worktrees(request.exclude)
            prepared, entry = False, None
            if self._can_claim_spare(folder, base_commit):
                prepared = await self._claim_spare(request.branch, folder, base_commit)
            if not prepared:
                entry = self._entry_for(str(folder), request.branch)
                entry = entry or await self._add_empty(request.branch, folder, base_commit)
        if entry is not None:
            await self._fill(entry, request.path)
            base_commit = await self._fork_point(request.branch, base_commit)
        return {
            "path": request.path,
            "branch": request.branch,
            "base_branch": base,
            "base_commit": base_commit,
            "prepared": prepared,
        }

    def _can_claim_spare(self, folder: Path, commit: str) -> bool:
        return self._spare.is_ready(commit) and not os.path.lexists(folder)

    async def _claim_spare(self, branch: str, folder: Path, commit: str) -> bool:
        """Create the branch and give it the spare; whether that worked."""
        try:
            await self._create_branch(branch, commit)
        except Problem:
            if await self._branch_is_known(branch):
                return False
            raise
        try:
            self._spare.claim(branch, folder)
        except OSError:
            await self._git.run("update-ref", "-d", f"refs/heads/{branch}", commit)
            return False
        return True

    async def _create_branch(self, branch: str, commit: str) -> None:
        """git checks the name as `git check-ref-format` does, and that there is no such branch."""
        try:
            await self._git.run("update-ref", "--end-of-options", f"refs/heads/{branch}", commit, "")
        except GitFailed as error:
            raise Problem(
                "branch-refused", f"git refuses the branch {branch!r}: {error.lines}", branch=branch
            ) from error

    async def _add_empty(self, branch: str, folder: Path, commit: str) -> Entry:
        """Register the worktree without its files: they are written without the lock, which others wait for."""
        options = ("worktree", "add", "--quiet", "--no-checkout")

        async def add() -> None:
            await self._git.run(*options, "--end-of-options", str(folder), branch)

        try:
            await self._git.run(*options, "-b", branch, "--end-of-options", str(folder), commit)
        except GitFailed:
            if not await self._branch_is_known(branch):
                await self._create_branch(branch, commit)
            await self._repository.retry_after_prune(add)
        entry = self._entry_for(str(folder), branch)
        if entry is None:
            raise Problem("worktree-lost", f"git added no worktree at {folder}.")
        return entry

    async def _fill(self, entry: Entry, path: str) -> None:
        """Check out a worktree that was never filled, also in an earlier try."""
        if not (entry.admin / "index").exists():
            await self._git.run("reset", "--quiet", "--hard", cwd=path)

    async def _fork_point(self, branch: str, base_commit: str) -> str:
        """Where the branch left the base: the base itself for a new one."""
        if await self._repository.commit_of(branch) == base_commit:
            return base_commit
        output = await self._git.run(
            "merge-base", "--end-of-options", base_commit, f"refs/heads/{branch}", accept=(0, 1)
        )
        return output.text or base_commit

    async def state(self, request: messages.WorktreeState) -> dict[str, Any]:
        """How far a worktree, and the branch that belongs to it, are from where they began.

        Raises Problem `unknown-revision`, `not-a-worktree`.
        """
        self._repository.admin_folder(request.path)
        base = await self._repository.commit_of(request.base_commit)
        tips = ("HEAD", f"refs/heads/{request.branch}") if request.branch else ("HEAD",)
        options = ("rev-list", "--count", "--ignore-missing")
        count = await self._git.run(*options, *tips, f"^{base}", cwd=request.path)
        standing = await standing_of(self._git, request.path)
        return {
            "head": await self._repository.head_of(request.path),
            "uncommitted": standing.changed + len(standing.unmerged),
            "commits": int(count.text),
            "nested": standing.nested[:_SHOWN],
        }

    async def remove(self, request: messages.WorktreeRemove) -> dict[str, Any]:
        """Remove a worktree that git knows, and its branch when that is wanted; nothing when it is gone already.

        Without `force`, work that nothing else holds is not removed: uncommitted files, and commits of a branch that
        is to be deleted. Raises Problem `work-would-be-lost`, `not-a-worktree`, `branch-refused`.
        """
        folder = self._repository.folder / check_path(request.path)
        if request.branch is not None:
            check_branch(request.branch)
            if request.delete_branch and request.branch == self._repository.default_branch:
                raise Problem("branch-refused", f"{request.branch} is the default branch.", branch=request.branch)
        async with self._repository.lock:
            listed = await self._is_listed(str(folder))
            if not listed and folder.exists():
                raise Problem(
                    "not-a-worktree",
                    f"git knows no worktree at {request.path}.",
                    f"In a terminal of the project, take out of {request.path} what is wanted and remove the folder.",
                )
            if listed and folder.exists():
                self._repository.admin_folder(request.path)
            if not request.force:
                await self._refuse_loss(request, listed=listed)
            if listed:
                with self._repository.removing(folder):
                    await self._git.run("worktree", "remove", "--force", "--force", "--end-of-options", str(folder))
            if request.delete_branch and request.branch is not None and await self._branch_is_known(request.branch):
                await self._git.run("branch", "--quiet", "-D", "--end-of-options", request.branch)
        return {"removed": listed}

    async def _refuse_loss(self, request: messages.WorktreeRemove, *, listed: bool) -> None:
        there = listed and (self._repository.folder / request.path).exists()
        standing = await standing_of(self._git, request.path) if there else None
        files = standing.changed + len(standing.unmerged) + len(standing.nested) if standing else 0
        commits = 0
        if request.delete_branch and request.branch is not None and await self._branch_is_known(request.branch):
            ref = f"refs/heads/{request.branch}"
            elsewhere = ("--not", f"--exclude={request.branch}", "--branches", "--remotes")
            commits = int((await self._git.run("rev-list", "--count", ref, *elsewhere)).text)
        if files or commits:
            raise Problem(
                "work-would-be-lost",
                f"{files} uncommitted files and {commits} unmerged commits would be lost.",
                "Commit and merge them, or discard with force.",
                files=files,
                commits=commits,
            )

    async def _is_listed(self, folder: str) -> bool:
        output = await self._git.run("worktree", "list", "--porcelain", "-z")
        return f"worktree {folder}" in output.fields

    def entries(self) -> Iterator[Entry]:
        """All linked worktrees, read from git's own files."""
        with suppress(FileNotFoundError):
            for admin in (self._repository.git_folder / "worktrees").iterdir():
                with suppress(OSError):
                    head = read_plain(admin / "HEAD").strip()
                    branch = head.removeprefix(BRANCH_PREFIX) if head.startswith(BRANCH_PREFIX) else None
                    yield Entry(read_plain(admin / "gitdir").strip().removesuffix("/.git"), branch, admin)

    def place_of(self, branch: str) -> str | None:
        """Where a branch is checked out, for people; None: nowhere."""
        with suppress(OSError):
            if read_plain(self._repository.git_folder / "HEAD").strip() == f"{BRANCH_PREFIX}{branch}":
                return "the project's working copy"
        folders = (entry.folder for entry in self.entries() if entry.branch == branch)
        folder = next(folders, None)
        return folder and folder.removeprefix(f"{self._repository.folder}/")

    def _entry_for(self, folder: str, branch: str) -> Entry | None:
        """The worktree that has both, or None when neither is taken."""
        for entry in self.entries():
            there = (Path(entry.folder) / ".git").exists()
            if entry.branch == branch and entry.folder == folder and there:
                return entry
            if entry.branch == branch and there:
                raise Problem("branch-in-use", f"Branch {branch} is checked out in {entry.folder}.", branch=branch)
        if Path(folder).exists():
            raise Problem("path-in-use", f"Something else is at {folder}.", "Use another path.", path=folder)
        return None

    async def _branch_is_known(self, branch: str) -> bool:
        output = await self._git.run("show-ref", "--verify", "--quiet", f"refs/heads/{branch}", accept=(0, 1, 128))
        return output.exit_code == 0


def check_path(path: str) -> str:
    """A folder directly below `.worktrees`, not hidden. Raises Problem `bad-argument`."""
    parent, _, name = path.rpartition("/")
    if parent != _FOLDER or not name or name.startswith((".", "-")) or any(ord(letter) < 32 for letter in name):
        raise bad_argument("path", f"{_FOLDER}/<name>", path)
    return path


def check_branch(branch: str) -> None:
    """What git would read as an option or as the current commit. Raises Problem `branch-refused`."""
    if branch.startswith("-") or branch in ("HEAD", "@", ""):
        raise Problem("branch-refused", f"{branch!r} is no name for a branch.", branch=branch)
