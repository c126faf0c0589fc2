"""Which code would run: a digest over the application's files and the lock of its dependencies."""

from __future__ import annotations

import hashlib
from pathlib import Path

_SUFFIXES = {".css", ".html", ".js", ".json", ".mako", ".py", ".svg", ".txt", ".woff2", ".yaml"}


def release_of(root: Path) -> str:
    """Two checkouts with the same files give the same digest, whatever git says about them."""
    digest = hashlib.sha256()
    application = root / "app" / "anyon"
    files = (path for path in application.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
    for path in [*sorted(files), root / "requirements" / "app.txt"]:
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
