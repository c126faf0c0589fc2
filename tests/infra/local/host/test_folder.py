from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from infra.local.errors import LocalError
from infra.local.host import folder
from infra.local.specs import FolderSpec


@pytest.fixture
def spec(tmp_path: Path) -> FolderSpec:
    return FolderSpec(path=str(tmp_path / "some" / "data"))


def test_a_folder_is_made_closed_to_others(spec: FolderSpec) -> None:
    folder.apply(spec)
    mode = stat.S_IMODE(Path(spec.path).stat().st_mode)
    assert mode == (0o711 if os.getuid() == 0 else 0o700)


def test_a_folder_of_ours_is_taken_over_with_what_is_in_it(spec: FolderSpec) -> None:
    first = folder.apply(spec)
    (Path(spec.path) / "anyon.db").write_text("rows")
    assert folder.apply(spec) == first == folder.observe(spec)
    assert (Path(spec.path) / "anyon.db").read_text() == "rows"


def test_an_empty_folder_is_taken(spec: FolderSpec) -> None:
    Path(spec.path).mkdir(parents=True)
    assert folder.observe(spec) is None
    folder.apply(spec)
    assert folder.observe(spec) is not None


def test_a_folder_with_other_files_is_refused(spec: FolderSpec) -> None:
    Path(spec.path).mkdir(parents=True)
    (Path(spec.path) / "thesis.tex").touch()
    with pytest.raises(LocalError, match="files that are not ours") as caught:
        folder.apply(spec)
    assert "anyon:data_dir" in caught.value.hint


def test_a_place_where_no_folder_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match="cannot be made: Not a directory"):
        folder.apply(FolderSpec(path=str(tmp_path / "file" / "data")))


def test_removing_the_resource_keeps_the_data(spec: FolderSpec) -> None:
    folder.apply(spec)
    folder.remove(spec)
    assert folder.observe(spec) is not None


def test_erasing_removes_our_folder_only(spec: FolderSpec, tmp_path: Path) -> None:
    assert not folder.erase(spec)
    folder.apply(spec)
    assert folder.erase(spec)
    assert not Path(spec.path).exists()
    with pytest.raises(LocalError, match="does not look like our data folder"):
        folder.erase(FolderSpec(path=str(tmp_path)))
    assert tmp_path.exists()
