"""The program as the runtime starts it: command line, token, signals, reaping, start-up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import anyon
from anyon.agent import __main__ as main_module
from anyon.agent import program
from anyon.agent.client import AgentClient
from anyon.agent.endpoint import AgentEndpoint
from anyon.agent.errors import AgentUnreachable
from anyon.agent.server import Options
from tests.agent.support import TOKEN, Workspace, bytes_of, eventually, follow, is_there, run, start

PACKAGE_PARENT = Path(anyon.__file__).parent.parent
BOOTSTRAP = f"import sys; sys.path.insert(0, {str(PACKAGE_PARENT)!r}); from anyon.agent.__main__ import main; main()"


def command_line(options: Options) -> list[str]:
    return [
        *("--workspace", str(options.workspace), "--home", str(options.home), "--state", str(options.state)),
        *("--socket", str(options.socket), "--generation", options.generation, "--allow-uid", str(os.getuid())),
    ]


def launch(arguments: list[str], token: str = TOKEN) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", BOOTSTRAP, *arguments],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "ANYON_SECRET": "hidden", "CUSTOM": "kept"},
    )
    assert process.stdin is not None
    process.stdin.write(f"{token}\n".encode())
    process.stdin.close()
    return process


async def connect(endpoint: AgentEndpoint) -> AgentClient:
    """Once the agent answers."""
    while True:
        try:
            return await AgentClient.connect(endpoint)
        except AgentUnreachable:
            await asyncio.sleep(0.01)


@pytest.fixture
async def process(options: Options) -> AsyncIterator[subprocess.Popen[bytes]]:
    with launch(command_line(options)) as process:
        yield process
        process.kill()


async def test_the_program_serves_until_it_is_told_to_stop(
    process: subprocess.Popen[bytes], endpoint: AgentEndpoint, workspace: Workspace
) -> None:
    client = await connect(endpoint)
    output, _ = await run(client, "a", 'echo "$HOME|$CUSTOM|$ANYON_SECRET|$ANYON_WORKSPACE"')
    assert output.decode() == f"{workspace.home}|kept||{workspace.repo}\n"
    await start(client, "b", "exec sleep 60")
    process.send_signal(signal.SIGTERM)
    await client.closed.wait()
    assert process.wait() == 0
    assert process.stderr is not None
    log = process.stderr.read().decode()
    assert "stopping within 8 seconds" in log
    assert TOKEN not in log
    assert '"stopped": true' in (workspace.state / "executions" / "b" / "record.json").read_text()


async def test_orphans_come_to_the_agent_and_are_reaped(
    process: subprocess.Popen[bytes], endpoint: AgentEndpoint
) -> None:
    client = await connect(endpoint)
    await client.call("terminal.open", id="t", argv=["sh", "-c", "(sleep 0.05 & echo pid=$!.) ; exec cat"])
    async with client.stream("terminal.attach", id="t") as attached:
        seen = b""
        while b".\r\n" not in seen:
            item = await anext(attached)
            seen += getattr(item, "data", b"")
        orphan = int(seen.rpartition(b"pid=")[2].partition(b".")[0])
        await eventually(lambda: not is_there(orphan))
    process.terminate()
    await client.closed.wait()


async def test_a_killed_agent_leaves_logs_that_the_next_one_serves(
    process: subprocess.Popen[bytes], endpoint: AgentEndpoint, options: Options
) -> None:
    client = await connect(endpoint)
    await start(client, "a", "echo partly; exec sleep 0.3")
    async with client.stream("execution.follow", id="a") as following:
        await anext(following)
    process.kill()
    process.wait()
    await client.closed.wait()
    with launch(command_line(options)) as second:
        client = await connect(endpoint)
        items, execution = await follow(client, "a")
        assert (bytes_of(items), execution["state"]) == (b"partly\n", "lost")
        await client.close()
        second.terminate()


async def test_an_idle_agent_with_terminals_is_small(process: subprocess.Popen[bytes], endpoint: AgentEndpoint) -> None:
    client = await connect(endpoint)
    for index in range(3):
        await client.call("terminal.open", id=f"t{index}")
    assert (await client.call("status"))["memory_bytes"] < 35 * 1024 * 1024
    process.terminate()
    await client.closed.wait()


def run_to_end(arguments: list[str], token: str = TOKEN) -> tuple[int, str]:
    with launch(arguments, token) as process:
        assert process.stderr is not None
        return process.wait(), process.stderr.read().decode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--generation": None}, "--generation is missing"),
        ({"--colour": "red"}, "unknown option --colour; known are --workspace"),
        ({"--home": ""}, "--home needs a value"),
        ({"--allow-uid": "root"}, "--allow-uid needs a whole number, not root"),
        ({"--log-level": "loud"}, "--log-level is one of debug, info"),
        ({"--workspace": "/no/such"}, "--workspace /no/such is no folder"),
    ],
)
def test_mistakes_on_the_command_line_are_named(
    options: Options, change: dict[str, str | None], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pairs = dict(zip(command_line(options)[::2], command_line(options)[1::2], strict=True)) | change
    arguments = [part for name, value in pairs.items() if value is not None for part in (name, value)]
    with pytest.raises(SystemExit) as ending:
        main_module.parse(arguments)
    assert ending.value.code == 2
    assert message in capfd.readouterr().err


def test_words_that_are_no_options_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main_module.parse(["serve"])
    assert "unknown option serve" in capfd.readouterr().err


def test_several_users_can_be_allowed(options: Options) -> None:
    found = main_module.parse([*command_line(options), "--allow-uid", "4242"])
    assert found["allow-uid"] == [str(os.getuid()), "4242"]
    assert found["max-terminals"] == ["100"]


def test_without_a_token_it_does_not_start(options: Options) -> None:
    assert run_to_end(command_line(options), token="") == (
        2,
        "anyon agent: no token: give it as one line on standard input\n",
    )


def test_programs_of_the_workspace_get_nothing_that_is_the_agents_alone(options: Options) -> None:
    inherited = {"PATH": "/bin", "PYTHONPATH": "x", "ANYON_DATABASE_URL": "x", "TZ": "UTC"}
    environment = program.workspace_environment(inherited, options)
    assert environment == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": str(options.home),
        "ANYON_WORKSPACE": str(options.workspace),
    }


def test_inherited_descriptors_are_kept_from_children() -> None:
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    program._keep_descriptors_from_children()
    assert not os.get_inheritable(reading)
    os.close(reading)
    os.close(writing)
