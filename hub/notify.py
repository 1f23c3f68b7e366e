"""Tell employees by mail and channels: urgent things at once, the rest in one letter each morning, nothing twice.

What was told is a row by (reminder, step, addressee, channel), written in the transaction that puts the letter into the
outbox. A letter whose reminders were all closed before it could leave is withdrawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, select, update

from hub import outbox
from hub.agenda import PRESSING, agenda, bundled, waiting
from hub.channels import KIND, channel_names
from hub.config import Employee
from hub.connections import Hub, mail_connection
from hub.documents.limits import one_line, printable
from hub.model.errors import SettingsError
from hub.remind import Reminding, refresh
from hub.reminders.dues import Due, Step, notices
from hub.reminders.texts import plural
from hub.store import bulk, commands
from hub.store.problems import close_problem, note, open_problem
from hub.store.tables import command as command_table
from hub.store.tables import notification, reminder

CHANNEL = "mail"
WIDTH = 76
MOST_SUBJECT = 200
MOST_LISTED = 100
"""Nobody reads more in a letter; the rest stands in `hub today`."""
_NOTICE, _DIGEST = "notice", "digest"


def notify(hub: Hub, found: Reminding) -> int:
    """Put what people must hear now into the outbox; return how many messages. A second call adds none."""
    try:
        sender = mail_connection(hub)
    except SettingsError:
        sender = ""  # `hub doctor` says that nobody can be told by mail
    now, employees = found.now, hub.config.model.employees
    people = {person.id: person for person in employees if person.mail and sender}
    with hub.store.read() as connection:
        told = _told(connection, map(found.number, found.open))
    mails = {person.id: person.mail for person in people.values()}
    letters, nobody = _letters(found, mails, told, CHANNEL)
    letters += _digests(hub, found, people)
    for name in channel_names(hub):
        addresses = {person.id: person.channels[name] for person in employees if person.channels.get(name)}
        letters += _letters(found, addresses, told, name)[0]
        nobody -= {*addresses}
    with hub.store.write() as connection:
        count = sum(_post(connection, letter, sender, now) for letter in letters)
        if sender:
            _say_who_is_missing(connection, nobody, now)
    return count


class _Letter(Struct, frozen=True):
    """One letter to one employee and the notices it carries: (reminder, step)."""

    key: str
    to: str
    subject: str
    text: str
    items: Sequence[tuple[int, str]]
    who: str
    channel: str = CHANNEL


Told = Mapping[tuple[int, str], set[tuple[str, str]]]
"""Who was told which step, by reminder and channel."""


def _told(connection: Connection, ids: Iterable[int]) -> Told:
    found: dict[tuple[int, str], set[tuple[str, str]]] = {}
    for number, channel, addressee, step in bulk.select_in(
        connection, notification, ("reminder", "channel", "addressee", "step"), "reminder", ids
    ):
        found.setdefault((number, channel), set()).add((addressee, step))
    return found


def _letters(
    found: Reminding, addresses: Mapping[str, str], told: Told, channel: str
) -> tuple[list[_Letter], set[str]]:
    wanted: dict[str, list[tuple[Due, Step]]] = {}
    nobody: set[str] = set()
    chosen = {rule.id for rule in found.rules if channel in rule.channels or not rule.channels}
    for due in found.open:
        if due.severity not in PRESSING or due.rule not in chosen:
            continue
        for addressee, step in notices(due, told.get((found.number(due), channel), set())):
            if addressee in addresses:
                wanted.setdefault(addressee, []).append((due, step))
            else:
                nobody.add(addressee)
    zone = found.calendars.zone
    letters = []
    for addressee, items in sorted(wanted.items()):
        items.sort(key=lambda item: (PRESSING.index(item[0].severity), item[0].due, item[0].key))
        carried = [(found.number(due), step.name) for due, step in items]
        dues = [due for due, _ in items]
        subject = dues[0].title if len(dues) == 1 else f"Не терпит: {plural(len(dues), 'дело/дела/дел')}"
        text = _listed(found, dues, zone)
        key = _key(_NOTICE if channel == CHANNEL else f"{_NOTICE}-{channel}", addressee, carried)
        letters.append(_Letter(key, addresses[addressee], subject, text, carried, addressee, channel))
    return letters, nobody


def _digests(hub: Hub, found: Reminding, people: Mapping[str, Employee]) -> list[_Letter]:
    now, zone = found.now, hub.config.zone
    office = found.calendars.get("office")
    day = now.astimezone(zone).date()
    if not office.is_open_day(day) or now < office.opening(day):
        return []
    letters = []
    for person in people.values():
        dues = waiting(found, zone, employee=person.id)
        if dues:
            subject = f"Кому звонить сегодня, {day:%d.%m.%Y}: {plural(len(dues), 'дело/дела/дел')}"
            text = _listed(found, dues, zone)
            letters.append(_Letter(f"{_DIGEST}-{person.id}-{day}", person.mail, subject, text, (), person.id))
    return letters


def _listed(found: Reminding, dues: Sequence[Due], zone: ZoneInfo) -> str:
    groups = bundled(dues, zone)
    lines = agenda(found, groups[:MOST_LISTED], zone, width=WIDTH)
    if rest := sum(map(len, groups[MOST_LISTED:])):
        lines += ["", f"… и ещё {plural(rest, 'дело/дела/дел')}. Весь список: hub today --limit {len(groups)}"]
    return "\n".join(lines)


def _key(kind: str, addressee: str, items: Sequence[tuple[int, str]]) -> str:
    digest = hashlib.blake2b(repr(sorted(items)).encode(), digest_size=8).hexdigest()
    return f"{kind}-{addressee}-{digest}"


def _post(connection: Connection, letter: _Letter, sender: str, now: datetime) -> bool:
    if commands.get(connection, letter.key) is not None:
        return False
    subject = one_line(letter.subject)[:MOST_SUBJECT]
    data: dict[str, Any] = {"to": letter.to, "subject": subject, "text": printable(letter.text) + "\n"}
    kind, by = KIND, letter.channel
    if letter.channel == CHANNEL:
        kind, by, data = "mail.send", sender, data | {"to": [letter.to], "automatic": True}
    outbox.add(connection, kind, by, data, title=subject, client=None, by="hub", now=now, approve=False, key=letter.key)
    for number, step in letter.items:
        connection.execute(
            notification.insert().values(
                reminder=number, step=step, addressee=letter.who, channel=letter.channel, state=letter.key, at=now
            )
        )
    return True


def _say_who_is_missing(connection: Connection, nobody: set[str], now: datetime) -> None:
    if not nobody:
        close_problem(connection, "notify/nobody", now)
        return
    open_problem(
        connection, "notify/nobody", scope="employees", now=now,
        title=f"Urgent reminders reach nobody by mail: {', '.join(sorted(nobody))}",
        hint="Give `employees:` that role and a `mail:`; until then they stand only in `hub today`.",
    )  # fmt: skip


def withdraw_if_over(hub: Hub, command_id: str, now: datetime) -> bool:
    """Ask once more just before sending; withdraw a notice that nobody needs any longer. Tell whether it was."""
    if not command_id.startswith(f"{_NOTICE}-"):
        return False
    query = (
        select(reminder.c.rule, reminder.c.key, reminder.c.triggered_at, notification.c.step)
        .join_from(notification, reminder, notification.c.reminder == reminder.c.id)
        .where(notification.c.state == command_id)
    )
    with hub.store.read() as connection:
        told = connection.execute(query).all()
    still = refresh(hub.store, hub.config, hub.plugins, now).open
    if not told or any(due.wants(*row) for due in still for row in told):
        return False
    with hub.store.write() as connection:
        done = connection.execute(
            update(command_table)
            .where(command_table.c.id == command_id, command_table.c.state == "ready")
            .values(state="cancelled", error="what it told of is over", finished_at=now)
        )
        if done.rowcount:
            note(connection, who="hub", what="command.withdrawn", about=f"command/{command_id}", detail="", now=now)
    return bool(done.rowcount)
