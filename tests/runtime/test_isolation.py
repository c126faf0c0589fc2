"""What a hostile program inside of a sandbox cannot do.

Each attack is a script that exits with 0 when it succeeds. The same script runs without a sandbox too, where it must
succeed: otherwise its failure inside would prove nothing.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import stat
import subprocess
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from anyon.agent.endpoint import AgentEndpoint
from anyon.runtime import probe, procfs
from anyon.runtime.process import ProcessRuntime
from tests.runtime.conftest import OpenRuntime
from tests.runtime.keys import FIND, session_key
from tests.runtime.workspaces import is_alive, new_spec, shell

pytestmark = pytest.mark.bubblewrap


@dataclass(frozen=True)
class Scene:
    """Two workspaces of one service, with what an attacker in the first one wants."""

    runtime: ProcessRuntime
    attacker: AgentEndpoint
    data_dir: Path
    words: dict[str, str]

    async def succeeds(self, attack: str) -> bool:
        return (await shell(self.attacker, attack.format(**self.words))).status == 0


SetUp = Callable[[str], Awaitable[Scene]]


@pytest.fixture
def set_up(open_runtime: OpenRuntime, data_dir: Path, tmp_path: Path) -> SetUp:
    async def make(isolation: str) -> Scene:
        runtime = await open_runtime(isolation=isolation)
        (data_dir / "anyon.db").write_text("database")
        (data_dir / "keys").mkdir(exist_ok=True)
        (data_dir / "keys" / "encryption").write_text("key")
        (tmp_path / "outside").mkdir(exist_ok=True)
        victim_spec = new_spec()
        victim = await runtime.ensure(victim_spec)
        await shell(victim, "echo secret > file; echo secret > ~/file; sleep 1000 >/dev/null 2>&1 &")
        attacker = await runtime.ensure(new_spec())
        pid = next(each.pid for each in await runtime.list() if each.project_id == victim_spec.project_id)
        words = {
            "data": str(data_dir),
            "outside": str(tmp_path / "outside"),
            "victim": str(data_dir / "workspaces" / str(victim_spec.project_id)),
            "victim_pid": str(pid),
            "own": str(attacker.run_dir.parent),
            "service_pid": str(os.getpid()),
        }
        return Scene(runtime, attacker, data_dir, words)

    return make


ATTACKS = {
    "read the database": "cat {data}/anyon.db",
    "read a key": "cat {data}/keys/encryption",
    "list the data folder": "ls {data}/keys",
    "read another project's file": "cat {victim}/repo/file",
    "read another user's home": "cat {victim}/home/file",
    "write into another project": "touch {victim}/repo/mine",
    "see another workspace's socket": "test -S {victim}/run/agent.sock",
    "read the own label with its token": "cat {own}/label.json",
    "write beside the own folders": "touch {own}/file",
    "write outside": "touch {outside}/file",
    "see the service's process": "test -d /proc/{service_pid}/fd",
    "see another workspace's processes": "grep -l 'sleep' /proc/[0-9]*/comm",
    "signal the service": "kill -0 {service_pid}",
    "signal another workspace": "kill -0 {victim_pid}",
    "share the host's name": 'test "$(hostname || cat /proc/sys/kernel/hostname)" != workspace',
    "share the host's process numbers": "test $(ls -d /proc/[0-9]* | wc -l) -gt 8",
    "see the host's /sys": "ls /sys/kernel",
    "see the host's /var": "ls /var/log",
    "see the host's users": "grep -q daemon /etc/passwd",
    "see the host's machine id or host keys": "ls /etc/machine-id /etc/shadow /etc/fstab 2>/dev/null | grep .",
}


async def test_a_sandbox_stops_every_attack_that_succeeds_without_one(set_up: SetUp) -> None:
    inside, outside = await set_up("bubblewrap"), await set_up("none")
    assert [name for name, attack in ATTACKS.items() if not await outside.succeeds(attack)] == []
    assert [name for name, attack in ATTACKS.items() if await inside.succeeds(attack)] == []


async def test_a_workspace_finds_its_own_name_without_a_name_server(set_up: SetUp) -> None:
    """Many programs ask for it at their start, and a name server that does not answer costs them five seconds."""
    scene = await set_up("bubblewrap")
    assert await scene.succeeds('getent --service=hosts:files hosts "$(hostname)"')


@pytest.mark.parametrize("isolation", ["bubblewrap", "none"])
async def test_a_key_in_the_session_keyring_of_the_service_stays_with_it(
    open_runtime: OpenRuntime, isolation: str
) -> None:
    runtime = await open_runtime(isolation=isolation)
    name = f"anyon:{uuid.uuid4()}"
    with session_key(name) as key:
        command = [str(probe.interpreter()), "-I", "-S", "-c", FIND, name, str(key)]
        beside = await asyncio.create_subprocess_exec(*command)
        assert await beside.wait() == 0
        endpoint = await runtime.ensure(new_spec())
        assert (await shell(endpoint, shlex.join(command))).status == 1


BOMB = """
import os, signal
for _ in range(100):
    try:
        if os.fork() == 0:
            os.closerange(0, 3)
            signal.pause()
    except OSError:
        break
