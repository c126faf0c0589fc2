"""The service answers only under its own names."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse

from anyon.api.hosts import KnownHosts
from anyon.settings import Settings


async def ask(path: str, host: str, **settings: object) -> httpx.Response:
    loaded = Settings.model_validate({"data_dir": Path("/nowhere"), **settings})
    transport = httpx.ASGITransport(KnownHosts(PlainTextResponse("ok"), settings=loaded))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers={"host": host})


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"])
async def test_this_machines_own_names_are_known(host: str) -> None:
    assert (await ask("/", host)).text == "ok"


async def test_the_public_name_is_known_whatever_the_port() -> None:
    answer = await ask("/", "anyon.example.org", public_url="https://anyon.example.org:8443")
    assert answer.text == "ok"


@pytest.mark.parametrize("host", ["rebound.example.net", "127.0.0.1.example.net", "", "[::2]"])
async def test_a_name_that_somebody_pointed_here_gets_a_problem(host: str) -> None:
    answer = await ask("/api/session", host)
    assert answer.status_code == 421
    assert answer.json()["code"] == "host-unknown"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_come_by_any_name(path: str) -> None:
    assert (await ask(path, "10.0.0.7:8080")).text == "ok"


async def test_metrics_are_read_by_any_name_only_where_a_token_guards_them() -> None:
    assert (await ask("/metrics", "10.0.0.7")).status_code == 421
    assert (await ask("/metrics", "10.0.0.7", metrics_token="t" * 32)).text == "ok"


async def test_a_public_address_of_version_6_is_known() -> None:
    assert (await ask("/", "[2001:db8::1]:8443", public_url="https://[2001:db8::1]:8443")).text == "ok"
