"""Goods, prices, stock and balances of 1C on the command line, and what `hub doctor` makes of our own data there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_onec_in_the_hub import Office, publish  # noqa: F401 - a fixture

from hub.testing.peers.onec import FULL_TRADE, TRADE_REGISTERS

DAY = "2026-01-01T00:00:00"


@pytest.fixture
def office(tmp_path: Path, publish: Any) -> Office:  # noqa: F811 - the fixture
    made = Office(tmp_path)
    server = publish(FULL_TRADE, TRADE_REGISTERS)
    base = server.base
    client = base.add("Catalog_Контрагенты", Description="Ромашка ООО", ИНН="2460000001")
    tea, kind = (
        base.add("Catalog_Номенклатура", Description="Чай", Артикул="Ч-1"),
        base.add("Catalog_ВидыЦен", Description="Розничная"),
    )
    store = base.add("Catalog_Склады", Description="Основной склад")
    base.registers["InformationRegister_ЦеныНоменклатуры"].add(DAY, Номенклатура_Key=tea, ВидЦены_Key=kind, Цена=120)
    base.registers["AccumulationRegister_ТоварыНаСкладах"].add(DAY, Номенклатура_Key=tea, Склад_Key=store, ВНаличии=7)
    about = base.add("Catalog_КлючиАналитикиУчетаПоПартнерам", Контрагент_Key=client)
    debts = base.registers["AccumulationRegister_РасчетыСКлиентамиПланОплат"]
    debts.add(DAY, АналитикаУчетаПоПартнерам_Key=about, КОплате=6900)
    base.add("Document_ЗаказКлиента", Number="7", Date="2026-05-12T10:00:00", Контрагент_Key=client, СуммаДокумента=150)
    ours = base.add("Catalog_Организации", Description="Связка", НаименованиеПолное="ООО «Связка»", ИНН="2465000007",
                    КПП="246501001", ОГРН="1022400000014")  # fmt: skip
    base.add("Catalog_БанковскиеСчетаОрганизаций", Owner_Key=ours, НомерСчета="40702810500000000011",
             БИКБанка="040407627", НаименованиеБанка="АО БАНК")  # fmt: skip
    base.add("Catalog_Пользователи", Description="Иванова Мария Петровна")
    made.connect(server)
    assert {row["stream"]: row["error"] for row in made.json("sync") if row["error"]} == {}
    return made


def test_what_is_sold_and_owed_is_listed(office: Office) -> None:
    (client,) = office.json("client", "list", "--all")
    (product,) = office.json("product", "list")
    (price,) = office.json("price", "list")
    (stock,) = office.json("stock", "list")
    (order,) = office.json("order", "list", "--client", client["id"])
    (balance,) = office.json("balance", "list", "--client", client["id"])
    assert (product["name"], product["article"]) == ("Чай", "Ч-1")
    assert "client" not in product
    assert (price["product"], price["type"], price["price"]["amount"]) == (product["id"], "Розничная", "120")
    assert (stock["product"], stock["warehouse"], stock["quantity"]) == (product["id"], "Основной склад", "7")
    assert (order["number"], order["client"]) == ("7", client["id"])
    assert balance["amount"]["amount"] == "6900"
    assert office.json("balance", "list", "--unbound") == []

    assert "Чай" in office.call("price", "list")
    assert "Основной склад" in office.call("stock", "list")
    assert "Ромашка ООО" in office.call("balance", "list")
    assert "Чай" in office.call("product", "show", product["id"])
    assert [row["name"] for row in office.json("employee", "list")] == ["Иванова Мария Петровна"]
    assert "Иванова Мария Петровна" in office.call("employee", "list")
    (account,) = office.json("bank-account", "list")
    assert account["bic"] == "040407627"


def test_the_doctor_says_what_1c_knows_of_us_and_writes_nothing(office: Office) -> None:
    config = office.folder / "hub.yaml"
    before = config.read_bytes()
    fixes = "\n".join(it["fix"] for it in office.json("doctor", "--offline"))
    assert 'organisation: {name: "ООО «Связка»", inn: "2465000007", kpp: "246501001", ogrn: "1022400000014"}' in fixes

    ours = ', "organisation": {"name": "ООО «Связка»", "inn": "2465000007", "kpp": "246502002"}}'
    config.write_text(config.read_text(encoding="utf-8")[:-1] + ours, encoding="utf-8")
    found = {it["what"]: it["fix"] for it in office.json("doctor", "--offline")}
    assert found["`organisation:` has no ogrn."] == 'books says: `ogrn: "1022400000014"`.'
    assert "`organisation:` has the КПП 246502002, but books says 246501001." in found
    bank = 'bank: {account: "40702810500000000011", bic: "040407627", name: "АО БАНК"}'
    assert bank in found["`organisation:` has no bank, which invoices need."]
    assert before[:-1] == config.read_bytes()[: len(before) - 1]
