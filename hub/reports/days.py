"""The days a report is about, in the firm's zone, and their weeks and months."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

_DAY = timedelta(days=1)
_MONTHS = ("январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь",
           "декабрь")  # fmt: skip


class Days(Struct, frozen=True):
    """Days from `first` to `last`, both inside; they begin and end at midnight of the zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """Return the first instant."""
        return self._midnight(self.first)

    @property
    def until(self) -> datetime:
        """Return the first instant after the period."""
        return self._midnight(self.last + _DAY)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def months(self) -> Iterator[Days]:
        """Yield the months of the period, the outer ones cut to it."""
        start = self.first
        while start <= self.last:
            end = min(end_of_month(start), self.last)
            yield Days(start, end, self.zone)
            start = end + _DAY

    def each(self) -> Iterator[date]:
        """Yield every day."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)

    def __str__(self) -> str:
        """Say the period in Russian: one day, a whole month, or from and to."""
        if self.first == self.last:
            return f"на {self.first:%d.%m.%Y}"
        if self.first.day == 1 and self.last == end_of_month(self.first):
            return month_words(self.first)
        return f"с {self.first:%d.%m.%Y} по {self.last:%d.%m.%Y}"

    def offsets(self) -> list[tuple[datetime, int]]:
        """Return from which instant on the zone is how many minutes ahead of UTC within the period."""
        found = [(self.since, self._minutes(self.since))]
        moment = self.since
        while moment < self.until:
            later = min(moment + _DAY, self.until)
            if self._minutes(later) != found[-1][1]:
                found.append((self._change(moment, later), self._minutes(later)))
            moment = later
        return found

    def _minutes(self, moment: datetime) -> int:
        offset = moment.astimezone(self.zone).utcoffset() or timedelta(0)
        return int(offset.total_seconds() // 60)

    def _change(self, before: datetime, after: datetime) -> datetime:
        """Return the minute of a change that lies between the two."""
        old = self._minutes(before)
        while after - before > timedelta(minutes=1):
            middle = before + timedelta(minutes=int((after - before).total_seconds() // 120))
            before, after = (middle, after) if self._minutes(middle) == old else (before, middle)
        return after


def end_of_month(day: date) -> date:
    """Return the last day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def month_of(day: date, zone: ZoneInfo) -> Days:
    """Return the whole month of the day."""
    return Days(day.replace(day=1), end_of_month(day), zone)


def months_back(day: date, count: int) -> date:
    """Return the first day of the month so many months ago."""
    months = day.year * 12 + day.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def week_of(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def month_words(day: date) -> str:
    """Return the month as a heading: `ноябрь 2026`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def short_month(day: date) -> str:
    """Return the month in few signs, for tables and axes: `ноя 2026`."""
    return f"{_MONTHS[day.month - 1][:3]} {day.year}"
