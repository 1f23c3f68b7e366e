"""Days and hours as people say them in Russian: «завтра в 10:00», «через 2 недели», «в пятницу», «конец месяца»."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta

_DAYS = {"сегодня": 0, "завтра": 1, "послезавтра": 2}
_WEEKDAYS = ("понедельник", "вторник", "сред", "четверг", "пятниц", "суббот", "воскресень")
_MONTHS = ("январ", "феврал", "март", "апрел", "ма", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр")
_TIME = re.compile(r"\s+в\s+(\d{1,2})(?::(\d{2}))?(?:\s+час\w*)?$")
_SPAN = re.compile(r"через\s+(?:(\d{1,3})\s+)?(минут\w*|час\w*|полчаса|день|дня|дней|недел\w+|месяц\w*|год\w*|лет)")
_WEEKDAY = re.compile(rf"(?:во?\s+)?(следующ\w+\s+)?({'|'.join(_WEEKDAYS)})\w*")
_DAY = re.compile(rf"(\d{{1,2}})\s+({'|'.join(_MONTHS)})[а-я]*(?:\s+(\d{{4}}))?(?:\s*г(?:\.|ода)?)?")
_FIGURES = re.compile(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{4}))?")


def parse_when(text: str, now: datetime) -> date | datetime | None:
    """Read a day, or a moment in the zone of `now`; None for what is not understood. Days lie ahead of `now`."""
    words = " ".join(text.lower().replace("ё", "е").split())
    hour = _TIME.search(words)
    try:
        at = time(int(hour[1]), int(hour[2] or 0)) if hour else None
        day = _day(words[: hour.start()] if hour else words, now)
    except (ValueError, OverflowError):  # 31 февраля, 25:00
        return None
    if day is None or (at and isinstance(day, datetime)):
        return None
    return datetime.combine(day, at, now.tzinfo) if at else day


def _day(words: str, now: datetime) -> date | datetime | None:
    today = now.date()
    if words in _DAYS:
        return today + timedelta(days=_DAYS[words])
    if words in ("конец месяца", "в конце месяца", "до конца месяца"):
        return today.replace(day=monthrange(today.year, today.month)[1])
    if found := _SPAN.fullmatch(words):
        return _after(now, int(found[1] or 1), found[2])
    if found := _WEEKDAY.fullmatch(words):
        ahead = (_WEEKDAYS.index(found[2]) - today.weekday() - 1) % 7 + 1
        return today + timedelta(days=ahead + (7 if found[1] else 0))
    if found := _DAY.fullmatch(words):
        return _in_year(today, found[3], _MONTHS.index(found[2]) + 1, int(found[1]))
    if found := _FIGURES.fullmatch(words):
        return _in_year(today, found[3], int(found[2]), int(found[1]))
    return None


def _after(now: datetime, count: int, unit: str) -> date | datetime:
    if unit == "полчаса":
        return now + timedelta(minutes=30)
    if unit.startswith(("минут", "час")):
        return now + (timedelta(minutes=count) if unit.startswith("минут") else timedelta(hours=count))
    today = now.date()
    if unit.startswith(("ден", "дн")):
        return today + timedelta(days=count)
    if unit.startswith("недел"):
        return today + timedelta(weeks=count)
    months = today.month - 1 + (count if unit.startswith("месяц") else count * 12)
    year, month = today.year + months // 12, months % 12 + 1
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def _in_year(today: date, year: str | None, month: int, day: int) -> date:
    if year:
        return date(int(year), month, day)
    this = date(today.year, month, day)
    return this if this >= today else date(today.year + 1, month, day)
