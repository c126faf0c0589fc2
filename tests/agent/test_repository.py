"""What the agent reads of a repository by itself may be anything: programs of the workspace put it there."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from anyon.agent.problems import Problem
from anyon.agent.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "repo" / ".git" / "refs" / "heads").mkdir(parents=True)
    return Repository(tmp_path / "repo", tmp_path, Mock())


def test_a_pipe_in_place_of_the_head_is_no_repository(repository: Repository) -> None:
    os.mkfifo(repository.git_folder / "HEAD")
    with pytest.raises(Problem) as problem:
        _ = repository.default_branch
    assert problem.value.code == "no-repository"


def test_a_pipe_in_place_of_a_branch_is_no_commit(repository: Repository) -> None:
    os.mkfifo(repository.git_folder / "refs" / "heads" / "main")
    assert repository._loose_commit("main") is None


def test_a_pipe_in_place_of_the_ignored_names_is_refused(repository: Repository) -> None:
    os.mkfifo(repository.folder / ".gitignore")
    with pytest.raises(Problem) as problem:
        repository.exclude_worktrees("gitignore")
    assert problem.value.code == "not-a-file"


def test_nothing_is_put_back_into_a_worktree_that_is_being_removed(repository: Repository) -> None:
    folder = repository.folder / ".worktrees" / "1-a"
    folder.mkdir(parents=True)
    admin = repository.git_folder / "worktrees" / "1-a"
    admin.mkdir(parents=True)
    (admin / "gitdir").write_text(f"{folder}/.git\n")
    with repository.removing(folder):
        repository.relink()
        assert not (folder / ".git").exists(), "git could not delete the folder"
    repository.relink()
    assert (folder / ".git").read_text() == f"gitdir: {admin}\n"
