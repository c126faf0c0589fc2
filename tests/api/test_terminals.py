"""Terminals: opened over HTTP, used over a socket that finds its shell again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from anyon.api.sockets import WINDOW_BYTES
from tests.api.people import Json, Person
from tests.fixtures.product import PATIENCE, LiveServer


class Screen:
    """The browser's side of a terminal."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.position = 0
        self.output = ""
        self.events: list[Json] = []

    def read(self, timeout: float = PATIENCE) -> None:
        message = self.socket.recv(timeout=timeout)
        if isinstance(message, bytes):
            offset = int.from_bytes(message[:8], "big")
            assert offset == self.position, "a frame was lost or repeated"
            self.position += len(message) - 8
            self.output += message[8:].decode(errors="replace")
            with suppress(ConnectionClosed):  # what was sent before the end is still to be read
                self.socket.send(json.dumps({"ack": self.position}))
            return
        event = json.loads(message)
        self.events.append(event)
        if event["event"] == "attached":
            self.position = event["from"]
        if event["event"] == "gap":
            self.position = event["to"]

    def event(self, name: str) -> Json:
        """The next event of this name."""
        while True:
            for event in self.events:
                if event["event"] == name:
                    return event
            self.read()

    def wait(self, pattern: str) -> re.Match[str]:
        """Read until the output matches."""
        while True:
            found = re.search(pattern, self.output)
            if found:
                return found
            self.read()

    def type(self, text: str) -> None:
        self.socket.send(text.encode())

    def ask(self, expression: str) -> str:
        """What the shell makes of an expression; the markers do not occur in the echo of what was typed."""
        self.output = ""
        self.type(f"echo 'be''gin':{expression}:'e''nd'\n")
        return self.wait(r"begin:(.*?):end")[1]


def open_terminal(person: Person, project: Json, **body: Any) -> Json:
    terminal: Json = person.call("POST", f"/api/projects/{project['id']}/terminals", body, 201)
    return terminal


def path(terminal: Json, query: str = "") -> str:
    return f"/api/terminals/{terminal['id']}/socket{query}"


@pytest.fixture
def terminal(ann: Person, project: Json) -> Json:
    return open_terminal(ann, project, cols=100, rows=30)


def test_what_is_typed_reaches_a_shell_in_the_working_copy(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal, "?cols=100&rows=30")) as socket:
        screen = Screen(socket)
        attached = screen.event("attached")
        assert (attached["from"], attached["cols"], attached["rows"]) == (0, 100, 30)
        assert screen.ask("$((6 * 7))") == "42"
        assert screen.ask("$(git rev-parse --abbrev-ref HEAD)") == "main"


def test_a_resize_reaches_the_program(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        screen = Screen(socket)
        socket.send(json.dumps({"resize": {"cols": 120, "rows": 40}}))
        assert screen.ask("$(stty size)") == "40 120"


def test_the_size_can_come_with_the_socket(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal, "?cols=90&rows=20")) as socket:
        assert Screen(socket).ask("$(stty size)") == "20 90"


