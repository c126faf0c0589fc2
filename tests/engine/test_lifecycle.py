"""The local stack on the real engine: state, preview, update, rollback, drift, destroy. `anyon` is the stand-in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.local.host import processes
from infra.local.host.control import Control, Observed
from tests.infra.checkout import make_checkout
from tests.infra.waiting import eventually

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(300),
]
WITHOUT_ENGINE = "/usr/bin:/bin"
CHANGES = 7  # exit status of the CLI for --expect-no-changes when there are some


@dataclass
class Stack:
    root: Path
    port: int

    def run(self, *arguments: str, status: int = 0, path: str | None = None) -> str:
        """A command of `python -m infra.local`; what it printed."""
        answer = self._call(arguments, path)
        assert answer.returncode == status, answer.stdout
        return answer.stdout

    def fails(self, *arguments: str) -> str:
        """As `run`, for what the engine refuses; the number of its refusals differs between versions."""
        answer = self._call(arguments, None)
        assert answer.returncode not in {0, CHANGES}, answer.stdout
        return answer.stdout

    def _call(self, arguments: tuple[str, ...], path: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / ".venv" / "bin" / "python", "-m", "infra.local", *arguments],
            cwd=self.root,
            env={"PATH": path or os.environ["PATH"], "HOME": os.environ["HOME"], "ANYON_PORT": str(self.port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def preview_is_empty(self) -> None:
        self.run("pulumi", "preview", "--expect-no-changes")

    def preview(self) -> str:
        return self.run("pulumi", "preview", "--diff")

    @property
    def observed(self) -> Observed:
        return Control(self.root / ".anyon" / "local").observed()

    @property
    def agent(self) -> int:
        return int((self.root / ".anyon" / "data" / "workspaces" / "agent.pid").read_text())

    @property
    def stack_file(self) -> Path:
        return self.root / "infra" / "stacks" / "Pulumi.local.yaml"

    def edit(self, old: str, new: str) -> None:
        self.stack_file.write_text(self.stack_file.read_text().replace(old, new))

    def state(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.run("pulumi", "stack", "export"))
        return content


@pytest.fixture
def stack(tmp_path: Path, port: int) -> Iterator[Stack]:
    stack = Stack(make_checkout(tmp_path / "a checkout"), port)
    committed = stack.stack_file.read_text()
    note = stack.root / ".anyon" / "pulumi" / "unavailable"
    note.parent.mkdir(parents=True)
    note.write_text("not today")
    yield stack
    stack.stack_file.write_text(committed)
    stack.run("down", path=WITHOUT_ENGINE)


def kill(process: processes.ProcessId | None) -> None:
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: not processes.is_alive(process))


def test_after_up_a_preview_is_empty_and_up_again_changes_nothing(stack: Stack) -> None:
    assert "7 created" in stack.run("up")
    before = stack.observed
    stack.preview_is_empty()
    assert "(no change)" in stack.run("up")
    assert stack.observed == before


def test_a_changed_setting_is_an_update_that_spares_workspaces_and_goes_back(stack: Stack) -> None:
    stack.run("up")
    before, agent = stack.observed, stack.agent
    stack.edit("idle_seconds: 1800", "idle_seconds: 60")
    preview = stack.preview()
    assert 'ANYON_IDLE_SECONDS: "1800.0" => "60.0"' in preview
    assert "1 to update" in preview
    assert "replace" not in preview
    assert "1 updated" in stack.run("up")
    assert stack.observed.revision != before.revision
    assert processes.identify(agent) is not None
    stack.preview_is_empty()

    stack.edit("idle_seconds: 60", "idle_seconds: 1800")
    assert "1 updated" in stack.run("up")
    assert stack.observed.revision == before.revision
    assert processes.identify(agent) is not None
    stack.preview_is_empty()


def test_a_service_killed_by_hand_is_reported_by_refresh_and_healed_by_up(stack: Stack) -> None:
    stack.run("up")
    kill(stack.observed.service)
    assert "restarts" in stack.run("pulumi", "refresh", "--preview-only", "--diff")
    stack.run("pulumi", "refresh", "--preview-only", "--expect-no-changes", status=CHANGES)
    stack.run("up")
    stack.preview_is_empty()


def test_a_platform_killed_by_hand_is_reported_by_refresh_and_healed_by_up(stack: Stack) -> None:
    stack.run("up")
    seen = stack.observed
    kill(seen.supervisor)
    kill(seen.service)
    report = stack.run("pulumi", "refresh", "--preview-only", "--diff")
    assert "running: true => false" in report
    assert "1 updated" in stack.run("up")
    assert stack.observed.healthy
    stack.preview_is_empty()


def test_destroy_leaves_no_process_and_keeps_the_data(stack: Stack) -> None:
    stack.run("up")
    seen, agent = stack.observed, processes.identify(stack.agent)
    assert "7 deleted" in stack.run("pulumi", "destroy", "--yes")
    assert not any(processes.is_alive(process) for process in (seen.supervisor, seen.service))
    eventually(lambda: not processes.is_alive(agent))
    assert (stack.root / ".anyon" / "data" / "anyon.db").exists()
    assert "7 created" in stack.run("up")


def test_protected_data_stops_a_destroy_but_not_make_down(stack: Stack) -> None:
    stack.edit("protect_data: false", "protect_data: true")
    stack.run("up")
    refused = stack.fails("pulumi", "destroy", "--yes")
    assert "protect" in refused
    assert stack.observed.healthy
    stack.run("down")
    assert stack.observed.service is None
    stack.run("up")
    stack.preview_is_empty()


def test_a_failed_start_is_explained_and_tried_again_by_the_next_up(stack: Stack) -> None:
    stack.run("up")
    marker = stack.root / ".anyon" / "data" / "crash-at-start"
    marker.touch()
    stack.edit("idle_seconds: 1800", "idle_seconds: 60")
    failed = stack.fails("up")
    assert "it exited with status 3" in failed
    assert "the database is of a newer version" in failed
    assert "Traceback" not in failed
    marker.unlink()
    stack.run("up")
    stack.preview_is_empty()


def test_mistakes_in_the_stack_file_are_all_in_the_preview(stack: Stack) -> None:
    stack.edit("idle_seconds", "idle_second")
    stack.edit("platform: local", "platform: lokal")
    refused = stack.fails("pulumi", "preview")
    assert "did you mean idle_seconds?" in refused
    assert "anyon:platform" in refused


def test_what_was_changed_without_the_engine_is_drift(stack: Stack) -> None:
    stack.run("up")
    revision = stack.observed.revision
    stack.edit("idle_seconds: 1800", "idle_seconds: 60")
    assert "No Pulumi CLI" in stack.run("up", path=WITHOUT_ENGINE)
    assert stack.observed.revision != revision
    stack.edit("idle_seconds: 60", "idle_seconds: 1800")
    stack.run("pulumi", "preview", "--expect-no-changes", status=CHANGES)
    stack.run("up")
    assert stack.observed.revision == revision


@pytest.mark.postgres
def test_the_password_of_postgresql_is_in_no_plain_file_of_the_state(stack: Stack, empty_postgres_url: str) -> None:
    url = empty_postgres_url.replace("@", ":hunter2@")
    file = stack.root / ".anyon" / "database-url"
    file.parent.mkdir(exist_ok=True)
    file.write_text(url)
    file.chmod(0o600)
    stack.edit("engine: sqlite", "engine: postgresql\n    url_file: .anyon/database-url")
    stack.run("up")
    stack.preview_is_empty()
    holders = [
        path
        for path in (stack.root / ".anyon").rglob("*")
        if path.is_file() and path != file and b"hunter2" in path.read_bytes()
    ]
    assert holders == [stack.root / ".anyon" / "local" / "desired.json"]
    assert holders[0].stat().st_mode & 0o077 == 0
    assert "hunter2" not in json.dumps(stack.state())
    assert "hunter2" not in stack.run("pulumi", "preview", "--diff")


def test_a_lost_state_is_made_again_around_the_running_service(stack: Stack) -> None:
    stack.run("up")
    before = stack.observed
    (stack.root / ".anyon" / "state").rename(stack.root / ".anyon" / "state.broken")
    assert "7 created" in stack.run("up")
    assert stack.observed == before
    stack.preview_is_empty()
