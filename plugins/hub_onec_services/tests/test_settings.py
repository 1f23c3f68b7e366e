"""The configuration says what is wrong with it, and values are read as people, XML and 1C write them."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.api import BadRecord, Money, Payment, Product, Reference, Stock
from hub.testing.peers.onec_services.peer import STREAMS
from hub_onec_services.mapping import KINDS, Mapper, parse_day, parse_instant, parse_truth, targets
from hub_onec_services.rows import Values
from hub_onec_services.settings import ServicesSettings

BASE = {"url": "https://1c.example.ru/base", "zone": "Asia/Krasnoyarsk"}


def settings(**changed):
    stream = {**STREAMS["clients"], **changed.pop("stream", {})}
    return ServicesSettings.model_validate({**BASE, "streams": {"clients": stream}, **changed})


def mapper(kind, fields, refers_to=""):
    return Mapper(kind, fields, area_code="391", refers_to=refers_to)


def entity(kind, refers_to="", **row):
    return mapper(kind, {name: name for name in row}, refers_to).entity(row.get)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "1c.example.ru"}, "write an address such as"),
        ({"url": "https://u:p@1c.example.ru"}, "write the address alone"),
        ({"user": "a:b"}, "a colon"),
        ({"zone": "Mars"}, "write a zone such as"),
        ({"streams": {}}, "at least 1"),
        ({"streams": "{"}, "in YAML or as one text of JSON"),
        ({"stream": {"type": "odata"}}, "'soap', 'http'"),
        ({"stream": {"path": "http://other.example/hs"}}, "a path below the base"),
        ({"stream": {"path": "../admin"}}, "a path below the base"),
        ({"stream": {"path": "hs/x?y=1"}}, "a path below the base"),
        ({"stream": {"key": " , "}}, "name at least one field"),
        ({"stream": {"kind": "person"}}, "kind 'person' is none of client, contact"),
        ({"stream": {"fields": {"name": "n", "mane": "m"}}}, "a client has no field mane; it has name, full_name"),
        ({"stream": {"fields": {"inn": "i"}}}, "a client needs the field name"),
        ({"stream": {"kind": ""}}, "fields need kind"),
        ({"stream": {"size": "1"}}, "greater than or equal to 2"),
        ({"stream": {"overlap": "soon"}}, "write a duration"),
        ({"stream": {"unknown": "1"}}, "Extra inputs"),
    ],
)
def test_wrong_settings_say_what_is_wrong(changed, words):
    with pytest.raises(ValidationError, match=words):
        settings(**changed)


def test_streams_may_be_one_text():
    assert settings(streams=json.dumps({"clients": STREAMS["clients"]})) == settings()


def test_the_password_is_not_shown():
    assert "geheim" not in repr(settings(user="u", password="geheim"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_can_be_filled(kind):
    samples = {"date": "12.05.2026", "start": "2026-05-12", "end": "2026-05-12T00:00:00", "due": "12.05.2026 10:00:00",
               "birthday": "0001-01-01T00:00:00", "total": "1 500,50", "fee": "1", "paid": "0", "is_posted": "да",
               "is_signed": "false", "is_closed": "Истина", "currency": "USD", "phone": "200-00-01", "price": "5",
               "amount": "-5", "vat_rate": "НДС20", "quantity": "1 000,500", "reserved": "0", "is_main": "нет",
               "shipping": "12.05.2026", "refuses_mailings": "нет"}  # fmt: skip
    row = {name: samples.get(name, "x") for name in targets(kind)}
    made = mapper(kind, {name: name for name in row}).entity(row.get)

    assert type(made) is KINDS[kind]


def test_goods_are_typed():
    assert entity("product", name="Чай", vat_rate="20 %", type="goods") == Product(
        name="Чай", vat_rate=20, type="goods"
    )
    assert entity("product", name="Чай", vat_rate="Без НДС").vat_rate is None
    stock = entity("stock", product="Ч-1", quantity="1 000,500")
    assert stock == Stock(product=Reference("product", "Ч-1"), quantity="1000.5")
    assert entity("price", product="Ч-1", price="5", currency="USD").price == Money(Decimal(5), "USD")
    assert entity("bank_account", number="4" * 20, currency="840").currency == "USD"
    assert entity("organisation", name="Связка", phone="200-00-01", address="Красноярск").address == "Красноярск"
    with pytest.raises(BadRecord, match="vat_rate is no rate of VAT"):
        entity("product", name="Чай", vat_rate="много")
    with pytest.raises(BadRecord, match="quantity is no quantity"):
        entity("stock", quantity="много")


def test_values_are_typed():
    made = entity("payment", number="5", total="1 500,50", date="12.05.2026", currency="840", is_posted="Нет",
                  client="0D3C5A10-0000-11EE-8000-000000000001", contract="00000000-0000-0000-0000-000000000000",
                  invoice=None, refers_to="accounting")  # fmt: skip

    assert made == Payment(
        number="5", total=Money(Decimal("1500.50"), "USD"), date=dt.date(2026, 5, 12), is_posted=False,
        client=Reference("client", "0d3c5a10-0000-11ee-8000-000000000001", "accounting"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"number": ""}, "number is empty, but it is the number of the payment"),
        ({"number": "1", "total": "дорого"}, "total is no amount of money"),
        ({"number": "1", "date": "31.02.2026"}, "date is no day"),
        ({"number": "1", "is_posted": "может быть"}, "is_posted is neither yes nor no"),
    ],
)
def test_what_is_not_of_its_type_is_named(row, words):
    with pytest.raises(BadRecord, match=words):
        entity("payment", **row)


def test_an_unreadable_phone_stays_to_be_read_by_people():
    points = entity("client", name="a", phone="спросить Марию", email="A@Example.RU").points

    assert [(it.type, it.value, it.raw) for it in points] == [
        ("phone", "", "спросить Марию"),
        ("email", "a@example.ru", "A@Example.RU"),
    ]


@given(st.datetimes(dt.datetime(1900, 1, 1)).map(lambda it: it.replace(microsecond=0)))  # noqa: DTZ001
def test_moments_and_days_are_read_back(moment):
    for text in (moment.isoformat(), f"{moment:%d.%m.%Y %H:%M:%S}"):
        assert parse_instant(text) == moment
        assert parse_day(text) == moment.date()


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_by_value(text):
    for parse in (parse_day, parse_truth, parse_instant):
        try:
            parse(text)
        except ValueError:
            continue


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)), st.text(max_size=20))
def test_any_bytes_are_a_row_or_bad(payload, name):
    for content in (payload, b"<" + payload, b"{" + payload):
        try:
            found = Values(content).get(name)
        except BadRecord:
            continue
        assert found is None or isinstance(found, str)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(max_size=5), it, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1), JSON))
def test_values_of_json_are_texts_or_nothing(row):
    values = Values(json.dumps(row).encode())

    for name, value in row.items():
        expected = None if value is None or isinstance(value, list | dict) else str(value)
        assert values.get(name) == (str(value).lower() if isinstance(value, bool) else expected)


def test_values_of_xml_lead_through_elements_and_attributes():
    values = Values(
        b'<a n="1" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        b'<b><c>x</c></b><b><c>y</c></b><d i:nil="true"/></a>'
    )

    assert [values.get(it) for it in ("b.c", "@n", "d", "b", "e.f")] == ["x", "1", None, None, None]
