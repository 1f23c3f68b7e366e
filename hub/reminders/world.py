"""The facts that rules are evaluated over: objects as they are now, and what happened, in order of time.

Objects are plain mappings by kind and id. Every object except a client names its client under `client` (an id or
`None`). Values are text, bool, int, Decimal, Money, date, aware datetime or sequences. Fields that follow from other
facts (`client.last_connected_call`, `invoice.unpaid`, …) are computed here, together with what a source says of them.
Kinds the hub itself adds: `absence` (employee, start, end, substitute), `connection` (name, read_at, expected).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hub.model.parts import number_of
from hub.model.values import Money
from hub.reminders.calendars import Calendars

OPEN_STATES = ("new", "open", "postponed")
PRESSING = ("urgent", "important")
LAST_HOUR = timedelta(hours=1)
"""Before the office closes: the time in which somebody can still be asked to stay."""
ENDED_STATES = ("solved", "closed", "cancelled")
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
Points: TypeAlias = list[tuple[datetime, str]]
"""When a field took a new time, with the id of the fact that gave it (empty: the source itself says so)."""

_NOTHING: Mapping[str, Any] = {}


class Fact(Struct, frozen=True, kw_only=True):
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
    return value is not None and value != "" and value != () and value != []


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
        self.phones = _phone_book(objects)
        self._strangers = strangers
        by_id: dict[str, Fact] = {}
        for fact in facts:
            known = by_id.get(fact.id)
            if known is None or (known.time, known.type) < (fact.time, fact.type):
                by_id[fact.id] = fact
        self._by_id = {fact.id: self._attributed(fact) for fact in by_id.values()}
        self._facts = sorted(self._by_id.values(), key=_moment)
        self._index: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
        for fact in self._facts:
            self._index[("type", fact.type)].append(fact)
            self._index[("subject", fact.kind, fact.subject)].append(fact)
            if fact.client is not None:
                self._index[("client", fact.type, fact.client)].append(fact)
            if fact.kind == "call" and (number := number_of(fact.fields)):
                self._index[("number", fact.type, number)].append(fact)
        self._owned: dict[str, dict[str, list[tuple[str, Mapping[str, Any]]]]] = {}
        self._derived: dict[tuple[str, str, str], Any] = {}

    def until(self, now: datetime) -> World:
        """Return the world as far as it had happened at that time; itself when nothing lies later."""
        if not self._facts or self._facts[-1].time <= now:
            return self
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
        return self._facts[bisect_right(self._facts, now, key=lambda fact: fact.time) :]

    @property
    def facts(self) -> Sequence[Fact]:
        """Return all facts, oldest first."""
        return self._facts

    def fact(self, fact_id: str) -> Fact | None:
        """Return the fact of that id."""
        return self._by_id.get(fact_id)

    def of_type(self, event_type: str) -> Sequence[Fact]:
        """Return all facts of the type, oldest first."""
        return self._index.get(("type", event_type), ())

    def with_client(self, event_type: str, client: str, since: datetime = EARLIEST) -> Sequence[Fact]:
        """Return the facts of the type with the client, oldest first."""
        return _since(self._index.get(("client", event_type, client), ()), since)

    def with_number(self, event_type: str, number: str, since: datetime = EARLIEST) -> Sequence[Fact]:
        """Return the facts of the type with the outside number, oldest first."""
        return _since(self._index.get(("number", event_type, number), ()), since)

    def about(self, kind: str, subject: str) -> Sequence[Fact]:
        """Return everything that happened to one thing, oldest first."""
        return self._index.get(("subject", kind, subject), ())

    def get(self, kind: str, object_id: str) -> Mapping[str, Any]:
        """Return the object, or an empty mapping."""
        known: Mapping[str, Mapping[str, Any]] = self.objects.get(kind, _NOTHING)
        return known.get(object_id, _NOTHING)

    def owned(self, kind: str, client: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return the objects of the kind that belong to the client, by id."""
        if kind not in self._owned:
            owners: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
            for object_id, fields in sorted(self.objects.get(kind, _NOTHING).items()):
                if fields.get("client"):
                    owners[fields["client"]].append((object_id, fields))
            self._owned[kind] = owners
        return self._owned[kind].get(client, ())

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
        if fact.client is not None or fact.kind != "call" or self._strangers is not None:
            return fact
        owners = self.phones.get(number_of(fact.fields), ())
        return replace(fact, client=owners[0]) if len(owners) == 1 else fact


