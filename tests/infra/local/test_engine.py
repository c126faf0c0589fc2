"""Which CLI is used and with what; the CLI is a script that writes down how it was called."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra import versions
from infra.local import download, engine
from infra.local.engine import Engine, EngineUnavailable
from infra.local.errors import LocalError

_SCRIPT = """\
#!{python}
import json, os, pathlib, sys
if sys.argv[1] == "version":
    print("{version}")
    sys.exit()
root = pathlib.Path("{root}")
if sys.argv[1:3] == ["stack", "init"]:
    stacks = root / ".anyon/state/.pulumi/stacks/anyon"
    stacks.mkdir(parents=True)
    (stacks / "local.json").touch()
    pathlib.Path("Pulumi.local.yaml").write_text("encryptionsalt: v1:salt\\n")
with open(root / "calls", "a") as calls:
    pulumi = {{name: value for name, value in os.environ.items() if name.startswith("PULUMI")}}
    calls.write(json.dumps({{"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": pulumi,
        "network": os.readlink("/proc/self/ns/net"), "relay": os.environ.get("ANYON_LOCAL_RELAY", "")}}) + "\\n")
sys.exit({status})
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "infra" / "stacks").mkdir(parents=True)
    (root / "infra" / "stacks" / "Pulumi.local.yaml").write_text("config:\n  anyon:platform: local\n")
    return root


def install(folder: Path, root: Path, version: str = "v3.272.0", status: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    program.write_text(_SCRIPT.format(python=sys.executable, version=version, root=root, status=status))
    program.chmod(0o755)
    return program


def calls(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "calls").read_text().splitlines()]


def path(*folders: Path) -> Mapping[str, str]:
    return {"PATH": os.pathsep.join(str(folder) for folder in folders)}


def no_network(version: str, target: Path, *, releases: str) -> None:
    raise download.DownloadFailed(f"{releases} does not give it: no network")


def test_the_cli_on_path_comes_first(root: Path, tmp_path: Path) -> None:
    program = install(tmp_path / "bin", root)
    assert engine.find(root, path(tmp_path / "bin")).program == program


@pytest.mark.parametrize("version", ["v3.100.0", "nonsense"])
def test_a_cli_that_is_too_old_is_passed_over(root: Path, tmp_path: Path, version: str) -> None:
    install(tmp_path / "bin", root, version=version)
    ours = install(root / ".anyon" / "pulumi" / versions.PULUMI, root)
    assert engine.find(root, path(tmp_path / "bin")).program == ours


def test_the_cli_is_fetched_once_into_the_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []

    def fetch(version: str, target: Path, *, releases: str) -> None:
        fetched.append(f"{releases} {version}")
        install(target, root)

    monkeypatch.setattr(download, "download", fetch)
    found = engine.find(root, path(), releases="http://releases")
    assert found == engine.find(root, path(), releases="http://releases")
    assert found.program == root / ".anyon" / "pulumi" / versions.PULUMI / "pulumi"
    assert fetched == [f"http://releases {versions.PULUMI}"]


def test_a_failed_download_is_not_repeated_for_an_hour(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "download", no_network)
    with pytest.raises(EngineUnavailable, match="no network"):
        engine.find(root, path())
    monkeypatch.setattr(download, "download", lambda *_, **__: pytest.fail("it was tried again"))
    with pytest.raises(EngineUnavailable, match="no network"):
        engine.find(root, path())
    note = root / ".anyon" / "pulumi" / "unavailable"
    os.utime(note, (0, 0))
    monkeypatch.setattr(download, "download", lambda _version, target, **_: install(target, root))
    assert engine.find(root, path()).program.exists()


@pytest.mark.bubblewrap
def test_the_cli_runs_where_no_workspace_reaches_its_ports(root: Path, tmp_path: Path) -> None:
    """They ask nobody who he is; what is done on this host for it comes by another way."""
    Engine(root, install(tmp_path / "bin", root)).run("preview")
    call = calls(root)[-1]
    assert call["arguments"][0] == "preview"
    assert call["network"] != str(Path("/proc/self/ns/net").readlink())
    assert call["relay"]


def test_everything_that_the_cli_keeps_is_in_the_checkout(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of another stack")
    used = Engine(root, install(tmp_path / "bin", root))
    assert used.up() == 0
    environment = calls(root)[-1]["environment"]
    assert environment["PULUMI_BACKEND_URL"] == f"file://{root}/.anyon/state"
    assert environment["PULUMI_HOME"].startswith(str(root))
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    passphrase = Path(environment["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    assert len(passphrase.read_text()) >= 32
    assert environment["PULUMI_SKIP_UPDATE_CHECK"] == "true"
    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_the_stack_is_made_once_and_the_committed_file_is_left_alone(root: Path, tmp_path: Path) -> None:
    used = Engine(root, install(tmp_path / "bin", root))
    committed = (root / "infra" / "stacks" / "Pulumi.local.yaml").read_text()
    used.up()
    used.down()
    assert [call["arguments"][0] for call in calls(root)] == ["stack", "up", "destroy"]
    assert calls(root)[0]["cwd"] != str(root)
    assert (root / "infra" / "stacks" / "Pulumi.local.yaml").read_text() == committed


def test_an_edit_of_the_stack_file_reaches_the_engine_with_this_checkouts_salt(root: Path, tmp_path: Path) -> None:
    used = Engine(root, install(tmp_path / "bin", root))
    used.up()
    (root / "infra" / "stacks" / "Pulumi.local.yaml").write_text("config:\n  anyon:platform: changed\n")
    used.run("preview", "--diff")
    *_, arguments = (call["arguments"] for call in calls(root))
    assert arguments[:4] == ["preview", "--diff", "--stack", "local"]
    content = Path(arguments[arguments.index("--config-file") + 1]).read_text()
    assert content == "encryptionsalt: v1:salt\nconfig:\n  anyon:platform: changed\n"


def test_a_command_that_has_no_configuration_gets_none(root: Path, tmp_path: Path) -> None:
    used = Engine(root, install(tmp_path / "bin", root))
    assert used.run("stack", "export") == 0
    assert calls(root)[-1]["arguments"] == ["stack", "export", "--stack", "local"]


def test_the_status_of_the_cli_is_handed_on(root: Path, tmp_path: Path) -> None:
    install(tmp_path / "bin", root)
    used = Engine(root, tmp_path / "bin" / "pulumi")
    used.up()
    install(tmp_path / "bin", root, status=7)
    assert used.run("preview", "--expect-no-changes") == 7


def test_a_stack_that_cannot_be_made_is_an_error(root: Path, tmp_path: Path) -> None:
    used = Engine(root, install(tmp_path / "bin", root, status=1))
    with pytest.raises(LocalError, match="could not be created"):
        used.up()
