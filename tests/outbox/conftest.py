"""The counting peer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .counting import CountingPeer


@pytest.fixture
def peer() -> Iterator[CountingPeer]:
    """A system that counts effects."""
    running = CountingPeer()
    yield running
    running.stop()
