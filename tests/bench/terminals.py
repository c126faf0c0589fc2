"""How a terminal feels: echo alone, among a hundred, beside a flood; and the repaint after a reload.

Terminado, the terminal of Jupyter, is measured in the same run with the same client.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.model import Row, Scale, Stopwatch, milliseconds
from tests.fixtures.installation import free_port, temporary_installation

COLUMNS, LINES = 200, 50
_MANY = 100
_READY = b"ready-to-echo"
# The terminal echoes what is typed; the program shows that it is there and then reads it all away.
_LISTEN = "stty -echoctl; clear; echo ready-to-'echo'; exec cat > /dev/null"

Connect = Callable[[], Awaitable["Wire"]]


class Wire:
    """A terminal of either product: bytes in, bytes out."""

    def __init__(self, socket: ClientConnection, *, terminado: bool) -> None:
        self._socket = socket
        self._terminado = terminado
        self._acknowledged = 0

    async def send(self, text: str) -> None:
        await self._socket.send(json.dumps(["stdin", text]) if self._terminado else text.encode())

    async def receive(self) -> bytes:
        """The next output."""
        while True:
            message = await self._socket.recv()
            if isinstance(message, bytes):
                end = int.from_bytes(message[:8], "big") + len(message) - 8
                if end - self._acknowledged >= 65_536:
                    self._acknowledged = end
                    await self._socket.send(json.dumps({"ack": end}))
                return message[8:]
            if self._terminado:
                kind, *rest = json.loads(message)
                if kind == "stdout":
                    return str(rest[0]).encode()

    async def until(self, text: bytes) -> None:
        seen = b""
        while text not in seen:
            seen = (seen + await self.receive())[-len(text) - 65_536 :]

    async def echo(self, letter: str) -> float:
        """Seconds from a key to its echo."""
        watch = Stopwatch()
        await self.send(letter)
        await self.until(letter.encode())
        return watch.seconds()


@asynccontextmanager
async def anyon_terminals() -> AsyncIterator[Connect]:
    one_more_floods = temporary_installation(log_level="warning", max_terminals=_MANY + 1)
    async with one_more_floods as installation, installation.service() as service:
        project = await service.create_project("bench")

        async def open_one() -> Wire:
            made = await service.request("POST", f"/api/projects/{project['id']}/terminals", {"cols": 80, "rows": 24})
            return Wire(await service.socket(f"/api/terminals/{made['id']}/socket"), terminado=False)

        yield open_one


@asynccontextmanager
async def terminado_terminals() -> AsyncIterator[Connect]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.terminado_server", str(port)), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()

    async def open_one() -> Wire:
        return Wire(await connect(f"ws://127.0.0.1:{port}/", compression=None, max_size=None), terminado=True)

    try:
        yield open_one
    finally:
        process.terminate()
        await process.wait()


async def _echoes(product: Callable[[], object], scale: Scale, terminals: int, *, flood: bool) -> list[float]:
    async with AsyncExitStack() as stack:
        open_one: Connect = await stack.enter_async_context(product())  # type: ignore[arg-type] # one of the two above
        wires = [await open_one() for _ in range(terminals)]
        for wire in wires:
            await wire.send(f"{_LISTEN}\n")
            await wire.until(_READY)
        if flood:
            flooding = await open_one()
            await flooding.send("yes flood-flood-flood-flood\n")
            await flooding.until(b"flood-flood\r\nflood")
            reader = asyncio.create_task(_read_on(flooding))
            stack.push_async_callback(_end, reader)
        letters = "abcdefghijklmnopqrstuvwxyz"
        for letter in letters[: scale.repeats(20)]:
            await wires[0].echo(letter)
        return [await wires[number % len(wires)].echo(letters[number % 26]) for number in range(scale.repeats(400))]


async def _read_on(wire: Wire) -> None:
    while True:
        await wire.receive()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def terminal_echo(scale: Scale) -> list[Row]:
    rows = []
    many = scale.size(_MANY, 5)
    for name, count, flood, limit in (
        ("terminal echo, 1 open", 1, False, 20.0),
        ("terminal echo, 100 open", many, False, 20.0),
        ("terminal echo, 100 open and one flooding", many, True, 30.0),
    ):
        ours = await _echoes(anyon_terminals, scale, count, flood=flood)
        theirs = await _echoes(terminado_terminals, scale, count, flood=flood)
        method = (
            f"1 service, 1 agent, {count} sockets of 1 client process that types into one after the other"
            f"{' and reads the flood' if flood else ''}; p95 of {len(ours)}"
        )
        rows.append(Row(name, "ms", milliseconds(ours), limit, "terminado", milliseconds(theirs), method))
    return rows


async def repaint(scale: Scale) -> list[Row]:
    async with temporary_installation(log_level="warning") as installation, installation.service() as service:
        project = await service.create_project("bench")
        size = {"cols": COLUMNS, "rows": LINES}
        made = await service.request("POST", f"/api/projects/{project['id']}/terminals", size)
        path = f"/api/terminals/{made['id']}/socket?cols={COLUMNS}&rows={LINES}"
        script = installation.data_dir / "workspaces" / project["id"] / "repo" / "paint.sh"
        await asyncio.to_thread(script.write_text, _painting())
        wire = Wire(await service.socket(path), terminado=False)
        await wire.send("exec sh $ANYON_WORKSPACE/paint.sh\n")
        await wire.until(b"painted-all")
        samples = []
        for _ in range(scale.repeats(60)):
            watch = Stopwatch()
            socket = await service.socket(path)
            await Wire(socket, terminado=False).until(b"painted-all")
            samples.append(watch.seconds())
            await socket.close()
    baseline = await asyncio.to_thread(_tmux_attach, scale.repeats(20))
    method = f"1 service, 1 agent, 1 client: from connecting the socket to the last byte of the screen; {len(samples)}"
    return [Row("reattach, repaint of 200x50", "ms", milliseconds(samples), 100.0, "tmux attach", baseline, method)]


def _painting() -> str:
    """A full screen of coloured text, as an editor would show, then nothing more."""
    line = "".join(f"\\033[3{column % 8}m{'abcdefgh'[column % 8]}" for column in range(COLUMNS))
    lines = f"for i in $(seq {LINES - 1}); do printf '{line}\\r\\n'; done"
    return f"printf '\\033[2J\\033[H'; {lines}; printf '\\033[0mpainted-''all'; exec sleep 3600\n"


def _tmux_attach(repeats: int) -> float | None:
    """p95 in ms of `tmux attach` to the same screen; None without tmux."""
    if shutil.which("tmux") is None:
        return None
    with tempfile.TemporaryDirectory(prefix="anyon-tmux-") as folder:
        tmux = ("tmux", "-S", f"{folder}/socket", "-f", "/dev/null")
        script = Path(folder) / "paint.sh"
        script.write_text(_painting())
        size = ("-x", str(COLUMNS), "-y", str(LINES + 1))
        subprocess.run([*tmux, "new-session", "-d", *size, "sh", str(script)], check=True)
        try:
            _attach_once(tmux)
            return milliseconds([_attach_once(tmux) for _ in range(repeats)])
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)


def _attach_once(tmux: tuple[str, ...]) -> float:
    master, slave = pty.openpty()
    watch, seen = Stopwatch(), b""
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen([*tmux, "attach"], stdin=slave, stdout=slave, env=environment, start_new_session=True)
    os.close(slave)
    while b"painted-all" not in seen:
        seen += os.read(master, 65_536)
    seconds = watch.seconds()
    process.terminate()
    process.wait()
    os.close(master)
    return seconds
