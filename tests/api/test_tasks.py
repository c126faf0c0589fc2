"""Tasks over HTTP."""

from __future__ import annotations

from tests.api.people import Json, Person


def test_a_task_runs_its_script_and_its_work_is_committed_for_review(ann: Person, project: Json) -> None:
    attempt = ann.work(project, "echo hello; echo one > new.txt")
    assert attempt["state"] == "in_review"
    assert ann.log(attempt) == "hello\n"
    assert (attempt["files"], attempt["added"], attempt["removed"]) == (1, 1, 0)
    assert attempt["execution"]["exit_code"] == 0
