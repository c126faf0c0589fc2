"""The events socket: what changes arrives in order, once, and only at those whom it concerns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from websockets.sync.client import ClientConnection

from anyon.api.routes import events as events_route
from anyon.composition import Services
from anyon.domain.events import RING_EVENTS, Topic
from anyon.ids import new_id
from anyon.model import Role
from tests.api.people import Json, Person
from tests.fixtures.product import PATIENCE


class Events:
    """What one browser hears."""

    def __init__(self, socket: ClientConnection, place: str) -> None:
        self._socket = socket
        self.hello = self.next()
        epoch, _, sequence = place.partition(":")
        self.last = int(sequence) if epoch == self.hello["epoch"] else self.hello["seq"]

    def next(self) -> Json:
        frame: Json = json.loads(self._socket.recv(timeout=PATIENCE))
        if "seq" in frame and frame["type"] not in {"hello", "resync"}:
            assert frame["seq"] > self.last, "events came out of order"
            self.last = frame["seq"]
        return frame

    def until(self, kind: str, **data: object) -> Json:
        """The data of the next event of this type with these members."""
        while True:
            frame = self.next()
            if frame["type"] == kind and all(frame["data"].get(name) == value for name, value in data.items()):
                found: Json = frame["data"]
                return found

    @property
    def place(self) -> str:
        """Where to resume."""
        return f"{self.hello['epoch']}:{self.last}"


@contextmanager
def listening(person: Person, place: str = "") -> Iterator[Events]:
    with person.socket(f"/api/events?from={place}" if place else "/api/events") as socket:
        yield Events(socket, place)


def test_the_first_frame_says_where_the_sequence_stands(ann: Person) -> None:
    with listening(ann) as events:
        assert events.hello["type"] == "hello"
        assert events.hello["epoch"] == ann.server.services.bus.epoch


def test_a_task_is_seen_on_its_whole_way(ann: Person, project: Json) -> None:
    with listening(ann) as events:
        task = ann.task(project, "echo hello")
        states = []
        while "in_review" not in states:
            frame = events.next()
            if frame["type"] == "attempt" and frame["data"]["task_id"] == task["id"]:
                states.append(frame["data"]["state"])
        order = ["queued", "starting", "running", "finishing", "in_review"]
        assert states == sorted(states, key=order.index)
        assert events.until("task", id=task["id"])["state"] == "in_review"


def test_the_last_line_of_a_running_attempt_is_told(ann: Person, project: Json) -> None:
    with listening(ann) as events:
        attempt = ann.task(project, "echo working on it; sleep 600")["latest_attempt"]
        assert events.until("line", id=attempt["id"])["text"] == "working on it"
        assert ann.call("GET", f"/api/attempts/{attempt['id']}")["last_line"] == "working on it"
    ann.call("POST", f"/api/attempts/{attempt['id']}/cancel")


def test_projects_workspaces_and_terminals_are_told(ann: Person) -> None:
    with listening(ann) as events:
        project = ann.project("New")
        assert events.until("project", id=project["id"])["name"] == "New"
        assert events.until("workspace", state="running")["stop_reason"] is None
        terminal = ann.call("POST", f"/api/projects/{project['id']}/terminals", {}, 201)
        assert events.until("terminal", id=terminal["id"])["state"] == "open"
        ann.call("DELETE", f"/api/terminals/{terminal['id']}", status=204)
        assert events.until("terminal", id=terminal["id"])["state"] == "closed"
        ann.call("PUT", f"/api/projects/{project['id']}/pin", {"hours": 1})
        assert events.until("workspace")["pinned_until"] is not None


def test_what_is_deleted_is_told(ann: Person) -> None:
    project = ann.project("Short")
    task = ann.task(project, "true", start=False)
    with listening(ann) as events:
        ann.call("DELETE", f"/api/tasks/{task['id']}", status=204)
        assert events.until("task", id=task["id"]) == {"id": task["id"], "deleted": True}
        ann.call("DELETE", f"/api/projects/{project['id']}", status=204)
        assert events.until("project", id=project["id"], deleted=True)


def test_a_listener_that_was_cut_off_hears_what_it_missed(ann: Person, project: Json) -> None:
    with listening(ann) as events:
        place = events.place
    first = ann.task(project, "true", start=False)
    second = ann.task(project, "true", start=False)
    with listening(ann, place) as events:
        assert events.until("task")["id"] == first["id"]
        assert events.until("task")["id"] == second["id"]


@pytest.mark.parametrize("place", ["another-epoch:1", "nonsense", "x:y", ":", "{epoch}:99999999999", "{epoch}:-1"])
def test_a_place_that_cannot_be_resumed_gets_a_resync(place: str, ann: Person) -> None:
    with listening(ann, place.replace("{epoch}", ann.server.services.bus.epoch)) as events:
        assert events.next()["type"] == "resync"


def test_a_listener_that_fell_off_the_ring_gets_a_resync(ann: Person, project: Json) -> None:
    with listening(ann) as events:
        place = events.place

    async def flood(services: object) -> None:
        for _ in range(RING_EVENTS + 1):
            ann.server.services.bus.publish(Topic.LINE, new_id(), new_id())

    ann.server.run(flood)
    with listening(ann, place) as events:
        assert events.next()["type"] == "resync"


def test_what_changes_while_a_batch_is_gathered_is_told_once(
    ann: Person, project: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_route, "GATHER_SECONDS", 1.0)
    attempt = ann.work(project, "true")

    async def publish(services: Services) -> None:
        project_id, attempt_id = UUID(project["id"]), UUID(attempt["id"])
        for topic in (Topic.ATTEMPT, Topic.PROGRESS, Topic.PROGRESS, Topic.ATTEMPT):
            services.bus.publish(topic, project_id, attempt_id)
            for _ in range(20):
                await asyncio.sleep(0)
        services.bus.publish(Topic.LINE, project_id, attempt_id, text="the end")

    with listening(ann) as events:
        ann.call("PATCH", f"/api/projects/{project['id']}", {"name": "Gathering"})
        events.until("project", name="Gathering")
        ann.server.run(publish)
        assert [events.next()["type"], events.next()["type"]] == ["attempt", "line"]


def test_nobody_hears_of_the_projects_of_others(ann: Person, project: Json, bob: Person) -> None:
    mine = bob.project("Bob's")
    with listening(bob) as events:
        ann.task(project, "true", start=False)
        ann.call("PATCH", f"/api/projects/{project['id']}", {"name": "Renamed"})
        own = bob.task(mine, "true", start=False)
        frame = events.next()
        assert (frame["type"], frame["project_id"], frame["data"]["id"]) == ("task", mine["id"], own["id"])


def test_a_new_member_hears_from_the_next_change_of_the_project_on(ann: Person, project: Json, bob: Person) -> None:
    with listening(bob) as events:
        ann.task(project, "true", start=False)
        ann.add_member(project, bob, Role.VIEWER)
        ann.call("PATCH", f"/api/projects/{project['id']}", {"name": "Shared"})
        assert events.until("project")["role"] == "viewer"
        task = ann.task(project, "true", start=False)
        assert events.until("task")["id"] == task["id"]
