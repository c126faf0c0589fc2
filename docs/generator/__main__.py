"""Fills the blocks of the documentation that repeat the code: tables of settings, metrics, errors, API and commands.

A block stands between `<!-- begin generated: NAME -->` and `<!-- end generated -->`. `make docs` fills them all;
`tests/docs/test_generated.py` fails when one differs from what the code says now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import api, commands, errors, metrics, settings, state_machines

DOCS = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(
    r"(<!-- begin generated: (?P<name>[\w-]+) -->\n).*?(<!-- end generated -->)",
    re.DOTALL,
)

BLOCKS: Mapping[str, Callable[[], str]] = {
    "settings": settings.settings,
    "metrics": metrics.metrics,
    "metric-labels": metrics.metric_labels,
    "metric-buckets": metrics.metric_buckets,
    "errors": errors.errors,
    "request-errors": errors.request_errors,
    "agent-errors": errors.agent_errors,
    "api": api.api,
    "api-sockets": api.api_sockets,
    "api-shapes": api.api_shapes,
    "cli": commands.cli,
    "exit-codes": commands.exit_codes,
    "attempt-machine": state_machines.attempt,
    "workspace-machine": state_machines.workspace,
    "task-columns": state_machines.task_columns,
}


def main() -> None:
    """Write every page."""
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")


def documents() -> dict[Path, str]:
    """Every page that holds a generated block, with each block as the code would have it now."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: filled(text) for path, text in texts.items() if _BLOCK.search(text)}


def filled(text: str) -> str:
    """The text with the content of each block made anew; what stands around the blocks is written by hand."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found['name']]()}\n\n{found[3]}", text)


if __name__ == "__main__":
    main()
