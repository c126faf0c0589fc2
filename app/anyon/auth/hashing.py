"""How bearer secrets are kept: only their SHA-256; 256 random bits need no slow hash."""

from __future__ import annotations

import hashlib


def token_hash(token: str) -> bytes:
    """The 32 bytes under which a session or a login link is stored."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
