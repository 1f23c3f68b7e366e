"""Loads and scans: what is fetched, what is left alone, what is proved gone, and how a run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from hub.api import Money, Rejected, SettingsError, Unavailable
from hub.testing.peers.onec import ACCOUNTING, TRADE, Infobase, OneCServer, many_counterparties
from hub.testing.peers.onec.edm import Field, Model, catalog, document, part, text
from hub.testing.peers.onec.samples import counterparty
from hub_onec.candidates import SOURCES

CLIENTS = "Catalog_Контрагенты"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
INVOICES = "Document_СчетНаОплатуПокупателю"
SALES = "Document_РеализацияТоваровУслуг"
ACTS = "Document_АктВыполненныхРабот"


@pytest.fixture
def base(server: OneCServer) -> Infobase:
    return server.base


def fill(base: Infobase, count: int) -> list[str]:
    return [base.add(CLIENTS, **counterparty(number)) for number in range(count)]


def paths(server: OneCServer, word: str) -> list[str]:
    return [request for request in server.requests if word in request]


# First load


def test_load_brings_the_bytes_as_received_with_their_parts(hub: Any, base: Infobase) -> None:
    (key,) = fill(base, 1)
    hub.sync("counterparties")
    record = hub.payloads["counterparties"][key]
    assert record.payload == base.sets[CLIENTS].rows[key].encoded()
    assert record.version == "AAAAAQAAAAA="
    assert "КонтактнаяИнформация".encode() in record.payload


def test_load_is_complete_and_tells_the_total(hub: Any, base: Infobase) -> None:
    fill(base, 11)
    batches = hub.sync("counterparties")
    assert [batch.expected for batch in batches[:-1]] == [11] * (len(batches) - 1)
    assert batches[-1].complete
    assert hub.cursors["counterparties"]["phase"] == "scan"


def test_interrupted_load_goes_on_where_it_stood(hub: Any, base: Infobase, server: OneCServer) -> None:
    keys = set(fill(base, 40))
    list(islice(hub.batches("counterparties"), 8))
    assert hub.cursors["counterparties"]["phase"] == "load"
    server.requests.clear()
    hub.sync("counterparties")
    assert hub.ids("counterparties") == keys
    assert "$skip=0" not in " ".join(server.requests)


def test_deletion_between_runs_of_a_load_is_healed_by_the_scan(hub: Any, base: Infobase) -> None:
    keys = fill(base, 40)
    order = [row.key for row in base.sets[CLIENTS].sorted()]
    list(islice(hub.batches("counterparties"), 5))
    for key in order[:8]:
        base.remove(CLIENTS, key)
    hub.sync("counterparties")
    hub.sync("counterparties")
    assert hub.ids("counterparties") == set(keys) - set(order[:8])


def test_few_deletions_between_runs_of_a_load_lose_nothing(hub: Any, base: Infobase) -> None:
    keys = fill(base, 40)
    order = [row.key for row in base.sets[CLIENTS].sorted()]
    list(islice(hub.batches("counterparties"), 5))
    for key in order[:2]:
        base.remove(CLIENTS, key)
    hub.sync("counterparties")
    assert set(keys) - set(order[:2]) <= hub.ids("counterparties")


def test_resumed_load_proves_no_deletion(hub: Any, base: Infobase) -> None:
    fill(base, 20)
    list(islice(hub.batches("counterparties"), 2))
    assert not any(batch.complete for batch in hub.sync("counterparties"))
    assert hub.sync("counterparties")[-1].complete


def test_documents_come_with_the_columns_that_lines_need_and_no_others(
    hub: Any, publish: Callable[..., OneCServer]
) -> None:
    rows = part("Товары", text("Содержание", "пр_Примечание"), Field("Сумма", "Double"))
    stages = part("ЭтапыОплаты", text("Вариант"))
    hub.server = publish([document("СчетНаОплатуПокупателю", Field("СуммаДокумента", "Double"), rows, stages)])
    row = {"Содержание": "Работы", "Сумма": 100, "пр_Примечание": "длинное"}
    hub.server.base.add(INVOICES, Number="1", Товары=[row], ЭтапыОплаты=[{"Вариант": "Аванс"}])
    hub.sync("invoices")
    (record,) = hub.payloads["invoices"].values()
    kept = json.loads(record.payload)
    assert kept["Товары"] == [{"Содержание": "Работы", "Сумма": 100}]
    assert "СуммаДокумента" in kept
    assert "ЭтапыОплаты" not in kept, "a document with all its parts can have 64 KB"


def test_metadata_is_fetched_once_for_all_and_not_again(hub: Any, base: Infobase, server: OneCServer) -> None:
    base.add(INVOICES, Number="1")
    connector = hub.connector()
    for stream in connector.streams():
        for batch in connector.read(stream, None):
            hub.cursors[stream.name] = batch.cursor or hub.cursors.get(stream.name)
    assert len(paths(server, "$metadata")) == 1
    hub.sync("invoices")
    assert len(paths(server, "$metadata")) == 1


def test_large_base_passes_through(hub: Any, base: Infobase) -> None:
    many_counterparties(base, 2500)
    hub.settings["page"] = "1000"
    hub.sync("counterparties")
    assert len(hub.ids("counterparties")) == 2500
    names = {event.data.name for event in hub.events("counterparties")}
    assert len(names) == 2500
    assert all(event.data.keys()[0].startswith("inn:") for event in hub.events("counterparties"))


# Scans


def test_scan_without_changes_fetches_no_object(hub: Any, base: Infobase, server: OneCServer) -> None:
    keys = set(fill(base, 10))
    hub.sync("counterparties")
    server.requests.clear()
    batches = hub.sync("counterparties")
    assert {key for batch in batches for key in batch.present} == keys
    assert not any(batch.records for batch in batches)
    assert all("$select=Ref_Key,DataVersion,DeletionMark" in request for request in paths(server, "$top"))


def test_scan_fetches_exactly_what_changed(hub: Any, base: Infobase, server: OneCServer) -> None:
    many_counterparties(base, 200)
    hub.settings["page"] = "100"
    hub.sync("counterparties")
    changed = {row.key for row in base.sets[CLIENTS].sorted()[::40]}
    for key in changed:
        base.change(CLIENTS, key, Комментарий="новый")
    server.requests.clear()
    batches = hub.sync("counterparties")
    assert {record.external_id for batch in batches for record in batch.records} == changed
    assert paths(server, "$filter")
    assert all("$select" in request for request in paths(server, "$top"))


def test_page_that_changed_mostly_is_fetched_whole(hub: Any, base: Infobase, server: OneCServer) -> None:
    many_counterparties(base, 200)
    hub.settings["page"] = "100"
    hub.sync("counterparties")
    changed = {row.key for row in base.sets[CLIENTS].sorted()[:90]}
    for key in changed:
        base.change(CLIENTS, key)
    server.requests.clear()
    batches = hub.sync("counterparties")
    assert {record.external_id for batch in batches for record in batch.records} == changed
    assert not paths(server, "$filter")


def test_deletion_is_proved_by_a_complete_scan(hub: Any, base: Infobase) -> None:
    keys = fill(base, 9)
    hub.sync("counterparties")
    base.remove(CLIENTS, keys[4])
    assert hub.sync("counterparties")[-1].complete
    assert hub.ids("counterparties") == set(keys) - {keys[4]}


def test_deletion_mark_is_a_change_and_no_deletion(hub: Any, base: Infobase) -> None:
    (key,) = fill(base, 1)
    hub.sync("counterparties")
    base.change(CLIENTS, key, DeletionMark=True)
    assert hub.event("counterparties").status == "closed"


def test_interrupted_scan_begins_again(hub: Any, base: Infobase) -> None:
    keys = fill(base, 12)
    hub.sync("counterparties")
    before = dict(hub.cursors)
    base.change(CLIENTS, keys[0])
    list(islice(hub.batches("counterparties"), 1))
    assert hub.cursors == before
    assert hub.sync("counterparties")[-1].complete


def test_deletion_during_a_scan_proves_nothing_until_the_next(hub: Any, base: Infobase) -> None:
    keys = fill(base, 12)
    hub.sync("counterparties")
    order = [row.key for row in base.sets[CLIENTS].sorted()]

    def run() -> Iterator[Any]:
        for number, batch in enumerate(hub.batches("counterparties")):
            if number == 1:
                base.remove(CLIENTS, order[0])
            yield batch

    assert not list(run())[-1].complete
    assert hub.ids("counterparties") == set(keys)
    assert hub.sync("counterparties")[-1].complete
    assert hub.ids("counterparties") == set(keys) - {order[0]}


def test_row_restrictions_are_never_taken_for_deletion(hub: Any, base: Infobase) -> None:
    keys = fill(base, 6)
    hub.settings["allowed_only"] = "true"
    hub.sync("counterparties")
    base.hidden = {keys[0]}
    assert not any(batch.complete for batch in hub.sync("counterparties"))
    assert hub.ids("counterparties") == set(keys)
    hub.settings["allowed_only"] = "false"
    with pytest.raises(Rejected, match="allowed_only"):
        hub.sync("counterparties")


# Configurations


def test_every_set_of_a_stream_is_read(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(TRADE)
    keys = {hub.server.base.add(name, Number=str(number)) for name in (SALES, ACTS) for number in range(6)}
    hub.sync("sales")
    assert hub.ids("sales") == keys
    assert hub.sync("sales")[-1].complete
    hub.server.base.remove(ACTS, last := hub.server.base.add(ACTS, Number="7"))
    assert last not in hub.ids("sales")


def test_interrupted_load_of_two_sets_goes_on_in_the_second(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(TRADE)
    keys = {hub.server.base.add(name, Number=str(number)) for name in (SALES, ACTS) for number in range(9)}
    list(islice(hub.batches("sales"), 4))
    assert hub.cursors["sales"]["set"] == ACTS
    assert not any(batch.complete for batch in hub.sync("sales"))  # this run has not seen the first set
    assert hub.ids("sales") == keys


def test_trade_base_is_understood(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(TRADE)
    base = hub.server.base
    client, euro = (
        base.add(CLIENTS, Description="Ромашка", ЮрФизЛицо="ЮрЛицо"),
        base.add("Catalog_Валюты", Description="EUR"),
    )
    contract = base.add(CONTRACTS, Номер="7", Контрагент_Key=client, Статус="Действует")
    base.add(
        "Document_СчетНаОплатуКлиенту",
        Number="1",
        Контрагент_Key=client,
        Договор_Key=contract,
        Валюта_Key=euro,
        СуммаДокумента=10,
        СрокОплаты=5,
    )
    assert {stream.name for stream in hub.connector().streams()} == {
        "counterparties",
        "partner_contacts",
        "contracts",
        "invoices",
        "sales",
        "payments",
    }
    invoice = hub.event("invoices")
    assert (invoice.client.external_id, invoice.contract.external_id) == (client, contract)
    assert invoice.total.currency == "EUR"
    assert hub.event("contracts").client.external_id == client


def test_set_that_leaves_the_composition_is_not_gone(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(TRADE)
    keys = {hub.server.base.add(name, Number=str(number)) for name in (SALES, ACTS) for number in range(3)}
    hub.sync("sales")
    hub.server.base.composition.discard(ACTS)
    assert not hub.sync("sales")[-1].complete
    assert not hub.sync("sales")[-1].complete
    assert hub.ids("sales") == keys
    hub.server.base.composition.add(ACTS)
    assert hub.sync("sales")[-1].complete


def test_set_that_joins_the_composition_is_read(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(TRADE)
    hub.server.base.composition.discard(ACTS)
    keys = {hub.server.base.add(name, Number=str(number)) for name in (SALES, ACTS) for number in range(3)}
    hub.sync("sales")
    hub.server.base.composition.add(ACTS)
    assert hub.sync("sales")[-1].complete
    assert hub.ids("sales") == keys
    assert hub.cursors["sales"]["sets"].keys() == {SALES, ACTS}


def test_field_that_the_base_lost_is_no_longer_asked_for(hub: Any, server: OneCServer, base: Infobase) -> None:
    base.add(INVOICES, Number="1")
    hub.sync("invoices")
    cursor = hub.cursors["invoices"]
    cursor["sets"][INVOICES] += ",УдаленныйРеквизит"
    base.add(INVOICES, Number="2")
    hub.sync("invoices")
    assert len(hub.ids("invoices")) == 2
    assert "УдаленныйРеквизит" not in hub.cursors["invoices"]["sets"][INVOICES]


def test_server_that_shows_no_presentations_is_read_without(
    hub: Any, base: Infobase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.testing.peers.onec import query

    monkeypatch.setattr(query, "SHOWN", "____Нет")
    base.add(INVOICES, Number="1", СуммаДокумента=5)
    assert hub.event("invoices").total.currency == "RUB"
    assert "Presentation" not in hub.cursors["invoices"]["sets"][INVOICES]


def test_new_own_field_is_in_what_was_read_before(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish((document("СчетНаОплату", Field("Оплачено", "Double")),))
    hub.server.base.add("Document_СчетНаОплату", Number="1", Оплачено=5)
    assert hub.event("invoices").paid is None
    hub.server.requests.clear()
    hub.settings["fields"] = {"paid": "Оплачено"}
    assert hub.event("invoices").paid == Money(Decimal(5))
    assert not paths(hub.server, "**")


def test_new_own_field_is_asked_for_where_fields_have_to_be_named(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish((document("СчетНаОплату", Field("Оплачено", "Double")),))
    hub.server.troubles.unknown_names = {"**"}
    hub.server.base.add("Document_СчетНаОплату", Number="1", Оплачено=5)
    assert hub.event("invoices").paid is None
    hub.settings["fields"] = {"paid": "Оплачено"}
    assert hub.event("invoices").paid == Money(Decimal(5))
    assert "Оплачено" in hub.cursors["invoices"]["sets"]["Document_СчетНаОплату"]


def test_cursor_stays_small_where_fields_of_all_sets_have_to_be_named(
    hub: Any, publish: Callable[..., OneCServer]
) -> None:
    model = next(it for it in ACCOUNTING if it.name == "Document_ПоступлениеНаРасчетныйСчет")
    names = SOURCES["payments"].sets
    hub.server = publish([Model(name, model.fields) for name in names])
    hub.server.troubles.unknown_names = {"**"}
    for name in names:
        hub.server.base.add(name, Number="1")
    hub.sync("payments")
    assert len(hub.ids("payments")) == len(names)
    assert len(json.dumps(hub.cursors["payments"], ensure_ascii=False).encode()) < 4096


def test_configuration_that_changed_is_looked_at_again(hub: Any, server: OneCServer, base: Infobase) -> None:
    base.add(INVOICES, Number="1", СуммаДокумента=5)
    hub.sync("invoices")
    server.troubles.unknown_names = {"**", "ВалютаДокумента____Presentation"}  # as after an update of 1C
    server.requests.clear()
    base.add(INVOICES, Number="2")
    hub.sync("invoices")
    assert len(hub.ids("invoices")) == 2
    assert len(paths(server, "$metadata")) == 1
    assert hub.sync("invoices")[-1].complete


def test_field_that_is_read_anyway_can_fill_another_one(hub: Any, base: Infobase) -> None:
    base.add(CONTRACTS, Description="17/А", Номер="")
    hub.settings["fields"] = {"contracts.number": "Description"}
    assert (hub.event("contracts").number, hub.event("contracts").title) == ("17/А", "17/А")


@pytest.mark.parametrize(
    "cursor",
    [
        {},
        {"phase": "load"},
        {"phase": "scan", "sets": [], "shape": ""},
        {"phase": "load", "sets": {}, "shape": "x", "skip": -1},
    ],
)
def test_unreadable_cursor_reads_anew(hub: Any, base: Infobase, cursor: dict[str, Any]) -> None:
    """F-23."""
    keys = fill(base, 5)
    hub.cursors["counterparties"] = cursor
    hub.sync("counterparties")
    assert hub.ids("counterparties") == set(keys)


# Check and streams


def test_readme_names_every_set() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert [name for source in SOURCES.values() for name in source.sets if f"`{name}`" not in text] == []


OTHERS = "organisations, bank_accounts, users, employees, nomenclature, reconciliations, prices, account_stock"


@pytest.fixture
def core(hub: Any) -> Any:
    """A connection that wants no more than the sample base has."""
    hub.settings["skip"] = f"{OTHERS}, account_settlements"
    return hub


KINDS = "Catalog_ВидыКонтактнойИнформации is not published, so rows of counterparties, contacts say less."


def findings(hub: Any) -> list[tuple[str, str]]:
    """Return what the doctor says beside the one catalogue that the sample base lacks."""
    found = dict(hub.connector().check().findings)
    assert found.pop(KINDS).endswith("add Catalog_ВидыКонтактнойИнформации.")
    return list(found.items())


def test_check_of_a_good_base_finds_nothing(core: Any, server: OneCServer) -> None:
    hub = core
    check = hub.connector().check()
    assert (check.account, findings(hub)) == (server.user, [])
    assert check.server_time is not None


def test_what_the_configuration_is_known_to_have_is_missed_in_one_finding(hub: Any) -> None:
    ((what, fix),) = findings(hub)
    assert "Catalog_Номенклатура" in what
    assert "Catalog_КонтактныеЛицаПартнеров" not in what  # that is УТ
    assert "Бухгалтерия предприятия" in fix


def test_missing_sets_are_findings_with_the_fix(core: Any, base: Infobase) -> None:
    hub = core
    base.composition.discard(CONTRACTS)
    ((what, fix),) = findings(hub)
    assert "contracts" in what
    assert CONTRACTS in fix
    assert "contracts" not in {stream.name for stream in hub.connector().streams()}


def test_missing_fields_are_findings(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish((catalog("Контрагенты", text("КПП")),))
    hub.settings["fields"] = {"manager": "Менеджер_Key"}
    found = " ".join(what for what, _ in hub.connector().check().findings)
    assert "ИНН" in found
    assert "Менеджер_Key" in found


def test_empty_composition_is_said_and_not_taken_for_no_data(hub: Any, base: Infobase) -> None:
    base.composition.clear()
    ((what, _),) = hub.connector().check().findings
    assert "empty" in what
    with pytest.raises(SettingsError, match="publishes nothing"):
        hub.connector().streams()


def test_server_gone_in_the_middle_is_unavailable_and_goes_on_later(
    hub: Any, server: OneCServer, base: Infobase
) -> None:
    keys = set(fill(base, 20))
    batches = hub.batches("counterparties")
    next(batches)
    server.stop()
    with pytest.raises(Unavailable):
        next(batches)
    server.start()
    hub.sync("counterparties")
    assert hub.ids("counterparties") == keys
