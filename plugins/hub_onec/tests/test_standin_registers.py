"""Registers, virtual tables and exchange plans of the stand-in, as the vendor's page and published probes tell them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hub.testing.peers.onec import (
    ACCOUNTING,
    ACCOUNTING_REGISTERS,
    FULL_ACCOUNTING,
    FULL_TRADE,
    TRADE_REGISTERS,
    Infobase,
    OneCServer,
)
from hub.testing.peers.onec.edm import Field
from hub.testing.peers.onec.registers import constant, journal
from hub_onec.metadata import read_schema
from hub_onec.tests.conftest import Web

CLIENTS = "Catalog_Контрагенты"
RATES = "InformationRegister_КурсыВалют"
PRICES = "InformationRegister_ЦеныНоменклатуры"
DEBTS = "AccumulationRegister_РасчетыСКлиентамиПланОплат"
LEDGER = "AccountingRegister_Хозрасчетный"
REVENUE = "AccumulationRegister_ВыручкаИСебестоимостьПродаж"
PLAN = "ExchangePlan_Связка"
EURO, DOLLAR = "a192de9a-d84c-11ea-8133-0050569f62a1", "a192de9b-d84c-11ea-8133-0050569f62a1"
ATOM, TOMBSTONES = "{http://www.w3.org/2005/Atom}", "{http://purl.org/atompub/tombstones/1.0}"
REAL = Path(__file__).parents[3].parent / "shared" / "data" / "onec" / "metadata" / "ut11_trade_trimmed.xml"


@pytest.fixture
def books(publish: Callable[..., OneCServer]) -> Web:
    return Web(publish(FULL_ACCOUNTING, ACCOUNTING_REGISTERS))


@pytest.fixture
def trade(publish: Callable[..., OneCServer]) -> Web:
    return Web(publish(FULL_TRADE, TRADE_REGISTERS))


# Sets and keys


def test_register_of_a_recorder_has_two_sets_and_an_independent_one_has_one(books: Web) -> None:
    names = [it["name"] for it in books.rows("")]
    assert {PRICES, f"{PRICES}_RecordType", RATES, LEDGER, f"{LEDGER}_RecordType"} <= set(names)
    assert f"{RATES}_RecordType" not in names
    assert len(names) == len(set(names))


def test_main_set_gathers_records_by_recorder(books: Web) -> None:
    prices = books.server.base.registers[PRICES]
    for number, recorder in enumerate((EURO, EURO, DOLLAR)):
        prices.add("2026-01-01T00:00:00", recorder, Цена=number)
    sets = books.rows(PRICES)
    assert [len(it["RecordSet"]) for it in sets] == [2, 1]
    assert {it["Recorder_Type"] for it in sets} == {"StandardODATA.Document_УстановкаЦенНоменклатуры"}
    records = books.rows(f"{PRICES}_RecordType")
    assert [it["LineNumber"] for it in records] == ["1", "2", "1"]
    assert not any("DataVersion" in it or "Ref_Key" in it for it in records)


def test_record_is_had_by_its_whole_key(books: Web) -> None:
    books.server.base.registers[RATES].add("2008-02-05T00:00:00", Валюта_Key=EURO, Курс=36.17, Кратность="1")
    key = f"Period=datetime'2008-02-05T00:00:00',Валюта_Key=guid'{EURO}'"
    found = books.json(f"{RATES}({key})")
    assert (found["Курс"], found["Кратность"]) == (36.17, "1")
    assert books.refusal(f"{RATES}(Period=datetime'2008-02-05T00:00:00')")[:2] == (400, "7")
    assert books.refusal(f"{RATES}({key.replace(EURO, DOLLAR)})")[:2] == (404, "9")


@pytest.mark.skipif(not REAL.exists(), reason="the trimmed $metadata of a real base is not beside the project")
@pytest.mark.parametrize("name", [RATES, DEBTS, f"{DEBTS}_RecordType"])
def test_keys_in_metadata_are_those_of_a_real_base(books: Web, trade: Web, name: str) -> None:
    keys = []
    for content in (books.server.metadata(), trade.server.metadata(), REAL.read_bytes()):
        found: dict[str, tuple[str, ...]] = {}
        read_schema(content, (), lambda it, _, key, held=found: held.setdefault(it, key))  # type: ignore[misc]
        keys += [set(found[name])] if name in found else []
    assert len(keys) > 1
    assert all(key == keys[-1] for key in keys)


def test_functions_are_bound_to_where_a_real_base_binds_them(books: Web, trade: Web) -> None:
    wanted = {RATES, PRICES, f"{PRICES}_RecordType", LEDGER, DEBTS, REVENUE}
    found = read_schema(books.server.metadata(), wanted).functions
    assert found[RATES] == found[f"{PRICES}_RecordType"] == {"SliceFirst", "SliceLast"}
    assert PRICES not in found
    found = read_schema(trade.server.metadata(), wanted).functions
    assert found[DEBTS] == {"Balance", "Turnovers"}
    assert found[REVENUE] == {"Turnovers"}


def test_constant_has_a_surrogate_key_and_a_journal_the_document(books: Web) -> None:
    base = books.server.base
    base.lists["Constant_ВалютаУчета"] = constant("ВалютаУчета", Field("ВалютаУчета_Key", "Guid"), EURO)
    base.lists["DocumentJournal_Все"] = journal("Все", [("Document_Счет", DOLLAR, "2026-01-01T00:00:00")])
    assert books.rows("Constant_ВалютаУчета") == [{"SurrogateKey": 0, "ВалютаУчета_Key": EURO}]
    (line,) = books.rows("DocumentJournal_Все")
    assert (line["Ref"], line["Ref_Type"]) == (DOLLAR, "StandardODATA.Document_Счет")
    assert {"Constant_ВалютаУчета", "DocumentJournal_Все"} <= {it["name"] for it in books.rows("")}


def test_enumerations_are_no_sets(books: Web) -> None:
    assert not any(it["name"].startswith("Enum") for it in books.rows(""))


def test_null_property_is_passed_on(books: Web) -> None:
    books.server.base.add(CLIENTS, Комментарий=None)
    assert books.rows(CLIENTS)[0]["Комментарий"] is None


# Virtual tables


@pytest.fixture
def rates(books: Web) -> Web:
    register = books.server.base.registers[RATES]
    for day, key, rate in (("2026-01-01", EURO, 90), ("2026-02-01", EURO, 95), ("2026-01-15", DOLLAR, 80)):
        register.add(f"{day}T00:00:00", Валюта_Key=key, Курс=rate)
    return books


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (f"{RATES}/SliceLast", {95, 80}),
        (f"{RATES}/SliceLast()", {95, 80}),
        (f"{RATES}/SliceLast(Period=datetime'2026-01-20T00:00:00')", {90, 80}),
        (f"{RATES}/SliceLast(Period=datetime'2026-01-10T00:00:00')", {90}),
        (f"{RATES}/SliceLast(Condition='Валюта_Key eq guid'{EURO}'')", {95}),
        (f"{RATES}/SliceLast(Period=datetime'2026-01-20T00:00:00',Condition='Валюта_Key eq guid'{EURO}'')", {90}),
        (f"{RATES}/SliceLast?Condition=Валюта_Key eq guid'{DOLLAR}'", {80}),
        (f"{RATES}/SliceLast?Period=datetime'2026-01-10T00:00:00'", {90}),
        (f"{RATES}/SliceFirst(Period=datetime'2026-01-10T00:00:00')", {95, 80}),
        (f"{RATES}/SliceLast?$filter=Курс gt 90", {95}),
    ],
)
def test_slice_in_both_forms_of_the_call(rates: Web, call: str, expected: set[int]) -> None:
    assert {it["Курс"] for it in rates.rows(call)} == expected


def test_slice_of_a_recorder_is_bound_to_its_records(books: Web) -> None:
    assert books.rows(f"{PRICES}_RecordType/SliceLast") == []
    assert books.refusal(f"{PRICES}/SliceLast")[:2] == (400, "6")


def test_balance_sums_by_dimensions_and_leaves_out_nothing_but_zero(trade: Web) -> None:
    debts = trade.server.base.registers[DEBTS]
    for key, amount, kind in ((EURO, 100, "Receipt"), (EURO, 30.5, "Expense"), (DOLLAR, 7, "Receipt")):
        debts.add("2026-01-01T00:00:00", АналитикаУчетаПоПартнерам_Key=key, КОплате=amount, RecordType=kind)
    debts.add("2026-02-01T00:00:00", АналитикаУчетаПоПартнерам_Key=DOLLAR, КОплате=7, RecordType="Expense")
    assert {it["КОплатеBalance"] for it in trade.rows(f"{DEBTS}/Balance")} == {69.5}
    then = trade.rows(f"{DEBTS}/Balance?Period=datetime'2026-01-31T23:59:59'")
    assert {it["КОплатеBalance"] for it in then} == {69.5, 7}
    assert not any("Recorder" in it or "Period" in it for it in then)


def test_balance_of_accounts_has_both_sides(books: Web) -> None:
    ledger = books.server.base.registers[LEDGER]
    ledger.add("2026-01-01T00:00:00", Account_Key=EURO, Сумма=10)
    ledger.add("2026-01-01T00:00:00", Account_Key=DOLLAR, Сумма=4, RecordType="Expense")
    found = {it["Account_Key"]: it for it in books.rows(f"{LEDGER}/Balance(Period=datetime'2026-12-31T23:59:59')")}
    assert (found[EURO]["СуммаBalanceDr"], found[EURO]["СуммаBalanceCr"]) == (10, 0)
    assert (found[DOLLAR]["СуммаBalance"], found[DOLLAR]["СуммаBalanceCr"]) == (-4, 4)
    assert {"ExtDimension1", "ExtDimension1_Type", "ExtDimension2"} <= set(found[EURO])
    one = books.rows(f"{LEDGER}/Balance(Period=datetime'2026-12-31T23:59:59')?$filter=Account_Key eq guid'{EURO}'")
    assert [it["Account_Key"] for it in one] == [EURO]


def test_turnovers_of_a_span(trade: Web) -> None:
    revenue = trade.server.base.registers[REVENUE]
    for month, amount in ((1, 100), (2, 200), (3, 300)):
        revenue.add(f"2026-0{month}-10T00:00:00", Контрагент_Key=EURO, СуммаВыручки=amount)
    span = "StartPeriod=datetime'2026-02-01T00:00:00',EndPeriod=datetime'2026-03-31T00:00:00'"
    assert [it["СуммаВыручкиTurnover"] for it in trade.rows(f"{REVENUE}/Turnovers({span})")] == [500]


def test_turnover_register_has_no_balance(trade: Web) -> None:
    assert trade.refusal(f"{REVENUE}/Balance")[:2] == (400, "6")


@pytest.mark.parametrize("arguments", ["Period=вчера", "Когда=1", "Period=datetime'2026-13-01T00:00:00'"])
def test_wrong_argument_is_400(trade: Web, arguments: str) -> None:
    assert trade.refusal(f"{DEBTS}/Balance({arguments})")[0] == 400


def test_amounts_may_come_as_text(trade: Web) -> None:
    trade.server.base.registers[DEBTS].add("2026-01-01T00:00:00", КОплате=6626)
    assert trade.rows(f"{DEBTS}/Balance")[0]["КОплатеBalance"] == 6626
    trade.server.base.amounts_as_text = True
    assert trade.rows(f"{DEBTS}/Balance")[0]["КОплатеBalance"] == "6626"


# Exchange plans


class Planned:
    """A base with one plan and one node, and the two calls."""

    def __init__(self, server: OneCServer) -> None:
        self.base: Infobase = server.base
        self.node = self.base.add(PLAN, Code="HUB")
        self.web = Web(server)
        self.point = f"'{server.url}{PLAN}(guid'{self.node}')'"

    def select(self, message: int) -> ElementTree.Element:
        status, headers, body = self.web.get(
            f"SelectChanges?DataExchangePoint={self.point}&MessageNo={message}", method="POST"
        )
        assert status == 200, body.decode()
        assert headers["content-type"].startswith("application/atom+xml")
        return ElementTree.fromstring(body)

    def ids(self, message: int) -> set[str]:
        feed = self.select(message)
        found = [it.findtext(f"{ATOM}id") or "" for it in feed.iter(f"{ATOM}entry")]
        return {it.partition("guid'")[2][:36] for it in found}

    def confirm(self, message: int) -> None:
        path = f"NotifyChangesReceived?DataExchangePoint={self.point}&MessageNo={message}"
        assert self.web.get(path, method="POST")[0] == 200


@pytest.fixture
def planned(publish: Callable[..., OneCServer]) -> Planned:
    return Planned(publish(ACCOUNTING, (), {"Связка": [CLIENTS]}))


def test_node_shows_its_numbers_as_text(planned: Planned) -> None:
    (node,) = planned.web.rows(PLAN)
    assert (node["SentNo"], node["ReceivedNo"], node["Code"]) == ("0", "0", "HUB")


def test_changes_come_whole_and_again_until_they_are_confirmed(planned: Planned) -> None:
    key = planned.base.add(CLIENTS, Description="Ромашка", КонтактнаяИнформация=[{"Тип": "Адрес", "Город": "Тула"}])
    planned.base.add("Document_СчетНаОплатуПокупателю", Number="1")  # not in the plan
    assert planned.ids(1) == planned.ids(2) == {key}
    words = [it.text for it in planned.select(3).iter()]
    assert {"Ромашка", "Тула"} <= set(words)
    planned.confirm(3)
    assert planned.ids(4) == set()
    assert planned.web.rows(PLAN)[0]["ReceivedNo"] == "3"


def test_confirming_a_message_keeps_what_went_out_later(planned: Planned) -> None:
    first = planned.base.add(CLIENTS)
    planned.select(1)
    second = planned.base.add(CLIENTS)
    planned.select(2)
    planned.base.change(CLIENTS, first)  # after it went out: unsent again
    planned.confirm(1)
    assert planned.ids(3) == {first, second}


def test_deleted_object_is_a_tombstone(planned: Planned) -> None:
    key = planned.base.add(CLIENTS)
    planned.base.remove(CLIENTS, key)
    (gone,) = planned.select(1).iter(f"{TOMBSTONES}deleted-entry")
    assert f"{CLIENTS}(guid'{key}')" in (gone.get("ref") or "")


@pytest.mark.parametrize("missing", ["DataExchangePoint", "MessageNo"])
def test_missing_argument_is_400_and_12(planned: Planned, missing: str) -> None:
    given = {"DataExchangePoint": planned.point, "MessageNo": "1"}
    query = "&".join(f"{name}={value}" for name, value in given.items() if name != missing)
    status, _, body = planned.web.get(f"SelectChanges?{query}&$format=json", method="POST")
    assert (status, json.loads(body)["odata.error"]["code"]) == (400, "12")


def test_unknown_node_is_404_and_9(planned: Planned) -> None:
    point = planned.point.replace(planned.node, EURO)
    status, _, body = planned.web.get(f"SelectChanges?DataExchangePoint={point}&MessageNo=1", method="POST")
    assert status == 404
    assert b">9<" in body


# Comparing references


def test_references_are_compared_as_the_switch_says(planned: Planned) -> None:
    keys = [planned.base.add(CLIENTS) for _ in range(40)]
    asked = f"{CLIENTS}?$filter=Ref_Key ge guid'{keys[0]}'&$orderby=Ref_Key"
    assert planned.web.refusal(asked)[:2] == (400, "4")
    planned.base.reference_order = "stored"
    order = [it["Ref_Key"] for it in planned.web.rows(f"{CLIENTS}?$orderby=Ref_Key")]
    assert [it["Ref_Key"] for it in planned.web.rows(asked)] == order[order.index(keys[0]) :]
    slow = asked.replace("$filter=", "$filter=DeletionMark eq false and ")
    assert planned.web.rows(slow) == planned.web.rows(asked)
    planned.base.reference_order = "text"
    assert {it["Ref_Key"] for it in planned.web.rows(asked)} == {key for key in keys if key >= keys[0]}
