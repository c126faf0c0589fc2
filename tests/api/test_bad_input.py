"""What bad input gets: a clear problem, never a stack trace, and nothing changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api.conftest import MAX_BODY_BYTES
from tests.api.people import Json
from tests.api.refusals import Scene, checked


@dataclass(frozen=True)
class Case:
    """`{project}` in a path becomes the id of a project of the caller's; `names` must stand in the detail."""

    name: str
    method: str
    path: str
    status: int
    names: str
    body: Any = None
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


JSON = {"content-type": "application/json"}
P, T, S = "/api/projects", "/api/tasks", "/api/me/secrets"
NOBODY = "00000000-0000-4000-8000-000000000000"


def new_task(**fields: Any) -> Json:
    return {"project_id": "{project}", "description": "true", "start": False, **fields}


CASES = (
    # What is no JSON, or not the JSON that was asked for.
    Case("broken JSON", "POST", P, 422, "body", raw=b'{"name": ', headers=JSON),
    Case("no JSON at all", "POST", P, 422, "body", raw=b"name=Shop", headers=JSON),
    Case("bytes that are no text", "POST", P, 400, "body", raw=b'{"name": "\xff\xfe"}', headers=JSON),
    Case("an empty body", "POST", P, 422, "body", raw=b"", headers=JSON),
    Case("a list for an object", "POST", P, 422, "body", body=["Shop"]),
    Case("null for an object", "POST", P, 422, "body", raw=b"null", headers=JSON),
    Case("JSON nested beyond reason", "POST", P, 400, "body", raw=b"[" * 30_000, headers=JSON),
    Case(
        "a form",
        "POST",
        P,
        422,
        "body",
        raw=b"name=Shop",
        headers={"content-type": "application/x-www-form-urlencoded"},
    ),
    Case(
        "text that says it is text",
        "POST",
        P,
        422,
        "body",
        raw=b'{"name": "Shop"}',
        headers={"content-type": "text/plain"},
    ),
    Case("half a surrogate pair", "POST", P, 422, "body", raw=b'{"name": "\\ud800"}', headers=JSON),
    # Wrong types, unknown and missing fields.
    Case("a number for a name", "POST", P, 422, "name", body={"name": 7}),
    Case("an object for a name", "POST", P, 422, "name", body={"name": {"en": "Shop"}}),
    Case("no name", "POST", P, 422, "name", body={}),
    Case("an unknown field", "POST", P, 422, "colour", body={"name": "Shop", "colour": "red"}),
    Case("somebody else's owner field", "POST", P, 422, "user_id", body={"name": "Shop", "user_id": NOBODY}),
    Case("text for a flag", "POST", T, 422, "start", body=new_task(start="perhaps")),
    Case("text for a position", "PATCH", T + "/{task}", 422, "position", body={"position": "first"}),
    Case("infinity for a position", "PATCH", T + "/{task}", 422, "position", raw=b'{"position": 1e999}', headers=JSON),
    Case("a column that the board does not have", "PATCH", T + "/{task}", 422, "state", body={"state": "blocked"}),
    Case(
        "a role that does not exist",
        "POST",
        "/api/users",
        422,
        "role",
        body={"email": "a@b", "name": "A", "role": "root"},
    ),
    # Lengths and characters.
    Case("an empty name", "POST", P, 422, "name", body={"name": ""}),
    Case("a name of blanks", "POST", P, 422, "name", body={"name": "   "}),
    Case("a name of 101 characters", "POST", P, 422, "100", body={"name": "x" * 101}),
    Case("a name with NUL", "POST", P, 422, "control", body={"name": "a\x00b"}),
    Case("a name with a line break", "POST", P, 422, "line breaks", body={"name": "a\nb"}),
    Case("a name with an escape sequence", "POST", P, 422, "control", body={"name": "\x1b[31mred"}),
    Case("a name that is displayed backwards", "POST", P, 422, "name", body={"name": "shop\u202etxt.exe"}),
    Case("a name with an isolated direction", "POST", P, 422, "name", body={"name": "\u2066shop"}),
    Case("a title of 201 characters", "POST", T, 422, "200", body=new_task(title="x" * 201)),
    Case("an empty description", "POST", T, 422, "description", body=new_task(description="")),
    Case("a description of blanks", "POST", T, 422, "description", body=new_task(description=" \n ")),
    Case("a description with NUL", "POST", T, 422, "control", body=new_task(description="echo \x00")),
    Case("an email without an @", "POST", "/api/users", 422, "email", body={"email": "ann", "name": "Ann"}),
    Case(
        "an email with a line break", "POST", "/api/users", 422, "email", body={"email": "a@b\nBcc: c@d", "name": "A"}
    ),
    Case("a credential's name in lower case", "PUT", S + "/my_key", 422, "name", body={"value": "x"}),
    Case("a credential's name with a dash", "PUT", S + "/MY-KEY", 422, "name", body={"value": "x"}),
    Case("a credential's name of 101 characters", "PUT", S + "/" + "X" * 101, 422, "100", body={"value": "x"}),
    Case("an empty credential", "PUT", S + "/MY_KEY", 422, "value", body={"value": ""}),
    Case("a credential of 16,385 characters", "PUT", S + "/MY_KEY", 422, "16384", body={"value": "x" * 16_385}),
    Case("a credential with NUL", "PUT", S + "/MY_KEY", 422, "control", body={"value": "a\x00bcd"}),
    Case("a token for 366 days", "POST", "/api/me/tokens", 422, "365", body={"name": "x", "days": 366}),
    Case("a token for no day", "POST", "/api/me/tokens", 422, "days", body={"name": "x", "days": 0}),
    Case("an executor with a slash", "POST", T, 422, "executor", body=new_task(executor="../shell")),
    Case("an executor that does not exist", "POST", T, 422, "cobol", body=new_task(executor="cobol")),
    Case(
        "an executor that a project cannot have",
        "POST",
        P,
        422,
        "cobol",
        body={"name": "A", "default_executor": "cobol"},
    ),
    Case("a default that does not exist", "PATCH", P + "/{project}", 422, "cobol", body={"default_executor": "cobol"}),
    # Ids, addresses, methods.
    Case(
        "an id that is none",
        "GET",
        P + "/7",
        422,
        "project_id",
    ),
    Case("an id that is a path", "GET", P + "/..%2f..%2fetc", 404, "etc"),
    Case("an id with a letter too many", "GET", P + f"/{NOBODY}0", 422, "project_id"),
    Case("an id in a body that is none", "POST", T, 422, "project_id", body=new_task(project_id="shop")),
    Case("an id in a query that is none", "GET", T + "?project_id=shop", 422, "project_id"),
    Case("no id in the query", "GET", T, 422, "project_id"),
    Case("an id of nothing", "GET", P + f"/{NOBODY}", 404, NOBODY),
    Case("an attempt of nobody", "POST", f"/api/attempts/{NOBODY}/merge", 404, NOBODY, body={}),
    Case("an address that does not exist", "GET", "/api/nothing", 404, "/api/nothing"),
    Case("a method that is not there", "PUT", P, 405, "PUT", body={}),
    Case("a method that nobody knows", "PURGE", P, 405, "PURGE"),
    Case("a cursor of nonsense", "GET", T + "?project_id={project}&after=%21%21", 422, "after"),
    Case(
        "a cursor of other JSON",
        "GET",
        T + "?project_id={project}&after=" + base64.urlsafe_b64encode(b"[1]").decode(),
        422,
        "after",
    ),
    Case(
        "a cursor with a column of its own",
        "GET",
        T + "?project_id={project}&after=" + base64.urlsafe_b64encode(b'["x",1,1]').decode(),
        422,
        "after",
    ),
    Case(
        "a cursor with a huge number",
        "GET",
        T + "?project_id={project}&after=" + base64.urlsafe_b64encode(b'["todo",1,99999999999]').decode(),
        422,
        "after",
    ),
    Case("a page of nothing", "GET", T + "?project_id={project}&limit=0", 422, "limit"),
    Case("a page of 201", "GET", T + "?project_id={project}&limit=201", 422, "200"),
    Case("a state that tasks do not have", "GET", T + "?project_id={project}&state=late", 422, "state"),
    Case("a flag in a query that is none", "DELETE", T + "/{task}?force=perhaps", 422, "force"),
    # Files.
    Case("a path upwards", "GET", P + "/{project}/files?path=../..", 422, "leads out"),
    Case(
        "a path upwards in the middle",
        "GET",
        P + "/{project}/files/content?path=.git/../../x",
        422,
        "leads out",
    ),
    Case("an absolute path", "GET", P + "/{project}/files/content?path=/etc/passwd", 422, "leads out"),
    Case("a path with NUL", "GET", P + "/{project}/files/content?path=a%00b", 422, "path"),
    Case("a path of 4,097 characters", "GET", P + "/{project}/files?path=" + "x" * 4097, 422, "4096"),
    Case("a folder read as a file", "GET", P + "/{project}/files/content?path=.", 422, "not a regular file"),
    Case("a file that is not there", "GET", P + "/{project}/files/content?path=nothing", 404, "nothing"),
    # Sources.
    Case("a file address", "POST", P, 422, "neither", body={"name": "A", "git_repo_path": "file:///etc"}),
    Case(
        "git's helper for any command", "POST", P, 422, "neither", body={"name": "A", "git_repo_path": "ext::sh -c id"}
    ),
    Case(
        "an option for an address", "POST", P, 422, "neither", body={"name": "A", "git_repo_path": "--upload-pack=id"}
    ),
    Case("a relative path", "POST", P, 422, "neither", body={"name": "A", "git_repo_path": "shop"}),
    Case("a path outside the import roots", "POST", P, 422, "outside", body={"name": "A", "git_repo_path": "/etc"}),
    Case(
        "a path out of an import root", "POST", P, 422, "outside", body={"name": "A", "git_repo_path": "{root}/../.."}
    ),
    Case("a link out of an import root", "POST", P, 422, "outside", body={"name": "A", "git_repo_path": "{root}/out"}),
    Case(
        "a folder that is not there", "POST", P, 422, "not a folder", body={"name": "A", "git_repo_path": "{root}/no"}
    ),
    Case("a file for a folder", "POST", P, 422, "not a folder", body={"name": "A", "git_repo_path": "{root}/file"}),
    Case(
        "a source with a line break",
        "POST",
        P,
        422,
        "git_repo_path",
        body={"name": "A", "git_repo_path": "https://a\nb"},
    ),
    Case(
        "a source of 2,001 characters",
        "POST",
        P,
        422,
        "2000",
        body={"name": "A", "git_repo_path": "https://" + "a" * 1993},
    ),
    # Pins and sizes.
    Case("a pin for no hours", "PUT", P + "/{project}/pin", 422, "hours", body={"hours": 0}),
    Case("a pin for less than none", "PUT", P + "/{project}/pin", 422, "hours", body={"hours": -1}),
    Case("a pin for more than a year", "PUT", P + "/{project}/pin", 422, "8760", body={"hours": 8761}),
    Case("a pin for no number", "PUT", P + "/{project}/pin", 422, "hours", raw=b'{"hours": NaN}', headers=JSON),
    Case("a pin without end", "PUT", P + "/{project}/pin", 422, "hours", raw=b'{"hours": Infinity}', headers=JSON),
    Case("a pin by a huge exponent", "PUT", P + "/{project}/pin", 422, "hours", raw=b'{"hours": 1e400}', headers=JSON),
    Case("a terminal of one column", "POST", P + "/{project}/terminals", 422, "cols", body={"cols": 1}),
    Case("a terminal of 1,001 rows", "POST", P + "/{project}/terminals", 422, "rows", body={"rows": 1001}),
    Case("half a column", "POST", P + "/{project}/terminals", 422, "cols", body={"cols": 80.5}),
    Case("a log from before its beginning", "GET", f"/api/executions/{NOBODY}/log?from=-1", 422, "from"),
    Case("a log from beyond any size", "GET", f"/api/executions/{NOBODY}/log?from={2**53 + 1}", 422, "from"),
    # Signing in.
    Case("a login token that is too short", "POST", "/api/session", 422, "20", body={"token": "short"}),
    Case("a login token that was never made", "POST", "/api/session", 401, "once", body={"token": "x" * 43}),
    Case(
        "a login from another site",
        "POST",
        "/api/session",
        403,
        "evil",
        body={"token": "x" * 43},
        headers={"origin": "https://evil.example"},
    ),
)


