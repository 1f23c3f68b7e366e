"""Goods, prices, stock, orders, accounts and balances of both kinds of base, as the hub understands them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import (
    BadRecord,
    Balance,
    BankAccount,
    Money,
    Order,
    Organisation,
    Price,
    Product,
    Record,
    Reference,
    Stock,
)
from hub.testing.peers.onec import ACCOUNTING_REGISTERS, FULL_ACCOUNTING, FULL_TRADE, TRADE_REGISTERS, OneCServer
from hub.testing.peers.onec.edm import Field, catalog, chart, composite, text
from hub.testing.peers.onec.registers import Register
from hub_onec import joins
from hub_onec.normalise import Normaliser
from hub_onec.settings import OneCSettings
from hub_onec.trade import rate_of

NIL = "00000000-0000-0000-0000-000000000000"
CLIENTS, ORGANISATIONS = "Catalog_Контрагенты", "Catalog_Организации"
KEYS = "Catalog_КлючиАналитикиУчетаПоПартнерам"
DAY = "2026-01-01T00:00:00"


def said(hub: Any, stream: str) -> list[Any]:
    """Return what the hub understands of a stream."""
    hub.sync(stream)
    return [event.data for event in hub.events(stream)]


@pytest.fixture
def books(hub: Any, publish: Callable[..., OneCServer]) -> Any:
    hub.server = publish(FULL_ACCOUNTING, ACCOUNTING_REGISTERS)
    return hub.server.base


@pytest.fixture
def trade(hub: Any, publish: Callable[..., OneCServer]) -> Any:
    hub.server = publish(FULL_TRADE, TRADE_REGISTERS)
    return hub.server.base


def test_an_organisation_of_ours(hub: Any, books: Any) -> None:
    points = [
        {"Тип": "Телефон", "Представление": "8 (391) 200-00-01"},
        {"Тип": "Адрес", "Представление": "660000, г. Красноярск"},
    ]
    books.add(ORGANISATIONS, Description="Связка ООО", НаименованиеПолное="ООО «Связка»", ИНН="2465000007",
              КПП="246501001", ОГРН="1022400000014", Префикс="СВ", КонтактнаяИнформация=points)  # fmt: skip
    books.add(ORGANISATIONS, Description="Ликвидирована", DeletionMark=True)
    assert said(hub, "organisations") == [
        Organisation(name="Связка ООО", full_name="ООО «Связка»", inn="2465000007", kpp="246501001",
                     ogrn="1022400000014", prefix="СВ", address="660000, г. Красноярск", phone="+73912000001")
    ]  # fmt: skip


def test_accounts_of_the_books_belong_to_whom_their_owner_is(hub: Any, books: Any) -> None:
    client, ours = books.add(CLIENTS, Description="Ромашка"), books.add(ORGANISATIONS, Description="Связка")
    bank = books.add("Catalog_Банки", Description="ПАО СБЕРБАНК")
    dollar = books.add("Catalog_Валюты", Code="840", Description="USD")
    of = "StandardODATA."
    books.add("Catalog_БанковскиеСчета", Owner=client, Owner_Type=of + CLIENTS, НомерСчета="40702810500000000011",
              Банк_Key=bank, Description="Основной")  # fmt: skip
    books.add("Catalog_БанковскиеСчета", Owner=ours, Owner_Type=of + ORGANISATIONS, НомерСчета="40702840500000000012",
              ВалютаДенежныхСредств_Key=dollar, ДатаЗакрытия="2025-12-31T00:00:00")  # fmt: skip
    books.add("Catalog_БанковскиеСчета", Owner=client, Owner_Type=of + "Catalog_ФизическиеЛица", НомерСчета="4" * 20)
    books.add("Catalog_БанковскиеСчета", Owner=client, Owner_Type=of + CLIENTS, Description="без номера")
    first, second, third = sorted(said(hub, "bank_accounts"), key=lambda it: it.number)
    assert first == BankAccount(number="40702810500000000011", client=Reference("client", client), title="Основной",
                                bank="ПАО СБЕРБАНК")  # fmt: skip
    assert second == BankAccount(number="40702840500000000012", organisation=Reference("organisation", ours),
                                 currency="USD", is_closed=True)  # fmt: skip
    assert (third.client, third.organisation) == (None, None), "the account of a person of ours is nobody's here"


def test_accounts_of_the_trade_lie_apart(hub: Any, trade: Any) -> None:
    client, ours = trade.add(CLIENTS, Description="Ромашка"), trade.add(ORGANISATIONS, Description="Связка")
    trade.add("Catalog_БанковскиеСчетаКонтрагентов", Owner=client, Owner_Type=f"StandardODATA.{CLIENTS}",
              НомерСчета="40702810500000000011", НаименованиеБанка="СБЕР")  # fmt: skip
    trade.add("Catalog_БанковскиеСчетаОрганизаций", Owner_Key=ours, НомерСчета="40702978500000000012",
              БИКБанка="040407627", КоррСчетБанка="30101810800000000627", Закрыт=True)  # fmt: skip
    assert said(hub, "bank_accounts") == [
        BankAccount(number="40702810500000000011", client=Reference("client", client), bank="СБЕР")
    ]
    assert said(hub, "own_bank_accounts") == [
        BankAccount(number="40702978500000000012", organisation=Reference("organisation", ours), bic="040407627",
                    corr_account="30101810800000000627", currency="EUR", is_closed=True)
    ]  # fmt: skip


def test_goods_of_the_books(hub: Any, books: Any) -> None:
    unit = books.add("Catalog_КлассификаторЕдиницИзмерения", Description="шт")
    group = books.add("Catalog_Номенклатура", Description="Услуги", IsFolder=True)
    books.add("Catalog_Номенклатура", Description="Абонемент", Code="00-1", Артикул="АБ", Услуга=True, Parent_Key=group,
              ЕдиницаИзмерения_Key=unit, СтавкаНДС="НДС20", Комментарий="в месяц")  # fmt: skip
    (found,) = said(hub, "nomenclature")
    assert found == Product(name="Абонемент", code="00-1", article="АБ", type="service", unit="шт", vat_rate=20,
                            group="Услуги", note="в месяц")  # fmt: skip


def test_goods_of_the_trade(hub: Any, trade: Any) -> None:
    rate = trade.add("Catalog_СтавкиНДС", Description="10%")
    trade.add("Catalog_Номенклатура", Description="Чай", ТипНоменклатуры="Товар", СтавкаНДС_Key=rate)
    trade.add("Catalog_Номенклатура", Description="Старый чай", DeletionMark=True)
    assert said(hub, "nomenclature") == [Product(name="Чай", type="goods", vat_rate=10)]


@pytest.mark.parametrize(
    ("text", "rate"),
    [("НДС20", 20), ("НДС20_120", 20), ("НДС 10%", 10), ("20%", 20), ("5%", 5), ("10/110", 10), ("НДС0", 0),
     ("БезНДС", None), ("Без НДС", None), ("", None), ("Общая", None), ("НДС200", None)],
)  # fmt: skip
def test_rates_in_every_spelling(text: str, rate: int | None) -> None:
    assert rate_of(text) == rate


def test_an_order(hub: Any, trade: Any) -> None:
    client = trade.add(CLIENTS, Description="Ромашка")
    rouble = trade.add("Catalog_Валюты", Code="643", Description="руб.")
    given = {"Date": "2026-05-12T10:00:00", "Контрагент_Key": client, "Валюта_Key": rouble}
    trade.add("Document_ЗаказКлиента", Number="7", СуммаДокумента=Decimal("150.50"), Статус="КВыполнению", Posted=True,
              ДатаОтгрузки="2026-05-20T00:00:00", Комментарий="к отгрузке", **given)  # fmt: skip
    trade.add("Document_ЗаказКлиента", Number="8", Статус="Закрыт", **given)
    trade.add("Document_ЗаказКлиента", Number="9", DeletionMark=True, **given)
    first, second = sorted(said(hub, "orders"), key=lambda it: it.number)
    assert first == Order(
        number="7", client=Reference("client", client), date=dt.date(2026, 5, 12), shipping=dt.date(2026, 5, 20),
        state="КВыполнению", total=Money(Decimal("150.5")), note="к отгрузке",
    )  # fmt: skip
    assert (second.is_closed, second.is_posted) == (True, False)


def test_prices_say_their_kind_and_currency(hub: Any, trade: Any) -> None:
    tea, kind = (
        trade.add("Catalog_Номенклатура", Description="Чай"),
        trade.add("Catalog_ВидыЦен", Description="Розничная"),
    )
    dollar = trade.add("Catalog_Валюты", Code="840", Description="USD")
    prices = trade.registers["InformationRegister_ЦеныНоменклатуры"]
    prices.add("2026-03-01T00:00:00", Номенклатура_Key=tea, ВидЦены_Key=kind, Цена=Decimal("120.50"), Валюта_Key=dollar)
    prices.add(DAY, Номенклатура_Key=NIL, Цена=5)
    expected = Price(product=Reference("product", tea), type="Розничная", price=Money(Decimal("120.5"), "USD"),
                     date=dt.date(2026, 3, 1))  # fmt: skip
    assert said(hub, "prices") == [expected]
    ids = hub.ids("prices")
    hub.server.troubles.unknown_names = {"ВидЦены____Presentation"}
    hub.clock.sleep(timedelta(hours=7))
    assert [it.price for it in said(hub, "prices")] == [Money(Decimal("120.5"))], "this publication shows no references"
    assert hub.ids("prices") == ids


def test_stock_by_warehouse(hub: Any, trade: Any) -> None:
    tea, store = (
        trade.add("Catalog_Номенклатура", Description="Чай"),
        trade.add("Catalog_Склады", Description="Основной"),
    )
    stock = trade.registers["AccumulationRegister_ТоварыНаСкладах"]
    stock.add(DAY, Номенклатура_Key=tea, Склад_Key=store, ВНаличии=Decimal("12.500"), КОтгрузке=2)
    expected = Stock(product=Reference("product", tea), warehouse="Основной", quantity="12.5", reserved="2")
    assert said(hub, "stock") == [expected]
    trade.amounts_as_text = True
    hub.clock.sleep(timedelta(hours=7))
    assert said(hub, "stock") == [expected]


def test_stock_and_debts_of_the_books(hub: Any, books: Any) -> None:
    accounts = {code: books.add("ChartOfAccounts_Хозрасчетный", Code=code) for code in ("41.01", "62.01", "62.02")}
    tea, client = books.add("Catalog_Номенклатура", Description="Чай"), books.add(CLIENTS, Description="Ромашка")
    contract, ours = books.add("Catalog_ДоговорыКонтрагентов"), books.add(ORGANISATIONS, Description="Связка")
    ledger = books.registers["AccountingRegister_Хозрасчетный"]
    of = "StandardODATA.Catalog_"
    ledger.add(DAY, Account_Key=accounts["41.01"], ExtDimension2=tea, ExtDimension2_Type=of + "Номенклатура",
               Количество=3, Сумма=300)  # fmt: skip
    whose = {"ExtDimension1": client, "ExtDimension1_Type": of + "Контрагенты", "ExtDimension2": contract,
             "ExtDimension2_Type": of + "ДоговорыКонтрагентов", "Организация_Key": ours}  # fmt: skip
    ledger.add(DAY, Account_Key=accounts["62.01"], Сумма=Decimal("6900.10"), **whose)
    ledger.add(DAY, Account_Key=accounts["62.02"], Сумма=1000, RecordType="Expense", **whose)
    assert said(hub, "account_stock") == [Stock(product=Reference("product", tea), quantity="3")]
    balance = Balance(client=Reference("client", client), contract=Reference("contract", contract),
                      organisation=Reference("organisation", ours))  # fmt: skip
    amounts = {it.amount for it in said(hub, "account_settlements")}
    assert amounts == {Money(Decimal("6900.1")), Money(Decimal(-1000))}, "an advance is below zero"
    assert {(it.client, it.contract, it.organisation) for it in said(hub, "account_settlements")} <= {
        (balance.client, balance.contract, balance.organisation)
    }


def test_debts_of_the_trade_find_their_client_behind_the_key(hub: Any, trade: Any) -> None:
    client, contract = trade.add(CLIENTS, Description="Ромашка"), trade.add("Catalog_ДоговорыКонтрагентов")
    about = trade.add(KEYS, Контрагент_Key=client, Договор_Key=contract)
    debts = trade.registers["AccumulationRegister_РасчетыСКлиентамиПланОплат"]
    debts.add(DAY, АналитикаУчетаПоПартнерам_Key=about, КОплате=Decimal("200.50"))
    debts.add(DAY, АналитикаУчетаПоПартнерам_Key=NIL, КОплате=7)
    expected = Balance(client=Reference("client", client), contract=Reference("contract", contract),
                       amount=Money(Decimal("200.5")))  # fmt: skip
    assert said(hub, "settlements") == [expected]
    kept = [json.loads(record.payload) for record in hub.payloads["settlements"].values()]
    assert {row.get("АналитикаУчетаПоПартнерам", {}).get("Контрагент_Key") for row in kept} == {client, None}

    trade.composition.discard(KEYS)
    fixes = dict(hub.connector().check().findings)
    assert any(KEYS in what and KEYS in fix for what, fix in fixes.items())


def test_many_debts_ask_for_their_keys_by_the_page(hub: Any, trade: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "MOST_SINGLE", 20)
    monkeypatch.setattr(joins, "PAGE", 16)
    debts = trade.registers["AccumulationRegister_РасчетыСКлиентамиПланОплат"]
    clients = [trade.add(CLIENTS, Description=str(number)) for number in range(70)]
    for client in clients:
        debts.add(DAY, АналитикаУчетаПоПартнерам_Key=trade.add(KEYS, Контрагент_Key=client), КОплате=1)
    assert {it.client.external_id for it in said(hub, "settlements")} == set(clients)
    asked = [it for it in hub.server.requests if quote(KEYS) in it and "$top" in it]
    assert len(asked) == 5
    assert not [it for it in hub.server.requests if quote(KEYS) in it and "$filter" in it]


def test_debts_of_a_small_firm_name_their_client(hub: Any, publish: Callable[..., OneCServer]) -> None:
    name = "AccumulationRegister_РасчетыСПокупателями"
    dimensions = (Field("Контрагент_Key", "Guid"), Field("Договор_Key", "Guid"))
    register = Register(name, "accumulation", dimensions, (Field("Сумма", "Double"),), "Document_X")
    hub.server = publish([catalog("Контрагенты", text("ИНН"))], [register])
    client = hub.server.base.add(CLIENTS, Description="Ромашка")
    hub.server.base.registers[name].add(DAY, Контрагент_Key=client, Договор_Key=NIL, Сумма=15)
    assert said(hub, "settlements") == [Balance(client=Reference("client", client), amount=Money(Decimal(15)))]


def test_debts_of_a_state_institution(hub: Any, publish: Callable[..., OneCServer]) -> None:
    name = "AccountingRegister_ЕПСБУ"
    ledger = Register(name, "accounting", (Field("Account_Key", "Guid"), composite("ExtDimension1")),
                      (Field("Сумма", "Double"),), "Document_X")  # fmt: skip
    hub.server = publish([catalog("Контрагенты"), chart("ЕПСБУ")], [ledger])
    account = hub.server.base.add("ChartOfAccounts_ЕПСБУ", Code="205.31")
    client = hub.server.base.add(CLIENTS, Description="Ромашка")
    hub.server.base.registers[name].add(DAY, Account_Key=account, ExtDimension1=client,
                                        ExtDimension1_Type=f"StandardODATA.{CLIENTS}", Сумма=15)  # fmt: skip
    assert said(hub, "state_settlements") == [Balance(client=Reference("client", client), amount=Money(Decimal(15)))]


_KINDS = ("organisations", "bank_accounts", "own_bank_accounts", "nomenclature", "orders", "prices", "stock",
          "settlements")  # fmt: skip
_NAMES = ("Description", "НомерСчета", "Цена", "ВНаличииBalance", "СуммаBalance")
_values = st.none() | st.booleans() | st.text(max_size=5) | st.floats(allow_nan=False) | st.integers()


@given(st.sampled_from(_KINDS), st.sampled_from(_NAMES), _values)
def test_whatever_stands_in_a_field_it_is_understood_or_refused(stream: str, name: str, value: Any) -> None:
    where = {"url": "http://h/b", "user": "u", "password": "p", "zone": "Asia/Krasnoyarsk"}
    normaliser = Normaliser(OneCSettings.model_validate(where))
    key = NIL.replace("0-", "1-", 1)
    row = {"Номенклатура_Key": key, "Контрагент_Key": key, name: value}
    with suppress(BadRecord):
        list(normaliser.events(Record("x", json.dumps(row).encode(), stream=stream)))
