"""Days and times as people say them: «завтра в 10:00», «через 2 недели», «15.12», `2026-12-15T10:00`, `3bd`.

An own small grammar: what it does not know it refuses, where the known packages guess, know no working days and cost
half a second to import. A text without a year means the nearest such day ahead, or behind for what has happened.
"""

from __future__ import annotations

import calendar as months_of
import re
from datetime import UTC, date, datetime, time, timedelta

from hub.reminders.calendars import FIRST_DAY, LAST_DAY, Calendar, parse_span

MOST = 60
"""Longer texts are no date."""
EXAMPLES = "завтра в 10:00, через 2 недели, через 3 рабочих дня, в пятницу, 15.12, 15 декабря 2026, 2026-12-15T10:00"

_MONTHS = (
    "январ",
    "феврал",
    "март",
    "апрел",
    "ма[йяе]",
    "июн",
    "июл",
    "август",
    "сентябр",
    "октябр",
    "ноябр",
    "декабр",
)
WEEKDAYS = ("понедельника?", "вторника?", "сред[ауы]", "четверга?", "пятниц[ауы]", "суббот[ауы]", "воскресень[ея]")
NUMBERS = {
    "один": 1, "одну": 1, "два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5, "шесть": 6, "семь": 7, "восемь": 8,
    "девять": 9, "десять": 10, "пару": 2,
}  # fmt: skip
_NEAR = {"позавчера": -2, "вчера": -1, "сегодня": 0, "завтра": 1, "послезавтра": 2}
_CLOCK = re.compile(
    r"(?:^|\s)(?:(?:в|к|до)\s+(?P<h1>\d{1,2})[:.](?P<m1>\d{2})|(?P<h2>\d{1,2}):(?P<m2>\d{2})"
    r"|(?:в|к|до)\s+(?P<h3>\d{1,2})(?:\s+час(?:а|ов)?)?)$"
)
_NAMED_DAY = re.compile(
    r"(?:(?:во?|до|к|на)\s+)?(?P<next>следующ(?:ий|ую|ее)\s+)?(?P<prev>прошл(?:ый|ую|ое)\s+)?(?P<name>[а-я]+)"
)
_AMOUNT = r"(?:(?P<number>\d{1,4}|[а-я]+)\s+)?"
_THROUGH = re.compile(
    rf"(?P<head>через\s+)?{_AMOUNT}(?P<unit>минут[уы]?|час(?:а|ов)?|рабоч(?:ий|их)\s+д(?:ень|ня|ней)|д(?:ень|ня|ней)"
    r"|недел[юиь]|месяц(?:а|ев)?|год(?:а)?|лет|полчаса|полгода)(?P<tail>\s+назад)?"
)


def parse_moment(text: str, now: datetime, office: Calendar, *, past: bool = False) -> datetime | None:
    """Return the instant that a text means, `None` when it means none.

    A day without a time is its opening hour. `past` looks back for what has no year, and today means now.
    """
    words = cleaned(text)
    if words is None:
        return None
    zone = office.zone
    try:
        if exact := _iso_moment(text.strip()):
            return (exact if exact.tzinfo else exact.replace(tzinfo=zone)).astimezone(UTC)
        if words == "сейчас":
            return now
        if (moved := _moved(words, now, office)) is not None:
            return moved
        day_text, clock = clock_of(words)
        today = now.astimezone(zone).date()
        day = _day(day_text, today, office, past=past) if day_text else today
        if day is None or not FIRST_DAY <= day <= LAST_DAY:
            return None
        if clock is not None:
            return office.at(day, clock)
        return now if past and day == today else office.opening(day)
    except (ValueError, OverflowError):
        return None


def parse_day(text: str, now: datetime, office: Calendar, *, past: bool = False) -> date | None:
    """Return the day that a text means, `None` when it means none or names a time of day."""
    words = cleaned(text)
    if words is None:
        return None
    try:
        day = _day(words, now.astimezone(office.zone).date(), office, past=past)
    except (ValueError, OverflowError):
        return None
    return day if day is not None and FIRST_DAY <= day <= LAST_DAY else None


def cleaned(text: str) -> str | None:
    """Return the words in one case with single spaces, `None` when there are none or far too many."""
    if len(text) > MOST:
        return None
    return " ".join(text.casefold().replace("ё", "е").replace(",", " ").split()) or None


def _iso_moment(text: str) -> datetime | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", text, re.ASCII):
        return None
    return datetime.fromisoformat(text)


def clock_of(text: str) -> tuple[str, time | None]:
    """Part a time of day from the end of the text."""
    found = _CLOCK.search(text)
    if not found:
        return text, None
    hour = next(int(found[name]) for name in ("h1", "h2", "h3") if found[name])
    minute = next((int(found[name]) for name in ("m1", "m2") if found[name]), 0)
    return text[: found.start()].strip(), time(hour, minute)


