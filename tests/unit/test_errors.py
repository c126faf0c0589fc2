"""Every failure that a person can meet has the same form."""

from __future__ import annotations

import importlib
import pkgutil
import string

import pytest

import anyon
from anyon.errors import AnyonError


def subclasses(base: type[AnyonError]) -> set[type[AnyonError]]:
    found = set(base.__subclasses__())
    return found.union(*(subclasses(child) for child in found))


for module in pkgutil.walk_packages(anyon.__path__, "anyon."):
    if "__main__" not in module.name and "migrations" not in module.name:
        importlib.import_module(module.name)

OURS = [error for error in subclasses(AnyonError) if error.__module__.startswith("anyon.")]
ALL = sorted(OURS, key=lambda error: error.__name__)


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_an_error_has_a_code_a_title_and_a_status(error: type[AnyonError]) -> None:
    assert error.code == error.code.lower()
    assert set(error.code) <= set(string.ascii_lowercase + string.digits + "-")
    assert error.code != "internal"
    assert error.title
    assert 400 <= error.status_hint < 600


def test_no_two_errors_share_a_code() -> None:
    codes: dict[str, type[AnyonError]] = {}
    for error in ALL:
        if error.code == "service-unreachable":  # two commands say the same, and exit with the same number
            continue
        assert codes.setdefault(error.code, error) is error, f"{error} and {codes[error.code]} are both {error.code}"


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_its_sentences_use_what_it_is_given(error: type[AnyonError]) -> None:
    fields = {name for text in (error.detail, error.hint) for _, name, _, _ in string.Formatter().parse(text) if name}
    for name in fields:
        assert name.isidentifier(), f"{name} in {error.__name__}"


def test_an_error_shows_only_what_is_public() -> None:
    class Refused(AnyonError):
        code, status_hint = "test-refused", 409
        title = "Refused"
        detail = "{what} is refused"
        hint = "Try {other}."
        public = ("what", "absent")

    error = Refused(what="this", other="that")
    assert (error.describe(), error.advise(), str(error)) == ("this is refused", "Try that.", "this is refused")
    assert error.members() == {"what": "this"}
    assert (AnyonError().describe(), AnyonError().advise()) == ("Something went wrong", "")
