"""Normalising: pure, typed, the same every time, and safe with damaged records."""

from __future__ import annotations

import importlib
import os
import pickle
import random
import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

import msgspec

from hub.model.connector import Record, Response, Stream
from hub.model.entities import ENTITIES
from hub.model.errors import BadRecord
from hub.model.events import DELETED, OBSERVED, Event
from hub.testing.conformance.harness import CONNECTION, Harness
from hub.testing.conformance.kit import Case, describe, expect, promise
from hub.testing.tools import MemoryBlobs
from hub.tools import ConnectionTools

FEW = 3
CUTS = 20
FLIPS = 20
LIMIT_SECONDS = 2.0
TYPE = re.compile(r"([a-z][a-z0-9_]*)\.([a-z][a-z0-9_]*)")

_ELSEWHERE = """
import sys
from hub.testing.conformance.normalise import normalise_elsewhere
sys.stdout.buffer.write(normalise_elsewhere(sys.stdin.buffer.read()))
"""


class Blocked:
    """A clock and an HTTP client that nobody may use while normalising."""

    def now(self) -> datetime:
        """Refuse."""
        self._refuse("the clock")

    def sleep(self, duration: timedelta) -> None:
        """Refuse."""
        self._refuse(f"a sleep of {duration}")

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: timedelta = timedelta(0),
        max_bytes: int = 0,
        accept_status: Collection[int] = (),
    ) -> Response:
        """Refuse."""
        del params, headers, content, timeout, max_bytes, accept_status
        self._refuse(f"the network ({method} {url})")

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        """Refuse."""
        self._refuse(f"the store ({len(versions)} versions of {stream})")

    def _refuse(self, what: str) -> NoReturn:
        raise AssertionError(f"normalise must be pure, but it uses {what}")


def _blocked_tools() -> ConnectionTools:
    blocked = Blocked()
    return ConnectionTools(CONNECTION, http=blocked, blobs=MemoryBlobs(), clock=blocked, stale=blocked.stale)


def _samples(case: Case) -> Iterator[tuple[Harness, Stream, list[Record]]]:
    """Yield records of each stream as the peer gave them."""
    for harness, stream in case.each_stream():
        harness.peer.add(stream.name, FEW)
        harness.sync(stream)
        records = harness.records(stream)
        expect(records, f"{stream.name}: no record to normalise")
        yield harness, stream, records


@promise("bronze", vital=True)
def says_something(case: Case) -> None:
    """Good records are understood: each stream gives events and no record is bad."""
    for harness, stream, records in _samples(case):
        connector = harness.connector()
        events = [event for record in records for event in _good(connector, record)]
        expect(events, f"{stream.name}: {len(records)} good records gave no event")


@promise("bronze")
def is_pure(case: Case) -> None:
    """The same record gives equal events, without clock, network or store, when the source is no longer there."""
    for harness, stream, records in _samples(case):
        first = [_good(harness.connector(), record) for record in records]
        harness.disconnect()
        harness.stop_peer()
        alone = harness.connector(_blocked_tools())
        second = [_good(alone, record) for record in records]
        third = [_good(alone, record) for record in reversed(records)][::-1]
        expect(first == second == third, f"{stream.name}: the same records gave different events")


@promise("bronze")
def is_the_same_elsewhere(case: Case) -> None:
    """Another process with another hash seed and another local time zone makes the same events."""
    for harness, stream, records in _samples(case):
        connector = harness.connector()
        here = b"\n".join(_encoded(_good(connector, record)) for record in records)
        task = pickle.dumps((harness.spec.factory, harness.settings(), records))
        done = subprocess.run(
            [sys.executable, "-c", _ELSEWHERE],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
                "PYTHONHASHSEED": "271828",
                "TZ": "Pacific/Kiritimati",
            },
            input=task,
            capture_output=True,
            check=False,
            timeout=120,
        )
        complaint = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        expect(done.returncode == 0, f"{stream.name}: normalising in another process fails: {complaint}")
        expect(done.stdout == here, f"{stream.name}: another process makes other events of the same records")


def normalise_elsewhere(task: bytes) -> bytes:
    """Do the other half of `is_the_same_elsewhere` in its process."""
    named, settings, records = pickle.loads(task)  # noqa: S301 - written by our own parent process
    module, _, name = named.partition(":")
    connector = getattr(importlib.import_module(module), name)(settings, _blocked_tools())
    return b"\n".join(_encoded(_good(connector, record)) for record in records)


@promise("bronze")
def events_are_proper(case: Case) -> None:
    """An event is `noun.verb` of a known kind, its data is that kind's entity, and its subject has an id."""
    for harness, _, records in _samples(case):
        connector = harness.connector()
        for record in records:
            for event in _good(connector, record):
                _expect_proper(event)


