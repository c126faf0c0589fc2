"""Logs of executions: over HTTP, and over the socket that resumes where it was cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from anyon.api.sockets import WINDOW_BYTES
from anyon.domain.attempts import Attempts
from anyon.domain.events import EventBus, Topic
from anyon.model import Role
from tests.api.people import Json, Person
from tests.fixtures.product import PATIENCE, LiveServer

LINES = 5000
SCRIPT = f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done"
WHOLE = "".join(f"line {number}\n" for number in range(LINES)).encode()


@pytest.fixture(scope="module")
def writer(server: LiveServer) -> Iterator[Person]:
    person = Person(server)
    yield person
    for project in person.call("GET", "/api/projects"):
        person.call("DELETE", f"/api/projects/{project['id']}", status=204)
    person.close()


@pytest.fixture(scope="module")
def ended(writer: Person) -> Json:
    """An attempt whose log is WHOLE."""
    return writer.work(writer.project(), SCRIPT)


def log_path(attempt: Json) -> str:
    return f"/api/executions/{attempt['execution']['id']}/log"


class Received:
    """What came over a log's socket."""

    def __init__(self, start: int = 0) -> None:
        self.position = start
        self.data = bytearray()
        self.end: Json | None = None
        self.gaps: list[Json] = []

    def take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            event = json.loads(message)
            if event["event"] == "gap":
                self.gaps.append(event)
                self.position = event["to"]
            else:
                self.end = event["execution"]
            return
        offset = int.from_bytes(message[:8], "big")
        assert offset == self.position, "a frame was lost or repeated"
        self.data += message[8:]
        self.position = offset + len(message) - 8


def receive_all(socket: ClientConnection, received: Received) -> Received:
    """Read and acknowledge until the end."""
    while received.end is None:
        received.take(socket.recv(timeout=PATIENCE))
        with suppress(ConnectionClosed):  # what was sent before the end is still to be read
            socket.send(json.dumps({"ack": received.position}))
    return received


