"""The service's own keys: from the settings, else from files that are made at the first start."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from anyon.auth.box import KEY_BYTES
from anyon.auth.errors import KeyUnusable
from anyon.ids import new_id
from anyon.settings import Settings

_MAX_FILE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Keys:
    """`jwt` signs bearer tokens, `encryption` maps versions to AES keys, `csrf` derives CSRF tokens."""

    jwt: str
    encryption: dict[int, bytes]
    csrf: bytes

    def __repr__(self) -> str:
        return "Keys(…)"


def load_keys(settings: Settings) -> Keys:
    """Read the keys and make those that are missing under `data_dir/keys` (mode 0700, files 0600).

    A setting wins over its file. Raises KeyUnusable for a file that others can read, and for a malformed key.
    """
    folder = settings.data_dir / "keys"
    jwt, where = _key(settings.jwt_secret, "ANYON_JWT_SECRET", folder / "jwt")
    if len(jwt) < KEY_BYTES:
        raise KeyUnusable(where=where, problem="it is shorter than 32 characters", remedy=_REMEDY)
    encryption = parse_keyring(*_key(settings.encryption_key, "ANYON_ENCRYPTION_KEY", folder / "encryption"))
    csrf = _decode(*_key(None, "", folder / "csrf"))
    return Keys(jwt, encryption, csrf)


def parse_keyring(text: str, where: str) -> dict[int, bytes]:
    """Versions and keys of `BASE64` (version 1) or `1:BASE64 2:BASE64 …`; the highest version encrypts.

    To rotate, add a version and keep the old ones until every credential was stored again. Raises KeyUnusable.
    """
    keys: dict[int, bytes] = {}
    for part in text.replace(",", " ").split():
        version, colon, key = part.rpartition(":")
        if colon and not version.isdecimal():
            raise KeyUnusable(where=where, problem=f"{version[:20]!r} is no key version", remedy=_REMEDY)
        keys[int(version) if colon else 1] = _decode(key, where)
    if not keys:
        raise KeyUnusable(where=where, problem="it is empty", remedy=_REMEDY)
    return keys


_REMEDY = "Make a key with `openssl rand -base64 32`. If one was lost, what it protected must be entered anew."


def _key(setting: SecretStr | None, variable: str, path: Path) -> tuple[str, str]:
    """The text of a key and where it came from."""
    if setting is not None:
        return setting.get_secret_value(), variable
    with suppress(FileNotFoundError):
        return _read(path), str(path)
    _create(path)
    return _read(path), str(path)


def _decode(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(where=where, problem="it is not 32 bytes in base64", remedy=_REMEDY)
    return key


def _create(path: Path) -> None:
    """Write aside and link: whoever is first wins, and nobody ever sees half a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}-{new_id()}")
    descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()


def _read(path: Path) -> str:
    """The key in the file. Raises KeyUnusable when it or its folder is open to others, FileNotFoundError."""
    _refuse_if_open(path.parent, path.parent.stat(), "700")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyUnusable(where=path, problem=error.strerror, remedy="Make it a file that the service owns.") from None
    with os.fdopen(descriptor, "rb") as file:
        _refuse_if_open(path, os.fstat(file.fileno()), "600")
        content = file.read(_MAX_FILE_BYTES)
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise KeyUnusable(where=path, problem="it is not text", remedy=_REMEDY) from None


def _refuse_if_open(path: Path, status: os.stat_result, mode: str) -> None:
    if status.st_uid not in {os.geteuid(), 0}:
        problem, remedy = f"it belongs to user {status.st_uid}", f"Run `chown {os.geteuid()} {path}`."
    elif stat.S_IMODE(status.st_mode) & 0o077:
        problem, remedy = "others can read it", f"Run `chmod {mode} {path}`; if somebody may have read it, replace it."
    else:
        return
    raise KeyUnusable(where=path, problem=problem, remedy=remedy)
