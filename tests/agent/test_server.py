"""The agent as a whole: status, watching, and an end in order."""

from __future__ import annotations

import asyncio
import socket
import stat

import pytest
import uvloop

from anyon.agent import protocol
from anyon.agent.client import AgentClient, Data, Event
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import AgentProblem, AgentUnreachable
from anyon.agent.processes import Processes
from anyon.agent.server import Agent, Options
from tests.agent.support import eventually, run, start


async def test_the_status_names_what_runs(client: AgentClient, options: Options) -> None:
    await start(client, "a", "exec sleep 60")
    await client.call("terminal.open", id="t", argv=["cat"])
    status = await client.call("status")
    assert (status["generation"], status["protocol"], status["heartbeat_until"]) == (options.generation, 1, None)
    assert [execution["id"] for execution in status["executions"]] == ["a"]
    assert [terminal["id"] for terminal in status["terminals"]] == ["t"]
    assert status["memory_bytes"] > 1_000_000
    assert status["started_at"] <= status["last_activity"]


async def test_a_heartbeat_is_kept(client: AgentClient) -> None:
    answer = await client.call("heartbeat", seconds=60)
    assert (await client.call("status"))["heartbeat_until"] == answer["heartbeat_until"]


async def test_a_watcher_gets_a_snapshot_and_then_every_change(client: AgentClient) -> None:
    async with client.stream("watch") as watching:
        snapshot = await anext(watching)
        assert isinstance(snapshot, Event)
        assert snapshot.fields["event"] == "snapshot"
        await run(client, "a", "echo hello")
        seen: list[tuple[str, str]] = []
        async for item in watching:
            assert isinstance(item, Event)
            fields = item.fields
            seen.append((fields["event"], fields.get("text") or fields["execution"]["state"]))
            if seen[-1] == ("execution", "exited"):
                break
    assert seen[0] == ("execution", "running")
    assert ("progress", "hello") in seen


async def test_a_watcher_that_fell_behind_gets_a_new_snapshot(
    client: AgentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyon.agent.hub.MAX_PENDING", 0)
    async with client.stream("watch") as watching:
        await anext(watching)
        await start(client, "a", "true")
        again = await anext(watching)
    assert isinstance(again, Event)
    assert again.fields["event"] == "snapshot"


async def test_a_shutdown_ends_processes_and_the_agent(options: Options, endpoint: AgentEndpoint) -> None:
    agent = Agent(options, {"PATH": "/usr/bin:/bin"}, Processes())
    running = asyncio.create_task(agent.run())
    await agent.ready.wait()
    assert stat.S_ISSOCK(options.socket.stat().st_mode)
    client = await AgentClient.connect(endpoint)
    await start(client, "a", "exec sleep 60")
    await client.call("terminal.open", id="t", argv=["sleep", "60"])
    following = client.stream("execution.follow", id="a")
    async with following:
        assert await client.call("shutdown", grace=1) == {"stopping": True}
        async for _ in following:
            pass
        assert following.result is not None
        assert (following.result["state"], following.result["signal"], following.result["stopped"]) == (
            "exited",
            15,
            True,
        )
    await client.closed.wait()
    await running
    assert not options.socket.exists()
    with pytest.raises(AgentUnreachable):
        await AgentClient.connect(endpoint)


async def test_a_peer_that_does_not_read_does_not_hold_up_the_end(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyon.agent.connection.CLOSE_SECONDS", 0.05)
    agent = Agent(options, {"PATH": "/usr/bin:/bin"}, Processes())
    running = asyncio.create_task(agent.run())
    await agent.ready.wait()
    _, writer = await asyncio.open_unix_connection(options.socket)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(protocol.encode_json(protocol.Kind.HELLO, 0, {"token": options.token, "versions": [1]}))
    writer.write(protocol.encode(protocol.Kind.PING, 0, bytes(8)) * 100_000)
    await eventually(lambda: any(not connection.writable for connection in agent._connections))
    agent.stop(0)
    await running
    writer.close()


async def test_a_socket_left_by_an_agent_before_is_replaced(options: Options, endpoint: AgentEndpoint) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(options.socket))
    agent = Agent(options, {"PATH": "/usr/bin:/bin"}, Processes())
    await agent.spare_settled()
    running = asyncio.create_task(agent.run())
    await agent.ready.wait()
    client = await AgentClient.connect(endpoint)
    await client.close()
    agent.stop(0)
    await running


async def test_files_are_listed_and_read_through_the_agent(client: AgentClient, options: Options) -> None:
    (options.workspace / "a").write_text("x")
    listed = await client.call("files.list", path="")
    assert [entry["name"] for entry in listed["entries"]] == ["a"]
    assert (await client.call("files.read", path="a"))["content_base64"] == "eA=="
    with pytest.raises(AgentProblem, match="leads out"):
        await client.call("files.read", path="../state/gitconfig")


async def test_the_client_works_on_uvloop_too(agent: Agent, endpoint: AgentEndpoint) -> None:
    async def use() -> tuple[bytes, list[str]]:
        client = await AgentClient.connect(endpoint)
        output, _ = await run(client, "a", "cat", stdin="hello")
        await client.call("terminal.open", id="t", argv=["sh", "-c", "read line; echo got $line"])
        async with client.stream("terminal.attach", id="t", cols=80, rows=24) as attached:
            await attached.send(b"it\n")
            shown = b"".join([item.data async for item in attached if isinstance(item, Data)])
        await client.close()
        return output, shown.decode().split("\r\n")

    output, shown = await asyncio.to_thread(uvloop.run, use())
    assert output == b"hello"
    assert shown[-2:] == ["got it", ""]
