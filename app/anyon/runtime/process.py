"""Workspaces as processes of this host, in bubblewrap where it works.

A workspace is one agent with all that it starts. It outlives this process; its label (`label.py`) is how it is found.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from io import FileIO
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from anyon.agent.endpoint import AgentEndpoint
from anyon.clock import Clock, SystemClock
from anyon.runtime import cgroup, ending, folders, launch, probe, procfs, readiness, sandbox
from anyon.runtime import label as labels
from anyon.runtime.errors import StartFailed, StartTimedOut, WorkspaceBusy, WorkspaceFolderUnusable
from anyon.runtime.label import Label
from anyon.runtime.locks import WorkspaceLocks
from anyon.runtime.protocol import RunningWorkspace, WorkspaceSpec, WorkspaceStats
from anyon.settings import Settings

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.01
_T = TypeVar("_T")


class _Outcome(Enum):
    READY = auto()
    ENDED = auto()
    SILENT = auto()


class ProcessRuntime:
    """`Runtime` for one Linux host; made by `open`."""

    name = "process"

    def __init__(
        self, settings: Settings, verdict: probe.Verdict, package: Path, groups: cgroup.Cgroups, clock: Clock
    ) -> None:
        self._settings = settings
        self._package = package
        self._host = verdict.host
        self._cgroups = groups
        self._clock = clock
        self._root = settings.data_dir.resolve() / "workspaces"
        self._locks = WorkspaceLocks(self._root / ".locks")
        self._children: dict[UUID, launch.Child] = {}
        self.isolation_note = verdict.note

    @classmethod
    async def open(
        cls, settings: Settings, clock: Clock | None = None, package: Path = probe.PACKAGE
    ) -> ProcessRuntime:
        """Make the folders and try the sandbox. Raises IsolationUnavailable, WorkspaceFolderUnusable.

        `package` is the folder of the Python package `anyon` whose `agent` workspaces run.
        """
        root = settings.data_dir.resolve() / "workspaces"
        try:
            (root / ".locks").mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
            await asyncio.to_thread(probe.compile_agent, package)
            verdict = await probe.decide(settings.isolation, root / ".etc", settings.workspace_uid, package)
        except OSError as error:
            raise WorkspaceFolderUnusable(path=root, reason=error.strerror) from error
        return cls(settings, verdict, package, cgroup.Cgroups.detect(), clock or SystemClock())

    def close(self) -> None:
        """Forget the workspaces without touching them: they go on."""
        for child in self._children.values():
            child.release()
        self._children.clear()

    @property
    def isolated(self) -> bool:
        return self._host is not None

    async def ensure(self, spec: WorkspaceSpec) -> AgentEndpoint:
        """See Runtime."""
        async with self._locks.held(spec.project_id, self._patience):
            label = labels.read(self._folder(spec.project_id))
            if label is not None:
                outcome = await self._wait(label)
                if outcome is _Outcome.SILENT:
                    raise StartTimedOut(seconds=self._settings.start_seconds)
                if outcome is _Outcome.READY:
                    return self._endpoint(label)
                await self._end(spec.project_id, label, grace=0)
            return self._endpoint(await self._start(spec))

    async def stop(self, project_id: UUID, grace: float) -> None:
        """See Runtime. Raises WorkspaceBusy, StopTimedOut."""
        async with self._locks.held(project_id, self._patience):
            label = labels.read(self._folder(project_id))
            if label is not None:
                await self._end(project_id, label, grace)

    async def remove(self, project_id: UUID) -> None:
        """See Runtime. Raises WorkspaceBusy, StopTimedOut, WorkspaceFolderUnusable."""
        async with self._locks.held(project_id, self._patience):
            folder = self._folder(project_id)
            label = labels.read(folder)
            if label is not None:
                await self._end(project_id, label, grace=0)
            try:
                await _to_the_end(asyncio.to_thread(self._delete, str(project_id)))
            except OSError as error:
                raise WorkspaceFolderUnusable(path=folder, reason=error.strerror) from error
            self._locks.forget(project_id)

    async def list(self) -> list[RunningWorkspace]:
        """See Runtime."""
        running = []
        for project_id, label, lives in await asyncio.to_thread(self._labels):
            if lives:
                endpoint = self._endpoint(label)
                running.append(RunningWorkspace(project_id, label.generation, label.pid, label.started_at, endpoint))
            else:
                with suppress(WorkspaceBusy):  # somebody is at it already
                    await self._clean(project_id)
        return running

    async def stats(self, project_id: UUID) -> WorkspaceStats:
        """See Runtime."""
        return await asyncio.to_thread(self._stats, project_id)

    async def _start(self, spec: WorkspaceSpec) -> Label:
        folder = self._folder(spec.project_id)
        try:
            owner = (self._workspace_uid, self._workspace_uid) if self._host and self._host.as_root else None
            await _to_the_end(asyncio.to_thread(folders.prepare, folder, owner))
            log = launch.open_log(folder)
        except OSError as error:
            raise WorkspaceFolderUnusable(path=error.filename or folder, reason=error.strerror) from error
        with log:
            log_start = os.fstat(log.fileno()).st_size
            label = await self._launch(spec, folder, log)
        outcome = _Outcome.ENDED if label is None else await self._wait(label)
        if label is not None and outcome is _Outcome.READY:
            return label
        if label is not None:
            await self._end(spec.project_id, label, grace=0)
        if outcome is _Outcome.SILENT:
            raise StartTimedOut(seconds=self._settings.start_seconds)
        output = launch.tail_of_log(folder, log_start) or "nothing."
        raise StartFailed(output=output)

    async def _launch(self, spec: WorkspaceSpec, folder: Path, log: FileIO) -> Label | None:
        """Spawn the agent and label it. None when it ended before it could be labelled.

        The order matters: a crash of this process in between leaves no agent without a label, because an agent whose
        input ends before the token came ends too; and what the agent starts is in its groups from the beginning.
        """
        groups = self._cgroups.create(str(spec.project_id), self._limits)
        argv, variables = self._command(spec, folder, groups)
        try:
            async with launch.launched(argv, variables, log, sandboxed=self.isolated) as agent:
                self._children[spec.project_id] = agent.child
                found = procfs.status(agent.pid) if agent.pid is not None else None
                if agent.pid is None or found is None:
                    await self._children.pop(spec.project_id).ended.wait()
                    cgroup.delete(groups)
                    return None
                label = Label(
                    project_id=str(spec.project_id),
                    generation=spec.generation,
                    token=spec.token,
                    pid=agent.pid,
                    pid_start_time=found.start_time,
                    boot_id=procfs.boot_id(),
                    started_at=self._clock.now().timestamp(),
                    isolated=self.isolated,
                    peer_uid=self._workspace_uid,
                    cgroups=groups,
                )
                labels.write(folder, label)
                cgroup.add(groups, agent.pid)
                agent.hand_over(spec.token)
                return label
        except OSError as error:
            raise StartFailed(output=f"{error.filename or argv[0]}: {error.strerror}") from error

    def _command(
        self, spec: WorkspaceSpec, folder: Path, groups: Sequence[str]
    ) -> tuple[Sequence[str], Mapping[str, str]]:
        """What to spawn, and its environment."""
        settings = self._settings
        host = self._host
        counted_elsewhere = host is None or self._cgroups.limits_processes(groups)
        limits = launch.AgentLimits(
            open_files=settings.workspace_open_files,
            processes=None if counted_elsewhere else settings.workspace_processes,
        )
        options = [
            *("--generation", spec.generation, "--allow-uid", str(self._own_uid_inside)),
            *("--max-log-bytes", str(settings.max_log_bytes), "--log-level", settings.log_level),
            *("--max-running-executions", str(settings.max_running_executions)),
            *("--max-terminals", str(settings.max_terminals)),
        ]
        if host is None:
            workspace, home, state, run = (str(folder / part) for part in folders.PARTS)
            places = _places(
                workspace, home, state, "."
            )  # an address of a socket holds 107 bytes, which paths may exceed
            command = launch.agent_command(
                probe.interpreter(), str(self._package.parent), run, limits, [*places, *options]
            )
            own = {
                "HOME": str(folder / "home"),
                "PATH": os.environ.get("PATH", os.defpath),
                procfs.WORKSPACE_MARKER: str(folder / "repo"),
            }
            return command, {**sandbox.environment(), **own}
        places = _places(sandbox.WORKSPACE, sandbox.HOME, sandbox.STATE, sandbox.RUN)
        argv = sandbox.arguments(
            host,
            folder=folder,
            import_source=spec.import_source,
            variables=sandbox.environment(),
            info_descriptor=launch.INFO_DESCRIPTOR,
            command=launch.agent_command(
                host.python, str(Path(sandbox.PACKAGE).parent), sandbox.WORKSPACE, limits, [*places, *options]
            ),
        )
        return argv, {}

    async def _wait(self, label: Label) -> _Outcome:
        """Until the agent accepts connections, has ended, or the time for a start is over."""
        folder = self._folder(UUID(label.project_id))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.start_seconds
        pause = _FIRST_PAUSE
        if label.boot_id != procfs.boot_id():
            return _Outcome.ENDED
        with procfs.opened(label.pid, label.pid_start_time) as process:
            while process is not None and not process.has_ended():
                if readiness.accepts(folder):
                    return _Outcome.READY
                if loop.time() >= deadline:
                    return _Outcome.SILENT
                await asyncio.sleep(pause)
                pause = min(1.2 * pause, _LONGEST_PAUSE)
        return _Outcome.ENDED

    async def _end(self, project_id: UUID, label: Label, grace: float) -> None:
        await ending.end(label, grace, marker=str(self._folder(project_id) / "repo"))
        child = self._children.pop(project_id, None)
        if child is not None:
            await child.ended.wait()
        labels.clear(self._folder(project_id))

    async def _clean(self, project_id: UUID) -> None:
        async with self._locks.held(project_id, patience=0):
            label = labels.read(self._folder(project_id))
            if label is not None and not label.names_a_live_process():
                await self._end(project_id, label, grace=0)

    def _labels(self) -> Sequence[tuple[UUID, Label, bool]]:
        found = []
        for entry in sorted(self._root.iterdir()):
            label = labels.read(entry) if _is_uuid(entry.name) else None
            if label is not None:
                found.append((UUID(entry.name), label, label.names_a_live_process()))
        return found

    def _delete(self, name: str) -> None:
        with folders.opened(self._root) as root:
            folders.delete_tree(root, name)

    def _stats(self, project_id: UUID) -> WorkspaceStats:
        folder = self._folder(project_id)
        disk = folders.disk_usage(folder, self._clock.monotonic)
        label = labels.read(folder)
        if label is None or not label.names_a_live_process():
            return WorkspaceStats(disk_bytes=disk.size, disk_is_partial=disk.is_partial)
        usage = cgroup.usage(label.cgroups)
        found = [procfs.status(pid) for pid in (label.pid, *procfs.descendants(label.pid))]
        alive = [status for status in found if status is not None]
        memory = sum(status.memory_bytes for status in alive) if usage.memory_bytes is None else usage.memory_bytes
        cpu = sum(status.cpu_seconds for status in alive) if usage.cpu_seconds is None else usage.cpu_seconds
        processes = len(alive) if usage.processes is None else usage.processes
        return WorkspaceStats(memory, processes, cpu, disk.size, disk.is_partial)

    def _endpoint(self, label: Label) -> AgentEndpoint:
        return AgentEndpoint(
            run_dir=self._folder(UUID(label.project_id)) / "run",
            socket_name=readiness.SOCKET_NAME,
            peer_uid=label.peer_uid,
            token=label.token,
            generation=label.generation,
        )

    def _folder(self, project_id: UUID) -> Path:
        return self._root / str(project_id)

    @property
    def _patience(self) -> float:
        """Seconds that another control plane may need for a start or a stop."""
        return self._settings.start_seconds + self._settings.stop_seconds

    @property
    def _limits(self) -> cgroup.Limits:
        """What a workspace's control groups permit."""
        memory = self._settings.workspace_memory_bytes or cgroup.most_memory()
        return cgroup.Limits(self._settings.workspace_processes, memory)

    @property
    def _workspace_uid(self) -> int:
        """User id of the workspaces' processes on the host."""
        return self._settings.workspace_uid if self._host is not None and self._host.as_root else os.geteuid()

    @property
    def _own_uid_inside(self) -> int:
        """The user id under which an agent sees this process."""
        return sandbox.UID if self._host is not None and not self._host.as_root else os.geteuid()


def _places(workspace: str, home: str, state: str, run: str) -> list[str]:
    socket = f"{run}/{readiness.SOCKET_NAME}"
    return ["--workspace", workspace, "--home", home, "--state", state, "--socket", socket]


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


async def _to_the_end(work: Awaitable[_T]) -> _T:
    """Await work that cannot be interrupted; a cancellation arrives once it is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
