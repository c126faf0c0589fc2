"""Names that are no text are shown, and found again."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anyon.agent.filenames import meant, shown


@given(st.binary(max_size=40))
@example(rb"\xff")
@example(b"\\\xff")
@example(rb"\x5cxff")
@example(b"\\x5c\xff\\x41\\")
def test_every_name_is_found_again(name: bytes) -> None:
    name = name.replace(b"\0", b"")
    text = shown(os.fsdecode(name))
    text.encode()
    assert os.fsencode(meant(text)) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"bad\xff\xfename", r"bad\xff\xfename"),
        ("naïve.txt".encode(), "naïve.txt"),
        (rb"C:\new", r"C:\new"),
        (rb"\xff", r"\x5cxff"),
    ],
)
def test_a_name_is_shown_as(name: bytes, text: str) -> None:
    assert shown(os.fsdecode(name)) == text


def test_what_is_no_name_can_still_be_encoded() -> None:
    assert shown("\ud800\0a") == "\ufffd\ufffda"
