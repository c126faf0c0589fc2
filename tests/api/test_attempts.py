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


def act(person: Person, attempt: Json, action: str, body: Json | None = None) -> Json:
    changed: Json = person.call("POST", f"/api/attempts/{attempt['id']}/{action}", body)
    return changed


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
        assert act(ann, attempt, "discard", {})["state"] == "discarded"

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
        act(ann, attempt, "cancel")
        cancelled = ann.attempt(attempt["id"], "cancelled")
        assert cancelled["execution"]["stopped"] is True
        assert cancelled["files"] == 1
        assert ann.log(ann.work(project, "ps ax 2>/dev/null | grep -c '[s]leep 60[123]'")).strip() in {"0", ""}
        assert ann.call("GET", f"/api/tasks/{attempt['task_id']}")["state"] == "todo"
        assert act(ann, attempt, "cancel")["state"] == "cancelled"
        assert act(ann, attempt, "merge", {})["state"] == "merged"

    def test_what_was_queued_never_runs_and_keeps_nothing_awake(self, ann: Person, import_root: object) -> None:
        project = ann.project()
        ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
        attempt = ann.task(project, "touch ~/ran; sleep 600")["latest_attempt"]
        act(ann, attempt, "cancel")
        ended = ann.attempt(attempt["id"], "cancelled")

        def settled() -> bool | None:
            execution = ann.call("GET", f"/api/executions/{attempt['execution']['id']}")
            return execution["state"] in {"failed", "exited"} or None

        ann.server.until(settled)
        assert ended["execution"]["stopped"] is True
        assert ann.log(attempt) == ""
        idle = ann.call("GET", f"/api/projects/{project['id']}/idle")
        assert [lease for lease in idle["kept_awake_by"] if lease["kind"] == "execution"] == []


