"""Identifiers: the one place that draws them."""

from __future__ import annotations

import secrets
import uuid


def new_id() -> uuid.UUID:
    """A random UUID for a row."""
    return uuid.uuid4()


def new_token() -> str:
    """A bearer secret: 256 random bits, URL-safe, 43 characters."""
    return secrets.token_urlsafe(32)
