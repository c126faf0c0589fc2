"""The page about the protocol names every operation, kind and default, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from anyon.agent import __main__ as main_module
from anyon.agent.protocol import Kind
from anyon.agent.server import Agent

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "agent.md").read_text()


async def test_every_operation_is_documented_with_an_example(agent: Agent) -> None:
    documented = set(re.findall(r"`([a-z]+(?:\.[a-z]+)?)` `\{", PAGE))
    assert documented == set(agent.operations)


def test_every_kind_of_frame_is_documented() -> None:
    for kind in Kind:
        assert re.search(rf"^\| .*\b{kind.name}\b.*\b{kind.value}\b", PAGE, re.MULTILINE), kind


def test_every_option_is_documented_with_its_default() -> None:
    for name, value in main_module._DEFAULTS.items():
        assert f"[--{name} {value}]" in PAGE
    for name in main_module._REQUIRED:
        assert f"--{name} " in PAGE
