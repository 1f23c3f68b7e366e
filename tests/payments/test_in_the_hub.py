"""A payment that a bank file brings pays the invoice it means: the debt is not called in any more."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from lab import NOW, Office, item

from hub.testing.peers.bank import CLIENT_INN, OWN_ACCOUNT, Transfer

OWED = {"client": {"kind": "client", "external_id": "c1"}, "date": "2026-04-01", "due": "2026-04-10", "is_posted": True}


def _money(amount: int) -> dict[str, str]:
    return {"amount": str(amount), "currency": "RUB"}


def _office(folder: Path) -> Office:
    office = Office(folder / "office")
    books = office.script(
        "books",
        {"name": "things", "snapshot": True, "cursor": False, "batches": [{"complete": True, "records": [
            item("client", "c1", name="МБОУ СОШ № 5", inn=CLIENT_INN, status="client", manager="ivanova"),
            item("invoice", "i1", number="00БП-000005", total=_money(1500), **OWED),
            item("invoice", "i2", number="00БП-000006", total=_money(2700), **OWED),
        ]}]},
    )  # fmt: skip
    (folder / "bank").mkdir()
    office.connect({"books": books, "bank": {"connector": "bank", "folder": str(folder / "bank")}})
    office.ok("init")
    return office


def _put(folder: Path, *transfers: Transfer) -> None:
    rows = ["1CClientBankExchange", "ВерсияФормата=1.03", "Кодировка=Windows", "Отправитель=Банк", "Получатель=",
            "ДатаНачала=12.05.2026", "ДатаКонца=12.05.2026", f"РасчСчет={OWN_ACCOUNT}"]  # fmt: skip
    for transfer in transfers:
        rows += transfer.rows()
    (folder / "bank" / "kl_to_1c.txt").write_bytes("\r\n".join([*rows, "КонецФайла", ""]).encode("cp1251"))


def test_exact_match_ends_the_reminder_and_a_near_one_is_for_a_person(tmp_path: Path) -> None:
    office = _office(tmp_path)
    office.ok("sync")
    owed = [it for it in office.ok("--now", NOW, "reminder", "list", "--json").json if it["rule"] == "invoice_overdue"]
    assert len(owed) == 2

    _put(
        tmp_path,
        Transfer("77", Decimal(1500), "Оплата по счету № 5 от 01.04.2026"),
        Transfer("78", Decimal(2000), "По счету № 6"),
    )
    office.ok("sync")
    (left,) = [
        it for it in office.ok("--now", NOW, "reminder", "list", "--json").json if it["rule"] == "invoice_overdue"
    ]
    told = {it["is_exact"]: it for it in office.ok("payment", "matches", "--json").json}

    numbers = {it["id"]: it["number"] for it in office.ok("invoice", "list", "--json").json}
    assert numbers[told[True]["invoices"][0]] == "00БП-000005"
    assert numbers[told[False]["invoices"][0]] == "00БП-000006"
    assert "00БП-000006" in left["why"] + left["title"]
    shown = office.ok("payment", "matches").out
    assert "exact" in shown
    assert "left to pay" in shown
    assert [it["is_exact"] for it in office.ok("payment", "matches", "--near", "--json").json] == [False]
