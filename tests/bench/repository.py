"""A repository of ordinary shape to measure on, and the bare commands on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.bench.model import Stopwatch

FILES = 300


def make_files(folder: Path, files: int = FILES) -> Path:
    """A plain tree of Python-like files, 4 KB each on average, in folders of 20."""
    for number in range(files):
        path = folder / f"package_{number // 20}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# module {number}\n" + f"value_{number} = {number}\n" * (20 + number % 400))
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


class BareCommands:
    """`git worktree add` and `sh -c`, to the first byte, by one process that does nothing else."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        shutil.copytree(source, folder)
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "Import")

    def start(self) -> float:
        """Seconds from nothing to the first byte of a command in a new worktree on a new branch."""
        self._count += 1
        path, watch = self.folder / ".worktrees" / str(self._count), Stopwatch()
        subprocess.run(
            ["git", "worktree", "add", "-q", "-b", f"bare-{self._count}", str(path), "main"],
            cwd=self.folder,
            check=True,
        )
        first_byte(path)
        return watch.seconds()

    def execute(self) -> float:
        """Seconds to the first byte of a command alone."""
        watch = Stopwatch()
        first_byte(self.folder)
        return watch.seconds()


def first_byte(folder: Path) -> None:
    with subprocess.Popen(["sh", "-c", "echo ready"], cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 1)
