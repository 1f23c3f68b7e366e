"""What every reader of a report needs: the open store, the firm's people, and the few SQL expressions they share.

Readers sum in the database: a report over millions of rows brings a few thousand of them here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Numeric,
    Table,
    Text,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy import type_coerce as coerce

from hub.config import Config, Reports
from hub.facts import aliases, calendars_of
from hub.formulas import SHIPPED, Formula
from hub.reminders.calendars import Calendar
from hub.reminders.texts import NBSP
from hub.reports.days import Days
from hub.store import bulk
from hub.store.tables import STATE

ROUBLES = ("RUB",)
HUNDREDTHS = Decimal("0.01")


class Reading:
    """A store at an instant, read for one firm."""

    def __init__(self, connection: Connection, config: Config, now: datetime) -> None:
        self.connection = connection
        self.config = config
        self.now = now
        self.zone = config.zone

    @property
    def settings(self) -> Reports:
        """Return how the firm counts."""
        return self.config.model.reports

    @property
    def today(self) -> date:
        """Return the day in the firm's zone."""
        return self.now.astimezone(self.zone).date()

    @cached_property
    def office(self) -> Calendar:
        """Return the calendar of working days."""
        return calendars_of(self.config).get("office")

    @cached_property
    def formulas(self) -> Mapping[str, Formula]:
        """Return every formula: the shipped ones and those of the firm."""
        return {name: Formula(text) for name, text in {**SHIPPED, **self.config.model.formulas}.items()}

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        return aliases(self.config)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return the names of the employees by id."""
        return {employee.id: short_name(employee.name) for employee in self.config.model.employees}

    def employee(self, written: str | None) -> str:
        """Return the id of the employee whom a source means; else what it wrote."""
        text = (written or "").strip()
        return self._aliases.get(text.casefold(), text)

    def who(self, employee: str) -> str:
        """Return how an employee is called in a table; whom nobody knows is called as written."""
        return self.names.get(employee, employee) or "не указан"

    def client_names(self, clients: Iterable[str]) -> dict[str, str]:
        """Return the names of these clients."""
        wanted = sorted(set(clients))
        return dict(bulk.select_in(self.connection, STATE["client"], ("id", "name"), "id", wanted))

    def rows(self, query: Any) -> list[Any]:
        """Return the rows of a query."""
        return list(self.connection.execute(query))

    def counted(self, table: Table, first: date, last: date) -> ColumnElement[bool]:
        """Return the condition for posted documents in roubles within the days, each of them once.

        Accounting and bank may tell the same payment: of several of one client, day and sum in different sources those
        of the source that is believed most count, by the order of `connections:`.
        """
        once = ~table.c.deleted & table.c.is_posted & table.c.date.between(first, last)
        once &= table.c.total_currency.in_(ROUBLES)
        sources = [row[0] for row in self.rows(select(table.c.connection).distinct())]
        if len(sources) < 2:
            return once
        order = list(self.config.model.connections)
        sources.sort(key=lambda name: (order.index(name) if name in order else len(order), name))
        ranks = {name: place for place, name in enumerate(sources)}
        twin = table.alias("twin")
        told_better = select(literal(1)).where(
            twin.c.client_id == table.c.client_id, twin.c.date == table.c.date, ~twin.c.deleted, twin.c.is_posted,
            cents(twin.c.total) == cents(table.c.total), twin.c.total_currency == table.c.total_currency,
            case(ranks, value=twin.c.connection) < case(ranks, value=table.c.connection),
        )  # fmt: skip
        return once & ~told_better.exists()

    def local_day(self, column: ColumnElement[Any], days: Days) -> ColumnElement[str]:
        """Return the local day of an instant within the period as text, to group by under the name `local_day`."""
        if self.connection.dialect.name == "postgresql":
            zone: ColumnElement[Any] = literal_column("'" + days.zone.key.replace("'", "''") + "'")
            day: ColumnElement[Any] = func.to_char(func.timezone(zone, column), literal_column("'YYYY-MM-DD'"))
        else:
            offsets = days.offsets()
            texts = [func.date(coerce(column, Text), f"{minutes} minutes") for _, minutes in offsets]
            steps = [(column < later, text) for (later, _), text in zip(offsets[1:], texts, strict=False)]
            day = case(*steps, else_=texts[-1]) if steps else texts[-1]
        return coerce(day, Text).label("local_day")


def short_name(name: str) -> str:
    """Return `Иванова М. С.` for `Иванова Мария Сергеевна`; a name of another form stays."""
    words = name.split()
    if not 2 <= len(words) <= 3 or not all(word[:1].isupper() for word in words):
        return name
    return NBSP.join([words[0], *(f"{word[0]}." for word in words[1:])])


def hundredths(column: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the sum of amounts in hundredths, exact on both databases: a sum of decimals as text is none."""
    return func.coalesce(func.sum(cents(column)), literal(0))


def cents(column: ColumnElement[Any]) -> ColumnElement[int]:
    """Return an amount in whole hundredths."""
    return cast(func.round(cast(column, Numeric) * literal_column("100")), BigInteger)


def roubles(amount: Any) -> Decimal:
    """Return what `hundredths` summed as roubles."""
    return Decimal(int(amount or 0)) * HUNDREDTHS


def day_of(text: str) -> date:
    """Return the day that `local_day` gave."""
    return date.fromisoformat(text)
