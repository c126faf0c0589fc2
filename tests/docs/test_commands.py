"""The commands of README and CONTRIBUTING do what the text around them says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.docs.checkout import Clone
from tests.docs.pages import ROOT, page

UP, TEST, FIRST_TASK, COMMAND_LINE = page("README.md").blocks("sh")

NOT_RUN = {
    "make test": "it would run this very test",
    "make check": "it is the first step of .ci/run",
    "make lock": "it asks a package index",
}
"""Commands that are only looked up, by their first words, with the reason."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone in which the README's first command was run."""
    clone = Clone.make(tmp_path_factory.mktemp("clone"))
    try:
        up = clone.run(UP)
        assert up.returncode == 0, up.stdout + up.stderr
        assert f"Anyon runs at http://127.0.0.1:{clone.port}" in up.stdout
        assert f"http://127.0.0.1:{clone.port}/login#token=" in up.stdout
        yield clone
    finally:
        down = clone.run("make down")
    assert down.returncode == 0, down.stdout + down.stderr


@pytest.mark.curl
def test_the_first_task_by_curl_prints_its_log_its_diff_and_the_merge(clone: Clone) -> None:
    done = clone.run(FIRST_TASK)
    assert done.returncode == 0, done.stdout + done.stderr
    first, *diff, last = done.stdout.splitlines()
    assert first == "hello"
    assert "+++ b/now.txt" in diff
    assert last == "merged"


def test_the_first_task_by_the_command_line_prints_its_log(clone: Clone) -> None:
    exports = "\n".join(line for line in FIRST_TASK.splitlines() if line.startswith("export"))
    done = clone.run(f"{exports}\n{COMMAND_LINE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[0] == "hello"


def test_make_up_again_changes_nothing_and_says_so(clone: Clone) -> None:
    again = clone.run(UP)
    assert again.returncode == 0, again.stderr
    assert "(no change)" in again.stdout


def test_make_login_prints_a_link(clone: Clone) -> None:
    login = clone.run("make login")
    assert login.stdout.startswith(f"http://127.0.0.1:{clone.port}/login#token="), login.stderr


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_command_is_run_here_or_can_be_looked_up(name: str) -> None:
    for block in page(name).blocks("sh"):
        if block in {UP, FIRST_TASK, COMMAND_LINE}:
            continue
        for command in block.strip().splitlines():
            assert any(command.startswith(known) for known in NOT_RUN), f"{command}: neither run nor excused"
            done = subprocess.run(
                ["bash", "-c", command.replace("make ", "make --dry-run ", 1)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}: {done.stderr}"
