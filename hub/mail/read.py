"""From raw bytes to a mail: who, when, what, and which files came with it. Pure, and never an error but BadRecord."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses, parsedate_to_datetime

from hub.mail.automatic import failed_recipients, is_automatic, original_id
from hub.mail.charset import clean, words
from hub.mail.files import file_of
from hub.mail.html_text import html_to_text
from hub.mail.keys import OMITTED, message_id, message_ids
from hub.mail.letter import Mail, MailAddress, MailFile
from hub.mail.mime import MOST_HEADER, Part, parse
from hub.mail.quotes import own_text
from hub.model.errors import BadRecord
from hub.model.values import Email

_REPORTS = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})


def read(raw: bytes) -> Mail:
    """Return the mail; raises BadRecord for bytes that cannot be read as one."""
    if not raw.strip():
        raise BadRecord("the mail is empty.")
    try:
        mail = parse(raw)
        if not mail.keys():
            raise BadRecord("this is not a mail: it has no header.")
        return _mail(mail)
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


def _mail(mail: Part) -> Mail:
    sender = next(iter((*addresses(mail, "from"), *addresses(mail, "sender"))), MailAddress(""))
    failures = failed_recipients(mail)
    text, files = _content(mail)
    answered = message_ids(words(mail.value("in-reply-to")))
    return Mail(
        message_id=message_id(words(mail.value("message-id"))),
        in_reply_to=answered[0] if answered else original_id(mail) if failures else "",
        references=tuple(message_ids(words(mail.value("references")))),
        sender=sender,
        reply_to=tuple(addresses(mail, "reply-to")),
        to=tuple(addresses(mail, "to")),
        cc=tuple(addresses(mail, "cc")),
        bcc=tuple(addresses(mail, "bcc")),
        subject=mail.header("subject"),
        sent=_moment(mail),
        text=text,
        own_text=own_text(text),
        files=tuple(files),
        is_automatic=bool(failures) or is_automatic(mail, sender.address),
        is_report=mail.media() == "multipart/report",
        failures=failures,
    )


def addresses(mail: Part, field: str) -> list[MailAddress]:
    """Return everybody in the headers of that name; what is no address is left out."""
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
    return [MailAddress(address, name) for address, name in found.items()]


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


def _content(mail: Part) -> tuple[str, list[MailFile]]:
    plain, html = "", ""
    files: list[MailFile] = []
    for number, part in enumerate(mail.leaves(), start=1):
        media = part.media()
        name = part.parameter("content-disposition", "filename") or part.parameter("content-type", "name")
        is_attached = bool(name) or part.value("content-disposition").lower().startswith("attachment")
        if not is_attached and media == "text/html":
            html = html or html_to_text(part.text())
        elif not is_attached and media.startswith(("text/plain", "multipart/")):
            plain = plain or part.text().replace("\r\n", "\n").replace("\r", "\n").strip()
        elif media not in _REPORTS:
            files.append(file_of(part, name, number))
    if omitted := mail.value(OMITTED.decode()):
        size = int(omitted) if omitted.isdecimal() and len(omitted) < 16 else 0
        files.append(MailFile(name="message.eml", type="message/rfc822", size_bytes=size))
    return clean(plain or html), files
