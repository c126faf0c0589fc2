"""The service: hands the desired state to the supervisor, waits until it is true, and tells what is."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from infra.local.errors import LocalError
from infra.local.host import health, logs, processes, supervisor
from infra.local.host.control import Control, Desired, Observed
from infra.local.specs import ServiceSpec

_POLL_SECONDS = 0.05
_FAILURES = 2  # starts in a row that die before the service was ready: it will not get better by waiting
_STOP_MARGIN = 5.0  # seconds the supervisor gets beyond the service's own grace
_WORKSPACES_SECONDS = 120.0
_LOG_LINES = 15


class ServiceState(BaseModel):
    """`restarts` counts crashes since the last `up`; the supervisor has repaired them, but somebody should know."""

    revision: str
    running: bool
    healthy: bool
    restarts: int
    last_exit: str

    @property
    def as_wanted(self) -> bool:
        return self.running and self.healthy and self.restarts == 0


def apply(spec: ServiceSpec) -> ServiceState:
    """Run this revision: start, restart gracefully or leave alone. Returns when it is ready.

    Raises LocalError with the end of the service's log. The desired state stays: the supervisor goes on trying.
    """
    control = Control(Path(spec.control_folder))
    with control.exclusively():
        desired = _desired(spec, control)
        observed = control.observed()
        if not processes.is_alive(observed.supervisor) and observed.service is not None:
            processes.stop(observed.service, spec.stop_seconds)  # its supervisor was killed
        _require_port(spec, observed)
        control.write_desired(replace(desired, restarts_seen=observed.restarts))
        _ensure_supervisor(spec, observed)
        _wait_until_ready(spec, control, desired.revision, observed.restarts)
    return _state(spec, control)


def observe(spec: ServiceSpec) -> ServiceState | None:
    """What really runs; None when nothing was ever started here, or it was taken down."""
    control = Control(Path(spec.control_folder))
    return None if control.desired() is None else _state(spec, control)


def remove(spec: ServiceSpec) -> None:
    """Stop supervisor, service and workspaces, in this order; nothing of them is left. The data stays."""
    control = Control(Path(spec.control_folder))
    if not control.folder.exists():
        return
    with control.exclusively():
        observed = control.observed()
        if observed.supervisor is not None:
            processes.stop(observed.supervisor, spec.stop_seconds + _STOP_MARGIN)
        if observed.service is not None:
            processes.stop(observed.service, spec.stop_seconds)
        if any(Path(spec.data_folder).glob("workspaces/*")):
            _stop_workspaces(spec)
        control.forget_desired()  # last: what failed above is tried again by the next call


def wanted_revision(spec: ServiceSpec) -> str:
    return _desired(spec, Control(Path(spec.control_folder))).revision


def environment_of(spec: ServiceSpec) -> dict[str, str]:
    return spec.environment | spec.secret_environment


def _desired(spec: ServiceSpec, control: Control) -> Desired:
    desired = Desired(
        revision="",
        release=spec.release,
        command=spec.command,
        directory=spec.directory,
        environment=environment_of(spec),
        host=spec.host,
        addresses=spec.addresses,
        port=spec.port,
        health_path=spec.health_path,
        stop_seconds=spec.stop_seconds,
    )
    return replace(desired, revision=control.revision_of(desired))


def _state(spec: ServiceSpec, control: Control) -> ServiceState:
    observed, desired = control.observed(), control.desired()
    running = processes.is_alive(observed.supervisor) and processes.is_alive(observed.service)
    restarts = max(0, observed.restarts - (desired.restarts_seen if desired else 0))
    return ServiceState(
        revision=observed.revision,
        running=running,
        healthy=running and health.is_ready(spec.host, spec.port, spec.health_path),
        restarts=restarts,
        last_exit=observed.last_exit if restarts else "",
    )


def _require_port(spec: ServiceSpec, observed: Observed) -> None:
    """Find a taken port now, where it can be named, and not in the service's log."""
    ours = any(
        processes.is_alive(process) and processes.listens(process.pid, spec.port)
        for process in (observed.supervisor, observed.service)
        if process is not None
    )
    if not ours and not all(processes.port_is_free(address, spec.port) for address in spec.addresses):
        holder = processes.holder_of(spec.port) or "another process"
        raise LocalError(
            f"Port {spec.port} is taken by {holder}",
            hint=f"Stop it, or take another port: ANYON_PORT={spec.port + 1} make up",
        )


def _ensure_supervisor(spec: ServiceSpec, observed: Observed) -> None:
    if observed.supervisor is not None and processes.is_alive(observed.supervisor):
        if observed.code == supervisor.code_digest():
            processes.send(observed.supervisor, supervisor.CHANGED)
            return
        processes.stop(observed.supervisor, spec.stop_seconds + _STOP_MARGIN)
    started = subprocess.run(
        [sys.executable, "-m", supervisor.__name__, spec.control_folder, spec.data_folder],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode != 0:
        raise LocalError(
            "The supervisor did not start",
            detail=started.stderr.strip(),
            hint="`make down` in the checkout that holds the folder frees it.",
        )


def _wait_until_ready(spec: ServiceSpec, control: Control, revision: str, seen: int) -> None:
    deadline = time.monotonic() + spec.start_seconds
    while True:
        observed = control.observed()
        current = observed.revision == revision
        if current and observed.healthy and health.is_ready(spec.host, spec.port, spec.health_path):
            return
        if current and observed.restarts - seen >= _FAILURES:
            raise _not_ready(control, f"The service does not start: it {observed.last_exit}")
        if not processes.is_alive(observed.supervisor):
            raise _not_ready(control, "The supervisor went away while the service started")
        if time.monotonic() >= deadline:
            raise _not_ready(control, f"The service was not ready within {spec.start_seconds:g} s")
        time.sleep(_POLL_SECONDS)


def _not_ready(control: Control, summary: str) -> LocalError:
    return LocalError(
        summary,
        detail=logs.tail(control.log, _LOG_LINES),
        hint=f"The whole log is in {control.log}. Correct the cause and run `make up` again; `make down` gives up.",
    )


def _stop_workspaces(spec: ServiceSpec) -> None:
    try:
        subprocess.run(
            spec.stop_workspaces_command,
            cwd=spec.directory,
            env=supervisor.kept_environment() | environment_of(spec),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_WORKSPACES_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LocalError(
            "The service is stopped, but its workspaces may not be",
            detail=f"{error}\n{getattr(error, 'output', None) or ''}".strip(),
            hint="`ps -ef | grep anyon.agent` shows them; end them by their number.",
        ) from error
