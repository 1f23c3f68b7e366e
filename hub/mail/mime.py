"""Take a raw mail apart within limits: headers are cut, nesting and parts are counted, nothing is decoded yet.

The standard parser is safe with these limits only: 5000 nested parts end in a RecursionError, a long header takes
quadratic time in `policy.default`. So it is `compat32`, header values stay raw, and parts are counted while it parses.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from email.parser import BytesFeedParser
from email.policy import Compat32
from typing import Any, cast

from hub.mail.charset import to_text, words
from hub.model.errors import BadRecord

MOST_HEADER = 16 * 1024
MOST_HEADERS = 256 * 1024
MOST_LEVELS = 100
MOST_PARTS = 1000
MOST_TEXT = 1024 * 1024
MOST_SHORT_LINES = 64 * 1024
"""Bytes of a mail whose lines may be shorter than four: each line costs the parser sixty bytes, however short it is."""
_PIECE = 64 * 1024
_NO_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
MEDIA = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


class _RawHeaders(Compat32):
    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, _, value = sourcelines[0].partition(":")
        size, kept = len(value), [value.lstrip(" \t")]
        for line in sourcelines[1:]:
            if size > MOST_HEADER:
                break
            size += len(line)
            kept.append(line)
        return name[:200], "".join(kept)[:MOST_HEADER].rstrip()

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 - the interface of policies
        return value


class Part(Message):
    """A mail or a part of it, with raw header values."""

    def __init__(self, policy: Any = None) -> None:
        super().__init__(policy or _RawHeaders())
        self.level = 0
        self._room = MOST_HEADERS
        self._total = [1]
        self.choice: Part | None = None
        """The outermost multipart/alternative this part stands in: the parts there say the same in several forms."""

    def set_raw(self, name: str, value: str) -> None:
        """Take a header from the parser while there is room."""
        self._room -= len(name) + len(value)
        if self._room >= 0:
            super().set_raw(name, value)

    def attach(self, payload: Any) -> None:
        """Take a part from the parser, unless there are too many."""
        payload.level, payload._total = self.level + 1, self._total
        self._total[0] += 1
        if payload.level > MOST_LEVELS or self._total[0] > MOST_PARTS:
            raise BadRecord(f"the mail has more than {MOST_LEVELS} levels or {MOST_PARTS} parts.")
        super().attach(payload)

    def get_boundary(self, failobj: Any = None) -> Any:
        """Return the boundary; parameters that contradict each other count as none."""
        try:
            return super().get_boundary(failobj)
        except (TypeError, ValueError):
            return failobj

    def value(self, name: str) -> str:
        """Return the first header of that name as it came, or an empty string."""
        return str(self.get(name, ""))

    def every(self, name: str) -> list[str]:
        """Return all headers of that name as they came."""
        return [str(value) for value in self.get_all(name, [])]

    def header(self, name: str) -> str:
        """Return one header as text on one line."""
        return words(self.value(name))

    def media(self) -> str:
        """Return the media type, lower case; `application/octet-stream` for what is none."""
        found = self.get_content_type()
        return found if MEDIA.fullmatch(found) else "application/octet-stream"

    def leaves(self) -> Iterator[Part]:
        """Yield the parts that hold content, in their order; a mail inside the mail is one of them and stays closed."""
        waiting: list[Part] = [self]
        while waiting:
            part = waiting.pop()
            if part.is_multipart() and part.get_content_maintype() == "multipart":
                children = part.children()
                choice = part.choice or (part if part.media() == "multipart/alternative" else None)
                for child in children:
                    child.choice = choice
                waiting.extend(reversed(children))
            else:
                yield part

    def children(self) -> list[Part]:
        """Return the parts directly inside."""
        payload: Any = self.get_payload() if self.is_multipart() else []
        return list(payload)

    def content(self) -> bytes:
        """Return the decoded bytes of a part that is no container."""
        payload: Any = super().get_payload()
        if isinstance(payload, str) and self.value("content-transfer-encoding").lower() == "base64":
            return _base64(payload)
        decoded = self.get_payload(decode=True)
        return decoded if isinstance(decoded, bytes) else b""

    def text(self) -> str:
        """Return the content as text; of more than a mebibyte the beginning."""
        return to_text(self.content()[:MOST_TEXT], self.parameter("content-type", "charset"))

    def parameter(self, header: str, name: str) -> str:
        """Return a parameter of a header; of two with one name the one written after RFC 2231 holds."""
        found = ""
        try:
            for key, value in self.get_params([], header=header):
                if key.lower() == name and isinstance(value, tuple):
                    return to_text(value[2].encode("latin-1", "surrogateescape"), value[0] or "")
                if key.lower() == name:
                    found = found or words(value)
        except (TypeError, ValueError):  # pieces without and with a number, letters where octets belong
            return found
        return found


def _base64(written: str) -> bytes:
    """Decode all at once, where the standard way holds four copies more; of one letter too many the rest counts."""
    with suppress(ValueError):  # wrong padding, or letters that are none of base64
        return binascii.a2b_base64(written)
    content = written.encode("ascii", "replace")
    for padding in (b"", b"=="):
        with suppress(binascii.Error):
            return binascii.a2b_base64(content + padding)
    letters = content.translate(None, _NO_BASE64)
    return binascii.a2b_base64(letters[: len(letters) // 4 * 4])


def parse(raw: bytes) -> Part:
    """Take a mail apart. Raises BadRecord when it is beyond the limits."""
    if len(raw) > MOST_SHORT_LINES and raw.count(b"\n") * 4 > len(raw):
        raise BadRecord("the mail consists of line ends mostly.")
    parser: Any = BytesFeedParser(Part, policy=_RawHeaders())
    try:
        for start in range(0, len(raw), _PIECE):  # as one text it would be there five times over
            parser.feed(raw[start : start + _PIECE])
        return cast("Part", parser.close())
    except RecursionError as error:
        raise BadRecord("the parts of the mail are nested too deeply.") from error
