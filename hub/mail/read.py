"""From raw bytes to a mail: who, when, what, and which files came with it. Pure, and never an error but BadRecord."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses, parsedate_to_datetime
from io import StringIO

from msgspec import Struct

from hub.mail.automatic import is_automatic, is_listed, list_id
from hub.mail.bounces import failed_recipients, original_id
from hub.mail.calendar import read_meeting
from hub.mail.charset import clean, words
from hub.mail.files import file_of, hidden_files, once, wrapped
from hub.mail.html_text import html_to_text
from hub.mail.keys import OMITTED, message_id, message_ids
from hub.mail.letter import Invitation, Mail, MailAddress, MailFile
from hub.mail.mime import MOST_HEADER, MOST_TEXT, Part, parse
from hub.mail.outlook import is_saved, read_saved
from hub.mail.quotes import CUT, own_text, shown
from hub.model.errors import BadRecord
from hub.model.values import Email

ASKED = (
    "Importance", "X-Priority", "Auto-Submitted", "Precedence", "List-Id", "Reply-To", "Delivered-To", "X-Original-To",
    "X-Spam-Flag",
)  # fmt: skip
"""Headers that say what nothing else of a message does, and for which rules may ask."""
MOST_LINE = 200
_REPORTS = frozenset({"message/delivery-status", "message/disposition-notification", "text/rfc822-headers"})
_QUOTES = re.compile(r"<blockquote|gmail_quote|divRplyFwdMsg|appendonsend|yahoo_quoted|signature", re.IGNORECASE)
_FLOWED = re.compile(r"(>*) ?([^\n]*)(?:\n|\Z)")


def read(raw: bytes) -> Mail:
    """Return the mail; raises BadRecord for bytes that cannot be read as one."""
    if not raw.strip():
        raise BadRecord("the mail is empty.")
    try:
        if is_saved(raw):
            return _saved(raw)
        mail = parse(raw)
        if not mail.keys():
            raise BadRecord("this is not a mail: it has no header.")
        return _mail(mail, _content(mail))
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


class _Text(Struct):
    """A piece of the text in one form or in both."""

    plain: str = ""
    html: str = ""


class _Content(Struct):
    """What stands in the parts of a mail; the texts follow each other, as where a picture stands between two."""

    texts: dict[int, _Text] = {}
    files: list[MailFile] = []
    meeting: Invitation | None = None


def _saved(raw: bytes) -> Mail:
    """Return a letter that Outlook saved as a file."""
    saved = read_saved(raw)
    return _mail(parse(saved.headers), _Content({0: _Text(_lines(saved.text), saved.html)}, hidden_files(saved.files)))


def _mail(mail: Part, content: _Content) -> Mail:
    sender = next(iter((*addresses(mail, "from"), *addresses(mail, "sender"))), MailAddress(""))
    failures = failed_recipients(mail)
    text, own = _texts(content)
    answered = message_ids(words(mail.value("in-reply-to")))
    is_report = mail.media() == "multipart/report"
    is_click = content.meeting is not None and content.meeting.method == "reply"
    return Mail(
        message_id=message_id(words(mail.value("message-id"))),
        in_reply_to=answered[0] if answered else original_id(mail) if failures or is_report else "",
        references=tuple(message_ids(words(mail.value("references")))),
        sender=sender,
        reply_to=tuple(addresses(mail, "reply-to")),
        to=tuple(addresses(mail, "to")),
        cc=tuple(addresses(mail, "cc")),
        bcc=tuple(addresses(mail, "bcc")),
        subject=mail.header("subject"),
        sent=_moment(mail),
        text=text,
        own_text=own,
        files=once(content.files),
        is_automatic=bool(failures) or is_click or is_automatic(mail, sender.address),
        is_listed=is_listed(mail),
        list_id=list_id(mail),
        is_report=is_report,
        failures=failures,
        meeting=content.meeting,
        headers=_headers(mail),
    )


def _headers(mail: Part) -> tuple[str, ...]:
    """Return the headers that rules may ask for, as `Name: value`; each once, and none that is empty."""
    lines = (
        f"{name}: {' '.join(words(value).split())}"[:MOST_LINE] for name in ASKED for value in mail.every(name)[:2]
    )
    return tuple(dict.fromkeys(clean(it) for it in lines if not it.endswith(": ")))


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


def _content(mail: Part) -> _Content:
    """Take what the parts hold; parts that stand for choice are one text."""
    content = _Content()
    for number, part in enumerate(mail.leaves(), start=1):
        media = part.media()
        name = part.parameter("content-disposition", "filename") or part.parameter("content-type", "name")
        is_attached = bool(name) or part.value("content-disposition").lower().startswith("attachment")
        if media == "text/calendar" and content.meeting is None:
            content.meeting = read_meeting(part.text(), part.parameter("content-type", "method"))
        text = content.texts.setdefault(id(part.choice or part), _Text())
        if not is_attached and media == "text/html":
            text.html = text.html or part.text()
        elif not is_attached and media.startswith(("text/plain", "multipart/")):
            text.plain = text.plain or _plain(part)
        elif media not in _REPORTS:
            _take_files(content, part, name, number)
    if omitted := mail.value(OMITTED.decode()):
        size = int(omitted) if omitted.isdecimal() and len(omitted) < 16 else 0
        content.files.append(MailFile(name="message.eml", type="message/rfc822", size_bytes=size))
    return content


def _take_files(content: _Content, part: Part, name: str, number: int) -> None:
    inside = wrapped(part, name)
    if inside is None:
        content.files.append(file_of(part, name, number))
        return
    content.files += hidden_files(inside.files)
    if not any(text.plain or text.html for text in content.texts.values()):
        content.texts[0] = _Text("" if inside.html else _lines(inside.text), inside.html)


def _texts(content: _Content) -> tuple[str, str]:
    """Return the whole text and the writer's own; HTML knows better where a quote begins that plain text hides."""
    texts = [text for text in content.texts.values() if text.plain or text.html]
    if not texts and content.meeting is not None:
        texts = [_Text("\n".join(filter(None, (content.meeting.title, content.meeting.place))))]
    if len(texts) == 1 and texts[0].plain and _QUOTES.search(texts[0].html):
        plain, own = texts[0].plain, own_text(texts[0].plain)
        told = own_text(html_to_text(texts[0].html)) if own == plain else own
        is_beginning = "".join(plain.split()).startswith("".join(told.split()))
        return clean(plain), clean(told if is_beginning else own)
    whole = "\n\n".join(filter(None, (text.plain or html_to_text(text.html) for text in texts)))[:MOST_TEXT]
    return clean(shown(whole)), clean(own_text(whole))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace(CUT, "").strip()


def _plain(part: Part) -> str:
    if part.parameter("content-type", "format").lower() != "flowed":
        return _lines(part.text())
    is_spaceless = part.parameter("content-type", "delsp").lower() == "yes"
    return _flowed(part.text().replace("\r\n", "\n").replace(CUT, ""), is_spaceless=is_spaceless).strip()


def _flowed(text: str, *, is_spaceless: bool) -> str:
    """Join the lines that a sender wrapped for travelling (RFC 3676); quotes of another depth are other paragraphs."""
    joined = StringIO()
    before, is_open = "", False
    for found in _FLOWED.finditer(text):
        quote, rest = found[1], found[2]
        is_signature = rest == "-- "
        if not is_open or is_signature or quote != before:
            joined.write(f"\n{quote} " if quote else "\n")
        before, is_open = quote, rest.endswith(" ") and not is_signature
        joined.write(rest[:-1] if is_open and is_spaceless else rest)
    return joined.getvalue()