def _expect_proper(event: Event) -> None:
    match = TYPE.fullmatch(event.type)
    expect(match, f"event type {event.type!r} is not of the form noun.verb")
    noun, verb = match.groups() if match else ("", "")
    kind = event.subject.kind
    expect(noun in ENTITIES, f"{event.type}: the noun is none of {sorted(ENTITIES)}")
    expect(kind in ENTITIES, f"{event.type}: the subject's kind {kind!r} is none of {sorted(ENTITIES)}")
    expect(noun == kind or verb not in (OBSERVED, DELETED), f"{event.type}: the subject is a {kind}")
    expect(event.subject.external_id, f"{event.type}: the subject has no id")
    expect(type(event.data) is ENTITIES[kind], f"{event.type}: the data is {type(event.data).__name__}, not a {kind}")


@promise("bronze")
def values_are_typed(case: Case) -> None:
    """Every value is what its field says, so that the event comes back from the store equal; times have a zone."""
    for harness, _, records in _samples(case):
        connector = harness.connector()
        for record in records:
            for event in _good(connector, record):
                _expect_typed(event)


def _expect_typed(event: Event) -> None:
    naive = [moment for moment in _moments(event) if moment.utcoffset() is None]
    expect(not naive, f"{event.type}: a time has no zone: {naive[:1]}")
    try:
        back = msgspec.json.decode(msgspec.json.encode(event.data), type=type(event.data))
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise AssertionError(f"{event.type}: the data cannot be stored: {error}") from error
    expect(back == event.data, f"{event.type}: the data comes back from the store as another value")


def _moments(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _moments(getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _moments(item)


@promise("bronze")
def event_ids_are_unique(case: Case) -> None:
    """Two events of one record never share an id, because the later would supersede the earlier."""
    for harness, stream, records in _samples(case):
        connector = harness.connector()
        for record in records:
            keys = [event.key() for event in _good(connector, record)]
            expect(len(keys) == len(set(keys)), f"{stream.name}: events of one record share an id: {sorted(keys)}")


@promise("bronze")
def subject_is_stable(case: Case) -> None:
    """A changed object is still the same subject, and different objects are different subjects."""
    for harness, stream, records in _samples(case):
        connector = harness.connector()
        before = {record.external_id: _main_subject(connector, record) for record in records}
        told = [subject for subject in before.values() if subject]
        expect(len(told) == len(set(told)), f"{stream.name}: different records have the same subject: {told[:2]}")
        changed = records[0].external_id
        harness.change(stream, changed)
        harness.sync(stream)
        after = {record.external_id: _main_subject(connector, record) for record in harness.records(stream)}
        expect(
            after.get(changed) == before[changed],
            f"{stream.name}: after a change the subject is {after.get(changed)}, before it was {before[changed]}",
        )


def _main_subject(connector: Any, record: Record) -> tuple[str, str] | None:
    events = _good(connector, record)
    return (events[0].subject.kind, events[0].subject.external_id) if events else None


@promise("bronze")
def damage_is_bad_record(case: Case) -> None:
    """A damaged payload gives proper events or BadRecord, nothing else, and quickly."""
    for harness, stream, records in _samples(case):
        connector = harness.connector()
        for what, payload in _damaged(records[0].payload):
            record = msgspec.structs.replace(records[0], payload=payload)
            began = time.monotonic()
            try:
                events = list(connector.normalise(record))
            except BadRecord:
                events = []
            except (Exception, SystemExit) as error:
                raise AssertionError(f"{stream.name}: a payload {what} raises {describe(error)}") from error
            took = time.monotonic() - began
            expect(took < LIMIT_SECONDS, f"{stream.name}: a payload {what} took {took:.1f} s")
            for event in events:
                expect(isinstance(event, Event), f"{stream.name}: a payload {what} gave a {type(event).__name__}")
                _expect_proper(event)
                _expect_typed(event)


def _damaged(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a payload cut, flipped, emptied, doubled and replaced, the same way each time."""
    chance = random.Random(len(payload))  # noqa: S311 - repeatable damage, no cryptography
    size = len(payload)
    for at in sorted({size * part // CUTS for part in range(CUTS)}):
        yield f"cut at byte {at} of {size}", payload[:at]
    for _ in range(FLIPS):
        at = chance.randrange(size)
        yield (
            f"with byte {at} flipped",
            payload[:at] + bytes([payload[at] ^ (1 << chance.randrange(8))]) + payload[at + 1 :],
        )
    yield "doubled", payload * 2
    yield "of noise", chance.randbytes(max(size, 64))
    yield "of zero bytes", bytes(64)
    yield "without its digits", re.sub(rb"\d", b"", payload)
    yield "with huge digits", re.sub(rb"\d+", b"9" * 40, payload)
    for text in (b"null", b"[]", b"{}", b"0", b'""', b"[[[[", b"[" * 100_000, b"<a/>", b"<html></html>"):
        yield f"of {text[:16]!r}", text


def _good(connector: Any, record: Record) -> list[Event]:
    """Normalise a record as the source gave it, which must not fail."""
    try:
        events = list(connector.normalise(record))
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{record.stream}: a good record raises {describe(error)}") from error
    odd = [type(event).__name__ for event in events if not isinstance(event, Event)]
    expect(not odd, f"{record.stream}: normalise gives {odd[:1]} instead of Event")
    return events


def _encoded(events: Iterable[Event]) -> bytes:
    return msgspec.json.encode(list(events))
