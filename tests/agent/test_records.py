"""Records survive, and damaged ones do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.agent import records as records_module
from anyon.agent.messages import Execution
from anyon.agent.records import Records

RECORD = Execution("a", "exited", None, 1.0, 2.0, 0)


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    records = Records(tmp_path / "executions")
    records.save(RECORD)
    assert Records(tmp_path / "executions").load("a") == RECORD
    assert [path.name for path in (tmp_path / "executions" / "a").iterdir()] == ["record.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"id": "a", "surprise": 1}', "\x00"])
def test_a_damaged_record_is_no_record(tmp_path: Path, content: str) -> None:
    records = Records(tmp_path)
    records.save(RECORD)
    (tmp_path / "a" / "record.json").write_text(content)
    assert records.load("a") is None


async def test_the_newest_records_are_listed_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(records_module, "MAX_LISTED", 2)
    records = Records(tmp_path)
    for age, name in enumerate("abc"):
        records.save(RECORD._replace(id=name))
        os.utime(tmp_path / name, (age, age))
    (tmp_path / "dangling").symlink_to("nowhere")
    assert await records.newest() == ["c", "b"]


def test_removing_twice_is_no_error(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.save(RECORD)
    assert records.remove("a")
    assert not records.remove("a")
