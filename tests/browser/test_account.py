from __future__ import annotations

from uuid import uuid4

from playwright.async_api import Page, expect


async def test_a_credential_is_stored_and_never_shown_again(page: Page) -> None:
    name = f"SOME_KEY_{uuid4().hex[:6].upper()}"
    await page.goto("/me")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Value").fill("very-secret-value")
    await page.get_by_role("button", name="Store").click()
    await expect(page.get_by_role("list", name="Credentials").get_by_text(name)).to_be_visible()
    await expect(page.get_by_label("Value")).to_have_value("")
    await page.get_by_role("button", name=f"Delete {name}").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("button", name=f"Delete {name}")).to_have_count(0)
    assert "very-secret-value" not in await page.content()


async def test_a_token_is_shown_once(page: Page) -> None:
    await page.goto("/me")
    name = f"nightly {uuid4().hex[:6]}"
    await page.get_by_label("What is it for?").fill(name)
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.get_by_text("it is not shown again")).to_be_visible()
    await expect(page.get_by_role("list", name="API tokens").get_by_text(name)).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("list", name="API tokens").get_by_text(name)).to_be_visible()
    await expect(page.get_by_text("it is not shown again")).to_be_hidden()


async def test_this_browser_is_marked_among_the_sessions(page: Page) -> None:
    await page.goto("/me")
    await expect(page.get_by_role("list", name="Sessions").get_by_text("this browser")).to_be_visible()


async def test_an_administrator_makes_another_link_for_an_account(page: Page) -> None:
    await page.goto("/admin")
    await page.get_by_role("button", name="Actions for admin@localhost").click()
    await page.get_by_role("menuitem", name="Make a one-time link").click()
    await expect(page.get_by_role("dialog", name="One-time link")).to_contain_text("/login#token=")
