"""Worktrees of attempts: from the spare and without, again and again, and never more removed than asked."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from anyon.agent.server import Agent
from tests.agent.support import AUTHOR, Git, add_worktree, run


async def test_git_never_asks_the_resolver_who_moves_a_branch(client: AgentClient, repository: Git) -> None:
    """Without a name in its environment it looks up this host's own, which takes as long as the name server does."""
    await add_worktree(client, "named")
    log = (repository.folder / ".git" / "logs" / "refs" / "heads" / "anyon" / "named").read_text()
    assert "Anyon <anyon@localhost>" in log


async def test_the_prepared_worktree_becomes_that_of_the_attempt(client: AgentClient, repository: Git) -> None:
    answer = await add_worktree(client, "1-a", "anyon/1")
    head = repository("rev-parse", "main")
    assert answer == {
        "path": ".worktrees/1-a",
        "branch": "anyon/1",
        "base_branch": "main",
        "base_commit": head,
        "prepared": True,
    }
    git = repository.at(".worktrees/1-a")
    assert git("status", "--porcelain", "--branch", "--ignored") == "## anyon/1"
    assert git("rev-parse", "--show-toplevel") == str(git.folder)
    assert git("rev-parse", "HEAD") == head
    listed = repository("worktree", "list", "--porcelain").split("\n\n")
    assert [entry.splitlines()[0] for entry in listed] == [f"worktree {repository.folder}", f"worktree {git.folder}"]
    assert repository("worktree", "prune", "--dry-run", "--verbose") == ""
    assert repository("fsck") == ""
    assert repository("status", "--porcelain") == ""


async def test_without_a_spare_git_adds_the_worktree(client: AgentClient, repository: Git) -> None:
    await add_worktree(client, "1-a")
    answer = await add_worktree(client, "2-b")
    assert not answer["prepared"]
    assert repository.at(".worktrees/2-b")("status", "--porcelain", "--branch") == "## anyon/2-b"


async def test_the_spare_is_prepared_again_after_the_next_execution(
    client: AgentClient, agent: Agent, repository: Git
) -> None:
    for number in range(3):
        assert (await add_worktree(client, f"{number}-x"))["prepared"]
        await run(client, f"e{number}", "echo going")
        await agent.spare_settled()
    assert len(repository("worktree", "list").splitlines()) == 5


async def test_another_base_than_the_default_branch_needs_no_spare(client: AgentClient, repository: Git) -> None:
    repository("branch", "old")
    repository("commit", "-q", "--allow-empty", "-m", "newer")
    answer = await add_worktree(client, "1-a", base="old")
    assert (answer["base_branch"], answer["base_commit"]) == ("old", repository("rev-parse", "old"))
    answer = await add_worktree(client, "2-b")
    assert (answer["prepared"], answer["base_commit"]) == (False, repository("rev-parse", "main"))


@pytest.mark.parametrize("first_prepared", [True, False])
async def test_adding_twice_gives_the_same_worktree(client: AgentClient, repository: Git, first_prepared: bool) -> None:
    if not first_prepared:
        await add_worktree(client, "0-x")
    first = await add_worktree(client, "1-a")
    (repository.folder / ".worktrees" / "1-a" / "new").touch()
    repository.at(".worktrees/1-a")("commit", "-q", "--allow-empty", "-m", "work")
    again = await add_worktree(client, "1-a")
    assert first["prepared"] is first_prepared
    assert again == {**first, "prepared": False}
    assert (repository.folder / ".worktrees" / "1-a" / "new").exists()


async def test_ten_at_once_are_ten_worktrees(client: AgentClient, repository: Git) -> None:
    answers = await asyncio.gather(*(add_worktree(client, f"{number}-x") for number in range(10)))
    assert [answer["prepared"] for answer in answers].count(True) == 1
    for number in range(10):
        assert repository.at(f".worktrees/{number}-x")("status", "--porcelain", "--branch") == f"## anyon/{number}-x"


async def test_a_branch_that_exists_already_is_used(client: AgentClient, repository: Git) -> None:
    repository("branch", "anyon/1-a")
    repository("pack-refs", "--all")
    answer = await add_worktree(client, "1-a")
    assert not answer["prepared"]
    assert repository.at(".worktrees/1-a")("branch", "--show-current") == "anyon/1-a"


async def test_a_packed_default_branch_is_found(client: AgentClient, repository: Git) -> None:
    repository("pack-refs", "--all")
    assert (await add_worktree(client, "1-a"))["prepared"]


