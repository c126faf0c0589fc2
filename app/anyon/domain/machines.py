"""The state machines of the product, as tables: what is not in a table is refused and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from anyon.domain.errors import IllegalTransition
from anyon.model import AttemptState, TaskState, WorkspaceState

State = TypeVar("State", bound=StrEnum)
MachineEvent = TypeVar("MachineEvent", bound=StrEnum)


class AttemptEvent(StrEnum):
    START = "start"
    STARTED = "started"
    ENDED = "ended"
    COMMITTED = "committed"
    FAIL = "fail"
    CANCEL = "cancel"
    MERGE = "merge"
    DISCARD = "discard"


ATTEMPT: Mapping[tuple[AttemptState, AttemptEvent], AttemptState] = {
    (AttemptState.QUEUED, AttemptEvent.START): AttemptState.STARTING,
    (AttemptState.QUEUED, AttemptEvent.CANCEL): AttemptState.CANCELLED,
    (AttemptState.QUEUED, AttemptEvent.FAIL): AttemptState.FAILED,
    (AttemptState.STARTING, AttemptEvent.STARTED): AttemptState.RUNNING,
    (AttemptState.STARTING, AttemptEvent.FAIL): AttemptState.FAILED,
    (AttemptState.STARTING, AttemptEvent.CANCEL): AttemptState.CANCELLED,
    (AttemptState.RUNNING, AttemptEvent.ENDED): AttemptState.FINISHING,
    (AttemptState.RUNNING, AttemptEvent.FAIL): AttemptState.FAILED,
    (AttemptState.FINISHING, AttemptEvent.COMMITTED): AttemptState.IN_REVIEW,
    (AttemptState.FINISHING, AttemptEvent.CANCEL): AttemptState.CANCELLED,
    (AttemptState.FINISHING, AttemptEvent.FAIL): AttemptState.FAILED,
    (AttemptState.IN_REVIEW, AttemptEvent.MERGE): AttemptState.MERGED,
    (AttemptState.IN_REVIEW, AttemptEvent.DISCARD): AttemptState.DISCARDED,
    (AttemptState.FAILED, AttemptEvent.MERGE): AttemptState.MERGED,
    (AttemptState.FAILED, AttemptEvent.DISCARD): AttemptState.DISCARDED,
    (AttemptState.CANCELLED, AttemptEvent.MERGE): AttemptState.MERGED,
    (AttemptState.CANCELLED, AttemptEvent.DISCARD): AttemptState.DISCARDED,
}

TASK_AFTER: Mapping[AttemptState, TaskState] = {
    AttemptState.QUEUED: TaskState.IN_PROGRESS,
    AttemptState.STARTING: TaskState.IN_PROGRESS,
    AttemptState.RUNNING: TaskState.IN_PROGRESS,
    AttemptState.FINISHING: TaskState.IN_PROGRESS,
    AttemptState.IN_REVIEW: TaskState.IN_REVIEW,
    AttemptState.FAILED: TaskState.IN_REVIEW,
    AttemptState.CANCELLED: TaskState.TODO,
    AttemptState.DISCARDED: TaskState.TODO,
    AttemptState.MERGED: TaskState.DONE,
}
"""Where a task's card goes when its newest attempt reaches a state. A failure needs a person, so it is for review."""


class WorkspaceEvent(StrEnum):
    ENSURE = "ensure"
    AGENT_READY = "agent ready"
    START_FAILED = "start failed"
    EXITED = "exited"
    STOP = "stop"
    STOPPED = "stopped"


WORKSPACE: Mapping[tuple[WorkspaceState, WorkspaceEvent], WorkspaceState] = {
    (WorkspaceState.STOPPED, WorkspaceEvent.ENSURE): WorkspaceState.STARTING,
    (WorkspaceState.FAILED, WorkspaceEvent.ENSURE): WorkspaceState.STARTING,
    # The control plane was killed while it started, ran or stopped the workspace; the next use goes on from there.
    (WorkspaceState.STARTING, WorkspaceEvent.ENSURE): WorkspaceState.STARTING,
    (WorkspaceState.RUNNING, WorkspaceEvent.ENSURE): WorkspaceState.STARTING,
    (WorkspaceState.STOPPING, WorkspaceEvent.ENSURE): WorkspaceState.STARTING,
    (WorkspaceState.STARTING, WorkspaceEvent.AGENT_READY): WorkspaceState.RUNNING,
    (WorkspaceState.STARTING, WorkspaceEvent.START_FAILED): WorkspaceState.FAILED,
    (WorkspaceState.RUNNING, WorkspaceEvent.EXITED): WorkspaceState.FAILED,
    (WorkspaceState.RUNNING, WorkspaceEvent.STOP): WorkspaceState.STOPPING,
    (WorkspaceState.STARTING, WorkspaceEvent.STOP): WorkspaceState.STOPPING,
    (WorkspaceState.STOPPING, WorkspaceEvent.STOP): WorkspaceState.STOPPING,
    (WorkspaceState.FAILED, WorkspaceEvent.STOP): WorkspaceState.STOPPING,
    (WorkspaceState.STOPPING, WorkspaceEvent.STOPPED): WorkspaceState.STOPPED,
}


def apply(table: Mapping[tuple[State, MachineEvent], State], state: State, event: MachineEvent, subject: str) -> State:
    """The next state; raises IllegalTransition when the table has no such arrow."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(subject=subject, state=state.value, event=event.value) from None


def target(table: Mapping[tuple[State, MachineEvent], State], event: MachineEvent) -> State:
    """The one state to which `event` leads, wherever it is possible; raises ValueError when there are several."""
    (state,) = {to for (_, known), to in table.items() if known is event}
    return state


def sources(table: Mapping[tuple[State, MachineEvent], State], event: MachineEvent) -> frozenset[State]:
    """Every state in which `event` is possible."""
    return frozenset(state for state, known in table if known is event)