def put_in(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: put_in(part, values) for name, part in value.items()}
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace("{" + name + "}", text)
    return value


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bad_input_gets_a_problem_that_names_it(case: Case, scene: Scene) -> None:
    body: dict[str, Any] = {"content": case.raw} if case.raw is not None else {}
    if case.body is not None:
        body = {"content": json.dumps(put_in(case.body, scene.values)), "headers": JSON}
    body["headers"] = {**body.get("headers", {}), **case.headers}
    document = checked(scene.person.http.request(case.method, put_in(case.path, scene.values), **body))
    assert document["status"] == case.status, document
    assert case.names in document["detail"], document


def test_nothing_of_all_that_was_made(scene: Scene) -> None:
    assert [project["name"] for project in scene.person.call("GET", P)] == ["Shop"]
    assert scene.person.call("GET", S) == []


def test_every_mistake_of_a_body_is_named_at_once(scene: Scene) -> None:
    answer = scene.person.http.post(P, json={"name": "", "default_executor": "A B", "extra": 1})
    assert {mistake["field"] for mistake in checked(answer)["errors"]} == {
        "body.name",
        "body.default_executor",
        "body.extra",
    }


def test_a_refusal_does_not_repeat_a_secret(scene: Scene) -> None:
    answer = scene.person.http.put(f"{S}/MY_KEY", json={"value": ["sk-very-secret-value"]})
    assert "very-secret" not in json.dumps(checked(answer))


