"""All of authentication, wired once from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from anyon.auth.box import SecretBox
from anyon.auth.context import UserContext
from anyon.auth.csrf import CsrfTokens
from anyon.auth.errors import AuthError
from anyon.auth.keys import load_keys
from anyon.auth.links import LoginLinks
from anyon.auth.origin import Origins
from anyon.auth.sessions import BrowserSessions
from anyon.auth.throttle import FailureThrottle
from anyon.auth.tokens import BearerTokens, bearer_token
from anyon.clock import Clock
from anyon.settings import Settings
from anyon.store import Store


@dataclass(frozen=True, slots=True)
class Auth:
    tokens: BearerTokens
    sessions: BrowserSessions
    links: LoginLinks
    csrf: CsrfTokens
    origins: Origins
    throttle: FailureThrottle
    box: SecretBox

    @classmethod
    def open(cls, settings: Settings, store: Store, clock: Clock) -> Auth:
        """Load or make the keys and wire the parts. Raises KeyUnusable."""
        keys = load_keys(settings)
        return cls(
            tokens=BearerTokens(
                store, clock, secret=keys.jwt, issuer=settings.jwt_issuer, audience=settings.jwt_audience
            ),
            sessions=BrowserSessions(
                store, clock, lifetime=timedelta(days=settings.session_days), https=settings.https
            ),
            links=LoginLinks(store, clock, lifetime=timedelta(minutes=settings.login_link_minutes)),
            csrf=CsrfTokens(keys.csrf),
            origins=Origins(settings.origin),
            throttle=FailureThrottle(clock),
            box=SecretBox(keys.encryption),
        )

    async def authenticate(self, *, authorization: str | None, cookie: str | None) -> UserContext:
        """Who sends this Authorization header or session cookie; the header counts when both are there.

        The caller still checks the CSRF token or the Origin of what a cookie proved. Raises AuthError.
        """
        token = bearer_token(authorization)
        if token is not None:
            return await self.tokens.verify(token)
        if cookie:
            return await self.sessions.verify(cookie)
        raise AuthError
