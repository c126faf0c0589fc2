"""Logging in and out, and what belongs to an account: sessions, tokens, credentials."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from anyon import __version__
from anyon.api.schemas.account import (
    BrowserSessionView,
    IsolationView,
    LoginBody,
    NewTokenView,
    SecretBody,
    SecretView,
    SessionView,
    TokenBody,
    TokenView,
    UserView,
)
from anyon.api.schemas.base import Data, ListData, SecretName
from anyon.api.security import CallerDep, check_origin
from anyon.api.state import ServicesDep
from anyon.auth import LinkRefused
from anyon.composition import Services
from anyon.store import UserRow

router = APIRouter(tags=["account"])

SecretPath = Annotated[SecretName, Path()]


def _session_view(services: Services, user: UserView, csrf: str) -> SessionView:
    return SessionView(
        user=user,
        csrf=csrf,
        isolation=IsolationView(isolated=services.runtime.isolated, note=services.runtime.isolation_note),
        version=__version__,
    )


async def _redeem(services: Services, token: str, address: str) -> UserRow:
    """The account of a login link; guesses from one address are slowed down."""
    try:
        user = await services.auth.links.redeem(token)
    except LinkRefused:
        # Only failures are slowed down: many people may share an address (behind a proxy all do), and theirs must not
        # lock a good link out. Until here a guess has cost one look.
        services.auth.throttle.check(address)
        if services.auth.throttle.failed(address):
            async with services.store.for_system() as session:
                await session.append_audit("session.refused", address)
        raise
    async with services.store.for_system() as session:
        await session.append_audit("session.started", user.id, user_id=user.id, detail={"address": address})
    return user


async def _end(services: Services, user_id: UUID, session_id: UUID) -> None:
    async with services.store.for_user(user_id) as session:
        await session.sessions.revoke(session_id)
        await session.audit.append("session.ended", session_id)
    services.revocations.announce()


@router.post("/api/session")
async def log_in(services: ServicesDep, request: Request, response: Response, body: LoginBody) -> Data[SessionView]:
    """Use up a one-time login link; the browser gets a session cookie."""
    check_origin(request)
    user = await _redeem(services, body.token, request.client.host if request.client else "unknown")
    cookie, session = await services.auth.sessions.start(user.id, user_agent=request.headers.get("user-agent", ""))
    response.set_cookie(
        services.auth.sessions.cookie,
        cookie,
        max_age=services.settings.session_days * 86_400,
        httponly=True,
        samesite="lax",
        secure=services.settings.https,
        path="/",
    )
    return Data(data=_session_view(services, UserView.model_validate(user), services.auth.csrf.token(session.id)))


@router.get("/api/session")
async def read_session(services: ServicesDep, caller: CallerDep) -> Data[SessionView]:
    """Who you are. The CSRF token of a browser session is told once, by the login."""
    user = UserView(id=caller.user_id, email=caller.email, name=caller.name, role=caller.role)
    return Data(data=_session_view(services, user, csrf=""))


@router.delete("/api/session", status_code=204)
async def log_out(services: ServicesDep, caller: CallerDep) -> Response:
    """End this browser session."""
    if caller.session_id is not None:
        await _end(services, caller.user_id, caller.session_id)
    response = Response(status_code=204)
    # A browser heeds the end of a __Host- cookie only if it, too, is Secure.
    response.delete_cookie(services.auth.sessions.cookie, path="/", secure=services.settings.https)
    return response


@router.get("/api/me/sessions")
async def list_sessions(services: ServicesDep, caller: CallerDep) -> ListData[BrowserSessionView]:
    """Your browser sessions."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        rows = await session.sessions.list()
    views = [BrowserSessionView.model_validate(row) for row in rows]
    return ListData(data=[view.model_copy(update={"current": view.id == caller.session_id}) for view in views])


@router.delete("/api/me/sessions/{session_id}", status_code=204)
async def end_session(services: ServicesDep, caller: CallerDep, session_id: UUID) -> Response:
    """End one of your browser sessions at once."""
    await _end(services, caller.user_id, session_id)
    return Response(status_code=204)


@router.get("/api/me/tokens")
async def list_tokens(services: ServicesDep, caller: CallerDep) -> ListData[TokenView]:
    """Your tokens for scripts; their values are never shown again."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        return ListData(data=[TokenView.model_validate(row) for row in await session.tokens.list()])


@router.post("/api/me/tokens", status_code=201)
async def create_token(services: ServicesDep, caller: CallerDep, body: TokenBody) -> Data[NewTokenView]:
    """A new bearer token, shown once."""
    token, row = await services.auth.tokens.issue(caller.user_id, name=body.name, lifetime=timedelta(days=body.days))
    return Data(data=NewTokenView(**TokenView.model_validate(row).model_dump(), token=token))


@router.delete("/api/me/tokens/{token_id}", status_code=204)
async def revoke_token(services: ServicesDep, caller: CallerDep, token_id: UUID) -> Response:
    """Refuse a token from now on."""
    async with services.store.for_user(caller.user_id) as session:
        await session.tokens.revoke(token_id)
        await session.audit.append("token.revoked", token_id)
    services.revocations.announce()
    return Response(status_code=204)


@router.get("/api/me/secrets")
async def list_secrets(services: ServicesDep, caller: CallerDep) -> ListData[SecretView]:
    """The names of your credentials; their values cannot be read."""
    async with services.store.for_user(caller.user_id, read_only=True) as session:
        return ListData(data=[SecretView.model_validate(row) for row in await session.secrets.list()])


@router.put("/api/me/secrets/{name}", status_code=204)
async def put_secret(services: ServicesDep, caller: CallerDep, name: SecretPath, body: SecretBody) -> Response:
    """Store a credential; your executions get it as an environment variable of this name."""
    await services.credentials.put(caller.user_id, name, body.value)
    return Response(status_code=204)


@router.delete("/api/me/secrets/{name}", status_code=204)
async def delete_secret(services: ServicesDep, caller: CallerDep, name: SecretPath) -> Response:
    """Forget a credential."""
    await services.credentials.delete(caller.user_id, name)
    return Response(status_code=204)
