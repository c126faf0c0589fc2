"""Repositories made from nothing, from folders and from histories; a failure leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.agent.client import AgentClient, Event
from anyon.agent.errors import AgentProblem
from tests.agent.support import AUTHOR, Git, Workspace, eventually, import_tree, take_all


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A repository with two commits on the branch `trunk`, and an uncommitted file."""
    folder = tmp_path / "history"
    folder.mkdir()
    git = Git(folder)
    git("init", "-q", "-b", "trunk")
    for number in (1, 2):
        (folder / f"{number}.txt").write_text("x")
        git("add", "--all")
        git("commit", "-q", "-m", f"commit {number}")
    (folder / "uncommitted").touch()
    return folder


async def test_a_new_repository_has_one_empty_commit(client: AgentClient, workspace: Workspace) -> None:
    answer = await client.call("repository.create", default_branch="main", author=AUTHOR, exclude="info")
    git = Git(workspace.repo)
    assert answer == {"default_branch": "main", "head": git("rev-parse", "main")}
    assert git("log", "--format=%an <%ae> %s") == "Ada <ada@example.org> Initial commit"
    assert git("ls-files") == ""
    assert ".worktrees/" in (workspace.repo / ".git" / "info" / "exclude").read_text().splitlines()
    assert await client.call("repository.create", default_branch="other", author=AUTHOR, exclude="info") == answer


async def test_worktrees_can_be_hidden_by_the_tracked_file(client: AgentClient, workspace: Workspace) -> None:
    await client.call("repository.create", author=AUTHOR, exclude="gitignore")
    assert (workspace.repo / ".gitignore").read_text() == "\n# Anyon worktrees\n.worktrees/\n"
    assert Git(workspace.repo)("status", "--porcelain") == ""


async def test_a_plain_folder_is_copied_and_committed(
    client: AgentClient, workspace: Workspace, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "file").write_text("content")
    (source / "link").symlink_to("deep/file")
    (source / ".gitignore").write_text("*.log\n*.tmp")
    (source / "noise.log").touch()
    answer = await import_tree(client, source, exclude="gitignore")
    git = Git(workspace.repo)
    assert (answer["default_branch"], answer["files"]) == ("main", 3)
    assert git("log", "--format=%s") == "Import"
    assert git("ls-files").split() == [".gitignore", "deep/file", "link"]
    assert (workspace.repo / ".gitignore").read_text() == "*.log\n*.tmp\n\n# Anyon worktrees\n.worktrees/\n"
    assert await import_tree(client, source) == answer


@pytest.mark.parametrize("commits", [0, 1])
async def test_repositories_below_a_plain_folder_are_taken_in_as_files(
    client: AgentClient, workspace: Workspace, tmp_path: Path, commits: int
) -> None:
    inner = tmp_path / "source" / "libs" / "inner"
    inner.mkdir(parents=True)
    (inner / "work").write_text("precious")
    Git(inner)("init", "-q")
    for _ in range(commits):
        Git(inner)("add", "--all")
        Git(inner)("commit", "-q", "-m", "precious")
    assert (await import_tree(client, tmp_path / "source"))["files"] == 1
    assert Git(workspace.repo)("show", "HEAD:libs/inner/work") == "precious"
    assert (inner / ".git").exists()


async def test_a_repository_is_cloned_with_its_history_and_branch(
    client: AgentClient, workspace: Workspace, history: Path
) -> None:
    items, answer = await take_all(
        client.stream("repository.import", source=str(history), author=AUTHOR, exclude="info")
    )
    git = Git(workspace.repo)
    assert answer == {"default_branch": "trunk", "head": Git(history)("rev-parse", "trunk"), "files": 2}
    assert git("log", "--format=%s").splitlines() == ["commit 2", "commit 1"]
    assert not (workspace.repo / "uncommitted").exists()
    assert all(isinstance(item, Event) and item.fields["event"] == "progress" for item in items)
    objects = [path for path in (workspace.repo / ".git" / "objects").rglob("*") if path.is_file()]
    assert objects
    assert all(path.stat().st_nlink == 1 for path in objects)


async def test_a_headless_repository_gets_a_branch(client: AgentClient, workspace: Workspace, history: Path) -> None:
    Git(history)("checkout", "-q", "--detach")
    Git(history)("branch", "-q", "-D", "trunk")
    assert (await import_tree(client, history))["default_branch"] == "main"
    assert Git(workspace.repo)("branch", "--show-current") == "main"


