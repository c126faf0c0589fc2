"""What the fault tests share: programs that wait for a sign, and the place where signs are given."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from anyon.loadtest.service import Record, Service
from tests.fixtures.installation import Installation

PATIENCE = 60.0
"""Seconds after which something that should happen is said not to happen; no test measures time."""


def chatter(number: int, gate: str) -> str:
    """A program that writes numbered lines, to its log and to `out.txt`, until the gate opens; exits with `number`."""
    say = 'say() { echo "$1"; echo "$1" >> out.txt; }'
    talk = f'say "task {number} line $i"; i=$((i+1)); sleep 0.1'
    wait = f"while [ ! -e $ANYON_WORKSPACE/{gate} ]; do {talk}; done"
    return f'{say}; i=0; {wait}; say "task {number} ends"; exit {number}'


def repository(installation: Installation, project: Record) -> Path:
    """The project's working copy on the host: `/workspace` inside."""
    return installation.data_dir / "workspaces" / str(project["id"]) / "repo"


def label(installation: Installation, project: Record) -> dict[str, Any]:
    """What the runtime remembers of the workspace: `pid`, `generation` …"""
    path = installation.data_dir / "workspaces" / str(project["id"]) / "label.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


async def file_content(service: Service, project: Record, path: str) -> bytes:
    """A file of the working copy, by the API."""
    found = await service.get(f"/api/projects/{project['id']}/files/content", path=path)
    assert not found["truncated"]
    return base64.b64decode(found["content_base64"])


async def eventually(happened: Callable[[], Any]) -> None:
    """For what another process does: there is nothing here to await."""
    async with asyncio.timeout(PATIENCE):
        while not happened():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.01)


async def whole_log(service: Service, execution_id: str) -> bytes:
    async with asyncio.timeout(PATIENCE):
        return b"".join([piece async for piece in service.log(execution_id)])


async def settled(service: Service, task: Record) -> Record:
    """The task's attempt when it is over. A failed wait says what state it was left in."""
    attempt_id = task["latest_attempt"]["id"]
    try:
        async with asyncio.timeout(PATIENCE):
            return await service.settled(attempt_id)
    except TimeoutError:
        left = await service.get(f"/api/attempts/{attempt_id}")
        raise AssertionError(f"the attempt is stuck: {json.dumps(left, indent=1)}") from None


async def running(service: Service, task: Record) -> Record:
    """The task's attempt once its program runs."""
    attempt_id = task["latest_attempt"]["id"]
    async with asyncio.timeout(PATIENCE):
        return await service.until(
            attempt_id, f"/api/attempts/{attempt_id}", lambda attempt: attempt["state"] == "running"
        )


def execution_of(task: Record) -> str:
    return str(UUID(task["latest_attempt"]["execution"]["id"]))
