"""Every benchmark by name, and the budgets that are known to be missed."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench import commands, footprint, reads, starts, sweep, terminals
from tests.bench.model import Benchmark

BENCHMARKS: Mapping[str, Benchmark] = {
    "warm-task-start": starts.warm_task_start,
    "execution-start": starts.execution_start,
    "stopped-workspace": starts.stopped_workspace,
    "terminal-echo": terminals.terminal_echo,
    "repaint": terminals.repaint,
    "api-reads": reads.api_reads,
    "sweep": sweep.sweep,
    "load-test": commands.load_test,
    "load-test-large": commands.large_load_test,
    "memory": footprint.memory,
    "evaluation": commands.evaluation,
    "first-load": footprint.first_load,
    "make-up": commands.make_up,
}
"""`make-up` measures the memory too, where nothing is installed but what the service needs."""

LONG = frozenset({"warm-task-start", "stopped-workspace", "terminal-echo", "load-test", "load-test-large", "make-up"})
"""Left out of the quick run."""

ON_REQUEST = frozenset({"load-test-large", "memory"})
"""Run only when named: it takes many minutes, or another benchmark gives the figure more truly."""

_AGENTS = (
    "each project starts a sandbox with an interpreter, about 0.1 s of processor that the bare shell does not spend; "
    "each task of 2 ms of work is recorded, followed, committed and measured, about 60 ms; tasks that work for seconds "
    "hide it"
)
_FIXED = (
    "two requests, three transactions, one git process and the frames to the agent take about 24 ms whatever the "
    "repository; where the disk is quick and the machine quiet that is as much as the bare commands take for 300 files"
)
_LIBRARIES = "importing the application takes 86 MB, nearly all of it libraries, before anything is opened"
EXCEPTIONS: Mapping[str, str] = {
    "load test 10 x 5": _AGENTS,
    "load test 50 x 10": _AGENTS,
    "memory: control plane, idle": _LIBRARIES,
    "warm task start": _FIXED,
    "warm task start, prepared worktree": _FIXED,
}
"""Name of a row and why its budget is missed; the run does not fail for these."""
