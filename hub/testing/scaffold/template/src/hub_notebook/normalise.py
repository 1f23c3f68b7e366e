"""Translates what Notebook stores into events. Pure: a record in, events out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Struct

from hub.api import BadRecord, Client, Contact, ContactPoint, Event, Phone, Record, Reference, Ticket, to_utc

Row = TypeVar("Row")


class ClientRow(Struct):
    """A client as the server gives it; unknown fields are fine."""

    id: str
    name: str
    changed: datetime
    inn: str = ""
    phones: tuple[str, ...] = ()
    accountant: str = ""


class TicketRow(Struct):
    """A ticket as the server gives it."""

    id: str
    subject: str
    changed: datetime
    client: str = ""
    text: str = ""
    is_open: bool = True


def client(record: Record) -> Iterable[Event]:
    """Give the client and, if there is one, its accountant."""
    row = _decode(record, ClientRow)
    phones = [phone for phone in map(Phone.parse, row.phones) if phone]
    points = tuple(ContactPoint("phone", phone.number, phone.raw) for phone in phones)
    subject = record.reference("client")
    time = _utc(row.changed, record)
    yield Event("client.observed", subject, Client(name=row.name, inn=row.inn, points=points), time)
    if row.accountant:
        contact = Contact(name=row.accountant, client=subject, position="accountant")
        yield Event("contact.observed", record.reference("contact"), contact, time)


def ticket(record: Record) -> Iterable[Event]:
    """Give the ticket."""
    row = _decode(record, TicketRow)
    seen = Ticket(
        number=record.external_id,
        subject=row.subject,
        client=Reference("client", row.client) if row.client else None,
        state="open" if row.is_open else "closed",
        description=row.text,
        last_activity=_utc(row.changed, record),
    )
    yield Event("ticket.observed", record.reference("ticket"), seen, seen.last_activity)


NORMALISERS: dict[str, Callable[[Record], Iterable[Event]]] = {"clients": client, "tickets": ticket}


def _decode(record: Record, kind: type[Row]) -> Row:
    try:
        return msgspec.json.decode(record.payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"{record.stream} {record.external_id} is not what Notebook sends: {error}.") from error


def _utc(moment: datetime, record: Record) -> datetime:
    try:
        return to_utc(moment)
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"{record.stream} {record.external_id} has an impossible time: {error}.") from error
