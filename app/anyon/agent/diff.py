"""What a worktree changed since it left its base: committed, uncommitted and new files in one view."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from anyon.agent import messages
from anyon.agent.commands import Output
from anyon.agent.git import MAX_OUTPUT_BYTES, GitFailed
from anyon.agent.repository import Repository

MAX_FILES = 2000
MAX_PATCH_BYTES = 524_288
_OPTIONS = ("--no-color", "--no-ext-diff", "--no-textconv", "--find-renames")


class _Sides(NamedTuple):
    """`variables` show git the new files of a worktree; without them it is about two commits."""

    base: str
    head: str
    variables: Mapping[str, str]


class Diffs:
    """Of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._git = repository.git
        self._count = 0

    async def summary(self, request: messages.DiffSummary) -> dict[str, Any]:
        """Changed files with their line counts, at most MAX_FILES. Raises Problem `unknown-revision`."""
        async with self._sides(request.path, request.base, request.head) as sides:
            output = await self._diff(sides, request.path, ("--raw", "--numstat", "-z", "--abbrev=40"), ())
        files = _parse(output.stdout)
        return {
            "base": sides.base,
            "head": sides.head,
            "files": files[:MAX_FILES],
            "added": sum(file["added"] or 0 for file in files),
            "removed": sum(file["removed"] or 0 for file in files),
            "truncated": output.truncated or len(files) > MAX_FILES,
        }

    async def file(self, request: messages.DiffFile) -> dict[str, Any]:
        """One file's patch, cut at MAX_PATCH_BYTES. Raises Problem `unknown-revision`."""
        paths = [path for path in (request.old_path, request.file) if path]
        async with self._sides(request.path, request.base, request.head) as sides:
            output = await self._diff(sides, request.path, (), paths, limit=MAX_PATCH_BYTES)
        patch = output.stdout
        header, _, _ = patch.partition(b"\n@@ ")
        if output.truncated:
            patch = patch[: patch.rfind(b"\n") + 1]
        return {
            "patch": patch.decode(errors="replace"),
            "truncated": output.truncated,
            "binary": b"\nBinary files " in header,
        }

    async def _diff(
        self,
        sides: _Sides,
        path: str,
        options: Sequence[str],
        paths: Sequence[str],
        *,
        limit: int = MAX_OUTPUT_BYTES,
    ) -> Output:
        async def run(*revisions: str) -> Output:
            arguments = ("diff", *options, *_OPTIONS, *revisions, "--", *paths)
            return await self._git.run(*arguments, cwd=path, variables=sides.variables, limit=limit)

        if sides.variables:
            return await run(sides.base)
        try:
            return await run(f"{sides.base}...{sides.head}")
        except GitFailed as error:
            if "no merge base" not in error.lines:
                raise
            return await run(sides.base, sides.head)

    @asynccontextmanager
    async def _sides(self, path: str, base: str, head: str | None) -> AsyncIterator[_Sides]:
        """What is compared: a worktree with where it left the base, or two commits, which need no worktree.

        Raises Problem `not-a-worktree`.
        """
        if head is not None:
            yield _Sides(await self._repository.commit_of(base), await self._repository.commit_of(head), {})
            return
        self._repository.admin_folder(path)
        left = await self._base(path, base)
        async with self._index_with_new_files(path) as variables:
            yield _Sides(left, await self._repository.head_of(path), variables)

    async def _base(self, path: str, base: str) -> str:
        """Where the worktree left the base branch; the base itself when they have no history in common."""
        commit = await self._repository.commit_of(base)
        output = await self._git.run("merge-base", commit, "HEAD", cwd=path, accept=(0, 1))
        return output.text.partition("\n")[0] or commit

    @asynccontextmanager
    async def _index_with_new_files(self, path: str) -> AsyncIterator[dict[str, str]]:
        """Variables that show untracked files to git as new ones, through a copy of the index; nothing real changes."""
        self._count += 1
        folder = self._repository.scratch / f"diff-{self._count}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            with suppress(FileNotFoundError):
                shutil.copyfile(self._repository.admin_folder(path) / "index", folder / "index")
            variables = {"GIT_INDEX_FILE": str(folder / "index")}
            # What git cannot take in, as a repository without a commit, is not shown; the rest is.
            options = ("--intent-to-add", "--ignore-errors", "--", ".")
            await self._git.run("add", *options, cwd=path, variables=variables, accept=(0, 1))
            yield variables
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _parse(output: bytes) -> list[dict[str, Any]]:
    """`git diff --raw --numstat -z`: all raw records, then all counts, in the same order."""
    fields = iter([field.decode(errors="surrogateescape") for field in output.split(b"\0")])
    files: dict[str, dict[str, Any]] = {}
    for field in fields:
        with suppress(StopIteration):  # the output may be cut anywhere
            if field.startswith(":"):
                _take_raw(field, fields, files)
            elif field.count("\t") >= 2:
                _take_count(field, fields, files)
    return list(files.values())


def _take_raw(field: str, fields: Iterator[str], files: dict[str, dict[str, Any]]) -> None:
    status = field.rpartition(" ")[2][:1]
    old_path = next(fields) if status in ("R", "C") else None
    path = next(fields)
    files[path] = {
        "path": path,
        "old_path": old_path,
        "status": status,
        "added": None,
        "removed": None,
        "binary": False,
    }


def _take_count(field: str, fields: Iterator[str], files: dict[str, dict[str, Any]]) -> None:
    added, removed, path = field.split("\t", 2)
    if not path:  # a rename: old and new path follow
        next(fields)
        path = next(fields)
    file = files.get(path)
    if file is not None:
        file["binary"] = added == "-"
        if added != "-":
            file["added"], file["removed"] = int(added), int(removed)
