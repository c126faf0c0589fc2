"""What some tests need beyond Python: the marker that says so, how to tell that it is there, how to get it.

Without it a test is left out, and the summary says what would enable it. Under ANYON_REQUIRE=all it is a failure, but
for the engine, which no package archive carries.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")


@dataclass(frozen=True)
class Need:
    is_met: Callable[[], bool]
    remedy: str
    may_be_missing: bool = False


def postgres_binaries() -> Path | None:
    """The folder of the newest PostgreSQL on this machine."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


NEEDS = {
    "postgres": Need(lambda: postgres_binaries() is not None, "apt-get install postgresql"),
    "browser": Need(CHROMIUM.exists, "apt-get install chromium"),
    "bubblewrap": Need(lambda: shutil.which("bwrap") is not None, "apt-get install bubblewrap"),
    "curl": Need(lambda: shutil.which("curl") is not None, "apt-get install curl"),
    "engine": Need(lambda: shutil.which("pulumi") is not None, "put the Pulumi CLI on PATH", may_be_missing=True),
}
"""Marker → need."""

_left_out: Counter[str] = Counter()


def lacking(what: str, remedy: str) -> BaseException:
    """What to raise to leave the present test out for something that only its fixture could find out."""
    if os.environ.get("ANYON_REQUIRE") == "all":
        return pytest.fail.Exception(f"{what}: {remedy}", pytrace=False)
    return pytest.skip.Exception(f"{what}: {remedy}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: skip or fail what this machine cannot run."""
    for marker, need in NEEDS.items():
        if item.get_closest_marker(marker) is None or need.is_met():
            continue
        if os.environ.get("ANYON_REQUIRE") == "all" and not need.may_be_missing:
            pytest.fail(f"needs {marker}: {need.remedy}", pytrace=False)
        _left_out[marker] += 1
        pytest.skip(f"needs {marker}: {need.remedy}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and how to have it."""
    if not _left_out:
        return
    terminalreporter.section("left out on this machine")
    for marker, count in sorted(_left_out.items()):
        terminalreporter.line(f"{count:4d} tests marked {marker}: {NEEDS[marker].remedy}")
