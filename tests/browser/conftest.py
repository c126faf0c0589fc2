"""A real Chromium in front of a real `anyon serve`; every page is watched for errors and refused resources."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from anyon.loadtest.service import Service
from tests.browser.watch import Watch
from tests.fixtures.installation import Installation, temporary_installation

CHROMIUM = Path("/usr/bin/chromium")
FOUND = CHROMIUM.exists()
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HINT = "Chromium is missing: install it with `apt-get install chromium`"

expect.set_options(timeout=20_000)  # ms; patience with a busy machine costs nothing while tests pass

Record = dict[str, Any]
NewProject = Callable[..., Awaitable[Record]]
"""`await new_project()`: an empty repository with a name of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need the browser and share one loop, as the browser and the product do."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@asynccontextmanager
async def launched_browser() -> AsyncIterator[Browser]:
    if not FOUND:
        if os.environ.get("ANYON_REQUIRE") == "all":
            pytest.fail(HINT)
        pytest.skip(HINT)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product(browser: Browser) -> AsyncIterator[Installation]:
    """One installation for all tests; each makes projects of its own."""
    async with temporary_installation(allow_unisolated_accounts=True) as installation:
        yield installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(product: Installation) -> AsyncIterator[Service]:
    """The administrator, by HTTP; anew for each module, since nobody answers its pings while others run."""
    async with product.service() as service:
        yield service


async def logged_in(browser: Browser, product: Installation) -> Any:
    """The cookies of a browser that followed a one-time link."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto((await product.anyon("user", "admin-link")).strip())
    await page.get_by_role("navigation", name="Places").wait_for()
    state = await context.storage_state()
    await context.close()
    return state


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cookies(browser: Browser, product: Installation) -> Any:
    return await logged_in(browser, product)


@pytest.fixture
def viewport() -> tuple[int, int]:
    """Width and height; a test module or a parameter says otherwise."""
    return 1440, 900


@pytest.fixture
def theme() -> str:
    return "light"


@asynccontextmanager
async def watched_context(browser: Browser, url: str, **options: Any) -> AsyncIterator[tuple[BrowserContext, Watch]]:
    """A context whose pages must end without errors."""
    context = await browser.new_context(base_url=url, **options)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    watch = Watch(context)
    try:
        yield context, watch
    finally:
        await context.close()
    watch.check()


@pytest_asyncio.fixture(loop_scope="session")
async def context(
    browser: Browser, product: Installation, cookies: Any, viewport: tuple[int, int], theme: str
) -> AsyncIterator[BrowserContext]:
    width, height = viewport
    options = {
        "viewport": {"width": width, "height": height},
        "color_scheme": theme,
        "storage_state": cookies,
        "has_touch": width < 721,
    }
    async with watched_context(browser, product.url, **options) as (context, _):
        yield context


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()


@pytest.fixture
def new_project(service: Service) -> NewProject:
    """Makes a project that is ready: `await new_project("shop")`."""

    async def make(name: str = "shop") -> Record:
        return await service.create_project(f"{name} {uuid4().hex[:6]}")

    return make
