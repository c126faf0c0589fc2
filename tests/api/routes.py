"""Every route of the application, and what it takes to ask for it in somebody's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute, Mount, Route

SOCKET = "WEBSOCKET"

OPEN: dict[tuple[str, str], str] = {
    ("GET", "/healthz"): "load balancers ask it, and it tells nothing",
    ("GET", "/readyz"): "load balancers ask it; it tells whether the database and the runtime answer",
    ("GET", "/metrics"): "open while the service binds to loopback, else behind a token of its own",
    ("GET", "/api/openapi.json"): "the description of the API is public",
    ("HEAD", "/api/openapi.json"): "the same",
    ("POST", "/api/session"): "logging in is how one gets a session; it takes a one-time token",
    ("GET", "/favicon.ico"): "a static file",
    ("GET", "/{place:path}"): "the page of the user interface, which holds no data",
    ("GET", "/assets"): "static files of the user interface",
}
"""Routes that answer without a session or token, each with the reason."""

CREATES_OWN: dict[tuple[str, str], str] = {
    ("GET", "/api/session"): "who the caller is",
    ("DELETE", "/api/session"): "ends the caller's own session",
    ("GET", "/api/me/sessions"): "the caller's own",
    ("GET", "/api/me/tokens"): "the caller's own",
    ("POST", "/api/me/tokens"): "the caller's own",
    ("GET", "/api/me/secrets"): "the caller's own",
    ("PUT", "/api/me/secrets/{name}"): "a name within the caller's own credentials",
    ("GET", "/api/executors"): "the same list for everybody",
    ("GET", "/api/projects"): "lists what the caller is a member of",
    ("POST", "/api/projects"): "makes one of the caller's own",
    (SOCKET, "/api/events"): "filtered by membership: see test_events.py",
}
"""Routes that name nobody's id: they act on the caller alone."""

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/session"): {"token": "x" * 43},
    ("POST", "/api/me/tokens"): {"name": "script"},
    ("PUT", "/api/me/secrets/{name}"): {"value": "secret"},
    ("POST", "/api/users"): {"email": "new@example.org", "name": "New"},
    ("PATCH", "/api/users/{user_id}"): {"disabled": True},
    ("POST", "/api/projects"): {"name": "Mine"},
    ("PATCH", "/api/projects/{project_id}"): {"name": "Taken over"},
    ("PUT", "/api/projects/{project_id}/pin"): {"hours": 1},
    ("POST", "/api/projects/{project_id}/terminals"): {},
    ("POST", "/api/tasks"): {"project_id": "{project_id}", "description": "true"},
    ("PATCH", "/api/tasks/{task_id}"): {"title": "Taken over"},
    ("POST", "/api/tasks/{task_id}/attempts"): {},
    ("POST", "/api/attempts/{attempt_id}/merge"): {},
    ("POST", "/api/attempts/{attempt_id}/discard"): {"force": True},
}
"""A body that is valid but for the ids in it, which stand in braces."""

BODY_IDS: dict[tuple[str, str], Any] = {
    ("POST", "/api/projects/{project_id}/terminals"): {"attempt_id": "{attempt_id}"},
}
"""Further bodies, with an id of somebody else's beside a path of the caller's own."""

QUERIES: dict[tuple[str, str], dict[str, str]] = {
    ("GET", "/api/projects/{project_id}/files/content"): {"path": "README.md"},
    ("GET", "/api/attempts/{attempt_id}/diff/file"): {"path": "README.md"},
    ("GET", "/api/tasks"): {"project_id": "{project_id}"},
}
"""The query of routes that need one."""


@dataclass(frozen=True)
class Operation:
    """One method of one route. `admin`: its dependencies ask for an administrator."""

    method: str
    path: str
    query_ids: tuple[str, ...] = ()
    has_body: bool = False
    admin: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def ids(self) -> tuple[str, ...]:
        """What it names, in path and query."""
        return (*re.findall(r"{(\w+)}", self.path), *self.query_ids)

    @property
    def changes(self) -> bool:
        return self.method not in {"GET", "HEAD", SOCKET}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(routes: Iterable[BaseRoute]) -> Iterator[Operation]:
    """Every operation below these routes, whichever way they were added."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from operations(included.routes)
        elif isinstance(route, APIWebSocketRoute):
            yield Operation(SOCKET, route.path)
        elif isinstance(route, APIRoute):
            query_ids = tuple(field.alias for field in route.dependant.query_params if field.alias.endswith("_id"))
            admin = "administrator" in {dependency.call.__name__ for dependency in _all(route.dependant)}
            for method in sorted(route.methods or ()):
                yield Operation(method, route.path, query_ids, route.body_field is not None, admin)
        elif isinstance(route, Route):
            for method in sorted(route.methods or ()):
                yield Operation(method, route.path)
        elif isinstance(route, Mount):
            yield Operation("GET", route.path)
        else:
            raise AssertionError(f"{route!r} is a kind of route that the matrix does not know: teach it `operations`")


def _all(dependant: Any) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency
        yield from _all(dependency)


def filled(template: Any, ids: dict[str, str]) -> Any:
    """The template with every id in braces replaced."""
    if isinstance(template, dict):
        return {name: filled(value, ids) for name, value in template.items()}
    if isinstance(template, str):
        return re.sub(r"{(\w+)}", lambda found: ids[found[1]], template)
    return template
