"""One who waits is woken once something changes."""

from __future__ import annotations

import asyncio

from anyon.agent.pulse import Pulse


async def test_everybody_who_waits_is_woken_once() -> None:
    pulse, woken = Pulse(), []

    async def wait(name: str) -> None:
        await pulse.wait()
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(wait("a"))
        group.create_task(wait("b"))
        await asyncio.sleep(0)
        pulse.fire()
        pulse.fire()
    assert woken == ["a", "b"]


async def test_a_waiter_that_gave_up_is_forgotten() -> None:
    pulse = Pulse()
    waiter = asyncio.create_task(pulse.wait())
    await asyncio.sleep(0)
    waiter.cancel()
    pulse.fire()
    await asyncio.gather(waiter, return_exceptions=True)
    assert not pulse._waiters


async def test_the_listener_is_called_at_once() -> None:
    pulse, calls = Pulse(), []
    pulse.listener = lambda: calls.append(1)
    pulse.fire()
    assert calls == [1]
