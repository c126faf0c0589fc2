"""Rows mirror tables."""

from __future__ import annotations

import dataclasses
import typing
from datetime import datetime
from types import NoneType, UnionType
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table

from anyon.store import rows, tables
from anyon.store.types import Word

PAIRS = [
    (tables.users, rows.UserRow),
    (tables.sessions, rows.SessionRow),
    (tables.login_links, rows.LoginLinkRow),
    (tables.api_tokens, rows.ApiTokenRow),
    (tables.projects, rows.ProjectRow),
    (tables.project_members, rows.MemberRow),
    (tables.workspaces, rows.WorkspaceRow),
    (tables.tasks, rows.TaskRow),
    (tables.attempts, rows.AttemptRow),
    (tables.executions, rows.ExecutionRow),
    (tables.terminals, rows.TerminalRow),
    (tables.secrets, rows.SecretRow),
    (tables.audit, rows.AuditRow),
]
TYPES = {"Id": UUID, "UtcDateTime": datetime, "Integer": int, "BigInteger": int, "Float": float, "Boolean": bool}
TYPES |= {"String": str, "Text": str, "LargeBinary": bytes}


def test_every_table_has_a_row() -> None:
    assert {table.name for table, _ in PAIRS} == set(tables.metadata.tables)


@pytest.mark.parametrize(("table", "row"), PAIRS, ids=lambda value: getattr(value, "name", ""))
def test_a_row_has_the_columns_of_its_table_in_their_order(table: Table, row: type[Any]) -> None:
    hints = typing.get_type_hints(row)
    assert [field.name for field in dataclasses.fields(row)] == [column.name for column in table.c]
    for column in table.c:
        hint = hints[column.name]
        optional = isinstance(hint, UnionType) and NoneType in typing.get_args(hint)
        assert optional == column.nullable, column
        bare = typing.get_args(hint)[0] if optional else hint
        kind = type(column.type).__name__
        if isinstance(column.type, Word):
            assert bare is column.type.words
        elif kind != "Json":
            assert bare is TYPES[kind], column


def test_every_owner_is_indexed() -> None:
    for table in tables.metadata.tables.values():
        if "user_id" in table.c:
            assert any(next(iter(index.columns)).name == "user_id" for index in table.indexes), table.name
