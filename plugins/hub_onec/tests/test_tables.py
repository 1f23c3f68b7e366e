"""Prices, stock and balances: which table is asked, what a row is called, and how rarely 1C is troubled with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from hub.api import Rejected, Unavailable
from hub.testing.peers.onec import ACCOUNTING_REGISTERS, FULL_ACCOUNTING, FULL_TRADE, TRADE_REGISTERS, OneCServer
from hub.testing.peers.onec.edm import Field
from hub.testing.peers.onec.registers import Register
from hub_onec.tables import row_id

NIL = "00000000-0000-0000-0000-000000000000"
LEDGER = "AccountingRegister_Хозрасчетный"
PRICES = "InformationRegister_ЦеныНоменклатуры"
STOCK = "AccumulationRegister_ТоварыНаСкладах"
DEBTS = "AccumulationRegister_РасчетыСКлиентамиПланОплат"


def key(number: int) -> str:
    return f"{number:08x}-0000-11ee-8000-000000000001"


def rows(hub: Any, stream: str) -> dict[str, Any]:
    hub.sync(stream)
    return {name: json.loads(record.payload) for name, record in hub.payloads[stream].items()}


@pytest.fixture
def books(hub: Any, publish: Callable[..., OneCServer]) -> OneCServer:
    hub.server = publish(FULL_ACCOUNTING, ACCOUNTING_REGISTERS)
    for number, code in enumerate(("62.01", "62.02", "60.01", "41.01")):
        hub.server.base.add("ChartOfAccounts_Хозрасчетный", Ref_Key=key(number), Code=code)
    return hub.server  # type: ignore[no-any-return]


@pytest.fixture
def trade(hub: Any, publish: Callable[..., OneCServer]) -> OneCServer:
    hub.server = publish(FULL_TRADE, TRADE_REGISTERS)
    return hub.server  # type: ignore[no-any-return]


def test_price_is_the_latest_of_each_ware_and_kind(hub: Any, books: OneCServer) -> None:
    prices = books.base.registers[PRICES]
    for day, price in (("2026-01-01", 100), ("2026-03-01", 120.5), ("2999-01-01", 999)):
        prices.add(f"{day}T00:00:00", Номенклатура_Key=key(1), ВидЦены_Key=key(2), Цена=price)
    prices.add("2026-02-01T00:00:00", Номенклатура_Key=key(1), ВидЦены_Key=NIL, Цена=80)
    found = rows(hub, "prices")
    assert {row["Цена"] for row in found.values()} == {120.5, 80}
    assert set(found) == {f"{PRICES}//{key(2)}/{key(1)}", f"{PRICES}///{key(1)}"}


def test_new_price_changes_its_row_and_adds_none(hub: Any, books: OneCServer) -> None:
    prices = books.base.registers[PRICES]
    prices.add("2026-01-01T00:00:00", Номенклатура_Key=key(1), Цена=100)
    before = rows(hub, "prices")
    prices.add("2026-02-01T00:00:00", Номенклатура_Key=key(1), Цена=200)
    hub.clock.sleep(timedelta(hours=7))
    after = rows(hub, "prices")
    assert set(after) == set(before)
    assert [row["Цена"] for row in after.values()] == [200]


def test_table_is_asked_with_a_period_and_seldom(hub: Any, trade: OneCServer) -> None:
    trade.base.registers[STOCK].add("2026-01-01T00:00:00", Номенклатура_Key=key(1), Склад_Key=key(2), ВНаличии=5)
    assert hub.sync("stock")[-1].complete
    asked = [unquote(request) for request in trade.requests if "Balance" in request]
    assert len(asked) == 1
    assert "/Balance(Period=datetime'" in asked[0]
    assert hub.sync("stock") == []
    hub.clock.sleep(timedelta(hours=7))
    assert hub.sync("stock")[-1].complete
    assert sum("Balance" in request for request in trade.requests) == 2
    assert sum("$metadata" in request for request in trade.requests) == 1  # kept from the first time


def test_metadata_is_fetched_again_when_the_composition_changes(hub: Any, trade: OneCServer) -> None:
    hub.sync("stock")
    trade.base.composition.discard("Catalog_Партнеры")
    hub.clock.sleep(timedelta(hours=7))
    hub.sync("stock")
    assert sum("$metadata" in request for request in trade.requests) == 2


def test_row_restrictions_prove_nothing_gone(hub: Any, trade: OneCServer) -> None:
    trade.base.registers[STOCK].add("2026-01-01T00:00:00", Номенклатура_Key=key(1), ВНаличии=5)
    hub.settings["allowed_only"] = "true"
    assert not any(batch.complete for batch in hub.sync("stock"))


def test_register_that_leaves_the_composition_is_not_gone(hub: Any, publish: Callable[..., OneCServer]) -> None:
    field, amount = (Field("Номенклатура_Key", "Guid"),), (Field("Сумма", "Double"),)
    other = "AccumulationRegister_ЗапасыНаСкладах"
    hub.server = publish(
        FULL_TRADE, [Register(it, "accumulation", field, amount, "Document_X") for it in (STOCK, other)]
    )
    for name in (STOCK, other):
        hub.server.base.registers[name].add("2026-01-01T00:00:00", Номенклатура_Key=key(1), Сумма=5)
    before = rows(hub, "stock")
    hub.server.base.composition.discard(other)
    for _ in range(2):
        hub.clock.sleep(timedelta(hours=7))
        assert set(rows(hub, "stock")) == set(before)
    hub.server.base.composition.add(other)
    hub.clock.sleep(timedelta(hours=7))
    assert hub.sync("stock")[-1].complete


def test_of_two_registers_that_say_the_same_one_is_read(hub: Any, publish: Callable[..., OneCServer]) -> None:
    field, amount = (Field("Контрагент_Key", "Guid"),), (Field("Сумма", "Double"),)
    better = "AccumulationRegister_РасчетыСКлиентами"
    registers = [Register(it, "accumulation", field, amount, "Document_X") for it in (DEBTS, better, LEDGER)]
    hub.server = publish(FULL_TRADE, registers)
    for name in (DEBTS, better):
        hub.server.base.registers[name].add("2026-01-01T00:00:00", Контрагент_Key=key(1), Сумма=5)
    assert set(rows(hub, "settlements")) == {f"{better}/{key(1)}"}
    assert "account_settlements" not in [it.name for it in hub.connector().streams()]
    hub.server.base.composition.discard(better)
    hub.clock.sleep(timedelta(hours=7))
    assert set(rows(hub, "settlements")) == {f"{DEBTS}/{key(1)}"}, "no debt is counted twice"


def test_amount_as_text_changes_its_row_and_adds_none(hub: Any, trade: OneCServer) -> None:
    stock = trade.base.registers[STOCK]
    stock.add("2026-01-01T00:00:00", Номенклатура_Key=key(1), Склад_Key=key(2), ВНаличии=5)
    trade.base.amounts_as_text = True
    before = rows(hub, "stock")
    stock.add("2026-01-02T00:00:00", Номенклатура_Key=key(1), Склад_Key=key(2), ВНаличии=7)
    hub.clock.sleep(timedelta(hours=7))
    after = rows(hub, "stock")
    assert set(after) == set(before)
    assert [row["ВНаличииBalance"] for row in after.values()] == ["12"]


def test_stock_that_went_to_nothing_is_gone(hub: Any, trade: OneCServer) -> None:
    stock = trade.base.registers[STOCK]
    stock.add("2026-01-01T00:00:00", Номенклатура_Key=key(1), Склад_Key=key(2), ВНаличии=5)
    stock.add("2026-01-01T00:00:00", Номенклатура_Key=key(3), Склад_Key=key(2), ВНаличии=2.5)
    assert {row["ВНаличииBalance"] for row in rows(hub, "stock").values()} == {5, 2.5}
    stock.add("2026-01-02T00:00:00", Номенклатура_Key=key(1), Склад_Key=key(2), ВНаличии=5, RecordType="Expense")
    hub.clock.sleep(timedelta(hours=7))
    assert set(rows(hub, "stock")) == {f"{STOCK}/{key(3)}/{key(2)}/"}


def test_balances_of_the_books_are_those_of_the_wanted_accounts(hub: Any, books: OneCServer) -> None:
    ledger = books.base.registers[LEDGER]
    client = {"ExtDimension1": key(9), "ExtDimension1_Type": "StandardODATA.Catalog_Контрагенты"}
    for number, amount in ((0, "6900.10"), (1, 10), (2, 77), (3, 500)):
        ledger.add("2026-01-01T00:00:00", Account_Key=key(number), Сумма=amount, **client)
    found = rows(hub, "account_settlements")
    assert {row["СуммаBalance"] for row in found.values()} == {6900.1, 10}
    assert {row["Account_Key"] for row in rows(hub, "account_stock").values()} == {key(3)}
    assert {row["СуммаBalanceDr"] for row in found.values()} == {6900.1, 10}


def test_many_accounts_are_asked_for_in_several_addresses(hub: Any, books: OneCServer) -> None:
    ledger = books.base.registers[LEDGER]
    for number in range(100, 150):
        books.base.add("ChartOfAccounts_Хозрасчетный", Ref_Key=key(number), Code=f"62.{number}")
        ledger.add("2026-01-01T00:00:00", Account_Key=key(number), Сумма=number)
    assert len(rows(hub, "account_settlements")) == 50
    assert max(len(request) for request in books.requests) < 2000


def test_chart_without_the_accounts_is_said(hub: Any, books: OneCServer) -> None:
    books.base.sets["ChartOfAccounts_Хозрасчетный"].rows.clear()
    books.base.sets["ChartOfAccounts_Хозрасчетный"].load([])
    with pytest.raises(Rejected, match="no account 62"):
        hub.sync("account_settlements")


def test_debts_by_term_are_told_apart_by_their_date(hub: Any, trade: OneCServer) -> None:
    debts = trade.base.registers[DEBTS]
    for day, amount in (("2026-05-01", 100), ("2026-06-01", 200)):
        debts.add("2026-01-01T00:00:00", АналитикаУчетаПоПартнерам_Key=key(1), КОплате=amount,
                  ДатаПлановогоПогашения=f"{day}T00:00:00")  # fmt: skip
    assert {row["КОплатеBalance"] for row in rows(hub, "settlements").values()} == {100, 200}


def test_register_without_the_table_is_a_finding_and_stops_only_its_stream(
    hub: Any, publish: Callable[..., OneCServer]
) -> None:
    turnover = Register(STOCK, "turnover", (Field("Номенклатура_Key", "Guid"),), (Field("Количество", "Double"),))
    hub.server = publish(FULL_TRADE, (turnover,))
    assert f"{STOCK} has no Balance." in [what for what, _ in hub.connector().check().findings]
    with pytest.raises(Rejected, match="no Balance"):
        hub.sync("stock")
    hub.sync("counterparties")


def test_register_that_may_not_be_read_is_a_finding_and_costs_no_table(hub: Any, trade: OneCServer) -> None:
    trade.troubles.forbidden = {STOCK}
    assert any(STOCK in what for what, _ in hub.connector().check().findings)
    assert not any("Balance" in request for request in trade.requests)


def test_functions_bound_by_path_are_found_too(hub: Any, trade: OneCServer) -> None:
    trade.binds_by_path = True
    trade.base.registers[STOCK].add("2026-01-01T00:00:00", Номенклатура_Key=key(1), ВНаличии=5)
    assert len(rows(hub, "stock")) == 1


def test_cut_table_is_unavailable_and_takes_nothing_away(hub: Any, trade: OneCServer) -> None:
    trade.base.registers[STOCK].add("2026-01-01T00:00:00", Номенклатура_Key=key(1), ВНаличии=5)
    before = rows(hub, "stock")
    hub.clock.sleep(timedelta(hours=7))
    trade.troubles.cut = "body"
    connector = hub.connector()
    with pytest.raises(Unavailable):
        list(hub.batches("stock", connector))
    assert set(hub.payloads["stock"]) == set(before)


def test_amounts_as_text_are_not_taken_for_dimensions() -> None:
    types = {"Цена": "Edm.Double", "Номенклатура_Key": "Edm.Guid"}
    one = row_id(f'{{"Номенклатура_Key":"{key(1)}","Цена":"6626"}}'.encode(), types)
    other = row_id(f'{{"Цена":7000,"Номенклатура_Key":"{key(1)}"}}'.encode(), types)
    assert one == other == key(1)


def test_row_with_many_dimensions_has_a_short_name() -> None:
    payload = json.dumps({f"Измерение{number}_Key": key(number) for number in range(25)}).encode()
    assert len(row_id(payload, {})) == 64


def test_rows_that_differ_in_amounts_only_are_both_kept(hub: Any, publish: Callable[..., OneCServer]) -> None:
    without = Register(STOCK, "accumulation", (Field("Порядок", "Int64"),), (Field("Сумма", "Double"),), "Document_X")
    hub.server = publish(FULL_TRADE, (without,))
    for number in (1, 2):
        hub.server.base.registers[STOCK].add("2026-01-01T00:00:00", Порядок=number, Сумма=number)
    assert {row["СуммаBalance"] for row in rows(hub, "stock").values()} == {1, 2}
