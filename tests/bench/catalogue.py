"""Every benchmark by name, and the budgets that are known to be missed."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench import reads, starts, terminals
from tests.bench.model import Benchmark

BENCHMARKS: Mapping[str, Benchmark] = {
    "warm-task-start": starts.warm_task_start,
    "execution-start": starts.execution_start,
    "stopped-workspace": starts.stopped_workspace,
    "terminal-echo": terminals.terminal_echo,
    "repaint": terminals.repaint,
    "api-reads": reads.api_reads,
}

LONG = frozenset[str]()
"""Left out of the quick run: each needs more than the whole of it may take."""

EXCEPTIONS: Mapping[str, str] = {}
"""Name of a row and why its budget is missed; the run does not fail for these."""
