"""Runs the load test: creates, follows to the end, verifies, reports, cleans up."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyon.errors import AnyonError
from anyon.loadtest.bare import bare_seconds
from anyon.loadtest.service import Record, Service
from anyon.loadtest.work import Work, works

_SHOWN_ERRORS = 20


@dataclass(frozen=True)
class Plan:
    """`seconds` limits the whole run; `compare` runs the same work by a bare shell of this machine first."""

    projects: int = 10
    tasks: int = 5
    seconds: float = 120.0
    keep: bool = False
    compare: bool = False


@dataclass(frozen=True)
class Report:
    """`complaints` is empty when the service did what was asked of it, in time."""

    summary: dict[str, Any]
    complaints: list[str]


@dataclass
class _Run:
    plan: Plan
    service: Service
    errors: list[str] = field(default_factory=list)
    created: list[Record] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    async def project(self, tasks: Sequence[Work]) -> None:
        name = f"load {tasks[0].project}"
        try:
            project = await self.service.create_project(name)
        except AnyonError as error:
            self.errors.append(f"{name}: {error.describe()}")
            return
        self.created.append(project)
        await asyncio.gather(*(self._task(project, work) for work in tasks))

    async def _task(self, project: Record, work: Work) -> None:
        started = time.perf_counter()
        try:
            task = await self.service.create_task(project["id"], work.command)
            attempt = task["latest_attempt"]
            log = b"".join([piece async for piece in self.service.log(attempt["execution"]["id"])])
            ended = await self.service.settled(attempt["id"])
        except AnyonError as error:
            self.errors.append(f"{work.name}: {error.describe()}")
            return
        self.seconds.append(time.perf_counter() - started)
        self.errors += [f"{work.name}: {mistake}" for mistake in mistakes(work, ended, log)]

    async def delete(self, project: Record) -> None:
        try:
            await self.service.request("DELETE", f"/api/projects/{project['id']}")
        except AnyonError as error:
            self.errors.append(f"{project['slug']} is not deleted: {error.describe()}")


def run(url: str, token: str, plan: Plan, report_path: str) -> Report:
    """Run the plan against the service and write `report_path`, with the metrics and the workspaces beside it.

    Raises ConnectionLost when the service cannot be reached at all.
    """
    path = Path(report_path)
    summary, complaints, metrics, workspaces = asyncio.run(_run(url, token, plan))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**summary, "complaints": complaints}, indent=2) + "\n")
    path.with_name(f"{path.stem}-metrics.txt").write_text(metrics)
    path.with_name(f"{path.stem}-workspaces.txt").write_text(workspaces)
    return Report(summary, complaints)


async def _run(url: str, token: str, plan: Plan) -> tuple[dict[str, Any], list[str], str, str]:
    """Summary, complaints, the text of the metrics and the table of workspaces."""
    projects = works(plan.projects, plan.tasks)
    bare = await bare_seconds(projects) if plan.compare else None
    async with Service(url, token) as service:
        load = _Run(plan, service)
        complaints: list[str] = []
        started = time.perf_counter()
        try:
            async with asyncio.timeout(plan.seconds):
                await asyncio.gather(*(load.project(tasks) for tasks in projects))
        except TimeoutError:
            complaints.append(f"not done within {plan.seconds:g} seconds")
        seconds = time.perf_counter() - started
        metrics, workspaces = await _metrics(service), await _workspaces(service, load.created)
        if not plan.keep:
            await asyncio.gather(*(load.delete(project) for project in load.created))
    if load.errors:
        complaints += [f"{len(load.errors)} errors; none is allowed", *load.errors[:_SHOWN_ERRORS]]
    return _summary(plan, load, seconds, bare), complaints, metrics, workspaces


def mistakes(work: Work, attempt: Record, log: bytes) -> list[str]:
    """What an ended attempt says that is not so."""
    execution = attempt["execution"]
    expected = {"state": "exited", "exit_code": work.exit_code, "signal": None, "log_bytes": len(work.log)}
    found = [
        f"its {name} is {execution[name]}, not {value}" for name, value in expected.items() if execution[name] != value
    ]
    state = "failed" if work.exit_code else "in_review"
    if attempt["state"] != state:
        found.append(f"its attempt is {attempt['state']}, not {state}: {attempt['problem']}")
    if attempt["files"] != 1:
        found.append(f"its diff has {attempt['files']} files, not 1")
    if log != work.log:
        found.append(f"its log has {len(log)} bytes that are not the {len(work.log)} that it wrote")
    return found


def _summary(plan: Plan, load: _Run, seconds: float, bare: float | None) -> dict[str, Any]:
    slowest = sorted(load.seconds) or [0.0]
    summary: dict[str, Any] = {
        "projects": plan.projects,
        "tasks": plan.projects * plan.tasks,
        "tasks_done": len(load.seconds),
        "errors": len(load.errors),
        "seconds": round(seconds, 3),
        "limit_seconds": plan.seconds,
        "task_seconds": {
            "median": round(statistics.median(slowest), 3),
            "p95": round(slowest[int(0.95 * (len(slowest) - 1))], 3),
            "longest": round(slowest[-1], 3),
        },
    }
    if bare is not None:
        summary |= {"bare_seconds": round(bare, 3), "ratio": round(seconds / bare, 2)}
    return summary


async def _metrics(service: Service) -> str:
    try:
        return await service.text("/metrics")
    except AnyonError as error:
        return f"# not readable with this token: {error.describe()}\n"


async def _workspaces(service: Service, projects: Sequence[Record]) -> str:
    """A table of the projects' workspaces; what they use is shown to administrators."""
    try:
        used = {row["project_id"]: row for row in await service.get("/api/admin/workspaces")}
    except AnyonError:
        used = {}
    rows = [("NAME", "STATUS", "PROCESSES", "MEMORY MB")]
    for project in sorted(projects, key=lambda each: str(each["slug"])):
        try:
            state = (await service.get(f"/api/projects/{project['id']}"))["workspace"]["state"]
        except AnyonError as error:
            state = error.describe()
        usage = used.get(project["id"], {})
        memory = f"{usage['memory_bytes'] / 1e6:.1f}" if usage else ""
        rows.append((project["slug"], state, str(usage.get("processes", "")), memory))
    return "".join("\t".join(row) + "\n" for row in rows)
