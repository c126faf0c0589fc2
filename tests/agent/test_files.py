"""Listing and reading files of the workspace."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from anyon.agent import files
from anyon.agent.files import Files
from anyon.agent.messages import FilesList, FilesRead
from anyon.agent.problems import Problem


async def test_a_folder_is_listed_by_name_with_kinds(root: int, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("12345")
    (tmp_path / "c").symlink_to("a")
    os.mkfifo(tmp_path / "d")
    os.utime(tmp_path / "a", (1000, 1000))
    answer = await Files(root).list(FilesList(""))
    assert [(entry["name"], entry["kind"]) for entry in answer["entries"]] == [
        ("a", "file"),
        ("b", "directory"),
        ("c", "link"),
        ("d", "other"),
    ]
    assert answer["entries"][0] == {"name": "a", "kind": "file", "size": 5, "modified_at": 1000.0}
    assert not answer["truncated"]


async def test_a_folder_with_too_many_entries_says_so(
    root: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_ENTRIES", 2)
    for name in "abc":
        (tmp_path / name).touch()
    answer = await Files(root).list(FilesList(""))
    assert [entry["name"] for entry in answer["entries"]] == ["a", "b"]
    assert answer["truncated"]


def test_a_file_deleted_while_its_folder_is_listed_is_left_out(root: int) -> None:
    assert files._describe(root, "gone") is None


async def test_a_part_of_a_file_is_read(root: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(10)))
    answer = await Files(root).read(FilesRead("a", 2, 3))
    assert base64.b64decode(answer["content_base64"]) == bytes([2, 3, 4])
    assert (answer["size"], answer["truncated"]) == (10, True)
    answer = await Files(root).read(FilesRead("a", 8, 100))
    assert (base64.b64decode(answer["content_base64"]), answer["truncated"]) == (bytes([8, 9]), False)


async def test_only_regular_files_are_read(root: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for path in ("fifo", "folder"):
        with pytest.raises(Problem) as problem:
            await Files(root).read(FilesRead(path, 0, 10))
        assert problem.value.code == "not-a-file"


async def test_nothing_outside_is_listed_or_read(root: int) -> None:
    with pytest.raises(Problem, match="leads out"):
        await Files(root).list(FilesList("../"))
    with pytest.raises(Problem, match="leads out"):
        await Files(root).read(FilesRead("/etc/passwd", 0, 10))
