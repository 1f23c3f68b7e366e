"""What employees did: talks, meetings against their norm, surveys, recommendations, and the hours of their diaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import and_, case, func, select

from hub.reminders.calendars import Calendar
from hub.reports.days import Days, week_of
from hub.reports.reading import Reading, day_of
from hub.reports.report import Cell, Chart, Column, Report, share, summed
from hub.store.tables import STATE


class Deeds(Struct, frozen=True):
    """What an employee did on a day; `blind` are meetings without who decides, `asks` for recommendations."""

    employee: str
    day: date
    talks: int = 0
    meetings: int = 0
    blind: int = 0
    polls: int = 0
    asks: int = 0
    got: int = 0
    offers: int = 0


def read_deeds(reading: Reading, days: Days) -> list[Deeds]:
    """Read talks, meetings, surveys, requests for recommendations and prospects got by employee and local day."""
    call, meeting, survey, note, referral, offer = (
        STATE[kind] for kind in ("call", "meeting", "survey", "note", "referral", "offer")
    )
    is_talk = and_(call.c.state == "connected", call.c.direction != "internal",
                   call.c.talk_seconds > reading.settings.talk_seconds)  # fmt: skip
    blind = case((~meeting.c.has_decider, 1), else_=0)
    parts: list[tuple[tuple[str, ...], Any, Any, list[Any], Any]] = [
        (("talks",), call.c.started, call.c.extension, [func.count()], is_talk),
        (("meetings", "blind"), meeting.c.held, meeting.c.employee, [func.count(), func.sum(blind)], None),
        (("polls",), survey.c.answered, survey.c.employee, [func.count()], None),
        (("asks",), note.c.written, note.c.employee, [func.count()], note.c.topic == "recommendation"),
        (("got",), referral.c.created, referral.c.employee, [func.count()], referral.c.referrer.is_not(None)),
        (("offers",), offer.c.sent, offer.c.employee, [func.count()], None),
    ]
    found: dict[tuple[str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for names, moment, who, figures, condition in parts:
        query = (
            select(reading.local_day(moment, days), who, *figures)
            .where(~moment.table.c.deleted, moment >= days.since, moment < days.until)
            .group_by("local_day", who)
        )
        if condition is not None:
            query = query.where(condition)
        for day, written, *counts in reading.rows(query):
            sums = found[reading.employee(written), day_of(day)]
            for name, count in zip(names, counts, strict=True):
                sums[name] += int(count)
    return [Deeds(employee, day, **sums) for (employee, day), sums in sorted(found.items())]


_FIGURES = ("talks", "meetings", "blind", "polls", "offers", "asks", "got")
_TITLES = (
    Column("talks", "Звонки", "number", is_summed=True),
    Column("meetings", "Встречи", "number", is_summed=True),
    Column("blind", "Без ЛПР", "number", is_summed=True),
    Column("polls", "Опросы", "number", is_summed=True),
    Column("offers", "КП", "number", is_summed=True),
    Column("asks", "Просьбы", "number", is_summed=True),
    Column("got", "Советы", "number", is_summed=True),
    Column("done", "Норма встреч", "share"),
)


def activity(
    deeds: Sequence[Deeds], names: Mapping[str, str], days: Days, office: Calendar, norm: Decimal, employee: str = ""
) -> Report:
    """Compare what employees did with the norm of meetings; for one employee week by week (S002-39, S002-41, S002-45).

    Only people of the configuration are listed; a call belongs to the extension that stands among their aliases.
    """
    groups: dict[Any, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_FIGURES, 0))
    spans: dict[Any, list[date]] = defaultdict(list)
    for it in deeds:
        if employee and it.employee != employee:
            continue
        group: Any = week_of(it.day) if employee else it.employee
        if not employee and group not in names:
            continue
        for name in _FIGURES:
            groups[group][name] += getattr(it, name)
    working = [day for day in days.each() if office.is_open_day(day)]
    for day in working:
        spans[week_of(day)].append(day)
    rows: list[tuple[Cell, ...]] = []
    for group, sums in sorted(groups.items()):
        wanted = norm * (len(spans[group]) if employee else len(working))
        head = group if employee else names.get(group, group)
        rows.append((head, *(sums[name] for name in _FIGURES), share(sums["meetings"], wanted)))
    head = Column("week", "Неделя с", "day") if employee else Column("employee", "Сотрудник")
    columns = (head, *_TITLES)
    title = f"Работа сотрудника: {names.get(employee, employee)}" if employee else "Работа сотрудников"
    return Report(name="activity", title=title, period=str(days), columns=columns, rows=tuple(rows),
                  totals=summed(columns, rows),
                  chart=Chart(head.key, bars=("talks", "meetings"), is_lying=not employee),
                  notes=(f"Рабочих дней: {len(working)}. Норма встреч в день: {_plain(norm)}.",))  # fmt: skip


def _plain(figure: Decimal) -> str:
    return f"{figure.normalize():f}".replace(".", ",")


class Stretch(Struct, frozen=True):
    """A stretch of the day in an employee's diary."""

    employee: str
    begun: datetime
    ended: datetime
    place: str


