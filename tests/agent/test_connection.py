"""The agent against clients that lie, flood, stall and vanish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyon.agent import connection as connection_module
from anyon.agent import protocol
from anyon.agent.client import AgentClient, Event
from anyon.agent.protocol import Frame, Kind
from anyon.agent.server import Agent, Options
from tests.agent.support import TOKEN, eventually, start


class Peer:
    """A client spoken by a test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._decoder = protocol.Decoder()
        self._frames: list[Frame] = []

    def send_json(self, kind: Kind, channel: int, **value: Any) -> None:
        self.writer.write(protocol.encode_json(kind, channel, value))

    async def receive(self) -> Frame | None:
        """The next frame; None at the end."""
        while not self._frames:
            data = await self._reader.read(65_536)
            if not data:
                return None
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    async def answer(self, channel: int) -> dict[str, Any]:
        """What the CLOSE of a channel says."""
        while (frame := await self.receive()) is not None:
            if frame.kind is Kind.CLOSE and frame.channel == channel:
                return frame.json()
        raise EOFError

    async def greet(self, token: str = TOKEN, versions: Any = (1,)) -> Frame | None:
        self.send_json(Kind.HELLO, 0, token=token, versions=list(versions))
        return await self.receive()


@pytest.fixture
async def peer(agent: Agent, options: Options) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_unix_connection(options.socket)
    yield Peer(reader, writer)
    writer.close()


async def test_a_greeting_is_answered_with_version_generation_and_limits(peer: Peer, options: Options) -> None:
    welcome = await peer.greet()
    assert welcome is not None
    assert welcome.kind is Kind.WELCOME
    answer = welcome.json()
    assert (answer["version"], answer["generation"]) == (1, options.generation)
    assert answer["limits"]["executions"] == options.max_running_executions


@pytest.mark.parametrize(
    ("token", "versions", "code"),
    [
        ("wrong", [1], "token-refused"),
        ("", [1], "token-refused"),
        ("\udce9", [1], "token-refused"),
        (TOKEN, [2], "version-unsupported"),
        (TOKEN, [], "version-unsupported"),
    ],
)
async def test_a_wrong_greeting_is_refused(peer: Peer, token: str, versions: list[int], code: str) -> None:
    refusal = await peer.greet(token, versions)
    assert refusal is not None
    assert refusal.json()["problem"]["code"] == code
    assert await peer.receive() is None


