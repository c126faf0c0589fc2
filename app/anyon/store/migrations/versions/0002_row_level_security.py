"""Expand: row-level security on PostgreSQL, the second lock behind the conditions of every query. Nothing on SQLite.

A transaction says who it is for: `app.role` is `system`, or `app.user_id` is a user (`Store._transaction`). One that
says nothing sees nothing. FORCE binds the owner of the tables too; superusers and roles with BYPASSRLS are not bound.
No release ran without it, so no older code meets it.
"""

from __future__ import annotations

from alembic import op

revision = "0002_row_level_security"
down_revision = "0001_first_schema"

FUNCTIONS = (
    """
    CREATE FUNCTION app_is_system() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT coalesce(current_setting('app.role', true), '') = 'system' $$
    """,
    """
    CREATE FUNCTION app_user() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$
    """,
    # Reads the members as the system does: as the user it would ask the policy that asks it. A SET clause would do the
    # same and restore by itself, but only a superuser may write one for a parameter that no extension declares.
    """
    CREATE FUNCTION app_projects() RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
    DECLARE role text := coalesce(current_setting('app.role', true), '');
    BEGIN
        PERFORM set_config('app.role', 'system', true);
        RETURN QUERY SELECT m.project_id FROM project_members m WHERE m.user_id = app_user();
        PERFORM set_config('app.role', role, true);
    END $$
    """,
)
DROP_FUNCTIONS = "DROP FUNCTION app_projects(), app_user(), app_is_system()"

OF_PROJECT = "project_id IN (SELECT app_projects())"
OF_USER = "user_id = app_user()"

# Table: what a user sees, and what a user may write (the same where it is None).
POLICIES: dict[str, tuple[str, str | None]] = {
    "users": ("id = app_user() OR id IN (SELECT user_id FROM project_members)", "false"),
    "sessions": (OF_USER, None),
    "login_links": (OF_USER, None),
    "api_tokens": (OF_USER, None),
    "secrets": (OF_USER, None),
    "projects": (f"{OF_USER} OR id IN (SELECT app_projects())", None),
    "project_members": (
        f"{OF_USER} OR {OF_PROJECT}",
        f"{OF_PROJECT} OR project_id IN (SELECT id FROM projects WHERE {OF_USER})",  # noqa: S608 - constants
    ),
    "workspaces": (OF_PROJECT, None),
    "tasks": (OF_PROJECT, None),
    "attempts": (OF_PROJECT, None),
    "executions": (OF_PROJECT, None),
    "terminals": (OF_PROJECT, None),
    "audit": (f"{OF_USER} OR {OF_PROJECT}", OF_USER),
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for function in FUNCTIONS:
        op.execute(function)
    for table, (sees, writes) in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_of_the_user ON {table} "
            f"USING (app_is_system() OR {sees}) WITH CHECK (app_is_system() OR {writes or sees})"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in POLICIES:
        op.execute(f"DROP POLICY {table}_of_the_user ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(DROP_FUNCTIONS)
