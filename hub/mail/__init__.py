"""Mail, whatever brought it: read raw bytes, say what they mean, and write what is sent.

Connectors of mail differ in how they fetch and hand over; what a mail is, they share. These functions import what
they need when they are called, because a plugin that reads no mail should not wait for it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from hub.mail.letter import Carries, Failure, Invitation, Letter, Mail, MailAddress, MailFile
from hub.model.entities import Reference
from hub.model.events import Event

if TYPE_CHECKING:
    from hub.model.connector import Blobs, Command

__all__ = [
    "Carries",
    "Failure",
    "Letter",
    "Mail",
    "MailAddress",
    "MailFile",
    "Invitation",
    "compose_mail",
    "is_ours",
    "mail_events",
    "mail_key",
    "mail_stub",
    "own_text",
    "read_mail",
    "sent_message_id",
]


def read_mail(raw: bytes) -> Mail:
    """Take a raw mail (RFC 5322) apart. Raises BadRecord for bytes that are none, or that go beyond sane limits."""
    from hub.mail.read import read

    return read(raw)


def mail_events(subject: Reference, mail: Mail, *, folder: str, ours: Collection[str]) -> list[Event]:
    """Return what a mail means; `ours` are the domains and addresses that are our own."""
    from hub.mail.events import events

    return events(subject, mail, folder=folder, ours=ours)


def is_ours(address: str, ours: Collection[str]) -> bool:
    """Tell whether an address is one of these, itself or by its domain or a domain above that."""
    from hub.mail.events import is_ours as belongs

    return belongs(address, ours)


def mail_key(raw: bytes) -> str:
    """Return the key of a mail: the same in every folder and after every renumbering, another for another letter."""
    from hub.mail.keys import message_key

    return message_key(raw)


def mail_stub(headers: bytes, size_bytes: int) -> bytes:
    """Return what is kept of a mail too large to read: its headers, and how many bytes it has."""
    from hub.mail.keys import stub

    return stub(headers, size_bytes)


def own_text(text: str) -> str:
    """Return what the writer added: without quotes and signature, or the whole text where nothing would be left."""
    from hub.mail.quotes import own_text as stripped

    return stripped(text)


def compose_mail(command: Command, *, mailbox: str, sender_name: str, blobs: Blobs, now: datetime) -> Letter:
    """Write the letter that a `mail.send` asks for. Raises Rejected for one that cannot be sent."""
    from hub.mail.compose import compose

    return compose(command, mailbox=mailbox, sender_name=sender_name, blobs=blobs, now=now)


def sent_message_id(command: Command, mailbox: str) -> str:
    """Return the Message-ID of a command's letter: the same for every try, so that it can be looked for."""
    from hub.mail.compose import message_id

    return message_id(command, mailbox)
