"""The label of a running workspace: a file beside its folders by which any control plane finds it again.

It lies outside of what the workspace can see, and holds the agent's token: readable by the service only.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from anyon.runtime import procfs

NAME = "label.json"


@dataclass(frozen=True)
class Label:
    """`pid` is the agent's on the host; with `pid_start_time` (clock ticks) and `boot_id` it names one process ever.

    `started_at` is in unix seconds; `peer_uid` is the user id that the agent's socket shows.
    """

    project_id: str
    generation: str
    token: str = field(repr=False)
    pid: int
    pid_start_time: int
    boot_id: str
    started_at: float
    isolated: bool
    peer_uid: int
    cgroups: list[str]

    def names_a_live_process(self) -> bool:
        if self.boot_id != procfs.boot_id():
            return False
        with procfs.opened(self.pid, self.pid_start_time) as process:
            return process is not None


def write(folder: Path, label: Label) -> None:
    """Replace the label as a whole: a reader sees the old one or the new one."""
    temporary = folder / f".{NAME}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(label), file)
    temporary.replace(folder / NAME)


def read(folder: Path) -> Label | None:
    """None when there is none, or none that this version understands."""
    try:
        content = json.loads((folder / NAME).read_bytes())
        label = Label(**{entry.name: content[entry.name] for entry in fields(Label)})
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None
    return label


def clear(folder: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        (folder / NAME).unlink()
