"""From a bare Python to the environment; pip is a script that writes down how it was called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra import bootstrap
from infra.bootstrap import SetupFailed

REPOSITORY = Path(__file__).resolve().parents[2]
_PYTHON = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in *require-hashes*) exit {status} ;; esac
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "local.txt").write_text("a==1 --hash=sha256:0\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


def environment(root: Path, status: int = 0) -> Path:
    """An environment whose interpreter only takes notes."""
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(_PYTHON.format(log=root / "calls", status=status))
    python.chmod(0o755)
    return root / ".venv"


def calls(root: Path) -> list[str]:
    log = root / "calls"
    return log.read_text().splitlines() if log.exists() else []


def test_only_the_hashed_lock_of_the_local_stack_is_installed(root: Path) -> None:
    bootstrap.prepare(root, environment(root))
    lock, package = calls(root)[-2:]
    assert lock.endswith("--require-hashes -r requirements/local.txt")
    assert package.endswith("--no-deps --no-build-isolation -e .")


def test_the_second_time_nothing_is_run(root: Path) -> None:
    bootstrap.prepare(root, environment(root))
    before = calls(root)
    bootstrap.prepare(root, root / ".venv")
    assert calls(root) == before


def test_a_changed_lock_is_installed(root: Path) -> None:
    bootstrap.prepare(root, environment(root))
    before = calls(root)
    (root / "requirements" / "local.txt").write_text("a==2 --hash=sha256:0\n")
    bootstrap.prepare(root, root / ".venv")
    assert len(calls(root)) > len(before)


def test_a_failed_installation_is_tried_again(root: Path) -> None:
    with pytest.raises(SetupFailed, match="`make up` goes on from here"):
        bootstrap.prepare(root, environment(root, status=1))
    bootstrap.prepare(root, environment(root))
    assert (root / ".venv" / ".local-stamp").exists()


def test_a_missing_environment_is_made_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []
    monkeypatch.setattr(bootstrap, "run", lambda _root, _hint, *command: made.append(command))
    (root / ".venv").mkdir()
    bootstrap.prepare(root, root / ".venv")
    assert made[0][1:] == ("-m", "venv", str(root / ".venv"))


def test_another_system_is_pointed_to_the_container(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert bootstrap.main(["up"]) == 1
    assert "container" in capsys.readouterr().err


def test_an_old_python_looks_for_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "python3.12" else None)
    assert bootstrap.find_newer_python() == Path("/usr/bin/python3.12")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(SetupFailed, match=r"Python 3\.11 or newer"):
        bootstrap.find_newer_python()


def test_the_script_needs_nothing_that_is_not_in_the_standard_library() -> None:
    script = f"import runpy; runpy.run_path({str(REPOSITORY / 'infra' / 'bootstrap.py')!r})"
    assert subprocess.run([sys.executable, "-S", "-I", "-c", script], check=False).returncode == 0
