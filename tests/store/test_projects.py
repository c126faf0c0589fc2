"""Projects, their members and their slugs."""

from __future__ import annotations

import pytest

from anyon.ids import new_id
from anyon.model import ProjectState, Role, TaskState, WorkspaceState
from anyon.store import AlreadyExists, Member, NotFound, RoleTooSmall, Store
from anyon.store.projects import SLUG_LENGTH, slug_candidates
from tests.store.conftest import People, QueryCounter


async def test_who_creates_a_project_owns_it_and_its_stopped_workspace(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id, read_only=True) as session:
        [entry] = await session.projects.list()
    assert entry.project == people.project
    assert (entry.role, entry.workspace.state) == (Role.OWNER, WorkspaceState.STOPPED)
    assert (entry.project.state, entry.project.next_task_number) == (ProjectState.CREATING, 1)


async def test_a_member_sees_the_project_with_the_members_role(store: Store, people: People) -> None:
    async with store.for_user(people.vic.id, read_only=True) as session:
        entry = await session.projects.entry(people.project.id)
        assert await session.projects.list() == [entry]
        assert await session.projects.get(people.project.id) == people.project
    assert entry.role is Role.VIEWER


async def test_absent_and_not_yours_are_the_same_answer(store: Store, people: People) -> None:
    answers = []
    async with store.for_user(people.ann.id) as session:
        for project_id in (people.odas.id, new_id()):
            with pytest.raises(NotFound) as of_get:
                await session.projects.get(project_id)
            with pytest.raises(NotFound) as of_entry:
                await session.projects.entry(project_id)
            with pytest.raises(NotFound) as of_members:
                await session.projects.members(project_id)
            answers.append(
                [str(error.value).replace(str(project_id), "ID") for error in (of_get, of_entry, of_members)]
            )
    assert answers[0] == answers[1]


async def test_a_role_that_is_too_small_is_named(store: Store, people: People) -> None:
    async with store.for_user(people.vic.id) as session:
        with pytest.raises(RoleTooSmall, match="needs the role editor; yours is viewer"):
            await session.projects.update(people.project.id, name="Mine")
        with pytest.raises(RoleTooSmall):
            await session.projects.transition(
                people.project.id, from_states={ProjectState.CREATING}, to=ProjectState.READY
            )
    async with store.for_user(people.eve.id) as session:
        with pytest.raises(RoleTooSmall):
            await session.projects.delete(people.project.id)
        with pytest.raises(RoleTooSmall):
            await session.projects.add_member(people.project.id, people.oda.id, Role.VIEWER)


async def test_an_editor_changes_what_is_given_and_nothing_else(store: Store, people: People) -> None:
    async with store.for_user(people.eve.id) as session:
        changed = await session.projects.update(people.project.id, name="Store", problem={"code": "x"})
        assert await session.projects.update(people.project.id) == changed
    assert (changed.name, changed.problem, changed.slug) == ("Store", {"code": "x"}, "shop")


async def test_a_taken_slug_gets_a_number_then_a_random_ending(store: Store, people: People) -> None:
    async with store.for_user(people.oda.id) as session:
        rows = [await session.projects.create(name="Shop", slug="shop", source="") for _ in range(10)]
    slugs = [row.slug for row in rows]
    assert slugs[:8] == [f"shop-{number}" for number in range(2, 10)]
    assert len(set(slugs)) == 10
    assert all(slug.startswith("shop-") for slug in slugs)


async def test_when_every_candidate_is_taken_the_slug_is_refused(
    store: Store, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anyon.store.projects.slug_candidates", lambda slug: iter([slug]))
    async with store.for_user(people.ann.id) as session:
        with pytest.raises(AlreadyExists, match="The project docs exists already"):
            await session.projects.create(name="Docs", slug="docs", source="")


def test_no_candidate_is_longer_than_a_slug_may_be() -> None:
    assert {len(candidate) for candidate in slug_candidates("x" * 500)} == {SLUG_LENGTH}


async def test_the_state_moves_only_from_a_state_that_was_named(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        ready = await session.projects.transition(
            people.project.id, from_states={ProjectState.CREATING}, to=ProjectState.READY, default_branch="trunk"
        )
        again = await session.projects.transition(
            people.project.id, from_states={ProjectState.CREATING}, to=ProjectState.FAILED
        )
        assert await session.projects.get(people.project.id) == ready
    assert ready is not None
    assert (ready.state, ready.default_branch, again) == (ProjectState.READY, "trunk", None)


async def test_tasks_are_counted_per_project_and_state_by_one_statement(
    store: Store, people: People, queries: QueryCounter
) -> None:
    async with store.for_user(people.ann.id) as session:
        other = await session.projects.create(name="Other", slug="other", source="")
        for state in (TaskState.TODO, TaskState.TODO, TaskState.DONE):
            await session.tasks.create(project_id=people.project.id, title="t", description="", state=state)
        await session.tasks.create(project_id=other.id, title="t", description="")
    async with store.for_user(people.oda.id) as session:
        await session.tasks.create(project_id=people.odas.id, title="t", description="")
    async with store.for_user(people.ann.id, read_only=True) as session:
        with queries.counting(store) as statements:
            counts = await session.projects.task_counts()
            only = await session.projects.task_counts(other.id)
    assert counts == {people.project.id: {TaskState.TODO: 2, TaskState.DONE: 1}, other.id: {TaskState.TODO: 1}}
    assert only == {other.id: {TaskState.TODO: 1}}
    assert len(statements) == 2


async def test_a_list_of_projects_is_one_statement(store: Store, people: People, queries: QueryCounter) -> None:
    async with store.for_user(people.ann.id) as session:
        for number in range(5):
            await session.projects.create(name=f"P{number}", slug=f"p{number}", source="")
    async with store.for_user(people.ann.id, read_only=True) as session:
        with queries.counting(store) as statements:
            entries = await session.projects.list()
    assert [entry.project.name for entry in entries] == ["P0", "P1", "P2", "P3", "P4", "Shop"]
    assert len(statements) == 1


async def test_members_are_listed_to_members(store: Store, people: People) -> None:
    async with store.for_user(people.vic.id, read_only=True) as session:
        members = await session.projects.members(people.project.id)
    assert members == [
        Member(people.ann.id, "ann@example.com", "Ann", Role.OWNER),
        Member(people.eve.id, "eve@example.com", "Eve", Role.EDITOR),
        Member(people.vic.id, "vic@example.com", "Vic", Role.VIEWER),
    ]


async def test_nobody_becomes_a_member_twice(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        with pytest.raises(AlreadyExists):
            await session.projects.add_member(people.project.id, people.eve.id, Role.OWNER)


async def test_deleting_a_project_takes_everything_of_it_but_the_audit_log(store: Store, people: People) -> None:
    async with store.for_user(people.ann.id) as session:
        task = await session.tasks.create(project_id=people.project.id, title="t", description="")
        await session.attempts.create(task.id, executor="shell")
        await session.audit.append("project.deleted", people.project.id, project_id=people.project.id)
        await session.projects.delete(people.project.id)
    async with store.for_user(people.ann.id, read_only=True) as session:
        assert await session.projects.list() == []
        for repository, key in ((session.tasks, task.id), (session.workspaces, people.project.id)):
            with pytest.raises(NotFound):
                await repository.get(key)
