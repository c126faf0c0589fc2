"""A clone as a newcomer has it, in which every command of the README can be run; the packages are there already."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from infra import bootstrap
from tests.docs.pages import ROOT


@dataclass(frozen=True)
class Clone:
    """`port` is free on the loopback interface."""

    root: Path
    port: int

    @classmethod
    def make(cls, root: Path) -> Clone:
        """Copy what git would give, and make an environment that needs no package index."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        _environment(root)
        # As after a download that failed: `make up` goes on without the engine and asks nobody.
        note = root / ".anyon" / "pulumi" / "unavailable"
        note.parent.mkdir(parents=True)
        note.write_text("tests stay on this machine")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return cls(root, probe.getsockname()[1])

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a block of the documentation as bash would, at this clone's port."""
        foreign = ("ANYON_", "PYTEST_", "MAKE", "MFLAGS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.root,
            env={**kept, "PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "ANYON_PORT": str(self.port)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


def _environment(root: Path) -> None:
    """What `make up` would install, by a path to where it is installed already."""
    folder = root / ".venv"
    venv.create(folder, symlinks=True)
    packages = next((folder / "lib").iterdir()) / "site-packages"
    (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n{root / 'app'}\n")
    program = folder / "bin" / "anyon"
    program.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m anyon "$@"\n')
    program.chmod(0o755)
    (folder / ".local-stamp").write_text(bootstrap.digest_of(root / bootstrap.LOCK, root / "pyproject.toml"))
