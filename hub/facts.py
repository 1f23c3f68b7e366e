"""The facts of the store as the rules see them: all of them, or those of some parts.

A part is a client with everything that belongs to him, or a thing of nobody (see `hub.model.parts`). What is loaded of
a part is the same whether it is loaded alone or with all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal, null, or_, select, text, true

from hub.config import Config
from hub.documents.own import forms_of
from hub.ingest import DECISIONS
from hub.model.entities import ENTITIES, ContactPoint, Entity, Reference
from hub.model.parts import number_of
from hub.payments import with_matches
from hub.reminders.calendars import Calendars, Overrides, parse_hours
from hub.reminders.conditions import HAPPENING
from hub.reminders.world import EARLIEST, Fact, World
from hub.standing import standing
from hub.store import documents, log, parties, state
from hub.store.meta import get_meta
from hub.store.parties import entity_id
from hub.store.parts import FOR_ALL, LINKS
from hub.store.tables import STATE, document, event, event_data, redirect, reminder, run, stream

HORIZON = timedelta(days=180)
"""Occurrences older than this no longer raise or close anything."""
_TRIED = timedelta(days=1)
_SILENCE = timedelta(hours=2)
"""A connection is not called silent sooner, however often it is to be read."""
_KINDS = (
    "contract", "invoice", "act", "payment", "ticket", "contact",
    "survey", "complaint", "note", "promise", "decision", "referral", "checklist", "project", "offer", "handover",
    "purchase", "questionnaire", "meeting", "diary", "task", "occasion", "shipment",
)  # fmt: skip
FIRM_KINDS = frozenset({"month", "workday", "campaign"})
"""Kinds that belong to the firm itself; rules about them are evaluated apart from those about clients."""
_OF_FIRM = ("contract", "diary", "campaign")
_LONG = {"call": "started", "message": "sent"}
"""Kinds of which a client has many, and when one of them was."""
_SPARE = timedelta(days=2)
"""What happened with a call is never told more than this after it began."""
_PIECE = 500


@dataclass(frozen=True)
class Choice:
    """Which parts to load: clients, and those of nobody (`kind/id`, `number/+7…`, `address/[…]`); `None` means all."""

    clients: Sequence[str] | None = None
    others: Sequence[str] | None = None

    def of(self, kind: str) -> list[ColumnElement[bool]]:
        """Return the conditions that together give all rows of a kind in these parts, a piece of them each."""
        table = STATE[kind]
        if "client_id" not in table.c:
            return [table.c.id != ""]
        owner = table.c.client_id
        found: list[ColumnElement[bool]] = [owner.is_not(None)]
        if self.clients is not None:
            found = [owner.in_(it) for it in _pieces(self.clients)]
        if self.others is None or kind in FOR_ALL:
            return [*found, owner.is_(None)]
        ids = [other.partition("/")[2] for other in self.others if other.startswith(f"{kind}/")]
        found += [and_(owner.is_(None), table.c.id.in_(it)) for it in _pieces(ids)]
        addresses = [other.partition("/")[2] for other in self.others if other.startswith("address/")]
        for it in _pieces(addresses if kind == "message" else ()):
            none = [table.c.outside.is_(None)] if "" in it else []
            found.append(and_(owner.is_(None), or_(table.c.outside.in_(it), *none)))
        numbers = [other.partition("/")[2] for other in self.others if other.startswith("number/")]
        for it in _pieces(numbers if kind == "call" else ()):
            is_raw = and_(table.c.number == "", table.c.raw_number.in_(it))
            found.append(and_(owner.is_(None), or_(table.c.number.in_(it), is_raw)))
        return found

    def of_reminders(self) -> list[ColumnElement[bool]]:
        """Return the conditions that together give the reminders of these parts, a piece of them each.

        One of a client that became part of another may keep the id its client had then.
        """
        part, old = reminder.c.part, redirect.c.old
        found: list[ColumnElement[bool]] = [
            part.in_(it) for it in _pieces([*(self.clients or ()), *(self.others or ())])
        ]
        found += [part.in_(select(old).where(redirect.c.new.in_(it))) for it in _pieces(self.clients or ())]
        if self.clients is None:
            found.append(part.not_like("%/%"))
        if self.others is None:
            found.append(part.like("%/%"))
        return [true()] if self == WHOLE else found

    def holds(self, part: str) -> bool:
        """Tell whether the part is one of these."""
        chosen = self._named[1] if "/" in part else self._named[0]
        return chosen is None or part in chosen

    @cached_property
    def _named(self) -> tuple[frozenset[str] | None, frozenset[str] | None]:
        return (None if self.clients is None else frozenset(self.clients),
                None if self.others is None else frozenset(self.others))  # fmt: skip


WHOLE = Choice()


def choice_of(parts: Iterable[str]) -> Choice:
    """Return the choice of exactly these parts."""
    named = sorted(set(parts))
    return Choice([part for part in named if "/" not in part], [part for part in named if "/" in part])


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _PIECE):
        yield values[start : start + _PIECE]


def load_world(connection: Connection, config: Config, now: datetime, choice: Choice = WHOLE) -> World:
    """Read the facts of these parts that rules are about."""
    used = state.kinds_in_use(connection)
    objects: dict[str, dict[str, dict[str, Any]]] = {
        kind: load_objects(connection, kind, choice) if kind in used else {} for kind in _KINDS
    }
    if choice != WHOLE:
        _add_linked(connection, objects, choice, used)
    objects["client"] = _clients(connection, config, choice, used)
    objects["employee"], objects["absence"] = employees_of(config)
    objects["connection"] = _connections(connection, config, now)
    objects["payment"] = with_matches(objects)
    objects["document"] = _documents(connection, config, now, choice)
    facts = [*_facts(connection, now, choice, used), *_paper_facts(connection, objects["document"], now)]
    calendars = calendars_of(config)
    always = standing(config, calendars.get("office"), now)
    objects["occasion"] |= always["occasion"]
    begun = connection.execute(select(func.min(STATE["survey"].c.answered)).where(~STATE["survey"].c.deleted)).scalar()
    objects["firm"] = {"firm": {"polls_begun": begun}}
    return World(
        objects, facts, calendars=calendars, enforce_from=enforce_from(config, connection),
        strangers=_strangers(connection, facts),
    )  # fmt: skip


def load_firm(connection: Connection, config: Config, now: datetime) -> World:
    """Read what rules about the firm itself look at: months, days of its people, campaigns, and what they sum up."""
    objects: dict[str, dict[str, dict[str, Any]]] = {kind: load_objects(connection, kind) for kind in _OF_FIRM}
    objects["client"] = _clients(connection, config, WHOLE, state.kinds_in_use(connection))
    objects["employee"], objects["absence"] = employees_of(config)
    calendars = calendars_of(config)
    objects |= {kind: things for kind, things in standing(config, calendars.get("office"), now).items()
                if kind in FIRM_KINDS}  # fmt: skip
    return World(objects, (), calendars=calendars, enforce_from=enforce_from(config, connection))


def _add_linked(
    connection: Connection, objects: dict[str, dict[str, dict[str, Any]]], choice: Choice, used: Collection[str]
) -> None:
    """Add what counts for these parts and belongs to others: a promise about a ticket, a referral by a client."""
    for kind, (field, target) in LINKS.items():
        if kind not in used:
            continue
        wanted = sorted(objects[target]) if target != "client" else choice.clients or ()
        for piece in _pieces(wanted):
            table = STATE[kind]
            for row in state.read(connection, kind, ~table.c.deleted, table.c[field].in_(piece)):
                objects[kind].setdefault(row["id"], {**_typed(row), "client": row.get("client_id")})


def calendars_of(config: Config) -> Calendars:
    """Return the firm's calendars. Raises SettingsError for hours that cannot be understood."""
    settings = config.model.calendar
    hours: dict[str, Any] = {}
    for field in ("hours", "extended"):
        hours[field] = parse_hours(getattr(settings, field))
        if hours[field] is None:
            raise config.document.error(("calendar", field), "write hours such as 09:00-13:00 14:00-18:00.")
    overrides = Overrides(
        frozenset(settings.days_off), frozenset(settings.working_days), frozenset(settings.short_days)
    )
    return Calendars(config.model.zone, hours["hours"], hours["extended"], overrides)


