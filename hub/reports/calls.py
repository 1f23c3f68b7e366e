"""Calls: how many were missed, how long they rang, which nobody called back, and how first callers found us.

Inbound calls that nobody answered are missed; the time a call rang is measured until somebody took it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import and_, case, func, or_, select

from hub.reminders.texts import phone
from hub.reports.days import Days, short_month, week_of
from hub.reports.reading import Reading, day_of
from hub.reports.report import Cell, Chart, Column, Report, percent, share, summed
from hub.store.tables import STATE

_BY_DAY, _BY_WEEK = 45, 400
"""Periods up to so many days are shown day by day, then week by week, longer ones by month."""


class Traffic(Struct, frozen=True):
    """The calls of a day and an extension. `late` were answered, but rang longer than the firm allows."""

    day: date
    employee: str
    answered: int = 0
    missed: int = 0
    outbound: int = 0
    reached: int = 0
    waited: int = 0
    late: int = 0


def read_traffic(reading: Reading, days: Days) -> list[Traffic]:
    """Read the calls with the outside by local day and extension, counted in the database."""
    call = STATE["call"]
    inbound, is_talk = call.c.direction == "inbound", call.c.state == "connected"
    taken = and_(inbound, is_talk)
    conditions = [
        case((taken, 1), else_=0),
        case((and_(inbound, call.c.state == "missed"), 1), else_=0),
        case((call.c.direction == "outbound", 1), else_=0),
        case((and_(call.c.direction == "outbound", is_talk), 1), else_=0),
        case((taken, call.c.wait_seconds), else_=0),
        case((and_(taken, call.c.wait_seconds > reading.settings.answer_seconds), 1), else_=0),
    ]
    query = (
        select(reading.local_day(call.c.started, days), call.c.extension, *map(func.sum, conditions))
        .where(~call.c.deleted, call.c.started >= days.since, call.c.started < days.until)
        .where(call.c.direction != "internal")
        .group_by("local_day", call.c.extension)
    )
    return [
        Traffic(day_of(day), reading.employee(extension), *(int(it) for it in sums))
        for day, extension, *sums in reading.rows(query)
    ]


CALLS = (
    Column("days", "Дни"),
    Column("inbound", "Входящие", "number", is_summed=True),
    Column("missed", "Пропущено", "number", is_summed=True),
    Column("missed_share", "Доля проп.", "share"),
    Column("wait", "Ответ, секунд", "number"),
    Column("late", "Дольше нормы", "number", is_summed=True),
    Column("late_share", "Доля поздних", "share"),
    Column("outbound", "Исходящие", "number", is_summed=True),
    Column("reached", "Дозвон", "number", is_summed=True),
)


def calls(traffic: Sequence[Traffic], days: Days, answer_seconds: int, employee: str = "") -> Report:
    """Count calls by day, week or month, with the time until somebody answered (S000-5, S001-7, S004-10)."""
    groups: dict[tuple[date, str], list[Traffic]] = defaultdict(list)
    mine = [it for it in traffic if employee in ("", it.employee)]
    for it in mine:
        groups[_group(it.day, days)].append(it)
    rows: list[tuple[Cell, ...]] = [(label, *_counted(items)) for (_, label), items in sorted(groups.items())]
    given: dict[str, Cell] = dict(zip([column.key for column in CALLS[1:]], _counted(mine), strict=True))
    return Report(name="calls", title="Звонки", period=str(days), columns=CALLS, rows=tuple(rows),
                  totals=summed(CALLS, rows, given),
                  chart=Chart("days", bars=("inbound", "missed"), lines=("missed_share",)),
                  notes=(f"Норма ответа: {answer_seconds} секунд.",))  # fmt: skip


def _group(day: date, days: Days) -> tuple[date, str]:
    length = (days.last - days.first).days
    if length < _BY_DAY:
        return day, f"{day:%d.%m}"
    if length < _BY_WEEK:
        monday = week_of(day)
        return monday, f"с {monday:%d.%m}"
    return day.replace(day=1), short_month(day)


def _counted(items: Sequence[Traffic]) -> tuple[Cell, ...]:
    answered, missed = sum(it.answered for it in items), sum(it.missed for it in items)
    late = sum(it.late for it in items)
    mean = Decimal(sum(it.waited for it in items)) / answered if answered else None
    return (answered + missed, missed, share(missed, answered + missed), mean, late, share(late, answered),
            sum(it.outbound for it in items), sum(it.reached for it in items))  # fmt: skip


class Missed(Struct, frozen=True):
    """A missed call, and when somebody next talked with that number or that client."""

    at: datetime
    number: str
    client: str
    manager: str
    talked: datetime | None


def read_missed(reading: Reading, days: Days) -> list[Missed]:
    """Read the missed calls with the first talk after each of them, in either direction."""
    call, client = STATE["call"], STATE["client"]
    later = STATE["call"].alias("later")
    talk = select(func.min(later.c.started)).where(
        ~later.c.deleted, later.c.state == "connected", later.c.talk_seconds > reading.settings.talk_seconds,
        later.c.direction != "internal", later.c.started >= call.c.started,
    )  # fmt: skip
    by_number = talk.where(later.c.number == call.c.number, call.c.number != "").scalar_subquery()
    by_client = talk.where(later.c.client_id == call.c.client_id).scalar_subquery()
    query = (
        select(call.c.started, call.c.number, call.c.raw_number, client.c.name, client.c.manager, by_number, by_client)
        .join_from(call, client, call.c.client_id == client.c.id, isouter=True)
        .where(~call.c.deleted, call.c.direction == "inbound", call.c.state == "missed")
        .where(call.c.started >= days.since, call.c.started < days.until)
        .order_by(call.c.started)
    )
    return [
        Missed(at, number or raw or "", name or "", reading.employee(manager),
               min((it for it in talks if it is not None), default=None))
        for at, number, raw, name, manager, *talks in reading.rows(query)
    ]  # fmt: skip


MISSED = (
    Column("at", "Когда", "moment"),
    Column("number", "Номер"),
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("hours", "Перезвонили, часов", "number"),
)


def missed(
    found: Sequence[Missed], names: Mapping[str, str], days: Days, within: timedelta, now: datetime, employee: str = ""
) -> Report:
    """List the missed calls that nobody returned in time, days off included: there should be none (S000-5, S001-7).

    A call whose time is not over yet is not listed.
    """
    mine = [it for it in found if employee in ("", it.manager)]
    lost = [it for it in mine if (it.talked or max(now, it.at)) - it.at > within]
    rows: list[tuple[Cell, ...]] = [
        (it.at, phone(it.number) if it.number else "номер скрыт", it.client or "неизвестный",
         names.get(it.manager, it.manager), _hours(it.talked - it.at) if it.talked else None)
        for it in lost
    ]  # fmt: skip
    notes = []
    if mine:
        returned = [it.talked - it.at for it in mine if it.talked and it.talked - it.at <= within]
        part = share(len(returned), len(mine)) or Decimal(0)
        notes.append(f"Пропущено {len(mine)}, перезвонили вовремя {len(returned)} ({percent(part)}).")
        if waiting := len(mine) - len(returned) - len(lost):
            notes.append(f"Ещё не перезвонили, но срок не вышел: {waiting}.")
        if returned:
            notes.append(f"В среднем перезванивают через {_minutes(returned)} мин.")
    return Report(name="missed", title="Пропущенные звонки без ответа", period=str(days), columns=MISSED,
                  rows=tuple(rows), notes=tuple(notes))  # fmt: skip


def _hours(span: timedelta) -> Decimal:
    return Decimal(int(span.total_seconds())) / 3600


def _minutes(spans: Sequence[timedelta]) -> int:
    return round(sum(spans, timedelta()).total_seconds() / 60 / len(spans))


class FirstCall(Struct, frozen=True):
    """The first call from a number: how its client found us, and whether he has signed a contract."""

    origin: str
    has_contract: bool


def read_first_calls(reading: Reading, days: Days) -> list[FirstCall]:
    """Read the numbers that called for the first time in the period; a note of topic `origin` fills a gap."""
    call, client, note, contract = (STATE[kind] for kind in ("call", "client", "note", "contract"))
    caller = call.c.number.concat("").label("caller")  # not by the index: it would fetch every row at random
    first = (
        select(caller, func.max(call.c.client_id).label("owner"))
        .where(~call.c.deleted, call.c.direction == "inbound", call.c.number != "")
        .group_by("caller")
        .having(func.min(call.c.started) >= days.since, func.min(call.c.started) < days.until)
        .subquery()
    )
    signed = (
        select(contract.c.id)
        .where(~contract.c.deleted, contract.c.client_id == first.c.owner,
               or_(contract.c.is_signed.is_(None), contract.c.is_signed))
        .exists()
    )  # fmt: skip
    asked = (
        select(func.max(note.c.text))
        .where(~note.c.deleted, note.c.client_id == first.c.owner, note.c.topic == "origin")
        .scalar_subquery()
    )
    query = select(client.c.origin, asked, signed).join_from(first, client, client.c.id == first.c.owner, isouter=True)
    return [FirstCall(origin or noted or "", bool(has)) for origin, noted, has in reading.rows(query)]


ORIGINS = (
    Column("origin", "Источник"),
    Column("calls", "Первые звонки", "number", is_summed=True),
    Column("share", "Доля", "share"),
    Column("contracts", "Договоры", "number", is_summed=True),
    Column("conversion", "Конверсия", "share"),
)


def origins(found: Sequence[FirstCall], days: Days) -> Report:
    """Count first calls by how the client found us; who was not asked stands out (S004-12)."""
    counts = Counter(" ".join(it.origin.split()) for it in found)
    signed = Counter(" ".join(it.origin.split()) for it in found if it.has_contract)
    rows: list[tuple[Cell, ...]] = [
        (origin or "не спросили", count, share(count, len(found)), signed[origin], share(signed[origin], count))
        for origin, count in sorted(counts.items(), key=lambda item: (not item[0], -item[1], item[0]))
    ]
    given: dict[str, Cell] = {"conversion": share(signed.total(), len(found))}
    return Report(name="origins", title="Откуда о нас узнали", period=str(days), columns=ORIGINS, rows=tuple(rows),
                  totals=summed(ORIGINS, rows, given),
                  chart=Chart("origin", bars=("calls", "contracts"), is_lying=True))  # fmt: skip
