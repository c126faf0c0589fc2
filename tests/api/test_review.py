"""What people decide about an attempt: merge, rebase, discard, retry."""

from __future__ import annotations

import pytest

from tests.api.people import Json, Person


class TestReview:
    def test_merging_brings_the_work_into_the_branch_and_removes_the_worktree(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        merged = ann.act(attempt, "merge", {"message": "One is here"})
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
        ann.act(attempt, "merge", {})
        assert {"one.txt", "late.txt"} <= set(ann.log(ann.work(project, "ls")).split())

    def test_what_a_program_committed_on_a_branch_of_its_own_is_reviewed_and_merged(
        self, ann: Person, project: Json
    ) -> None:
        script = "git checkout -q -b mine; echo one > one.txt; git add .; git commit -qm one; echo two > two.txt"
        attempt = ann.work(project, script)
        assert (attempt["state"], attempt["files"]) == ("in_review", 2)
        merged = ann.act(attempt, "merge", {})
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
        assert ann.act(attempt, "merge", {})["state"] == "merged"
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
        ann.act(attempt, "merge", {})
        assert ann.log(ann.work(project, "cat lib/work.txt")) == "precious\n"

    def test_a_repository_without_a_commit_does_not_fail_the_attempt(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "git init -q lib; echo x > lib/x; echo one > one.txt")
        assert (attempt["state"], attempt["problem"]["code"]) == ("in_review", "nested-repository")
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt"]
        assert ann.act(attempt, "discard", {"force": True})["state"] == "discarded"

    def test_marks_of_conflicts_are_neither_committed_nor_merged(self, ann: Person, project: Json) -> None:
        ann.act(ann.work(project, "echo base > file"), "merge", {})
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
        ann.act(attempt, "merge", {})
        assert ann.log(ann.work(project, "cat file; git log -2 --format=%s")) == "both\nother\nmine\n"

    def test_a_merged_attempt_shows_what_was_merged(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        other = ann.work(project, "echo other > other.txt")
        ann.act(other, "merge", {})
        late = "echo two > two.txt; git add .; git commit -qm late; git merge -q main; echo three > three.txt"
        ann.work(project, f"cd ../../{attempt['worktree']}; {late}")
        merged = ann.act(attempt, "merge", {})
        assert (merged["files"], merged["added"]) == (3, 3)
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt", "three.txt", "two.txt"]
        assert diff["head"] == merged["head_commit"] == merged["merged_commit"]

    def test_what_was_merged_by_hand_before_is_shown_too(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        ann.work(project, f"cd ../..; git merge -q {attempt['branch']}")
        assert ann.act(attempt, "merge", {})["files"] == 1
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt"]

    def test_a_rebased_attempt_shows_nothing_of_others_once_it_is_merged(self, ann: Person, project: Json) -> None:
        first, second = (ann.work(project, f"echo {name} > {name}.txt") for name in ("one", "two"))
        ann.act(first, "merge", {})
        assert ann.act(second, "rebase")["base_commit"] == ann.log(ann.work(project, "git rev-parse main")).strip()
        assert ann.call("GET", f"/api/attempts/{second['id']}/work")["commits"] == 1
        ann.act(second, "merge", {})
        diff = ann.call("GET", f"/api/attempts/{second['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["two.txt"]

    def test_a_worktree_whose_link_was_removed_is_reviewed_and_merged_as_it_is(
        self, ann: Person, project: Json
    ) -> None:
        attempt = ann.work(project, "echo one > one.txt; rm -f .git")
        assert (attempt["state"], attempt["files"]) == ("in_review", 1)
        ann.work(project, f"cd ../../{attempt['worktree']}; echo two > two.txt; rm -f .git")
        assert ann.act(attempt, "merge", {})["files"] == 2
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
        assert ann.act(attempt, "merge", {})["state"] == "merged"

    def test_a_worktree_that_a_merge_cannot_remove_is_a_note_of_the_merge(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt")
        ann.work(project, f"cd ../..; git symbolic-ref HEAD refs/heads/{attempt['branch']}")
        merged = ann.act(attempt, "merge", {})
        assert (merged["state"], merged["problem"]["code"]) == ("merged", "worktree-left")
        assert "git branch -D" in merged["problem"]["hint"]

    def test_a_conflict_names_the_files_and_loses_nothing(self, ann: Person, project: Json) -> None:
        ann_s = ann.work(project, "echo mine > shared.txt")
        other = ann.work(project, "echo theirs > shared.txt; echo extra > extra.txt")
        ann.act(ann_s, "merge", {})
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
        ann.act(first, "merge", {})
        rebased = ann.act(second, "rebase")
        assert rebased["head_commit"] != second["head_commit"]
        assert (rebased["files"], rebased["state"]) == (1, "in_review")
        assert ann.act(second, "merge", {})["state"] == "merged"
        assert {"one.txt", "two.txt"} <= set(ann.log(ann.work(project, "ls")).split())

    def test_local_changes_in_the_way_are_named(self, ann: Person, project: Json) -> None:
        ann.act(ann.work(project, "echo base > file.txt"), "merge", {})
        attempt = ann.work(project, "echo new > file.txt; echo edited by hand > ../../file.txt")
        refused = ann.problem("POST", f"/api/attempts/{attempt['id']}/merge", {}, status=409, code="local-changes")
        assert refused["files"] == ["file.txt"]

    def test_discarding_work_is_refused_with_its_numbers_unless_forced(self, ann: Person, project: Json) -> None:
        attempt = ann.work(project, "echo one > one.txt; git add .; git commit -qm mine; echo two > two.txt")
        ann.work(project, f"touch ../../{attempt['worktree']}/left.txt")
        path = f"/api/attempts/{attempt['id']}/discard"
        refused = ann.problem("POST", path, {}, status=409, code="work-would-be-lost")
        assert (refused["files"], refused["commits"]) == (1, 2)
        assert ann.act(attempt, "discard", {"force": True})["state"] == "discarded"
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
        ann.act(attempt, "cancel")
        ann.attempt(attempt["id"], "cancelled")

    def test_the_diff_of_a_running_attempt_is_live(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "echo one > one.txt; echo written; sleep 600")["latest_attempt"]
        with ann.socket(f"/api/executions/{attempt['execution']['id']}/log/socket") as socket:
            socket.recv(timeout=20)
        ann.attempt(attempt["id"], "running")
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in diff["files"]] == ["one.txt"]
        ann.act(attempt, "cancel")

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
        ann.act(first, "discard", {"force": True})
        assert ann.call("GET", f"/api/tasks/{first['task_id']}")["state"] == "in_review"
