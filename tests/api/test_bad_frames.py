"""What bad frames and handshakes get on the sockets."""

from __future__ import annotations

import json
import os

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import ClientConnection

from anyon.api.sockets import MAX_MESSAGE_BYTES
from tests.api.refusals import MEMBERS, Scene, checked
from tests.fixtures.product import PATIENCE

P = "/api/projects"
NOBODY = "00000000-0000-4000-8000-000000000000"


def end_of(connection: ClientConnection) -> Close:
    """Read until the service closes the socket: its code and reason."""
    try:
        while True:
            connection.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        end = closed.rcvd
    assert end is not None, "the connection was lost"
    return end


@pytest.fixture(scope="module")
def paths(scene: Scene) -> dict[str, str]:
    project = {"id": scene.values["project"]}
    attempt = scene.person.work(project, "echo text")
    terminal = scene.person.call("POST", f"{P}/{project['id']}/terminals", {}, 201)
    return {
        "log": f"/api/executions/{attempt['execution']['id']}/log/socket",
        "terminal": f"/api/terminals/{terminal['id']}/socket",
        "events": "/api/events",
        "running": f"/api/executions/{running_execution(scene)}/log/socket",
    }


def running_execution(scene: Scene) -> str:
    task = scene.person.task({"id": scene.values["project"]}, "echo begun; sleep 600")
    attempt = scene.person.attempt(task["latest_attempt"]["id"], "running")
    return str(attempt["execution"]["id"])


class TestSockets:
    @pytest.mark.parametrize(
        ("socket", "message"),
        [
            ("running", "no JSON"),
            ("running", "[1]"),
            ("running", "7"),
            ("running", '{"ack": "all"}'),
            ("running", '{"ack": true}'),
            ("running", '{"ack": 1.5}'),
            ("running", '{"ack": 1000000}'),
            ("running", "{}"),
            ("running", b"bytes"),
            ("running", "[" * 30_000),
            ("terminal", "no JSON"),
            ("terminal", "[]"),
            ("terminal", "{}"),
            ("terminal", '{"ack": 1000000000}'),
            ("terminal", '{"ack": null}'),
            ("terminal", '{"resize": 80}'),
            ("terminal", '{"resize": {"cols": 80}}'),
            ("terminal", '{"resize": {"cols": 80, "rows": 1}}'),
            ("terminal", '{"resize": {"cols": "80", "rows": 24}}'),
            ("terminal", '{"resize": {"cols": true, "rows": 24}}'),
            ("terminal", '{"resize": {"cols": 1001, "rows": 24}}'),
            ("terminal", b"x" * (MAX_MESSAGE_BYTES + 1)),
            ("events", "{}"),
            ("events", b"bytes"),
        ],
    )
    def test_a_message_that_is_none_of_ours_ends_the_socket_with_a_reason(
        self, socket: str, message: str | bytes, paths: dict[str, str], scene: Scene
    ) -> None:
        with scene.person.socket(paths[socket]) as connection:
            connection.recv()
            connection.send(message)
            end = end_of(connection)
        assert end.code == 1008
        assert end.reason

    def test_a_frame_beyond_the_transports_limit_ends_the_socket(self, paths: dict[str, str], scene: Scene) -> None:
        with scene.person.socket(paths["terminal"]) as connection:
            connection.recv()
            connection.send(os.urandom(300_000))
            assert end_of(connection).code == 1009

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/executions/7/log/socket", 422),
            (f"/api/executions/{NOBODY}/log/socket?from=-1", 422),
            (f"/api/executions/{NOBODY}/log/socket?from=x", 422),
            (f"/api/terminals/{NOBODY}/socket?cols=1", 422),
            ("/api/terminals/x/socket", 422),
            (f"/api/terminals/{NOBODY}/socket", 404),
            ("/api/events?from=" + "x" * 101, 422),
        ],
    )
    def test_a_handshake_with_bad_values_gets_a_problem(self, path: str, status: int, scene: Scene) -> None:
        with pytest.raises(InvalidStatus) as refused, scene.person.socket(path):
            pass
        answer = refused.value.response
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(json.loads(answer.body)) >= MEMBERS

    def test_a_log_from_beyond_its_end_is_refused_for_good(self, paths: dict[str, str], scene: Scene) -> None:
        with scene.person.socket(paths["log"] + "?from=1000") as connection:
            end = end_of(connection)
        assert end.code == 1008
        assert "after its end" in end.reason
        path = paths["log"].removesuffix("/socket")
        assert "5 bytes" in checked(scene.person.http.get(path, params={"from": 1000}))["detail"]
