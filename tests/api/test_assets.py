"""The interface's files: compressed for whoever can, asked for again each time, and nothing else."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from anyon.api.assets import Assets


async def ask(path: str, **headers: str) -> httpx.Response:
    app = FastAPI()
    Assets().install(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path, headers=headers)


async def test_a_file_is_compressed_for_a_browser_that_can_take_it() -> None:
    plain = await ask("/assets/vendor/preact/preact.mjs", **{"accept-encoding": "identity"})
    packed = await ask("/assets/vendor/preact/preact.mjs", **{"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text


async def test_a_file_that_did_not_change_is_not_sent_again() -> None:
    first = await ask("/assets/js/main.js")
    again = await ask("/assets/js/main.js", **{"if-none-match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


async def test_every_place_is_the_same_page() -> None:
    pages = [await ask(place) for place in ("/", "/p/shop", "/p/shop/t/1/2", "/login")]
    assert {page.text for page in pages} == {Assets().page}


async def test_what_lies_outside_of_the_folder_is_not_there() -> None:
    for path in ("/assets/../api/app.py", "/assets/%2e%2e/settings.py", "/assets/absent.js", "/api/absent"):
        assert (await ask(path)).status_code == 404
