"""The catalogue of metrics: the one place that names a series.

The rules and dashboards of the infrastructure code are generated from `CATALOGUE`; the service registers it as
`Metrics`. Three series carry the names that document 004 gave them (R13-R15), beside well-named twins (X24).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One series: its exposed name, what it counts, its bounded labels."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_Collector = TypeVar("_Collector", bound=MetricWrapperBase)

_START_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

CATALOGUE: tuple[Metric, ...] = (
    Metric("anyon_containers_total", Kind.GAUGE, "Number of running containers", ("status",)),
    Metric(
        "anyon_container_exec_duration_seconds",
        Kind.HISTOGRAM,
        "Duration of executions in the container of a project",
        ("project_id", "status"),
        (0.1, 0.5, 1, 2.5, 5, 10, 30, 60),
    ),
    Metric("anyon_idle_containers_total", Kind.GAUGE, "Number of idle containers", ("idle_duration",)),
    Metric("anyon_workspaces", Kind.GAUGE, "Workspaces by state", ("state",)),
    Metric("anyon_workspace_starts_total", Kind.COUNTER, "Workspace starts by outcome", ("outcome",)),
    Metric("anyon_workspace_stops_total", Kind.COUNTER, "Workspace stops by reason", ("reason",)),
    Metric(
        "anyon_start_phase_seconds",
        Kind.HISTOGRAM,
        "Time of each phase between a task's creation and its first output byte",
        ("phase",),
        _START_BUCKETS,
    ),
    Metric(
        "anyon_execution_duration_seconds",
        Kind.HISTOGRAM,
        "Duration of executions",
        ("executor", "outcome"),
        (0.1, 1, 5, 30, 60, 300, 900, 1800, 3600, 7200),
    ),
    Metric("anyon_executions_running", Kind.GAUGE, "Executions that run now"),
    Metric("anyon_terminals_open", Kind.GAUGE, "Open terminals"),
    Metric("anyon_sockets_open", Kind.GAUGE, "Open WebSockets by purpose", ("purpose",)),
    Metric("anyon_sweep_seconds", Kind.HISTOGRAM, "Duration of one sweep for idle workspaces", (), _START_BUCKETS),
    Metric("anyon_http_requests_total", Kind.COUNTER, "Requests by route and status", ("method", "route", "status")),
    Metric(
        "anyon_http_request_seconds",
        Kind.HISTOGRAM,
        "Time to answer a request",
        ("method", "route"),
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
    ),
    Metric("anyon_event_loop_lag_seconds", Kind.GAUGE, "Lateness of the event loop's last timer"),
    Metric("anyon_workspaces_isolated", Kind.GAUGE, "1 when workspaces are isolated from each other"),
    Metric("anyon_build_info", Kind.GAUGE, "1, labelled with the version", ("version",)),
)

IDLE_DURATIONS: tuple[tuple[str, float], ...] = (("5m", 300), ("15m", 900), ("30m", 1800), ("longer", float("inf")))
"""Values of the label `idle_duration`, each with the upper bound in seconds that it stands for."""

MAX_PROJECT_LABELS = 200
"""Distinct `project_id` values of the compatibility series; later projects share the value `other` (X24)."""


class Metrics:
    """The catalogue, registered: `metrics.gauge("anyon_terminals_open").set(3)`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._project_labels: set[str] = set()
        self._collectors: dict[str, MetricWrapperBase] = {}
        for metric in CATALOGUE:
            self._collectors[metric.name] = self._register(metric)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _register(self, metric: Metric) -> MetricWrapperBase:
        if metric.kind is Kind.HISTOGRAM:
            return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)
        collector = Counter if metric.kind is Kind.COUNTER else Gauge
        return collector(metric.name, metric.help, metric.labels, registry=self.registry)

    def counter(self, name: str) -> Counter:
        return self._get(name, Counter)

    def gauge(self, name: str) -> Gauge:
        return self._get(name, Gauge)

    def histogram(self, name: str) -> Histogram:
        return self._get(name, Histogram)

    def _get(self, name: str, kind: type[_Collector]) -> _Collector:
        collector = self._collectors[name]
        if not isinstance(collector, kind):
            raise TypeError(f"{name} is a {type(collector).__name__}, not a {kind.__name__}")
        return collector

    def project_label(self, project_id: str) -> str:
        """`project_id` itself for the first MAX_PROJECT_LABELS projects, then `other`."""
        if project_id in self._project_labels:
            return project_id
        if len(self._project_labels) >= MAX_PROJECT_LABELS:
            return "other"
        self._project_labels.add(project_id)
        return project_id

    def render(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)
