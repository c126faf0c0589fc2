"""Answers and events come in any order; what is shown is what was newest."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

# Two requests that change one object; `order` names in which order the answers and the events come.
RUN = """async ({ order, said }) => {
    const { collection } = await import("/assets/js/resource.js");
    const list = collection(async () => ({ data: [{ id: 1, column: "todo" }], at: { epoch: "e", seq: 0 } }));
    await list.load();
    const answers = {};
    const taken = ["first", "second"].map((name) => list.take(new Promise((resolve) => { answers[name] = resolve; })));
    for (const step of order) {
        const [name, column, seq] = said[step];
        if (answers[name]) answers[name]({ data: { id: 1, column }, at: { epoch: "e", seq } });
        else list.upsert({ id: 1, column }, { epoch: "e", seq });
        await new Promise((resolve) => setTimeout(resolve));
    }
    return list.items()[0].column;
}"""
SAID = {
    "answer 1": ("first", "review", 5),
    "answer 2": ("second", "done", 6),
    "event 1": ("", "review", 6),
    "event 2": ("", "done", 7),
}


LOADS = """async (order) => {
    const { resource } = await import("/assets/js/resource.js");
    const answers = [];
    const one = resource(() => new Promise((resolve) => answers.push(resolve)));
    const shown = [];
    for (const _ of order) one.load();
    for (const number of order) {
        answers[number]({ data: number });
        await new Promise((resolve) => setTimeout(resolve));
        shown.push(one.state.value.data);
    }
    return shown;
}"""


@pytest.mark.parametrize(("order", "shown"), [((0, 1, 2), [0, 1, 2]), ((1, 0, 2), [1, 1, 2]), ((2, 0, 1), [2, 2, 2])])
async def test_loads_that_overtake_each_other_all_show_something(
    page: Page, order: tuple[int, ...], shown: list[int]
) -> None:
    """A page that loads again before the answer is there, as under many events, must not wait for ever."""
    await page.goto("/me")
    assert await page.evaluate(LOADS, order) == shown


@pytest.mark.parametrize(
    "order",
    [
        ("event 1", "answer 1", "answer 2"),
        ("event 1", "answer 1", "event 2", "answer 2"),
        ("event 1", "answer 2", "answer 1"),
        ("event 1", "event 2", "answer 1", "answer 2"),
        ("event 1", "event 2", "answer 2", "answer 1"),
        ("answer 1", "answer 2"),
        ("answer 2", "answer 1"),
    ],
    ids=" ".join,
)
async def test_the_newest_word_on_an_object_wins(page: Page, order: tuple[str, ...]) -> None:
    await page.goto("/me")
    shown: Any = await page.evaluate(RUN, {"order": order, "said": SAID})
    assert shown == "done"
