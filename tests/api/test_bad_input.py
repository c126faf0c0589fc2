"""What bad input gets: a clear problem, never a stack trace, and nothing changed."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import ClientConnection

from anyon.api.sockets import MAX_MESSAGE_BYTES
from anyon.auth import COOKIE
from anyon.composition import Services
from anyon.ids import new_id
from tests.api.conftest import MAX_BODY_BYTES
from tests.api.people import Json, Person
from tests.fixtures.product import PATIENCE, LiveServer

MEMBERS = {"type", "title", "status", "detail", "hint", "code", "request_id"}


def checked(response: httpx.Response) -> Json:
    """The problem document of a refusal, with everything that one must have."""
    assert 400 <= response.status_code < 500, f"{response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    document: Json = response.json()
    assert set(document) >= MEMBERS
    assert document["status"] == response.status_code
    assert document["type"] == f"/problems/{document['code']}"
    assert document["request_id"] == response.headers["x-request-id"]
    for member in ("title", "detail", "hint"):
        assert document[member].strip(), f"{member} is empty"
        assert "Traceback" not in document[member]
    return document


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


class Scene(NamedTuple):
    person: Person
    values: dict[str, str]


@pytest.fixture(scope="module")
def scene(server: LiveServer, import_root: Path) -> Iterator[Scene]:
    """Somebody with a project and a task, who is an administrator so that bodies are looked at everywhere."""
    from anyon.model import UserRole

    person = Person(server, UserRole.ADMIN)
    project = person.project()
    task = person.task(project, "true", start=False)
    (import_root / "file").write_text("no folder")
    (import_root / "out").symlink_to("/")
    yield Scene(person, {"project": project["id"], "task": task["id"], "root": str(import_root)})
    person.call("DELETE", f"{P}/{project['id']}", status=204)
    person.close()


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


def claims(person: Person, **changes: Any) -> Json:
    now = datetime.now(UTC)
    valid = {
        "sub": str(person.id),
        "email": person.email,
        "iss": "anyon",
        "aud": "anyon",
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


@pytest.fixture(scope="module")
def secret(server: LiveServer) -> str:
    return (server.settings.data_dir / "keys" / "jwt").read_text().strip()


class TestTokens:
    """Ann's name, in every form that is not a token of ours."""

    def ask(self, server: LiveServer, header: str) -> httpx.Response:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            return client.get(P, headers={b"Authorization": header.encode()})

    def test_a_token_that_others_sign_with_our_secret_counts(
        self, scene: Scene, server: LiveServer, secret: str
    ) -> None:
        token = jwt.encode(claims(scene.person), secret, algorithm="HS256")
        assert self.ask(server, f"Bearer {token}").status_code == 200

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"aud": "elsewhere"}, "token-invalid"),
            ({"aud": None}, "token-invalid"),
            ({"iss": "elsewhere"}, "token-invalid"),
            ({"iss": None}, "token-invalid"),
            ({"sub": None}, "token-invalid"),
            ({"sub": "ann"}, "token-invalid"),
            ({"sub": str(new_id())}, "token-invalid"),
            ({"exp": None}, "token-invalid"),
            ({"exp": "tomorrow"}, "token-invalid"),
            ({"exp": 1e300}, "token-invalid"),
            ({"exp": datetime.now(UTC) - timedelta(minutes=1)}, "token-expired"),
            ({"iat": datetime.now(UTC) + timedelta(hours=1)}, "token-invalid"),
            ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, "token-invalid"),
            ({"email": ["a@b"]}, "token-invalid"),
        ],
        ids=str,
    )
    def test_a_claim_that_is_not_right_is_refused(
        self, changes: Json, code: str, scene: Scene, server: LiveServer, secret: str
    ) -> None:
        token = jwt.encode(claims(scene.person, **changes), secret, algorithm="HS256")
        document = checked(self.ask(server, f"Bearer {token}"))
        assert (document["status"], document["code"]) == (401, code)

    def test_an_unsigned_token_is_refused(self, scene: Scene, server: LiveServer) -> None:
        token = jwt.encode(claims(scene.person), "", algorithm="none")
        assert checked(self.ask(server, f"Bearer {token}"))["code"] == "token-invalid"

    def test_a_token_of_another_secret_is_refused(self, scene: Scene, server: LiveServer) -> None:
        token = jwt.encode(claims(scene.person), "another secret that is long enough for it", algorithm="HS256")
        assert checked(self.ask(server, f"Bearer {token}"))["code"] == "token-invalid"

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_a_token_of_another_algorithm_is_refused(
        self, algorithm: str, scene: Scene, server: LiveServer, secret: str
    ) -> None:
        long_enough = secret.ljust(64, "x") if algorithm == "HS512" else secret.ljust(48, "x")
        token = jwt.encode(claims(scene.person), long_enough, algorithm=algorithm)
        assert checked(self.ask(server, f"Bearer {token}"))["code"] == "token-invalid"

    def test_a_token_signed_with_a_private_key_is_refused(self, scene: Scene, server: LiveServer) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        token = jwt.encode(claims(scene.person), key, algorithm="RS256")
        assert checked(self.ask(server, f"Bearer {token}"))["code"] == "token-invalid"

    @pytest.mark.parametrize(
        "header",
        ["Bearer", "Basic YTpi", "Bearer x", "Bearer a.b.c", "Bearer " + "x" * 5000, "Token abc", ",", "é"],
        ids=lambda header: header[:12],
    )
    def test_what_is_no_token_is_refused(self, header: str, server: LiveServer) -> None:
        document = checked(self.ask(server, header))
        assert (document["status"], document["code"]) == (401, "token-invalid")
        assert document["hint"].startswith("Make a new one")

    def test_nobody_is_told_how_to_sign_in(self, server: LiveServer) -> None:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            answer = client.get(P)
        assert checked(answer)["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.fixture
def logged_in(ann: Person, server: LiveServer) -> tuple[str, str]:
    """Cookie and CSRF token of a browser session of Ann's."""

    async def start(services: Services) -> tuple[str, str]:
        cookie, session = await services.auth.sessions.start(ann.id, user_agent="test")
        return cookie, services.auth.csrf.token(session.id)

    return server.run(start)


@pytest.fixture
def csrf(logged_in: tuple[str, str]) -> str:
    return logged_in[1]


@pytest.fixture
def browser(logged_in: tuple[str, str], server: LiveServer) -> Iterator[httpx.Client]:
    """Ann's browser: a cookie, no bearer token."""
    cookie, _ = logged_in
    with httpx.Client(base_url=server.url, cookies={COOKIE: cookie}, trust_env=False) as client:
        yield client


class TestBrowsers:
    def test_a_page_of_ours_may_change_things(self, browser: httpx.Client, csrf: str, server: LiveServer) -> None:
        headers = {"X-CSRF-Token": csrf, "Origin": server.url}
        assert browser.post("/api/me/tokens", json={"name": "x"}, headers=headers).status_code == 201

    @pytest.mark.parametrize("token", [None, "", "0" * 64, "é", "x" * 10_000])
    def test_a_change_without_the_right_csrf_token_is_refused(self, token: str | None, browser: httpx.Client) -> None:
        headers = {} if token is None else {b"X-CSRF-Token": token.encode()}
        document = checked(browser.post("/api/me/tokens", json={"name": "x"}, headers=headers))
        assert (document["status"], document["code"]) == (403, "csrf-refused")

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://[", ""])
    def test_a_change_from_another_site_is_refused(self, origin: str, browser: httpx.Client, csrf: str) -> None:
        headers = {"X-CSRF-Token": csrf, "Origin": origin}
        document = checked(browser.post("/api/me/tokens", json={"name": "x"}, headers=headers))
        assert (document["status"], document["code"]) == (403, "origin-refused")

    @pytest.mark.parametrize("path", ["/api/session", "/api/projects", "/api/me/tokens"])
    def test_a_cookie_that_another_port_of_the_host_was_sent_reads_nothing(
        self, path: str, browser: httpx.Client
    ) -> None:
        document = checked(browser.get(path))
        assert (document["status"], document["code"]) == (403, "csrf-refused")

    def test_the_csrf_token_is_told_by_the_login_only(self, browser: httpx.Client, csrf: str) -> None:
        answer = browser.get("/api/session", headers={"X-CSRF-Token": csrf})
        assert answer.json()["data"]["csrf"] == ""

    def test_a_socket_without_the_csrf_token_is_refused(self, browser: httpx.Client, server: LiveServer) -> None:
        from websockets.sync.client import connect
        from websockets.typing import Origin

        headers = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
        address = f"ws://127.0.0.1:{server.port}/api/events"
        with pytest.raises(InvalidStatus) as refused:
            connect(address, additional_headers=headers, origin=Origin(server.url), proxy=None)
        assert json.loads(refused.value.response.body)["code"] == "csrf-refused"

    def test_a_socket_ends_at_once_with_its_session(self, browser: httpx.Client, csrf: str, server: LiveServer) -> None:
        from websockets.exceptions import ConnectionClosed
        from websockets.sync.client import connect
        from websockets.typing import Origin, Subprotocol

        with connect(
            f"ws://127.0.0.1:{server.port}/api/events",
            additional_headers={"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"},
            origin=Origin(server.url),
            subprotocols=[Subprotocol("anyon"), Subprotocol(f"anyon.key.{csrf}")],
            proxy=None,
        ) as socket:
            assert json.loads(socket.recv())["type"] == "hello"
            assert socket.subprotocol == "anyon"
            assert browser.delete("/api/session", headers={"X-CSRF-Token": csrf}).status_code == 204
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401

    def test_a_cookie_that_was_never_given_out_is_refused(self, server: LiveServer) -> None:
        with httpx.Client(base_url=server.url, cookies={COOKIE: "x" * 43}, trust_env=False) as client:
            assert checked(client.get(P))["code"] == "session-over"

    @pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
    def test_a_socket_that_another_site_opens_with_the_cookie_is_refused(
        self, origin: str | None, browser: httpx.Client, server: LiveServer
    ) -> None:
        from websockets.sync.client import connect

        headers = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
        with pytest.raises(InvalidStatus) as refused:
            connect(
                f"ws://127.0.0.1:{server.port}/api/events",
                additional_headers=headers,
                origin=origin,  # type: ignore[arg-type] # any text may be sent
                proxy=None,
            )
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body)["code"] == "origin-refused"


