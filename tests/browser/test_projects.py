from __future__ import annotations

import re
from uuid import uuid4

from playwright.async_api import Page, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject


async def test_a_project_from_nothing_is_made_with_the_keyboard_alone(page: Page, new_project: NewProject) -> None:
    await new_project()
    await page.goto("/")
    await expect(page.get_by_role("heading", name="Projects", level=1)).to_be_visible()
    await page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New project")
    await expect(dialog.get_by_label("Git address or path")).to_be_focused()
    await page.keyboard.press("Tab")
    name = f"from nothing {uuid4().hex[:6]}"
    await page.keyboard.type(name)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    await expect(page.get_by_role("navigation", name="Where am I")).to_contain_text(name)


async def test_the_name_follows_from_the_address_until_it_is_typed(page: Page, new_project: NewProject) -> None:
    await new_project()
    await page.goto("/")
    await page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    await dialog.get_by_label("Git address or path").fill("https://git.example.com/team/shop-front.git")
    await expect(dialog.get_by_label("Name")).to_have_value("shop-front")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="New project")).to_be_focused()


async def test_a_refused_source_keeps_the_dialog_and_says_why(page: Page, new_project: NewProject) -> None:
    await new_project()
    await page.goto("/")
    await page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    await dialog.get_by_label("Git address or path").fill("/etc")
    await dialog.get_by_role("button", name="Create project").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await expect(dialog.get_by_label("Git address or path")).to_have_value("/etc")


async def test_a_project_is_deleted_only_after_its_name_was_typed(page: Page, new_project: NewProject) -> None:
    project = await new_project("gone")
    await page.goto(f"/p/{project['slug']}/settings")
    await page.get_by_role("button", name="Delete project").click()
    dialog = page.get_by_role("dialog")
    confirm = dialog.get_by_role("button", name="Delete project")
    await expect(confirm).to_be_disabled()
    await page.keyboard.type(project["name"])
    await confirm.click()
    await expect(page.get_by_role("heading", name="Projects", level=1)).to_be_visible()
    await expect(page.get_by_role("list", name="Projects").get_by_text(project["name"])).to_be_hidden()


async def test_a_workspace_is_kept_awake_and_let_go_again(page: Page, new_project: NewProject) -> None:
    project = await new_project("awake")
    await page.goto(f"/p/{project['slug']}/settings")
    await page.get_by_role("button", name="Keep awake").click()
    await page.get_by_role("menuitem", name="until I change it").click()
    await expect(page.get_by_role("button", name="Let it sleep again")).to_be_visible()
    await page.get_by_role("button", name="Let it sleep again").click()
    await expect(page.get_by_role("button", name="Keep awake")).to_be_visible()


async def test_projects_stand_by_their_names_whatever_the_case_and_a_new_one_among_them(
    page: Page, service: Service
) -> None:
    mark = uuid4().hex[:6]
    for name in ("zinc", "Iron"):
        await service.create_project(f"{mark} {name}")
    await page.goto("/")
    entries = page.get_by_role("navigation", name="Places").get_by_role("link").filter(has_text=mark)
    await expect(entries).to_have_text([re.compile("Iron"), re.compile("zinc")])
    await service.create_project(f"{mark} nickel")
    await expect(entries).to_have_text([re.compile("Iron"), re.compile("nickel"), re.compile("zinc")])
    await page.reload()
    await expect(entries).to_have_text([re.compile("Iron"), re.compile("nickel"), re.compile("zinc")])


async def test_a_wrong_address_is_corrected_where_its_import_failed(page: Page, service: Service) -> None:
    body = {"name": f"Mistyped {uuid4().hex[:6]}", "git_repo_path": "ssh://git@127.0.0.1:9/none.git"}
    made = await service.request("POST", "/api/projects", body)
    await service.until(made["id"], f"/api/projects/{made['id']}", lambda seen: seen["state"] == "failed")
    await page.goto(f"/p/{made['slug']}")
    address = page.get_by_label("Git address or path")
    await expect(address).to_have_value(body["git_repo_path"])
    await address.fill("/etc")
    await page.get_by_role("button", name="Import from there").click()
    await expect(page.get_by_text("/etc is outside of every import root.")).to_be_visible()
    await address.fill("")  # a new repository
    await page.get_by_role("button", name="Import from there").click()
    await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
