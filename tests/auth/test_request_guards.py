"""CSRF tokens, Origins and the throttle."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from anyon.auth import CsrfRefused, OriginRefused, TooManyFailures
from anyon.auth.csrf import CsrfTokens
from anyon.auth.origin import Origins
from anyon.auth.throttle import FailureThrottle
from anyon.clock import ManualClock
from anyon.ids import new_id


def test_a_csrf_token_belongs_to_one_session_and_key() -> None:
    csrf, session_id = CsrfTokens(b"k" * 32), new_id()
    csrf.check(session_id, csrf.token(session_id))
    for presented in (None, "", "é", csrf.token(new_id()), CsrfTokens(b"x" * 32).token(session_id)):
        with pytest.raises(CsrfRefused):
            csrf.check(session_id, presented)


@pytest.mark.parametrize(
    ("own", "origin"),
    [
        ("https://anyon.example.com", "https://anyon.example.com"),
        ("https://anyon.example.com", "https://ANYON.example.com:443"),
        ("http://10.0.0.7:8080", "http://10.0.0.7:8080"),
        ("http://127.0.0.1:8080", "http://localhost:8080"),
        ("http://localhost:8080", "http://[::1]:8080"),
    ],
)
def test_the_services_own_origin_is_accepted(own: str, origin: str) -> None:
    Origins(own).check(origin)


@pytest.mark.parametrize(
    ("own", "origin"),
    [
        ("https://anyon.example.com", None),
        ("https://anyon.example.com", "null"),
        ("https://anyon.example.com", ""),
        ("https://anyon.example.com", "http://anyon.example.com"),
        ("https://anyon.example.com", "https://anyon.example.com.evil.test"),
        ("https://anyon.example.com", "https://evil.test"),
        ("https://anyon.example.com", "https://anyon.example.com:8443"),
        ("https://anyon.example.com", "https://anyon.example.com:port"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9090"),
        ("http://10.0.0.7:8080", "http://localhost:8080"),
        ("http://10.0.0.7:8080", "http://[broken"),
    ],
)
def test_another_origin_is_refused(own: str, origin: str | None) -> None:
    with pytest.raises(OriginRefused):
        Origins(own).check(origin)


def test_an_address_that_fails_too_often_waits_for_the_window_to_pass(clock: ManualClock) -> None:
    throttle = FailureThrottle(clock, limit=3, window=60)
    for _ in range(3):
        throttle.check("a")
        throttle.failed("a")
        clock.advance(1)
    with pytest.raises(TooManyFailures) as refusal:
        throttle.check("a")
    throttle.check("b")
    assert refusal.value.members() == {"retry_after": 57}
    clock.advance(57)
    throttle.check("a")
    throttle.failed("a")
    throttle.check("a")


@given(failures=strategies.lists(strategies.integers(0, 50), max_size=200))
def test_the_throttle_remembers_no_more_addresses_than_it_may(failures: list[int]) -> None:
    throttle = FailureThrottle(ManualClock(), limit=2, addresses=10)
    for address in failures:
        throttle.failed(str(address))
    assert len(throttle._failures) <= 10


def test_the_address_that_failed_last_is_forgotten_last(clock: ManualClock) -> None:
    throttle = FailureThrottle(clock, limit=1, addresses=2)
    for address in ("a", "b", "a", "c"):
        throttle.failed(address)
    throttle.check("b")
    with pytest.raises(TooManyFailures):
        throttle.check("a")


def test_failures_are_worth_a_record_once_per_address_and_not_in_a_flood(clock: ManualClock) -> None:
    throttle = FailureThrottle(clock, limit=2, window=60)
    assert [throttle.failed(address) for address in ("a", "a", "b", "c")] == [True, False, True, False]
    clock.advance(60)
    assert throttle.failed("a")
