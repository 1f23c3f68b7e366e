from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from hub.api import Batch, Record
from hub.tools import HttpxClient
from hub_exchange.connector import Exchange
from hub_exchange.settings import ExchangeSettings

from .peer import StrictPeer


class FixedClock:
    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, duration: timedelta) -> None:
        raise AssertionError("the connector has no reason to sleep")


class MemoryBlobs:
    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        return self.contents[digest]


class ExchangeTools:
    connection = "office"
    log = logging.getLogger("hub.connection.office")

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.blobs = MemoryBlobs()
        self.http = HttpxClient(self.clock)
        self.kept: dict[str, str] = {}

    def keep(self, records: list[Record]) -> None:
        """Store records, as the hub does it."""
        self.kept.update({record.external_id: record.version for record in records})

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        return {name for name, version in versions.items() if not version or self.kept.get(name) != version}


@pytest.fixture
def tools() -> Iterator[ExchangeTools]:
    tools = ExchangeTools()
    yield tools
    tools.http.close()


@pytest.fixture
def peer() -> Iterator[StrictPeer]:
    peer = StrictPeer()
    peer.start()
    yield peer
    peer.fault(None)
    peer.stop()


@pytest.fixture
def server(peer):
    return peer.server


@pytest.fixture
def connect(peer: StrictPeer, tools: ExchangeTools) -> Callable[..., Exchange]:
    """Make the connector on the peer, with some settings changed."""

    def made(**changed: str) -> Exchange:
        return Exchange(ExchangeSettings.model_validate({**peer.settings(), **changed}), tools)

    return made


class Read:
    """What one read brought."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches
        self.records: list[Record] = [record for batch in batches for record in batch.records]
        self.cursor = next((batch.cursor for batch in reversed(batches) if batch.cursor), None)

    @property
    def ids(self) -> list[str]:
        return [record.external_id for record in self.records]


@pytest.fixture
def read(connect: Callable[..., Exchange]) -> Callable[..., Read]:
    """Read a stream from a cursor to its end."""

    def done(cursor=None, stream: str = "Inbox", **settings: str) -> Read:
        connector = connect(**{"folders": stream, **settings})
        return Read(list(connector.read(connector.streams()[0], cursor)))

    return done


@pytest.fixture
def message(connect):
    """Return the data of the event of a record."""

    def done(record: Record):
        (event,) = connect().normalise(record)
        return event.data

    return done
