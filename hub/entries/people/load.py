"""A list of people compared with those who are known, shown before it is kept, and kept at once or not at all.

Who is known is found by personal phone or mailbox, by name and day of birth, or by name within one client. A name alone
never makes two people one: such rows are doubtful and wait for a person (S002-3, S002-5, S002-10, S002-11).
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub import identity
from hub.entries import reference_to
from hub.entries.acts import Desk, EntryError
from hub.entries.find import find_client
from hub.entries.people.names import folded
from hub.entries.people.person import Person
from hub.ingest import ingest
from hub.model.entities import Client, Contact, ContactPoint, Reference, tax_key
from hub.model.entries import Trait
from hub.model.events import OBSERVED, Event
from hub.normalise import fact_of
from hub.projection import OPERATOR
from hub.store import parties, state
from hub.store.parties import entity_id
from hub.store.problems import note
from hub.store.tables import STATE

COMPLETED = "contact.completed"
"""What happens to somebody known to whom a list adds; the id begins with that of the load."""
STATES = ("new", "added to", "differs", "known", "twice", "doubtful", "wrong")
LISTS = "list"
"""Type of the trait by which a person belongs to a list or an order."""


class Wish(Struct, frozen=True, kw_only=True):
    """What a person says of a whole list: whose people they are, and to which list or order they belong.

    `again` loads who has the name of somebody known, `overwrite` lets the list win where it differs.
    """

    client: str = ""
    lists: tuple[tuple[str, str], ...] = ()
    again: bool = False
    overwrite: bool = False


class Item(Struct, frozen=True, kw_only=True):
    """What becomes of a row: `contact` is who is known, `client` whose he is, `detail` says what changes or why not."""

    person: Person
    state: str
    detail: str = ""
    contact: str = ""
    client: str = ""


class _Known:
    """Everybody who is known, by the ways in which a row may mean him."""

    def __init__(self, desk: Desk) -> None:
        table = STATE["contact"]
        self.rows = {str(row["id"]): row for row in state.read(desk.connection, "contact", ~table.c.deleted)}
        self.by_name: dict[str, list[str]] = defaultdict(list)
        for key, row in self.rows.items():
            self.by_name[folded(str(row["name"]))].append(key)
        clients = STATE["client"]
        self.clients = {str(row["id"]): str(row["name"]) for row in state.read(
            desk.connection, "client", ~clients.c.deleted, ~clients.c.is_folder)}  # fmt: skip
        self.client_by_name: dict[str, list[str]] = defaultdict(list)
        for key, name in self.clients.items():
            self.client_by_name[name.casefold()].append(key)


def plan(desk: Desk, people: Sequence[Person], wish: Wish) -> list[Item]:
    """Return what would become of each row; nothing is written."""
    known = _Known(desk)
    keys = {key for person in people for key in _keys(person)}
    claimed = parties.claimants(desk.connection, keys)
    owner = str(find_client(desk.connection, wish.client)["id"]) if wish.client else ""
    seen: dict[str, int] = {}
    items = []
    for person in people:
        item = _judged(desk, person, wish, known, claimed, owner)
        marks = [f"{person.folded}/{person.birthday or ''}/{person.organisation.casefold()}", *_keys(person)]
        marks = [f"{mark}/{person.folded}" for mark in marks]
        earlier = next((seen[mark] for mark in marks if mark in seen), 0)
        if earlier and item.state != "wrong":
            item = Item(person=person, state="twice", detail=f"stands in row {earlier}")
        elif item.state != "wrong":
            seen |= dict.fromkeys(marks, person.row)
        items.append(item)
    return items


def _keys(person: Person) -> list[str]:
    return [key for point in person.points if identity.is_personal(key := point.key())]


def _judged(desk: Desk, person: Person, wish: Wish, known: _Known, claimed: Mapping[str, set[tuple[str, str]]],
            owner: str) -> Item:  # fmt: skip
    if person.wrong:
        return Item(person=person, state="wrong", detail=person.wrong)
    client, trouble = (owner, "") if owner else _client_of(desk, person, known)
    if trouble:
        return Item(person=person, state="wrong", detail=trouble)
    by_key = {entity for key in _keys(person) for kind, entity in claimed.get(key, ()) if kind == "contact"}
    namesakes = known.by_name.get(person.folded, [])
    others = [key for key in by_key if key not in namesakes]
    same = [key for key in namesakes if key in by_key]
    same = same or [key for key in namesakes if _same_day(known.rows[key], person)]
    same = same or [key for key in namesakes if client and known.rows[key]["client_id"] == client
                    and not _other_day(known.rows[key], person)]  # fmt: skip
    if len(same) > 1:
        return Item(person=person, state="doubtful", detail=f"{len(same)} people fit")
    if same:
        return _compared(person, known.rows[same[0]], wish, client)
    if others and not wish.again:
        return Item(person=person, state="doubtful", client=client,
                    detail=f"the phone or mailbox is that of {known.rows[others[0]]['name']}")  # fmt: skip
    if not wish.again and any(not _other_day(known.rows[key], person) for key in namesakes):
        return Item(person=person, state="doubtful", client=client, detail="this name is known; --again if another")
    return Item(person=person, state="new", client=client, detail=person.guessed)


def _same_day(row: Mapping[str, Any], person: Person) -> bool:
    return person.birthday is not None and row["birthday"] == person.birthday


def _other_day(row: Mapping[str, Any], person: Person) -> bool:
    return person.birthday is not None and row["birthday"] not in (None, person.birthday)


def _client_of(desk: Desk, person: Person, known: _Known) -> tuple[str, str]:
    """Return the known client of a row, empty for one who is new, and what is wrong with what the row says of him."""
    if person.inn:
        key = tax_key(person.inn)
        owners = {entity for kind, entity in parties.claimants(desk.connection, [key]).get(key, ()) if kind == "client"}
        if len(owners) > 1:
            return "", f"{len(owners)} clients have the ИНН {person.inn}"
        if owners:
            return owners.pop(), ""
    fit = known.client_by_name.get(person.organisation.casefold(), []) if person.organisation else []
    return ("", f"{len(fit)} clients are called so") if len(fit) > 1 else (fit[0] if fit else "", "")


def _compared(person: Person, row: Mapping[str, Any], wish: Wish, client: str) -> Item:
    """Say what the list adds to somebody known, and where it says other than what is known."""
    common = {"contact": str(row["id"]), "client": str(row["client_id"] or client)}
    added, other = _changes(person, row)
    told = [f"+ {name}" for name in added] + [f"{name}: {before} → {after}" for name, before, after in other]
    if (added or other) and row["connection"] != OPERATOR:
        return Item(person=person, state="known", detail=f"by {row['connection']}, which does not know: "
                    + ", ".join([*added, *(name for name, _, _ in other)]), **common)  # fmt: skip
    if other and not wish.overwrite:
        return Item(person=person, state="differs", detail=", ".join(told), **common)
    return Item(person=person, state="added to" if added or other else "known", detail=", ".join(told), **common)


def _changes(person: Person, row: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, str, str]]]:
    added, other = [], []
    for name in ("birthday", "position"):
        new, old = getattr(person, name), row[name]
        if new and not old:
            added.append(name)
        elif new and old != new:
            other.append((name, _short(old), _short(new)))
    if _news(person.note, row["note"]):
        added.append("note")
    there = {(point["type"], point.get("value", "")) for point in row["points"]}
    added += [point.type for point in person.points if (point.type, point.value) not in there]
    return added, other


def _news(new: str, old: str) -> str:
    """Return what a remark says that the known one does not."""
    said = set(str(old or "").split(". "))
    return ". ".join(part for part in new.split(". ") if part not in said)


def _short(value: Any) -> str:
    text = value.strftime("%d.%m.%Y") if hasattr(value, "strftime") else str(value)
    return text if len(text) < 30 else text[:29] + "…"


def load(desk: Desk, items: Sequence[Item], wish: Wish) -> str:
    """Keep what was planned, all in the open transaction; return the id by which it can be taken back.

    When nothing is news, nothing is written and the id is empty.
    """
    key = secrets.token_hex(4)
    made: list[Event] = []
    organisations: dict[str, Reference] = {}
    members: list[tuple[int, Reference, Reference | None]] = []
    for item in items:
        if item.state == "new":
            contact, client, events = _made(desk, item, key, organisations)
            made += events
            members.append((item.person.row, contact, client))
        elif item.state in ("added to", "known", "differs"):
            row = state.read(desk.connection, "contact", STATE["contact"].c.id == item.contact)[0]
            reference = Reference("contact", row["external_id"], row["connection"])
            owner = reference_to(desk.connection, "client", item.client) if item.client else None
            if item.state == "added to":
                made += _filled(desk, item.person, row, reference, owner, key)
            members.append((item.person.row, reference, owner))
    made += _bound(desk, members, wish.lists, key)
    if not made:
        return ""
    ingest(desk.connection, OPERATOR, [fact_of(event, "") for event in made], desk.sources, desk.now)
    counts = ", ".join(f"{sum(it.state == name for it in items)} {name}" for name in STATES)
    note(desk.connection, who=desk.by, what="people.loaded", about=f"load/{key}", detail=counts, now=desk.now)
    return key


def _observed(desk: Desk, reference: Reference, entity: Client | Contact | Trait) -> Event:
    return Event(f"{reference.kind}.{OBSERVED}", reference, entity, desk.now)


def _made(desk: Desk, item: Item, load_key: str, organisations: dict[str, Reference]
          ) -> tuple[Reference, Reference, list[Event]]:  # fmt: skip
    """Return the contact of a new person and his client: a known one, a new organisation, or the person himself."""
    person, events = item.person, []
    own = f"{load_key}.{person.row}"
    if item.client:
        client = reference_to(desk.connection, "client", item.client)
    elif person.organisation or person.inn:
        named = person.inn or person.organisation.casefold()
        client = organisations.get(named) or Reference("client", f"{own}o", OPERATOR)
        if named not in organisations:
            organisations[named] = client
            firm = Client(name=person.organisation or f"ИНН {person.inn}", inn=person.inn)
            events.append(_observed(desk, Reference("client", client.external_id), firm))
    else:
        client = Reference("client", f"{own}p", OPERATOR)
        events.append(_observed(desk, Reference("client", client.external_id),
                                Client(name=person.name, type="person", points=person.points)))  # fmt: skip
    contact = Contact(name=person.name, client=client, position=person.position, birthday=person.birthday,
                      note=person.note, points=person.points)  # fmt: skip
    return Reference("contact", own, OPERATOR), client, [*events, _observed(desk, Reference("contact", own), contact)]


def _filled(desk: Desk, person: Person, row: Mapping[str, Any], reference: Reference, owner: Reference | None,
            load_key: str) -> list[Event]:  # fmt: skip
    """Return what a list made of somebody known, as it happened and as it holds now."""
    points = {(point["type"], point.get("value", "")): msgspec.convert(point, ContactPoint) for point in row["points"]}
    points |= {(point.type, point.value): point for point in person.points}
    note_ = ". ".join(filter(None, (row["note"], _news(person.note, row["note"]))))
    kept = Contact(name=row["name"], client=owner, position=person.position or row["position"],
                   birthday=person.birthday or row["birthday"], note=note_,
                   points=tuple(points.values()))  # fmt: skip
    subject = replace(reference, connection="")
    happened = Event(COMPLETED, subject, kept, desk.now, f"{load_key}/contact/{subject.external_id}")
    return [happened, _observed(desk, subject, kept)]


def _bound(desk: Desk, members: Iterable[tuple[int, Reference, Reference | None]], lists: Iterable[tuple[str, str]],
           load_key: str) -> list[Event]:  # fmt: skip
    """Bind people to lists and orders, each once (S002-11)."""
    events = []
    for place, (value, text) in enumerate(lists):
        there = {row["contact"] for row in on_list(desk, value)}
        for row, contact, client in members:
            if entity_id(contact.connection or OPERATOR, "contact", contact.external_id) not in there:
                trait = Trait(client=client, contact=contact, type=LISTS, value=value, text=text, noticed=desk.today)
                events.append(_observed(desk, Reference("trait", f"{load_key}.{row}t{place}"), trait))
    return events


def on_list(desk: Desk, value: str) -> list[dict[str, Any]]:
    """Return the traits that bind people to a list or an order."""
    table = STATE["trait"]
    return state.read(desk.connection, "trait", ~table.c.deleted, table.c.type == LISTS, table.c.value == value)


def copy_list(desk: Desk, source: str, lists: Sequence[tuple[str, str]]) -> int:
    """Bind the people of an earlier list or order to another one (S002-10); return how many were not there yet."""
    rows = on_list(desk, source)
    if not rows:
        raise EntryError(f"nobody stands on {source!r}.", hint="See: hub client people")
    members = [(place, reference_to(desk.connection, "contact", row["contact"]),
                reference_to(desk.connection, "client", row["client_id"]) if row["client_id"] else None)
               for place, row in enumerate(rows, 1) if row["contact"]]  # fmt: skip
    key = secrets.token_hex(4)
    events = _bound(desk, members, lists, key)
    ingest(desk.connection, OPERATOR, [fact_of(event, "") for event in events], desk.sources, desk.now)
    note(desk.connection, who=desk.by, what="people.loaded", about=f"load/{key}", detail=f"{len(events)} copied",
         now=desk.now)  # fmt: skip
    return len(events)
