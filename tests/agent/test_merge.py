"""Merges and rebases: a conflict touches nothing, and nobody's edits are lost."""

from __future__ import annotations

import pytest

from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from tests.agent.support import AUTHOR, Git, add_worktree

README = "# Sample\n\nfirst\nsecond\nthird\n"


@pytest.fixture
async def attempt(client: AgentClient, repository: Git) -> Git:
    """A worktree whose branch changed `second` in the README and added a file."""
    await add_worktree(client, "1-a", "anyon/1")
    git = repository.at(".worktrees/1-a")
    (git.folder / "README.md").write_text(README.replace("second", "SECOND"))
    (git.folder / "added").write_text("added\n")
    git("add", "--all")
    git("commit", "-q", "-m", "attempt")
    return git


def commit_on_main(repository: Git, **files: str) -> None:
    for name, content in files.items():
        (repository.folder / name.replace("_", ".")).write_text(content)
    repository("add", "--all")
    repository("commit", "-q", "-m", "on main")


async def merge(client: AgentClient, into: str = "main") -> dict[str, object]:
    return await client.call("branch.merge", branch="anyon/1", into=into, message="Merge attempt 1", author=AUTHOR)


async def test_a_branch_ahead_is_merged_by_moving_forward(client: AgentClient, repository: Git, attempt: Git) -> None:
    (repository.folder / "untracked").write_text("mine")
    assert await merge(client) == {"commit": attempt("rev-parse", "HEAD"), "fast_forward": True}
    assert repository("rev-parse", "main") == attempt("rev-parse", "HEAD")
    assert (repository.folder / "added").read_text() == "added\n"
    assert repository("status", "--porcelain") == "?? untracked"
    assert (await merge(client))["commit"] == attempt("rev-parse", "HEAD")


async def test_branches_that_parted_are_merged_by_a_commit(client: AgentClient, repository: Git, attempt: Git) -> None:
    commit_on_main(repository, other="other\n")
    answer = await merge(client)
    assert not answer["fast_forward"]
    assert repository("log", "-1", "--format=%s|%an|%P") == (
        f"Merge attempt 1|Ada|{repository('rev-parse', 'main^1')} {attempt('rev-parse', 'HEAD')}"
    )
    assert repository("status", "--porcelain") == ""
    assert sorted(path.name for path in repository.folder.iterdir() if path.is_file()) == [
        "README.md",
        "added",
        "logo.bin",
        "other",
    ]


async def test_a_conflict_touches_nothing_and_names_the_files(
    client: AgentClient, repository: Git, attempt: Git
) -> None:
    commit_on_main(repository, README_md=README.replace("second", "zweite"))
    before = repository("rev-parse", "main")
    with pytest.raises(AgentProblem, match="1 files were changed on both sides") as problem:
        await merge(client)
    assert (problem.value.code, problem.value.data) == ("merge-conflict", {"files": ["README.md"]})
    assert repository("rev-parse", "main") == before
    assert repository("status", "--porcelain") == ""
    assert attempt("status", "--porcelain") == ""


@pytest.mark.parametrize("parted", [False, True])
async def test_edits_that_a_merge_would_overwrite_are_kept(
    client: AgentClient, repository: Git, attempt: Git, parted: bool
) -> None:
    if parted:
        commit_on_main(repository, other="other\n")
    (repository.folder / "README.md").write_text("my edit")
    (repository.folder / "added").write_text("my file")
    before = repository("rev-parse", "main")
    with pytest.raises(AgentProblem) as problem:
        await merge(client)
    assert problem.value.code == "local-changes"
    assert set(problem.value.data["files"]) <= {"README.md", "added"}
    assert problem.value.data["files"]
    assert repository("rev-parse", "main") == before
    assert (repository.folder / "README.md").read_text() == "my edit"
    assert (repository.folder / "added").read_text() == "my file"


async def test_edits_beside_the_merge_stay_edits(client: AgentClient, repository: Git, attempt: Git) -> None:
    (repository.folder / "docs" / "guide.md").write_text("my edit")
    await merge(client)
    assert repository("status", "--porcelain") == " M docs/guide.md"
    assert (repository.folder / "added").exists()


async def test_a_branch_that_nobody_has_checked_out_is_moved(
    client: AgentClient, repository: Git, attempt: Git
) -> None:
    repository("branch", "release")
    await merge(client, into="release")
    assert repository("rev-parse", "release") == attempt("rev-parse", "HEAD")
    assert not (repository.folder / "added").exists()


async def test_a_branch_that_another_worktree_has_checked_out_is_refused(
    client: AgentClient, repository: Git, attempt: Git
) -> None:
    await add_worktree(client, "2-b", "anyon/2")
    with pytest.raises(AgentProblem) as problem:
        await merge(client, into="anyon/2")
    assert problem.value.code == "branch-in-use"


async def test_after_a_merge_the_spare_is_renewed(client: AgentClient, repository: Git, attempt: Git) -> None:
    await merge(client)
    answer = await add_worktree(client, "2-b")
    assert answer["base_commit"] == repository("rev-parse", "main")


async def test_unknown_branches_are_refused(client: AgentClient, repository: Git) -> None:
    with pytest.raises(AgentProblem, match="There is no branch or commit"):
        await merge(client)


async def rebase(client: AgentClient, onto: str = "main") -> dict[str, object]:
    return await client.call("branch.rebase", path=".worktrees/1-a", branch="anyon/1", onto=onto)


async def test_a_rebase_puts_the_work_on_top(client: AgentClient, repository: Git, attempt: Git) -> None:
    commit_on_main(repository, other="other\n")
    answer = await rebase(client)
    assert answer == {"head": attempt("rev-parse", "HEAD")}
    assert attempt("log", "--format=%s").splitlines() == ["attempt", "on main", "Import"]
    assert attempt("status", "--porcelain", "--branch") == "## anyon/1"


async def test_a_rebase_with_a_conflict_is_rolled_back(client: AgentClient, repository: Git, attempt: Git) -> None:
    commit_on_main(repository, README_md=README.replace("second", "zweite"))
    before = attempt("rev-parse", "HEAD")
    with pytest.raises(AgentProblem) as problem:
        await rebase(client)
    assert (problem.value.code, problem.value.data) == ("merge-conflict", {"files": ["README.md"]})
    assert attempt("rev-parse", "anyon/1") == before
    assert attempt("status", "--porcelain", "--branch") == "## anyon/1"


async def test_a_rebase_that_fails_otherwise_is_rolled_back(
    client: AgentClient, repository: Git, attempt: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_on_main(repository, added="my file\n")
    monkeypatch.setattr("anyon.agent.merge.REBASE_SECONDS", 0.0)
    with pytest.raises(AgentProblem, match="took longer than 0 seconds"):
        await rebase(client)
    assert attempt("status", "--porcelain", "--branch") == "## anyon/1"


async def test_a_worktree_with_edits_is_not_rebased(client: AgentClient, repository: Git, attempt: Git) -> None:
    (attempt.folder / "README.md").write_text("edit")
    with pytest.raises(AgentProblem) as problem:
        await rebase(client)
    assert (problem.value.code, problem.value.data) == ("local-changes", {"files": ["README.md"]})


async def test_a_worktree_on_another_branch_is_not_rebased(client: AgentClient, repository: Git, attempt: Git) -> None:
    attempt("checkout", "-q", "--detach")
    with pytest.raises(AgentProblem, match="is on no branch, not on anyon/1"):
        await rebase(client)
