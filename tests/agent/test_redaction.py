"""Secrets do not reach the log, however the output is cut."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.agent.problems import Problem
from anyon.agent.redaction import MAX_SECRET_LENGTH, MIN_SECRET_LENGTH, Redactor, check_secrets

# Few letters, so that secrets overlap, contain and begin each other.
SECRETS = st.dictionaries(st.sampled_from(["ONE", "TWO", "THREE"]), st.text("ab", min_size=4, max_size=7), max_size=3)


# Lines that are hidden by themselves, overlap, hold what JSON escapes, or are too short.
LINES = ["a" * 16, "a" * 9 + "b" * 9, "ab" * 8 + '"', "b" * 16 + "\\ü", "b"]
MULTI_LINE = st.dictionaries(
    st.sampled_from(["ONE", "TWO"]), st.lists(st.sampled_from(LINES), min_size=1, max_size=3).map("\n".join), max_size=2
).filter(lambda secrets: all(len(value) >= MIN_SECRET_LENGTH for value in secrets.values()))
PEM = f"-----BEGIN PRIVATE KEY-----\n{'m4' * 32}\n{'x7' * 32}\nshort==\n-----END PRIVATE KEY-----\n"


def whole(secrets: dict[str, str], text: bytes) -> bytes:
    """The plain meaning: leftmost, then longest, over the whole text at once."""
    names: dict[bytes, bytes] = {}
    for name, value in sorted(secrets.items()):
        names.setdefault(value.encode(), f"[{name}]".encode())
    for name, value in sorted(secrets.items()):
        lines = [line for line in value.split("\n") if len(line.encode()) >= 16] if "\n" in value else []
        for part in [value, *lines]:
            for form in (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1]):
                names.setdefault(form.encode(), f"[{name}]".encode())
    longest_first: list[bytes] = sorted(names, key=len, reverse=True)
    return re.sub(b"|".join(map(re.escape, longest_first)), lambda match: names[match.group()], text) if names else text


@given(secrets=SECRETS, chunks=st.lists(st.text("abc", max_size=9).map(str.encode), max_size=12))
def test_any_split_of_the_output_is_redacted_as_the_whole_is(secrets: dict[str, str], chunks: list[bytes]) -> None:
    redactor = Redactor(secrets)
    given_out = b"".join(redactor.feed(chunk) for chunk in chunks) + redactor.flush()
    assert given_out == whole(secrets, b"".join(chunks))


@given(secrets=MULTI_LINE, data=st.data())
def test_any_split_of_lines_and_json_is_redacted_as_the_whole_is(secrets: dict[str, str], data: st.DataObject) -> None:
    parts = [*LINES, "\n", "c", *secrets.values()]
    pieces = st.sampled_from([*parts, *(json.dumps(part) for part in parts)])
    text = "".join(data.draw(st.lists(pieces, max_size=6))).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    redactor = Redactor(secrets)
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert b"".join(redactor.feed(chunk) for chunk in chunks) + redactor.flush() == whole(secrets, text)


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


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("value", [PEM, 'pass"word', "back\\slash", "tab\tü", '{\n  "private_key": "abc"\n}'])
def test_a_secret_inside_of_json_is_replaced(value: str, ascii_only: bool) -> None:
    line = json.dumps({"text": f"It is {value}."}, ensure_ascii=ascii_only).encode()
    redactor = Redactor({"KEY": value})
    assert redactor.feed(line) + redactor.flush() == b'{"text": "It is [KEY]."}'


def test_a_long_line_of_a_secret_is_replaced_by_itself() -> None:
    redactor = Redactor({"KEY": PEM})
    numbered = b"".join(b"%d\t%s\r\n" % (number, line.encode()) for number, line in enumerate(PEM.splitlines()))
    given_out = redactor.feed(numbered) + redactor.flush()
    assert given_out == b"0\t[KEY]\r\n1\t[KEY]\r\n2\t[KEY]\r\n3\tshort==\r\n4\t[KEY]\r\n"


def test_a_line_is_replaced_however_it_is_indented_and_escaped() -> None:
    redactor = Redactor({"KEY": '{\r\n    "private_key": "abc",\r\n    "x": 1\r\n}'})
    text = b'\t"private_key": "abc", or {\\"private_key\\": \\"abc\\",\\n'
    assert redactor.feed(text) + redactor.flush() == b"\t[KEY] or {[KEY]\\n"


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
