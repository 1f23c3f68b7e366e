# ruff: noqa: E501 tables of cases read better in one line each
"""One client across systems: what merges, what only suggests, and that the order of arrival does not matter."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from inside import NOW, Source, events, one, rows, run
from lab import difference, gone, item, said, seed_of

from hub import operator
from hub.model.errors import HubError
from hub.projection import Sources
from hub.store import parties
from hub.store.database import Store
from hub.store.dump import dump_lines
from hub.testing.peers.onec.samples import inn

SOURCES = Sources(("accounting", "desk", "phones"))
MOBILE, OTHER, SWITCHBOARD = "+79131234567", "+79137654321", "+73912000000"


def points(*values: str) -> list[dict[str, str]]:
    return [{"type": "email" if "@" in it else "phone", "value": it} for it in values]


def client(key: str, number: int | None = None, kpp: str = "246001001", **other: Any) -> dict[str, Any]:
    tax = {} if number is None else {"inn": inn(number), "kpp": kpp}
    return item("client", key, **{"name": f"Ромашка {key}", **tax, **other})


def clients(store: Store) -> list[Any]:
    return [row for row in rows(store, "client") if not row.deleted]


# What makes two parties one


def test_inn_and_kpp_make_one_client_of_two(store: Store) -> None:
    run(store, Source(), [client("1", 5, note="из учёта")], connection="accounting")
    run(store, Source(), [client("7", 5, manager="Иванова")], connection="desk")

    row = one(store, "client")
    assert (row.name, row.note, row.manager) == ("Ромашка 1", "из учёта", "Иванова")
    assert {(it.connection, it.external_id, it.entity) for it in rows(store, "reference")} == {
        ("accounting", "1", row.id), ("desk", "7", row.id)}  # fmt: skip


def test_branches_with_their_own_kpp_stay_apart(store: Store) -> None:
    run(store, Source(), [client("1", 5), client("2", 5, kpp="246002001")], connection="accounting")

    assert len(clients(store)) == 2


@pytest.mark.parametrize("tax", [
    "2465000001", "246500000", "24650000071", "0000000000", "000000000000", "24650 00007x", "", "ИНН", "246500000７", "7" * 10, "1" * 12,
])  # fmt: skip
def test_wrong_inn_merges_nothing(store: Store, tax: str) -> None:
    """B-09."""
    for place in ("accounting", "desk"):
        run(store, Source(), [item("client", "1", name=place, inn=tax, kpp="246501001")], connection=place)

    assert len(clients(store)) == 2


@pytest.mark.parametrize("kpp", ["", "ABCDEFGHI", "24650100", "2465010011"])
def test_wrong_kpp_merges_nothing(store: Store, kpp: str) -> None:
    """B-09: an ИНН of ten digits alone is no proof, it has branches."""
    for place in ("accounting", "desk"):
        run(store, Source(), [item("client", "1", name=place, inn=inn(5), kpp=kpp)], connection=place)

    assert len(clients(store)) == 2


def test_inn_of_a_person_is_enough(store: Store) -> None:
    for place in ("accounting", "desk"):
        run(store, Source(), [item("client", "1", name=place, inn="500100732259")], connection=place)

    assert len(clients(store)) == 1


@pytest.mark.parametrize(
    "shared", [SWITCHBOARD, MOBILE, "info@firma.example", "buh@firma.example", "ivanova@firma.example"]
)
def test_phones_and_mailboxes_never_make_one_client_of_two(store: Store, shared: str) -> None:
    run(store, Source(), [client("1", points=points(shared))], connection="accounting")
    run(store, Source(), [client("2", points=points(shared))], connection="desk")

    assert len(clients(store)) == 2


def test_equal_names_make_nothing_but_a_suggestion(store: Store) -> None:
    run(store, Source(), [client("1", name="ООО «Ромашка плюс»")], connection="accounting")
    run(store, Source(), [client("2", name="Ромашка Плюс, ООО")], connection="desk")

    assert len(clients(store)) == 2
    with store.read() as connection:
        (suggestion,) = operator.suggestions(connection)
    assert "ромашка плюс" in suggestion.reason


@pytest.mark.parametrize("kpps", [("", "246001001"), ("246001001", "")])
def test_inn_of_a_person_is_enough_with_and_without_kpp(store: Store, kpps: tuple[str, str]) -> None:
    for place, kpp in zip(("accounting", "desk"), kpps, strict=True):
        run(store, Source(), [item("client", "1", name=place, inn="500100732259", kpp=kpp)], connection=place)

    assert len(clients(store)) == 1


def test_inn_that_is_corrected_parts_what_it_made_one(store: Store) -> None:
    """A typing error in one system must not bind two clients for ever."""
    desk = Source()
    run(store, Source(), [client("1", 1, points=points(MOBILE))], connection="accounting")
    run(store, desk, [client("7", 1, name="Лютик", points=points(OTHER))], connection="desk")
    run(store, Source(name="t"), [item("ticket", "t", number="1", subject="x", client=_to("7"))], connection="desk")
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    assert one(store, "ticket").client_id == one(store, "call").client_id == one(store, "client").id
    run(store, desk, [client("7", 2, name="Лютик", points=points(OTHER))], connection="desk")

    names = {row.name: row for row in clients(store)}
    assert set(names) == {"Ромашка 1", "Лютик"}
    assert (one(store, "ticket").client_id, one(store, "call").client_id) == (names["Лютик"].id, names["Ромашка 1"].id)
    assert MOBILE not in (names["Лютик"].points or "")


# Facts find their client


def call(key: str, number: str) -> dict[str, Any]:
    return {
        "id": key,
        "payload": {"events": [said("call", key, "call.missed", time="2026-05-12T01:00:00Z", number=number)]},
    }


def test_call_goes_to_the_only_client_with_the_number(store: Store) -> None:
    run(
        store,
        Source(),
        [client("1", points=points(SWITCHBOARD)), client("2", points=points(OTHER))],
        connection="accounting",
    )
    run(store, Source(), [call("c", SWITCHBOARD)], connection="phones")

    assert one(store, "call").client_id == next(row.id for row in clients(store) if row.external_id == "1")


def test_call_from_a_number_of_two_clients_waits_for_a_person(store: Store) -> None:
    run(
        store,
        Source(),
        [client("1", points=points(SWITCHBOARD)), client("2", points=points(SWITCHBOARD))],
        connection="accounting",
    )
    run(store, Source(), [call("c", SWITCHBOARD)], connection="phones")

    assert one(store, "call").client_id is None


def test_call_finds_its_client_when_the_client_comes_later(store: Store) -> None:
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    assert one(store, "call").client_id is None
    run(store, Source(), [client("1", points=points(MOBILE))], connection="accounting")
    assert one(store, "call").client_id == clients(store)[0].id
    run(store, Source(), [client("2", points=points(MOBILE))], connection="desk")
    assert one(store, "call").client_id is None


def test_call_of_a_contact_goes_to_the_client_of_the_contact(store: Store) -> None:
    owner = {"kind": "client", "external_id": "1"}
    run(
        store,
        Source(),
        [item("contact", "k", name="Иванова Мария", client=owner, points=points(MOBILE))],
        connection="accounting",
    )
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    assert one(store, "call").client_id is None
    run(store, Source(name="clients"), [client("1"), client("2")], connection="accounting")
    assert one(store, "call").client_id == next(row.id for row in clients(store) if row.external_id == "1")


def test_call_follows_a_contact_that_changes_its_employer(store: Store) -> None:
    contact, base = Source(), Source(name="clients")
    run(store, base, [client("1"), client("2")], connection="accounting")
    for owner in ("1", "2"):
        it = item(
            "contact", "k", name="Иванова Мария", client={"kind": "client", "external_id": owner}, points=points(MOBILE)
        )
        run(store, contact, [it], connection="accounting")
        if owner == "1":
            run(store, Source(), [call("c", MOBILE)], connection="phones")
    assert one(store, "call").client_id == next(row.id for row in clients(store) if row.external_id == "2")


def test_call_follows_a_number_that_changes_its_owner(store: Store) -> None:
    """Claims move when a key changes."""
    source = Source()
    run(store, source, [client("1", points=points(MOBILE)), client("2")], connection="accounting")
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    run(store, source, [client("1"), client("2", points=points(MOBILE))], connection="accounting")

    assert one(store, "call").client_id == next(row.id for row in clients(store) if row.external_id == "2")


def test_call_is_nobodys_when_the_number_is_given_up(store: Store) -> None:
    source = Source()
    run(store, source, [client("1", points=points(MOBILE))], connection="accounting")
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    run(store, source, [client("1")], connection="accounting")

    assert one(store, "call").client_id is None


def test_reference_wins_over_a_phone(store: Store) -> None:
    run(store, Source(), [client("1"), client("2", points=points(MOBILE))], connection="desk")
    run(store, Source(name="t"), [item("ticket", "t", number="1", subject="x", client={"kind": "client", "external_id": "1"},
                                       author_email="a@b.example")], connection="desk")  # fmt: skip

    assert one(store, "ticket").client_id == next(row.id for row in clients(store) if row.external_id == "1")


def test_call_that_was_ambiguous_is_settled_by_a_merge(store: Store) -> None:
    """Two clients with one number become one by their ИНН: the number then has one owner."""
    desk = Source()
    run(store, Source(), [client("1", 5, points=points(MOBILE))], connection="accounting")
    run(store, desk, [client("7", points=points(MOBILE))], connection="desk")
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    assert one(store, "call").client_id is None
    run(store, desk, [client("7", 5, points=points(MOBILE))], connection="desk")

    assert one(store, "call").client_id == one(store, "client").id


def test_people_never_merge_by_their_numbers(store: Store) -> None:
    run(
        store,
        Source(),
        [item("contact", "1", name="Иванова Мария", points=points("semya@mail.example"))],
        connection="accounting",
    )
    run(
        store,
        Source(),
        [item("contact", "2", name="Петров Иван", points=points("semya@mail.example"))],
        connection="desk",
    )

    assert len(rows(store, "contact")) == 2


# Order


def _histories() -> dict[str, list[list[dict[str, Any]]]]:
    """Return what three connections say, batch after batch: clients, contacts, facts, changes and deletions of all of them."""
    return {
        "accounting": [
            [client("1", 1, points=points(SWITCHBOARD)), client("2", 2)],
            [client("3", 3, points=points(MOBILE)), item("contract", "k1", number="7-АО", date="2026-01-12", client=_to("1"))],
            [item("invoice", "i1", number="1", client=_to("2"), total={"amount": "10", "currency": "RUB"})],
            [client("2", 2, name="Ромашка 2 новая"), gone("3")],
            [client("4", 4, points=points(SWITCHBOARD))],
            [client("4", 40)],
        ],
        "desk": [
            [client("d1", 1, manager="Иванова"), client("d3", 3)],
            [item("contact", "p1", name="Иванова Мария", client=_to("d1"), points=points(OTHER, "ivanova@firma.example"))],
            [item("ticket", "t1", number="1", subject="Печать", client_inn=inn(2)), item("ticket", "t2", number="2", subject="x", author_email="ivanova@firma.example")],
            [item("contact", "p1", name="Иванова Мария", client=_to("d3"), points=points(OTHER, "ivanova@firma.example"))],
            [client("d4", 4), client("d1", 2)],
            [gone("t2"), client("d5", 4, kpp="246002001")],
        ],
        "phones": [
            [call("c1", SWITCHBOARD), call("c2", MOBILE)],
            [call("c3", OTHER), client("f1", 4, points=points("+79130000001"))],
            [item("contact", "q1", name="Иванова М.", client=_to("f1"), points=points(OTHER))],
            [call("c4", "+79130000001"), gone("c1")],
            [gone("q1")],
        ],
    }  # fmt: skip


def _to(key: str) -> dict[str, str]:
    return {"kind": "client", "external_id": key}


def _play(store: Store, turns: Sequence[str]) -> list[str]:
    left = _histories()
    sources = {name: Source() for name in left}
    for name in turns:
        run(store, sources[name], left[name].pop(0), connection=name)
    with store.read() as connection:
        return [_without_history(line) for line in dump_lines(connection) if not line.startswith("redirect ")]


def _without_history(line: str) -> str:
    """Leave out why a reference was bound: the first to come has no reason."""
    return line.rpartition(" | ")[0] if line.startswith("reference ") else line


def test_order_of_arrival_does_not_matter(tmp_path: Any, request: pytest.FixtureRequest) -> None:
    """F-27, A-09: batches of three connections, interleaved in 25 ways, end in the same store."""
    pick = random.Random(seed_of(request.config))
    plain = [name for name, batches in _histories().items() for _ in batches]
    wanted: list[str] = []
    for number in range(25):
        turns = plain[:]
        if number:
            pick.shuffle(turns)
        store = Store(f"sqlite:///{tmp_path / f'{number}.db'}", synchronous="normal")
        store.create()
        found = _play(store, turns)
        store.close()
        wanted = wanted or found
        assert found == wanted, f"{turns}\n{difference(wanted, found)}"


def test_one_by_one_or_all_at_once_is_the_same(tmp_path: Any) -> None:
    """What comes in one batch means what it means in many."""
    dumps = []
    for name, size in (("whole", 100), ("single", 1)):
        store = Store(f"sqlite:///{tmp_path / name}.db", synchronous="normal")
        store.create()
        for place, batches in _histories().items():
            source = Source()
            for batch in batches:
                parts = [batch[start : start + size] for start in range(0, len(batch), size)]
                run(store, source, *parts, connection=place)
        with store.read() as connection:
            dumps.append(
                [_without_history(line) for line in dump_lines(connection) if not line.startswith("redirect ")]
            )
        store.close()
    assert dumps[0] == dumps[1], difference(*dumps)


# What people decide


def _two(store: Store, **other: Any) -> tuple[str, str]:
    run(store, Source(), [client("1", 1, **other)], connection="accounting")
    run(store, Source(), [client("7", name="Лютик", manager="Иванова", **other)], connection="desk")
    return tuple(next(row.id for row in clients(store) if row.connection == name) for name in ("accounting", "desk"))  # type: ignore[return-value]


def _merge(store: Store, left: str, right: str) -> str:
    with store.write() as connection:
        return operator.merge(connection, left, right, SOURCES, by="ivanova", now=NOW)


def test_merge_by_a_person_moves_everything_and_redirects(store: Store) -> None:
    left, right = _two(store)
    run(store, Source(name="t"), [item("ticket", "t", number="1", subject="x", client=_to("7"))], connection="desk")
    kept = _merge(store, left, right)

    assert one(store, "client").id == one(store, "ticket").client_id == kept
    lost = right if kept == left else left
    with store.read() as connection:
        assert parties.follow(connection, lost) == kept
    assert one(store, "client").manager == "Иванова"


def test_merge_settles_what_was_ambiguous(store: Store) -> None:
    left, right = _two(store, points=points(MOBILE))
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    assert one(store, "call").client_id is None
    kept = _merge(store, left, right)

    assert one(store, "call").client_id == kept


def test_merge_outlives_the_next_sync(store: Store) -> None:
    left, right = _two(store)
    kept = _merge(store, left, right)
    run(store, Source(), [client("1", 1, note="neu")], connection="accounting")
    run(store, Source(), [client("7", name="Лютик", note="alt")], connection="desk")

    row = one(store, "client")
    assert (row.id, row.note) == (kept, "neu")


def test_merge_with_itself_is_refused(store: Store) -> None:
    left, _right = _two(store)
    with pytest.raises(HubError, match="one client already"):
        _merge(store, left, left)


@pytest.mark.parametrize("part", [("accounting", "1"), ("desk", "7")])
def test_split_parts_for_good(store: Store, part: tuple[str, str]) -> None:
    """A re-sync with the same ИНН respects what a person decided, whichever side comes again."""
    base, desk = Source(), Source()
    run(store, base, [client("1", 1, points=points(MOBILE))], connection="accounting")
    run(store, desk, [client("7", 1, name="Лютик")], connection="desk")
    run(store, Source(name="t"), [item("ticket", "t", number="1", subject="x", client=_to("7"))], connection="desk")
    run(store, Source(), [call("c", MOBILE)], connection="phones")
    before = one(store, "client").id
    with store.write() as connection:
        operator.split(connection, before, *part, SOURCES, by="ivanova", now=NOW)
    for _ in range(2):
        names = {row.name: row.id for row in clients(store)}
        assert set(names) == {"Ромашка 1", "Лютик"}
        assert one(store, "ticket").client_id == names["Лютик"]
        assert one(store, "call").client_id == names["Ромашка 1"]
        with store.read() as connection:
            assert parties.follow(connection, before) in names.values()
        run(store, desk, [client("7", 1, name="Лютик", note="wieder")], connection="desk")
        run(store, base, [client("1", 1, points=points(MOBILE), note="wieder")], connection="accounting")
        run(store, Source(name="full"), [client("1", 1, points=points(MOBILE))], connection="accounting")


def test_third_with_the_same_inn_does_not_undo_a_split(store: Store) -> None:
    run(store, Source(), [client("1", 1)], connection="accounting")
    run(store, Source(), [client("7", 1, name="Лютик")], connection="desk")
    with store.write() as connection:
        operator.split(connection, one(store, "client").id, "desk", "7", SOURCES, by="ivanova", now=NOW)
    run(store, Source(), [client("9", 1, name="Третий")], connection="phones")

    entity = {(it.connection, it.external_id): it.entity for it in rows(store, "reference")}
    assert entity["accounting", "1"] != entity["desk", "7"]
    assert len(clients(store)) == 2


def test_correction_of_an_inn_keeps_what_a_person_merged(store: Store) -> None:
    left, right = _two(store)
    kept = _merge(store, left, right)
    run(store, Source(), [client("1", 3)], connection="accounting")

    assert one(store, "client").id == kept


def test_split_and_merge_again(store: Store) -> None:
    left, right = _two(store)
    kept = _merge(store, left, right)
    with store.write() as connection:
        own = operator.split(connection, kept, "desk", "7", SOURCES, by="ivanova", now=NOW)
        with pytest.raises(HubError, match="cannot be parted"):
            operator.split(connection, own, "desk", "7", SOURCES, by="ivanova", now=NOW)
    assert {row.id for row in clients(store)} == {left, right}
    again = _merge(store, left, right)
    assert [row.id for row in clients(store)] == [again]
    with store.read() as connection:
        assert operator.suggestions(connection) == []


def test_rejected_suggestion_is_not_made_again(store: Store) -> None:
    run(store, Source(), [client("1", name="Ромашка плюс")], connection="accounting")
    run(store, Source(), [client("2", name="Ромашка плюс")], connection="desk")
    with store.write() as connection:
        (suggestion,) = operator.suggestions(connection)
        operator.reject(connection, suggestion, by="ivanova", now=NOW)
        assert operator.suggestions(connection) == []
    run(store, Source(), [client("1", 1, name="Ромашка плюс")], connection="accounting")
    run(store, Source(), [client("2", 1, name="Ромашка плюс")], connection="desk")
    assert len(clients(store)) == 2


def test_deciding_is_kept_in_the_log(store: Store) -> None:
    left, right = _two(store)
    kept = _merge(store, left, right)
    with store.write() as connection:
        operator.split(connection, kept, "desk", "7", SOURCES, by="ivanova", now=NOW)

    assert [row.type for row in rows(store, "event") if row.source == "operator"] == ["client.merged", "client.split"]
    assert events(store, "client/1") == [(1, "client.observed")]


def test_precedence_follows_the_configuration(store: Store) -> None:
    for place in ("desk", "accounting"):
        run(store, Source(), [client("1", 1, name=place, note=place)], connection=place, order=("desk", "accounting"))

    assert (one(store, "client").name, one(store, "client").note) == ("desk", "desk")


def test_client_of_two_sources_is_gone_when_both_say_so(store: Store) -> None:
    base, desk = Source(), Source()
    run(store, base, [client("1", 1)], connection="accounting")
    run(store, desk, [client("7", 1, name="Лютик")], connection="desk")
    run(store, base, [gone("1")], connection="accounting")
    row = one(store, "client")
    assert (row.deleted, row.name) == (False, "Лютик")
    run(store, desk, [gone("7")], connection="desk")
    assert one(store, "client").deleted
