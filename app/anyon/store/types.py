"""Column types that mean the same on both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Enum
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

NAME_LENGTH = 32


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: `timestamptz` on PostgreSQL, UTC text that sorts on SQLite. A naive value is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the interface's argument
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored: give it a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the interface's argument
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def state_type(states: type[StrEnum]) -> Enum:
    """A column of these words, stored as text: a new state needs no migration, an unknown one is refused."""
    return Enum(
        states,
        native_enum=False,
        create_constraint=False,
        length=NAME_LENGTH,
        values_callable=lambda members: [member.value for member in members],
    )


def json_type() -> JSON:
    """A JSON document (`jsonb` on PostgreSQL); None is SQL's NULL."""
    document: Any = JSON(none_as_null=True)
    variant: JSON = document.with_variant(JSONB(none_as_null=True), "postgresql")
    return variant
