"""What a worktree changed since it left its base: committed, uncommitted and new files in one view."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from anyon.agent import messages
from anyon.agent.paths import open_beneath
from anyon.agent.problems import Problem
from anyon.agent.repository import Repository

MAX_FILES = 2000
MAX_PATCH_BYTES = 524_288
_OPTIONS = ("--no-color", "--no-ext-diff", "--no-textconv", "--find-renames")


class Diffs:
    """Of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._git = repository.git
        self._count = 0

    async def summary(self, request: messages.DiffSummary) -> dict[str, Any]:
        """Changed files with their line counts, at most MAX_FILES. Raises Problem `unknown-revision`."""
        async with self._sides(request.path, request.base, request.head) as (base, head, variables):
            output = await self._git.run(
                "diff",
                "--raw",
                "--numstat",
                "-z",
                "--abbrev=40",
                *_OPTIONS,
                *([base, head] if request.head else [base]),
                "--",
                cwd=request.path,
                variables=variables,
            )
        files = _parse(output.stdout)
        return {
            "base": base,
            "head": head,
            "files": files[:MAX_FILES],
            "added": sum(file["added"] or 0 for file in files),
            "removed": sum(file["removed"] or 0 for file in files),
            "truncated": output.truncated or len(files) > MAX_FILES,
        }

    async def file(self, request: messages.DiffFile) -> dict[str, Any]:
        """One file's patch, cut at MAX_PATCH_BYTES. Raises Problem `unknown-revision`."""
        paths = [path for path in (request.old_path, request.file) if path]
        async with self._sides(request.path, request.base, request.head) as (base, head, variables):
            output = await self._git.run(
                "diff",
                *_OPTIONS,
                *([base, head] if request.head else [base]),
                "--",
                *paths,
                cwd=request.path,
                variables=variables,
                limit=MAX_PATCH_BYTES,
            )
        patch = output.stdout
        header, _, _ = patch.partition(b"\n@@ ")
        if output.truncated:
            patch = patch[: patch.rfind(b"\n") + 1]
        return {
            "patch": patch.decode(errors="replace"),
            "truncated": output.truncated,
            "binary": b"\nBinary files " in header,
        }

    @asynccontextmanager
    async def _sides(self, path: str, base: str, head: str | None) -> AsyncIterator[tuple[str, str, Mapping[str, str]]]:
        """Both commits, and the variables with which git sees new files; two given commits need no worktree."""
        if head is not None:
            yield await self._repository.commit_of(base), await self._repository.commit_of(head), {}
            return
        left = await self._base(path, base)
        async with self._index_with_new_files(path) as variables:
            now = (await self._git.run("rev-parse", "--verify", "HEAD", cwd=path)).text
            yield left, now, variables

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
                shutil.copyfile(self._index_of(path), folder / "index")
            variables = {"GIT_INDEX_FILE": str(folder / "index")}
            await self._git.run("add", "--intent-to-add", "--", ".", cwd=path, variables=variables)
            yield variables
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _index_of(self, path: str) -> Path:
        """The index of a worktree, or of the main working copy."""
        if not path.strip("./"):
            return self._repository.git_folder / "index"
        link = self._read_link(f"{path}/.git")
        admin = Path(link.removeprefix("gitdir: ").strip())
        if admin.parent != self._repository.git_folder / "worktrees":
            raise Problem("not-a-worktree", f"{path!r} is no worktree of this repository.", path=path)
        return admin / "index"

    def _read_link(self, path: str) -> str:
        root = os.open(self._repository.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            descriptor = open_beneath(root, path, os.O_RDONLY)
        finally:
            os.close(root)
        try:
            return os.read(descriptor, 4096).decode(errors="surrogateescape")
        finally:
            os.close(descriptor)


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
