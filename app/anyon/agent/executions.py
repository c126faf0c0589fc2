"""Executions: processes whose output goes to a log on disk, which any number of followers read by offset."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from anyon.agent import logs, messages
from anyon.agent.hub import Hub
from anyon.agent.lastline import LastLine
from anyon.agent.messages import Execution
from anyon.agent.paths import open_folder
from anyon.agent.problems import Problem, not_found
from anyon.agent.processes import ExitStatus, Process, Processes
from anyon.agent.protocol import MAX_DATA_BYTES
from anyon.agent.pulse import Pulse
from anyon.agent.records import Records
from anyon.agent.redaction import Redactor, check_secrets
from anyon.agent.spawning import Streams, file_in_memory

_log = logging.getLogger(__name__)

MARKER = "ANYON_EXECUTION"
# A process that escaped every hunt may keep the pipe open; the log does not wait for it any longer than this.
_DRAIN_SECONDS = 1.0


class Sink(Protocol):
    """Where a follower's bytes go: the channel of its connection."""

    async def ready(self) -> int:
        """Wait for room; gives how many bytes may be sent now."""

    def send(self, offset: int, data: bytes) -> None:
        """Send bytes for which there is room."""

    async def event(self, **fields: Any) -> None:
        """Send an event."""


class _Running:
    """One execution while it runs: pipe, redaction, log, record."""

    def __init__(
        self,
        record: Execution,
        process: Process,
        output: int,
        redactor: Redactor,
        log: logs.LogWriter,
        hub: Hub,
        progressed: Pulse,
    ) -> None:
        self.process = process
        self.log = log
        self.changed = Pulse()
        self.finished = asyncio.Event()
        self.record = record._replace(pid=process.pid)
        self._redactor = redactor
        self._output = output
        self._hub = hub
        self._progressed = progressed
        self._last_line = LastLine(lambda text: hub.progress(record.id, text))
        self._end_of_output = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        os.set_blocking(output, False)
        self._loop.add_reader(output, self._read_once)

    def snapshot(self) -> Execution:
        return self.record._replace(log_bytes=self.log.end, dropped_bytes=self.log.dropped)

    async def complete(self) -> Execution:
        """Wait for the end of the process, its tree and its output; gives the final record."""
        status = await self.process.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._end_of_output.wait()
        self._close_output()
        self._append(self._redactor.flush())
        self._last_line.close()
        self.log.close()
        self.record = self._final(status, self._hub.touch())
        return self.record

    def _final(self, status: ExitStatus, now: float) -> Execution:
        return self.snapshot()._replace(
            state="exited", pid=None, finished_at=now, exit_code=status.exit_code, signal=status.signal
        )

    def _read_once(self) -> None:
        """One bounded read per readiness, so that a flood leaves turns for everybody else."""
        try:
            data = os.read(self._output, MAX_DATA_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._close_output()
            return
        if self.record.first_byte_at is None:
            self.record = self.record._replace(first_byte_at=self._hub.now())
            self._progressed.fire()
            self._hub.execution(self.snapshot())
        self._append(self._redactor.feed(data))

    def _append(self, data: bytes) -> None:
        if data:
            self.log.append(data)
            self._last_line.feed(data)
            self.changed.fire()

    def _close_output(self) -> None:
        if not self._end_of_output.is_set():
            self._end_of_output.set()
            self._loop.remove_reader(self._output)
            os.close(self._output)


class Executions:
    """All executions of the workspace. `environment` is what every one of them starts from."""

    def __init__(
        self,
        *,
        tasks: asyncio.TaskGroup,
        root: int,
        records: Records,
        processes: Processes,
        hub: Hub,
        environment: Mapping[str, str],
        max_running: int,
        max_log_bytes: int,
    ) -> None:
        self.progressed = Pulse()  # an execution showed its first byte, or ended
        self._tasks = tasks
        self._root = root
        self._records = records
        self._processes = processes
        self._hub = hub
        self._environment = environment
        self._max_running = max_running
        self._max_log_bytes = max_log_bytes
        self._running: dict[str, _Running] = {}

    def running(self) -> list[Execution]:
        return [running.snapshot() for running in self._running.values()]

    async def start(self, request: messages.ExecutionStart) -> dict[str, Any]:
        """Start a program; the same id again gives the record of the first time.

        Raises Problem `too-many-executions`, `secret-refused`, `command-missing`, `command-failed`, `path-escapes`,
        `cwd-missing`, `state-not-writable`.
        """
        known = self._find(request.id)
        if known is not None:
            return known.as_json()
        if len(self._running) >= self._max_running:
            raise Problem(
                "too-many-executions",
                f"{len(self._running)} executions are running; the limit is {self._max_running}.",
                "Wait for one to end, or stop one.",
                limit=self._max_running,
            )
        check_secrets(request.secrets)
        record = Execution(id=request.id, state="running", pid=None, started_at=self._hub.touch())
        self._records.save(record)
        try:
            running = self._launch(request, record)
        except BaseException:
            self._records.remove(request.id)
            raise
        self._running[request.id] = running
        self._tasks.create_task(self._complete(running), name=f"execution {request.id}")
        self._hub.execution(running.record)
        return running.record.as_json()

    async def stop(self, request: messages.ExecutionStop) -> dict[str, Any]:
        """End the whole tree; gives the final record, also when it had ended before. Raises Problem `not-found`."""
        running = self._running.get(request.id)
        if running is None:
            return self._get(request.id).as_json()
        running.record = running.record._replace(stopped=True)
        self._hub.execution(running.snapshot())
        await running.process.stop(request.grace)
        await running.finished.wait()
        return running.record.as_json()

    async def stop_all(self, grace: float) -> None:
        async with asyncio.TaskGroup() as group:
            for identity in list(self._running):
                group.create_task(self.stop(messages.ExecutionStop(identity, grace)))

    async def get(self, request: messages.Identity) -> dict[str, Any]:
        """Raises Problem `not-found`."""
        return self._get(request.id).as_json()

    async def list(self, _: messages.Nothing) -> dict[str, Any]:
        """The newest executions, newest first."""
        found = [self._find(identity) for identity in await self._records.newest()]
        return {"executions": [execution.as_json() for execution in found if execution is not None]}

    async def forget(self, request: messages.Identity) -> dict[str, Any]:
        """Delete record and log. Raises Problem `still-running`."""
        if request.id in self._running:
            raise Problem("still-running", f"Execution {request.id} is running.", "Stop it first.")
        return {"forgotten": self._records.remove(request.id)}

    async def follow(self, request: messages.ExecutionFollow, sink: Sink) -> dict[str, Any]:
        """Send the log from an offset to its end, then the final record. Raises Problem `not-found`, `bad-offset`."""
        offset, log = request.offset, self._records.log_of(request.id)
        end = self._get(request.id).log_bytes
        if offset > end:
            raise Problem("bad-offset", f"The log has {end} bytes; offset {offset} is after its end.", end=end)
        while True:
            room = await sink.ready()
            # Whether it runs is looked at before the log: what it writes in between must not be missed.
            running = self._running.get(request.id)
            piece = logs.read_piece(log, offset, min(room, MAX_DATA_BYTES))
            end = piece.offset if piece else self._get(request.id).log_bytes
            if end > offset:
                await sink.event(**{"event": "gap", "from": offset, "to": end})
                offset = end
            elif piece:
                sink.send(piece.offset, piece.data)
                offset += len(piece.data)
            elif running is None:
                return self._get(request.id).as_json()
            else:
                await running.changed.wait()

    def _launch(self, request: messages.ExecutionStart, record: Execution) -> _Running:
        folder = self._open_cwd(request.cwd)
        reading, writing = os.pipe()
        stdin = None if request.stdin is None else file_in_memory(request.stdin)
        try:
            process = self._processes.start(
                request.argv,
                {**self._environment, **request.env, **request.secrets},
                folder,
                Streams(stdin, writing, writing),
                f"{MARKER}={request.id}",
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
            os.close(folder)
            if stdin is not None:
                os.close(stdin)
        log = logs.LogWriter(self._records.log_of(request.id), self._max_log_bytes)
        return _Running(record, process, reading, Redactor(request.secrets), log, self._hub, self.progressed)

    def _open_cwd(self, path: str) -> int:
        try:
            return open_folder(self._root, path)
        except Problem as problem:
            if problem.code != "not-found":
                raise
            raise Problem("cwd-missing", f"There is no folder {path!r} in the workspace.", cwd=path) from problem

    async def _complete(self, running: _Running) -> None:
        record = await running.complete()
        try:
            self._records.save(record)
        except Problem as problem:
            _log.warning("the record of execution %s is not saved: %s", record.id, problem.detail)
        del self._running[record.id]
        running.finished.set()
        running.changed.fire()
        self.progressed.fire()
        self._hub.execution(record)

    def _find(self, identity: str) -> Execution | None:
        running = self._running.get(identity)
        return running.snapshot() if running else self._records.load(identity)

    def _get(self, identity: str) -> Execution:
        execution = self._find(identity)
        if execution is None:
            raise not_found("execution", identity)
        return execution
