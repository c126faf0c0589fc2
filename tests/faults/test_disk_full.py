"""No room for the agent's records and logs: programs go on to their true end, and the user is told what is missing.

A full disk is made by the agent's limit on the size of files, which needs no privilege and no mount.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.support import chatter, execution_of, label, repository, running, settled, whole_log
from tests.fixtures.installation import Installation

pytestmark = pytest.mark.faults


@contextmanager
def files_limited(pid: int, size: int) -> Iterator[None]:
    """No file may grow beyond `size` by this process; what runs already in its children may."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def test_a_running_program_reaches_its_true_end_and_its_log_says_what_it_lacks(
    installation: Installation,
) -> None:
    async with installation.service() as service:
        project = await service.create_project("full")
        command = "echo first; while [ ! -e /workspace/go ]; do sleep 0.05; done; seq 1 2000; exit 5"
        task = await service.create_task(project["id"], command)
        await running(service, task)
        with files_limited(label(installation, project)["pid"], 4096):
            (repository(installation, project) / "go").touch()
            attempt = await settled(service, task)
        execution = attempt["execution"]
        assert (execution["state"], execution["exit_code"]) == ("exited", 5)
        log = await whole_log(service, execution["id"])
        assert log.startswith(b"first\n1\n2\n")
        assert b"bytes of the log were dropped]" in log


async def test_a_program_whose_record_cannot_be_kept_is_not_started_and_can_be_retried(
    installation: Installation,
) -> None:
    async with installation.service() as service:
        project = await service.create_project("full")
        with files_limited(label(installation, project)["pid"], 0):
            task = await service.create_task(project["id"], "echo never")
            attempt = await settled(service, task)
            assert attempt["state"] == "failed"
            assert attempt["problem"]["hint"]
        again = await service.request("POST", f"/api/attempts/{attempt['id']}/retry")
        ended = await settled(service, {"latest_attempt": again})
        assert ended["state"] == "in_review", ended["problem"]
        assert await whole_log(service, ended["execution"]["id"]) == b"never\n"


async def test_a_task_that_was_talking_all_the_time_loses_only_bytes(installation: Installation) -> None:
    async with installation.service() as service:
        project = await service.create_project("full")
        task = await service.create_task(project["id"], chatter(0, "go"))
        await running(service, task)
        with files_limited(label(installation, project)["pid"], 1):
            (repository(installation, project) / "go").touch()
            attempt = await settled(service, task)
        assert attempt["execution"]["exit_code"] == 0
        assert execution_of(task) == attempt["execution"]["id"]
