"""Make the letter a command asks for. Names, addresses and texts come from outside: none of them can add a header."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from hub.mail.letter import Letter
from hub.model.connector import Blobs, Command
from hub.model.errors import Rejected
from hub.model.values import Email

MOST_RECIPIENTS = 100
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MESSAGE_ID = re.compile(r"<?([^<>\s@]{1,200}@[^<>\s@]{1,200})>?")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")


def message_id(command: Command, mailbox: str) -> str:
    """Return the Message-ID of a command's letter: the same for every try, so that it can be looked for."""
    name = command.id if _PLAIN_ID.fullmatch(command.id) else hashlib.sha256(command.id.encode()).hexdigest()[:40]
    return f"{name}@{_ascii(mailbox).rpartition('@')[2]}"


def compose(command: Command, *, mailbox: str, sender_name: str, blobs: Blobs, now: datetime) -> Letter:
    """Return the letter; raises Rejected when the command asks for something that cannot be sent.

    With `only` among the data it goes to those of its recipients alone, because the others have it already.
    """
    known = {"to", "cc", "subject", "text", "attachments", "in_reply_to", "automatic", "only"}
    if strange := sorted(set(command.data) - known):
        raise Rejected(
            f"mail.send does not know {', '.join(strange)[:100]}.", hint=f"It takes {', '.join(sorted(known))}."
        )
    to, copies = _addresses(command.data, "to"), _addresses(command.data, "cc")
    copies = tuple(address for address in copies if address not in to)
    if not to or len(to) + len(copies) > MOST_RECIPIENTS:
        raise Rejected(f"a letter needs 1 to {MOST_RECIPIENTS} recipients, and one of them in `to`.")
    only = _addresses(command.data, "only")
    if set(only) - {*to, *copies}:
        raise Rejected("`only` has somebody who is not a recipient of the letter.")
    policy = SMTP.clone(cte_type="7bit", utf8=not all(address.isascii() for address in (*to, *copies)))
    letter = EmailMessage(policy=policy)
    identifier = message_id(command, mailbox)
    try:
        letter["From"] = _address(_ascii(mailbox), sender_name)
        letter["To"] = [_address(address) for address in to]
        if copies:
            letter["Cc"] = [_address(address) for address in copies]
        letter["Subject"] = _line(_text(command.data, "subject"), "subject")
        letter["Date"] = format_datetime(now)
        letter["Message-ID"] = f"<{identifier}>"
        _mark(letter, command.data)
        letter.set_content(_text(command.data, "text"))
        for attachment in _list(command.data, "attachments"):
            _attach(letter, attachment, blobs)
        raw = letter.as_bytes()
    except (ValueError, LookupError, TypeError) as error:
        raise Rejected(f"the letter cannot be written ({type(error).__name__}).") from error
    return Letter(identifier, _ascii(mailbox), only or (*to, *copies), raw)


def _mark(letter: EmailMessage, data: Mapping[str, Any]) -> None:
    if answered := _text(data, "in_reply_to"):
        found = _MESSAGE_ID.fullmatch(answered.strip())
        if found is None:
            raise Rejected("in_reply_to is not a Message-ID.")
        letter["In-Reply-To"] = letter["References"] = f"<{found[1]}>"
    if data.get("automatic"):
        letter["X-Loop"] = "svyazka"
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Auto-Response-Suppress"] = "All"
        letter["Precedence"] = "bulk"


def _addresses(data: Mapping[str, Any], field: str) -> tuple[str, ...]:
    found = []
    for text in _list(data, field):
        parsed = Email.parse(text) if isinstance(text, str) and text.isprintable() else None
        if parsed is None:
            raise Rejected(f"`{field}` has something that is not one e-mail address.")
        found.append(_ascii(parsed.address))
    return tuple(dict.fromkeys(found))


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)  # `addr_spec` would refuse letters beyond Latin


def _ascii(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise Rejected("the domain of an e-mail address cannot exist.") from error


def _list(data: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = data.get(field) or ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list | tuple):
        raise Rejected(f"`{field}` must be a list.")
    return value


def _text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field) or ""
    if not isinstance(value, str):
        raise Rejected(f"`{field}` must be text.")
    return value


def _line(text: str, field: str) -> str:
    if any(ord(sign) < 32 or sign in "\x7f\x85\u2028\u2029" for sign in text):
        raise Rejected(f"`{field}` must be one line without control characters.")
    return text


def _attach(letter: EmailMessage, attachment: Any, blobs: Blobs) -> None:
    if not isinstance(attachment, Mapping) or not isinstance(attachment.get("name"), str) or not attachment["name"]:
        raise Rejected("each attachment needs a name, and content_base64 or blob.")
    media = str(attachment.get("type") or "application/octet-stream").lower()
    if not _MEDIA_TYPE.fullmatch(media) or media.startswith(("multipart/", "message/")):
        raise Rejected("the type of an attachment is not a media type such as application/pdf.")
    main, _, sub = media.partition("/")
    content = _content(attachment, blobs)
    letter.add_attachment(content, maintype=main, subtype=sub, filename=_line(attachment["name"], "name"))


def _content(attachment: Mapping[str, Any], blobs: Blobs) -> bytes:
    blob, encoded = attachment.get("blob"), attachment.get("content_base64")
    if isinstance(blob, str) and blob and not encoded:
        try:
            return blobs.get(blob)
        except KeyError as error:
            raise Rejected("the content of an attachment is no longer stored.") from error
    if not isinstance(encoded, str) or blob:
        raise Rejected("each attachment needs a name, and content_base64 or blob.")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected("content_base64 of an attachment is not base64.") from error
