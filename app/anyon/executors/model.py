"""The form of an executor: how to start one agent CLI, said as data.

A template is a list of arguments. Three placeholders exist, each of them a whole argument by itself, so that what a
user wrote is never joined to an option and never goes through a shell (but for the executor whose program is one):

- `{prompt}` becomes the prompt; a template without it hands the prompt over on standard input;
- `{options}` becomes `model_options` when a model was asked for, else nothing;
- `{model}`, in `model_options` only, becomes the model's name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from anyon.executors.errors import FollowUpUnsupported, ModelRefused, PromptRefused

PROMPT, OPTIONS, MODEL = "{prompt}", "{options}", "{model}"
MAX_ARGUMENT_BYTES = 131_071
"""Linux's limit of one argument (MAX_ARG_STRLEN), without the byte that ends it."""

_LOOKS_LIKE_A_PLACEHOLDER = re.compile(r"\{\w*\}")
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,199}")

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Argument = Annotated[str, StringConstraints(min_length=1)]
Sentence = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class OutputFormat(StrEnum):
    """What the CLI writes to standard output: prose for a person, or one JSON document per line."""

    TEXT = "text"
    JSON_LINES = "json-lines"


@dataclass(frozen=True)
class Command:
    """What the agent is asked to run. `stdin` is written to the program's standard input, which is then closed."""

    argv: tuple[str, ...]
    stdin: str | None


class Executor(BaseModel):
    """One entry of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Its key in the catalogue.")
    title: Sentence = Field(description="Name that people read.")
    description: Sentence = Field(description="One or two sentences for the list of executors.")
    prompt_label: Sentence = Field(description="Label of the field into which the prompt is typed.")
    argv: tuple[Argument, ...] = Field(min_length=1, description="Template of the command.")
    follow_up_argv: tuple[Argument, ...] | None = Field(
        None, min_length=1, description="Template that goes on with the last conversation of the same folder."
    )
    model_options: tuple[Argument, ...] = Field((), description="What `{options}` becomes when a model is asked for.")
    environment: Mapping[VariableName, str] = Field({}, description="Variables that are set for the program.")
    requires: tuple[tuple[VariableName, ...], ...] = Field(
        (), description="Of each inner list, one credential is needed, unless the CLI was signed in to in a terminal."
    )
    accepts: tuple[VariableName, ...] = Field((), description="Further credentials that the program reads.")
    every_credential: bool = Field(False, description="Whether the program is given all credentials of its user.")
    output: OutputFormat = Field(OutputFormat.TEXT, description="Format of standard output.")
    install: str = Field("", description="Command that installs the program inside a workspace, if needed.")
    permissions: Sentence = Field(description="What the program may do unasked, and by which flag.")
    checked_version: str | None = Field(None, description="Version of the CLI whose flags were checked.")

    @property
    def program(self) -> str:
        """The program that must exist in the workspace: a path, or a name to be found on PATH."""
        return self.argv[0]

    @property
    def credentials(self) -> frozenset[str]:
        """Every credential that the program knows by name; unless `every_credential`, no other concerns it."""
        return frozenset(name for any_of in self.requires for name in any_of) | frozenset(self.accepts)

    @property
    def takes_model(self) -> bool:
        return bool(self.model_options)

    def missing_credentials(self, available: Collection[str]) -> list[tuple[str, ...]]:
        """The lists of `requires` of which `available` holds none."""
        return [any_of for any_of in self.requires if not any(name in available for name in any_of)]

    def command(self, prompt: str, model: str | None = None, *, follow_up: bool = False) -> Command:
        """The command that works on `prompt`.

        The prompt may hold anything but NUL, and may begin with a dash. Raises PromptRefused (NUL, or too long for an
        argument), ModelRefused (the executor takes none, or it is not a model's name), FollowUpUnsupported.
        """
        template = self.follow_up_argv if follow_up else self.argv
        if template is None:
            raise FollowUpUnsupported(executor=self.title)
        by_argument = PROMPT in template
        self._check_prompt(prompt, by_argument)
        return Command(
            argv=tuple(self._filled(template, prompt, self._options(model))), stdin=None if by_argument else prompt
        )

    def _filled(self, template: tuple[str, ...], prompt: str, options: tuple[str, ...]) -> list[str]:
        argv: list[str] = []
        for argument in template:
            if argument == OPTIONS:
                argv.extend(options)
            else:
                argv.append(prompt if argument == PROMPT else argument)
        return argv

    def _options(self, model: str | None) -> tuple[str, ...]:
        if model is None:
            return ()
        if not self.takes_model:
            raise ModelRefused(executor=self.title, reason="it does not choose among models.")
        if not _MODEL_NAME.fullmatch(model):
            raise ModelRefused(executor=self.title, reason="that is not the name of a model.")
        return tuple(model if argument == MODEL else argument for argument in self.model_options)

    def _check_prompt(self, prompt: str, by_argument: bool) -> None:
        if "\0" in prompt:
            raise PromptRefused(executor=self.title, reason="it holds a NUL character.")
        try:
            size = len(prompt.encode())
        except UnicodeEncodeError:
            raise PromptRefused(executor=self.title, reason="it holds half of a surrogate pair.") from None
        if by_argument and size > MAX_ARGUMENT_BYTES:
            reason = f"it has {size:,} bytes, and an argument holds {MAX_ARGUMENT_BYTES:,}."
            raise PromptRefused(executor=self.title, reason=reason)

    @model_validator(mode="after")
    def _templates_hold_known_placeholders(self) -> Executor:
        for field, template in (("argv", self.argv), ("follow_up_argv", self.follow_up_argv or ())):
            _check_template(field, template, allowed=(PROMPT, OPTIONS))
            if bool(self.model_options) != (OPTIONS in template) and template:
                raise ValueError(f"{field}: {OPTIONS} and model_options belong together")
        _check_template("model_options", self.model_options, allowed=(MODEL,))
        if self.model_options and MODEL not in self.model_options:
            raise ValueError(f"model_options: {MODEL} is missing")
        if self.argv[0] in (PROMPT, OPTIONS):
            raise ValueError("argv: the first argument names the program")
        return self


def _check_template(field: str, template: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for argument in template:
        found = _LOOKS_LIKE_A_PLACEHOLDER.findall(argument)
        if found and (argument not in allowed or len(found) > 1):
            raise ValueError(f"{field}: {argument!r} is no placeholder here; known are {', '.join(allowed)}")
    repeated = [name for name in allowed if template.count(name) > 1]
    if repeated:
        raise ValueError(f"{field}: {repeated[0]} occurs twice")