BAD_FRAMES: dict[str, bytes] = {
    "too large": (2**31).to_bytes(4, "big") + bytes([Kind.DATA]) + (1).to_bytes(4, "big"),
    "unknown kind": bytes(4) + b"\x63" + bytes(4),
    "a second greeting": protocol.encode_json(Kind.HELLO, 0, {}),
    "a welcome": protocol.encode_json(Kind.WELCOME, 0, {}),
    "channel zero": protocol.encode_json(Kind.OPEN, 0, {"op": "status"}),
    "a channel used before": protocol.encode_json(Kind.OPEN, 1, {"op": "status"}) * 2,
    "no JSON": protocol.encode(Kind.OPEN, 1, b"{"),
    "an acknowledgement of nothing": protocol.encode_json(Kind.OPEN, 1, {"op": "watch"}) + protocol.encode_ack(1, 5),
    "a hole in the input": protocol.encode_json(Kind.OPEN, 1, {"op": "watch"}) + protocol.encode_data(1, 5, b"x"),
    "more input than the window": protocol.encode_json(Kind.OPEN, 1, {"op": "watch"})
    + b"".join(protocol.encode_data(1, index * 65_536, bytes(65_536)) for index in range(5)),
    "events that nobody wants": protocol.encode_json(Kind.OPEN, 1, {"op": "watch"})
    + protocol.encode_json(Kind.EVENT, 1, {}) * (connection_module.MAX_EARLY_EVENTS + 1),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_violation_ends_the_connection_with_a_problem(peer: Peer, name: str) -> None:
    await peer.greet()
    peer.writer.write(BAD_FRAMES[name])
    problem = (await peer.answer(0))["problem"]
    assert problem["code"] == "protocol-error"
    while await peer.receive() is not None:
        pass


async def test_before_the_greeting_nothing_is_answered(peer: Peer) -> None:
    peer.send_json(Kind.OPEN, 1, op="status")
    assert "before HELLO" in (await peer.answer(0))["problem"]["detail"]


async def test_who_does_not_greet_is_put_out(agent: Agent, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "HELLO_SECONDS", 0.01)
    reader, writer = await asyncio.open_unix_connection(options.socket)
    assert await reader.read() == b""
    writer.close()


async def test_other_users_are_put_out(options: Options, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "_peer_uid", lambda _: 4242)
    reader, writer = await asyncio.open_unix_connection(options.socket)
    assert await reader.read() == b""
    writer.close()


async def test_too_many_connections_are_put_out(
    peer: Peer, options: Options, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await peer.greet()
    monkeypatch.setattr("anyon.agent.server.MAX_CONNECTIONS", 1)
    reader, writer = await asyncio.open_unix_connection(options.socket)
    assert await reader.read() == b""
    writer.close()


async def test_a_ping_is_echoed(peer: Peer) -> None:
    await peer.greet()
    peer.writer.write(protocol.encode(Kind.PING, 0, b"12345678"))
    assert await peer.receive() == Frame(Kind.PONG, 0, b"12345678")


async def test_frames_for_closed_channels_are_ignored(peer: Peer) -> None:
    await peer.greet()
    peer.send_json(Kind.OPEN, 1, op="status")
    await peer.answer(1)
    peer.writer.write(
        protocol.encode_ack(1, 99) + protocol.encode_data(1, 7, b"x") + protocol.encode_json(Kind.CLOSE, 1, {})
    )
    peer.send_json(Kind.OPEN, 2, op="status")
    assert "result" in await peer.answer(2)


async def test_a_channel_that_the_client_closes_is_answered(peer: Peer) -> None:
    await peer.greet()
    peer.send_json(Kind.OPEN, 1, op="watch")
    event = await peer.receive()
    assert event is not None
    assert event.json()["event"] == "snapshot"
    peer.send_json(Kind.CLOSE, 1)
    assert await peer.answer(1) == {"result": {"cancelled": True}}


async def test_unknown_operations_and_bad_arguments_close_their_channel_only(peer: Peer) -> None:
    await peer.greet()
    peer.send_json(Kind.OPEN, 1, op="dance")
    assert (await peer.answer(1))["problem"]["code"] == "unknown-operation"
    peer.send_json(Kind.OPEN, 2)
    assert (await peer.answer(2))["problem"]["code"] == "unknown-operation"
    peer.send_json(Kind.OPEN, 3, op="execution.get", id=7)
    assert (await peer.answer(3))["problem"]["key"] == "id"


async def test_more_channels_than_the_limit_are_refused_one_by_one(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_CHANNELS", 2)
    await peer.greet()
    for channel in (1, 2, 3):
        peer.send_json(Kind.OPEN, channel, op="watch")
    problem = (await peer.answer(3))["problem"]
    assert (problem["code"], problem["limit"]) == ("too-many-channels", 2)


async def test_an_error_of_the_agents_own_is_logged_and_told_without_details(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> int:
        raise RuntimeError("internal detail")

    monkeypatch.setattr("anyon.agent.system._resident_bytes", broken)
    await peer.greet()
    peer.send_json(Kind.OPEN, 1, op="status")
    problem = (await peer.answer(1))["problem"]
    assert problem["code"] == "agent-failed"
    assert "internal detail" not in str(problem)
    assert "internal detail" in caplog.text


async def test_an_answer_that_is_too_large_is_said(
    peer: Peer, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(protocol.LIMITS, Kind.CLOSE, 300)
    (options.workspace / ("x" * 250)).touch()
    await peer.greet()
    peer.send_json(Kind.OPEN, 1, op="files.list")
    assert (await peer.answer(1))["problem"]["code"] == "answer-too-large"


async def test_a_client_that_does_not_read_cannot_make_the_agent_hold_more(
    peer: Peer, agent: Agent, client: AgentClient
) -> None:
    """Followers wait for the socket; pings are not even read."""
    await start(client, "a", "seq 30000")
    async with client.stream("execution.follow", id="a") as following:
        async for _ in following:
            pass
    await peer.greet()
    for channel in range(1, 60):
        peer.send_json(Kind.OPEN, channel, op="execution.follow", id="a")
    for _ in range(200):
        peer.writer.write(protocol.encode(Kind.PING, 0, b"12345678") * 1000)
    await eventually(lambda: any(not connection.writable for connection in agent._connections))
    (held,) = [connection for connection in agent._connections if connection._channels]
    assert held._transport.get_write_buffer_size() < 1_000_000
    assert await client.call("status")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=st.lists(
        st.tuples(
            st.sampled_from([Kind.OPEN, Kind.DATA, Kind.ACK, Kind.EVENT, Kind.CLOSE, Kind.PING]),
            st.integers(0, 4),
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b'{"op":"watch"}', b'{"op":"status"}', b'{"op":"terminal.attach","id":"x"}', b"{}", bytes(8)]
                ),
            ),
        ),
        max_size=12,
    ),
    noise=st.binary(max_size=50),
    seed=st.integers(0, 1000),
)
async def test_no_bytes_of_a_client_break_the_agent(
    client: AgentClient, options: Options, frames: list[tuple[Kind, int, bytes]], noise: bytes, seed: int
) -> None:
    reader, writer = await asyncio.open_unix_connection(options.socket)
    hostile = Peer(reader, writer)
    await hostile.greet()
    wire = (
        b"".join(protocol.encode(kind, channel, payload[: protocol.LIMITS[kind]]) for kind, channel, payload in frames)
        + noise
    )
    cut = seed % (len(wire) + 1)
    try:
        writer.write(wire[:cut])
        await asyncio.sleep(0)
        writer.write(wire[cut:])
        await writer.drain()
    except ConnectionError:
        pass
    writer.close()
    assert (await client.call("status"))["protocol"] == 1


async def test_a_client_that_vanishes_leaves_its_executions_running(peer: Peer, client: AgentClient) -> None:
    await peer.greet()
    peer.send_json(Kind.OPEN, 1, op="execution.start", id="a", argv=["sleep", "60"])
    await peer.answer(1)
    peer.send_json(Kind.OPEN, 2, op="execution.follow", id="a")
    peer.writer.close()
    assert (await client.call("execution.get", id="a"))["state"] == "running"


async def test_work_that_has_begun_is_finished_though_nobody_waits(peer: Peer, client: AgentClient) -> None:
    await start(client, "a", "trap 'sleep 0.1; exit 9' TERM; echo up; while :; do sleep 0.01; done")
    async with client.stream("execution.follow", id="a") as following:
        await anext(following)
        await peer.greet()
        peer.send_json(Kind.OPEN, 1, op="execution.stop", id="a", grace=5)
        async with client.stream("watch") as watching:
            async for item in watching:
                assert isinstance(item, Event)
                if item.fields.get("execution", {}).get("stopped"):
                    break
        peer.send_json(Kind.CLOSE, 1)
        assert await peer.answer(1) == {"result": {"cancelled": True}}
        async for _ in following:
            pass
    assert following.result is not None
    assert (following.result["exit_code"], following.result["stopped"]) == (9, True)


async def test_a_channel_closed_at_once_is_answered_too(peer: Peer, agent: Agent) -> None:
    await peer.greet()
    peer.writer.write(protocol.encode_json(Kind.OPEN, 1, {"op": "watch"}) + protocol.encode_json(Kind.CLOSE, 1, {}))
    assert await peer.answer(1) == {"result": {"cancelled": True}}
    assert not any(connection._channels for connection in agent._connections)


def test_input_that_came_early_keeps_its_order() -> None:
    channel = connection_module.Channel(1, connection=None)  # type: ignore[arg-type] # it only receives
    taken: list[object] = []
    frames = [
        protocol.encode_data(1, 0, b"a"),
        protocol.encode_json(Kind.EVENT, 1, {"event": "resize"}),
        protocol.encode_data(1, 1, b"b"),
        protocol.encode_data(1, 2, b"c"),
        protocol.encode_json(Kind.EVENT, 1, {"event": "last"}),
    ]
    for frame in protocol.Decoder().feed(b"".join(frames)):
        channel.receive(frame)
    channel.listen(taken.append, taken.append)
    assert taken == [b"a", {"event": "resize"}, b"bc", {"event": "last"}]
