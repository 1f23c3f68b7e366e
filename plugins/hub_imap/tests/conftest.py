from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from hub.api import Record
from hub.testing.peers.imap import MailPeer
from hub_imap.connector import Imap
from hub_imap.settings import ImapSettings

NOW = datetime.now(UTC)


class FixedClock:
    def now(self) -> datetime:
        return NOW

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


class MailTools:
    """Tools of a connection that needs no HTTP."""

    connection = "office"
    log = logging.getLogger("test")
    http = None

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.blobs = MemoryBlobs()

    def stale(self, stream: str, versions: Mapping[str, str]) -> set[str]:
        return set(versions)


@pytest.fixture
def tools() -> MailTools:
    return MailTools()


@pytest.fixture
def peer() -> Iterator[MailPeer]:
    peer = MailPeer()
    peer.start()
    yield peer
    peer.fault(None)
    peer.stop()


@pytest.fixture
def connect(peer: MailPeer, tools: MailTools) -> Callable[..., Imap]:
    """Make the connector on the peer, with some settings changed."""

    def made(**changed: str) -> Imap:
        return Imap(ImapSettings.model_validate({**peer.settings(), **changed}), tools)

    return made


@pytest.fixture
def read(connect: Callable[..., Imap]) -> Callable[..., tuple[list[Record], dict]]:
    """Read a stream to its end from a cursor; return the records and the cursor."""

    def done(stream: str = "INBOX", cursor: dict | None = None, **changed: str) -> tuple[list[Record], dict]:
        connector = connect(**changed)
        found = next(it for it in connector.streams() if it.name == stream)
        records: list[Record] = []
        for batch in connector.read(found, cursor):
            records += batch.records
            cursor = batch.cursor
        return records, cursor

    return done
