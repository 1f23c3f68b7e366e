"""Pages from a key on: nothing is lost or repeated while rows come and go, and a server that cannot is noticed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from hub.api import Unavailable
from hub.testing.peers.onec import Infobase, OneCServer, many_counterparties
from hub.testing.peers.onec.samples import counterparty
from hub_onec.walk import Asks, Disordered, Walk

CLIENTS = "Catalog_Контрагенты"


class Item(Struct, frozen=True):
    key: str


class Table:
    """A sorted set of keys that may change before each request; remembers how it was asked."""

    def __init__(self, keys: list[str], between: Callable[[int], None] = lambda number: None) -> None:
        self.keys = sorted(keys)
        self.asked: list[str] = []
        self.between = between
        self.compare: Callable[[str], str] | None = None

    def _ask(self, how: str) -> None:
        self.between(len(self.asked))
        self.asked.append(how)

    def page(self, skip: int, size: int) -> list[Item]:
        self._ask("skip" if skip else "first")
        return [Item(key) for key in self.keys[skip : skip + size]]

    def from_key(self, key: str, size: int) -> list[Item]:
        self._ask("key")
        if self.compare:  # compares otherwise than it sorts
            return [Item(it) for it in self.keys if self.compare(it) >= self.compare(key)][:size]
        return [Item(it) for it in self.keys[bisect_left(self.keys, key) :][:size]]

    def walk(self, *, top: int = 4, **resumed: Any) -> Walk[Item]:
        has = lambda key: key in self.keys  # noqa: E731
        return Walk("X", Asks(self.page, lambda: len(self.keys), self.from_key, has), top=top, **resumed)


def names(count: int) -> list[str]:
    return [f"{number:03d}" for number in range(count)]


def keys_of(walk: Walk[Item]) -> list[str]:
    return [row.key for page in walk.pages() for row in page.rows]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 7, 8, 40])
def test_quiet_set_is_met_once_and_whole_without_skip(count: int) -> None:
    table = Table(names(count))
    walk = table.walk()
    assert keys_of(walk) == names(count)
    assert walk.is_whole
    assert walk.is_by_key
    assert "skip" not in table.asked


@given(
    start=st.sets(st.integers(0, 999), max_size=40),
    moves=st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 999)), max_size=30),
)
def test_what_stays_is_met_whatever_moves(start: set[int], moves: list[tuple[int, bool, int]]) -> None:
    """F-22."""
    stays = {f"{number:03d}" for number in start}

    def between(request: int) -> None:
        for when, adds, which in moves:
            key = f"{which:03d}"
            if when == request and adds and key not in table.keys:
                table.keys = sorted([*table.keys, key])
            elif when == request and not adds and key in table.keys:
                table.keys.remove(key)
                stays.discard(key)

    table = Table([f"{number:03d}" for number in start], between)
    met = keys_of(table.walk())
    assert stays <= set(met)
    assert len(met) == len(set(met))  # and nothing came twice


def test_mass_deletion_behind_does_not_disturb() -> None:
    def between(request: int) -> None:
        if request == 8:
            del table.keys[:24]

    table = Table(names(60), between)
    assert keys_of(table.walk()) == names(60)


def test_row_on_which_the_page_ended_may_vanish() -> None:
    table = Table(names(20), lambda request: table.keys.remove("003") if request == 1 else None)
    assert keys_of(table.walk()) == names(20)
    assert "skip" not in table.asked


def test_insertion_behind_proves_nothing() -> None:
    table = Table(names(20), lambda request: table.keys.insert(0, "000a") if request == 2 else None)
    walk = table.walk()
    assert keys_of(walk) == names(20)
    assert not walk.is_whole


@pytest.mark.parametrize("compare", [lambda key: str(hash(key)), lambda key: "" if key < "040" else key, lambda _: ""])
def test_server_that_compares_otherwise_than_it_sorts_is_read_by_number(compare: Callable[[str], str]) -> None:
    table = Table(names(200))
    table.compare = compare
    walk = table.walk(top=32)
    assert keys_of(walk) == names(200)
    assert walk.is_whole
    assert not walk.is_by_key


def test_server_that_refuses_the_question_is_asked_once() -> None:
    table = Table(names(30))

    def refuse(key: str, size: int) -> list[Item]:
        table.asked.append("refused")
        raise Disordered("4")

    walk = Walk("X", Asks(table.page, lambda: 30, refuse), top=4)
    assert keys_of(walk) == names(30)
    assert table.asked.count("refused") == 1


def test_walk_goes_on_from_its_key() -> None:
    table = Table(names(30))
    walk = table.walk(position=18, after="017")
    assert keys_of(walk) == names(30)[18:]
    assert set(table.asked) == {"key"}


def test_walk_goes_on_although_everything_behind_and_its_key_are_gone() -> None:
    table = Table(names(30)[18:])
    assert keys_of(table.walk(position=18, after="017")) == names(30)[18:]


def test_resumed_walk_that_cannot_ask_by_key_goes_one_page_back() -> None:
    table = Table(names(30))
    asks = Asks(table.page, lambda: 30)
    assert keys_of(Walk("X", asks, top=4, position=18, after="017")) == names(30)[14:]


def test_resumed_walk_that_is_refused_goes_one_page_back() -> None:
    table = Table(names(30))
    table.compare = lambda _: ""
    assert keys_of(table.walk(position=18, after="017")) == names(30)[14:]


def test_list_that_stays_short_is_not_whole_and_not_endless() -> None:
    rows = [Item(f"{number}") for number in range(3)]
    walk = Walk("X", Asks(lambda skip, size: rows[skip : skip + size], lambda: 9, lambda key, size: rows[-1:]), top=4)
    assert len(keys_of(walk)) == 3
    assert not walk.is_whole


def test_page_with_a_row_twice_is_an_error() -> None:
    rows = [Item("1"), Item("2"), Item("2"), Item("3")]
    with pytest.raises(Unavailable, match="twice"):
        keys_of(Walk("X", Asks(lambda skip, size: rows, lambda: 9, lambda key, size: rows), top=4))


# Against the stand-in


@pytest.fixture(params=["", "stored", "text"])
def base(server: OneCServer, request: pytest.FixtureRequest) -> Infobase:
    server.base.reference_order = request.param
    return server.base


def test_load_and_scan_are_whole_however_references_compare(hub: Any, base: Infobase, server: OneCServer) -> None:
    hub.settings["page"] = "24"
    keys = {base.add(CLIENTS, **counterparty(number)) for number in range(100)}
    assert hub.sync("counterparties")[-1].complete
    assert hub.sync("counterparties")[-1].complete
    assert hub.ids("counterparties") == keys
    is_by_key = base.reference_order == "stored"
    assert is_by_key is (not any("$skip=23" in request for request in server.requests))
    assert hub.cursors["counterparties"].get("paging", "") == ("" if is_by_key else "skip")


def test_refusal_is_remembered(hub: Any, base: Infobase, server: OneCServer) -> None:
    hub.settings["page"] = "24"
    for number in range(100):
        base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    server.requests.clear()
    hub.sync("counterparties")
    asked = [request for request in server.requests if "Ref_Key%20ge" in request]
    assert bool(asked) is (base.reference_order == "stored")


def test_refused_question_takes_no_second_session(hub: Any, base: Infobase, server: OneCServer) -> None:
    server.has_sessions = True
    for number in range(20):
        base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    assert len(server.sessions) == 1


def test_never_two_requests_at_once(hub: Any, base: Infobase, server: OneCServer) -> None:
    many_counterparties(base, 60)
    hub.sync("counterparties")
    assert server.busiest == 1


@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_load_goes_on_at_its_share_while_rows_come_and_go(hub: Any, base: Infobase, share: float) -> None:
    hub.settings["page"] = "10"
    for number in range(200):
        base.add(CLIENTS, **counterparty(number))
    order = [row.key for row in base.sets[CLIENTS].sorted()]
    list(islice(hub.batches("counterparties"), int(22 * share)))
    have = len(hub.ids("counterparties"))
    assert have == pytest.approx(200 * share, abs=12)
    for key in order[:have:4]:  # behind us
        base.remove(CLIENTS, key)
    added = base.add(CLIENTS, **counterparty(999))
    batches = hub.sync("counterparties")
    brought = sum(len(batch.records) for batch in batches)
    if base.reference_order == "stored":
        assert brought in (200 - have, 200 - have + 1)  # exactly the rest, and the new one if it lies there
        assert set(order[have:]) <= hub.ids("counterparties")
    hub.sync("counterparties")
    assert hub.ids("counterparties") == (set(order) - set(order[:have:4])) | {added}


def test_load_interrupted_at_sixty_percent_reads_forty(hub: Any, server: OneCServer) -> None:
    base = server.base
    base.reference_order = "stored"
    hub.settings["page"] = "100"
    many_counterparties(base, 2000)
    list(islice(hub.batches("counterparties"), 13))
    have = len(hub.ids("counterparties"))
    assert have == 1204
    server.requests.clear()
    assert sum(len(batch.records) for batch in hub.sync("counterparties")) == 2000 - have
    assert len([request for request in server.requests if "$top" in request]) == 9
    assert len(hub.ids("counterparties")) == 2000


def test_doubt_after_rows_that_were_not_met_makes_the_next_walk_go_by_number(hub: Any, server: OneCServer) -> None:
    base = server.base
    base.reference_order = "stored"
    for number in range(12):
        base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    first = base.sets[CLIENTS].sorted()[0].key
    for number, _ in enumerate(hub.batches("counterparties")):
        if number == 1:
            base.add(CLIENTS, Ref_Key=f"00000000-0000-4000-8000-{first[24:]}", **counterparty(99))
    assert hub.cursors["counterparties"]["paging"] == "doubt"
    server.requests.clear()
    assert hub.sync("counterparties")[-1].complete
    assert len(hub.ids("counterparties")) == 13
    assert not any("Ref_Key%20ge" in request for request in server.requests)
    hub.sync("counterparties")
    assert any("Ref_Key%20ge" in request for request in server.requests)
