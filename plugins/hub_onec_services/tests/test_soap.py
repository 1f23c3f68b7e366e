"""SOAP: real descriptions, arguments checked before a call leaves, faults, and nothing fetched from elsewhere."""

from __future__ import annotations

import datetime as dt
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep

from hub.api import AuthError, BadRecord, Money, Record, Reference, Rejected, SettingsError, Unavailable
from hub.testing.peers.onec_services import EXCHANGE, EXCHANGE_SPACE, Fault, WebService
from hub_onec_services import web

SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "onec" / "wsdl"
samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real descriptions are not beside the tree")
WS = "ws/Exchange.1cws"


def publish(hub: Any, description: bytes, path: str = WS) -> None:
    """Publish a description as it is, without asking whether it makes sense."""
    service = hub.server.services[WS]
    replaced = object.__new__(WebService)
    replaced.__dict__.update(service.__dict__, description=description)
    hub.server.services[path] = replaced


def failing(hub: Any, words: str) -> None:
    def fail(_: Any) -> Any:
        raise Fault(words)

    hub.server.services[WS] = WebService(EXCHANGE, {"GetActs": fail, "FindActs": fail, "GetText": fail})


def posts(hub: Any) -> int:
    return sum(it.startswith("POST") for it in hub.server.requests)


# Real descriptions


@samples
def test_the_stock_service_of_versions_is_read_as_a_stream_of_texts(hub):
    description = (SAMPLES / "InterfaceVersion.wsdl").read_bytes()
    seen = []

    def versions(call: Any) -> dict[str, Any]:
        seen.append(call[0].text)
        return {"return": ["1.0.1.1", "1.0.2.1"]}

    hub.server.services["ws/InterfaceVersion"] = WebService(description, {"GetVersions": versions})
    hub.streams = {
        "versions": {
            "type": "soap", "service": "ws/InterfaceVersion", "operation": "GetVersions",
            "arguments": {"InterfaceName": "Обмен"}, "rows": "return", "key": ".",
        }
    }  # fmt: skip

    assert sorted(hub.sync("versions")) == ["1.0.1.1", "1.0.2.1"]
    assert seen == ["Обмен"]
    assert "ws/InterfaceVersion GetVersions(InterfaceName: string)" in hub.check().version


@samples
def test_the_stock_service_of_bases_lists_its_operations_and_may_answer_with_nothing(hub):
    description = (SAMPLES / "WebCommonInfoBases.wsdl").read_bytes()
    nothing = dict.fromkeys(["return", "ClientID", "InfoBasesCheckCode", "InfoBases"])
    operations = {"GetInfoBases": lambda _: nothing}
    hub.server.services["ws/WebCommonInfoBases.1cws"] = WebService(description, operations)
    hub.streams = {
        "bases": {
            "type": "soap", "service": "ws/WebCommonInfoBases.1cws", "operation": "GetInfoBases",
            "arguments": {"ClientID": ""}, "rows": "InfoBases", "key": "ID",
        }
    }  # fmt: skip

    assert hub.sync("bases") == {}
    version = hub.check().version
    assert "CheckInfoBases(ClientID: string, InfoBasesCheckCode: string)" in version
    assert "GetInfoBases(ClientID: string)" in version


def test_the_stand_in_speaks_as_another_client_expects_it(hub):
    """zeep alone, with its own transport and its own reading of answers by their schema."""
    (key, *_) = hub.peer.add("acts", 3)
    with requests.Session() as session:
        session.trust_env = False
        session.auth = tuple(it.encode() for it in (hub.server.user, hub.server.password))
        address = f"{hub.server.url}{WS}"
        client = zeep.Client(f"{address}?wsdl", transport=zeep.Transport(session=session))
        for binding in ("ExchangeSoapBinding", "ExchangeSoap12Binding"):
            service = client.create_service(f"{{{EXCHANGE_SPACE}}}{binding}", address)
            answer = service.GetActs(Since=dt.datetime(2026, 1, 1), Offset=0, Limit=2)  # noqa: DTZ001 - as 1C has it
            first = answer["return"].Act[0]

            assert len(answer["return"].Act) == 2
            assert (first.Id.lower(), first.Total, first.Client, first.Deleted) == (key, Decimal("1.50"), None, False)
            hub.server.services[WS].operations["GetText"] = _forbidden
            with pytest.raises(zeep.exceptions.Fault, match="нельзя"):
                service.GetText(Since="")


