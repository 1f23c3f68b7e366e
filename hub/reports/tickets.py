"""Tickets that hang with their planned days, and monthly fees at risk by open urgent and important tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, case, func, select

from hub.reminders.derived import OPEN_STATES, PRESSING
from hub.reports.base import Base
from hub.reports.days import Days
from hub.reports.reading import Reading
from hub.reports.report import Cell, Chart, Column, Report, percent, summed
from hub.store.tables import STATE

PRIORITIES = {"urgent": "срочно", "important": "важно", "normal": "обычно", "low": "не спешит"}


class Hung(Struct, frozen=True):
    """An open ticket without activity; `planned` is the day of solution that was planned or promised."""

    number: str
    subject: str
    client: str
    manager: str
    priority: str
    specialist: str
    active: datetime
    planned: date | None


def read_hung(reading: Reading) -> list[Hung]:
    """Read the open tickets on which nothing happened for the firm's number of working days."""
    ticket, client, comment = STATE["ticket"], STATE["client"], STATE["comment"]
    limit = reading.office.shift_day(reading.today, -reading.settings.hung_days)
    before = reading.office.midnight(limit) if reading.settings.hung_days else reading.now
    active = func.coalesce(ticket.c.last_activity, ticket.c.created)
    spoken = (
        select(func.max(comment.c.written)).where(~comment.c.deleted, comment.c.ticket == ticket.c.id).scalar_subquery()
    )
    query = (
        select(ticket.c.id, ticket.c.number, ticket.c.subject, client.c.name, client.c.manager, ticket.c.priority,
               ticket.c.specialist, ticket.c.last_activity, ticket.c.created, spoken, ticket.c.due)
        .join_from(ticket, client, ticket.c.client_id == client.c.id, isouter=True)
        .where(~ticket.c.deleted, ticket.c.state.in_(OPEN_STATES), active < before)
    )  # fmt: skip
    rows = reading.rows(query)
    planned = _planned(reading) if rows else {}
    found = []
    for key, number, subject, name, manager, priority, specialist, last, created, said, due in rows:
        moment = max(it for it in (last, created, said) if it is not None)
        if moment < before:
            day = planned.get(key) or due
            found.append(
                Hung(number, subject, name or "", reading.employee(manager), priority, specialist or "", moment, day)
            )
    return found


def _planned(reading: Reading) -> dict[str, date]:
    """Return the day planned last for each ticket: by decision, else what the client was promised."""
    decision, promise = STATE["decision"], STATE["promise"]
    promised = select(promise.c.ticket, promise.c.until).where(~promise.c.deleted).order_by(promise.c.given)
    decided = (
        select(decision.c.ticket, decision.c.planned)
        .where(~decision.c.deleted, decision.c.decision == "plan", decision.c.planned.is_not(None))
        .order_by(decision.c.decided)
    )
    days = {key: until.astimezone(reading.zone).date() for key, until in reading.rows(promised) if until}
    return days | {key: day for key, day in reading.rows(decided) if key}


HUNG = (
    Column("number", "№"),
    Column("priority", "Важность"),
    Column("client", "Клиент"),
    Column("subject", "Тема"),
    Column("specialist", "Специалист"),
    Column("idle", "Дней без движения", "number"),
    Column("planned", "План решения", "day"),
)


def hung(found: Sequence[Hung], days: Days, employee: str = "") -> Report:
    """List hung tickets with the planned day of each, the pressing and the oldest first (S000-9, S001-9, S001-10)."""
    mine = [it for it in found if employee in ("", it.manager)]
    order = list(PRIORITIES)
    ordered = sorted(
        mine, key=lambda it: (order.index(it.priority) if it.priority in order else len(order), it.active, it.number)
    )
    rows: list[tuple[Cell, ...]] = [
        (it.number, PRIORITIES.get(it.priority, it.priority), it.client, it.subject, it.specialist or "не назначен",
         (days.last - it.active.astimezone(days.zone).date()).days, it.planned)
        for it in ordered
    ]  # fmt: skip
    notes = []
    if mine:
        notes.append(f"Зависло обращений: {len(mine)}, без плановой даты: {sum(1 for it in mine if not it.planned)}.")
    late = sum(1 for it in mine if it.planned and it.planned < days.last)
    if late:
        notes.append(f"Плановая дата прошла: {late}.")
    return Report(name="tickets", title="Зависшие обращения", period=str(days), columns=HUNG, rows=tuple(rows),
                  notes=tuple(notes))  # fmt: skip


class Pressing(Struct, frozen=True):
    """The open tickets of a client."""

    client: str
    name: str
    manager: str
    urgent: int
    important: int
    postponed: int
    reopened: int
    oldest: datetime | None


def read_pressing(reading: Reading) -> list[Pressing]:
    """Read the clients with open urgent or important tickets."""
    ticket, client = STATE["ticket"], STATE["client"]

    def counted(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    pressing = ticket.c.priority.in_(PRESSING)
    query = (
        select(ticket.c.client_id, client.c.name, client.c.manager, counted(ticket.c.priority == "urgent"),
               counted(ticket.c.priority == "important"), counted(and_(ticket.c.state == "postponed", pressing)),
               counted(and_(ticket.c.reopens > 0, pressing)), func.min(ticket.c.created))
        .join_from(ticket, client, ticket.c.client_id == client.c.id)
        .where(~ticket.c.deleted, ticket.c.state.in_(OPEN_STATES), pressing)
        .group_by(ticket.c.client_id, client.c.name, client.c.manager)
    )  # fmt: skip
    return [
        Pressing(key, name, reading.employee(manager), int(urgent), int(important), int(postponed), int(again), oldest)
        for key, name, manager, urgent, important, postponed, again, oldest in reading.rows(query)
    ]


RISK = (
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("fee", "Плата в месяц", "money", is_summed=True),
    Column("urgent", "Срочн.", "number", is_summed=True),
    Column("important", "Важн.", "number", is_summed=True),
    Column("stuck", "Отложены, повторные", "number", is_summed=True),
    Column("oldest", "Дней", "number"),
    Column("risk", "Плата × обращения", "money", is_summed=True),
)


def risk(found: Sequence[Pressing], base: Base, names: Mapping[str, str], days: Days, employee: str = "") -> Report:
    """Weigh each client's fee by his open urgent and important tickets (S001-3, S001-4, S000-4)."""
    fees = base.on(days.last)
    whole = sum(fees.values(), Decimal(0))
    rows: list[tuple[Cell, ...]] = []
    weighed = [(fees.get(it.client, Decimal(0)), it) for it in found if employee in ("", it.manager)]
    for fee, it in sorted(weighed, key=lambda pair: (-pair[0] * (pair[1].urgent + pair[1].important), pair[1].name)):
        age = (days.last - it.oldest.astimezone(days.zone).date()).days if it.oldest else None
        rows.append((it.name, names.get(it.manager, it.manager), fee, it.urgent, it.important,
                     it.postponed + it.reopened, age, fee * (it.urgent + it.important)))  # fmt: skip
    at_risk = sum((fee for fee, _ in weighed), Decimal(0))
    notes = (f"Под угрозой {percent(at_risk / whole)} месячной платы.",) if whole and rows else ()
    return Report(name="risk", title="Деньги под угрозой", period=str(days), columns=RISK, rows=tuple(rows),
                  totals=summed(RISK, rows), notes=notes,
                  chart=Chart("client", bars=("risk",), is_lying=True, most=15))  # fmt: skip
