"""Somebody who uses the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import httpx
from websockets.sync.client import ClientConnection, connect

from anyon.composition import Services
from anyon.ids import new_id
from anyon.model import Role, UserRole
from tests.fixtures.product import PATIENCE, LiveServer

Json = dict[str, Any]


class Person:
    """An account with a bearer token. Every method speaks HTTP to the running service."""

    def __init__(self, server: LiveServer, role: UserRole = UserRole.MEMBER) -> None:
        self.server = server
        self.email = f"{new_id().hex[:12]}@example.org"
        self.id, self.token = server.run(lambda services: self._register(services, role))
        self.http = self._client()

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.server.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def at(self, server: LiveServer) -> Self:
        """The same account at another life of the service."""
        again = copy(self)
        again.server = server
        again.http = again._client()
        return again

    async def _register(self, services: Services, role: UserRole) -> tuple[UUID, str]:
        user = await services.accounts.create(None, email=self.email, name="Some Body", role=role)
        token, _ = await services.auth.tokens.issue(user.id, name="test", lifetime=timedelta(days=1))
        return user.id, token

    def close(self) -> None:
        self.http.close()

    def call(self, method: str, path: str, /, body: Any = None, status: int = 200, **params: Any) -> Any:
        """The `data` of the answer, which must have this status."""
        response = self.http.request(method, path, json=body, params=params or None)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()["data"] if response.content and status < 400 else response

    def problem(self, method: str, path: str, /, body: Any = None, *, status: int, code: str, **params: Any) -> Json:
        """The problem document that the request must meet."""
        document: Json = self.call(method, path, body, status, **params).json()
        assert document["code"] == code, document
        return document

    def project(self, name: str = "Shop", source: str = "", **fields: Any) -> Json:
        """A new project, once its repository is there."""
        made = self.call("POST", "/api/projects", {"name": name, "git_repo_path": source, **fields}, 201)
        ready = self.settled_project(made["id"])
        assert ready["state"] == "ready", ready["problem"]
        return ready

    def settled_project(self, project_id: str) -> Json:
        """The project once its import has ended, well or badly."""

        def probe() -> Json | None:
            project: Json = self.call("GET", f"/api/projects/{project_id}")
            return project if project["state"] != "creating" else None

        return self.server.until(probe)

    def task(self, project: Json, script: str, **fields: Any) -> Json:
        """A new task whose attempt runs `script`."""
        made: Json = self.call(
            "POST", "/api/tasks", {"project_id": project["id"], "description": script, **fields}, 201
        )
        return made

    def attempt(self, attempt_id: str, *states: str) -> Json:
        """The attempt once it is in one of `states` (by default: once it is at rest)."""
        wanted = states or ("in_review", "failed", "cancelled", "merged", "discarded")

        def probe() -> Json | None:
            attempt: Json = self.call("GET", f"/api/attempts/{attempt_id}")
            return attempt if attempt["state"] in wanted else None

        return self.server.until(probe)

    def work(self, project: Json, script: str, **fields: Any) -> Json:
        """The attempt of a new task, once it has ended."""
        return self.attempt(self.task(project, script, **fields)["latest_attempt"]["id"])

    def act(self, attempt: Json, action: str, body: Json | None = None) -> Json:
        """Merge, rebase, discard …: the attempt as it is then."""
        changed: Json = self.call("POST", f"/api/attempts/{attempt['id']}/{action}", body)
        return changed

    def log(self, attempt: Json, **params: Any) -> str:
        """The whole log of an attempt's execution, followed to its end."""
        response = self.http.get(f"/api/executions/{attempt['execution']['id']}/log", params={"follow": True, **params})
        assert response.status_code == 200, response.text
        return response.text

    def add_member(self, project: Json, other: Person, role: Role) -> None:
        """Let somebody else into a project of this person's."""

        async def add(services: Services) -> None:
            async with services.store.for_user(self.id) as session:
                await session.projects.add_member(UUID(project["id"]), other.id, role)

        self.server.run(add)

    def audit(self, project_id: str) -> list[tuple[str, Json]]:
        """What the audit log says about a project, the oldest first: action and detail."""

        async def read(services: Services) -> list[tuple[str, Json]]:
            async with services.store.for_user(self.id, read_only=True) as session:
                rows = await session.audit.list(UUID(project_id))
            return [(row.action, row.detail) for row in reversed(rows)]

        return self.server.run(read)

    @contextmanager
    def socket(self, path: str, **options: Any) -> Iterator[ClientConnection]:
        """A WebSocket of this person's."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        with connect(
            f"ws://127.0.0.1:{self.server.port}{path}",
            additional_headers=headers,
            max_size=None,
            compression=None,
            proxy=None,
            open_timeout=PATIENCE,
            **options,
        ) as socket:
            yield socket


def pid_is_alive(pid: int) -> bool:
    """Whether a process of the host with this number is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
