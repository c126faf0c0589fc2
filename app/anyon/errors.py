"""The form of every failure that a person meets: a code, a title, what happened, and what to do.

`api/problems.py` alone turns these into HTTP (RFC 9457); the command line prints the same three sentences.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AnyonError(Exception):
    """A failure with a stable code.

    Subclasses set the class variables; `detail` and `hint` are format strings over the keyword arguments, which also
    travel to the client as members of the problem document when listed in `public`.
    """

    code: ClassVar[str] = "internal"
    status_hint: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    detail: ClassVar[str] = ""
    hint: ClassVar[str] = ""
    public: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(self.describe())

    def describe(self) -> str:
        """What happened, as one sentence."""
        return self.detail.format(**self.data) if self.detail else self.title

    def advise(self) -> str:
        """What to do about it; empty when there is nothing useful to say."""
        return self.hint.format(**self.data) if self.hint else ""

    def members(self) -> dict[str, Any]:
        """The data that a client may see."""
        return {name: self.data[name] for name in self.public if name in self.data}
