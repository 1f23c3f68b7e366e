"""S-36: who changes the address or the bank account that papers and money go by is asked after, not believed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from inside import NOW, Source, one, problems, rows, run
from lab import gone, item, seed_of

from hub import operator, outbox, requisites
from hub.ingest import import_events
from hub.model.errors import HubError
from hub.paperwork.sending import mail_of, used_of
from hub.projection import Sources
from hub.requisites import ADDRESS, check_addresses, questions
from hub.store import documents, state
from hub.store.database import Store
from hub.store.parties import entity_id
from hub.testing.peers.onec.samples import inn

OLD, NEW, THIRD = "buh@romashka.example", "buh@romashka-pay.example", "x@other.example"
ORDER = Sources(("accounting", "desk"))
_letters = count(1)


def client(*addresses: str, key: str = "1", number: int = 5, **other: Any) -> dict[str, Any]:
    points = [{"type": "email", "value": it} for it in addresses]
    return item("client", key, **{"name": "Ромашка", "inn": inn(number), "kpp": "246001001", "points": points, **other})


def hear(store: Store, *items: dict[str, Any], source: str = "accounting") -> None:
    run(store, Source(), list(items), connection=source, order=("accounting", "desk"))


def send(store: Store, entity: str = "", to: str = "") -> str:
    """Send a document as `hub document send` does; return where it goes."""
    with store.write() as connection:
        (row,) = state.read(connection, "client", *([state.table("client").c.id == entity] if entity else []))
        (address,) = [to] if to else mail_of(row, used_of(connection, row["id"]))
        check_addresses(connection, row["id"], [address])
        outbox.add(connection, "mail.send", "office", {"to": [address]}, title="Счёт", client=row["id"], by="anna",
                   now=NOW, approve=False, key=f"document-{next(_letters)}-1-{address}")  # fmt: skip
    return address


def confirm(store: Store, number: int) -> str:
    with store.write() as connection:
        return requisites.confirm(connection, number, "звонила бухгалтеру", by="anna", now=NOW)


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
    assert "hub problem confirm" in problem.hint
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


# Bank accounts

FIRST, SECOND, LAST = "40702810000000000001", "40702810000000004321", "40702810000000008765"
THIRD_ACCOUNT = "40702810000000001111"


def account(number: str, key: str = "a1", *, of: str = "client", **other: Any) -> dict[str, Any]:
    owner = {of: {"kind": of, "external_id": "1"}} if of else {}
    return item("bank_account", key, **{"number": number, "bic": "044525225", **owner, **other})


def invoice() -> dict[str, Any]:
    return item("invoice", "i1", number="7", client={"kind": "client", "external_id": "1"})


OWNERS = {"client": "Ромашка", "organisation": "our own organisation", "": "not a client's"}


@pytest.mark.parametrize("of", OWNERS)
def test_a_changed_account_is_asked_after(store: Store, of: str) -> None:
    hear(store, client(), invoice(), account(FIRST, of=of), account(SECOND, "a2", of=of))
    assert problems(store) == []
    hear(store, account(LAST, of=of))
    hear(store, account(LAST, of=of, title="Основной"))

    (problem,) = problems(store)
    assert "•••0001 БИК 044525225 → •••8765 БИК 044525225" in problem.title
    assert OWNERS[of] in problem.title
    assert FIRST not in problem.title
    assert LAST not in problem.title
    assert (problem.count, problem.scope) == (1, "accounting")
    assert confirm(store, problem.id) == f"{LAST} 044525225"
    assert problems(store) == []
    assert one(store, "audit").detail == f"{LAST} 044525225: звонила бухгалтеру"


def test_an_account_that_changes_on_or_back(store: Store) -> None:
    hear(store, client(), invoice(), account(FIRST))
    hear(store, account(SECOND))
    (seen,) = problems(store)
    hear(store, account(LAST))
    (problem,) = problems(store)
    assert problem.id != seen.id
    assert "•••0001" in problem.title
    assert "•••8765" in problem.title
    hear(store, account(FIRST))
    assert problems(store) == []


def test_an_account_that_was_gone_and_is_another_now(store: Store) -> None:
    hear(store, client(), invoice(), account(FIRST))
    hear(store, gone("a1"))
    assert problems(store) == []
    hear(store, account(LAST))
    assert len(problems(store)) == 1


def test_another_bank_is_another_account(store: Store) -> None:
    hear(store, client(), invoice(), account(FIRST))
    hear(store, account(FIRST, bic="040407627"))
    assert "БИК 044525225 → •••0001 БИК 040407627" in problems(store)[0].title


def test_accounts_of_clients_without_business_ask_nothing(store: Store) -> None:
    hear(store, client(), account(FIRST))
    hear(store, account(LAST))
    assert problems(store) == []


def test_a_document_is_business(store: Store) -> None:
    hear(store, client(), account(FIRST))
    with store.write() as connection:
        documents.insert(
            connection, kind="act", client=one(store, "client").id, title="Акт", context="{}", by="anna", now=NOW
        )
    hear(store, account(LAST))
    assert len(problems(store)) == 1


def test_an_account_of_a_client_not_known_yet_asks_nothing(store: Store) -> None:
    hear(store, account(FIRST))
    hear(store, account(LAST))
    assert problems(store) == []


# Another account in the place of one


@pytest.fixture
def wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so many days go by."""
    passed, clock = [timedelta()], store.now
    monkeypatch.setattr(store, "now", lambda connection: clock(connection) + passed[0])

    def days(number: float) -> None:
        passed[0] += timedelta(days=number)

    return days