def test_a_lost_socket_finds_the_same_shell_and_goes_on_by_offset(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        first = Screen(socket)
        pid = first.ask("$$")
    with ann.socket(path(terminal, f"?from={first.position}")) as socket:
        second = Screen(socket)
        attached = second.event("attached")
        assert (attached["from"], attached["reset"]) == (first.position, False)
        assert second.ask("$$") == pid


def test_a_new_browser_gets_the_screen_again(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        Screen(socket).ask("remembered")
    with ann.socket(path(terminal)) as socket:
        again = Screen(socket)
        assert again.event("attached")["reset"] is True
        again.wait("begin:remembered:end")


def test_two_browsers_see_the_same_shell(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal)) as one, ann.socket(path(terminal)) as other:
        watching = Screen(other)
        watching.event("attached")
        Screen(one).ask("shared")
        watching.wait("begin:shared:end")


def test_a_browser_that_does_not_acknowledge_gets_no_more_than_the_window(ann: Person, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        assert json.loads(socket.recv(timeout=PATIENCE))["event"] == "attached"
        socket.send(b"head -c 5000000 /dev/zero | tr '\\0' x\n")
        received = 0
        with suppress(TimeoutError):
            while received < 2 * WINDOW_BYTES:
                received += len(socket.recv(timeout=1)) - 8
        assert WINDOW_BYTES <= received < 2 * WINDOW_BYTES


def test_the_end_of_the_shell_ends_the_socket_with_its_status(ann: Person, project: Json, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        screen = Screen(socket)
        screen.event("attached")
        screen.type("exit 3\n")
        assert screen.event("end")["exit_code"] == 3
        with pytest.raises(ConnectionClosed):
            screen.read()
    ann.server.until(lambda: ann.call("GET", f"/api/projects/{project['id']}/terminals") == [] or None)
    with ann.socket(path(terminal)) as socket:
        assert Screen(socket).event("end")["exit_code"] == 3


def test_closing_ends_the_shell_and_what_runs_in_it(ann: Person, project: Json, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        screen = Screen(socket)
        screen.event("attached")
        ann.call("DELETE", f"/api/terminals/{terminal['id']}", status=204)
        assert "exit_code" in screen.event("end")
    assert ann.call("GET", f"/api/projects/{project['id']}/terminals") == []
    ann.call("DELETE", f"/api/terminals/{terminal['id']}", status=204)


def test_a_stopped_workspace_detaches_and_its_terminals_are_closed(ann: Person, project: Json, terminal: Json) -> None:
    with ann.socket(path(terminal)) as socket:
        screen = Screen(socket)
        screen.event("attached")
        ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
        assert screen.event("detached")["reason"]
        with pytest.raises(ConnectionClosed) as closed:
            screen.read()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    with ann.socket(path(terminal)) as socket:
        assert Screen(socket).event("end") == {"event": "end", "exit_code": None}


def test_a_terminal_can_stand_in_the_worktree_of_an_attempt(ann: Person, project: Json) -> None:
    attempt = ann.work(project, "echo text > new.txt")
    terminal = open_terminal(ann, project, attempt_id=attempt["id"])
    assert terminal["title"] == "attempt 1"
    with ann.socket(path(terminal)) as socket:
        assert Screen(socket).ask("$(git rev-parse --abbrev-ref HEAD)") == attempt["branch"]


@pytest.mark.parametrize("decision", ["merge", "discard"])
def test_a_terminal_in_an_attempt_that_is_gone_is_refused(ann: Person, project: Json, decision: str) -> None:
    attempt = ann.work(project, "true")
    gone = ann.call("POST", f"/api/attempts/{attempt['id']}/{decision}", {})
    ann.problem(
        "POST",
        f"/api/projects/{project['id']}/terminals",
        {"attempt_id": attempt["id"]},
        status=409,
        code=f"attempt-{gone['state']}",
    )


def test_an_attempt_of_another_project_is_refused(ann: Person, project: Json) -> None:
    attempt = ann.work(ann.project("Other"), "true")
    refused = ann.problem(
        "POST",
        f"/api/projects/{project['id']}/terminals",
        {"attempt_id": attempt["id"]},
        status=422,
        code="value-refused",
    )
    assert refused["field"] == "attempt_id"


def test_more_terminals_than_the_limit_are_refused_with_the_limit(
    tmp_path: Path, new_server: Callable[..., LiveServer]
) -> None:
    person = Person(new_server(tmp_path / "data", max_terminals=1))
    project = person.project()
    open_terminal(person, project)
    refused = person.problem(
        "POST", f"/api/projects/{project['id']}/terminals", {}, status=429, code="too-many-terminals"
    )
    assert "1" in refused["detail"]
    person.close()


def test_a_restart_of_the_service_gives_the_same_shell_back(
    tmp_path: Path, new_server: Callable[..., LiveServer]
) -> None:
    first = LiveServer(tmp_path / "data")
    with first.running():
        person = Person(first)
        project = person.project()
        terminal = open_terminal(person, project)
        with person.socket(path(terminal)) as socket:
            screen = Screen(socket)
            pid = screen.ask("$$")
        person.close()
    second = new_server(tmp_path / "data")
    again = person.at(second)
    listed = again.call("GET", f"/api/projects/{project['id']}/terminals")
    assert [entry["id"] for entry in listed] == [terminal["id"]]
    with again.socket(path(terminal, f"?from={screen.position}")) as socket:
        resumed = Screen(socket)
        assert resumed.event("attached")["reset"] is False
        assert resumed.ask("$$") == pid
    again.close()
