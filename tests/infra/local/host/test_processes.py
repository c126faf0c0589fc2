from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.local.host import processes
from infra.local.host.processes import ProcessId


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "100"]) as process:
        yield process
        process.kill()


@pytest.fixture
def stubborn() -> Iterator[subprocess.Popen[bytes]]:
    script = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def identity(process: subprocess.Popen[bytes]) -> ProcessId:
    found = processes.identify(process.pid)
    assert found is not None
    return found


def test_a_living_process_is_recognised(sleeper: subprocess.Popen[bytes]) -> None:
    assert processes.is_alive(identity(sleeper))


def test_another_process_with_the_same_number_is_not_taken_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    former = replace(identity(sleeper), started=1)
    assert not processes.is_alive(former)
    processes.send(former, signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_process_that_nobody_reaped_counts_as_gone(sleeper: subprocess.Popen[bytes]) -> None:
    process = identity(sleeper)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(process)


def test_nothing_is_alive_without_an_identity() -> None:
    assert not processes.is_alive(None)
    assert processes.identify(2**22 + 1) is None


def test_stopping_asks_first(sleeper: subprocess.Popen[bytes]) -> None:
    processes.stop(identity(sleeper), grace=10)
    assert sleeper.wait() == -signal.SIGTERM


def test_stopping_kills_what_does_not_listen(stubborn: subprocess.Popen[bytes]) -> None:
    processes.stop(identity(stubborn), grace=0.05)
    assert stubborn.wait() == -signal.SIGKILL


def test_a_taken_port_is_found_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not processes.port_is_free("127.0.0.1", port)
        assert f"process {os.getpid()}" in (processes.holder_of(port) or "")
    assert processes.port_is_free("127.0.0.1", port)
    assert processes.holder_of(port) is None


def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError, match="assign requested address"):
        processes.port_is_free("192.0.2.1", 80)
