"""A bank on a folder, and the connector on it with what a hub keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.api import Batch, Check, Cursor, Event, Record, Stream
from hub.testing.conformance.harness import ConnectionTools, HttpxClient, LeapingClock, MemoryBlobs
from hub.testing.peers.bank import BankPeer
from hub_bank.connector import BankFiles
from hub_bank.settings import BankSettings


class Hub:
    """What the core does with the connector."""

    def __init__(self, peer: BankPeer) -> None:
        self.peer = peer
        self.cursor: Cursor | None = None
        self.records: dict[str, Record] = {}
        self.http = HttpxClient(LeapingClock())

    def connector(self, **changed: str) -> BankFiles:
        """Return a new connector, as for a new run."""
        clock = LeapingClock()
        tools = ConnectionTools("bank", http=self.http, blobs=MemoryBlobs(), clock=clock, stale=lambda _, ids: set(ids))
        return BankFiles(BankSettings.model_validate({**self.peer.settings(), **changed}), tools)

    def batches(self) -> Iterator[Batch]:
        """Read and keep."""
        for batch in self.connector().read(Stream("payments"), self.cursor):
            for record in batch.records:
                if record.deleted:
                    self.records.pop(record.external_id, None)
                else:
                    self.records[record.external_id] = record
            if batch.cursor is not None:
                self.cursor = json.loads(json.dumps(batch.cursor))
            yield batch

    def sync(self) -> int:
        """Read everything; return how many records came."""
        return sum(not record.deleted for batch in self.batches() for record in batch.records)

    def events(self) -> list[Event]:
        """Return what the kept records say."""
        return [event for record in self.records.values() for event in self.connector().normalise(record)]

    def payments(self) -> list[Any]:
        """Return the payments that the kept records say."""
        return [event.data for event in self.events()]

    def check(self) -> Check:
        """Check the connection."""
        return self.connector().check()

    def put(self, name: str, content: bytes) -> None:
        """Put a file among the statements."""
        (self.peer.folder / name).write_bytes(content)


@pytest.fixture
def bank() -> Iterator[BankPeer]:
    peer = BankPeer()
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def hub(bank: BankPeer) -> Iterator[Hub]:
    made = Hub(bank)
    yield made
    made.http.close()
