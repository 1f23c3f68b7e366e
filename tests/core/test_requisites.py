"""S-36: who changes the address that papers go by is asked after, not believed."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from inside import NOW, one, problems, rows
from lab import gone, item, seed_of
from requisites_lab import client, confirm, hear

from hub import operator, outbox, requisites
from hub.ingest import import_events
from hub.model.errors import HubError
from hub.paperwork.sending import mail_of, used_of
from hub.projection import Sources
from hub.requisites import ADDRESS, check_addresses, questions
from hub.store import state
from hub.store.database import Store
from hub.store.parties import entity_id

OLD, NEW, THIRD = "buh@romashka.example", "buh@romashka-pay.example", "x@other.example"
ORDER = Sources(("accounting", "desk"))
_letters = count(1)


def send(store: Store, entity: str = "", to: str = "") -> str:
    """Send a document as `hub document send` does; return where it goes."""
    with store.write() as connection:
        (row,) = state.read(connection, "client", *([state.table("client").c.id == entity] if entity else []))
        (address,) = [to] if to else mail_of(row, used_of(connection, row["id"]))
        check_addresses(connection, row["id"], [address])
        outbox.add(connection, "mail.send", "office", {"to": [address]}, title="Счёт", client=row["id"], by="anna",
                   now=NOW, approve=False, key=f"document-{next(_letters)}-1-{address}")  # fmt: skip
    return address


@pytest.fixture
def served(store: Store) -> Store:
    """A client whose documents go to one of its addresses."""
    hear(store, client(OLD))
    assert send(store) == OLD
    return store


def test_a_changed_address_is_asked_after_and_holds_documents(served: Store) -> None:
    hear(served, client(NEW))

    (problem,) = problems(served)
    assert "Ромашка" in problem.title
    assert "b•••@romashka.example → b•••@romashka-pay.example" in problem.title
    assert OLD not in problem.title
    assert NEW not in problem.title
    assert problem.scope == "accounting"
    assert f"See: hub problem show {problem.id}; then: hub problem confirm {problem.id} --reason" in problem.hint
    assert "known from before" in problem.hint
    for to in ("", NEW, THIRD):
        with pytest.raises(HubError, match=f"problem {problem.id}") as refused:
            send(served, to=to)
        assert NEW not in str(refused.value)
    assert send(served, to=OLD) == OLD
    with served.read() as connection:
        (question,) = questions(connection)
        assert requisites.values(connection, question) == (OLD, NEW)

    assert confirm(served, problem.id) == NEW
    assert problems(served) == []
    assert send(served) == NEW
    (deed,) = rows(served, "audit")
    assert (deed.who, deed.what) == ("anna", "problem.confirm")
    assert NEW in deed.detail
    assert "звонила" in deed.detail


def test_the_same_change_is_asked_once(served: Store) -> None:
    for _ in range(3):
        hear(served, client(NEW))
    hear(served, client(NEW, note="ещё что-то"))

    assert [it.count for it in problems(served)] == [1]


def test_a_change_that_is_taken_back_asks_no_more(served: Store) -> None:
    hear(served, client(NEW))
    hear(served, client(OLD))

    assert problems(served) == []
    assert send(served) == OLD


def test_nobody_confirms_another_address_than_he_saw(served: Store) -> None:
    hear(served, client(NEW))
    (seen,) = problems(served)
    hear(served, client(THIRD))

    with pytest.raises(HubError, match="no problem"):
        confirm(served, seen.id)
    (problem,) = problems(served)
    assert "x•••@other.example" in problem.title
    assert "b•••@romashka.example →" in problem.title
    assert confirm(served, problem.id) == THIRD


def test_what_was_confirmed_is_asked_after_when_it_changes(served: Store) -> None:
    hear(served, client(NEW))
    confirm(served, problems(served)[0].id)
    hear(served, client(THIRD))

    assert len(problems(served)) == 1


@pytest.mark.parametrize("between", [[client()], [gone("1")]], ids=["taken away", "deleted"])
def test_a_change_in_two_steps_is_asked_after(served: Store, between: list[dict[str, Any]]) -> None:
    hear(served, *between)
    hear(served, client(NEW))

    (problem,) = problems(served)
    assert "→ b•••@romashka-pay.example" in problem.title


def test_a_second_source_does_not_slip_another_address_in(served: Store) -> None:
    hear(served, gone("1"))
    hear(served, client(NEW), source="desk")

    assert len(problems(served)) == 1


def test_only_the_new_address_is_named(store: Store) -> None:
    hear(store, client(OLD, "y@romashka.example"))
    send(store, to=OLD)
    hear(store, client(NEW, "y@romashka.example"))

    assert problems(store)[0].title.endswith("→ b•••@romashka-pay.example")


def test_the_address_that_is_left_is_named(store: Store) -> None:
    hear(store, client(OLD, "y@romashka.example"))
    send(store, to=OLD)
    hear(store, client("y@romashka.example"))

    assert problems(store)[0].title.endswith("→ y•••@romashka.example")


def test_two_clients_are_confirmed_each_for_itself(served: Store) -> None:
    hear(served, client(OLD, key="2", number=6))
    entities = sorted(row.id for row in rows(served, "client"))
    send(served, entities[0])
    send(served, entities[1])
    hear(served, client(NEW), client(NEW, key="2", number=6))
    for problem in problems(served):
        confirm(served, problem.id)
    hear(served, client(NEW, "y@romashka.example"), client(NEW, "y@romashka.example", key="2", number=6))

    assert problems(served) == []


def test_an_address_that_comes_back_beside_another_asks_no_more(served: Store) -> None:
    hear(served, client(NEW))
    hear(served, client(OLD, NEW))

    assert problems(served) == []


def test_who_was_confirmed_is_known(served: Store) -> None:
    hear(served, client(NEW))
    confirm(served, problems(served)[0].id)
    hear(served, client(NEW, "y@romashka.example"))

    assert problems(served) == []


def test_an_address_less_among_those_in_use_asks_nothing(served: Store) -> None:
    hear(served, client(OLD, THIRD))
    send(served, to=THIRD)
    hear(served, client(THIRD))

    assert problems(served) == []


def test_a_client_that_goes_asks_nothing(served: Store) -> None:
    hear(served, client(THIRD, key="2", number=6))
    entity = next(row.id for row in rows(served, "client") if row.external_id == "2")
    send(served, entity, to="typed@other.example")
    hear(served, gone("2"))

    assert problems(served) == []


@pytest.mark.parametrize(("key", "cancelled"), [("document-1-1-x", True), ("other-1", False)])
def test_what_was_no_document_or_never_went_asks_nothing(store: Store, key: str, *, cancelled: bool) -> None:
    hear(store, client(OLD))
    with store.write() as connection:
        outbox.add(connection, "mail.send", "office", {"to": [OLD]}, title="Письмо", client=one(store, "client").id,
                   by="anna", now=NOW, approve=True, key=key)  # fmt: skip
    if cancelled:
        outbox.cancel(store, key, "anna")
    hear(store, client(NEW))

    assert problems(store) == []


def test_there_is_nothing_to_confirm_without_an_address(served: Store) -> None:
    hear(served, client())

    (problem,) = problems(served)
    assert problem.title.endswith("→ nothing")
    with pytest.raises(HubError, match="nothing to confirm"):
        confirm(served, problem.id)


def test_an_address_that_a_contact_had_is_asked_after(store: Store) -> None:
    def person(address: str) -> dict[str, Any]:
        return item("contact", "p1", name="Белова", client={"kind": "client", "external_id": "1"},
                    points=[{"type": "email", "value": address}])  # fmt: skip

    hear(store, client("info@romashka.example"), person(OLD))
    send(store, to=OLD)
    hear(store, person(NEW))

    (problem,) = problems(store)
    assert "→ b•••@romashka-pay.example" in problem.title


@pytest.mark.parametrize(
    "told",
    [
        [client(OLD, NEW)], [client("a@romashka.example", OLD)], [client(OLD, name="Ромашка плюс")], [gone("1")],
        [client(NEW, key="2", number=6)],
        [client(), item("contact", "p1", name="Белова", client={"kind": "client", "external_id": "1"},
                        points=[{"type": "email", "value": OLD}])],
    ],
    ids=["one more", "another order", "another name", "gone", "another client", "moved to a person"],
)  # fmt: skip
def test_what_is_no_change_asks_nothing(served: Store, told: list[dict[str, Any]]) -> None:
    hear(served, *told)
    assert problems(served) == []
    if told[0].get("deleted"):
        hear(served, client(OLD))
    assert problems(served) == []


def test_values_seen_for_the_first_time_ask_nothing(store: Store) -> None:
    hear(store, client())
    hear(store, client(OLD))
    hear(store, client(NEW))  # nothing was ever sent there

    assert problems(store) == []
    assert send(store) == NEW


def test_documents_go_on_where_they_went_when_an_address_is_added(served: Store) -> None:
    hear(served, client("a@aaa.example", OLD))
    hear(served, client("0@aaa.example"), source="desk")

    assert problems(served) == []
    assert send(served) == OLD


def test_a_merge_of_clients_asks_nothing_and_keeps_what_is_asked(served: Store) -> None:
    hear(served, client(THIRD, key="2", number=6))
    first, second = sorted(row.id for row in rows(served, "client"))
    for entity in (first, second):
        send(served, entity)
    with served.write() as connection:
        operator.merge(connection, first, second, ORDER, by="anna", now=NOW)
    assert problems(served) == []

    hear(served, client(NEW))
    (problem,) = problems(served)
    assert "b•••@romashka.example" in problem.title
    with pytest.raises(HubError, match="nobody has confirmed"):
        send(served, to=NEW)
    assert send(served) == THIRD


def test_a_question_stays_with_the_client_through_a_merge(served: Store) -> None:
    own = one(served, "client").id
    key = next(key for key in map(str, count(2)) if entity_id("accounting", "client", key) < own)
    hear(served, client(THIRD, key=key, number=6))
    hear(served, client(NEW))
    with served.write() as connection:
        assert (
            operator.merge(connection, *sorted(row.id for row in rows(served, "client")), ORDER, by="anna", now=NOW)
            != own
        )

    with pytest.raises(HubError, match="nobody has confirmed"):
        send(served, to=NEW)
    confirm(served, problems(served)[0].id)
    assert problems(served) == []
    assert send(served, to=NEW) == NEW


def test_an_older_log_asks_nothing(served: Store) -> None:
    line = (
        b'{"id": "client/1", "source": "accounting", "type": "client.observed", "subject": "client/1", "version": 2,'
        b' "data": {"name": "X", "points": [{"type": "email", "value": "old@romashka.example"}]}}'
    )
    with served.write() as connection:
        assert import_events(connection, [line], ORDER, NOW) == 1

    assert problems(served) == []


def test_no_order_of_words_brings_documents_to_an_unknown_address(store: Store, request: pytest.FixtureRequest) -> None:
    """Two sources speak, forget, delete and come back; a document goes to known or confirmed addresses alone."""
    pick, held = random.Random(seed_of(request.config)), 0
    for number in range(8):
        every = [f"{letter}{number}@romashka.example" for letter in "abcd"]
        hear(store, client(every[0], key=f"k{number}", number=number + 10))
        entity = max(rows(store, "reference"), key=lambda row: row.external_id == f"k{number}").entity
        trusted = {send(store, entity)}
        for _ in range(14):
            deed = pick.choice(["say", "say", "say", "gone", "send", "send", "confirm"])
            source = pick.choice(["accounting", "desk"])
            if deed == "say":
                hear(store, client(*pick.sample(every, pick.randint(0, 3)), key=f"k{number}", number=number + 10),
                     source=source)  # fmt: skip
            elif deed == "gone":
                hear(store, gone(f"k{number}"), source=source)
            entity = max(rows(store, "reference"), key=lambda row: row.external_id == f"k{number}").entity
            with store.read() as connection:
                mine = [it for it in questions(connection, ADDRESS) if it.thing == entity]
            if deed == "confirm" and mine:
                with suppress(HubError):
                    trusted |= set(confirm(store, mine[0].id).split(", "))
            if deed == "send":
                try:
                    assert send(store, entity) in trusted
                except HubError:
                    held += 1
    assert held


def test_other_problems_are_not_confirmed(store: Store) -> None:
    hear(store, {"id": "bad", "payload": {"events": "?"}})
    (problem,) = problems(store)
    with pytest.raises(HubError, match="ends by itself"):
        confirm(store, problem.id)
    with pytest.raises(HubError, match="no problem 999 is open"):
        confirm(store, 999)
