"""The stand-in behaves as published probes of real 1C bases say; each test is one such line, none may become softer."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pytest

from hub.api import is_inn
from hub.testing.peers.onec import Infobase, OneCServer, many_counterparties
from hub.testing.peers.onec.edm import catalog, part, text
from hub.testing.peers.onec.samples import counterparty
from hub_onec.tests.conftest import Web

CLIENTS = "Catalog_Контрагенты"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
INVOICES = "Document_СчетНаОплатуПокупателю"
PAYMENTS = "Document_ПоступлениеНаРасчетныйСчет"
NIL = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def base(server: OneCServer) -> Infobase:
    return server.base


def basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


# Signing in and sessions


def test_401_with_realm_without_credentials(web: Any) -> None:
    status, headers, body = web.get("", Authorization="")
    assert status == 401
    assert headers["www-authenticate"].startswith("Basic realm=")
    assert b"odata.error" not in body


def test_credentials_are_utf8_and_cp1251_is_refused(web: Any, server: OneCServer) -> None:
    pair = f"{server.user}:{server.password}"
    assert web.get("?$format=json", Authorization=basic(pair.encode("cp1251")))[0] == 401
    assert server.refused_logins == 1
    assert web.get("?$format=json", Authorization=basic(pair.encode()))[0] == 200


def test_session_is_kept_by_cookie_and_a_limit_gives_406(web: Any, server: OneCServer) -> None:
    server.has_sessions, server.session_limit = True, 1
    status, headers, _ = web.get("?$format=json", IBSession="start")
    cookie = headers["set-cookie"].partition(";")[0]
    assert status == 200
    assert cookie.startswith("ibsession=")
    assert web.get("?$format=json", Cookie=cookie)[0] == 200
    assert web.get("?$format=json")[0] == 406
    assert web.get("?$format=json", IBSession="start")[0] == 406


def test_old_session_cookie_is_refused(web: Any, server: OneCServer) -> None:
    server.has_sessions = True
    assert web.get("?$format=json", Cookie="ibsession=old")[0] == 400


def test_session_header_has_no_effect_where_sessions_are_off(web: Any) -> None:
    assert "set-cookie" not in web.get("?$format=json", IBSession="start")[1]


# Formats


def test_atom_comes_unless_json_is_asked_for(web: Any, base: Infobase) -> None:
    base.add(CLIENTS, Description="Ромашка & Ко")
    status, headers, body = web.get(CLIENTS)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "application/atom+xml")
    assert "Ромашка & Ко" in [element.text for element in ElementTree.fromstring(body).iter()]
    assert web.get(CLIENTS, Accept="application/json")[1]["content-type"].startswith("application/json")
    assert web.get(f"{CLIENTS}?$format=json")[1]["content-type"].startswith("application/json")


def test_unknown_format_is_refused(web: Any) -> None:
    assert web.get(f"{CLIENTS}?$format=csv")[0] == 406


def test_metadata_is_xml_only(web: Any) -> None:
    assert web.get("$metadata")[1]["content-type"].startswith("application/xml")
    assert web.get("$metadata?$format=json")[0] == 406


def test_batch_is_an_xml_error_501(web: Any) -> None:
    status, headers, body = web.get("$batch")
    assert status == 501
    assert b"m:error" in body
    assert headers["content-type"].startswith("application/xml")


def test_minimal_metadata_links_only_filled_references(web: Any, base: Infobase) -> None:
    owner = base.add(CLIENTS, Description="Владелец")
    key = base.add(CLIENTS, Description="Филиал", ГоловнойКонтрагент_Key=owner, КонтактнаяИнформация=[{"Тип": "Адрес"}])
    found = json.loads(web.get(f"{CLIENTS}?$format=json")[2])
    assert found["odata.metadata"].endswith(f"/$metadata#{CLIENTS}")
    rows = {row["Ref_Key"]: row for row in found["value"]}
    assert rows[key]["ГоловнойКонтрагент@navigationLinkUrl"] == f"{CLIENTS}(guid'{key}')/ГоловнойКонтрагент"
    assert "ГоловнойКонтрагент@navigationLinkUrl" not in rows[owner]
    assert not any("@" in name for row in rows[key]["КонтактнаяИнформация"] for name in row)


def test_nometadata_has_no_annotation_at_all(web: Any, base: Infobase) -> None:
    owner = base.add(CLIENTS)
    base.add(CLIENTS, ГоловнойКонтрагент_Key=owner)
    found = web.json(CLIENTS)
    assert set(found) == {"value"}
    assert not any("@" in name or name.startswith("odata.") for row in found["value"] for name in row)


def test_single_entity_is_marked_as_element(web: Any, base: Infobase) -> None:
    key = base.add(CLIENTS, Description="Ромашка")
    found = json.loads(web.get(f"{CLIENTS}(guid'{key}')?$format=json")[2])
    assert found["odata.metadata"].endswith("/@Element")
    assert found["Description"] == "Ромашка"
    assert "value" not in found


def test_fullmetadata_names_the_type(web: Any, base: Infobase) -> None:
    base.add(CLIENTS)
    body = web.get(f"{CLIENTS}?$format=application/json;odata=fullmetadata")[2]
    assert json.loads(body)["value"][0]["odata.type"] == f"StandardODATA.{CLIENTS}"


# Order and paging


def test_order_is_lost_without_orderby_and_no_page_limit_or_next_link(web: Any, base: Infobase) -> None:
    for number in range(1500):
        base.add(CLIENTS, Description=str(number))
    plain, ordered = web.json(CLIENTS), web.json(f"{CLIENTS}?$orderby=Ref_Key")
    assert len(plain["value"]) == 1500
    assert set(plain) == {"value"}
    assert [it["Ref_Key"] for it in plain["value"]] != [it["Ref_Key"] for it in ordered["value"]]


def test_reference_order_is_not_the_order_of_its_text(web: Any, base: Infobase) -> None:
    for _ in range(50):
        base.add(CLIENTS)
    keys = [it["Ref_Key"] for it in web.rows(f"{CLIENTS}?$orderby=Ref_Key")]
    assert keys != sorted(keys)
    pages = [
        it["Ref_Key"] for skip in (0, 20, 40) for it in web.rows(f"{CLIENTS}?$orderby=Ref_Key&$top=20&$skip={skip}")
    ]
    assert pages == keys


def test_orderby_descends_and_follows_a_path(web: Any, base: Infobase) -> None:
    first, second = base.add(CLIENTS, Description="А"), base.add(CLIENTS, Description="Б")
    base.add(CONTRACTS, Description="1", Owner_Key=first)
    base.add(CONTRACTS, Description="2", Owner_Key=second)
    assert [it["Description"] for it in web.rows(f"{CONTRACTS}?$orderby=Owner/Description desc")] == ["2", "1"]
    assert web.refusal(f"{CLIENTS}?$orderby=НетТакого")[:2] == (400, "6")


def test_count_is_text_with_bom_and_takes_a_filter(web: Any, base: Infobase) -> None:
    base.add(CLIENTS, Description="А")
    base.add(CLIENTS, Description="Б")
    status, headers, body = web.get(f"{CLIENTS}/$count?$filter=Description eq 'А'")
    assert (status, body) == (200, b"\xef\xbb\xbf1")
    assert headers["content-type"].startswith("text/plain")


def test_inlinecount_is_text_and_stops_paging_by_a_switch(web: Any, base: Infobase, server: OneCServer) -> None:
    for _ in range(5):
        base.add(CLIENTS)
    found = web.json(f"{CLIENTS}?$inlinecount=allpages&$top=2")
    assert (found["odata.count"], len(found["value"])) == ("5", 5)
    server.inlinecount_stops_paging = False
    assert len(web.json(f"{CLIENTS}?$inlinecount=allpages&$top=2")["value"]) == 2


# Values


def test_values_look_as_on_the_wire(web: Any, base: Infobase) -> None:
    base.add(CONTRACTS, Description="Основной договор", ВидДоговора="СПокупателем")
    base.add(PAYMENTS, Number="7", СуммаДокумента=52)
    base.add(CLIENTS, **counterparty(1))
    (contract,), (payment,), (client,) = web.rows(CONTRACTS), web.rows(PAYMENTS), web.rows(CLIENTS)
    assert contract["СрокОплаты"] == "0"
    assert contract["АбонентскаяПлата"] == 0
    assert contract["Дата"] == "0001-01-01T00:00:00"
    assert contract["Организация_Key"] == NIL
    assert (contract["ОбеспечениеПредоставил"], contract["ОбеспечениеПредоставил_Type"]) == (
        "",
        "StandardODATA.Undefined",
    )
    assert contract["ВидДоговора"] == "СПокупателем"
    assert (payment["Number"], payment["СуммаДокумента"], payment["РасшифровкаПлатежа"]) == ("7          ", 52, [])
    assert len(client["ИНН"]) == 12
    assert [row["LineNumber"] for row in client["КонтактнаяИнформация"]] == ["1", "2", "3"]
    assert contract["DataVersion"] == "AAAAAQAAAAA="


def test_every_write_raises_the_version_even_without_a_change(web: Any, base: Infobase) -> None:
    key, other = base.add(CLIENTS), base.add(CLIENTS)
    base.change(CLIENTS, key)
    versions = {it["Ref_Key"]: it["DataVersion"] for it in web.rows(f"{CLIENTS}?$select=Ref_Key,DataVersion")}
    assert versions == {key: "AAAAAgAAAAA=", other: "AAAAAQAAAAA="}


def test_names_may_hold_underscores_and_digits(publish: Any) -> None:
    name = "Удалить_Обмен_11_0_Торговля_1_0"
    server = publish([catalog(name, part("Строки_2", text("Что")))])
    server.base.add(f"Catalog_{name}", Строки_2=[{"Что": "1"}])
    names = {it["name"] for it in Web(server).rows("")}
    assert names == {f"Catalog_{name}", f"Catalog_{name}_Строки_2"}
    assert Web(server).rows(f"Catalog_{name}_Строки_2")[0]["LineNumber"] == "1"


def test_tabular_part_has_a_set_of_its_own(web: Any, base: Infobase) -> None:
    key = base.add(CLIENTS, **counterparty(1))
    rows = web.rows(f"{CLIENTS}_КонтактнаяИнформация")
    assert {(it["Ref_Key"], it["LineNumber"]) for it in rows} == {(key, "1"), (key, "2"), (key, "3")}


# Select and expand


def test_two_stars_leave_out_the_parts_and_a_path_takes_one_column(web: Any, base: Infobase) -> None:
    base.add(INVOICES, Товары=[{"Цена": 5, "Содержание": "Работы"}])
    whole, without = web.rows(f"{INVOICES}?$select=*")[0], web.rows(f"{INVOICES}?$select=**")[0]
    assert set(whole) - set(without) == {"Товары"}
    assert web.rows(f"{INVOICES}?$select=Ref_Key,Товары/Цена")[0]["Товары"] == [{"Цена": 5}]


def test_unknown_name_in_select_is_echoed_with_400_and_6(web: Any) -> None:
    status, code, words = web.refusal(f"{CLIENTS}?$select=Ref_Key,НетТакого")
    assert (status, code) == (400, "6")
    assert "НетТакого" in words


def test_presentation_comes_on_request(web: Any, base: Infobase) -> None:
    owner = base.add(CLIENTS, Description="Ромашка")
    base.add(CONTRACTS, Owner_Key=owner)
    base.add(CONTRACTS)
    shown = {it["Owner____Presentation"] for it in web.rows(f"{CONTRACTS}?$select=Ref_Key,Owner____Presentation")}
    assert shown == {"Ромашка", ""}
    assert all("Owner____Presentation" in it for it in web.rows(f"{CONTRACTS}?$select=*____Presentation"))


def test_expand_has_no_effect_unless_selected(web: Any, base: Infobase) -> None:
    base.add(CONTRACTS, Owner_Key=base.add(CLIENTS, Description="Ромашка"))
    assert "Owner" not in web.rows(f"{CONTRACTS}?$expand=Owner")[0]
    assert web.rows(f"{CONTRACTS}?$select=Ref_Key,Owner&$expand=Owner")[0]["Owner"]["Description"] == "Ромашка"


def test_empty_reference_expands_to_null_and_single_entities_do_not_expand(web: Any, base: Infobase) -> None:
    key = base.add(CONTRACTS)
    assert web.rows(f"{CONTRACTS}?$select=Owner&$expand=Owner")[0]["Owner"] is None
    assert web.refusal(f"{CONTRACTS}(guid'{key}')?$select=Owner&$expand=Owner")[0] == 400
    assert web.refusal(f"{CONTRACTS}?$expand=НетТакого")[:2] == (400, "6")


def test_expand_is_accepted_to_the_fourth_level_and_stays_silent_unselected(web: Any, base: Infobase) -> None:
    base.add(CONTRACTS, Owner_Key=base.add(CLIENTS, Description="Ромашка"))
    deep = "/".join(["Owner", *["ГоловнойКонтрагент"] * 3])
    (row,) = web.rows(f"{CONTRACTS}?$select=Ref_Key&$expand={deep}")
    assert set(row) == {"Ref_Key"}


def test_spaces_behind_commas_are_no_part_of_a_name(web: Any, base: Infobase) -> None:
    base.add(CLIENTS, Description="Ромашка")
    assert set(web.rows(f"{CLIENTS}?$select=Ref_Key, Description")[0]) == {"Ref_Key", "Description"}


# Filter


@pytest.fixture
def filled(base: Infobase) -> Infobase:
    owner = base.add(CLIENTS, Ref_Key="11111111-0000-4000-8000-000000000001", Description="Ромашка", ИНН="2460000009")
    base.add(
        CLIENTS,
        Description="О'Генри",
        НаименованиеПолное="Общество «О'Генри» 50%",
        КонтактнаяИнформация=[{"Тип": "Адрес", "Город": "Тула"}],
    )
    base.add(
        CONTRACTS,
        Description="Договор",
        Owner_Key=owner,
        СрокОплаты=5,
        Дата="2026-05-12T10:00:00",
        АбонентскаяПлата=6900.5,
    )
    base.add(PAYMENTS, Контрагент=owner, Контрагент_Type=f"StandardODATA.{CLIENTS}", СуммаДокумента=100)
    return base


@pytest.mark.parametrize(
    ("name", "source", "count"),
    [
        (CLIENTS, "Description eq 'Ромашка'", 1),
        (CLIENTS, "Description eq 'О''Генри'", 1),
        (CLIENTS, "Description ne 'Ромашка' and not (DeletionMark eq true)", 1),
        (CLIENTS, "Ref_Key eq guid'11111111-0000-4000-8000-000000000001'", 1),
        (
            CLIENTS,
            f"Ref_Key eq guid'11111111-0000-4000-8000-000000000001' or Ref_Key eq guid'{NIL}'",
            1,
        ),
        (CLIENTS, "startswith(Description,'Ром')", 1),
        (CLIENTS, "startswith(Description,'Ром') eq true", 1),
        (CLIENTS, "endswith(Description,'ка') or endswith(Description,'ри')", 2),
        (CLIENTS, "substringof('маш',Description)", 1),
        (CLIENTS, "substring(Description,1,3) eq 'Ром'", 1),
        (CLIENTS, "concat(Description,'!') eq 'Ромашка!'", 1),
        (CLIENTS, "like(Description,'Р_м%')", 1),
        (CLIENTS, "like(НаименованиеПолное,'%[0-9]0[%]')", 1),
        (CLIENTS, "КонтактнаяИнформация/any(d: d/Город eq 'Тула')", 1),
        (CLIENTS, "КонтактнаяИнформация/any()", 1),
        (CLIENTS, "КонтактнаяИнформация/all(d: d/Город eq 'Тула')", 2),
        (CONTRACTS, "Owner/Description eq 'Ромашка'", 1),
        (CONTRACTS, "Owner/ИНН eq '2460000009'", 1),
        (CONTRACTS, f"Организация_Key eq guid'{NIL}'", 1),
        (CONTRACTS, "СрокОплаты add 1 eq 6 and СрокОплаты mul 2 gt 9 and СрокОплаты div 2 lt 3", 1),
        (CONTRACTS, "-СрокОплаты eq -5 and СрокОплаты sub 6 eq -1", 1),
        (CONTRACTS, "round(АбонентскаяПлата) eq 6901", 1),
        (CONTRACTS, "Дата ge datetime'2026-05-12T00:00:00' and СрокДействия eq datetime'0001-01-01T00:00:00'", 1),
        (CONTRACTS, "year(Дата) eq 2026 and quarter(Дата) eq 2 and month(Дата) eq 5 and day(Дата) eq 12", 1),
        (CONTRACTS, "hour(Дата) eq 10 and minute(Дата) eq 0 and second(Дата) eq 0", 1),
        (CONTRACTS, "dayofweek(Дата) eq 2 and dayofyear(Дата) eq 132", 1),
        (CONTRACTS, "dateadd(Дата,'month',1) eq datetime'2026-06-12T10:00:00'", 1),
        (CONTRACTS, "datedifference(Дата,datetime'2026-05-14T10:00:00','day') eq 2", 1),
        (PAYMENTS, f"Контрагент eq cast(guid'11111111-0000-4000-8000-000000000001','{CLIENTS}')", 1),
        (PAYMENTS, f"cast(Контрагент,'{CLIENTS}')/Description eq 'Ромашка'", 1),
        (PAYMENTS, f"isof(Контрагент,'{CLIENTS}')", 1),
    ],
)
def test_filter_grammar(web: Any, filled: Infobase, name: str, source: str, count: int) -> None:
    assert len(web.rows(f"{name}?$filter={source}")) == count


def test_naive_guid_against_a_composite_field_finds_nothing(web: Any, filled: Infobase) -> None:
    assert web.rows(f"{PAYMENTS}?$filter=Контрагент eq guid'11111111-0000-4000-8000-000000000001'") == []


@pytest.mark.parametrize(
    "name",
    [
        "length",
        "indexof",
        "replace",
        "tolower",
        "toupper",
        "trim",
        "floor",
        "ceiling",
        "years",
        "days",
        "hours",
        "seconds",
    ],
)
def test_functions_that_1c_lacks_are_refused(web: Any, filled: Infobase, name: str) -> None:
    status, code, _ = web.refusal(f"{CLIENTS}?$filter={name}(Description) eq 1")
    assert status in (400, 501)
    assert code in ("14", "21")


@pytest.mark.parametrize(
    "source",
    [
        "contains(Description,'а')",
        "Description in ('а','б')",
        "Description eq",
        "(Description eq 'а'",
        "Description eq 'а",
        "Ref_Key eq null",
        "Description = 'а'",
    ],
)
def test_foreign_grammar_is_refused(web: Any, filled: Infobase, source: str) -> None:
    assert web.refusal(f"{CLIENTS}?$filter={source}")[0] == 400


def test_plus_is_not_a_space(web: Any, filled: Infobase) -> None:
    assert web.refusal(f"{CLIENTS}?$filter=Description+eq+'Ромашка'")[:2] == (400, "14")
    assert web.rows(f"{CLIENTS}?$filter=Description%20eq%20'Ромашка'")


def test_unknown_field_in_a_filter_is_400(web: Any, filled: Infobase) -> None:
    assert web.refusal(f"{CLIENTS}?$filter=НетТакого eq 'а'")[0] == 400


def test_unknown_field_in_a_filter_finds_nothing_by_a_switch(web: Any, filled: Infobase) -> None:
    filled.unknown_field_finds_nothing = True
    assert web.rows(f"{CLIENTS}?$filter=НетТакого eq 1") == []


def test_string_against_reference_is_400(web: Any, filled: Infobase) -> None:
    assert web.refusal(f"{CLIENTS}?$filter=Ref_Key eq '11111111-0000-4000-8000-000000000001'")[0] == 400


def test_filter_does_not_echo_its_quoted_literals(web: Any, filled: Infobase) -> None:
    assert "Тайна" not in web.refusal(f"{CLIENTS}?$filter=tolower(Description) eq 'Тайна'")[2]


# Refusals


@pytest.mark.parametrize("option", ["$apply=x", "$search=x", "$compute=x", "$expan=Owner"])
def test_unknown_option_is_code_0(web: Any, option: str) -> None:
    status, code, words = web.refusal(f"{CLIENTS}?{option}")
    assert (status, code) == (400, "0")
    assert option.partition("=")[0] in words


def test_set_outside_the_composition_is_404_and_8(web: Any, base: Infobase) -> None:
    base.composition.discard(CONTRACTS)
    assert web.refusal(CONTRACTS)[:2] == (404, "8")
    assert web.refusal("Catalog_Опечатка")[:2] == (404, "8")
    assert CONTRACTS not in {it["name"] for it in web.rows("")}


def test_empty_composition_is_an_empty_list_with_200(web: Any, base: Infobase) -> None:
    base.composition.clear()
    assert web.rows("") == []


def test_missing_object_is_404_and_9_and_a_bad_key_400(web: Any) -> None:
    assert web.refusal(f"{CLIENTS}(guid'{NIL}')")[:2] == (404, "9")
    assert web.refusal(f"{CLIENTS}(guid'нет')")[0] == 400


def test_unknown_method_of_a_set_is_400_and_6(web: Any) -> None:
    assert web.refusal(f"{CLIENTS}/Balance")[:2] == (400, "6")


def test_errors_follow_format_and_language(web: Any, server: OneCServer) -> None:
    assert b"m:error" in web.get("Catalog_Опечатка")[2]
    assert "не найдена" in web.refusal("Catalog_Опечатка")[2]
    server.language = "en"
    assert "not found" in web.refusal("Catalog_Опечатка")[2]


def test_wrong_publication_is_404_of_the_web_server(server: OneCServer) -> None:
    elsewhere: Any = SimpleNamespace(url=server.url.replace("/base/", "/nobase/"), user="u", password="p")
    status, headers, body = Web(elsewhere).get("?$format=json")
    assert status == 404
    assert headers["content-type"].startswith("text/html")
    assert b"odata.error" not in body


def test_one_set_fails_alone(web: Any, server: OneCServer) -> None:
    server.troubles.failing = {INVOICES}
    assert web.refusal(INVOICES)[:2] == (500, "-1")
    assert web.rows(CLIENTS) == []


def test_hidden_row_is_401_and_20_unless_allowed_only(web: Any, base: Infobase) -> None:
    base.hidden = {base.add(CLIENTS)}
    base.add(CLIENTS)
    assert web.refusal(CLIENTS)[:2] == (401, "20")
    assert len(web.rows(f"{CLIENTS}?allowedOnly=true")) == 1
    assert len(web.rows(f"{CLIENTS}?$allowedOnly=true")) == 1


def test_html_with_200_and_502_by_a_switch(web: Any, server: OneCServer) -> None:
    server.troubles.html = True
    status, headers, _ = web.get(CLIENTS)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/html")
    server.troubles.html, server.troubles.status = False, 502
    assert web.get(CLIENTS)[0] == 502


def test_first_request_after_a_pause_is_slow(web: Any, server: OneCServer) -> None:
    server.troubles.slow_first = 0.3
    began = time.monotonic()
    web.get("?$format=json")
    slow = time.monotonic() - began
    web.get("?$format=json")
    assert slow > 0.3
    assert not server.troubles.slow_first


# In a process of its own


def test_it_runs_alone_and_changes_a_share_of_its_objects() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hub.testing.peers.onec", "--counterparties", "200", "--changed", "10"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
    ) as process:
        assert process.stdout is not None
        try:
            url, signed, steer = (process.stdout.readline().strip() for _ in range(3))
            query = f"{url}{quote(CLIENTS)}?$select=Ref_Key,DataVersion,DeletionMark&$format=json"

            def changed() -> int:
                header = {"Authorization": basic(signed.replace(" ", ":").encode())}
                with urlopen(Request(query, headers=header), timeout=10) as answer:
                    return sum(it["DataVersion"] != "AAAAAQAAAAA=" for it in json.load(answer)["value"])

            assert changed() == 20
            with urlopen(Request(f"{steer}change?percent=50", method="POST"), timeout=10) as answer:
                assert answer.read() == b"100"
            assert changed() >= 100
        finally:
            process.terminate()


def test_generated_objects_are_like_the_others_in_size_and_fields(web: Any, base: Infobase) -> None:
    base.add(CLIENTS, **counterparty(1))
    many_counterparties(base, 50)
    rows = web.rows(CLIENTS)
    assert len({frozenset(row) for row in rows}) == 1
    assert all(is_inn(row["ИНН"].strip()) for row in rows)
    sizes = {len(row.encoded()) for row in base.sets[CLIENTS].rows.values()}
    assert 2600 < min(sizes) <= max(sizes) < 3000


# Metadata


def test_metadata_has_the_shape_of_a_real_one(web: Any, base: Infobase) -> None:
    text = web.get("$metadata")[2].decode()
    edm = "{http://schemas.microsoft.com/ado/2009/11/edm}"
    root = ElementTree.fromstring(text)
    types = {it.get("Name"): it for it in root.iter(f"{edm}EntityType")}
    assert types[PAYMENTS].get("OpenType") == "true"
    assert [it.get("Name") for it in types[f"{PAYMENTS}_РасшифровкаПлатежа"].iter(f"{edm}PropertyRef")] == [
        "Ref_Key",
        "LineNumber",
    ]
    properties = {it.get("Name"): it.get("Type") for it in types[PAYMENTS].iter(f"{edm}Property")}
    assert properties["РасшифровкаПлатежа"] == f"Collection(StandardODATA.{PAYMENTS}_РасшифровкаПлатежа_RowType)"
    assert properties["Контрагент"] == properties["Контрагент_Type"] == "Edm.String"
    navigation = {it.get("Name") for it in types[CONTRACTS].iter(f"{edm}NavigationProperty")}
    assert navigation == {"Owner", "Parent", "ВалютаВзаиморасчетов"}  # the organisation is not published
    assert text.count('<EnumType Name="AllowedLength">') == 2
    assert root.find(f".//{edm}AssociationSet") is None
    binding = next(root.iter(f"{edm}FunctionImport"))
    assert binding.get("EntitySet") is None
    assert binding[0].get("Name") == "bindingParameter"
