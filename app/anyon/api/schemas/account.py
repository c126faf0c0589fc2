"""Sessions, accounts, tokens, credentials and the administration of users."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from anyon.api.schemas.base import SECRET_LENGTH, Body, Email, Name, View, no_control_characters
from anyon.model import UserRole


class LoginBody(Body):
    token: Annotated[str, StringConstraints(min_length=20, max_length=200)]


class UserView(View):
    id: UUID
    email: str
    name: str
    role: UserRole


class ManagedUserView(UserView):
    created_at: datetime
    disabled_at: datetime | None


class IsolationView(View):
    isolated: bool
    note: str


class SessionView(View):
    user: UserView
    csrf: str
    isolation: IsolationView
    version: str


class BrowserSessionView(View):
    id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    current: bool = False


class TokenBody(Body):
    name: Name
    days: int = Field(90, ge=1, le=365)


class TokenView(View):
    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class NewTokenView(TokenView):
    token: str = Field(description="Shown once.")


class SecretBody(Body):
    """A shorter value could not be removed from logs without removing half of them."""

    value: Annotated[
        str, StringConstraints(min_length=4, max_length=SECRET_LENGTH), AfterValidator(no_control_characters)
    ]


class SecretView(View):
    name: str
    updated_at: datetime


class NewUserBody(Body):
    email: Email
    name: Name
    role: UserRole = UserRole.MEMBER


class UserPatch(Body):
    disabled: bool | None = None
    role: UserRole | None = None


class LoginLinkView(View):
    url: str
    expires_at: datetime


class NewUserView(View):
    user: ManagedUserView
    link: LoginLinkView