class TestReview:
    def test_merging_brings_the_work_into_the_branch_and_removes_the_worktree(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        merged = act(ann, attempt, "merge", {"message": "One is here"})
        assert merged["state"] == "merged"
        assert ann.call("GET", f"/api/tasks/{attempt['task_id']}")["state"] == "done"
        log = ann.log(ann.work(project, "git log --format=%s main; git branch --list; ls ../.."))
        assert "one.txt" in log
        assert attempt["branch"] not in log
        for action, body in (("merge", {}), ("rebase", None), ("discard", {"force": True})):
            path = f"/api/attempts/{attempt['id']}/{action}"
            refused = ann.problem("POST", path, body, status=409, code="attempt-merged")
            assert "is merged into main" in refused["detail"]

    def test_what_lies_uncommitted_is_merged_with_it(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        ann.work(project, f"echo late > ../../{attempt['worktree']}/late.txt")
        assert ann.call("GET", f"/api/attempts/{attempt['id']}/work") == {"uncommitted": 1, "commits": 1, "nested": []}
        act(ann, attempt, "merge", {})
        assert {"one.txt", "late.txt"} <= set(ann.log(ann.work(project, "ls")).split())

    def test_what_a_program_committed_on_a_branch_of_its_own_is_reviewed_and_merged(
        self, ann: Person, project: Json
    ) -> None:
        script = "git checkout -q -b mine; echo one > one.txt; git add .; git commit -qm one; echo two > two.txt"
        attempt = ann.work(project, script)
        assert (attempt["state"], attempt["files"]) == ("in_review", 2)
        merged = act(ann, attempt, "merge", {})
        log = ann.log(ann.work(project, "git rev-parse main; ls; git branch --list mine"))
        assert log.split() == [merged["merged_commit"], "one.txt", "two.txt", "mine"]

    def test_branches_that_parted_are_told_and_not_merged(self, ann: Person, project: Json) -> None:
        script = "echo one > one.txt; git add .; git commit -qm one; git checkout -q -b other HEAD~1; echo two > two"
        attempt = ann.work(project, script)
        assert (attempt["state"], attempt["problem"]["code"]) == ("failed", "wrong-branch")
        assert "`other`" in attempt["problem"]["detail"]
        ann.problem("POST", f"/api/attempts/{attempt['id']}/merge", {}, status=409, code="wrong-branch")
        assert ann.call("GET", f"/api/attempts/{attempt['id']}/work") == {"uncommitted": 1, "commits": 1, "nested": []}
        script = f"cd ../../{attempt['worktree']}; git switch -q {attempt['branch']}; git merge -q other"
        ann.work(project, script)
        assert act(ann, attempt, "merge", {})["state"] == "merged"
        assert ann.log(ann.work(project, "ls")).split() == ["one.txt", "two"]

    def test_a_repository_inside_the_worktree_is_named_and_never_lost(self, ann: Person, project: Json) -> None:
        script = "mkdir lib; cd lib; git init -q; echo precious > work.txt; git add .; git commit -qm x; echo > ../one"
        attempt = ann.work(project, script)
        assert (attempt["state"], attempt["files"]) == ("in_review", 1)
        assert (attempt["problem"]["code"], attempt["problem"]["files"]) == ("nested-repository", ["lib"])
        for action, body in (("merge", {}), ("rebase", None), ("discard", {})):
            path = f"/api/attempts/{attempt['id']}/{action}"
            refused = ann.problem("POST", path, body, status=409, code="nested-repository")
            assert "lib" in refused["detail"]
        assert ann.call("GET", f"/api/attempts/{attempt['id']}/work")["nested"] == ["lib"]
        ann.work(project, f"rm -rf ../../{attempt['worktree']}/lib/.git")
        act(ann, attempt, "merge", {})
        assert ann.log(ann.work(project, "cat lib/work.txt")) == "precious\n"

    def test_a_repository_without_a_commit_does_not_fail_the_attempt(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "git init -q lib; echo x > lib/x; echo one > one.txt")
        assert (attempt["state"], attempt["problem"]["code"]) == ("in_review", "nested-repository")
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt"]
        assert act(ann, attempt, "discard", {"force": True})["state"] == "discarded"

    def test_marks_of_conflicts_are_neither_committed_nor_merged(self, ann: Person, project: Json) -> None:
        act(ann, ann.work(project, "echo base > file"), "merge", {})
        script = (
            "echo mine > file; git commit -qam mine; git checkout -q -b other HEAD~1; echo other > file; "
            "git commit -qam other; git rebase -q -"
        )
        attempt = ann.work(project, script)
        assert (attempt["state"], attempt["problem"]["code"]) == ("failed", "unfinished-operation")
        assert "in conflict: file." in attempt["problem"]["detail"]
        for action, body in (("merge", {}), ("rebase", None)):
            path = f"/api/attempts/{attempt['id']}/{action}"
            refused = ann.problem("POST", path, body, status=409, code="unfinished-operation")
            assert "`git rebase --continue`" in refused["hint"]
        finish = "echo both > file; git add file; GIT_EDITOR=true git rebase --continue"
        ann.work(project, f"cd ../../{attempt['worktree']}; {finish}")
        act(ann, attempt, "merge", {})
        assert ann.log(ann.work(project, "cat file; git log -2 --format=%s")) == "both\nother\nmine\n"

    def test_a_merged_attempt_shows_what_was_merged(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        other = ann.work(project, "echo other > other.txt")
        act(ann, other, "merge", {})
        late = "echo two > two.txt; git add .; git commit -qm late; git merge -q main; echo three > three.txt"
        ann.work(project, f"cd ../../{attempt['worktree']}; {late}")
        merged = act(ann, attempt, "merge", {})
        assert (merged["files"], merged["added"]) == (3, 3)
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt", "three.txt", "two.txt"]
        assert diff["head"] == merged["head_commit"] == merged["merged_commit"]

    def test_what_was_merged_by_hand_before_is_shown_too(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        ann.work(project, f"cd ../..; git merge -q {attempt['branch']}")
        assert act(ann, attempt, "merge", {})["files"] == 1
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt"]

    def test_a_rebased_attempt_shows_nothing_of_others_once_it_is_merged(self, ann: Person, project: Json) -> None:
        first, second = (ann.work(project, f"echo {name} > {name}.txt") for name in ("one", "two"))
        act(ann, first, "merge", {})
        assert act(ann, second, "rebase")["base_commit"] == ann.log(ann.work(project, "git rev-parse main")).strip()
        assert ann.call("GET", f"/api/attempts/{second['id']}/work")["commits"] == 1
        act(ann, second, "merge", {})
        diff = ann.call("GET", f"/api/attempts/{second['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["two.txt"]

    def test_a_worktree_whose_link_was_removed_is_reviewed_and_merged_as_it_is(
        self, ann: Person, project: Json
    ) -> None:
        attempt = ann.work(project, "echo one > one.txt; rm -f .git")
        assert (attempt["state"], attempt["files"]) == ("in_review", 1)
        ann.work(project, f"cd ../../{attempt['worktree']}; echo two > two.txt; rm -f .git")
        assert act(ann, attempt, "merge", {})["files"] == 2
        assert ann.log(ann.work(project, "ls; ls ../../.worktrees | wc -l")).split() == ["one.txt", "two.txt", "2"]

    def test_a_damaged_worktree_is_neither_merged_nor_said_to_be(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        ann.work(project, f"cd ../../{attempt['worktree']}; mv .git ~/link; git init -q")
        for action, body in (("merge", {}), ("rebase", None), ("discard", {}), ("discard", {"force": True})):
            path = f"/api/attempts/{attempt['id']}/{action}"
            refused = ann.problem("POST", path, body, status=409, code="not-a-worktree")
            assert ".git away" in refused["hint"]
        assert ann.call("GET", f"/api/attempts/{attempt['id']}")["state"] == "in_review"
        ann.work(project, f"rm -rf ../../{attempt['worktree']}/.git")
        assert act(ann, attempt, "merge", {})["state"] == "merged"

    def test_a_worktree_that_a_merge_cannot_remove_is_a_note_of_the_merge(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        ann.work(project, f"cd ../..; git symbolic-ref HEAD refs/heads/{attempt['branch']}")
        merged = act(ann, attempt, "merge", {})
        assert (merged["state"], merged["problem"]["code"]) == ("merged", "worktree-left")
        assert "git branch -D" in merged["problem"]["hint"]

    def test_a_conflict_names_the_files_and_loses_nothing(self, ann: Person, project: Json) -> None:
        ann_s = ann.work(project, "echo mine > shared.txt")
        other = ann.work(project, "echo theirs > shared.txt; echo extra > extra.txt")
        act(ann, ann_s, "merge", {})
        for action in ("merge", "rebase"):
            conflict = ann.problem(
                "POST",
                f"/api/attempts/{other['id']}/{action}",
                {} if action == "merge" else None,
                status=409,
                code="merge-conflict",
            )
            assert conflict["files"] == ["shared.txt"]
            assert "shared.txt" in conflict["detail"]
        again = ann.call("GET", f"/api/attempts/{other['id']}")
        assert again["state"] == "in_review"
        script = f"cd ../..; cat shared.txt; cd {other['worktree']}; cat shared.txt extra.txt; git status --porcelain"
        assert ann.log(ann.work(project, script)) == "mine\ntheirs\nextra\n"

    def test_a_rebase_puts_the_work_on_top_of_what_was_merged_meanwhile(self, ann: Person, project: Json) -> None:
        first = ann.work(project, "echo one > one.txt")
        second = ann.work(project, "echo two > two.txt")
        act(ann, first, "merge", {})
        rebased = act(ann, second, "rebase")
        assert rebased["head_commit"] != second["head_commit"]
        assert (rebased["files"], rebased["state"]) == (1, "in_review")
        assert act(ann, second, "merge", {})["state"] == "merged"
        assert {"one.txt", "two.txt"} <= set(ann.log(ann.work(project, "ls")).split())

    def test_local_changes_in_the_way_are_named(self, ann: Person, project: Json) -> None:
        act(ann, ann.work(project, "echo base > file.txt"), "merge", {})
        attempt = ann.work(project, "echo new > file.txt; echo edited by hand > ../../file.txt")
        refused = ann.problem("POST", f"/api/attempts/{attempt['id']}/merge", {}, status=409, code="local-changes")
        assert refused["files"] == ["file.txt"]

    def test_discarding_work_is_refused_with_its_numbers_unless_forced(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt; git add .; git commit -qm mine; echo two > two.txt")
        ann.work(project, f"touch ../../{attempt['worktree']}/left.txt")
        path = f"/api/attempts/{attempt['id']}/discard"
        refused = ann.problem("POST", path, {}, status=409, code="work-would-be-lost")
        assert (refused["files"], refused["commits"]) == (1, 2)
        assert act(ann, attempt, "discard", {"force": True})["state"] == "discarded"
        assert attempt["branch"] not in ann.log(ann.work(project, "git branch --list; ls ../../.worktrees"))
        assert ann.call("GET", f"/api/tasks/{attempt['task_id']}")["state"] == "todo"
        assert ann.call("GET", f"/api/attempts/{attempt['id']}/work") == {"uncommitted": 0, "commits": 0, "nested": []}
        ann.problem("GET", f"/api/attempts/{attempt['id']}/diff", status=409, code="attempt-discarded")
        ann.problem("POST", path, {"force": True}, status=409, code="attempt-discarded")

    @pytest.mark.parametrize("action", ["merge", "rebase", "discard"])
    def test_nothing_is_decided_while_it_runs(self, action: str, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "sleep 600")["latest_attempt"]
        ann.attempt(attempt["id"], "running")
        body: Json | None = None if action == "rebase" else {}
        ann.problem("POST", f"/api/attempts/{attempt['id']}/{action}", body, status=409, code="attempt-unfinished")
        act(ann, attempt, "cancel")
        ann.attempt(attempt["id"], "cancelled")

    def test_the_diff_of_a_running_attempt_is_live(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "echo one > one.txt; echo written; sleep 600")["latest_attempt"]
        with ann.socket(f"/api/executions/{attempt['execution']['id']}/log/socket") as socket:
            socket.recv(timeout=20)
        ann.attempt(attempt["id"], "running")
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt"]
        act(ann, attempt, "cancel")

    def test_a_retry_is_a_new_attempt_at_the_same_task(self, ann: Person, project: Json) -> None:
        first = ann.work(project, "test -e ~/second && echo better || { touch ~/second; exit 1; }")
        retried = ann.call("POST", f"/api/attempts/{first['id']}/retry", status=201)
        assert (retried["number"], retried["task_id"]) == (2, first["task_id"])
        assert ann.attempt(retried["id"])["state"] == "in_review"
        listed = ann.call("GET", f"/api/tasks/{first['task_id']}/attempts")
        assert [(attempt["number"], attempt["state"]) for attempt in listed] == [(2, "in_review"), (1, "failed")]

    def test_an_older_attempt_does_not_move_the_card(self, ann: Person, project: Json) -> None:
        first = ann.work(project, "echo x > x")
        ann.attempt(ann.call("POST", f"/api/tasks/{first['task_id']}/attempts", {}, 201)["id"])
        act(ann, first, "discard", {"force": True})
        assert ann.call("GET", f"/api/tasks/{first['task_id']}")["state"] == "in_review"


def test_a_stopped_workspace_ends_what_runs_as_lost(ann: Person, project: Json) -> None:
    attempt = ann.task(project, "echo x > x; sleep 600")["latest_attempt"]
    ann.attempt(attempt["id"], "running")
    ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
    lost = ann.attempt(attempt["id"])
    assert (lost["state"], lost["problem"]["code"], lost["execution"]["state"]) == ("failed", "execution-lost", "lost")
    assert processes_below(ann.server.settings.data_dir / "workspaces" / project["id"]) == []
    assert act(ann, lost, "merge", {})["state"] == "merged"


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
