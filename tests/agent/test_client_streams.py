"""Streams and floods: what an agent may make the client hold, and for how long."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from anyon.agent import client as client_module
from anyon.agent import link, protocol, stream
from anyon.agent.client import AgentClient, AgentStream, Data, Event
from anyon.agent.errors import (
    AgentProblem,
    AgentProtocolViolation,
    AgentUnreachable,
)
from anyon.agent.fields import MAX_TEXT
from anyon.agent.link import Link
from anyon.agent.protocol import Frame, Kind
from tests.agent.hostile import Wire, agent_that, never_reads
from tests.agent.support import eventually


async def test_a_stream_gives_data_and_events_in_order_and_acknowledges_what_is_taken(tmp_path: Path) -> None:
    acknowledged: list[int] = []

    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        for index in range(4):
            wire.send(protocol.encode_data(channel, index * 65_536, bytes(65_536)))
        wire.send_json(Kind.EVENT, channel, event="gap", to=300_000)
        while sum(acknowledged[-1:]) < 262_144:
            acknowledged.append((await wire.receive()).offset())
        wire.send(protocol.encode_data(channel, 300_000, b"end"))
        wire.send_json(Kind.CLOSE, channel, result={"done": True})

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("execution.follow") as following:
            items = [item async for item in following]
        sizes = [len(item.data) if isinstance(item, Data) else item.fields["to"] for item in items]
        assert sizes == [65_536] * 4 + [300_000, 3]
        assert following.result == {"done": True}
        assert acknowledged == [65_536, 131_072, 196_608, 262_144]
        await client.close()


async def test_small_pieces_are_joined(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        wire.send(b"".join(protocol.encode_data(channel, index, b"x") for index in range(5000)))
        wire.send(protocol.encode_data(channel, 5000, b""))
        wire.send_json(Kind.CLOSE, channel, result={})

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("execution.follow") as following:
            await eventually(lambda: following.ended)
            items = [item async for item in following]
        assert items == [Data(0, b"x" * 5000)]
        await client.close()


@pytest.mark.parametrize("what", ["bytes", "events", "large events"])
async def test_an_agent_cannot_make_a_stream_grow_that_nobody_reads(tmp_path: Path, what: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        for index in range(5 if what != "events" else stream.MAX_UNREAD_EVENTS + 1):
            if what == "bytes":
                wire.send(protocol.encode_data(channel, index * 65_536, bytes(65_536)))
            else:
                wire.send_json(Kind.EVENT, channel, x="" if what == "events" else "x" * 1_000_000)

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("watch") as watching:
            await client.closed.wait()
            with pytest.raises(AgentProtocolViolation, match=r"un(acknowledged|read)"):
                async for _ in watching:
                    pass


async def test_unread_events_cost_no_more_than_their_bytes(tmp_path: Path) -> None:
    event = b'{"x":[' + b",".join([b"[]"] * 330_000) + b"]}"

    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        for _ in range(4):
            await wire.send_all(protocol.encode(Kind.EVENT, channel, event))
        wire.send_json(Kind.CLOSE, channel, result={})

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        tracemalloc.start()
        try:
            async with client.stream("watch") as watching:
                await eventually(lambda: watching.ended)
                held, _ = tracemalloc.get_traced_memory()
                items = [item async for item in watching]
        finally:
            tracemalloc.stop()
        assert [len(item.fields["x"]) for item in items if isinstance(item, Event)] == [330_000] * 4
        assert held < 2 * stream.MAX_UNREAD_EVENT_BYTES
        await client.close()


async def test_an_event_that_is_no_object_ends_the_connection_once_it_is_taken(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        wire.send_json(Kind.EVENT, channel, event="fine")
        wire.send(protocol.encode(Kind.EVENT, channel, b"[]"))
        wire.send_json(Kind.EVENT, channel, event="late")

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("watch") as watching:
            assert await anext(watching) == Event({"event": "fine"})
            for _ in range(2):
                with pytest.raises(AgentProtocolViolation, match="is not a JSON object"):
                    await anext(watching)
        await client.closed.wait()
        with pytest.raises(AgentProtocolViolation):
            await client.call("status")


async def test_input_waits_for_the_agent(tmp_path: Path) -> None:
    received = bytearray()
    stalled = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        while len(received) < protocol.WINDOW_BYTES:
            received.extend((await wire.receive()).data()[1])
        stalled.set()
        wire.send(protocol.encode_ack(channel, len(received)))
        while len(received) < 300_000:
            received.extend((await wire.receive()).data()[1])
        wire.send_json(Kind.CLOSE, channel, result={})

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("terminal.attach") as attached:
            await attached.send(bytes(300_000))
            await stalled.wait()
            assert [item async for item in attached] == []
        assert len(received) == 300_000
        await client.close()


async def test_too_many_channels_and_too_large_arguments_are_refused_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        with pytest.raises(AgentProblem) as problem:
            await client.call("x", text="x" * protocol.MAX_JSON_BYTES)
        assert problem.value.code == "arguments-too-large"
        monkeypatch.setattr(protocol, "MAX_CHANNELS", 1)
        async with client.stream("watch"):
            with pytest.raises(AgentProblem) as problem:
                await client.call("x")
            assert problem.value.code == "too-many-channels"
        await client.close()


async def test_a_caller_waits_while_the_agent_does_not_read(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.welcome()
        await go.wait()
        for _ in range(20):
            opened = await wire.receive()
            wire.send_json(Kind.CLOSE, opened.channel, result={})

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        calls = [asyncio.create_task(client.call("x", text="x" * 500_000)) for _ in range(20)]
        await eventually(lambda: not client._link._writable)
        assert len(client._link._receivers) < 20
        go.set()
        assert await asyncio.gather(*calls) == [{}] * 20
        await client.close()


async def test_an_agent_that_stops_reading_cannot_keep_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", 0.05)
    async with agent_that(tmp_path, never_reads) as endpoint:
        client = await AgentClient.connect(endpoint)
        calls = [asyncio.create_task(client.call("files.read", path="x" * 500_000)) for _ in range(3)]
        await eventually(lambda: not client._link._writable)
        async with asyncio.timeout(10):
            await client.close()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [AgentUnreachable] * 3


@pytest.mark.parametrize(
    "wire",
    [
        protocol.encode(Kind.PING, 0, b"12345678"),
        protocol.encode(Kind.PONG, 0),
        protocol.encode_ack(1, 0),
        protocol.encode_json(Kind.EVENT, 1, {"event": "progress", "text": "x"}),
        protocol.encode_data(1, 0, b""),
        protocol.encode_json(Kind.EVENT, 2, {"event": "late"}),
        protocol.encode_data(2, 0, b""),
        protocol.encode_json(Kind.CLOSE, 2, {"result": {}}),
    ],
    ids=["pings", "pongs", "acks", "events", "no data", "left event", "left data", "late closes"],
)
async def test_a_flood_ends_the_connection_and_leaves_turns_to_others(tmp_path: Path, wire: bytes) -> None:
    async def floods(agent: Wire) -> None:
        await agent.welcome()
        while (await agent.receive()).kind is not Kind.CLOSE:
            pass
        await agent.flood(wire * 1000)

    async def answers(agent: Wire) -> None:
        await agent.answer({"status": {"result": {}}})

    received = 0

    class Counting(Link):
        def _receive(self, frame: Frame) -> None:
            nonlocal received
            received += 1
            super()._receive(frame)

    (tmp_path / "other").mkdir()
    async with agent_that(tmp_path, floods) as endpoint, agent_that(tmp_path / "other", answers) as other:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(client_module, "Link", Counting)
            evil = await AgentClient.connect(endpoint)
        innocent = await AgentClient.connect(other)
        async with evil.stream("watch") as watching:
            reading = asyncio.create_task(_take(watching))
            async with evil.stream("left"):
                pass
            most = turns = 0
            while not evil.closed.is_set() and received <= 2 * link.UNASKED_BURST:
                before = received
                await asyncio.sleep(0)
                most, turns = max(most, received - before), turns + 1
                if turns % 50 == 0:
                    assert await innocent.call("status") == {}
            with pytest.raises(AgentProtocolViolation):
                await reading
        assert most <= link.FRAMES_PER_TURN
        assert received <= 2 * link.UNASKED_BURST
        await innocent.close()


async def _take(watching: AgentStream) -> None:
    async for _ in watching:
        pass


async def test_many_frames_that_were_asked_for_are_all_taken(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        channel = (await wire.receive()).channel
        wire.send(b"".join(protocol.encode_data(channel, index, b"x") for index in range(20 * link.FRAMES_PER_TURN)))
        wire.send_json(Kind.CLOSE, channel, result={"done": True})

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("execution.follow") as following:
            taken = [item.data async for item in following if isinstance(item, Data)]
        assert b"".join(taken) == b"x" * 20 * link.FRAMES_PER_TURN
        assert following.result == {"done": True}
        await client.close()


async def test_a_problem_comes_without_what_cannot_be_stored(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        opened = await wire.receive()
        problem = {
            "code": "merge-conflict",
            "detail": "\ud800 boom\x1b[2J",
            "hint": "x" * 100_000,
            "self": 1,
            "code_": 10**300,
            "files": ["a\udcff", {"b": 1}],
            "nested": {"deep": []},
        }
        wire.send_json(Kind.CLOSE, opened.channel, problem=problem)

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        with pytest.raises(AgentProblem) as raised:
            await client.call("branch.merge")
        assert raised.value.describe() == "\ufffd boom\ufffd[2J"
        assert len(raised.value.advise()) == MAX_TEXT
        assert raised.value.data == {"self": 1, "files": [r"a\xff"]}
        await client.close()
