"""What the tasks of a load test do, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

LINES = 200
FAILING_EVERY, FAILURE = 5, 3
"""Each fifth task ends with exit status 3: an ending that is reported truly is part of the test."""


@dataclass(frozen=True)
class Work:
    """One task: writes LINES lines to its log, one file to its worktree, and ends with `exit_code`."""

    project: int
    task: int

    @property
    def name(self) -> str:
        return f"project {self.project} task {self.task}"

    @property
    def exit_code(self) -> int:
        return FAILURE if self.task % FAILING_EVERY == 0 else 0

    @property
    def command(self) -> str:
        """For `sh -c`."""
        return (
            f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo '{self.name} line' $i; done; "
            f"echo done > task-{self.task}.txt; exit {self.exit_code}"
        )

    @property
    def log(self) -> bytes:
        return "".join(f"{self.name} line {number}\n" for number in range(1, LINES + 1)).encode()


def works(projects: int, tasks: int) -> list[list[Work]]:
    """Per project its tasks; both count from 1."""
    return [[Work(project, task) for task in range(1, tasks + 1)] for project in range(1, projects + 1)]
