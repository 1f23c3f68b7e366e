"""What comes again: «каждый понедельник в 10:00», «15 числа каждого месяца», «каждые 2 недели».

Kept as a rule of RFC 5545 (section 3.3.10), of which only what these words need is understood: FREQ, INTERVAL, BYDAY
and BYMONTHDAY. Two things are as an office means them: the 31st is the last day of a shorter month, where RFC 5545
leaves the month out, and the five working days leave out the holidays of the calendar.
"""

from __future__ import annotations

import calendar as months_of
import re
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct
from msgspec.structs import replace

from hub.entries.when import NUMBERS, WEEKDAYS, cleaned, clock_of
from hub.reminders.calendars import Calendar

EXAMPLES = "каждый понедельник в 10:00, каждый рабочий день, каждые 2 недели, 15 числа каждого месяца, раз в год"
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKING = _DAYS[:5]
_FURTHEST = 366 * 4 + 1
"""So many days ahead the next one is looked for."""
_UNITS = {
    "дня": "DAILY", "дней": "DAILY", "день": "DAILY", "неделю": "WEEKLY", "недели": "WEEKLY", "недель": "WEEKLY",
    "месяц": "MONTHLY", "месяца": "MONTHLY", "месяцев": "MONTHLY", "год": "YEARLY", "года": "YEARLY",
    "лет": "YEARLY",
}  # fmt: skip
_ADVERBS = {
    "ежедневно": "DAILY",
    "еженедельно": "WEEKLY",
    "ежемесячно": "MONTHLY",
    "ежегодно": "YEARLY",
}
_RULE = re.compile(
    r"FREQ=(?P<frequency>DAILY|WEEKLY|MONTHLY|YEARLY)(?:;INTERVAL=(?P<interval>[1-9]\d?))?"
    r"(?:;BYDAY=(?P<days>(?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:MO|TU|WE|TH|FR|SA|SU))*))?"
    r"(?:;BYMONTHDAY=(?P<month_day>[1-9]|[12]\d|3[01]))?"
)
_EACH = r"кажд(?:ый|ую|ое|ые)"
_OF_MONTH = re.compile(rf"(?:{_EACH}\s+)?(?P<day>\d{{1,2}})(?:-?е|-?го)?\s+числ[оа](?:\s+(?:каждого\s+)?месяца)?")


class Recurrence(Struct, frozen=True):
    """How often something comes again: each `interval` days, weeks, months or years."""

    frequency: str
    interval: int = 1
    days: tuple[str, ...] = ()
    month_day: int | None = None

    def __str__(self) -> str:
        parts = [f"FREQ={self.frequency}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.days:
            parts.append(f"BYDAY={','.join(self.days)}")
        if self.month_day:
            parts.append(f"BYMONTHDAY={self.month_day}")
        return ";".join(parts)

    def after(self, moment: datetime, first: datetime, office: Calendar) -> datetime | None:
        """Return the next time after the moment; `first` is one of the times, from which is counted."""
        begun, day = first.astimezone(office.zone), moment.astimezone(office.zone).date()
        for _ in range(_FURTHEST * self.interval):
            at = datetime.combine(day, begun.time(), office.zone).astimezone(UTC)
            if at > moment and self._fits(day, begun.date(), office):
                return at
            day += timedelta(days=1)
        return None

    def _fits(self, day: date, first: date, office: Calendar) -> bool:
        if self.frequency == "DAILY":
            return (day - first).days % self.interval == 0
        if self.frequency == "WEEKLY":
            weeks = (day - timedelta(days=day.weekday()) - first + timedelta(days=first.weekday())).days // 7
            is_day = _DAYS[day.weekday()] in (self.days or (_DAYS[first.weekday()],))
            return is_day and weeks % self.interval == 0 and (self.days != _WORKING or office.is_open_day(day))
        last = months_of.monthrange(day.year, day.month)[1]
        months = (day.year - first.year) * 12 + day.month - first.month
        every = self.interval * (12 if self.frequency == "YEARLY" else 1)
        return day.day == min(self.month_day or first.day, last) and months % every == 0


def parse_recurrence(
    text: str, now: datetime, office: Calendar, first: datetime | None = None
) -> tuple[Recurrence, datetime] | None:
    """Return what the words mean and the first time, `None` when they mean nothing that comes again.

    The first time is the next after now, unless it is given. Without a time of day it is the opening of the office,
    without a day that of the first time or of today.
    """
    words = cleaned(text)
    if words is None:
        return None
    try:
        words, clock = clock_of(words)
    except ValueError:  # 25:00
        return None
    found = _read(words)
    if found is None:
        return None
    today = office.local_day(now)
    start = first or datetime.combine(today, clock or _opens(office, today), office.zone).astimezone(UTC)
    if found.frequency == "MONTHLY" and not found.month_day:  # else the 31st would become the 28th for good
        found = replace(found, month_day=office.local_day(start).day)
    first = first or found.after(now, start, office)
    return (found, first) if first else None


def read_rule(rule: str) -> Recurrence | None:
    """Return the recurrence that was kept as a rule; `None` for what these words never make."""
    found = _RULE.fullmatch(rule)
    if not found:
        return None
    days = tuple(found["days"].split(",")) if found["days"] else ()
    return Recurrence(found["frequency"], int(found["interval"] or 1), days, int(found["month_day"] or 0) or None)


def _opens(office: Calendar, today: date) -> time:
    return office.opening(office.day_from(today)).astimezone(office.zone).time()


def _read(words: str) -> Recurrence | None:
    if words in _ADVERBS:
        return Recurrence(_ADVERBS[words])
    if re.fullmatch(rf"(?:{_EACH} рабочий день|по рабочим дням|по будням)", words):
        return Recurrence("WEEKLY", days=_WORKING)
    if found := _OF_MONTH.fullmatch(words):
        day = int(found["day"])
        return Recurrence("MONTHLY", month_day=day) if 1 <= day <= 31 else None
    if found := re.fullmatch(rf"(?:{_EACH}|раз в)\s+(?:(?P<number>\d{{1,2}}|[а-я]+)\s+)?(?P<unit>[а-я]+)", words):
        number = found["number"]
        interval = 1 if number is None else int(number) if number.isdecimal() else NUMBERS.get(number, 0)
        if found["unit"] in _UNITS and interval > 0:
            return Recurrence(_UNITS[found["unit"]], interval)
    return _weekdays(words)


def _weekdays(words: str) -> Recurrence | None:
    """Read «каждый понедельник и четверг», «по вторникам»."""
    head = re.match(rf"(?:{_EACH}|по)\s+", words)
    if not head:
        return None
    named = re.split(r"\s+(?:и\s+)?", words[head.end() :])
    places = {_weekday(name) for name in named}
    if None in places:
        return None
    return Recurrence("WEEKLY", days=tuple(day for place, day in enumerate(_DAYS) if place in places))


def _weekday(name: str) -> int | None:
    dative = re.sub(r"(?:ам|ям)$", "", name)  # «понедельникам», «средам», «воскресеньям»
    return next(
        (place for place, stem in enumerate(WEEKDAYS)
         if any(re.fullmatch(stem, form) for form in (name, dative, f"{dative}а", f"{dative}е"))),
        None,
    )  # fmt: skip
