"""What a person asks of the platform on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyon.settings import ENVIRONMENT_PREFIX, Settings
from infra.config.loader import from_file
from infra.config.local import LocalConfig
from infra.local import engine as engines
from infra.local.engine import STACK, Engine, EngineUnavailable
from infra.local.errors import LocalError
from infra.local.host import folder, logs, service, supervisor
from infra.local.host.control import Control, Desired, Observed
from infra.local.host.handlers import HANDLERS
from infra.local.plan import LocalPlan, plan_of


def up(root: Path, environment: Mapping[str, str]) -> int:
    """Make what runs equal to what is configured, and say where it is."""
    config = from_file(root, STACK, environment)
    plan = plan_of(config)
    before = Control(config.control_dir).observed()
    engine = _engine(root, environment)
    if engine is None:
        apply_without_engine(plan)
    elif (status := engine.up()) != 0:
        return status
    _say(f"\nAnyon runs at {config.settings.origin}{_difference(before, Control(config.control_dir).observed())}")
    _offer_login(config, plan)
    return 0


def down(root: Path, environment: Mapping[str, str]) -> int:
    """Stop service and workspaces; the data stays."""
    config = from_file(root, STACK, environment)
    engine = _engine(root, environment) if engines.has_stack(root) else None
    if engine is not None and (status := engine.down()) != 0:
        return status
    remove_without_engine(plan_of(config))  # also what an `up` without the engine started
    _say(f"Stopped. The data is in {config.data_dir}")
    return 0


def purge(root: Path, environment: Mapping[str, str]) -> int:
    """After asking: stop, then remove the data for good."""
    config = from_file(root, STACK, environment)
    if environment.get("YES") != "1" and not _confirmed(config.data_dir):
        _say("Nothing was removed.")
        return 1
    status = down(root, environment)
    if status == 0:
        removed = folder.erase(plan_of(config).folder)
        _say(f"Removed {config.data_dir}" if removed else f"There was nothing in {config.data_dir}")
    return status


def login(root: Path, environment: Mapping[str, str]) -> int:
    """Print a new one-time link for the administrator."""
    config = from_file(root, STACK, environment)
    running = Control(config.control_dir).desired()
    variables = running.environment if running else service.environment_of(plan_of(config).service)
    return subprocess.run(
        [*config.program, "user", "admin-link"], env=supervisor.kept_environment() | variables, check=False
    ).returncode


def status(root: Path, environment: Mapping[str, str]) -> int:
    """0 when the platform is as configured, 1 when not."""
    config = from_file(root, STACK, environment)
    spec = plan_of(config).service
    running = Control(config.control_dir).desired()
    state = service.observe(spec.model_copy(update=_where(running)) if running else spec)
    if running is None or state is None:
        _say("Anyon is not started here. `make up` starts it.")
        return 1
    current = state.revision == service.wanted_revision(spec)
    _say(f"address    {_origin(config, running)}")
    _say(f"running    {_word(state.running)}")
    _say(f"ready      {_word(state.healthy)}")
    _say(f"revision   {state.revision} ({'as configured' if current else 'not what is configured: make up'})")
    _say(f"crashes    {state.restarts} since the last make up{f'; it {state.last_exit}' if state.last_exit else ''}")
    _say(f"log        {Control(config.control_dir).log}")
    return 0 if state.as_wanted and current else 1


def show_logs(root: Path, environment: Mapping[str, str]) -> int:
    _say(logs.tail(Control(from_file(root, STACK, environment).control_dir).log, 100))
    return 0


def pulumi(root: Path, environment: Mapping[str, str], arguments: list[str]) -> int:
    """Any command of the CLI on this stack: `preview --diff`, `refresh --preview-only`, `stack export`."""
    return engines.find(root, environment).run(*arguments)


def apply_without_engine(plan: LocalPlan) -> None:
    """The same functions that the provider calls, in the order in which the program declares."""
    for handler, spec in zip(HANDLERS.values(), (plan.folder, plan.database, plan.service), strict=True):
        handler.apply(spec)


def remove_without_engine(plan: LocalPlan) -> None:
    for handler, spec in zip(reversed(HANDLERS.values()), (plan.service, plan.database, plan.folder), strict=True):
        handler.remove(spec)


def _engine(root: Path, environment: Mapping[str, str]) -> Engine | None:
    try:
        return engines.find(root, environment)
    except EngineUnavailable as error:
        _say(f"No Pulumi CLI: {error.summary}.")
        _say("The very same service runs without it. What is lost: the stack's state, previews and rollback.")
        return None


def _difference(before: Observed, after: Observed) -> str:
    """What an `up` did to the service, for the line that says where it runs."""
    if before.service is None:
        return "; it was started"
    if before.revision != after.revision:
        return "; what had changed was applied, by a restart of the service alone"
    if before.service != after.service:
        return "; it had ended and was started again"
    return " (no change)"


def _where(running: Desired) -> dict[str, Any]:
    return {"host": running.host, "port": running.port, "health_path": running.health_path}


def _origin(config: LocalConfig, running: Desired) -> str:
    """The address of what runs, whatever is configured by now."""
    public_url = running.environment.get(f"{ENVIRONMENT_PREFIX}PUBLIC_URL")
    return Settings(data_dir=config.data_dir, host=running.host, port=running.port, public_url=public_url).origin


def _offer_login(config: LocalConfig, plan: LocalPlan) -> None:
    link = subprocess.run(
        [*config.program, "user", "admin-link", "--unless-logged-in"],
        env=supervisor.kept_environment() | service.environment_of(plan.service),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if link.returncode == 0 and link.stdout.strip():
        _say(f"Log in once with this link: {link.stdout.strip()}")
    else:
        _say("A login link: make login")


def _confirmed(data_dir: Path) -> bool:
    _say(f"This removes every project, task and account in {data_dir}. There is no way back.")
    try:
        return input("Type purge to go on: ").strip() == "purge"
    except EOFError:
        raise LocalError("Nobody answered", hint="In scripts: YES=1 make purge") from None


def _word(value: bool) -> str:
    return "yes" if value else "no"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
