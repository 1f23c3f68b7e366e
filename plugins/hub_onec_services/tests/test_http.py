"""HTTP services: pages, encodings, refusals with the words of a module, pages of HTML, and rows without sense."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from hub.api import AuthError, BadRecord, Money, Record, Rejected, SettingsError, Unavailable
from hub.testing.peers.onec_services import Refusal

CLIENTS = "hs/crm/clients"


def answering(hub, content, path=CLIENTS):
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    hub.server.resources[path] = lambda _: body


def whole(hub):
    """Let the clients come in one answer."""
    hub.streams["clients"] |= {"parameters": {}, "rows": "data.items"}


def test_rows_become_what_the_configuration_says(hub):
    (key,) = hub.peer.add("clients")
    hub.sync("clients")
    (event,) = hub.events("clients")

    assert event.subject.external_id == key
    assert (event.data.name, event.data.inn) == ("Школа № 1", "2463000001")
    assert [(it.type, it.value) for it in event.data.points] == [("phone", "+73912000001")]


def test_money_never_becomes_a_float(hub):
    """L32."""
    hub.peer.add("invoices", 3)
    hub.sync("invoices")

    assert [it.data.total for it in hub.events("invoices")] == [
        Money(Decimal("100.1")),
        Money(Decimal("200.2")),
        Money(Decimal(json.dumps(3 * 100.1))),
    ]


def test_payloads_are_the_bytes_that_came(hub):
    row = b'{ "id":"1" , "name":"\\u0428\xd0\xba", "n": 1.10 }'
    answering(hub, b'{"data":{"items":[' + row + b"]}}")
    whole(hub)

    assert hub.sync("clients")["1"].payload == row


def test_a_service_that_caps_pages_in_silence_is_read_to_its_end(hub):
    hub.peer.cap = 7
    hub.peer.add("clients", 50)

    assert len(hub.sync("clients")) == 50


def test_what_is_no_longer_there_is_told_only_after_a_whole_walk(hub):
    hub.peer.add("clients", 130)
    batches = list(hub.batches("clients"))

    assert [it.complete for it in batches] == [False] * (len(batches) - 1) + [True]
    reading = hub.batches("clients")
    next(reading)
    reading.close()
    assert not any(it.complete for it in hub.batches("clients")), "this walk did not begin at the start"
    assert list(hub.batches("clients"))[-1].complete


def test_a_row_deleted_while_pages_are_read_hides_no_other(hub):
    keys = hub.peer.add("clients", 150)
    reading = hub.batches("clients")
    next(reading)
    hub.peer.remove("clients", keys[0])
    list(reading)

    assert set(keys[1:]) <= set(hub.records["clients"])


def test_pages_by_number_are_asked_for_again(hub):
    keys = hub.peer.add("invoices", 150)
    reading = hub.batches("invoices")
    next(reading)
    del hub.peer.rows["invoices"][keys[0]]
    list(reading)

    assert set(keys[1:]) <= set(hub.records["invoices"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251"])
def test_the_declared_encoding_counts(hub, encoding):
    """B-02."""
    whole(hub)
    answering(hub, json.dumps({"data": {"items": [{"id": "1", "name": "Школа"}]}}, ensure_ascii=False).encode(encoding))
    hub.server.content_type = f"application/json; charset={encoding.removesuffix('-sig')}"
    hub.sync("clients")

    assert hub.events("clients")[0].data.name == "Школа"


def test_an_encoding_that_lies_is_named(hub):
    """B-02."""
    whole(hub)
    answering(hub, b"\x98")
    hub.server.content_type = "application/json; charset=windows-1251"

    with pytest.raises(Unavailable, match="not in the encoding 'windows-1251'"):
        hub.sync("clients")


@pytest.mark.parametrize(
    ("content", "count"),
    [({"data": {"items": None}}, 0), ({"data": None}, 0), ({"data": {"items": []}}, 0)],
)
def test_nothing_is_an_empty_list(hub, content, count):
    whole(hub)
    answering(hub, content)

    assert len(hub.sync("clients")) == count


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ({"data": {"rows": []}}, SettingsError, r"has no items; it has rows"),
        ({"ok": 1, "list": []}, SettingsError, r"has no data; it has list, ok"),
        ({"data": {"items": {"id": 1}}}, SettingsError, "no list of rows"),
        ([{"id": 1}], SettingsError, "no list of rows"),
        (b'{"data": {"items": [{"id": "1"', Unavailable, "breaks off or is damaged"),
        (b"", Unavailable, "breaks off or is damaged"),
        (b'{"data":' + b"[" * 100_000, Unavailable, "breaks off or is damaged"),
        (b"<html><body>x</body></html>", Unavailable, "HTML page"),
    ],
)  # fmt: skip
def test_other_answers_are_named(hub, content, kind, words):
    whole(hub)
    answering(hub, content)

    with pytest.raises(kind, match=words):
        hub.sync("clients")


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "Не указан параметр limit", Rejected),
        (500, "{HTTPСервис.crm.Модуль(15)}: Значение не является значением объектного типа", Rejected),
        (500, "<html><body><h1>Ошибка</h1>{HTTPСервис.crm.Модуль(7)}: Деление на 0</body></html>", Rejected),
        (500, "<html><body>Internal Server Error</body></html>", Unavailable),
        (500, "Не обнаружено свободной лицензии", Unavailable),
        (404, "нет такого", SettingsError),
        (401, "x", AuthError),
        (403, "x", AuthError),
        (502, "x", Unavailable),
    ],
)
def test_refusals_are_what_they_mean(hub, status, words, kind):
    def refuse(_):
        raise Refusal(status, words)

    hub.server.resources[CLIENTS] = refuse
    with pytest.raises(kind) as caught:
        hub.sync("clients")
    if kind is Rejected:
        assert words.rpartition(">")[2] in str(caught.value) or "Деление на 0" in str(caught.value)


def test_two_rows_with_one_key_are_a_wrong_key(hub):
    whole(hub)
    answering(hub, {"data": {"items": [{"id": "1", "name": "a"}, {"id": "1", "name": "b"}]}})

    with pytest.raises(SettingsError, match="Two different rows of clients have the id '1'"):
        hub.sync("clients")


def test_a_row_without_key_is_parked_and_the_others_are_read(hub):
    whole(hub)
    answering(hub, b'{"data": {"items": [{"name": "x"}, {"id": "2", "name": "b"}, "text", {"id": "\xff"}]}}')
    kept = hub.sync("clients")

    assert "2" in kept
    assert len(kept) == 4
    connector = hub.connector()
    for key, record in kept.items():
        if key == "2":
            assert list(connector.normalise(record))
        else:
            with pytest.raises(BadRecord):
                list(connector.normalise(record))


def test_a_key_of_several_values(hub):
    hub.streams["clients"]["key"] = "id, requisites.inn"
    (key,) = hub.peer.add("clients")

    assert list(hub.sync("clients")) == [f"{key}/2463000001"]


def test_rows_without_a_kind_are_kept_and_doctor_says_so(hub):
    hub.streams["clients"] |= {"kind": "", "fields": {}}
    hub.peer.add("clients", 2)

    assert len(hub.sync("clients")) == 2
    assert hub.events("clients") == []
    assert [what for what, _ in hub.check().findings if "clients" in what] == [
        "The rows of clients are stored as they are and mean nothing to the hub yet."
    ]


def test_a_changed_that_is_neither_time_nor_number_is_named(hub):
    hub.peer.add("invoices")
    hub.streams["invoices"]["changed"] = "note"
    next(iter(hub.peer.rows["invoices"].values()))["note"] = "вчера"

    with pytest.raises(SettingsError, match="neither a time nor a number"):
        hub.sync("invoices")


@pytest.mark.parametrize(
    ("changed", "since"),
    [
        ("2026-05-12T10:00:00", "2026-05-12T09:50:00"),
        ("2026-05-12T10:00:00+03:00", "2026-05-12T09:50:00+03:00"),
        ("12.05.2026 10:00:00", "12.05.2026 09:50:00"),
        ("417", "417"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
    ],
)
def test_the_cursor_has_the_form_of_the_service(hub, changed, since):
    hub.streams["invoices"] |= {"parameters": {"changed_from": "{cursor}"}, "start": "0"}
    seen = []

    def resource(query):
        seen.append(query["changed_from"])
        row = {"number": "1", "date": "12.05.2026", "sum": 1, "changed": changed}
        return json.dumps({"items": [row]}).encode()

    hub.server.resources["hs/crm/invoices"] = resource
    hub.sync("invoices")
    hub.sync("invoices")

    assert seen == ["0", since]


def test_numbers_of_versions_are_compared_as_numbers(hub):
    hub.streams["invoices"] |= {"parameters": {"changed_from": "{cursor}"}, "start": "0"}
    rows = [{"number": str(n), "date": "12.05.2026", "sum": 1, "changed": n} for n in (9, 10, 2)]
    answering(hub, {"items": rows}, "hs/crm/invoices")
    hub.sync("invoices")

    assert hub.cursors["invoices"]["since"] == "10"


def test_parameters_are_encoded(hub):
    seen = []
    whole(hub)
    hub.streams["clients"]["parameters"] = {"имя": "а+б & в"}

    def resource(query):
        seen.append(query)
        return b'{"data": {"items": []}}'

    hub.server.resources[CLIENTS] = resource
    hub.sync("clients")

    assert seen == [{"имя": "а+б & в"}]


def test_services_that_ask_for_nobody_need_no_user(hub):
    hub.server.user = ""
    hub.peer.add("clients")
    hub.streams = {"clients": hub.streams["clients"]}
    check = hub.connector(user="", password="").check()

    assert check.account == "without a user"


def test_a_stored_row_of_a_stream_that_is_no_more_is_bad(hub):
    with pytest.raises(BadRecord, match="no stream 'old'"):
        list(hub.connector().normalise(Record("1", b"{}", stream="old")))


def test_the_time_of_the_server_is_told(hub):
    assert hub.check().server_time is not None
