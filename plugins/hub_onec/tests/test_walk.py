"""A walk loses nothing, whatever is added and deleted meanwhile, and ends, whatever the server does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from hub.api import Unavailable
from hub_onec.walk import Asks, Walk


class Item(Struct, frozen=True):
    key: str


def walk_over(
    rows: list[str], *, top: int = 4, between: Callable[[int], None] = lambda number: None, position: int = 0
) -> Walk[Item]:
    """Return a walk over a list that may change before each request."""
    asked = iter(range(10_000))

    def fetch(skip: int, size: int) -> list[Item]:
        between(next(asked))
        return [Item(key) for key in rows[skip : skip + size]]

    return Walk("Catalog_X", Asks(fetch, lambda: len(rows)), top=top, position=position)


def keys_of(walk: Walk[Item]) -> list[str]:
    return [row.key for page in walk.pages() for row in page.rows]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 7, 8, 40])
def test_quiet_set_is_met_once_and_whole(count: int) -> None:
    rows = [f"{number:03d}" for number in range(count)]
    walk = walk_over(rows)
    assert keys_of(walk) == rows
    assert walk.is_whole


def test_deletion_behind_us_does_not_make_us_jump_over_a_row() -> None:
    rows = [f"{number:03d}" for number in range(20)]
    walk = walk_over(rows, between=lambda number: rows.remove("001") if number == 2 else None)
    assert set(keys_of(walk)) == {f"{number:03d}" for number in range(20)}
    assert not walk.is_whole


def test_insertion_behind_us_repeats_nothing_and_proves_nothing() -> None:
    rows = [f"{number:03d}" for number in range(20)]
    walk = walk_over(rows, between=lambda number: rows.insert(0, "000a") if number == 2 else None)
    assert keys_of(walk) == [f"{number:03d}" for number in range(20)]
    assert not walk.is_whole


@given(
    start=st.sets(st.integers(0, 999), max_size=40),
    moves=st.lists(st.tuples(st.integers(0, 15), st.booleans(), st.integers(0, 999)), max_size=8),
)
def test_what_stays_is_met(start: set[int], moves: list[tuple[int, bool, int]]) -> None:
    """F-22."""
    rows = sorted(f"{number:03d}" for number in start)
    stays = set(rows)

    def between(number: int) -> None:
        for when, adds, which in moves:
            key = f"{which:03d}"
            if when == number and adds and key not in rows:
                rows.append(key)
                rows.sort()
            elif when == number and not adds and key in rows:
                rows.remove(key)
                stays.discard(key)

    walk = walk_over(rows, between=between)
    try:
        met = keys_of(walk)
    except Unavailable:
        return  # too much at once is said, and read again later
    assert stays <= set(met)


def test_page_that_repeats_is_an_error_and_not_a_loop() -> None:
    """F-21."""
    first = [Item(f"{number}") for number in range(4)]
    asked: list[int] = []

    def fetch(skip: int, size: int) -> list[Item]:
        asked.append(skip)
        return first

    with pytest.raises(Unavailable, match=r"again and again|do not|order"):
        keys_of(Walk("Catalog_X", Asks(fetch, lambda: 100), top=4))
    assert len(asked) <= 4


def test_page_empty_in_the_middle_is_asked_again() -> None:
    """F-21."""
    rows = [f"{number:03d}" for number in range(12)]
    hiccup = iter([False, True])

    def fetch(skip: int, size: int) -> list[Item]:
        return [] if next(hiccup, False) else [Item(key) for key in rows[skip : skip + size]]

    walk = Walk("Catalog_X", Asks(fetch, lambda: len(rows)), top=4)
    assert keys_of(walk) == rows


def test_list_that_stays_short_is_never_taken_for_whole() -> None:
    rows = [Item(f"{number}") for number in range(3)]
    with pytest.raises(Unavailable, match="only 3 of 9"):
        keys_of(Walk("Catalog_X", Asks(lambda skip, size: rows[skip : skip + size], lambda: 9), top=4))


def test_unordered_server_is_noticed() -> None:
    """F-22."""
    rows = [f"{number:03d}" for number in range(40)]

    def between(number: int) -> None:
        rows.reverse()

    with pytest.raises(Unavailable):
        keys_of(walk_over(rows, between=between))


def test_mass_deletion_while_reading_is_said() -> None:
    """F-24."""
    rows = [f"{number:03d}" for number in range(60)]

    def between(number: int) -> None:
        if number == 8:
            del rows[:24]

    with pytest.raises(Unavailable, match="faster than they can be read"):
        keys_of(walk_over(rows, between=between))


def test_server_that_does_not_count_proves_nothing() -> None:
    walk = Walk("Catalog_X", Asks(lambda skip, size: [Item("1")][skip:], lambda: None), top=4)
    assert keys_of(walk) == ["1"]
    assert not walk.is_whole
