"""A-01, F-01, F-02, F-03, F-04, F-06: each stage is killed ten times on each store; nothing is lost or doubled.

The outbox has its own runner in tests/outbox. Each stage has a control: a hub that commits in two steps what belongs
together, which the very same comparison must notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Forks
from lab import seed_of
from stages import BREAKS, STAGES, Ground

KILLS = int(os.environ.get("HUB_TEST_KILLS", "10"))


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "read"])
def test_killed_stage_loses_and_doubles_nothing(
    stage: str, forks: Forks, empty_stores: Callable[[], Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if stage == "backup" and "postgresql" in request.node.name:
        pytest.skip("PostgreSQL is backed up by pg_dump")
    done = STAGES[stage](Ground(forks, tmp_path, empty_stores, seed_of(request.config)), KILLS)

    assert done.kills >= KILLS
    assert done.uniform
    assert sum(done.hit.values())
    print(f"{stage}: {done.kills} kills, {done.uniform} of them at uniform times, at points {done.hit}")


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "read"])
def test_stage_that_commits_in_two_steps_is_noticed(
    stage: str, forks: Forks, empty_stores: Callable[[], Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The controls of A-01."""
    if stage == "backup" and "postgresql" in request.node.name:
        pytest.skip("PostgreSQL is backed up by pg_dump")
    with pytest.raises(AssertionError):
        STAGES[stage](Ground(forks, tmp_path, empty_stores, seed_of(request.config), BREAKS[stage]), 3)