async def test_an_entry_whose_folder_is_gone_does_not_stand_in_the_way(client: AgentClient, repository: Git) -> None:
    await add_worktree(client, "0-x")
    await add_worktree(client, "1-a")
    shutil.rmtree(repository.folder / ".worktrees" / "1-a")
    await add_worktree(client, "1-a")
    assert repository.at(".worktrees/1-a")("status", "--porcelain", "--branch") == "## anyon/1-a"


async def test_a_worktree_whose_first_checkout_was_cut_off_is_filled(client: AgentClient, repository: Git) -> None:
    repository("worktree", "add", "-q", "--no-checkout", "-b", "anyon/1-a", ".worktrees/1-a")
    await add_worktree(client, "1-a")
    assert repository.at(".worktrees/1-a")("status", "--porcelain") == ""


async def test_a_branch_in_use_elsewhere_is_refused(client: AgentClient, repository: Git) -> None:
    await add_worktree(client, "1-a", "anyon/1")
    with pytest.raises(AgentProblem, match="is checked out in") as problem:
        await add_worktree(client, "2-b", "anyon/1")
    assert problem.value.code == "branch-in-use"


async def test_a_folder_in_the_way_is_refused_and_kept(client: AgentClient, repository: Git) -> None:
    folder = repository.folder / ".worktrees" / "1-a"
    folder.mkdir()
    (folder / "mine").touch()
    with pytest.raises(AgentProblem) as problem:
        await add_worktree(client, "1-a")
    assert problem.value.code == "path-in-use"
    assert (folder / "mine").exists()


@pytest.mark.parametrize("branch", ["-x", "HEAD", "@", "a..b", "a b", "a.lock", "a~1", "/a", "a//b", "main/x"])
async def test_names_that_git_refuses_for_branches_are_refused(
    client: AgentClient, repository: Git, branch: str
) -> None:
    with pytest.raises(AgentProblem) as problem:
        await add_worktree(client, "1-a", branch)
    assert problem.value.code == "branch-refused"
    assert not (repository.folder / ".worktrees" / "1-a").exists()


@pytest.mark.parametrize(
    "path",
    ["x", ".worktrees", ".worktrees/", ".worktrees/.spare", ".worktrees/a/b", "../.worktrees/x", "/x", ".worktrees/-x"],
)
async def test_paths_other_than_one_below_the_folder_are_refused(
    client: AgentClient, repository: Git, path: str
) -> None:
    with pytest.raises(AgentProblem) as problem:
        await client.call("worktree.add", path=path, branch="anyon/1")
    assert problem.value.code == "bad-argument"


async def test_a_folder_of_worktrees_that_leads_out_is_refused(
    client: AgentClient, repository: Git, tmp_path: Path
) -> None:
    (repository.folder / ".worktrees").rename(tmp_path / "elsewhere")
    (repository.folder / ".worktrees").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AgentProblem) as problem:
        await add_worktree(client, "1-a")
    assert problem.value.code == "path-escapes"


async def test_without_a_repository_nothing_is_added(client: AgentClient) -> None:
    with pytest.raises(AgentProblem) as problem:
        await add_worktree(client, "1-a")
    assert problem.value.code == "no-repository"


async def test_an_unknown_base_is_refused(client: AgentClient, repository: Git) -> None:
    with pytest.raises(AgentProblem, match="no branch or commit 'nowhere'"):
        await add_worktree(client, "1-a", base="nowhere")


