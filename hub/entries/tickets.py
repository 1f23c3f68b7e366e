"""Tickets of the hub's own: entered by people who have no ticket system, or made of letters (`hub.letters`)."""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec.structs import replace

from hub.entries import new_key
from hub.entries.acts import Action, Desk, EntryError, Kind
from hub.entries.talks import CLIENT
from hub.model.entities import Ticket
from hub.reminders.calendars import Calendar

ENDED = ("solved", "closed", "cancelled")


def number_of(key: str, created: datetime, office: Calendar) -> str:
    """Return the number of a ticket of ours, such as 261122-4839: its day, and four digits that follow from its key."""
    digits = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) % 10_000
    return f"{office.local_day(created):%y%m%d}-{digits:04d}"


def _new(desk: Desk, _before: Ticket | None, entry: Ticket) -> Ticket:
    created = entry.created or desk.now
    number = entry.number or number_of(new_key(), created, desk.office)
    return replace(entry, number=number, last_activity=entry.last_activity or created)


def _moved(desk: Desk, before: Ticket | None, entry: Ticket) -> Ticket:
    if before and before.state in ENDED:
        raise EntryError(f"the ticket is {before.state}.", hint=f"First: hub ticket reopen {before.number}")
    return replace(entry, last_activity=desk.now)


def _again(desk: Desk, before: Ticket | None, entry: Ticket) -> Ticket:
    if before and before.state not in ENDED:
        raise EntryError(f"the ticket is {before.state}; it has not ended.")
    return reopened(entry, desk.now)


def reopened(ticket: Ticket, at: datetime) -> Ticket:
    """Return a ticket that was at its end and is open again."""
    return replace(ticket, state="open", closed=None, reopens=ticket.reopens + 1, last_activity=at)


TICKET = Kind(
    entity=Ticket,
    title="Tickets: those of the ticket systems, those made of letters, and those entered here.",
    meanings={
        "client": CLIENT,
        "subject": "What it is about, in one line.",
        "description": "What was asked, in full.",
        "priority": "How pressing it is; else normal.",
        "specialist": "Who works on it.",
        "author": "Who asked.",
        "author_email": "His mailbox: it finds the client where none is named.",
        "due": "By which day it is to be solved.",
        "created": "When it was asked; else now.",
        "closed": "When it ended; else now.",
    },
    choices={"priority": ("urgent", "important", "normal", "low")},
    columns=("number", "priority", "state", "subject"),
    order="created",
    open_while="closed",
    over=ENDED,
    actions=(
        Action(
            name="new",
            verb="created",
            help="Enter what a client asked for where no ticket system keeps it.",
            fields=(
                "client", "subject", "description", "priority", "specialist", "author", "author_email", "due",
            ),
            needs=("client", "subject"),
            stamp="created",
            fixed={"number": "", "state": "new"},
            check=_new,
        ),
        Action(
            name="assign",
            verb="assigned",
            help="Say who works on it (S000-4).",
            fields=("specialist",),
            needs=("specialist",),
            check=_moved,
        ),
        Action(name="start", verb="status", help="Work has begun.", fixed={"state": "open"}, check=_moved),
        Action(name="postpone", verb="status", help="It has to wait.", fixed={"state": "postponed"}, check=_moved),
        Action(
            name="prioritise",
            verb="priority",
            help="Say how pressing it is.",
            fields=("priority",),
            needs=("priority",),
            check=_moved,
        ),
        Action(
            name="solve", verb="solved", help="It is solved; whether the client is content is asked next (S001-8).",
            stamp="closed", fixed={"state": "solved"}, check=_moved,
        ),
        Action(
            name="cancel", verb="cancelled", help="It is not to be done any more.", stamp="closed",
            fixed={"state": "cancelled"}, check=_moved,
        ),
        Action(name="reopen", verb="reopened", help="It was not solved after all (S000-8).", check=_again),
    ),
)  # fmt: skip
