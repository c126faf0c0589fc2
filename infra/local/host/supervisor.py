"""Keeps the service running after everyone who started it has left.

`python -m infra.local.host.supervisor CONTROL DATA` returns once the detached supervisor holds the data folder's lock.
SIGHUP: the desired state changed. SIGTERM: stop the service and leave. The service alone is signalled, never a process
group: workspaces are other processes, and outlive a restart of the service.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from infra.local.host import control as control_module
from infra.local.host import health, listening, logs, processes
from infra.local.host.control import Control, Desired, Observed
from infra.local.host.listening import Listening

CHANGED = signal.SIGHUP

_log = logging.getLogger("supervisor")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds between a crash and the next start
_QUICK_LOOK, _SLOW_LOOK = 0.05, 5.0  # seconds between two questions, before and after the first good answer
_STABLE_SECONDS = 60.0  # healthy for this long: the next crash is a first one again
_KEPT_VARIABLES = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR")
_KEPT_ENDINGS = ("_proxy", "_PROXY")
_KEPT_BEGINNINGS = ("LC_", "SSL_CERT_")


def kept_environment() -> dict[str, str]:
    """What the service inherits from whoever starts it: the user's basics, no secret and no setting."""
    return {name: value for name, value in os.environ.items() if _is_kept(name)}


def code_digest() -> str:
    """Changes when the supervisor's own code does, so that an `up` after an update replaces it."""
    parts = (control_module, health, listening, logs, processes)
    modules = (Path(__file__), *(Path(str(module.__file__)) for module in parts))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()[:16]


class Supervisor:
    """Runs the desired state of one control folder until told to leave."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._leaving = False
        self._wake = asyncio.Event()
        self._listening = Listening()
        before = control.observed()
        self._observed = Observed(
            supervisor=processes.identify(os.getpid()), code=code_digest(), restarts=before.restarts
        )
        control.write_observed(self._observed)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(CHANGED, self._wake.set)
        pause = _FIRST_PAUSE
        while not self._leaving and (desired := self._control.desired()) is not None:
            started = time.monotonic()
            if not await self._serve(desired):
                continue
            if time.monotonic() - started > _STABLE_SECONDS:
                pause = _FIRST_PAUSE
            asked = await self._pause(desired, pause)
            pause = _FIRST_PAUSE if asked else min(2 * pause, _LONGEST_PAUSE)
        self._listening.close()
        self._note(supervisor=None)

    def _leave(self) -> None:
        self._leaving = True
        self._wake.set()

    def _note(self, **changes: object) -> None:
        self._observed = replace(self._observed, **changes)  # type: ignore[arg-type]  # field names, checked at run time
        try:
            self._control.write_observed(self._observed)
        except OSError:
            _log.exception("the observed state could not be written")  # a full disk must not end the service

    def _outdated(self, desired: Desired) -> bool:
        return self._leaving or (current := self._control.desired()) is None or current.revision != desired.revision

    async def _change(self, desired: Desired) -> None:
        """Returns when another revision is wanted or the supervisor shall leave."""
        while not self._outdated(desired):
            self._wake.clear()
            await self._wake.wait()

    async def _pause(self, desired: Desired, seconds: float) -> bool:
        """Wait before the next start; True at once when somebody asks for anything in the meantime."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._leaving and self._control.desired() == desired:
                    self._wake.clear()
                    await self._wake.wait()
                return True
        return False

    async def _serve(self, desired: Desired) -> bool:
        """Run the service until it exits (True) or shall not run any more (False)."""
        try:
            service = await _start(desired, self._control.log, self._listening.take(desired.addresses, desired.port))
        except OSError as error:
            self._note(revision=desired.revision)
            self._note_crash(f"could not be started: {error}")
            return True
        self._note(service=processes.identify(service.pid), revision=desired.revision, healthy=False)
        _log.info("revision %s runs as process %d", desired.revision, service.pid)
        exited = asyncio.create_task(service.wait())
        changed = asyncio.create_task(self._change(desired))
        watch = asyncio.create_task(self._watch_health(desired))
        await asyncio.wait({exited, changed}, return_when=asyncio.FIRST_COMPLETED)
        for task in (changed, watch):
            task.cancel()
        await asyncio.gather(changed, watch, return_exceptions=True)
        if exited.done():
            self._note_crash(_describe(exited.result()))
            return True
        await _stop(service, exited, desired.stop_seconds)
        self._note(service=None, healthy=False)
        return False

    def _note_crash(self, last_exit: str) -> None:
        self._note(service=None, healthy=False, restarts=self._observed.restarts + 1, last_exit=last_exit)
        _log.warning("the service %s", self._observed.last_exit)

    async def _watch_health(self, desired: Desired) -> None:
        while True:
            healthy = await asyncio.to_thread(health.is_ready, desired.host, desired.port, desired.health_path)
            if healthy != self._observed.healthy:
                self._note(healthy=healthy)
                _log.info("the service is %s", "ready" if healthy else "not ready")
            with suppress(OSError):
                logs.rotate(self._control.log)
            await asyncio.sleep(_SLOW_LOOK if healthy else _QUICK_LOOK)


async def _start(desired: Desired, log: Path, listening: list[int]) -> asyncio.subprocess.Process:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *desired.command,
            "--listening",
            ",".join(map(str, listening)),
            pass_fds=listening,
            cwd=desired.directory,
            env=kept_environment() | desired.environment,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


async def _stop(service: asyncio.subprocess.Process, exited: asyncio.Task[int], grace: float) -> None:
    service.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(exited), grace)
    if not exited.done():
        service.kill()
        await exited


def _is_kept(name: str) -> bool:
    return name in _KEPT_VARIABLES or name.endswith(_KEPT_ENDINGS) or name.startswith(_KEPT_BEGINNINGS)


def _describe(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"exited with status {status}"


def main(control_folder: str, data_folder: str) -> int:
    """Detach. The first process reports whether the lock was taken; its child is the supervisor."""
    report, answer = os.pipe()
    if os.fork() != 0:
        os.close(answer)
        with os.fdopen(report) as stream:
            message = stream.read()
        sys.stderr.write("" if message == "ready" else message)
        return 0 if message == "ready" else 1
    os.close(report)
    os.setsid()
    _supervise(Control(Path(control_folder)), Path(data_folder), answer)
    return 0


def _supervise(control: Control, data: Path, answer: int) -> None:
    with control_module.lock_file(data / "supervisor.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.write(answer, b"Another supervisor runs the platform of this data folder: " + os.read(lock, 4096))
            return
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} of {control.folder}\n".encode())
        logs.rotate(control.supervisor_log)
        _redirect(control.supervisor_log)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        supervisor = Supervisor(control)  # its observed state is there before anyone waits for it
        os.write(answer, b"ready")
        os.close(answer)
        asyncio.run(supervisor.run())


def _redirect(log: Path) -> None:
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
