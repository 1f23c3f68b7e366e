# ruff: noqa: E501 tables of cases read better in one line each
"""What a sync writes and what it does not: versions, deletions, snapshots, damaged records, cursors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from inside import NOW, Source, dump, events, one, problems, rows, run, sizes
from lab import gone, item, record, said

from hub.model.connector import Batch, Record
from hub.projection import Sources
from hub.store.database import Store
from hub.sync import replay


def clients(*numbers: int, note: str = "") -> list[dict[str, Any]]:
    return [item("client", f"c{number}", name=f"Ромашка {number}", note=note) for number in numbers]


# What does not change


def test_unchanged_source_writes_nothing(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(*range(20)), clients(*range(20, 30)))
    before, counted = dump(store), sizes(store)
    written = _writes(store)

    counts = run(store, source)

    assert (counts.read, counts.unchanged, counts.new, counts.changed, counts.deleted) == (30, 30, 0, 0, 0)
    assert dump(store) == before
    assert sizes(store) == counted
    assert _writes(store) == written


def _writes(store: Store) -> list[Any]:
    """Return when each row was recorded last, which any write would renew."""
    return [(row.external_id, row.recorded_at, row.version) for row in rows(store, "record")]


def test_version_that_moves_without_content_makes_no_event(store: Store) -> None:
    source = Source()
    first, second = ({**it, "version": version} for it, version in zip(clients(1, 1), "12", strict=True))
    run(store, source, [first])
    counts = run(store, source, [second])

    assert counts.unchanged == 1
    assert events(store, "client/c1") == [(1, "client.observed")]
    assert one(store, "record").version == "2"


def test_new_bytes_of_the_same_meaning_make_no_event(store: Store) -> None:
    source = Source()
    it = clients(1)[0]
    run(store, source, [it])
    counts = run(store, source, [{**it, "payload": {**it["payload"], "noise": 1}}])

    assert (counts.unchanged, counts.changed) == (1, 0)
    assert len(rows(store, "event")) == 1


# What changes


def test_there_and_back_is_three_versions_and_the_first_state(store: Store) -> None:
    source = Source()
    run(store, source, clients(1, note="A"))
    state = one(store, "client")
    run(store, source, clients(1, note="B"))
    assert one(store, "client").note == "B"
    run(store, source, clients(1, note="A"))

    assert events(store, "client/c1") == [(1, "client.observed"), (2, "client.observed"), (3, "client.observed")]
    assert one(store, "client") == state


def test_last_of_two_equal_ids_in_a_batch_wins(store: Store) -> None:
    counts = run(store, Source(), [*clients(1, note="A"), *clients(1, note="B")])

    assert counts.new == 1
    assert one(store, "client").note == "B"
    assert len(rows(store, "event")) == 1


def test_subject_that_a_record_no_longer_speaks_of_is_gone(store: Store) -> None:
    both = {"id": "r", "payload": {"events": [said("client", "a", name="А"), said("client", "b", name="Б")]}}
    source = Source()
    run(store, source, [both])
    run(store, source, [{"id": "r", "payload": {"events": both["payload"]["events"][:1]}}])

    assert {row.external_id: row.deleted for row in rows(store, "client")} == {"a": False, "b": True}


@pytest.mark.parametrize("first", ["ticket/1", ""])
def test_event_of_its_own_id_about_a_known_subject(store: Store, first: str) -> None:
    """An occurrence may have an id of its own; its subject is then shown as it says, whichever came first."""
    ids = (first, "ticket/1/closed") if first else ("ticket/1/opened", "")
    source = Source()
    run(
        store,
        source,
        [{"id": "a", "payload": {"events": [said("ticket", "1", event=ids[0], number="1", subject="Печать")]}}],
    )
    run(store, source, [{"id": "b", "payload": {"events": [said("ticket", "1", "ticket.closed", event=ids[1], number="1", subject="Печать",
                                                                state="closed")]}}])  # fmt: skip
    assert one(store, "ticket").state == "closed"
    assert len(rows(store, "event")) == 2


# Deletion


def test_deleted_and_made_again_keeps_its_history(store: Store) -> None:
    """F-25."""
    source = Source()
    run(store, source, clients(1))
    assert run(store, source, [gone("c1")]).deleted == 1
    assert one(store, "client").deleted
    assert run(store, source, [gone("c1")]).deleted == 0
    run(store, source, clients(1, note="wieder"))

    assert events(store, "client/c1") == [(1, "client.observed"), (2, "client.deleted"), (3, "client.observed")]
    row = one(store, "client")
    assert (row.deleted, row.note) == (False, "wieder")


def test_id_used_again_for_another_thing_mixes_nothing(store: Store) -> None:
    """F-25: the keys of the old thing are given up."""
    source = Source()
    run(store, source, [item("client", "1", name="Ромашка", inn="2465000007", kpp="246501001")])
    run(store, source, [gone("1")])
    run(store, source, [item("client", "1", name="Лютик", inn="7707083893", kpp="770701001")])
    other = Source()
    run(store, other, [item("client", "9", name="Ромашка", inn="2465000007", kpp="246501001")], connection="accounting")

    assert sorted(row.name for row in rows(store, "client")) == ["Лютик", "Ромашка"]


def test_deletion_of_what_was_never_seen_is_nothing(store: Store) -> None:
    counts = run(store, Source(), [gone("c1")])

    assert counts.deleted == 0
    assert rows(store, "record") == []


@pytest.mark.parametrize(("left", "marked"), [(100, 0), (90, 10), (82, 18), (10, 0), (0, 0)])
def test_snapshot_that_shrinks_too_much_marks_nothing(store: Store, left: int, marked: int) -> None:
    """F-24: what is absent is gone, unless more than the set share is absent."""
    source = Source(snapshot=True)
    run(store, source, clients(*range(100)))
    counts = run(store, source, clients(*range(left)))

    assert counts.deleted == marked
    assert sum(row.deleted for row in rows(store, "client")) == marked
    assert [row.key for row in problems(store)] == (["vanish/desk/things"] if not marked and left < 100 else [])


def test_vanish_problem_closes_when_the_objects_are_back(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(*range(100)))
    run(store, source, clients(1))
    run(store, source, clients(*range(100)))

    assert problems(store) == []


def test_limit_of_vanishing_can_be_raised(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(*range(100)))

    assert run(store, source, clients(1), vanish_limit=1.0).deleted == 99


def test_few_may_vanish_whatever_their_share(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(1, 2, 3))

    assert run(store, source, clients(1)).deleted == 2


def test_incomplete_snapshot_marks_nothing(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(*range(10)))
    source.batches = lambda _cursor: [Batch([record(it) for it in clients(1)])]

    assert run(store, source).deleted == 0


def test_present_ones_are_not_gone(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(*range(10)))
    source.batches = lambda _cursor: [
        Batch([record(it) for it in clients(1)], present=[f"c{n}" for n in range(2, 10)], complete=True)
    ]
    counts = run(store, source)

    assert (counts.read, counts.unchanged, counts.deleted) == (9, 9, 1)


# Damage


def test_bad_record_is_parked_and_the_rest_goes_on(store: Store) -> None:
    counts = run(store, Source(), [*clients(1), {"id": "x", "payload": {"act": "bad"}}, *clients(2)])

    assert (counts.new, counts.bad) == (2, 1)
    assert {row.external_id: row.problem for row in rows(store, "record")} == {
        "c1": None,
        "c2": None,
        "x": "this record is broken.",
    }
    assert [row.key for row in problems(store)] == ["record/desk/things"]


@pytest.mark.parametrize("act", ["raise", "exit", "generator exit"])
def test_plugin_that_fails_on_a_record_parks_it(store: Store, act: str) -> None:
    """F-29."""
    counts = run(store, Source(), [*clients(1), {"id": "x", "payload": {"act": act}}, *clients(2)])

    assert (counts.new, counts.bad) == (2, 1)


@pytest.mark.parametrize("wrong", [
    {"type": "client.observed", "kind": "client", "id": "", "data": {"name": "А"}},
    {"type": "client.observed", "kind": "client", "id": "я" * 1001, "data": {"name": "А"}},
    {"type": "client.observed", "kind": "client", "id": "a\nb", "data": {"name": "А"}},
    {"type": "call.missed", "kind": "call", "id": "1", "data": {}, "time": "2026-05-12T01:00:00"},
    {"type": "call.missed", "kind": "call", "id": "1", "data": {"started": "2026-05-12T01:00:00"}},
    {"type": "call.missed", "kind": "call", "id": "1", "data": {"started": "0001-01-01T00:00:00+07:00"}},
    {"type": "call.missed", "kind": "call", "id": "1", "data": {"talk_seconds": 10**18 * 100}},
    {"type": "", "kind": "call", "id": "1", "data": {}, "event": "e" * 3000},
])  # fmt: skip
def test_wrong_event_parks_its_record(store: Store, wrong: dict[str, Any]) -> None:
    counts = run(store, Source(), [{"id": "x", "payload": {"events": [wrong]}}, *clients(2)])

    assert (counts.new, counts.bad) == (1, 1)


def test_result_of_another_type_parks_its_record(store: Store) -> None:
    class Wrong(Source):
        def normalise(self, record: Record) -> Iterable[Any]:
            return {"c1": 7, "c2": [7], "c3": [None], "c4": "text"}.get(record.external_id, ())

    counts = run(store, Wrong(), clients(1, 2, 3, 4, 5))

    assert (counts.new, counts.bad) == (1, 4)


def test_parked_record_comes_in_when_the_plugin_is_mended(store: Store) -> None:
    """F-40: nothing twice, and the problem is over."""

    class Broken(Source):
        def normalise(self, record: Record) -> Iterable[Any]:
            if record.external_id == "c2":
                raise KeyError("name")
            return super().normalise(record)

    run(store, Broken(), clients(1, 2, 3))
    assert len(rows(store, "client")) == 2
    source = Source()
    counts = replay(store, "desk", source, source.stream, sources=Sources(("desk",)), clock=lambda: NOW)
    again = replay(
        store, "desk", source, source.stream, sources=Sources(("desk",)), clock=lambda: NOW, parked_only=False
    )

    assert (counts.read, counts.new, counts.bad) == (1, 0, 0) or (counts.read, counts.new, counts.bad) == (1, 1, 0)
    assert (again.new, again.changed) == (0, 0)
    assert [len(events(store, f"client/c{number}")) for number in (1, 2, 3)] == [1, 1, 1]
    assert len(rows(store, "client")) == 3
    assert problems(store) == []


def test_parked_change_keeps_what_was_known(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(1))
    run(store, source, [{"id": "c1", "payload": {"act": "bad"}}])
    assert not one(store, "client").deleted
    run(store, source, clients(1, note="heil"))

    assert one(store, "client").note == "heil"
    assert events(store, "client/c1") == [(1, "client.observed"), (2, "client.observed")]


def test_problem_of_parked_records_closes_when_they_are_whole(store: Store) -> None:
    source = Source()
    run(store, source, [{"id": "c1", "payload": {"act": "bad"}}])
    run(store, source, clients(1))

    assert problems(store) == []


class _Odd:
    pass


ODD: list[Any] = [
    Record("", b"{}"), Record("x" * 1001, b"{}"), Record("a\0b", b"{}"), Record("a\ud800b", b"{}"), Record("🙂" * 600, b"{}"),
    Record(7, b"{}"), Record("x", "text"), Record("x", None), Record("x", b"{}", version=3), Record("x", b"{}", version="\0"),  # type: ignore[arg-type]
    Record("x", b"{}", version="\ud800"), Record("x", b"{}", version=None), None, "text", 7, _Odd(), {"id": 1},  # type: ignore[arg-type]
]  # fmt: skip


def test_what_is_no_record_is_counted_and_the_rest_goes_on(store: Store) -> None:
    for number, odd in enumerate(ODD):
        source = Source(name=f"s{number}")
        source.batches = lambda _cursor, odd=odd: [Batch([odd, *(record(it) for it in clients(1))])]  # type: ignore[misc]
        counts = run(store, source)
        assert (counts.read, counts.bad) == (1, 1), odd
    assert len(rows(store, "record")) == len(problems(store)) == len(ODD)


def test_record_that_cannot_be_read_is_not_gone(store: Store) -> None:
    source = Source(snapshot=True)
    run(store, source, clients(1, 2, 3))
    source.batches = lambda _cursor: [
        Batch([Record("c1", None), record(clients(2)[0]), record(clients(3)[0])], complete=True)
    ]  # type: ignore[arg-type]
    assert run(store, source).deleted == 0
    source.batches = lambda _cursor: [Batch([None, record(clients(2)[0]), record(clients(3)[0])], complete=True)]  # type: ignore[list-item]
    assert run(store, source).deleted == 0
    assert not any(row.deleted for row in rows(store, "client"))


def test_ids_are_kept_as_they_are(store: Store) -> None:
    """B-27: spaces, case, Cyrillic, length, digits; none is folded into another."""
    ids = [
        "a",
        "A",
        " a",
        "a ",
        "7",
        "07",
        "Счёт № 1/2",
        "я" * 1000,
        "a/b",
        "%",
        "_",
        "'; DROP TABLE record; --",
        "\u202ex",
        "\u00e9",
        "e\u0301",
    ]
    source = Source(snapshot=True)
    run(store, source, [item("client", it, name=it[:20]) for it in ids])
    counts = run(store, source)

    assert counts.unchanged == len(ids)
    assert sorted(row.external_id for row in rows(store, "client")) == sorted(ids)
    assert len({row.id for row in rows(store, "client")}) == len(ids)


def test_longest_ids_and_keys_fit_both_stores(store: Store) -> None:
    """B-14, B-27: an index of PostgreSQL takes 2704 bytes; what is longer parks its record and nothing else."""
    noise = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(1000))
    long = {"id": "long", "payload": {"events": [said("contract", "k", number=noise * 10, date="2026-01-01")]}}
    many = {
        "id": "mail",
        "payload": {"events": [said("client", "m", name=noise * 10, points=[{"type": "email", "value": noise}])]},
    }
    counts = run(store, Source(), [item("client", noise, name="x"), item("client", noise[:660], name="y"), long, many])

    assert (counts.new, counts.bad) == (3, 1)
    assert {row.name for row in rows(store, "client")} == {"y", noise * 10}


def test_value_of_a_wrong_type_parks_its_record(store: Store) -> None:
    """F-29: structs do not check their fields; the core does."""

    class Wrong(Source):
        def normalise(self, record: Record) -> Iterable[Any]:
            (event,) = super().normalise(record)
            wrong = {"c1": 7, "c2": None, "c3": ["list"]}
            if record.external_id not in wrong:
                return [event]
            return [
                msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, name=wrong[record.external_id]))
            ]

    counts = run(store, Wrong(), clients(1, 2, 3, 4))

    assert (counts.new, counts.bad) == (1, 3)


def test_same_id_in_two_streams_is_two_records(store: Store) -> None:
    """B-27."""
    run(store, Source(name="one"), [item("client", "1", name="А")])
    run(store, Source(name="two"), [item("ticket", "1", number="1", subject="Б")])

    assert len(rows(store, "record")) == 2


def test_record_may_change_its_kind(store: Store) -> None:
    """B-27."""
    source = Source()
    run(store, source, [item("client", "1", name="А")])
    run(store, source, [{"id": "1", "payload": {"events": [said("contact", "1", name="А")]}}])

    assert one(store, "client").deleted
    assert not one(store, "contact").deleted


@pytest.mark.parametrize("text_", ["a\0b", "\0", "\\u0000", "\\\\u0000", "tail\\", "\\\0"])
def test_nul_is_replaced_alike_on_both_stores(store: Store, text_: str) -> None:
    """D14."""
    it = {"id": "1", "payload": {"events": [said("client", f"k{text_}", event=f"e{text_}", name=text_, note="ok")]}}
    counts = run(store, Source(), [it])

    clean = text_.replace("\0", "\ufffd")
    assert counts.bad == 0
    row = one(store, "client")
    assert (row.name, row.external_id) == (clean, f"k{clean}")
    assert one(store, "event").id == f"e{clean}"
    assert msgspec.json.decode(one(store, "event_data").data)["name"] == clean


@pytest.mark.parametrize("place", ["id", "event", "name", "type"])
def test_broken_unicode_parks_its_record(store: Store, place: str) -> None:
    """D14: a lone surrogate cannot be stored anywhere."""

    class Surrogate(Source):
        def normalise(self, record: Record) -> Iterable[Any]:
            (event,) = super().normalise(record)
            if record.external_id != "c1":
                return [event]
            bad = {
                "id": lambda: msgspec.structs.replace(
                    event, subject=msgspec.structs.replace(event.subject, external_id="\ud800")
                ),
                "event": lambda: msgspec.structs.replace(event, id="\ud800"),
                "name": lambda: msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, name="\ud800")),
                "type": lambda: msgspec.structs.replace(event, type="client.\ud800"),
            }
            return [bad[place]()]

    counts = run(store, Surrogate(), clients(1, 2))

    assert (counts.new, counts.bad) == (1, 1)


def test_message_of_a_parked_record_may_hold_anything(store: Store) -> None:
    class Rude(Source):
        def normalise(self, record: Record) -> Iterable[Any]:
            raise ValueError("\0\ud800" + "x" * 100_000)

    assert run(store, Rude(), clients(1)).bad == 1
    assert len(one(store, "record").problem) < 2000