async def test_a_spare_that_cannot_be_renamed_is_given_up(
    client: AgentClient, repository: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> Path:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        answer = await add_worktree(client, "1-a")
    assert not answer["prepared"]
    assert repository.at(".worktrees/1-a")("status", "--porcelain", "--branch") == "## anyon/1-a"


async def test_hooks_of_the_repository_do_not_run(client: AgentClient, repository: Git, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name in ("pre-commit", "post-commit", "post-checkout", "prepare-commit-msg"):
        hook = repository.folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    repository("config", "core.fsmonitor", f"touch {ran}")
    repository("config", "core.hooksPath", str(repository.folder / ".git" / "hooks"))
    await add_worktree(client, "1-a")
    await add_worktree(client, "2-b")
    (repository.folder / ".worktrees" / "2-b" / "new").touch()
    await client.call("worktree.commit", path=".worktrees/2-b", message="m", author=AUTHOR)
    assert not ran.exists()


async def test_the_state_counts_files_and_commits(client: AgentClient, repository: Git) -> None:
    answer = await add_worktree(client, "1-a")
    folder = repository.folder / ".worktrees" / "1-a"
    (folder / "new").mkdir()
    for name in "abc":
        (folder / "new" / name).touch()
    repository.at(".worktrees/1-a")("commit", "-q", "--allow-empty", "-m", "work")
    state = await client.call("worktree.state", path=".worktrees/1-a", base_commit=answer["base_commit"])
    assert state == {"head": repository("rev-parse", "anyon/1-a"), "uncommitted": 3, "commits": 1, "nested": []}


async def test_the_state_counts_the_commits_of_the_branch_that_the_worktree_left(
    client: AgentClient, repository: Git
) -> None:
    added = await add_worktree(client, "1-a")
    git = repository.at(".worktrees/1-a")
    git("commit", "-q", "--allow-empty", "-m", "own")
    git("checkout", "-q", "-b", "other", "main")
    git("commit", "-q", "--allow-empty", "-m", "other")
    sides = {"path": ".worktrees/1-a", "base_commit": added["base_commit"]}
    assert (await client.call("worktree.state", branch="anyon/1-a", **sides))["commits"] == 2
    assert (await client.call("worktree.state", branch="gone", **sides))["commits"] == 1


async def remove(client: AgentClient, **more: Any) -> dict[str, Any]:
    return await client.call("worktree.remove", path=".worktrees/1-a", branch="anyon/1-a", **more)


async def test_a_clean_worktree_is_removed_once(client: AgentClient, repository: Git) -> None:
    await add_worktree(client, "1-a")
    assert await remove(client, delete_branch=True, force=False) == {"removed": True}
    assert await remove(client, delete_branch=True, force=False) == {"removed": False}
    assert not (repository.folder / ".worktrees" / "1-a").exists()
    assert repository("branch", "--list", "anyon/*") == ""


async def test_work_that_would_be_lost_is_kept_unless_forced(client: AgentClient, repository: Git) -> None:
    await add_worktree(client, "1-a")
    folder = repository.folder / ".worktrees" / "1-a"
    repository.at(".worktrees/1-a")("commit", "-q", "--allow-empty", "-m", "work")
    (folder / "new").touch()
    with pytest.raises(AgentProblem, match="1 uncommitted files and 1 unmerged commits") as problem:
        await remove(client, delete_branch=True, force=False)
    assert (problem.value.code, problem.value.data) == ("work-would-be-lost", {"files": 1, "commits": 1})
    assert (folder / "new").exists()
    assert await remove(client, delete_branch=True, force=True) == {"removed": True}
    assert repository("branch", "--list", "anyon/*") == ""


async def test_a_repository_inside_is_work_that_would_be_lost(client: AgentClient, repository: Git) -> None:
    added = await add_worktree(client, "1-a")
    folder = repository.folder / ".worktrees" / "1-a" / "lib"
    folder.mkdir()
    Git(folder)("init", "-q")
    state = await client.call("worktree.state", path=".worktrees/1-a", base_commit=added["base_commit"])
    assert (state["uncommitted"], state["nested"]) == (0, ["lib"])
    with pytest.raises(AgentProblem) as problem:
        await remove(client, delete_branch=True, force=False)
    assert problem.value.code == "work-would-be-lost"


async def test_commits_of_a_branch_that_stays_are_not_lost(client: AgentClient, repository: Git) -> None:
    await add_worktree(client, "1-a")
    repository.at(".worktrees/1-a")("commit", "-q", "--allow-empty", "-m", "work")
    assert await remove(client, delete_branch=False, force=False) == {"removed": True}
    assert repository("log", "-1", "--format=%s", "anyon/1-a") == "work"


async def test_a_folder_that_git_does_not_list_is_never_removed(client: AgentClient, repository: Git) -> None:
    folder = repository.folder / ".worktrees" / "1-a"
    folder.mkdir()
    (folder / "mine").touch()
    with pytest.raises(AgentProblem) as problem:
        await remove(client, force=True)
    assert problem.value.code == "not-a-worktree"
    assert (folder / "mine").exists()


async def test_the_default_branch_is_never_deleted(client: AgentClient, repository: Git) -> None:
    with pytest.raises(AgentProblem, match="main is the default branch"):
        await client.call("worktree.remove", path=".worktrees/1-a", branch="main", delete_branch=True, force=True)
