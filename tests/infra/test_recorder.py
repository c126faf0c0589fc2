"""The recorder refuses what the engine or the provider would refuse."""

from __future__ import annotations

import pulumi
import pytest

from tests.infra.recorder import ProgramInvalid, record

FOLDER = "anyon-local:index:Folder"


@pytest.mark.parametrize(
    ("token", "inputs", "complaint"),
    [
        (FOLDER, {"path": "/x", "colour": "red"}, "colour"),
        (FOLDER, {"path": 7}, "valid string"),
        (FOLDER, {}, "Field required"),
        ("anyon-local:index:Volume", {}, "no schema describes"),
    ],
)
def test_what_no_schema_allows_is_refused(token: str, inputs: dict[str, object], complaint: str) -> None:
    with pytest.raises(ProgramInvalid, match=complaint):
        record(lambda: _declare(token, "thing", inputs))


def test_two_resources_of_one_name_are_refused() -> None:
    def program() -> None:
        _declare(FOLDER, "thing", {"path": "/x"})
        _declare(FOLDER, "thing", {"path": "/y"})

    with pytest.raises(ProgramInvalid, match="two resources"):
        record(program)


def test_a_call_while_the_program_is_evaluated_is_refused() -> None:
    with pytest.raises(Exception, match="while the program is evaluated"):
        record(_ask)


def test_an_error_of_the_program_reaches_the_test() -> None:
    def program() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        record(program)


def _declare(token: str, name: str, inputs: dict[str, object]) -> None:
    pulumi.CustomResource(token, name, dict(inputs))


def _ask() -> None:
    pulumi.runtime.invoke("anyon-local:index:ask", {})