async def test_an_empty_repository_gets_a_first_commit(
    client: AgentClient, workspace: Workspace, tmp_path: Path
) -> None:
    bare = tmp_path / "empty.git"
    bare.mkdir()
    Git(bare)("init", "-q", "--bare", "-b", "trunk")
    answer = await import_tree(client, bare)
    assert (answer["default_branch"], answer["files"]) == ("trunk", 0)
    assert Git(workspace.repo)("log", "--format=%s") == "Initial commit"


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc",
        "ext::sh -c touch% /tmp/x",
        "--upload-pack=touch x",
        "relative/path",
        "git@example.org:x/y.git",
        "https://-oProxyCommand=x/y",
        "https://a b",
        "",
        "ftp://example.org/x",
    ],
)
async def test_sources_that_are_no_address_are_refused(client: AgentClient, source: str) -> None:
    with pytest.raises(AgentProblem) as problem:
        await take_all(client.stream("repository.import", source=source, author=AUTHOR, exclude="info"))
    assert problem.value.code == "source-refused"


async def test_a_missing_folder_is_said(client: AgentClient) -> None:
    with pytest.raises(AgentProblem, match="There is no folder /no/such/folder") as problem:
        await take_all(client.stream("repository.import", source="/no/such/folder", author=AUTHOR, exclude="info"))
    assert problem.value.code == "source-missing"


def unreadable(problem: pytest.ExceptionInfo[AgentProblem], source: Path) -> bool:
    told = f"The workspace's user may not read the folder {source}" in problem.value.describe()
    return problem.value.code == "source-unreadable" and told and f"chmod -R o+rX {source}" in problem.value.advise()


async def test_a_folder_that_may_not_be_looked_at_says_how_to_permit_it(
    client: AgentClient, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refuse)  # root, who may run the tests, is never refused
    with pytest.raises(AgentProblem) as problem:
        await import_tree(client, tmp_path)
    assert unreadable(problem, tmp_path)
    assert problem.value.title == "The folder cannot be read"
    assert list(workspace.repo.iterdir()) == []


@pytest.mark.parametrize("tool", ["cp", "git"])
async def test_a_part_that_may_not_be_read_says_so_and_leaves_nothing(
    client: AgentClient,
    workspace: Workspace,
    history: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
) -> None:
    import anyon.agent.spawning as spawning

    source = history if tool == "git" else tmp_path / "plain"
    source.mkdir(exist_ok=True)
    program = tmp_path / "denied"
    program.write_text(f"#!/bin/sh\ntouch partial\necho '{tool}: cannot open: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    find = spawning._find
    monkeypatch.setattr(spawning, "_find", lambda name, path: str(program) if name == tool else find(name, path))
    with pytest.raises(AgentProblem, match="cannot open: Permission denied") as problem:
        await import_tree(client, source)
    assert unreadable(problem, source)
    assert list(workspace.repo.iterdir()) == []


async def test_a_failed_clone_leaves_nothing_and_hides_credentials(client: AgentClient, workspace: Workspace) -> None:
    source = "http://ada:hunter2@127.0.0.1:9/x.git"
    with pytest.raises(AgentProblem, match="git could not clone") as problem:
        await take_all(client.stream("repository.import", source=source, author=AUTHOR, exclude="info"))
    assert problem.value.code == "clone-failed"
    assert "hunter2" not in str(problem.value)
    assert list(workspace.repo.iterdir()) == []


async def test_a_damaged_repository_leaves_nothing(client: AgentClient, workspace: Workspace, history: Path) -> None:
    for path in (history / ".git" / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(AgentProblem, match="git could not clone"):
        await import_tree(client, history)
    assert list(workspace.repo.iterdir()) == []


async def test_an_unreadable_source_leaves_nothing(
    client: AgentClient, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "cp"
    source = tmp_path / "source"
    source.mkdir()
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\ntouch partial\necho 'cp: no space' >&2\nexit 1\n")
    tool.chmod(0o755)
    import anyon.agent.spawning as spawning

    find = spawning._find
    monkeypatch.setattr(spawning, "_find", lambda name, path: str(tool) if name == "cp" else find(name, path))
    with pytest.raises(AgentProblem, match="could not be copied: cp: no space"):
        await import_tree(client, source)
    assert list(workspace.repo.iterdir()) == []


async def test_an_import_that_nobody_waits_for_is_undone(
    client: AgentClient, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import anyon.agent.spawning as spawning

    tool = tmp_path / "slow-cp"
    tool.write_text("#!/bin/sh\ntouch partial\nexec sleep 60\n")
    tool.chmod(0o755)
    find = spawning._find
    monkeypatch.setattr(spawning, "_find", lambda name, path: str(tool) if name == "cp" else find(name, path))
    source = tmp_path / "source"
    source.mkdir()
    async with client.stream("repository.import", source=str(source), author=AUTHOR, exclude="info"):
        await eventually((workspace.repo / "partial").exists)
    await eventually(lambda: not (workspace.repo / "partial").exists())


async def test_what_an_interrupted_import_left_is_cleared_first(
    client: AgentClient, workspace: Workspace, history: Path
) -> None:
    Git(workspace.repo)("init", "-q")
    (workspace.repo / "half").touch()
    (workspace.state / "repository.unfinished").touch()
    assert (await import_tree(client, history))["files"] == 2
    assert not (workspace.repo / "half").exists()
