"""Nothing outside of the folder can be opened, by openat2 and by the walk for older kernels alike."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anyon.agent import paths
from anyon.agent.paths import open_beneath, open_folder, read_plain
from anyon.agent.problems import Problem


@pytest.fixture(params=["openat2", "walk"])
def every_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the system call, and without it."""
    if request.param == "walk":

        def missing(_root: int, _path: str, _flags: int) -> int:
            raise OSError(errno.ENOSYS, "Function not implemented")

        monkeypatch.setattr(paths, "_openat2", missing)
    return str(request.param)


@contextmanager
def opened(root: int, path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = open_beneath(root, path, flags)
    yield descriptor
    os.close(descriptor)


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(Problem) as problem:
        work()
    return problem.value.code


@pytest.mark.parametrize("path", ["file", "./file", "folder//deep"])
def test_what_is_inside_is_opened(every_way: str, root: int, tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("content")
    (tmp_path / "folder" / "deep").write_text("content")
    with opened(root, path) as descriptor:
        assert os.read(descriptor, 100) == b"content"
        assert not os.get_inheritable(descriptor)


def test_a_way_up_that_stays_inside_is_followed_where_the_kernel_checks_it(root: int, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("content")
    with opened(root, "folder/../file") as descriptor:
        assert os.read(descriptor, 100) == b"content"


@pytest.mark.parametrize("path", ["..", "../other", "folder/../../other", "/etc/passwd"])
def test_paths_that_lead_out_are_refused(every_way: str, root: int, tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    assert refusal(lambda: open_beneath(root, path, os.O_RDONLY)) == "path-escapes"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "/proc/self/root/etc/passwd"])
def test_links_that_lead_out_are_refused(every_way: str, root: int, tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "way").symlink_to(Path(target).parent)
    assert refusal(lambda: open_beneath(root, "link", os.O_RDONLY)) == "path-escapes"
    assert refusal(lambda: open_beneath(root, f"way/{Path(target).name}", os.O_RDONLY)) == "path-escapes"


def test_a_link_that_stays_inside_is_followed_where_the_kernel_can_tell(root: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "link").symlink_to("file")
    with opened(root, "link") as descriptor:
        assert os.read(descriptor, 100) == b"content"


def test_magic_links_are_refused() -> None:
    proc = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    try:
        assert refusal(lambda: open_beneath(proc, "root", os.O_RDONLY)) == "path-escapes"
    finally:
        os.close(proc)


def test_a_link_swapped_in_while_it_is_opened_does_not_lead_out(every_way: str, root: int, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("inside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (tmp_path / "folder").rename(tmp_path / "aside")
            (tmp_path / "folder").symlink_to(outside)
            (tmp_path / "folder").unlink()
            (tmp_path / "aside").rename(tmp_path / "folder")

    refusals: set[str] = set()
    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        for _ in range(2000):
            try:
                with opened(root, "folder/file") as descriptor:
                    assert os.read(descriptor, 100) == b"inside"
            except Problem as problem:
                refusals.add(problem.code)
    finally:
        stop.set()
        attacker.join()
    assert refusals <= {"path-escapes", "not-found", "not-readable"}


def test_what_is_missing_is_not_found(every_way: str, root: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(lambda: open_beneath(root, "none", os.O_RDONLY)) == "not-found"
    assert refusal(lambda: open_beneath(root, "none/deeper", os.O_RDONLY)) == "not-found"
    assert refusal(lambda: open_beneath(root, "file/deeper", os.O_RDONLY)) == "not-found"
    assert refusal(lambda: open_folder(root, "file")) == "not-found"


def test_other_failures_say_why(root: int) -> None:
    with pytest.raises(Problem, match="File name too long") as problem:
        open_beneath(root, "x" * 300, os.O_RDONLY)
    assert problem.value.code == "not-readable"


def test_an_empty_path_is_the_folder_itself(every_way: str, root: int, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with opened(root, "", os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        assert [entry.name for entry in os.scandir(descriptor)] == ["file"]


def test_a_fifo_does_not_block(every_way: str, root: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with opened(root, "fifo"):
        pass


def test_only_a_regular_file_is_read_plainly(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_plain(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x\xff" * 10)
    assert read_plain(tmp_path / "file", 2) == "x\udcff"
