"""Things that rules speak of and no source brings: the firm, its months and working days, holidays of everybody."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hub.config import Config
from hub.reminders.calendars import Calendar

_DAYS_BACK = 10
"""So long a day that is not told of can still be told of."""
_OCCASIONS = (
    ("new-year", "holiday", "Новый год", 12, 31),
    ("defender", "holiday", "День защитника Отечества", 2, 23),
    ("women", "holiday", "Международный женский день", 3, 8),
    ("accountant", "holiday", "День бухгалтера", 11, 21),
    ("annual", "reporting", "Годовая бухгалтерская отчётность", 3, 31),
    ("quarter-1", "reporting", "Отчётность за первый квартал", 4, 25),
    ("quarter-2", "reporting", "Отчётность за полугодие", 7, 25),
    ("quarter-3", "reporting", "Отчётность за девять месяцев", 10, 25),
    ("quarter-4", "reporting", "Расчёт по страховым взносам за год", 1, 25),
)
"""Days of each year: id, type, title, month, day. Others are entered (`hub occasion new`)."""


def standing(config: Config, office: Calendar, now: datetime) -> dict[str, dict[str, dict[str, Any]]]:
    """Return these things by kind and id, as they stand at `now`."""
    today = office.local_day(now)
    return {
        "firm": {"firm": {}},
        "month": _months(config, today),
        "workday": _workdays(config, office, today),
        "occasion": {
            f"every-year/{key}": {"type": form, "title": title, "date": date(2000, month, day), "is_yearly": True}
            for key, form, title, month, day in _OCCASIONS
        },
    }


def _months(config: Config, today: date) -> dict[str, dict[str, Any]]:
    """Return the last two whole months of each manager."""
    last = today.replace(day=1) - timedelta(days=1)
    ends = (last, last.replace(day=1) - timedelta(days=1))
    managers = [person for person in config.model.employees if person.role == "manager"]
    return {f"{end:%Y-%m}/{person.id}": {"employee": person.id, "end": end} for end in ends for person in managers}


def _workdays(config: Config, office: Calendar, today: date) -> dict[str, dict[str, Any]]:
    """Return the last open days of those who are on probation or have a timetable."""
    days = [today - timedelta(days=back) for back in range(_DAYS_BACK)]
    found: dict[str, dict[str, Any]] = {}
    for person in config.model.employees:
        for day in days if person.probation_until or person.timetable else ():
            if office.is_open_day(day):
                on_probation = person.probation_until is not None and day <= person.probation_until
                plan = person.timetable[day.weekday() % len(person.timetable)] if person.timetable else ""
                found[f"{day}/{person.id}"] = {
                    "employee": person.id, "day": day, "on_probation": on_probation, "plan": plan
                }  # fmt: skip
    return found
