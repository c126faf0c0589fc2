"""Tasks: the cards of the board."""

from __future__ import annotations

from typing import Any

from tests.api.people import Json, Person


def titles(person: Person, project: Json, **query: Any) -> list[str]:
    return [task["title"] for task in person.call("GET", "/api/tasks", project_id=project["id"], **query)]


def test_a_task_runs_its_script_and_its_work_is_committed_for_review(ann: Person, project: Json) -> None:
    attempt = ann.work(project, "echo hello; echo one > new.txt")
    assert attempt["state"] == "in_review"
    assert ann.log(attempt) == "hello\n"
    assert (attempt["files"], attempt["added"], attempt["removed"]) == (1, 1, 0)
    assert attempt["execution"]["exit_code"] == 0
    card = ann.call("GET", f"/api/tasks/{attempt['task_id']}")
    assert (card["state"], card["attempts"], card["latest_attempt"]["id"]) == ("in_review", 1, attempt["id"])


def test_the_title_is_the_first_line_unless_one_is_given(ann: Person, project: Json) -> None:
    assert ann.task(project, "\nfirst line\nsecond", start=False)["title"] == "first line"
    assert ann.task(project, "script", title="Said so", start=False)["title"] == "Said so"


def test_a_task_that_is_not_started_waits_on_the_board(ann: Person, project: Json) -> None:
    task = ann.task(project, "true", start=False)
    assert (task["state"], task["attempts"], task["latest_attempt"]) == ("todo", 0, None)
    started = ann.call("POST", f"/api/tasks/{task['id']}/attempts", {"executor": "shell"}, 201)
    assert ann.attempt(started["id"])["state"] == "in_review"


def test_words_and_place_can_be_changed(ann: Person, project: Json) -> None:
    task = ann.task(project, "true", start=False)
    path = f"/api/tasks/{task['id']}"
    changed = ann.call("PATCH", path, {"title": "New", "description": "false", "executor": "codex", "position": 7.5})
    assert (changed["title"], changed["description"], changed["executor"]) == ("New", "false", "codex")
    assert changed["position"] == 7.5
    unchanged = ann.call("PATCH", path, {"title": None, "executor": None})
    assert (unchanged["title"], unchanged["executor"]) == ("New", None)
    moved = ann.call("PATCH", path, {"state": "done", "position": 1.0})
    assert (moved["state"], moved["position"]) == ("done", 1.0)
    assert ann.call("PATCH", path, {"state": "done"})["state"] == "done"
    assert ("task.moved", {"to": "done"}) in ann.audit(project["id"])


def test_pages_follow_each_other_without_loss(ann: Person, project: Json) -> None:
    for number in range(5):
        ann.task(project, f"task {number}", start=False)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = ann.http.get("/api/tasks", params={"project_id": project["id"], "limit": 2, **after}).json()
        seen += [task["title"] for task in page["data"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == [f"task {number}" for number in range(5)]
    assert titles(ann, project, state="done") == []


def test_deleting_asks_before_work_is_lost(ann: Person, project: Json) -> None:
    attempt = ann.work(project, "echo x > x")
    path = f"/api/tasks/{attempt['task_id']}"
    refused = ann.problem("DELETE", path, status=409, code="work-would-be-lost")
    assert refused["commits"] == 1
    ann.call("DELETE", path, status=204, force=True)
    ann.problem("GET", path, status=404, code="not-found")
    assert attempt["branch"] not in ann.log(ann.work(project, "git branch --list"))


def test_a_running_task_is_not_deleted(ann: Person, project: Json) -> None:
    task = ann.task(project, "sleep 600")
    attempt = ann.attempt(task["latest_attempt"]["id"], "running")
    ann.problem("DELETE", f"/api/tasks/{task['id']}", status=409, code="attempt-unfinished", force=True)
    ann.call("POST", f"/api/attempts/{attempt['id']}/cancel")
    ann.attempt(attempt["id"], "cancelled")


def test_the_executor_of_project_and_task_is_the_default(ann: Person, project: Json) -> None:
    ann.call("PATCH", f"/api/projects/{project['id']}", {"default_executor": "codex"})
    body = {"project_id": project["id"], "description": "x"}
    assert "Codex" in ann.problem("POST", "/api/tasks", body, status=422, code="credential-missing")["detail"]
    assert ann.task(project, "true", executor="shell")["latest_attempt"]["executor"] == "shell"
