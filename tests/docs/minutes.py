"""`python -m tests.docs.minutes [MARKER …]` runs each marker's tests and writes its minutes into CONTRIBUTING."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from tests.docs.pages import ROOT, page

_ROW = re.compile(r"^(\| (?:`(?P<marker>\w+)`|\(none\)) \|.*\| )[^|]*( \|)$", re.MULTILINE)


def main(wanted: list[str]) -> int:
    """Fill the column for the markers that are wanted, or for all but `bench`, which measures by itself."""
    contributing = page("CONTRIBUTING.md")
    markers = [found["marker"] or "none" for found in _ROW.finditer(contributing.text)]
    failed = 0
    for marker in [name for name in markers if name in wanted or (not wanted and name != "bench")]:
        others = " and ".join(f"not {name}" for name in markers if name != "none")
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-m", others if marker == "none" else marker], cwd=ROOT, check=False
        )
        minutes = (time.monotonic() - started) / 60
        failed += done.returncode not in {0, 5}  # 5: nothing to run
        contributing.path.write_text(filled(contributing.text, marker, f"{minutes:.1f}"), encoding="utf-8")
    return failed


def filled(text: str, marker: str, minutes: str) -> str:
    """The text with the last cell of the marker's row replaced."""

    def replaced(row: re.Match[str]) -> str:
        return f"{row[1]}{minutes}{row[3]}" if (row["marker"] or "none") == marker else row[0]

    return _ROW.sub(replaced, text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
