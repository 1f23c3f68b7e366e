"""Compound files ([MS-CFB]): the small file system in which Outlook keeps a letter.

Own, because olefile rests since 2023 and extract-msg is GPL; reading needs this page. Chains that run in circles or
beyond the file end where they go wrong.
"""

from __future__ import annotations

import struct
from array import array

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST = 0xFFFFFFFA
"""Sector numbers from here on are marks."""
_MOST_ENTRIES = 20_000
_MOST_LEVELS = 20
_STORAGE, _STREAM, _ROOT = 1, 2, 5


class Compound:
    """One compound file. Raises ValueError for what is none."""

    def __init__(self, content: bytes) -> None:
        if content[:8] != SIGNATURE or len(content) < 512:
            raise ValueError("this is no compound file")
        self._content = content
        shift, small_shift = struct.unpack_from("<HH", content, 30)
        if shift not in (9, 12) or small_shift > shift:
            raise ValueError("this compound file has sectors of an unknown size")
        self._size, self._small_size = 1 << shift, 1 << small_shift
        (directory, self._small_limit, small, self._next_table) = (
            struct.unpack_from("<I", content, place)[0] for place in (48, 56, 60, 68)
        )
        self._left = 4 * len(content)
        """How many bytes may still be read: entries that share sectors would make much of little."""
        self._table = self._read_table()
        self._small_table = array("I", _whole(self._chain(small, len(content))))
        self._entries = self._read_directory(self._chain(directory, len(content)))
        self._small_content = b""
        if self._entries:
            start, size = self._entries.pop(())
            self._small_content = self._chain(start, size)

    def names(self, *folder: str) -> list[str]:
        """Return the names directly in a folder."""
        return list(dict.fromkeys(it[len(folder)] for it in self._entries if it[: len(folder)] == folder != it))

    def read(self, *path: str) -> bytes:
        """Return the content of a stream; nothing for one that is not there."""
        start, size = self._entries.get(path, (_LAST, 0))
        size = min(size, self._left)
        self._left -= size
        return self._small_chain(start, size) if size < self._small_limit else self._chain(start, size)

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._size
        return self._content[start : start + self._size]

    def _read_table(self) -> array[int]:
        places = list(struct.unpack_from("<109I", self._content, 76))
        following, seen = self._next_table, set[int]()
        while following < _LAST and following not in seen and len(seen) < len(self._content) // self._size:
            seen.add(following)
            more = array("I", _whole(self._sector(following)))
            if not more:
                break
            places += more[:-1]
            following = more[-1]
        table = array("I")
        most = len(self._content) // self._size + 1
        for place in dict.fromkeys(places):
            if place < _LAST and len(table) <= most:
                table.frombytes(_whole(self._sector(place)))
        return table

    def _chain(self, start: int, size: int) -> bytes:
        pieces: list[bytes] = []
        left, number, steps = size, start, 0
        while left > 0 and number < len(self._table) and steps <= len(self._table):
            piece = self._sector(number)
            if not piece:
                break
            pieces.append(piece)
            left -= self._size
            steps += 1
            number = self._table[number]
        return b"".join(pieces)[:size]

    def _small_chain(self, start: int, size: int) -> bytes:
        pieces: list[bytes] = []
        left, number, steps = size, start, 0
        while left > 0 and number < len(self._small_table) and steps <= len(self._small_table):
            place = number * self._small_size
            pieces.append(self._small_content[place : place + self._small_size])
            left -= self._small_size
            steps += 1
            number = self._small_table[number]
        return b"".join(pieces)[:size]

    def _read_directory(self, content: bytes) -> dict[tuple[str, ...], tuple[int, int]]:
        found: dict[tuple[str, ...], tuple[int, int]] = {}
        count = min(len(content) // 128, _MOST_ENTRIES)
        waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())]
        seen: set[int] = set()
        while waiting:
            number, folder = waiting.pop()
            if number >= count or number in seen or len(folder) > _MOST_LEVELS:
                continue
            seen.add(number)
            name, length, kind, left, right, child, start, size = struct.unpack_from(
                "<64sHBxIII16x4x8x8xII", content, number * 128
            )
            waiting += [(left, folder), (right, folder)]
            path = (*folder, name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"))
            if kind == _ROOT and number == 0:
                found[()] = (start, size)
                waiting.append((child, ()))
            elif kind == _STORAGE:
                waiting.append((child, path))
            elif kind == _STREAM:
                found.setdefault(path, (start, size))
        if () not in found:
            raise ValueError("this compound file has no root")
        return found


def _whole(content: bytes) -> bytes:
    return content[: len(content) // 4 * 4]
