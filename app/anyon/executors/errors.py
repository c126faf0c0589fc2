"""Why an executor cannot make a command of a request."""

from __future__ import annotations

from anyon.errors import AnyonError


class PromptRefused(AnyonError):
    code, status_hint = "prompt-refused", 422
    title = "This prompt cannot be handed to the executor"
    detail = "{executor} cannot take it: {reason}"
    hint = "Shorten the prompt, or put the long part into a file of the project and name the file."
    public = ("executor", "reason")


class ModelRefused(AnyonError):
    code, status_hint = "model-refused", 422
    title = "This model cannot be handed to the executor"
    detail = "{executor} cannot take the model: {reason}"
    hint = "Leave the model out to use the executor's own default."
    public = ("executor", "reason")


class FollowUpUnsupported(AnyonError):
    code, status_hint = "follow-up-unsupported", 409
    title = "This executor cannot go on with an earlier conversation"
    detail = "{executor} starts anew each time."
    hint = "Start a new attempt, and say in its description what to build upon."
    public = ("executor",)
