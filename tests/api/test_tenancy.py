"""Nobody reaches what is somebody else's: a matrix over every route that the application has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from anyon.api.app import build_app
from anyon.model import Role, UserRole
from anyon.settings import Settings
from tests.api.people import Json, Person
from tests.api.routes import BODIES, BODY_IDS, CREATES_OWN, OPEN, QUERIES, SOCKET, Operation, filled, operations
from tests.fixtures.product import LiveServer

ALL = sorted(operations(build_app(Settings(data_dir=Path("/nonexistent"))).routes), key=lambda operation: operation.key)
GUARDED = [operation for operation in ALL if operation.key not in OPEN]
ADMIN = [operation for operation in GUARDED if operation.admin]
OTHERS = [operation for operation in GUARDED if not operation.admin and operation.key not in CREATES_OWN]
CHANGING = [operation for operation in OTHERS if operation.changes and not operation.path.startswith("/api/me/")]
READING = [operation for operation in OTHERS if not operation.changes and operation.method != SOCKET]

NOT_A_MEMBERS_BUSINESS = {
    (SOCKET, "/api/terminals/{terminal_id}/socket"): "a terminal is typed into, so that watching needs an editor",
}


def by_name(operation: Operation) -> str:
    return str(operation)


class Owned:
    """One of everything, Ann's; `ids` are the values of the parameters that name it."""

    def __init__(self, ann: Person) -> None:
        project = ann.project("Ann's")
        attempt = ann.work(project, "echo secret; echo text > README.md")
        terminal = ann.call("POST", f"/api/projects/{project['id']}/terminals", {}, 201)
        token = ann.call("POST", "/api/me/tokens", {"name": "Ann's"}, 201)
        ann.call("PUT", "/api/me/secrets/ANNS_KEY", {"value": "value"}, 204)
        session = self._session(ann)
        self.project: Json = project
        self.attempt: Json = attempt
        self.ids = {
            "project_id": project["id"],
            "task_id": attempt["task_id"],
            "attempt_id": attempt["id"],
            "execution_id": attempt["execution"]["id"],
            "terminal_id": terminal["id"],
            "token_id": token["id"],
            "session_id": session,
            "user_id": str(ann.id),
            "name": "ANNS_KEY",
        }

    @staticmethod
    def _session(ann: Person) -> str:
        _, row = ann.server.run(lambda services: services.auth.sessions.start(ann.id, user_agent="Ann's browser"))
        return str(row.id)


@pytest.fixture(scope="module")
def owner(server: LiveServer) -> Iterator[Person]:
    person = Person(server)
    yield person
    for project in person.call("GET", "/api/projects"):
        person.call("DELETE", f"/api/projects/{project['id']}", status=204)
    person.close()


@pytest.fixture(scope="module")
def owned(owner: Person) -> Owned:
    return Owned(owner)


def ask(operation: Operation, ids: dict[str, str], caller: Person | None, server: LiveServer, body: Any = None) -> int:
    """The status of the answer; of a WebSocket, 101 or that of the refused handshake."""
    path = filled(operation.path, ids)
    if operation.method == SOCKET:
        return _handshake(path, caller, server)
    client = caller.http if caller else httpx.Client(base_url=server.url, trust_env=False)
    template = body if body is not None else BODIES.get(operation.key)
    response = client.request(
        operation.method,
        path,
        params=filled(QUERIES.get(operation.key, {}), ids),
        json=filled(template, ids) if template is not None else None,
    )
    if caller is None:
        client.close()
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert "Ann's" not in response.text
    return response.status_code


def _handshake(path: str, caller: Person | None, server: LiveServer) -> int:
    nobody = Nobody(server)
    try:
        with (caller or nobody).socket(path):
            return 101
    except InvalidStatus as refusal:
        answer = refusal.response
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code


class Nobody(Person):
    """Somebody without a token that counts."""

    def __init__(self, server: LiveServer) -> None:
        self.server, self.token = server, ""

    def socket(self, path: str, **options: Any) -> Any:
        from websockets.sync.client import connect

        return connect(f"ws://127.0.0.1:{self.server.port}{path}", proxy=None, compression=None)


def test_the_matrix_can_ask_for_every_route() -> None:
    known = {"project_id", "task_id", "attempt_id", "execution_id", "terminal_id", "token_id", "session_id", "user_id"}
    for operation in GUARDED:
        unknown = set(operation.ids) - known - {"name"}
        assert not unknown, f"{operation}: give tests/api/test_tenancy.py `Owned` a value for {', '.join(unknown)}"
        assert not operation.has_body or operation.key in BODIES, (
            f"{operation}: add a valid body to BODIES in routes.py"
        )
        names_something = bool(operation.ids) or operation.key == ("POST", "/api/tasks")
        assert names_something or operation.admin or operation.key in CREATES_OWN, (
            f"{operation} names no id: add it to CREATES_OWN in routes.py with the reason why that is right"
        )


def test_no_exception_outlives_its_route() -> None:
    existing = {operation.key for operation in ALL}
    for table in (OPEN, CREATES_OWN, BODIES, BODY_IDS, QUERIES, NOT_A_MEMBERS_BUSINESS):
        assert set(table) <= existing, f"remove {set(table) - existing}"


