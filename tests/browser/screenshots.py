"""Photographs of every place: `make screenshots` writes them to build/, and the few that the README shows to docs/."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import launched_browser, logged_in
from tests.browser.places import Places, furnish
from tests.fixtures.installation import Installation, temporary_installation

ROOT = Path(__file__).parents[2]
EVERYTHING = ROOT / "build" / "screenshots"
SHOWN = ROOT / "docs" / "screenshots"

SIZES = {1280: 800, 1440: 900, 1024: 768, 360: 740}
THEMES = ("light", "dark")
IN_DOCS = {f"{name}-{theme}-1280" for name in ("projects", "board", "attempt") for theme in THEMES}


async def settle(page: Page) -> None:
    await page.locator("main").locator("h1:visible, h2:visible, .card:visible").first.wait_for()
    await expect(page.locator(".skeleton, .diff-loading")).to_have_count(0)


async def photograph(page: Page, name: str) -> None:
    folder = SHOWN if name in IN_DOCS else EVERYTHING
    await page.screenshot(path=folder / f"{name}.png", animations="disabled")


async def tour(browser: Browser, product: Installation, places: Places, theme: str, width: int, height: int) -> None:
    """Every place at one size in one theme, then the dialogs."""
    context = await browser.new_context(
        base_url=product.url,
        color_scheme="dark" if theme == "dark" else "light",
        storage_state=await logged_in(browser, product),
        viewport={"width": width, "height": height},
    )
    page = await context.new_page()
    for name, address in places.all().items():
        await page.goto(address)
        await settle(page)
        if name == "attempt" and width > 1000:
            await page.keyboard.press("t")
            await expect(page.locator(".xterm-rows")).to_contain_text("$")
            await page.keyboard.type("clear; git --no-pager log --oneline; git --no-pager diff --stat HEAD~1\n")
            await expect(page.locator(".xterm-rows")).to_contain_text("files changed")
        await photograph(page, f"{name}-{theme}-{width}")
    await page.goto(places.project)
    await settle(page)
    for name, key in (("new-task", "c"), ("palette", "Control+k"), ("shortcuts", "?")):
        await page.keyboard.press(key)
        await page.get_by_role("dialog").wait_for()
        await photograph(page, f"{name}-{theme}-{width}")
        await page.keyboard.press("Escape")
        await page.get_by_role("dialog").wait_for(state="hidden")
    await context.close()


async def main(widths: list[int]) -> None:
    for folder in (EVERYTHING, SHOWN):
        folder.mkdir(parents=True, exist_ok=True)
    async with launched_browser() as browser, temporary_installation() as product:
        async with product.service() as service:
            await service.create_project("handbook")
            places = await furnish(service, "storefront")
        for theme in THEMES:
            for width in widths:
                await tour(browser, product, places, theme, width, SIZES[width])


if __name__ == "__main__":
    asyncio.run(main([int(width) for width in sys.argv[1:]] or list(SIZES)))
