"""Where a sync goes on: cursors, limits, dry runs, lost leases; and what can be stored at all."""

from __future__ import annotations

import string
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from inside import Source, dump, one, rows, run, sizes
from lab import item, record, said
from sqlalchemy import text

from hub.engine import jobs
from hub.model.connector import Batch
from hub.model.errors import HubError, Unavailable
from hub.store.database import Store
from hub.store.tables import STATE
from hub.sync import LARGE


def clients(*numbers: int, note: str = "") -> list[dict[str, Any]]:
    return [item("client", f"c{number}", name=f"Ромашка {number}", note=note) for number in numbers]


# Where to go on


def test_unreadable_cursor_means_from_the_start(store: Store) -> None:
    """F-23."""
    source = Source()
    for broken in ("{", "[]", "7", '"x"', "null", ""):
        run(store, source, clients(1), cursor={"at": 1})
        with store.write() as connection:
            connection.execute(text("UPDATE stream SET cursor = :it"), {"it": broken})
        run(store, source, clients(1), cursor={"at": 2})
        assert source.asked[-1] is None, broken
    run(store, source, clients(1))
    assert source.asked[-1] == {"at": 2}


def test_full_reads_from_the_start_and_stores_nothing_new(store: Store) -> None:
    source = Source()
    run(store, source, clients(1), cursor={"at": 1})
    before = dump(store)
    run(store, source, clients(1), cursor={"at": 1}, full=True)

    assert source.asked == [None, None]
    assert dump(store) == before


@pytest.mark.parametrize(
    "cursor",
    [{"at": "x" * 5000}, {"at": object()}, {"at": "\ud800"}, ["list"], "text"],
    ids=["big", "object", "surrogate", "list", "text"],
)
def test_cursor_that_cannot_be_kept_is_an_error_and_stores_nothing(store: Store, cursor: Any) -> None:
    source = Source()
    with pytest.raises(HubError, match="cursor"):
        run(store, source, clients(1), cursor=cursor)

    assert rows(store, "record") == []


def test_failure_in_the_middle_keeps_what_was_stored_with_its_cursor(store: Store) -> None:
    def breaks(_cursor: object) -> Iterable[Batch]:
        yield Batch([record(it) for it in clients(1)], cursor={"at": 1})
        yield Batch([record(it) for it in clients(2)], cursor={"at": 2})
        raise Unavailable("the line broke.")

    source = Source()
    source.batches = breaks
    with pytest.raises(Unavailable):
        run(store, source)

    stored = len(rows(store, "client"))
    assert one(store, "stream").cursor == f'{{"at":{stored}}}'
    assert one(store, "run").error == "the line broke."


@pytest.mark.parametrize(("pages", "stored"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)])
def test_large_pages_that_share_a_transaction_lose_nothing_when_the_line_breaks(
    store: Store, pages: int, stored: int
) -> None:
    def breaks(_cursor: object) -> Iterable[Batch]:
        for page in range(1, pages + 1):
            numbers = range(
                (page - 1) * LARGE - (page > 1), page * LARGE
            )  # each begins with the last of the one before
            yield Batch([record(it) for it in clients(*numbers)], cursor={"at": page})
        raise Unavailable("the line broke.")

    source = Source()
    source.batches = breaks
    with pytest.raises(Unavailable):
        run(store, source)

    assert len(rows(store, "client")) == stored * LARGE
    assert one(store, "stream").cursor == f'{{"at":{stored}}}'


def test_large_pages_are_stored_in_pairs(store: Store) -> None:
    made = [
        Batch([record(it) for it in clients(*range(at, at + LARGE))], cursor={"at": at})
        for at in range(0, 5 * LARGE, LARGE)
    ]
    cursors: list[object] = []
    source = Source()
    source.batches = lambda _cursor: made
    run(
        store,
        source,
        progress=lambda _counts, _expected: cursors.append(msgspec.json.decode(one(store, "stream").cursor)["at"]),
    )

    assert cursors == [LARGE, 3 * LARGE, 4 * LARGE]


def test_limit_never_moves_the_cursor_past_what_was_stored(store: Store) -> None:
    source = Source()
    made = [Batch([record(it) for it in clients(*part)], cursor={"at": part[-1]}) for part in ((1, 2, 3), (4, 5, 6))]
    source.batches = lambda _cursor: made
    counts = run(store, source, limit=5)

    assert counts.read == len(rows(store, "client")) == 5
    stream = one(store, "stream")
    assert (stream.cursor, stream.completed_at) == ('{"at":3}', None)
    run(store, source, limit=6)
    assert one(store, "stream").cursor == '{"at":6}'