def _forbidden(_: Any) -> Any:
    raise Fault("{Модуль(1)}: нельзя")


# Reading


def test_rows_become_what_the_configuration_says(hub):
    (key, *_) = hub.peer.add("acts", 3)
    hub.streams["acts"]["refers_to"] = "accounting"
    hub.sync("acts")
    event = next(it for it in hub.events("acts") if it.subject.external_id == key)
    third = hub.events("acts")[2].data

    assert (event.type, event.data.number, event.data.date) == ("act.observed", "000000001", dt.date(2026, 5, 12))
    assert event.data.total == Money(Decimal("1.50"))
    assert event.data.client is None, "xsi:nil says nothing"
    assert third.client == Reference("client", "0d3c5a10-0000-11ee-8000-000000000001", "accounting")
    assert event.time is not None
    assert abs(event.time - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1), "naive times are those of the server"


def test_the_next_run_asks_for_what_changed_since_less_the_overlap(hub):
    hub.peer.add("acts")
    seen = []
    original = hub.server.services[WS].operations["GetActs"]

    def spy(call: Any) -> Any:
        seen.append(call[0].text)
        return original(call)

    hub.server.services[WS].operations["GetActs"] = spy
    changed = hub.peer.rows["acts"][next(iter(hub.peer.rows["acts"]))]["Changed"]
    hub.sync("acts")
    hub.sync("acts")

    expected = dt.datetime.fromisoformat(changed) - dt.timedelta(minutes=10)
    assert (seen[0], seen[-1]) == ("0001-01-01T00:00:00", expected.isoformat())


def test_a_change_in_the_future_does_not_hide_what_comes(hub):
    (key,) = hub.peer.add("acts")
    hub.peer.rows["acts"][key]["Changed"] = "2099-01-01T00:00:00"
    hub.sync("acts")

    assert hub.cursors["acts"]["since"] < "2090"
    hub.peer.add("acts")
    assert len(hub.sync("acts")) == 2


def test_a_marked_row_is_gone(hub):
    first, second = hub.peer.add("acts", 2)
    hub.sync("acts")
    hub.peer.remove("acts", first)

    assert list(hub.sync("acts")) == [second]


def test_a_structure_as_argument_is_typed_member_by_member(hub):
    hub.peer.add("acts", 2)
    hub.streams["acts"] |= {
        "operation": "FindActs", "arguments": {"Filter": {"Since": "{cursor}", "OnlyPosted": True}},
    }  # fmt: skip

    assert len(hub.sync("acts")) == 2


def test_rows_may_be_json_in_a_text(hub):
    hub.peer.add("acts", 2)
    hub.streams["acts"] |= {"operation": "GetText", "arguments": {"Since": "{cursor}"}, "rows": "return.Acts"}
    hub.sync("acts")

    assert sorted(it.data.number for it in hub.events("acts")) == ["000000001", "000000002"]


def test_rows_may_be_xml_in_a_text(hub):
    text = "<Acts><Act><Id>1</Id><Number>7</Number></Act><Act><Id>2</Id><Number>8</Number></Act></Acts>"
    hub.server.services[WS].operations["GetText"] = lambda _: {"return": text}
    hub.streams["acts"] |= {"operation": "GetText", "arguments": {"Since": ""}, "rows": "return.Act"}
    hub.sync("acts")

    assert [it.data.number for it in hub.events("acts")] == ["7", "8"]


def test_calls_go_to_our_address_and_not_to_that_of_the_description(hub):
    hub.peer.add("acts")

    assert b"http://srv-1c.office.local/" in hub.server.services[WS].description
    assert len(hub.sync("acts")) == 1


# The description


def test_the_description_is_fetched_once_and_kept_by_its_hash(hub):
    hub.peer.add("acts")
    for _ in range(3):
        hub.sync("acts")

    assert len(hub.asked("wsdl")) == 1


