"""What a mail is to the hub: plain data that every connector of mail fills in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from hub.model.connector import Record

_GONE = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"})
_NOT_GONE = frozenset({"5.2.2", "5.2.3", "5.3.4", "5.4.7"})
_REFUSED = re.compile(
    r"\b(?:spf|dkim|dmarc|spam|blocked|blacklist|quota|full|policy|too large|relay\w* denied)\b|спам|переполнен",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"(?:user|recipient|mailbox|address|account)\b.{0,40}\b(?:unknown|not found|does not exist|doesn't exist|disabled)"
    r"|no such (?:user|mailbox|person)|unknown (?:user|recipient|address)|invalid (?:mailbox|recipient)|unrouteable"
    r"|no smtp service|не существует|нет такого|не найден|отключен",
    re.IGNORECASE,
)


class MailAddress(Struct, frozen=True):
    """Somebody in a header: the address in the hub's form, and the name beside it."""

    address: str
    name: str = ""


class MailFile(Struct, frozen=True, kw_only=True):
    """A file that came with a mail. `digest` is the SHA-256 of its content; the content is decoded when asked for.

    `digest` is empty for a mail inside the mail and for content that was left out because of its size.
    """

    name: str
    type: str
    size_bytes: int = 0
    digest: str = ""
    content_id: str = ""
    load: Callable[[], bytes] | None = None

    def content(self) -> bytes:
        """Return the content; nothing for what was left out."""
        return self.load() if self.load else b""


class Failure(Struct, frozen=True, kw_only=True):
    """Somebody whom a returned letter did not reach; `status` is the code of RFC 3463, `reason` the server's words."""

    address: str
    status: str = ""
    reason: str = ""

    @property
    def is_gone(self) -> bool:
        """Tell whether the address is dead: no other letter should go there. A full mailbox or a refusal is not."""
        if self.status.startswith("4") or self.status in _NOT_GONE or _REFUSED.search(self.reason):
            return False
        return self.status in _GONE or _NOBODY.search(self.reason) is not None


class Invitation(Struct, frozen=True, kw_only=True):
    """A meeting that a mail speaks of; `method` is request, cancel, reply, publish or another of RFC 5546.

    A day without hours is `is_all_day`, from midnight UTC on.
    """

    method: str
    id: str = ""
    title: str = ""
    place: str = ""
    organiser: str = ""
    start: datetime | None = None
    end: datetime | None = None
    is_all_day: bool = False


class Mail(Struct, frozen=True, kw_only=True):
    """One mail, taken apart. Texts are clean: no control characters, nothing that a store refuses.

    `text` is the whole text, `own_text` what the writer added: without quotes and signature, or the whole text where
    nothing would be left. `is_automatic` says that no person wrote it, `is_listed` that it came in bulk or over a list,
    with `list_id` for a name. `failures` says whom a returned letter did not reach; it is empty for every other mail.
    `headers` are lines that rules may ask for. Whether it was answered is no part of a letter: the connector says.
    """

    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    sender: MailAddress = MailAddress("")
    reply_to: tuple[MailAddress, ...] = ()
    to: tuple[MailAddress, ...] = ()
    cc: tuple[MailAddress, ...] = ()
    bcc: tuple[MailAddress, ...] = ()
    subject: str = ""
    sent: datetime | None = None
    text: str = ""
    own_text: str = ""
    files: tuple[MailFile, ...] = ()
    is_automatic: bool = False
    is_listed: bool = False
    list_id: str = ""
    is_report: bool = False
    failures: tuple[Failure, ...] = ()
    meeting: Invitation | None = None
    headers: tuple[str, ...] = ()
    is_answered: bool = False

    @property
    def recipients(self) -> tuple[str, ...]:
        """Return the addresses of everybody it was written to, each once."""
        return tuple(dict.fromkeys(it.address for it in (*self.to, *self.cc, *self.bcc)))


class Letter(Struct, frozen=True):
    """A mail ready to send: its raw bytes and the envelope."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def needs_utf8(self) -> bool:
        """Tell whether a server must know SMTPUTF8 to take it."""
        return not all(address.isascii() for address in self.recipients)


@runtime_checkable
class Carries(Protocol):
    """A connector whose records bring files: letters with attachments."""

    def files(self, record: Record) -> Sequence[MailFile]:
        """Return the files of one raw record: pure, without clock and network. Raises only BadRecord."""
        ...