@pytest.fixture
def paid(store: Store, wait: Callable[[float], None]) -> Store:
    """A client with whom we do business, and its only account; known since a year."""
    hear(store, client(), invoice(), account(FIRST))
    wait(365)
    return store


def closed(number: str = FIRST, key: str = "a1", **other: Any) -> dict[str, Any]:
    return account(number, key, is_closed=True, **other)


ADDED = account(SECOND, "a2")
REPLACED = {
    "closed and added": [[closed(), ADDED]],
    "added and deleted": [[ADDED, gone("a1")]],
    "closed, then added": [[closed()], [ADDED]],
    "deleted, then added": [[gone("a1")], [ADDED]],
    "added, then closed": [[ADDED], [closed()]],
    "added, then deleted": [[ADDED], [gone("a1")]],
    "added, then the main one": [[ADDED], [account(SECOND, "a2", is_main=True)]],
    "added as the main one": [[account(SECOND, "a2", is_main=True)]],
}
KEPT = {
    "one more": [[ADDED]],
    "one more that goes": [[ADDED], [gone("a2")]],
    "closed only": [[closed()]],
    "closed and open again": [[closed()], [account(FIRST)]],
    "entered anew with its number": [[gone("a1"), account(FIRST, "a2")]],
    "another that was closed already": [[closed(SECOND, "a2")], [account(FIRST, title="Основной")]],
    "another client's": [[closed(), account(SECOND, "a2", client={"kind": "client", "external_id": "x"})]],
    "not a client's": [[closed(), account(SECOND, "a2", of="")]],
    "the same is the main one": [[ADDED], [account(FIRST, is_main=True)]],
}
CASES = [*REPLACED.items(), *KEPT.items()]
STEPS = 2


