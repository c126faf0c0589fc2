"""The newest line is told as plain text, and not too often."""

from __future__ import annotations

import pytest

from anyon.agent import lastline
from anyon.agent.lastline import MAX_LINE_BYTES, LastLine
from tests.agent.support import eventually


async def last_line_of(*chunks: bytes) -> str:
    told: list[str] = []
    line = LastLine(told.append)
    for chunk in chunks:
        line.feed(chunk)
    line.close()
    return told[-1] if told else ""


@pytest.mark.parametrize(
    ("chunks", "text"),
    [
        ([b"one\ntwo\n"], "two"),
        ([b"one\n", b"tw", b"o"], "two"),
        ([b"10 %\r", b"20 %\r\n\n"], "20 %"),
        ([b"\x1b[1;32mgreen\x1b[0m \x1b]0;title\x07text\x07\n"], "green text"),
        ([b"caf\xe9\n"], "caf\ufffd"),
        ([b"x" * 5000], "x" * MAX_LINE_BYTES),
        ([b"\n \n"], ""),
    ],
)
async def test_the_last_line_is_plain_text(chunks: list[bytes], text: str) -> None:
    assert await last_line_of(*chunks) == text


async def test_lines_that_come_quickly_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lastline, "PAUSE_SECONDS", 0.02)
    told: list[str] = []
    line = LastLine(told.append)
    for number in range(5):
        line.feed(b"%d\n" % number)
    await eventually(lambda: len(told) > 1)
    line.close()
    assert told == ["0", "4"]
