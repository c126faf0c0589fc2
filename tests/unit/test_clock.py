"""The two clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from anyon.clock import JUMP_SECONDS, ClockJumps, ManualClock, SystemClock


def test_a_manual_clock_moves_only_when_it_is_told_to() -> None:
    clock = ManualClock()
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, tzinfo=UTC), 0.0)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC), 1.5)


def test_a_jump_is_what_the_wall_clock_does_by_itself() -> None:
    clock = ManualClock()
    jumps = ClockJumps(clock)
    clock.advance(10_000)
    clock.jump(JUMP_SECONDS)
    assert jumps.latest() is None
    for seconds in (JUMP_SECONDS + 1, -7200):
        clock.jump(seconds)
        assert jumps.latest() == clock.now()
    jumped = clock.now()
    clock.advance(5)
    assert jumps.latest() == jumped


def test_the_machines_clock_is_aware_and_never_runs_backwards() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()
