"""Cross-site request forgery: a token that only a page of ours can read, derived from the session."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from anyon.auth.errors import CsrfRefused


class CsrfTokens:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, session_id: UUID) -> str:
        """What a page sends as X-CSRF-Token with every request: 64 hexadecimal digits, bound to the session."""
        return hmac.new(self._key, session_id.bytes, hashlib.sha256).hexdigest()

    def check(self, session_id: UUID, presented: str | None) -> None:
        """Raises CsrfRefused."""
        if presented is None or not hmac.compare_digest(self.token(session_id).encode(), presented.encode()):
            raise CsrfRefused
