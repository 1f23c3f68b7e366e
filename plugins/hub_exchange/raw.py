"""The raw record of a letter: its MIME content as the server gives it, behind a few lines of what only Exchange knows.

A letter that is too large, or that the server cannot put into MIME, is kept as its headers and text; its attachments
are listed in those lines, with the digest of their content where that was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
from msgspec import Struct

from hub.api import BadRecord, Email, Mail, MailFile, mail_key, mail_stub, read_mail

ITEM_CLASS = b"X-Svyazka-Item-Class"
ATTACHMENT = b"X-Svyazka-Attachment"
REFUSED = b"X-Svyazka-Refused"
END = b"X-Svyazka-Source: exchange\r\n"
"""Ends the lines of ours; what looks like one after it was written by whoever wrote the letter."""
NOTE = "IPM.Note"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
OUTLINE = (
    "item:Attachments", "item:DateTimeSent", "item:InternetMessageHeaders", "item:Subject", "item:TextBody",
    "message:CcRecipients", "message:From", "message:InternetMessageId", "message:ToRecipients",
)  # fmt: skip
"""What is asked of a letter that is read in parts."""
MOST_ATTACHMENTS = 500
MOST_TEXT = 1024 * 1024
_BOUNDARY = re.compile(rb'boundary="?([^"\s;]{8,200})"?', re.IGNORECASE)
_KEPT = re.compile(r"[A-Za-z0-9-]{1,100}")


class Attached(Struct, frozen=True, omit_defaults=True):
    """An attachment that was left out of a letter: what the server says of it, and its content if that was read."""

    name: str = ""
    type: str = ""
    size_bytes: int = 0
    blob: str = ""


def whole(mime: bytes, item_class: str) -> bytes:
    """Return the record of a letter that was read whole."""
    return _marks(item_class) + END + mime


def parts(outline: Any, attached: Sequence[Attached], item_class: str, size_bytes: int) -> bytes:
    """Return the record of a letter that was read in parts."""
    files = b"".join(ATTACHMENT + b": " + msgspec.json.encode(it) + b"\r\n" for it in attached[:MOST_ATTACHMENTS])
    return _marks(item_class) + files + END + mail_stub(_letter(outline), size_bytes)


def refused(code: str) -> bytes:
    """Return the record of an item that the server does not give at all."""
    return REFUSED + b": " + _line(code) + b"\r\n" + END


def key_of(payload: bytes) -> str:
    """Return under what a letter is stored when the server gives no mark of it.

    Exchange writes MIME anew each time it is asked; lines of its own making, such as those between parts, do not count.
    """
    _, mime = _taken_apart(payload)
    for boundary in dict.fromkeys(_BOUNDARY.findall(mime)[:50]):
        mime = mime.replace(boundary, b"-")
    return mail_key(mime)


def read(payload: bytes) -> Mail:
    """Return the letter of a record. Raises BadRecord for bytes that are none."""
    ours, mime = _taken_apart(payload)
    if REFUSED in ours:
        raise BadRecord(f"Exchange does not give this item ({ours[REFUSED][0][:80]}).")
    mail = read_mail(mime)
    attached = [_attached(text) for text in ours.get(ATTACHMENT, [])]
    if attached:
        mail = msgspec.structs.replace(mail, files=tuple(attached))
    item_class = ours.get(ITEM_CLASS, [NOTE])[0]
    if item_class.startswith(("REPORT.", "IPM.Note.Rules.OofTemplate", "IPM.Note.Rules.ReplyTemplate")):
        mail = msgspec.structs.replace(mail, is_automatic=True, is_report=item_class.startswith("REPORT."))
    return mail


def moment(text: str) -> datetime | None:
    """Read a time of Exchange, such as 2026-11-20T03:15:00Z; `None` for what is none or has no zone."""
    try:
        read_time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read_time.astimezone(UTC) if read_time.tzinfo else None


def _marks(item_class: str) -> bytes:
    return b"" if item_class in ("", NOTE) else ITEM_CLASS + b": " + _line(item_class) + b"\r\n"


def _taken_apart(payload: bytes) -> tuple[dict[bytes, list[str]], bytes]:
    """Return the lines of ours and the letter; a letter that was saved from elsewhere has none."""
    head, end, mime = payload.partition(END)
    if not end:
        return {}, payload
    ours: dict[bytes, list[str]] = {}
    for line in head.splitlines():
        name, _, value = line.partition(b": ")
        ours.setdefault(name, []).append(value.decode("utf-8", "replace"))
    return ours, mime


def _attached(text: str) -> MailFile:
    try:
        one = msgspec.json.decode(text.encode(), type=Attached)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadRecord("the list of attachments of the letter is damaged.") from error
    name = "".join(sign for sign in one.name if sign.isprintable())[:255]
    return MailFile(name=name or "attachment", type=one.type, size_bytes=one.size_bytes, digest=one.blob)


def _line(text: str) -> bytes:
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:200].encode()


def _letter(outline: Any) -> bytes:
    """Write headers and text of an item as a letter; where the server kept no headers, from its properties."""
    text = str(outline.findtext(f"{TYPES}TextBody", ""))[:MOST_TEXT]
    head = _headers(outline) or _properties(outline)
    body = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return head + b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n' + body


def _headers(outline: Any) -> bytes:
    lines = []
    for header in outline.iterfind(f"{TYPES}InternetMessageHeaders/{TYPES}InternetMessageHeader"):
        name, value = header.get("HeaderName", ""), " ".join((header.text or "").split())
        is_of_body = name.lower().startswith(("content-", "mime-version", "x-svyazka-"))
        if _KEPT.fullmatch(name) and not is_of_body:
            lines.append(f"{name}: {value}\r\n".encode())
    return b"".join(lines)


def _properties(outline: Any) -> bytes:
    lines = []
    sent = moment(str(outline.findtext(f"{TYPES}DateTimeSent", "")))
    if sent is not None:
        lines.append(f"Date: {format_datetime(sent)}")
    for header, path in (("From", "From"), ("To", "ToRecipients"), ("Cc", "CcRecipients")):
        people = [_person(it) for it in outline.iterfind(f"{TYPES}{path}/{TYPES}Mailbox")]
        lines += [f"{header}: {', '.join(known)}"] if (known := [it for it in people if it]) else []
    lines.append(f"Subject: {_plain(outline.findtext(f'{TYPES}Subject', ''))[:1000]}")
    identifier = _plain(outline.findtext(f"{TYPES}InternetMessageId", ""))
    lines += [f"Message-ID: {identifier}"] if identifier else []
    return "".join(f"{line}\r\n" for line in lines).encode()


def _person(mailbox: Any) -> str:
    """Return name and address; nothing for an address of Exchange's own, which somebody inside may have."""
    parsed = Email.parse(_plain(mailbox.findtext(f"{TYPES}EmailAddress", "")))
    name = re.sub(r'["\\]', "", _plain(mailbox.findtext(f"{TYPES}Name", "")))
    return f'"{name[:200]}" <{parsed.address}>' if parsed is not None else ""


def _plain(text: str) -> str:
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
