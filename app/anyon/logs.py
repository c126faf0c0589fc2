"""Structured logs on standard output: JSON for machines, coloured text for people.

Context such as `request_id`, `user_id` and `project_id` travels in context variables. One processor removes what looks
like a credential, so that no call has to remember to.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from anyon.settings import LogFormat

_SECRET_KEYS = re.compile(r"(token|secret|password|passphrase|authorization|cookie|api_?key)", re.IGNORECASE)
_SECRET_VALUES = re.compile(
    r"(eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"  # a JWT
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password in an address
    r"|\b(?:sk|ghp|gho|ghs|glpat|xox[abp])[-_][\w-]{10,})"
)
REMOVED = "[removed]"
_OF_MANY_LINES = frozenset({"event", "exception", "stack"})


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values under telling keys, and credential shapes within any text."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key) and value:
            event[key] = REMOVED
        elif isinstance(value, str):
            event[key] = _SECRET_VALUES.sub(REMOVED, value)
    return event


def escape(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Show what a terminal would obey as `\\x1b`: what a stranger sends neither moves the cursor nor starts a line.

    Messages and tracebacks keep their lines, indented. What is no text is shown by its `repr`, which escapes as well.
    """
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            lines = value.split("\n") if key in _OF_MANY_LINES else [value]
            event[key] = "\n    ".join(map(_printable, lines))
    return event


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def configure(level: str, log_format: LogFormat) -> None:
    """Send structlog's and the standard library's records through one chain to standard output."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.JSONRenderer()]
        if log_format is LogFormat.JSON
        else [escape, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, redact, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for own in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own).handlers = []
        logging.getLogger(own).propagate = True
