"""A contract or payment that was entered by hand and that 1C brings later is one, and not asked about twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from bureau import Office, furnished

from hub.entries import twins
from hub.ingest import ingest
from hub.model.entities import Contract, Payment, Reference
from hub.model.values import Money
from hub.normalise import deletions
from hub.projection import Sources

NAME = "Школа, камеры"
DAY = date(2026, 11, 20)
SIGN = ("project", "sign", NAME, "--number", "21/2026", "--date", "20.11", "--start", "25.11", "--end", "10.12")


def begun(office: Office) -> Office:
    office.ok("project", "new", "--client", "Школа № 5", "--name", NAME, "--next-call", "завтра")
    office.ok("offer", "new", "--project", NAME, "--total", "50000")
    office.ok("offer", "send", "1")
    office.ok("offer", "accept", "1")
    return office


def signed(office: Office) -> Office:
    """Have a contract that was entered, cash under it, a note and a list that speak of it."""
    begun(office).ok(*SIGN)
    office.ok("project", "pay", NAME, "--total", "20000", "--date", "20.11", "--purpose", "наличные")
    (contract,) = office.rows("contract")
    office.ok("note", "new", "--about", f"contract/{contract['id']}", "--text", "подписали на месте")
    return office


def brings(office: Office, day: date | None = DAY, number: str = "№ 21/2026", client: str = "1") -> None:
    office.says("base", "k21", Contract(number=number, client=Reference("client", client), date=day))


def pays(office: Office, key: str, total: int, *, is_posted: bool = True) -> None:
    office.says("base", key, Payment(number=key, client=Reference("client", "1"), contract=Reference("contract", "k21"),
                                     date=DAY, total=Money(Decimal(total)), is_posted=is_posted))  # fmt: skip


def settles(office: Office) -> None:
    twins.take_over(office.store, Sources(["base", "desk"]), office.now)


def test_contract_of_1c_takes_the_place_of_the_one_entered(each_office: Office) -> None:
    """S004-19, S004-21: object, cash and notes speak of 1C's contract, and what 1C was paid counts."""
    office = signed(each_office)
    brings(office)
    pays(office, "p1", 20000)
    pays(office, "p2", 30000)
    settles(office)
    (contract,) = office.rows("contract")
    assert contract["connection"] == "base"
    assert office.rows("project")[0]["contract"] == contract["id"]
    assert office.rows("note")[0]["about"] == contract["id"]
    assert {(it["connection"], it["number"]) for it in office.rows("payment")} == {("base", "p1"), ("base", "p2")}
    assert office.json("project", "payments", NAME)["paid"] == "50000.00"
    before = office.events()
    settles(office)
    assert office.events() == before
    office.ok("project", "change", NAME, "--address", "ул. Школьная, 7")
    assert office.rows("project")[0]["contract"] == contract["id"]


def test_whichever_came_first_the_end_is_the_same(made: Callable[..., Office]) -> None:
    office = begun(furnished(made()))
    brings(office)
    office.ok(*SIGN)
    (contract,) = office.rows("contract")
    assert (contract["connection"], office.rows("project")[0]["contract"]) == ("base", contract["id"])


def test_other_money_of_the_same_day_stays(office: Office) -> None:
    """One payment of 1C is one that was entered; what a person calls other money is."""
    brings(signed(office))
    pays(office, "p1", 20000)
    office.ok("project", "pay", NAME, "--total", "20000", "--date", "20.11", "--again")
    settles(office)
    assert sorted(it["connection"] for it in office.rows("payment")) == ["base", "operator"]
    settles(office)
    assert office.json("project", "payments", NAME)["paid"] == "40000.00"


@pytest.mark.parametrize(("day", "number", "client"), [
    (DAY, "22/2026", "1"), (DAY, "21/2026", "2"), (None, "21/2026", "1"), (date(2026, 11, 19), "21/2026", "1"),
])  # fmt: skip
def test_another_contract_stays_another(office: Office, day: date | None, number: str, client: str) -> None:
    brings(signed(office), day, number, client)
    settles(office)
    assert sorted(it["connection"] for it in office.rows("contract")) == ["base", "operator"]


