"""Records of executions on disk: `<folder>/<id>/record.json` beside the folder `log`.

Written as a whole beside the old one and renamed over it. Environment and secrets of an execution never come here.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from anyon.agent import logs
from anyon.agent.messages import Execution
from anyon.agent.paths import read_plain
from anyon.agent.problems import Problem

MAX_LISTED = 1000
_YIELD_EVERY = 50  # records read before others get their turn


class Records:
    """All executions that this workspace remembers."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def log_of(self, identity: str) -> Path:
        """The folder of the execution's log."""
        return self._folder / identity / "log"

    def save(self, execution: Execution) -> None:
        """Write atomically. Raises Problem `state-not-writable` (disk full)."""
        folder = self._folder / execution.id
        draft = folder / "record.json.new"
        try:
            folder.mkdir(exist_ok=True)
            draft.write_text(json.dumps(execution.as_json()))
            draft.replace(folder / "record.json")
        except OSError as error:
            raise Problem(
                "state-not-writable",
                f"The workspace cannot keep its records: {error.strerror}.",
                "Free some disk space.",
            ) from error

    def load(self, identity: str) -> Execution | None:
        """The record, or None. One that says `running` comes from an agent that died: it is `lost`.

        The caller asks only for executions that do not run now.
        """
        try:
            execution = Execution(**json.loads(read_plain(self._folder / identity / "record.json")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return None  # damaged from inside the workspace: as good as none
        if execution.state == "running":
            end, dropped = logs.extent(self.log_of(identity))
            execution = execution._replace(state="lost", pid=None, log_bytes=end, dropped_bytes=dropped)
        return execution

    async def newest(self) -> list[str]:
        """Ids of the newest MAX_LISTED, newest first."""
        ages: list[tuple[float, str]] = []
        for index, entry in enumerate(self._folder.iterdir()):
            try:
                ages.append((entry.stat().st_mtime, entry.name))
            except FileNotFoundError:
                continue
            if index % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return [name for _, name in sorted(ages, reverse=True)[:MAX_LISTED]]

    def remove(self, identity: str) -> bool:
        """Delete record and log; whether there was one."""
        folder = self._folder / identity
        existed = folder.exists()
        shutil.rmtree(folder, ignore_errors=True)
        return existed