def _moved(text: str, now: datetime, office: Calendar) -> datetime | None:
    """Return an instant that is counted from now, to the minute."""
    if span := parse_span(text):
        return office.add(now, span)
    found = _THROUGH.fullmatch(text)
    sign = _sign(found) if found else 0
    if not found or not sign:
        return None
    unit, number = found["unit"], _number(found["number"])
    if unit == "полчаса" and found["number"] is None:
        return now + sign * timedelta(minutes=30)
    if number is None or not unit.startswith(("минут", "час")):
        return None
    return now + sign * number * (timedelta(minutes=1) if unit.startswith("минут") else timedelta(hours=1))


def _sign(found: re.Match[str]) -> int:
    """Return 1 for «через …», -1 for «… назад», 0 for neither or both."""
    return int(bool(found["head"])) - int(bool(found["tail"]))


def _number(text: str | None) -> int | None:
    if text is None:
        return 1
    return int(text) if text.isdecimal() else NUMBERS.get(text)


def _day(text: str, today: date, office: Calendar, *, past: bool) -> date | None:
    text = re.sub(r"^(?:до|к|на|с)\s+(?=\d|завтра|послезавтра)", "", text)
    if text in _NEAR:
        return today + timedelta(days=_NEAR[text])
    for reader in (_numeric, _with_month, _weekday):
        if (day := reader(text, today, past)) is not None:
            return day
    if (span := parse_span(text)) and not span.business_hours and not span.real % timedelta(days=1):
        return office.shift_day(today, span.business_days) if span.business_days else today + span.real
    return _through(text, today, office) or _of_month(text, today, office)


def _numeric(text: str, today: date, past: bool) -> date | None:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return date.fromisoformat(text)
    found = re.fullmatch(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{4}|\d{2}))?\.?", text, re.ASCII)
    return _dated(int(found[1]), int(found[2]), found[3], today, past=past) if found else None


def _with_month(text: str, today: date, past: bool) -> date | None:
    found = re.fullmatch(r"«?(\d{1,2})»?\s+([а-я]+)(?:\s+(\d{4}))?(?:\s*г(?:\.|ода)?)?", text)
    if not found:
        return None
    month = next((place for place, stem in enumerate(_MONTHS, 1) if re.match(stem, found[2])), 0)
    return _dated(int(found[1]), month, found[3], today, past=past) if month else None


def _dated(day: int, month: int, year: str | None, today: date, *, past: bool) -> date | None:
    """Return the day; without a year the nearest ahead (today counts), or behind."""
    if year:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    step = -1 if past else 1
    for offset in range(9):  # 29 February comes every fourth year, once in a while every eighth
        try:
            found = date(today.year + step * offset, month, day)
        except ValueError:
            if (month, day) != (2, 29):
                raise
            continue
        if (found - today).days * step >= 0:
            return found
    return None


def _weekday(text: str, today: date, past: bool) -> date | None:
    found = _NAMED_DAY.fullmatch(text)
    place = next((n for n, stem in enumerate(WEEKDAYS) if found and re.fullmatch(stem, found["name"])), None)
    if not found or place is None:
        return None
    monday = today - timedelta(days=today.weekday())
    if found["next"]:  # of the next week; nobody calls tomorrow «следующий»
        day = monday + timedelta(days=7 + place)
        return day if (day - today).days > 1 else day + timedelta(days=7)
    if found["prev"]:
        return monday + timedelta(days=place - 7)
    ahead = (place - today.weekday()) % 7
    return today - timedelta(days=(7 - ahead) % 7 or 7) if past else today + timedelta(days=ahead or 7)


def _through(text: str, today: date, office: Calendar) -> date | None:
    found = _THROUGH.fullmatch(text)
    sign = _sign(found) if found else 0
    if not found or not sign:
        return None
    unit, number = found["unit"], _number(found["number"])
    if number is None or unit == "полчаса" or unit.startswith(("минут", "час")):
        return None
    if unit == "полгода":
        return add_months(today, 6 * sign) if found["number"] is None else None
    if unit.startswith("рабоч"):
        return office.shift_day(today, sign * number)
    if unit.startswith("д"):
        return today + timedelta(days=sign * number)
    if unit.startswith("недел"):
        return today + timedelta(weeks=sign * number)
    return add_months(today, sign * number * (1 if unit.startswith("месяц") else 12))


def _of_month(text: str, today: date, office: Calendar) -> date | None:
    """Read «на следующей неделе», «в конце месяца», «первый рабочий день месяца»."""
    if re.fullmatch(r"на следующей неделе", text):
        return today + timedelta(days=7 - today.weekday())
    if re.fullmatch(r"(?:в )?кон(?:ец|це) месяца", text):
        return today.replace(day=months_of.monthrange(today.year, today.month)[1])
    if re.fullmatch(r"(?:в )?(?:начал[ое] следующего месяца|первый рабочий день (?:следующего )?месяца)", text):
        return office.day_from(add_months(today.replace(day=1), 1))
    return None


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, months_of.monthrange(year, month + 1)[1]))
