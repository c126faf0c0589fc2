"""The one error of the local stack: what is wrong and what to do about it."""

from __future__ import annotations


class LocalError(Exception):
    """`summary` is one line; `detail` may be several (a log's tail); `hint` names the command or setting that helps."""

    def __init__(self, summary: str, *, hint: str, detail: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.summary, self.detail, self.hint) if part)
