"""What a conversation means: who called whom, and whether two people talked.

One event for all rows of a conversation: `call.missed` (from outside, and nobody talked), `call.connected` (talk with
the outside) or `call.ended` (nobody answered our call, or it stayed inside). When rows arrive later, the same id is
said anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from hub.api import BadRecord, Call, Event, Phone, Record, Reference

from .legs import Leg, columns_of, key_of, leg_of, split_line
from .settings import AsteriskSettings

Direction = Literal["inbound", "outbound", "internal"]

MOST_CHANNEL = 80
"""Asterisk itself cuts longer names of channels."""
_HIDDEN = frozenset({"", "anonymous", "unknown", "restricted", "private", "unavailable", "hidden", "asserted"})
_DIALLED = re.compile(r"[+*#\d][\d\s()+*#.-]*", re.ASCII)
_PEER = re.compile(r"[A-Za-z0-9_]+/(?:.*/)?(\d+)(?:@.*)?-[0-9a-f]+", re.ASCII)


def normalise(record: Record, settings: AsteriskSettings) -> Iterator[Event]:
    """Yield one event for each conversation: a record holds one, a whole file may hold many. Raises BadRecord."""
    zone = ZoneInfo(settings.zone)
    conversations: dict[str, list[Leg]] = {}
    for row in rows_of(record.payload):
        conversations.setdefault(key_of(row), []).append(leg_of(row, zone))
    for key, legs in conversations.items():
        call = _call(sorted(legs, key=lambda leg: (leg.start, leg.sequence)), settings)
        yield Event(f"call.{call.state}", Reference("call", key), call, time=call.started)


def rows_of(payload: bytes) -> list[dict[str, str]]:
    """Return the rows of a conversation: lines of Master.csv, or a JSON array of table rows. Raises BadRecord."""
    if payload.startswith(b"["):
        try:
            table: list[dict[str, str | None]] = msgspec.json.decode(payload, type=list[dict[str, str | None]])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRecord("call records of a table are damaged.") from error
        rows = [_named(row) for row in table]
    else:
        rows = [columns_of(split_line(line)) for line in payload.split(b"\n") if line.strip()]
    if not rows:
        raise BadRecord("a conversation has no call record.")
    return rows


def _named(row: Mapping[str, str | None]) -> dict[str, str]:
    named = {name.lower(): value or "" for name, value in row.items()}
    if "calldate" in named and not named.get("start"):
        named["start"] = named["calldate"]
    return named


def _call(legs: Sequence[Leg], settings: AsteriskSettings) -> Call:
    first = _first(legs)
    direction = _direction(first, legs, settings)
    talks = [leg for leg in legs if _is_talk(leg, direction)]
    raw = {"inbound": first.src, "outbound": first.dst, "internal": ""}[direction]
    started, ended = min(leg.start for leg in legs), max(leg.end for leg in legs)
    talk_began = min((_talk_began(leg) for leg in talks), default=ended)
    return Call(
        number=_number(raw, settings),
        raw_number=raw,
        direction=direction,
        extension=_extension(first, talks, legs, direction, settings),
        line=_line(first, legs, direction),
        started=started,
        ended=ended,
        talk_seconds=_talk_seconds(talks),
        wait_seconds=max(0, int((talk_began - started).total_seconds())),
        state=_state(direction, is_talk=bool(talks)),
        legs=len(legs),
    )


def _state(direction: Direction, *, is_talk: bool) -> str:
    if direction == "internal":
        return "ended"
    if is_talk:
        return "connected"
    return "missed" if direction == "inbound" else "ended"


def _first(legs: Sequence[Leg]) -> Leg:
    """Return the row that tells who began: not one between two local channels, nor one from a word of the dial plan."""
    real = [leg for leg in legs if not leg.channel.startswith("Local/") and _is_caller(leg.src)]
    return next(iter(real), None) or next((leg for leg in legs if _is_caller(leg.src)), legs[0])


def _is_caller(src: str) -> bool:
    return src.casefold() in _HIDDEN or _DIALLED.fullmatch(_bare(src)) is not None


def _direction(first: Leg, legs: Sequence[Leg], settings: AsteriskSettings) -> Direction:
    """Decide by the outside lines of the settings, and where they say nothing by the lengths of the numbers."""
    lines = settings.trunks
    if lines and (first.channel.startswith(lines) or first.context.startswith(lines)):
        return "inbound"
    if lines and any(leg.dstchannel.startswith(lines) for leg in legs):
        return "outbound"
    own = {_number(number, settings, own=False) or number for number in settings.own_numbers}
    source, target = _bare(first.src), _bare(first.dst)
    from_inside = _is_inside(source, settings) or (bool(source) and _number(source, settings, own=False) in own)
    to_inside = _is_inside(target, settings) or (_number(target, settings, own=False) in own)
    if first.src.casefold() in _HIDDEN:
        return "outbound" if first.app == "AppDial" else "inbound"  # AppDial: the exchange itself began to call
    if not from_inside:
        return "inbound" if _is_outside(source, settings) else "internal"
    return "internal" if to_inside or not _is_outside(target, settings) else "outbound"


def _is_inside(number: str, settings: AsteriskSettings) -> bool:
    return number.isascii() and number.isdigit() and len(number) <= settings.internal_length


def _is_outside(number: str, settings: AsteriskSettings) -> bool:
    return _DIALLED.fullmatch(number) is not None and sum(map(str.isdigit, number)) > settings.internal_length


def _is_talk(leg: Leg, direction: Direction) -> bool:
    """Tell whether two people talked: the menu, voice mail and the queue itself answer too, but have no other channel.

    A local channel on the other side is only a way; whom it led to stands in a row of its own. Our own call may be
    answered without another channel in the row.
    """
    if leg.disposition != "ANSWERED" or not leg.talk_seconds:
        return False
    if direction == "outbound" and leg.app == "Dial" and not leg.dstchannel:
        return True
    return bool(leg.dstchannel) and not leg.dstchannel.startswith("Local/")


def _talk_began(leg: Leg) -> datetime:
    return max(leg.start, leg.end - timedelta(seconds=leg.talk_seconds))


def _talk_seconds(talks: Sequence[Leg]) -> int:
    """Return how long there was talk: rows of a transfer or a conference overlap and count once."""
    total, until = timedelta(0), datetime.min.replace(tzinfo=UTC)
    for began, ended in sorted((_talk_began(leg), leg.end) for leg in talks):
        total += max(timedelta(0), ended - max(began, until))
        until = max(until, ended)
    return int(total.total_seconds())


def _number(raw: str, settings: AsteriskSettings, *, own: bool = True) -> str:
    """Return the number in E.164; nothing if it is hidden, internal, none at all or, unless `own` is false, our own."""
    bare = _bare(raw)
    stripped = [bare.removeprefix(prefix) for prefix in settings.prefixes if bare.startswith(prefix)]
    for candidate in (*sorted(stripped, key=len), bare):
        if phone := Phone.parse(candidate, settings.area_code):
            is_own = own and phone.number in {_number(it, settings, own=False) for it in settings.own_numbers}
            return "" if is_own else phone.number
    return ""


def _bare(text: str) -> str:
    """Return what was dialled without the address around it, such as `sip:101@pbx`."""
    return re.sub(r"(?i)^(sips?|tel):", "", text.strip()).partition("@")[0]


def _extension(
    first: Leg, talks: Sequence[Leg], legs: Sequence[Leg], direction: Direction, settings: AsteriskSettings
) -> str:
    """Return the internal number that talked, or the last one that was rung."""
    if direction != "inbound":
        channels, spoken = [first.channel], [first.src]
    else:
        channels = [leg.dstchannel for leg in (*talks, *reversed(legs))]
        spoken = [leg.dst for leg in reversed(legs)]
    numbers = [*spoken, *_peers(channels)] if direction != "inbound" else [*_peers(channels), *spoken]
    return next((number for number in numbers if number and _is_inside(number, settings)), "")


def _peers(channels: Sequence[str]) -> list[str]:
    names = (channel.partition(";")[0] for channel in channels)
    return [found[1] for name in names if len(name) <= MOST_CHANNEL and (found := _PEER.fullmatch(name))]


def _line(first: Leg, legs: Sequence[Leg], direction: Direction) -> str:
    """Return the number the client called, or the outside line our call went over."""
    if direction == "inbound":
        return first.did or (first.dst if _DIALLED.fullmatch(first.dst) else "")
    if direction == "outbound":
        return next((leg.dstchannel.rpartition("-")[0] for leg in legs if leg.dstchannel), "")
    return ""
