"""Starting programs: found by the child's PATH, in its folder, with nothing of the agent's."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from anyon.agent.problems import Problem
from anyon.agent.spawning import Streams, file_in_memory, spawn

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def output_of(root: int, argv: list[str], environment: dict[str, str], stdin: int | None = None) -> str:
    """Run to the end; the output."""
    reading, writing = os.pipe()
    try:
        pid = spawn(argv, environment, root, Streams(stdin, writing, writing))
    finally:
        os.close(writing)
    with os.fdopen(reading, "rb") as file:
        output = file.read().decode()
    os.waitpid(pid, 0)
    return output


def test_a_program_runs_in_its_folder_and_the_agent_stays_in_its_own(root: int, tmp_path: Path) -> None:
    before = Path.cwd()
    assert output_of(root, ["pwd"], ENVIRONMENT) == f"{tmp_path}\n"
    assert Path.cwd() == before


def test_standard_input_is_empty_unless_given(root: int) -> None:
    assert output_of(root, ["cat"], ENVIRONMENT) == ""
    stdin = file_in_memory("caf\udce9\n")
    try:
        assert output_of(root, ["od", "-An", "-tx1"], ENVIRONMENT, stdin).split() == ["63", "61", "66", "e9", "0a"]
    finally:
        os.close(stdin)


def test_a_program_leads_its_session_and_inherits_no_descriptor_and_no_ignored_signal(root: int) -> None:
    script = "ps -o sid= -p $$; exec grep -E 'SigIgn|SigBlk' /proc/self/status"
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        lines = output_of(root, ["sh", "-c", f"echo $$; {script}"], ENVIRONMENT).split()
    finally:
        signal.signal(signal.SIGXFSZ, previous)
    assert lines[0] == lines[1]
    blocked, ignored = int(lines[3], 16), int(lines[5], 16)
    assert blocked == 0
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)
    mine = os.open("/dev/null", os.O_RDONLY)
    assert str(mine) not in output_of(root, ["ls", "/proc/self/fd"], ENVIRONMENT).split()
    os.close(mine)


def test_a_missing_program_is_named(root: int) -> None:
    with pytest.raises(Problem, match="There is no program no-such-program here") as problem:
        output_of(root, ["no-such-program"], ENVIRONMENT)
    assert (problem.value.code, problem.value.data) == ("command-missing", {"command": "no-such-program"})


def test_programs_are_found_by_the_path_of_the_child(root: int, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho found\n")
    with pytest.raises(Problem, match=r"no program ./tool"):
        output_of(root, ["./tool"], ENVIRONMENT)
    tool.chmod(0o755)
    assert output_of(root, ["./tool"], ENVIRONMENT) == "found\n"
    assert output_of(root, ["tool"], {"PATH": f"/none:{tmp_path}"}) == "found\n"


def test_a_file_that_cannot_be_executed_says_why(root: int, tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("no interpreter line")
    (tmp_path / "odd").chmod(0o755)
    with pytest.raises(Problem, match="odd cannot be started: Exec format error") as problem:
        output_of(root, ["./odd"], ENVIRONMENT)
    assert problem.value.code == "command-failed"
