"""The long figures of A-01: `HUB_TEST_KILLS` kills of each stage on each store, else those of the table."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Forks
from lab import seed_of
from stages import STAGES, Ground

GIVEN = os.environ.get("HUB_TEST_KILLS")
FULL = {"read": 1000}
OTHERS = 200
ROUND = 50
"""So many kills for one pair of stores; then both begin anew, so that they stay small."""


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("stage", STAGES)
def test_stage_survives_many_kills(
    stage: str, forks: Forks, empty_stores: Callable[[], Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A-01; the outbox has its figures in A-04, beside its other tests."""
    if stage == "backup" and "postgresql" in request.node.name:
        pytest.skip("PostgreSQL is backed up by pg_dump")
    seed, wanted = seed_of(request.config), int(GIVEN or FULL.get(stage, OTHERS))
    kills = uniform = 0
    while kills < wanted:
        folder = tmp_path / str(kills)
        folder.mkdir()
        ground = Ground(forks, folder, empty_stores, seed + kills)
        done = STAGES[stage](ground, min(ROUND, wanted - kills))
        kills += done.kills
        uniform += done.uniform
    print(f"{request.node.name}: {kills} kills, {uniform} at uniform times, from seed {seed}; nothing lost or doubled")
