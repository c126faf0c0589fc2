from __future__ import annotations

from playwright.async_api import Page, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject


async def test_the_question_mark_shows_every_shortcut_and_escape_puts_the_focus_back(page: Page) -> None:
    await page.goto("/me")
    await page.get_by_role("heading", name="Account", level=1).wait_for()
    await page.get_by_role("button", name="Log out").focus()
    await page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Shortcuts")
    for label in ("Find any action or place", "Move card to Done", "Merge", "Terminal"):
        await expect(sheet.get_by_text(label, exact=True)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await expect(page.get_by_role("button", name="Log out")).to_be_focused()


async def test_the_palette_goes_to_a_task_by_a_few_letters(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    await service.create_task(project["id"], "Paint the hull", start=False)
    await page.goto(f"/p/{project['slug']}")
    await page.get_by_role("link", name="Paint the hull").wait_for()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("hull")
    await expect(page.get_by_role("option").first).to_contain_text("Paint the hull")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Paint the hull", level=1)).to_be_visible()


async def test_a_shortcut_works_as_soon_as_its_view_is_there(page: Page, new_project: NewProject) -> None:
    """Pressed in the very turn in which the heading appears, as a fast typist or a busy machine has it."""
    await new_project()
    await page.add_init_script("""
        new MutationObserver((_, observer) => {
            if (document.querySelector("h1")?.textContent !== "Projects") return;
            observer.disconnect();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "c", bubbles: true }));
        }).observe(document, { childList: true, subtree: true });
    """)
    await page.goto("/")
    await expect(page.get_by_role("dialog", name="New project")).to_be_visible()


async def test_g_then_a_letter_goes_to_a_place(page: Page) -> None:
    await page.goto("/me")
    await page.get_by_role("heading", name="Account", level=1).wait_for()
    await page.keyboard.type("ga")
    await expect(page.get_by_role("heading", name="Administration", level=1)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Account", level=1)).to_be_visible()


async def test_letters_typed_into_a_field_are_no_shortcuts(page: Page) -> None:
    await page.goto("/me")
    await page.get_by_label("What is it for?").fill("")
    await page.keyboard.type("ga?c")
    await expect(page.get_by_label("What is it for?")).to_have_value("ga?c")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_the_theme_is_chosen_and_remembered(page: Page) -> None:
    await page.goto("/me")
    await page.get_by_role("button", name="Dark", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
