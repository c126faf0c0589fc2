"""What every runtime promises, on each of them."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from anyon.runtime import folders, probe, procfs
from anyon.runtime import label as labels
from anyon.runtime.errors import StartFailed, StartTimedOut, WorkspaceFolderUnusable
from anyon.runtime.process import ProcessRuntime
from tests.runtime.conftest import OpenRuntime, processes_in
from tests.runtime.workspaces import STANDIN, becomes_true, is_alive, new_spec, shell

CONTROL_PLANE = """
import asyncio, json, sys
from pathlib import Path
from uuid import UUID
from anyon.runtime.process import ProcessRuntime
from anyon.settings import Settings
from tests.runtime.workspaces import new_spec

async def main(data_dir, isolation, package, project_id):
    runtime = await ProcessRuntime.open(Settings(data_dir=data_dir, isolation=isolation), package=Path(package))
    print("opened", flush=True)
    sys.stdin.readline()
    endpoint = await runtime.ensure(new_spec(UUID(project_id)))
    print(json.dumps([endpoint.generation, (await runtime.list())[0].pid]), flush=True)
    sys.stdin.readline()

asyncio.run(main(*sys.argv[1:]))
"""


def control_plane(data_dir: Path, isolation: str, project_id: object) -> subprocess.Popen[str]:
    """Another process that is told by lines when to go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", CONTROL_PLANE, str(data_dir), isolation, str(STANDIN), str(project_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (str(Path.cwd()), *sys.path) if path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "opened\n"
    return process


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> list[object]:
    assert process.stdout is not None
    answer: list[object] = json.loads(process.stdout.readline())
    return answer


