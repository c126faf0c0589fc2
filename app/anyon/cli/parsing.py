"""What the commands share: their shape, and the settings of this environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anyon.environment import load
from anyon.errors import AnyonError
from anyon.settings import DATABASE_FILE, Settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any


class InstallationMissing(AnyonError):
    code, status_hint = "installation-missing", 404
    title = "There is no installation here"
    detail = "{folder}, which ANYON_DATA_DIR names, {reason}."
    hint = "Correct ANYON_DATA_DIR. `make up`, `anyon serve` and `anyon migrate` make a new installation."


def command(
    commands: Commands, name: str, summary: str, example: str, run: Callable[[argparse.Namespace], int] | None = None
) -> argparse.ArgumentParser:
    """A command with an example in its help."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def settings() -> Settings:
    """Raises SettingsInvalid."""
    return load(os.environ)


def settings_of_installation(*, with_database: bool = True) -> Settings:
    """Those of what was started or migrated before. Raises SettingsInvalid, InstallationMissing."""
    loaded = settings()
    folder = loaded.data_dir.resolve()
    if not folder.is_dir():
        raise InstallationMissing(folder=folder, reason="is not a folder")
    if with_database and loaded.database_url is None and not (folder / DATABASE_FILE).is_file():
        raise InstallationMissing(folder=folder, reason="holds no database")
    return loaded
