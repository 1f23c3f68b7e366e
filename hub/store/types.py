"""Column types that mean the same on SQLite and PostgreSQL.

Bulk writers hand over plain text, integers, booleans and bytes: an instant as `2026-11-22T10:00:00.000000+00:00`, a
day as `2026-11-22`, a decimal as its digits. SQLite keeps that text in STRICT tables; PostgreSQL types it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Dialect, Integer, LargeBinary, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine


def instant_text(moment: datetime) -> str:
    """Return the one spelling of an instant: UTC, microseconds, offset; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class _Portable(TypeDecorator[Any]):
    """Text on SQLite, a real type on PostgreSQL."""

    impl = Text
    cache_ok = True
    native: TypeEngine[Any]

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else self.native)


class Instant(_Portable):
    """An aware instant."""

    cache_ok = True
    native = DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return instant_text(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Return what reads a stored value: at once, since a thousand clients have a hundred thousand instants."""
        del dialect, coltype
        return _read_instant


def _read_instant(value: Any) -> datetime | None:
    if value is None:
        return None
    moment: datetime = datetime.fromisoformat(value) if value.__class__ is str else value
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


class Day(_Portable):
    """A calendar day."""

    cache_ok = True
    native = Date()

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return date.fromisoformat(value) if isinstance(value, str) else value


class Amount(_Portable):
    """An exact decimal number."""

    cache_ok = True
    native = Numeric()

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return format(value, "f") if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return Decimal(value) if isinstance(value, str) else value


class Flag(TypeDecorator[bool]):
    """A truth value; an integer on SQLite, whose STRICT tables know no boolean."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else Boolean())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return int(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


Number = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer."""

Content = LargeBinary()
"""Raw bytes."""