@pytest.mark.parametrize("operation", GUARDED, ids=by_name)
def test_without_a_session_or_token_every_route_answers_401(
    operation: Operation, owned: Owned, server: LiveServer
) -> None:
    assert ask(operation, owned.ids, None, server) == 401


@pytest.mark.parametrize("operation", OTHERS, ids=by_name)
def test_another_user_gets_404_for_every_id(
    operation: Operation, owned: Owned, bob: Person, server: LiveServer
) -> None:
    assert ask(operation, owned.ids, bob, server) == 404


@pytest.mark.parametrize("operation", ADMIN, ids=by_name)
def test_a_member_gets_403_for_what_administrators_do(
    operation: Operation, owned: Owned, bob: Person, server: LiveServer
) -> None:
    assert ask(operation, owned.ids, bob, server) == 403


@pytest.mark.parametrize(("key", "body"), BODY_IDS.items(), ids=str)
def test_an_id_of_somebody_else_in_a_body_is_404_beside_a_path_of_ones_own(
    key: tuple[str, str], body: Any, owned: Owned, bob: Person, server: LiveServer
) -> None:
    operation = next(operation for operation in ALL if operation.key == key)
    ids = {**owned.ids, "project_id": bob.project()["id"]}
    assert ask(operation, ids, bob, server, body) == 404


@pytest.fixture(scope="module")
def viewer(owner: Person, owned: Owned, server: LiveServer) -> Iterator[Person]:
    person = Person(server)
    owner.add_member(owned.project, person, Role.VIEWER)
    yield person
    person.close()


@pytest.mark.parametrize("operation", CHANGING, ids=by_name)
def test_a_viewer_changes_nothing(operation: Operation, owned: Owned, viewer: Person, server: LiveServer) -> None:
    assert ask(operation, owned.ids, viewer, server) == 403


@pytest.mark.parametrize("operation", READING, ids=by_name)
def test_a_viewer_reads_everything(operation: Operation, owned: Owned, viewer: Person, server: LiveServer) -> None:
    assert ask(operation, owned.ids, viewer, server) in {200, 404 if operation.path.endswith("/content") else 200}


@pytest.mark.parametrize("operation", [o for o in OTHERS if o.method == SOCKET], ids=by_name)
def test_a_viewer_gets_the_sockets_that_only_show(
    operation: Operation, owned: Owned, viewer: Person, server: LiveServer
) -> None:
    wanted = 403 if operation.key in NOT_A_MEMBERS_BUSINESS else 101
    assert ask(operation, owned.ids, viewer, server) == wanted


def test_the_lists_of_another_user_hold_nothing_of_yours(owned: Owned, bob: Person) -> None:
    assert bob.call("GET", "/api/projects") == []
    assert bob.call("GET", "/api/me/tokens")[0]["id"] != owned.ids["token_id"]
    assert bob.call("GET", "/api/me/secrets") == []
    assert bob.call("GET", "/api/me/sessions") == []


def test_an_editor_works_in_a_project_but_does_not_delete_it(ann: Person, project: Json, bob: Person) -> None:
    ann.add_member(project, bob, Role.EDITOR)
    attempt = bob.work(project, "echo from Bob > bob.txt")
    assert attempt["state"] == "in_review"
    assert bob.call("POST", f"/api/attempts/{attempt['id']}/merge", {})["state"] == "merged"
    bob.problem("DELETE", f"/api/projects/{project['id']}", status=403, code="role-too-small")


def test_a_viewer_cannot_discard_work_by_deleting_its_task(ann: Person, project: Json, bob: Person) -> None:
    ann.add_member(project, bob, Role.VIEWER)
    attempt = ann.work(project, "echo work > work.txt")
    bob.problem("DELETE", f"/api/tasks/{attempt['task_id']}", status=403, code="role-too-small", force=True)
    assert ann.call("GET", f"/api/attempts/{attempt['id']}")["state"] == "in_review"


def test_an_administrator_gets_into_nobodys_project(owned: Owned, admin: Person, server: LiveServer) -> None:
    for operation in READING:
        assert ask(operation, owned.ids, admin, server) == 404
    assert "memory_bytes" in admin.call("GET", "/api/admin/workspaces")[0]
    assert UUID(owned.ids["project_id"]) in {
        UUID(plan["project_id"]) for plan in admin.call("GET", "/api/admin/idle-plan")
    }


def test_a_second_account_is_not_made_on_a_host_that_does_not_isolate(
    tmp_path: Path, new_server: Callable[..., LiveServer]
) -> None:
    lone = new_server(tmp_path / "data", isolation="none")
    admin = Person(lone, UserRole.ADMIN)
    refused = admin.problem(
        "POST",
        "/api/users",
        {"email": "second@example.org", "name": "Second"},
        status=409,
        code="accounts-need-isolation",
    )
    assert "ANYON_ALLOW_UNISOLATED_ACCOUNTS" in refused["hint"]
    assert admin.call("GET", "/api/session")["isolation"]["isolated"] is False
    assert "not isolated" in admin.call("GET", "/api/session")["isolation"]["note"]
    admin.close()
    shutil.rmtree(tmp_path / "data")
