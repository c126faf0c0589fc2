"""The command line, from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from anyon.cli import build_parser
from docs.generator.markdown import code, paragraphs, table


def cli() -> str:
    return paragraphs(*_commands(build_parser(), "anyon"))


def exit_codes() -> str:
    return f"```text\n{(build_parser().epilog or '').strip()}\n```"


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, child in action.choices.items():
                yield from _commands(child, f"{name} {word}")
            return
    rows = [
        (code(_spelled(action)), _value_of(action), action.help or "")
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction)
    ]
    example = (parser.epilog or "").removeprefix("example:").strip()
    arguments = table(("argument", "default", "meaning"), rows) if rows else ""
    yield paragraphs(f"## {name}", parser.description or "", arguments, f"```text\n{example}\n```")


def _spelled(action: argparse.Action) -> str:
    value = str(action.metavar or action.dest).upper()
    if not action.option_strings:
        return value
    return action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"


def _value_of(action: argparse.Action) -> str:
    if action.required:
        return "required"
    return "—" if action.default in (None, False, "") else code(action.default)
