"""The service under its supervisor, with real processes; `anyon` is the stand-in."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from infra.local.errors import LocalError
from infra.local.host import processes, service, supervisor
from infra.local.host.control import Control, Observed
from infra.local.host.handlers import HANDLERS
from infra.local.host.processes import ProcessId
from infra.local.plan import LocalPlan
from infra.local.specs import ServiceSpec
from tests.infra.waiting import eventually


@pytest.fixture
def spec(plan: LocalPlan) -> ServiceSpec:
    """A service that was never started, on a host with folder and database."""
    HANDLERS["anyon-local:index:Folder"].apply(plan.folder)
    HANDLERS["anyon-local:index:Database"].apply(plan.database)
    return plan.service


@pytest.fixture
def started(spec: ServiceSpec) -> ServiceSpec:
    service.apply(spec)
    return spec


def control_of(spec: ServiceSpec) -> Control:
    return Control(Path(spec.control_folder))


def observed(spec: ServiceSpec) -> Observed:
    return control_of(spec).observed()


def ask(spec: ServiceSpec) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{spec.port}/", timeout=5) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


def kill(process: ProcessId | None) -> None:
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: not processes.is_alive(process))


def agent_of(spec: ServiceSpec) -> ProcessId:
    pid = int((Path(spec.data_folder) / "workspaces" / "agent.pid").read_text())
    found = processes.identify(pid)
    assert found is not None
    return found


def test_a_start_ends_when_the_service_is_ready(spec: ServiceSpec) -> None:
    state = service.apply(spec)
    assert state.as_wanted
    assert state == service.observe(spec)
    assert state.revision == service.wanted_revision(spec)


def test_a_second_start_leaves_the_service_alone(started: ServiceSpec) -> None:
    before = observed(started)
    assert service.apply(started).as_wanted
    assert observed(started) == before


def test_the_service_sees_its_settings_and_nothing_of_who_started_it(
    spec: ServiceSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
    monkeypatch.setenv("ANYON_LOG_LEVEL", "nonsense")
    service.apply(spec.model_copy(update={"secret_environment": {"ANYON_DATABASE_URL": "postgresql://u:p@h/d"}}))
    environment = ask(spec)["environment"]
    assert environment["ANYON_DATA_DIR"] == spec.data_folder
    assert environment["ANYON_DATABASE_URL"] == "postgresql://u:p@h/d"
    assert "PATH" in environment
    assert not {"PULUMI_CONFIG_PASSPHRASE", "ANYON_LOG_LEVEL"} & environment.keys()


def test_a_secret_is_in_no_command_line(spec: ServiceSpec) -> None:
    service.apply(spec.model_copy(update={"secret_environment": {"ANYON_DATABASE_URL": "postgresql://u:hunter2@h/d"}}))
    seen = observed(spec)
    assert seen.supervisor is not None
    assert seen.service is not None
    for process in (seen.supervisor, seen.service):
        assert b"hunter2" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_a_changed_setting_restarts_the_service_and_spares_the_workspaces(started: ServiceSpec) -> None:
    before, agent = observed(started), agent_of(started)
    changed = started.model_copy(update={"environment": started.environment | {"ANYON_IDLE_SECONDS": "60"}})
    assert service.apply(changed).as_wanted
    after = observed(started)
    assert ask(started)["environment"]["ANYON_IDLE_SECONDS"] == "60"
    assert after.service != before.service
    assert after.supervisor == before.supervisor
    assert processes.is_alive(agent)


def test_the_former_settings_bring_the_former_revision_back(started: ServiceSpec) -> None:
    first = observed(started).revision
    service.apply(started.model_copy(update={"release": "second"}))
    assert observed(started).revision != first
    service.apply(started)
    assert observed(started).revision == first


def test_a_new_port_is_taken_before_the_old_one_is_missed(started: ServiceSpec) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    moved = started.model_copy(update={"port": free, "environment": started.environment | {"ANYON_PORT": str(free)}})
    assert service.apply(moved).as_wanted
    assert ask(moved)["environment"]["ANYON_PORT"] == str(free)
    assert processes.port_is_free("127.0.0.1", started.port)


def test_a_killed_service_comes_back_and_the_crash_is_told_until_the_next_start(started: ServiceSpec) -> None:
    kill(observed(started).service)
    eventually(lambda: observed(started).restarts == 1 and observed(started).healthy)
    state = service.observe(started)
    assert state is not None
    assert (state.running, state.restarts, state.last_exit) == (True, 1, "was killed by SIGKILL")
    running = observed(started).service
    assert service.apply(started).restarts == 0
    assert observed(started).service == running


def test_nobody_gets_the_port_while_the_service_is_away_and_who_asks_then_waits_for_it(started: ServiceSpec) -> None:
    """A workspace that got it would be sent the cookies and keys of whoever has the page open."""
    before = ask(started)["pid"]
    kill(observed(started).service)
    for address in started.addresses:
        assert not processes.port_is_free(address, started.port)
    assert ask(started)["pid"] != before


def test_a_port_that_is_not_wanted_any_more_is_given_up(started: ServiceSpec, port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = probe.getsockname()[1]
    moved = {"port": other, "environment": {**started.environment, "ANYON_PORT": str(other)}}
    service.apply(started.model_copy(update=moved))
    for address in started.addresses:
        assert processes.port_is_free(address, started.port)
        assert not processes.port_is_free(address, other)


def test_a_killed_supervisor_is_seen_and_replaced_with_its_orphan(started: ServiceSpec) -> None:
    orphan, agent = observed(started).service, agent_of(started)
    kill(observed(started).supervisor)
    state = service.observe(started)
    assert state is not None
    assert not state.running
    assert service.apply(started).as_wanted
    assert not processes.is_alive(orphan)
    assert processes.is_alive(agent)


def test_a_supervisor_of_older_code_is_replaced(started: ServiceSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    before = observed(started).supervisor
    monkeypatch.setattr(supervisor, "code_digest", lambda: "newer")
    service.apply(started)
    assert observed(started).supervisor != before
    assert not processes.is_alive(before)


def test_a_service_that_cannot_start_shows_the_end_of_its_log(spec: ServiceSpec) -> None:
    marker = Path(spec.data_folder) / "crash-at-start"
    marker.touch()
    with pytest.raises(LocalError, match="it exited with status 3") as caught:
        service.apply(spec)
    assert "the database is of a newer version" in caught.value.detail
    assert "service.log" in caught.value.hint
    marker.unlink()
    assert service.apply(spec).as_wanted


def test_a_program_that_is_not_there_is_named(spec: ServiceSpec) -> None:
    with pytest.raises(LocalError, match=r"could not be started.*No such file"):
        service.apply(spec.model_copy(update={"command": ["/nowhere/anyon", "serve"]}))


def test_a_service_that_never_gets_ready_fails_at_the_deadline(spec: ServiceSpec) -> None:
    (Path(spec.data_folder) / "never-ready").touch()
    with pytest.raises(LocalError, match=r"not ready within 0\.3 s"):
        service.apply(spec.model_copy(update={"start_seconds": 0.3}))
    state = service.observe(spec)
    assert state is not None
    assert (state.running, state.healthy) == (True, False)


def test_a_service_that_is_not_ready_any_more_is_not_called_well(started: ServiceSpec) -> None:
    (Path(started.data_folder) / "never-ready").touch()
    with pytest.raises(LocalError, match="not ready within"):
        service.apply(started.model_copy(update={"start_seconds": 0.3}))
    (Path(started.data_folder) / "never-ready").unlink()
    assert service.apply(started).as_wanted


def test_a_taken_port_is_named_with_its_holder_and_the_setting(spec: ServiceSpec) -> None:
    with (
        socket.create_server(("127.0.0.1", spec.port)),
        pytest.raises(LocalError, match=f"Port {spec.port} is taken by .*process {os.getpid()}") as caught,
    ):
        service.apply(spec)
    assert f"ANYON_PORT={spec.port + 1} make up" in caught.value.hint
    assert service.observe(spec) is None


def test_one_data_folder_has_one_supervisor(started: ServiceSpec, tmp_path: Path) -> None:
    other = started.model_copy(update={"control_folder": str(tmp_path / "other"), "port": started.port + 1})
    with pytest.raises(LocalError, match="supervisor did not start") as caught:
        service.apply(other)
    assert started.control_folder in caught.value.detail


def test_the_platform_outlives_the_terminal_that_started_it(started: ServiceSpec) -> None:
    seen = observed(started)
    assert seen.supervisor is not None
    assert seen.service is not None
    sessions = {os.getsid(process.pid) for process in (seen.supervisor, seen.service)}
    assert len(sessions) == 2
    assert os.getsid(0) not in sessions


def test_removing_leaves_no_process_and_keeps_the_data(started: ServiceSpec) -> None:
    seen, agent = observed(started), agent_of(started)
    service.remove(started)
    assert not any(processes.is_alive(process) for process in (seen.supervisor, seen.service))
    eventually(lambda: not processes.is_alive(agent))
    assert service.observe(started) is None
    assert (Path(started.data_folder) / "anyon.db").exists()
    service.remove(started)


def test_workspaces_that_could_not_be_stopped_are_an_error_and_tried_again(started: ServiceSpec) -> None:
    broken = started.model_copy(update={"stop_workspaces_command": [sys.executable, "-c", "raise SystemExit('busy')"]})
    with pytest.raises(LocalError, match="workspaces may not be") as caught:
        service.remove(broken)
    assert "busy" in caught.value.detail
    agent = agent_of(started)
    service.remove(started)
    eventually(lambda: not processes.is_alive(agent))


def test_removing_what_was_never_started_does_nothing(spec: ServiceSpec) -> None:
    service.remove(spec)
    assert not Path(spec.control_folder).exists()


def test_the_supervisor_leaves_by_itself_when_asked(started: ServiceSpec) -> None:
    seen = observed(started)
    assert seen.supervisor is not None
    processes.stop(seen.supervisor, 10)
    assert observed(started).supervisor is None
    assert not processes.is_alive(seen.service)


def test_starting_needs_only_the_standard_library_beside_the_supervisor() -> None:
    script = (
        f"import sys; import {supervisor.__name__}; print(sorted({{'pydantic', 'pulumi', 'yaml'}} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[4], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
