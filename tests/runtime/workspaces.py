"""What tests of runtimes share: specifications, a shell inside of a workspace, and waiting for the host."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anyon.agent.endpoint import AgentEndpoint
from anyon.runtime import procfs
from anyon.runtime.protocol import WorkspaceSpec

STANDIN = Path(__file__).parent / "standin" / "anyon"


def new_spec(project_id: uuid.UUID | None = None, **changes: Path) -> WorkspaceSpec:
    token = uuid.uuid4().hex
    return WorkspaceSpec(
        project_id=project_id or uuid.uuid4(),
        owner_id=uuid.uuid4(),
        import_source=changes.get("import_source"),
        generation=f"generation-{token[:8]}",
        token=token,
    )


@dataclass(frozen=True)
class Answer:
    status: int
    output: str


async def shell(endpoint: AgentEndpoint, script: str) -> Answer:
    """Run a script through the stand-in agent; the kernel's word on the other side is checked first."""
    run = os.open(endpoint.run_dir, os.O_PATH)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{run}/{endpoint.socket_name}")
    finally:
        os.close(run)
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    assert int.from_bytes(peer[4:8], "little") == endpoint.peer_uid
    writer.write(f"{endpoint.token}\n{script}".encode())
    writer.write_eof()
    text = (await reader.read()).decode(errors="replace")
    writer.close()
    await writer.wait_closed()
    output, _, status = text.rpartition("\n")
    return Answer(int(status), output)


async def becomes_true(condition: Callable[[], bool]) -> None:
    """Wait for something that the host does and announces to nobody."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # there is no event
            await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether it still runs. With threads, /proc calls it a zombie a moment before the last of them has ended."""
    with procfs.opened(pid) as process:
        return process is not None
