from __future__ import annotations

import re

from playwright.async_api import Page, expect

from anyon.loadtest.service import Service
from tests.browser.conftest import NewProject, Record

CHANGE = "printf 'alpha\\nbeta\\n' > words.txt; printf '\\033[32mgreen\\033[0m\\n'; seq 1 400; echo last line"


async def attempted(service: Service, project: Record, script: str, **fields: str) -> Record:
    """The task of a script that has ended."""
    task = await service.create_task(project["id"], script, executor="shell", **fields)
    await service.settled(task["latest_attempt"]["id"])
    return task


def address(project: Record, task: Record) -> str:
    return f"/p/{project['slug']}/t/{task['number']}/1"


async def test_the_log_is_coloured_searched_and_followed(page: Page, new_project: NewProject, service: Service) -> None:
    project = await new_project()
    task = await attempted(service, project, CHANGE)
    await page.goto(address(project, task))
    log = page.get_by_role("log", name="Log")
    await expect(log).to_contain_text("last line")
    await page.keyboard.press("l")
    await expect(log).to_be_focused()
    await page.keyboard.press("/")
    await page.keyboard.type("green")
    await expect(log.locator("mark")).to_have_text("green")
    await expect(log.locator(".ansi-fg-2")).to_contain_text("green")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Jump to the end").click()
    await expect(log).to_contain_text("last line")
    await expect(page.get_by_role("button", name="Jump to the end")).to_be_hidden()


async def test_the_log_grows_while_the_attempt_runs(page: Page, new_project: NewProject, service: Service) -> None:
    project = await new_project()
    script = "echo first; while [ ! -e go ]; do sleep 0.05; done; echo second"
    task = await service.create_task(project["id"], script, executor="shell")
    await page.goto(address(project, task))
    await expect(page.get_by_role("log", name="Log")).to_contain_text("first")
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    await page.keyboard.press("t")
    await expect(page.locator(".xterm-rows")).to_contain_text("$")
    await page.keyboard.type("touch go\n")
    await expect(page.get_by_role("log", name="Log")).to_contain_text("second")
    await expect(page.get_by_role("button", name="Merge")).to_be_visible()


async def test_the_diff_shows_the_change_and_the_merge_ends_the_task(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, CHANGE, title="Add words")
    await page.goto(address(project, task))
    changes = page.get_by_role("region", name="Changes")
    await expect(changes).to_contain_text("alpha")
    await expect(changes.locator(".diff-line.added")).to_have_count(2)
    await page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Merge into main")
    await expect(dialog.get_by_label("Message")).to_be_focused()
    await dialog.get_by_role("button", name="Merge").click()
    await expect(page.locator(".attempt-facts .chip")).to_have_text("merged")
    await page.get_by_role("link", name=project["name"]).first.click()
    await expect(page.get_by_role("region", name="Done").get_by_role("link", name="Add words")).to_be_visible()


async def test_large_and_binary_files_are_folded_and_say_why(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, "seq 1 3000 > numbers.txt; head -c 999 /dev/zero > zeros.bin")
    await page.goto(address(project, task))
    changes = page.get_by_role("region", name="Changes")
    await expect(changes.get_by_text("Binary file, not shown")).to_be_visible()
    await expect(changes.get_by_text("Large: 3,000 changed lines")).to_be_visible()
    await changes.get_by_role("button", name="Show it").click()
    await expect(changes.locator(".diff-line.added").first).to_contain_text("1")
    assert await changes.locator(".diff-line").count() < 200, "only what is visible is in the page"
    await page.get_by_role("button", name="Fill the screen with the diff").click()
    await page.get_by_role("button", name="Split").click()
    await expect(changes.locator(".diff-half.added").first).to_be_visible()


async def test_a_conflict_names_the_files_and_loses_nothing(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    first = await service.create_task(project["id"], "sleep 0.3; echo ours > same.txt", executor="shell")
    second = await service.create_task(project["id"], "sleep 0.3; echo theirs > same.txt", executor="shell")
    for task in (first, second):
        await service.settled(task["latest_attempt"]["id"])
    await service.request("POST", f"/api/attempts/{first['latest_attempt']['id']}/merge", {})
    await page.goto(address(project, second))
    await page.get_by_role("button", name="Merge").click()
    dialog = page.get_by_role("dialog", name="Merge into main")
    await dialog.get_by_role("button", name="Merge").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("same.txt")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("region", name="Changes")).to_contain_text("theirs")
    await expect(page.locator(".attempt-facts .chip")).to_have_text("in review")


async def discards(page: Page, loss: str) -> None:
    """Discard the attempt that is shown, after the dialog has told what would be lost."""
    await page.get_by_role("button", name="Discard").click()
    dialog = page.get_by_role("dialog", name="Discard attempt 1?")
    await expect(dialog).to_contain_text(loss)
    await page.keyboard.type("discard")
    await page.keyboard.press("Enter")
    await expect(page.locator(".attempt-facts .chip")).to_have_text("discarded")


async def test_discarding_work_says_the_loss_in_numbers_and_wants_the_word(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, CHANGE)
    await page.goto(address(project, task))
    await discards(page, "1 commit not merged")


