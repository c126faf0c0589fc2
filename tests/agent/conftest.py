"""Agents, clients and repositories for the tests, and the guard against leftovers."""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from anyon.agent import tree
from anyon.agent.client import AgentClient
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.processes import Processes
from anyon.agent.server import Agent, Options
from tests.agent.support import GENERATION, TOKEN, Git, Workspace

_PR_SET_CHILD_SUBREAPER = 36
_DYING_SECONDS = 5.0

# No deadline: these tests share their machine, and no test asserts a time of the clock.
settings.register_profile("agent", max_examples=50, deadline=None)
settings.load_profile("agent")


@pytest.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """Fails a test after which a task or a child process is left."""
    tasks, children = asyncio.all_tasks(), set(tree.children_of(os.getpid()))
    yield
    left = [task for task in asyncio.all_tasks() - tasks - {asyncio.current_task()} if not task.done()]
    assert not left, f"tasks left behind: {left}"
    _reap(set(tree.children_of(os.getpid())) - children)
    assert not set(tree.children_of(os.getpid())) - children, "child processes left behind"


def _reap(pids: set[int]) -> None:
    """An agent reaps what dies after its last look when SIGCHLD says so; one in a test's process hears no signal.

    What was killed a moment ago may still be dying.
    """
    for pid in pids:
        with suppress(ChildProcessError, ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                select.select([descriptor], [], [], _DYING_SECONDS)
            finally:
                os.close(descriptor)
            os.waitpid(pid, os.WNOHANG)


@pytest.fixture
def subreaper() -> Iterator[None]:
    """Orphans of this test come to the test's process, as they do to an agent."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """Descriptor of an empty workspace at `tmp_path`."""
    descriptor = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folders = Workspace(tmp_path / "repo", tmp_path / "home", tmp_path / "state", tmp_path / "run")
    for folder in folders:
        folder.mkdir()
    return folders


@pytest.fixture
def options(workspace: Workspace) -> Options:
    return Options(
        workspace=workspace.repo,
        home=workspace.home,
        state=workspace.state,
        socket=workspace.run / "agent.sock",
        generation=GENERATION,
        token=TOKEN,
        allowed_uids=frozenset({os.getuid()}),
        max_log_bytes=262_144,
        max_running_executions=5,
        max_terminals=5,
    )


@pytest.fixture
def endpoint(workspace: Workspace) -> AgentEndpoint:
    return AgentEndpoint(workspace.run, "agent.sock", os.getuid(), TOKEN, GENERATION)


@pytest.fixture
async def agent(options: Options, subreaper: None) -> AsyncIterator[Agent]:
    """An agent in this process, so that its lines count as covered."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(options.home), "LANG": "C.UTF-8"}
    agent = Agent(options, environment, Processes())
    running = asyncio.create_task(agent.run())
    await agent.ready.wait()
    yield agent
    agent.stop(0)
    await running


@pytest.fixture
async def client(agent: Agent, endpoint: AgentEndpoint) -> AsyncIterator[AgentClient]:
    client = await AgentClient.connect(endpoint)
    yield client
    await client.close()


@pytest.fixture(scope="session")
def sample_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few files and one commit on `main`; copied, not used."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "docs").mkdir()
    (folder / "README.md").write_text("# Sample\n\nfirst\nsecond\nthird\n")
    (folder / "docs" / "guide.md").write_text("guide\n" * 20)
    (folder / "logo.bin").write_bytes(bytes(range(256)))
    git = Git(folder)
    git("init", "-q", "-b", "main")
    git("add", "--all")
    git("commit", "-q", "-m", "Import")
    return folder


@pytest.fixture
async def repository(agent: Agent, workspace: Workspace, sample_repository: Path) -> Git:
    """The workspace's repository, with its spare worktree prepared."""
    shutil.copytree(sample_repository, workspace.repo, dirs_exist_ok=True)
    (workspace.repo / ".git" / "info" / "exclude").write_text(".worktrees/\n")
    agent.refresh_spare()
    await agent.spare_settled()
    return Git(workspace.repo)
