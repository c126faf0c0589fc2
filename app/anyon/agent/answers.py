"""What agents answer and report, as frozen records read by `Fields`: the control plane sees nothing of it unchecked.

Agents are hostile until shown otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from anyon.agent.errors import AgentProtocolViolation
from anyon.agent.fields import MAX_BYTES, MAX_COUNT, Fields

MAX_PATCH = 1_048_576
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def uuid_of(identity: str) -> UUID | None:
    """An agent's id as one of ours, or None: programs of the workspace may have chosen it."""
    try:
        return UUID(identity)
    except ValueError:
        return None


# --- what runs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Execution:
    """Instants are Unix seconds."""

    id: str
    state: str  # running | exited | lost
    started_at: float | None = None
    finished_at: float | None = None
    first_byte_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    log_bytes: int = 0
    stopped: bool = False

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.text("id", 64),
            get.choice("state", "running", "exited", "lost"),
            get.optional_number("started_at"),
            get.optional_number("finished_at"),
            get.optional_number("first_byte_at"),
            get.optional_integer("exit_code", least=-MAX_COUNT),
            get.optional_integer("signal"),
            get.integer("log_bytes", most=MAX_BYTES),
            get.flag("stopped"),
        )


@dataclass(frozen=True, slots=True)
class Terminal:
    """`exit_code` is negative for a signal."""

    id: str
    open: bool
    last_activity: float | None
    exit_code: int | None

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.text("id", 64),
            get.flag("open"),
            get.optional_number("last_activity"),
            get.optional_integer("exit_code", least=-MAX_COUNT),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Of `status`, and of the snapshots of `watch`: what runs now."""

    executions: tuple[Execution, ...] = ()
    terminals: tuple[Terminal, ...] = ()
    last_activity: float | None = None
    heartbeat_until: float | None = None

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.records("executions", Execution.parse),
            get.records("terminals", Terminal.parse),
            get.optional_number("last_activity"),
            get.optional_number("heartbeat_until"),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest line of an execution's output, or of an import."""

    subject: str
    text: str


Change = Execution | Terminal | Progress


def watched(raw: object) -> Status | Change | None:
    """An event of `watch`; None for a kind that only a newer agent knows."""
    get = Fields(raw)
    match get.text("event", 64):
        case "snapshot":
            return Status.parse(raw)
        case "execution":
            return Execution.parse(get.nested("execution"))
        case "terminal":
            return Terminal.parse(get.nested("terminal"))
        case "progress":
            return Progress(get.text("subject", 64), get.text("text", 500))
    return None


def open_terminals(raw: object) -> tuple[Terminal, ...]:
    """Of `terminal.list`."""
    return Fields(raw).records("terminals", Terminal.parse)


# --- streams --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that are not there any more: the stream goes on at `end`."""

    start: int
    end: int
    reset: bool


def gap(raw: object) -> Gap | None:
    """An event of `execution.follow` or `terminal.attach` when it is a gap."""
    get = Fields(raw)
    if get.text("event", 64) != "gap":
        return None
    start = get.integer("from", most=MAX_BYTES)
    return Gap(start, get.integer("to", least=start, most=MAX_BYTES), get.nested("reset") is True)


@dataclass(frozen=True, slots=True)
class Attached:
    """The first event of `terminal.attach`; what comes before `shown` some viewer has seen already."""

    start: int
    reset: bool
    shown: int
    cols: int
    rows: int

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        start = get.integer("from", most=MAX_BYTES)
        shown = get.integer("shown", least=start, most=MAX_BYTES)
        return cls(start, get.flag("reset"), shown, get.integer("cols"), get.integer("rows"))


def import_progress(raw: object) -> str:
    """The text of an event of `repository.import`."""
    return Fields(raw).text("text", 500)


# --- repository and files -------------------------------------------------------------------------------------------


def default_branch(raw: object) -> str:
    """Of `repository.create` and `repository.import`."""
    branch = Fields(raw).text("default_branch", 250)
    if not branch:
        raise AgentProtocolViolation(reason="it named no default branch")
    return branch


def commit(raw: object, key: str) -> str:
    """The commit under `key` of what a git operation gives."""
    return Fields(raw).commit(key)


@dataclass(frozen=True, slots=True)
class Committed:
    """Of `worktree.commit`; `nested` are folders that were left out, because they are repositories of their own."""

    head: str
    nested: tuple[str, ...]

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(get.commit("head"), get.optional_paths("nested"))


@dataclass(frozen=True, slots=True)
class Work:
    """Of `worktree.state`."""

    uncommitted: int
    commits: int
    nested: tuple[str, ...] = ()

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(get.integer("uncommitted"), get.integer("commits"), get.optional_paths("nested"))


@dataclass(frozen=True, slots=True)
class DiffFile:
    path: str
    old_path: str | None
    status: str
    added: int | None
    removed: int | None
    binary: bool

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.path("path"),
            get.optional_path("old_path"),
            get.text("status", 1),
            get.optional_integer("added"),
            get.optional_integer("removed"),
            get.flag("binary"),
        )


@dataclass(frozen=True, slots=True)
class Diff:
    """Of `diff.summary`."""

    base: str
    head: str
    files: tuple[DiffFile, ...]
    added: int
    removed: int
    truncated: bool

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.commit("base"),
            get.commit("head"),
            get.records("files", DiffFile.parse),
            get.integer("added"),
            get.integer("removed"),
            get.flag("truncated"),
        )


@dataclass(frozen=True, slots=True)
class Patch:
    """Of `diff.file`."""

    patch: str
    truncated: bool
    binary: bool

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(get.verbatim("patch", MAX_PATCH), get.flag("truncated"), get.flag("binary"))


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    kind: str
    size: int
    modified_at: float

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.path("name"),
            get.choice("kind", "file", "directory", "link", "other"),
            get.integer("size", most=2**63 - 1),
            get.number("modified_at"),
        )


@dataclass(frozen=True, slots=True)
class Directory:
    """Of `files.list`."""

    entries: tuple[Entry, ...]
    truncated: bool

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(get.records("entries", Entry.parse), get.flag("truncated"))


@dataclass(frozen=True, slots=True)
class Content:
    """Of `files.read`."""

    content_base64: str
    size: int
    truncated: bool

    @classmethod
    def parse(cls, raw: object) -> Self:
        get = Fields(raw)
        return cls(
            get.matching("content_base64", _BASE64, "in base64"),
            get.integer("size", most=2**63 - 1),
            get.flag("truncated"),
        )
