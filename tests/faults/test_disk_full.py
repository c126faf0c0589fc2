"""No room for the agent's records and logs: programs go on to their true end, and the user is told what is missing.

A full disk is made without a mount: by a limit on the size of files, and by a folder that takes no new ones.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.support import repository, settled, whole_log
from tests.fixtures.installation import Installation, temporary_installation

pytestmark = pytest.mark.faults

_LARGEST_FILE = 3_000_000
_NUMBERS = 1_000_000  # 6.9 MB as lines


@contextmanager
def without_room(folder: Path) -> Iterator[None]:
    """The workspace's user cannot make files in this folder."""
    before = folder.stat()
    if os.geteuid() == 0:
        os.chown(folder, 0, 0)
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(before.st_mode)
        os.chown(folder, before.st_uid, before.st_gid)


async def test_a_program_reaches_its_true_end_and_its_log_says_what_it_lacks() -> None:
    limited = ("prlimit", f"--fsize={_LARGEST_FILE}", sys.executable)
    async with temporary_installation(python=limited) as installation, installation.service() as service:
        project = await service.create_project("full")
        task = await service.create_task(project["id"], f"seq 1 {_NUMBERS}; exit 5")
        execution = (await settled(service, task))["execution"]
        assert (execution["state"], execution["exit_code"]) == ("exited", 5)
        log = await whole_log(service, execution["id"])
        assert log.startswith(b"1\n2\n")
        assert b"bytes of the log were dropped]" in log
        again = await service.create_task(project["id"], "echo alive")
        assert (await settled(service, again))["state"] == "in_review"


@pytest.mark.bubblewrap  # without it the workspace has the service's own user id, which may be root's
async def test_a_program_whose_record_cannot_be_kept_is_not_started_and_can_be_retried(
    installation: Installation,
) -> None:
    async with installation.service() as service:
        project = await service.create_project("full")
        with without_room(repository(installation, project).with_name("state") / "executions"):
            task = await service.create_task(project["id"], "echo never")
            attempt = await settled(service, task)
            assert attempt["state"] == "failed"
            assert attempt["problem"]["code"] == "state-not-writable"
            assert attempt["problem"]["hint"]
        again = await service.request("POST", f"/api/attempts/{attempt['id']}/retry")
        ended = await settled(service, {"latest_attempt": again})
        assert ended["state"] == "in_review", ended["problem"]
        assert await whole_log(service, ended["execution"]["id"]) == b"never\n"
