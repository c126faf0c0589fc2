"""`make loadtest`: runs `anyon loadtest` against a product of its own, on a free port and a temporary folder."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from tests.fixtures.installation import temporary_installation


async def main(arguments: list[str]) -> int:
    async with temporary_installation(log_level="warning") as installation:
        environment = {**os.environ, "ANYON_URL": installation.url, "ANYON_TOKEN": await installation.token()}
        command = [sys.executable, "-m", "anyon", "loadtest", "--compare", *arguments]
        return (await asyncio.to_thread(subprocess.run, command, env=environment, check=False)).returncode


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
