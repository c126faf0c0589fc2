"""The spare worktree: current, clean, replaced when it is damaged, gone when nobody can make it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyon.agent.client import AgentClient
from anyon.agent.server import Agent
from tests.agent.support import Git, add_worktree, run_shell


async def refreshed(agent: Agent) -> None:
    agent.refresh_spare()
    await agent.spare_settled()


async def test_the_spare_follows_the_default_branch(client: AgentClient, agent: Agent, repository: Git) -> None:
    repository("commit", "-q", "--allow-empty", "-m", "newer")
    await refreshed(agent)
    answer = await add_worktree(client, "1-a")
    assert answer["prepared"]
    assert repository.at(".worktrees/1-a")("log", "-1", "--format=%s") == "newer"


async def test_what_was_left_in_an_old_spare_is_gone(client: AgentClient, agent: Agent, repository: Git) -> None:
    spare = repository.folder / ".worktrees" / ".spare"
    (spare / "rubbish").touch()
    (spare / "README.md").write_text("changed")
    repository("commit", "-q", "--allow-empty", "-m", "newer")
    await refreshed(agent)
    await add_worktree(client, "1-a")
    assert repository.at(".worktrees/1-a")("status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize(
    "damage",
    ["rm -r .git/worktrees/.spare .git/worktrees/*spare", "rm .worktrees/.spare/.git", "rm -r .worktrees/.spare"],
)
async def test_a_damaged_spare_is_made_anew(client: AgentClient, agent: Agent, repository: Git, damage: str) -> None:
    run_shell(f"{damage} 2>/dev/null || true", repository.folder)
    repository("commit", "-q", "--allow-empty", "-m", "newer")
    await refreshed(agent)
    assert (await add_worktree(client, "1-a"))["prepared"]
    assert repository.at(".worktrees/1-a")("status", "--porcelain", "--branch") == "## anyon/1-a"


async def test_a_claim_that_was_cut_off_is_cleaned_up(client: AgentClient, agent: Agent, repository: Git) -> None:
    spare = repository.folder / ".worktrees" / ".spare"
    admin = Path((spare / ".git").read_text().strip().removeprefix("gitdir: "))
    (admin / "HEAD").write_text("ref: refs/heads/anyon/1-a\n")
    (admin / "gitdir").write_text(f"{repository.folder}/.worktrees/1-a/.git\n")
    repository("branch", "anyon/1-a")
    repository("commit", "-q", "--allow-empty", "-m", "newer")
    await refreshed(agent)
    await add_worktree(client, "1-a")
    assert repository.at(".worktrees/1-a")("status", "--porcelain", "--branch") == "## anyon/1-a"
    assert (await add_worktree(client, "2-b"))["prepared"]


async def test_a_spare_that_cannot_be_made_is_logged_and_done_without(
    client: AgentClient, agent: Agent, repository: Git, caplog: pytest.LogCaptureFixture
) -> None:
    folder = repository.folder / ".worktrees"
    repository("worktree", "remove", "--force", ".worktrees/.spare")
    folder.mkdir(exist_ok=True)
    (folder / ".spare").write_text("in the way")
    repository("commit", "-q", "--allow-empty", "-m", "newer")
    await refreshed(agent)
    assert "no worktree is prepared" in caplog.text
    assert not (await add_worktree(client, "1-a"))["prepared"]
    (folder / ".spare").unlink()