def enforce_from(config: Config, connection: Connection) -> datetime:
    """Return the instant before which nothing raises a reminder: set, or when the store was made."""
    said = config.model.enforce_from or get_meta(connection, "installed")
    if not said:
        return EARLIEST
    try:
        moment = datetime.fromisoformat(said)
        return (moment if moment.tzinfo else moment.replace(tzinfo=config.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise config.document.error(("enforce_from",), "write a day such as 2026-11-01.") from None


def load_objects(connection: Connection, kind: str, choice: Choice = WHOLE) -> dict[str, dict[str, Any]]:
    """Return the things of a kind by id, each with its `client`."""
    found = {}
    for condition in choice.of(kind):
        for row in state.read(connection, kind, ~STATE[kind].c.deleted, condition):
            found[row["id"]] = {**_typed(row), "client": row.get("client_id")}
    return found


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    if "points" in row:
        row["points"] = tuple(ContactPoint(**point) for point in row["points"])
    return row


def _clients(
    connection: Connection, config: Config, choice: Choice, used: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Return the clients whom a source calls so, or of whom anything is known but the name."""
    table = STATE["client"]
    owning = (STATE[kind].c.client_id for kind in STATE if kind in used and "client_id" in STATE[kind].c)
    wanted = or_(table.c.status != "", *(exists().where(owner == table.c.id) for owner in owning))
    who = aliases(config)
    found = {}
    chosen = [table.c.id != ""] if choice.clients is None else [table.c.id.in_(it) for it in _pieces(choice.clients)]
    for condition in chosen:
        for row in state.read(connection, "client", ~table.c.deleted, condition, wanted):
            row["manager"] = who.get(str(row["manager"] or "").casefold(), "")
            found[row["id"]] = _typed(row)
    return found


def aliases(config: Config) -> dict[str, str]:
    """Return employee ids by every name under which other systems know them, folded."""
    names: dict[str, str] = {}
    for employee in config.model.employees:
        for name in (employee.id, employee.name, employee.mail, *employee.aliases):
            if name:
                names[name.casefold()] = employee.id
    return names


def employees_of(config: Config) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the people of the configuration and their absences, by id."""
    people, absences = {}, {}
    for index, employee in enumerate(config.model.employees):
        people[employee.id] = employee.model_dump(include={"name", "role", "head", "mail", "phone", "department"})
        for place, period in enumerate(employee.absent):
            start, _, end = period.partition("..")
            try:
                days = date.fromisoformat(start.strip()), date.fromisoformat((end or start).strip())
            except ValueError:
                days = date.max, date.min
            if days[1] < days[0]:
                raise config.document.error(
                    ("employees", index, "absent", place), "write days such as 2026-12-01..2026-12-14."
                )
            absences[f"{employee.id}/{place}"] = {
                "employee": employee.id, "start": days[0], "end": days[1], "substitute": employee.substitute
            }  # fmt: skip
    return people, absences


def _connections(connection: Connection, config: Config, now: datetime) -> dict[str, dict[str, Any]]:
    """Return since when each connection in use was read in full, and until when it should have been read again.

    Of the streams that were tried within a day the one that is behind the most counts.
    """
    settings = {name: each for name, each in config.model.connections.items() if each.enabled}
    ours, name = run.c.connection.in_(settings), run.c.connection
    begun = connection.execute(select(name, func.min(run.c.started_at)).where(ours).group_by(name)).all()
    tried = select(name, run.c.stream).where(ours, run.c.started_at >= now - _TRIED).distinct()
    in_use = {(row.connection, row.stream) for row in connection.execute(tried)}
    rows = connection.execute(select(stream.c.connection, stream.c.name, stream.c.completed_at)).all()
    found: dict[str, dict[str, Any]] = {}
    for who, first in begun:
        used = [row.completed_at for row in rows if row.connection == who and (who, row.name) in in_use]
        past = [row.completed_at for row in rows if row.connection == who and row.completed_at]
        read_at = max(past, default=None) if not used else None if None in used else min(used)
        expected = (read_at or first) + max(3 * settings[who].every, _SILENCE)
        found[who] = {"name": who, "read_at": read_at, "expected": expected}
    return found


def _documents(connection: Connection, config: Config, now: datetime, choice: Choice) -> dict[str, dict[str, Any]]:
    """Return the papers of the last months that are to come back signed."""
    signed = {kind for kind, form in forms_of(config).items() if form.needs_signature}
    found = {}
    for condition in _of_papers(choice):
        for key, row in documents.of_world(connection, signed, now - HORIZON, condition).items():
            client = parties.follow(connection, row["client"]) if row["client"] else None
            found[key] = {**row, "needs_signature": True, "client": client}
    return found


def _of_papers(choice: Choice) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that together give the papers of these parts; a paper keeps the id its client had then."""
    owner, old = document.c.client, redirect.c.old
    if choice.clients is None:
        yield owner.is_not(None)
    for it in _pieces(choice.clients or ()):
        yield or_(owner.in_(it), owner.in_(select(old).where(redirect.c.new.in_(it))))
    if choice.others is None:
        yield owner.is_(None)
    named = [other.partition("/")[2] for other in choice.others or () if other.startswith("document/")]
    for it in _pieces(named):
        yield and_(owner.is_(None), document.c.id.in_([int(key) for key in it]))


def _paper_facts(connection: Connection, found: Mapping[str, Mapping[str, Any]], now: datetime) -> Iterator[Fact]:
    """Yield what became of these papers; an event of an imported log may speak of another one under the same id."""
    for piece in _pieces([f"document/{key}" for key in found]):
        ours = _happened(now - HORIZON).where(event.c.source == documents.EVENTS_SOURCE, event.c.subject.in_(piece))
        for row in connection.execute(ours):
            key = row.subject.partition("/")[2]
            said, paper = msgspec.json.decode(row.data or "{}", type=dict[str, str]), found[key]
            if (said.get("kind"), said.get("number")) == (paper["kind"], paper["number"]):
                yield Fact(id=f"{row.source}/{row.id}", type=row.type, time=row.time, kind="document", subject=key,
                           client=paper["client"], fields={"by": said.get("by", "")})  # fmt: skip


class Fields(Mapping[str, Any]):
    """The fields of the thing an event is about, decoded when the first of them is asked for."""

    __slots__ = ("_data", "_entity", "_kind", "_source")

    def __init__(self, kind: str, source: str, data: str) -> None:
        self._kind = kind
        self._source = source
        self._data = data
        self._entity: Entity | None = None

    def __getitem__(self, name: str) -> Any:
        value = self.get(name, self)
        if value is self:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default when things of this kind have no such field."""
        if self._entity is None:
            self._entity = _decoder(self._kind)(self._data)
        value = getattr(self._entity, name, default)
        if value.__class__ is Reference:  # things are known by their ids in the store
            return entity_id(value.connection or self._source, value.kind, value.external_id)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(ENTITIES[self._kind].__struct_fields__)

    def __len__(self) -> int:
        return len(ENTITIES[self._kind].__struct_fields__)


@cache
def _decoder(kind: str) -> Callable[[str], Entity]:
    """Return what reads a thing of the kind; made when first needed, since all of them would be felt at each start."""
    return msgspec.json.Decoder(ENTITIES[kind]).decode


def _facts(connection: Connection, now: datetime, choice: Choice, used: Collection[str]) -> list[Fact]:
    """Return what happened in these parts, each with the client it belongs to now."""
    since, found = now - HORIZON, list[Fact]()
    for kind in HAPPENING:
        for query in _facts_of(connection, kind, since, choice) if kind in used else ():
            for source, name, type_, moment, data, subject, client in connection.execute(query).all():
                if data and data != "null":
                    found.append(Fact(f"{source}/{name}", type_, moment, kind, subject, client,
                                      Fields(kind, source, data)))  # fmt: skip
    return found


def _facts_of(connection: Connection, kind: str, since: datetime, choice: Choice) -> Iterator[Select[Any]]:
    """Yield the queries that together give what happened to things of a kind in these parts.

    For each thing its events are looked up. SQLite would go the other way, through all things of a source for each
    event, if it could look for things by their source; so there it is asked for a value that is reckoned.
    """
    thing = STATE[kind]
    source = func.coalesce(thing.c.connection, "") if connection.dialect.name == "sqlite" else thing.c.connection
    client = thing.c.client_id if "client_id" in thing.c else null().label("client_id")
    columns = (event.c.source, event.c.id, event.c.type, event.c.time, event_data.c.data, thing.c.id, client)
    is_same = and_(event.c.source == source, event.c.subject == literal(f"{kind}/") + thing.c.external_id)
    query = _happened(since).with_only_columns(*columns, maintain_column_froms=True).join(thing, is_same)
    if kind in _LONG:
        begun = thing.c[_LONG[kind]]
        query = query.where(or_(begun.is_(None), begun >= since - _SPARE))
    yield from map(query.where, choice.of(kind))


def _happened(since: datetime) -> Any:
    return log.holding().where(
        text("event.type NOT LIKE '%.observed'"),  # word for word as in the index
        event.c.type.not_like("%.deleted"),
        event.c.type.not_in(DECISIONS),
        event.c.time >= since,
    )


def _strangers(connection: Connection, facts: Collection[Fact]) -> dict[str, list[str]]:
    """Return the names of the clients who share the number of a call that belongs to none of them."""
    numbers = {number_of(fact.fields) for fact in facts if fact.kind == "call" and fact.client is None}
    whose = parties.claimants(connection, [f"phone:{number}" for number in sorted(numbers) if number])
    contacts = [entity for owners in whose.values() for kind, entity in owners if kind == "contact"]
    employer = state.clients_of(connection, "contact", contacts)
    owners_of = {
        key.removeprefix("phone:"): {entity if kind == "client" else employer.get(entity) for kind, entity in owners}
        for key, owners in whose.items()
    }
    wanted = sorted({owner for owners in owners_of.values() for owner in owners if owner})
    names: dict[str, str] = {}
    for piece in _pieces(wanted):
        table = STATE["client"]
        names |= {row.id: row.name for row in connection.execute(
            select(table.c.id, table.c.name).where(table.c.id.in_(piece), ~table.c.deleted)
        )}  # fmt: skip
    return {number: [names[owner] for owner in sorted(filter(None, owners)) if owner in names]
            for number, owners in owners_of.items()}  # fmt: skip