def test_a_kept_description_is_renewed_when_the_service_was_changed(hub):
    hub.peer.add("acts")
    hub.sync("acts")
    changed = EXCHANGE.replace(b'"Limit"', b'"Count"')
    original = hub.server.services[WS]
    operations = {**original.operations, "GetActs": lambda call: {"return": None, "Message": None}}
    hub.server.services[WS] = WebService(changed, operations, original.rows_space)
    with pytest.raises(SettingsError, match="there is no Limit"):
        hub.sync("acts")
    hub.streams["acts"]["arguments"] = {"Since": "{cursor}", "Offset": "{offset}", "Count": "{size}"}

    assert len(hub.sync("acts")) == 1
    assert len(hub.asked("wsdl")) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"Since": "{cursor}", "Offset": "0", "Limit": "many"}, "Limit is no integer: 'many'"),
        ({"Since": "yesterday", "Offset": "0", "Limit": "5"}, "Since is no dateTime"),
        ({"Since": "{cursor}", "Offset": "0"}, "Limit is missing"),
        ({"Since": "{cursor}", "Offset": "0", "Limit": "5", "Sort": "1"}, "there is no Sort"),
        ({"Since": {"x": "1"}, "Offset": "0", "Limit": "5"}, "Since"),
    ],
)
def test_wrong_arguments_never_leave(hub, arguments, words):
    hub.streams["acts"]["arguments"] = arguments
    for action in (hub.check, lambda: hub.sync("acts")):
        with pytest.raises(SettingsError, match=words) as caught:
            action()
        assert "GetActs(Since: dateTime, Offset: integer, Limit: integer)" in str(caught.value)
    assert posts(hub) == 0


def test_an_unknown_operation_lists_those_there_are(hub):
    hub.streams["acts"]["operation"] = "GetAct"

    with pytest.raises(SettingsError, match=r"has no operation GetAct; it has FindActs\(Filter: .*GetActs\(Since"):
        hub.check()


def test_an_unknown_member_of_the_answer_lists_those_there_are(hub):
    hub.peer.add("acts")
    hub.streams["acts"]["rows"] = "result.Act"

    with pytest.raises(SettingsError, match="has no result; it has Message, return"):
        hub.sync("acts")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"<definitions", b'<!DOCTYPE d [<!ENTITY a "b">]><definitions', "document type"),
        (b"<definitions", b'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd"><definitions', "document type"),
        (b'<xs:import namespace="http://www.example.org/exchange/rows"/>',
         b'<xs:import namespace="http://other.example/" schemaLocation="http://127.0.0.1:9/x.xsd"/>', "cannot be used"),
        (b'<xs:import namespace="http://www.example.org/exchange/rows"/>',
         b'<xs:import namespace="http://other.example/" schemaLocation="file:///etc/hostname"/>', "refused"),
        (b'<xs:import namespace="http://www.example.org/exchange/rows"/>',
         b'<xs:include schemaLocation="other.xsd"/>', "cannot be used|refused"),
        (b"<types>", b'<import namespace="x" location="http://127.0.0.1:9/part.wsdl"/><types>', "cannot be used"),
        (b'type="rows:Acts"', b'type="rows:Nothing"', "cannot be used"),
        (b"soapbind:binding style", b"soapbind:binding verb", ""),
    ],
)  # fmt: skip
def test_a_description_leads_nowhere_else(hub, old, new, words):
    """L5, B-04, S-01."""
    assert old in EXCHANGE
    publish(hub, EXCHANGE.replace(old, new, 1))
    hub.peer.add("acts")
    if not words:  # a control: a harmless oddity changes nothing
        assert len(hub.sync("acts")) == 1
        return
    with pytest.raises((SettingsError, Unavailable), match=words):
        hub.sync("acts")
    assert posts(hub) == 0


def test_a_cut_description_is_tried_again_later(hub):
    publish(hub, EXCHANGE[: len(EXCHANGE) // 2])

    with pytest.raises(Unavailable, match="not whole XML"):
        hub.sync("acts")


def test_the_library_tells_the_log_nothing(hub, caplog):
    caplog.set_level(0)
    hub.peer.add("acts")
    hub.sync("acts")

    assert [it.name for it in caplog.records if it.name.startswith("zeep")] == []


def test_a_service_that_is_not_published_is_a_wrong_setting(hub):
    hub.streams["acts"]["service"] = "ws/Nothing.1cws"

    with pytest.raises(SettingsError, match=r"Nothing is published at ws/Nothing\.1cws"):
        hub.check()


# Faults and answers that are none


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("{ОбщийМодуль.Обмен.Модуль(15)}: Поле объекта не обнаружено (Цена)", Rejected),
        ("{WebСервис.Exchange.Модуль(3)}: Недостаточно прав для работы с таблицей", Rejected),
        ("Не обнаружено свободной лицензии!", Unavailable),
        ("Начало сеанса с информационной базой запрещено. Обновление конфигурации", Unavailable),
        ("Конфликт блокировок при выполнении транзакции", Unavailable),
        ("Идентификация пользователя не выполнена", AuthError),
    ],
)
def test_a_fault_is_what_its_words_mean_and_keeps_them(hub, words, kind):
    failing(hub, words)

    with pytest.raises(kind) as caught:
        hub.sync("acts")
    assert words in str(caught.value)
    assert not isinstance(caught.value, Rejected) or "GetActs" in str(caught.value)


