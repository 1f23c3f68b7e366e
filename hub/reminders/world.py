"""The facts that rules are evaluated over: objects as they are now, and what happened, in order of time.

Objects are plain mappings by kind and id. Every object except a client names its client under `client` (an id or
`None`). Values are text, bool, int, Decimal, Money, date, aware datetime or sequences. Fields that follow from other
facts (`client.last_connected_call`, `invoice.unpaid`, …) are reckoned by the functions of `derived…`.
Kinds the hub itself adds: `absence` (employee, start, end, substitute), `connection` (name, read_at, expected).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hub.model.parts import number_of
from hub.model.values import Money
from hub.reminders.calendars import Calendars

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
Path: TypeAlias = tuple[str, str]
"""Kind and field; an empty kind means a figure of the reminder itself, such as `count`."""
Points: TypeAlias = list[tuple[datetime, str]]
"""When a field took a new time, with the id of the fact that gave it (empty: the source itself says so)."""

_NOTHING: Mapping[str, Any] = {}
_EMPTY = (str, tuple, list)
_time_of, _type_of, _kind_of = attrgetter("time"), attrgetter("type"), attrgetter("kind")
_client_of, _subject_of = attrgetter("client"), attrgetter("subject")
Reckon: TypeAlias = Callable[["World", str], Any]
DERIVED: dict[Path, Reckon] = {}
"""How fields are known that follow from other facts, by kind and field; the modules `derived…` fill it."""
HISTORIES: dict[Path, Callable[[World, str], Points]] = {}
"""When such a field took each of its times."""
TYPES: dict[Path, str] = {}
"""The type of each derived field: text, number, money, day, moment or flag."""


class Fact(Struct, frozen=True):
    """Something that happened: `fields` is the whole thing it happened to, of kind `kind` and id `subject`."""

    id: str
    type: str
    time: datetime
    kind: str
    subject: str
    client: str | None = None
    fields: Mapping[str, Any] = {}


def said(value: object) -> bool:
    """Tell whether a field has a value; empty text, empty lists and `None` mean that nobody says."""
    return bool(value) or (value is not None and value.__class__ not in _EMPTY)


class World:
    """All facts of one moment, indexed. Built once and not changed; the order of the input has no influence.

    `strangers` gives for numbers that several clients share the names of these; it goes with facts that name their
    client already, else the owner of a number is looked up among the objects.
    """

    def __init__(
        self,
        objects: Mapping[str, Mapping[str, Mapping[str, Any]]],
        facts: Iterable[Fact],
        *,
        calendars: Calendars,
        enforce_from: datetime = EARLIEST,
        min_talk_seconds: int = 60,
        strangers: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.objects = objects
        self.calendars = calendars
        self.enforce_from = enforce_from
        self.min_talk_seconds = min_talk_seconds
        self._strangers = strangers
        by_id: dict[str, Fact] = {}
        for fact in facts:
            known = by_id.get(fact.id)
            if known is None or (known.time, known.type) < (fact.time, fact.type):
                by_id[fact.id] = fact
        self._by_id = by_id if strangers is not None else {key: self._attributed(it) for key, it in by_id.items()}
        self._facts = sorted(self._by_id.values(), key=attrgetter("time", "id"))
        self._linked: dict[Path, dict[str, list[tuple[str, Mapping[str, Any]]]]] = {}
        self._groups: dict[tuple[str, Callable[[Fact], Any]], Mapping[Any, list[Fact]]] = {}
        self._derived: dict[tuple[str, str, str], Any] = {}
        self._until: dict[datetime, World] = {}

    @cached_property
    def phones(self) -> Mapping[str, Sequence[str]]:
        """Return the clients who have a number, by number."""
        return _phone_book(self.objects)

    @cached_property
    def _by_type(self) -> Mapping[str, list[Fact]]:
        return _grouped(self._facts, _type_of)

    @cached_property
    def _by_kind(self) -> Mapping[str, list[Fact]]:
        return _grouped(self._facts, _kind_of)

    def _chosen(
        self, kind_or_type: str, facts: Sequence[Fact], by: Callable[[Fact], Any], value: str
    ) -> Sequence[Fact]:
        """Return those of the facts that have the value; what is never asked for is never put in order."""
        place = (kind_or_type, by)
        if place not in self._groups:
            self._groups[place] = _grouped(facts, by)
        return self._groups[place].get(value, ())

    def until(self, now: datetime) -> World:
        """Return the world as far as it had happened at that time; itself when nothing lies later."""
        if not self._facts or self._facts[-1].time <= now:
            return self
        if now not in self._until:
            self._until[now] = self._cut(now)
        return self._until[now]

    def _cut(self, now: datetime) -> World:
        return World(
            self.objects,
            [fact for fact in self._facts if fact.time <= now],
            calendars=self.calendars,
            enforce_from=self.enforce_from,
            min_talk_seconds=self.min_talk_seconds,
            strangers=self._strangers,
        )

    def after(self, now: datetime) -> Sequence[Fact]:
        """Return the facts that lie ahead of that time, as of a system whose clock is fast."""
        return self._facts[bisect_right(self._facts, now, key=_time_of) :]

    @property
    def facts(self) -> Sequence[Fact]:
        """Return all facts, oldest first."""
        return self._facts

    def fact(self, fact_id: str) -> Fact | None:
        """Return the fact of that id."""
        return self._by_id.get(fact_id)

    def of_type(self, event_type: str) -> Sequence[Fact]:
        """Return all facts of the type, oldest first."""
        return self._by_type.get(event_type, ())

    def with_client(self, event_type: str, client: str, since: datetime = EARLIEST) -> Sequence[Fact]:
        """Return the facts of the type with the client, oldest first."""
        return _since(self._chosen(event_type, self.of_type(event_type), _client_of, client), since)

    def with_number(self, event_type: str, number: str, since: datetime = EARLIEST) -> Sequence[Fact]:
        """Return the facts of the type with the outside number, oldest first."""
        return _since(self._chosen(event_type, self.of_type(event_type), _number_of, number), since) if number else ()

    def about(self, kind: str, subject: str) -> Sequence[Fact]:
        """Return everything that happened to one thing, oldest first."""
        return self._chosen(kind, self._by_kind.get(kind, ()), _subject_of, subject)

    def get(self, kind: str, object_id: str) -> Mapping[str, Any]:
        """Return the object, or an empty mapping."""
        known: Mapping[str, Mapping[str, Any]] = self.objects.get(kind, _NOTHING)
        return known.get(object_id, _NOTHING)

    def owned(self, kind: str, client: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return the objects of the kind that belong to the client, by id."""
        return self.linked(kind, "client", client)

    def linked(self, kind: str, field: str, object_id: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return the objects of the kind whose `field` names that thing, by id."""
        if (kind, field) not in self._linked:
            known: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
            for each, fields in sorted(self.objects.get(kind, _NOTHING).items()):
                if fields.get(field):
                    known[fields[field]].append((each, fields))
            self._linked[kind, field] = known
        return self._linked[kind, field].get(object_id, ())

    def value(self, kind: str, object_id: str, field: str) -> Any:
        """Return a field of an object, computed from other facts where that is how it is known."""
        if field == "id":
            return object_id
        compute = DERIVED.get((kind, field))
        if compute is None:
            return self.get(kind, object_id).get(field)
        key = (kind, object_id, field)
        if key not in self._derived:
            self._derived[key] = compute(self, object_id)
        return self._derived[key]

    def history(self, kind: str, object_id: str, field: str) -> Sequence[tuple[datetime, str]]:
        """Return when the field took a new time, with the id of the fact that gave it (empty: the source says so)."""
        compute = HISTORIES.get((kind, field))
        if compute:
            return compute(self, object_id)
        moment = self.moment(self.value(kind, object_id, field))
        return ((moment, ""),) if moment else ()

    def moment(self, value: object) -> datetime | None:
        """Return an instant for an instant or a day (its beginning in the office's zone), else `None`."""
        if isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime.combine(value, time(), self.calendars.zone).astimezone(UTC)
        return None

    def sharers(self, number: str) -> Sequence[str]:
        """Return the names of the clients who have the number."""
        if self._strangers is not None:
            return self._strangers.get(number, ())
        owners = self.phones.get(number, ())
        return [str(self.value("client", owner, "name") or owner) for owner in owners]

    def _attributed(self, fact: Fact) -> Fact:
        if fact.client is not None or fact.kind != "call":
            return fact
        owners = self.phones.get(number_of(fact.fields), ())
        return replace(fact, client=owners[0]) if len(owners) == 1 else fact


def _number_of(fact: Fact) -> str:
    return number_of(fact.fields) if fact.kind == "call" else ""


def _since(facts: Sequence[Fact], since: datetime) -> Sequence[Fact]:
    if not facts or facts[0].time >= since:
        return facts
    return facts[bisect_left(facts, since, key=_time_of) :]


def _grouped(facts: Iterable[Fact], key: Callable[[Fact], Any]) -> Mapping[Any, list[Fact]]:
    found: dict[Any, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[key(fact)].append(fact)
    return found


def derived(kind: str, field: str, form: str) -> Callable[[Reckon], Reckon]:
    """Register a function that reckons a field of a kind; `form` is the field's type."""

    def register(function: Reckon) -> Reckon:
        DERIVED[kind, field] = function
        TYPES[kind, field] = form
        return function

    return register


def history_of(kind: str, field: str) -> Callable[[Callable[[World, str], Points]], Callable[[World, str], Points]]:
    """Register a function that gives every time a field took; the last one is its value."""

    def register(function: Callable[[World, str], Points]) -> Callable[[World, str], Points]:
        HISTORIES[kind, field] = function
        derived(kind, field, "moment")(lambda world, object_id: max(function(world, object_id), default=(None,))[0])
        return function

    return register


def last_before(facts: Sequence[Fact], moment: datetime) -> Fact | None:
    """Return the last of the facts at or before the moment."""
    place = bisect_right(facts, moment, key=_time_of)
    return facts[place - 1] if place else None


def _phone_book(objects: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, tuple[str, ...]]:
    owners: dict[str, set[str]] = defaultdict(set)
    for kind in ("client", "contact"):
        for object_id, fields in objects.get(kind, _NOTHING).items():
            client = object_id if kind == "client" else fields.get("client")
            points = [point.value for point in fields.get("points", ()) if point.type == "phone"]
            for raw in (*fields.get("phones", ()), *points) if client else ():
                if number := number_of({"number": raw}):
                    owners[number].add(client)
    return {number: tuple(sorted(clients)) for number, clients in owners.items()}


def amount(value: object) -> Decimal:
    """Return the figure of an amount; nothing said is zero."""
    if isinstance(value, Money):
        return value.amount
    return value if isinstance(value, Decimal) else Decimal(value) if isinstance(value, int) else Decimal(0)
