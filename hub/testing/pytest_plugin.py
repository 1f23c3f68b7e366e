"""The pytest plugin of the hub: the markers its tests use and a fixed moment, for authors of plugins."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

MARKERS = {
    "peer": "talks to a real server that is installed for the run",
    "soak": "the long figures; left out of an ordinary run",
}


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, so that strict runs of plugins know them."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.fixture
def hub_now() -> datetime:
    """Return a fixed working hour: Tuesday, 12 May 2026, 09:30 in Krasnoyarsk."""
    return datetime(2026, 5, 12, 2, 30, tzinfo=UTC)
