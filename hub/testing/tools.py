"""What a connector gets in a test: the tools of the hub itself, with a clock that never waits and blobs in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from hub.tools import ConnectionTools, HttpxClient

__all__ = ["ConnectionTools", "HttpxClient", "LeapingClock", "MemoryBlobs", "connection_tools"]


class MemoryBlobs:
    """Files by content, in memory."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        """Keep the bytes and return their SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        self._contents[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of that digest."""
        return self._contents[digest]


class LeapingClock:
    """The real time, except that a sleep leaps over the wait."""

    def __init__(self) -> None:
        self._leapt = timedelta()

    def now(self) -> datetime:
        """Return the time, later by all sleeps."""
        return datetime.now(UTC) + self._leapt

    def sleep(self, duration: timedelta) -> None:
        """Let the time pass at once."""
        self._leapt += duration


def _everything(_stream: str, versions: Mapping[str, str]) -> set[str]:
    return set(versions)


@contextmanager
def connection_tools(
    connection: str = "test", *, stale: Callable[[str, Mapping[str, str]], set[str]] = _everything
) -> Iterator[ConnectionTools]:
    """Give the tools of a connection of an empty hub; `stale` says which records it lacks, all if it is left out."""
    clock = LeapingClock()
    with closing(HttpxClient(clock)) as http:
        yield ConnectionTools(connection, http=http, blobs=MemoryBlobs(), clock=clock, stale=stale)
