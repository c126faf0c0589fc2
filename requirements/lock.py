"""Resolve pyproject.toml into the hashed locks; no lock holds an index address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS: dict[str, tuple[str, ...]] = {
    "app": ("build",),
    "local": ("build", "local"),
    "dev": ("build", "local", "dev"),
}
"""Lock → extras of the project that it holds. Each lock is constrained by the one before, so versions agree."""


def main(arguments: list[str]) -> None:
    """Write requirements/*.txt; `arguments` go to the resolver (`--upgrade`)."""
    constraints: list[str] = []
    for name, extras in LOCKS.items():
        target = ROOT / "requirements" / f"{name}.txt"
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
        # A pin without the extra that some package asks for is none to pip: it takes a newer version, without a hash.
        command += ["--no-emit-index-url", "--no-emit-find-links", "--no-strip-extras"]
        command += ["--no-annotate", "--no-header", *constraints]
        command += [part for extra in extras for part in ("--extra", extra)]
        subprocess.run([*command, *arguments, "pyproject.toml", "-o", str(target)], cwd=ROOT, check=True)
        constraints = ["-c", str(target)]


if __name__ == "__main__":
    main(sys.argv[1:])
