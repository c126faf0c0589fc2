"""`python -m infra.local up|down|purge|login|status|logs|pulumi …`, from the root of the checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.config.errors import ConfigInvalid
from infra.local import commands
from infra.local.errors import LocalError

ROOT = Path(__file__).resolve().parents[2]
_COMMANDS: dict[str, Callable[[Path, Mapping[str, str]], int]] = {
    "up": commands.up,
    "down": commands.down,
    "purge": commands.purge,
    "login": commands.login,
    "status": commands.status,
    "logs": commands.show_logs,
}


def main(arguments: list[str]) -> int:
    if sys.platform != "linux":
        sys.stderr.write("The local stack needs Linux. Elsewhere run the container, see docs/runbooks/local.md.\n")
        return 2
    name, *rest = arguments or [""]
    try:
        if name == "pulumi":
            return commands.pulumi(ROOT, os.environ, rest)
        if name not in _COMMANDS or rest:
            sys.stderr.write(f"usage: python -m infra.local {'|'.join([*_COMMANDS, 'pulumi …'])}\n")
            return 2
        return _COMMANDS[name](ROOT, os.environ)
    except (LocalError, ConfigInvalid) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
