"""Meetings of a calendar: a record is the item as the server gives it, without its text; it means a message.

The hub has no noun for a meeting yet. What counts for it is that we were in touch with a client, so a meeting with
somebody outside is observed as a message of its organiser to those invited, at the time it begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from lxml import etree

from hub.api import BadRecord, Email, Event, Mail, MailAddress, Message, Record, mail_events

from .raw import TYPES, moment

LIGHT = ("calendar:End", "item:Sensitivity")
"""What the list of changes tells beside ids: enough to leave out what is old or private."""
FIELDS = (
    "calendar:End", "calendar:IsCancelled", "calendar:Location", "calendar:OptionalAttendees", "calendar:Organizer",
    "calendar:RequiredAttendees", "calendar:Start", "item:Sensitivity", "item:Subject",
)  # fmt: skip
MOST_PEOPLE = 500
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def record_of(element: Any) -> Record:
    """Return the record of an item that is no letter."""
    reference = element.find(f"{TYPES}ItemId")
    payload: bytes = etree.tostring(element, method="c14n")
    return Record(reference.get("Id"), payload, version=reference.get("ChangeKey", ""))


def events(record: Record, ours: Collection[str]) -> list[Event]:
    """Return what an item of a calendar means: nothing without anybody outside. Raises BadRecord for a damaged one."""
    try:
        item = etree.fromstring(record.payload, parser=_PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadRecord("the item of the calendar cannot be read.") from error
    if item.tag != f"{TYPES}CalendarItem":
        raise BadRecord("this is no item of a calendar.")
    if _text(item, "IsCancelled") == "true" or _text(item, "Sensitivity") not in ("", "Normal"):
        return []
    start = moment(_text(item, "Start"))
    if start is None:
        raise BadRecord("the meeting has no time at which it begins.")
    organiser = next(_people(item, f"{TYPES}Organizer/{TYPES}Mailbox"), MailAddress(""))
    invited = [
        *_people(item, f"{TYPES}RequiredAttendees/{TYPES}Attendee/{TYPES}Mailbox"),
        *_people(item, f"{TYPES}OptionalAttendees/{TYPES}Attendee/{TYPES}Mailbox"),
    ]
    mail = Mail(sender=organiser, to=tuple(invited[:MOST_PEOPLE]), subject=_text(item, "Subject")[:1000], sent=start,
                text=_text(item, "Location")[:1000], own_text=_text(item, "Location")[:1000])  # fmt: skip
    told = mail_events(record.reference("message"), mail, folder=record.stream, ours=ours)[0]
    if not isinstance(told.data, Message) or not told.data.outside:
        return []
    return [Event("message.observed", told.subject, told.data, start)]


def _text(item: Any, name: str) -> str:
    found = " ".join(str(item.findtext(f"{TYPES}{name}", "")).split())
    return "".join(sign for sign in found if sign.isprintable())


def _people(item: Any, path: str) -> Iterator[MailAddress]:
    for mailbox in item.iterfind(path):
        parsed = Email.parse(_text(mailbox, "EmailAddress"))  # somebody inside may have an address of Exchange's own
        if parsed is not None:
            yield MailAddress(parsed.address, _text(mailbox, "Name")[:200])
