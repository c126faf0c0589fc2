"""A control plane that dies and comes back: the page says since when, heals by itself, and the shell is the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.conftest import logged_in, watched_context
from tests.browser.test_terminal import open_terminal, shell_of
from tests.fixtures.installation import Installation, temporary_installation


@pytest_asyncio.fixture(loop_scope="session")
async def own_product(browser: Browser) -> AsyncIterator[Installation]:
    async with temporary_installation() as installation:
        yield installation


async def test_a_killed_service_comes_back_to_the_same_page_and_shell(
    browser: Browser, own_product: Installation
) -> None:
    async with own_product.service() as service:
        project = await service.create_project("survivor")
    cookies = await logged_in(browser, own_product)
    async with watched_context(browser, own_product.url, storage_state=cookies) as (context, _):
        page = await context.new_page()
        await open_terminal(page, project["slug"])
        shell = await shell_of(page)
        await own_product.kill()
        await expect(page.get_by_text("Connection lost").first).to_be_visible()
        await expect(page.locator("[data-state]")).to_have_attribute("data-state", "lost")
        await own_product.start()
        await expect(page.get_by_text("Connection lost")).to_have_count(0, timeout=30_000)
        await expect(page.locator("[data-state]")).to_have_attribute("data-state", "live", timeout=30_000)
        await expect(page.locator(".xterm-rows")).to_contain_text(f"shell={shell}.")
        assert await shell_of(page) == shell
