"""Answers of lines with `;` between their values, as services have given them since there are services."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import BadRecord, Money, SettingsError, Unavailable
from hub.testing.peers.onec_services import EXCHANGE, WebService
from hub_onec_services.rows import text_rows

WS = "ws/Exchange.1cws"
STREAM = {
    "type": "soap", "service": WS, "operation": "GetText", "arguments": {"Since": "{cursor}"}, "rows": "return",
    "columns": ["Number", "Date", "Total", "Payer"], "key": "Number, Date", "changed": "Date", "kind": "payment",
    "fields": {"number": "Number", "date": "Date", "total": "Total", "purpose": "Payer"},
}  # fmt: skip


def answering(hub: Any, text: str | None, **changed: Any) -> None:
    """Let the service answer with that text, read as the configuration says."""
    hub.server.services[WS] = WebService(EXCHANGE, {"GetText": lambda _: {"return": text}})
    hub.streams = {"payments": {**STREAM, **changed}}


def names(text: str, columns: list[str], separator: str = ";") -> list[Any]:
    return [json.loads(row) for row in text_rows(text, columns, separator, "The answer")]


def test_lines_of_a_soap_answer_become_payments(hub):
    answering(hub, '0001;12.05.2026;1 500,50;Ромашка ООО\n0002;13.05.2026;200;"ООО ""Василек""; и Ко"\n')
    hub.sync("payments")

    found = {event.data.number: event.data for event in hub.events("payments")}
    assert found["0001"].total == Money(Decimal("1500.50"))
    assert found["0001"].date == dt.date(2026, 5, 12)
    assert found["0002"].purpose == 'ООО "Василек"; и Ко'
    assert set(hub.records["payments"]) == {"0001/12.05.2026", "0002/13.05.2026"}


def test_lines_of_an_http_answer_are_read_with_their_heading(hub):
    hub.server.resources["hs/crm/payments"] = lambda _: "\ufeffNumber\tTotal\n7\t15.00\n".encode()
    stream = {"type": "http", "path": "hs/crm/payments", "columns": ["*"], "separator": "tab", "key": "Number",
              "kind": "payment", "fields": {"number": "Number", "total": "Total"}}  # fmt: skip
    hub.streams = {"payments": stream}
    hub.sync("payments")

    assert [(it.data.number, it.data.total) for it in hub.events("payments")] == [("7", Money(Decimal(15)))]


def test_an_empty_answer_has_no_rows(hub):
    for text in (None, "", "\n"):
        answering(hub, text)
        assert hub.sync("payments") == {}


def test_a_line_with_another_number_of_values_is_parked_alone(hub):
    answering(hub, "0001;12.05.2026;1500;Ромашка; и Ко\n0002;13.05.2026;200;Василек\n")
    hub.sync("payments")

    events, parked = [], 0
    for record in hub.records["payments"].values():
        try:
            events += list(hub.connector().normalise(record))
        except BadRecord:
            parked += 1
    assert [event.data.number for event in events] == ["0002"]
    assert parked == 1


def test_a_heading_that_names_nothing_is_a_wrong_setting():
    with pytest.raises(SettingsError, match="does not name its columns"):
        names("Номер;;Дата\n1;2;3", ["*"])
    with pytest.raises(SettingsError, match="does not name its columns"):
        names("Номер;Номер\n1;2", ["*"])


def test_text_where_rows_are_is_told(hub):
    hub.peer.add("acts")
    hub.streams = {"acts": {**hub.streams["acts"], "rows": "return", "columns": ["Id"], "key": "Id"}}
    with pytest.raises(SettingsError, match="no text there but rows"):
        hub.sync("acts")
    answering(hub, "x", rows="Nothing")
    with pytest.raises(SettingsError, match="has not one Nothing; it has return"):
        hub.sync("payments")


def test_another_encoding_than_declared_is_told(hub):
    hub.server.resources["hs/crm/payments"] = lambda _: "Номер;Сумма\n".encode("cp1251")
    hub.streams = {"payments": {"type": "http", "path": "hs/crm/payments", "columns": ["*"], "key": "Номер"}}
    with pytest.raises(Unavailable, match="not in UTF-8"):
        hub.sync("payments")


@pytest.mark.parametrize("value", ["", "ab", "x", '"', " "])
def test_a_separator_that_cannot_be_one_is_refused(hub, value):
    answering(hub, "", separator=value)
    with pytest.raises(ValueError, match="separator"):
        hub.connector()


_value = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=';"'), max_size=8)


@given(st.lists(st.lists(_value, min_size=3, max_size=3).filter(lambda it: any(it)), max_size=5))
def test_what_was_written_comes_back(rows):
    text = "\n".join(";".join(row) for row in rows)
    expected = [dict(zip("abc", row, strict=True)) for row in rows]
    assert names(text, ["a", "b", "c"]) == expected
    quoted = "\r\n".join(";".join(f'"{value}"' for value in row) + ";" for row in rows)
    assert names(quoted, ["a", "b", "c"]) == expected


@given(st.text(max_size=60))
def test_whatever_a_line_holds_it_is_a_row_of_its_columns_or_passed_on(text):
    for row in names(text, ["a", "b"]):
        assert isinstance(row, str) or list(row) == ["a", "b"]
