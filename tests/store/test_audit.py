"""The audit log."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from anyon.clock import ManualClock
from anyon.store import NotFound, Store
from tests.store.conftest import People


async def test_entries_of_a_project_are_read_latest_first_in_pages(
    store: Store, people: People, clock: ManualClock
) -> None:
    async with store.for_user(people.ann.id) as session:
        for number in range(5):
            await session.audit.append(f"step.{number}", number, project_id=people.project.id, detail={"n": number})
        await session.audit.append("login", people.ann.id)
    async with store.for_system() as system:
        await system.append_audit("workspace.stopped", people.project.id, project_id=people.project.id)
    async with store.for_user(people.vic.id, read_only=True) as session:
        page = await session.audit.list(people.project.id, limit=3)
        rest = await session.audit.list(people.project.id, before=page[-1].id)
    assert [row.action for row in page + rest] == [
        "workspace.stopped",
        "step.4",
        "step.3",
        "step.2",
        "step.1",
        "step.0",
    ]
    assert [row.user_id for row in page] == [None, people.ann.id, people.ann.id]
    assert (rest[0].at, rest[0].detail, rest[0].subject) == (clock.now(), {"n": 2}, "2")


async def test_strangers_read_no_entries(store: Store, people: People) -> None:
    async with store.for_user(people.oda.id, read_only=True) as session:
        with pytest.raises(NotFound):
            await session.audit.list(people.project.id)


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit"])
async def test_the_database_refuses_to_change_an_entry(statement: str, store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        await session.audit.append("login", people.ann.id)
    with pytest.raises(DBAPIError, match="append-only"):
        async with store._engines.writer.begin() as connection:
            await connection.execute(text(statement))
