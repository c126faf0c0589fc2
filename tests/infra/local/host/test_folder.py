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


def test_erasing_copes_with_what_workspaces_make(spec: FolderSpec, tmp_path: Path) -> None:
    folder.apply(spec)
    kept = tmp_path / "kept"
    kept.write_text("not ours")
    deep = os.open(spec.path, os.O_DIRECTORY)
    for _ in range(2500):  # deeper than a path may be long, and than Python recurses
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_DIRECTORY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.symlink(tmp_path, "link", dir_fd=deep)
    os.close(deep)
    closed = Path(spec.path) / "-rf" / "module cache"
    closed.mkdir(parents=True)
    (closed / "file").touch()
    closed.chmod(0o500)
    closed.parent.chmod(0)
    assert folder.erase(spec)
    assert not Path(spec.path).exists()
    assert kept.read_text() == "not ours"


def test_what_cannot_be_erased_is_said(spec: FolderSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder.apply(spec)
    (tmp_path / "rm").write_text("#!/bin/sh\necho 'cannot remove it: Read-only file system' >&2\nexit 1\n")
    (tmp_path / "rm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(LocalError, match="Read-only file system"):
        folder.erase(spec)
