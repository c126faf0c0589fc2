"""Reads files and folders of the workspace, and only of it."""

from __future__ import annotations

import binascii
import os
import stat
from typing import Any

from anyon.agent import messages
from anyon.agent.paths import open_beneath
from anyon.agent.problems import Problem

MAX_ENTRIES = 2000

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


class Files:
    """`root` is a descriptor of the workspace's folder."""

    def __init__(self, root: int) -> None:
        self._root = root

    async def list(self, request: messages.FilesList) -> dict[str, Any]:
        """Entries of a folder by name, at most MAX_ENTRIES. Raises Problem `path-escapes`, `not-found`."""
        folder = open_beneath(self._root, request.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - a Path has no descriptor
            entries = [entry for name in names[:MAX_ENTRIES] if (entry := _describe(folder, name)) is not None]
        finally:
            os.close(folder)
        return {"entries": entries, "truncated": len(names) > MAX_ENTRIES}

    async def read(self, request: messages.FilesRead) -> dict[str, Any]:
        """A part of a file. Raises Problem `path-escapes`, `not-found`, `not-a-file`."""
        descriptor = open_beneath(self._root, request.path, os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Problem("not-a-file", f"{request.path!r} is not a regular file.", path=request.path)
            content = os.pread(descriptor, request.limit, request.offset)
        finally:
            os.close(descriptor)
        return {
            "content_base64": binascii.b2a_base64(content, newline=False).decode("ascii"),
            "size": status.st_size,
            "truncated": request.offset + len(content) < status.st_size,
        }


def _describe(folder: int, name: str) -> dict[str, Any] | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:  # deleted since the folder was listed
        return None
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "other")
    return {"name": name, "kind": kind, "size": status.st_size, "modified_at": status.st_mtime}
