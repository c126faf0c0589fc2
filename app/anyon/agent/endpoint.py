"""How the control plane reaches one agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AgentEndpoint:
    """`peer_uid` is what the kernel must say of the other side; the token is never printed."""

    run_dir: Path
    socket_name: str
    peer_uid: int
    token: str = field(repr=False)
    generation: str
