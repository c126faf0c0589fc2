"""The tree of processes as /proc shows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyon.agent import tree
from anyon.agent.tree import Member


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with one child of its own; its environment carries the marker."""
    with subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo; wait"],
        stdout=subprocess.PIPE,
        env={**os.environ, "MARK": "tree"},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        os.killpg(process.pid, 9)


def test_children_and_descendants_are_found(child: subprocess.Popen[bytes]) -> None:
    assert child.pid in tree.children_of(os.getpid())
    (grandchild,) = tree.children_of(child.pid)
    assert {child.pid, grandchild} <= {member.pid for member in tree.descendants_of(os.getpid())}


def test_children_are_found_where_the_kernel_keeps_no_list(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(path: Path, *_: object, **__: object) -> str:
        if path.name == "children":
            raise FileNotFoundError(path)
        with path.open(errors="replace") as file:
            return file.read()

    expected = tree.children_of(child.pid)
    monkeypatch.setattr(Path, "read_text", without)
    assert tree.children_of(child.pid) == expected


def test_a_process_that_is_gone_has_nothing() -> None:
    gone = 2**22 - 1
    assert tree.children_of(gone) == []
    assert not tree.is_running(Member(gone, 0))
    tree.kill(Member(gone, 0))


def test_a_later_process_with_the_same_number_is_another_one(child: subprocess.Popen[bytes]) -> None:
    (member,) = (member for member in tree.descendants_of(os.getpid()) if member.pid == child.pid)
    assert tree.is_running(member)
    impostor = member._replace(started=member.started + 1)
    assert not tree.is_running(impostor)
    tree.kill(impostor)
    assert child.poll() is None


def test_strays_are_known_by_their_marker(child: subprocess.Popen[bytes]) -> None:
    grandchildren = tree.children_of(child.pid)
    assert {member.pid for member in tree.strays_of("MARK=tree", set()).found} == {child.pid, *grandchildren}
    assert tree.strays_of("MARK=tree", {child.pid}).found == set()
    assert tree.strays_of("MARK=other", set()).found == set()
