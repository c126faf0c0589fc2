"""Projects: made from nothing, from a folder, from an address; changed, pinned, stopped, deleted."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis
import pytest

from anyon.model import ProjectState, UserRole
from tests.api.git_server import git, make_repository, served
from tests.api.people import Json, Person
from tests.fixtures.product import LiveServer, processes_below


def files_of(person: Person, project: Json, path: str = ".") -> set[str]:
    listed = person.call("GET", f"/api/projects/{project['id']}/files", path=path)
    return {entry["name"] for entry in listed["entries"]}


def read(person: Person, project: Json, path: str) -> str:
    content = person.call("GET", f"/api/projects/{project['id']}/files/content", path=path)
    return base64.b64decode(content["content_base64"]).decode()


class TestFromNothing:
    def test_a_project_from_nothing_has_a_main_branch(self, ann: Person) -> None:
        made = ann.call("POST", "/api/projects", {"name": "Fresh Start!", "git_repo_path": ""}, 201)
        assert (made["name"], made["slug"], made["role"]) == ("Fresh Start!", made["slug"], "owner")
        assert made["slug"].startswith("fresh-start")
        ready = ann.settled_project(made["id"])
        assert (ready["state"], ready["default_branch"], ready["problem"]) == ("ready", "main", None)
        assert ready["workspace"]["state"] == "running"
        assert ready["counts"] == {"todo": 0, "in_progress": 0, "in_review": 0, "done": 0, "cancelled": 0}

    def test_two_projects_of_one_name_have_slugs_of_their_own(self, ann: Person) -> None:
        first, second = ann.project("Same"), ann.project("Same")
        assert first["slug"] != second["slug"]

    def test_the_list_is_by_name_whatever_the_case(self, ann: Person) -> None:
        for name in ("c", "a", "B"):
            ann.project(name)
        assert [project["name"] for project in ann.call("GET", "/api/projects")] == ["a", "B", "c"]


@pytest.fixture(scope="module")
def third_party(import_root: Path) -> Path:
    """The source of an installed package: hundreds of files that we did not write."""
    folder = import_root / "hypothesis"
    shutil.copytree(Path(hypothesis.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return folder


class TestImports:
    def test_a_tree_is_imported_worked_on_and_merged(self, ann: Person, third_party: Path) -> None:
        count = sum(1 for path in third_party.rglob("*") if path.is_file())
        assert count > 100
        project = ann.project("Hypothesis", str(third_party))
        assert "core.py" in files_of(ann, project)
        attempt = ann.work(
            project, "git ls-files | wc -l; sed -i '1i # touched' core.py; rm errors.py; echo x > new.py"
        )
        assert ann.log(attempt).strip() == str(count)
        diff = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert {file["path"]: file["status"] for file in diff["files"]} == {
            "core.py": "M",
            "errors.py": "D",
            "new.py": "A",
        }
        assert (attempt["files"], attempt["added"]) == (3, 2)
        assert attempt["removed"] == diff["removed"] > 0
        patch = ann.call("GET", f"/api/attempts/{attempt['id']}/diff/file", path="core.py")["patch"]
        assert "+# touched" in patch
        merged = ann.call("POST", f"/api/attempts/{attempt['id']}/merge", {})
        assert merged["merged_commit"]
        assert read(ann, project, "core.py").startswith("# touched")
        assert {"new.py"} <= files_of(ann, project)
        assert "errors.py" not in files_of(ann, project)
        after = ann.call("GET", f"/api/attempts/{attempt['id']}/diff")
        assert [file["path"] for file in after["files"]] == ["core.py", "errors.py", "new.py"]

    def test_a_repository_in_a_folder_keeps_its_branch_and_history(self, ann: Person, import_root: Path) -> None:
        folder = make_repository(import_root / f"repository-{ann.id}", {"a.txt": "one\n"})
        project = ann.project("Cloned", str(folder))
        assert project["default_branch"] == "trunk"
        assert "First" in ann.log(ann.work(project, "git log --oneline"))
        assert git("status", "--porcelain", cwd=folder) == ""

    def test_an_address_is_cloned(self, ann: Person, tmp_path: Path) -> None:
        make_repository(tmp_path / "shop", {"a.txt": "one\n", "docs/b.txt": "two\n"})
        with served(tmp_path) as address:
            project = ann.project("Shop", f"{address}/shop/.git")
        assert (project["source"], project["default_branch"]) == (f"{address}/shop/.git", "trunk")
        assert files_of(ann, project, "docs") == {"b.txt"}

    def test_an_address_with_a_password_is_refused(self, ann: Person) -> None:
        body = {"name": "x", "git_repo_path": "http://me:hunter2@127.0.0.1:9/x"}
        refused = ann.problem("POST", "/api/projects", body, status=422, code="source-holds-credential")
        assert "hunter2" not in str(refused)
        assert ann.call("GET", "/api/projects") == []

    def test_a_failed_import_says_why_and_can_be_tried_again(self, ann: Person, tmp_path: Path) -> None:
        with served(tmp_path) as address:
            made = ann.call("POST", "/api/projects", {"name": "Late", "git_repo_path": f"{address}/late/.git"}, 201)
            failed = ann.settled_project(made["id"])
            assert (failed["state"], failed["problem"]["code"]) == ("failed", "clone-failed")
            body = {"project_id": made["id"], "description": "true"}
            ann.problem("POST", "/api/tasks", body, status=409, code="project-not-ready")
            make_repository(tmp_path / "late", {"a.txt": "one\n"})
            ann.call("POST", f"/api/projects/{made['id']}/retry")
            ready = ann.settled_project(made["id"])
        assert (ready["state"], ready["problem"]) == ("ready", None)
        assert files_of(ann, ready) >= {"a.txt"}

    def test_a_failed_import_takes_another_address_and_a_ready_one_does_not(self, ann: Person) -> None:
        body = {"name": "Mistyped", "git_repo_path": "ssh://git@127.0.0.1:9/none.git"}
        made = ann.call("POST", "/api/projects", body, 201)
        path = f"/api/projects/{made['id']}"
        assert ann.settled_project(made["id"])["state"] == "failed"
        ann.problem("PATCH", path, {"git_repo_path": "/etc"}, status=422, code="source-refused")
        assert ann.call("PATCH", path, {"git_repo_path": "", "name": "New"})["source"] == ""
        ann.call("POST", f"{path}/retry")
        ready = ann.settled_project(made["id"])
        assert (ready["state"], ready["name"]) == ("ready", "New")
        refused = ann.problem("PATCH", path, {"git_repo_path": "x@y:z"}, status=422, code="value-refused")
        assert "only while the import has failed" in refused["detail"]

    def test_a_retry_of_what_did_not_fail_changes_nothing(self, ann: Person, project: Json) -> None:
        assert ann.call("POST", f"/api/projects/{project['id']}/retry")["state"] == "ready"

    def test_a_task_that_comes_during_the_import_waits_for_it(self, ann: Person, third_party: Path) -> None:
        body = {"name": "Busy", "git_repo_path": str(third_party)}
        project = ann.call("POST", "/api/projects", body, 201)
        assert project["state"] == "creating"
        attempt = ann.work(project, "test -e core.py && echo there")
        assert (attempt["state"], ann.log(attempt)) == ("in_review", "there\n")
        assert ann.call("GET", f"/api/projects/{project['id']}")["state"] == "ready"

    def test_a_task_whose_import_fails_fails_with_it(self, ann: Person, tmp_path: Path) -> None:
        with served(tmp_path) as address:
            body = {"name": "Gone", "git_repo_path": f"{address}/gone/.git"}
            project = ann.call("POST", "/api/projects", body, 201)
            attempt = ann.work(project, "true")
        assert (attempt["state"], attempt["problem"]["code"]) == ("failed", "project-not-ready")
        assert [phase["state"] for phase in attempt["phases"]] == ["failed"]


class TestChanges:
    def test_name_and_default_executor_can_be_changed(self, ann: Person, project: Json) -> None:
        path = f"/api/projects/{project['id']}"
        assert ann.call("PATCH", path, {"name": "Renamed"})["name"] == "Renamed"
        assert ann.call("PATCH", path, {"name": None, "default_executor": "codex"})["default_executor"] == "codex"
        unchanged = ann.call("PATCH", path, {})
        assert (unchanged["name"], unchanged["default_executor"]) == ("Renamed", "codex")
        assert ann.call("PATCH", path, {"default_executor": None})["default_executor"] is None

    def test_the_counts_follow_the_board(self, ann: Person, project: Json) -> None:
        ann.work(project, "echo x > x")
        ann.task(project, "later", start=False)
        now = ann.call("GET", f"/api/projects/{project['id']}")
        assert (now["counts"]["in_review"], now["counts"]["todo"], now["needs_me"]) == (1, 1, 1)


class TestWorkspace:
    def test_stopping_is_recorded_and_the_next_use_starts_it_again(self, ann: Person, project: Json) -> None:
        stopped = ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
        assert (stopped["state"], stopped["stop_reason"]) == ("stopped", f"stopped by {ann.email}")
        assert ("workspace.stopped", {"reason": f"stopped by {ann.email}"}) in ann.audit(project["id"])
        idle = ann.call("GET", f"/api/projects/{project['id']}/idle")
        assert (idle["state"], idle["stops_at"], idle["kept_awake_by"]) == ("stopped", None, [])
        assert ann.work(project, "echo again")["state"] == "in_review"
        now = ann.call("GET", f"/api/projects/{project['id']}")["workspace"]
        assert (now["state"], now["stop_reason"]) == ("running", None)

    def test_a_stopped_workspace_can_be_started_without_work(self, ann: Person, project: Json) -> None:
        ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")
        assert ann.call("POST", f"/api/projects/{project['id']}/workspace/start")["state"] == "running"

    def test_stopping_twice_is_stopping_once(self, ann: Person, project: Json) -> None:
        for _ in range(2):
            assert ann.call("POST", f"/api/projects/{project['id']}/workspace/stop")["state"] == "stopped"
        assert [action for action, _ in ann.audit(project["id"])].count("workspace.stopped") == 1

    def test_a_pin_is_shown_with_its_end_and_can_be_taken_off(self, ann: Person, project: Json) -> None:
        path = f"/api/projects/{project['id']}"
        pinned = ann.call("PUT", f"{path}/pin", {"hours": 2})
        until = datetime.fromisoformat(pinned["pinned_until"])
        idle = ann.call("GET", f"{path}/idle")
        assert [lease["kind"] for lease in idle["kept_awake_by"]] == ["pin"]
        assert datetime.fromisoformat(idle["stops_at"]) == until + timedelta(seconds=1800)
        assert ann.call("PUT", f"{path}/pin", {"hours": None})["pinned_until"].startswith("9999")
        assert ann.call("GET", f"{path}/idle")["kept_awake_by"][0]["until"].startswith("9999")
        assert ann.call("DELETE", f"{path}/pin")["pinned_until"] is None
        assert ann.call("GET", f"{path}/idle")["kept_awake_by"] == []

    def test_a_running_execution_keeps_it_awake_without_an_end(self, ann: Person, project: Json) -> None:
        attempt = ann.task(project, "sleep 600")["latest_attempt"]
        ann.attempt(attempt["id"], "running")
        idle = ann.call("GET", f"/api/projects/{project['id']}/idle")
        assert [lease["kind"] for lease in idle["kept_awake_by"]] == ["execution"]
        assert idle["stops_at"] is None
        ann.call("POST", f"/api/attempts/{attempt['id']}/cancel")

    def test_an_open_terminal_is_named_while_its_last_byte_is_the_reason(self, ann: Person, project: Json) -> None:
        terminal = ann.call("POST", f"/api/projects/{project['id']}/terminals", {}, 201)
        idle = ann.call("GET", f"/api/projects/{project['id']}/idle")
        assert [(lease["kind"], lease["subject"]) for lease in idle["kept_awake_by"]] == [("terminal", terminal["id"])]
        assert idle["stops_at"] is not None


class TestDelete:
    def test_everything_of_a_project_goes_and_the_audit_log_stays(self, ann: Person, server: LiveServer) -> None:
        project = ann.project("Gone")
        attempt = ann.task(project, "sleep 600 & setsid sleep 601 & wait")["latest_attempt"]
        ann.attempt(attempt["id"], "running")
        folder = server.settings.data_dir / "workspaces" / project["id"]
        assert folder.is_dir()
        ann.call("DELETE", f"/api/projects/{project['id']}", status=204)
        assert not folder.exists()
        assert processes_below(folder) == []
        for path in (
            f"/api/projects/{project['id']}",
            f"/api/tasks/{attempt['task_id']}",
            f"/api/attempts/{attempt['id']}",
            f"/api/executions/{attempt['execution']['id']}",
        ):
            ann.problem("GET", path, status=404, code="not-found")
        ann.problem("DELETE", f"/api/projects/{project['id']}", status=404, code="not-found")

    def test_a_project_can_be_deleted_while_it_is_imported(self, ann: Person, third_party: Path) -> None:
        body = {"name": "Short", "git_repo_path": str(third_party)}
        project = ann.call("POST", "/api/projects", body, 201)
        ann.call("DELETE", f"/api/projects/{project['id']}", status=204)
        assert not (ann.server.settings.data_dir / "workspaces" / project["id"]).exists()

    def test_a_failed_project_can_be_deleted(self, ann: Person) -> None:
        made = ann.call("POST", "/api/projects", {"name": "x", "git_repo_path": "http://127.0.0.1:9/x"}, 201)
        assert ann.settled_project(made["id"])["state"] == ProjectState.FAILED
        ann.call("DELETE", f"/api/projects/{made['id']}", status=204)


@pytest.fixture
def lone_server(tmp_path: Path, new_server: Callable[..., LiveServer]) -> Iterator[Person]:
    person = Person(new_server(tmp_path / "data", exclude_worktrees_in_gitignore=True), UserRole.ADMIN)
    yield person
    person.close()


def test_worktrees_can_be_hidden_through_the_tracked_gitignore(lone_server: Person) -> None:
    project = lone_server.project()
    attempt = lone_server.work(project, "cat .gitignore; git -C ../.. status --porcelain")
    assert lone_server.log(attempt).splitlines()[-1] == ".worktrees/"
