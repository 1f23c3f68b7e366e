"""A small core around one connector: real settings, tools and sockets, and a store in memory with the core's rules."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import closing
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import SecretStr

from hub.model.connector import Batch, ConnectorSpec, Cursor, Record, Stream, Tools
from hub.model.errors import BadRecord
from hub.model.settings import Settings
from hub.testing.peer import Peer
from hub.testing.tools import ConnectionTools, HttpxClient, LeapingClock, MemoryBlobs

CONNECTION = "conformance"
FILLED = {"zone": "Asia/Krasnoyarsk", "area_code": "391"}
"""What the core fills in from the firm's configuration."""

MOST_BATCHES = 5_000


class Skipped(Exception):
    """Raised by a check that the peer cannot produce; the text names the peer's declaration."""


class Stored(Struct, frozen=True):
    """One record as the store keeps it."""

    record: Record
    digest: str


class Run(Struct):
    """What one read brought: ids by what they were to the store, and whether the last batch was complete."""

    new: set[str] = msgspec.field(default_factory=set)
    changed: set[str] = msgspec.field(default_factory=set)
    unchanged: set[str] = msgspec.field(default_factory=set)
    gone: set[str] = msgspec.field(default_factory=set)
    batches: int = 0

    def __str__(self) -> str:
        counts = {name: getattr(self, name) for name in ("new", "changed", "gone")}
        return ", ".join(f"{len(ids)} {name} {sorted(ids)[:3]}" for name, ids in counts.items())


