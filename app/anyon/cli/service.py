"""Commands that run the service itself: serve, migrate, settings."""

from __future__ import annotations

import argparse
import asyncio
import sys

from anyon.cli.parsing import Commands, command, settings
from anyon.settings import ENVIRONMENT_PREFIX, Settings


def add_commands(commands: Commands) -> None:
    command(commands, "serve", "Run the service.", "ANYON_DATA_DIR=/var/lib/anyon anyon serve", _serve)
    command(commands, "migrate", "Bring the database's schema up to date.", "anyon migrate", _migrate)
    command(commands, "settings", "Print every setting with its meaning and default.", "anyon settings", _settings)


def _serve(_options: argparse.Namespace) -> int:
    from anyon.api.server import serve

    return serve(settings())


def _migrate(_options: argparse.Namespace) -> int:
    from anyon.composition import database_url, prepare_data_dir
    from anyon.store.migrate import migrate

    loaded = settings()
    prepare_data_dir(loaded)
    asyncio.run(asyncio.to_thread(migrate, database_url(loaded)))
    return 0


def _settings(_options: argparse.Namespace) -> int:
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"default: {field.default}"
        sys.stdout.write(f"{ENVIRONMENT_PREFIX}{name.upper()}  ({default})\n    {field.description}\n")
    return 0
