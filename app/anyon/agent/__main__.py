"""The agent's program.

`python -I -S -c "import sys; sys.path.insert(0, PACKAGE_PARENT); from anyon.agent.__main__ import main; main()" …`
with the token as one line on standard input. It runs as PID 1 of a sandbox or as an ordinary process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

_REQUIRED = ("workspace", "home", "state", "socket", "generation", "allow-uid")
_DEFAULTS = {
    "max-log-bytes": "67108864",
    "max-running-executions": "50",
    "max-terminals": "100",
    "log-level": "info",
}
_LEVELS = ("debug", "info", "warning", "error")
_MAX_TOKEN_BYTES = 1024


def main() -> None:
    """Run until SIGTERM, SIGINT or `shutdown`; exits 0 then, 2 for a mistake on the command line."""
    options = parse(sys.argv[1:])
    token = sys.stdin.buffer.readline(_MAX_TOKEN_BYTES).decode().strip()
    if not token:
        _fail("no token: give it as one line on standard input")
    # asyncio imports ssl when it is there, and OpenSSL would be a third of the agent's memory and start; the agent
    # speaks over a local socket. Therefore everything of ours is imported after this line.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type] # None is how an import is refused
    from anyon.agent.program import run  # noqa: PLC0415 - see above

    run(options, token)


def parse(arguments: list[str]) -> dict[str, list[str]]:
    """`--name value` pairs, each name with all its values. Exits with 2 for what is unknown, missing or wrong."""
    found: dict[str, list[str]] = {name: [value] for name, value in _DEFAULTS.items()}
    given: set[str] = set()
    for flag, value in zip(arguments[::2], [*arguments[1::2], ""], strict=False):
        name = flag.removeprefix("--")
        if flag == name or name not in (*_REQUIRED, *_DEFAULTS):
            _fail(f"unknown option {flag}; known are {', '.join('--' + known for known in (*_REQUIRED, *_DEFAULTS))}")
        if not value:
            _fail(f"--{name} needs a value")
        found[name] = [*found[name], value] if name in given else [value]
        given.add(name)
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        _fail(f"--{missing[0]} is missing")
    for name in ("allow-uid", "max-log-bytes", "max-running-executions", "max-terminals"):
        if not all(value.isdecimal() for value in found[name]):
            _fail(f"--{name} needs a whole number, not {found[name][-1]}")
    if found["log-level"][-1] not in _LEVELS:
        _fail(f"--log-level is one of {', '.join(_LEVELS)}")
    if not Path(found["workspace"][-1]).is_dir():
        _fail(f"--workspace {found['workspace'][-1]} is no folder")
    return found


def _fail(message: str) -> NoReturn:
    os.write(2, f"anyon agent: {message}\n".encode())
    sys.exit(2)


if __name__ == "__main__":
    main()
