"""Logging in and out, sessions, tokens, credentials, and what administrators do with accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from anyon.auth import COOKIE, SECURE_COOKIE
from tests.api.people import Json, Person
from tests.fixtures.product import LiveServer


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    """A browser in which nobody is logged in."""
    with httpx.Client(base_url=server.url, headers={"Origin": server.url}, trust_env=False) as client:
        yield client


def link_of(person: Person) -> str:
    link = person.server.run(lambda services: services.accounts.link(person.id))
    return link.url.partition("#token=")[2]


def log_in(browser: httpx.Client, person: Person) -> Json:
    answer = browser.post("/api/session", json={"token": link_of(person)})
    assert answer.status_code == 200, answer.text
    session: Json = answer.json()["data"]
    browser.headers["X-CSRF-Token"] = session["csrf"]
    return session


def attributes_of(answer: httpx.Response) -> set[str]:
    """Of the cookie that it sets, in lower case."""
    cookie: str = answer.headers["set-cookie"]
    assert not any("domain" in part.lower() for part in cookie.split(";")[1:])
    return {part.strip().lower() for part in cookie.split(";")[1:]}


class TestSessions:
    def test_a_link_logs_a_browser_in_once(self, ann: Person, browser: httpx.Client) -> None:
        token = link_of(ann)
        answer = browser.post("/api/session", json={"token": token})
        assert answer.json()["data"]["user"]["email"] == ann.email
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        for attribute in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"):
            assert attribute.lower() in cookie.lower()
        browser.headers["X-CSRF-Token"] = answer.json()["data"]["csrf"]
        assert browser.get("/api/session").json()["data"]["user"]["email"] == ann.email
        assert browser.post("/api/session", json={"token": token}).json()["code"] == "link-refused"

    def test_logging_out_ends_the_session_at_once(self, ann: Person, browser: httpx.Client) -> None:
        log_in(browser, ann)
        cookie = browser.cookies[COOKIE]
        assert browser.delete("/api/session").status_code == 204
        browser.cookies.set(COOKIE, cookie)
        assert browser.get("/api/session").json()["code"] == "session-over"

    def test_over_https_the_cookie_is_bound_to_the_host_by_its_name(
        self, tmp_path: Path, new_server: Callable[..., LiveServer]
    ) -> None:
        server = new_server(tmp_path / "data", public_url="https://127.0.0.1")
        ann = Person(server)
        with httpx.Client(base_url=server.url, headers={"Origin": "https://127.0.0.1"}, trust_env=False) as browser:
            answer = browser.post("/api/session", json={"token": link_of(ann)})
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            assert name == SECURE_COOKIE == "__Host-anyon_session"
            assert {"secure", "httponly", "path=/"} <= attributes_of(answer)
            browser.headers["X-CSRF-Token"] = answer.json()["data"]["csrf"]
            assert browser.get("/api/session", headers={"Cookie": f"{COOKIE}={value}"}).status_code == 401
            cookie = {"Cookie": f"{SECURE_COOKIE}={value}"}
            assert browser.get("/api/session", headers=cookie).json()["data"]["user"]["email"] == ann.email
            ended = browser.delete("/api/session", headers=cookie)
            assert ended.headers["set-cookie"].startswith(f'{SECURE_COOKIE}="";')
            assert {"secure", "max-age=0", "path=/"} <= attributes_of(ended)
        ann.close()

    def test_a_script_that_logs_out_keeps_its_token(self, ann: Person) -> None:
        ann.call("DELETE", "/api/session", status=204)
        assert ann.call("GET", "/api/session")["csrf"] == ""

    def test_another_session_can_be_ended_from_this_one(self, ann: Person, browser: httpx.Client) -> None:
        log_in(browser, ann)
        (listed,) = browser.get("/api/me/sessions").json()["data"]
        assert listed["current"] is True
        assert [entry["current"] for entry in ann.call("GET", "/api/me/sessions")] == [False]
        ann.call("DELETE", f"/api/me/sessions/{listed['id']}", status=204)
        assert browser.get("/api/session").status_code == 401

    def test_a_session_tells_version_and_isolation(self, ann: Person) -> None:
        session = ann.call("GET", "/api/session")
        assert session["isolation"]["isolated"] is ann.server.services.runtime.isolated
        assert session["version"]


class TestTokens:
    def test_a_token_is_shown_once_and_can_be_revoked(self, ann: Person) -> None:
        made = ann.call("POST", "/api/me/tokens", {"name": "script", "days": 1}, 201)
        headers = {"Authorization": f"Bearer {made['token']}"}
        with httpx.Client(base_url=ann.server.url, headers=headers, trust_env=False) as script:
            assert script.get("/api/projects").status_code == 200
            listed = {entry["id"]: entry for entry in ann.call("GET", "/api/me/tokens")}
            assert "token" not in listed[made["id"]]
            assert listed[made["id"]]["last_used_at"] is not None
            ann.call("DELETE", f"/api/me/tokens/{made['id']}", status=204)
            assert script.get("/api/projects").json()["code"] == "token-revoked"
        assert made["id"] not in {entry["id"] for entry in ann.call("GET", "/api/me/tokens")}


class TestCredentials:
    @pytest.mark.parametrize(
        "name", ["PATH", "HOME", "SHELL", "BASH_ENV", "LD_PRELOAD", "ANYON_TOKEN", "PYTHONPATH", "GIT_SSH_COMMAND"]
    )
    def test_a_name_that_changes_how_programs_start_is_refused(self, name: str, ann: Person) -> None:
        path = f"/api/me/secrets/{name}"
        refused = ann.problem("PUT", path, {"value": "anything"}, status=422, code="value-refused")
        assert f"{name} changes how programs start" in refused["detail"]
        assert ann.call("GET", "/api/me/secrets") == []

    @pytest.mark.parametrize("name", ["GITHUB_TOKEN", "LDAP_PASSWORD", "SHELLY", "MY_PATH", "ANTHROPIC_API_KEY"])
    def test_a_name_that_only_looks_like_one_is_stored(self, name: str, ann: Person) -> None:
        ann.call("PUT", f"/api/me/secrets/{name}", {"value": "anything"}, 204)
        assert [secret["name"] for secret in ann.call("GET", "/api/me/secrets")] == [name]


class TestAdministration:
    def test_a_new_account_gets_a_link_and_logs_in_with_it(self, admin: Person, browser: httpx.Client) -> None:
        body = {"email": f"New.{admin.id}@Example.org", "name": "New"}
        made = admin.call("POST", "/api/users", body, 201)
        assert made["user"]["email"] == body["email"].lower()
        token = made["link"]["url"].partition("#token=")[2]
        assert browser.post("/api/session", json={"token": token}).status_code == 200
        admin.problem("POST", "/api/users", body, status=409, code="already-exists")
        assert made["user"]["id"] in {user["id"] for user in admin.call("GET", "/api/users")}

    def test_a_further_link_can_be_made(self, admin: Person, ann: Person, browser: httpx.Client) -> None:
        link = admin.call("POST", f"/api/users/{ann.id}/link", status=201)
        assert browser.post("/api/session", json={"token": link["url"].partition("=")[2]}).status_code == 200

    def test_a_disabled_account_is_out_at_once_and_can_come_back(
        self, admin: Person, server: LiveServer, browser: httpx.Client
    ) -> None:
        eve = Person(server)
        log_in(browser, eve)
        admin.call("PATCH", f"/api/users/{eve.id}", {"disabled": True})
        assert browser.get("/api/session").status_code == 401
        assert eve.http.get("/api/projects").json()["code"] in {"account-disabled", "token-revoked"}
        enabled = admin.call("PATCH", f"/api/users/{eve.id}", {"disabled": False, "role": "admin"})
        assert (enabled["disabled_at"], enabled["role"]) == (None, "admin")
        assert eve.http.get("/api/projects").json()["code"] == "token-revoked"
        del browser.headers["X-CSRF-Token"]
        assert log_in(browser, eve)["user"]["role"] == "admin"
        eve.close()


def test_guessing_links_is_slowed_down(tmp_path: Path, new_server: Callable[..., LiveServer]) -> None:
    lone = new_server(tmp_path / "data")
    with httpx.Client(base_url=lone.url, trust_env=False) as guesser:
        codes = [guesser.post("/api/session", json={"token": f"{number:040}"}).status_code for number in range(22)]
        assert codes == [401] * 20 + [429] * 2
        answer = guesser.post("/api/session", json={"token": "x" * 40})
    assert int(answer.headers["retry-after"]) <= 60
    assert answer.json()["retry_after"] == int(answer.headers["retry-after"])


def test_an_address_from_which_somebody_guesses_still_lets_a_good_link_in(
    tmp_path: Path, new_server: Callable[..., LiveServer]
) -> None:
    shared = new_server(tmp_path / "data")
    ann = Person(shared)
    with httpx.Client(base_url=shared.url, trust_env=False) as client:
        for number in range(21):
            refused = client.post("/api/session", json={"token": f"{number:040}"})
        assert refused.status_code == 429
        assert client.post("/api/session", json={"token": link_of(ann)}).status_code == 200
    ann.close()
