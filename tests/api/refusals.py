"""What every refusal must have, and who asks for it."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from tests.api.people import Json, Person

MEMBERS = {"type", "title", "status", "detail", "hint", "code", "request_id"}


def checked(response: httpx.Response) -> Json:
    """The problem document of a refusal, with everything that one must have."""
    assert 400 <= response.status_code < 500, f"{response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    document: Json = response.json()
    assert set(document) >= MEMBERS
    assert document["status"] == response.status_code
    assert document["type"] == f"/problems/{document['code']}"
    assert document["request_id"] == response.headers["x-request-id"]
    for member in ("title", "detail", "hint"):
        assert document[member].strip(), f"{member} is empty"
        assert "Traceback" not in document[member]
    return document


class Scene(NamedTuple):
    person: Person
    values: dict[str, str]
