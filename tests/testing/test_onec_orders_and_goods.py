"""Orders with their payments, and goods with their stock and prices, from a published base of 1C to the lists."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from test_onec_in_the_hub import Office, publish  # noqa: F401 - a fixture

from hub.testing.peers.onec import FULL_ACCOUNTING, FULL_TRADE, TRADE_REGISTERS, Infobase

CLIENTS, CONTRACTS, GOODS = "Catalog_Контрагенты", "Catalog_ДоговорыКонтрагентов", "Catalog_Номенклатура"
ORDERS, PAYMENTS = "Document_ЗаказКлиента", "Document_ПоступлениеБезналичныхДенежныхСредств"
SALES = "Document_РеализацияТоваровУслуг"
DAY = "2026-05-12T10:00:00"


@pytest.fixture
def base(tmp_path: Path, publish: Any, office: Office) -> Infobase:  # noqa: F811 - the fixture
    server = publish(FULL_TRADE, TRADE_REGISTERS)
    office.connect(server, tables_every="0s")
    made: Infobase = server.base
    return made


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def counts(office: Office, *streams: str) -> dict[str, tuple[int, int, int]]:
    """Read everything; return of these streams how many are new, changed and gone."""
    done = office.sync()
    assert {name: row["error"] for name, row in done.items() if row["error"]} == {}
    return {name: (done[name]["new"], done[name]["changed"], done[name]["deleted"]) for name in streams}


def test_orders_and_payments_come_and_stay_as_they_are_in_1c_s002_32(office: Office, base: Infobase) -> None:
    client = base.add(CLIENTS, Description="Ромашка ООО", ИНН="2460000001")
    contract = base.add(CONTRACTS, Контрагент_Key=client, Номер="Д-1")
    tea, rouble = base.add(GOODS, Description="Чай"), base.add("Catalog_Валюты", Code="643", Description="руб.")
    whose = {"Контрагент_Key": client, "Договор_Key": contract, "Валюта_Key": rouble, "Date": DAY, "Posted": True}
    rows = [{"Номенклатура_Key": tea, "Количество": 2, "Сумма": Decimal("300.2")}]
    first = base.add(ORDERS, Number="1", СуммаДокумента=Decimal("300.2"), Статус="КВыполнению", Товары=rows, **whose)
    second = base.add(ORDERS, Number="2", СуммаДокумента=500, Статус="Согласован", **whose)
    advance = base.add(PAYMENTS, Number="11", СуммаДокумента=100, НазначениеПлатежа="Аванс по заказу 1", **whose)
    assert counts(office, "orders", "payments") == {"orders": (2, 0, 0), "payments": (1, 0, 0)}

    (known,) = office.json("client", "list", "--all")
    (agreed,) = office.json("contract", "list")
    orders = {row["number"]: row for row in office.json("order", "list", "--client", known["id"])}
    assert orders["1"]["total"] == {"amount": "300.2", "currency": "RUB"}
    assert (orders["1"]["state"], orders["1"]["contract"], orders["1"]["client"]) == (
        "КВыполнению", agreed["id"], known["id"]
    )  # fmt: skip
    assert [(it["title"], it["quantity"]) for it in orders["1"]["lines"]] == [("Чай", "2")]
    assert "Чай: 2 = 300.20 RUB" in office.call("order", "show", orders["1"]["id"])
    (paid,) = office.json("payment", "list", "--client", known["id"])
    assert (paid["total"]["amount"], paid["purpose"], paid["contract"]) == ("100", "Аванс по заказу 1", agreed["id"])

    base.change(ORDERS, first, Статус="Закрыт")
    base.remove(ORDERS, second)
    base.change(PAYMENTS, advance, DeletionMark=True)
    base.add(PAYMENTS, Number="12", СуммаДокумента=Decimal("300.2"), НазначениеПлатежа="Оплата заказа 1", **whose)
    assert counts(office, "orders", "payments") == {"orders": (0, 1, 1), "payments": (1, 1, 0)}
    (order,) = office.json("order", "list", "--client", known["id"])
    assert (order["number"], order["is_closed"]) == ("1", True)
    (paid,) = office.json("payment", "list", "--client", known["id"])
    assert (paid["number"], paid["total"]["amount"]) == ("12", "300.2")
    assert counts(office, "orders", "payments") == {"orders": (0, 0, 0), "payments": (0, 0, 0)}


def test_goods_stand_with_their_stock_and_every_price_s004_1(office: Office, base: Infobase) -> None:
    """S004-1: one catalogue with quantities, prices of purchase and of sale, and what was sold at which price."""
    cable, camera = base.add(GOODS, Description="Кабель", Артикул="К-1"), base.add(GOODS, Description="Камера")
    white, black = (base.add("Catalog_ХарактеристикиНоменклатуры", Description=it) for it in ("белая", "чёрная"))
    purchase, retail = (base.add("Catalog_ВидыЦен", Description=it) for it in ("Закупочная", "Розничная"))
    main, van = (base.add("Catalog_Склады", Description=it) for it in ("Основной", "Машина монтажников"))
    prices = base.registers["InformationRegister_ЦеныНоменклатуры"]
    stock = base.registers["AccumulationRegister_ТоварыНаСкладах"]
    for kind, price in ((purchase, Decimal("41.5")), (retail, 70)):
        prices.add(DAY, Номенклатура_Key=cable, ВидЦены_Key=kind, Цена=price)
    for variant, price in ((white, 5000), (black, 5400)):
        prices.add(DAY, Номенклатура_Key=camera, Характеристика_Key=variant, ВидЦены_Key=retail, Цена=price)
        stock.add(DAY, Номенклатура_Key=camera, Характеристика_Key=variant, Склад_Key=main, ВНаличии=2)
    for place, quantity in ((main, 300), (van, Decimal("25.5"))):
        stock.add(DAY, Номенклатура_Key=cable, Склад_Key=place, ВНаличии=quantity)
    row = {"Номенклатура_Key": cable, "Количество": 10, "Цена": 70, "Сумма": 700}
    base.add(SALES, Number="5", Date=DAY, СуммаДокумента=700, Товары=[row])
    assert counts(office, "nomenclature", "prices", "stock") == {
        "nomenclature": (2, 0, 0), "prices": (4, 0, 0), "stock": (4, 0, 0)
    }  # fmt: skip

    named = {row["id"]: row["name"] for row in office.json("product", "list")}
    assert sorted(named.values()) == ["Кабель", "Камера"]

    def priced() -> set[tuple[str, ...]]:
        return {(named[it["product"]], it["variant"], it["type"], it["price"]["amount"])
                for it in office.json("price", "list")}  # fmt: skip

    def stored() -> set[tuple[str, ...]]:
        return {(named[it["product"]], it["variant"], it["warehouse"], it["quantity"])
                for it in office.json("stock", "list")}  # fmt: skip

    cameras = {("Камера", "белая", "Розничная", "5000"), ("Камера", "чёрная", "Розничная", "5400")}
    assert priced() == cameras | {("Кабель", "", "Закупочная", "41.5"), ("Кабель", "", "Розничная", "70")}
    shelves = {("Камера", "белая", "Основной", "2"), ("Камера", "чёрная", "Основной", "2")}
    assert stored() == shelves | {("Кабель", "", "Основной", "300"), ("Кабель", "", "Машина монтажников", "25.5")}
    (sold,) = office.json("act", "list")
    assert [(it["title"], it["price"]["amount"], it["total"]["amount"]) for it in sold["lines"]] == [
        ("Кабель", "70", "700")
    ]
    assert "чёрная" in office.call("price", "list")

    prices.add("2026-05-13T10:00:00", Номенклатура_Key=cable, ВидЦены_Key=retail, Цена=75)
    stock.add(DAY, Номенклатура_Key=cable, Склад_Key=main, ВНаличии=10, RecordType="Expense")
    stock.add(DAY, Номенклатура_Key=camera, Характеристика_Key=white, Склад_Key=main, ВНаличии=2, RecordType="Expense")
    assert counts(office, "prices", "stock") == {"prices": (0, 1, 0), "stock": (0, 1, 1)}
    assert ("Кабель", "", "Розничная", "75") in priced()
    assert len(priced()) == 4, "the new price takes the place of the old one"
    assert ("Кабель", "", "Основной", "290") in stored()
    assert {it for it in stored() if it[0] == "Камера"} == {("Камера", "чёрная", "Основной", "2")}


def test_reminders_of_a_client_go_to_who_stands_in_1c(office: Office, publish: Any) -> None:  # noqa: F811
    server = publish(FULL_ACCOUNTING)
    user = server.base.add("Catalog_Пользователи", Description="Иванова Мария Сергеевна")
    server.base.add(CLIENTS, Description="Ромашка ООО", ИНН="2460000001", ОсновнойМенеджер_Key=user)
    office.connect(server, fields={"manager": "ОсновнойМенеджер_Key"})
    config = office.folder / "hub.yaml"
    made = json.loads(config.read_text(encoding="utf-8"))
    office.sync()
    strange = "of the clients 1 have a manager whom no employee is called (different names: 1)."
    assert strange in [it["what"] for it in office.json("doctor", "--offline")]
    made["employees"] = [{"id": "ivanova", "name": "Иванова Мария Сергеевна", "role": "manager"}]
    config.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
    (client,) = office.json("client", "list", "--all")
    assert client["manager"] == "ivanova"
    assert strange not in [it["what"] for it in office.json("doctor", "--offline")]
