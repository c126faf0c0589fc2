"""Attempts: started, cancelled, reviewed, merged, rebased, discarded."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from anyon.composition import Services
from anyon.domain.attempt_start import Job
from anyon.domain.workspaces import Place
from anyon.model import AttemptState
from tests.api.people import Json, Person, pid_is_alive
from tests.fixtures.product import processes_below


class TestRunning:
    def test_a_start_is_told_in_phases(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo x")
        assert [phase["name"] for phase in attempt["phases"]] == ["queue", "ensure", "worktree", "exec", "first_byte"]
        assert {phase["state"] for phase in attempt["phases"]} == {"done"}
        assert all(phase["seconds"] >= 0 for phase in attempt["phases"])

    def test_what_is_taken_up_although_it_was_just_started_keeps_its_work(self, ann: Person, project: Json) -> None:
        task = ann.task(project, "echo one > one; while [ ! -e ../go ]; do sleep 0.05; done; echo two > two")

        async def take_up(services: Services) -> None:
            async with services.store.for_system(read_only=True) as session:
                attempts = await session.unfinished_attempts()
            attempt = next(row for row in attempts if str(row.task_id) == task["id"])
            await services.attempts.resume(Place(attempt.project_id, ann.id), attempt)

        ann.server.run(take_up)
        attempt = ann.attempt(task["latest_attempt"]["id"], "running")
        ann.server.run(take_up)
        ann.work(project, "touch ../go")
        ended = ann.attempt(attempt["id"], "in_review", "failed")
        assert (ended["state"], ended["files"]) == ("in_review", 2)

    @pytest.mark.parametrize("fresh", [True, False])
    def test_an_attempt_that_runs_is_not_started_again(
        self, ann: Person, project: Json, monkeypatch: pytest.MonkeyPatch, fresh: bool
    ) -> None:
        """As by a second control plane that read the row when the attempt was starting, and follows nothing itself."""
        task = ann.task(project, "echo one > one; while [ ! -e ../go ]; do sleep 0.05; done; echo two > two")
        attempt = ann.attempt(task["latest_attempt"]["id"], "running")

        async def start_again(services: Services) -> None:
            async with services.store.for_user(ann.id, read_only=True) as session:
                row = await session.attempts.get(UUID(attempt["id"]))
                (execution,) = await session.executions.list(row.id)
            stale = replace(row, state=AttemptState.STARTING)
            job = Job(stale, execution, Place(row.project_id, ann.id), "echo never")
            await services.starter.launch(job, fresh=fresh)

        ann.server.run(start_again)
        ann.work(project, "touch ../go")
        ended = ann.attempt(attempt["id"], "in_review", "failed")
        assert (ended["state"], ended["files"]) == ("in_review", 2)

    def test_it_runs_in_a_worktree_on_a_branch_of_its_own(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "git rev-parse --abbrev-ref HEAD; basename $PWD; git -C ../.. status --porcelain")
        assert ann.log(attempt).split() == [attempt["branch"], attempt["worktree"].removeprefix(".worktrees/")]

    def test_a_program_that_fails_keeps_its_work_and_says_how_it_ended(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo half > half.txt; exit 3")
        assert (attempt["state"], attempt["problem"]["code"]) == ("failed", "execution-failed")
        assert "exit status 3" in attempt["problem"]["detail"]
        assert (attempt["execution"]["exit_code"], attempt["files"]) == (3, 1)
        assert ann.call("GET", f"/api/tasks/{attempt['task_id']}")["state"] == "in_review"

    def test_a_program_that_is_killed_says_by_which_signal(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "kill -9 $$")
        assert attempt["execution"]["signal"] == 9
        assert "signal 9" in attempt["problem"]["detail"]

    def test_a_program_that_is_not_installed_names_the_command_that_installs_it(
        self, ann: Person, project: Json
    ) -> None:
        ann.call("PUT", "/api/me/secrets/ANTHROPIC_API_KEY", {"value": "a key"}, 204)
        attempt = ann.work(project, "Fix the login", executor="claude-code")
        assert (attempt["state"], attempt["problem"]["code"]) == ("failed", "command-missing")
        assert "npm install --global @anthropic-ai/claude-code" in attempt["problem"]["hint"]
        left = ann.log(ann.work(project, "git branch --list; ls $ANYON_WORKSPACE/.worktrees"))
        assert attempt["branch"] not in left, "what never began leaves neither branch nor worktree"
        assert attempt["execution"]["state"] == "failed"
        for method, action, body in (("GET", "diff", None), ("POST", "merge", {}), ("POST", "rebase", None)):
            path = f"/api/attempts/{attempt['id']}/{action}"
            refused = ann.problem(method, path, body, status=409, code="attempt-never-started")
            assert "before its program could start" in refused["detail"]
        assert ann.act(attempt, "discard", {})["state"] == "discarded"

    def test_a_missing_credential_is_told_before_anything_is_made(self, ann: Person, project: Json) -> None:
        body = {"project_id": project["id"], "description": "x", "executor": "claude-code"}
        refused = ann.problem("POST", "/api/tasks", body, status=422, code="credential-missing")
        assert "ANTHROPIC_API_KEY" in refused["detail"]
        assert ann.call("GET", "/api/tasks", project_id=project["id"]) == []

    def test_the_environment_stays_between_tasks(self, ann: Person, project: Json) -> None:
        ann.work(project, "mkdir -p ~/bin; echo installed > ~/bin/tool")
        generation = ann.log(ann.work(project, "cat ~/bin/tool"))
        assert generation == "installed\n"

    def test_a_second_task_uses_the_workspace_of_the_first(self, ann: Person, project: Json) -> None:
        before = ann.call("GET", f"/api/projects/{project['id']}")["workspace"]["started_at"]
        ann.work(project, "true")
        ann.work(project, "true")
        assert ann.call("GET", f"/api/projects/{project['id']}")["workspace"]["started_at"] == before

    def test_tasks_run_side_by_side(self, ann: Person, project: Json) -> None:
        waits = ann.task(project, "until [ -e ~/go ]; do sleep 0.02; done; echo released")["latest_attempt"]
        ann.work(project, "touch ~/go")
        assert ann.log(ann.attempt(waits["id"])) == "released\n"


class TestCredentials:
    def test_they_reach_the_execution_of_their_owner_and_never_the_log(self, ann: Person, project: Json) -> None:
        ann.call("PUT", "/api/me/secrets/SHOP_TOKEN", {"value": "correct-horse-battery"}, 204)
        script = (
            'test ${#SHOP_TOKEN} = 21 && echo given; echo "it is $SHOP_TOKEN."; '
            "printf correct-ho; sleep 0.2; printf 'rse-battery\\n'; "
            "for c in c o r r e c t - h o r s e; do printf $c; done; sleep 0.1; echo -battery"
        )
        attempt = ann.work(project, script)
        log = ann.log(attempt)
        assert log == "given\nit is [SHOP_TOKEN].\n[SHOP_TOKEN]\n[SHOP_TOKEN]\n"
        assert "correct-horse" not in str(ann.call("GET", "/api/me/secrets"))

    def test_another_member_of_the_project_does_not_get_them(self, ann: Person, project: Json, bob: Person) -> None:
        from anyon.model import Role

        ann.call("PUT", "/api/me/secrets/SHOP_TOKEN", {"value": "anns-own-value"}, 204)
        ann.add_member(project, bob, Role.EDITOR)
        assert bob.log(bob.work(project, "echo token: ${SHOP_TOKEN-none}")) == "token: none\n"

    def test_a_replaced_credential_counts_from_the_next_execution(self, ann: Person, project: Json) -> None:
        for value in ("first-value", "second-value-2"):
            ann.call("PUT", "/api/me/secrets/SHOP_TOKEN", {"value": value}, 204)
        assert ann.log(ann.work(project, "echo ${#SHOP_TOKEN}")) == "14\n"
        ann.call("DELETE", "/api/me/secrets/SHOP_TOKEN", status=204)
        assert ann.log(ann.work(project, "echo ${SHOP_TOKEN-none}")) == "none\n"
        ann.problem("DELETE", "/api/me/secrets/SHOP_TOKEN", status=404, code="not-found")


class TestCancel:
    def test_it_ends_the_whole_tree_and_keeps_the_work(self, ann: Person, project: Json) -> None:
        script = "echo kept > kept.txt; sleep 601 & setsid sleep 602 & (trap '' TERM; sleep 603) & echo ready; wait"
        attempt = ann.task(project, script)["latest_attempt"]
        ann.attempt(attempt["id"], "running")
        with ann.socket(f"/api/executions/{attempt['execution']['id']}/log/socket") as socket:
            socket.recv(timeout=20)
        ann.act(attempt, "cancel")
        cancelled = ann.attempt(attempt["id"], "cancelled")
        assert cancelled["execution"]["stopped"] is True
        assert cancelled["files"] == 1
        assert ann.log(ann.work(project, "ps ax 2>/dev/null | grep -c '[s]leep 60[123]'")).strip() in {"0", ""}
        assert ann.call("GET", f"/api/tasks/{attempt['task_id']}")["state"] == "todo"
        assert ann.act(attempt, "cancel")["state"] == "cancelled"
        assert ann.act(attempt, "merge", {})["state"] == "merged"

    def test_what_was_queued_never_runs_and_keeps_nothing_awake(self, ann: Person, import_root: object) -> None:
        project = ann.project()
        ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
        attempt = ann.task(project, "touch ~/ran; sleep 600")["latest_attempt"]
        ann.act(attempt, "cancel")
        ended = ann.attempt(attempt["id"], "cancelled")

        def settled() -> bool | None:
            execution = ann.call("GET", f"/api/executions/{attempt['execution']['id']}")
            return execution["state"] in {"failed", "exited"} or None

        ann.server.until(settled)
        assert ended["execution"]["stopped"] is True
        assert ann.log(attempt) == ""
        idle = ann.call("GET", f"/api/projects/{project['id']}/idle")
        assert [lease for lease in idle["kept_awake_by"] if lease["kind"] == "execution"] == []


def test_a_stopped_workspace_ends_what_runs_as_lost(ann: Person, project: Json) -> None:
    attempt = ann.task(project, "echo x > x; sleep 600")["latest_attempt"]
    ann.attempt(attempt["id"], "running")
    ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
    lost = ann.attempt(attempt["id"])
    assert (lost["state"], lost["problem"]["code"], lost["execution"]["state"]) == ("failed", "execution-lost", "lost")
    assert processes_below(ann.server.settings.data_dir / "workspaces" / project["id"]) == []
    assert ann.act(lost, "merge", {})["state"] == "merged"


def test_an_agent_that_dies_is_noticed_and_the_next_task_starts_a_new_one(ann: Person, project: Json) -> None:
    import os
    import signal

    async def agent(services: object) -> int:
        running = {workspace.project_id: workspace for workspace in await ann.server.services.runtime.list()}
        return next(workspace.pid for key, workspace in running.items() if str(key) == project["id"])

    attempt = ann.task(project, "sleep 600")["latest_attempt"]
    ann.attempt(attempt["id"], "running")
    pid = ann.server.run(agent)
    os.kill(pid, signal.SIGKILL)
    assert ann.attempt(attempt["id"])["problem"]["code"] == "execution-lost"
    assert not pid_is_alive(pid)

    def workspace() -> Json | None:
        now: Json = ann.call("GET", f"/api/projects/{project['id']}")["workspace"]
        return now if now["state"] == "failed" else None

    failed = ann.server.until(workspace)
    assert (failed["problem"]["code"], failed["stop_reason"]) == ("workspace-failed", "ended unexpectedly")
    assert ann.work(project, "echo again")["state"] == "in_review"
