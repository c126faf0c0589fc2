"""What attempts left in their worktrees, committed to their branches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyon.agent import messages
from anyon.agent.git import GitFailed
from anyon.agent.paths import read_plain
from anyon.agent.problems import Problem
from anyon.agent.repository import BRANCH_PREFIX, Repository
from anyon.agent.standing import Standing, new_links, standing_of, submodules
from anyon.agent.worktrees import Worktrees, check_branch

_SHOWN = 100  # files or folders that an answer names
_NAMED = 5  # of them, in a sentence

# What git keeps in its folder for a worktree while an operation waits for a person.
_OPERATIONS = (
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("rebase-merge", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
)


class Commits:
    """Of one repository."""

    def __init__(self, repository: Repository, worktrees: Worktrees) -> None:
        self._repository = repository
        self._git = repository.git
        self._worktrees = worktrees

    async def commit(self, request: messages.WorktreeCommit) -> dict[str, Any]:
        """Commit everything that is there, new files included; `commit` is None when there was nothing (A15).

        Repositories inside the worktree that are no submodules are left out and named. Afterwards the worktree is on
        `branch`, which holds what was committed under any other name. Raises Problem `unfinished-operation`,
        `wrong-branch`, `not-a-worktree`; then nothing was committed.
        """
        await self._refuse_unfinished(request.path)
        if request.branch is not None:
            check_branch(request.branch)
            await self._attach(request.path, request.branch)
        standing = await standing_of(self._git, request.path)
        if standing.unmerged:
            raise _unfinished(None, standing.unmerged)
        standing = await self._without_links(request, standing)
        nested = await self._without_submodules(request.path, standing.nested)
        committed = (standing.changed > 0 or len(nested) < len(standing.nested)) and await self._record(request, nested)
        head = await self._repository.head_of(request.path)
        return {"commit": head if committed else None, "head": head, "nested": nested[:_SHOWN]}

    async def _without_links(self, request: messages.WorktreeCommit, standing: Standing) -> Standing:
        """Let go of links to repositories that only the worktree has: whoever gets the commit could not follow them."""
        links = set(standing.links)
        if request.base_commit and request.base_commit != await self._repository.head_of(request.path):
            links.update(await new_links(self._git, request.path, request.base_commit))
        filled = [link for link in links if _is_filled(self._repository.folder / request.path / link)]
        unknown = await self._without_submodules(request.path, filled)
        if not unknown:
            return standing
        options = ("--force-remove", "-z", "--stdin")
        await self._git.run("update-index", *options, cwd=request.path, stdin="\0".join(unknown))
        return await standing_of(self._git, request.path)

    async def _without_submodules(self, path: str, folders: list[str]) -> list[str]:
        if not folders:
            return []
        known = await submodules(self._git, path)
        return sorted(folder for folder in folders if folder not in known)

    async def _record(self, request: messages.WorktreeCommit, without: list[str]) -> bool:
        """Commit all but the folders `without`; whether there was anything."""
        if without:
            patterns = "\0".join((":/", *(f":(exclude,literal){folder}" for folder in without)))
            options = ("--all", "--pathspec-from-file=-", "--pathspec-file-nul")
            variables = {"GIT_LITERAL_PATHSPECS": "0"}
            await self._git.run("add", *options, cwd=request.path, stdin=patterns, variables=variables)
        else:
            await self._git.run("add", "--all", cwd=request.path)
        output = await self._git.run(
            *("commit", "--quiet", "--allow-empty-message", "--file=-"),
            cwd=request.path,
            author=request.author,
            stdin=request.message,
            accept=(0, 1),
        )
        if output.exit_code == 0:
            return True
        staged = await self._git.run("diff", "--cached", "--quiet", cwd=request.path, accept=(0, 1))
        if staged.exit_code == 0:
            return False
        raise GitFailed(("commit",), output.exit_code, output.stderr)

    async def _refuse_unfinished(self, path: str) -> None:
        """What git stopped in the middle is for a person to finish: a commit would take the marks of conflicts in."""
        admin = self._repository.admin_folder(path)
        for name, operation in _OPERATIONS:
            if (admin / name).exists():
                raise _unfinished(operation, (await standing_of(self._git, path)).unmerged)

    async def _attach(self, path: str, branch: str) -> None:
        """Put a worktree that was switched away back on its branch, with the commits that it is at.

        The branch moves only forward, and the one that the worktree was on stays where it is.
        """
        head = read_plain(self._repository.admin_folder(path) / "HEAD").strip()
        if head == f"{BRANCH_PREFIX}{branch}":
            return
        current = head.removeprefix(BRANCH_PREFIX) if head.startswith(BRANCH_PREFIX) else None
        async with self._repository.lock:
            ours = await self._commit_at(f"refs/heads/{branch}", path)
            theirs = await self._commit_at("HEAD", path)
            if theirs is not None and ours != theirs:
                if ours is not None and not await self._repository.is_ancestor(ours, theirs):
                    raise _parted(branch, current, theirs)
                await self._advance(branch, current, ours, theirs)
            await self._git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}", cwd=path)

    async def _commit_at(self, reference: str, path: str) -> str | None:
        """None: it is unborn, renamed or deleted."""
        revision = f"{reference}^{{commit}}"
        output = await self._git.run("rev-parse", "--verify", "--quiet", revision, cwd=path, accept=(0, 1))
        return output.text or None

    async def _advance(self, branch: str, current: str | None, old: str | None, new: str) -> None:
        where = self._worktrees.place_of(branch)
        if where is not None:
            raise Problem(
                "wrong-branch",
                f"The worktree is {_name(current, new)}, and its own branch `{branch}` is checked out in {where}.",
                f"Switch {where} to another branch in a terminal, then try again.",
                branch=branch,
                current=current,
            )
        try:
            await self._git.run("update-ref", f"refs/heads/{branch}", new, old or "")
        except GitFailed as error:
            raise Problem(
                "wrong-branch",
                f"The worktree is {_name(current, new)}, and git refuses to move `{branch}` there: {error.lines}",
                "Put right in the attempt's terminal what git says, then try again.",
                branch=branch,
                current=current,
            ) from error


def _is_filled(folder: Path) -> bool:
    """Not just the empty folder that git makes for a link it does not follow."""
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _unfinished(operation: str | None, files: list[str]) -> Problem:
    names = ", ".join(files[:_NAMED]) + (" and others" if len(files) > _NAMED else "")
    conflict = f"{len(files)} files of the worktree are in conflict: {names}." if files else ""
    detail = f"`git {operation}` was begun in the worktree and not finished. {conflict}" if operation else conflict
    steps = (
        f"finish it (`git {operation} --continue`) or undo it (`git {operation} --abort`)"
        if operation
        else "resolve them and mark each as resolved (`git add`)"
    )
    return Problem(
        "unfinished-operation",
        detail.strip(),
        f"In the attempt's terminal, {steps}. Then try again.",
        operation=operation,
        files=files[:_SHOWN],
    )


def _parted(branch: str, current: str | None, commit: str) -> Problem:
    keep = "" if current else "`git branch elsewhere` to keep what is here, "
    return Problem(
        "wrong-branch",
        f"The worktree is {_name(current, commit)}, and its own branch `{branch}` has commits that are not in there.",
        f"In the attempt's terminal: {keep}`git switch {branch}`, then `git merge {current or 'elsewhere'}` if what "
        "was made there is wanted. Then try again.",
        branch=branch,
        current=current,
    )


def _name(current: str | None, commit: str) -> str:
    return f"on branch `{current}`" if current else f"at commit {commit[:10]} without a branch"
