"""Watchers get the newest state of each subject, and a snapshot when they fell too far behind."""

from __future__ import annotations

import pytest

from anyon.agent import hub as hub_module
from anyon.agent.hub import Hub
from anyon.agent.messages import Execution


def execution(identity: str, state: str = "running") -> Execution:
    return Execution(identity, state, None, 0.0)


def test_a_slow_watcher_sees_the_newest_state_of_each_subject() -> None:
    hub = Hub()
    watcher = hub.watch()
    hub.execution(execution("a"))
    hub.progress("import", "10 %")
    hub.execution(execution("a", "exited"))
    taken = [watcher.take(), watcher.take(), watcher.take()]
    assert taken[0] == {"event": "progress", "subject": "import", "text": "10 %"}
    assert taken[1] is not None
    assert taken[1]["execution"]["state"] == "exited"
    assert taken[2] is None


def test_a_watcher_that_is_far_behind_is_told_to_start_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_PENDING", 2)
    hub = Hub()
    watcher = hub.watch()
    for name in "abc":
        hub.execution(execution(name))
    assert watcher.overflowed
    assert watcher.take() is not None
    assert watcher.take() is None


def test_a_watcher_that_left_gets_nothing() -> None:
    hub = Hub()
    watcher = hub.watch()
    hub.leave(watcher)
    hub.execution(execution("a"))
    assert watcher.take() is None


def test_a_heartbeat_never_shortens_an_earlier_one() -> None:
    now = [100.0]
    hub = Hub(lambda: now[0])
    assert hub.beat(60) == 160
    assert hub.beat(10) == 160
    now[0] = 200.0
    assert hub.beat(10) == 210


def test_executions_count_as_activity() -> None:
    now = [100.0]
    hub = Hub(lambda: now[0])
    now[0] = 105.0
    hub.execution(execution("a"))
    assert (hub.started_at, hub.last_activity) == (100.0, 105.0)
