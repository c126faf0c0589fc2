"""What an attempt is asked for that it does not have is refused with the true reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from anyon.domain import errors
from anyon.domain.attempt_rows import check_worktree
from anyon.model import AttemptState

NEVER, YET = errors.AttemptNeverStarted, errors.AttemptWithoutWorktree
WITHOUT = {
    AttemptState.QUEUED: YET,
    AttemptState.STARTING: YET,
    AttemptState.RUNNING: YET,
    AttemptState.FINISHING: YET,
    AttemptState.IN_REVIEW: NEVER,
    AttemptState.FAILED: NEVER,
    AttemptState.CANCELLED: NEVER,
}
GONE = {AttemptState.MERGED: errors.AttemptMerged, AttemptState.DISCARDED: errors.AttemptDiscarded}


def attempt(state: AttemptState, base_commit: str | None) -> Any:
    return cast("Any", SimpleNamespace(state=state, base_commit=base_commit, base_branch="main", number=3))


@pytest.mark.parametrize("state", AttemptState)
def test_an_attempt_without_a_worktree_says_why(state: AttemptState) -> None:
    with pytest.raises((WITHOUT | GONE)[state], match="Attempt 3"):
        check_worktree(attempt(state, None))


@pytest.mark.parametrize("state", WITHOUT)
def test_an_attempt_that_began_has_one_until_it_is_decided(state: AttemptState) -> None:
    check_worktree(attempt(state, "1" * 40))
