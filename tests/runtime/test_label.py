"""Labels: written as a whole, private, and believed only when they name a process that lives."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from anyon.runtime import label as labels
from anyon.runtime import procfs
from anyon.runtime.label import Label


def own_label() -> Label:
    status = procfs.status(os.getpid())
    assert status is not None
    return Label(
        project_id="8a5c", generation="g", token="sesame", pid=os.getpid(), pid_start_time=status.start_time,
        boot_id=procfs.boot_id(), started_at=1.5, isolated=True, peer_uid=1000, cgroups=["/a"],
    )  # fmt: skip


def test_a_label_is_read_as_it_was_written_and_private(tmp_path: Path) -> None:
    labels.write(tmp_path, own_label())
    assert labels.read(tmp_path) == own_label()
    assert (tmp_path / labels.NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [labels.NAME]
    labels.clear(tmp_path)
    labels.clear(tmp_path)
    assert labels.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"pid": 1}', "\x00"])
def test_a_damaged_label_is_no_label(tmp_path: Path, text: str) -> None:
    (tmp_path / labels.NAME).write_text(text)
    assert labels.read(tmp_path) is None


def test_a_label_of_a_later_version_is_read_without_what_it_adds(tmp_path: Path) -> None:
    labels.write(tmp_path, own_label())
    content = json.loads((tmp_path / labels.NAME).read_text())
    (tmp_path / labels.NAME).write_text(json.dumps({**content, "news": 1}))
    assert labels.read(tmp_path) == own_label()


def test_only_the_very_process_counts_as_alive() -> None:
    label = own_label()
    assert label.names_a_live_process()
    assert not replace(label, pid_start_time=label.pid_start_time + 1).names_a_live_process()
    assert not replace(label, boot_id="another").names_a_live_process()
    assert not replace(label, pid=2**22 - 1).names_a_live_process()


def test_the_token_is_not_printed() -> None:
    assert "sesame" not in repr(own_label())
