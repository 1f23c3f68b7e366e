"""What a raw mail means: one event `message.received` or `message.sent` with the letter as data. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses, parsedate_to_datetime

from hub.api import Attachment, BadRecord, Email, Event, Message, Record

from .automatic import failed_recipients, is_automatic, original_id
from .charset import clean, words
from .html_text import html_to_text
from .keys import OMITTED, message_id, message_ids
from .mime import MOST_HEADER, Part, parse

MOST_TEXT = 8 * 1024
_REPORTS = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def normalise(record: Record, ours: Collection[str]) -> list[Event]:
    """Return the event of one mail; raises BadRecord for bytes that cannot be read as one."""
    if record.deleted:
        return []
    if not record.payload.strip():
        raise BadRecord("the mail is empty.")
    try:
        mail = parse(record.payload)
        if not mail.keys():
            raise BadRecord("this is not a mail: it has no header.")
        message = _message(mail, record.stream, ours)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        AssertionError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise BadRecord(f"the mail cannot be read ({type(error).__name__}).") from error
    kind = "message.sent" if message.direction == "outbound" else "message.received"
    return [Event(kind, record.reference("message"), message, message.sent)]


def _message(mail: Part, folder: str, ours: Collection[str]) -> Message:
    senders = addresses(mail, "from")[:1] or addresses(mail, "sender")[:1]
    name, sender = senders[0] if senders else ("", "")
    recipients = tuple(dict.fromkeys(it for field in ("to", "cc", "bcc") for _, it in addresses(mail, field)))
    replies = [(name, address) for name, address in addresses(mail, "reply-to") if not is_ours(address, ours)]
    is_sent = is_ours(sender, ours) and mail.media() != "multipart/report"  # our own server reports to us, too
    if is_sent and replies and recipients and all(is_ours(address, ours) for address in recipients):
        is_sent, (name, sender) = False, replies[0]  # a form on our own site: a client wrote it
    failed = failed_recipients(mail)
    others = failed or (sender, *(address for _, address in replies), *recipients)
    text, attachments = _content(mail)
    answered = message_ids(words(mail.value("in-reply-to")))
    return Message(
        message_id=message_id(words(mail.value("message-id"))),
        direction="outbound" if is_sent else "inbound",
        sender=sender,
        sender_name=name,
        recipients=recipients,
        outside=tuple(dict.fromkeys(address for address in others if "@" in address and not is_ours(address, ours))),
        subject=mail.header("subject"),
        text=text,
        sent=_moment(mail),
        in_reply_to=answered[0] if answered else original_id(mail) if failed else "",
        references=tuple(message_ids(words(mail.value("references")))),
        is_automatic=bool(failed) or is_automatic(mail, sender),
        is_bounce=bool(failed),
        folder=folder,
        attachments=tuple(attachments),
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


def addresses(mail: Part, field: str) -> list[tuple[str, str]]:
    """Return name and address of everybody in the headers of that name; what is no address is left out."""
    values = [_whole(value) for value in mail.every(field)]
    try:
        pairs = getaddresses([re.sub(r"\s+", " ", value) for value in values])
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError):  # thousands of brackets, and the like
        return []
    found: dict[str, str] = {}
    for name, raw in pairs:
        parsed = Email.parse(words(raw))
        if parsed is not None:
            found.setdefault(parsed.address, words(name)[:200])
    return [(name, address) for address, name in found.items()]


def _whole(value: str) -> str:
    """Leave out an address that the limit on headers may have cut in two."""
    return value.rpartition(",")[0] if len(value) >= MOST_HEADER else value


def _moment(mail: Part) -> datetime | None:
    """Return when the letter was written; a date that cannot be true gives way to that of the last server."""
    written = _date(mail.value("date"))
    received = _date(next(iter(mail.every("received")), "").rpartition(";")[2])
    if written is None or written.year < 1990 or (received and written > received + timedelta(days=1)):
        return received
    return written


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(words(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError):
        return None


def _content(mail: Part) -> tuple[str, list[Attachment]]:
    plain, html = "", ""
    attachments: list[Attachment] = []
    for number, part in enumerate(mail.leaves(), start=1):
        media = part.media()
        name = part.parameter("content-disposition", "filename") or part.parameter("content-type", "name")
        is_attached = bool(name) or part.value("content-disposition").lower().startswith("attachment")
        if not is_attached and media == "text/html":
            html = html or html_to_text(part.text())
        elif not is_attached and media.startswith(("text/plain", "multipart/")):
            plain = plain or part.text().replace("\r\n", "\n").replace("\r", "\n").strip()
        elif media not in _REPORTS:
            attachments.append(_attachment(part, media, name or _unnamed(media, number)))
    if omitted := mail.value(OMITTED.decode()):
        size = int(omitted) if omitted.isdecimal() and len(omitted) < 16 else 0
        attachments.append(Attachment(name="message.eml", type="message/rfc822", size_bytes=size))
    return clean(plain or html)[:MOST_TEXT], attachments


def _attachment(part: Part, media: str, name: str) -> Attachment:
    if media.startswith("message/"):
        inner = next(iter(part.children()), None)
        subject = inner.header("subject") if inner is not None else ""
        return Attachment(name=display_name(f"{subject}.eml" if subject else name), type=media)
    content = part.content()
    return Attachment(
        name=display_name(name), type=media, size_bytes=len(content), blob=hashlib.sha256(content).hexdigest()
    )


def _unnamed(media: str, number: int) -> str:
    ending = {"message/rfc822": "eml", "text/calendar": "ics"}.get(media) or media.rpartition("/")[2]
    return f"part-{number}.{ending if ending.isalnum() and len(ending) < 6 else 'bin'}"


def display_name(name: str) -> str:
    """Return a file name to show: no folders, no control or direction signs, at most 255 bytes with its ending kept."""
    cleaned = _DIRECTIONS.sub("", " ".join(clean(name).split()))
    cleaned = re.split(r"[\\/]", cleaned)[-1].strip()
    if not cleaned.strip(". "):
        return "attachment"
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = cleaned, "", ""
    room = 255 - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending
