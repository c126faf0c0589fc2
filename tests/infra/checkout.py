"""A checkout of its own for a test: the real infra/ and settings, an environment in which `anyon` is the stand-in."""

from __future__ import annotations

import shlex
import shutil
import sys
import sysconfig
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STANDIN = (sys.executable, str(Path(__file__).with_name("standin.py")))


def make_checkout(root: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "infra", root / "infra", ignore=ignore)
    for name in ("settings.py", "__init__.py"):
        (root / "app" / "anyon").mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / "app" / "anyon" / name, root / "app" / "anyon" / name)
    (root / "requirements").mkdir()
    shutil.copy(REPOSITORY / "requirements" / "app.txt", root / "requirements" / "app.txt")
    shutil.copy(REPOSITORY / "Pulumi.yaml", root / "Pulumi.yaml")
    venv.create(root / ".venv", symlinks=True)
    packages = next((root / ".venv" / "lib").iterdir()) / "site-packages"
    (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n{root / 'app'}\n")
    program = root / ".venv" / "bin" / "anyon"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(STANDIN)} "$@"\n')
    program.chmod(0o755)
    return root
