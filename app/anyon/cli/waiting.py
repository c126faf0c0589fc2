"""What commands over HTTP wait for: the end of an import, the end of an attempt."""

from __future__ import annotations

import sys
from typing import Any

from anyon.errors import AnyonError
from anyon.loadtest.service import Record, Service


class ImportFailed(AnyonError):
    code, status_hint = "import-failed", 502
    title = "The import failed"
    detail = "{problem}"
    hint = "{advice}"


async def imported(url: str, token: str, project_id: str) -> None:
    """Wait until the project is ready; its progress goes to standard error. Raises ImportFailed."""
    progress = _Progress(project_id)
    try:
        async with Service(url, token, progress.line) as service:
            project = await service.until(
                project_id, f"/api/projects/{project_id}", lambda seen: seen.get("state") != "creating"
            )
    finally:
        progress.end()
    if project.get("state") != "ready":
        problem = project.get("problem") or {"title": "It was deleted meanwhile", "detail": ""}
        raise ImportFailed(problem=_sentence(problem), advice=problem.get("hint", ""))


class _Progress:
    """Lines of an import: over each other on a terminal; elsewhere the first of each step."""

    def __init__(self, project_id: str) -> None:
        self._project_id = project_id
        self._rewrites = sys.stderr.isatty()
        self._step = ""

    def line(self, subject: str, text: str) -> None:
        if subject != self._project_id or not text:
            return
        step = text.partition(":")[0]
        if self._rewrites:
            sys.stderr.write(f"\r\x1b[K{text}")
        elif step != self._step:
            sys.stderr.write(f"{text}\n")
        self._step = step
        sys.stderr.flush()

    def end(self) -> None:
        if self._rewrites and self._step:
            sys.stderr.write("\r\x1b[K")


async def ended(url: str, token: str, attempt_id: str) -> bool:
    """Wait until the attempt needs nothing more, say on standard error how it ended, and whether it succeeded."""
    async with Service(url, token) as service:
        attempt = await service.settled(attempt_id)
    for line in _ending(attempt):
        sys.stderr.write(f"{line}\n")
    execution = attempt.get("execution") or {}
    return execution.get("exit_code") == 0 and attempt["state"] != "failed"


def _ending(attempt: Record) -> list[str]:
    state = str(attempt["state"]).replace("_", " ")
    lines = [f"attempt {attempt['number']}: {state}, {_exit_status(attempt.get('execution') or {})}"]
    problem = attempt.get("problem")
    if problem:
        lines += [_sentence(problem), problem.get("hint", "")]
    return [line for line in lines if line]


def _exit_status(execution: Record) -> str:
    if execution.get("signal") is not None:
        return f"ended by signal {execution['signal']}"
    if execution.get("exit_code") is not None:
        return f"exit status {execution['exit_code']}"
    return "its program did not run" if execution.get("started_at") is None else "exit status unknown"


def _sentence(problem: dict[str, Any]) -> str:
    return ": ".join(part for part in (problem.get("title", ""), problem.get("detail", "")) if part)
