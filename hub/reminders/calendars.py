"""Working time: which moments are open, and sums over them.

A calendar is a zone, the open hours of a day and the days that count. Days come from the Russian production calendar
(package `holidays`, moved days included), corrected by the firm's own overrides; the working day before a holiday of
article 112 of the Labour Code closes an hour earlier (article 95).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import isleap
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from hub.model.values import parse_duration

Intervals = tuple[tuple[int, int], ...]
"""Open hours of a day in minutes after midnight, in order, without overlap."""

OFFICE_HOURS: Intervals = ((540, 780), (840, 1080))
EXTENDED_HOURS: Intervals = ((480, 1320),)
_WHOLE_DAY: Intervals = ((0, 1440),)
CALENDARS = ("always", "office", "client", "extended")

ZERO = timedelta(0)
_DAY = timedelta(days=1)
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
"""Days outside are typing errors or empty dates of a source; nothing is counted from them."""

_HOLIDAYS_112 = frozenset({*((1, day) for day in range(1, 9)), (2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)})


class Span(Struct, frozen=True):
    """A length of time: real (`15m`, `2h`, `3d`) or of working time (`3bd`, `4bh`); may be negative."""

    real: timedelta = ZERO
    business_days: int = 0
    business_hours: int = 0


_SPAN = re.compile(r"([+-]?)\s*(\d{1,5})(bd|bh)", re.ASCII)


def parse_span(text: str) -> Span | None:
    """Read `15m`, `2h`, `3d`, `3bd`, `4bh` with an optional sign; `None` for anything else."""
    cleaned = text.strip().lower()
    if found := _SPAN.fullmatch(cleaned):
        amount = int(found[1] + found[2])
        return Span(business_days=amount) if found[3] == "bd" else Span(business_hours=amount)
    real = parse_duration(cleaned.lstrip("+-").strip()) if len(cleaned) <= 20 else None
    if real is None or len(cleaned) - len(cleaned.lstrip("+-")) > 1 or real > timedelta(days=36500):
        return None
    return Span(real=-real if cleaned.startswith("-") else real)


def parse_hours(text: str) -> Intervals | None:
    """Read open hours such as `09:00-13:00 14:00-18:00`; `None` when they are out of order or not hours."""
    intervals: list[tuple[int, int]] = []
    for part in text.replace(",", " ").split():
        found = re.fullmatch(r"(\d{2}):([0-5]\d)-(\d{2}):([0-5]\d)", part, re.ASCII)
        if not found:
            return None
        start, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
        if not (intervals[-1][1] if intervals else 0) <= start < end <= 1440:
            return None
        intervals.append((start, end))
    return tuple(intervals) or None


def parse_time(text: str) -> time | None:
    """Read a time of day such as `10:00`."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text.strip(), re.ASCII)
    return time(int(found[1]), int(found[2])) if found else None


class Overrides(Struct, frozen=True):
    """What the firm says against the production calendar: days off, working days, days that close an hour earlier."""

    off: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()
    short: frozenset[date] = frozenset()


AS_OFFICIAL = Overrides()


@lru_cache(maxsize=256)
def working_days(year: int, overrides: Overrides = AS_OFFICIAL) -> tuple[bool, ...]:
    """Return for each day of the year whether it is a working day in Russia."""
    import holidays  # a tenth of a second to import: only who counts working days pays for it

    official = holidays.country_holidays("RU", years=year)
    first = date(year, 1, 1)
    days = (first + timedelta(days=offset) for offset in range((date(year, 12, 31) - first).days + 1))
    return tuple(
        day in overrides.working or (day not in overrides.off and official.is_working_day(day)) for day in days
    )


def is_working(day: date, overrides: Overrides = AS_OFFICIAL) -> bool:
    """Tell whether the day is a working day of the production calendar."""
    return working_days(day.year, overrides)[day.timetuple().tm_yday - 1]


def is_short(day: date, overrides: Overrides = AS_OFFICIAL) -> bool:
    """Tell whether the day is a working day that closes an hour earlier."""
    return is_working(day, overrides) and _closes_early(day, overrides)


