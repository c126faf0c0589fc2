"""Logs: one JSON object a line, and no credential in any of them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from anyon import logs
from anyon.logs import REMOVED, redact
from anyon.settings import LogFormat

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJlc2lnbmF0dXJl"


@pytest.fixture
def restored() -> Iterator[None]:
    """Put back what a test configures for the whole process."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("uvicorn.access", "aiosqlite", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize("key", ["token", "api_key", "apikey", "Authorization", "cookie", "db_password", "jwt_secret"])
def test_what_a_telling_key_holds_is_removed(key: str) -> None:
    assert redact(None, "info", {"event": "x", key: "value"}) == {"event": "x", key: REMOVED}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"got {JWT}", f"got {REMOVED}"),
        ("clone https://me:pass@example.org/x", f"clone https://{REMOVED}@example.org/x"),
        ("key sk-abcdefghijklmnop ends", f"key {REMOVED} ends"),
        ("ghp_abcdefghijklmnopqrst", REMOVED),
        ("nothing of the kind", "nothing of the kind"),
        ("https://example.org/me@home", "https://example.org/me@home"),
    ],
)
def test_what_looks_like_a_credential_is_removed_from_any_text(text: str, expected: str) -> None:
    assert redact(None, "info", {"event": text})["event"] == expected


def test_what_is_empty_or_no_text_stays() -> None:
    event: dict[str, Any] = {"event": "x", "token": None, "count": 7}
    assert redact(None, "info", event) == {"event": "x", "token": None, "count": 7}


def test_a_line_is_one_json_object_with_its_context(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", LogFormat.JSON)
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        structlog.get_logger().info("hello", project_id="1", token="hidden")
        structlog.get_logger().debug("unheard")
    logging.getLogger("some.library").warning("from %s", "https://me:pass@example.org")
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first.pop("at").endswith("Z")
    assert first == {"event": "hello", "level": "info", "request_id": "abc", "project_id": "1", "token": REMOVED}
    assert (second["level"], second["event"]) == ("warning", f"from https://{REMOVED}@example.org")


def test_an_exception_keeps_to_one_line(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", LogFormat.JSON)
    try:
        int("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = capsys.readouterr().out.splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def test_people_get_text(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", LogFormat.CONSOLE)
    structlog.get_logger().debug("hello", project_id="1")
    line = capsys.readouterr().out
    assert "hello" in line
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(line)


def test_what_a_terminal_would_obey_is_shown_instead(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", LogFormat.CONSOLE)
    hostile = "/\x1b[2J\x1b]0;title\x07\x9b1m\r\u2028\u202e\ud800"
    shown = r"/\x1b[2J\x1b]0;title\x07\x9b1m\r\u2028\u202e\ud800"
    structlog.get_logger().info("request", path=hostile, nested=[hostile])
    structlog.get_logger().info(hostile)
    logging.getLogger("some.library").warning("from %s", hostile)
    lines = capsys.readouterr().out.split("\n")
    assert [line.count(shown) for line in lines] == [2, 1, 1, 0]
    for line in lines:
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", re.sub(r"\x1b\[\d*m", "", line))


def test_only_a_record_begins_at_the_start_of_a_line(restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", LogFormat.CONSOLE)
    structlog.get_logger().info("request", path="/\n2026-01-01 forged")
    logging.getLogger("some.library").warning("first\n2026-01-01 forged")
    structlog.get_logger().error("failed", exc_info=ValueError("broken\x1b[2J\n2026-01-01 forged"))
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("2026-01-01 forged") for line in lines)
    assert sum(line.startswith("    2026-01-01 forged") for line in lines) == 2
    assert r"ValueError: broken\x1b[2J" in [line.strip() for line in lines]
