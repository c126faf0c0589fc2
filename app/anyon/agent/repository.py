"""The repository of the workspace: its branches and commits."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anyon.agent.git import Git, GitFailed
from anyon.agent.paths import open_beneath, read_plain
from anyon.agent.problems import Problem, path_escapes

IGNORED_LINE = ".worktrees/"
BRANCH_PREFIX = "ref: refs/heads/"
_LINK_BYTES = 4096
_HEX = frozenset("0123456789abcdef")
_COMMIT_LENGTHS = (40, 64)  # SHA-1, SHA-256


class Repository:
    """`folder` is the main working copy. `lock` is held by whoever changes branches or worktrees."""

    def __init__(self, folder: Path, state: Path, git: Git) -> None:
        self.folder = folder
        self.git_folder = folder / ".git"
        self.git = git
        self.lock = asyncio.Lock()
        self._going: set[Path] = set()  # worktrees that are being removed
        self.scratch = state / "scratch"  # for files that nobody misses after a crash
        self._state = state / "repository.json"
        self._unfinished = state / "repository.unfinished"
        self._default_branch: str | None = None

    @property
    def default_branch(self) -> str:
        """Raises Problem `no-repository`."""
        if self._default_branch is None:
            self._default_branch = self._read_default_branch()
        if self._default_branch is None or not self.is_complete:
            raise Problem("no-repository", "The workspace has no repository yet.", "Create or import one first.")
        return self._default_branch

    @property
    def is_complete(self) -> bool:
        """There is one, and it was created or imported to the end."""
        return (self.git_folder / "HEAD").exists() and not self._unfinished.exists()

    def begin(self) -> None:
        """It is being made: until `finish` it does not count, also after a crash."""
        self._unfinished.touch()

    def admin_folder(self, path: str) -> Path:
        """git's own folder for a worktree, or for the main working copy.

        A worktree whose `.git` was removed gets it back: git would take the folder for a part of the main working copy.
        Raises Problem `not-a-worktree`.
        """
        if not path.strip("./"):
            return self.git_folder
        link = f"{path}/.git"
        if not os.path.lexists(self.folder / link):
            self.relink()
        try:
            admin = Path(self._read(link).removeprefix("gitdir: ").strip())
            mutual = read_plain(admin / "gitdir").strip() == f"{self.folder}/{link}"
        except Problem as problem:
            if problem.code != "not-found":
                raise
            mutual = False
        except OSError:
            mutual = False
        if not mutual or admin.parent != self.git_folder / "worktrees":
            raise self._damaged(path)
        return admin

    @contextmanager
    def removing(self, folder: Path) -> Iterator[None]:
        """Nobody puts anything back into the worktree meanwhile."""
        self._going.add(folder)
        try:
            yield
        finally:
            self._going.discard(folder)

    def relink(self) -> None:
        """Put the `.git` back into each worktree that lost it; git forgets those at the next prune."""
        with suppress(FileNotFoundError):
            for admin in (self.git_folder / "worktrees").iterdir():
                with suppress(OSError):
                    link = Path(read_plain(admin / "gitdir").strip())
                    known = link.name == ".git" and link.parent.parent == self.folder / ".worktrees"
                    if known and link.parent not in self._going:
                        with link.open("x") as file:
                            file.write(f"gitdir: {admin}\n")

    async def prune(self) -> None:
        """Let git forget the worktrees whose folders are gone."""
        self.relink()
        await self.git.run("worktree", "prune")

    def _damaged(self, path: str) -> Problem:
        link = self.folder / path / ".git"
        if not link.parent.is_dir():
            detail = f"The worktree {path} is gone."
            advice = f"put it back with `git worktree add --force {path} BRANCH`, or discard the attempt"
        elif os.path.lexists(link):
            detail = f"{path} is not a worktree of this repository any more: its .git was replaced."
            advice = f"move {path}/.git away, then try again: what belongs there is put back"
        else:
            detail = f"git knows no worktree at {path} any more."
            advice = f"take out of {path} what is wanted and remove the folder; what was committed is on the branch"
        return Problem("not-a-worktree", detail, f"In a terminal of the project, {advice}.", path=path)

    async def head_of(self, path: str) -> str:
        """The commit that a worktree is at. Raises Problem `not-a-worktree`."""
        admin = self.admin_folder(path)
        with suppress(OSError):
            head = read_plain(admin / "HEAD").strip()
            if head.startswith(BRANCH_PREFIX) and (loose := self._loose_commit(head.removeprefix(BRANCH_PREFIX))):
                return loose
        return (await self.git.run("rev-parse", "--verify", "HEAD", cwd=path)).text

    async def commit_of(self, revision: str) -> str:
        """The commit's full name. Raises Problem `unknown-revision`."""
        loose = self._loose_commit(revision) or self._known_commit(revision)
        if loose is not None:
            return loose
        try:
            output = await self.git.run("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        except GitFailed as error:
            raise Problem(
                "unknown-revision", f"There is no branch or commit {revision!r}.", revision=revision
            ) from error
        return output.text

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether the commit `newer` holds `older`, or is it."""
        output = await self.git.run("merge-base", "--is-ancestor", older, newer, accept=(0, 1))
        return output.exit_code == 0

    def exclude_worktrees(self, how: str) -> None:
        """Hide the worktrees from git's eyes: privately (`info`), or in the project's own `.gitignore` (R12, X23).

        Raises Problem `path-escapes` when something turned their folder into a link.
        """
        if (self.folder / ".worktrees").is_symlink():
            raise path_escapes(".worktrees")
        if how == "gitignore":
            _append_once(self.folder / ".gitignore", f"\n# Anyon worktrees\n{IGNORED_LINE}\n")
        else:
            (self.git_folder / "info").mkdir(exist_ok=True)
            _append_once(self.git_folder / "info" / "exclude", f"{IGNORED_LINE}\n")

    def finish(self, name: str) -> None:
        """It is made; `name` is its default branch."""
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps({"default_branch": name}))
        draft.replace(self._state)
        self._default_branch = name
        self._unfinished.unlink(missing_ok=True)

    async def retry_after_prune(self, work: Callable[[], Awaitable[None]]) -> None:
        """Once more after `git worktree prune`: what crashed earlier may have left an entry without a folder."""
        try:
            await work()
        except GitFailed:
            await self.prune()
            await work()

    def _read(self, path: str) -> str:
        """The beginning of a file beneath the working copy. Raises Problem."""
        root = os.open(self.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            descriptor = open_beneath(root, path, os.O_RDONLY)
        finally:
            os.close(root)
        try:
            return os.read(descriptor, _LINK_BYTES).decode(errors="surrogateescape")
        finally:
            os.close(descriptor)

    def _known_commit(self, revision: str) -> str | None:
        """The same for a commit's full name whose object is a plain file, as that of a new commit is."""
        if len(revision) not in _COMMIT_LENGTHS or not _HEX.issuperset(revision):
            return None
        found = (self.git_folder / "objects" / revision[:2] / revision[2:]).exists()
        return revision if found else None

    def _loose_commit(self, branch: str) -> str | None:
        """Read a branch without starting git, if it is a plain file."""
        path = self.git_folder / "refs" / "heads" / branch
        if branch.startswith("/") or ".." in branch:
            return None
        with suppress(OSError, UnicodeDecodeError):
            commit = read_plain(path).strip()
            if len(commit) in _COMMIT_LENGTHS and _HEX.issuperset(commit):
                return commit
        return None

    def _read_default_branch(self) -> str | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads(read_plain(self._state))["default_branch"])
        with suppress(OSError):
            head = read_plain(self.git_folder / "HEAD").strip()
            if head.startswith(BRANCH_PREFIX):
                return head.removeprefix(BRANCH_PREFIX)
        return None


def _append_once(path: Path, text: str) -> None:
    """Add lines to a file unless the pattern stands there already."""
    try:
        content = read_plain(path)
    except FileNotFoundError:
        content = ""
    except OSError as error:
        raise Problem("not-a-file", f"{path.name} cannot be read: {error.strerror}.") from error
    if IGNORED_LINE not in content.splitlines():
        separator = "" if not content or content.endswith("\n") else "\n"
        path.write_text(content + separator + text, errors="surrogateescape")
