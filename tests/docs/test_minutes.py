"""The column of minutes is filled in its own row."""

from __future__ import annotations

from tests.docs.minutes import filled
from tests.docs.pages import page

TABLE = "| marker | needs | minutes |\n|---|---|---|\n| (none) | Python | — |\n| `postgres` | PostgreSQL | 1.0 |\n"


def test_the_minutes_of_a_marker_replace_those_of_its_row() -> None:
    assert filled(TABLE, "postgres", "2.5") == TABLE.replace("1.0", "2.5")
    assert filled(TABLE, "none", "3.0") == TABLE.replace("—", "3.0")


def test_the_table_of_contributing_can_be_filled() -> None:
    text = page("CONTRIBUTING.md").text
    assert filled(text, "browser", "12.3").count(" 12.3 |") == text.count(" 12.3 |") + 1
