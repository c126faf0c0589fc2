"""The agent, and with it the workspace, dies: the user is told, and the next use starts it again."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.faults.support import chatter, execution_of, label, running, settled, whole_log
from tests.faults.terminal import Terminal, open_terminal
from tests.fixtures.installation import Installation

pytestmark = pytest.mark.faults


async def test_what_ran_is_lost_with_an_explanation_and_the_next_task_works(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("fragile")
        task = await service.create_task(project["id"], chatter(0, "never"))
        await running(service, task)
        async with Terminal(service, await open_terminal(service, project["id"])) as terminal:
            await terminal.pid("before")
            os.kill(label(installation, project)["pid"], signal.SIGKILL)
            await terminal.until(lambda: terminal.ended)
        attempt = await settled(service, task)
        assert (attempt["state"], attempt["execution"]["state"]) == ("failed", "lost")
        assert attempt["problem"]["code"] == "execution-lost"
        assert attempt["problem"]["hint"]
        again = await service.create_task(project["id"], "echo alive")
        assert (await settled(service, again))["state"] == "in_review"
        assert await whole_log(service, execution_of(again)) == b"alive\n"
        log = await whole_log(service, execution_of(task))  # what it wrote until then is still there
        assert log.startswith(b"task 0 line 0\n")


async def test_one_that_dies_while_the_service_is_down_is_found_out_at_the_start(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("fragile")
        task = await service.create_task(project["id"], chatter(0, "never"))
        await running(service, task)
    await installation.kill()
    os.kill(label(installation, project)["pid"], signal.SIGKILL)
    await installation.start()
    async with installation.service() as service:
        attempt = await settled(service, task)
        assert (attempt["state"], attempt["execution"]["state"]) == ("failed", "lost")
        again = await service.create_task(project["id"], "echo alive")
        assert (await settled(service, again))["state"] == "in_review"


async def test_one_that_hangs_does_not_hold_up_other_projects(installation: Installation) -> None:
    async with installation.service() as service:
        stuck, other = await asyncio.gather(*(service.create_project(name) for name in ("stuck", "other")))
        pid = label(installation, stuck)["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            waiting = await service.create_task(stuck["id"], "echo later")
            task = await service.create_task(other["id"], "echo now")
            assert (await settled(service, task))["state"] == "in_review"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert (await settled(service, waiting))["state"] == "in_review"
