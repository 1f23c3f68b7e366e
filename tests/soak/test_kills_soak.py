"""The long figures of A-01: `HUB_TEST_KILLS` kills of a sync (200 if not set) on each store, in fresh worlds."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from lab import seed_of

from hub.testing.peers.onec import OneCPeer

KILLS = int(os.environ.get("HUB_TEST_KILLS", "200"))
ROUND = 50

_spec = importlib.util.spec_from_file_location("fast_kills", Path(__file__).parents[1] / "faults" / "test_kills.py")
assert _spec is not None
assert _spec.loader is not None
fast_kills = importlib.util.module_from_spec(_spec)
sys.modules["fast_kills"] = fast_kills
_spec.loader.exec_module(fast_kills)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_sync_survives_many_kills(tmp_path: Path, store_url: str, request: pytest.FixtureRequest) -> None:
    seed = seed_of(request.config)
    kills = 0
    for number in range(-(-KILLS // ROUND)):
        peer = OneCPeer()
        peer.start()
        try:
            url = store_url if not number else _another(store_url, tmp_path, number)
            wanted = min(ROUND, KILLS - kills)
            kills += fast_kills.storm(tmp_path / str(number), url, peer, seed + number, wanted, rounds=3).kills
        finally:
            peer.stop()
    assert kills == KILLS
    print(f"{kills} kills from seed {seed}, nothing lost and nothing doubled")


def _another(store_url: str, folder: Path, number: int) -> str:
    """Return the address of one more empty store of the same kind."""
    if store_url.startswith("sqlite"):
        return f"sqlite:///{folder / f'more{number}.db'}"
    import psycopg

    name = f"more_{os.getpid()}_{number}"
    head, _, options = store_url.partition("?")
    with psycopg.connect(store_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")
