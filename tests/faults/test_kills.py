# ruff: noqa: E501 tables of cases read better in one line each
"""F-01, F-02, A-01, A-03: a sync that is killed anywhere and started again ends as one that ran through, row for row."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from forks import Forks, QuickOffice
from kills import POINTS, Killer, World, is_sound, storm
from lab import Office, difference, seed_of

from hub.testing.peers.onec import OneCPeer

KILLS = int(os.environ.get("HUB_TEST_KILLS", "10"))
"""So many kills for each store; `HUB_TEST_KILLS=50` gives the number of the release."""


@pytest.fixture
def peer() -> Iterator[OneCPeer]:
    onec = OneCPeer()
    onec.start()
    yield onec
    onec.stop()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    return seed_of(request.config)


def test_killed_sync_ends_as_one_that_ran_through(tmp_path: Path, store_url: str, peer: OneCPeer, seed: int) -> None:
    world = World(tmp_path, seed, peer)
    killer = storm(world, Office(tmp_path / "calm"), Office(tmp_path / "struck", store_url), seed=seed, kills=KILLS)

    assert killer.kills == KILLS
    print(f"{killer.kills} kills, {killer.uniform} of them at uniform times, at points {killer.hit}")
    if store_url.startswith("sqlite"):
        assert is_sound(Path(store_url.removeprefix("sqlite:///")))


@pytest.mark.parametrize("point", POINTS)
def test_every_point_of_a_sync_is_passed_and_survived(forks: Forks, tmp_path: Path, store_url: str, point: str) -> None:
    """A-03: the points exist, each is hit, and what was committed at it holds."""
    world = World(tmp_path, 7, size=12)
    world.turn()
    calm, struck = QuickOffice(forks, tmp_path / "calm"), QuickOffice(forks, tmp_path / "struck", store_url)
    for office in (calm, struck):
        office.ok("init")
        world.connect(office)
    calm.ok("sync")
    for count in (1, 2):
        assert struck.hub("sync", HUB_TEST_STOP=f"{point}:{count}").code == -9
        if not store_url.startswith("sqlite"):
            struck.free_leases()
    struck.ok("sync")

    assert calm.dump() == struck.dump(), difference(calm.dump(), struck.dump())


@pytest.mark.parametrize(("broken", "kind"), [("cursor-first", "lost"), ("batch-first", "added")])
def test_broken_sync_is_noticed(forks: Forks, tmp_path: Path, sqlite_url: str, broken: str, kind: str) -> None:
    """The controls of A-01: without the one transaction the very same comparison fails."""
    world = World(tmp_path, 11, size=12)
    world.turn()
    calm, struck = QuickOffice(forks, tmp_path / "calm"), QuickOffice(forks, tmp_path / "struck", sqlite_url)
    for office in (calm, struck):
        office.ok("init")
        world.connect(office)
    calm.ok("sync")
    killer = Killer(
        struck,
        random.Random(1),
        env={"SABOTAGE": broken},
        points=("commit",),
        most=28,
        only_points=True,
    )
    killer.run("sync", kills=8, span=1.0, tries=60)

    mine, others = set(calm.dump()), set(struck.dump())
    calls = {"lost": mine - others, "added": others - mine}[kind]
    assert any(line.startswith("event call/" if kind == "lost" else "event ") for line in calls)
