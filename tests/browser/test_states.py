"""Loading, failed, empty and ready: what a view shows when its data is late, refused or missing."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Page, Route, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject

PROBLEM = {
    "title": "The database does not answer",
    "detail": "It was tried three times.",
    "hint": "Retry in a moment.",
    "code": "database-unavailable",
    "request_id": "0123456789abcdef",
}

VIEWS = {
    "projects": ("/", "**/api/projects"),
    "board": ("{board}", "**/api/tasks?*"),
    "attempts": ("{board}/t/1", "**/api/tasks/*/attempts"),
    "diff": ("{board}/t/1/1", "**/api/attempts/*/diff"),
    "terminals": ("{board}/terminals", "**/api/projects/*/terminals"),
    "credentials": ("/me", "**/api/me/secrets"),
    "users": ("/admin", "**/api/users"),
}


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_waits_fails_with_a_way_out_and_recovers(
    page: Page, new_project: NewProject, service: Service, view: str
) -> None:
    project = await new_project()
    task = await service.create_task(project["id"], "true", executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    address, requests = VIEWS[view]
    answer = asyncio.Event()
    healthy = False

    async def respond(route: Route) -> None:
        await answer.wait()
        if healthy:
            await route.continue_()
        else:
            await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(PROBLEM))

    await page.route(requests, respond)
    await page.goto(address.format(board=f"/p/{project['slug']}"))
    loading = page.get_by_role("status").filter(has=page.locator(".skeleton"))
    await expect(loading.first).to_be_visible()
    answer.set()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(PROBLEM["detail"])
    await expect(alert).to_contain_text(PROBLEM["hint"])
    await expect(alert).to_contain_text(PROBLEM["request_id"])
    healthy = True
    await alert.get_by_role("button", name="Try again").click()
    await expect(alert).to_be_hidden()
    await expect(loading).to_have_count(0)


async def test_without_projects_the_page_asks_for_a_git_address(page: Page) -> None:
    async def nothing(route: Route) -> None:
        await route.fulfill(content_type="application/json", body='{"data": [], "next": null}')

    await page.route("**/api/projects", nothing)
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Start with a repository")).to_be_visible()
    await expect(page.get_by_label("Git address or path")).to_be_visible()


async def test_a_host_without_isolation_says_so_on_every_page(page: Page) -> None:
    async def confess(route: Route) -> None:
        response = await route.fetch()
        body = await response.json()
        body["data"]["isolation"] = {"isolated": False, "note": "Workspaces are not isolated from each other."}
        await route.fulfill(response=response, json=body)

    await page.route("**/api/session", confess)
    await page.goto("/me")
    await expect(page.get_by_role("note", name="Isolation")).to_contain_text("not isolated from each other")
