"""Diffs of a worktree: committed, uncommitted and new files in one view, bounded, and nothing touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.agent import diff as diff_module
from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from tests.agent.support import Git, add_worktree

WORKTREE = ".worktrees/1-a"


@pytest.fixture
async def folder(client: AgentClient, repository: Git) -> Path:
    """A worktree with every kind of change."""
    await add_worktree(client, "1-a")
    folder = repository.folder / WORKTREE
    git = repository.at(WORKTREE)
    (folder / "README.md").write_text("# Sample\n\nfirst\nchanged\nthird\nfourth\n")
    git("commit", "-q", "-a", "-m", "committed")
    git("mv", "docs/guide.md", "docs/manual.md")
    (folder / "logo.bin").write_bytes(b"\0other")
    (folder / "new file é.txt").write_text("one\ntwo\n")
    (folder / "staged").write_text("staged\n")
    git("add", "staged")
    repository("commit", "-q", "--allow-empty", "-m", "main goes on")
    return folder


async def test_the_summary_has_every_change_since_the_base_was_left(
    client: AgentClient, repository: Git, folder: Path
) -> None:
    before = repository.at(WORKTREE)("status", "--porcelain")
    answer = await client.call("diff.summary", path=WORKTREE, base="main")
    files = {file.pop("path"): file for file in answer["files"]}
    plain = {"old_path": None, "binary": False}
    assert files == {
        "README.md": {**plain, "status": "M", "added": 2, "removed": 1},
        "docs/manual.md": {**plain, "old_path": "docs/guide.md", "status": "R", "added": 0, "removed": 0},
        "logo.bin": {**plain, "status": "M", "added": None, "removed": None, "binary": True},
        "new file é.txt": {**plain, "status": "A", "added": 2, "removed": 0},
        "staged": {**plain, "status": "A", "added": 1, "removed": 0},
    }
    assert (answer["added"], answer["removed"], answer["truncated"]) == (5, 1, False)
    assert answer["base"] == repository("merge-base", "main", "anyon/1-a")
    assert answer["head"] == repository("rev-parse", "anyon/1-a")
    assert repository.at(WORKTREE)("status", "--porcelain") == before


async def test_the_main_working_copy_can_be_compared_too(client: AgentClient, repository: Git) -> None:
    (repository.folder / "README.md").write_text("changed\n")
    answer = await client.call("diff.summary", path="", base="main")
    assert [(file["path"], file["status"]) for file in answer["files"]] == [("README.md", "M")]


async def test_one_file_is_shown_as_a_patch(client: AgentClient, folder: Path) -> None:
    answer = await client.call("diff.file", path=WORKTREE, base="main", file="README.md")
    assert "-second\n+changed\n third\n+fourth\n" in answer["patch"]
    assert (answer["truncated"], answer["binary"]) == (False, False)


async def test_a_new_file_is_shown_whole(client: AgentClient, folder: Path) -> None:
    answer = await client.call("diff.file", path=WORKTREE, base="main", file="new file é.txt")
    assert "@@ -0,0 +1,2 @@\n+one\n+two\n" in answer["patch"]


async def test_a_renamed_file_is_compared_with_its_old_self(client: AgentClient, folder: Path) -> None:
    answer = await client.call("diff.file", path=WORKTREE, base="main", file="docs/manual.md", old_path="docs/guide.md")
    assert "rename from docs/guide.md\nrename to docs/manual.md" in answer["patch"]


async def test_a_binary_file_says_so(client: AgentClient, folder: Path) -> None:
    answer = await client.call("diff.file", path=WORKTREE, base="main", file="logo.bin")
    assert answer["binary"]


async def test_a_large_patch_is_cut_at_a_line(client: AgentClient, folder: Path) -> None:
    (folder / "large").write_text("0123456789abcde\n" * 60_000)
    answer = await client.call("diff.file", path=WORKTREE, base="main", file="large")
    assert answer["truncated"]
    assert len(answer["patch"]) <= diff_module.MAX_PATCH_BYTES
    assert answer["patch"].endswith("+0123456789abcde\n")


async def test_too_many_files_are_cut_off(client: AgentClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff_module, "MAX_FILES", 2)
    answer = await client.call("diff.summary", path=WORKTREE, base="main")
    assert (len(answer["files"]), answer["truncated"]) == (2, True)


async def test_a_worktree_without_common_history_is_compared_with_the_base_itself(
    client: AgentClient, repository: Git, folder: Path
) -> None:
    tree = repository("write-tree")
    repository("branch", "alone", repository("commit-tree", tree, "-m", "alone"))
    answer = await client.call("diff.summary", path=WORKTREE, base="alone")
    assert answer["base"] == repository("rev-parse", "alone")


async def test_two_commits_are_compared_without_a_worktree(client: AgentClient, repository: Git, folder: Path) -> None:
    head = repository("rev-parse", "anyon/1-a")
    base = repository("merge-base", "main", head)
    answer = await client.call("diff.summary", path="", base=base, head=head)
    assert [file["path"] for file in answer["files"]] == ["README.md"]
    answer = await client.call("diff.file", path="", base=base, head=head, file="README.md")
    assert "+changed" in answer["patch"]


async def test_two_commits_are_compared_from_where_they_parted(
    client: AgentClient, repository: Git, folder: Path
) -> None:
    """What the base got since is not shown as undone; without a common past they are compared as they are."""
    (repository.folder / "later").write_text("later\n")
    repository("add", "later")
    repository("commit", "-q", "-m", "main goes further on")
    head = repository("rev-parse", "anyon/1-a")
    answer = await client.call("diff.summary", path="", base="main", head=head)
    assert [file["path"] for file in answer["files"]] == ["README.md"]
    alone = repository("commit-tree", repository("rev-parse", "main^{tree}"), "-m", "alone")
    answer = await client.call("diff.summary", path="", base=alone, head=head)
    assert [(file["path"], file["status"]) for file in answer["files"]] == [("README.md", "M"), ("later", "D")]


async def test_a_folder_that_is_no_worktree_is_refused(
    client: AgentClient, repository: Git, folder: Path, tmp_path: Path
) -> None:
    (folder / ".git").write_text(f"gitdir: {tmp_path}/elsewhere\n")
    with pytest.raises(AgentProblem):
        await client.call("diff.summary", path=WORKTREE, base="main")


async def test_paths_outside_are_refused(client: AgentClient, repository: Git) -> None:
    with pytest.raises(AgentProblem, match="leads out"):
        await client.call("diff.summary", path="../", base="main")
    with pytest.raises(AgentProblem, match="no branch or commit"):
        await client.call("diff.summary", path="", base="--output=/tmp/x")


def test_output_that_was_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    whole = b":100644 100644 a b M\0x\0:100644 100644 a b R100\0old\0new\0" + b"1\t2\tx\0" + b"0\t0\t\0old\0new\0"
    for length in range(len(whole)):
        assert len(diff_module._parse(whole[:length])) <= 3
    assert [file["path"] for file in diff_module._parse(whole)] == ["x", "new"]
