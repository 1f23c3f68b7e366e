"""A-05, F-14, F-15, F-16, F-17: each trouble of a line before each connector that reads over a network.

What a connector read over the bad line is either an error or everything, never less in silence and never a deletion;
after the line was mended the store equals one that was read in peace. Connectors that read files (CDR of Asterisk, bank
statements, lists of 1C) have no line; their peers cut and damage the files themselves. A silence that never ends is
told in the tests of each connector, since its limit is the connector's.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from inside import dump
from lab import difference, seed_of
from line import BREAKING, HINDERING, Line

from hub.model.errors import HubError
from hub.plugins import Plugins, build
from hub.projection import Sources
from hub.store.database import Store
from hub.sync import Run, stale
from hub.testing.peers import graph
from hub.testing.tools import connection_tools

KINDS = ("exchange", "graph", "imap", "onec", "onec_services", "redmine")
FILES = ("asterisk", "bank", "onec_tables")
TROUBLES = (*BREAKING, *HINDERING)
MANY = {"onec": 70, "onec_services": 70, "redmine": 30, "exchange": 6, "graph": 6, "imap": 6}
FEW = 3
TRIES = 4
EVER = 10**6
Wrap = Callable[[Any], Any]


class Place:
    """A peer with something in it, the line to it, and what a store says that was read over the line in peace."""

    def __init__(self, kind: str, folder: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        known = {entry.name: entry for entry in entry_points(group="hub.peers")}
        self.kind, self.folder, self._made = kind, folder, made
        self.peer = known[kind].load()()
        self.peer.start()
        for number, stream in enumerate(self.peer.streams):
            self.peer.add(stream, FEW if number else MANY[kind])
        given = dict(self.peer.settings())
        address = next(given[it] for it in ("url", "endpoint", "port") if it in given)
        port = address.partition("127.0.0.1:")[2].partition("/")[0] or address
        self.line = Line(int(port))
        if kind == "graph":  # its answers tell where to go on
            monkeypatch.setattr(graph.GraphPeer, "url", property(lambda _: f"http://127.0.0.1:{self.line.port}"))
        self._spec = Plugins().spec(kind)
        here = {"port": str(self.line.port)} if "port" in given else {}
        there = {"zone": "Asia/Krasnoyarsk", "area_code": "391"}
        self._settings = self._spec.settings.model_validate(
            {name: it for name, it in there.items() if name in self._spec.settings.model_fields}
            | {name: it.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.line.port}") for name, it in given.items()}
            | here
        )
        store = self.store()
        assert not self.read(store)
        self.exchanges = self.line.exchanges
        self.whole = self.told(store)
        store.close()

    def store(self) -> Store:
        """Return a new empty store."""
        path = self.folder / "hub.db"
        shutil.copy(self._made, path)
        return Store(f"sqlite:///{path}", synchronous="normal").open()

    @staticmethod
    def told(store: Store) -> list[str]:
        return [line for line in dump(store) if not line.startswith("stream ")]

    def read(self, store: Store, wrap: Wrap = lambda it: it) -> list[str]:
        """Read every stream once, as a run does; return the errors."""
        errors, gone = [], 0
        with connection_tools("other", stale=stale(store, "other")) as tools:
            connector = None
            try:
                connector = wrap(build(self._spec, self._settings, tools))
                for stream in connector.streams():
                    run = Run(store, "other", connector, stream, sources=Sources(("other",)), clock=tools.clock.now)
                    try:
                        run.execute()
                    except HubError as error:
                        errors.append(str(error))
                    gone += run.counts.deleted
            except HubError as error:
                errors.append(str(error))
            finally:
                close = getattr(connector, "close", None)
                if close:
                    close()
        assert gone == 0, "something was marked gone"
        assert not any("the plugin failed" in it or "credentials" in it for it in errors), errors
        return errors

    def close(self) -> None:
        self.line.close()
        self.peer.stop()


def wrongs(place: Place, trouble: str, at: int, *, times: int, share: float, wrap: Wrap = lambda it: it) -> list[str]:
    """Read over a line with that trouble, mend it, read on; return what is not as promised."""
    what = f"{place.kind}: {trouble} at exchange {at} of {place.exchanges}, {times} times, share {share:.3f}"
    store = place.store()
    try:
        place.line.mend()
        place.line.trouble(trouble, at, times=times, share=share)
        errors = place.read(store, wrap)
        found = [] if place.line.done or trouble == "slow_close" else [f"{what}: the trouble was not met"]
        if not errors and place.told(store) != place.whole:
            found.append(f"{what}: less without an error: {difference(place.whole, place.told(store))}")
        if errors and trouble in HINDERING:
            found.append(f"{what}: what is slow only was an error: {errors}")
        place.line.mend()
        for _ in range(TRIES):
            if not place.read(store, wrap):
                break
        if place.told(store) != place.whole:
            found.append(f"{what}: not equal after the line was mended: {difference(place.whole, place.told(store))}")
        return found
    finally:
        store.close()


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, made_store: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    made = Place(request.param, tmp_path, made_store, monkeypatch)
    yield made
    made.close()


def test_each_bundled_connector_is_listed() -> None:
    assert {entry.name for entry in entry_points(group="hub.peers")} == {*KINDS, *FILES}


@pytest.mark.parametrize("place", KINDS, indirect=True)
def test_each_trouble_of_a_line_is_an_error_or_nothing_and_heals(place: Place) -> None:
    """What breaks it, at the first, a middle or the last exchange in turn, once or for ever; and one that hinders."""
    found, number = [], KINDS.index(place.kind)
    for turn, trouble in enumerate((*BREAKING, HINDERING[number % len(HINDERING)]), number):
        at = (1, place.exchanges // 2, place.exchanges)[turn % 3]
        found += wrongs(
            place, trouble, at, times=(1, EVER if trouble in BREAKING else 3)[turn % 2], share=(0.0, 0.4, 0.9)[turn % 3]
        )
    assert found == []


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("place", KINDS, indirect=True)
def test_many_troubles_of_a_line_heal(place: Place, request: pytest.FixtureRequest) -> None:
    """`HUB_TEST_RUNS` for each connector, 500 if it is not set: any trouble at any exchange and byte."""
    seed, runs = seed_of(request.config), int(os.environ.get("HUB_TEST_RUNS", "500"))
    pick, found = random.Random(seed), []
    for run in range(runs):
        trouble = TROUBLES[run % len(TROUBLES)]
        at = pick.choice((1, place.exchanges, pick.randint(1, place.exchanges)))
        found += wrongs(
            place, trouble, at, times=pick.choice((1, 2, EVER if trouble in BREAKING else 3)), share=pick.random()
        )
    assert found == [], f"seed {seed}"
    print(f"{place.kind}: {runs} runs over {place.exchanges} exchanges, from seed {seed}; equal after each")


class Swallowing:
    """A connector that takes a page it did not get for an empty one."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read(self, stream: Any, cursor: Any) -> Iterator[Any]:
        try:
            yield from self._real.read(stream, cursor)
        except HubError:
            return


@pytest.mark.parametrize("place", ["onec"], indirect=True)
def test_connector_that_swallows_a_page_is_noticed(place: Place) -> None:
    """The control of A-05."""
    found = wrongs(place, "limit_data", place.exchanges // 2, times=EVER, share=0.4, wrap=Swallowing)
    assert any("less without an error" in it for it in found)
