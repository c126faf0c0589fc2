"""The gauges that are read off the database when somebody scrapes, so that they cannot drift."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from anyon.domain.idleness import Verdict
from anyon.domain.sweeper import Sweeper
from anyon.metrics import IDLE_DURATIONS, Metrics
from anyon.model import WorkspaceState
from anyon.runtime.protocol import Runtime
from anyon.store import Store


@dataclass
class Gauges:
    store: Store
    sweeper: Sweeper
    runtime: Runtime
    metrics: Metrics

    async def refresh(self) -> None:
        """Set every gauge of the catalogue that counts rows."""
        async with self.store.for_system(read_only=True) as session:
            states = await session.count_workspaces()
            executions = await session.live_executions()
            terminals = await session.open_terminals()
        for state in WorkspaceState:
            self.metrics.gauge("anyon_workspaces").labels(state.value).set(states.get(state, 0))
        running = states.get(WorkspaceState.RUNNING, 0)
        self.metrics.gauge("anyon_containers_total").labels("running").set(running)
        self.metrics.gauge("anyon_containers_total").labels("stopped").set(states.get(WorkspaceState.STOPPED, 0))
        self.metrics.gauge("anyon_executions_running").set(len(executions))
        self.metrics.gauge("anyon_terminals_open").set(len(terminals))
        self.metrics.gauge("anyon_workspaces_isolated").set(int(self.runtime.isolated))
        idle = Counter(_bucket(verdict) for _, verdict in await self.sweeper.plan() if verdict.quiet_seconds > 0)
        for label, _ in IDLE_DURATIONS:
            self.metrics.gauge("anyon_idle_containers_total").labels(label).set(idle[label])


def _bucket(verdict: Verdict) -> str:
    return next(label for label, bound in IDLE_DURATIONS if verdict.quiet_seconds <= bound)
