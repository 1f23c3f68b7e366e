"""S-36: another number of a bank account, or another account in the place of one, is asked after."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from inside import NOW, one, problems, rows
from lab import gone, item
from requisites_lab import client, confirm, hear

from hub import operator, requisites
from hub.model.errors import HubError
from hub.projection import Sources
from hub.requisites import questions
from hub.store import documents
from hub.store.database import Store
from hub.store.parties import entity_id

ORDER = Sources(("accounting", "desk"))
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
