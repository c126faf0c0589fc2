"""Folders with hostile content: made, measured and deleted without a step outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anyon.runtime import folders


def delete(parent: Path, name: str) -> None:
    with folders.opened(parent) as descriptor:
        folders.delete_tree(descriptor, name)


def test_parts_are_private_and_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folders.prepare(folder, None)
    (folder / "repo" / "file").touch()
    (folder / "run" / "agent.sock").touch()
    folders.prepare(folder, None)
    assert sorted(part.name for part in folder.iterdir()) == sorted(folders.PARTS)
    assert {part.stat().st_mode & 0o777 for part in [folder, *folder.iterdir()]} == {0o700}
    assert (folder / "repo" / "file").exists()
    assert not list((folder / "run").iterdir())


@pytest.mark.parametrize("part", ["repo", "home", "state"])
@pytest.mark.parametrize("obstacle", ["link", "file"])
def test_an_obstacle_in_the_place_of_a_part_is_refused(tmp_path: Path, part: str, obstacle: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "p"
    folder.mkdir()
    if obstacle == "link":
        (folder / part).symlink_to(outside)
    else:
        (folder / part).touch()
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        folders.prepare(folder, None)
    assert not list(outside.iterdir())


def test_a_link_in_the_place_of_run_is_replaced_without_following_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "run").symlink_to(outside)
    folders.prepare(folder, None)
    assert (outside / "file").exists()
    assert not (folder / "run").is_symlink()


def test_a_tree_deeper_than_files_may_be_open_is_deleted(tmp_path: Path) -> None:
    start = os.open(tmp_path, os.O_RDONLY)
    os.mkdir("deep", dir_fd=start)
    os.mkdir("deep/moved-0", dir_fd=start)
    here = os.open("deep", os.O_RDONLY, dir_fd=start)
    for _ in range(3000):
        os.mkdir("a", dir_fd=here)
        following = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = following
    os.close(here)
    os.close(start)
    before = len(list(Path("/proc/self/fd").iterdir()))
    delete(tmp_path, "deep")
    assert not (tmp_path / "deep").exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_closed_folders_links_and_pipes_are_deleted_and_their_targets_stay(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    tree = tmp_path / "tree"
    (tree / "closed").mkdir(parents=True)
    (tree / "closed" / "file").touch()
    (tree / "to-folder").symlink_to(outside)
    (tree / "to-nothing").symlink_to("/absent")
    os.mkfifo(tree / "pipe")
    (tree / "closed").chmod(0)
    delete(tmp_path, "tree")
    delete(tmp_path, "tree")
    assert [path.name for path in tmp_path.rglob("*")] == ["outside", "inner"]


def test_a_plain_file_in_the_place_of_a_tree_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    delete(tmp_path, "file")
    delete(tmp_path, "link")
    assert not list(tmp_path.iterdir())


def test_usage_counts_each_file_once_and_follows_no_link(tmp_path: Path) -> None:
    folders.prepare(tmp_path / "p", None)
    (tmp_path / "big").write_bytes(os.urandom(1_000_000))
    repo = tmp_path / "p" / "repo"
    (repo / "file").write_bytes(os.urandom(100_000))
    (repo / "same").hardlink_to(repo / "file")
    (repo / "link").symlink_to(tmp_path)
    usage = folders.disk_usage(tmp_path / "p", lambda: 0.0)
    assert 100_000 <= usage.size < 200_000
    assert not usage.is_partial


def test_usage_stops_at_its_budget_of_entries_and_time(tmp_path: Path) -> None:
    folders.prepare(tmp_path / "p", None)
    for number in range(20):
        (tmp_path / "p" / "repo" / str(number)).write_text("x")
    assert folders.disk_usage(tmp_path / "p", lambda: 0.0, entries=10).is_partial
    ticks = iter(range(1000))
    assert folders.disk_usage(tmp_path / "p", lambda: float(next(ticks)), seconds=5).is_partial
    assert not folders.disk_usage(tmp_path / "p", lambda: 0.0, entries=20).is_partial


def test_usage_of_an_absent_workspace_is_nothing(tmp_path: Path) -> None:
    assert folders.disk_usage(tmp_path / "absent", lambda: 0.0) == folders.DiskUsage()
