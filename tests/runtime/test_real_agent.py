"""The runtime with the agent of the product: what it starts greets, works, and ends."""

from __future__ import annotations

from anyon.agent.client import AgentClient
from anyon.runtime import probe
from tests.runtime.conftest import OpenRuntime
from tests.runtime.workspaces import is_alive, new_spec


async def test_the_agent_that_a_runtime_starts_greets_and_runs_a_program(
    open_runtime: OpenRuntime, isolation: str
) -> None:
    runtime = await open_runtime(package=probe.PACKAGE, isolation=isolation)
    spec = new_spec()
    client = await AgentClient.connect(await runtime.ensure(spec))
    assert client.generation == spec.generation
    await client.call(
        "repository.create", author={"name": "A", "email": "a@example.org"}, default_branch="main", exclude="info"
    )
    started = await client.call(
        "execution.start",
        id="one",
        argv=["sh", "-c", "id -u; pwd; sleep 1000"],
        cwd=".",
        env={},
        secrets={},
        stdin=None,
    )
    assert started["state"] == "running"
    [running] = await runtime.list()
    await client.close()
    await runtime.stop(spec.project_id, grace=5)
    assert not is_alive(running.pid)

    again = await AgentClient.connect(await runtime.ensure(new_spec(spec.project_id)))
    assert (await again.call("execution.get", id="one"))["state"] != "running"
    await again.close()
