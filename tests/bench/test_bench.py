"""The benchmarks themselves work: what they measure is judged by `make bench` alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.model import Row, Scale, p95

_KEYS = {"name", "unit", "value", "limit", "baseline", "baseline_value", "ratio", "method"}


@pytest.mark.bench
def test_a_quick_run_writes_a_report_in_the_agreed_form(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    assert main(["--quick", "--only", "execution-start", "api-reads", "sweep", "--output", str(output)]) == 0
    rows = json.loads(output.read_text())
    assert {row["name"] for row in rows} >= {"execution start", "API reads at 350/s", "sweep over 1,000 workspaces"}
    for row in rows:
        assert set(row) == _KEYS
        assert isinstance(row["value"], (int, float))
    assert next(row for row in rows if row["unit"] == "stops")["value"] == 0


def test_p95_is_a_value_that_was_seen_and_no_smaller_than_95_of_100() -> None:
    assert p95([3.0]) == 3.0
    assert p95([float(number) for number in range(1, 101)]) == 95.0


def test_a_budget_is_missed_above_its_limit_only() -> None:
    def row(value: float, limit: float | None) -> Row:
        return Row("a", "ms", value, limit, "b", 2.0, "")

    assert [row(1.0, 1.0).missed, row(1.1, 1.0).missed, row(9.0, None).missed] == [False, True, False]
    assert row(3.0, None).ratio == 1.5


def test_a_quick_run_repeats_a_handful_of_times() -> None:
    assert (Scale().repeats(400), Scale(quick=True).repeats(400)) == (400, 3)
