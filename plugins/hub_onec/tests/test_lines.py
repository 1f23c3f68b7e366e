"""The rows of invoices, acts and orders as lines, and what their references lead to."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

import pytest

from hub.api import BadRecord, BankAccount, Line, Money, Reference
from hub.testing.peers.onec import ACCOUNTING, FULL_ACCOUNTING, FULL_TRADE, TRADE, Infobase, OneCServer
from hub.testing.peers.onec.edm import EMPTY_KEY, Field, catalog, composite, document, enum, part, ref, text
from hub_onec import joins
from hub_onec.candidates import NAMED, SOURCES
from hub_onec.client import MAX_URL, Row

CLIENTS = "Catalog_Контрагенты"
GOODS = "Catalog_Номенклатура"
ACTS = "Document_РеализацияТоваровУслуг"
ORDERS = "Document_ЗаказКлиента"
COLUMNS = (
    ref("Номенклатура", GOODS), ref("ЕдиницаИзмерения", "Catalog_КлассификаторЕдиницИзмерения"), text("Содержание"),
    *(Field(name, "Double") for name in ("Количество", "Цена", "Сумма", "СуммаНДС")),
    enum("СтавкаНДС", "НДС20", "НДС5", "БезНДС"),
)  # fmt: skip
BOOKS = (
    catalog("Контрагенты", text("ИНН")), catalog("Номенклатура"), catalog("КлассификаторЕдиницИзмерения"),
    document("РеализацияТоваровУслуг", Field("СуммаДокумента", "Double"), Field("СуммаВключаетНДС", "Boolean"),
             part("Товары", *COLUMNS), part("Услуги", *COLUMNS), part("ВозвратнаяТара", *COLUMNS)),
)  # fmt: skip
STORE = (
    catalog("Номенклатура"), catalog("ХарактеристикиНоменклатуры"), catalog("УпаковкиЕдиницыИзмерения"),
    catalog("СтавкиНДС"), catalog("Контрагенты", text("ИНН")),
    document(
        "ЗаказКлиента", Field("СуммаДокумента", "Double"), Field("ЦенаВключаетНДС", "Boolean"),
        part("Товары", ref("Номенклатура", GOODS), ref("Характеристика", "Catalog_ХарактеристикиНоменклатуры"),
             ref("Упаковка", "Catalog_УпаковкиЕдиницыИзмерения"), ref("СтавкаНДС", "Catalog_СтавкиНДС"),
             *(Field(it, "Double") for it in
               ("Количество", "КоличествоУпаковок", "Цена", "Сумма", "СуммаНДС", "СуммаСНДС")),
             Field("Отменено", "Boolean")),
    ),
)  # fmt: skip


def rub(amount: str) -> Money:
    return Money(Decimal(amount))


@pytest.fixture
def books(hub: Any, publish: Callable[..., OneCServer]) -> Infobase:
    hub.server = publish(BOOKS)
    base: Infobase = hub.server.base
    return base


@pytest.fixture
def store(hub: Any, publish: Callable[..., OneCServer]) -> Infobase:
    hub.server = publish(STORE)
    base: Infobase = hub.server.base
    return base


def test_lines_of_the_books_are_called_as_they_are_printed(hub: Any, books: Infobase) -> None:
    tea = books.add(GOODS, Description="Чай чёрный")
    unit = books.add("Catalog_КлассификаторЕдиницИзмерения", Description="пач")
    goods = [{"Номенклатура_Key": tea, "ЕдиницаИзмерения_Key": unit, "Количество": 3, "Цена": Decimal("120.5"),
              "Сумма": Decimal("361.5"), "СтавкаНДС": "НДС20", "СуммаНДС": Decimal("60.25")}]  # fmt: skip
    services = [{"Содержание": "Сопровождение, май", "Сумма": 4500, "СтавкаНДС": "БезНДС"}]
    books.add(ACTS, Number="1", СуммаДокумента=Decimal("4861.5"), СуммаВключаетНДС=True, Товары=goods, Услуги=services)
    assert hub.event("sales").lines == (
        Line(title="Чай чёрный", quantity="3", unit="пач", price=rub("120.5"), total=rub("361.5"), vat_rate=20),
        Line(title="Сопровождение, май", total=rub("4500")),
    )


def test_tax_on_top_and_a_discount_are_in_the_sum_of_the_line(hub: Any, books: Infobase) -> None:
    rows = [{"Содержание": "Работы", "Количество": 2, "Цена": 100, "Сумма": 200, "СтавкаНДС": "НДС20", "СуммаНДС": 40},
            {"Содержание": "Выезд", "Количество": 1, "Цена": 100, "Сумма": 90, "СтавкаНДС": "БезНДС"}]  # fmt: skip
    books.add(ACTS, Number="1", СуммаДокумента=330, СуммаВключаетНДС=False, Услуги=rows)
    assert hub.event("sales").lines == (
        Line(title="Работы", quantity="2", total=rub("240"), vat_rate=20),
        Line(title="Выезд", total=rub("90")),
    )


def test_lines_that_do_not_add_up_to_the_document_are_none(hub: Any, books: Infobase) -> None:
    row = {"Содержание": "Работы", "Сумма": 100}
    books.add(ACTS, Number="1", СуммаДокумента=130, СуммаВключаетНДС=True, Услуги=[row], ВозвратнаяТара=[{"Сумма": 30}])
    act = hub.event("sales")
    assert (act.lines, act.total) == ((), rub("130")), "something of it stands where nobody looks"


@pytest.mark.parametrize("trouble", ["not published", "no right"])
def test_a_line_that_nobody_can_name_leaves_the_document_without_lines(hub: Any, books: Infobase, trouble: str) -> None:
    tea = books.add(GOODS, Description="Чай")
    books.add(ACTS, Number="1", СуммаДокумента=100, Товары=[{"Номенклатура_Key": tea, "Сумма": 100}])
    if trouble == "not published":
        books.composition.discard(GOODS)
    else:
        books.hidden.add(tea)
    act = hub.event("sales")
    assert (act.number, act.lines) == ("1", ())
    books.hidden.clear()
    books.composition.add(GOODS)
    if trouble == "not published":
        assert [it.title for it in hub.event("sales").lines] == ["Чай"], "what was read without names is read again"


def test_lines_of_the_trade_with_variants_packs_and_rates(hub: Any, store: Infobase) -> None:
    shirt, red = store.add(GOODS, Description="Футболка"), store.add("Catalog_ХарактеристикиНоменклатуры",
                                                                     Description="красная, 48")  # fmt: skip
    box, rate = (
        store.add("Catalog_УпаковкиЕдиницыИзмерения", Description="кор (10 шт)"),
        store.add("Catalog_СтавкиНДС", Description="10%"),
    )
    rows = [
        {"Номенклатура_Key": shirt, "Характеристика_Key": red, "Упаковка_Key": box, "СтавкаНДС_Key": rate,
         "Количество": 20, "КоличествоУпаковок": 2, "Цена": 1000, "Сумма": 2000, "СуммаНДС": 200, "СуммаСНДС": 2200},
        {"Номенклатура_Key": shirt, "Количество": 1, "КоличествоУпаковок": 1, "Цена": 110, "Сумма": 110,
         "СуммаНДС": 10, "СуммаСНДС": 110},
        {"Номенклатура_Key": shirt, "Количество": 5, "Цена": 110, "Сумма": 550, "СуммаСНДС": 550, "Отменено": True},
    ]  # fmt: skip
    store.add(ORDERS, Number="7", СуммаДокумента=2310, ЦенаВключаетНДС=False, Товары=rows)
    assert hub.event("orders").lines == (
        Line(title="Футболка (красная, 48)", quantity="2", unit="кор (10 шт)", total=rub("2200"), vat_rate=10),
        Line(title="Футболка", quantity="1", price=rub("110"), total=rub("110"), vat_rate=10),
    ), "a cancelled row is none; a rate without a name follows from the sums"


def test_names_are_asked_for_once_a_run(hub: Any, books: Infobase) -> None:
    tea = books.add(GOODS, Description="Чай")
    rows = [{"Номенклатура_Key": tea, "Сумма": 1}, {"Номенклатура_Key": EMPTY_KEY, "Сумма": 0}]
    for number in range(9):  # more than two pages
        books.add(ACTS, Number=str(number), СуммаДокумента=1, Товары=rows)
    hub.sync("sales")
    assert len([it for it in hub.server.requests if f"/{quote(GOODS)}?" in it and "$filter" in it]) == 1


def test_many_names_are_asked_for_by_the_page(hub: Any, books: Infobase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joins, "MOST_SINGLE", 3)
    monkeypatch.setattr(joins, "PAGE", 4)
    keys = [books.add(GOODS, Description=f"Товар {number}") for number in range(9)]
    rows = [{"Номенклатура_Key": key, "Сумма": 1} for key in keys]
    books.add(ACTS, Number="1", СуммаДокумента=9, Товары=rows)
    assert [it.title for it in hub.event("sales").lines] == [f"Товар {number}" for number in range(9)]
    asked = [it for it in hub.server.requests if f"/{quote(GOODS)}?" in it]
    assert len([it for it in asked if "$top=4" in it]) == 3


@pytest.mark.parametrize("models", [ACCOUNTING, TRADE, FULL_ACCOUNTING, FULL_TRADE, BOOKS, STORE])
def test_no_question_is_longer_than_web_servers_take(
    hub: Any, publish: Callable[..., OneCServer], models: tuple[Any, ...]
) -> None:
    hub.server = publish(models)
    for model in models:
        for number in range(30):
            hub.server.base.add(model.name, **({"Number": str(number)} if model.name.startswith("Document") else {}))
    hub.run()
    for model in models:
        for key in list(hub.server.base.sets[model.name].rows)[::3]:
            hub.server.base.change(model.name, key, DeletionMark=True)
    hub.run()
    assert max(len(it.partition("?")[2]) for it in hub.server.requests) <= MAX_URL


def test_parts_with_many_columns_are_asked_for_whole(hub: Any, publish: Callable[..., OneCServer]) -> None:
    parts = [part(name, *COLUMNS, Field("Всего", "Double")) for name in ("Товары", "Услуги", "АгентскиеУслуги")]
    hub.server = publish([document("РеализацияТоваровУслуг", Field("СуммаДокумента", "Double"), *parts)])
    row = {"Содержание": "Работы", "Сумма": 1}
    hub.server.base.add(ACTS, Number="1", СуммаДокумента=2, Товары=[row], АгентскиеУслуги=[row])
    assert len(hub.event("sales").lines) == 2
    (asked,) = {unquote(it) for it in hub.server.requests if quote(ACTS) in it and "select" in it and "top" in it}
    assert "$select=**,Товары,Услуги,АгентскиеУслуги" in asked


def test_an_account_has_the_bic_that_stands_in_the_catalogue_of_banks(
    hub: Any, publish: Callable[..., OneCServer]
) -> None:
    hub.server = publish(FULL_ACCOUNTING)
    base = hub.server.base
    client = base.add(CLIENTS, Description="Ромашка")
    bank = base.add("Catalog_Банки", Description="АО БАНК", Code="040407627", КоррСчет="30101810800000000627")
    base.add("Catalog_БанковскиеСчета", Owner=client, Owner_Type=f"StandardODATA.{CLIENTS}", Банк_Key=bank,
             НомерСчета="40702810500000000011")  # fmt: skip
    expected = BankAccount(number="40702810500000000011", client=Reference("client", client), bank="АО БАНК",
                           bic="040407627", corr_account="30101810800000000627")  # fmt: skip
    base.composition.discard("Catalog_Банки")
    assert hub.event("bank_accounts").bic == ""
    fixes = dict(hub.connector().check().findings)
    assert any("bank_accounts" in what and "Catalog_Банки" in fix for what, fix in fixes.items())
    base.composition.add("Catalog_Банки")
    assert hub.event("bank_accounts") == expected
    assert not any("Catalog_Банки" in fix for fix in dict(hub.connector().check().findings).values())


def test_the_manager_is_who_stands_behind_the_reference(hub: Any, publish: Callable[..., OneCServer]) -> None:
    models = [catalog("Контрагенты", text("ИНН"), ref("ОсновнойМенеджер", "Catalog_Пользователи")),
              catalog("Пользователи")]  # fmt: skip
    hub.server = publish(models)
    hub.settings["fields"] = {"manager": "ОсновнойМенеджер_Key"}
    user = hub.server.base.add("Catalog_Пользователи", Description="Иванова Мария Сергеевна")
    hub.server.base.add(CLIENTS, Description="Ромашка", ОсновнойМенеджер_Key=user)
    assert hub.event("counterparties").manager == "Иванова Мария Сергеевна"
    hub.server.troubles.unknown_names = {"ОсновнойМенеджер____Presentation"}
    hub.cursors.clear()
    assert hub.event("counterparties").manager == user, "a publication that shows no references gives the key at least"


def test_points_say_of_which_kind_they_are_and_the_legal_address_comes_first(
    hub: Any, publish: Callable[..., OneCServer]
) -> None:
    kinds = "Catalog_ВидыКонтактнойИнформации"
    hub.server = publish(FULL_ACCOUNTING)
    legal, real = (hub.server.base.add(kinds, Description=it) for it in ("Юридический адрес", "Фактический адрес"))
    rows = [{"Тип": "Адрес", "Вид_Key": real, "Представление": "Красноярск, ул. Новая, 2"},
            {"Тип": "Адрес", "Вид_Key": legal, "Представление": "Красноярск, ул. Старая, 1"},
            {"Тип": "Телефон", "Представление": "8 (391) 200-00-01"}]  # fmt: skip
    hub.server.base.add(CLIENTS, Description="Ромашка", КонтактнаяИнформация=rows)
    hub.server.base.add("Catalog_Организации", Description="Связка", КонтактнаяИнформация=rows)
    found = [(it.label, it.raw) for it in hub.event("counterparties").points]
    assert found == [
        ("Фактический адрес", "Красноярск, ул. Новая, 2"), ("Юридический адрес", "Красноярск, ул. Старая, 1"),
        ("", "8 (391) 200-00-01"),
    ]  # fmt: skip
    assert hub.event("organisations").address == "Красноярск, ул. Старая, 1"


def test_lines_of_a_small_firm_name_goods_of_several_kinds(hub: Any, publish: Callable[..., OneCServer]) -> None:
    """The reference to the product has a composite type there, and the sum with tax stands in a column of its own."""
    columns = (
        composite("Номенклатура"),
        *(Field(it, "Double") for it in ("Количество", "Цена", "Сумма", "СуммаНДС", "Всего")),
    )
    order = document("ЗаказПокупателя", Field("СуммаДокумента", "Double"), part("Запасы", *columns),
                     part("Работы", *columns))  # fmt: skip
    hub.server = publish([catalog("Номенклатура"), catalog("Контрагенты"), order])
    key = hub.server.base.add(GOODS, Description="Монтаж")
    row = {"Номенклатура": key, "Номенклатура_Type": f"StandardODATA.{GOODS}", "Количество": 1, "Цена": 100,
           "Сумма": 100, "СуммаНДС": 20, "Всего": 120}  # fmt: skip
    hub.server.base.add("Document_ЗаказПокупателя", Number="1", СуммаДокумента=120, Работы=[row])
    assert hub.event("orders").lines == (Line(title="Монтаж", total=rub("120"), vat_rate=20),)


def test_lines_of_which_nothing_tells_the_tax_are_none(hub: Any, publish: Callable[..., OneCServer]) -> None:
    """To a line without a rate the hub would write «Без НДС»."""
    hub.server = publish([catalog("СтавкиНДС"), document(
        "СчетНаОплату", Field("СуммаДокумента", "Double"),
        part("Запасы", text("Содержание"), Field("Сумма", "Double"), ref("СтавкаНДС", "Catalog_СтавкиНДС")),
    )])  # fmt: skip
    rate = hub.server.base.add("Catalog_СтавкиНДС", Description="20%")
    row = {"Содержание": "Монтаж", "Сумма": 120, "СтавкаНДС_Key": rate}
    hub.server.base.add("Document_СчетНаОплату", Number="1", СуммаДокумента=120, Запасы=[row])
    hub.server.base.composition.discard("Catalog_СтавкиНДС")
    assert hub.event("invoices").lines == ()
    hub.server.base.composition.add("Catalog_СтавкиНДС")
    assert hub.event("invoices").lines == (Line(title="Монтаж", total=rub("120"), vat_rate=20),)


def test_what_is_no_longer_valid_is_closed(hub: Any, publish: Callable[..., OneCServer]) -> None:
    invalid = Field("Недействителен", "Boolean")
    hub.server = publish([catalog("Контрагенты", text("ИНН"), invalid), catalog("ДоговорыКонтрагентов", invalid)])
    hub.server.base.add(CLIENTS, Description="Ромашка", Недействителен=True)
    hub.server.base.add("Catalog_ДоговорыКонтрагентов", Description="№ 1", Недействителен=True)
    assert hub.event("counterparties").status == "closed"
    assert hub.event("contracts").is_closed


def test_a_receipt_of_a_state_institution(hub: Any, publish: Callable[..., OneCServer]) -> None:
    """Names as a public program for Бухгалтерия государственного учреждения uses them."""
    details = part("РасшифровкаПлатежа", ref("Договор", "Catalog_Договоры"), Field("Сумма", "Double"))
    receipt = document("КассовоеПоступление", ref("Контрагент", CLIENTS), Field("СуммаДокумента", "Double"),
                       text("НомерПервичногоДокумента"), details)  # fmt: skip
    agreement = catalog(
        "Договоры", ref("Контрагент", CLIENTS), text("НомерДоговора"), Field("ДатаДоговора", "DateTime")
    )
    hub.server = publish([catalog("Контрагенты", text("ИНН")), agreement, receipt])
    client = hub.server.base.add(CLIENTS, Description="Школа № 1")
    contract = hub.server.base.add("Catalog_Договоры", Контрагент_Key=client, НомерДоговора="7", Description="№ 7",
                                   ДатаДоговора="2026-01-12T00:00:00")  # fmt: skip
    hub.server.base.add("Document_КассовоеПоступление", Number="00-1", НомерПервичногоДокумента="145",
                        Контрагент_Key=client, СуммаДокумента=500,
                        РасшифровкаПлатежа=[{"Договор_Key": contract, "Сумма": 500}])  # fmt: skip
    agreed, paid = hub.event("contracts"), hub.event("payments")
    assert (agreed.number, agreed.client) == ("7", Reference("client", client))
    assert (paid.number, paid.contract, paid.total) == ("145", Reference("contract", contract), rub("500"))


def test_in_the_trade_manager_and_phones_stand_at_the_partner(hub: Any, publish: Callable[..., OneCServer]) -> None:
    """Also when only the partner is changed, which leaves the version of the counterparty as it is."""
    hub.server = publish(FULL_TRADE)
    base, partners = hub.server.base, "Catalog_Партнеры"
    first, second = (base.add("Catalog_Пользователи", Description=it) for it in ("Иванова М. С.", "Петров И. И."))
    phone = [{"Тип": "Телефон", "Представление": "8 (391) 200-00-01"}]
    partner = base.add(partners, Description="Ромашка", ОсновнойМенеджер_Key=first, КонтактнаяИнформация=phone)
    client = base.add(CLIENTS, Description="Ромашка ООО", Партнер_Key=partner)
    for number in range(9):
        base.add(CLIENTS, Description=str(number), Партнер_Key=base.add(partners, Description=str(number)))
    hub.sync("counterparties")
    (found,) = [it.data for it in hub.events("counterparties") if it.data.name == "Ромашка ООО"]
    assert (found.manager, [it.value for it in found.points]) == ("Иванова М. С.", ["+73912000001"])
    kept = json.loads(hub.payloads["counterparties"][client].payload)["Партнер"]
    assert "Description" not in kept, "of partners, who are many, only what is needed is kept for a run"

    def read_again() -> set[str]:
        return {record.external_id for batch in hub.sync("counterparties") for record in batch.records}

    assert read_again() == set()
    base.change(partners, partner, ОсновнойМенеджер_Key=second)
    assert read_again() == {client}
    (found,) = [it.data for it in hub.events("counterparties") if it.data.name == "Ромашка ООО"]
    assert found.manager == "Петров И. И."
    base.change(CLIENTS, client, Description="Лютик ООО")
    assert read_again() == {client}
    assert read_again() == set()
    base.composition.discard(partners)
    assert client in read_again(), "without partners there is no manager any more"
    assert read_again() == set()


@pytest.mark.parametrize(("models", "name", "leads_to"), [
    (FULL_TRADE, "counterparties", "Catalog_Партнеры"),
    (FULL_TRADE, "counterparties", "Catalog_ВидыКонтактнойИнформации"),
    (FULL_ACCOUNTING, "bank_accounts", "Catalog_Банки"),
], ids=["partners", "kinds", "banks"])  # fmt: skip
def test_nothing_is_decoded_to_look_for_what_is_not_published(
    hub: Any, publish: Callable[..., OneCServer], models: Any, name: str, leads_to: str
) -> None:
    """Seen: half of a full reading went into a search for partners in a base that has none."""
    hub.server = publish(models)
    published, broken = hub.server.base.composition, [Row("k", "v", b"{")]
    source = SOURCES[name]

    def complete() -> Any:
        return joins.Joins(hub.connector()._client, logging.getLogger()).complete(source, broken)

    published -= {*itertools.chain(*source.joins.values(), *NAMED.values())}
    assert list(complete()) == broken
    published.add(leads_to)
    with pytest.raises(BadRecord):
        complete()


def test_a_contact_of_a_partner_belongs_to_its_only_counterparty(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(FULL_TRADE)
    base = hub.server.base
    one, several, none = (base.add("Catalog_Партнеры", Description=it) for it in ("А", "Б", "В"))
    client = base.add(CLIENTS, Description="А ООО", Партнер_Key=one)
    base.add(CLIENTS, Description="А старая", Партнер_Key=one, DeletionMark=True)
    for name in ("Б ООО", "Б ИП"):
        base.add(CLIENTS, Description=name, Партнер_Key=several)
    for owner, name in ((one, "Анна"), (several, "Борис"), (none, "Вера")):
        base.add("Catalog_КонтактныеЛицаПартнеров", Description=name, Owner_Key=owner)
    hub.sync("partner_contacts")
    assert {it.data.name: it.data.client for it in hub.events("partner_contacts")} == {
        "Анна": Reference("client", client), "Борис": None, "Вера": None
    }  # fmt: skip


def test_catalogues_that_lines_need_are_findings(hub: Any, books: Infobase) -> None:
    def told() -> dict[str, str]:
        return {what: fix for what, fix in hub.connector().check().findings if "say less" in what}

    assert told() == {}
    books.composition.discard("Catalog_КлассификаторЕдиницИзмерения")
    units = "Catalog_КлассификаторЕдиницИзмерения or Catalog_ЕдиницыИзмерения"
    ((what, fix),) = told().items()
    assert what == f"{units} is not published, so rows of sales say less."
    assert fix.endswith(f"add {units}.")
    books.composition.discard(GOODS)
    assert list(told()) == [what], "goods are a stream, whose absence is told anyway"
