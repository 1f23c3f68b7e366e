"""A load of a list taken back: whom it made, to which lists it bound people, and what it added to those who were known.

What was changed since is nobody's mistake of the list: it is left, and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from hub.entries import entered
from hub.entries.acts import Desk
from hub.entries.people.load import COMPLETED
from hub.ingest import ingest
from hub.model.entities import Contact, Reference
from hub.model.errors import HubError
from hub.model.events import DELETED, OBSERVED, Event
from hub.normalise import Fact, fact_of
from hub.projection import OPERATOR
from hub.store import state
from hub.store.log import Entry
from hub.store.problems import note
from hub.store.tables import STATE, event, event_data
from hub.store.types import instant_text

_PLAIN = ("client", "position", "birthday")


class TakenBack(Struct, frozen=True):
    """How many people are gone, how many have back what they had, and which additions were changed since and stay."""

    people: int
    restored: int
    left: tuple[str, ...]


def take_back(desk: Desk, load_key: str) -> TakenBack:
    """Undo exactly what a load did. Raises HubError for an unknown load, and when something else was entered about
    the clients it made.
    """
    gone: dict[str, list[dict[str, Any]]] = {}
    for kind in ("contact", "client", "trait"):
        table = STATE[kind]
        gone[kind] = state.read(desk.connection, kind, ~table.c.deleted, table.c.connection == OPERATOR,
                                table.c.external_id.startswith(f"{load_key}.", autoescape=True))  # fmt: skip
    restored, left = _restored(desk, load_key) if len(load_key) == 8 else ([], [])
    if not any(gone.values()) and not restored:
        raise HubError(f"there is no load {load_key!r}, or nothing of it is left.",
                       hint=f"Changed since: {'; '.join(left)}." if left else "")  # fmt: skip
    mine = {row["id"] for rows in gone.values() for row in rows}
    for client in gone["client"]:
        if later := _later(desk, str(client["id"]), mine):
            raise HubError(
                f"{client['name']} has a {later} meanwhile.", hint="Take that back first, or leave the load."
            )
    facts = [_deletion(kind, str(row["external_id"]), desk.now) for kind in ("trait", "contact", "client")
             for row in gone[kind]]  # fmt: skip
    facts += [fact_of(it, "") for it in restored]
    ingest(desk.connection, OPERATOR, facts, desk.sources, desk.now)
    note(desk.connection, who=desk.by, what="people.taken_back", about=f"load/{load_key}", detail="", now=desk.now)
    return TakenBack(len(gone["contact"]), len(restored), tuple(left))


def _later(desk: Desk, client: str, mine: set[str]) -> str:
    for kind, table in STATE.items():
        if "client_id" in table.c:
            rows = state.read(desk.connection, kind, ~table.c.deleted, table.c.client_id == client)
            if any(row["id"] not in mine for row in rows):
                return kind
    return ""


def _deletion(kind: str, external_id: str, now: datetime) -> Fact:
    name = f"{kind}/{external_id}"
    return Fact(
        Entry(name, f"{kind}.{DELETED}", name, instant_text(now), "null", ""), Reference(kind, external_id), None
    )


def _restored(desk: Desk, load_key: str) -> tuple[list[Event], list[str]]:
    """Return how those who were added to are now to be, and what of the additions is left because it was changed."""
    query = select(event.c.seq, event.c.subject, event_data.c.data).join_from(
        event, event_data, event.c.seq == event_data.c.seq
    )
    mine = (event.c.source == OPERATOR, event.c.type == COMPLETED,
            event.c.id.startswith(f"{load_key}/", autoescape=True))  # fmt: skip
    events, left = [], []
    for row in desk.connection.execute(query.where(*mine).order_by(event.c.seq)).all():
        held = query.where(event.c.source == OPERATOR, event.c.id == row.subject, event.c.seq < row.seq)
        before = desk.connection.execute(held.order_by(event.c.seq.desc()).limit(1)).first()
        key = row.subject.removeprefix("contact/")
        try:
            now = entered(desk.connection, Contact, key)
        except HubError:  # removed since, with all that was added
            continue
        had, made = (msgspec.json.decode(it, type=Contact) for it in (before.data if before else row.data, row.data))
        wanted, changed = _undone(had, made, now)
        left += [f"{now.name}: {name}" for name in changed]
        if wanted != now:
            events.append(Event(f"contact.{OBSERVED}", Reference("contact", key), wanted, desk.now))
    return events, left


def _undone(had: Contact, made: Contact, now: Contact) -> tuple[Contact, list[str]]:
    """Return the contact without what was made of it, and the names of what was changed since."""
    values: dict[str, Any] = {}
    changed = []
    for name in _PLAIN:
        was, then, is_ = (getattr(it, name) for it in (had, made, now))
        if then != was and is_ == then:
            values[name] = was
        elif then != was and is_ != was:
            changed.append(name)
    values["note"], is_left = _without(had.note.split(". "), made.note.split(". "), now.note.split(". "))
    changed += ["note"] * is_left
    old, then_, now_ = ({(it.type, it.value) for it in one.points} for one in (had, made, now))
    added = then_ - old
    values["points"] = tuple(it for it in now.points if (it.type, it.value) not in added)
    changed += sorted({kind for kind, _ in added - now_} & {kind for kind, _ in now_ - then_})
    return replace(now, **values), changed


def _without(had: Sequence[str], made: Sequence[str], now: Sequence[str]) -> tuple[str, bool]:
    """Return the sentences of a remark without those that were added, and whether one of these was reworded."""
    added = [it for it in made if it not in had]
    return ". ".join(it for it in now if it not in added), any(it not in now for it in added) and now != had