def end_of(connection: ClientConnection) -> Close:
    """Read until the service closes the socket: its code and reason."""
    try:
        while True:
            connection.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        end = closed.rcvd
    assert end is not None, "the connection was lost"
    return end


@pytest.fixture(scope="module")
def paths(scene: Scene) -> dict[str, str]:
    project = {"id": scene.values["project"]}
    attempt = scene.person.work(project, "echo text")
    terminal = scene.person.call("POST", f"{P}/{project['id']}/terminals", {}, 201)
    return {
        "log": f"/api/executions/{attempt['execution']['id']}/log/socket",
        "terminal": f"/api/terminals/{terminal['id']}/socket",
        "events": "/api/events",
        "running": f"/api/executions/{running_execution(scene)}/log/socket",
    }


def running_execution(scene: Scene) -> str:
    task = scene.person.task({"id": scene.values["project"]}, "echo begun; sleep 600")
    attempt = scene.person.attempt(task["latest_attempt"]["id"], "running")
    return str(attempt["execution"]["id"])


class TestSockets:
    @pytest.mark.parametrize(
        ("socket", "message"),
        [
            ("running", "no JSON"),
            ("running", "[1]"),
            ("running", "7"),
            ("running", '{"ack": "all"}'),
            ("running", '{"ack": true}'),
            ("running", '{"ack": 1.5}'),
            ("running", '{"ack": 1000000}'),
            ("running", "{}"),
            ("running", b"bytes"),
            ("running", "[" * 30_000),
            ("terminal", "no JSON"),
            ("terminal", "[]"),
            ("terminal", "{}"),
            ("terminal", '{"ack": 1000000000}'),
            ("terminal", '{"ack": null}'),
            ("terminal", '{"resize": 80}'),
            ("terminal", '{"resize": {"cols": 80}}'),
            ("terminal", '{"resize": {"cols": 80, "rows": 1}}'),
            ("terminal", '{"resize": {"cols": "80", "rows": 24}}'),
            ("terminal", '{"resize": {"cols": true, "rows": 24}}'),
            ("terminal", '{"resize": {"cols": 1001, "rows": 24}}'),
            ("terminal", b"x" * (MAX_MESSAGE_BYTES + 1)),
            ("events", "{}"),
            ("events", b"bytes"),
        ],
    )
    def test_a_message_that_is_none_of_ours_ends_the_socket_with_a_reason(
        self, socket: str, message: str | bytes, paths: dict[str, str], scene: Scene
    ) -> None:
        with scene.person.socket(paths[socket]) as connection:
            connection.recv()
            connection.send(message)
            end = end_of(connection)
        assert end.code == 1008
        assert end.reason

    def test_a_frame_beyond_the_transports_limit_ends_the_socket(self, paths: dict[str, str], scene: Scene) -> None:
        with scene.person.socket(paths["terminal"]) as connection:
            connection.recv()
            connection.send(os.urandom(300_000))
            assert end_of(connection).code == 1009

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/executions/7/log/socket", 422),
            (f"/api/executions/{NOBODY}/log/socket?from=-1", 422),
            (f"/api/executions/{NOBODY}/log/socket?from=x", 422),
            (f"/api/terminals/{NOBODY}/socket?cols=1", 422),
            ("/api/terminals/x/socket", 422),
            (f"/api/terminals/{NOBODY}/socket", 404),
            ("/api/events?from=" + "x" * 101, 422),
        ],
    )
    def test_a_handshake_with_bad_values_gets_a_problem(self, path: str, status: int, scene: Scene) -> None:
        with pytest.raises(InvalidStatus) as refused, scene.person.socket(path):
            pass
        answer = refused.value.response
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(json.loads(answer.body)) >= MEMBERS

    def test_a_log_from_beyond_its_end_is_refused_for_good(self, paths: dict[str, str], scene: Scene) -> None:
        with scene.person.socket(paths["log"] + "?from=1000") as connection:
            end = end_of(connection)
        assert end.code == 1008
        assert "after its end" in end.reason
        path = paths["log"].removesuffix("/socket")
        assert "5 bytes" in checked(scene.person.http.get(path, params={"from": 1000}))["detail"]
