"""B-14, B-27: a word that is far too long parks its record and nothing else, on either store."""

from __future__ import annotations

import pytest
from inside import Source, rows, run
from lab import item

from hub.store.database import Store

NOISE = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(10_000))


@pytest.mark.parametrize(("kind", "field"), [("client", "manager"), ("client", "type"), ("call", "number")])
def test_long_word_parks_its_record(store: Store, kind: str, field: str) -> None:
    named = {"name": "x"} if kind == "client" else {}
    counts = run(store, Source(), [item(kind, "long", **named, **{field: NOISE}), item("client", "c", name="y")])
    assert (counts.new, counts.bad) == (1, 1)
    assert f"{field} of" in next(row.problem for row in rows(store, "record") if row.external_id == "long")


@pytest.mark.parametrize(("kind", "field"), [("client", "manager"), ("call", "number")])
def test_longest_word_fits(store: Store, kind: str, field: str) -> None:
    named = {"name": "x"} if kind == "client" else {}
    assert run(store, Source(), [item(kind, "a", **named, **{field: NOISE[:600]})]).new == 1
