"""Fields of clients, contacts, invoices and tickets that follow from other facts, with what a source says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hub.model.values import Money
from hub.reminders.world import Fact, Points, World, amount, derived, history_of, said

OPEN_STATES = ("new", "open", "postponed")
PRESSING = ("urgent", "important")
LAST_HOUR = timedelta(hours=1)
"""Before the office closes: the time in which somebody can still be asked to stay."""
ENDED_STATES = ("solved", "closed", "cancelled")
_WORD = re.compile(r"[^\W\d_]+")


@history_of("client", "last_connected_call")
def talks(world: World, client: str) -> Points:
    """Return the talks with the client that are long enough to count."""
    facts = world.with_client("call.connected", client)
    long = [fact for fact in facts if (fact.fields.get("talk_seconds") or 0) >= world.min_talk_seconds]
    return with_given(world, "client", client, "last_connected_call", long)


@history_of("client", "last_poll")
def _polls(world: World, client: str) -> Points:
    points = with_given(world, "client", client, "last_poll", world.with_client("survey.answered", client))
    rows = [world.moment(row.get("answered")) for _, row in world.owned("survey", client)]
    older = {(moment, "") for moment in rows if moment and all(moment != known for known, _ in points)}
    return sorted([*points, *older])


@history_of("ticket", "last_activity")
def _ticket_activity(world: World, ticket: str) -> Points:
    facts = [fact for fact in world.about("ticket", ticket) if not fact.type.endswith(".observed")]
    return with_given(world, "ticket", ticket, "last_activity", facts)


def with_given(world: World, kind: str, object_id: str, field: str, facts: Iterable[Fact]) -> Points:
    """Return the times of the facts, and the one that a source says of the field itself."""
    points = [(fact.time, fact.id) for fact in facts]
    given = world.moment(world.get(kind, object_id).get(field))
    if given and all(moment != given for moment, _ in points):
        points.append((given, ""))
    return sorted(points)


@derived("client", "status", "text")
def _status(world: World, client: str) -> str:
    """Return what the source says; else who ever bought something is a client."""
    given = str(world.get("client", client).get("status") or "")
    bought = any(world.owned(kind, client) for kind in ("contract", "invoice", "act", "payment"))
    return given or ("client" if bought else "unknown")


@derived("client", "open_tickets", "number")
def _open_tickets(world: World, client: str) -> int:
    given = world.get("client", client).get("open_tickets")
    if isinstance(given, int):
        return given
    return sum(1 for _, ticket in world.owned("ticket", client) if ticket.get("state") in OPEN_STATES)


@derived("client", "unpaid", "money")
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


@derived("client", "monthly_fee", "money")
def _monthly_fee(world: World, client: str) -> Money:
    given = world.get("client", client).get("monthly_fee")
    if said(given):
        return Money(amount(given))
    fees = [amount(fields.get("fee")) for _, fields in world.owned("contract", client) if not fields.get("is_closed")]
    return Money(sum(fees, Decimal(0)))


@derived("client", "contract_end", "day")
def _contract_end(world: World, client: str) -> date | None:
    ends = [fields.get("end") for _, fields in world.owned("contract", client) if not fields.get("is_closed")]
    return max((end for end in ends if isinstance(end, date)), default=None)


@derived("invoice", "unpaid", "money")
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


@derived("ticket", "closed", "moment")
def _ticket_closed(world: World, ticket: str) -> datetime | None:
    """Return when the ticket came to an end; `None` while it is open, also after it was opened again."""
    fields = world.get("ticket", ticket)
    if fields.get("state") not in ENDED_STATES:
        return None
    ends = ("ticket.closed", "ticket.solved", "ticket.cancelled", "ticket.status")
    ended = [fact.time for fact in world.about("ticket", ticket) if fact.type in ends]
    return world.moment(fields.get("closed")) or max(ended, default=world.value("ticket", ticket, "last_activity"))


@derived("ticket", "priority_since", "moment")
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


@derived("ticket", "assigned_at", "moment")
def _assigned(world: World, ticket: str) -> datetime | None:
    """Return when the present specialist was given; `None` when there is none, or no source says when."""
    facts = [fact.time for fact in world.about("ticket", ticket) if fact.type == "ticket.assigned"]
    return max(facts, default=None) if world.get("ticket", ticket).get("specialist") else None


@derived("ticket", "started_at", "moment")
def _started(world: World, ticket: str) -> datetime | None:
    """Return when work began, or began again; `None` while it has not, or when no source says when."""
    if world.get("ticket", ticket).get("state") == "new":
        return None
    facts = world.about("ticket", ticket)
    again = max((fact.time for fact in facts if fact.type == "ticket.reopened"), default=None)
    return again or min((fact.time for fact in facts if fact.type == "ticket.status"), default=None)


@derived("ticket", "evening", "moment")
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


@derived("client", "first_purchase", "moment")
def _first_purchase(world: World, client: str) -> datetime | None:
    """Return the first day on which the client paid or was served."""
    rows = [row for kind in ("payment", "act") for _, row in world.owned(kind, client)]
    days = [world.moment(row.get("date")) for row in rows if row.get("is_posted") is not False]
    return min(filter(None, days), default=None)


@derived("client", "welcomed", "moment")
def _welcomed(world: World, client: str) -> datetime | None:
    """Return the first talk with the client since he bought for the first time."""
    bought = world.value("client", client, "first_purchase")
    points = talks(world, client) if bought else []
    return next((moment for moment, _ in points if moment >= bought), None)


@derived("client", "open_important", "number")
def _open_important(world: World, client: str) -> int:
    return len(_pressing(world, client))


@derived("client", "oldest_important", "moment")
def _oldest_important(world: World, client: str) -> datetime | None:
    return min(_pressing(world, client), default=None)


@derived("client", "newest_important", "moment")
def _newest_important(world: World, client: str) -> datetime | None:
    return max(_pressing(world, client), default=None)


@derived("contact", "is_double", "flag")
def _is_double(world: World, contact: str) -> bool:
    """Tell whether another entry of the client is the same person: the same birthday, and a name that can be the same.

    Of several the one with the fullest name is the person, among these the one that was entered by hand.
    """
    own = world.get("contact", contact)
    people = world.owned("contact", str(own.get("client") or "")) if own.get("birthday") else ()
    return any(
        _rank(other, fields) < _rank(contact, own) and _may_be_one(_words(own), _words(fields))
        for other, fields in people
        if fields.get("birthday") == own["birthday"]
    )


def _rank(contact: str, fields: Mapping[str, Any]) -> tuple[int, bool, str]:
    return -sum(map(len, _words(fields))), fields.get("connection") != "operator", contact


def _words(fields: Mapping[str, Any]) -> list[str]:
    """Return the words of a name in one spelling, the longest first."""
    name = str(fields.get("name") or "").casefold().replace("ё", "е")
    return sorted(_WORD.findall(name), key=lambda word: (-len(word), word))


def _may_be_one(left: list[str], right: list[str]) -> bool:
    """Tell whether every word of the shorter name, two at least, stands in the other, all but one as an initial maybe.

    `Петрова А. И.` may be Анна Ивановна Петрова; a surname alone may be anybody's.
    """
    fewer, more = sorted((left, right), key=len)
    rest = list(more)
    for word in fewer:
        short = [it for it in rest if it[0] == word[0] and 1 in (len(it), len(word))]
        found = word if word in rest else next(iter(short), "")
        if not found:
            return False
        rest.remove(found)
    return len(fewer) > 1 and any(len(word) > 1 and word in more for word in fewer)
