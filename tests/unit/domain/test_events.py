"""The bus of changes: in order, resumable, bounded."""

from __future__ import annotations

import asyncio

from anyon.domain.events import RING_EVENTS, EventBus, Topic
from anyon.ids import new_id

PROJECT = new_id()


def publish(bus: EventBus, count: int = 1) -> None:
    for _ in range(count):
        bus.publish(Topic.TASK, PROJECT, new_id())


async def test_a_watcher_gets_what_comes_after_its_place_in_order() -> None:
    bus = EventBus("epoch")
    publish(bus, 3)
    batches = bus.after(1)
    assert [event.sequence for event in await anext(batches)] == [2, 3]
    waiting = asyncio.ensure_future(anext(batches))
    await asyncio.sleep(0)
    assert not waiting.done()
    publish(bus)
    assert [event.sequence for event in await waiting] == [4]


async def test_every_watcher_gets_every_event() -> None:
    bus = EventBus("epoch")
    watchers = [asyncio.ensure_future(anext(bus.after(0))) for _ in range(3)]
    await asyncio.sleep(0)
    publish(bus)
    assert [len(batch) for batch in await asyncio.gather(*watchers)] == [1, 1, 1]


async def test_a_watcher_that_was_too_slow_is_told_and_goes_on_from_now() -> None:
    bus = EventBus("epoch")
    publish(bus, RING_EVENTS + 5)
    batches = bus.after(1)
    assert await anext(batches) == []
    publish(bus)
    assert [event.sequence for event in await anext(batches)] == [RING_EVENTS + 6]


def test_only_what_is_still_in_the_ring_can_be_resumed() -> None:
    bus = EventBus("epoch")
    assert bus.can_resume("epoch", 0)
    publish(bus, RING_EVENTS + 10)
    assert bus.can_resume("epoch", bus.sequence)
    assert bus.can_resume("epoch", 10)
    assert not bus.can_resume("epoch", 9)
    assert not bus.can_resume("epoch", bus.sequence + 1)
    assert not bus.can_resume("another", bus.sequence)


async def test_waiting_for_a_subject_ends_with_its_change_and_no_other() -> None:
    bus = EventBus("epoch")
    subject = new_id()
    waiting = asyncio.ensure_future(bus.wait_for(0, (Topic.PROJECT, PROJECT), (Topic.ATTEMPT, subject)))
    publish(bus, 5)
    bus.publish(Topic.PROGRESS, PROJECT, subject)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    bus.publish(Topic.ATTEMPT, PROJECT, subject)
    await waiting


async def test_waiting_ends_when_it_can_no_longer_be_told() -> None:
    bus = EventBus("epoch")
    publish(bus, RING_EVENTS + 5)
    await bus.wait_for(1, (Topic.ATTEMPT, new_id()))
