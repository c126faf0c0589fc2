"""The blocks that repeat the code say what the code says."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

from docs.generator import __main__ as generator
from docs.generator.errors import error_classes
from tests.docs.pages import ROOT, pages


@pytest.fixture(scope="module")
def wanted() -> dict[Path, str]:
    return generator.documents()


def test_every_generated_block_is_as_the_code_would_have_it(wanted: dict[Path, str]) -> None:
    differences = [
        line
        for path, text in wanted.items()
        for line in difflib.unified_diff(path.read_text().splitlines(), text.splitlines(), str(path), "code", n=0)
    ]
    assert not differences, "run `make docs`:\n" + "\n".join(differences[:40])


def test_every_block_that_can_be_generated_is_in_a_page() -> None:
    used = {name for page in pages() for name in re.findall(r"<!-- begin generated: ([\w-]+) -->", page.text)}
    assert used == set(generator.BLOCKS)


def test_what_stands_around_a_block_is_left_alone() -> None:
    text = "before\n<!-- begin generated: task-columns -->\nstale\n<!-- end generated -->\nafter\n"
    made = generator.filled(text)
    assert made.startswith("before\n<!-- begin")
    assert made.endswith("<!-- end generated -->\nafter\n")
    assert "stale" not in made
    assert generator.filled(made) == made


def test_every_error_says_what_happened_and_what_to_do() -> None:
    unfinished = {"AgentError", "AgentRefused", "RequestFailed"}
    silent = {error.__name__ for error in error_classes() if not (error.title and error.hint)}
    assert silent <= unfinished


def test_the_generated_pages_are_those_of_the_reference(wanted: dict[Path, str]) -> None:
    names = {str(path.relative_to(ROOT)) for path in wanted}
    pages_of_reference = {f"docs/reference/{name}.md" for name in ("settings", "metrics", "errors", "api", "cli")}
    assert pages_of_reference | {"docs/architecture.md"} <= names
