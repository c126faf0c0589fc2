"""Merging and rebasing branches. A conflict touches nothing, and no edit of a person is overwritten."""

from __future__ import annotations

from typing import Any

from anyon.agent import messages
from anyon.agent.git import GitFailed
from anyon.agent.paths import read_plain
from anyon.agent.problems import Problem
from anyon.agent.repository import Repository
from anyon.agent.spare import Spare
from anyon.agent.worktrees import Worktrees, check_branch

REBASE_SECONDS = 300.0
# Authors stay as they are; git wants to know who rewrote the commits.
_COMMITTER = {"GIT_COMMITTER_NAME": "Anyon", "GIT_COMMITTER_EMAIL": "anyon@localhost"}


class Merges:
    """Of one repository."""

    def __init__(self, repository: Repository, worktrees: Worktrees, spare: Spare) -> None:
        self._repository = repository
        self._git = repository.git
        self._worktrees = worktrees
        self._spare = spare

    async def merge(self, request: messages.BranchMerge) -> dict[str, Any]:
        """Bring a branch into another, forward where that suffices, else by a merge commit.

        The main working copy follows when `into` is checked out there. Raises Problem `merge-conflict`,
        `local-changes`, `branch-in-use`, `unknown-revision`.
        """
        check_branch(request.branch)
        check_branch(request.into)
        async with self._repository.lock:
            ours = await self._repository.commit_of(f"refs/heads/{request.into}")
            theirs = await self._repository.commit_of(f"refs/heads/{request.branch}")
            if await self._repository.is_ancestor(theirs, ours):
                return {"commit": ours, "fast_forward": True}
            forward = await self._repository.is_ancestor(ours, theirs)
            commit = theirs if forward else await self._merge_commit(request, ours, theirs)
            await self._advance(request.into, ours, commit)
        self._spare.want()
        return {"commit": commit, "fast_forward": forward}

    async def rebase(self, request: messages.BranchRebase) -> dict[str, Any]:
        """Put the commits of a worktree's branch on top of another commit; a conflict is rolled back.

        Raises Problem `merge-conflict`, `local-changes`, `wrong-branch`, `unknown-revision`, `not-a-worktree`.
        """
        self._repository.admin_folder(request.path)
        onto = await self._repository.commit_of(request.onto)
        current = await self._git.run("symbolic-ref", "--quiet", "--short", "HEAD", cwd=request.path, accept=(0, 1))
        if current.text != request.branch:
            detail = f"{request.path} is on {current.text or 'no branch'}, not on {request.branch}."
            raise Problem("wrong-branch", detail, branch=current.text)
        changed = await self._git.run("status", "--porcelain=v1", "-z", "--no-renames", cwd=request.path)
        if changed.fields:
            raise _local_changes([field[3:] for field in changed.fields])
        async with self._repository.lock:
            try:
                await self._git.run(
                    "rebase",
                    "--quiet",
                    "--no-autostash",
                    onto,
                    cwd=request.path,
                    timeout=REBASE_SECONDS,
                    variables=_COMMITTER,
                )
            except Problem as problem:
                await self._roll_back(request.path, problem)
                raise
        return {"head": await self._repository.commit_of(f"refs/heads/{request.branch}")}

    async def _roll_back(self, path: str, problem: Problem) -> None:
        """Undo a rebase that stopped. Raises Problem `merge-conflict` when conflicts stopped it."""
        unmerged = await self._git.run("diff", "--name-only", "--diff-filter=U", "-z", cwd=path)
        await self._git.run("rebase", "--abort", cwd=path, accept=(0, 1, 128))
        if unmerged.fields:
            raise _conflict(unmerged.fields) from problem

    async def _merge_commit(self, request: messages.BranchMerge, ours: str, theirs: str) -> str:
        """Merge in the object store alone; gives the commit, which no branch names yet."""
        merged = await self._git.run("merge-tree", "--write-tree", "--name-only", "-z", ours, theirs, accept=(0, 1))
        tree, _, rest = merged.stdout.partition(b"\0")
        if merged.exit_code == 1:
            names = rest.partition(b"\0\0")[0].split(b"\0")
            raise _conflict([name.decode(errors="surrogateescape") for name in names if name])
        output = await self._git.run(
            *("commit-tree", tree.decode("ascii"), "-p", ours, "-p", theirs, "-F", "-"),
            author=request.author,
            stdin=request.message,
        )
        return output.text

    async def _advance(self, branch: str, old: str, new: str) -> None:
        """Move a branch forward, and the working copy that has it checked out."""
        if read_plain(self._repository.git_folder / "HEAD").strip() == f"ref: refs/heads/{branch}":
            try:
                await self._git.run("merge", "--quiet", "--ff-only", "--no-stat", new)
            except GitFailed as error:
                files = [line.strip() for line in error.lines.splitlines() if line.startswith("\t")]
                raise _local_changes(files, error.lines) from error
            return
        for entry in self._worktrees.entries():
            if entry.branch == branch:
                raise Problem("branch-in-use", f"Branch {branch} is checked out in {entry.folder}.", branch=branch)
        await self._git.run("update-ref", f"refs/heads/{branch}", new, old)


def _conflict(files: list[str]) -> Problem:
    names = sorted(set(files))
    hint = "Rebase the branch, or resolve the conflict in its worktree."
    return Problem("merge-conflict", f"{len(names)} files were changed on both sides.", hint, files=names)


def _local_changes(files: list[str], said: str = "") -> Problem:
    detail = (
        f"{len(files)} files of the working copy have changes that are not committed."
        if files
        else f"git refuses: {said}"
    )
    return Problem("local-changes", detail, "Commit or remove them first.", files=files)