def read_diary(reading: Reading, days: Days) -> list[Stretch]:
    """Read the stretches of the period that have a beginning and an end."""
    diary = STATE["diary"]
    query = select(diary.c.employee, diary.c.begun, diary.c.ended, diary.c.place).where(
        ~diary.c.deleted, diary.c.begun >= days.since, diary.c.begun < days.until, diary.c.ended > diary.c.begun
    )
    return [Stretch(reading.employee(who), begun, ended, place) for who, begun, ended, place in reading.rows(query)]


DIARY = (
    Column("employee", "Сотрудник"),
    Column("days", "Рабочих дней", "number"),
    Column("written", "Дней с записями", "number"),
    Column("office", "Часов в офисе", "number", is_summed=True),
    Column("client", "У клиентов", "number", is_summed=True),
    Column("absent", "Отсут.", "number", is_summed=True),
    Column("missing", "Не описано часов", "number", is_summed=True),
)


def diary(found: Sequence[Stretch], names: Mapping[str, str], days: Days, office: Calendar, now: datetime) -> Report:
    """Sum the hours of each diary and those that nobody described, up to now (S004-8, S004-9)."""
    until = min(days.until, max(now, days.since))
    working = [day for day in days.each() if office.is_open_day(day) and office.opening(day) < until]
    rows: list[tuple[Cell, ...]] = []
    for who in sorted({it.employee for it in found}):
        mine = [it for it in found if it.employee == who]
        hours: dict[str, timedelta] = defaultdict(timedelta)
        for it in mine:
            hours[it.place] += it.ended - it.begun
        missing = sum((_uncovered(office, day, until, mine) for day in working), timedelta())
        written = {it.begun.astimezone(days.zone).date() for it in mine}
        rows.append((names.get(who, who) or "не указан", len(working), len(written),
                     *(_hours(hours[place]) for place in ("office", "client", "absent")), _hours(missing)))  # fmt: skip
    return Report(name="diary", title="Рабочее время по дневникам", period=str(days), columns=DIARY, rows=tuple(rows),
                  totals=summed(DIARY, rows),
                  chart=Chart("employee", bars=("office", "client", "missing"), is_lying=True))  # fmt: skip


def _uncovered(office: Calendar, day: date, until: datetime, stretches: Sequence[Stretch]) -> timedelta:
    """Return how much of the office hours of a day no stretch covers."""
    missing = timedelta()
    midnight = office.midnight(day)
    for start, end in office.intervals(day):
        begun = midnight + timedelta(minutes=start)
        ended = min(midnight + timedelta(minutes=end), until)
        for it in sorted(stretches, key=lambda it: it.begun):
            if it.ended <= begun or it.begun >= ended:
                continue
            missing += max(it.begun - begun, timedelta())
            begun = it.ended
        missing += max(ended - begun, timedelta())
    return missing


def _hours(span: timedelta) -> Decimal:
    return Decimal(int(span.total_seconds())) / 3600
