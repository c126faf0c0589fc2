"""The state machines: every arrow leads where the table says, and there is no other way."""

from __future__ import annotations

from itertools import product

import pytest

from anyon.domain.errors import IllegalTransition
from anyon.domain.machines import (
    ATTEMPT,
    TASK_AFTER,
    WORKSPACE,
    AttemptEvent,
    WorkspaceEvent,
    apply,
    sources,
    target,
)
from anyon.model import AttemptState, WorkspaceState


@pytest.mark.parametrize(("state", "event"), ATTEMPT, ids=str)
def test_an_attempt_follows_its_arrows(state: AttemptState, event: AttemptEvent) -> None:
    assert apply(ATTEMPT, state, event, "attempt") is ATTEMPT[state, event]
    assert state in sources(ATTEMPT, event)
    assert target(ATTEMPT, event) is ATTEMPT[state, event]


@pytest.mark.parametrize(("state", "event"), WORKSPACE, ids=str)
def test_a_workspace_follows_its_arrows(state: WorkspaceState, event: WorkspaceEvent) -> None:
    assert apply(WORKSPACE, state, event, "workspace") is WORKSPACE[state, event]
    assert target(WORKSPACE, event) is WORKSPACE[state, event]


@pytest.mark.parametrize(("state", "event"), sorted(set(product(AttemptState, AttemptEvent)) - set(ATTEMPT)), ids=str)
def test_everything_else_is_refused_for_an_attempt(state: AttemptState, event: AttemptEvent) -> None:
    with pytest.raises(IllegalTransition) as refused:
        apply(ATTEMPT, state, event, "attempt")
    assert refused.value.describe() == f"The attempt is {state}; {event} is not possible in that state."
    assert refused.value.members() == {"subject": "attempt", "state": state, "event": event}


def test_every_state_of_an_attempt_puts_its_card_somewhere() -> None:
    assert set(TASK_AFTER) == set(AttemptState)


def test_every_attempt_can_reach_an_end() -> None:
    reached = {AttemptState.MERGED, AttemptState.DISCARDED}
    for _ in AttemptState:
        reached |= {state for (state, _), to in ATTEMPT.items() if to in reached}
    assert reached == set(AttemptState)


def test_a_workspace_can_be_ensured_whatever_state_a_killed_service_left_it_in() -> None:
    assert sources(WORKSPACE, WorkspaceEvent.ENSURE) == set(WorkspaceState)


def test_an_event_with_several_targets_has_no_single_one() -> None:
    table = {
        (AttemptState.QUEUED, AttemptEvent.START): AttemptState.RUNNING,
        (AttemptState.RUNNING, AttemptEvent.START): AttemptState.FAILED,
    }
    with pytest.raises(ValueError, match="too many values"):
        target(table, AttemptEvent.START)
