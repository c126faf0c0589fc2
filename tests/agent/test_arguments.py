"""Typed getters: the bad key and the expected type are named, the value never is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.agent.arguments import Arguments
from anyon.agent.problems import Problem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
GETTERS: dict[str, Callable[[Arguments], object]] = {
    "text": lambda get: get.text("key", limit=10),
    "optional_text": lambda get: get.optional_text("key"),
    "identity": lambda get: get.identity("key"),
    "integer": lambda get: get.integer("key", least=1, most=9),
    "optional_integer": lambda get: get.optional_integer("key", least=1, most=9),
    "seconds": lambda get: get.seconds("key", most=9),
    "flag": lambda get: get.flag("key"),
    "choice": lambda get: get.choice("key", ("a", "b")),
    "strings": lambda get: get.strings("key"),
    "optional_strings": lambda get: get.optional_strings("key"),
    "variables": lambda get: get.variables("key"),
    "nested": lambda get: get.nested("key"),
}


@given(getter=st.sampled_from(sorted(GETTERS)), value=JSON)
def test_any_json_gives_a_value_or_a_problem_that_names_the_key(getter: str, value: Any) -> None:
    refused: Problem | None = None
    try:
        GETTERS[getter](Arguments({"key": value}))
    except Problem as problem:
        refused = problem
    if refused is not None:
        assert refused.code == "bad-argument"
        assert refused.data["key"].startswith("key")
        assert refused.data["expected"] in refused.detail


@pytest.mark.parametrize(
    ("getter", "value"),
    [
        ("text", "a\0b"),
        ("text", "\ud800"),
        ("text", "x" * 11),
        ("text", 5),
        ("identity", ""),
        ("identity", "../x"),
        ("identity", "x" * 65),
        ("integer", True),
        ("integer", 0),
        ("integer", 10),
        ("integer", 5.0),
        ("seconds", -1),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", "5"),
        ("flag", 1),
        ("choice", "c"),
        ("strings", []),
        ("strings", ["a", 1]),
        ("strings", ["a\0"]),
        ("strings", "abc"),
        ("variables", {"A B": "x"}),
        ("variables", {"1A": "x"}),
        ("variables", {"": "x"}),
        ("variables", {"A": 1}),
        ("variables", {"A": "\0"}),
        ("variables", []),
        ("nested", []),
    ],
)
def test_what_does_not_fit_is_refused(getter: str, value: object) -> None:
    with pytest.raises(Problem, match="`key"):
        GETTERS[getter](Arguments({"key": value}))


@pytest.mark.parametrize(
    ("getter", "value"),
    [
        ("text", "some"),
        ("identity", "attempt_1-X"),
        ("integer", 9),
        ("seconds", 1.5),
        ("flag", False),
        ("choice", "b"),
        ("strings", ["a", ""]),
        ("variables", {"_A1": "x"}),
    ],
)
def test_what_fits_is_given(getter: str, value: object) -> None:
    found = GETTERS[getter](Arguments({"key": value}))
    assert found == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    "getter", sorted(set(GETTERS) - {"optional_text", "optional_integer", "optional_strings", "variables"})
)
def test_a_missing_key_is_refused(getter: str) -> None:
    with pytest.raises(Problem, match="`key` must be given"):
        GETTERS[getter](Arguments({}))


def test_a_refused_value_is_not_repeated() -> None:
    with pytest.raises(Problem) as problem:
        Arguments({"env": {"KEY": ["hunter2"]}}).variables("env")
    assert "hunter2" not in str(problem.value.as_json())
