"""What git says about a worktree, told apart."""

from __future__ import annotations

import pytest

from anyon.agent import standing
from anyon.agent.client import AgentClient
from anyon.agent.errors import AgentProblem
from tests.agent.support import Git, add_worktree


async def test_more_names_than_the_limit_are_refused_and_not_cut(
    client: AgentClient, repository: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = (await add_worktree(client, "1-a"))["base_commit"]
    (repository.folder / ".worktrees" / "1-a" / "a file with a long name").touch()
    monkeypatch.setattr(standing, "_LIMIT_BYTES", 10)
    with pytest.raises(AgentProblem, match="more than 10 bytes") as problem:
        await client.call("worktree.state", path=".worktrees/1-a", base_commit=base)
    assert problem.value.code == "too-many-changes"
