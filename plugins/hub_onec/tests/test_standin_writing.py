"""The stand-in takes changes as published probes of real 1C bases say; each test is one such line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.testing.peers.onec import Infobase, OneCServer
from hub.testing.peers.onec.edm import Field
from hub.testing.peers.onec.registers import Register
from hub.testing.peers.onec.writing import Refusal

CLIENTS = "Catalog_Контрагенты"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
INVOICES = "Document_СчетНаОплатуПокупателю"
JSON = "$format=application/json;odata=nometadata"
NOBODY = "11111111-2222-3333-4444-555555555555"
OTHER = "11111111-2222-3333-4444-777777777777"
ROW = {"LineNumber": "1", "Содержание": "Сопровождение", "Количество": 1, "Цена": 4500, "Сумма": 4500}


@pytest.fixture
def base(server: OneCServer) -> Infobase:
    return server.base


@pytest.fixture
def send(web: Any) -> Any:
    def sent(method: str, path: str, values: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        body = values if isinstance(values, bytes) else b"" if values is None else json.dumps(values).encode()
        given = {"Content-Type": "application/json", **headers}
        status, answered, content = web.get(
            f"{path}{'&' if '?' in path else '?'}{JSON}", method=method, body=body, **given
        )
        return status, answered, json.loads(content) if content[:1] == b"{" else content

    return sent


@pytest.fixture
def code(send: Any) -> Any:
    def refused(method: str, path: str, values: Any = None, **headers: str) -> tuple[int, str]:
        status, _, answer = send(method, path, values, **headers)
        return status, answer["odata.error"]["code"]

    return refused


@pytest.fixture
def client(base: Infobase) -> str:
    key: str = base.add(CLIENTS, Description="Ромашка ООО", Комментарий="старый")
    return f"{CLIENTS}(guid'{key}')"


@pytest.fixture
def invoice(base: Infobase) -> str:
    key: str = base.add(INVOICES, Number="1", Date="2026-05-12T09:30:00", Товары=[{"Сумма": 1}, {"Сумма": 2}])
    return f"{INVOICES}(guid'{key}')"


def test_p8_a_post_creates_and_answers_201_with_the_whole_object(send: Any) -> None:
    status, _, made = send("POST", CLIENTS, {"Description": "Василек ООО"})
    assert status == 201
    assert made["Description"] == "Василек ООО"
    assert (made["НаименованиеПолное"], made["КонтактнаяИнформация"], made["DeletionMark"]) == ("", [], False)
    assert made["Ref_Key"] != "00000000-0000-0000-0000-000000000000"


def test_m2_the_location_is_raw_utf8(send: Any) -> None:
    _, headers, made = send("POST", CLIENTS, {"Description": "Василек ООО"})
    place = headers["location"].encode("latin-1").decode()
    assert place.endswith(f"/odata/standard.odata/{CLIENTS}(guid'{made['Ref_Key']}')")


def test_p8_a_misspelt_field_is_ignored_and_only_the_version_grows(send: Any, web: Any, client: str) -> None:
    before = web.json(client)
    status, _, after = send("PATCH", client, {"Коментарий": "новый"})
    assert status == 200
    assert after["DataVersion"] != before.pop("DataVersion")
    assert {**after, **before} == after


def test_p8_a_patch_answers_200_with_the_whole_object(send: Any, client: str) -> None:
    status, _, after = send("PATCH", client, {"ИНН": "2460000001"})
    assert status == 200
    assert (after["ИНН"].strip(), after["Description"], after["Комментарий"]) == ("2460000001", "Ромашка ООО", "старый")


def test_p8_a_version_grows_with_every_write(send: Any, client: str) -> None:
    versions = {send("PATCH", client, {"Комментарий": "тот же"})[2]["DataVersion"] for _ in range(3)}
    assert len(versions) == 3


def test_p8_long_texts_are_cut_without_notice(send: Any, client: str) -> None:
    status, _, after = send("PATCH", client, {"Description": "Я" * 238})
    assert (status, after["Description"]) == (200, "Я" * 100)


def test_p8_a_reference_to_nothing_is_stored(send: Any, client: str) -> None:
    status, _, after = send("PATCH", client, {"ГоловнойКонтрагент_Key": NOBODY})
    assert (status, after["ГоловнойКонтрагент_Key"]) == (200, NOBODY)


def test_p8_an_int64_that_is_no_number_stays_0(send: Any, client: str) -> None:
    status, _, after = send("PATCH", client, {"СрокОплаты": "десять"})
    assert (status, after["СрокОплаты"]) == (200, "0")


@pytest.mark.parametrize(
    ("name", "value"), [("ГоловнойКонтрагент_Key", "нет"), ("НДСПоСтавкам4и2", "да"), ("ДатаРегистрации", "12.05.2026")]
)
def test_p8_other_values_that_cannot_be_parsed_are_refused(code: Any, client: str, name: str, value: str) -> None:
    assert code("PATCH", client, {name: value}) == (400, "1")


def test_p8_a_deletion_mark_goes_both_ways(send: Any, web: Any, client: str) -> None:
    assert send("PATCH", client, {"DeletionMark": True})[2]["DeletionMark"] is True
    assert send("PATCH", client, {"DeletionMark": False})[2]["DeletionMark"] is False


def test_p8_fill_checks_are_not_run(send: Any) -> None:
    assert send("POST", CLIENTS, {})[0] == 201
    assert send("POST", INVOICES, {"Date": "2026-05-12T09:30:00"})[0] == 201


@pytest.mark.parametrize("name", ["If-Match", "if-match"])
def test_p8_if_match_has_no_effect_and_there_is_no_etag(send: Any, client: str, name: str) -> None:
    status, headers, _ = send("PATCH", client, {"Комментарий": "новый"}, **{name: "AAAAAAAAAAE="})
    assert status == 200
    assert "etag" not in headers


def test_d_if_match_refuses_another_version_where_it_is_heeded(
    send: Any, web: Any, server: OneCServer, client: str
) -> None:
    server.writing.heeds_if_match = True
    version = web.json(client)["DataVersion"]
    assert send("PATCH", client, {"Комментарий": "новый"}, **{"If-Match": "AAAAAAAAAAE="})[0] == 412
    assert web.json(client)["Комментарий"] == "старый"
    assert send("PATCH", client, {"Комментарий": "новый"}, **{"If-Match": version})[0] == 200


def test_p9_a_tabular_part_is_replaced_as_a_whole(send: Any, web: Any, invoice: str) -> None:
    assert send("PATCH", invoice, {"Товары": [ROW]})[0] == 200
    (row,) = web.json(invoice)["Товары"]
    assert (row["Содержание"], row["LineNumber"], row["Цена"]) == ("Сопровождение", "1", 4500)
    assert send("PATCH", invoice, {"Комментарий": "остальное стоит"})[2]["Товары"] == [row]


def test_p9_rows_are_counted_from_1(code: Any, invoice: str) -> None:
    assert code("PATCH", invoice, {"Товары": [{**ROW, "LineNumber": "2"}]})[0] == 400
    assert code("PATCH", invoice, {"Товары": [ROW, {**ROW, "LineNumber": "3"}]})[0] == 400


def test_p9_a_row_without_its_number_is_an_internal_error(code: Any, invoice: str) -> None:
    assert code("PATCH", invoice, {"Товары": [{"Сумма": 1}]}) == (500, "-1")


def test_p9_a_delete_is_for_good(send: Any, web: Any, client: str) -> None:
    status, _, body = send("DELETE", client)
    assert (status, body) == (204, b"")
    assert web.refusal(client)[:2] == (404, "9")


def test_e_posting_takes_an_empty_body_and_unposting_undoes_it(send: Any, web: Any, invoice: str) -> None:
    assert send("POST", f"{invoice}/Post?PostingModeOperational=false")[0] == 200
    assert web.json(invoice)["Posted"] is True
    assert send("POST", f"{invoice}/Unpost")[0] == 200
    assert web.json(invoice)["Posted"] is False


def test_d_a_marked_document_is_not_posted(send: Any, code: Any, invoice: str) -> None:
    send("PATCH", invoice, {"DeletionMark": True})
    assert code("POST", f"{invoice}/Post?PostingModeOperational=false") == (500, "-1")


def test_a_posted_document_is_not_marked(send: Any, code: Any, invoice: str) -> None:
    send("POST", f"{invoice}/Post")
    assert code("PATCH", invoice, {"DeletionMark": True}) == (500, "-1")


def test_p8_a_business_refusal_is_500_with_its_words(send: Any, server: OneCServer, client: str) -> None:
    def module(_set: str, _values: dict[str, Any]) -> None:
        raise Refusal("Период закрыт.")

    server.writing.module = module
    status, _, answer = send("PATCH", client, {"Комментарий": "новый"})
    assert status == 500
    assert answer["odata.error"]["message"]["value"] == "Период закрыт."


@pytest.mark.parametrize("name", ["Posted", "DataVersion", "Ref_Key"])
def test_fields_of_the_platform_cannot_be_written(send: Any, web: Any, invoice: str, name: str) -> None:
    before = web.json(invoice)[name]
    after = send("PATCH", invoice, {name: NOBODY if name == "Ref_Key" else True})[2]
    assert (after[name] == before) is (name != "DataVersion")
    assert after[name] is not True


def test_d_a_reference_may_be_bound_by_its_address(send: Any, client: str) -> None:
    _, _, made = send("POST", CONTRACTS, {"Owner@odata.bind": client})
    assert made["Owner_Key"] in client


def test_d_a_put_needs_all_fields(code: Any, client: str) -> None:
    assert code("PUT", client, {"Description": "Ромашка"}) == (400, "5")


def test_d_load_mode_is_refused_where_there_is_none(send: Any, code: Any, server: OneCServer, client: str) -> None:
    mode = {"1C_OData-DataLoadMode": "true"}
    assert send("PATCH", client, {}, **mode)[0] == 200
    server.writing.has_load_mode = False
    assert code("PATCH", client, {}, **mode) == (400, "17")


def test_d_rows_of_parts_cannot_be_created_alone(code: Any) -> None:
    assert code("POST", f"{INVOICES}_Товары", ROW) == (400, "13")


def test_a_name_may_not_be_repeated(code: Any, client: str) -> None:
    assert code("PATCH", client, '{"ИНН": "1", "ИНН": "2"}'.encode()) == (400, "18")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_object_is_refused(code: Any, client: str, body: bytes) -> None:
    assert code("PATCH", client, body) == (400, "2")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(send: Any, client: str, kind: str) -> None:
    assert send("PATCH", client, {}, **{"Content-Type": kind})[0] == 415


def test_what_is_not_there_is_named(code: Any, base: Infobase) -> None:
    assert code("POST", "Catalog_Нет", {}) == (404, "8")
    assert code("PATCH", f"{CLIENTS}(guid'{NOBODY}')", {}) == (404, "9")
    assert code("PATCH", CLIENTS, {}) == (405, "19")
    assert code("POST", f"{CLIENTS}(guid'{base.add(CLIENTS)}')/Post") == (400, "6")


def test_a_user_without_the_right_gets_401_with_code_20(code: Any, server: OneCServer, client: str) -> None:
    server.writing.read_only.add(CLIENTS)
    assert code("PATCH", client, {}) == (401, "20")


def test_atom_comes_unless_json_is_asked_for(web: Any) -> None:
    body = json.dumps({"Description": "Василек"}).encode()
    status, headers, content = web.get(CLIENTS, method="POST", body=body, **{"Content-Type": "application/json"})
    assert status == 201
    assert headers["content-type"].startswith("application/atom+xml")
    assert "Василек".encode() in content


def test_an_integer_travels_as_text_only(code: Any, client: str) -> None:
    assert code("PATCH", client, {"СрокОплаты": 10}) == (400, "1")


def test_a_document_needs_its_date(code: Any) -> None:
    assert code("POST", INVOICES, {"Комментарий": "без даты"}) == (400, "5")


def test_p9_a_record_of_a_register_is_written_by_its_key(publish: Any, web: Any, send: Any, code: Any) -> None:
    dimension = (Field("Валюта_Key", "Guid"),)
    rates = Register("InformationRegister_КурсыВалют", "information", dimension, (Field("Курс", "Double"),))
    owned = Register("AccumulationRegister_Долги", "accumulation", dimension, (), "Document_X")
    web.server = publish([], [rates, owned])
    record = {"Period": "2026-05-12T00:00:00", "Валюта_Key": NOBODY, "Курс": 81.5}
    place = f"{rates.name}(Period=datetime'2026-05-12T00:00:00',Валюта_Key=guid'{NOBODY}')"
    assert code("POST", rates.name, {"Курс": 1})[0] == 400
    assert send("POST", rates.name, record)[0] == 200
    assert code("POST", rates.name, record) == (400, "15")
    assert send("PATCH", place, {"Курс": 82})[0] == 200
    assert web.rows(rates.name)[0]["Курс"] == 82
    assert send("DELETE", place)[0] == 204
    assert code("PATCH", place, {"Курс": 82}) == (404, "9")
    assert web.rows(rates.name) == []
    assert code("POST", f"{owned.name}_RecordType", record) == (405, "19")


def test_d_the_records_of_a_document_are_replaced_as_a_whole(publish: Any, web: Any, send: Any, code: Any) -> None:
    debts = Register("AccumulationRegister_Долги", "accumulation", (Field("Клиент_Key", "Guid"),),
                     (Field("Сумма", "Double"),), "Document_X")  # fmt: skip
    web.server = publish([], [debts])
    records = web.server.base.registers[debts.name]
    for recorder, total in ((NOBODY, 5), (NOBODY, 7), (OTHER, 11)):
        records.add("2026-05-12T00:00:00", recorder, Клиент_Key=NOBODY, Сумма=total)
    place = f"{debts.name}(Recorder=guid'{NOBODY}',Recorder_Type='StandardODATA.Document_X')"
    held = web.json(place)["RecordSet"]
    assert [(row["LineNumber"], row["Сумма"]) for row in held] == [("1", 5), ("2", 7)]
    assert "DataVersion" not in held[0]

    status, _, answer = send("PATCH", place, {"RecordSet": [{**held[1], "LineNumber": "1", "Сумма": 70}]})
    assert (status, [row["Сумма"] for row in answer["RecordSet"]]) == (200, [70])
    assert sorted(row["Сумма"] for row in web.rows(f"{debts.name}_RecordType")) == [11, 70]
    assert web.rows(f"{debts.name}/Balance(Condition='')") == [{"Клиент_Key": NOBODY, "СуммаBalance": 81}]

    assert code("PATCH", place, {"RecordSet": [{**held[1], "LineNumber": "2"}]}) == (400, "4")
    missing = place.replace(NOBODY, "11111111-2222-3333-4444-666666666666")
    assert code("PATCH", missing, {"RecordSet": []}) == (404, "9")
    assert code("PATCH", f"{debts.name}(Recorder=guid'{NOBODY}')", {"RecordSet": []}) == (400, "7")
    assert code("POST", debts.name, {"RecordSet": []}) == (405, "19")
    assert code("DELETE", place) == (405, "19")
    assert sorted(row["Сумма"] for row in web.rows(f"{debts.name}_RecordType")) == [11, 70]


@pytest.mark.parametrize("shows", [True, False])
def test_h_some_publications_tell_the_length_of_texts(web: Any, server: OneCServer, shows: bool) -> None:
    server.shows_lengths = shows
    assert (b'MaxLength="100"' in web.get("$metadata", Accept="application/xml")[2]) is shows


def test_a_change_may_take_effect_and_its_answer_be_lost(web: Any, server: OneCServer, client: str) -> None:
    server.writing.ends = "lost"
    with pytest.raises(ConnectionError):
        web.get(f"{client}?$format=json", method="PATCH", body='{"Комментарий": "новый"}'.encode(),
                **{"Content-Type": "application/json"})  # fmt: skip
    assert web.json(client)["Комментарий"] == "новый"
