"""Configurations: the ones we know, their own fields, and one that nobody prepared for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from hub.api import BadRecord, Client, Money, Record, Reference, Rejected, SettingsError
from hub.testing.peers.onec import (
    ACCOUNTING_REGISTERS,
    FULL_ACCOUNTING,
    FULL_TRADE,
    TRADE_REGISTERS,
    Infobase,
    OneCServer,
)
from hub.testing.peers.onec.edm import Field, catalog, document, fixed, part, ref, text
from hub.testing.peers.onec.samples import CONTACTS
from hub_onec.candidates import CONFIGURATIONS, SOURCES, guess_configuration
from hub_onec.mapping import THINGS
from hub_onec.normalise import Normaliser
from hub_onec.settings import OneCSettings

CLIENTS = "Catalog_Контрагенты"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
OWN = (
    catalog("Клиенты", fixed("ИННКлиента", 12), text("КППКлиента", "Заметка"), CONTACTS),
    catalog("Техника", text("СерийныйНомер"), part("Ремонты", text("Что"))),
    catalog("Техника_Архив", text("СерийныйНомер")),
    document("СчетКлиенту", ref("Клиент", "Catalog_Клиенты"), Field("СуммаСчета", "Double"), text("Тема")),
)
BOOKS = """counterparties contacts contracts organisations bank_accounts users employees nomenclature invoices sales
    payments reconciliations prices account_stock account_settlements"""
SHOP = """counterparties partners partner_contacts contracts organisations bank_accounts own_bank_accounts users
    nomenclature orders invoices sales payments reconciliations prices stock settlements"""
OTHER = "0d3c5a10-0000-11ee-8000-000000000001"


@pytest.fixture
def own(hub: Any, publish: Callable[..., OneCServer]) -> Infobase:
    hub.server = publish(OWN)
    return hub.server.base  # type: ignore[no-any-return]


def findings(hub: Any) -> dict[str, str]:
    return dict(hub.connector().check().findings)


# The configurations we know


@pytest.mark.parametrize("letters", CONFIGURATIONS)
def test_each_configuration_is_recognised_by_its_names(letters: str) -> None:
    published = {name for source in SOURCES.values() for name, tags in source.sets.items() if letters in tags.split()}
    guessed = guess_configuration(published)
    assert guessed == letters or (letters in "УТ КА" and guessed in ("УТ", "КА"))


@pytest.mark.parametrize("letters", CONFIGURATIONS)
def test_each_configuration_has_sets_for_what_matters(letters: str) -> None:
    has = {name for name, source in SOURCES.items() if any(letters in tags.split() for tags in source.sets.values())}
    assert {"counterparties", "contracts", "organisations", "users", "nomenclature", "bank_accounts"} <= has
    assert {"invoices", "sales", "payments"} <= has
    assert has & {"contacts", "partner_contacts"}
    if letters != "БГУ":
        assert has & {"settlements", "account_settlements"}
        assert has & {"stock", "account_stock"}


@pytest.mark.parametrize(
    ("models", "registers", "streams"),
    [(FULL_ACCOUNTING, ACCOUNTING_REGISTERS, BOOKS), (FULL_TRADE, TRADE_REGISTERS, SHOP)],
    ids=["accounting", "trade"],
)
def test_whole_composition_is_read_and_nothing_is_missed(
    hub: Any, publish: Callable[..., OneCServer], models: Any, registers: Any, streams: str
) -> None:
    hub.server = publish(models, registers)
    for model in models:
        hub.server.base.add(
            model.name, **{"Code": "62.01" if "Chart" in model.name else "1"} if model.field("Code") else {}
        )
    assert [stream.name for stream in hub.connector().streams()] == streams.split()
    found = findings(hub)
    assert {what for what in found if "no set" in what or "not published" in what} == set()
    hub.settings["skip"] = "account_stock"  # this base has no such accounts
    hub.run()
    assert all(hub.ids(name) for name in streams.split() if not SOURCES[name].table and name != "account_stock")


def test_skipped_stream_is_neither_read_nor_missed(hub: Any, server: OneCServer) -> None:
    hub.settings["skip"] = "invoices, prices"
    server.base.composition.discard("Document_СчетНаОплатуПокупателю")
    assert not any("invoices" in what or "prices" in what for what in findings(hub))
    assert "invoices" not in [stream.name for stream in hub.connector().streams()]


def test_people_of_the_firm_become_employees(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(FULL_ACCOUNTING)
    points = [{"Тип": "АдресЭлектроннойПочты", "АдресЭП": "Ivanova@Firma.example"},
              {"Тип": "Телефон", "Представление": "212-34-56"}]  # fmt: skip
    hub.server.base.add("Catalog_Пользователи", Description="Иванова Мария ", КонтактнаяИнформация=points)
    gone = hub.server.base.add("Catalog_Пользователи", Description="Ушедший", Недействителен=True)
    assert gone
    hub.sync("users")
    (event,) = hub.events("users")
    assert (event.data.name, event.data.mail, event.data.phone) == (
        "Иванова Мария",
        "ivanova@firma.example",
        "+73912123456",
    )
    assert event.data.role == ""


# A configuration that nobody prepared for


def test_unknown_base_is_kept_raw(hub: Any, own: Infobase) -> None:
    client, bill = own.add("Catalog_Клиенты", Description="Ромашка"), own.add("Document_СчетКлиенту", Number="1")
    hub.run()
    assert hub.ids("Catalog_Клиенты") == {client}
    assert hub.ids("Document_СчетКлиенту") == {bill}
    assert hub.payloads["Catalog_Клиенты"][client].payload == own.sets["Catalog_Клиенты"].rows[client].encoded()
    assert hub.events("Catalog_Клиенты") == []


def test_unknown_base_is_read_again_by_versions_and_deletions_are_noticed(hub: Any, own: Infobase) -> None:
    keys = [own.add("Catalog_Клиенты", Description=str(number)) for number in range(9)]
    hub.run()
    own.change("Catalog_Клиенты", keys[0], Заметка="новая")
    own.remove("Catalog_Клиенты", keys[1])
    hub.run()
    assert hub.ids("Catalog_Клиенты") == set(keys) - {keys[1]}
    assert "новая".encode() in hub.payloads["Catalog_Клиенты"][keys[0]].payload


def test_what_was_not_understood_is_said_with_the_way_to_map_it(hub: Any, own: Infobase) -> None:
    found = findings(hub)
    (raw,) = [what for what in found if "kept raw" in what]
    assert "Catalog_Клиенты" in raw
    fix = found["Catalog_Клиенты looks like counterparties."]
    assert "`sets: {counterparties: Catalog_Клиенты}`" in fix
    assert "counterparties.inn: ИННКлиента" in fix
    assert "sets: {invoices: Document_СчетКлиенту}" in found["Document_СчетКлиенту looks like invoices."]
    assert not any("Техника looks" in what for what in found)


def test_one_missing_stream_of_a_known_base_is_looked_for_too(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([catalog("Контрагенты", text("ИНН", "КПП"), CONTACTS), *OWN])
    found = findings(hub)
    assert "Document_СчетКлиенту looks like invoices." in found
    assert not any("looks like counterparties" in what or "kept raw" in what for what in found)
    hub.settings["skip"] = "invoices, sales, payments"
    assert not any("looks like" in what for what in findings(hub))


def test_set_whose_name_looks_like_a_part_is_left_to_be_named(hub: Any, own: Infobase) -> None:
    streams = [stream.name for stream in hub.connector().streams()]
    assert "Catalog_Техника_Архив" not in streams
    assert "Catalog_Техника_Ремонты" not in streams
    hub.settings["raw"] = "Catalog_Техника_Архив"
    key = own.add("Catalog_Техника_Архив", СерийныйНомер="7")
    hub.run()
    assert hub.ids("Catalog_Техника_Архив") == {key}
    assert not hub.ids("Catalog_Клиенты")


def test_what_the_doctor_says_works_when_it_is_written(hub: Any, own: Infobase) -> None:
    hub.settings |= {
        "sets": {"counterparties": "Catalog_Клиенты", "invoices": "Document_СчетКлиенту"},
        "fields": {
            "counterparties.inn": "ИННКлиента",
            "counterparties.kpp": "КППКлиента",
            "counterparties.note": "Заметка",
            "invoices.total": "СуммаСчета",
            "invoices.client": "Клиент_Key",
        },
    }
    client = own.add("Catalog_Клиенты", Description="Ромашка", ИННКлиента="2460000009", Заметка="важный")
    own.add("Document_СчетКлиенту", Number="7", Клиент_Key=client, СуммаСчета=690.5)
    one, bill = hub.event("counterparties"), hub.event("invoices")
    assert (one.name, one.inn, one.note) == ("Ромашка", "2460000009", "важный")
    assert (bill.client, bill.total) == (Reference("client", client), Money(Decimal("690.5")))
    assert not any("looks like" in what or "kept raw" in what for what in findings(hub))


def test_large_unknown_base_is_not_read_blindly(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([catalog(f"Набор{number}") for number in range(201)])
    with pytest.raises(SettingsError, match="publishes nothing that the hub reads"):
        hub.connector().streams()
    assert any("201 sets are published and none is known" in what for what in findings(hub))
    hub.settings["raw"] = "Catalog_Набор7"
    assert [stream.name for stream in hub.connector().streams()] == ["Catalog_Набор7"]


def test_nothing_is_kept_raw_where_clients_are_known(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([catalog("Контрагенты", text("ИНН", "КПП"), CONTACTS), *OWN])
    assert [stream.name for stream in hub.connector().streams()] == ["counterparties"]


def test_longer_name_of_a_missing_field_is_proposed(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([catalog("Контрагенты", text("пр_ИНН"), CONTACTS)])
    found = findings(hub)
    assert "fields: {counterparties.inn: пр_ИНН}" in found[f"{CLIENTS} has no field ИНН."]
    hub.settings["fields"] = {"counterparties.inn": "пр_ИНН"}
    assert f"{CLIENTS} has no field ИНН." not in findings(hub)


# Own fields


def normaliser(**fields: str) -> Normaliser:
    given = {"url": "http://127.0.0.1/b", "user": "u", "password": "p", "zone": "Asia/Krasnoyarsk"}
    return Normaliser(
        OneCSettings.model_validate({**given, "fields": {k.replace("__", "."): v for k, v in fields.items()}})
    )


def mapped(stream: str, payload: str, **fields: str) -> Any:
    (event,) = normaliser(**fields).events(Record(OTHER, payload.encode(), stream=stream))
    return event.data


def test_own_fields_of_a_document_are_kept_without_being_named(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([document("СчетНаОплату", text("пр_Стадия"), part("Товары", text("Что")))])
    hub.server.base.add("Document_СчетНаОплату", Number="1", пр_Стадия="обещали", Товары=[{"Что": "Работы"}])
    hub.sync("invoices")
    (record,) = hub.payloads["invoices"].values()
    assert "обещали".encode() in record.payload
    assert "Работы".encode() not in record.payload


@pytest.mark.parametrize(
    ("stream", "field", "value", "expected"),
    [
        ("counterparties", "status", '" Клиент "', "Клиент"),
        ("counterparties", "manager", f'"{OTHER}"', OTHER),
        ("counterparties", "city", "17", "17"),
        ("contracts", "fee", "6900.10", Money(Decimal("6900.10"))),
        ("contracts", "fee", '"6900.10"', Money(Decimal("6900.10"))),
        ("contracts", "is_signed", "true", True),
        ("contracts", "end", '"2026-12-31T00:00:00"', date(2026, 12, 31)),
        ("contracts", "client", f'"{OTHER.upper()}"', Reference("client", OTHER)),
        ("invoices", "contract", f'"{OTHER}"', Reference("contract", OTHER)),
        ("invoices", "due", '"2026-05-12T10:00:00"', date(2026, 5, 12)),
        ("payments", "payer_inn", '"2460000009"', "2460000009"),
        ("sales", "note", '"срочно"', "срочно"),
        ("users", "role", '"manager"', "manager"),
    ],
)
def test_own_field_fills_a_field_of_ours(stream: str, field: str, value: str, expected: Any) -> None:
    assert getattr(mapped(stream, f'{{"Поле":{value}}}', **{f"{stream}__{field}": "Поле"}), field) == expected


@pytest.mark.parametrize("value", ["null", '""', '"00000000-0000-0000-0000-000000000000"', '"0001-01-01T00:00:00"'])
def test_empty_own_field_leaves_the_standard_value(value: str) -> None:
    payload = f'{{"СрокДействия":"2026-12-31T00:00:00","Description":"Договор","Поле":{value}}}'
    field = "contracts__title" if "0001" not in value else "contracts__end"
    found = mapped("contracts", payload, **{field: "Поле"})
    assert (found.title, found.end) == ("Договор", date(2026, 12, 31))


@pytest.mark.parametrize(
    ("field", "value"),
    [("contracts__fee", '"много"'), ("contracts__end", '"31.12.26"'), ("contracts__client", '"Ромашка"'),
     ("contracts__is_signed", '"почти"'), ("contracts__fee", "1e400")],
)  # fmt: skip
def test_own_field_of_another_kind_is_bad_and_named(field: str, value: str) -> None:
    with pytest.raises(BadRecord, match="Поле"):
        mapped("contracts", f'{{"Поле":{value}}}', **{field: "Поле"})


@pytest.mark.parametrize(
    "name", ["colour", "counterparties.colour", "counterparties.points", "prices.total", "x.y", ""]
)
def test_unknown_target_is_refused_with_what_there_is(name: str) -> None:
    with pytest.raises(ValidationError, match=r"write|have the fields"):
        OneCSettings.model_validate(
            {"url": "http://127.0.0.1/b", "user": "u", "password": "p", "zone": "UTC", "fields": {name: "Поле"}}
        )


@pytest.mark.parametrize(
    "given",
    [
        {"sets": {"clients": "Catalog_X"}},
        {"sets": {"counterparties": "Клиенты"}},
        {"sets": {"prices": "InformationRegister_Цены"}},
        {"raw": "InformationRegister_Цены"},
        {"raw": "Catalog_X/../Y"},
        {"skip": "everything"},
        {"exchange_plan": "Связка", "exchange_node": "1"},
        {"exchange_plan": "ExchangePlan_Связка"},
        {"exchange_node": "1"},
        {"window": "soon"},
    ],
)
def test_wrong_setting_is_refused(given: dict[str, Any]) -> None:
    base = {"url": "http://127.0.0.1/b", "user": "u", "password": "p", "zone": "UTC"}
    OneCSettings.model_validate(base)
    with pytest.raises(ValidationError):
        OneCSettings.model_validate({**base, **given})


def test_every_stream_with_a_noun_can_be_mapped() -> None:
    assert {name for name, source in SOURCES.items() if not source.is_raw} == set(THINGS)
    assert THINGS["counterparties"] is Client


def test_misspelt_own_field_of_a_document_stops_its_stream_alone(hub: Any, server: OneCServer) -> None:
    hub.settings["fields"] = {"invoices.paid": "Оплчено"}
    with pytest.raises(Rejected, match="Оплчено"):
        hub.sync("invoices")
    hub.sync("sales")
    assert any("Оплчено" in what for what in findings(hub))
