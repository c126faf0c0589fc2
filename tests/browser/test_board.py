from __future__ import annotations

import asyncio
import json
import re

from playwright.async_api import Locator, Page, Route, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject, Record


async def start_a_task(page: Page, project: Record, script: str) -> Locator:
    """Type it and send it, with the keyboard; its dialog, which closes once the answer is there."""
    await page.goto(f"/p/{project['slug']}")
    await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    await page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New task")
    await dialog.get_by_role("radio", name="Shell").check()
    await dialog.get_by_role("textbox").fill(script)
    await page.keyboard.press("Control+Enter")
    return dialog


async def test_a_task_is_typed_started_and_followed_on_the_board(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await start_a_task(page, project, "echo one; while [ ! -e stop ]; do sleep 0.1; done")
    working = page.get_by_role("region", name="In progress")
    await expect(working.get_by_role("listitem")).to_contain_text("one")
    await expect(working.get_by_text("running")).to_be_visible()
    await working.get_by_role("link").click()
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Cancel the attempt").click()
    await expect(page.get_by_text("cancelled", exact=True).first).to_be_visible()


async def test_an_answer_that_comes_after_the_events_does_not_turn_the_card_back(
    page: Page, new_project: NewProject
) -> None:
    project = await new_project()
    answer = asyncio.Event()

    async def hold(route: Route) -> None:
        response = await route.fetch()
        await answer.wait()
        await route.fulfill(response=response)

    await page.route("**/api/tasks", hold)
    dialog = await start_a_task(page, project, "exit 3")
    state = page.locator("#main").get_by_text("failed", exact=True)
    await expect(state).to_be_visible()
    answer.set()
    await expect(dialog).to_have_count(0)
    await expect(state).to_be_visible()


async def test_a_list_that_comes_after_the_events_shows_what_they_said(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    listed, answer = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        response = await route.fetch()
        listed.set()
        await answer.wait()
        await route.fulfill(response=response)

    await page.route("**/api/tasks?*", hold)
    await page.goto(f"/p/{project['slug']}")
    await listed.wait()
    task = await service.create_task(project["id"], "exit 3", executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    await expect(page.get_by_role("link", name=f"{project['name']} running 1 need you")).to_be_visible()
    answer.set()
    await expect(page.locator("#main").get_by_text("failed", exact=True)).to_be_visible()


async def test_cards_are_walked_and_moved_with_the_keyboard(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    for title in ("Alpha", "Beta"):
        await service.create_task(project["id"], title, start=False)
    await page.goto(f"/p/{project['slug']}")
    await page.get_by_role("link", name="Alpha", exact=True).wait_for()
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Alpha", exact=True)).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Beta")).to_be_focused()
    await page.keyboard.press("4")
    done = page.get_by_role("region", name="Done")
    await expect(done.get_by_role("link", name="Beta")).to_be_focused()
    await page.get_by_role("status").get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("region", name="To do").get_by_role("link", name="Beta")).to_be_visible()
    await page.get_by_role("link", name="Beta").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Beta", level=1)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("region", name="To do")).to_be_visible()


async def test_a_card_is_dragged_to_another_column_and_stays_there(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await service.create_task(project["id"], "Carry me", start=False)
    await page.goto(f"/p/{project['slug']}")
    review = page.get_by_role("region", name="In review")
    await page.get_by_role("link", name="Carry me").drag_to(review)
    await expect(review.get_by_role("link", name="Carry me")).to_be_visible()
    await service.until(task["id"], f"/api/tasks/{task['id']}", lambda found: found["state"] == "in_review")
    await page.reload()
    await expect(review.get_by_role("link", name="Carry me")).to_be_visible()


async def test_a_refused_move_goes_back_and_says_why(page: Page, new_project: NewProject, service: Service) -> None:
    project = await new_project()
    await service.create_task(project["id"], "Stay", start=False)

    async def refuse(route: Route) -> None:
        problem = {"title": "Not now", "detail": "It is locked.", "hint": "Unlock it.", "code": "locked"}
        if route.request.method == "PATCH":
            await route.fulfill(status=409, content_type="application/problem+json", body=json.dumps(problem))
        else:
            await route.continue_()

    await page.route("**/api/tasks/*", refuse)
    await page.goto(f"/p/{project['slug']}")
    await page.get_by_role("link", name="Stay").focus()
    await page.keyboard.press("3")
    await expect(page.get_by_role("alert")).to_contain_text("It is locked.")
    await expect(page.get_by_role("region", name="To do").get_by_role("link", name="Stay")).to_be_visible()


async def test_a_draft_survives_a_reload_and_goes_when_the_task_exists(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await page.goto(f"/p/{project['slug']}")
    await page.get_by_role("button", name="New task").first.click()
    await page.get_by_role("dialog").get_by_role("textbox").fill("Half a thought")
    await page.reload()
    await page.get_by_role("button", name="New task").first.click()
    await expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value("Half a thought")
    await page.get_by_label("Start an attempt at once").uncheck()
    await page.get_by_role("button", name="Create task").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("link", name="Half a thought")).to_be_visible()
    await page.keyboard.press("c")
    await expect(page.get_by_role("dialog").get_by_role("textbox")).to_have_value("")


async def test_the_title_counts_what_needs_me(page: Page, new_project: NewProject, service: Service) -> None:
    project = await new_project()
    task = await service.create_task(project["id"], "echo a > a", executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    await page.goto(f"/p/{project['slug']}")
    await expect(page).to_have_title(re.compile(r"^\(\d+\) "))


async def test_a_failure_shows_its_cause_on_the_card_and_all_of_it_in_the_tooltip(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    await service.request("PUT", "/api/me/secrets/CODEX_API_KEY", {"value": "never used"})
    task = await service.create_task(project["id"], "Anything", executor="codex")
    settled = await service.settled(task["latest_attempt"]["id"])
    await page.goto(f"/p/{project['slug']}")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Anything"))
    await expect(card.locator(".card-problem")).to_have_text(settled["problem"]["detail"])
    tooltip = f"The workspace refused: {settled['problem']['detail']}\n{settled['problem']['hint']}"
    await expect(card.get_by_role("link")).to_have_attribute("title", tooltip)


async def test_a_failed_import_shows_its_cause_in_the_list_of_projects(
    page: Page, new_project: NewProject, service: Service
) -> None:
    await new_project()
    body = {"name": "Unreachable", "git_repo_path": "ssh://git@127.0.0.1:9/none.git"}
    made = await service.request("POST", "/api/projects", body)
    failed = await service.until(made["id"], f"/api/projects/{made['id']}", lambda seen: seen["state"] == "failed")
    await page.goto("/")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Unreachable"))
    await expect(row.locator(".project-problem")).to_contain_text(failed["problem"]["detail"].split("\n")[0][:40])
    await service.request("DELETE", f"/api/projects/{made['id']}")
