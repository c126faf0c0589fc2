"""What tokens, cookies and requests get that are not what they claim to be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import ConnectionClosed, InvalidStatus

from anyon.auth import COOKIE
from anyon.composition import Services
from anyon.ids import new_id
from tests.api.people import Json, Person
from tests.api.refusals import Scene, checked
from tests.fixtures.product import LiveServer

P = "/api/projects"


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
