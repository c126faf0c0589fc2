"""Slugs, branches and worktree folders, derived from what people type (R11, X22)."""

from __future__ import annotations

import re
import unicodedata
from uuid import UUID

SLUG_LENGTH = 40

_DASHES = re.compile(r"[^a-z0-9]+")


def slug(text: str, fallback: str) -> str:
    """Lower-case ASCII words joined by dashes, at most SLUG_LENGTH characters; `fallback` when nothing is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = _DASHES.sub("-", ascii_text.lower()).strip("-")
    return words[:SLUG_LENGTH].rstrip("-") or fallback


def title_of(description: str, limit: int = 80) -> str:
    """The first non-empty line, cut at a word when it is too long."""
    first = next((line.strip() for line in description.splitlines() if line.strip()), "Untitled")
    if len(first) <= limit:
        return first
    return first[: limit - 1].rsplit(" ", 1)[0].rstrip() + "…"


def branch(attempt_id: UUID, title: str) -> str:
    """`anyon/3f2a9c1e-fix-login`: one flat level below `anyon/`, unique by the attempt."""
    return f"anyon/{attempt_id.hex[:8]}-{slug(title, 'task')}"


def git_identity(name: str, email: str) -> dict[str, str]:
    """Variables by which git knows in whose name a program commits."""
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }


def worktree(attempt_id: UUID, title: str) -> str:
    """`.worktrees/3f2a9c1e-fix-login`, relative to the working copy; the branch's name never becomes a path."""
    return f".worktrees/{attempt_id.hex[:8]}-{slug(title, 'task')}"
