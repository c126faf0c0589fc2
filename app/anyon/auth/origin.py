"""Which sites may speak to the service with a browser's cookie (X8: a WebSocket sends the cookie from anywhere)."""

from __future__ import annotations

from urllib.parse import urlsplit

from anyon.auth.errors import OriginRefused

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """The service's own origin; on loopback also the other names of this machine. The Host header is not trusted."""

    def __init__(self, own: str) -> None:
        scheme, host, port = _split(own)
        hosts = _LOOPBACK if host in _LOOPBACK else (host,)
        self._allowed = frozenset((scheme, name, port) for name in hosts)

    def check(self, origin: str | None) -> None:
        """Raises OriginRefused, also without an Origin: every browser sends one where this is called."""
        try:
            allowed = origin is not None and _split(origin) in self._allowed
        except ValueError:
            allowed = False
        if not allowed:
            raise OriginRefused(origin=origin or "nowhere")


def _split(origin: str) -> tuple[str, str, int | None]:
    """Scheme, host (IPv6 in brackets) and port, the scheme's own if it names none. Raises ValueError."""
    parts = urlsplit(origin)
    host = (parts.hostname or "").lower()
    return parts.scheme, f"[{host}]" if ":" in host else host, parts.port or _DEFAULT_PORTS.get(parts.scheme)
