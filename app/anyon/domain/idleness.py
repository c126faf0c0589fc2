"""When a workspace may stop: pure arithmetic over leases (R5, X3).

A lease is a reason to stay awake. While it lives its expiry lies in the future (or is the present instant); when it
ends, the instant of its end remains as the last activity. A workspace stops when the latest expiry is `limit` seconds
ago.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class LeaseKind(StrEnum):
    EXECUTION = "execution"
    TERMINAL = "terminal"
    PIN = "pin"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True)
class Lease:
    """`until` is None while it has no end of its own: a running execution."""

    kind: LeaseKind
    subject: str
    label: str
    until: datetime | None

    def live(self, now: datetime) -> bool:
        return self.until is None or self.until > now


@dataclass(frozen=True)
class Verdict:
    """`stops_at` is None while something without an end of its own keeps the workspace awake."""

    stop: bool
    quiet_seconds: float
    stops_at: datetime | None
    kept_awake_by: tuple[Lease, ...]


def judge(now: datetime, last_activity: datetime, leases: Iterable[Lease], limit: float) -> Verdict:
    """Whether to stop now, and if not, when.

    `last_activity` is the latest of: the workspace's start, the end of its last execution, its last terminal byte.
    """
    leases = tuple(leases)
    live = tuple(lease for lease in leases if lease.live(now))
    if any(lease.until is None for lease in live):
        return Verdict(stop=False, quiet_seconds=0.0, stops_at=None, kept_awake_by=live)
    latest = max([last_activity, *(lease.until for lease in leases if lease.until is not None)])
    quiet = max(0.0, (now - latest).total_seconds())
    return Verdict(
        stop=quiet >= limit, quiet_seconds=quiet, stops_at=latest + timedelta(seconds=limit), kept_awake_by=live
    )
