"""Makes the environment that `python -m infra.local` needs, then hands over to it.

Runs before anything is installed: the standard library alone, in words that Python 3.7 reads well enough to be told
that it is too old.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
LOCK = "requirements/local.txt"  # contains requirements/app.txt; no cloud SDK, no tool of developers


class SetupFailed(Exception):
    """What went wrong, and on the second line what helps."""


def main(arguments: list[str]) -> int:
    try:
        require_linux()
        if sys.version_info < OLDEST:
            become(find_newer_python(), [__file__, *arguments])
        python = prepare(ROOT, ROOT / ".venv")
    except SetupFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    os.chdir(ROOT)
    become(python, ["-m", "infra.local", *arguments])
    return 0


def require_linux() -> None:
    if sys.platform != "linux":
        raise SetupFailed("The local stack needs Linux.\nElsewhere run the container, see docs/runbooks/local.md")


def find_newer_python() -> Path:
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return Path(found)
    version = ".".join(map(str, sys.version_info[:2]))
    raise SetupFailed(f"Python 3.11 or newer is needed, this is {version}.\nInstall it: apt install python3.11")


def prepare(root: Path, environment: Path) -> Path:
    """The interpreter of an environment with what the lock says; quick when it was made from this very lock."""
    python = environment / "bin" / "python"
    stamp = environment / ".local-stamp"
    wanted = digest_of(root / LOCK, root / "pyproject.toml")
    if not stamp.exists() or stamp.read_text() != wanted:
        sys.stdout.write(f"Setting up {environment} from {LOCK}, once ...\n")
        sys.stdout.flush()
        install(root, environment, python)
        stamp.write_text(wanted)
    return python


def install(root: Path, environment: Path, python: Path) -> None:
    if not works(python, "-m", "pip", "--version"):
        run(root, "apt install python3-venv", sys.executable, "-m", "venv", str(environment))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    hint = "pip says why above; `make up` goes on from here."
    run(root, hint, *pip, "--require-hashes", "-r", LOCK)
    run(root, hint, *pip, "--no-deps", "--no-build-isolation", "-e", ".")


def run(root: Path, hint: str, *command: str) -> None:
    if subprocess.run(command, cwd=root, check=False).returncode != 0:
        raise SetupFailed(f"The environment could not be set up: {' '.join(command[:4])} failed.\n{hint}")


def works(program: Path, *arguments: str) -> bool:
    try:
        return subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def digest_of(*files: Path) -> str:
    content = b"".join(file.read_bytes() for file in files)
    return hashlib.sha256(content + repr(sys.version_info[:2]).encode()).hexdigest()


def become(program: Path, arguments: list[str]) -> None:
    sys.stdout.flush()
    os.execv(program, [str(program), *arguments])  # noqa: S606  # no shell on purpose


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
