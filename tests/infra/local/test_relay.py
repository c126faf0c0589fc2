"""The engine apart from the host's network, and the host's work done for it all the same."""

from __future__ import annotations

import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from infra.local import relay
from infra.local.errors import LocalError
from infra.local.host.handlers import HANDLERS, Handler
from infra.local.plan import LocalPlan
from infra.local.specs import FolderSpec

FOLDER = "anyon-local:index:Folder"


def test_work_is_done_by_whoever_serves(plan: LocalPlan) -> None:
    with relay.serving(HANDLERS) as address:
        there = relay.handlers(HANDLERS, address)[FOLDER]
        made = there.apply(plan.folder)
        assert Path(plan.folder.path).is_dir()
        assert made.model_dump() == HANDLERS[FOLDER].apply(plan.folder).model_dump()
        observed = there.observe(plan.folder)
        assert observed is not None
        assert there.drift(plan.folder, observed.model_dump()) == []
        there.remove(plan.folder)


def test_what_is_not_there_is_observed_as_nothing(plan: LocalPlan) -> None:
    with relay.serving(HANDLERS) as address:
        assert relay.handlers(HANDLERS, address)[FOLDER].observe(plan.folder) is None


def test_a_failure_arrives_with_its_hint() -> None:
    def fail(_spec: FolderSpec) -> None:
        raise LocalError("The disk is full", detail="/data", hint="Delete something.")

    known = HANDLERS[FOLDER]
    table = {FOLDER: Handler(known.spec, known.apply, known.observe, fail, known.identity, known.drift)}
    with relay.serving(table) as address, pytest.raises(LocalError) as raised:
        relay.handlers(table, address)[FOLDER].remove(FolderSpec(path="/data"))
    assert str(raised.value) == "The disk is full\n/data\nDelete something."


def test_nobody_else_reaches_the_socket() -> None:
    with relay.serving(HANDLERS) as address:
        assert stat.S_IMODE(Path(address).parent.stat().st_mode) == 0o700
    assert not Path(address).parent.exists()


def test_a_question_that_nobody_answers_is_an_error(plan: LocalPlan, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()

        def hang_up() -> None:
            listening.accept()[0].close()

        gone = threading.Thread(target=hang_up)
        gone.start()
        with pytest.raises((LocalError, OSError)):
            relay.handlers(HANDLERS, str(tmp_path / "s"))[FOLDER].remove(plan.folder)
        gone.join()


def test_without_bubblewrap_nothing_is_put_in_front(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert relay.alone() == []
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert relay.alone() == []


@pytest.mark.bubblewrap
def test_a_program_that_runs_alone_listens_where_nobody_on_this_host_can_reach_it() -> None:
    """Its loopback interface works, and is not this one."""
    script = (
        "import os, socket; listening = socket.create_server(('127.0.0.1', 0)); "
        "port = listening.getsockname()[1]; socket.create_connection(('127.0.0.1', port)); "
        "print(port, os.readlink('/proc/self/ns/net'), flush=True); input()"
    )
    command = [*relay.alone(), "python3", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port, network = process.stdout.readline().split()
        assert network != str(Path("/proc/self/ns/net").readlink())
        seen = Path("/proc/net/tcp").read_text()
        assert f":{int(port):04X} 00000000:0000 0A" not in seen
        process.communicate("\n")
    assert process.returncode == 0