def of_case(number: int, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let them speak of the client and the accounts of a case."""
    text = json.dumps(items).replace('"external_id": "1"', f'"external_id": "{number}"')
    made: list[dict[str, Any]] = json.loads(re.sub(r'"(a1|a2|i1)"', rf'"\1-{number}"', text))
    return made


def test_another_account_in_the_place_of_one_is_asked_after(store: Store, wait: Callable[[float], None]) -> None:
    """In whatever way and order, also far apart; and what leaves the account in use asks nothing."""
    for number, (name, _) in enumerate(CASES):
        hear(store, client(key=str(number), number=number + 10, name=f"Ромашка, {name}"),
             *of_case(number, [invoice(), account(FIRST)]))  # fmt: skip
    wait(365)
    for step in range(STEPS):
        assert problems(store) == []
        wait(40)
        hear(store, *(it for number, (_, told) in enumerate(CASES) if len(told) >= STEPS - step
                      for it in of_case(number, told[step - STEPS])))  # fmt: skip
    asked = {row.title.partition(", ")[2].partition(" (")[0]: row for row in problems(store)}
    assert set(asked) == set(REPLACED)
    for problem in asked.values():
        assert problem.title.endswith("in use in accounting: •••0001 БИК 044525225 → •••4321 БИК 044525225")
        assert FIRST not in problem.title
        assert SECOND not in problem.title
        assert (problem.count, problem.scope) == (1, "accounting")
        with store.read() as connection:
            (question,) = [it for it in questions(connection) if it.id == problem.id]
            assert requisites.values(connection, question) == (f"{FIRST} 044525225", f"{SECOND} 044525225")
    numbers = [number for number, (name, _) in enumerate(CASES) if name in REPLACED]
    ids = {row.id for row in problems(store)}
    hear(store, *of_case(numbers[0], [account(SECOND, "a2", title="Основной")]))
    assert {row.id for row in problems(store)} == ids
    again = [account(SECOND, "a2", title="Другой", is_main=True)]
    for number in numbers:
        hear(store, *of_case(number, again))
    assert len(problems(store)) == len(REPLACED)
    for problem in asked.values():
        current = next(row for row in problems(store) if row.key == problem.key)
        assert confirm(store, current.id) == f"{SECOND} 044525225"
    for number in numbers:
        hear(store, *of_case(number, [account(SECOND, "a2", bank="СБЕР"), account(LAST, "a3")]))
    assert problems(store) == []


def test_the_account_that_is_left_of_a_load_or_is_long_known_asks_nothing(
    store: Store, wait: Callable[[float], None]
) -> None:
    hear(store, client(), invoice(), account(FIRST))
    hear(store, account(SECOND, "a2"), closed(LAST, "a3"))  # a further page of the first load
    wait(30)
    hear(store, closed())
    assert problems(store) == []
    hear(store, account(THIRD_ACCOUNT, "a4"))
    wait(91)
    hear(store, closed(SECOND, "a2"))
    assert problems(store) == []


def test_first_accounts_ask_nothing_even_beside_closed_ones(store: Store, wait: Callable[[float], None]) -> None:
    hear(store, client(), invoice(), closed(), closed(LAST, "a3"))
    wait(365)
    hear(store, account(SECOND, "a2"))
    assert problems(store) == []


def test_a_replaced_account_that_is_back_asks_no_more(paid: Store) -> None:
    hear(paid, closed(), ADDED)
    assert len(problems(paid)) == 1
    hear(paid, account(FIRST))
    assert problems(paid) == []


def test_nobody_confirms_another_account_than_he_saw(paid: Store) -> None:
    hear(paid, closed(), ADDED)
    (seen,) = problems(paid)
    hear(paid, closed(SECOND, "a2"), account(LAST, "a3"))

    with pytest.raises(HubError, match="no problem"):
        confirm(paid, seen.id)
    (problem,) = problems(paid)
    assert problem.title.endswith("•••0001 БИК 044525225 → •••8765 БИК 044525225")
    assert confirm(paid, problem.id) == f"{LAST} 044525225"
    hear(paid, closed(LAST, "a3"), account(THIRD_ACCOUNT, "a4"))
    assert "•••8765 БИК 044525225 → •••1111" in problems(paid)[0].title


def test_a_number_that_changes_is_asked_once_and_is_then_known(paid: Store) -> None:
    hear(paid, account(SECOND))
    (problem,) = problems(paid)
    confirm(paid, problem.id)
    hear(paid, gone("a1"), account(SECOND, "a2"))
    assert problems(paid) == []


def test_a_number_that_was_confirmed_may_be_the_only_one_left(paid: Store) -> None:
    hear(paid, ADDED)
    hear(paid, account(LAST, "a2"))
    confirm(paid, problems(paid)[0].id)
    hear(paid, closed())
    assert problems(paid) == []


def test_a_question_stays_while_no_account_is_in_use(paid: Store) -> None:
    hear(paid, closed(), ADDED)
    (seen,) = problems(paid)
    hear(paid, closed(SECOND, "a2"))
    assert [row.id for row in problems(paid)] == [seen.id]
    with pytest.raises(HubError, match="nothing to confirm"):
        confirm(paid, seen.id)
    hear(paid, account(LAST, "a3"))
    assert problems(paid)[0].title.endswith("•••0001 БИК 044525225 → •••8765 БИК 044525225")


def test_accounts_that_are_replaced_without_business_ask_nothing(store: Store, wait: Callable[[float], None]) -> None:
    hear(store, client(), account(FIRST))
    wait(365)
    hear(store, closed(), ADDED)
    assert problems(store) == []


def test_a_replaced_account_of_ours_is_asked_after(store: Store, wait: Callable[[float], None]) -> None:
    hear(store, account(FIRST, of="organisation"))
    wait(365)
    hear(store, closed(of="organisation"), account(SECOND, "a2", of="organisation"))
    assert problems(store)[0].title.startswith("our own organisation: another bank account")


def test_an_account_of_another_source_counts(paid: Store) -> None:
    hear(paid, client(key="7"), account(FIRST, "b1", client={"kind": "client", "external_id": "7"}), source="desk")
    hear(paid, closed())
    assert problems(paid) == []
    hear(paid, gone("b1"), account(SECOND, "b2", client={"kind": "client", "external_id": "7"}), source="desk")
    assert "in use in desk: •••0001" in problems(paid)[0].title


def test_a_question_about_accounts_stays_with_the_client_through_a_merge(paid: Store) -> None:
    own = one(paid, "client").id
    key = next(key for key in map(str, count(2)) if entity_id("accounting", "client", key) < own)
    hear(paid, client(key=key, number=6), closed(), ADDED)
    with paid.write() as connection:
        operator.merge(connection, *sorted(row.id for row in rows(paid, "client")), ORDER, by="anna", now=NOW)

    (problem,) = problems(paid)
    assert confirm(paid, problem.id) == f"{SECOND} 044525225"
    hear(paid, account(LAST, "a3"), closed(LAST, "a3"))
    assert problems(paid) == []


def test_other_problems_are_not_confirmed(store: Store) -> None:
    hear(store, {"id": "bad", "payload": {"events": "?"}})
    (problem,) = problems(store)
    with pytest.raises(HubError, match="ends by itself"):
        confirm(store, problem.id)
    with pytest.raises(HubError, match="no problem 999 is open"):
        confirm(store, 999)
