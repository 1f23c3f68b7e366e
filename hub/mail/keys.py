"""The key of a mail: what it is stored under, from its bytes alone.

UIDs do not serve: they change with UIDVALIDITY and differ between folders. The Message-ID alone does not either: some
senders use one for many letters, and all but the last would be lost. So the key is the Message-ID and a digest of what
makes the letter: date, sender, subject and body. The same letter has the same key in every folder and after every
renumbering; the lines that servers add on the way (Received and the like) do not matter. A mailing list that adds its
footer makes another letter: two copies shown are better than one lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

_PIECE = 64 * 1024
_BLANK = re.compile(rb"[ \t\n\r\x0b\x0c]*")
_END = re.compile(rb"\r?\n\r?\n")
_MESSAGE_ID = re.compile(r"<\s*([^<>\s]{1,200})\s*>")
IDENTIFYING = (b"date", b"from", b"subject")
OMITTED = b"X-Svyazka-Omitted-Bytes"
"""Header put before a letter of which only the headers were read; its value is the size."""


def message_key(raw: bytes) -> str:
    """Return the key of a mail: `<Message-ID>#<digest>`, or the digest alone when it has no Message-ID."""
    end = _END.search(raw, 0, 1024 * 1024)
    head = raw[: end.start()] if end else raw
    found: dict[bytes, bytes] = {}
    for line in re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines():
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    digest = hashlib.sha256(b"\n".join(found.get(name, b"") for name in IDENTIFYING))
    digest.update(b"\n")
    for piece in _body(raw, end.end() if end else len(raw)):
        digest.update(piece)
    identifier = message_id(found.get(b"message-id", b"").decode("ascii", "ignore"))
    return f"{identifier}#{digest.hexdigest()[:16]}" if identifier else digest.hexdigest()[:32]


def _body(raw: bytes, start: int) -> Iterator[bytes]:
    """Yield the body without space around it, its lines ending in one sign, in pieces: a letter may have megabytes."""
    blank = _BLANK.match(raw, start)
    start, stop = blank.end() if blank else start, len(raw)
    while stop > start:
        tail = raw[max(start, stop - _PIECE) : stop]
        left = len(tail.rstrip())
        stop -= len(tail) - left
        if left:
            break
    held = b""
    for begin in range(start, stop, _PIECE):
        piece = held + raw[begin : min(begin + _PIECE, stop)]
        held = b"\r" if piece.endswith(b"\r") else b""  # its line feed may begin the next piece
        yield piece[: len(piece) - len(held)].replace(b"\r\n", b"\n")
    yield held


def stub(headers: bytes, size_bytes: int) -> bytes:
    """Return the headers of a mail that is too large, marked with its size."""
    return OMITTED + b": %d\r\n" % size_bytes + headers


def message_id(value: str) -> str:
    """Return a Message-ID without its brackets, or an empty string when the header holds none."""
    found = message_ids(value)
    if found:
        return found[0]
    bare = value.strip().strip("<>")
    return bare if 0 < len(bare) <= 200 and bare.isprintable() and not set(bare) & set(" \t<>") else ""


def message_ids(value: str) -> list[str]:
    """Return the sane ids of a header such as References, each once; of very many the oldest and the latest."""
    found = [text for text in dict.fromkeys(_MESSAGE_ID.findall(value)) if text.isascii() and text.isprintable()]
    return found if len(found) <= 50 else [found[0], *found[-49:]]
