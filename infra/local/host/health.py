"""One question to the service: are you ready?"""

from __future__ import annotations

import http.client

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # an address to listen on is none to ask at


def is_ready(host: str, port: int, path: str, timeout: float = 2.0) -> bool:
    connection = http.client.HTTPConnection(_LOOPBACK.get(host, host), port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
