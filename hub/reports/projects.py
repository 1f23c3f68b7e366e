"""Objects that are equipped for clients: sites in work with their dates and payments, bonuses, what was shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import func, select

from hub.formulas import Formula
from hub.model.entries import HandoverLine, OfferLine
from hub.model.values import parse_decimal
from hub.reports.days import Days
from hub.reports.reading import HUNDREDTHS, ROUBLES, Reading, hundredths, roubles
from hub.reports.report import Cell, Column, Report, summed
from hub.store.tables import STATE

STATES = {"prospect": "переговоры", "work": "в работе", "closed": "закрыт", "refused": "отказ"}


class Bonus(Struct, frozen=True):
    """A closed object with its profit and the share of it that its type pays, in percent."""

    employee: str
    project: str
    type: str
    closed: date
    profit: Decimal
    percent: Decimal | None


def bonuses(reading: Reading, days: Days) -> list[Bonus]:
    """Read the objects that were closed in the period; without a profit of its own an object has that of its offers."""
    project, offer = STATE["project"], STATE["offer"]
    forecast = (
        select(hundredths(offer.c.profit))
        .where(~offer.c.deleted, offer.c.project == project.c.id, offer.c.state == "contract",
               offer.c.profit_currency.in_(ROUBLES))
        .scalar_subquery()
    )  # fmt: skip
    query = (
        select(project.c.employee, project.c.name, project.c.type, project.c.closed, project.c.profit, forecast)
        .where(~project.c.deleted, project.c.state == "closed", project.c.closed.between(days.first, days.last))
        .order_by(project.c.closed, project.c.name)
    )
    percents = reading.settings.object_percent
    return [
        Bonus(reading.employee(employee), name, type_, closed, roubles(expected) if profit is None else profit,
              percents.get(type_))
        for employee, name, type_, closed, profit, expected in reading.rows(query)
    ]  # fmt: skip


BONUS = (
    Column("employee", "Менеджер"),
    Column("project", "Объект"),
    Column("type", "Тип"),
    Column("closed", "Закрыт", "day"),
    Column("profit", "Прибыль", "money", is_summed=True),
    Column("percent", "Доля", "share"),
    Column("bonus", "Премия", "money", is_summed=True),
)


def bonus(objects: Sequence[Bonus], formula: Formula, names: Mapping[str, str], days: Days) -> Report:
    """Compute the bonus of every closed object from its profit and the share of its type (S004-26)."""
    rows: list[tuple[Cell, ...]] = []
    unknown = set()
    for it in objects:
        part = None if it.percent is None else it.percent / 100
        earned = None if part is None else formula.result({"object_profit": it.profit, "percent": part})
        amount = None if earned is None else earned.quantize(HUNDREDTHS, ROUND_HALF_UP)
        rows.append((names.get(it.employee, it.employee), it.project, it.type, it.closed, it.profit, part, amount))
        if part is None:
            unknown.add(it.type or "без типа")
    notes = [f"Не задан процент для типа: {', '.join(sorted(unknown))}."] if unknown else []
    return Report(name="bonus", title="Премии за закрытые объекты", period=str(days), columns=BONUS, rows=tuple(rows),
                  totals=summed(BONUS, rows), notes=(*notes, f"Формула: object_bonus = {formula.text}"))  # fmt: skip


class Site(Struct, frozen=True):
    """An object with its dates, what was agreed and what came in."""

    project: str
    client: str
    state: str
    start: date | None
    end: date | None
    agreed: Decimal
    paid: Decimal


def read_sites(reading: Reading, days: Days) -> list[Site]:
    """Read the objects that were in work in the period, with the sums of their offers and payments (S004-21)."""
    project, offer, payment, client = (STATE[kind] for kind in ("project", "offer", "payment", "client"))
    agreed = (
        select(hundredths(offer.c.total))
        .where(~offer.c.deleted, offer.c.project == project.c.id, offer.c.state == "contract",
               offer.c.total_currency.in_(ROUBLES))
        .scalar_subquery()
    )  # fmt: skip
    paid = (
        select(hundredths(payment.c.total))
        .where(~payment.c.deleted, payment.c.is_posted, payment.c.contract == project.c.contract,
               payment.c.total_currency.in_(ROUBLES))
        .scalar_subquery()
    )  # fmt: skip
    query = (
        select(project.c.name, client.c.name, project.c.state, project.c.start, project.c.end, agreed, paid)
        .join_from(project, client, project.c.client_id == client.c.id, isouter=True)
        .where(~project.c.deleted, project.c.state.in_(("work", "closed")), project.c.start <= days.last,
               func.coalesce(project.c.closed, days.last) >= days.first)
        .order_by(project.c.start, project.c.name)
    )  # fmt: skip
    return [
        Site(name, owner or "", state, start, end, roubles(sum_), roubles(came))
        for name, owner, state, start, end, sum_, came in reading.rows(query)
    ]


PROJECTS = (
    Column("project", "Объект"),
    Column("client", "Клиент"),
    Column("state", "Состояние"),
    Column("start", "Начало", "day"),
    Column("end", "Сдача", "day"),
    Column("agreed", "По договору", "money", is_summed=True),
    Column("paid", "Оплачено", "money", is_summed=True),
)


def projects(sites: Sequence[Site], days: Days) -> Report:
    """List the objects in work with beginning, handover and payments (S002-35, S004-5, S004-21)."""
    rows: list[tuple[Cell, ...]] = [
        (it.project, it.client, STATES.get(it.state, it.state), it.start, it.end, it.agreed, it.paid) for it in sites
    ]
    late = sum(1 for it in sites if it.state == "work" and it.end and it.end <= days.last)
    notes = (f"Срок сдачи наступил, а объект не закрыт: {late}.",) if late else ()
    return Report(name="projects", title="Объекты в работе", period=str(days), columns=PROJECTS, rows=tuple(rows),
                  totals=summed(PROJECTS, rows), notes=notes)  # fmt: skip


class Goods(Struct, frozen=True):
    """How much of one thing was offered for an object, and how much went there; warranty replacements apart."""

    project: str
    title: str
    unit: str
    offered: Decimal
    shipped: Decimal
    warranty: Decimal


def read_goods(reading: Reading, days: Days) -> list[Goods]:
    """Read offered and shipped goods of the objects to which something went in the period."""
    project, offer, handover = STATE["project"], STATE["offer"], STATE["handover"]
    recent = (
        select(handover.c.project).where(~handover.c.deleted, handover.c.date.between(days.first, days.last)).distinct()
    )
    found: dict[tuple[str, str, str], list[Decimal]] = {}
    offers = select(offer.c.project, offer.c.lines).where(
        ~offer.c.deleted, offer.c.state != "refused", offer.c.project.in_(recent)
    )
    for key, text in reading.rows(offers):
        for line in _lines(text, OfferLine):
            if not line.is_work:
                _add(found, key, line, 0)
    shipped = select(handover.c.project, handover.c.lines).where(
        ~handover.c.deleted, handover.c.date <= days.last, handover.c.project.in_(recent)
    )
    for key, text in reading.rows(shipped):
        for row in _lines(text, HandoverLine):
            _add(found, key, row, 2 if row.is_warranty else 1)
    names = dict(tuple(row) for row in reading.rows(select(project.c.id, project.c.name)))
    ordered = sorted(found.items(), key=lambda item: (names.get(item[0][0]) or "", item[0]))
    return [Goods(names.get(key) or "", title, unit, *sums) for (key, title, unit), sums in ordered]


def _lines(text: str | None, type_: Any) -> Any:
    return msgspec.json.decode(text, type=tuple[type_, ...]) if text else ()


def _add(found: dict[tuple[str, str, str], list[Decimal]], project: str, line: Any, place: int) -> None:
    sums = found.setdefault((project, line.title, line.unit), [Decimal(0)] * 3)
    sums[place] += parse_decimal(line.quantity) or Decimal(0)


SHIPPED = (
    Column("project", "Объект"),
    Column("title", "Товар"),
    Column("unit", "Ед."),
    Column("offered", "В КП", "number"),
    Column("shipped", "Отгружено", "number"),
    Column("difference", "Разница", "number"),
    Column("warranty", "Гарантия", "number"),
    Column("remark", "Замечание"),
)


def shipped(goods: Sequence[Goods], days: Days) -> Report:
    """Compare what was shipped with what was offered; goods that are in no offer stand out (S004-6, S004-23)."""
    rows: list[tuple[Cell, ...]] = []
    for it in goods:
        difference = it.shipped - it.offered
        remark = "вне КП" if not it.offered and it.shipped else "лишнее" if difference > 0 else ""
        remark = remark or ("не отгружено" if difference < 0 else "")
        rows.append((it.project, it.title, it.unit, it.offered, it.shipped, difference, it.warranty, remark))
    return Report(name="shipped", title="Отгружено и предложено", period=str(days), columns=SHIPPED,
                  rows=tuple(rows))  # fmt: skip
