"""What a mail means to the hub: who of the two sides wrote, and whether a person did. Pure."""

from __future__ import annotations

from collections.abc import Collection

from hub.mail.charset import clean
from hub.mail.letter import Mail
from hub.model.entities import Attachment, Message, Reference
from hub.model.events import Event

MOST_TEXT = 8 * 1024


def events(subject: Reference, mail: Mail, *, folder: str, ours: Collection[str]) -> list[Event]:
    """Return the event of one mail."""
    message = message_of(mail, folder, ours)
    kind = "message.sent" if message.direction == "outbound" else "message.received"
    return [Event(kind, subject, message, message.sent)]


def message_of(mail: Mail, folder: str, ours: Collection[str]) -> Message:
    """Return the message that a mail is, from our side of it."""
    sender = mail.sender
    replies = [it for it in mail.reply_to if not is_ours(it.address, ours)]
    is_sent = is_ours(sender.address, ours) and not mail.is_report  # our own server reports to us, too
    if is_sent and replies and mail.recipients and all(is_ours(address, ours) for address in mail.recipients):
        is_sent, sender = False, replies[0]  # a form on our own site: a client wrote it
    failed = tuple(failure.address for failure in mail.failures)
    others = failed or (sender.address, *(it.address for it in replies), *mail.recipients)
    return Message(
        message_id=mail.message_id,
        direction="outbound" if is_sent else "inbound",
        sender=sender.address,
        sender_name=sender.name,
        recipients=mail.recipients,
        outside=tuple(dict.fromkeys(address for address in others if "@" in address and not is_ours(address, ours))),
        subject=mail.subject,
        text=clean(mail.own_text)[:MOST_TEXT],
        sent=mail.sent,
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        is_automatic=mail.is_automatic,
        is_bounce=bool(failed),
        folder=folder,
        attachments=tuple(
            Attachment(name=it.name, type=it.type, size_bytes=it.size_bytes, blob=it.digest) for it in mail.files
        ),
    )


def is_ours(address: str, ours: Collection[str]) -> bool:
    """Tell whether an address is our own, itself or by its domain or a domain above that."""
    if not address or address in ours:
        return bool(address)
    domain = address.rpartition("@")[2]
    while domain:
        if domain in ours:
            return True
        domain = domain.partition(".")[2]
    return False
