"""The description of the API is what the service does: requests made from it meet answers that it declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from anyon.api.app import build_app
from anyon.model import UserRole
from anyon.settings import Settings
from tests.api.people import Json, Person
from tests.api.routes import SOCKET, operations
from tests.fixtures.product import LiveServer

EXAMPLES = 4
"""Requests per operation, valid and broken ones."""

APP = build_app(Settings(data_dir=Path("/nonexistent")))
DESCRIPTION: Json = APP.openapi()
schema = schemathesis.openapi.from_dict(
    DESCRIPTION,
    config=schemathesis.Config.from_dict(
        {"phases": {"coverage": {"enabled": False}, "stateful": {"enabled": False}, "examples": {"enabled": False}}}
    ),
)


@pytest.fixture(scope="module")
def scene(server: LiveServer) -> Iterator[tuple[Person, dict[str, str]]]:
    """An administrator and the ids of one of everything, so that requests pass beyond `not found`."""
    person = Person(server, UserRole.ADMIN)
    project = person.project()
    attempt = person.work(project, "echo one > one.txt")
    terminal = person.call("POST", f"/api/projects/{project['id']}/terminals", {}, 201)
    ids = {
        "project_id": project["id"],
        "task_id": attempt["task_id"],
        "attempt_id": attempt["id"],
        "execution_id": attempt["execution"]["id"],
        "terminal_id": terminal["id"],
    }
    yield person, ids
    for entry in person.call("GET", "/api/projects"):
        person.call("DELETE", f"/api/projects/{entry['id']}", status=204)
    person.close()


def test_every_http_operation_is_described() -> None:
    described = {(method.upper(), path) for path, item in DESCRIPTION["paths"].items() for method in item}
    ours = {
        operation.key
        for operation in operations(APP.routes)
        if operation.path.startswith("/api/") and operation.method != SOCKET and "openapi" not in operation.path
    }
    assert ours <= described
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            assert operation.get("summary"), f"{method} {path} has no summary"
            assert operation["tags"], f"{method} {path} has no tag"


def test_every_refusal_is_described_as_a_problem() -> None:
    assert "Problem" in DESCRIPTION["components"]["schemas"]
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            for status in ("4XX", "5XX"):
                content = operation["responses"][status]["content"]
                assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem"), f"{method} {path}"
            assert "422" not in operation["responses"], f"{method} {path}: it would promise another form"


KEPT = {("DELETE", "/api/projects/{project_id}"), ("DELETE", "/api/tasks/{task_id}"), ("DELETE", "/api/session")}
"""Not asked with the ids of the scene, or the rest would have nothing left to ask about."""


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_requests_made_from_the_description_meet_the_answers_that_it_declares(
    case: schemathesis.Case[Any], server: LiveServer, scene: tuple[Person, dict[str, str]]
) -> None:
    person, ids = scene
    if (case.method, case.operation.path) not in KEPT:
        case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
    case.query.pop("follow", None)  # it would wait for the end of what runs
    response = case.call(base_url=server.url, headers={"Authorization": f"Bearer {person.token}"})
    assert response.status_code < 500, response.text
    case.validate_response(
        response, checks=[status_code_conformance, content_type_conformance, response_schema_conformance]
    )
