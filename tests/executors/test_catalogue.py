"""The catalogue that is shipped: it loads, and its commands are the ones that the real CLIs accept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from anyon.executors import Executor, load_catalogue
from anyon.executors.model import OutputFormat

CATALOGUE = load_catalogue()


def test_the_executors_of_the_product_are_offered_with_the_shell_first() -> None:
    assert list(CATALOGUE) == ["shell", "claude-code", "codex", "gemini"]


@pytest.mark.parametrize("executor", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_executor_says_what_it_may_do_and_how_it_is_installed(executor: Executor) -> None:
    assert executor.permissions
    assert executor.prompt_label
    agent_cli = executor.name != "shell"
    assert bool(executor.install) == bool(executor.requires) == bool(executor.checked_version) == agent_cli


@pytest.mark.parametrize("name", ["claude-code", "codex", "gemini"])
def test_agent_clis_get_the_prompt_on_standard_input_and_can_go_on(name: str) -> None:
    executor = CATALOGUE[name]
    for follow_up in (False, True):
        command = executor.command("--version", "some-model", follow_up=follow_up)
        assert command.stdin == "--version"
        assert "--version" not in command.argv
        assert command.argv[command.argv.index("--model") + 1] == "some-model"


def test_the_output_of_claude_code_is_declared_as_its_flag_says() -> None:
    claude = CATALOGUE["claude-code"]
    assert claude.output is OutputFormat.JSON_LINES
    assert "stream-json" in claude.command("x").argv


@pytest.mark.parametrize("script", ["echo hello", "-x 2>/dev/null || echo hello", "echo 'hel''lo' # {prompt}"])
def test_the_shell_runs_the_prompt_as_a_script_even_when_it_begins_with_a_dash(script: str) -> None:
    command = CATALOGUE["shell"].command(script)
    assert subprocess.run(command.argv, check=True, capture_output=True, text=True).stdout == "hello\n"


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.yaml"
    for text in ("- shell\n", "shell: /bin/sh\n", ""):
        catalogue.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="expected a mapping"):
            load_catalogue(catalogue)


def test_the_catalogue_cannot_be_changed_once_loaded() -> None:
    with pytest.raises(TypeError):
        CATALOGUE["mine"] = CATALOGUE["shell"]  # type: ignore[index]  # that is the point
