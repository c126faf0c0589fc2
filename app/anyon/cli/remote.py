"""Commands that speak to a running service over HTTP: project, task, loadtest."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from anyon.cli.parsing import Commands, command
from anyon.errors import AnyonError

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8080"
_PROJECT = "its id, or the short name that its address shows"


class ServiceUnreachable(AnyonError):
    code, status_hint = "service-unreachable", 502
    title = "The service does not answer"
    detail = "{url}: {reason}"
    hint = "Start it with `make up`, or name another address by ANYON_URL."


class Refused(AnyonError):
    code, status_hint = "refused", 502
    title = "The service refused"
    detail = "{problem}"
    hint = "{advice}"


class ProjectUnknown(AnyonError):
    code, status_hint = "project-unknown", 404
    title = "There is no such project"
    detail = "None of your projects has the id or the short name {name}."
    hint = "`anyon project list` shows the id, state and short name of each."


class TokenMissing(AnyonError):
    code, status_hint = "token-missing", 401
    title = "No token"
    detail = "ANYON_TOKEN is not set."
    hint = "export ANYON_TOKEN=$(anyon token create --user EMAIL)"


def add_commands(commands: Commands) -> None:
    projects = command(commands, "project", "Manage projects over HTTP.", "anyon project create shop")
    actions = projects.add_subparsers(dest="action", required=True, metavar="ACTION")
    command(actions, "list", "List your projects.", "anyon project list", _over_http(_list_projects))
    create = command(
        actions,
        "create",
        "Create a project, print its id, and wait until its repository is there.",
        "anyon project create shop https://example.org/shop.git",
        _over_http(_create_project),
    )
    create.add_argument("name")
    create.add_argument("source", nargs="?", default="", help="git address or path below an import root; empty: new")
    create.add_argument("--no-wait", action="store_true", help="let the import go on by itself")
    delete = command(actions, "delete", "Delete a project.", "anyon project delete shop", _over_http(_delete_project))
    delete.add_argument("project", help=_PROJECT)

    tasks = command(commands, "task", "Manage tasks over HTTP.", 'anyon task create shop "make test" --follow')
    actions = tasks.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = command(actions, "list", "List a project's tasks.", "anyon task list shop", _over_http(_list_tasks))
    listing.add_argument("project", help=_PROJECT)
    new = command(
        actions,
        "create",
        "Create a task and start it.",
        'anyon task create shop "make test" --follow',
        _over_http(_create_task),
    )
    new.add_argument("project", help=_PROJECT)
    new.add_argument("description")
    new.add_argument("--executor")
    new.add_argument("--follow", action="store_true", help="print the log until the end; exit with the task's success")

    load = command(
        commands,
        "loadtest",
        "Create projects and tasks, wait for their end, and compare with limits (R22).",
        "anyon loadtest --projects 10 --tasks 5 --report build/loadtest.json",
        _load,
    )
    load.add_argument("--projects", type=int, default=10)
    load.add_argument("--tasks", type=int, default=5, help="per project")
    load.add_argument("--seconds", type=float, default=120, help="limit for the whole run")
    load.add_argument(
        "--report", default="build/loadtest.json", help="where the report goes; the metrics lie beside it"
    )
    load.add_argument("--keep", action="store_true", help="leave the projects in place")
    load.add_argument("--compare", action="store_true", help="also time a bare shell of this machine at the same work")


def service_url() -> str:
    return os.environ.get("ANYON_URL", DEFAULT_URL).rstrip("/")


def service_token() -> str:
    """Raises TokenMissing."""
    token = os.environ.get("ANYON_TOKEN", "")
    if not token:
        raise TokenMissing
    return token


@contextmanager
def _client() -> Iterator[httpx.Client]:
    import httpx

    headers = {"Authorization": f"Bearer {service_token()}"}
    try:
        with httpx.Client(base_url=service_url(), headers=headers, timeout=60) as client:
            yield client
    except httpx.TransportError as error:
        raise ServiceUnreachable(url=service_url(), reason=error) from error


def _over_http(action: Callable[[httpx.Client, argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        with _client() as client:
            return action(client, options)

    return run


def _answer(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()["data"] if response.content else None
    try:
        problem = response.json()
        raise Refused(problem=f"{problem['title']}: {problem['detail']}", advice=problem.get("hint", ""))
    except (ValueError, KeyError, TypeError):
        raise Refused(problem=f"status {response.status_code}", advice="Look at the service's log.") from None


def _show(rows: list[dict[str, Any]], *columns: str) -> int:
    for row in rows:
        sys.stdout.write("\t".join(str(row[column]) for column in columns) + "\n")
    return 0


def _list_projects(client: httpx.Client, _options: argparse.Namespace) -> int:
    return _show(_answer(client.get("/api/projects")), "id", "state", "slug")


def _create_project(client: httpx.Client, options: argparse.Namespace) -> int:
    body = {"name": options.name, "git_repo_path": options.source}
    project = _answer(client.post("/api/projects", json=body))
    _show([project], "id")
    sys.stdout.flush()
    if not options.no_wait:
        from anyon.cli.waiting import imported

        asyncio.run(imported(service_url(), service_token(), project["id"]))
    return 0


def _project_id(client: httpx.Client, name: str) -> str:
    """Of a project that is named by its id or by its slug. Raises ProjectUnknown."""
    for project in _answer(client.get("/api/projects")):
        if name in (project["id"], project["slug"]):
            return str(project["id"])
    try:
        return str(UUID(name))  # perhaps of one that is not listed: the service says what it is
    except ValueError:
        raise ProjectUnknown(name=name) from None


def _delete_project(client: httpx.Client, options: argparse.Namespace) -> int:
    _answer(client.delete(f"/api/projects/{_project_id(client, options.project)}"))
    return 0


def _list_tasks(client: httpx.Client, options: argparse.Namespace) -> int:
    rows = _answer(client.get("/api/tasks", params={"project_id": _project_id(client, options.project)}))
    return _show(rows, "id", "number", "state", "title")


def _create_task(client: httpx.Client, options: argparse.Namespace) -> int:
    body = {"project_id": _project_id(client, options.project), "description": options.description}
    if options.executor:
        body["executor"] = options.executor
    task = _answer(client.post("/api/tasks", json=body))
    if not options.follow:
        return _show([task], "id")
    attempt = task["latest_attempt"]
    _print_log(client, attempt["execution"]["id"])
    from anyon.cli.waiting import ended

    return 0 if asyncio.run(ended(service_url(), service_token(), attempt["id"])) else 1


def _print_log(client: httpx.Client, execution: str) -> None:
    with client.stream("GET", f"/api/executions/{execution}/log", params={"follow": True}, timeout=None) as log:
        if not log.is_success:
            log.read()
            _answer(log)
        for chunk in log.iter_bytes():
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()


def _load(options: argparse.Namespace) -> int:
    from anyon.loadtest import Plan, run

    plan = Plan(options.projects, options.tasks, options.seconds, keep=options.keep, compare=options.compare)
    report = run(service_url(), service_token(), plan, options.report)
    sys.stdout.write(json.dumps(report.summary, indent=2) + "\n")
    for complaint in report.complaints:
        sys.stderr.write(f"{complaint}\n")
    return 1 if report.complaints else 0
