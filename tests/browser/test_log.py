"""The log pane beyond what every attempt shows."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.async_api import Page, WebSocketRoute, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject, Record


async def logged(service: Service, project: Record, script: str) -> str:
    """The address of an attempt that has printed what the script prints."""
    task = await service.create_task(project["id"], script, executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    return f"/p/{project['slug']}/t/{task['number']}/1"


async def test_a_last_line_without_an_end_is_wrapped_like_the_others(
    page: Page, new_project: NewProject, service: Service
) -> None:
    await page.goto(await logged(service, await new_project(), "printf 'x%.0s' $(seq 1 900)"))
    rows = page.locator(".log-row")
    await expect(rows.first).to_contain_text("x")
    assert await rows.count() > 3


async def test_an_unfinished_line_grows_over_several_rows(page: Page) -> None:
    await page.goto("/me")
    seen: dict[str, Any] = await page.evaluate("""async () => {
        const { LogLines } = await import("/assets/js/log/lines.js");
        const lines = new LogLines();
        lines.layout(40);
        lines.append(new TextEncoder().encode("x".repeat(60)));
        const before = lines.rows;
        lines.append(new TextEncoder().encode("x".repeat(60)));
        return { before, after: lines.rows, last: lines.at(2) };
    }""")
    assert seen == {"before": 2, "after": 3, "last": {"line": 0, "from": 80, "to": 120}}


async def test_there_is_room_for_the_number_of_the_millionth_line(
    page: Page, new_project: NewProject, service: Service
) -> None:
    await page.goto(await logged(service, await new_project(), "yes | head -n 1000001"))
    number = page.locator(".log-number[data-number='1000001']")
    await expect(number).to_be_visible(timeout=60_000)
    room, wanted = await number.evaluate("""element => {
        const character = document.querySelector(".log-probe").getBoundingClientRect().width / 100;
        const { width, paddingInlineEnd } = getComputedStyle(element);
        return [parseFloat(width) - parseFloat(paddingInlineEnd), 7 * character];
    }""")
    assert room > wanted - 0.1
    await expect(page.get_by_text(re.compile("earlier lines are in the raw log only, as far as"))).to_be_visible()


async def test_what_the_service_did_not_keep_is_said_to_be_missing_from_the_raw_log_too(
    page: Page, new_project: NewProject, service: Service
) -> None:
    def answer(socket: WebSocketRoute) -> None:
        socket.send((0).to_bytes(8, "big") + b"first, cut o")
        socket.send(json.dumps({"event": "gap", "from": 12, "to": 12_000_012}))
        socket.send((12_000_012).to_bytes(8, "big") + b"last\n")

    await page.route_web_socket(re.compile(r"/api/executions/.*/log/socket"), answer)
    await page.goto(await logged(service, await new_project(), "echo any"))
    rows = page.locator(".log-text")
    await expect(rows).to_have_text(["first, cut o", "… 12.0 MB of output were not kept …", "last"])
    await expect(page.get_by_text("are missing from the raw log, too")).to_contain_text("12.0 MB")
