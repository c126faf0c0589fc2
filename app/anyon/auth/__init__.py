"""Who makes a request, and what proves it: bearer tokens, browser sessions, login links; and the keys behind them."""

from anyon.auth.box import SecretBox
from anyon.auth.context import UserContext
from anyon.auth.errors import (
    AccountDisabled,
    AuthError,
    CsrfRefused,
    KeyUnusable,
    LinkRefused,
    OriginRefused,
    SecretUnreadable,
    SessionOver,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
    TooManyFailures,
)
from anyon.auth.revocations import Revocations
from anyon.auth.service import Auth
from anyon.auth.sessions import COOKIE, SECURE_COOKIE

__all__ = [
    "COOKIE",
    "SECURE_COOKIE",
    "AccountDisabled",
    "Auth",
    "AuthError",
    "CsrfRefused",
    "KeyUnusable",
    "LinkRefused",
    "OriginRefused",
    "Revocations",
    "SecretBox",
    "SecretUnreadable",
    "SessionOver",
    "TokenExpired",
    "TokenInvalid",
    "TokenRevoked",
    "TooManyFailures",
    "UserContext",
]
