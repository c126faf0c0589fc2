"""What goes wrong between a caller and the database."""

from __future__ import annotations

from anyon.errors import AnyonError


class NotFound(AnyonError):
    """Takes `kind` and `id`. Absent and not yours are this same answer."""

    code, status_hint = "not-found", 404
    title = "Not found"
    detail = "There is no {kind} {id}"
    hint = "Check the id, and that you are signed in as a member of its project."
    public = ("kind",)


class RoleTooSmall(AnyonError):
    """Takes `kind`, `role` (what the member has) and `needed`."""

    code, status_hint = "role-too-small", 403
    title = "Your role does not allow this"
    detail = "This {kind} needs the role {needed}; yours is {role}"
    hint = "Ask an owner of the project for the role {needed}."
    public = ("role", "needed")


class AlreadyExists(AnyonError):
    """Takes `kind` and `name`."""

    code, status_hint = "already-exists", 409
    title = "It exists already"
    detail = "The {kind} {name} exists already"
    hint = "Choose another one."
    public = ("kind",)


class StoreBusy(AnyonError):
    """Every connection stayed in use, or a lock stayed taken, for longer than a caller waits. Takes `seconds`."""

    code, status_hint = "store-busy", 503
    title = "The database is busy"
    detail = "The database did not get to this within {seconds:g} s"
    hint = "Try again; when it stays so, look for a slow disk or raise ANYON_DATABASE_POOL_SIZE."


class StoreUnreachable(AnyonError):
    """The database cannot be reached."""

    code, status_hint = "store-unreachable", 503
    title = "The database cannot be reached"
    detail = "The database did not answer"
    hint = "Check that it runs and that ANYON_DATABASE_URL names it; the service goes on by itself once it is back."


class StoreFull(AnyonError):
    """The disk of the database is full."""

    code, status_hint = "store-full", 507
    title = "The database's disk is full"
    detail = "The database could not write: its disk is full"
    hint = "Free space on the disk of the database; reading still works."


OUTAGES = (StoreBusy, StoreUnreachable, StoreFull)
"""What passes by itself, or once somebody helped: work that can be repeated is repeated then."""


class DatabaseMissing(AnyonError):
    """Takes `path`. Opening a SQLite file that does not exist would make an empty one that others can read."""

    code, status_hint = "database-missing", 503
    title = "The database does not exist"
    detail = "There is no database at {path}"
    hint = "Make it with `anyon migrate`, or set ANYON_DATABASE_URL to the one that exists."


class DatabaseUrlInvalid(AnyonError):
    """Takes `scheme`."""

    code, status_hint = "database-url-invalid", 500
    title = "The database address is not usable"
    detail = "A database address begins with sqlite:/// or postgresql://, not {scheme}"
    hint = "Set ANYON_DATABASE_URL to sqlite:////absolute/path or postgresql://user:password@host/name."
