"""The files through which a start and the supervisor talk: what shall run, and what does.

Everything is written whole, under another name first, and readable by the owner alone: the desired state holds the
database's password when there is one.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from infra.local.host.processes import ProcessId


@dataclass(frozen=True)
class Desired:
    """What the supervisor shall keep running. Times are seconds."""

    revision: str
    release: str
    command: list[str]
    directory: str
    environment: dict[str, str]
    host: str
    addresses: list[str]
    port: int
    health_path: str
    stop_seconds: float
    restarts_seen: int = 0  # crashes up to this number were acknowledged by an `up`


@dataclass(frozen=True)
class Observed:
    """What the supervisor sees. `restarts` counts crashes and failed starts since the first start."""

    supervisor: ProcessId | None = None
    code: str = ""
    service: ProcessId | None = None
    revision: str = ""
    healthy: bool = False
    restarts: int = 0
    last_exit: str = ""


@dataclass(frozen=True)
class Control:
    """The folder with `desired.json`, `observed.json`, the service's log and the key of revisions."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    @property
    def supervisor_log(self) -> Path:
        return self.folder / "supervisor.log"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def desired(self) -> Desired | None:
        """None as well for what another version wrote and this one does not understand."""
        values = _read(self.folder / "desired.json")
        try:
            return Desired(**_known(Desired, values)) if values else None
        except TypeError:
            return None

    def write_desired(self, desired: Desired) -> None:
        write_private(self.folder / "desired.json", json.dumps(asdict(desired), indent=1))

    def forget_desired(self) -> None:
        (self.folder / "desired.json").unlink(missing_ok=True)

    def observed(self) -> Observed:
        values = _read(self.folder / "observed.json")
        for name in ("supervisor", "service"):
            if values.get(name):
                values[name] = ProcessId(**values[name])
        return Observed(**_known(Observed, values))

    def write_observed(self, observed: Observed) -> None:
        write_private(self.folder / "observed.json", json.dumps(asdict(observed), indent=1))

    def revision_of(self, desired: Desired) -> str:
        """A name for this desired state that can be shown: keyed, so that it gives no password away."""
        content = json.dumps(asdict(replace(desired, revision="", restarts_seen=0)), sort_keys=True)
        return hmac.new(self._key(), content.encode(), hashlib.sha256).hexdigest()[:16]

    def _key(self) -> bytes:
        path = self.folder / "revision.key"
        if not path.exists():
            self.prepare()
            write_private(path, secrets.token_hex(32))
        return path.read_bytes()

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """One start or stop at a time; a second one waits."""
        self.prepare()
        with lock_file(self.folder / "apply.lock") as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield


@contextmanager
def lock_file(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write a whole file with mode 0600; readers see the old or the new content, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def _known(kind: type[Desired | Observed], values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return values
