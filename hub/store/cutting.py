"""Cut what a raw record holds in base64 out of it, so that a file which came with three letters is kept once.

A cut is made only where it can be undone to the byte: lines of one length, canonical base64. Everything else stays in
the record. What is cut is known by the SHA-256 of the decoded bytes, which is how attachments are named everywhere.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from hub.store import bulk
from hub.store.tables import blob

LEAST = 2048
"""Shorter base64 stays where it is: a row of its own would cost more than it saves."""
MOST = 100
"""So many pieces are looked for in one record; a hostile one gets no more time than that."""
_BEGIN = re.compile(rb"\n\r?\n([A-Za-z0-9+/]{60,76})(\r?\n)")
_SLAB = 2048
"""Lines that are put together at once."""
_SAMPLE = 16 * 1024
_AS_IT_IS, _PRESSED = b"\x00", b"\x01"


class Cut(Struct, frozen=True, array_like=True):
    """A piece that was cut: its place in what is left, its digest, the length of its lines and how they end."""

    place: int
    digest: str
    width: int
    has_returns: bool

    @property
    def ending(self) -> bytes:
        """Return what ends a line."""
        return b"\r\n" if self.has_returns else b"\n"


def cut(payload: bytes, pieces: dict[str, bytes]) -> tuple[bytes, list[Cut]]:
    """Return what is left of a record, and what was cut out of it; the contents go into `pieces` by their digest."""
    rest: list[bytes] = []
    cuts: list[Cut] = []
    done = left = position = 0
    dashes = -1
    for _ in range(MOST if len(payload) >= LEAST else 0):
        found = _BEGIN.search(payload, position)
        if found is None:
            break
        start, ending = found.start(1), found[2]
        if dashes < start:
            dashes = payload.find(b"\n--", start)
            dashes = len(payload) if dashes < 0 else dashes
        blank = payload.find(ending + ending, start, dashes)
        stop = start + len(payload[start : dashes if blank < 0 else blank].rstrip(b"\r\n"))
        position = max(stop, found.end(1))
        if stop - start < LEAST:
            continue
        content = _decoded(payload, start, stop, len(found[1]), ending)
        if content is None:
            continue
        digest = hashlib.sha256(content).hexdigest()
        pieces[digest] = content
        rest.append(payload[done:start])
        left += start - done
        cuts.append(Cut(left, digest, len(found[1]), ending == b"\r\n"))
        done = stop
    if not cuts:
        return payload, []
    rest.append(payload[done:])
    return b"".join(rest), cuts


def _decoded(payload: bytes, start: int, stop: int, width: int, ending: bytes) -> bytes | None:
    """Return what these lines hold, or `None` where the same lines could not be made of it again."""
    lines = payload[start:stop]
    flat = lines.replace(ending, b"")
    breaks, step = (len(flat) - 1) // width, width + len(ending)
    is_even = len(lines) == len(flat) + breaks * len(ending) and all(
        lines[width + place :: step].count(sign) == breaks for place, sign in enumerate(ending)
    )
    del lines
    if not is_even:
        return None
    try:
        content = a2b_base64(flat, strict_mode=True)
    except ValueError:
        return None
    last = content[-(len(content) % 3 or 3) :]
    return content if flat.endswith(b2a_base64(last, newline=False)) else None


def whole(rest: bytes, cuts: Iterable[Cut], get: Callable[[str], bytes]) -> bytes:
    """Return the record as it came; `get` gives a piece and raises KeyError for one that is gone."""
    found: list[bytes] = []
    done = 0
    for it in cuts:
        found.append(rest[done : it.place])
        found += _lines(b2a_base64(get(it.digest), newline=False), it.width, it.ending)
        done = it.place
    found.append(rest[done:])
    return b"".join(found)


def _lines(flat: bytes, width: int, ending: bytes) -> Iterator[bytes]:
    for start in range(0, len(flat), width * _SLAB):
        slab = flat[start : start + width * _SLAB]
        yield (ending if start else b"") + ending.join(
            slab[place : place + width] for place in range(0, len(slab), width)
        )


def encode(cuts: list[Cut]) -> bytes:
    """Return cuts as they are stored."""
    return msgspec.msgpack.encode(cuts)


def decode(content: bytes) -> list[Cut]:
    """Return stored cuts. Raises ValueError when they are damaged."""
    try:
        return msgspec.msgpack.decode(content, type=list[Cut])
    except msgspec.MsgspecError as error:
        raise ValueError("the list of what was cut out is damaged") from error


def unknown(connection: Connection, digests: Iterable[str]) -> list[str]:
    """Return those of the pieces that are not stored."""
    wanted = sorted(digests)
    known = {row[0] for row in bulk.select_in(connection, blob, ("digest",), "digest", wanted)} if wanted else set()
    return [digest for digest in wanted if digest not in known]


def keep(connection: Connection, digests: list[str], payloads: Iterable[bytes]) -> None:
    """Keep pieces that were stored when they were asked for; one that was collected since is cut out once more.

    On PostgreSQL nobody collects them until the transaction ends; SQLite has one writer at a time.
    """
    gone = set(digests)
    for start in range(0, len(digests), 1000):
        wanted = select(blob.c.digest).where(blob.c.digest.in_(digests[start : start + 1000]))
        gone.difference_update(connection.execute(wanted.with_for_update(read=True, key_share=True)).scalars())
    if gone:
        pieces: dict[str, bytes] = {}
        for payload in payloads:
            cut(payload, pieces)
        save_blobs(connection, [blob_row(it, pieces[it]) for it in sorted(gone)])


def blob_row(digest: str, content: bytes) -> tuple[str, bytes]:
    """Return the row of a piece for `save_blobs`: pressed, unless its beginning shows that it is already."""
    sample = content[:_SAMPLE]
    if len(zlib.compress(sample, 1)) > len(sample) * 0.9:
        return digest, _AS_IT_IS + content
    return digest, _PRESSED + zlib.compress(content, 1)


def save_blobs(connection: Connection, rows: list[tuple[str, bytes]]) -> None:
    """Write pieces; one that another connection wrote meanwhile stays."""
    bulk.upsert(connection, blob, ("digest", "content"), ("digest",), rows)


def blob_of(connection: Connection, digest: str) -> bytes:
    """Return a piece. Raises KeyError when it is not stored, ValueError when it is damaged."""
    content = connection.execute(select(blob.c.content).where(blob.c.digest == digest)).scalar()
    if content is None:
        raise KeyError(digest)
    packed = bytes(content)
    try:
        return packed[1:] if packed[:1] == _AS_IT_IS else zlib.decompress(packed[1:])
    except zlib.error as error:
        raise ValueError("a stored file is damaged") from error
