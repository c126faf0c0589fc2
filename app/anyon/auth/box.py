"""Encrypts stored credentials (A12): AES-256-GCM, with versioned keys so that the key can be rotated."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anyon.auth.errors import SecretUnreadable

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Sealed:
    """`ciphertext`: key version (4 bytes, big-endian), nonce (12), then the encrypted value with its tag (16)."""

    ciphertext: bytes
    key_version: int


class SecretBox:
    """Seals with the highest version of `keys` (32 bytes each) and opens with any of them.

    User and name are authenticated with each value: one user's ciphertext is of no use under another's row.
    """

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._ciphers = {version: AESGCM(key) for version, key in keys.items()}
        self.current_version = max(keys)

    def seal(self, user_id: UUID, name: str, value: str) -> Sealed:
        """Encrypt a credential of this user."""
        prefix = _VERSION.pack(self.current_version)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self.current_version]
        encrypted = cipher.encrypt(nonce, value.encode(), _associated(prefix, user_id, name))
        return Sealed(prefix + nonce + encrypted, self.current_version)

    def open(self, user_id: UUID, name: str, ciphertext: bytes) -> str:
        """The credential. Raises SecretUnreadable when anything differs from what was sealed, or its key is gone."""
        prefix, nonce, encrypted = ciphertext[:4], ciphertext[4:16], ciphertext[16:]
        cipher = self._ciphers.get(_VERSION.unpack(prefix)[0]) if len(prefix) == _VERSION.size else None
        if cipher is None or len(nonce) != _NONCE_BYTES:
            raise SecretUnreadable(name=name)
        try:
            return cipher.decrypt(nonce, encrypted, _associated(prefix, user_id, name)).decode()
        except InvalidTag:
            raise SecretUnreadable(name=name) from None


def _associated(prefix: bytes, user_id: UUID, name: str) -> bytes:
    return prefix + user_id.bytes + name.encode()
