"""Commands on accounts, straight on the database: for whoever runs the service."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from anyon.cli.parsing import Commands, command, settings_of_installation
from anyon.errors import AnyonError
from anyon.model import UserRole

if TYPE_CHECKING:
    from anyon.composition import AccountServices
    from anyon.store import UserRow

_MOST_DAYS = 365

Action = Callable[["AccountServices", argparse.Namespace], Awaitable[int]]


class AccountUnknown(AnyonError):
    code, status_hint = "account-unknown", 404
    title = "There is no such account"
    detail = "No account has the address {email}."
    hint = "`anyon user list` shows the accounts; `anyon user add` makes one."


def add_commands(commands: Commands) -> None:
    users = command(commands, "user", "Manage accounts.", "anyon user add ada@example.org --name Ada")
    actions = users.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = command(
        actions, "add", "Create an account and print its login link.", "anyon user add ada@example.org --admin"
    )
    add.add_argument("email")
    add.add_argument("--name", help="the name that others see; by default the part before the @")
    add.add_argument("--admin", action="store_true", help="may manage accounts and workspaces")
    add.set_defaults(run=_with(_add))
    link = command(actions, "link", "Print a one-time login link for an account.", "anyon user link ada@example.org")
    link.add_argument("email")
    link.set_defaults(run=_with(_link))
    admin_link = command(
        actions,
        "admin-link",
        "Print a one-time login link for the administrator, who is created if there is no account.",
        "anyon user admin-link",
    )
    admin_link.add_argument(
        "--unless-logged-in", action="store_true", help="print nothing while the administrator has a browser session"
    )
    admin_link.set_defaults(run=_with(_admin_link))
    disable = command(actions, "disable", "Refuse an account from now on.", "anyon user disable ada@example.org")
    disable.add_argument("email")
    disable.set_defaults(run=_with(_disable))
    command(actions, "list", "List the accounts.", "anyon user list", _with(_list))

    tokens = command(commands, "token", "Manage tokens for scripts.", "anyon token create --user ada@example.org")
    actions = tokens.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = command(
        actions,
        "create",
        "Print a new bearer token.",
        'curl -H "Authorization: Bearer $(anyon token create --user ada@example.org)" http://127.0.0.1:8080/api/projects',
    )
    create.add_argument("--user", required=True, metavar="EMAIL")
    create.add_argument("--name", default="command line", help="what the token is for")
    create.add_argument("--days", type=_days, default=90, metavar="1-365")
    create.set_defaults(run=_with(_create_token))


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= (days := int(text)) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_DAYS}")
    return days


def _with(action: Action) -> Callable[[argparse.Namespace], int]:
    async def run(options: argparse.Namespace) -> int:
        from anyon.composition import open_accounts

        async with open_accounts(settings_of_installation()) as services:
            return await action(services, options)

    return lambda options: asyncio.run(run(options))


async def _user(services: AccountServices, email: str) -> UserRow:
    async with services.store.for_system(read_only=True) as session:
        user = await session.user_by_email(email)
    if user is None:
        raise AccountUnknown(email=email)
    return user


async def _add(services: AccountServices, options: argparse.Namespace) -> int:
    user = await services.accounts.create(
        None,
        email=options.email,
        name=options.name or options.email.partition("@")[0],
        role=UserRole.ADMIN if options.admin else UserRole.MEMBER,
    )
    return await _print_link(services, user)


async def _link(services: AccountServices, options: argparse.Namespace) -> int:
    return await _print_link(services, await _user(services, options.email))


async def _admin_link(services: AccountServices, options: argparse.Namespace) -> int:
    user = await services.accounts.administrator()
    if options.unless_logged_in and await services.accounts.is_logged_in(user.id):
        return 0
    return await _print_link(services, user)


async def _print_link(services: AccountServices, user: UserRow) -> int:
    link = await services.accounts.link(user.id)
    sys.stdout.write(f"{link.url}\n")
    return 0


async def _disable(services: AccountServices, options: argparse.Namespace) -> int:
    user = await _user(services, options.email)
    await services.accounts.change(None, user.id, disabled=True, role=None)
    return 0


async def _list(services: AccountServices, _options: argparse.Namespace) -> int:
    async with services.store.for_system(read_only=True) as session:
        for user in await session.users():
            state = "disabled" if user.disabled_at else "enabled"
            sys.stdout.write(f"{user.email}\t{user.role.value}\t{state}\t{user.name}\n")
    return 0


async def _create_token(services: AccountServices, options: argparse.Namespace) -> int:
    user = await _user(services, options.user)
    token, _ = await services.auth.tokens.issue(user.id, name=options.name, lifetime=timedelta(days=options.days))
    sys.stdout.write(f"{token}\n")
    return 0
