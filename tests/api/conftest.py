"""One running service for all tests of the API; each test brings people and projects of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from anyon.model import UserRole
from tests.api.people import Json, Person
from tests.api.refusals import Scene
from tests.fixtures.product import LiveServer, remove_workspaces

MAX_BODY_BYTES = 65_536


@pytest.fixture(scope="session")
def import_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder below which projects may be imported by path."""
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, import_root: Path) -> Iterator[LiveServer]:
    data_dir = tmp_path_factory.mktemp("service") / "data"
    server = LiveServer(
        data_dir, import_roots=(import_root,), allow_unisolated_accounts=True, max_body_bytes=MAX_BODY_BYTES
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    with server.running():
        yield server
    asyncio.run(remove_workspaces(server.settings))


@pytest.fixture
def new_person(server: LiveServer) -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def make(role: UserRole = UserRole.MEMBER) -> Person:
        people.append(Person(server, role))
        return people[-1]

    yield make
    for person in people:
        for project in person.call("GET", "/api/projects"):
            if project["role"] == "owner":
                person.call("DELETE", f"/api/projects/{project['id']}", status=204)
        person.close()


@pytest.fixture
def ann(new_person: Callable[..., Person]) -> Person:
    """A member."""
    return new_person()


@pytest.fixture
def bob(new_person: Callable[..., Person]) -> Person:
    """Another member, who shares nothing with Ann."""
    return new_person()


@pytest.fixture
def admin(new_person: Callable[..., Person]) -> Person:
    return new_person(UserRole.ADMIN)


@pytest.fixture
def project(ann: Person) -> Json:
    """Ann's, with an empty repository."""
    return ann.project()


@pytest.fixture
def new_server() -> Iterator[Callable[..., LiveServer]]:
    """Services of the test's own; they stop with it, and their workspaces go."""
    with ExitStack() as stack:

        def start(data_dir: Path, **settings: Any) -> LiveServer:
            server = LiveServer(data_dir, **settings)
            stack.callback(lambda: asyncio.run(remove_workspaces(server.settings)))
            return stack.enter_context(server.running())

        yield start


@pytest.fixture(scope="module")
def scene(server: LiveServer, import_root: Path) -> Iterator[Scene]:
    """Somebody with a project and a task, who is an administrator so that bodies are looked at everywhere."""
    person = Person(server, UserRole.ADMIN)
    project = person.project()
    task = person.task(project, "true", start=False)
    (import_root / "file").write_text("no folder")
    (import_root / "out").symlink_to("/")
    yield Scene(person, {"project": project["id"], "task": task["id"], "root": str(import_root)})
    person.call("DELETE", f"/api/projects/{project['id']}", status=204)
    person.close()
    (import_root / "file").unlink()
    (import_root / "out").unlink()
