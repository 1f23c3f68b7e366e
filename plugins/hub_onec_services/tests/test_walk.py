"""Walks that stay right while rows come, change their place and go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import Unavailable
from hub_onec_services.walk import Row, walk


class Source:
    """Rows in an order, and what happens to them after each question."""

    def __init__(self, keys, size, mode, happenings=()):
        self.keys = list(keys)
        self.size = size
        self.mode = mode
        self.happenings = list(happenings)
        self.asked = self.added = 0
        self.ever_gone = set()
        self.writes = {}

    def __call__(self, position):
        begin = position * self.size if self.mode == "page" else position
        found = [Row(key, f"{key} {self.writes.get(key, 0)}".encode()) for key in self.keys[begin : begin + self.size]]
        self.asked += 1
        if self.happenings:
            for what, place in self.happenings.pop(0):
                self.happen(what, place)
        return found

    def happen(self, what, place):
        if what == "add":
            self.added += 1
            self.keys.append(f"new {self.added}")
        elif self.keys:
            key = self.keys.pop(place % len(self.keys))
            if what == "move":  # written, and so the last one now
                self.keys.append(key)
                self.writes[key] = self.asked
            else:
                self.ever_gone.add(key)


def read(source, **place):
    return [row.key for page in walk(source, source.mode, **place) for row in page.rows]


KEYS = [f"k{number}" for number in range(23)]


@pytest.mark.parametrize("mode", ["offset", "page"])
@given(
    count=st.integers(0, 23),
    size=st.integers(2, 6),
    happenings=st.lists(st.tuples(st.sampled_from(["add", "move", "gone"]), st.integers(0, 30)), max_size=8),
    at_once=st.integers(1, 4),
)
def test_nothing_is_missed_that_was_there_all_the_time(mode, count, size, happenings, at_once):
    """F-21, F-22."""
    together = [happenings[it : it + at_once] for it in range(0, len(happenings), at_once)]
    source = Source(KEYS[:count], size, mode, together)
    try:
        found = set(read(source))
    except Unavailable:
        return
    moved = set(KEYS[:count]) & set(source.keys)

    assert moved <= found
    assert found <= set(KEYS[:count]) | set(source.keys) | source.ever_gone


@pytest.mark.parametrize("mode", ["offset", "page"])
@given(count=st.integers(0, 23), size=st.integers(2, 6), stop=st.integers(1, 9))
def test_a_walk_goes_on_where_it_was_left(mode, count, size, stop):
    pages = []
    for page in walk(Source(KEYS[:count], size, mode), mode):
        pages.append(page)
        if len(pages) == stop:
            break
    seen = [row.key for page in pages for row in page.rows]
    rest = (
        []
        if pages[-1].is_last
        else read(Source(KEYS[:count], size, mode), offset=pages[-1].offset, last=pages[-1].last)
    )

    assert seen + rest == KEYS[:count]


@pytest.mark.parametrize("mode", ["offset", "page"])
def test_a_walk_whose_place_is_gone_begins_anew(mode):
    source = Source(KEYS, 5, mode)

    assert read(source, offset={"offset": 10, "page": 2}[mode], last="somewhere else") == KEYS


@pytest.mark.parametrize("mode", ["offset", "page"])
def test_rows_in_no_order_are_an_error_and_no_endless_walk(mode):
    """F-22."""
    source = Source(KEYS, 5, mode, [[("move", 0)]] * 10_000)

    with pytest.raises(Unavailable, match="fixed order"):
        read(source)
    assert source.asked < 100


def test_a_service_that_repeats_its_last_page_is_read_to_its_end():
    """F-21."""
    source = Source(KEYS[:10], 5, "page")

    assert [row.key for page in walk(lambda number: source(min(number, 1)), "page") for row in page.rows] == KEYS[:10]


def test_one_answer_is_the_whole():
    source = Source(KEYS, 100, "whole")

    assert read(source) == KEYS
    assert source.asked == 1
