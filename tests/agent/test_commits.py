"""What a program left is committed to the attempt's branch, whatever it did with the worktree."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from anyon.agent.server import Agent
from tests.agent.support import AUTHOR, Git, add_worktree, run


@pytest.fixture
async def attempt(client: AgentClient, repository: Git) -> Git:
    """The worktree `1-a` on the branch `anyon/1`, unchanged."""
    await add_worktree(client, "1-a", "anyon/1")
    return repository.at(".worktrees/1-a")


async def commit(client: AgentClient, message: str = "Work", **more: Any) -> dict[str, Any]:
    arguments = {"path": ".worktrees/1-a", "branch": "anyon/1", "message": message, "author": AUTHOR, **more}
    return await client.call("worktree.commit", **arguments)


async def refused(client: AgentClient) -> AgentProblem:
    """The problem that a commit meets."""
    with pytest.raises(AgentProblem) as problem:
        await commit(client)
    return problem.value


async def test_everything_in_a_worktree_is_committed(client: AgentClient, attempt: Git) -> None:
    (attempt.folder / "new file").write_text("new")
    (attempt.folder / "README.md").unlink()
    answer = await commit(client, "Work\n\nMore é")
    assert answer == {"commit": attempt("rev-parse", "HEAD"), "head": attempt("rev-parse", "HEAD"), "nested": []}
    assert attempt("log", "-1", "--format=%an %ae %cn|%B") == "Ada ada@example.org Ada|Work\n\nMore é"
    assert attempt("diff", "--name-status", "main") == "D\tREADME.md\nA\tnew file"
    again = await commit(client, "Nothing")
    assert again == {"commit": None, "head": answer["head"], "nested": []}


@pytest.mark.parametrize("switch", [("checkout", "-q", "-b", "other"), ("checkout", "-q", "--detach")])
async def test_commits_under_another_name_become_those_of_the_attempts_branch(
    client: AgentClient, attempt: Git, switch: tuple[str, ...]
) -> None:
    attempt(*switch)
    attempt("commit", "-q", "--allow-empty", "-m", "made elsewhere")
    elsewhere = attempt("rev-parse", "HEAD")
    (attempt.folder / "left").write_text("left")
    answer = await commit(client, "Left")
    assert attempt("status", "--porcelain", "--branch") == "## anyon/1"
    assert attempt("log", "--format=%s", "main..anyon/1").splitlines() == ["Left", "made elsewhere"]
    assert answer["head"] == attempt("rev-parse", "anyon/1")
    if "other" in switch:
        assert attempt("rev-parse", "other") == elsewhere


@pytest.mark.parametrize("how", [("branch", "-q", "-m", "better"), ("checkout", "-q", "--orphan", "fresh")])
async def test_a_branch_that_was_renamed_or_left_for_an_unborn_one_is_there_again(
    client: AgentClient, attempt: Git, how: tuple[str, ...]
) -> None:
    attempt(*how)
    (attempt.folder / "new").touch()
    await commit(client)
    assert attempt("status", "--porcelain", "--branch") == "## anyon/1"
    assert attempt("diff", "--name-status", "main", "anyon/1") == "A\tnew"


@pytest.mark.parametrize("name", ["other", None])
async def test_branches_that_parted_are_left_alone_and_named(
    client: AgentClient, attempt: Git, name: str | None
) -> None:
    attempt("commit", "-q", "--allow-empty", "-m", "own")
    attempt("checkout", "-q", *(("-b", name) if name else ("--detach",)), "main")
    attempt("commit", "-q", "--allow-empty", "-m", "other")
    (attempt.folder / "left").touch()
    before = attempt("show-ref")
    problem = await refused(client)
    assert (problem.code, problem.data.get("current")) == ("wrong-branch", name)
    assert "anyon/1" in problem.describe()
    assert (name or "without a branch") in problem.describe()
    assert "`git switch anyon/1`" in problem.advise()
    assert attempt("show-ref") == before
    assert attempt("status", "--porcelain") == "?? left"


async def test_a_branch_that_is_checked_out_elsewhere_is_not_moved(
    client: AgentClient, repository: Git, attempt: Git
) -> None:
    attempt("checkout", "-q", "-b", "other")
    attempt("commit", "-q", "--allow-empty", "-m", "other")
    repository("checkout", "-q", "anyon/1")
    problem = await refused(client)
    assert problem.code == "wrong-branch"
    assert "checked out in the project's working copy" in problem.describe()
    assert repository("status", "--porcelain", "--branch") == "## anyon/1"


async def test_a_name_that_git_cannot_give_back_is_told(client: AgentClient, attempt: Git) -> None:
    attempt("branch", "-q", "-m", "anyon/1/deeper")
    problem = await refused(client)
    assert problem.code == "wrong-branch"
    assert "git refuses to move `anyon/1`" in problem.describe()


def make_repository(folder: Path, *, commit: bool = True) -> Git:
    """With a file `work`."""
    folder.mkdir(parents=True)
    (folder / "work").write_text("precious\n")
    git = Git(folder)
    git("init", "-q")
    if commit:
        git("add", "--all")
        git("commit", "-q", "-m", "precious")
    return git


async def test_repositories_inside_are_left_out_and_named(client: AgentClient, attempt: Git) -> None:
    make_repository(attempt.folder / "lib")
    make_repository(attempt.folder / "deep" / "*.e", commit=False)
    (attempt.folder / "deep" / "file.e").touch()
    answer = await commit(client)
    assert answer["nested"] == ["deep/*.e", "lib"]
    assert attempt("diff", "--name-status", "main", "anyon/1") == "A\tdeep/file.e"
    assert (await commit(client))["commit"] is None
    assert (attempt.folder / "lib" / ".git").exists()


@pytest.mark.parametrize("committed", [False, True])
async def test_a_link_that_the_program_made_to_one_is_taken_back(
    client: AgentClient, attempt: Git, committed: bool
) -> None:
    base = attempt("rev-parse", "HEAD")
    make_repository(attempt.folder / "lib")
    attempt("add", "lib")
    if committed:
        attempt("commit", "-q", "-m", "with a link")
    assert (await commit(client, base_commit=base))["nested"] == ["lib"]
    assert attempt("ls-tree", "HEAD", "lib") == ""
    shutil.rmtree(attempt.folder / "lib" / ".git")
    assert (await commit(client, base_commit=base))["nested"] == []
    assert attempt("show", "HEAD:lib/work") == "precious"


@pytest.mark.parametrize("registered", [False, True])
async def test_submodules_stay_links(client: AgentClient, attempt: Git, registered: bool) -> None:
    base = attempt("rev-parse", "HEAD")
    commit_of_lib = make_repository(attempt.folder / "lib")("rev-parse", "HEAD")
    (attempt.folder / ".gitmodules").write_text('[submodule "lib"]\n\tpath = lib\n\turl = https://example.org/lib\n')
    if registered:
        attempt("add", "--all")
        attempt("commit", "-q", "-m", "a submodule")
    assert (await commit(client, base_commit=base))["nested"] == []
    assert attempt("ls-tree", "HEAD", "lib") == f"160000 commit {commit_of_lib}\tlib"


async def test_a_link_whose_folder_is_empty_is_none_of_the_attempts_repositories(
    client: AgentClient, attempt: Git
) -> None:
    base = attempt("rev-parse", "HEAD")
    attempt("update-index", "--add", "--cacheinfo", f"160000,{base},vendored")
    (attempt.folder / "vendored").mkdir()
    await commit(client, base_commit=base)
    assert attempt("ls-tree", "HEAD", "vendored").startswith("160000 commit")


async def test_a_promised_file_that_is_gone_again_is_nothing_to_commit(client: AgentClient, attempt: Git) -> None:
    (attempt.folder / "new").touch()
    attempt("add", "--intent-to-add", "new")
    (attempt.folder / "new").unlink()
    assert (await commit(client))["commit"] is None


BEGINNINGS = {
    "rebase": ("rebase", "other"),
    "merge": ("merge", "other"),
    "cherry-pick": ("cherry-pick", "other"),
    "revert": ("revert", "--no-edit", "HEAD~1"),
    None: ("stash", "pop"),
}


def conflict(git: Git, operation: str | None) -> None:
    """Begin what stops at a conflict in `README.md`."""
    for number in range(2):
        (git.folder / "README.md").write_text(f"mine {number}\n")
        git("commit", "-q", "--all", "-m", f"mine {number}")
    git("branch", "other", "HEAD~2")
    git("checkout", "-q", "other")
    (git.folder / "README.md").write_text("other\n")
    if operation is None:
        git("stash", "push", "-q")
    else:
        git("commit", "-q", "--all", "-m", "other")
    git("checkout", "-q", "anyon/1")
    with pytest.raises(AssertionError):  # git ends with a failure
        git(*BEGINNINGS[operation])
    assert "<<<<<<<" in (git.folder / "README.md").read_text()


@pytest.mark.parametrize("operation", BEGINNINGS)
async def test_what_stopped_at_a_conflict_is_not_committed(
    client: AgentClient, attempt: Git, operation: str | None
) -> None:
    conflict(attempt, operation)
    before = attempt("show-ref"), attempt("status", "--porcelain=v2", "--branch")
    problem = await refused(client)
    assert (problem.code, problem.data.get("operation")) == ("unfinished-operation", operation)
    assert problem.data["files"] == ["README.md"]
    assert "1 files of the worktree are in conflict: README.md" in problem.describe()
    assert (f"`git {operation} --continue`" if operation else "`git add`") in problem.advise()
    assert (attempt("show-ref"), attempt("status", "--porcelain=v2", "--branch")) == before


async def test_an_operation_without_a_conflict_is_for_a_person_to_finish(client: AgentClient, attempt: Git) -> None:
    conflict(attempt, "rebase")
    (attempt.folder / "README.md").write_text("resolved\n")
    attempt("add", "--all")
    problem = await refused(client)
    assert problem.describe() == "`git rebase` was begun in the worktree and not finished."
    attempt("rebase", "--abort")
    assert (await commit(client))["commit"] is None


async def test_a_worktree_whose_link_was_removed_gets_it_back(
    client: AgentClient, repository: Git, attempt: Git
) -> None:
    (attempt.folder / "new").write_text("new")
    (attempt.folder / ".git").unlink()
    (repository.folder / "mine").touch()  # git would find the main working copy
    diff = await client.call("diff.summary", path=".worktrees/1-a", base="main")
    assert [file["path"] for file in diff["files"]] == ["new"]
    (attempt.folder / ".git").unlink()
    await commit(client)
    assert attempt("diff", "--name-status", "main", "anyon/1") == "A\tnew"
    assert repository("status", "--porcelain") == "?? mine"
    (attempt.folder / ".git").unlink()
    removed = await client.call("worktree.remove", path=".worktrees/1-a", branch="anyon/1", force=True)
    assert removed == {"removed": True}


@pytest.mark.parametrize("damage", ["repository", "file", "link", "pruned", "gone"])
async def test_a_damaged_worktree_is_told_and_nothing_else_is_touched(
    client: AgentClient, repository: Git, attempt: Git, damage: str
) -> None:
    link = attempt.folder / ".git"
    await add_worktree(client, "2-b", "anyon/2")
    (attempt.folder / "new").touch()
    (repository.folder / "mine").touch()
    link.unlink()
    if damage == "repository":
        attempt("init", "-q")
    elif damage == "file":
        shutil.copyfile(repository.folder / ".worktrees" / "2-b" / ".git", link)
    elif damage == "link":
        link.symlink_to("nowhere")
    elif damage == "pruned":
        repository("worktree", "prune")
    else:
        shutil.rmtree(attempt.folder)
    before = repository("show-ref")
    where: dict[str, Any] = {"path": ".worktrees/1-a"}
    author = {"message": "Work", "author": AUTHOR}
    for name, arguments in (
        ("worktree.commit", {"branch": "anyon/1", **author}),
        ("worktree.state", {"base_commit": "main"}),
        ("diff.summary", {"base": "main"}),
        ("branch.rebase", {"branch": "anyon/1", "onto": "main"}),
    ):
        with pytest.raises(AgentProblem) as problem:
            await client.call(name, **where, **arguments)
        assert (problem.value.code, problem.value.title) == ("not-a-worktree", "The worktree is damaged")
        assert ".worktrees/1-a" in problem.value.describe()
        assert "terminal of the project" in problem.value.advise()
    assert repository("show-ref") == before
    assert repository("status", "--porcelain") == "?? mine"
    assert damage == "gone" or (attempt.folder / "new").exists()


async def test_a_worktree_whose_link_was_removed_is_not_forgotten_by_the_next(
    client: AgentClient, agent: Agent, repository: Git, attempt: Git
) -> None:
    (attempt.folder / ".git").unlink()
    await run(client, "e1", "echo going")  # the next spare is prepared now
    await agent.spare_settled()
    await commit(client)
    assert attempt("status", "--porcelain", "--branch") == "## anyon/1"


async def test_a_repository_in_place_of_the_link_is_not_removed_with_force(
    client: AgentClient, repository: Git, attempt: Git
) -> None:
    (attempt.folder / ".git").unlink()
    attempt("init", "-q")
    with pytest.raises(AgentProblem) as problem:
        await client.call("worktree.remove", path=".worktrees/1-a", branch="anyon/1", force=True)
    assert "move .worktrees/1-a/.git away" in problem.value.advise()
    assert (attempt.folder / ".git" / "HEAD").exists()
    shutil.rmtree(attempt.folder / ".git")
    removed = await client.call("worktree.remove", path=".worktrees/1-a", branch="anyon/1", force=True)
    assert removed == {"removed": True}
