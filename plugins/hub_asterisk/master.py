"""`Master.csv` as it grows: where we stopped, what was appended since, and where the file went when it was rotated.

A position is told by inode, offset and a mark of the bytes before it, so that a file that was renamed, copied and
truncated, or written anew is recognised. A last line without its end is left for the next time.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from hashlib import blake2b
from logging import Logger
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from hub.api import BadRecord, Cursor, Unavailable

from .legs import Leg, columns_of, is_weak, key_of, leg_of, split_line

LONGEST_LINE = 64 * 1024
_MARKED = 256
_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst"})

Place = tuple[int, int, int]
"""File, offset and number of a line."""


class Row(Struct, frozen=True):
    """One call record as received: its conversation and times, or what is wrong with it."""

    place: Place
    raw: bytes
    key: str = ""
    start: datetime | None = None
    end: datetime | None = None
    is_weak: bool = False
    is_unanswered: bool = False
    problem: str = ""


def row_of(place: Place, raw: bytes, columns: Mapping[str, str], leg: Leg) -> Row:
    """Return a row that was understood. Raises BadRecord."""
    is_unanswered = leg.disposition != "ANSWERED" and not leg.dstchannel
    return Row(place, raw, key_of(columns), leg.start, leg.end, is_weak(columns), is_unanswered)


class _Position(Struct):
    inode: int
    offset: Annotated[int, Meta(ge=0, lt=2**62)]
    line: Annotated[int, Meta(ge=0, lt=2**62)]
    mark: str


class _Positions(Struct):
    start: _Position
    done: _Position


class _Segment(Struct):
    path: Path
    file: BinaryIO


class MasterFile:
    """One reading of the file and, after a rotation, of those before it."""

    def __init__(self, path: Path, zone: ZoneInfo, cursor: Cursor, log: Logger) -> None:
        self._path = path
        self._zone = zone
        self._log = log
        self._files = ExitStack()
        try:
            self._segments, self._from, self._done = self._locate(cursor)
        except BaseException:
            self.close()
            raise
        self._end = self._from

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    @property
    def has_earlier(self) -> bool:
        """Tell whether the reading began in the middle."""
        return self._from > (0, 0, 0)

    def rows(self) -> Iterator[Row]:
        """Yield the rows from the start of the oldest conversation that may go on."""
        yield from self._lines(*self._from)
        for number in range(1, len(self._segments)):
            yield from self._lines(number, 0, 0)

    def is_new(self, row: Row) -> bool:
        """Tell whether the row was not judged in an earlier reading."""
        return row.place >= self._done

    def rows_of(self, keys: Collection[str]) -> Iterator[Row]:
        """Yield all rows of these conversations."""
        words = [key.encode() for key in keys]
        for number in range(len(self._segments)):
            yield from (row for row in self._lines(number, 0, 0, words=words) if row.key in keys)

    def payload(self, rows: Sequence[Row]) -> bytes:
        """Return the lines as received; a line that was written twice counts once."""
        return b"\n".join(dict.fromkeys(row.raw for row in rows))

    def cursor(self, oldest: Row | None, restless: Row | None) -> Cursor:
        """Return where to begin next time: at the oldest row that may matter; what lies before `restless` is judged."""
        done = restless.place if restless else self._end
        start = min(oldest.place if oldest else self._end, done)
        return {"start": self._mark(start), "done": self._mark(done)}

    def tail(self, size: int) -> Iterator[Row]:
        """Yield the last rows, for a look at the format."""
        segment = self._segments[-1]
        start = max(0, segment.file.seek(0, os.SEEK_END) - size)
        segment.file.seek(start)
        offset = start + len(segment.file.readline()) if start else 0
        yield from self._lines(len(self._segments) - 1, offset, 0)

    def _lines(self, number: int, offset: int, line: int, *, words: Collection[bytes] = ()) -> Iterator[Row]:
        segment = self._segments[number]
        segment.file.seek(offset)
        while raw := segment.file.readline(LONGEST_LINE):
            place = (number, offset, line)
            is_whole = raw.endswith(b"\n")
            length = 0 if is_whole else self._rest(segment.file)
            if length is None:
                return  # being written
            offset, line = offset + len(raw) + length, line + 1
            self._end = max(self._end, (number, offset, line))
            if not is_whole:
                self._log.warning(
                    "line %d of %s has more than %d bytes; left out", line, segment.path.name, LONGEST_LINE
                )
            elif raw.strip() and (not words or any(word in raw for word in words)):
                yield self._row(place, raw.rstrip(b"\r\n"))
            segment.file.seek(offset)  # somebody may have read elsewhere meanwhile

    @staticmethod
    def _rest(file: BinaryIO) -> int | None:
        """Return the length of the rest of a line too long, `None` when its end is not there."""
        length = 0
        while piece := file.readline(LONGEST_LINE):
            length += len(piece)
            if piece.endswith(b"\n"):
                return length
        return None

    def _row(self, place: Place, raw: bytes) -> Row:
        try:
            columns = columns_of(split_line(raw))
            leg = leg_of(columns, self._zone)
            return row_of(place, raw, columns, leg)
        except BadRecord as error:
            return Row(place, raw, problem=str(error))

    def _open(self, path: Path) -> _Segment:
        try:
            return _Segment(path, self._files.enter_context(path.open("rb")))
        except FileNotFoundError as error:
            raise Unavailable(
                f"{path} does not exist.", hint="Is the folder of Asterisk mounted, and cdr_csv on?"
            ) from error
        except OSError as error:
            raise Unavailable(f"{path} cannot be opened: {error.strerror}.") from error

    def _locate(self, cursor: Cursor) -> tuple[list[_Segment], Place, Place]:
        current = self._open(self._path)
        try:
            known = msgspec.convert(cursor, _Positions)
        except msgspec.ValidationError:
            if cursor:
                self._log.warning("the cursor is unreadable; reading %s from the start", self._path.name)
            return [current], (0, 0, 0), (0, 0, 0)
        segments = [current]
        if not self._reach_back(segments, known.done):
            self._log.warning("%s was replaced, its predecessor is gone; calls may be missing", self._path.name)
            return [current], (0, 0, 0), (0, 0, 0)
        newer = len(segments)
        start = (0, known.start.offset, known.start.line)
        if known.start.inode != known.done.inode and not self._reach_back(segments, known.start):
            del segments[:-newer]
            start = (0, 0, 0)
        return segments, start, max(start, (len(segments) - newer, known.done.offset, known.done.line))

    def _reach_back(self, segments: list[_Segment], position: _Position) -> bool:
        """Put the files before the first one in front of it, until the first one holds the position."""
        tried = {segment.path for segment in segments[1:]}
        found = [
            it for it in self._path.parent.glob(f"{self._path.name}*") if it.is_file() and it.suffix not in _PACKED
        ]
        older = sorted(set(found) - tried - {segments[0].path}, key=lambda it: it.stat().st_mtime_ns, reverse=True)
        while not _fits(segments[0].file, position):
            if not older:
                return False
            segments.insert(0, self._open(older.pop(0)))
        return True

    def _mark(self, place: Place) -> dict[str, Any]:
        number, offset, line = place
        file = self._segments[number].file
        return {"inode": os.fstat(file.fileno()).st_ino, "offset": offset, "line": line, "mark": _digest(file, offset)}


def _fits(file: BinaryIO, position: _Position) -> bool:
    """Tell whether the file holds the position: the bytes before it are the same; before none, the inode tells."""
    if not position.offset:
        return os.fstat(file.fileno()).st_ino == position.inode
    return _digest(file, position.offset) == position.mark


def _digest(file: BinaryIO, offset: int) -> str:
    length = min(_MARKED, offset)
    piece = os.pread(file.fileno(), length, offset - length)
    return blake2b(piece, digest_size=8).hexdigest() if len(piece) == length else ""