def _moment(fact: Fact) -> tuple[datetime, str]:
    return fact.time, fact.id


def _since(facts: Sequence[Fact], since: datetime) -> Sequence[Fact]:
    return facts[bisect_left(facts, since, key=lambda fact: fact.time) :] if facts else facts


def last_before(facts: Sequence[Fact], moment: datetime) -> Fact | None:
    """Return the last of the facts at or before the moment."""
    place = bisect_right(facts, moment, key=lambda fact: fact.time)
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


def _talks(world: World, client: str) -> Points:
    facts = world.with_client("call.connected", client)
    long = [fact for fact in facts if (fact.fields.get("talk_seconds") or 0) >= world.min_talk_seconds]
    return _with_given(world, "client", client, "last_connected_call", long)


def _polls(world: World, client: str) -> Points:
    return _with_given(world, "client", client, "last_poll", world.with_client("survey.answered", client))


def _ticket_activity(world: World, ticket: str) -> Points:
    facts = [fact for fact in world.about("ticket", ticket) if not fact.type.endswith(".observed")]
    return _with_given(world, "ticket", ticket, "last_activity", facts)


def _with_given(world: World, kind: str, object_id: str, field: str, facts: Iterable[Fact]) -> Points:
    points = [(fact.time, fact.id) for fact in facts]
    given = world.moment(world.get(kind, object_id).get(field))
    if given and all(moment != given for moment, _ in points):
        points.append((given, ""))
    return sorted(points)


def _last(kind: str, field: str) -> Callable[[World, str], datetime | None]:
    def value(world: World, object_id: str) -> datetime | None:
        points = HISTORIES[kind, field](world, object_id)
        return points[-1][0] if points else None

    return value


def _status(world: World, client: str) -> str:
    """Return what the source says; else who ever bought something is a client."""
    given = str(world.get("client", client).get("status") or "")
    bought = any(world.owned(kind, client) for kind in ("contract", "invoice", "act", "payment"))
    return given or ("client" if bought else "unknown")


def _open_tickets(world: World, client: str) -> int:
    given = world.get("client", client).get("open_tickets")
    if isinstance(given, int):
        return given
    return sum(1 for _, ticket in world.owned("ticket", client) if ticket.get("state") in OPEN_STATES)


def _client_unpaid(world: World, client: str) -> Money:
    given = world.get("client", client).get("unpaid")
    if said(given):
        return Money(amount(given))
    rubles = [
        amount(world.value("invoice", invoice, "unpaid"))
        for invoice, fields in world.owned("invoice", client)
        if fields.get("is_posted") is not False
    ]
    return Money(sum(rubles, Decimal(0)))


def _monthly_fee(world: World, client: str) -> Money:
    given = world.get("client", client).get("monthly_fee")
    if said(given):
        return Money(amount(given))
    fees = [amount(fields.get("fee")) for _, fields in world.owned("contract", client) if not fields.get("is_closed")]
    return Money(sum(fees, Decimal(0)))


def _contract_end(world: World, client: str) -> date | None:
    ends = [fields.get("end") for _, fields in world.owned("contract", client) if not fields.get("is_closed")]
    return max((end for end in ends if isinstance(end, date)), default=None)


def _invoice_unpaid(world: World, invoice: str) -> Money:
    """Return what is left to pay: the total less the most that the source or the payments known here say."""
    fields = world.get("invoice", invoice)
    if said(fields.get("unpaid")):
        return Money(amount(fields["unpaid"]))
    total, known, parts = amount(fields.get("total")), amount(fields.get("paid")), Decimal(0)
    for fact in world.about("invoice", invoice):
        if fact.type == "invoice.paid":
            parts += amount(fact.fields.get("amount"))
            if not said(fact.fields.get("amount")):
                known = max(known, amount(fact.fields.get("paid")) or total)
    linked = [
        amount(payment.get("total"))
        for _, payment in world.owned("payment", str(fields.get("client") or ""))
        if payment.get("invoice") == invoice and payment.get("is_posted") is not False
    ]
    return Money(max(Decimal(0), total - max(known, parts, sum(linked, Decimal(0)))))


def _ticket_closed(world: World, ticket: str) -> datetime | None:
    """Return when the ticket came to an end; `None` while it is open, also after it was opened again."""
    fields = world.get("ticket", ticket)
    if fields.get("state") not in ENDED_STATES:
        return None
    ends = ("ticket.closed", "ticket.solved", "ticket.cancelled", "ticket.status")
    ended = [fact.time for fact in world.about("ticket", ticket) if fact.type in ends]
    return world.moment(fields.get("closed")) or max(ended, default=_last("ticket", "last_activity")(world, ticket))


