"""What can go wrong between the control plane and an agent. Control-plane side only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anyon.errors import AnyonError


class AgentError(AnyonError):
    """
    AgentError
    ├── AgentUnreachable          nobody answers, or the connection was lost with calls pending
    ├── AgentRefused              it answers and does not let us in
    ├── AgentTimeout              an operation took longer than its deadline
    ├── AgentProtocolViolation    it does not keep to the protocol
    └── AgentProblem              it refused an operation, with a code of its own
    """

    code, status_hint = "agent-error", 502
    title = "The workspace's agent failed"


class AgentUnreachable(AgentError):
    code, status_hint = "agent-unreachable", 502
    title = "The workspace does not answer"
    detail = "The agent of the workspace cannot be reached: {reason}."
    hint = "Try again; the workspace is started anew if it is gone."


class AgentRefused(AgentError):
    code, status_hint = "agent-refused", 502
    title = "The workspace refuses the connection"
    detail = "The agent refused the connection ({reason_code}): {reason}"
    hint = "Restart the workspace, so that both sides speak of the same generation."


class AgentTimeout(AgentError):
    code, status_hint = "agent-timeout", 504
    title = "The workspace took too long"
    detail = "{operation} did not end within {seconds:g} seconds."
    hint = "Try again; if it stays so, restart the workspace."


class AgentProtocolViolation(AgentError):
    code, status_hint = "agent-protocol-violation", 502
    title = "The workspace does not keep to the protocol"
    detail = "What its agent says cannot be used: {reason}."
    hint = "Restart the workspace."


_TITLES: Mapping[str, str] = {
    "clone-failed": "The repository could not be cloned",
    "copy-failed": "The folder could not be copied",
    "not-a-worktree": "The worktree is damaged",
    "source-unreadable": "The folder cannot be read",
    "unfinished-operation": "Something is unfinished in the worktree",
    "wrong-branch": "The worktree is on another branch",
}
"""Of refusals that people meet often, by their codes."""


class AgentProblem(AgentError):
    """A refusal by the agent, with the code, detail, hint and data of its problem (`docs/reference/agent.md`).

    The texts come out of the workspace: show them as text, decide by the code only. The title is of `_TITLES`.
    """

    code, status_hint = "agent-problem", 409
    title = "The workspace refused"

    def __init__(self, code: str, detail: str, hint: str = "", data: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.data = dict(data or {})  # cleaned, as all of it is
        # Every other error has these for its class; here each refusal brings its own.
        self.title = _TITLES.get(code, self.title)  # type: ignore[misc] # a class variable elsewhere
        self.code = code  # type: ignore[misc] # a class variable elsewhere
        self.detail = detail  # type: ignore[misc] # a class variable elsewhere
        self.hint = hint  # type: ignore[misc] # a class variable elsewhere
        self.args = (f"{code}: {detail}",)

    def describe(self) -> str:
        return self.detail

    def advise(self) -> str:
        return self.hint