def finish(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


class TestContract:
    async def test_ensure_returns_an_endpoint_that_answers(self, runtime: ProcessRuntime) -> None:
        spec = new_spec()
        endpoint = await runtime.ensure(spec)
        assert (endpoint.generation, endpoint.token) == (spec.generation, spec.token)
        assert (await shell(endpoint, "echo hello")).output == "hello\n"

    async def test_a_running_workspace_keeps_its_generation_and_token(self, runtime: ProcessRuntime) -> None:
        first = await runtime.ensure(new_spec())
        project_id = (await runtime.list())[0].project_id
        assert await runtime.ensure(new_spec(project_id)) == first

    async def test_concurrent_calls_make_one_agent(
        self, runtime: ProcessRuntime, open_runtime: OpenRuntime, isolation: str
    ) -> None:
        other = await open_runtime(isolation=isolation)
        project_id = uuid4()
        endpoints = await asyncio.gather(*(each.ensure(new_spec(project_id)) for each in [runtime, other] * 5))
        assert len({endpoint.generation for endpoint in endpoints}) == 1
        assert len(await runtime.list()) == 1

    async def test_two_control_planes_that_start_at_once_make_one_agent(
        self, data_dir: Path, runtime: ProcessRuntime, isolation: str
    ) -> None:
        project_id = uuid4()
        planes = [await asyncio.to_thread(control_plane, data_dir, isolation, project_id) for _ in range(2)]
        for plane in planes:
            tell(plane)
        answers = [await asyncio.to_thread(hear, plane) for plane in planes]
        for plane in planes:
            await asyncio.to_thread(finish, plane)
        assert answers[0] == answers[1]
        assert (await runtime.list())[0].pid == answers[0][1]

    async def test_a_workspace_outlives_a_killed_control_plane_and_is_found_again(
        self, data_dir: Path, runtime: ProcessRuntime, isolation: str
    ) -> None:
        project_id = uuid4()
        plane = await asyncio.to_thread(control_plane, data_dir, isolation, project_id)
        tell(plane)
        generation, pid = await asyncio.to_thread(hear, plane)
        await asyncio.to_thread(finish, plane)
        [found] = await runtime.list()
        assert (found.project_id, found.generation, found.pid) == (project_id, generation, pid)
        assert (await shell(found.endpoint, "echo still here")).output == "still here\n"
        assert await runtime.ensure(new_spec(project_id)) == found.endpoint
        await runtime.stop(project_id, grace=5)
        assert await runtime.list() == []

    async def test_stop_ends_the_workspace_and_keeps_its_files(self, runtime: ProcessRuntime) -> None:
        spec = new_spec()
        endpoint = await runtime.ensure(spec)
        await shell(endpoint, "echo kept > file; echo kept > ~/file")
        [running] = await runtime.list()
        await runtime.stop(spec.project_id, grace=5)
        assert not is_alive(running.pid)
        assert await runtime.list() == []
        again = await runtime.ensure(new_spec(spec.project_id))
        assert again.generation != endpoint.generation
        assert (await shell(again, "cat file ~/file")).output == "kept\nkept\n"

    async def test_stop_may_be_called_again_at_once_and_for_the_unknown(self, runtime: ProcessRuntime) -> None:
        spec = new_spec()
        await runtime.ensure(spec)
        await asyncio.gather(*(runtime.stop(spec.project_id, grace=5) for _ in range(4)))
        await runtime.stop(spec.project_id, grace=5)
        await runtime.stop(uuid4(), grace=5)

    async def test_stop_kills_an_agent_that_ignores_the_request(self, runtime: ProcessRuntime, data_dir: Path) -> None:
        spec = new_spec()
        prepare(runtime, data_dir, spec.project_id, "ignore-term")
        await runtime.ensure(spec)
        [running] = await runtime.list()
        await runtime.stop(spec.project_id, grace=0.05)
        assert not is_alive(running.pid)

    @pytest.mark.parametrize("groups", ["with control groups", "without control groups"])
    @pytest.mark.parametrize("grace", [5, 0])
    async def test_stop_ends_programs_that_left_their_session_and_cleaned_their_environment(
        self, runtime: ProcessRuntime, groups: str, grace: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if groups == "without control groups":
            monkeypatch.setattr(runtime._cgroups, "_parents", ())
        number = f"{os.getpid()}.{uuid4().int % 10**9}"
        spec = new_spec()
        endpoint = await runtime.ensure(spec)
        script = f"(env -i setsid sh -c 'sleep {number} & sleep {number}' & ) ; setsid sleep {number} & disown -a"
        await shell(endpoint, f"({script}) >/dev/null 2>&1 </dev/null")
        await becomes_true(lambda: len(sleepers(number)) == 3)
        await runtime.stop(spec.project_id, grace)
        assert sleepers(number) == []

    async def test_remove_deletes_everything_and_may_be_repeated(self, runtime: ProcessRuntime, data_dir: Path) -> None:
        spec = new_spec()
        await runtime.ensure(spec)
        await runtime.remove(spec.project_id)
        await runtime.remove(spec.project_id)
        await runtime.remove(uuid4())
        assert await runtime.list() == []
        assert not list((data_dir / "workspaces").rglob(f"{spec.project_id}*"))
        assert (await shell(await runtime.ensure(spec), "ls")).output == ""

    async def test_remove_deletes_a_hostile_tree_and_nothing_outside(
        self, runtime: ProcessRuntime, data_dir: Path, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious"
        precious.mkdir()
        (precious / "file").touch()
        spec = new_spec()
        endpoint = await runtime.ensure(spec)
        dig = "import os; [(os.mkdir('deep'), os.chdir('deep')) for _ in range(1500)]"
        deep = f'{probe.interpreter()} -I -S -c "{dig}"'
        closed = "mkdir -p closed/inner; touch closed/inner/file; chmod 0 closed/inner closed"
        await shell(endpoint, f"{closed}; ln -s {precious} link; mkfifo pipe; touch moved-0 moved-1; {deep}")
        await runtime.remove(spec.project_id)
        assert not (data_dir / "workspaces" / str(spec.project_id)).exists()
        assert (precious / "file").exists()

    async def test_a_workspace_whose_agent_died_is_forgotten_and_starts_again(self, runtime: ProcessRuntime) -> None:
        spec = new_spec()
        await runtime.ensure(spec)
        for find in (runtime.list, lambda: runtime.ensure(new_spec(spec.project_id))):
            [running] = await runtime.list()
            os.kill(running.pid, signal.SIGKILL)
            await becomes_true(lambda pid=running.pid: not is_alive(pid))  # type: ignore[misc]  # a default, not a parameter
            await find()
            assert (await runtime.ensure(new_spec(spec.project_id))).generation != running.generation

    async def test_a_label_never_leads_to_a_process_that_got_the_same_pid(
        self, runtime: ProcessRuntime, data_dir: Path
    ) -> None:
        spec = new_spec()
        await runtime.ensure(spec)
        folder = data_dir / "workspaces" / str(spec.project_id)
        stranger = await asyncio.create_subprocess_exec("sleep", "100")
        label = labels.read(folder)
        assert label is not None
        await runtime.stop(spec.project_id, grace=5)
        labels.write(folder, labels.Label(**{**vars(label), "pid": stranger.pid}))
        assert await runtime.list() == []
        labels.write(folder, labels.Label(**{**vars(label), "pid": stranger.pid}))
        await runtime.stop(spec.project_id, grace=0)
        assert stranger.returncode is None
        assert is_alive(stranger.pid)
        stranger.kill()
        await stranger.wait()

    async def test_an_agent_that_ends_at_its_start_is_an_error_with_its_last_words(
        self, runtime: ProcessRuntime, data_dir: Path
    ) -> None:
        spec = new_spec()
        spoiler = prepare(runtime, data_dir, spec.project_id, "die", "a reason\x1b[31m to end")
        with pytest.raises(StartFailed, match="a reason \\[31m to end"):
            await runtime.ensure(spec)
        assert await runtime.list() == []
        spoiler.unlink()
        await runtime.ensure(spec)

    async def test_an_agent_that_never_listens_is_ended_and_an_error(
        self, open_runtime: OpenRuntime, isolation: str, data_dir: Path
    ) -> None:
        runtime = await open_runtime(isolation=isolation, start_seconds=0.3)
        spec = new_spec()
        prepare(runtime, data_dir, spec.project_id, "never-listen")
        with pytest.raises(StartTimedOut, match=r"0\.3 s"):
            await runtime.ensure(spec)
        assert processes_in(data_dir) == []

    async def test_a_link_in_the_place_of_the_socket_is_not_followed(
        self, open_runtime: OpenRuntime, isolation: str
    ) -> None:
        runtime = await open_runtime(isolation=isolation)
        impatient = await open_runtime(isolation=isolation, start_seconds=0.1)
        victim, hostile = new_spec(), new_spec()
        target = (await runtime.ensure(victim)).run_dir / "agent.sock"
        endpoint = await runtime.ensure(hostile)
        socket = "/run/anyon/agent.sock" if runtime.isolated else str(endpoint.run_dir / "agent.sock")
        await shell(endpoint, f"rm {socket} && ln -s {target} {socket}")
        assert (endpoint.run_dir / "agent.sock").is_symlink()
        with pytest.raises(StartTimedOut):
            await impatient.ensure(hostile)
        await runtime.stop(hostile.project_id, grace=5)
        assert (await shell(await runtime.ensure(hostile), "echo back")).output == "back\n"

    async def test_the_folders_of_a_start_are_prepared_beside_the_loop_and_to_the_end(
        self, runtime: ProcessRuntime, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loop, begun, go = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        prepared: list[Path] = []

        def slow(folder: Path, _owner: tuple[int, int] | None) -> None:
            loop.call_soon_threadsafe(begun.set)
            if threading.current_thread() is not threading.main_thread():
                go.wait()
            prepared.append(folder)

        monkeypatch.setattr(folders, "prepare", slow)
        spec = new_spec()
        starting = asyncio.create_task(runtime.ensure(spec))
        try:
            await begun.wait()
            assert prepared == []
            starting.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
            assert not starting.done()
        finally:
            go.set()
            with suppress(asyncio.CancelledError, WorkspaceFolderUnusable):
                await starting
        assert starting.cancelled()
        assert prepared == [data_dir / "workspaces" / str(spec.project_id)]

    async def test_a_link_in_the_place_of_a_folder_is_refused(
        self, runtime: ProcessRuntime, data_dir: Path, tmp_path: Path
    ) -> None:
        spec = new_spec()
        folder = data_dir / "workspaces" / str(spec.project_id)
        folder.mkdir()
        (folder / "repo").symlink_to(tmp_path)
        with pytest.raises(WorkspaceFolderUnusable):
            await runtime.ensure(spec)

    async def test_the_environment_of_the_service_stays_outside(
        self, runtime: ProcessRuntime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ANYON_ENCRYPTION_KEY", "sesame")
        monkeypatch.setenv("SOME_TOKEN", "sesame")
        endpoint = await runtime.ensure(new_spec())
        answer = await shell(endpoint, "env; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr '\\0' '\\n'")
        assert "HOME=" in answer.output
        assert "sesame" not in answer.output
        assert endpoint.token not in answer.output

    async def test_limits_of_open_files_and_core_dumps_are_set(self, open_runtime: OpenRuntime, isolation: str) -> None:
        runtime = await open_runtime(isolation=isolation, workspace_open_files=300)
        endpoint = await runtime.ensure(new_spec())
        assert (await shell(endpoint, "ulimit -Hn; ulimit -Hc; umask")).output == "300\n0\n0022\n"

    async def test_stats_count_processes_memory_and_disk(self, runtime: ProcessRuntime) -> None:
        spec = new_spec()
        assert (await runtime.stats(spec.project_id)).disk_bytes == 0
        endpoint = await runtime.ensure(spec)
        await shell(
            endpoint, "head -c 3000000 /dev/urandom > big; ln big same; ln -s / root; sleep 100 >/dev/null 2>&1 &"
        )
        stats = await runtime.stats(spec.project_id)
        assert stats.processes >= 2
        assert stats.memory_bytes > 1_000_000
        assert stats.cpu_seconds > 0
        assert 3_000_000 <= stats.disk_bytes < 4_000_000
        assert not stats.disk_is_partial
        await runtime.stop(spec.project_id, grace=5)
        stopped = await runtime.stats(spec.project_id)
        assert (stopped.processes, stopped.memory_bytes) == (0, 0)
        assert stopped.disk_bytes >= 3_000_000

    async def test_a_descriptor_that_the_service_inherited_is_not_in_the_workspace(
        self, runtime: ProcessRuntime, tmp_path: Path
    ) -> None:
        with (tmp_path / "secret").open("w") as file:
            descriptor = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, 200)
            try:
                await runtime.ensure(new_spec())
            finally:
                os.close(descriptor)
        agent = (await runtime.list())[0].pid
        assert not any("secret" in name for pid in (agent, *procfs.descendants(agent)) for name in open_files(pid))


def open_files(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]


def prepare(runtime: ProcessRuntime, data_dir: Path, project_id: object, name: str, text: str = "") -> Path:
    """Put a file into the home folder of a workspace that never ran."""
    folder = data_dir / "workspaces" / str(project_id)
    uid = runtime._workspace_uid
    folders.prepare(folder, (uid, uid) if os.geteuid() == 0 else None)
    (folder / "home" / name).write_text(text, encoding="utf-8")
    (folder / "home" / name).chmod(0o644)
    return folder / "home" / name


def sleepers(number: str) -> list[int]:
    found = []
    for pid in procfs.all_pids():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if command == f"sleep\0{number}\0".encode() and is_alive(pid):
            found.append(pid)
    return found