async def test_a_failure_says_what_happened_and_offers_another_try(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, "echo trouble; exit 7")
    await page.goto(address(project, task))
    await expect(page.get_by_role("alert")).to_contain_text("7")
    await expect(page.get_by_role("log", name="Log")).to_contain_text("trouble")
    await page.get_by_role("button", name="Retry").click()
    await expect(page).to_have_url(re.compile(r"/t/\d+/2$"))


async def test_without_a_worktree_neither_diff_nor_terminal_is_offered(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, "echo once > once.txt")
    attempt = f"/api/attempts/{task['latest_attempt']['id']}"
    await page.goto(address(project, task))
    diff, terminal = (page.get_by_role("region", name=name, exact=True) for name in ("Diff", "Terminal"))
    await expect(diff).to_contain_text("once.txt")
    await service.request("POST", f"{attempt}/discard", {"force": True})
    await expect(diff).to_contain_text("The attempt is discarded")
    await expect(diff.get_by_role("alert")).to_have_count(0)
    await page.keyboard.press("t")
    await expect(terminal).to_contain_text("Its worktree and its branch are gone")
    await expect(terminal.get_by_role("button", name="Open")).to_have_count(0)
    await expect(page.locator(".attempt-actions").get_by_role("button", name="Rebase")).to_have_count(0)


async def test_a_merged_attempt_keeps_its_diff_and_has_no_terminal(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, "echo once > once.txt")
    await service.request("POST", f"/api/attempts/{task['latest_attempt']['id']}/merge", {})
    await page.goto(address(project, task))
    await expect(page.get_by_role("region", name="Diff", exact=True)).to_contain_text("once.txt")
    await page.keyboard.press("t")
    terminal = page.get_by_role("region", name="Terminal", exact=True)
    await expect(terminal).to_contain_text("What this attempt changed is in main")


async def test_a_task_shows_its_attempts_and_starts_another(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, "echo once")
    await page.goto(f"/p/{project['slug']}/t/{task['number']}")
    await page.get_by_role("button", name="Start another").click()
    await page.get_by_role("dialog").get_by_role("button", name="Start").click()
    await expect(page).to_have_url(re.compile(r"/t/\d+/2$"))
    await page.get_by_role("combobox", name="Attempt").select_option("1")
    await expect(page).to_have_url(re.compile(r"/t/\d+/1$"))


async def test_what_could_not_be_committed_is_put_right_in_the_terminal_and_merged(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    script = "echo a > a; git add .; git commit -qm a; git checkout -q -b other HEAD~1; echo b > b"
    task = await attempted(service, project, script)
    await page.goto(address(project, task))
    await expect(page.get_by_role("alert")).to_contain_text("The worktree is on another branch")
    await page.keyboard.press("t")
    await expect(page.locator(".xterm-rows")).to_contain_text("$")
    await page.keyboard.type("git switch -q -; echo c > c; echo swit''ched\n")
    await expect(page.locator(".xterm-rows")).to_contain_text("switched")
    await page.get_by_role("button", name="Read the diff again").click()
    await expect(page.locator(".attempt-facts")).to_contain_text("3 files")
    await page.get_by_role("button", name="Merge", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Merge").click()
    await expect(page.locator(".attempt-facts")).to_contain_text("merged")


async def test_escape_leaves_the_full_screen_before_it_leaves_the_attempt(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, CHANGE)
    await page.goto(address(project, task))
    await expect(page.get_by_role("log", name="Log")).to_contain_text("last line")
    changes = page.get_by_role("region", name="Changes")
    await page.keyboard.press("f")
    await expect(changes).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(changes).to_be_visible()
    await expect(page).to_have_url(re.compile(r"/t/\d+/1$"))
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile(rf"/p/{project['slug']}$"))


async def test_a_task_with_unmerged_work_is_deleted_once_the_loss_was_confirmed(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, CHANGE, title="Unwanted")
    await page.goto(f"/p/{project['slug']}/t/{task['number']}")
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Delete…").click()
    dialog = page.get_by_role("dialog", name=f"Delete #{task['number']}?")
    await expect(dialog).to_contain_text("unmerged work will be lost")
    await page.keyboard.type("delete")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(page).to_have_url(re.compile(rf"/p/{project['slug']}$"))
    await expect(page.get_by_role("link", name="Unwanted")).to_have_count(0)


async def test_an_attempt_whose_worktree_is_gone_can_be_discarded(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, 'echo once > once.txt; rm -rf "$PWD"')
    await page.goto(address(project, task))
    await expect(page.locator(".attempt-head").get_by_role("alert")).to_contain_text("is gone")
    await discards(page, "What would be lost cannot be told.")


async def test_a_repository_inside_is_noted_and_named_before_a_discard(
    page: Page, new_project: NewProject, service: Service
) -> None:
    project = await new_project()
    task = await attempted(service, project, "git init -q library; echo once > once.txt")
    await page.goto(address(project, task))
    note = page.locator(".attempt-head").get_by_role("alert")
    await expect(note).to_contain_text("A repository lies inside the worktree")
    await expect(note.locator(".problem-files")).to_have_text("library")
    await page.get_by_role("button", name="Discard").click()
    await expect(page.get_by_role("dialog", name="Discard attempt 1?")).to_contain_text("what is in library")
