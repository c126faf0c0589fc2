"""The agent as a whole: wires the parts, listens on its socket, ends in order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from anyon.agent import messages, protocol
from anyon.agent.commands import Commands
from anyon.agent.commits import Commits
from anyon.agent.connection import Connection, Identity
from anyon.agent.diff import Diffs
from anyon.agent.executions import Executions
from anyon.agent.files import Files
from anyon.agent.git import Git
from anyon.agent.hub import Hub
from anyon.agent.importing import Importer
from anyon.agent.merge import Merges
from anyon.agent.operations import Operation, Operations
from anyon.agent.processes import Processes
from anyon.agent.records import Records
from anyon.agent.repository import Repository
from anyon.agent.spare import Spare
from anyon.agent.system import System
from anyon.agent.terminals import Terminals
from anyon.agent.worktrees import Worktrees

MAX_CONNECTIONS = 64
STOP_SECONDS = 8.0  # on SIGTERM; below the 10 s that a runtime grants by default
_BACKLOG = 128

_log = logging.getLogger(__name__)


class Options(NamedTuple):
    """The command line, and the token that came on standard input."""

    workspace: Path
    home: Path
    state: Path
    socket: Path
    generation: str
    token: str
    allowed_uids: frozenset[int]
    max_log_bytes: int
    max_running_executions: int
    max_terminals: int


class Agent:
    """One workspace's agent; `run` is its life. `environment` is what every program of the workspace starts from."""

    def __init__(self, options: Options, environment: Mapping[str, str], processes: Processes) -> None:
        self.ready = asyncio.Event()  # the socket accepts
        self.operations: tuple[str, ...] = ()  # names, once it is ready
        self._options = options
        self._environment = environment
        self._processes = processes
        self._stopping = asyncio.Event()
        self._grace = STOP_SECONDS
        self._connections: set[Connection] = set()
        self._spare: Spare | None = None

    def stop(self, grace: float = STOP_SECONDS) -> None:
        """Begin to end: every process gets `grace` seconds after the first signal."""
        self._grace = grace
        self._stopping.set()

    def refresh_spare(self) -> None:
        """The default branch may have moved: look at the spare worktree."""
        if self._spare is not None:
            self._spare.want()

    async def spare_settled(self) -> None:
        """Wait until the spare worktree is as it should be."""
        if self._spare is not None:
            await self._spare.settled.wait()

    async def run(self) -> None:
        """Serve until `stop`; leaves no process, task or socket behind."""
        options = self._options
        options.state.mkdir(parents=True, exist_ok=True)
        root = os.open(options.workspace, os.O_PATH | os.O_DIRECTORY)
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._serve(root, tasks)
        finally:
            os.close(root)

    async def _serve(self, root: int, tasks: asyncio.TaskGroup) -> None:
        options, environment, processes = self._options, self._environment, self._processes
        hub = Hub()
        executions = Executions(
            tasks=tasks,
            root=root,
            records=Records(options.state / "executions"),
            processes=processes,
            hub=hub,
            environment=environment,
            max_running=options.max_running_executions,
            max_log_bytes=options.max_log_bytes,
        )
        terminals = Terminals(
            tasks=tasks,
            root=root,
            processes=processes,
            hub=hub,
            environment=environment,
            max_open=options.max_terminals,
        )
        commands = Commands(root, processes)
        git = Git(commands, options.state, environment)
        repository = Repository(options.workspace.resolve(), options.state, git)
        spare = self._spare = Spare(repository, executions.progressed)
        system = System(options.generation, hub, executions, terminals, self.stop)
        table = {
            **_table_of_programs(system, executions, terminals, Files(root)),
            **_table_of_git(
                repository, Importer(repository, commands, environment, spare), Worktrees(repository, spare), spare
            ),
        }
        self.operations = tuple(table)
        async with self._listening(Operations(table, tasks), tasks):
            keeper = tasks.create_task(spare.keep(), name="spare")
            spare.want()
            self.ready.set()
            await self._stopping.wait()
            _log.info("stopping within %g seconds", self._grace)
            async with asyncio.TaskGroup() as ending:
                ending.create_task(executions.stop_all(self._grace))
                ending.create_task(terminals.close_all(self._grace))
            keeper.cancel()

    @asynccontextmanager
    async def _listening(self, operations: Operations, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        options = self._options
        limits = {
            "window_bytes": protocol.WINDOW_BYTES,
            "data_bytes": protocol.MAX_DATA_BYTES,
            "json_bytes": protocol.MAX_JSON_BYTES,
            "channels": protocol.MAX_CHANNELS,
            "connections": MAX_CONNECTIONS,
            "executions": options.max_running_executions,
            "terminals": options.max_terminals,
            "log_bytes": options.max_log_bytes,
        }
        identity = Identity(options.token, options.generation, os.getpid(), options.allowed_uids, limits)

        def connect() -> asyncio.Protocol:
            return Connection(identity, operations.run, tasks, self._connections, MAX_CONNECTIONS)

        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(connect, sock=_bind(options.socket), backlog=_BACKLOG)
        try:
            yield
        finally:
            server.close()
            for connection in list(self._connections):
                connection.close()
            with suppress(FileNotFoundError):
                options.socket.unlink()


def _bind(path: Path) -> socket.socket:
    """A socket in place of one that an agent before left; who may connect is decided by uid and token."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o666)
    return listener


def _table_of_programs(
    system: System, executions: Executions, terminals: Terminals, files: Files
) -> dict[str, Operation]:
    return {
        "status": Operation(messages.Nothing, system.status),
        "watch": Operation(messages.Nothing, system.watch, streams=True),
        "heartbeat": Operation(messages.Heartbeat, system.heartbeat),
        "shutdown": Operation(messages.Shutdown, system.shutdown),
        "execution.start": Operation(messages.ExecutionStart, executions.start),
        "execution.stop": Operation(messages.ExecutionStop, executions.stop, completes=True),
        "execution.get": Operation(messages.Identity, executions.get),
        "execution.list": Operation(messages.Nothing, executions.list),
        "execution.follow": Operation(messages.ExecutionFollow, executions.follow, streams=True),
        "execution.forget": Operation(messages.Identity, executions.forget),
        "terminal.open": Operation(messages.TerminalOpen, terminals.open),
        "terminal.attach": Operation(messages.TerminalAttach, terminals.attach, streams=True),
        "terminal.close": Operation(messages.Identity, terminals.close, completes=True),
        "terminal.list": Operation(messages.Nothing, terminals.list),
        "files.list": Operation(messages.FilesList, files.list),
        "files.read": Operation(messages.FilesRead, files.read),
    }


def _table_of_git(
    repository: Repository, importer: Importer, worktrees: Worktrees, spare: Spare
) -> dict[str, Operation]:
    diffs, merges = Diffs(repository), Merges(repository, worktrees, spare)
    return {
        "repository.create": Operation(messages.RepositoryCreate, importer.create, completes=True),
        "repository.import": Operation(messages.RepositoryImport, importer.run, streams=True),
        "worktree.add": Operation(messages.WorktreeAdd, worktrees.add, completes=True),
        "worktree.remove": Operation(messages.WorktreeRemove, worktrees.remove, completes=True),
        "worktree.commit": Operation(messages.WorktreeCommit, Commits(repository, worktrees).commit, completes=True),
        "worktree.state": Operation(messages.WorktreeState, worktrees.state),
        "diff.summary": Operation(messages.DiffSummary, diffs.summary),
        "diff.file": Operation(messages.DiffFile, diffs.file),
        "branch.merge": Operation(messages.BranchMerge, merges.merge, completes=True),
        "branch.rebase": Operation(messages.BranchRebase, merges.rebase, completes=True),
    }
