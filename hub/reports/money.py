"""Money: what clients owe, invoices and payments by month, sales of each manager against his plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Subquery, Text, case, cast, func, select

from hub.model.values import Money
from hub.payments import match_payments
from hub.reports.days import Days, short_month
from hub.reports.reading import ROUBLES, Reading, cents, hundredths, roubles
from hub.reports.report import Cell, Chart, Column, Report, share, summed
from hub.store.tables import STATE

OLD_DAYS = 30


class Owed(Struct, frozen=True):
    """An invoice on which something is left to pay."""

    client: str
    name: str
    manager: str
    due: date | None
    left: Decimal


def _with_paid() -> Subquery:
    """Return the query of all invoices with what is paid of each, in hundredths: by the source or by its payments."""
    invoice, payment = STATE["invoice"], STATE["payment"]
    linked = (
        select(payment.c.invoice, hundredths(payment.c.total).label("sum"))
        .where(~payment.c.deleted, payment.c.is_posted, payment.c.invoice.is_not(None),
               payment.c.total_currency.in_(ROUBLES))
        .group_by(payment.c.invoice)
        .subquery()
    )  # fmt: skip
    by_source, by_payments = func.coalesce(cents(invoice.c.paid), 0), func.coalesce(linked.c.sum, 0)
    return (
        select(invoice.c.id, invoice.c.client_id, invoice.c.number, invoice.c.date, invoice.c.due,
               cents(invoice.c.total).label("total"),
               case((by_source > by_payments, by_source), else_=by_payments).label("paid"))
        .join_from(invoice, linked, linked.c.invoice == invoice.c.id, isouter=True)
        .where(~invoice.c.deleted, invoice.c.is_posted, invoice.c.total_currency.in_(ROUBLES))
        .subquery()
    )  # fmt: skip


def read_owed(reading: Reading) -> list[Owed]:
    """Read the open invoices; payments that name none are matched as the reminders of debts match them."""
    all_, client = _with_paid(), STATE["client"]
    query = (
        select(all_, client.c.name.label("name"), client.c.manager)
        .join_from(all_, client, client.c.id == all_.c.client_id)
        .where(all_.c.total > all_.c.paid)
    )
    rows = reading.rows(query)
    whose = select(all_.c.client_id).where(all_.c.total > all_.c.paid)
    settled = _settled(reading, rows, whose)
    return [
        Owed(row.client_id, row.name, reading.employee(row.manager), row.due or row.date, roubles(row.total - row.paid))
        for row in rows if row.id not in settled
    ]  # fmt: skip


def _settled(reading: Reading, invoices: Sequence[Any], clients: Any) -> set[str]:
    """Return which of these open invoices a payment pays exactly although it names none."""
    payment = STATE["payment"]
    since = min((row.date for row in invoices if row.date), default=None)
    if not invoices:
        return set()
    names = ("id", "client_id", "connection", "number", "date", "total", "total_currency", "purpose", "invoice")
    query = select(*(payment.c[name] for name in names)).where(
        ~payment.c.deleted, payment.c.is_posted, payment.c.client_id.in_(clients)
    )
    if since:
        query = query.where(payment.c.date >= since)
    payments = {
        row.id: {"client": row.client_id, "connection": row.connection, "number": row.number, "date": row.date,
                 "total": Money(row.total, row.total_currency) if row.total is not None else None,
                 "purpose": row.purpose, "invoice": row.invoice}
        for row in reading.rows(query)
    }  # fmt: skip
    opened = {
        row.id: {"client": row.client_id, "number": row.number, "date": row.date,
                 "total": Money(roubles(row.total)), "paid": Money(roubles(row.paid))}
        for row in invoices
    }  # fmt: skip
    matches = match_payments({"payment": payments, "invoice": opened})
    return {key for match in matches if match.is_exact for key in match.invoices}


DEBTS = (
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("invoices", "Счета", "number", is_summed=True),
    Column("left", "Долг", "money", is_summed=True),
    Column("overdue", "Просрочено", "money", is_summed=True),
    Column("old", "Больше 30 дней", "money", is_summed=True),
    Column("days", "Дней", "number"),
)


def debts(owed: Sequence[Owed], names: Mapping[str, str], days: Days, employee: str = "") -> Report:
    """List what clients owe, the longest overdue sums first (S002-33, S002-30, S000-11)."""
    by_client: dict[str, list[Owed]] = defaultdict(list)
    for it in owed:
        if employee in ("", it.manager):
            by_client[it.client].append(it)
    rows: list[tuple[Cell, ...]] = []
    for items in by_client.values():
        late = [(days.last - it.due).days if it.due else 0 for it in items]
        overdue = sum((it.left for it, age in zip(items, late, strict=True) if age > 0), Decimal(0))
        old = sum((it.left for it, age in zip(items, late, strict=True) if age > OLD_DAYS), Decimal(0))
        rows.append((items[0].name, names.get(items[0].manager, items[0].manager), len(items),
                     sum((it.left for it in items), Decimal(0)), overdue, old, max(max(late), 0)))  # fmt: skip
    rows.sort(key=lambda row: (-Decimal(str(row[4])), -Decimal(str(row[3])), str(row[0])))
    return Report(name="debts", title="Долги клиентов", period=str(days), columns=DEBTS, rows=tuple(rows),
                  totals=summed(DEBTS, rows), chart=Chart("client", bars=("left", "overdue"), is_lying=True, most=15),
                  )  # fmt: skip


def month_text(day: Any) -> ColumnElement[str]:
    """Return the month of a day as `2026-11`, to group by."""
    return func.substr(cast(day, Text), 1, 7)


class Month(Struct, frozen=True):
    """Documents of a month: how many, of how many clients, their sum and what of it is paid."""

    month: date
    count: int
    clients: int
    total: Decimal
    paid: Decimal = Decimal(0)


def read_months(reading: Reading, days: Days, kind: str) -> list[Month]:
    """Read invoices or payments by month; what is paid is reckoned as for the debts."""
    table = STATE[kind]
    month = month_text(table.c.date).label("month_of_document")
    counted = reading.counted(table, days.first, days.last)
    query = (
        select(month, func.count(), func.count(table.c.client_id.distinct()), hundredths(table.c.total))
        .where(counted)
        .group_by("month_of_document")
        .order_by("month_of_document")
    )
    paid = _paid_by_month(reading, counted) if kind == "invoice" else {}
    return [
        Month(date.fromisoformat(f"{text}-01"), count, clients, roubles(total), roubles(paid.get(text, 0)))
        for text, count, clients, total in reading.rows(query)
    ]


def _paid_by_month(reading: Reading, counted: ColumnElement[bool]) -> dict[str, int]:
    """Return what is paid of the invoices of each month, in hundredths."""
    all_, invoice = _with_paid(), STATE["invoice"]
    query = select(all_).join_from(all_, invoice, invoice.c.id == all_.c.id).where(counted)
    rows = reading.rows(query)
    open_ = [row for row in rows if row.total > row.paid]
    settled = _settled(reading, open_, select(all_.c.client_id).where(all_.c.total > all_.c.paid))
    found: dict[str, int] = defaultdict(int)
    for row in rows:
        found[f"{row.date:%Y-%m}"] += row.total if row.id in settled else row.paid
    return found


INVOICES = (
    Column("month", "Месяц"),
    Column("count", "Счета", "number", is_summed=True),
    Column("clients", "Клиенты", "number"),
    Column("total", "Выставлено", "money", is_summed=True),
    Column("paid", "Оплачено", "money", is_summed=True),
    Column("paid_share", "Доля оплаты", "share"),
)
PAYMENTS = (
    Column("month", "Месяц"),
    Column("count", "Платежи", "number", is_summed=True),
    Column("clients", "Клиенты", "number"),
    Column("total", "Получено", "money", is_summed=True),
)


def invoices(months: Sequence[Month], days: Days) -> Report:
    """Count invoices issued by month with what is paid of them (S002-35)."""
    rows: list[tuple[Cell, ...]] = [
        (short_month(it.month), it.count, it.clients, it.total, it.paid, share(it.paid, it.total)) for it in months
    ]
    issued, paid = (sum((getattr(it, name) for it in months), Decimal(0)) for name in ("total", "paid"))
    return Report(name="invoices", title="Выставленные счета", period=str(days), columns=INVOICES, rows=tuple(rows),
                  totals=summed(INVOICES, rows, {"paid_share": share(paid, issued)}),
                  chart=Chart("month", bars=("total", "paid")))  # fmt: skip


def payments(months: Sequence[Month], days: Days) -> Report:
    """Count payments made by month (S002-35)."""
    rows: list[tuple[Cell, ...]] = [(short_month(it.month), it.count, it.clients, it.total) for it in months]
    return Report(name="payments", title="Полученные платежи", period=str(days), columns=PAYMENTS, rows=tuple(rows),
                  totals=summed(PAYMENTS, rows), chart=Chart("month", bars=("total",)))  # fmt: skip


def read_sales(reading: Reading, days: Days) -> dict[str, Decimal]:
    """Read what the clients of each manager paid, or the acts on what was done for them (`reports.revenue`)."""
    table, client = STATE[revenue_kind(reading)], STATE["client"]
    query = (
        select(client.c.manager, hundredths(table.c.total))
        .join_from(table, client, table.c.client_id == client.c.id)
        .where(reading.counted(table, days.first, days.last))
        .group_by(client.c.manager)
    )
    found: dict[str, Decimal] = defaultdict(Decimal)
    for manager, total in reading.rows(query):
        found[reading.employee(manager)] += roubles(total)
    return dict(found)


def revenue_kind(reading: Reading) -> str:
    """Return the kind of documents that count as sales."""
    return "payment" if reading.settings.revenue == "payments" else "act"


SALES = (
    Column("employee", "Менеджер"),
    Column("plan", "План", "money", is_summed=True),
    Column("fact", "Продажи", "money", is_summed=True),
    Column("done", "Выполнение", "share"),
    Column("rest", "До плана", "money", is_summed=True),
)


def sales(facts: Mapping[str, Decimal], plans: Mapping[str, Decimal], names: Mapping[str, str], days: Days) -> Report:
    """Compare the sales of each manager with his plan of a month, times the months begun (S002-30, S002-44)."""
    months = sum(1 for _ in days.months())
    rows: list[tuple[Cell, ...]] = []
    for who in sorted({*facts, *plans}, key=lambda who: (-facts.get(who, Decimal(0)), who)):
        plan = plans[who] * months if who in plans else None
        fact = facts.get(who, Decimal(0))
        rest = None if plan is None else max(plan - fact, Decimal(0))
        rows.append((names.get(who, who) or "не указан", plan, fact, None if plan is None else share(fact, plan), rest))
    planned = sum((plan * months for plan in plans.values()), Decimal(0))
    given: dict[str, Cell] = {"done": share(sum((facts.get(who, Decimal(0)) for who in plans), Decimal(0)), planned)}
    return Report(name="sales", title="Продажи: план и факт", period=str(days), columns=SALES, rows=tuple(rows),
                  totals=summed(SALES, rows, given), chart=Chart("employee", bars=("plan", "fact"), is_lying=True),
                  )  # fmt: skip
