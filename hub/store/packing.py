"""Raw payloads are kept compressed, with the first record of a stream as the dictionary of the rest.

Records of one stream share their field names and most of their shape, so a record of 2.8 KB takes some hundred bytes.
That costs 10 µs a record and saves more: a database writes, journals and reads back a fraction (`docs/performance.md`).
What a record holds in base64, above all the files of a letter, is cut out before and kept once (`hub.store.cutting`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from hub.store import cutting

_WINDOW = 13
_MEMORY = 5
"""8 KiB and small tables: each record starts from a copy of them, and to copy the usual 260 KB took half the time."""
MAX_DICTIONARY = 1 << _WINDOW
"""zlib looks back no further; more of a dictionary would never be used."""
_SMALL = 128
_AS_IT_IS, _WITH_DICTIONARY, CUT = b"\x00", b"\x01", b"\x02"
"""What the first byte of a packed payload says."""
_LENGTH = 4
"""Bytes that tell how long the list of cuts is."""
_HEAD = 1 + _LENGTH


def head_bytes(content: bytes) -> int:
    """Return where the list of cuts ends in a packed payload that begins with `CUT`."""
    return _HEAD + int.from_bytes(content[1:_HEAD], "big")


def digests(head: bytes) -> list[str]:
    """Return the pieces that a packed payload names, of its head. Raises ValueError when that is damaged."""
    return [it.digest for it in cutting.decode(head[_HEAD : head_bytes(head)])]


class Packer:
    """Packs and unpacks the payloads of one stream; the dictionary is chosen once and kept with the stream."""

    def __init__(self, dictionary: bytes) -> None:
        self.dictionary = dictionary
        self._fresh = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, dictionary)

    def pack(self, payload: bytes, pieces: dict[str, bytes]) -> bytes:
        """Return what is stored; what was cut out goes into `pieces`, to be stored with it."""
        rest, cuts = cutting.cut(payload, pieces)
        if not cuts:
            return self._pressed(payload)
        listed = cutting.encode(cuts)
        return b"".join((CUT, len(listed).to_bytes(_LENGTH, "big"), listed, self._pressed(rest)))

    def unpack(self, content: bytes, get: Callable[[str], bytes]) -> bytes:
        """Return the payload; `get` gives what was cut out. Raises ValueError when the content is damaged or not whole.

        `get` raises KeyError for what is not there.
        """
        if content[:1] != CUT:
            return self._stretched(content)
        start, stop = _HEAD, head_bytes(content)
        try:
            return cutting.whole(self._stretched(content[stop:]), cutting.decode(content[start:stop]), get)
        except KeyError as error:
            raise ValueError("a file of a stored payload is gone") from error

    def _pressed(self, payload: bytes) -> bytes:
        """Short payloads stay as they are."""
        if len(payload) < _SMALL:
            return _AS_IT_IS + payload
        press = self._fresh.copy()
        return b"".join((_WITH_DICTIONARY, press.compress(payload), press.flush()))

    def _stretched(self, content: bytes) -> bytes:
        if content[:1] == _AS_IT_IS:
            return content[1:]
        stretch = zlib.decompressobj(zlib.MAX_WBITS, self.dictionary)
        try:
            payload = stretch.decompress(content[1:])
        except zlib.error as error:
            raise ValueError("a stored payload is damaged") from error
        if not stretch.eof:
            raise ValueError("a stored payload is cut short")
        return payload
