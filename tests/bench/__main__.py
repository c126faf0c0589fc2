"""Runs the benchmarks, prints them against their budgets, writes `build/bench.json`.

`--quick` runs a handful of repeats to show that each works; its figures mean nothing and nothing is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import catalogue
from tests.bench.model import Row, Scale


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=sorted(catalogue.BENCHMARKS), metavar="NAME")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(arguments)
    left_out = catalogue.LONG if options.quick else catalogue.ON_REQUEST
    names = options.only or [name for name in catalogue.BENCHMARKS if name not in left_out]
    rows: list[Row] = []
    sys.stdout.write(f"{'':44} {'value':>10} {'limit':>10} {'baseline':>10} {'ratio':>7}  unit\n")
    for name in names:
        made = asyncio.run(catalogue.BENCHMARKS[name](Scale(quick=options.quick)))
        rows += made
        for row in made:
            sys.stdout.write(f"{line(row)}{'' if options.quick else judgement(row)}\n")
            sys.stdout.flush()
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
    return 0 if options.quick else int(any(row.missed and row.name not in catalogue.EXCEPTIONS for row in rows))


def line(row: Row) -> str:
    numbers = (row.value, row.limit, row.baseline_value)
    shown = " ".join(f"{number:10.2f}" if number is not None else f"{'-':>10}" for number in numbers)
    ratio = f"{row.ratio:7.2f}" if row.ratio is not None else f"{'-':>7}"
    return f"{row.name:44} {shown} {ratio}  {row.unit:6}"


def judgement(row: Row) -> str:
    if not row.missed:
        return ""
    return f" MISSED, known: {catalogue.EXCEPTIONS[row.name]}" if row.name in catalogue.EXCEPTIONS else " MISSED"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