def test_a_contract_of_another_day_is_suggested(office: Office) -> None:
    """The accountant wrote the day on which it came back: a person says whether it is the same."""
    brings(signed(office), date(2026, 11, 24))
    (found,) = office.json("match", "list")
    assert (found["kind"], found["reason"]) == ("contract", "same client and number")
    told = office.ok("match", "list")
    assert "contract № 21/2026 of 20.11.2026, entered here" in told
    assert "contract № 21/2026 of 24.11.2026, from base" in told
    office.ok("match", "reject", found["id"])
    assert office.json("match", "list") == []
    assert len(office.rows("contract")) == 2


def test_accepting_the_suggestion_makes_one_contract_and_one_payment(office: Office) -> None:
    brings(signed(office), date(2026, 11, 24))
    pays(office, "p1", 20000)
    (found,) = office.json("match", "list")
    assert f"One contract now: {found['right']}" in office.call("match", "accept", found["id"]).output
    assert [it["id"] for it in office.rows("contract")] == [found["right"]]
    assert [it["connection"] for it in office.rows("payment")] == ["base"]


def test_clients_that_become_one_have_one_contract(office: Office) -> None:
    brings(signed(office), client="2")
    settles(office)
    assert len(office.rows("contract")) == 2
    school, clinic = (office.json("client", "list", "--search", name)[0]["id"] for name in ("Школа", "Поликлиника"))
    office.ok("client", "merge", school, clinic)
    assert [it["connection"] for it in office.rows("contract")] == ["base"]


def test_every_sync_looks_for_them(made: Callable[..., Office]) -> None:
    office = made()
    folder = office.folder / "statements"
    folder.mkdir()
    office = furnished(made(connections={"bank": {"connector": "bank", "folder": str(folder)}}))
    brings(signed(office))
    office.ok("sync", "bank")
    assert [it["connection"] for it in office.rows("contract")] == ["base"]


def deletes(office: Office, *subjects: str) -> None:
    with office.store.write() as connection:
        ingest(connection, "base", deletions(subjects, "", office.now.isoformat()), Sources(["base"]), office.now)


def test_what_the_accounting_deletes_comes_back_as_it_was_entered(each_office: Office) -> None:
    """S004-19, S004-21: object, cash, notes speak of it again, those too that were entered meanwhile."""
    office = signed(each_office)
    (own,) = office.rows("contract")
    brings(office)
    pays(office, "p1", 20000)
    settles(office)
    (theirs,) = office.rows("contract")
    office.ok("note", "new", "--about", f"contract/{theirs['id']}", "--text", "продлили устно")
    deletes(office, "contract/k21", "payment/p1")
    settles(office)
    assert [{**it, "recorded_at": None} for it in office.rows("contract")] == [{**own, "recorded_at": None}]
    assert office.rows("project")[0]["contract"] == own["id"]
    assert [it["about"] for it in office.rows("note")] == [own["id"]] * 2
    assert [it["connection"] for it in office.rows("payment")] == ["operator"]
    assert office.json("project", "payments", NAME)["paid"] == "20000.00"
    before = office.events()
    settles(office)
    assert office.events() == before
    brings(office)
    pays(office, "p1", 20000)
    settles(office)
    assert [it["id"] for it in office.rows("contract")] == [theirs["id"]]
    assert [it["number"] for it in office.rows("payment")] == ["p1"]
    assert office.json("project", "payments", NAME)["paid"] == "20000.00"


@pytest.mark.parametrize("is_posted", [True, False])
def test_money_that_the_accounting_takes_back_counts_as_it_was_entered(office: Office, is_posted: bool) -> None:
    """A payment that was deleted or is posted no more is none; entered anew under another key it is one again."""
    brings(signed(office))
    pays(office, "p1", 20000)
    settles(office)
    if is_posted:
        deletes(office, "payment/p1")
    else:
        pays(office, "p1", 20000, is_posted=False)
    settles(office)
    assert [it["connection"] for it in office.rows("payment") if it["is_posted"]] == ["operator"]
    assert office.json("project", "payments", NAME)["paid"] == "20000.00"
    pays(office, "p2", 20000)
    settles(office)
    settles(office)
    assert [it["number"] for it in office.rows("payment") if it["is_posted"]] == ["p2"]
