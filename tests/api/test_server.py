"""How the service takes its address."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from anyon.api.server import AddressUnusable, bound_sockets, serve
from anyon.settings import Settings


def test_a_taken_port_is_said_before_anything_else_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(data_dir=tmp_path / "data", port=other.getsockname()[1])
        with pytest.raises(AddressUnusable, match="in use") as refused:
            serve(settings)
    assert "ANYON_PORT" in refused.value.advise()
    assert not settings.data_dir.exists()


def test_on_loopback_both_halves_are_taken(tmp_path: Path) -> None:
    """Who had the other one would answer under names of the service: `localhost` may mean either."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(data_dir=tmp_path / "data", port=port)
    with ExitStack() as stack:
        assert [taken.getsockname()[:2] for taken in bound_sockets(settings, stack)] == [
            ("127.0.0.1", port),
            ("::1", port),
        ]
    with socket.create_server(("::1", port), family=socket.AF_INET6), pytest.raises(AddressUnusable, match="::1"):
        serve(settings)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_nobody_can_open_needs_a_public_name(host: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="public_url is missing"):
        Settings(data_dir=tmp_path, host=host)
    assert Settings(data_dir=tmp_path, host=host, public_url="https://anyon.example.org").origin.endswith("org")