class Harness:
    """One peer, one connector and what the core would have stored of it."""

    def __init__(self, spec: ConnectorSpec, peer: Peer) -> None:
        self.spec = spec
        self.peer = peer
        self._running = True
        self._clock = LeapingClock()
        self._blobs = MemoryBlobs()
        self._http = HttpxClient(self._clock)
        self.forget()

    def close(self) -> None:
        """Close the connections and stop the peer."""
        self._http.close()
        self.stop_peer()

    def stop_peer(self) -> None:
        """Stop the peer for good."""
        if self._running:
            self._running = False
            self.peer.stop()

    def disconnect(self) -> None:
        """Close the connections that the hub itself keeps open for the connector."""
        self._http.close()
        self._http = HttpxClient(self._clock)

    def change(self, stream: Stream, external_id: str) -> None:
        """Change an object of the peer. Raises Skipped when the peer says that nothing ever changes there."""
        try:
            self.peer.change(stream.name, external_id)
        except NotImplementedError as error:
            raise Skipped(f"{type(self.peer).__name__}.change is not implemented: {error}") from error

    def settings(self, **other: str) -> Settings:
        """Return the settings of the peer, completed as the core does it, with those given instead."""
        given = {**self.peer.settings(), **other}
        for name, value in FILLED.items():
            if name in self.spec.settings.model_fields:
                given.setdefault(name, value)
        return self.spec.settings.model_validate(given)

    def secrets(self) -> list[str]:
        """Return the values that must never be shown."""
        values = (getattr(self.settings(), name) for name in self.spec.settings.model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def connector(self, tools: Tools | None = None) -> Any:
        """Make the connector as for a new run."""
        own = ConnectionTools(CONNECTION, http=self._http, blobs=self._blobs, clock=self._clock, stale=self.stale)
        module, _, name = self.spec.factory.partition(":")
        return getattr(importlib.import_module(module), name)(self.settings(), tools or own)

    def stream(self, name: str) -> Stream:
        """Return the stream of that name, which the connector must have."""
        found: dict[str, Stream] = {stream.name: stream for stream in self.connector().streams()}
        if name not in found:
            raise AssertionError(f"the peer fills stream {name!r}, but the connector has {sorted(found)}")
        return found[name]

    def forget(self) -> None:
        """Empty the store."""
        self._stored: dict[tuple[str, str], Stored] = {}
        self._cursors: dict[str, bytes] = {}

    def cursor(self, stream: Stream) -> Cursor | None:
        """Return the stored cursor as it comes back from the store."""
        kept = self._cursors.get(stream.name)
        return None if kept is None else msgspec.json.decode(kept)

    def set_cursor(self, stream: Stream, cursor: Cursor | None) -> None:
        """Store a cursor in the place of the one there is."""
        if cursor is None:
            self._cursors.pop(stream.name, None)
        else:
            self._cursors[stream.name] = msgspec.json.encode(cursor)

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        """Return the ids that are missing, gone or of another version."""

        def is_fresh(external_id: str, version: str) -> bool:
            stored = self._stored.get((stream, external_id))
            return (
                bool(version) and stored is not None and stored.record.version == version and not stored.record.deleted
            )

        return {external_id for external_id, version in versions.items() if not is_fresh(external_id, version)}

    def batches(self, stream: Stream) -> Generator[Batch, None, None]:
        """Read with a new connector from the stored cursor, storing nothing."""
        reading = iter(self.connector().read(stream, self.cursor(stream)))
        try:
            for count, batch in enumerate(reading):
                if count >= MOST_BATCHES:
                    raise AssertionError(f"reading {stream.name} does not end: {count} batches")
                yield batch
        finally:
            _close(reading)

    def sync(self, stream: Stream, *, stop_after: int | None = None, between: Callable[[], None] | None = None) -> Run:
        """Read and store like the core; stop after that many batches; call `between` after the first batch."""
        run, seen = Run(), set[str]()
        if stop_after == 0:
            return run
        with closing(self.batches(stream)) as batches:
            for batch in batches:
                seen |= self._store(stream, batch, run)
                if batch.complete and stream.snapshot:
                    self._mark_absent(stream, seen, run)
                if batch.cursor is not None:
                    self.set_cursor(stream, batch.cursor)
                run.batches += 1
                if between is not None and run.batches == 1:
                    between()
                if run.batches == stop_after:
                    break
        return run

    def _store(self, stream: Stream, batch: Batch, run: Run) -> set[str]:
        for record in batch.records:
            key = (stream.name, record.external_id)
            before = self._stored.get(key)
            digest = hashlib.sha256(record.payload).hexdigest()
            if record.deleted:
                self._mark_gone(key, run)
                continue
            filled = msgspec.structs.replace(record, stream=stream.name, connection=CONNECTION)
            self._stored[key] = Stored(filled, digest)
            if before is None or before.record.deleted:
                run.new.add(record.external_id)
            elif before.digest == digest or (record.version and before.record.version == record.version):
                run.unchanged.add(record.external_id)
            else:
                run.changed.add(record.external_id)
        return {record.external_id for record in batch.records if not record.deleted} | set(batch.present)

    def _mark_gone(self, key: tuple[str, str], run: Run) -> None:
        before = self._stored.get(key)
        if before is not None and not before.record.deleted:
            gone = msgspec.structs.replace(before.record, deleted=True)
            self._stored[key] = Stored(gone, before.digest)
            run.gone.add(key[1])

    def _mark_absent(self, stream: Stream, seen: Collection[str], run: Run) -> None:
        for key in list(self._stored):
            if key[0] == stream.name and key[1] not in seen:
                self._mark_gone(key, run)

    def records(self, stream: Stream) -> list[Record]:
        """Return the records the source has, as stored."""
        kept = (stored.record for (name, _), stored in self._stored.items() if name == stream.name)
        return [record for record in kept if not record.deleted]

    def ids(self, stream: Stream) -> set[str]:
        """Return the ids of what the source has, as stored."""
        return {record.external_id for record in self.records(stream)}

    def contents(self, stream: Stream) -> dict[str, bytes]:
        """Return the meaning of what the source has, to compare two stores; a bad record means its bytes."""
        connector = self.connector()

        def meaning(record: Record) -> bytes:
            try:
                return msgspec.json.encode(list(connector.normalise(record)))
            except BadRecord:
                return record.payload

        return {record.external_id: meaning(record) for record in self.records(stream)}


def _close(reading: Iterable[Batch]) -> None:
    close = getattr(reading, "close", None)
    if close is not None:
        close()