def _closes_early(day: date, overrides: Overrides) -> bool:
    tomorrow = day + _DAY
    return day in overrides.short or (tomorrow.month, tomorrow.day) in _HOLIDAYS_112


class _Year(Struct, frozen=True):
    """The open hours of each day of a year, and the open minutes before each day (one entry more)."""

    days: tuple[Intervals, ...]
    before: tuple[int, ...]


class Calendar:
    """Open hours in one zone. With `every_day` the production calendar has no say."""

    def __init__(
        self, zone: ZoneInfo, hours: Intervals, overrides: Overrides = AS_OFFICIAL, *, every_day: bool = False
    ) -> None:
        self.zone = zone
        self.hours = hours
        self._short_hours = _shortened(hours)
        self._overrides = overrides
        self._every_day = every_day
        self._years: dict[int, _Year] = {}

    def intervals(self, day: date) -> Intervals:
        """Return the open hours of the day; none when it is a day off."""
        return self._year(day.year).days[day.timetuple().tm_yday - 1]

    def is_open_day(self, day: date) -> bool:
        """Tell whether the day has open hours."""
        return bool(self.intervals(day))

    def shift_day(self, day: date, days: int) -> date:
        """Return the open day that many open days after (before) the given one; zero gives the day itself."""
        step = _DAY if days > 0 else -_DAY
        for _ in range(abs(days)):
            day += step
            while not self.is_open_day(day):
                day += step
        return day

    def day_from(self, day: date) -> date:
        """Return the day itself if it is open, else the next open one."""
        return day if self.is_open_day(day) else self.shift_day(day, 1)

    def at(self, day: date, clock: time) -> datetime:
        """Return the instant of a local time of day."""
        return datetime.combine(day, clock, self.zone).astimezone(UTC)

    def midnight(self, day: date) -> datetime:
        """Return the instant at which the day begins."""
        return self.at(day, time())

    def opening(self, day: date) -> datetime:
        """Return the instant at which the day opens, or would open if it were open."""
        return self._on(day, (self.intervals(day) or self.hours)[0][0])

    def closing(self, day: date) -> datetime:
        """Return the instant at which the day closes, or would close if it were open."""
        return self._on(day, (self.intervals(day) or self.hours)[-1][1])

    def hours_of(self, day: date) -> list[datetime]:
        """Return when each open hour of the day begins; none on a day off."""
        return [self._on(day, minute) for start, end in self.intervals(day) for minute in range(start, end, 60)]

    def local_day(self, moment: datetime) -> date:
        """Return the local day of the instant."""
        return moment.astimezone(self.zone).date()

    def next_open(self, moment: datetime) -> datetime:
        """Return the instant itself if it is open, else the next opening."""
        local = self._local(moment)
        for start, end in self.intervals(local.date()):
            midnight = datetime.combine(local.date(), time())
            if local < midnight + timedelta(minutes=end):
                return self._instant(max(local, midnight + timedelta(minutes=start)))
        return self.opening(self.shift_day(local.date(), 1))

    def add(self, moment: datetime, span: Span) -> datetime:
        """Return the instant that lies the span after; business parts are counted in open time."""
        if span.business_days:
            moment = self._add_days(moment, span.business_days)
        if span.business_hours:
            moment = self.add_open(moment, timedelta(hours=span.business_hours))
        return (moment + span.real).astimezone(UTC)

    def add_open(self, moment: datetime, length: timedelta) -> datetime:
        """Return the earliest instant before which that much open time has passed; never before `moment`."""
        if length <= ZERO:
            return moment.astimezone(UTC)
        local = self._local(moment)
        target, year = self._open_before(local) + length, local.year
        while target > timedelta(minutes=self._year(year).before[-1]):
            target -= timedelta(minutes=self._year(year).before[-1])
            year += 1
        table = self._year(year)
        index = bisect_left(table.before, target / timedelta(minutes=1)) - 1
        rest = target - timedelta(minutes=table.before[index])
        midnight = datetime(year, 1, 1) + timedelta(days=index)  # noqa: DTZ001 - local arithmetic, zone is added below
        for start, end in table.days[index]:
            if rest <= timedelta(minutes=end - start):
                return self._instant(midnight + timedelta(minutes=start) + rest)
            rest -= timedelta(minutes=end - start)
        raise AssertionError("the target lies inside the day")

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the open time between two instants; negative when they are in reverse order."""
        first, last = self._local(start), self._local(end)
        years = range(min(first.year, last.year), max(first.year, last.year))
        whole = sum(self._year(year).before[-1] for year in years)
        sign = 1 if last.year >= first.year else -1
        return timedelta(minutes=sign * whole) + self._open_before(last) - self._open_before(first)

    def _add_days(self, moment: datetime, days: int) -> datetime:
        """Keep the local time of day; a moment outside open hours counts from the next opening."""
        local = self._local(self.next_open(moment))
        day = self.shift_day(local.date(), days)
        closing = timedelta(minutes=self.intervals(day)[-1][1])
        since_midnight = local - datetime.combine(local.date(), time())
        return self._instant(datetime.combine(day, time()) + min(since_midnight, closing))

    def _open_before(self, local: datetime) -> timedelta:
        """Return the open time of the year before the local moment."""
        table, index = self._year(local.year), local.timetuple().tm_yday - 1
        total = timedelta(minutes=table.before[index])
        since_midnight = local - datetime.combine(local.date(), time())
        for start, end in table.days[index]:
            opened, closed = timedelta(minutes=start), timedelta(minutes=end)
            total += max(ZERO, min(since_midnight, closed) - opened)
        return total

    def _year(self, year: int) -> _Year:
        if year not in self._years:
            days = self._hours(year)
            before = [0]
            for hours in days:
                before.append(before[-1] + sum(end - start for start, end in hours))
            self._years[year] = _Year(tuple(days), tuple(before))
        return self._years[year]

    def _hours(self, year: int) -> list[Intervals]:
        """Return the open hours of each day of a year."""
        if self._every_day:
            return [self.hours] * (366 if isleap(year) else 365)
        found: list[Intervals] = []
        for place, is_open in enumerate(working_days(year, self._overrides)):
            is_early = is_open and _closes_early(date(year, 1, 1) + timedelta(days=place), self._overrides)
            found.append(self._short_hours if is_early else self.hours if is_open else ())
        return found

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def _on(self, day: date, minutes: int) -> datetime:
        return self._instant(datetime.combine(day, time()) + timedelta(minutes=minutes))

    def _instant(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(UTC)


def _shortened(hours: Intervals) -> Intervals:
    start, end = hours[-1]
    return (*hours[:-1], (start, end - 60)) if end - 60 > start else hours[:-1] or hours


class Calendars:
    """The calendars a rule may name, for one firm.

    `always` is every minute, `office` the office hours, `client` the office hours in the client's zone, `extended`
    the office and the people on duty, every day.
    """

    def __init__(
        self,
        zone: str = "Europe/Moscow",
        office: Intervals = OFFICE_HOURS,
        extended: Intervals = EXTENDED_HOURS,
        overrides: Overrides = AS_OFFICIAL,
    ) -> None:
        self.zone = ZoneInfo(zone)
        self._office = office
        self._extended = extended
        self._overrides = overrides
        self._made: dict[tuple[str, str], Calendar] = {}

    def get(self, name: str, client_zone: str = "") -> Calendar:
        """Return the calendar of that name; `client_zone` is used by `client` and may be unknown."""
        key = (name, client_zone if name == "client" else "")
        if key not in self._made:
            self._made[key] = self._make(name, client_zone)
        return self._made[key]

    def client_zone(self, name: str) -> ZoneInfo:
        """Return the zone of that name, or that of the office when there is no such zone."""
        try:
            return ZoneInfo(name) if name else self.zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return self.zone

    def _make(self, name: str, client_zone: str) -> Calendar:
        if name == "always":
            return Calendar(ZoneInfo("UTC"), _WHOLE_DAY, every_day=True)
        if name == "extended":
            return Calendar(self.zone, self._extended, every_day=True)
        zone = self.client_zone(client_zone) if name == "client" else self.zone
        return Calendar(zone, self._office, self._overrides)
