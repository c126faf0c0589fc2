"""Executions end to end: real processes, logs followed by offset, secrets redacted, trees ended."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from anyon.agent.client import AgentClient, Event
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import AgentProblem
from anyon.agent.processes import Processes
from anyon.agent.server import Agent, Options
from anyon.agent.tree import Strays
from tests.agent.support import Workspace, bytes_of, eventually, follow, is_there, read_until, run, start


async def test_output_and_exit_status_are_kept(client: AgentClient) -> None:
    output, execution = await run(client, "a", "echo out; echo err >&2; exit 5")
    assert output == b"out\nerr\n"
    assert (execution["state"], execution["exit_code"], execution["signal"], execution["stopped"]) == (
        "exited",
        5,
        None,
        False,
    )
    assert execution["log_bytes"] == len(output)
    assert execution["started_at"] <= execution["first_byte_at"] <= execution["finished_at"]
    assert await client.call("execution.get", id="a") == execution


async def test_standard_input_is_the_text_that_was_given(client: AgentClient) -> None:
    output, _ = await run(client, "a", "cat; echo end", stdin="line\n" * 50_000)
    assert output == b"line\n" * 50_000 + b"end\n"


async def test_the_environment_holds_what_was_given_and_nothing_of_the_agent(
    client: AgentClient, workspace: Workspace
) -> None:
    (workspace.repo / "sub").mkdir()
    script = 'echo "$GIVEN $HOME $ANYON_EXECUTION"; pwd'
    output, _ = await run(client, "a", script, cwd="sub", env={"GIVEN": "yes"})
    assert output.decode().splitlines() == [f"yes {workspace.home} a", str(workspace.repo / "sub")]


async def test_starting_the_same_id_again_starts_nothing(client: AgentClient) -> None:
    first = await start(client, "a", "echo once; exec sleep 60")
    again = await start(client, "a", "echo twice")
    assert (again["pid"], again["started_at"]) == (first["pid"], first["started_at"])
    await client.call("execution.stop", id="a", grace=0)
    assert (await start(client, "a", "echo thrice"))["state"] == "exited"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"argv": ["no-such-program"]}, "command-missing"),
        ({"argv": ["sh"], "cwd": "none"}, "cwd-missing"),
        ({"argv": ["sh"], "cwd": "../"}, "path-escapes"),
        ({"argv": ["sh"], "secrets": {"KEY": "abc"}}, "secret-refused"),
        ({"argv": []}, "bad-argument"),
    ],
)
async def test_what_cannot_start_is_refused_and_leaves_no_record(
    client: AgentClient, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(AgentProblem) as problem:
        await client.call("execution.start", id="a", **arguments)
    assert problem.value.code == code
    assert (await client.call("execution.list"))["executions"] == []


async def test_too_many_at_a_time_are_refused_with_the_limit(client: AgentClient, options: Options) -> None:
    for index in range(options.max_running_executions):
        await start(client, f"e{index}", "exec sleep 60")
    with pytest.raises(AgentProblem, match="5 executions are running; the limit is 5") as problem:
        await start(client, "more", "true")
    assert (problem.value.code, problem.value.data["limit"]) == ("too-many-executions", 5)


async def test_secrets_reach_the_process_and_no_disk(client: AgentClient, workspace: Workspace) -> None:
    script = 'test "$KEY" = open-sesame && printf open- && sleep 0.05 && printf "sesame end"'
    output, _ = await run(client, "a", script, secrets={"KEY": "open-sesame"}, env={"PLAIN": "hidden-value"})
    assert output == b"[KEY] end"
    for path in workspace.state.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"sesame" not in content.replace(b"[KEY]", b"")
            assert b"hidden-value" not in content


async def test_a_stop_ends_the_tree_and_keeps_the_log(client: AgentClient) -> None:
    await start(client, "a", "setsid sleep 60 & echo $!; echo up; wait")
    async with client.stream("execution.follow", id="a") as stream:
        child = int((await read_until(stream, b"up\n")).split()[0])
    execution = await client.call("execution.stop", id="a", grace=5)
    assert (execution["state"], execution["signal"], execution["exit_code"], execution["stopped"]) == (
        "exited",
        15,
        None,
        True,
    )
    assert not is_there(child)
    assert await client.call("execution.stop", id="a", grace=5) == execution
    items, _ = await follow(client, "a")
    assert bytes_of(items).endswith(b"up\n")


async def test_a_process_that_keeps_the_pipe_open_does_not_hold_up_the_end(
    client: AgentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyon.agent.executions._DRAIN_SECONDS", 0.05)
    monkeypatch.setattr("anyon.agent.tree.strays_of", lambda *_: Strays(set(), unclear=False))
    output, execution = await run(client, "a", "setsid sleep 1 & sleep 0.05; echo done")
    assert (output, execution["state"]) == (b"done\n", "exited")
    monkeypatch.undo()
    await run(client, "b", "sleep 1.1")  # the escaped one ends by itself


async def test_many_followers_read_the_same_log_each_from_its_own_offset(client: AgentClient) -> None:
    await start(client, "a", "for i in 1 2 3 4 5; do echo $i; sleep 0.01; done")
    async with client.stream("execution.follow", id="a") as stream:
        await read_until(stream, b"2\n")
    answers = await asyncio.gather(*(follow(client, "a", offset) for offset in (0, 0, 4, 0)))
    assert [bytes_of(items) for items, _ in answers] == [
        b"1\n2\n3\n4\n5\n",
        b"1\n2\n3\n4\n5\n",
        b"3\n4\n5\n",
        b"1\n2\n3\n4\n5\n",
    ]


async def test_a_log_that_grew_too_long_has_a_gap_in_the_middle(client: AgentClient, options: Options) -> None:
    await run(client, "a", "seq 200000")
    items, execution = await follow(client, "a")
    (gap,) = [item.fields for item in items if isinstance(item, Event)]
    assert gap["event"] == "gap"
    assert execution["dropped_bytes"] == gap["to"] - gap["from"]
    kept = bytes_of(items)
    assert len(kept) <= options.max_log_bytes
    assert execution["log_bytes"] == len(kept) + execution["dropped_bytes"]
    assert kept.startswith(b"1\n2\n3\n")
    assert kept.endswith(b"199999\n200000\n")


async def test_an_offset_after_the_end_is_refused(client: AgentClient) -> None:
    await run(client, "a", "echo 123")
    assert (await follow(client, "a", 4))[0] == []
    with pytest.raises(AgentProblem, match="The log has 4 bytes; offset 5 is after its end"):
        await follow(client, "a", 5)


async def test_bytes_lost_at_the_end_are_a_gap_too(client: AgentClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyon.agent.logs.LogWriter._write_some", lambda *_: 0)
    items, execution = await _after(client, "echo 123")
    assert [item.fields for item in items if isinstance(item, Event)] == [{"event": "gap", "from": 0, "to": 4}]
    assert (execution["log_bytes"], execution["dropped_bytes"]) == (4, 4)


async def _after(client: AgentClient, script: str) -> tuple[list[object], dict[str, object]]:
    await start(client, "a", script)
    items, execution = await follow(client, "a")
    return list(items), execution


async def test_unknown_executions_are_not_found(client: AgentClient) -> None:
    for operation in ("execution.get", "execution.stop"):
        with pytest.raises(AgentProblem) as problem:
            await client.call(operation, id="none")
        assert problem.value.code == "not-found"
    with pytest.raises(AgentProblem, match="There is no execution none"):
        await follow(client, "none")


async def test_a_forgotten_execution_is_gone_from_the_disk(client: AgentClient, workspace: Workspace) -> None:
    await start(client, "a", "exec sleep 60")
    with pytest.raises(AgentProblem, match="Execution a is running"):
        await client.call("execution.forget", id="a")
    await client.call("execution.stop", id="a", grace=0)
    assert await client.call("execution.forget", id="a") == {"forgotten": True}
    assert await client.call("execution.forget", id="a") == {"forgotten": False}
    assert list((workspace.state / "executions").iterdir()) == []


async def test_the_list_begins_with_the_newest(client: AgentClient) -> None:
    for name in ("a", "b"):
        await run(client, name, "true")
    assert [execution["id"] for execution in (await client.call("execution.list"))["executions"]] == ["b", "a"]


async def test_after_a_restart_what_ran_is_lost_and_its_log_is_readable(
    client: AgentClient, workspace: Workspace, options: Options, endpoint: AgentEndpoint
) -> None:
    await run(client, "ended", "echo whole")
    record = json.loads((workspace.state / "executions" / "ended" / "record.json").read_text())
    await run(client, "ran", "echo partly")
    (workspace.state / "executions" / "ran" / "record.json").write_text(
        json.dumps({**record, "id": "ran", "state": "running"})
    )
    second = Agent(options._replace(socket=workspace.run / "second.sock"), {"PATH": "/usr/bin:/bin"}, Processes())
    running = asyncio.create_task(second.run())
    await second.ready.wait()
    again = await AgentClient.connect(
        AgentEndpoint(workspace.run, "second.sock", endpoint.peer_uid, endpoint.token, endpoint.generation)
    )
    assert (await again.call("execution.get", id="ended")) == record
    items, execution = await follow(again, "ran")
    assert bytes_of(items) == b"partly\n"
    assert (execution["state"], execution["log_bytes"], execution["exit_code"]) == ("lost", 7, 0)
    assert (await start(again, "ran", "echo twice"))["state"] == "lost"
    await again.close()
    second.stop(0)
    await running


async def test_a_full_disk_at_the_start_is_said_and_at_the_end_is_survived(
    client: AgentClient, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    (workspace.state / "executions" / "a").write_text("in the way")
    with pytest.raises(AgentProblem, match="cannot keep its records") as problem:
        await start(client, "a", "true")
    assert problem.value.code == "state-not-writable"
    folder = workspace.state / "executions" / "b"
    await start(client, "b", f"rm -r {folder}; echo > {folder}")
    await eventually(lambda: "is not saved" in caplog.text)
    assert "is not saved" in caplog.text
    folder.unlink()
