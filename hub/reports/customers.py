"""Who buys: the clients that bring most of the revenue, new and regular ones, the cost of winning and keeping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import and_, func, select

from hub.reports.days import Days, short_month
from hub.reports.money import month_text, revenue_kind
from hub.reports.reading import Reading, hundredths, roubles
from hub.reports.report import Cell, Chart, Column, Report, percent, share, summed
from hub.store.tables import STATE

A_PART, B_PART = Decimal("0.8"), Decimal("0.95")
"""Clients up to this part of the revenue are of class A and B, the rest of class C."""


class Revenue(Struct, frozen=True):
    """What a client brought."""

    name: str
    manager: str
    total: Decimal


def read_revenue(reading: Reading, days: Days) -> list[Revenue]:
    """Read the revenue of every client, summed in the database."""
    table, client = STATE[revenue_kind(reading)], STATE["client"]
    query = (
        select(client.c.name, client.c.manager, hundredths(table.c.total))
        .join_from(table, client, table.c.client_id == client.c.id)
        .where(reading.counted(table, days.first, days.last))
        .group_by(client.c.id, client.c.name, client.c.manager)
    )
    return [Revenue(name, reading.employee(manager), roubles(total)) for name, manager, total in reading.rows(query)]


PARETO = (
    Column("place", "№", "number"),
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("revenue", "Выручка", "money", is_summed=True),
    Column("share", "Доля", "share"),
    Column("running", "Нарастающий итог", "share"),
    Column("class", "Класс"),
)


def pareto(found: Sequence[Revenue], names: Mapping[str, str], days: Days) -> Report:
    """Order clients by revenue and tell what the first fifth of them brings (S002-15)."""
    ordered = sorted((it for it in found if it.total > 0), key=lambda it: (-it.total, it.name))
    whole = sum((it.total for it in ordered), Decimal(0))
    rows: list[tuple[Cell, ...]] = []
    running = Decimal(0)
    for place, it in enumerate(ordered, start=1):
        before = running / whole
        running += it.total
        class_ = "A" if before < A_PART else "B" if before < B_PART else "C"
        rows.append((place, it.name, names.get(it.manager, it.manager), it.total, it.total / whole, running / whole,
                     class_))  # fmt: skip
    notes = []
    if ordered:
        fifth = -(-len(ordered) // 5)
        brought = sum((it.total for it in ordered[:fifth]), Decimal(0)) / whole
        notes.append(f"20\u00a0% клиентов ({fifth} из {len(ordered)}) дают {percent(brought)} выручки.")
    columns = PARETO
    return Report(name="pareto", title="Выручка по клиентам: 80 на 20", period=str(days), columns=columns,
                  rows=tuple(rows), totals=summed(columns, rows, {"place": "", "client": "Итого"}), notes=tuple(notes),
                  chart=Chart("place", bars=("revenue",), lines=("running",), most=60))  # fmt: skip


class Buying(Struct):
    """A month: purchases, by how many clients, and how many clients bought for the first and for the second time.

    `kept` are those of the new clients who bought again by the end of the period.
    """

    purchases: int = 0
    buyers: int = 0
    new: int = 0
    kept: int = 0
    second: int = 0


def read_buying(reading: Reading, days: Days) -> dict[date, Buying]:
    """Read purchases by month; the first two of a client are found among all that the store knows."""
    table = STATE[revenue_kind(reading)]
    is_sale = (table.c.client_id.is_not(None), reading.counted(table, date.min, days.last))
    months: dict[date, Buying] = {month.first.replace(day=1): Buying() for month in days.months()}
    month = month_text(table.c.date).label("month_of_sale")
    counts = (
        select(month, func.count(), func.count(table.c.client_id.distinct()))
        .where(*is_sale, table.c.date >= days.first)
        .group_by("month_of_sale")
    )
    for text, purchases, buyers in reading.rows(counts):
        it = months[_month(text)]
        it.purchases, it.buyers = purchases, buyers
    order = func.row_number().over(partition_by=table.c.client_id, order_by=(table.c.date, table.c.id)).label("place")
    numbered = select(table.c.client_id, table.c.date, order).where(*is_sale).subquery()
    again = numbered.alias("again")
    firsts = (
        select(month_text(numbered.c.date).label("month_of_sale"), numbered.c.place, func.count(),
               func.count(again.c.place))
        .join_from(numbered, again, and_(again.c.client_id == numbered.c.client_id, again.c.place == 2), isouter=True)
        .where(numbered.c.place <= 2, numbered.c.date >= days.first)
        .group_by("month_of_sale", numbered.c.place)
    )  # fmt: skip
    for text, place, count, kept in reading.rows(firsts):
        it = months[_month(text)]
        if place == 1:
            it.new, it.kept = count, kept
        else:
            it.second = count
    return months


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


CUSTOMERS = (
    Column("month", "Месяц"),
    Column("buyers", "Покупали", "number"),
    Column("new", "Новые", "number", is_summed=True),
    Column("kept", "Из них снова", "number", is_summed=True),
    Column("conversion", "Доля", "share"),
    Column("second", "Стали постоянными", "number", is_summed=True),
    Column("purchases", "Покупки", "number", is_summed=True),
    Column("frequency", "На клиента", "number"),
)


def customers(months: Mapping[date, Buying], days: Days) -> Report:
    """Show new clients, how many came again, who became regular, how often they buy (S002-27, S002-17)."""
    rows: list[tuple[Cell, ...]] = [
        (short_month(month), it.buyers, it.new, it.kept, share(it.kept, it.new), it.second, it.purchases,
         share(it.purchases, it.buyers))
        for month, it in sorted(months.items())
    ]  # fmt: skip
    new, kept = sum(it.new for it in months.values()), sum(it.kept for it in months.values())
    if not any(it.purchases for it in months.values()):
        rows = []
    return Report(name="customers", title="Новые и постоянные клиенты", period=str(days), columns=CUSTOMERS,
                  rows=tuple(rows), totals=summed(CUSTOMERS, rows, {"conversion": share(kept, new)}),
                  chart=Chart("month", bars=("new", "second")))  # fmt: skip


ATTRACTION = (
    Column("month", "Месяц"),
    Column("attraction", "На привлечение", "money", is_summed=True),
    Column("new", "Новые", "number", is_summed=True),
    Column("new_price", "Цена нового", "money"),
    Column("retention", "На удержание", "money", is_summed=True),
    Column("events", "Акции", "number", is_summed=True),
    Column("repeat", "Повторные покупки", "number", is_summed=True),
    Column("repeat_price", "Цена повторной", "money"),
)


def read_events(reading: Reading, days: Days) -> Counter[date]:
    """Count mailings, promotions and invitations that went out, by month."""
    campaign = STATE["campaign"]
    query = select(campaign.c.date, campaign.c.sent).where(~campaign.c.deleted)
    told = [sent.astimezone(days.zone).date() if sent else day for day, sent in reading.rows(query)]
    return Counter(day.replace(day=1) for day in told if day and day in days)


def attraction(
    months: Mapping[date, Buying],
    events: Mapping[date, int],
    costs: Mapping[str, Mapping[str, Decimal]],
    days: Days,
) -> Report:
    """Compare what it costs to win a client with what it costs to sell once more (S002-28).

    `costs` are the sums of `reports.attraction` and `reports.retention` by month.
    """
    rows: list[tuple[Cell, ...]] = []
    won, kept = costs["attraction"], costs["retention"]
    for month, it in sorted(months.items()):
        name = f"{month:%Y-%m}"
        spent, held = won.get(name, Decimal(0)), kept.get(name, Decimal(0))
        again = it.purchases - it.new
        rows.append((short_month(month), spent, it.new, share(spent, it.new) if spent else None, held,
                     events.get(month, 0), again, share(held, again) if held else None))  # fmt: skip
    spent, held = (sum((sums.get(f"{it:%Y-%m}", Decimal(0)) for it in months), Decimal(0)) for sums in (won, kept))
    new = sum(it.new for it in months.values())
    again = sum(it.purchases - it.new for it in months.values())
    given: dict[str, Cell] = {
        "new_price": share(spent, new) if spent else None, "repeat_price": share(held, again) if held else None
    }  # fmt: skip
    notes = () if won or kept else ("Расходы не заданы: reports.attraction и reports.retention в hub.yaml.",)
    return Report(name="attraction", title="Привлечение и удержание", period=str(days), columns=ATTRACTION,
                  rows=tuple(rows), totals=summed(ATTRACTION, rows, given), notes=notes,
                  chart=Chart("month", bars=("attraction", "retention")))  # fmt: skip


CAMPAIGNS = (
    Column("date", "День", "day"),
    Column("title", "Название"),
    Column("block", "Вид"),
    Column("segment", "Кому"),
    Column("employee", "Кто вёл"),
    Column("state", "Состояние"),
)
BLOCKS = {"news": "новости", "useful": "полезное", "greeting": "поздравление"}


def read_campaigns(reading: Reading, days: Days) -> list[tuple[Cell, ...]]:
    """Read mailings, promotions and invitations of the period as rows of their report."""
    campaign = STATE["campaign"]
    query = select(campaign.c.date, campaign.c.published, campaign.c.sent, campaign.c.title, campaign.c.block,
                   campaign.c.segment, campaign.c.employee).where(~campaign.c.deleted)  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for day, published, sent, title, block, segment, who in reading.rows(query):
        held = day or (sent.astimezone(days.zone).date() if sent else published)
        if held and held in days:
            state = "разослано" if sent else "не разослано"
            rows.append((held, title, BLOCKS.get(block, block), segment or "все", reading.who(reading.employee(who)),
                         state))  # fmt: skip
    return sorted(rows, key=lambda row: (str(row[0]), str(row[1])))


def campaigns(rows: Sequence[tuple[Cell, ...]], days: Days) -> Report:
    """List past mailings, promotions and invitations (S002-35)."""
    return Report(name="campaigns", title="Рассылки и акции", period=str(days), columns=CAMPAIGNS, rows=tuple(rows))
