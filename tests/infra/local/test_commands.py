"""`python -m infra.local …` in a checkout of its own, on a host where no CLI can be had."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local import commands
from infra.local.host.control import Control
from infra.local.host.handlers import HANDLERS
from infra.local.plan import LocalPlan
from tests.infra.checkout import make_checkout
from tests.infra.waiting import eventually


@dataclass
class Checkout:
    root: Path
    port: int

    def run(self, *arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / ".venv" / "bin" / "python", "-m", "infra.local", *arguments],
            cwd=self.root,
            env={"PATH": "/usr/bin:/bin", "ANYON_PORT": str(self.port), **environment},
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def service(self) -> int:
        observed = json.loads((self.root / ".anyon" / "local" / "observed.json").read_text())
        return int(observed["service"]["pid"]) if observed["service"] else 0

    def edit(self, old: str, new: str) -> None:
        path = self.root / "infra" / "stacks" / "Pulumi.local.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def checkout(tmp_path: Path, port: int) -> Iterator[Checkout]:
    checkout = Checkout(make_checkout(tmp_path / "checkout"), port)
    note = checkout.root / ".anyon" / "pulumi" / "unavailable"
    note.parent.mkdir(parents=True)
    note.write_text("the vendor's release does not give it: timed out")
    yield checkout
    assert checkout.run("down").returncode == 0


def test_up_says_what_is_missing_where_it_runs_and_how_to_get_in(checkout: Checkout) -> None:
    answer = checkout.run("up")
    assert answer.returncode == 0, answer.stderr
    first, second, *rest = answer.stdout.splitlines()
    assert first == "No Pulumi CLI: the vendor's release does not give it: timed out."
    assert all(word in second for word in ("state", "previews", "rollback"))
    assert f"Anyon runs at {checkout.address}" in rest[1]
    assert rest[2] == f"Log in once with this link: {checkout.address}/#login=token"


def test_up_again_changes_nothing_and_says_so(checkout: Checkout) -> None:
    assert f"{checkout.address}; it was started" in checkout.run("up").stdout
    before = checkout.service()
    again = checkout.run("up")
    assert f"{checkout.address} (no change)" in again.stdout
    assert checkout.service() == before


def test_a_link_is_offered_until_somebody_logged_in_and_on_request(checkout: Checkout) -> None:
    checkout.run("up")
    (checkout.root / ".anyon" / "data" / "logged-in").touch()
    assert checkout.run("up").stdout.splitlines()[-1] == "A login link: make login"
    assert checkout.run("login").stdout == f"{checkout.address}/#login=token\n"


def test_login_and_status_speak_of_what_runs_and_not_of_what_would(checkout: Checkout) -> None:
    checkout.run("up")
    assert checkout.run("login", ANYON_PORT="").stdout == f"{checkout.address}/#login=token\n"
    status = checkout.run("status", ANYON_PORT="").stdout
    assert f"address    {checkout.address}\n" in status
    assert "ready      yes\n" in status
    assert "not what is configured" in status


def test_a_changed_setting_is_applied_and_the_former_one_restored(checkout: Checkout) -> None:
    checkout.run("up")
    checkout.edit("idle_seconds: 1800", "idle_seconds: 60")
    assert checkout.run("status").returncode == 1
    changed = checkout.run("up")
    assert "what had changed was applied" in changed.stdout
    assert checkout.run("status").returncode == 0
    checkout.edit("idle_seconds: 60", "idle_seconds: 1800")
    assert "what had changed was applied" in checkout.run("up").stdout


def test_up_says_that_it_started_a_service_that_had_ended(checkout: Checkout) -> None:
    checkout.run("up")
    supervisor = Control(checkout.root / ".anyon" / "local").observed().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    os.kill(checkout.service(), signal.SIGKILL)
    assert "it had ended and was started again" in checkout.run("up").stdout


def test_status_tells_of_a_crash(checkout: Checkout) -> None:
    assert "not started here" in checkout.run("status").stdout
    checkout.run("up")
    crashed = checkout.service()
    os.kill(crashed, signal.SIGKILL)
    eventually(lambda: checkout.service() not in {0, crashed})
    status = checkout.run("status")
    assert status.returncode == 1
    assert "crashes    1 since the last make up; it was killed by SIGKILL" in status.stdout
    assert "serving on" in checkout.run("logs").stdout


def test_down_keeps_the_data_and_purge_asks_before_it_removes_it(checkout: Checkout) -> None:
    checkout.run("up")
    data = checkout.root / ".anyon" / "data"
    assert f"The data is in {data}" in checkout.run("down").stdout
    assert (data / "anyon.db").exists()
    refused = checkout.run("purge", typed="yes\n")
    assert refused.returncode == 1
    assert "Nothing was removed" in refused.stdout
    assert "YES=1 make purge" in checkout.run("purge").stderr
    assert data.exists()
    assert checkout.run("purge", typed="purge\n").returncode == 0
    assert not data.exists()
    assert "There was nothing" in checkout.run("purge", YES="1").stdout


def test_mistakes_in_the_stack_file_stop_everything_before_it_begins(checkout: Checkout) -> None:
    checkout.edit("idle_seconds", "idle_second")
    answer = checkout.run("up")
    assert answer.returncode == 1
    assert "did you mean idle_seconds?" in answer.stderr
    assert not (checkout.root / ".anyon" / "local").exists()
    checkout.edit("idle_second", "idle_seconds")


def test_a_service_that_does_not_start_is_shown_with_its_log(checkout: Checkout) -> None:
    checkout.run("up")
    checkout.run("down")
    marker = checkout.root / ".anyon" / "data" / "crash-at-start"
    marker.touch()
    answer = checkout.run("up")
    assert answer.returncode == 1
    assert "the database is of a newer version" in answer.stderr
    marker.unlink()


def test_a_command_that_needs_the_cli_says_so(checkout: Checkout) -> None:
    answer = checkout.run("pulumi", "preview")
    assert answer.returncode == 1
    assert "timed out" in answer.stderr


def test_an_unknown_command_shows_the_known_ones(checkout: Checkout) -> None:
    answer = checkout.run("upp")
    assert answer.returncode == 2
    assert "up|down|purge" in answer.stderr


def test_the_start_without_an_engine_gives_every_handler_its_spec(plan: LocalPlan) -> None:
    commands.apply_without_engine(plan)
    specs = (plan.folder, plan.database, plan.service)
    for handler, spec in zip(HANDLERS.values(), specs, strict=True):
        assert isinstance(spec, handler.spec)
        state = handler.observe(spec)
        assert state is not None
        assert handler.drift(spec, state.model_dump()) == []
