"""Reminders as an iCalendar feed (RFC 5545): one to-do with an alarm each, for the calendar a person has anyway.

What one occasion asks for many clients is one to-do that names them, as in the list of the day.

The text follows from the reminders alone: the same reminders give the same bytes, so a file is written only when
something changed. Times are in UTC, which needs no time zone of its own in the file.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from hub.agenda import FEW, title_of
from hub.config import Config
from hub.files import write_file
from hub.remind import Reminding, instance_of
from hub.reminders.dues import Due
from hub.reminders.explain import card, script
from hub.reminders.rules import Rule
from hub.reminders.texts import plural
from hub.reminders.world import World

PRIORITIES = {"urgent": 1, "important": 3, "normal": 5, "info": 9}
KEEP_CLOSED = timedelta(days=14)
"""So long a closed reminder stays in the feed, so that every calendar hears that it is done."""
MOST_NAMED = 100
"""So many clients of one occasion are named; the others are counted."""
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
    for group, occasion in _entries(found.dues):
        if group[0].rule in known and _is_shown(group[0], found.now, employee):
            lines += _todo(found.world, known[group[0].rule], group, occasion, found.now)
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


def _entries(dues: Iterable[Due]) -> Iterator[tuple[list[Due], list[Due]]]:
    """Give what stands together, with all of its occasion: that is more than one for many clients of one person."""
    occasions: dict[Hashable, list[Due]] = {}
    for due in sorted(dues, key=lambda due: (due.rule, due.key, due.trigger_time)):
        occasions.setdefault((due.rule, due.subject_kind, due.subject, due.trigger_time), []).append(due)
    for occasion in occasions.values():
        groups: dict[Hashable, list[Due]] = {}
        for due in occasion:
            groups.setdefault((due.status, due.assignee), []).append(due)
        for group in groups.values():
            if len({due.client for due in group}) > FEW:
                yield group, occasion
            else:
                yield from (([due], [due]) for due in group)


def _todo(world: World, rule: Rule, group: Sequence[Due], occasion: Iterable[Due], now: datetime) -> Iterator[str]:
    due = min(group, key=lambda due: due.due)
    moments = [(it.trigger_time, *(step.time for step in it.steps), it.acked_at, it.ended_at) for it in occasion]
    name, title, said = due.key, due.title, script(world, rule, due, now)
    facts = [f"{fact.title}: {'; '.join(fact.lines)}" for fact in card(world, rule, due, now)]
    if len(group) > 1:
        name = f"{due.rule}:{due.subject_kind}:{due.subject}:{due.assignee if due.is_open else due.status}"
        clients = [str(world.get("client", it.client or "").get("name") or "") for it in group]
        title = f"{title_of(group, clients[0])} ({plural(len(group), 'клиент/клиента/клиентов')})"
        rest = [f"… и ещё {len(clients) - MOST_NAMED}"] if len(clients) > MOST_NAMED else []
        facts = [*clients[:MOST_NAMED], *rest, f"Каждый отдельно: hub today --rule {due.rule}"]
        said = [words for words in said if words in script(world, rule, group[-1], now)]  # not those to one client
    yield "BEGIN:VTODO"
    yield f"UID:{_text(name)}@{instance_of(due.trigger_time)}"
    yield f"DTSTAMP:{_time(max(moment for each in moments for moment in each if moment))}"
    yield f"SEQUENCE:{sum(map(_changes, occasion))}"
    yield f"SUMMARY:{_text(title)}"
    yield f"DESCRIPTION:{_text(chr(10).join([due.why, *facts, *said]))}"
    yield f"DUE:{_time(due.due)}"
    yield f"PRIORITY:{PRIORITIES[due.severity]}"
    yield f"CATEGORIES:{_text(due.rule)}"
    yield from _status(due)
    if due.is_open and due.severity in _ALARM:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{_text(title)}",
                    f"TRIGGER;RELATED=END:{_ALARM[due.severity]}", "END:VALARM")  # fmt: skip
    yield "END:VTODO"


def _changes(due: Due) -> int:
    """Return a number that grows with each change; the end, with which the steps are gone, outweighs them."""
    return due.count + len(due.steps) + bool(due.acked_at) + bool(due.snoozed_until) + 100 * (not due.is_open)


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
