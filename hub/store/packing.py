"""Raw payloads are kept compressed, with the first record of a stream as the dictionary of the rest.

Records of one stream share their field names and most of their shape, so a record of 2.8 KB takes some hundred bytes.
That costs 10 µs a record and saves more: a database writes, journals and reads back a fraction (`docs/performance.md`).
"""

from __future__ import annotations

import zlib

_WINDOW = 13
_MEMORY = 5
"""8 KiB and small tables: each record starts from a copy of them, and to copy the usual 260 KB took half the time."""
MAX_DICTIONARY = 1 << _WINDOW
"""zlib looks back no further; more of a dictionary would never be used."""
_SMALL = 128
_AS_IT_IS, _WITH_DICTIONARY = b"\x00", b"\x01"


class Packer:
    """Packs and unpacks the payloads of one stream; the dictionary is chosen once and kept with the stream."""

    def __init__(self, dictionary: bytes) -> None:
        self.dictionary = dictionary
        self._fresh = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, dictionary)

    def pack(self, payload: bytes) -> bytes:
        """Return what is stored; short payloads stay as they are."""
        if len(payload) < _SMALL:
            return _AS_IT_IS + payload
        press = self._fresh.copy()
        return b"".join((_WITH_DICTIONARY, press.compress(payload), press.flush()))

    def unpack(self, content: bytes) -> bytes:
        """Return the payload. Raises ValueError when the content is damaged."""
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
