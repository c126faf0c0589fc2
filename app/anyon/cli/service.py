"""Commands that run the service itself: serve, migrate, settings."""

from __future__ import annotations

import argparse
import asyncio
import sys

from anyon.cli.parsing import Commands, command, settings, settings_of_installation
from anyon.runtime.protocol import RunningWorkspace
from anyon.settings import ENVIRONMENT_PREFIX, Settings

_PARALLEL_STOPS = 8


def add_commands(commands: Commands) -> None:
    serve = command(commands, "serve", "Run the service.", "ANYON_DATA_DIR=/var/lib/anyon anyon serve", _serve)
    serve.add_argument(
        "--listening",
        metavar="DESCRIPTORS",
        type=_descriptors,
        help="listening sockets that are handed down, as numbers with commas; for supervisors that keep the port",
    )
    command(commands, "migrate", "Bring the database's schema up to date.", "anyon migrate", _migrate)
    workspaces = command(commands, "workspaces", "Look after this host's workspaces.", "anyon workspaces stop")
    actions = workspaces.add_subparsers(dest="action", required=True, metavar="ACTION")
    command(
        actions,
        "stop",
        "Stop every workspace of this data folder; what runs in them ends, their files stay.",
        "anyon workspaces stop",
        _stop_workspaces,
    )
    command(commands, "settings", "Print every setting with its meaning and default.", "anyon settings", _settings)


def _descriptors(text: str) -> list[int]:
    """Raises ValueError."""
    return [int(number) for number in text.split(",")]


def _serve(options: argparse.Namespace) -> int:
    from anyon.api.server import serve

    return serve(settings(), options.listening or ())


def _migrate(_options: argparse.Namespace) -> int:
    from anyon.composition import database_url, prepare_data_dir
    from anyon.store.migrate import migrate

    loaded = settings()
    prepare_data_dir(loaded)
    asyncio.run(asyncio.to_thread(migrate, database_url(loaded)))
    return 0


def _stop_workspaces(_options: argparse.Namespace) -> int:
    stopped = asyncio.run(_stop_all(settings_of_installation(with_database=False)))
    sys.stdout.write(f"{stopped} workspaces stopped\n")
    return 0


async def _stop_all(loaded: Settings) -> int:
    """How many ran. The service records their end at its next start. One that does not end keeps no other running."""
    from anyon.runtime.process import ProcessRuntime

    runtime = await ProcessRuntime.open(loaded)
    slots = asyncio.Semaphore(_PARALLEL_STOPS)

    async def stop(workspace: RunningWorkspace) -> None:
        async with slots:
            await runtime.stop(workspace.project_id, loaded.stop_seconds)

    try:
        running = await runtime.list()
        outcomes = await asyncio.gather(*map(stop, running), return_exceptions=True)
    finally:
        runtime.close()
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
    return len(running)


def _settings(_options: argparse.Namespace) -> int:
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"default: {field.default}"
        sys.stdout.write(f"{ENVIRONMENT_PREFIX}{name.upper()}  ({default})\n    {field.description}\n")
    return 0