def test_a_fault_of_soap_12_is_read_too(hub):
    only_12 = EXCHANGE.replace(b'name="ExchangeSoapBinding"', b'name="Unused"').replace(b"soapbind:", b"soap12bind:")
    original = hub.server.services[WS]
    hub.server.services[WS] = WebService(only_12, original.operations, original.rows_space)
    hub.streams["acts"]["arguments"] = {"Since": "{cursor}", "Offset": "{offset}", "Limit": "{size}"}
    hub.peer.add("acts")
    assert len(hub.sync("acts")) == 1

    def fail(_: Any) -> Any:
        raise Fault("{Модуль(1)}: нет")

    hub.server.services[WS] = WebService(only_12, {"GetActs": fail}, original.rows_space)
    with pytest.raises(Rejected, match=r"\{Модуль\(1\)\}: нет"):
        hub.sync("acts")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html><body>Bad gateway</body></html>", "HTML page"),
        (b"<Envelope/>", "no SOAP"),
        (b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>', "empty body"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "document type"),
        (b"", "not whole XML"),
        (b'{"error": 1}', "not whole XML"),
    ],
)
def test_an_answer_that_is_no_soap_is_named_and_tried_again(hub, content, words, monkeypatch):
    hub.sync("acts")
    monkeypatch.setattr(hub.server.services[WS], "answer", lambda _: (200, content))

    with pytest.raises(Unavailable, match=words):
        hub.sync("acts")


@pytest.mark.parametrize("cut", ["body", "connection"])
def test_a_cut_answer_is_never_a_short_list(hub, cut):
    """A-05, F-16."""
    hub.peer.add("acts", 5)
    hub.sync("acts")
    before = dict(hub.cursors)
    hub.server.troubles.cut = cut

    with pytest.raises(Unavailable):
        hub.sync("acts")
    assert hub.cursors == before


def test_a_row_that_cannot_be_understood_is_parked_alone(hub):
    hub.peer.add("acts", 2)
    hub.sync("acts")
    good, other = hub.records["acts"].values()
    bad = Record(good.external_id, good.payload.replace(b"2026-05-12", b"2026-05-99"), stream="acts")

    with pytest.raises(BadRecord, match="Date is no day"):
        list(hub.connector().normalise(bad))
    assert list(hub.connector().normalise(other))


def test_entities_in_a_stored_row_are_not_followed(hub):
    """B-04, S-04."""
    payload = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><Id>1</Id><Number>&x;</Number></a>'

    with pytest.raises(BadRecord):
        list(hub.connector().normalise(Record("1", payload, stream="acts")))


def test_a_service_that_never_answers_is_left(hub, monkeypatch):
    """L6: the library itself would wait for ever."""
    monkeypatch.setattr(web, "READ_TIMEOUT", dt.timedelta(seconds=0.5))
    hub.peer.add("acts")
    answers = threading.Event()

    def wait(_: Any) -> Any:
        answers.wait(20)
        return {"return": []}

    hub.server.services[WS] = WebService(EXCHANGE, dict.fromkeys(("GetActs", "FindActs", "GetText"), wait))
    began = time.monotonic()
    try:
        with pytest.raises(Unavailable, match="in time"):
            hub.sync("acts")
    finally:
        answers.set()
    assert time.monotonic() - began < 10


def test_one_session_serves_a_run(hub):
    hub.peer.add("acts", 200)
    hub.sync("acts")

    assert posts(hub) > 3
    assert len(hub.server.sessions) == 1


@pytest.mark.parametrize("stream", ["acts", "clients"])
def test_a_session_that_ended_is_begun_anew(hub, stream):
    hub.peer.add(stream, 150)
    reading = hub.batches(stream)
    next(reading)
    hub.server.sessions.clear()
    list(reading)

    assert len(hub.records[stream]) == 150
    assert len(hub.server.sessions) == 1


def test_a_full_server_is_tried_again_later(hub):
    hub.server.session_limit = 0

    with pytest.raises(Unavailable, match="one more session"):
        hub.sync("acts")
