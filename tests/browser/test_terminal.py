from __future__ import annotations

import asyncio
import re

from playwright.async_api import Page, WebSocketRoute, expect

from tests.agent.support import eventually
from tests.browser.conftest import NewProject


async def open_terminal(page: Page, slug: str) -> None:
    await page.goto(f"/p/{slug}/terminals")
    await page.get_by_role("button", name="Open a terminal").click()
    await expect(page.locator(".xterm-rows")).to_contain_text("$")
    await page.get_by_role("textbox", name="Terminal input").focus()


async def shell_of(page: Page) -> str:
    """The process id that the shell says it has."""
    await page.keyboard.type("clear; echo shell=$$.\n")
    rows = page.locator(".xterm-rows")
    await expect(rows).to_contain_text(re.compile(r"shell=\d+\."))
    found = re.search(r"shell=(\d+)\.", await rows.inner_text())
    assert found is not None
    return found.group(1)


async def test_what_is_typed_runs_and_is_shown_in_colour(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.keyboard.type("printf '\\033[38;2;255;120;0mtrue\\033[0m \\033[31mred\\033[0m %s\\n' $((40+2))\n")
    rows = page.locator(".xterm-rows")
    await expect(rows).to_contain_text("true red 42")
    await expect(rows.locator(".xterm-fg-1").filter(has_text=re.compile("^red$"))).to_be_visible()


async def test_the_shell_learns_the_size_of_the_window(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.keyboard.type("trap 'stty size' WINCH; stty size\n")
    rows = page.locator(".xterm-rows")
    await expect(rows).to_contain_text(re.compile(r"\d+ \d{3}"))
    await page.set_viewport_size({"width": 900, "height": 500})
    await expect(rows).to_contain_text(re.compile(r"\d+ [4-9]\d\D"))


async def test_control_c_stays_a_signal_and_letters_are_no_shortcuts(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.keyboard.type("sleep 1000\n")
    await page.keyboard.press("Control+c")
    await page.keyboard.type("echo gp?c t\n")
    await expect(page.locator(".xterm-rows")).to_contain_text("gp?c t")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog", name="Find any action or place")).to_be_visible()


async def test_the_first_terminal_has_the_focus_once_it_is_open_and_after_a_reload(
    page: Page, new_project: NewProject
) -> None:
    project = await new_project()
    await page.goto(f"/p/{project['slug']}/terminals")
    await page.get_by_role("button", name="Open a terminal").click()
    entry = page.get_by_role("textbox", name="Terminal input")
    await expect(entry).to_be_focused()
    await page.keyboard.type("echo t-$((40+2))\n")
    await expect(page.locator(".xterm-rows")).to_contain_text("t-42")
    await expect(page.get_by_role("button", name=re.compile("^Close "))).to_have_count(1)
    await page.reload()
    await expect(entry).to_be_focused()


async def test_the_letter_of_the_terminal_goes_to_the_one_that_is_open(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.get_by_role("main").focus()
    await page.keyboard.press("t")
    await expect(page.get_by_role("textbox", name="Terminal input")).to_be_focused()
    await expect(page.get_by_role("button", name=re.compile("^Close "))).to_have_count(1)


async def test_a_reload_comes_back_to_the_same_shell_with_its_screen(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    shell = await shell_of(page)
    await page.reload()
    rows = page.locator(".xterm-rows")
    await expect(rows).to_contain_text(f"shell={shell}.")
    await page.get_by_role("textbox", name="Terminal input").focus()
    assert await shell_of(page) == shell


async def test_a_replay_does_not_answer_again_what_programs_asked_the_terminal(
    page: Page, new_project: NewProject
) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.keyboard.type("printf '\\033[6n'; read -rsd R where; printf '\\nanswered\\n'; exec cat -v\n")
    rows = page.locator(".xterm-rows")
    await expect(rows.get_by_text("answered", exact=True)).to_be_visible()
    await page.reload()
    await expect(rows.get_by_text("answered", exact=True)).to_be_visible()
    await page.get_by_role("textbox", name="Terminal input").focus()
    await page.keyboard.type("over\n")
    await expect(rows.get_by_text("over", exact=True)).to_have_count(2)
    await expect(rows).not_to_contain_text("^[")


async def test_a_lost_socket_is_replaced_and_nothing_is_shown_twice(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    sockets: list[WebSocketRoute] = []

    def watch(route: WebSocketRoute) -> None:
        route.connect_to_server()
        sockets.append(route)

    await page.route_web_socket(re.compile(r"/api/terminals/.*/socket"), watch)
    await open_terminal(page, project["slug"])
    shell = await shell_of(page)
    await page.keyboard.type("clear; for i in 1 2 3; do echo row$i; sleep 0.3; done; echo over\n")
    rows = page.locator(".xterm-rows")
    await expect(rows).to_contain_text("row1")
    await sockets[-1].close(code=1012)
    await expect(page.locator("[data-state]")).to_have_attribute("data-state", "live")
    await expect(rows.get_by_text("over", exact=True)).to_be_visible()
    assert len(sockets) > 1
    assert len(re.findall(r"^row2", await rows.inner_text(), re.MULTILINE)) == 1
    assert await shell_of(page) == shell


async def test_what_is_typed_while_the_socket_is_down_reaches_the_shell_once(
    page: Page, new_project: NewProject
) -> None:
    project = await new_project()
    sockets: list[WebSocketRoute] = []
    silent = asyncio.Event()

    def watch(route: WebSocketRoute) -> None:
        if not silent.is_set():
            route.connect_to_server()
        sockets.append(route)

    await page.route_web_socket(re.compile(r"/api/terminals/.*/socket"), watch)
    await open_terminal(page, project["slug"])
    silent.set()
    await sockets[-1].close(code=1012)
    await expect(page.locator("[data-state]")).to_have_attribute("data-state", "lost")
    await page.keyboard.type("echo typed-$((40+2))\n")
    await page.evaluate("navigator.clipboard.writeText('#'.repeat(5000))")
    await page.keyboard.press("Control+Shift+V")
    await expect(page.get_by_text("Not sent: the terminal is not connected")).to_be_visible()
    await eventually(lambda: len(sockets) > 1)
    silent.clear()
    await sockets[-1].close(code=1012)
    rows = page.locator(".xterm-rows")
    await expect(rows.get_by_text("typed-42", exact=True)).to_have_count(1)
    await expect(rows).not_to_contain_text("####")


async def test_several_lines_are_shown_before_they_are_pasted(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.evaluate("navigator.clipboard.writeText('echo pasted-one\\necho pasted-two')")
    await page.keyboard.press("Control+Shift+V")
    dialog = page.get_by_role("dialog", name="Paste 2 lines?")
    await expect(dialog).to_contain_text("echo pasted-two")
    await dialog.get_by_role("button", name="Paste").click()
    await expect(page.locator(".xterm-rows")).to_contain_text("pasted-one")
    await expect(dialog).to_be_hidden()


async def test_a_line_that_ends_with_a_break_is_shown_before_it_runs(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.evaluate("navigator.clipboard.writeText('echo ran-$((40+2))\\n')")
    await page.keyboard.press("Control+Shift+V")
    dialog = page.get_by_role("dialog", name="Paste and run this line?")
    await expect(dialog).to_contain_text("echo ran-$((40+2))")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    await page.keyboard.type("echo typed-$((40+2))\n")
    rows = page.locator(".xterm-rows")
    await expect(rows).to_contain_text("typed-42")
    await expect(rows).not_to_contain_text("ran-")
    await page.keyboard.press("Control+Shift+V")
    await dialog.get_by_role("button", name="Paste").click()
    await page.keyboard.press("Enter")  # a shell with bracketed paste waits for it
    await expect(rows).to_contain_text("ran-42")


async def test_a_paste_cannot_command_the_terminal(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.keyboard.type("clear; printf '\\033[?2004h'; exec cat -v\n")
    rows = page.locator(".xterm-rows")
    await expect(rows).not_to_contain_text("cat -v")
    await page.evaluate("navigator.clipboard.writeText('in\\x1b[201~\\x9b201~\\x03\\x7f\\tside')")
    await page.keyboard.press("Control+Shift+V")
    await page.keyboard.press("Enter")
    await expect(rows).to_contain_text(re.compile(r"\^\[\[200~in\[201~201~\s+side\^\[\[201~"))
    await page.evaluate("navigator.clipboard.writeText('first\\x1b[201~\\rsecond')")
    await page.keyboard.press("Control+Shift+V")
    await expect(page.get_by_role("dialog", name="Paste 2 lines?").locator("pre")).to_have_text("first[201~\nsecond")


async def test_a_shell_that_ends_says_so_and_another_can_be_opened(page: Page, new_project: NewProject) -> None:
    project = await new_project()
    await open_terminal(page, project["slug"])
    await page.keyboard.type("exit\n")
    await page.get_by_role("button", name="Open a terminal").click()
    await expect(page.locator(".xterm-rows")).to_contain_text("$")
