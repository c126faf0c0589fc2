"""360 px: everything is reachable, nothing runs out of the screen, targets are large enough for a finger."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject

LEAST_TARGET = 40

SMALL_TARGETS = f"""() => [...document.querySelectorAll('button, select, .rail-entry, .choice')]
  .filter((element) => element.checkVisibility({{visibilityProperty: true}})
    && !element.matches('.link, .diff-file-name'))
  .map((element) => [element, element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && box.height < {LEAST_TARGET} - 2)
  .map(([element, box]) => `${{element.outerHTML.slice(0, 90)}} ${{box.height}}`)"""


@pytest.fixture
def viewport() -> tuple[int, int]:
    return 360, 740


async def test_the_rail_is_a_sheet_that_opens_and_closes(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await page.goto(f"/p/{project['slug']}")
    await page.get_by_role("button", name="Open the menu").click()
    await page.get_by_role("link", name="Settings").click()
    await expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Terminals")).to_be_hidden()
    await page.get_by_role("button", name="Open the menu").click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="Terminals")).to_be_hidden()
    await expect(page.get_by_role("button", name="Open the menu")).to_be_focused()


async def test_columns_are_switched_and_cards_moved_by_a_menu(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    await service.create_task(project["id"], "Small screen", start=False)
    await page.goto(f"/p/{project['slug']}")
    columns = page.get_by_role("group", name="Column")
    await columns.get_by_role("button", name="To do").click()
    await page.get_by_role("button", name="Move #1").click()
    await page.get_by_role("menuitem", name="Move to Done").click()
    await expect(page.get_by_role("link", name="Small screen")).to_be_hidden()
    await columns.get_by_role("button", name="Done").click()
    await expect(page.get_by_role("link", name="Small screen")).to_be_visible()


async def test_panes_are_tabs(page: Page, new_project: NewProject, service: Service) -> None:
    project = await new_project()
    task = await service.create_task(project["id"], "echo printed; echo changed > file.txt", executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    await page.goto(f"/p/{project['slug']}/t/1/1")
    panes = page.get_by_role("group", name="Panes")
    await expect(page.get_by_role("log", name="Log")).to_contain_text("printed")
    await panes.get_by_role("button", name="Diff").click()
    await expect(page.get_by_role("region", name="Changes")).to_contain_text("changed")
    await expect(page.get_by_role("log", name="Log")).to_be_hidden()
    await panes.get_by_role("button", name="Terminal").click()
    await expect(page.locator(".xterm-rows")).to_contain_text("$")
    await page.get_by_role("button", name="Ctrl D").click()
    await expect(page.get_by_role("button", name="Open a terminal")).to_be_visible()


@pytest.mark.parametrize(
    "address", ["/", "{board}", "{board}/t/1", "{board}/t/1/1", "{board}/settings", "/me", "/admin"]
)
async def test_nothing_runs_out_of_the_screen_and_targets_are_large(
    page: Page, new_project: NewProject, service: Service, address: str
) -> None:
    project = await new_project("a project with quite a long name that must be cut somewhere")
    task = await service.create_task(project["id"], "echo changed > file.txt", executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    await page.goto(address.format(board=f"/p/{project['slug']}"))
    await page.locator("main").locator("h1:visible, h2:visible, .card:visible").first.wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await page.evaluate("document.querySelector('main').scrollWidth") <= 360
    assert await page.evaluate(SMALL_TARGETS) == []
