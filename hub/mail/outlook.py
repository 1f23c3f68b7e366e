"""Letters as Outlook saves them (.msg, [MS-OXMSG]): their headers, text and files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from msgspec import Struct

from hub.mail.charset import clean, codec, to_text
from hub.mail.compound import SIGNATURE, Compound
from hub.mail.rtf import read_rtf
from hub.mail.tnef import CONTENT, CONTENT_ID, HTML, LONG_NAME, MEDIA, RTF, SHORT_NAME, TEXT, TITLE, Hidden

_HEADERS, _SUBJECT, _MESSAGE_ID, _ANSWERED, _REFERENCES = 0x007D, 0x0037, 0x1035, 0x1042, 0x1039
_SENDER_NAME, _SENDER, _SENDER_SMTP, _AUTHOR_NAME, _AUTHOR, _AUTHOR_SMTP = (
    0x0C1A,
    0x0C1F,
    0x5D01,
    0x0042,
    0x0065,
    0x5D02,
)
_SUBMITTED, _DELIVERED, _CODEPAGE, _RECIPIENT_TYPE = 0x0039, 0x0E06, 0x3FDE, 0x0C15
_ADDRESS, _SMTP = 0x3003, 0x39FE
_MOST_PARTS = 500
_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}


class Saved(Struct):
    """A letter out of a .msg: raw headers, as if a server had sent them, and what stands below."""

    headers: bytes
    text: str
    html: str
    files: list[Hidden]


def is_saved(content: bytes) -> bool:
    """Tell whether the bytes begin like a letter saved by Outlook."""
    return content.startswith(SIGNATURE)


def read_saved(content: bytes) -> Saved:
    """Return the letter. Raises ValueError when it is none."""
    saved = _Folder(Compound(content), 32)
    html = saved.binary(HTML)
    text, hypertext = saved.text(TEXT), to_text(html, saved.charset) if html else saved.text(HTML)
    if not text and not hypertext:
        text, hypertext = read_rtf(saved.binary(RTF))
    if not any((saved.text(_HEADERS), saved.text(_SUBJECT), text, hypertext)):
        raise ValueError("the compound file holds no letter")
    headers = saved.text(_HEADERS).encode("utf-8", "surrogateescape") or _headers(saved)
    return Saved(
        headers=headers.rstrip() + b"\r\n\r\n",
        text=text,
        html=hypertext,
        files=list(_files(saved)),
    )


class _Folder:
    """The properties of a letter, a recipient or a file; `offset` is where the list of fixed ones begins."""

    def __init__(self, compound: Compound, offset: int, *path: str) -> None:
        self.compound, self.path = compound, path
        fixed = compound.read(*path, "__properties_version1.0")
        self._numbers: dict[int, int] = {}
        for place in range(offset, min(len(fixed), 64 * 1024) - 15, 16):
            _, identifier, value = struct.unpack_from("<HH4xQ", fixed, place)
            self._numbers.setdefault(identifier, value)
        self.charset = codec(f"cp{self.number(_CODEPAGE)}")

    def text(self, identifier: int) -> str:
        wide = self.compound.read(*self.path, f"__substg1.0_{identifier:04X}001F")
        if wide:
            return clean(wide.decode("utf-16-le", "replace"))
        return to_text(self.compound.read(*self.path, f"__substg1.0_{identifier:04X}001E"), self.charset)

    def binary(self, identifier: int) -> bytes:
        return self.compound.read(*self.path, f"__substg1.0_{identifier:04X}0102")

    def number(self, identifier: int) -> int:
        return self._numbers.get(identifier, 0) & 0xFFFFFFFF

    def moment(self, identifier: int) -> datetime | None:
        """Return an instant, which is stored as tenths of microseconds since 1601."""
        try:
            return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._numbers[identifier] // 10)
        except (KeyError, OverflowError):
            return None

    def parts(self, prefix: str, offset: int) -> Iterator[_Folder]:
        names = [it for it in self.compound.names(*self.path) if it.startswith(prefix)][:_MOST_PARTS]
        return (_Folder(self.compound, offset, *self.path, name) for name in sorted(names))


def _headers(saved: _Folder) -> bytes:
    """Write the headers that a letter has which was never sent over the Internet."""
    sender = next(filter(lambda it: "@" in it, map(saved.text, (_AUTHOR_SMTP, _SENDER_SMTP, _AUTHOR, _SENDER))), "")
    lines = [("From", _mailbox(saved.text(_AUTHOR_NAME) or saved.text(_SENDER_NAME), sender))]
    for recipient in saved.parts("__recip_version1.0_#", 8):
        kind = _KINDS.get(recipient.number(_RECIPIENT_TYPE), "To")
        lines.append((kind, _mailbox(recipient.text(TITLE), recipient.text(_SMTP) or recipient.text(_ADDRESS))))
    lines.append(("Subject", saved.text(_SUBJECT)))
    moment = saved.moment(_SUBMITTED) or saved.moment(_DELIVERED)
    lines.append(("Date", format_datetime(moment) if moment else ""))
    lines += [("Message-ID", saved.text(_MESSAGE_ID)), ("In-Reply-To", saved.text(_ANSWERED))]
    lines.append(("References", saved.text(_REFERENCES)))
    return b"".join(f"{name}: {' '.join(value.split())}\r\n".encode() for name, value in lines if value.strip())


def _mailbox(name: str, address: str) -> str:
    quoted = name.replace("\\", "").replace('"', "")
    return f'"{quoted}" <{address}>' if "@" in address else ""


def _files(saved: _Folder) -> Iterator[Hidden]:
    for file in saved.parts("__attach_version1.0_#", 8):
        content = file.binary(CONTENT)
        name = file.text(LONG_NAME) or file.text(SHORT_NAME) or file.text(TITLE)
        if not content and not name:
            continue
        inner = f"__substg1.0_{CONTENT:04X}000D" in file.compound.names(*file.path)
        yield Hidden(
            name=f"{name}.msg" if inner and not name.lower().endswith(".msg") else name,
            type="application/vnd.ms-outlook" if inner else file.text(MEDIA).lower(),
            content_id=file.text(CONTENT_ID),
            content=memoryview(content),
        )