class TestOverHttp:
    def test_the_whole_log_is_text(self, writer: Person, ended: Json) -> None:
        answer = writer.http.get(log_path(ended))
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.content == WHOLE

    @pytest.mark.parametrize("start", [0, 1, 6, 40_000, len(WHOLE) - 1, len(WHOLE)])
    @pytest.mark.parametrize("follow", [True, False])
    def test_a_log_can_be_read_from_any_byte(self, start: int, follow: bool, writer: Person, ended: Json) -> None:
        answer = writer.http.get(log_path(ended), params={"from": start, "follow": follow})
        assert answer.content == WHOLE[start:]

    def test_following_gives_the_output_while_it_comes(self, ann: Person, project: Json) -> None:
        task = ann.task(project, "echo one; until [ -e go ]; do sleep 0.02; done; echo two")
        attempt = task["latest_attempt"]
        seen = b""
        with ann.http.stream("GET", log_path(attempt), params={"follow": True}) as answer:
            for chunk in answer.iter_bytes():
                seen += chunk
                if seen == b"one\n":
                    ann.task(project, f"touch ../{attempt['worktree'].rsplit('/', 1)[1]}/go")
        assert seen == b"one\ntwo\n"

    def test_without_following_a_running_log_ends_where_it_is(self, ann: Person, project: Json) -> None:
        task = ann.task(project, "echo begun; sleep 600")
        attempt = ann.attempt(task["latest_attempt"]["id"], "running")
        with ann.socket(log_path(attempt) + "/socket") as socket:
            assert socket.recv(timeout=PATIENCE)[8:] == b"begun\n"
        assert ann.http.get(log_path(attempt)).text == "begun\n"
        ann.call("POST", f"/api/attempts/{attempt['id']}/cancel")

    def test_a_follower_is_told_by_a_broken_answer_that_the_workspace_went(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "echo begun; sleep 600")["latest_attempt"]
        with ann.http.stream("GET", log_path(attempt), params={"follow": True}) as answer:
            chunks = answer.iter_bytes()
            assert next(chunks) == b"begun\n"
            ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
            with pytest.raises(httpx.RemoteProtocolError):
                list(chunks)
        assert ann.attempt(attempt["id"])["problem"]["code"] == "execution-lost"

    def test_a_follower_whose_token_is_revoked_is_told_by_a_broken_answer(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "echo begun; sleep 600")["latest_attempt"]
        token = ann.call("POST", "/api/me/tokens", {"name": "follower", "days": 1}, 201)
        headers = {"Authorization": f"Bearer {token['token']}"}
        with ann.http.stream("GET", log_path(attempt), params={"follow": True}, headers=headers) as answer:
            chunks = answer.iter_bytes()
            assert next(chunks) == b"begun\n"
            ann.call("DELETE", f"/api/me/tokens/{token['id']}", status=204)
            with pytest.raises(httpx.RemoteProtocolError):
                list(chunks)

    def test_a_follower_whose_account_is_disabled_is_told_by_a_broken_answer(
        self, ann: Person, server: LiveServer, admin: Person
    ) -> None:
        eve = Person(server)
        project = ann.project()
        ann.add_member(project, eve, Role.VIEWER)
        attempt = ann.task(project, "echo begun; sleep 600")["latest_attempt"]
        with eve.http.stream("GET", log_path(attempt), params={"follow": True}) as answer:
            chunks = answer.iter_bytes()
            assert next(chunks) == b"begun\n"
            admin.call("PATCH", f"/api/users/{eve.id}", {"disabled": True})
            with pytest.raises(httpx.RemoteProtocolError):
                list(chunks)
        eve.close()

    def test_a_follower_whose_token_is_revoked_before_the_log_begins_is_refused(
        self, writer: Person, ended: Json, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting = Event()

        async def queued(*_arguments: object) -> None:
            waiting.set()
            await asyncio.Future()

        monkeypatch.setattr(Attempts, "wait_for_log", queued)
        token = writer.call("POST", "/api/me/tokens", {"name": "follower", "days": 1}, 201)
        headers = {"Authorization": f"Bearer {token['token']}"}
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(writer.http.get, log_path(ended), params={"follow": True}, headers=headers)
            assert waiting.wait(PATIENCE)
            writer.call("DELETE", f"/api/me/tokens/{token['id']}", status=204)
            assert (answer.result().status_code, answer.result().json()["code"]) == (401, "token-revoked")

    def test_a_follower_of_what_never_begins_is_let_go_with_its_project(
        self, tmp_path: Any, new_server: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits, wait = Event(), EventBus.wait_for

        async def wait_and_tell(bus: EventBus, sequence: int, *subjects: tuple[Topic, UUID | None]) -> None:
            if any(topic is Topic.ATTEMPT for topic, _ in subjects):
                waits.set()
            await wait(bus, sequence, *subjects)

        monkeypatch.setattr(EventBus, "wait_for", wait_and_tell)
        small = Person(new_server(tmp_path / "data", max_running_executions=1))
        project = small.project()
        running = small.task(project, "while :; do sleep 0.05; done")["latest_attempt"]
        small.attempt(running["id"], "running")
        waiting = small.task(project, "echo never")["latest_attempt"]
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(small.http.get, log_path(waiting), params={"follow": True})
            assert waits.wait(PATIENCE)
            small.call("DELETE", f"/api/projects/{project['id']}", status=204)
            assert answer.result(PATIENCE).status_code in (200, 404), "it failed before its row went, or with it"
        small.close()

    def test_a_task_that_never_ran_has_an_empty_log(self, ann: Person, project: Json) -> None:
        ann.call("PUT", "/api/me/secrets/ANTHROPIC_API_KEY", {"value": "a key"}, 204)
        attempt = ann.work(project, "x", executor="claude-code")
        assert attempt["state"] == "failed"
        assert ann.http.get(log_path(attempt)).text == ""
        assert ann.log(attempt) == ""
        with ann.socket(log_path(attempt) + "/socket") as socket:
            assert receive_all(socket, Received()).end["state"] == "failed"  # type: ignore[index] # it has ended

    def test_where_the_middle_of_a_log_was_dropped_a_line_says_so(self, tmp_path: Any, new_server: Any) -> None:
        small = Person(new_server(tmp_path / "data", max_log_bytes=65_536))
        attempt = small.work(small.project(), "head -c 400000 /dev/zero | tr '\\0' x; echo; echo the end")
        text = small.log(attempt)
        assert "bytes of the log were dropped]" in text
        assert text.endswith("the end\n")
        with small.socket(log_path(attempt) + "/socket") as socket:
            received = receive_all(socket, Received())
        assert len(received.gaps) == 1
        assert received.position == 400_001 + len("the end\n")
        assert received.gaps[0]["to"] - received.gaps[0]["from"] + len(received.data) == received.position
        small.close()


class TestOverTheSocket:
    def test_frames_carry_their_offset_and_the_end_carries_the_execution(self, writer: Person, ended: Json) -> None:
        with writer.socket(log_path(ended) + "/socket") as socket:
            received = receive_all(socket, Received())
        assert received.data == WHOLE
        assert received.end is not None
        assert (received.end["state"], received.end["exit_code"]) == ("exited", 0)
        assert received.end["log_bytes"] == len(WHOLE)

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=4))
    def test_a_reader_that_is_cut_off_anywhere_misses_and_repeats_nothing(
        self, cuts: list[int], writer: Person, ended: Json
    ) -> None:
        data = b""
        for cut in sorted(cuts):
            with writer.socket(f"{log_path(ended)}/socket?from={len(data)}") as socket:
                received = Received(len(data))
                while received.position < cut:
                    received.take(socket.recv(timeout=PATIENCE))
            data += bytes(received.data)[: max(0, cut - len(data))]
        with writer.socket(f"{log_path(ended)}/socket?from={len(data)}") as socket:
            data += bytes(receive_all(socket, Received(len(data))).data)
        assert data == WHOLE

    def test_a_reader_that_comes_before_the_start_gets_everything(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "echo hello")["latest_attempt"]
        with ann.socket(log_path(attempt) + "/socket") as socket:
            assert receive_all(socket, Received()).data == b"hello\n"

    def test_a_reader_that_does_not_acknowledge_gets_no_more_than_the_window(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "head -c 2000000 /dev/zero")
        received = Received()
        with ann.socket(log_path(attempt) + "/socket") as socket:
            while received.position < WINDOW_BYTES:
                received.take(socket.recv(timeout=PATIENCE))
            assert received.position < 2 * WINDOW_BYTES
            with pytest.raises(TimeoutError):
                socket.recv(timeout=0.3)
            socket.send(json.dumps({"ack": received.position}))
            receive_all(socket, received)
        assert received.position == 2_000_000

    def test_cancelling_shows_at_the_end_of_the_log(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "echo begun; sleep 600 & sleep 600")["latest_attempt"]
        received = Received()
        with ann.socket(log_path(attempt) + "/socket") as socket:
            received.take(socket.recv(timeout=PATIENCE))
            ann.call("POST", f"/api/attempts/{attempt['id']}/cancel")
            receive_all(socket, received)
        assert received.end is not None
        assert received.end["stopped"] is True
