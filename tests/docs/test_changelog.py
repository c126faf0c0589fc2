"""The changelog is about this version, in the form of Keep a Changelog."""

from __future__ import annotations

import re

from anyon import __version__
from tests.docs.pages import page

_KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_newest_entry_is_about_this_version() -> None:
    versions = re.findall(r"^## \[(.+?)\] - (Unreleased|\d{4}-\d\d-\d\d)$", page("CHANGELOG.md").text, re.MULTILINE)
    assert versions[0][0] == __version__


def test_changes_are_sorted_by_kind() -> None:
    text = page("CHANGELOG.md").text
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= _KINDS
    assert text.count("\n## ") == text.count("\n## [")


def test_every_version_has_its_link() -> None:
    text = page("CHANGELOG.md").text
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions == re.findall(r"^\[(.+?)\]: ", text, re.MULTILINE)
