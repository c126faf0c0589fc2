"""The decision for or against a sandbox, with hosts that lack what it needs."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from anyon.runtime import probe
from anyon.runtime.errors import IsolationUnavailable
from anyon.settings import Isolation
from tests.runtime.workspaces import STANDIN


async def decide(wanted: Isolation, tmp_path: Path) -> probe.Verdict:
    return await probe.decide(wanted, tmp_path / ".etc", 1000, STANDIN)


@pytest.fixture
def host_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.fixture
def host_that_forbids_namespaces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(fake))


@pytest.mark.usefixtures("host_without_bubblewrap")
async def test_without_bubblewrap_workspaces_run_unisolated_and_it_is_said(tmp_path: Path) -> None:
    verdict = await decide(Isolation.AUTO, tmp_path)
    assert verdict.host is None
    assert verdict.note == "Workspaces are not isolated from each other on this host: bubblewrap is not installed."


@pytest.mark.usefixtures("host_without_bubblewrap")
async def test_insisting_on_an_absent_bubblewrap_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(IsolationUnavailable, match="is not installed") as caught:
        await decide(Isolation.BUBBLEWRAP, tmp_path)
    assert "Install the package bubblewrap" in caught.value.advise()


@pytest.mark.usefixtures("host_that_forbids_namespaces")
async def test_a_bubblewrap_that_does_not_work_is_not_used(tmp_path: Path) -> None:
    verdict = await decide(Isolation.AUTO, tmp_path)
    assert verdict.host is None
    assert "No permissions to create new namespace" in verdict.note
    with pytest.raises(IsolationUnavailable, match="No permissions"):
        await decide(Isolation.BUBBLEWRAP, tmp_path)


async def test_no_isolation_is_a_choice_that_is_said(tmp_path: Path) -> None:
    assert await decide(Isolation.NONE, tmp_path) == probe.Verdict(
        None, "Workspaces are not isolated from each other on this host: ANYON_ISOLATION is none."
    )


@pytest.mark.bubblewrap
async def test_a_data_folder_that_every_workspace_would_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_prefix", lambda: tmp_path)
    with pytest.raises(IsolationUnavailable, match="data folder lies in"):
        await decide(Isolation.BUBBLEWRAP, tmp_path)


def account(monkeypatch: pytest.MonkeyPatch, shell: str | None) -> None:
    """The host's user 1000: with this login shell, or nobody."""

    def getpwuid(uid: int) -> pwd.struct_passwd:
        if shell is None:
            raise KeyError(uid)
        return pwd.struct_passwd(("ada", "x", uid, uid, "Ada", "/home/ada", shell))

    monkeypatch.setattr(pwd, "getpwuid", getpwuid)


@pytest.mark.parametrize(("shell", "is_a_person"), [("/bin/bash", True), ("/usr/sbin/nologin", False), (None, False)])
def test_a_user_id_that_is_a_persons_is_noted(
    monkeypatch: pytest.MonkeyPatch, shell: str | None, is_a_person: bool
) -> None:
    account(monkeypatch, shell)
    note = probe.shared_uid_note(1000)
    assert bool(note) is is_a_person
    if is_a_person:
        assert "user id 1000, which is ada" in note
        assert "ANYON_WORKSPACE_UID" in note


@pytest.mark.bubblewrap
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's workspaces have that user's id")
async def test_a_sandbox_under_a_persons_user_id_is_used_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(monkeypatch, "/bin/bash")
    verdict = await decide(Isolation.AUTO, tmp_path)
    assert verdict.host is not None
    assert "which is ada" in verdict.note


@pytest.mark.bubblewrap
async def test_a_working_bubblewrap_is_used_without_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account(monkeypatch, None)
    verdict = await decide(Isolation.AUTO, tmp_path)
    assert verdict.note == ""
    assert verdict.host is not None
    assert verdict.host.as_root == (os.geteuid() == 0)


def test_the_interpreter_is_the_one_below_the_virtual_environment() -> None:
    assert not probe.interpreter().is_symlink()
    assert probe.interpreter().is_relative_to(probe._prefix())
