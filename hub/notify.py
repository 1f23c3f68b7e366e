"""Tell employees by mail: urgent things at once, the rest in one letter each morning, nothing twice.

What was told is a row by (reminder, step, addressee, channel), written in the transaction that puts the letter into the
outbox. A letter whose reminders were all closed before it could leave is withdrawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, select, update

from hub import outbox
from hub.agenda import agenda, waiting
from hub.config import Employee
from hub.connections import Hub, mail_connection
from hub.documents.limits import one_line, printable
from hub.model.errors import SettingsError
from hub.remind import Reminding, refresh
from hub.reminders.evaluate import Due, Step, notices
from hub.reminders.texts import plural
from hub.store import bulk, commands
from hub.store.problems import close_problem, note, open_problem
from hub.store.tables import command as command_table
from hub.store.tables import notification, reminder

AT_ONCE = ("urgent", "important")
CHANNEL = "mail"
WIDTH = 76
MOST_SUBJECT = 200
MOST_LISTED = 100
"""Nobody reads more in a letter; the rest stands in `hub today`."""
_NOTICE, _DIGEST = "notice", "digest"


def notify(hub: Hub, found: Reminding) -> int:
    """Put what people must hear now into the outbox; return how many letters. A second call adds none."""
    try:
        sender = mail_connection(hub)
    except SettingsError:
        return 0  # `hub doctor` says that nobody can be told by mail
    now = found.now
    people = {person.id: person for person in hub.config.model.employees if person.mail}
    with hub.store.read() as connection:
        told = _told(connection, found.numbers.values())
    letters, nobody = _letters(found, people, told)
    letters += _digests(hub, found, people)
    with hub.store.write() as connection:
        count = sum(_post(connection, letter, sender, now) for letter in letters)
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


def _told(connection: Connection, ids: Iterable[int]) -> dict[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = {}
    for number, addressee, step in bulk.select_in(
        connection, notification, ("reminder", "addressee", "step"), "reminder", ids
    ):
        found.setdefault(number, set()).add((addressee, step))
    return found


def _letters(
    found: Reminding,
    people: Mapping[str, Employee],
    told: Mapping[int, set[tuple[str, str]]],
) -> tuple[list[_Letter], set[str]]:
    numbers = found.numbers
    wanted: dict[str, list[tuple[Due, Step]]] = {}
    nobody: set[str] = set()
    for due in found.open:
        number = numbers.get((due.rule, due.key))
        if number is None or due.severity not in AT_ONCE:
            continue
        for addressee, step in notices(due, told.get(number, set())):
            if addressee in people:
                wanted.setdefault(addressee, []).append((due, step))
            else:
                nobody.add(addressee)
    zone = found.calendars.zone
    letters = []
    for addressee, items in sorted(wanted.items()):
        items.sort(key=lambda item: (AT_ONCE.index(item[0].severity), item[0].due, item[0].key))
        carried = [(numbers[due.rule, due.key], step.name) for due, step in items]
        dues = [due for due, _ in items]
        subject = dues[0].title if len(dues) == 1 else f"Не терпит: {plural(len(dues), 'дело/дела/дел')}"
        text = _listed(found, dues, zone)
        letters.append(
            _Letter(_key(_NOTICE, addressee, carried), people[addressee].mail, subject, text, carried, addressee)
        )
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
    lines = agenda(found, dues[:MOST_LISTED], zone, width=WIDTH)
    if len(dues) > MOST_LISTED:
        lines += ["", f"… и ещё {plural(len(dues) - MOST_LISTED, 'дело/дела/дел')}. Весь список покажет «hub today»."]
    return "\n".join(lines)


def _key(kind: str, addressee: str, items: Sequence[tuple[int, str]]) -> str:
    digest = hashlib.blake2b(repr(sorted(items)).encode(), digest_size=8).hexdigest()
    return f"{kind}-{addressee}-{digest}"


def _post(connection: Connection, letter: _Letter, sender: str, now: datetime) -> bool:
    if commands.get(connection, letter.key) is not None:
        return False
    subject = one_line(letter.subject)[:MOST_SUBJECT]
    data = {"to": [letter.to], "subject": subject, "text": printable(letter.text) + "\n", "automatic": True}
    outbox.add(connection, "mail.send", sender, data, title=subject, client=None, by="hub", now=now,
               approve=False, key=letter.key)  # fmt: skip
    for number, step in letter.items:
        connection.execute(
            notification.insert().values(
                reminder=number, step=step, addressee=letter.who, channel=CHANNEL, state=letter.key, at=now
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
