"""The same tests of the sandbox once more, as an ordinary user: another branch of the code, with a user namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.needs import lacking

UID = 64_321


@pytest.mark.bubblewrap
@pytest.mark.timeout(300)
def test_the_sandbox_holds_for_an_ordinary_user_too() -> None:
    if os.geteuid() != 0:
        pytest.skip("this run belongs to an ordinary user already: the other tests prove it")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, UID, UID)
        tests = [str(Path(__file__).with_name(name)) for name in ("test_contract.py", "test_isolation.py")]
        options = ["-m", "bubblewrap", "-q", "-rs", "-p", "no:cacheprovider", "--basetemp", f"{folder}/tests"]
        environment = {
            "HOME": folder,
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": python_path(),
        }
        command = [*as_ordinary_user(), python_of_everybody(), "-m", "pytest", *options, *tests]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout, done.stdout


def python_path() -> str:
    """What these tests import beside the standard library, of which every interpreter has its own."""
    own = Path(sys.base_prefix).resolve()
    return os.pathsep.join(path for path in sys.path if path and not Path(path).resolve().is_relative_to(own))


def as_ordinary_user() -> list[str]:
    return ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--inh-caps=-all", "--"]


def python_of_everybody() -> str:
    """An interpreter of this version that others than root can run, and that finds what these tests import."""
    found = [
        sys.executable,
        *(shutil.which(f"python3.{sys.version_info.minor}", path=path) for path in os.defpath.split(":")),
    ]
    # setpriv still starts what only root can reach; what it started cannot start it again.
    script = "import os, sys, pydantic, pytest_asyncio, anyon; sys.exit(not os.access(sys._base_executable, os.X_OK))"
    for python in filter(None, found):
        environment = {"PYTHONPATH": python_path()}
        tried = subprocess.run(
            [*as_ordinary_user(), python, "-c", script], env=environment, capture_output=True, check=False
        )
        if tried.returncode == 0:
            return python
    raise lacking(
        "no interpreter is open to ordinary users", "apt-get install python3, and clone where others may read"
    )
