"""What 1C's objects mean: every configuration's names, every value of the wire, and safety with damage."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import BadRecord, ContactPoint, Event, Money, Record, Reference
from hub_onec.candidates import SOURCES
from hub_onec.normalise import Normaliser
from hub_onec.settings import OneCSettings

KEY = "b7569c10-f670-11ea-8591-000c29b45b09"
OTHER = "0d3c5a10-0000-11ee-8000-000000000001"
NIL = "00000000-0000-0000-0000-000000000000"


def normaliser(**fields: str) -> Normaliser:
    return Normaliser(
        OneCSettings.model_validate(
            {
                "url": "http://127.0.0.1/base",
                "user": "hub",
                "password": "x",
                "zone": "Asia/Krasnoyarsk",
                "area_code": "391",
                "fields": fields,
            }
        )
    )


def events(stream: str, row: dict[str, Any] | bytes, **fields: str) -> list[Event]:
    payload = row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode()
    return list(normaliser(**fields).events(Record(KEY, payload, stream=stream)))


def entity(stream: str, row: dict[str, Any] | bytes, **fields: str) -> Any:
    (event,) = events(stream, row, **fields)
    assert event.subject.external_id == KEY
    assert event.type == f"{event.data.kind}.observed"
    return event.data


def refused(stream: str, row: dict[str, Any] | bytes, **fields: str) -> str:
    with pytest.raises(BadRecord) as caught:
        events(stream, row, **fields)
    return str(caught.value)


# Clients


def test_client_with_padding_and_contact_information() -> None:
    client = entity(
        "counterparties",
        {
            "Description": "Ромашка ",
            "НаименованиеПолное": "ООО «Ромашка»",
            "ИНН": "2460000009  ",
            "КПП": "246001001",
            "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
            "DeletionMark": False,
            "КонтактнаяИнформация": [
                {"Тип": "Телефон", "Представление": "212-34-56", "НомерТелефона": "73912123456"},
                {"Тип": "Телефон", "Представление": "", "НомерТелефона": "79130000000"},
                {"Тип": "АдресЭлектроннойПочты", "Представление": "Бухгалтерия", "АдресЭП": "Buh@Firma.example"},
                {"Тип": "АдресЭлектроннойПочты", "Представление": "a@firma.example, b@firma.example", "АдресЭП": None},
                {"Тип": "Адрес", "Представление": "г. Красноярск, ул. Мира, 1", "Город": "Красноярск "},
                {"Тип": "", "Представление": "спросить Марию"},
                {"Тип": "Телефон", "Представление": "нет", "НомерТелефона": ""},
                {},
            ],
        },
    )
    assert (client.name, client.inn, client.kpp, client.type, client.status) == (
        "Ромашка",
        "2460000009",
        "246001001",
        "organisation",
        "",
    )
    assert client.city == "Красноярск"
    assert [(it.type, it.value) for it in client.points] == [
        ("phone", "+73912123456"),
        ("phone", "+79130000000"),
        ("email", "buh@firma.example"),
        ("email", "a@firma.example"),
        ("email", "b@firma.example"),
        ("address", "г. Красноярск, ул. Мира, 1"),
        ("other", "спросить Марию"),
        ("phone", ""),
    ]


def test_several_phones_in_one_line_are_several() -> None:
    client = entity(
        "counterparties", {"КонтактнаяИнформация": [{"Тип": "Телефон", "Представление": "212-34-56, 8 913 000-00-00"}]}
    )
    assert client.points == (
        ContactPoint("phone", "+73912123456", "212-34-56"),
        ContactPoint("phone", "+79130000000", "8 913 000-00-00"),
    )


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"ЮрФизЛицо": "ЮрЛицо"}, "organisation"),
        ({"ЮрФизЛицо": "ФизЛицо"}, "person"),
        ({"ЮридическоеФизическоеЛицо": "ФизическоеЛицо"}, "person"),
        ({"ВидКонтрагента": "ИндивидуальныйПредприниматель"}, "entrepreneur"),
        ({"ЮрФизЛицо": "НовыйВид"}, "НовыйВид"),
        ({}, ""),
    ],
)
def test_type_of_client_by_configuration(row: dict[str, Any], kind: str) -> None:
    assert entity("counterparties", row).type == kind


def test_marked_client_is_closed_and_a_folder_is_none() -> None:
    assert entity("counterparties", {"Description": "Ромашка", "DeletionMark": True}).status == "closed"
    assert events("counterparties", {"Description": "Покупатели", "IsFolder": True}) == []


def test_own_field_of_manager() -> None:
    row = {"Description": "Ромашка", "Менеджер_Key": OTHER}
    assert entity("counterparties", row, manager="Менеджер_Key").manager == OTHER
    assert entity("counterparties", {**row, "Менеджер_Key": NIL}, manager="Менеджер_Key").manager == ""
    assert entity("counterparties", row).manager == ""


# Contacts and contracts


def test_contact_belongs_to_a_counterparty_only() -> None:
    row = {
        "Description": "Иванова Мария",
        "Должность": "Главный бухгалтер",
        "ДатаРождения": "1980-03-01T00:00:00",
        "ОбъектВладелец": OTHER,
        "ОбъектВладелец_Type": "StandardODATA.Catalog_Контрагенты",
    }
    contact = entity("contacts", row)
    assert (contact.client, contact.position, contact.birthday) == (
        Reference("client", OTHER),
        "Главный бухгалтер",
        date(1980, 3, 1),
    )
    assert entity("contacts", {**row, "ОбъектВладелец_Type": "StandardODATA.Catalog_Партнеры"}).client is None
    assert entity("partner_contacts", {"Description": "Петров", "Owner_Key": OTHER}).client is None
    assert events("contacts", {**row, "DeletionMark": True}) == []


def test_contract_of_an_accounting_base() -> None:
    contract = entity(
        "contracts",
        {
            "Description": "Абонентский",
            "Номер": " 12-АО ",
            "Дата": "2026-01-12T00:00:00",
            "СрокДействия": "2026-12-31T00:00:00",
            "ВидДоговора": "СПокупателем",
            "Owner_Key": OTHER,
            "ДоговорПодписан": False,
            "Плата": 6900.5,
            "СрокОплаты": "0",
        },
        fee="Плата",
    )
    assert (contract.number, contract.title, contract.type, contract.is_signed) == (
        "12-АО",
        "Абонентский",
        "СПокупателем",
        False,
    )
    assert (contract.date, contract.start, contract.end) == (date(2026, 1, 12), None, date(2026, 12, 31))
    assert contract.client == Reference("client", OTHER)
    assert contract.fee == Money(Decimal("6900.5"))
    assert contract.keys() == ("contract:12-ао/2026-01-12",)


def test_contract_of_a_trade_base() -> None:
    contract = entity(
        "contracts",
        {
            "Номер": "7",
            "Дата": "2026-01-12T00:00:00",
            "ДатаНачалаДействия": "2026-02-01T00:00:00",
            "ДатаОкончанияДействия": "2027-01-31T00:00:00",
            "Статус": "Закрыт",
            "Контрагент_Key": OTHER,
            "Owner_Key": NIL,
        },
    )
    assert (contract.start, contract.end, contract.is_closed) == (date(2026, 2, 1), date(2027, 1, 31), True)
    assert contract.client == Reference("client", OTHER)


def test_marked_contract_is_closed_and_empty_dates_are_none() -> None:
    contract = entity(
        "contracts",
        {"DeletionMark": True, "Дата": "0001-01-01T00:00:00", "СрокДействия": "0001-01-01T00:00:00", "Owner_Key": NIL},
    )
    assert contract.is_closed
    assert (contract.date, contract.end, contract.client) == (None, None, None)


# Documents


def test_invoice_in_another_currency() -> None:
    (event,) = events(
        "invoices",
        {
            "Number": "00БП-000012",
            "Date": "2026-05-12T09:30:00",
            "Posted": True,
            "Контрагент_Key": OTHER.upper(),
            "ДоговорКонтрагента_Key": KEY,
            "СуммаДокумента": 6900.10,
            "ВалютаДокумента____Presentation": "EUR",
            "СрокОплаты": "2026-05-20T00:00:00",
        },
    )
    invoice: Any = event.data
    assert event.time == datetime(2026, 5, 12, 2, 30, tzinfo=UTC)
    assert (invoice.number, invoice.date, invoice.due) == ("00БП-000012", date(2026, 5, 12), date(2026, 5, 20))
    assert (invoice.client, invoice.contract) == (Reference("client", OTHER), Reference("contract", KEY))
    assert invoice.total == Money(Decimal("6900.1"), "EUR")


def test_act_names_its_invoice_and_payment_what_it_pays() -> None:
    act = entity("sales", {"Number": "1", "СчетНаОплатуПокупателю_Key": OTHER, "Договор_Key": KEY, "Posted": False})
    assert (act.invoice, act.contract, act.is_posted) == (
        Reference("invoice", OTHER),
        Reference("contract", KEY),
        False,
    )
    row = {
        "Number": "000000007  ",
        "НомерВходящегоДокумента": "451",
        "Контрагент": OTHER,
        "Контрагент_Type": "StandardODATA.Catalog_Контрагенты",
        "СуммаДокумента": "6626",
        "НазначениеПлатежа": "Оплата по счету 12",
        "РасшифровкаПлатежа": [
            {"ДоговорКонтрагента_Key": KEY, "СчетНаОплату_Key": OTHER},
            {"ДоговорКонтрагента_Key": KEY, "СчетНаОплату_Key": NIL},
        ],
    }
    payment = entity("payments", row)
    assert (payment.number, payment.client, payment.contract) == (
        "451",
        Reference("client", OTHER),
        Reference("contract", KEY),
    )
    assert payment.invoice is None  # two rows, one of them without: not sure
    assert payment.total == Money(Decimal(6626))
    assert entity("payments", {**row, "Контрагент_Type": "StandardODATA.Catalog_ФизическиеЛица"}).client is None


def test_document_marked_for_deletion_says_nothing() -> None:
    for stream in ("invoices", "sales", "payments"):
        assert events(stream, {"Number": "1", "DeletionMark": True}) == []


@pytest.mark.parametrize("text", ["12.10", "12.1", '"12.10"', "1.21e1"])
def test_money_is_exact(text: str) -> None:
    assert entity("invoices", f'{{"СуммаДокумента": {text}}}'.encode()).total == Money(Decimal("12.1"))


def test_long_money_is_not_rounded() -> None:
    """L32, B-08."""
    assert entity("invoices", '{"СуммаДокумента": 123456789012345678.91}'.encode()).total.amount == Decimal(
        "123456789012345678.91"
    )


# Damage


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"Date": "2026-02-30T00:00:00"}, "Date"),
        ({"Date": "31.12.25"}, "Date"),
        ({"Date": "٢٠٢٦-05-12T00:00:00"}, "Date"),
        ({"СуммаДокумента": "NaN"}, "СуммаДокумента"),
        ({"СуммаДокумента": "Infinity"}, "СуммаДокумента"),
        ({"СуммаДокумента": []}, "СуммаДокумента"),
        ({"СуммаДокумента": "1 234,50"}, "СуммаДокумента"),
        ({"Контрагент_Key": "123"}, "Контрагент_Key"),
        ({"Number": 5}, "Number"),
        ({"Posted": "true"}, "Posted"),
        ({"ДоговорКонтрагента_Key": "0"}, "ДоговорКонтрагента_Key"),
    ],
)
def test_bad_value_names_its_field_and_not_itself(row: dict[str, Any], field: str) -> None:
    words = refused("invoices", row)
    assert field in words
    assert "1 234,50" not in words


@pytest.mark.parametrize("number", ["1e400", "1e999999999", "-1e-999999999"])
def test_monstrous_money_is_bad(number: str) -> None:
    assert "СуммаДокумента" in refused("invoices", f'{{"СуммаДокумента": {number}}}'.encode())


@pytest.mark.parametrize("key", [OTHER.upper(), "{" + OTHER + "}", f"guid'{OTHER}'", f" {OTHER} "])
def test_reference_in_every_spelling(key: str) -> None:
    assert entity("invoices", {"Контрагент_Key": key}).client == Reference("client", OTHER)


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b"[" * 100_000, b'{"Number": "\\ud800"}', b"{}{}", b'{"Number":']
)
def test_noise_is_bad(payload: bytes) -> None:
    for stream in SOURCES:
        refused(stream, payload)


def test_broken_utf8_is_bad_where_it_is_read() -> None:
    refused("counterparties", b'{"Description": "\xff"}')
    assert entity("counterparties", b'{"Description": "A", "\xd0\x9d\xd0\xb5": "\xff"}').name == "A"


def test_unknown_stream_is_bad() -> None:
    assert "stream" in refused("offers", {})


def test_nulls_are_empty() -> None:
    for stream, source in SOURCES.items():
        names = [it.encode_name for it in msgspec.structs.fields(source.row)]
        events(stream, dict.fromkeys(names))


_WHOLE = {
    "Ref_Key": KEY,
    "Description": "Ромашка",
    "ИНН": "2460000009",
    "DeletionMark": False,
    "Number": "1",
    "Date": "2026-05-12T09:30:00",
    "Дата": "2026-05-12T00:00:00",
    "СуммаДокумента": 12.5,
    "Контрагент_Key": OTHER,
    "Плата": 5,
    "Менеджер_Key": OTHER,
    "КонтактнаяИнформация": [
        {"Тип": "Телефон", "Представление": "212-34-56"},
        {"Тип": "АдресЭлектроннойПочты", "АдресЭП": "a@b.example"},
    ],
    "РасшифровкаПлатежа": [{"СчетНаОплату_Key": OTHER}],
}
_BYTES = json.dumps(_WHOLE, ensure_ascii=False).encode()
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["0001-01-01T00:00:00", NIL, "9999-12-31T23:59:59", "0002-01-01T00:00:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Тип", "Представление", "СчетНаОплату_Key"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(sorted(SOURCES)), st.dictionaries(st.sampled_from(sorted(_WHOLE)), _values, max_size=6))
def test_any_value_gives_events_or_bad_record(stream: str, changes: dict[str, Any]) -> None:
    """B-05."""
    try:
        found = events(stream, {**_WHOLE, **changes}, manager="Менеджер_Key", fee="Плата")
    except BadRecord:
        return
    assert all(isinstance(event, Event) for event in found)


@given(
    st.sampled_from(sorted(SOURCES)), st.integers(0, len(_BYTES)), st.integers(0, len(_BYTES) - 1), st.integers(0, 255)
)
def test_cut_and_flipped_bytes_give_events_or_bad_record(stream: str, end: int, at: int, byte: int) -> None:
    for payload in (_BYTES[:end], _BYTES[:at] + bytes([byte]) + _BYTES[at + 1 :]):
        try:
            found = events(stream, payload)
        except BadRecord:
            continue
        assert all(isinstance(event, Event) for event in found)
