"""axe-core finds nothing serious on any place, in either theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from anyon.loadtest.service import Service
from tests.browser.places import Places, furnish

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = {"serious", "critical"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(service: Service) -> Places:
    return await furnish(service, f"everything {uuid4().hex[:6]}")


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def complaints(page: Page) -> list[str]:
    await page.evaluate(AXE)
    found: dict[str, Any] = await page.evaluate("axe.run(document, {preload: false, resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("name", ["projects", "board", "task", "attempt", "terminals", "settings", "account", "admin"])
async def test_a_place_has_no_serious_issue(page: Page, places: Places, name: str) -> None:
    await page.goto(places.all()[name])
    await page.locator("main h1, main h2").first.wait_for()
    await expect(page.locator(".skeleton")).to_have_count(0)
    assert await complaints(page) == []


async def test_the_login_has_no_serious_issue(page: Page) -> None:
    await page.goto("/login")
    await page.get_by_label("One-time link").wait_for()
    assert await complaints(page) == []


@pytest.mark.parametrize(
    ("key", "dialog"), [("c", "New task"), ("?", "Shortcuts"), ("Control+k", "Find any action or place")]
)
async def test_a_dialog_has_no_serious_issue(page: Page, places: Places, key: str, dialog: str) -> None:
    await page.goto(places.project)
    await page.locator(".card").first.wait_for()
    await page.keyboard.press(key)
    await page.get_by_role("dialog", name=dialog).wait_for()
    assert await complaints(page) == []


async def test_an_open_terminal_has_no_serious_issue(page: Page, places: Places) -> None:
    await page.goto(places.all()["attempt"])
    await page.get_by_role("log", name="Log").wait_for()
    await page.keyboard.press("t")
    await expect(page.locator(".xterm-rows")).to_contain_text("$")
    assert await complaints(page) == []