def test_limit_marks_nothing_gone(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(1, 2, 3))

    assert run(store, source, limit=1).deleted == 0


def test_dry_run_shows_and_writes_nothing(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(*range(5)))
    before, counted = dump(store), sizes(store, without=())
    shown: list[Any] = []
    source.says([*clients(0), *clients(1, note="neu"), *clients(9), {"id": "x", "payload": {"act": "bad"}}])
    counts = run(store, source, dry_run=True, report=shown.append)

    assert (counts.new, counts.changed, counts.unchanged, counts.deleted, counts.bad) == (1, 1, 1, 3, 1)
    assert sorted((it.verb, it.external_id) for it in shown) == [
        ("bad", "x"), ("changed", "c1"), ("deleted", "c2"), ("deleted", "c3"), ("deleted", "c4"), ("new", "c9"),
    ]  # fmt: skip
    assert dump(store) == before
    assert sizes(store, without=()) == counted


def test_dry_run_of_what_was_never_read_writes_nothing(store: Store) -> None:
    counted = sizes(store, without=())
    assert run(store, Source(), clients(1, 2), dry_run=True).new == 2
    assert sizes(store, without=()) == counted


def test_connection_that_leads_elsewhere_is_refused(store: Store) -> None:
    """F-30: no data of one base under another's name."""
    source = Source()
    run(store, source, clients(1), fingerprint="one")
    with pytest.raises(HubError, match="another system"):
        run(store, source, clients(2), fingerprint="two")

    assert len(rows(store, "client")) == 1
    run(store, source, clients(1), fingerprint="one")


def test_frozen_run_that_lost_its_lease_stores_nothing(store: Store) -> None:
    """F-08: it wakes after another took over; its batch, its cursor and its counts are refused."""
    lease = jobs.take(store, "sync", {}, "sync/desk", "first")

    def freezes(_cursor: object) -> Iterable[Batch]:
        yield Batch([record(it) for it in clients(1)], cursor={"at": 1})
        with store.write() as connection:
            connection.execute(text("UPDATE job SET lease_until = '2020-01-01T00:00:00.000000+00:00'"))
        jobs.take(store, "sync", {}, "sync/desk", "second")
        yield Batch([record(it) for it in clients(2)], cursor={"at": 2})

    source = Source()
    source.batches = freezes
    with pytest.raises(jobs.LeaseLost):
        run(store, source, hold=lambda connection, now: jobs.hold(connection, lease, now))

    assert {row.external_id for row in rows(store, "client")} <= {"c1"}
    assert one(store, "stream").cursor in (None, '{"at":1}')


def test_every_kind_can_be_stored(store: Store) -> None:
    letters = {"subject": "Тема", "number": "1", "name": "Имя", "ticket": {"kind": "ticket", "external_id": "1"}}
    from hub.model.entities import ENTITIES

    needed = {kind: {field.name: letters[field.name] for field in msgspec.structs.fields(entity) if field.required}
              for kind, entity in ENTITIES.items()}  # fmt: skip
    kinds = [kind for kind in STATE if kind not in ("comment", "employee")]
    counts = run(store, Source(), [item(kind, "1", **needed[kind]) for kind in kinds][:1])
    for kind in kinds:
        run(store, Source(name=kind), [{"id": kind, "payload": {"events": [said(kind, "1", **needed[kind])]}}])

    assert counts.new == 1
    assert all(len(rows(store, kind)) == 1 for kind in kinds)


def test_text_comes_back_as_it_was(store: Store) -> None:
    """B-14."""
    signs = [*string.punctuation, "\t", "\r", "\x1b", "\x7f", "\x85", "🙂", "\u202e", "\u2028", "\ufffe"]
    run(store, Source(), [item("client", f"1{sign}", name=f"a{sign}б{sign}{sign}", note=f"\n{sign}") for sign in signs])

    assert {row.external_id: (row.name, row.note) for row in rows(store, "client")} == {
        f"1{sign}": (f"a{sign}б{sign}{sign}", f"\n{sign}") for sign in signs
    }
    assert {row.external_id for row in rows(store, "record")} == {f"1{sign}" for sign in signs}
