"""The only door to what belongs to users."""

from __future__ import annotations

from uuid import UUID

from anyon.store.access import Door
from anyon.store.account import Account, Secrets, Sessions, Tokens
from anyon.store.attempts import Attempts
from anyon.store.audit import Audit
from anyon.store.executions import Executions
from anyon.store.projects import Projects
from anyon.store.tasks import Tasks
from anyon.store.terminals import Terminals
from anyon.store.workspaces import Workspaces


class UserSession:
    """One transaction in which every query sees only what `user_id` may see; `Store.for_user()` makes it."""

    def __init__(self, door: Door) -> None:
        self.user_id: UUID = door.user_id
        self.account = Account(door)
        self.sessions = Sessions(door)
        self.tokens = Tokens(door)
        self.secrets = Secrets(door)
        self.projects = Projects(door)
        self.workspaces = Workspaces(door)
        self.tasks = Tasks(door)
        self.attempts = Attempts(door)
        self.executions = Executions(door)
        self.terminals = Terminals(door)
        self.audit = Audit(door)
