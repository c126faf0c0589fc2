"""The client against agents that behave, lie, stall and vanish."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyon.agent import protocol
from anyon.agent.client import AgentClient, Data, Event
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import (
    AgentError,
    AgentProblem,
    AgentProtocolViolation,
    AgentRefused,
    AgentTimeout,
    AgentUnreachable,
)
from anyon.agent.protocol import Frame, Kind
from tests.agent.hostile import WELCOME, Wire, agent_that
from tests.agent.support import GENERATION, TOKEN


async def test_a_call_gives_the_result(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        opened = await wire.receive()
        wire.send(protocol.encode(Kind.PING, 0, b"12345678"))
        wire.send_json(Kind.EVENT, opened.channel, event="ignored")
        wire.send_json(Kind.CLOSE, opened.channel, result={"asked": opened.json()})
        assert await wire.receive() == Frame(Kind.PONG, 0, b"12345678")

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        assert client.generation == GENERATION
        assert await client.call("status", some="thing") == {"asked": {"op": "status", "some": "thing"}}
        await client.close()
        with pytest.raises(AgentUnreachable):
            await client.call("status")


async def test_a_problem_is_raised_with_all_that_it_says(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        opened = await wire.receive()
        problem = {"code": "merge-conflict", "detail": "2 files {x}", "hint": "Rebase.", "files": ["a", "b"]}
        wire.send_json(Kind.CLOSE, opened.channel, problem=problem)

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        with pytest.raises(AgentProblem) as raised:
            await client.call("branch.merge")
        problem = raised.value
        assert (problem.code, problem.detail, problem.hint, problem.data) == (
            "merge-conflict",
            "2 files {x}",
            "Rebase.",
            {"files": ["a", "b"]},
        )
        assert (problem.describe(), problem.advise()) == ("2 files {x}", "Rebase.")
        await client.close()


async def test_a_call_past_its_deadline_is_cancelled_in_the_agent(tmp_path: Path) -> None:
    cancelled = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.welcome()
        opened = await wire.receive()
        closed = await wire.receive()
        assert (closed.kind, closed.channel, closed.json()) == (Kind.CLOSE, opened.channel, {})
        wire.send_json(Kind.CLOSE, opened.channel, result={"cancelled": True})
        cancelled.set()

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        with pytest.raises(AgentTimeout, match=r"status did not end within 0.01 seconds"):
            await client.call("status", timeout=0.01)
        await cancelled.wait()
        await client.close()


async def test_a_lost_connection_fails_everything_that_waits(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        for _ in range(3):
            await wire.receive()
        wire.close()

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("watch") as watching:
            outcomes = await asyncio.gather(client.call("a"), client.call("b"), anext(watching), return_exceptions=True)
            with pytest.raises(AgentUnreachable):
                await watching.send(b"x")
            with pytest.raises(AgentUnreachable):
                await watching.send_event(event="x")
        assert [type(outcome) for outcome in outcomes] == [AgentUnreachable] * 3
        await client.closed.wait()
        with pytest.raises(AgentUnreachable, match="connection was lost"):
            await client.call("c")
        with pytest.raises(AgentUnreachable):
            async with client.stream("watch"):
                pass


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({**WELCOME, "version": 2}, "another version"),
        ({**WELCOME, "generation": "other"}, "Another agent"),
        ({}, "another version"),
    ],
)
async def test_an_agent_of_another_kind_is_refused(tmp_path: Path, answer: dict[str, Any], reason: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send_json(Kind.WELCOME, 0, **answer)

    async with agent_that(tmp_path, script) as endpoint:
        with pytest.raises(AgentRefused, match=reason):
            await AgentClient.connect(endpoint)


async def test_an_agent_that_lets_nobody_in_says_why(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()
        wire.send_json(Kind.CLOSE, 0, problem={"code": "token-refused", "detail": "No."})

    async with agent_that(tmp_path, script) as endpoint:
        with pytest.raises(AgentRefused, match=r"\(token-refused\): No\."):
            await AgentClient.connect(endpoint)


async def test_an_agent_that_is_silent_is_unreachable(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.receive()

    async with agent_that(tmp_path, script) as endpoint:
        with pytest.raises(AgentUnreachable, match=r"no greeting within 0.05 seconds"):
            await AgentClient.connect(endpoint, timeout=0.05)


async def test_without_an_agent_nothing_answers(endpoint: AgentEndpoint) -> None:
    with pytest.raises(AgentUnreachable, match="No such file"):
        await AgentClient.connect(endpoint)


async def test_links_and_files_in_place_of_the_socket_are_not_followed(tmp_path: Path) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()

    async with agent_that(tmp_path, script) as endpoint:
        run_dir = endpoint.run_dir
        (run_dir / "link.sock").symlink_to("agent.sock")
        (run_dir / "file.sock").touch()
        (tmp_path / "way").symlink_to(run_dir)
        for made_up in (
            AgentEndpoint(run_dir, "link.sock", os.getuid(), TOKEN, GENERATION),
            AgentEndpoint(run_dir, "file.sock", os.getuid(), TOKEN, GENERATION),
            AgentEndpoint(tmp_path / "way", "agent.sock", os.getuid(), TOKEN, GENERATION),
        ):
            with pytest.raises((AgentRefused, AgentUnreachable)):
                await AgentClient.connect(made_up)


async def test_a_socket_of_another_user_gets_no_token(tmp_path: Path) -> None:
    heard = asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.receive()
        heard.set()

    async with agent_that(tmp_path, script) as endpoint:
        stranger = AgentEndpoint(endpoint.run_dir, "agent.sock", os.getuid() + 1, TOKEN, GENERATION)
        with pytest.raises(AgentRefused, match="belongs to uid"):
            await AgentClient.connect(stranger)
        assert not heard.is_set()


def test_the_token_is_never_printed(endpoint: AgentEndpoint) -> None:
    assert TOKEN not in repr(endpoint)


BAD_FRAMES: dict[str, bytes] = {
    "too large": (2**31).to_bytes(4, "big") + bytes([Kind.EVENT]) + (1).to_bytes(4, "big"),
    "unknown kind": bytes(4) + b"\x63" + bytes(4),
    "a channel never opened": protocol.encode_json(Kind.CLOSE, 7, {"result": {}}),
    "neither result nor problem": protocol.encode_json(Kind.CLOSE, 1, {}),
    "a problem without a code": protocol.encode_json(Kind.CLOSE, 1, {"problem": {"detail": "x"}}),
    "a problem with a shouting code": protocol.encode_json(Kind.CLOSE, 1, {"problem": {"code": "NO <b>"}}),
    "a problem whose detail is a list": protocol.encode_json(Kind.CLOSE, 1, {"problem": {"code": "no", "detail": []}}),
    "no JSON": protocol.encode(Kind.CLOSE, 1, b"{"),
    "a second welcome": protocol.encode_json(Kind.WELCOME, 0, WELCOME),
    "an opened channel": protocol.encode_json(Kind.OPEN, 1, {"op": "status"}),
    "data for a call": protocol.encode_data(1, 0, b"x"),
    "data for the connection": protocol.encode_data(0, 0, b"x"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_violation_ends_the_connection_and_every_call(tmp_path: Path, name: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        await wire.receive()
        await wire.receive()
        wire.send(BAD_FRAMES[name])

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        outcomes = await asyncio.gather(client.call("a"), client.call("b"), return_exceptions=True)
        assert AgentProtocolViolation in [type(outcome) for outcome in outcomes]
        assert all(isinstance(outcome, AgentError) for outcome in outcomes)
        await client.closed.wait()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noise=st.binary(max_size=300),
    frames=st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 3), st.binary(max_size=8)), max_size=5),
)
async def test_no_bytes_of_an_agent_break_the_client(
    tmp_path: Path, noise: bytes, frames: list[tuple[Kind, int, bytes]]
) -> None:
    async def script(wire: Wire) -> None:
        await wire.welcome()
        await wire.receive()
        wire.send(b"".join(protocol.encode(*frame) for frame in frames) + noise)
        wire.close()

    async with agent_that(tmp_path, script) as endpoint:
        client = await AgentClient.connect(endpoint)
        async with client.stream("watch") as stream:
            try:
                async for item in stream:
                    assert isinstance(item, (Data, Event))
            except AgentError:
                pass
        await client.closed.wait()
