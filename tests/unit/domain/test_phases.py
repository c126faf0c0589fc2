"""The phases of a start, as people see them and metrics count them."""

from __future__ import annotations

import pytest

from anyon.clock import ManualClock
from anyon.domain.phases import Phase, PhaseLog
from anyon.metrics import Metrics


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_phase_lasts_from_its_beginning_to_its_end(clock: ManualClock) -> None:
    changes: list[int] = []
    metrics = Metrics()
    log = PhaseLog(clock, metrics, lambda: changes.append(1))
    with log.phase(Phase.ENSURE):
        clock.advance(1.5)
        log.explain("starting")
    assert log.entries == [
        {"name": "ensure", "started_at": "2026-01-01T00:00:00+00:00", "seconds": 1.5, "state": "done", "detail": ""}
    ]
    assert len(changes) == 3
    assert b'anyon_start_phase_seconds_sum{phase="ensure"} 1.5' in metrics.render()


def test_a_failure_is_kept_in_its_phase_and_goes_on(clock: ManualClock) -> None:
    log = PhaseLog(clock, Metrics(), lambda: None)
    with pytest.raises(ValueError, match="no"), log.phase(Phase.WORKTREE):
        raise ValueError("no")
    assert (log.entries[0]["state"], log.entries[0]["detail"]) == ("failed", "no")


def test_without_a_phase_there_is_nothing_to_end_or_explain(clock: ManualClock) -> None:
    log = PhaseLog(clock, Metrics(), lambda: None)
    log.end()
    log.explain("nothing")
    assert log.entries == []
    log.begin(Phase.QUEUE)
    log.end(seconds=7)
    log.end(seconds=8)
    log.explain("over")
    assert (log.entries[0]["seconds"], log.entries[0]["detail"]) == (7, "")


def test_only_the_phase_that_is_meant_is_ended(clock: ManualClock) -> None:
    log = PhaseLog(clock, Metrics(), lambda: None)
    log.begin(Phase.EXEC)
    log.end_if(Phase.FIRST_BYTE, seconds=1)
    assert log.entries[0]["state"] == "running"
    log.end_if(Phase.EXEC, seconds=1)
    assert log.entries[0]["state"] == "done"
