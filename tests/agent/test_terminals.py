"""Terminals end to end: real shells behind real PTYs, attached to, left and found again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from anyon.agent.client import AgentClient, AgentStream, Data, Event
from anyon.agent.errors import AgentProblem
from anyon.agent.server import Options
from tests.agent.support import bytes_of, eventually, is_running, read_until, take_all

PLAIN_SHELL = ["bash", "--norc", "--noprofile", "--noediting"]


async def open_terminal(
    client: AgentClient, identity: str = "t", argv: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    return await client.call("terminal.open", id=identity, argv=argv or PLAIN_SHELL, env={"PS1": "$ "}, **more)


def attach(
    client: AgentClient, identity: str = "t", offset: int | None = None, cols: int = 80, rows: int = 24
) -> AgentStream:
    return client.stream("terminal.attach", id=identity, cols=cols, rows=rows, **{"from": offset})


async def first_event(stream: AgentStream) -> dict[str, Any]:
    item = await anext(stream)
    assert isinstance(item, Event)
    return item.fields


async def test_a_shell_has_a_controlling_terminal_of_the_wanted_size(client: AgentClient) -> None:
    await open_terminal(client, cols=100, rows=30)
    async with attach(client, cols=100, rows=30) as stream:
        attached = {"event": "attached", "from": 0, "reset": True, "shown": 0, "cols": 100, "rows": 30}
        assert await first_event(stream) == attached
        await stream.send(b"tty; stty size; echo $TERM; : </dev/tty && echo cont'rolled'\n")
        output = await read_until(stream, b"controlled\r\n")
    assert b"/dev/pts/" in output
    assert b"30 100\r\nxterm-256color\r\n" in output


async def test_who_attaches_without_a_size_leaves_the_one_that_is_there(client: AgentClient) -> None:
    await open_terminal(client, cols=100, rows=30)
    async with client.stream("terminal.attach", id="t") as stream:
        attached = await first_event(stream)
        assert (attached["cols"], attached["rows"]) == (100, 30)
        await stream.send(b"stty size; echo ov'er'\n")
        assert b"30 100\r\n" in await read_until(stream, b"over\r\n")


async def test_an_interrupt_typed_reaches_the_foreground_program(client: AgentClient) -> None:
    await open_terminal(client)
    async with attach(client) as stream:
        await stream.send(b"sh -c 'echo begun: $((40+2)); exec sleep 1000'\n")
        await read_until(stream, b"begun: 42")
        await stream.send(b"\x03")
        await read_until(stream, b"^C")
        await stream.send(b"echo st'ill here'\n")
        await read_until(stream, b"still here")


async def test_the_default_is_a_login_shell(client: AgentClient) -> None:
    await client.call("terminal.open", id="t")
    async with attach(client) as stream:
        await stream.send(b"shopt -q login_shell && echo lo'gin'; exit 4\n")
        await read_until(stream, b"login\r\n")
    assert (await client.call("terminal.close", id="t"))["open"] is False


async def test_a_stream_ends_with_the_shell_and_says_how(client: AgentClient) -> None:
    await open_terminal(client)
    stream = attach(client)
    async with stream:
        await stream.send(b"exit 3\n")
        async for _ in stream:
            pass
        assert stream.result is not None
        assert (stream.result["open"], stream.result["exit_code"]) == (False, 3)
        await stream.send(b"nobody reads this")
        await stream.send_event(event="resize", cols=1, rows=1)
    _, again = await take_all(attach(client))
    assert again == stream.result


async def test_a_shell_that_was_killed_shows_the_signal(client: AgentClient) -> None:
    terminal = await open_terminal(client)
    async with attach(client) as stream:
        await stream.send(b"kill -9 $$\n")
        _ = [item async for item in stream]
        assert stream.result is not None
        assert (stream.result["exit_code"], stream.result["pid"]) == (-9, terminal["pid"])


async def test_reattaching_at_an_offset_loses_and_repeats_nothing(client: AgentClient) -> None:
    await open_terminal(client)
    async with attach(client) as stream:
        await stream.send(b"echo fi'rst'\n")
        seen = await read_until(stream, b"first\r\n$ ")
    async with attach(client, offset=len(seen)) as stream:
        attached = await first_event(stream)
        assert (attached["from"], attached["reset"]) == (len(seen), False)
        await stream.send(b"echo sec'ond'\n")
        seen += await read_until(stream, b"second\r\n")
    assert seen.count(b"first\r\n") == seen.count(b"second\r\n") == 1


async def test_two_viewers_see_the_same(client: AgentClient) -> None:
    await open_terminal(client)
    async with attach(client) as one, attach(client) as other:
        await one.send(b"echo bo'th'\n")
        await asyncio.gather(read_until(one, b"both\r\n"), read_until(other, b"both\r\n"))


async def test_a_viewer_that_comes_late_gets_the_ring_from_a_safe_point(client: AgentClient) -> None:
    await open_terminal(client, argv=["sh", "-c", "seq 100000; echo end; exec cat"])
    async with attach(client) as stream:
        await read_until(stream, b"end\r\n")
    async with attach(client) as stream:
        attached = await first_event(stream)
        assert attached["reset"]
        assert attached["from"] > 0
        replay = await read_until(stream, b"end\r\n")
    lines = replay.decode().split("\r\n")
    assert lines == [str(number) for number in range(int(lines[0]), 100_001)] + ["end", ""]


async def test_a_full_screen_program_is_made_to_paint_again(client: AgentClient) -> None:
    script = 'trap "stty size" WINCH; printf "\\033[?1049h"; echo up; while :; do sleep 0.02; done'
    await open_terminal(client)
    async with attach(client) as stream:
        await stream.send(f"bash -c '{script}'\n".encode())
        await read_until(stream, b"up\r\n")
    async with attach(client) as stream:
        replay = await read_until(stream, b"24 80\r\n")
    assert replay.startswith(b"\x1b[?1049h")
    assert b"23 80\r\n" in replay


async def test_a_resize_reaches_the_program_and_the_newest_wins(client: AgentClient) -> None:
    await open_terminal(client)
    async with attach(client) as stream:
        await stream.send_event(event="resize", cols=120, rows=40)
        await stream.send_event(event="resize", cols=132, rows=43)
        await stream.send(b"stty size\n")
        await read_until(stream, b"43 132\r\n")
    (terminal,) = (await client.call("terminal.list"))["terminals"]
    assert (terminal["cols"], terminal["rows"]) == (132, 43)


@pytest.mark.parametrize("event", [{"event": "dance"}, {"event": "resize", "cols": 0, "rows": 5}, {}])
async def test_a_bad_event_ends_its_channel_only(client: AgentClient, event: dict[str, Any]) -> None:
    await open_terminal(client)
    stream = attach(client)
    async with stream:
        await first_event(stream)
        await stream.send_event(**event)
        with pytest.raises(AgentProblem) as problem:
            async for _ in stream:
                pass
    assert problem.value.code == "bad-argument"
    assert len((await client.call("terminal.list"))["terminals"]) == 1


async def test_a_large_paste_arrives_whole_and_in_order(client: AgentClient, options: Options) -> None:
    target = options.workspace / "pasted"
    await open_terminal(client, argv=["sh", "-c", f"stty raw -echo; echo ready; head -c 600000 > {target}; echo done"])
    paste = b"".join(b"%07d\n" % number for number in range(75_000))
    async with attach(client) as stream:
        await read_until(stream, b"ready")
        async with asyncio.TaskGroup() as group:
            group.create_task(stream.send(paste))
            await read_until(stream, b"done")
    assert target.read_bytes() == paste


async def test_a_slow_viewer_pauses_the_program_and_loses_nothing(client: AgentClient, options: Options) -> None:
    await open_terminal(client, argv=["sh", "-c", "stty raw; seq 300000; echo end; exec cat"])
    async with attach(client) as stream:
        await first_event(stream)
        await asyncio.sleep(0.3)  # as long as it likes: it must not go on
        assert await output_bytes(client) <= 262_144
        seen = bytearray()
        async for item in stream:
            assert isinstance(item, Data)
            assert item.offset == len(seen)
            seen += item.data
            if b"end" in item.data:
                break
    assert bytes(seen).split() == [b"%d" % number for number in range(1, 300_001)] + [b"end"]


async def output_bytes(client: AgentClient) -> int:
    (terminal,) = (await client.call("terminal.list"))["terminals"]
    return int(terminal["output_bytes"])


async def test_a_viewer_that_falls_off_the_ring_is_told_and_goes_on(client: AgentClient) -> None:
    await open_terminal(client, argv=["sh", "-c", "read go; seq 200000; echo end; exec cat"])
    async with attach(client) as slow, attach(client) as fast:
        await first_event(slow)
        await fast.send(b"\n")
        await read_until(fast, b"end\r\n")
        items: list[Data | Event] = []
        async for item in slow:
            items.append(item)
            if b"end\r\n" in bytes_of(items)[-10:]:
                break
    (gap,) = [item.fields for item in items if isinstance(item, Event)]
    assert gap["reset"]
    assert gap["to"] > gap["from"]
    after = [item for item in items[items.index(Event(gap)) + 1 :] if isinstance(item, Data)]
    assert after[0].offset == gap["to"]
    lines = bytes_of(list(after)).split()
    assert lines == [b"%d" % number for number in range(int(lines[0]), 200_001)] + [b"end"]


async def test_with_no_viewer_a_program_runs_on(client: AgentClient, options: Options) -> None:
    done = options.workspace / "done"
    await open_terminal(client, argv=["sh", "-c", f"seq 300000; touch {done}; exec cat"])
    await eventually(done.exists)


async def test_closing_hangs_up_and_ends_everything(client: AgentClient) -> None:
    await open_terminal(client)
    async with attach(client) as stream:
        await stream.send(b"setsid sleep 60 & echo p'id='$!.\n")
        output = await read_until(stream, b"pid=")
        output = output.rpartition(b"pid=")[2]
        output += b"" if b"." in output else await read_until(stream, b".")
        child = int(output.partition(b".")[0])
        closed = await client.call("terminal.close", id="t")
    assert closed["open"] is False
    assert not is_running(child)
    assert await client.call("terminal.close", id="t") == closed
    assert await open_terminal(client) == closed


async def test_a_shell_that_ignores_the_hangup_is_killed(client: AgentClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyon.agent.terminals.CLOSE_SECONDS", 0.05)
    await open_terminal(client, argv=["sh", "-c", "trap '' HUP TERM; echo up; while :; do sleep 0.01; done"])
    async with attach(client) as stream:
        await read_until(stream, b"up")
    assert (await client.call("terminal.close", id="t"))["exit_code"] == -9


async def test_opening_the_same_id_again_opens_nothing(client: AgentClient) -> None:
    assert (await open_terminal(client))["pid"] == (await open_terminal(client))["pid"]


async def test_too_many_terminals_are_refused_with_the_limit(client: AgentClient, options: Options) -> None:
    for index in range(options.max_terminals):
        await open_terminal(client, f"t{index}", argv=["cat"])
    with pytest.raises(AgentProblem, match="5 terminals are open; the limit is 5") as problem:
        await open_terminal(client, "more")
    assert problem.value.code == "too-many-terminals"


async def test_only_the_last_closed_terminals_are_remembered(
    client: AgentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyon.agent.terminals.MAX_REMEMBERED", 1)
    for name in ("a", "b"):
        await open_terminal(client, name, argv=["cat"])
        await client.call("terminal.close", id=name)
    with pytest.raises(AgentProblem, match="There is no terminal a"):
        await take_all(attach(client, "a"))


async def test_a_missing_program_or_folder_is_said(client: AgentClient) -> None:
    with pytest.raises(AgentProblem, match="no program no-such-shell"):
        await open_terminal(client, argv=["no-such-shell"])
    with pytest.raises(AgentProblem, match="leads out"):
        await open_terminal(client, cwd="..")


async def test_typing_counts_as_activity(client: AgentClient) -> None:
    await open_terminal(client, argv=["cat"])
    before = (await client.call("status"))["last_activity"]
    async with attach(client) as stream:
        await stream.send(b"x")
        await read_until(stream, b"x")
    status = await client.call("status")
    assert status["last_activity"] > before
    assert status["terminals"][0]["last_activity"] == status["last_activity"]


async def test_a_flooding_terminal_leaves_turns_for_others(client: AgentClient) -> None:
    await open_terminal(client, "flood", argv=["yes"])
    await open_terminal(client, "quiet", argv=["sh", "-c", "stty -echo; echo up; exec cat"])
    async with attach(client, "flood") as flood, attach(client, "quiet") as quiet:

        async def drink() -> None:
            async for _ in flood:
                pass

        drinker = asyncio.create_task(drink())
        await read_until(quiet, b"up\r\n")
        for number in range(20):
            await quiet.send(b"%d\n" % number)
            await read_until(quiet, b"%d\r\n" % number)
        drinker.cancel()
        await asyncio.gather(drinker, return_exceptions=True)
