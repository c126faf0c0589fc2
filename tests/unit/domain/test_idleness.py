"""When a workspace may stop: arithmetic, without a workspace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyon.domain.idleness import Lease, LeaseKind, judge

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 1800.0


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def lease(until: datetime | None, kind: LeaseKind = LeaseKind.PIN) -> Lease:
    return Lease(kind, "subject", "label", until)


@pytest.mark.parametrize(("seconds", "stops"), [(0, False), (1799.999, False), (1800, True), (90_000, True)])
def test_a_workspace_stops_1800_s_after_its_last_activity(seconds: float, stops: bool) -> None:
    verdict = judge(after(seconds), START, [], LIMIT)
    assert verdict.stop is stops
    assert verdict.quiet_seconds == seconds
    assert verdict.stops_at == after(1800)


def test_a_running_execution_keeps_it_awake_for_ever() -> None:
    verdict = judge(after(1e6), START, [lease(None, LeaseKind.EXECUTION)], LIMIT)
    assert (verdict.stop, verdict.quiet_seconds, verdict.stops_at) == (False, 0.0, None)
    assert [kept.kind for kept in verdict.kept_awake_by] == [LeaseKind.EXECUTION]


def test_quiet_begins_when_the_last_lease_ends() -> None:
    pinned = lease(after(3600))
    assert judge(after(3599), START, [pinned], LIMIT).kept_awake_by == (pinned,)
    assert judge(after(3599), START, [pinned], LIMIT).stops_at == after(3600 + 1800)
    over = judge(after(3600 + 1799), START, [pinned], LIMIT)
    assert (over.stop, over.quiet_seconds, over.kept_awake_by) == (False, 1799.0, ())
    assert judge(after(3600 + 1800), START, [pinned], LIMIT).stop


def test_a_clock_that_went_backwards_stops_nothing() -> None:
    verdict = judge(after(-7200), START, [], LIMIT)
    assert (verdict.stop, verdict.quiet_seconds) == (False, 0.0)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.lists(st.floats(0, 1e6), max_size=5), st.floats(1, 1e5))
def test_nothing_stops_while_a_lease_lives_or_before_the_limit(
    now: float, activity: float, ends: list[float], limit: float
) -> None:
    verdict = judge(after(now), after(activity), [lease(after(end)) for end in ends], limit)
    if verdict.stop:
        assert after(now) >= after(activity) + timedelta(seconds=limit)
        assert not verdict.kept_awake_by
        assert verdict.stops_at is not None
        assert verdict.stops_at <= after(now)
