"""The audit log names who did it, not whose project it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from anyon.model import Role
from tests.api.people import Json, Person
from tests.fixtures.product import LiveServer


def entries(server: LiveServer, where: str, *values: str) -> list[tuple[str, str | None]]:
    """Action and actor of entries, the oldest first; read past the product, since deleted projects have no readers."""
    with closing(sqlite3.connect(server.settings.data_dir / "anyon.db")) as database:
        found = database.execute(f"SELECT action, user_id FROM audit WHERE {where} ORDER BY id", values)  # noqa: S608
        return [(str(action), user_id) for action, user_id in found]


@pytest.fixture
def actors(ann: Person, bob: Person, project: Json, server: LiveServer) -> Callable[[str], set[str]]:
    """Who did an action in Ann's project, of which Bob is an editor."""
    ann.add_member(project, bob, Role.EDITOR)
    names = {ann.id.hex: "ann", bob.id.hex: "bob", None: "nobody"}
    project_id = project["id"].replace("-", "")

    def ask(action: str) -> set[str]:
        return {names[user] for did, user in entries(server, "project_id = ?", project_id) if did == action}

    return ask


def test_a_decision_is_recorded_under_who_made_it(
    ann: Person, bob: Person, project: Json, actors: Callable[[str], set[str]]
) -> None:
    first, second = (ann.work(project, f"echo {name} > {name}") for name in ("a", "b"))
    bob.call("POST", f"/api/attempts/{first['id']}/rebase")
    bob.call("POST", f"/api/attempts/{first['id']}/merge", {})
    bob.call("POST", f"/api/attempts/{second['id']}/discard", {"force": True})
    assert {action: actors(f"attempt.{action}") for action in ("rebased", "merged", "discarded", "in_review")} == {
        "rebased": {"bob"},
        "merged": {"bob"},
        "discarded": {"bob"},
        "in_review": {"ann"},
    }


def test_who_stops_an_attempt_is_recorded_once(
    ann: Person, bob: Person, project: Json, actors: Callable[[str], set[str]], server: LiveServer
) -> None:
    running = ann.task(project, "sleep 600")["latest_attempt"]
    ann.attempt(running["id"], "running")
    bob.call("POST", f"/api/attempts/{running['id']}/cancel")
    ann.attempt(running["id"], "cancelled")
    bob.call("POST", f"/api/attempts/{running['id']}/cancel")
    assert actors("attempt.stopped") == {"bob"}
    recorded = entries(server, "subject = ? AND action = 'attempt.stopped'", running["id"])
    assert len(recorded) == 1


def test_a_moved_and_a_deleted_card_name_who_did_it(
    ann: Person, bob: Person, project: Json, actors: Callable[[str], set[str]]
) -> None:
    task = ann.call("GET", f"/api/tasks/{ann.work(project, 'echo x > x')['task_id']}")
    bob.call("PATCH", f"/api/tasks/{task['id']}", {"state": "done"})
    bob.call("DELETE", f"/api/tasks/{task['id']}", status=204, force=True)
    assert [actors(action) for action in ("task.moved", "attempt.discarded", "task.deleted")] == [{"bob"}] * 3


def test_terminals_and_workspaces_name_who_used_them(
    bob: Person, project: Json, actors: Callable[[str], set[str]]
) -> None:
    address = f"/api/projects/{project['id']}"
    terminal = bob.call("POST", f"{address}/terminals", {"cols": 80, "rows": 24}, 201)
    for _ in range(2):
        bob.call("DELETE", f"/api/terminals/{terminal['id']}", status=204)
    bob.call("PUT", f"{address}/pin", {"hours": 1})
    bob.call("DELETE", f"{address}/pin")
    bob.call("POST", f"{address}/workspace/stop")
    bob.call("POST", f"{address}/workspace/start")
    bob.call("PATCH", address, {"name": "Bob was here"})
    for action in ("terminal.opened", "terminal.closed", "project.changed"):
        assert actors(action) == {"bob"}, action
    for action in ("pinned", "unpinned", "stopped", "started"):
        assert actors(f"workspace.{action}") == {"bob"}, action


def test_a_deletion_is_recorded_under_the_owner_who_deleted(
    ann: Person, bob: Person, project: Json, server: LiveServer
) -> None:
    ann.add_member(project, bob, Role.OWNER)
    bob.call("DELETE", f"/api/projects/{project['id']}", status=204)
    assert entries(server, "subject = ?", project["id"])[-1] == ("project.deleted", bob.id.hex)


def test_a_new_token_is_recorded(ann: Person, server: LiveServer) -> None:
    made = ann.call("POST", "/api/me/tokens", {"name": "script", "days": 1}, 201)
    assert entries(server, "subject = ?", made["id"]) == [("token.created", ann.id.hex)]


def test_the_link_of_a_new_account_names_who_made_it(admin: Person, server: LiveServer) -> None:
    body = {"email": f"new-{admin.email}", "name": "New", "role": "member"}
    made = admin.call("POST", "/api/users", body, 201)
    assert entries(server, "subject = ?", made["user"]["id"]) == [
        ("user.created", admin.id.hex),
        ("link.created", admin.id.hex),
    ]


def test_failed_logins_are_recorded_but_do_not_fill_the_log(
    tmp_path: Path, new_server: Callable[..., LiveServer]
) -> None:
    lone = new_server(tmp_path / "data", isolation="none")
    statuses = [
        httpx.post(f"{lone.url}/api/session", json={"token": f"{number:043}"}, trust_env=False).status_code
        for number in range(25)
    ]
    assert statuses[-1] == 429
    assert entries(lone, "action = 'session.refused'") == [("session.refused", None)]
