"""An executor turns a prompt and a model into one exact command, and refuses what it cannot carry."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from pydantic import ValidationError

from anyon.executors.errors import FollowUpUnsupported, ModelRefused, PromptRefused
from anyon.executors.model import MAX_ARGUMENT_BYTES, Command, Executor

ENTRY: dict[str, Any] = {
    "name": "tool",
    "title": "Tool",
    "description": "A tool.",
    "prompt_label": "What?",
    "argv": ["tool", "{options}", "--", "{prompt}"],
    "follow_up_argv": ["tool", "--continue", "{options}"],
    "model_options": ["--model", "{model}"],
    "requires": [["FIRST_KEY", "SECOND_KEY"], ["OTHER_KEY"]],
    "accepts": ["BASE_URL"],
    "permissions": "Anything.",
}


def executor(**changes: Any) -> Executor:
    return Executor.model_validate({**ENTRY, **changes})


def test_a_prompt_becomes_one_argument_whatever_it_holds() -> None:
    prompt = "--help; $(reboot) \"'\n{model} {options}"
    assert executor().command(prompt) == Command(("tool", "--", prompt), None)


def test_a_template_without_the_prompt_hands_it_over_on_standard_input() -> None:
    long = "word " * MAX_ARGUMENT_BYTES
    assert executor().command(long, follow_up=True) == Command(("tool", "--continue"), long)


def test_a_model_stands_where_the_template_puts_the_options() -> None:
    assert executor().command("x", "opus-4.5").argv == ("tool", "--model", "opus-4.5", "--", "x")


@pytest.mark.parametrize("model", ["", "-x", "--model", "a b", "a\nb", "$(id)", "x" * 201])
def test_what_is_no_model_name_is_refused(model: str) -> None:
    with pytest.raises(ModelRefused):
        executor().command("x", model)


def test_a_model_is_refused_by_an_executor_that_takes_none() -> None:
    plain = executor(argv=["tool", "{prompt}"], follow_up_argv=None, model_options=[])
    assert not plain.takes_model
    with pytest.raises(ModelRefused, match="does not choose"):
        plain.command("x", "opus")


def test_an_argument_as_long_as_the_kernel_takes_is_accepted_and_one_byte_more_is_refused() -> None:
    prompt = "é" * (MAX_ARGUMENT_BYTES // 2)
    command = executor(argv=["/bin/true", "{options}", "{prompt}"]).command(prompt + "x")
    subprocess.run(command.argv, check=True)
    with pytest.raises(PromptRefused, match="131,072 bytes"):
        executor().command(prompt + "xx")


@pytest.mark.parametrize("prompt", ["a\0b", "half \ud800"])
def test_a_prompt_that_no_program_could_receive_is_refused(prompt: str) -> None:
    for follow_up in (False, True):
        with pytest.raises(PromptRefused):
            executor().command(prompt, follow_up=follow_up)


def test_an_executor_without_a_follow_up_says_so() -> None:
    with pytest.raises(FollowUpUnsupported, match="starts anew"):
        executor(follow_up_argv=None).command("x", follow_up=True)


def test_one_credential_of_each_list_is_enough() -> None:
    tool = executor()
    assert tool.missing_credentials([]) == [("FIRST_KEY", "SECOND_KEY"), ("OTHER_KEY",)]
    assert tool.missing_credentials({"SECOND_KEY"}) == [("OTHER_KEY",)]
    assert tool.missing_credentials(["FIRST_KEY", "OTHER_KEY"]) == []
    assert tool.credentials == {"FIRST_KEY", "SECOND_KEY", "OTHER_KEY", "BASE_URL"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"argv": ["tool", "{promt}", "{options}"]}, "no placeholder"),
        ({"argv": ["tool", "--prompt={prompt}", "{options}"]}, "no placeholder"),
        ({"argv": ["tool", "{prompt}{options}"]}, "no placeholder"),
        ({"argv": ["tool", "{model}", "{options}"]}, "no placeholder"),
        ({"argv": ["tool", "{prompt}", "{prompt}", "{options}"]}, "occurs twice"),
        ({"argv": ["{prompt}", "{options}"]}, "names the program"),
        ({"argv": ["tool", "{prompt}"]}, "belong together"),
        ({"model_options": []}, "belong together"),
        ({"model_options": ["--model"]}, "is missing"),
        ({"model_options": ["--model={model}", "{model}"]}, "no placeholder"),
        ({"argv": []}, "at least 1"),
        ({"name": "Tool"}, "pattern"),
        ({"accepts": ["not a variable"]}, "pattern"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_a_broken_entry_is_refused_with_the_reason(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        executor(**change)
