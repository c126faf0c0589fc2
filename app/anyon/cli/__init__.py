"""The command line: `anyon COMMAND --help` shows each command with an example."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from anyon import __version__
from anyon.cli import accounts, remote, service
from anyon.errors import AnyonError

FAILED, USAGE, UNREACHABLE = 1, 2, 3

_EPILOG = f"""exit codes:
  0  done
  {FAILED}  refused or failed; the reason and what to do stand on standard error
  {USAGE}  the command line could not be understood
  {UNREACHABLE}  the service (or its database) could not be reached
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="anyon",
        description="Self-hosted coding workspaces.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"anyon {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    service.add_commands(commands)
    accounts.add_commands(commands)
    remote.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except AnyonError as error:
        sys.stderr.write(f"{error.title}: {error.describe()}\n")
        if error.advise():
            sys.stderr.write(f"{error.advise()}\n")
        return UNREACHABLE if error.code in {"service-unreachable", "connection-lost", "store-unreachable"} else FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
