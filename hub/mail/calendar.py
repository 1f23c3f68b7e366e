"""Invitations: the meeting of a calendar part (RFC 5545, RFC 5546), as far as a conversation needs it.

Own, because a calendar library brings rules of recurrence and its dependencies for seven fields. A time whose zone
nobody explains stays unknown: an hour too early is worse than no hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from hub.mail.letter import Invitation
from hub.model.values import Email

_MOST_LINES = 20_000
_WINDOWS = {
    "Kaliningrad": "Europe/Kaliningrad", "Russian": "Europe/Moscow", "Volgograd": "Europe/Volgograd",
    "Astrakhan": "Europe/Astrakhan", "Saratov": "Europe/Saratov", "Russia Time Zone 3": "Europe/Samara",
    "Ekaterinburg": "Asia/Yekaterinburg", "Omsk": "Asia/Omsk", "N. Central Asia": "Asia/Novosibirsk",
    "North Asia": "Asia/Krasnoyarsk", "Altai": "Asia/Barnaul", "Tomsk": "Asia/Tomsk",
    "North Asia East": "Asia/Irkutsk", "Transbaikal": "Asia/Chita", "Yakutsk": "Asia/Yakutsk",
    "Vladivostok": "Asia/Vladivostok", "Sakhalin": "Asia/Sakhalin", "Magadan": "Asia/Magadan",
    "Russia Time Zone 10": "Asia/Srednekolymsk", "Russia Time Zone 11": "Asia/Kamchatka",
    "Belarus": "Europe/Minsk", "West Asia": "Asia/Tashkent", "Central Asia": "Asia/Almaty",
    "W. Europe": "Europe/Berlin", "GMT": "Europe/London", "UTC": "UTC",
}  # fmt: skip
"""Names that Outlook gives to the zones of Russia and its neighbours, without their `Standard Time`."""
_ZONE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*){1,2}")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_DURATION = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?")
_PARAMETER = re.compile(r';([A-Za-z-]{1,40})=("[^"]*"|[^;:"]*)')

Property = tuple[str, dict[str, str], str]


def read_meeting(text: str, method: str = "") -> Invitation | None:
    """Return the first meeting of a calendar, `None` when it holds none; `method` is that of the mail part."""
    zones: dict[str, set[timedelta]] = {}
    fields: dict[str, Property] = {}
    inside: list[str] = []
    for name, parameters, value in _properties(text):
        if name == "BEGIN":
            inside.append(value.upper())
        elif name == "END":
            inside = inside[:-1]
            if value.upper() == "VEVENT":
                break
        elif name == "METHOD" and len(inside) < 2:
            method = method or value
        elif inside[-1:] == ["VEVENT"]:
            fields.setdefault(name, (name, parameters, value))
        elif name == "TZID":
            zones.setdefault(value, set())
        elif name == "TZOFFSETTO" and zones:
            zones[next(reversed(zones))].add(_offset(value))
    return _meeting(fields, zones, method) if fields else None


def _meeting(fields: dict[str, Property], zones: dict[str, set[timedelta]], method: str) -> Invitation:
    start, end = (_moment(fields.get(name), zones) for name in ("DTSTART", "DTEND"))
    if start and not end and "DURATION" in fields:
        end = _later(start, fields["DURATION"][2])
    cancelled = _said(fields, "STATUS").upper() == "CANCELLED"
    organiser = Email.parse(re.sub(r"(?i)^mailto:", "", _said(fields, "ORGANIZER")))
    return Invitation(
        method="cancel" if cancelled else method.lower()[:20],
        id=_said(fields, "UID")[:500],
        title=_said(fields, "SUMMARY")[:1000],
        place=_said(fields, "LOCATION")[:1000],
        organiser=organiser.address if organiser else "",
        start=start,
        end=end,
        is_all_day="DTSTART" in fields and "T" not in fields["DTSTART"][2],
    )


def _properties(text: str) -> Iterator[Property]:
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()[:_MOST_LINES]
    for line in lines:
        head = re.match(r"[A-Za-z-]{1,40}", line)
        if head is None:
            continue
        place, parameters = head.end(), {}
        while found := _PARAMETER.match(line, place):
            parameters[found[1].upper()] = found[2].strip('"')
            place = found.end()
        if line[place : place + 1] == ":":
            yield head[0].upper(), parameters, line[place + 1 :].strip()


def _said(fields: dict[str, Property], name: str) -> str:
    value = fields.get(name, (name, {}, ""))[2]
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _moment(field: Property | None, zones: dict[str, set[timedelta]]) -> datetime | None:
    found = _STAMP.fullmatch(field[2]) if field else None
    if field is None or found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if found[4] is None:
            return datetime.combine(day, time(), UTC)
        clock = time(int(found[4]), int(found[5]), min(int(found[6] or 0), 59))
        zone = UTC if found[7] else _zone(field[1].get("TZID", ""), zones)
        return datetime.combine(day, clock, zone).astimezone(UTC) if zone else None
    except (ValueError, OverflowError):
        return None


def _zone(name: str, zones: dict[str, set[timedelta]]) -> tzinfo | None:
    known = _WINDOWS.get(name.removesuffix(" Standard Time"), name)
    if known == "UTC":
        return UTC
    if _ZONE_KEY.fullmatch(known):
        try:
            return ZoneInfo(known)
        except (LookupError, ValueError, OSError):
            pass
    offsets = zones.get(name, set())
    return timezone(next(iter(offsets))) if len(offsets) == 1 else None


def _offset(value: str) -> timedelta:
    found = _OFFSET.match(value)
    if found is None or int(found[2]) > 23 or int(found[3]) > 59:
        return timedelta()
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == "-" else size


def _later(start: datetime, duration: str) -> datetime | None:
    found = _DURATION.fullmatch(duration.strip().lstrip("+"))
    if found is None:
        return None
    weeks, days, hours, minutes, seconds = (int(it or 0) for it in found.groups())
    try:
        return start + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None
