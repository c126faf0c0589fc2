"""Control groups: found in what the kernel says, made where that is permitted, and harmless where it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anyon.runtime import cgroup
from anyon.runtime.cgroup import Cgroups, Hierarchy, Limits
from tests.runtime.conftest import OpenRuntime

MIXED_MOUNTS = """\
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
"""
MIXED_OWN = "9:name=systemd:/\n8:pids:/\n4:memory:/service\n1:cpu:/\n0::/slice\n"


def test_all_mounted_versions_are_found_with_the_own_group() -> None:
    assert cgroup.hierarchies(MIXED_MOUNTS, MIXED_OWN) == [
        Hierarchy(1, Path("/sys/fs/cgroup/memory/service"), ("memory",)),
        Hierarchy(1, Path("/sys/fs/cgroup/pids"), ("pids",)),
        Hierarchy(2, Path("/sys/fs/cgroup/unified/slice"), ()),
    ]


def test_a_host_with_the_second_version_only_has_one_hierarchy() -> None:
    mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"
    assert cgroup.hierarchies(mounts, "0::/user.slice/a b\n") == [
        Hierarchy(2, Path("/sys/fs/cgroup/user.slice/a b"), ())
    ]


def test_a_host_without_groups_does_nothing(tmp_path: Path) -> None:
    groups = Cgroups.detect([Hierarchy(1, tmp_path / "absent", ("pids",)), Hierarchy(2, tmp_path / "absent", ())])
    assert not groups.usable
    assert groups.create("name", Limits(10, None)) == []
    cgroup.add([], os.getpid())
    cgroup.kill([])
    assert cgroup.delete([])
    assert cgroup.usage([]) == cgroup.Usage(None, None, None)


def test_limits_are_written_where_the_group_has_them(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    group = parent / "name"
    group.mkdir(parents=True)
    for name in ("pids.max", "memory.max"):
        (group / name).write_text("max")
    groups = Cgroups([parent])
    assert groups.create("name", Limits(12, None)) == [str(group)]
    assert groups.limits_processes([str(group)])
    assert (group / "pids.max").read_text() == "12"
    assert (group / "memory.max").read_text() == "max"
    groups.create("name", Limits(12, 1000))
    assert (group / "memory.max").read_text() == "1000"


async def test_a_workspace_gets_the_memory_that_was_set_or_leaves_the_host_a_fifth(open_runtime: OpenRuntime) -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert (await open_runtime(isolation="none"))._limits.memory_bytes == memory * 4 // 5
    chosen = await open_runtime(isolation="none", workspace_memory_bytes=2**30)
    assert chosen._limits.memory_bytes == 2**30


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.current": "500", "memory.stat": "anon 1\ninactive_file 200\n"}, cgroup.Usage(300, None, None)),
        ({"memory.usage_in_bytes": "500", "memory.stat": "total_inactive_file 600\n"}, cgroup.Usage(0, None, None)),
        ({"pids.current": "7\n", "cpu.stat": "usage_usec 2500000\nuser_usec 1\n"}, cgroup.Usage(None, 7, 2.5)),
    ],
)
def test_usage_is_read_from_either_version(tmp_path: Path, files: dict[str, str], expected: cgroup.Usage) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert cgroup.usage([str(tmp_path)]) == expected


def test_groups_of_a_systemd_unit_are_made_beside_the_services_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = tmp_path / "anyon.service"
    own = unit / "service"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").mkdir()  # cannot be written, as when the group holds processes
    (unit / "cgroup.subtree_control").touch()
    (unit / cgroup.GROUP).mkdir()
    for name in ("cgroup.procs", "cgroup.subtree_control"):
        (unit / cgroup.GROUP / name).touch()
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"1" if Path(path) == unit else b"0")
    assert Cgroups.detect([Hierarchy(2, own, ())])._parents == (unit / cgroup.GROUP,)
    assert (unit / "cgroup.subtree_control").read_text() == "+memory +pids"
