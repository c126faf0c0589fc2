"""`kill -9` of the service: what ran goes on, and the next start finds all of it (acceptance of issue 3)."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from anyon.loadtest.service import Record, Service
from tests.faults.support import (
    chatter,
    eventually,
    execution_of,
    file_content,
    repository,
    running,
    settled,
    whole_log,
)
from tests.faults.terminal import Terminal, open_terminal
from tests.fixtures.installation import Installation

pytestmark = pytest.mark.faults

TASKS, TERMINALS = 10, 10


async def check_task(service: Service, project: Record, task: Record, number: int) -> None:
    """True ending, and every byte of the log: as many as the program itself put into its file."""
    attempt = await settled(service, task)
    execution = attempt["execution"]
    assert (execution["state"], execution["exit_code"]) == ("exited", number)
    assert attempt["state"] == ("in_review" if number == 0 else "failed")
    written = await file_content(service, project, f"{attempt['worktree']}/out.txt")
    log = await whole_log(service, execution["id"])
    assert log == written
    assert execution["log_bytes"] == len(written)
    assert written.endswith(f"task {number} ends\n".encode())


async def test_ten_tasks_and_ten_terminals_outlive_it(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("survivors")
        tasks = [
            await service.create_task(project["id"], chatter(number, "early" if number < 5 else "late"))
            for number in range(TASKS)
        ]
        await asyncio.gather(*(running(service, task) for task in tasks))
        terminals = await asyncio.gather(*(open_terminal(service, project["id"]) for _ in range(TERMINALS)))
        pids: dict[str, int] = {}
        seen: dict[str, tuple[int, int, bytes]] = {}
        async with AsyncExitStack() as stack:
            for number, terminal_id in enumerate(terminals):
                terminal = await stack.enter_async_context(Terminal(service, terminal_id))
                pids[terminal_id] = await terminal.pid(f"before{number}")
                await terminal.type(f"cd /tmp; mine={number}\n")
                await terminal.seen(r"cd /tmp; mine=\d+\r\n")
                seen[terminal_id] = (terminal.attached["from"], terminal.position, bytes(terminal.output))
            await installation.kill()

    early = repository(installation, project) / "early"
    await asyncio.to_thread(early.touch)  # half of the tasks end while nobody watches
    ended = [repository(installation, project) / task["latest_attempt"]["worktree"] / "out.txt" for task in tasks[:5]]
    await eventually(lambda: all(file.read_bytes().endswith(b"ends\n") for file in ended))

    await installation.start()
    async with installation.service() as service:
        for number, terminal_id in enumerate(terminals):
            start, position, before = seen[terminal_id]
            async with Terminal(service, terminal_id, start=position) as terminal:
                assert (terminal.attached["from"], terminal.attached["reset"]) == (position, False)
                assert await terminal.pid(f"after{number}") == pids[terminal_id]
                await terminal.type("echo mine=$mine in $PWD.\n")
                await terminal.seen(rf"mine={number} in /tmp\.")
            async with Terminal(service, terminal_id, start=start) as terminal:
                await terminal.until(lambda t=terminal, p=position: t.position >= p)
                assert bytes(terminal.output[: len(before)]) == before
        await asyncio.to_thread((early.parent / "late").touch)
        await asyncio.gather(*(check_task(service, project, task, number) for number, task in enumerate(tasks)))


@pytest.mark.parametrize("moment", ["starting", "running", "finishing"])
async def test_a_task_reaches_its_true_end_when_it_is_killed_at(moment: str, installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("moments")
        task = await service.create_task(project["id"], "echo begun; echo made > made.txt; exit 0")
        attempt_id = task["latest_attempt"]["id"]
        order = ["queued", "starting", "running", "finishing"]
        await service.until(
            attempt_id,
            f"/api/attempts/{attempt_id}",
            lambda attempt: attempt["state"] not in order[: order.index(moment)],
        )
        await installation.kill()
    await installation.start()
    async with installation.service() as service:
        attempt = await settled(service, task)
        assert (attempt["state"], attempt["problem"], attempt["files"]) == ("in_review", None, 1)
        assert await whole_log(service, execution_of(task)) == b"begun\n"
        board = await service.get(f"/api/tasks/{task['id']}")
        assert (board["state"], board["attempts"]) == ("in_review", 1)


async def test_a_project_whose_workspace_was_starting_is_made_in_the_next_life(installation: Installation) -> None:
    async with installation.service() as service:
        made = await service.request("POST", "/api/projects", {"name": "begun", "git_repo_path": ""})
        task = await service.create_task(made["id"], "echo works")
        await installation.kill()
    await installation.start()
    async with installation.service() as service:
        attempt = await settled(service, task)
        assert attempt["state"] == "in_review"
        assert await whole_log(service, execution_of(task)) == b"works\n"


async def test_being_killed_again_and_again_loses_nothing(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("again")
        task = await service.create_task(project["id"], chatter(7, "go"))
        await running(service, task)
    for _ in range(3):
        await installation.kill()
        installation.launch()  # killed at some moment of its start, or soon after
        await eventually(lambda: installation.log.read_text().count('"serving"') > 0)
    await installation.kill()
    await installation.start()
    async with installation.service() as service:
        await asyncio.to_thread((repository(installation, project) / "go").touch)
        await check_task(service, project, task, 7)


async def test_a_stop_in_order_leaves_tasks_and_terminals_running(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("graceful")
        task = await service.create_task(project["id"], chatter(0, "go"))
        await running(service, task)
        terminal_id = await open_terminal(service, project["id"])
        async with Terminal(service, terminal_id) as terminal:
            pid = await terminal.pid("first")
            async with asyncio.timeout(10):  # the promise: it ends within this time although sockets are open
                await installation.stop()
    assert installation.process.returncode == 0
    await installation.start()
    async with installation.service() as service:
        async with Terminal(service, terminal_id) as terminal:
            assert await terminal.pid("second") == pid
        await asyncio.to_thread((repository(installation, project) / "go").touch)
        await check_task(service, project, task, 0)
