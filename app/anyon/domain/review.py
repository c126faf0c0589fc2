"""What people do with an attempt that has ended: look at it, merge, rebase or discard it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack
from uuid import UUID

from anyon.agent import answers
from anyon.agent.answers import Committed, Diff, Patch, Work
from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentError, AgentProblem
from anyon.agent.filenames import meant
from anyon.domain.attempt_finish import AttemptFinisher
from anyon.domain.attempt_progress import AttemptProgress
from anyon.domain.attempt_rows import AttemptRows, check_decided, check_worktree
from anyon.domain.errors import (
    AttemptUnfinished,
    LocalChanges,
    MergeConflict,
    NestedRepository,
    WorktreeLeft,
    WorkWouldBeLost,
    named,
)
from anyon.domain.machines import ATTEMPT, AttemptEvent, sources, target
from anyon.domain.workspaces import Place, Workspaces, problem_of
from anyon.errors import AnyonError
from anyon.model import AttemptState
from anyon.store import AttemptRow, ExecutionRow, Store, TaskRow
from anyon.store.attempts import AttemptChanges

_GIT_TIMEOUT = 120.0

_PROBLEMS: Mapping[str, type[AnyonError]] = {"merge-conflict": MergeConflict, "local-changes": LocalChanges}


class Author(NamedTuple):
    """Who decides, and in whose name commits are made."""

    user_id: UUID
    name: str
    email: str

    @property
    def signature(self) -> dict[str, str]:
        """As the agent wants it."""
        return {"name": self.name, "email": self.email}


@dataclass
class AttemptReview:
    """Every decision commits first what lies uncommitted in the worktree, so that no path loses work silently (T2)."""

    store: Store
    rows: AttemptRows
    progress: AttemptProgress
    finisher: AttemptFinisher
    workspaces: Workspaces

    async def diff(self, place: Place, attempt: AttemptRow) -> Diff:
        """Live while the attempt runs."""
        client = await self.workspaces.ensure(place)
        return Diff.parse(await client.call("diff.summary", **_sides(attempt), timeout=_GIT_TIMEOUT))

    async def diff_file(self, place: Place, attempt: AttemptRow, path: str) -> Patch:
        """Of one file, by its path as the diff shows it."""
        client = await self.workspaces.ensure(place)
        return Patch.parse(await client.call("diff.file", **_sides(attempt), file=meant(path), timeout=_GIT_TIMEOUT))

    async def work(self, place: Place, attempt: AttemptRow) -> Work:
        """What a discard would lose."""
        if attempt.base_commit is None or attempt.state in (AttemptState.MERGED, AttemptState.DISCARDED):
            return Work(uncommitted=0, commits=0)
        client = await self.workspaces.ensure(place)
        where = {"path": attempt.worktree, "branch": attempt.branch}
        return Work.parse(
            await client.call("worktree.state", base_commit=attempt.base_commit, timeout=_GIT_TIMEOUT, **where)
        )

    async def merge(
        self, place: Place, attempt: AttemptRow, task: TaskRow, author: Author, message: str | None
    ) -> AttemptRow:
        """Merge the attempt's branch into the branch it came from, then remove its worktree (R7).

        Raises as `_check`, NestedRepository, MergeConflict, LocalChanges; nothing is merged in those cases.
        """
        _check(attempt, AttemptEvent.MERGE)
        client = await self.workspaces.ensure(place)
        head = await self._commit_leftovers(client, attempt, task, author)
        measured = await self.finisher.measure_anew(client, attempt, head)
        merged = await _translated(
            client,
            "branch.merge",
            branch=attempt.branch,
            into=attempt.base_branch,
            message=message or f"Merge attempt {attempt.number} of task {task.number}: {task.title}",
            author=author.signature,
        )
        measured["merged_commit"] = answers.commit(merged, "commit")
        changed = await self._decide(attempt, AttemptEvent.MERGE, author.user_id, **measured)
        try:
            await self._remove_worktree(client, attempt)
        except AgentError as error:  # what was asked for is done: the rest is a note
            left = WorktreeLeft(worktree=attempt.worktree, branch=attempt.branch, reason=error.describe())
            async with self.store.for_user(author.user_id) as session:
                changed = await session.attempts.update(attempt.id, problem=problem_of(left))
            self.progress.changed(attempt)
        return changed

    async def rebase(self, place: Place, attempt: AttemptRow, task: TaskRow, author: Author) -> AttemptRow:
        """Put the attempt's commits on top of the branch it came from.

        Raises as `_check`, NestedRepository, MergeConflict.
        """
        _check(attempt, AttemptEvent.MERGE)
        client = await self.workspaces.ensure(place)
        await self._commit_leftovers(client, attempt, task, author)
        rebased = await _translated(
            client, "branch.rebase", path=attempt.worktree, branch=attempt.branch, onto=attempt.base_branch
        )
        measured = await self.finisher.measure_anew(client, attempt, answers.commit(rebased, "head"))
        async with self.store.for_user(author.user_id) as session:
            row = await session.attempts.update(attempt.id, **measured)
            await session.audit.append("attempt.rebased", attempt.id, project_id=place.project_id)
        self.progress.changed(attempt)
        return row

    async def discard(self, place: Place, attempt: AttemptRow, by: UUID, *, force: bool) -> AttemptRow:
        """Remove worktree and branch.

        Raises as `_check`, and WorkWouldBeLost or NestedRepository unless `force`.
        """
        _check(attempt, AttemptEvent.DISCARD)
        if not force:
            work = await self.work(place, attempt)
            if work.nested:
                raise NestedRepository(**named(work.nested))
            if work.uncommitted or work.commits:
                raise WorkWouldBeLost(files=work.uncommitted, commits=work.commits)
        if attempt.base_commit is not None:
            client = await self.workspaces.ensure(place)
            await self._remove_worktree(client, attempt)
        return await self._decide(attempt, AttemptEvent.DISCARD, by)

    async def forget_logs(self, place: Place, executions: Iterable[ExecutionRow]) -> None:
        """Delete the logs of executions whose rows are gone; those of a stopped workspace go with its project."""
        client = self.workspaces.connected(place.project_id)
        if client is None:
            return
        for execution in executions:
            await client.call("execution.forget", id=str(execution.id))

    async def _commit_leftovers(self, client: AgentClient, attempt: AttemptRow, task: TaskRow, author: Author) -> str:
        """Gives the newest commit. Raises NestedRepository when something cannot be committed; the rest is, then."""
        answer = await client.call(
            "worktree.commit",
            path=attempt.worktree,
            branch=attempt.branch,
            base_commit=attempt.base_commit,
            message=f"{task.title}\n\nWhat was left in the worktree of attempt {attempt.number}.",
            author=author.signature,
            timeout=_GIT_TIMEOUT,
        )
        committed = Committed.parse(answer)
        if committed.nested:
            raise NestedRepository(**named(committed.nested))
        return committed.head

    async def _remove_worktree(self, client: AgentClient, attempt: AttemptRow) -> None:
        await client.call(
            "worktree.remove",
            path=attempt.worktree,
            branch=attempt.branch,
            delete_branch=True,
            force=True,
            timeout=_GIT_TIMEOUT,
        )

    async def _decide(
        self, attempt: AttemptRow, event: AttemptEvent, by: UUID, **fields: Unpack[AttemptChanges]
    ) -> AttemptRow:
        to = target(ATTEMPT, event)
        async with self.store.for_user(by) as session:
            row = await session.attempts.transition(attempt.id, from_states=sources(ATTEMPT, event), to=to, **fields)
            if row is None:
                return await session.attempts.get(attempt.id)
            await self.rows.move_card(session, row)
            await session.audit.append(f"attempt.{to.value}", attempt.id, project_id=attempt.project_id)
        self.progress.changed(attempt, task=True)
        return row


def _check(attempt: AttemptRow, event: AttemptEvent) -> None:
    """That it waits for a decision, and has work to decide on. Raises AttemptUnfinished, and as `check_worktree`."""
    check_decided(attempt)
    if attempt.state not in sources(ATTEMPT, event):
        raise AttemptUnfinished(state=attempt.state.value)
    if event is not AttemptEvent.DISCARD:
        check_worktree(attempt)


def _sides(attempt: AttemptRow) -> dict[str, Any]:
    """Which two states a diff compares: after a merge the worktree is gone, and its commits tell.

    Raises as `check_worktree`.
    """
    if attempt.state is AttemptState.MERGED:
        return {"path": ".", "base": attempt.base_commit, "head": attempt.head_commit}
    check_worktree(attempt)
    return {"path": attempt.worktree, "base": attempt.base_branch, "head": None}


async def _translated(client: AgentClient, operation: str, **arguments: Any) -> dict[str, Any]:
    try:
        return await client.call(operation, **arguments, timeout=_GIT_TIMEOUT)
    except AgentProblem as problem:
        known = _PROBLEMS.get(problem.code)
        if known is None:
            raise
        found = problem.data.get("files")
        raise known(**named(found if isinstance(found, list) else [])) from problem
