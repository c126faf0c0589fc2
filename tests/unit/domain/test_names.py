"""Slugs, titles, branches and worktrees from what people type."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.domain.names import SLUG_LENGTH, branch, git_identity, slug, title_of, worktree

ATTEMPT = UUID("3f2a9c1e-0000-4000-8000-000000000000")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fix the Login!", "fix-the-login"),
        ("Über straße", "uber-strae"),
        ("../../etc/passwd", "etc-passwd"),
        ("日本語", "fallback"),
        ("--rm -rf", "rm-rf"),
        ("a" * 60, "a" * SLUG_LENGTH),
        ("a" * 39 + " b", "a" * 39),
        ("", "fallback"),
    ],
)
def test_a_slug_is_lower_case_words_and_dashes(text: str, expected: str) -> None:
    assert slug(text, "fallback") == expected


@given(st.text(max_size=200))
def test_whatever_is_typed_makes_a_safe_branch_and_a_safe_folder(text: str) -> None:
    for name, prefix in ((branch(ATTEMPT, text), "anyon/3f2a9c1e-"), (worktree(ATTEMPT, text), ".worktrees/3f2a9c1e-")):
        assert name.startswith(prefix)
        rest = name.removeprefix(prefix)
        assert rest
        assert set(rest) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert not rest.startswith("-")
        assert not rest.endswith("-")
        assert len(rest) <= SLUG_LENGTH


def test_a_title_is_the_first_line_that_says_something() -> None:
    assert title_of("\n  \n  Fix the login  \nand more") == "Fix the login"
    assert title_of(" \n ") == "Untitled"


@given(st.text(max_size=300))
def test_a_title_has_at_most_80_characters(text: str) -> None:
    assert 1 <= len(title_of(text)) <= 80


def test_a_long_title_is_cut_at_a_word() -> None:
    assert title_of("word " * 30) == ("word " * 15).rstrip() + "…"


def test_git_knows_author_and_committer() -> None:
    identity = git_identity("Ann", "ann@example.org")
    assert identity["GIT_AUTHOR_NAME"] == identity["GIT_COMMITTER_NAME"] == "Ann"
    assert identity["GIT_AUTHOR_EMAIL"] == identity["GIT_COMMITTER_EMAIL"] == "ann@example.org"
