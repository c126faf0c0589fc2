"""Column types that mean the same on both engines.

What SQLite returns is converted by functions that end in C where possible: a board of 200 cards has 9,000 values.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import JSON, DateTime, Dialect, String, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

NAME_LENGTH = 32
StateT = TypeVar("StateT", bound=StrEnum)


@lru_cache(maxsize=8192)
def _uuid(text: str | None) -> UUID | None:
    """Remembered, because the ids of users, projects and tasks come again and again, and a UUID is slow to make."""
    return None if text is None else UUID(text)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class Id(TypeDecorator[UUID]):
    """A UUID: `uuid` on PostgreSQL, 32 hexadecimal digits on SQLite."""

    impl = Uuid
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], UUID | None] | None:
        return _uuid if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: `timestamptz` on PostgreSQL, ISO 8601 in UTC on SQLite, which sorts. Refuses a naive value."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored: give it a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        return None if value is None else value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def to_text(value: datetime | None) -> str | None:
            instant = self.process_bind_param(value, dialect)
            return None if instant is None else instant.isoformat(" ", "microseconds")

        return to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return _instant if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


class Word(TypeDecorator[StateT]):
    """One of an enumeration's words, stored as text: a new one needs no migration. An unknown one is refused."""

    impl = String(NAME_LENGTH)
    cache_ok = True

    def __init__(self, words: type[StateT]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - given
        return None if value is None else self.words(value).value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], StateT | None]:  # noqa: ARG002 - given
        words: dict[str | None, StateT | None] = {None: None, **{word.value: word for word in self.words}}
        return words.__getitem__


class Json(TypeDecorator[Any]):
    """A JSON document (`jsonb` on PostgreSQL); None is SQL's NULL."""

    impl = JSON
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(none_as_null=True)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - 2 MB that SQLite goes without

        return dialect.type_descriptor(JSONB(none_as_null=True))
