"""What authentication refuses. Everything under AuthError is a 401; why is a code, and no code tells accounts apart."""

from __future__ import annotations

from anyon.errors import AnyonError


class AuthError(AnyonError):
    """Nobody is signed in by what the request brought (A2)."""

    code, status_hint = "unauthenticated", 401
    title = "Sign in first"
    detail = "This needs a session or a bearer token"
    hint = "Open a login link, or send `Authorization: Bearer <token>`; `anyon token create` makes one."


class TokenInvalid(AuthError):
    """Malformed, signed by another key or algorithm, for another audience, or for an unknown account."""

    code = "token-invalid"
    title = "The bearer token is not valid"
    detail = "The bearer token was not issued for this service"
    hint = "Make a new one with `anyon token create`."


class TokenExpired(AuthError):
    code = "token-expired"
    title = "The bearer token has expired"
    detail = "The bearer token has expired"
    hint = "Make a new one with `anyon token create`."


class TokenRevoked(AuthError):
    """Revoked by itself, or with every token of its account."""

    code = "token-revoked"
    title = "The bearer token was revoked"
    detail = "The bearer token was revoked"
    hint = "Make a new one with `anyon token create`."


class AccountDisabled(AuthError):
    """Only the holder of a valid credential learns this."""

    code = "account-disabled"
    title = "The account is disabled"
    detail = "An administrator disabled this account"
    hint = "Ask an administrator to enable it."


class SessionOver(AuthError):
    """Unknown, expired or revoked."""

    code = "session-over"
    title = "Your session is over"
    detail = "The browser's session has ended"
    hint = "Open a new login link."


class LinkRefused(AuthError):
    """Unknown, used or expired, or its account is disabled: all the same answer."""

    code = "link-refused"
    title = "This login link does not work"
    detail = "A login link works once, and only for a while"
    hint = "Ask an administrator for a new link, or run `anyon user link` on the server."


class CsrfRefused(AnyonError):
    code, status_hint = "csrf-refused", 403
    title = "The request did not come from this page"
    detail = "The X-CSRF-Token header is missing or belongs to another session"
    hint = "Reload the page; a script should use a bearer token instead of the cookie."


class OriginRefused(AnyonError):
    """Takes `origin`."""

    code, status_hint = "origin-refused", 403
    title = "The request came from another site"
    detail = "Requests from {origin} are not accepted"
    hint = "If people reach the service under that address, set ANYON_PUBLIC_URL to it."


class TooManyFailures(AnyonError):
    """Takes `retry_after` (whole seconds)."""

    code, status_hint = "too-many-failures", 429
    title = "Too many failed attempts to sign in"
    detail = "Too many attempts to sign in from this address failed"
    hint = "Wait {retry_after} s and try again."
    public = ("retry_after",)


class KeyUnusable(AnyonError):
    """Takes `where` (a file or a setting), `problem` and `remedy`."""

    code, status_hint = "key-unusable", 500
    title = "A key cannot be used"
    detail = "{where}: {problem}"
    hint = "{remedy}"


class SecretUnreadable(AnyonError):
    """Takes `name`. The ciphertext was changed, moved to another user or name, or its key is not the one we have."""

    code, status_hint = "secret-unreadable", 500
    title = "A stored credential cannot be decrypted"
    detail = "The credential {name} cannot be decrypted"
    hint = "Store it again; if every credential fails, ANYON_ENCRYPTION_KEY is not the key they were stored with."
    public = ("name",)
