"""The configuration of a stack on this host: the shape of the stack file, and what it comes to."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from anyon.settings import ENVIRONMENT_PREFIX, Settings
from infra.config.errors import Mistake

_FILE = "infra/stacks/Pulumi.local.yaml"
# Settings that this configuration names in its own way, and what to use for them.
_NOT_HERE = {
    "data_dir": "anyon:data_dir says where the data is",
    "database_url": "anyon:database.url_file names a file with the address, which a stack file must not show",
    "jwt_secret": "it is a secret: leave it out, the service makes one in its data folder",
    "encryption_key": "it is a secret: leave it out, the service makes one in its data folder",
    "metrics_token": "it is a secret, and /metrics is open while the service is for this machine alone",
}
_OVERRIDES = {"ANYON_PORT": "port"}  # what a person may say beside the stack file, for one `make up`


class DatabaseEngine(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseShape(_Shape):
    engine: DatabaseEngine = DatabaseEngine.SQLITE
    url_file: Path | None = Field(None, description="A file of mode 0600 with postgresql://USER:PASSWORD@HOST/NAME.")


class LocalShape(_Shape):
    """The keys of the stack file, without their `anyon:`."""

    platform: Literal["local"]
    data_dir: Path = Path(".anyon/data")
    database: DatabaseShape = DatabaseShape()
    settings: dict[str, Any] = Field(default_factory=dict)
    protect_data: bool = False
    start_seconds: float = Field(60, gt=0, le=600)


@dataclass(frozen=True)
class LocalConfig:
    """Everything that the program and the start without an engine need; paths are absolute."""

    root: Path
    data_dir: Path
    settings: Settings
    database: DatabaseEngine
    database_url: SecretStr | None
    protect_data: bool
    start_seconds: float
    release: str
    program: tuple[str, ...]
    """The command line of `anyon`, without a verb."""

    @property
    def control_dir(self) -> Path:
        return self.root / ".anyon" / "local"


def resolve(
    values: Mapping[str, Any], *, root: Path, environment: Mapping[str, str], release: str
) -> tuple[LocalConfig | None, list[Mistake]]:
    """A configuration, or every mistake in it."""
    mistakes: list[Mistake] = []
    shape = _shape(values, mistakes)
    raw_settings = values.get("settings")
    data_dir = root / (shape.data_dir if shape else ".anyon/data")
    settings = _settings(raw_settings if isinstance(raw_settings, dict) else {}, data_dir, environment, mistakes)
    url = _database_url(shape.database, root, mistakes) if shape else None
    if mistakes or shape is None or settings is None:
        return None, mistakes
    config = LocalConfig(
        root=root,
        data_dir=data_dir,
        settings=settings,
        database=shape.database.engine,
        database_url=url,
        protect_data=shape.protect_data,
        start_seconds=shape.start_seconds,
        release=release,
        program=(str(root / ".venv" / "bin" / "anyon"),),
    )
    return config, []


def _shape(values: Mapping[str, Any], mistakes: list[Mistake]) -> LocalShape | None:
    try:
        return LocalShape.model_validate(dict(values))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            path = "anyon:" + ".".join(str(part) for part in problem["loc"])
            known = LocalShape.model_fields if len(problem["loc"]) == 1 else DatabaseShape.model_fields
            mistakes.append(_mistake(path, problem["type"], problem["msg"], str(problem["loc"][-1]), list(known)))
    return None


def _settings(
    given: Mapping[str, Any], data_dir: Path, environment: Mapping[str, str], mistakes: list[Mistake]
) -> Settings | None:
    overrides = {name: environment[variable] for variable, name in _OVERRIDES.items() if environment.get(variable)}
    before = len(mistakes)
    mistakes += [
        Mistake(f"anyon:settings.{name}", reason, f"Remove it from {_FILE}.")
        for name, reason in _NOT_HERE.items()
        if name in given
    ]
    try:
        settings = Settings.model_validate({**given, **overrides, "data_dir": data_dir})
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            name = str(problem["loc"][0]) if problem["loc"] else ""
            variable = ENVIRONMENT_PREFIX + name.upper()
            path = variable if name in overrides else f"anyon:settings.{name}"
            mistakes.append(_mistake(path, problem["type"], problem["msg"], name, list(Settings.model_fields)))
        return None
    return settings if len(mistakes) == before else None


def _mistake(path: str, kind: str, message: str, name: str, known: list[str]) -> Mistake:
    if path in _OVERRIDES:
        return Mistake(path, message, f"Give another value: {path}=8081 make up")
    if kind == "extra_forbidden":
        close = get_close_matches(name, known, n=1)
        reason = f"there is no such key; did you mean {close[0]}?" if close else "there is no such key"
        return Mistake(path, reason, f"Correct or remove it in {_FILE}.")
    if kind == "missing":
        return Mistake(path, "it is missing", f"Add it to {_FILE}; `git checkout {_FILE}` brings the original back.")
    return Mistake(path, message[:1].lower() + message[1:], f"Correct it in {_FILE}, then: make up")


def _database_url(database: DatabaseShape, root: Path, mistakes: list[Mistake]) -> SecretStr | None:
    path = "anyon:database.url_file"
    if database.engine is DatabaseEngine.SQLITE:
        if database.url_file is not None:
            mistakes.append(
                Mistake(path, "SQLite has no address", f"Remove it from {_FILE}, or set engine: postgresql.")
            )
        return None
    make = "install -D -m 600 /dev/stdin .anyon/database-url <<< 'postgresql://USER:PASSWORD@HOST/NAME'"
    if database.url_file is None:
        mistakes.append(
            Mistake(path, "PostgreSQL needs the file with its address", f"Name it in {_FILE}, make it: {make}")
        )
        return None
    file = root / database.url_file
    if not file.is_file():
        mistakes.append(Mistake(path, f"there is no file {file}", f"Make it: {make}"))
        return None
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        mistakes.append(Mistake(path, f"others may read {file}", f"chmod 600 {file}"))
    url = file.read_text().strip()
    if not url.startswith(("postgresql://", "postgres://")):
        mistakes.append(Mistake(path, f"{file} does not hold a postgresql:// address", f"Write it again: {make}"))
    return SecretStr(url)