def _priority_since(world: World, ticket: str) -> datetime | None:
    """Return since when the ticket has its priority: the last change, else its creation.

    What was still open when the hub came into use counts from then.
    """
    facts = world.about("ticket", ticket)
    changed = [fact.time for fact in facts if fact.type == "ticket.priority"]
    created = [fact.time for fact in facts if fact.type == "ticket.created"]
    given = world.moment(world.get("ticket", ticket).get("created"))
    begun = max(changed, default=None) or given or min(created, default=None)
    closed = _ticket_closed(world, ticket)
    return max(begun, world.enforce_from) if begun and (closed is None or closed >= world.enforce_from) else begun


def _assigned(world: World, ticket: str) -> datetime | None:
    """Return when the present specialist was given; `None` when there is none, or no source says when."""
    facts = [fact.time for fact in world.about("ticket", ticket) if fact.type == "ticket.assigned"]
    return max(facts, default=None) if world.get("ticket", ticket).get("specialist") else None


def _started(world: World, ticket: str) -> datetime | None:
    """Return when work began, or began again; `None` while it has not, or when no source says when."""
    if world.get("ticket", ticket).get("state") == "new":
        return None
    facts = world.about("ticket", ticket)
    again = max((fact.time for fact in facts if fact.type == "ticket.reopened"), default=None)
    return again or min((fact.time for fact in facts if fact.type == "ticket.status"), default=None)


def _evening(world: World, ticket: str) -> datetime | None:
    """Return since when somebody has to stay for the ticket: the last office hour, at once on evenings and days off."""
    begun = world.value("ticket", ticket, "priority_since")
    if begun is None:
        return None
    office = world.calendars.get("office")
    day = office.local_day(begun)
    last_hour = office.closing(day) - LAST_HOUR
    return last_hour if office.is_open_day(day) and begun < last_hour else begun


def _pressing(world: World, client: str) -> list[datetime]:
    """Return since when each open urgent or important ticket of the client is that, the oldest first."""
    begun = [
        world.value("ticket", ticket, "priority_since")
        for ticket, fields in world.owned("ticket", client)
        if fields.get("priority") in PRESSING and fields.get("state") in OPEN_STATES
    ]
    return sorted(filter(None, begun))


def _first_purchase(world: World, client: str) -> datetime | None:
    """Return the first day on which the client paid or was served."""
    rows = [row for kind in ("payment", "act") for _, row in world.owned(kind, client)]
    days = [world.moment(row.get("date")) for row in rows if row.get("is_posted") is not False]
    return min(filter(None, days), default=None)


def _welcomed(world: World, client: str) -> datetime | None:
    """Return the first talk with the client since he bought for the first time."""
    bought = world.value("client", client, "first_purchase")
    talks = _talks(world, client) if bought else []
    return next((moment for moment, _ in talks if moment >= bought), None)


HISTORIES: dict[tuple[str, str], Callable[[World, str], Points]] = {
    ("client", "last_connected_call"): _talks,
    ("client", "last_poll"): _polls,
    ("ticket", "last_activity"): _ticket_activity,
}

DERIVED: dict[tuple[str, str], Callable[[World, str], Any]] = {
    ("client", "last_connected_call"): _last("client", "last_connected_call"),
    ("client", "last_poll"): _last("client", "last_poll"),
    ("client", "status"): _status,
    ("client", "open_tickets"): _open_tickets,
    ("client", "unpaid"): _client_unpaid,
    ("client", "monthly_fee"): _monthly_fee,
    ("client", "contract_end"): _contract_end,
    ("client", "open_important"): lambda world, client: len(_pressing(world, client)),
    ("client", "oldest_important"): lambda world, client: min(_pressing(world, client), default=None),
    ("client", "newest_important"): lambda world, client: max(_pressing(world, client), default=None),
    ("client", "first_purchase"): _first_purchase,
    ("client", "welcomed"): _welcomed,
    ("invoice", "unpaid"): _invoice_unpaid,
    ("ticket", "closed"): _ticket_closed,
    ("ticket", "last_activity"): _last("ticket", "last_activity"),
    ("ticket", "priority_since"): _priority_since,
    ("ticket", "assigned_at"): _assigned,
    ("ticket", "started_at"): _started,
    ("ticket", "evening"): _evening,
}
