"""What operations take and give: one frozen record per message.

NamedTuple, not dataclass: a frozen dataclass costs a millisecond of start-up each, and the agent starts while a person
waits.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from anyon.agent.arguments import Arguments

MAX_TEXT_BYTES = 1_000_000  # standard input, messages: what fits into a frame
MAX_GRACE_SECONDS = 300.0
MAX_HEARTBEAT_SECONDS = 7 * 86_400.0
MAX_SCREEN = 1000  # columns or rows
MAX_READ_BYTES = 524_288
EXCLUDES = ("info", "gitignore")


class Nothing(NamedTuple):
    """For operations without arguments."""

    @classmethod
    def parse(cls, _get: Arguments) -> Self:
        return cls()


class Identity(NamedTuple):
    id: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.identity("id"))


class Author(NamedTuple):
    name: str
    email: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.text("name", limit=200), get.text("email", limit=200))


class RepositoryCreate(NamedTuple):
    default_branch: str
    author: Author
    exclude: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("default_branch", "main", limit=250),
            Author.parse(get.nested("author")),
            get.choice("exclude", EXCLUDES, "info"),
        )


class RepositoryImport(NamedTuple):
    source: str
    author: Author
    exclude: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.text("source"), Author.parse(get.nested("author")), get.choice("exclude", EXCLUDES, "info"))


class WorktreeAdd(NamedTuple):
    path: str
    branch: str
    base: str | None
    exclude: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("path", limit=250),
            get.text("branch", limit=250),
            get.optional_text("base", limit=250),
            get.choice("exclude", EXCLUDES, "info"),
        )


class WorktreeRemove(NamedTuple):
    path: str
    branch: str | None
    delete_branch: bool
    force: bool

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("path", limit=250),
            get.optional_text("branch", limit=250),
            get.flag("delete_branch", False),
            get.flag("force", False),
        )


class WorktreeCommit(NamedTuple):
    path: str
    branch: str | None  # the one that the worktree is for; None: whatever it is on
    base_commit: str | None  # where it began
    message: str
    author: Author

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("path"),
            get.optional_text("branch", limit=250),
            get.optional_text("base_commit", limit=250),
            get.text("message", limit=MAX_TEXT_BYTES),
            Author.parse(get.nested("author")),
        )


class WorktreeState(NamedTuple):
    path: str
    branch: str | None
    base_commit: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.text("path"), get.optional_text("branch", limit=250), get.text("base_commit", limit=250))


class DiffSummary(NamedTuple):
    path: str
    base: str
    head: str | None  # a second commit instead of the worktree's present state

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.text("path"), get.text("base", limit=250), get.optional_text("head", limit=250))


class DiffFile(NamedTuple):
    path: str
    base: str
    file: str
    old_path: str | None  # of a renamed file: the patch is then against it
    head: str | None  # as in DiffSummary

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("path"),
            get.text("base", limit=250),
            get.text("file"),
            get.optional_text("old_path"),
            get.optional_text("head", limit=250),
        )


class BranchMerge(NamedTuple):
    branch: str
    into: str
    message: str
    author: Author

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("branch", limit=250),
            get.text("into", limit=250),
            get.text("message", limit=MAX_TEXT_BYTES),
            Author.parse(get.nested("author")),
        )


class BranchRebase(NamedTuple):
    path: str
    branch: str
    onto: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.text("path"), get.text("branch", limit=250), get.text("onto", limit=250))


class ExecutionStart(NamedTuple):
    id: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    secrets: dict[str, str]
    stdin: str | None

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.identity("id"),
            get.strings("argv"),
            get.text("cwd", ""),
            get.variables("env"),
            get.variables("secrets"),
            get.optional_text("stdin", limit=MAX_TEXT_BYTES),
        )


class ExecutionStop(NamedTuple):
    id: str
    grace: float

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.identity("id"), get.seconds("grace", 10, most=MAX_GRACE_SECONDS))


class ExecutionFollow(NamedTuple):
    id: str
    offset: int

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.identity("id"), get.integer("from", 0))


class TerminalOpen(NamedTuple):
    id: str
    argv: tuple[str, ...] | None
    cwd: str
    cols: int
    rows: int
    env: dict[str, str]

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.identity("id"),
            get.optional_strings("argv"),
            get.text("cwd", ""),
            get.integer("cols", 80, least=1, most=MAX_SCREEN),
            get.integer("rows", 24, least=1, most=MAX_SCREEN),
            get.variables("env"),
        )


class TerminalAttach(NamedTuple):
    """Without columns and rows the terminal keeps the size that it has."""

    id: str
    offset: int | None
    cols: int | None
    rows: int | None

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.identity("id"),
            get.optional_integer("from"),
            get.optional_integer("cols", least=1, most=MAX_SCREEN),
            get.optional_integer("rows", least=1, most=MAX_SCREEN),
        )


class Resize(NamedTuple):
    """An EVENT on the channel of `terminal.attach`."""

    cols: int
    rows: int

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        get.choice("event", ("resize",))
        return cls(get.integer("cols", least=1, most=MAX_SCREEN), get.integer("rows", least=1, most=MAX_SCREEN))


class FilesList(NamedTuple):
    path: str

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.text("path", ""))


class FilesRead(NamedTuple):
    path: str
    offset: int
    limit: int

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(
            get.text("path"),
            get.integer("from", 0),
            get.integer("limit", MAX_READ_BYTES, least=1, most=MAX_READ_BYTES),
        )


class Heartbeat(NamedTuple):
    seconds: float

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.seconds("seconds", most=MAX_HEARTBEAT_SECONDS))


class Shutdown(NamedTuple):
    grace: float

    @classmethod
    def parse(cls, get: Arguments) -> Self:
        return cls(get.seconds("grace", 10, most=MAX_GRACE_SECONDS))


class Execution(NamedTuple):
    """One process run. Instants are Unix seconds; `lost` means that the agent died while it ran."""

    id: str
    state: str  # running | exited | lost
    pid: int | None
    started_at: float
    finished_at: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    log_bytes: int = 0
    dropped_bytes: int = 0
    first_byte_at: float | None = None
    stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


class Terminal(NamedTuple):
    """One shell behind a PTY. Instants are Unix seconds."""

    id: str
    pid: int
    cols: int
    rows: int
    created_at: float
    last_activity: float
    open: bool
    exit_code: int | None
    output_bytes: int

    def as_json(self) -> dict[str, Any]:
        return self._asdict()
