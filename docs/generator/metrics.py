"""The catalogue of metrics."""

from __future__ import annotations

from math import isfinite

from anyon.metrics import CATALOGUE, IDLE_DURATIONS, MAX_PROJECT_LABELS, Kind
from docs.generator.markdown import code, codes, table

_SORTED = sorted(CATALOGUE, key=lambda metric: metric.name)


def metrics() -> str:
    return table(
        ("series", "kind", "labels", "what it says"),
        ((code(metric.name), metric.kind.value, codes(metric.labels) or "—", metric.help) for metric in _SORTED),
    )


def metric_labels() -> str:
    bounds = [(code(name), f"at most {bound:g} s" if isfinite(bound) else "more") for name, bound in IDLE_DURATIONS]
    project = f"the id for the first {MAX_PROJECT_LABELS} projects, then `other`"
    rows = [("`idle_duration`", "; ".join(f"{name}: {bound}" for name, bound in bounds)), ("`project_id`", project)]
    return table(("label", "values"), rows)


def metric_buckets() -> str:
    return table(
        ("series", "upper bounds in seconds"),
        (
            (code(metric.name), ", ".join(f"{bound:g}" for bound in metric.buckets))
            for metric in _SORTED
            if metric.kind is Kind.HISTOGRAM
        ),
    )
