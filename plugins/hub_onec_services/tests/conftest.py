"""A base with services, and the connector on it with what a hub keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.api import Batch, Check, Cursor, Event, Record, Stream
from hub.testing.conformance.harness import ConnectionTools, HttpxClient, LeapingClock, MemoryBlobs
from hub.testing.peers.onec_services import ServicesPeer
from hub.testing.peers.onec_services.peer import STREAMS
from hub_onec_services.connector import Services
from hub_onec_services.settings import ServicesSettings


class Hub:
    """What the core does with the connector; `streams` is its configuration, to be changed by a test."""

    def __init__(self, peer: ServicesPeer) -> None:
        self.peer = peer
        self.server = peer.server
        self.streams: dict[str, dict[str, Any]] = {name: dict(it) for name, it in STREAMS.items()}
        self.cursors: dict[str, Cursor] = {}
        self.records: dict[str, dict[str, Record]] = {}
        self.blobs = MemoryBlobs()
        self.clock = LeapingClock()
        self.http = HttpxClient(self.clock, origins=[peer.server.url])

    def connector(self, **changed: Any) -> Services:
        """Return a new connector, as for a new run."""
        tools = ConnectionTools(
            "base", http=self.http, blobs=self.blobs, clock=self.clock, stale=lambda _, ids: set(ids)
        )
        given = {
            **self.peer.settings(),
            "streams": self.streams,
            "zone": "Asia/Krasnoyarsk",
            "area_code": "391",
            **changed,
        }
        return Services(ServicesSettings.model_validate(given), tools)

    def batches(self, stream: str) -> Iterator[Batch]:
        """Read one stream and keep what comes."""
        kept = self.records.setdefault(stream, {})
        for batch in self.connector().read(Stream(stream), self.cursors.get(stream)):
            for record in batch.records:
                if record.deleted:
                    kept.pop(record.external_id, None)
                else:
                    kept[record.external_id] = record
            if batch.cursor is not None:
                self.cursors[stream] = json.loads(json.dumps(batch.cursor))
            yield batch

    def sync(self, stream: str) -> dict[str, Record]:
        """Read one stream to its end; return what is kept of it."""
        list(self.batches(stream))
        return self.records[stream]

    def events(self, stream: str) -> list[Event]:
        """Return what the kept rows say."""
        connector = self.connector()
        return [event for record in self.records[stream].values() for event in connector.normalise(record)]

    def check(self) -> Check:
        """Check the connection."""
        return self.connector().check()

    def asked(self, path: str) -> list[str]:
        """Return the requests for a path so far."""
        return [it for it in self.server.requests if path in it]


@pytest.fixture
def peer() -> Iterator[ServicesPeer]:
    made = ServicesPeer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def hub(peer: ServicesPeer) -> Iterator[Hub]:
    made = Hub(peer)
    yield made
    made.http.close()
