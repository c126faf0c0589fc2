"""Much of everything: only what is visible is in the page, and memory stays bounded."""

from __future__ import annotations

from playwright.async_api import Page, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject

LINES = 100_000
MOST_BYTES = 100_000_000
"""Of the script heap; the whole tab may take 150 MB."""


async def script_heap(page: Page) -> float:
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    await session.send("Performance.enable")
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "JSHeapUsedSize")


async def test_a_hundred_thousand_lines_are_read_to_the_end_and_kept_small(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    script = f"seq -f 'line %.0f of a long build that prints quite a lot in each of its lines' 1 {LINES}"
    task = await service.create_task(project["id"], script, executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    await page.goto(f"/p/{project['slug']}/t/1/1")
    await expect(page.get_by_role("log", name="Log")).to_contain_text(f"line {LINES} of", timeout=60_000)
    assert await page.locator(".log-row").count() < 200
    assert await script_heap(page) < MOST_BYTES


async def test_a_diff_of_twenty_thousand_lines_holds_only_what_is_visible(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    script = "for file in $(seq 1 40); do seq 1 500 > file-$file.txt; done"
    task = await service.create_task(project["id"], script, executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    await page.goto(f"/p/{project['slug']}/t/1/1")
    changes = page.get_by_role("region", name="Changes")
    await expect(changes.locator(".diff-line").first).to_be_visible()
    await page.get_by_role("combobox", name="Jump to a file").select_option("file-9.txt")
    await expect(changes.get_by_role("button", name="file-9.txt")).to_be_visible()
    await expect(changes.locator(".diff-line").first).to_be_visible()
    assert await page.locator(".diff-item").count() < 200
