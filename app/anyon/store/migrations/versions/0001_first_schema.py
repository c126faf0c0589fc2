"""Expand: the first schema, with an indexed owner on every table that has one (A5) and an append-only audit log."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001_first_schema"
down_revision = None

ID = sa.Uuid()
WORD = sa.String(32)
INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Children first: the order in which they can be dropped.
TABLES = (
    "audit",
    "secrets",
    "terminals",
    "executions",
    "attempts",
    "tasks",
    "workspaces",
    "project_members",
    "projects",
    "api_tokens",
    "login_links",
    "sessions",
    "users",
)


def upgrade() -> None:
    _create_accounts()
    _create_projects()
    _create_work()
    _create_secrets()
    _create_audit()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_audit()")


def _column(name: str, kind: Any, *, required: bool = True) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=not required)


def _reference(table: str, column: str, target: str, *, cascade: bool = False) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE" if cascade else None
    )


def _create_accounts() -> None:
    op.create_table(
        "users",
        _column("id", ID),
        _column("email", sa.String(320)),
        _column("name", sa.String(200)),
        _column("role", WORD),
        _column("created_at", INSTANT),
        _column("disabled_at", INSTANT, required=False),
        _column("tokens_valid_after", INSTANT, required=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "sessions",
        _column("id", ID),
        _column("user_id", ID),
        _column("token_hash", sa.LargeBinary(32)),
        _column("user_agent", sa.String(400)),
        _column("created_at", INSTANT),
        _column("last_seen_at", INSTANT),
        _column("expires_at", INSTANT),
        _column("revoked_at", INSTANT, required=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        _reference("sessions", "user_id", "users"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
    )
    op.create_index("idx_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "login_links",
        _column("id", ID),
        _column("user_id", ID),
        _column("token_hash", sa.LargeBinary(32)),
        _column("created_at", INSTANT),
        _column("expires_at", INSTANT),
        _column("used_at", INSTANT, required=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_links"),
        _reference("login_links", "user_id", "users"),
        sa.UniqueConstraint("token_hash", name="uq_login_links_token_hash"),
    )
    op.create_index("idx_login_links_user_id", "login_links", ["user_id"])
    op.create_table(
        "api_tokens",
        _column("id", ID),
        _column("user_id", ID),
        _column("name", sa.String(200)),
        _column("created_at", INSTANT),
        _column("expires_at", INSTANT),
        _column("last_used_at", INSTANT, required=False),
        _column("revoked_at", INSTANT, required=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        _reference("api_tokens", "user_id", "users"),
    )
    op.create_index("idx_api_tokens_user_id", "api_tokens", ["user_id"])


def _create_projects() -> None:
    op.create_table(
        "projects",
        _column("id", ID),
        _column("user_id", ID),
        _column("name", sa.String(200)),
        _column("slug", sa.String(100)),
        _column("source", sa.Text()),
        _column("default_branch", sa.String(255)),
        _column("state", WORD),
        _column("problem", DOCUMENT, required=False),
        _column("default_executor", WORD, required=False),
        _column("next_task_number", sa.Integer()),
        _column("created_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        _reference("projects", "user_id", "users"),
        sa.UniqueConstraint("slug", name="uq_projects_slug"),
    )
    op.create_index("idx_projects_user_id", "projects", ["user_id"])
    op.create_table(
        "project_members",
        _column("project_id", ID),
        _column("user_id", ID),
        _column("role", WORD),
        _column("created_at", INSTANT),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_project_members"),
        _reference("project_members", "project_id", "projects", cascade=True),
        _reference("project_members", "user_id", "users"),
    )
    op.create_index("idx_project_members_user_id", "project_members", ["user_id"])
    op.create_table(
        "workspaces",
        _column("project_id", ID),
        _column("user_id", ID),
        _column("state", WORD),
        _column("generation", sa.String(64), required=False),
        _column("created_at", INSTANT),
        _column("started_at", INSTANT, required=False),
        _column("last_activity_at", INSTANT, required=False),
        _column("stopped_at", INSTANT, required=False),
        _column("stop_reason", sa.String(200), required=False),
        _column("pinned_until", INSTANT, required=False),
        _column("problem", DOCUMENT, required=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_workspaces"),
        _reference("workspaces", "project_id", "projects", cascade=True),
        _reference("workspaces", "user_id", "users"),
    )
    op.create_index("idx_workspaces_user_id", "workspaces", ["user_id"])
    op.create_index("idx_workspaces_state", "workspaces", ["state"])


def _create_work() -> None:
    op.create_table(
        "tasks",
        _column("id", ID),
        _column("user_id", ID),
        _column("project_id", ID),
        _column("number", sa.Integer()),
        _column("title", sa.String(200)),
        _column("description", sa.Text()),
        _column("state", WORD),
        _column("executor", WORD, required=False),
        _column("position", sa.Float(53)),
        _column("attempts", sa.Integer()),
        _column("created_at", INSTANT),
        _column("updated_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        _reference("tasks", "user_id", "users"),
        _reference("tasks", "project_id", "projects", cascade=True),
        sa.UniqueConstraint("project_id", "number", name="uq_tasks_project_id_number"),
    )
    op.create_index("idx_tasks_user_id", "tasks", ["user_id"])
    op.create_index(
        "idx_tasks_project_id_state_position_number", "tasks", ["project_id", "state", "position", "number"]
    )
    op.create_table(
        "attempts",
        _column("id", ID),
        _column("user_id", ID),
        _column("project_id", ID),
        _column("task_id", ID),
        _column("number", sa.Integer()),
        _column("executor", WORD),
        _column("state", WORD),
        _column("branch", sa.String(255), required=False),
        _column("worktree", sa.String(255), required=False),
        _column("base_branch", sa.String(255), required=False),
        _column("base_commit", sa.String(64), required=False),
        _column("head_commit", sa.String(64), required=False),
        _column("files", sa.Integer(), required=False),
        _column("added", sa.Integer(), required=False),
        _column("removed", sa.Integer(), required=False),
        _column("phases", DOCUMENT),
        _column("problem", DOCUMENT, required=False),
        _column("created_at", INSTANT),
        _column("finished_at", INSTANT, required=False),
        _column("merged_commit", sa.String(64), required=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        _reference("attempts", "user_id", "users"),
        _reference("attempts", "project_id", "projects", cascade=True),
        _reference("attempts", "task_id", "tasks", cascade=True),
        sa.UniqueConstraint("task_id", "number", name="uq_attempts_task_id_number"),
    )
    op.create_index("idx_attempts_user_id", "attempts", ["user_id"])
    op.create_index("idx_attempts_project_id_state", "attempts", ["project_id", "state"])
    op.create_index("idx_attempts_state", "attempts", ["state"])
    op.create_table(
        "executions",
        _column("id", ID),
        _column("user_id", ID),
        _column("project_id", ID),
        _column("attempt_id", ID, required=False),
        _column("kind", WORD),
        _column("executor", WORD),
        _column("state", WORD),
        _column("exit_code", sa.Integer(), required=False),
        _column("signal", sa.Integer(), required=False),
        _column("stopped", sa.Boolean()),
        _column("log_bytes", sa.BigInteger()),
        _column("generation", sa.String(64), required=False),
        _column("created_at", INSTANT),
        _column("started_at", INSTANT, required=False),
        _column("finished_at", INSTANT, required=False),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
        _reference("executions", "user_id", "users"),
        _reference("executions", "project_id", "projects", cascade=True),
        _reference("executions", "attempt_id", "attempts", cascade=True),
    )
    op.create_index("idx_executions_user_id", "executions", ["user_id"])
    op.create_index("idx_executions_attempt_id_created_at", "executions", ["attempt_id", "created_at"])
    op.create_index("idx_executions_project_id_state", "executions", ["project_id", "state"])
    op.create_index("idx_executions_state", "executions", ["state"])
    op.create_table(
        "terminals",
        _column("id", ID),
        _column("user_id", ID),
        _column("project_id", ID),
        _column("attempt_id", ID, required=False),
        _column("title", sa.String(200)),
        _column("state", WORD),
        _column("exit_code", sa.Integer(), required=False),
        _column("created_at", INSTANT),
        _column("last_activity_at", INSTANT),
        _column("closed_at", INSTANT, required=False),
        sa.PrimaryKeyConstraint("id", name="pk_terminals"),
        _reference("terminals", "user_id", "users"),
        _reference("terminals", "project_id", "projects", cascade=True),
        _reference("terminals", "attempt_id", "attempts", cascade=True),
    )
    op.create_index("idx_terminals_user_id", "terminals", ["user_id"])
    op.create_index("idx_terminals_attempt_id", "terminals", ["attempt_id"])
    op.create_index("idx_terminals_project_id_state", "terminals", ["project_id", "state"])
    op.create_index("idx_terminals_state", "terminals", ["state"])


def _create_secrets() -> None:
    op.create_table(
        "secrets",
        _column("id", ID),
        _column("user_id", ID),
        _column("name", sa.String(100)),
        _column("ciphertext", sa.LargeBinary()),
        _column("key_version", sa.Integer()),
        _column("created_at", INSTANT),
        _column("updated_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        _reference("secrets", "user_id", "users"),
        sa.UniqueConstraint("user_id", "name", name="uq_secrets_user_id_name"),
    )
    op.create_index("idx_secrets_user_id", "secrets", ["user_id"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", SERIAL, nullable=False, autoincrement=True),
        _column("at", INSTANT),
        _column("user_id", ID, required=False),
        _column("project_id", ID, required=False),
        _column("action", sa.String(100)),
        _column("subject", sa.String(200)),
        _column("detail", DOCUMENT),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("idx_audit_user_id", "audit", ["user_id"])
    op.create_index("idx_audit_project_id_id", "audit", ["project_id", "id"])
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


_APPEND_ONLY = {
    "sqlite": (
        """
        CREATE TRIGGER audit_refuses_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
        """
        CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
        """,
        """
        CREATE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit()
        """,
    ),
}
