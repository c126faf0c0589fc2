from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.host.control import Control, Desired, Observed, write_private
from infra.local.host.processes import ProcessId

DESIRED = Desired(
    revision="",
    release="r",
    command=["serve"],
    directory="/",
    environment={"A": "b"},
    host="127.0.0.1",
    addresses=["127.0.0.1"],
    port=1,
    health_path="/readyz",
    stop_seconds=1,
)


@pytest.fixture
def control(tmp_path: Path) -> Control:
    control = Control(tmp_path / "control")
    control.prepare()
    return control


def test_desired_and_observed_come_back_as_they_were_written(control: Control) -> None:
    observed = Observed(supervisor=ProcessId(1, 2, "boot"), revision="x", healthy=True, restarts=3)
    control.write_desired(DESIRED)
    control.write_observed(observed)
    assert control.desired() == DESIRED
    assert control.observed() == observed


def test_before_anything_was_started_nothing_is_wanted_and_nothing_seen(control: Control) -> None:
    assert control.desired() is None
    assert control.observed() == Observed()
    control.forget_desired()


def test_what_another_version_wrote_is_read_as_far_as_it_is_understood(control: Control) -> None:
    write_private(control.folder / "observed.json", '{"restarts": 2, "mood": "good"}')
    write_private(control.folder / "desired.json", '{"revision": "x"}')
    assert control.observed() == Observed(restarts=2)
    assert control.desired() is None


def test_the_files_are_for_the_owner_alone(control: Control) -> None:
    control.write_desired(DESIRED)
    control.revision_of(DESIRED)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in control.folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(control.folder.stat().st_mode) == 0o700


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "file", "old")
    monkeypatch.setattr("os.fsync", _full_disk)
    with pytest.raises(OSError, match="disk"):
        write_private(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_equal_states_have_one_revision_and_others_another(control: Control) -> None:
    revision = control.revision_of(DESIRED)
    assert control.revision_of(replace(DESIRED, revision="x", restarts_seen=9)) == revision
    assert control.revision_of(replace(DESIRED, environment={"A": "c"})) != revision
    assert control.revision_of(replace(DESIRED, release="s")) != revision


def test_a_revision_tells_nothing_about_passwords_to_who_lacks_the_key(tmp_path: Path) -> None:
    first, second = Control(tmp_path / "first"), Control(tmp_path / "second")
    assert first.revision_of(DESIRED) != second.revision_of(DESIRED)


def _full_disk(_descriptor: int) -> None:
    raise OSError("disk full")
