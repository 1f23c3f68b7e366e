"""Call detail records as rows: the columns of Master.csv and of a table `cdr`, and one leg of a call read from them."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.api import BadRecord

COLUMNS = ("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata",
           "start", "answer", "end", "duration", "billsec", "disposition", "amaflags")  # fmt: skip
MOST_SECONDS = 7 * 24 * 3600
MOST_ID_CHARACTERS = 150

_NEW_COLUMNS = ("peeraccount", "linkedid", "sequence")
_DISPOSITIONS = frozenset({"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "UNKNOWN"})
_UNIQUE_ID = re.compile(r"(?:.*-)?(\d{9,11})\.\d+", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)


class Leg(Struct, frozen=True):
    """One row: a channel that talked, or tried to talk, with another one. Times are in UTC."""

    src: str
    dst: str
    context: str
    channel: str
    dstchannel: str
    app: str
    disposition: str
    start: datetime
    end: datetime
    talk_seconds: int
    sequence: int
    did: str


def columns_of(fields: Sequence[str]) -> dict[str, str]:
    """Name the fields of one line of Master.csv, which has no header. Raises BadRecord.

    16 columns always; uniqueid and userfield by `loguniqueid` and `loguserfield`; three more by `newcdrcolumns`.
    """
    extra = len(fields) - len(COLUMNS)
    if not 0 <= extra <= 5:
        raise BadRecord(f"a line of Master.csv has {len(fields)} columns separated by commas; expected 16 to 21.")
    row = dict(zip(COLUMNS, fields, strict=False))
    rest = list(fields[len(COLUMNS) :])
    if extra >= 3:
        row.update(zip(_NEW_COLUMNS, rest[-3:], strict=True))
        del rest[-3:]
    if len(rest) == 2 or (rest and _UNIQUE_ID.fullmatch(rest[0])):
        row["uniqueid"] = rest[0]
    return row


def split_line(line: bytes) -> list[str]:
    """Split one line of Master.csv. Raises BadRecord."""
    text = line.decode("utf-8", "replace")
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise BadRecord(f"a line of Master.csv cannot be split at its commas: {error}.") from error
    if len(rows) != 1:
        raise BadRecord("a line of Master.csv is empty.")
    return rows[0]


def key_of(row: Mapping[str, str]) -> str:
    """Return the id of the conversation that a row belongs to. Raises BadRecord.

    That is `linkedid`; without it one call of many rows may show as several: then `uniqueid` is taken, or channel and
    start where even that was not logged.
    """
    key = row.get("linkedid") or row.get("uniqueid") or f"{row.get('start', '')} {row.get('channel', '')}"
    if len(key) > MOST_ID_CHARACTERS or not key.isprintable():
        raise BadRecord("a call record has an id that is none.")
    return key.strip()


def is_weak(row: Mapping[str, str]) -> bool:
    """Tell whether the row lacks the id that joins all rows of a conversation."""
    return not row.get("linkedid")


def created_at(unique_id: str) -> datetime | None:
    """Return when the channel of an id was made: Asterisk writes the seconds since 1970 into it."""
    found = _UNIQUE_ID.fullmatch(unique_id)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def leg_of(row: Mapping[str, str], zone: ZoneInfo) -> Leg:
    """Read one row. Raises BadRecord that names the column."""
    disposition = row.get("disposition", "").strip().upper()
    if disposition not in _DISPOSITIONS:
        raise BadRecord("the column disposition of a call record holds none; are the columns in another order?")
    start = _time(row.get("start", ""), zone)
    if start is None:
        raise BadRecord("the column start of a call record holds no time.")
    duration = _seconds(row, "duration")
    end = _time(row.get("end", ""), zone)
    return Leg(
        src=row.get("src", "").strip(),
        dst=row.get("dst", "").strip(),
        context=row.get("dcontext", ""),
        channel=row.get("channel", ""),
        dstchannel=row.get("dstchannel", ""),
        app=row.get("lastapp", ""),
        disposition=disposition,
        start=start,
        end=end if end and end >= start else start + timedelta(seconds=duration),
        talk_seconds=_seconds(row, "billsec"),
        sequence=int(row["sequence"]) if re.fullmatch(r"\d{1,9}", row.get("sequence", ""), re.ASCII) else 0,
        did=row.get("did", "").strip(),
    )


def _seconds(row: Mapping[str, str], name: str) -> int:
    text = row.get(name, "").strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) or float(text) > MOST_SECONDS:
        raise BadRecord(f"the column {name} of a call record holds no number of seconds.")
    return int(float(text))


def _time(text: str, zone: ZoneInfo) -> datetime | None:
    if not _TIME.fullmatch(text.strip()):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
