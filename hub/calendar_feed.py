"""Reminders as an iCalendar feed (RFC 5545): one to-do with an alarm each, for the calendar a person has anyway.

The text follows from the reminders alone: the same reminders give the same bytes, so a file is written only when
something changed. Times are in UTC, which needs no time zone of its own in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from hub.config import Config
from hub.files import write_file
from hub.remind import Reminding, instance_of
from hub.reminders.dues import Due
from hub.reminders.explain import card, script
from hub.reminders.rules import Rule
from hub.reminders.world import World

PRIORITIES = {"urgent": 1, "important": 3, "normal": 5, "info": 9}
KEEP_CLOSED = timedelta(days=14)
"""So long a closed reminder stays in the feed, so that every calendar hears that it is done."""
_MAX_OCTETS = 75
_ALARM = {"urgent": "-PT0S", "important": "-PT10M", "normal": "-PT10M"}
"""How long before the due time the calendar rings; what only informs does not ring."""


class Shown(Struct, frozen=True):
    """What a calendar shows: reminders, open ones and those closed lately, with their facts and rules, at a moment."""

    world: World
    rules: Sequence[Rule]
    dues: Sequence[Due]
    now: datetime


def shown(found: Reminding) -> Shown:
    """Return what calendars show of the reminders in the store."""
    dues = (*found.open, *found.closed_since(found.now - KEEP_CLOSED))
    return Shown(found.world(dues), found.rules, dues, found.now)


def feed(found: Shown, employee: str = "") -> bytes:
    """Return the reminders of an employee (or of all) as a calendar."""
    name = str(found.world.value("employee", employee, "name") or employee)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//svyazka//hub//RU", "CALSCALE:GREGORIAN",
             f"X-WR-CALNAME:{_text(f'Напоминания: {name}' if name else 'Напоминания')}"]  # fmt: skip
    known = {rule.id: rule for rule in found.rules}
    for due in sorted(found.dues, key=lambda due: (due.rule, due.key, due.trigger_time)):
        if due.rule in known and _is_shown(due, found.now, employee):
            lines += _todo(found.world, known[due.rule], due, found.now)
    return "".join(f"{part}\r\n" for line in (*lines, "END:VCALENDAR") for part in _folded(line)).encode()


def write_feeds(config: Config, found: Shown) -> int:
    """Write `<employee>.ics` for everybody into the folder `feeds` of the configuration; return how many changed."""
    folder, changed = config.resolve(config.model.feeds), 0
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for employee in config.model.employees:
        path, content = folder / f"{employee.id}.ics", feed(found, employee.id)
        if not path.exists() or path.read_bytes() != content:
            write_file(path, content)
            changed += 1
    return changed


def _is_shown(due: Due, now: datetime, employee: str) -> bool:
    if due.is_open:
        return employee in ("", due.assignee)
    return not employee and due.ended_at is not None and now - due.ended_at <= KEEP_CLOSED


def _todo(world: World, rule: Rule, due: Due, now: datetime) -> Iterator[str]:
    moments = [due.trigger_time, *(step.time for step in due.steps), due.acked_at, due.ended_at]
    yield "BEGIN:VTODO"
    yield f"UID:{_text(due.key)}@{instance_of(due.trigger_time)}"
    yield f"DTSTAMP:{_time(max(filter(None, moments)))}"
    yield f"SEQUENCE:{due.count + len(due.steps) + bool(due.acked_at) + bool(due.snoozed_until) + (not due.is_open)}"
    yield f"SUMMARY:{_text(due.title)}"
    facts = [f"{fact.title}: {'; '.join(fact.lines)}" for fact in card(world, rule, due, now)]
    yield f"DESCRIPTION:{_text(chr(10).join([due.why, *facts, *script(world, rule, due, now)]))}"
    yield f"DUE:{_time(due.due)}"
    yield f"PRIORITY:{PRIORITIES[due.severity]}"
    yield f"CATEGORIES:{_text(due.rule)}"
    yield from _status(due)
    if due.is_open and due.severity in _ALARM:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{_text(due.title)}",
                    f"TRIGGER;RELATED=END:{_ALARM[due.severity]}", "END:VALARM")  # fmt: skip
    yield "END:VTODO"


def _status(due: Due) -> Iterable[str]:
    if due.is_open:
        return [f"STATUS:{'IN-PROCESS' if due.acked_at else 'NEEDS-ACTION'}"]
    if due.status == "resolved" and due.ended_at:
        return ["STATUS:COMPLETED", f"COMPLETED:{_time(due.ended_at)}"]
    return ["STATUS:CANCELLED"]


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """Escape a text; control characters, which no calendar may hold, are left out."""
    for sign in "\\;,":
        value = value.replace(sign, f"\\{sign}")
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\\n".join("".join(sign for sign in line if sign >= " " and sign != "\x7f") for line in lines)


def _folded(line: str) -> Iterator[str]:
    """Cut a line into parts of 75 octets at most, never within a letter; each further part begins with a blank."""
    part, octets = "", 0
    for sign in line:
        size = len(sign.encode())
        if octets + size > _MAX_OCTETS:
            yield part
            part, octets = " ", 1
        part, octets = part + sign, octets + size
    yield part
