"""Pay by formula: the figures of each employee and what the firm's formula makes of them.

S000-19…22, S001-18, S001-19. Clients count for the manager they have now; a formula is configuration, and
the report shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct
from sqlalchemy import and_, func, or_, select

from hub.formulas import Formula
from hub.model.errors import HubError
from hub.reports.base import Base, moves_of, total
from hub.reports.days import Days
from hub.reports.projects import bonuses
from hub.reports.reading import HUNDREDTHS, Reading, hundredths, roubles
from hub.reports.report import Cell, Chart, Column, Report, summed
from hub.store.tables import STATE

PROMOTER = 9


class Payee(Struct, frozen=True):
    """Whom a formula pays, and his figures of the period."""

    name: str
    formula: str
    figures: Mapping[str, Decimal]


def base_figures(base: Base, days: Days, *, deals_by_total: bool) -> dict[str, Decimal]:
    """Return the figures that follow from the base: fees at the beginning, of who came, of who left, and deals.

    A deal is a contract of a client who came, by monthly fee or by fee × months: S000-20 does not say which.
    """
    move = moves_of(base, days)
    won, lost = total(move.won), total(move.lost)
    deals = won
    if deals_by_total:
        running = [each for each in base.subscriptions if each.client in move.won and each.first <= days.last]
        deals = sum((each.fee * each.months() for each in running if each.last >= days.last), Decimal(0))
    return {"base_fee": total(move.start), "won_fee": won, "lost_fee": lost, "growth": won - lost, "deals_sum": deals}


PAY = (
    Column("employee", "Сотрудник"),
    Column("formula", "Формула"),
    Column("base_fee", "Плата на начало", "money", is_summed=True),
    Column("won_fee", "Пришло", "money", is_summed=True),
    Column("lost_fee", "Ушло", "money", is_summed=True),
    Column("polls", "Опросы", "number", is_summed=True),
    Column("pay", "К выплате", "money", is_summed=True),
)


def pay(payees: Sequence[Payee], formulas: Mapping[str, Formula], days: Days) -> Report:
    """Compute what each employee earned; a negative growth is an alarm, whatever the formula pays (S001-19)."""
    rows: list[tuple[Cell, ...]] = []
    alarms, used = [], {}
    for each in payees:
        formula = formulas[each.formula]
        used[each.formula] = f"{each.formula} = {formula.text}"
        result = formula.result(each.figures)
        amount = None if result is None else result.quantize(HUNDREDTHS, ROUND_HALF_UP)
        figures = [each.figures[key] for key in ("base_fee", "won_fee", "lost_fee", "polls")]
        rows.append((each.name, each.formula, *figures, amount))
        if each.figures["growth"] < 0:
            alarms.append(f"{each.name}: прирост отрицательный. Сообщите коммерческому директору.")
    return Report(
        name="pay", title="Оплата труда по формуле", period=str(days), columns=PAY, rows=tuple(rows),
        totals=summed(PAY, rows), chart=Chart("employee", bars=("pay",), is_lying=True),
        notes=(*alarms, *used.values()),
    )  # fmt: skip


def read_pay(reading: Reading, base: Base, days: Days, employee: str = "") -> list[Payee]:
    """Read the figures of everybody whom a formula pays. Raises HubError when it pays nobody."""
    settings = reading.settings
    paid = {
        person.id: settings.pay.get(person.id) or settings.pay.get(person.role) or ""
        for person in reading.config.model.employees
        if employee in ("", person.id)
    }
    paid = {who: formula for who, formula in paid.items() if formula}
    if not paid:
        raise HubError("no formula pays anybody.", hint="Say who is paid by which one under reports.pay in hub.yaml.")
    polls, sales = read_polls(reading, days), read_satisfied(reading, days)
    objects: dict[str, Decimal] = {}
    bought: dict[str, Decimal] = {}
    for sale in sales:
        bought[sale.manager] = bought.get(sale.manager, Decimal(0)) + sale.paid
    for project in bonuses(reading, days):
        objects[project.employee] = objects.get(project.employee, Decimal(0)) + project.profit
    found = []
    nobody, bases = Base(()), base.by_manager()
    for who, formula in paid.items():
        figures = base_figures(bases.get(who, nobody), days, deals_by_total=settings.deals == "total")
        figures["polls"] = Decimal(polls.get(who, 0))
        figures["satisfied_sales"] = bought.get(who, Decimal(0))
        figures["object_profit"] = objects.get(who, Decimal(0))
        unknown = sorted(reading.formulas[formula].names - set(figures))
        if unknown:
            raise HubError(f"the formula {formula} pays nobody: {unknown[0]} is no figure of an employee.",
                           hint=f"Figures of an employee: {', '.join(sorted(figures))}.")  # fmt: skip
        found.append(Payee(reading.who(who), formula, figures))
    return found


def read_polls(reading: Reading, days: Days) -> dict[str, int]:
    """Return how many surveys with an answer each employee took."""
    survey = STATE["survey"]
    query = (
        select(survey.c.employee, func.count())
        .where(~survey.c.deleted, survey.c.answered >= days.since, survey.c.answered < days.until)
        .group_by(survey.c.employee)
    )
    counts: dict[str, int] = {}
    for written, count in reading.rows(query):
        who = reading.employee(written)
        counts[who] = counts.get(who, 0) + count
    return counts


POLLS = (
    Column("employee", "Сотрудник"),
    Column("polls", "Опросы", "number", is_summed=True),
    Column("plan", "План", "number"),
    Column("done", "Выполнение", "share"),
    Column("sum", "По 30 ₽ за опрос", "money", is_summed=True),
)
POLL_PRICE = 30
"""Roubles for a survey on probation (S000-19): 1000 surveys are 30 000."""


def polls(counts: Mapping[str, int], names: Mapping[str, str], days: Days, plan: int) -> Report:
    """Compare the surveys of each employee with the plan of a month (S000-19)."""
    rows: list[tuple[Cell, ...]] = [
        (names.get(who, who) or "не указан", count, plan, Decimal(count) / plan if plan else None, count * POLL_PRICE)
        for who, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return Report(name="polls", title="Опросы клиентов", period=str(days), columns=POLLS, rows=tuple(rows),
                  totals=summed(POLLS, rows), chart=Chart("employee", bars=("polls",), is_lying=True))  # fmt: skip


class Satisfied(Struct, frozen=True):
    """A client who gave a positive review in the period, and what he paid in it."""

    name: str
    manager: str
    reviews: int
    paid: Decimal


def read_satisfied(reading: Reading, days: Days) -> list[Satisfied]:
    """Read the clients with a positive review: content in so many words, or a score of 9 or 10."""
    survey, payment, client = STATE["survey"], STATE["payment"], STATE["client"]
    content = or_(survey.c.verdict == "satisfied", and_(survey.c.verdict == "", survey.c.score >= PROMOTER))
    reviews = (
        select(survey.c.client_id, func.count().label("reviews"))
        .where(~survey.c.deleted, survey.c.answered >= days.since, survey.c.answered < days.until, content)
        .group_by(survey.c.client_id)
        .subquery()
    )
    paid = (
        select(payment.c.client_id, hundredths(payment.c.total).label("paid"))
        .where(reading.counted(payment, days.first, days.last))
        .group_by(payment.c.client_id)
        .subquery()
    )
    query = (
        select(client.c.name, client.c.manager, reviews.c.reviews, paid.c.paid)
        .join_from(reviews, client, reviews.c.client_id == client.c.id)
        .join(paid, paid.c.client_id == client.c.id, isouter=True)
    )
    return [Satisfied(name, reading.employee(manager), count, roubles(sum_)) for name, manager, count, sum_ in
            reading.rows(query)]  # fmt: skip


SATISFIED = (
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("reviews", "Хорошие отзывы", "number", is_summed=True),
    Column("paid", "Оплачено", "money", is_summed=True),
)


def satisfied(clients: Sequence[Satisfied], names: Mapping[str, str], days: Days) -> Report:
    """List what clients who are content have paid: the ground of a percentage of their purchases (S003-2)."""
    ordered = sorted(clients, key=lambda it: (-it.paid, it.name))
    rows: list[tuple[Cell, ...]] = [(it.name, names.get(it.manager, it.manager), it.reviews, it.paid) for it in ordered]
    return Report(name="satisfied", title="Продажи довольным клиентам", period=str(days), columns=SATISFIED,
                  rows=tuple(rows), totals=summed(SATISFIED, rows),
                  chart=Chart("client", bars=("paid",), is_lying=True, most=20))  # fmt: skip
