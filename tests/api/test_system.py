"""Health, readiness, metrics, the headers of every answer, and the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from anyon.runtime.errors import WorkspaceFolderUnusable
from anyon.store import Store
from anyon.store.errors import StoreUnreachable
from tests.api.people import Person
from tests.fixtures.product import LiveServer


@pytest.fixture
def nobody(server: LiveServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, trust_env=False)


def test_the_service_is_alive_and_ready(nobody: httpx.Client) -> None:
    with nobody:
        assert nobody.get("/healthz").json() == {"status": "ok"}
        assert nobody.get("/readyz").json() == {"status": "ok", "database": "ok", "runtime": "ok"}


def test_what_is_not_ready_is_named(nobody: httpx.Client, server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(_store: Store) -> None:
        raise StoreUnreachable

    async def unusable(_runtime: object) -> None:
        raise WorkspaceFolderUnusable(path="/data", reason="gone")

    monkeypatch.setattr(Store, "ping", unreachable)
    monkeypatch.setattr(type(server.services.runtime), "list", unusable)
    with nobody:
        answer = nobody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "database": "The database did not answer",
        "runtime": "/data: gone",
    }


class TestMetrics:
    def test_on_loopback_they_are_open(self, nobody: httpx.Client) -> None:
        with nobody:
            answer = nobody.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'anyon_containers_total{status="running"}' in answer.text

    def test_with_a_token_they_need_it(self, tmp_path: Path, new_server: Callable[..., LiveServer]) -> None:
        server = new_server(tmp_path / "data", metrics_token="a token for the scraper")
        with httpx.Client(base_url=server.url, trust_env=False) as scraper:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic a token for the scraper"}):
                assert scraper.get("/metrics", headers=headers).json()["code"] == "unauthenticated"
            headers = {"Authorization": "Bearer a token for the scraper"}
            assert scraper.get("/metrics", headers=headers).status_code == 200

    def test_beyond_loopback_they_are_closed_without_a_token(
        self, tmp_path: Path, new_server: Callable[..., LiveServer]
    ) -> None:
        # The listener of the test is on loopback all the same; only the setting counts.
        server = new_server(tmp_path / "data", host="0.0.0.0", public_url="http://127.0.0.1")
        with httpx.Client(base_url=server.url, trust_env=False) as scraper:
            assert scraper.get("/metrics").status_code == 401

    def test_behind_a_proxy_they_are_closed_without_a_token(
        self, tmp_path: Path, new_server: Callable[..., LiveServer]
    ) -> None:
        server = new_server(tmp_path / "data", public_url="https://anyon.example.org")
        with httpx.Client(base_url=server.url, trust_env=False) as scraper:
            for host in ("anyon.example.org", "127.0.0.1"):
                answer = scraper.get("/metrics", headers={"Host": host})
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")

    def test_a_request_is_counted_by_its_route_not_its_address(self, ann: Person, nobody: httpx.Client) -> None:
        project = ann.project()
        ann.call("GET", f"/api/projects/{project['id']}")
        with nobody:
            text = nobody.get("/metrics").text
        assert 'anyon_http_requests_total{method="GET",route="/api/projects/{project_id}",status="200"}' in text
        assert project["id"] not in text.split("anyon_http_requests_total")[1]


class TestHeaders:
    def test_every_answer_has_a_request_id_and_keeps_a_good_one(self, nobody: httpx.Client) -> None:
        with nobody:
            assert len(nobody.get("/healthz").headers["x-request-id"]) == 32
            given = {"x-request-id": "from-the-proxy.1"}
            assert nobody.get("/healthz", headers=given).headers["x-request-id"] == "from-the-proxy.1"
            for bad in ("short", "x" * 65, "with space in it", "<script>alert"):
                assert nobody.get("/healthz", headers={"x-request-id": bad}).headers["x-request-id"] != bad

    def test_an_answer_says_which_events_it_is_newer_than(self, ann: Person) -> None:
        epoch, _, before = ann.http.get("/api/projects").headers["anyon-sequence"].partition(":")
        assert epoch == ann.server.services.bus.epoch
        ann.project()
        assert int(ann.http.get("/api/projects").headers["anyon-sequence"].partition(":")[2]) > int(before)

    def test_browsers_are_told_to_be_careful(self, nobody: httpx.Client) -> None:
        with nobody:
            headers = nobody.get("/").headers
            api = nobody.get("/api/projects").headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "strict-transport-security" not in headers
        assert api["cache-control"] == "no-store"

    def test_behind_https_they_are_told_to_stay_there(
        self, tmp_path: Path, new_server: Callable[..., LiveServer]
    ) -> None:
        server = new_server(tmp_path / "data", public_url="https://127.0.0.1")
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert "max-age" in client.get("/healthz").headers["strict-transport-security"]


class TestPage:
    def test_every_place_is_the_one_page(self, nobody: httpx.Client) -> None:
        with nobody:
            page = nobody.get("/")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert nobody.get("/projects/shop/tasks/7").text == page.text

    def test_what_is_missing_below_api_and_assets_is_a_problem(self, nobody: httpx.Client) -> None:
        with nobody:
            for path in ("/api", "/api/nothing", "/assets/nothing.js"):
                answer = nobody.get(path)
                assert (answer.status_code, answer.json()["code"]) == (404, "http-404")

    def test_static_files_are_asked_for_again_each_time(self, nobody: httpx.Client) -> None:
        with nobody:
            assert nobody.get("/assets/icon.svg").headers["cache-control"] == "no-cache"
            assert nobody.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_a_bug_shows_a_number_and_nothing_else(
    ann: Person, server: LiveServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(type(server.services.sweeper), "report", breaks)
    project = ann.project()
    answer = ann.http.get(f"/api/projects/{project['id']}/idle")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text


def test_executors_say_what_they_need(ann: Person) -> None:
    listed = {executor["name"]: executor for executor in ann.call("GET", "/api/executors")}
    assert list(listed) == ["shell", "claude-code", "codex", "gemini"]
    assert "ANTHROPIC_API_KEY" in listed["claude-code"]["requires"]
    assert listed["claude-code"]["install"].startswith("npm install")