class TestBodies:
    def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(self, scene: Scene) -> None:
        answer = scene.person.http.post(P, content=b"x" * (MAX_BODY_BYTES + 1), headers=JSON)
        document = checked(answer)
        assert (document["status"], document["code"], document["limit"]) == (413, "body-too-large", MAX_BODY_BYTES)
        assert str(MAX_BODY_BYTES) in document["detail"]

    def test_a_body_that_grows_beyond_the_limit_is_cut_off(self, scene: Scene) -> None:
        def chunks() -> Iterator[bytes]:
            yield b'{"name": "'
            for _ in range(5):
                yield b"x" * (MAX_BODY_BYTES // 4)
            yield b'"}'

        assert checked(scene.person.http.post(P, content=chunks(), headers=JSON))["code"] == "body-too-large"

    def test_a_body_of_exactly_the_limit_is_read(self, scene: Scene) -> None:
        body = json.dumps({"name": ""}).encode()
        answer = scene.person.http.post(P, content=body + b" " * (MAX_BODY_BYTES - len(body)), headers=JSON)
        assert checked(answer)["status"] == 422


@pytest.fixture(scope="module")
def attempt(scene: Scene) -> Json:
    """An attempt whose worktree and working copy hold links that lead out."""
    project = {"id": scene.values["project"]}
    script = "ln -s /etc out; ln -s /etc/passwd passwd; ln -s out/passwd twice; mkdir d; ln -s ../../../.. d/up"
    attempt = scene.person.work(project, f"{script}; cd ../..; {script}")
    assert attempt["state"] == "in_review", attempt
    return attempt


class TestFiles:
    @pytest.mark.parametrize("path", ["out/passwd", "passwd", "twice", "d/up/etc/passwd", "out/../out/passwd"])
    def test_a_link_that_leads_out_is_not_followed(self, path: str, attempt: Json, scene: Scene) -> None:
        answer = scene.person.http.get(f"{P}/{scene.values['project']}/files/content", params={"path": path})
        assert checked(answer)["status"] in {404, 422}
        assert "root:" not in answer.text

    @pytest.mark.parametrize("path", ["out", "d/up"])
    def test_a_folder_that_a_link_names_is_not_listed(self, path: str, attempt: Json, scene: Scene) -> None:
        checked(scene.person.http.get(f"{P}/{scene.values['project']}/files", params={"path": path}))

    @pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "passwd/x", "-p", "--output=/tmp/x", "\n"])
    def test_a_diff_shows_no_file_from_elsewhere(self, path: str, attempt: Json, scene: Scene) -> None:
        answer = scene.person.http.get(f"/api/attempts/{attempt['id']}/diff/file", params={"path": path})
        assert "root:" not in answer.text
        if answer.status_code != 200:
            checked(answer)
