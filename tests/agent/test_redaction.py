"""Secrets do not reach the log, however the output is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.agent.problems import Problem
from anyon.agent.redaction import MAX_SECRET_LENGTH, Redactor, check_secrets

# Few letters, so that secrets overlap, contain and begin each other.
SECRETS = st.dictionaries(st.sampled_from(["ONE", "TWO", "THREE"]), st.text("ab", min_size=4, max_size=7), max_size=3)


def whole(secrets: dict[str, str], text: bytes) -> bytes:
    """The plain meaning: leftmost, then longest, over the whole text at once."""
    names: dict[bytes, bytes] = {}
    for name, value in sorted(secrets.items()):
        names.setdefault(value.encode(), f"[{name}]".encode())
    longest_first: list[bytes] = sorted(names, key=len, reverse=True)
    return re.sub(b"|".join(longest_first), lambda match: names[match.group()], text) if names else text


@given(secrets=SECRETS, chunks=st.lists(st.text("abc", max_size=9).map(str.encode), max_size=12))
def test_any_split_of_the_output_is_redacted_as_the_whole_is(secrets: dict[str, str], chunks: list[bytes]) -> None:
    redactor = Redactor(secrets)
    given_out = b"".join(redactor.feed(chunk) for chunk in chunks) + redactor.flush()
    assert given_out == whole(secrets, b"".join(chunks))


@given(secrets=SECRETS, chunks=st.lists(st.text("abc", max_size=9).map(str.encode), max_size=12))
def test_only_the_beginning_of_a_secret_is_held_back(secrets: dict[str, str], chunks: list[bytes]) -> None:
    redactor = Redactor(secrets)
    for chunk in chunks:
        redactor.feed(chunk)
        held = redactor._held
        assert not held or any(
            secret.encode().startswith(held) and secret.encode() != held for secret in secrets.values()
        )


def test_output_without_a_trace_of_a_secret_is_not_delayed() -> None:
    assert Redactor({"KEY": "sesame"}).feed(b"password: ") == b"password: "


def test_a_secret_cut_in_two_is_replaced() -> None:
    redactor = Redactor({"KEY": "sesame"})
    assert redactor.feed(b"open ses") == b"open "
    assert redactor.feed(b"ame now") == b"[KEY] now"


def test_a_shorter_secret_at_the_end_is_replaced_when_the_longer_one_does_not_come() -> None:
    redactor = Redactor({"LONG": "abcdefgh", "SHORT": "abcd"})
    assert redactor.feed(b"abcdef") == b""
    assert redactor.flush() == b"[SHORT]ef"


def test_without_secrets_everything_passes() -> None:
    redactor = Redactor({})
    assert redactor.feed(b"anything") + redactor.flush() == b"anything"


@pytest.mark.parametrize("value", ["", "abc", "x" * (MAX_SECRET_LENGTH + 1)])
def test_a_secret_that_cannot_be_redacted_is_refused_by_name(value: str) -> None:
    with pytest.raises(Problem, match=f"The secret API_KEY has {len(value)} bytes") as refusal:
        check_secrets({"API_KEY": value})
    assert refusal.value.code == "secret-refused"


def test_secrets_of_a_sensible_length_are_accepted() -> None:
    check_secrets({"A": "1234", "B": "x" * MAX_SECRET_LENGTH})
