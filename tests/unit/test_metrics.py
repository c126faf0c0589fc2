"""The catalogue of metrics: what others scrape by name does not change."""

from __future__ import annotations

import re

import pytest

from anyon.metrics import CATALOGUE, IDLE_DURATIONS, MAX_PROJECT_LABELS, Kind, Metrics


def metric(name: str) -> tuple[Kind, str, tuple[str, ...], tuple[float, ...]]:
    found = next(entry for entry in CATALOGUE if entry.name == name)
    return found.kind, found.help, found.labels, found.buckets


def test_the_three_series_of_the_operations_manual_are_there_to_the_letter() -> None:
    kind, text, labels, _ = metric("anyon_containers_total")
    assert (kind, text, labels) == (Kind.GAUGE, "Number of running containers", ("status",))
    kind, _, labels, buckets = metric("anyon_container_exec_duration_seconds")
    assert (kind, labels, buckets) == (
        Kind.HISTOGRAM,
        ("project_id", "status"),
        (0.1, 0.5, 1, 2.5, 5, 10, 30, 60),
    )
    kind, text, labels, _ = metric("anyon_idle_containers_total")
    assert (kind, text, labels) == (Kind.GAUGE, "Number of idle containers", ("idle_duration",))
    assert [label for label, _ in IDLE_DURATIONS[:3]] == ["5m", "15m", "30m"]


def test_every_series_is_ours_once_and_explained() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(names) == len(set(names))
    for entry in CATALOGUE:
        assert re.fullmatch(r"anyon_[a-z_]+", entry.name)
        assert entry.help
        assert bool(entry.buckets) == (entry.kind is Kind.HISTOGRAM)


def test_every_series_of_the_catalogue_is_exposed_by_its_name() -> None:
    text = Metrics().render().decode()
    for entry in CATALOGUE:
        assert f"# HELP {entry.name} {entry.help}\n" in text
        assert f"# TYPE {entry.name} {entry.kind}\n" in text


def test_projects_beyond_the_limit_share_a_label() -> None:
    metrics = Metrics()
    labels = [metrics.project_label(str(number)) for number in range(MAX_PROJECT_LABELS + 2)]
    assert labels[-3:] == [str(MAX_PROJECT_LABELS - 1), "other", "other"]
    assert metrics.project_label("0") == "0"


def test_a_series_is_used_as_what_it_is() -> None:
    metrics = Metrics()
    with pytest.raises(TypeError, match="is a Gauge, not a Counter"):
        metrics.counter("anyon_terminals_open")
    metrics.counter("anyon_workspace_starts_total").labels("started").inc()
    assert b'anyon_workspace_starts_total{outcome="started"} 1.0' in metrics.render()
