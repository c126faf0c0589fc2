"""Logs on disk: exact by offset, bounded, with a gap in the middle when they grow too long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.agent import logs
from anyon.agent.logs import LogWriter, extent, read_piece


def read_all(folder: Path, offset: int = 0, step: int = 7) -> list[tuple[int, bytes]]:
    """(offset, bytes) of each contiguous run."""
    runs: list[tuple[int, bytes]] = []
    while (piece := read_piece(folder, offset, step)) is not None:
        if runs and piece.offset == offset:
            runs[-1] = (runs[-1][0], runs[-1][1] + piece.data)
        else:
            runs.append((piece.offset, piece.data))
        offset = piece.offset + len(piece.data)
    return runs


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=30), limit=st.integers(16, 200))
def test_what_is_kept_is_the_beginning_and_the_newest_part(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes], limit: int
) -> None:
    folder, everything = tmp_path_factory.mktemp("log"), b"".join(chunks)
    writer = LogWriter(folder, limit)
    for chunk in chunks:
        writer.append(chunk)
    writer.close()
    runs = read_all(folder)
    assert all(everything[start : start + len(data)] == data for start, data in runs)
    assert len(runs) <= 2
    assert writer.end == len(everything)
    assert writer.dropped == len(everything) - sum(len(data) for _, data in runs)
    assert sum(len(data) for _, data in runs) <= limit
    if everything:
        assert runs[0][0] == 0
        assert runs[-1][0] + len(runs[-1][1]) == len(everything)
    assert extent(folder) == (writer.end, writer.dropped)


@given(offset=st.integers(0, 100))
def test_reading_resumes_at_any_offset(tmp_path_factory: pytest.TempPathFactory, offset: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = LogWriter(folder, 1000)
    writer.append(bytes(range(100)))
    writer.close()
    assert b"".join(data for _, data in read_all(folder, offset)) == bytes(range(100))[offset:]


def test_a_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read_piece(tmp_path / "none", 0, 10) is None
    assert extent(tmp_path / "none") == (0, 0)


def test_a_segment_that_vanishes_is_a_gap(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, 40)
    writer.append(bytes(30))
    writer.close()
    (tmp_path / "00000000000000000010.log").unlink()
    assert [start for start, _ in read_all(tmp_path)] == [0, 20]


def test_a_full_disk_costs_bytes_and_not_the_execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(tmp_path, 1000)
    writer.append(b"before")

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        writer.append(b"lost")
        writer.append(b"too")
    writer.append(b"after")
    writer.close()
    assert read_all(tmp_path) == [(0, b"before"), (13, b"after")]
    assert (writer.end, writer.dropped) == (18, 7)


def test_foreign_files_and_links_in_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "00000000000000000000.log").symlink_to(tmp_path / "secret")
    (folder / "notes.log").write_text("notes")
    assert read_piece(folder, 0, 10) is None
    assert logs._read(folder / "00000000000000000000.log", 0, 10) == b""
