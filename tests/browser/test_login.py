from __future__ import annotations

from uuid import uuid4

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import watched_context
from tests.fixtures.installation import Installation


async def test_a_one_time_link_logs_in_at_once_and_works_only_once(browser: Browser, product: Installation) -> None:
    link = (await product.anyon("user", "admin-link")).strip()
    async with watched_context(browser, product.url) as (context, _):
        page = await context.new_page()
        await page.goto(link)
        await expect(page.get_by_role("navigation", name="Places")).to_be_visible()
        await expect(page).to_have_url(f"{product.url}/")
    async with watched_context(browser, product.url) as (context, _):
        page = await context.new_page()
        await page.goto(link)
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def test_a_link_asks_before_it_replaces_who_is_logged_in(browser: Browser, product: Installation) -> None:
    email = f"eve.{uuid4().hex[:6]}@example.org"
    link = (await product.anyon("user", "add", email, "--name", "Eve")).strip()
    async with watched_context(browser, product.url) as (context, _):
        page = await context.new_page()
        await page.goto((await product.anyon("user", "admin-link")).strip())
        account = page.get_by_role("navigation", name="Account")
        who = account.get_by_role("link", name="Administrator")
        await expect(who).to_be_visible()
        await page.goto(link)
        question = page.get_by_role("region", name="You are logged in already")
        await expect(question).to_contain_text("Administrator (admin@localhost)")
        await expect(page).to_have_url(f"{product.url}/login")
        await question.get_by_role("button", name="Stay logged in as Administrator").click()
        await expect(page).to_have_url(f"{product.url}/")
        await expect(who).to_be_visible()
        await page.goto(link)
        await question.get_by_role("button", name="Log in by this link instead").click()
        await expect(page).to_have_url(f"{product.url}/")
        await expect(account.get_by_role("link", name="Eve")).to_be_visible()
        await expect(who).to_have_count(0)


async def test_a_link_that_is_refused_leaves_who_is_logged_in(browser: Browser, product: Installation) -> None:
    link = (await product.anyon("user", "admin-link")).strip()
    async with watched_context(browser, product.url) as (context, _):
        page = await context.new_page()
        await page.goto(link)
        await expect(page.get_by_role("navigation", name="Places")).to_be_visible()
        await page.goto(link)
        await page.get_by_role("button", name="Log in by this link instead").click()
        await expect(page.get_by_role("alert")).to_contain_text("A login link works once")
        await expect(page.get_by_text("You are logged in as admin@localhost")).to_be_visible()
        await page.get_by_role("link", name="Go to Projects").click()
        await expect(page.get_by_role("heading", name="Projects", level=1)).to_be_visible()


async def test_without_a_session_every_address_leads_to_the_login_and_back(
    browser: Browser, product: Installation
) -> None:
    link = (await product.anyon("user", "admin-link")).strip()
    async with watched_context(browser, product.url) as (context, _):
        page = await context.new_page()
        await page.goto("/admin")
        await expect(page.get_by_text("anyon user link EMAIL")).to_be_visible()
        field = page.get_by_label("One-time link")
        await field.fill(link)
        await field.press("Enter")
        await expect(page).to_have_url(f"{product.url}/admin")
        await expect(page.get_by_role("heading", name="Administration")).to_be_visible()


async def test_logging_out_ends_the_session(browser: Browser, product: Installation) -> None:
    link = (await product.anyon("user", "admin-link")).strip()
    async with watched_context(browser, product.url) as (context, _):
        page = await context.new_page()
        await page.goto(link)
        await page.get_by_role("link", name="Administrator").click()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        await page.goto("/")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def test_an_unknown_address_says_so_and_leads_home(page: Page) -> None:
    await page.goto("/p/no-such-project/settings")
    await expect(page.get_by_role("heading", name="There is no such project")).to_be_visible()
    await page.get_by_role("link", name="Go to Projects").click()
    await expect(page.get_by_role("heading", name="Projects", level=1)).to_be_visible()