os._exit(0)
"""

FORBIDDEN = {
    "write a kernel setting": "echo x > /proc/sys/kernel/hostname",
    "trigger sysrq": "echo h > /proc/sysrq-trigger",
    "mount a file system": "mount -t tmpfs none /tmp",
    "mount in a new user namespace over the system": "unshare --map-root-user --mount true; touch /usr/file",
    "change the host's name": "hostname other",
    "write to the root": "touch /file",
    "write to the system": "touch /usr/file || touch /usr/local/bin/file || touch /lib/file",
    "write to /etc": "touch /etc/file || echo x >> /etc/passwd || echo x >> /etc/hosts",
    "replace the agent": "touch /opt/anyon/agent/file || touch /opt/anyon/file || mv /opt/anyon/agent /tmp/",
    "write into folders above its own": "touch /workspace/../file || touch /home/file || touch ~/../../run/file",
    "make a device": "mknod /tmp/device b 8 0 || mknod /workspace/device c 1 1",
    "read a disk": "ls /dev/sd* /dev/vd* /dev/nvme* /dev/loop* /dev/mem /dev/fuse /dev/kvm 2>/dev/null | grep .",
    "read the kernel's log": "dmesg",
    "load a module": "insmod /dev/null || modprobe dummy",
    "open a raw socket": "/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
    "change the owner of a file": "touch /tmp/mine && chown 0 /tmp/mine",
    "become root": "su -c true || sudo -n true || setpriv --reuid 0 true",
    "reach a container engine": "ls /var/run/docker.sock /run/docker.sock /run/containerd 2>/dev/null | grep .",
}


@pytest.fixture
async def inside(sandboxed: ProcessRuntime) -> AgentEndpoint:
    return await sandboxed.ensure(new_spec())


async def test_a_sandbox_forbids_what_would_harm_the_host(inside: AgentEndpoint) -> None:
    answers = {name: await shell(inside, attack) for name, attack in FORBIDDEN.items()}
    assert {name: answer.output for name, answer in answers.items() if answer.status == 0} == {}


async def test_no_process_has_a_capability_or_can_gain_one(inside: AgentEndpoint) -> None:
    answer = await shell(inside, "cat /proc/1/status /proc/self/status")
    lines = [line.split() for line in answer.output.splitlines()]
    capabilities = [line for line in lines if line[0].startswith("Cap")]
    assert len(capabilities) == 10
    assert {int(value, 16) for _, value in capabilities} == {0}
    assert [line[1] for line in lines if line[0] == "NoNewPrivs:"] == ["1", "1"]
    assert [line[1:] for line in lines if line[0] == "Uid:"] == [["1000"] * 4] * 2
    assert [line[1:] for line in lines if line[0] == "Groups:"] != [["0"]] * 2


async def test_a_setuid_program_gains_nothing(sandboxed: ProcessRuntime) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a program that belongs to root: run the tests as root too")
    endpoint = await sandboxed.ensure(new_spec())
    program = endpoint.run_dir.parent / "repo" / "id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    assert program.stat().st_mode & stat.S_ISUID
    assert (await shell(endpoint, "./id -u; ./id -ru")).output == "1000\n1000\n"


async def test_every_namespace_but_the_network_is_its_own(inside: AgentEndpoint) -> None:
    kinds = ("mnt", "pid", "ipc", "uts", "net")
    script = f"cd /proc/self/ns && for kind in {' '.join(kinds)}; do readlink $kind; done"
    own = subprocess.check_output(["/bin/sh", "-c", script], text=True).split()  # noqa: ASYNC221  # takes milliseconds
    theirs = (await shell(inside, script)).output.split()
    shared = {kind for kind, mine, other in zip(kinds, own, theirs, strict=True) if mine == other}
    assert shared == {"net"}


async def test_the_agent_is_the_first_process_of_its_sandbox(inside: AgentEndpoint, sandboxed: ProcessRuntime) -> None:
    answer = await shell(inside, "tr '\\0' ' ' < /proc/1/cmdline; ls -d /proc/[0-9]*")
    assert "--socket /run/anyon/agent.sock" in answer.output
    [running] = await sandboxed.list()
    os.kill(running.pid, signal.SIGKILL)
    with procfs.opened(running.pid) as process:
        if process is not None:
            await process.ended()
    assert await sandboxed.list() == []


async def test_the_workspace_sees_its_folders_its_programs_and_a_private_tmp(inside: AgentEndpoint) -> None:
    script = """
    set -e
    touch /workspace/a /home/anyon/a /var/lib/anyon/a /run/anyon/a /tmp/a /dev/shm/a /var/tmp/b
    pwd; whoami; hostname; echo $HOME; ls /
    git --version >/dev/null; getent hosts localhost >/dev/null; bash -lc 'command -v sh >/dev/null; echo "$PATH"'
    python3 -c 'import pty, os; pty.openpty()'
    """
    answer = await shell(inside, script)
    assert answer.status == 0, answer.output
    lines = answer.output.splitlines()
    assert lines[:4] == ["/workspace", "anyon", "workspace", "/home/anyon"]
    assert {"workspace", "usr", "etc", "tmp", "proc"} <= set(lines)
    assert "sys" not in lines
    assert lines[-1].startswith("/home/anyon/.local/bin:")


async def test_an_import_source_is_readable_and_nothing_more(sandboxed: ProcessRuntime, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir(mode=0o755)
    (source / "file").write_text("content")
    endpoint = await sandboxed.ensure(new_spec(import_source=source))
    answer = await shell(endpoint, "cat /import/file; touch /import/other || echo refused")
    assert answer.output.startswith("content")
    assert answer.output.endswith("refused\n")


async def test_as_root_the_workspace_has_a_user_of_its_own_on_the_host(sandboxed: ProcessRuntime) -> None:
    endpoint = await sandboxed.ensure(new_spec())
    [running] = await sandboxed.list()
    own = os.geteuid()
    expected = 1000 if own == 0 else own
    assert endpoint.peer_uid == expected
    assert _owner(running.pid) == expected
    assert endpoint.run_dir.parent.stat().st_uid == own
    assert endpoint.run_dir.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("groups", ["with control groups", "without control groups"])
async def test_a_fork_bomb_is_bounded(open_runtime: OpenRuntime, groups: str, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = 40_000 + uuid.uuid4().int % 20_000  # nobody else's: the limit without control groups counts by user
    runtime = await open_runtime(isolation="bubblewrap", workspace_processes=40, workspace_uid=uid)
    if groups == "without control groups":
        monkeypatch.setattr(runtime._cgroups, "_parents", ())
    spec = new_spec()
    endpoint = await runtime.ensure(spec)
    await shell(endpoint, f"{probe.interpreter()} -I -S -c '{BOMB}'")
    stats = await runtime.stats(spec.project_id)
    assert 20 < stats.processes <= 40
    await runtime.stop(spec.project_id, grace=5)
    assert not [pid for pid in procfs.all_pids() if is_alive(pid) and _owner(pid) == uid and os.geteuid() == 0]


def _owner(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except FileNotFoundError:
        return -1
