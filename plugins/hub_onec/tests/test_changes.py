"""How changes are found: by versions, by date, by the exchange plan; a packet is confirmed only when stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.api import SettingsError, Stream, Unavailable
from hub.testing.peers.onec import ACCOUNTING, TRADE, Infobase, OneCServer
from hub.testing.peers.onec.samples import counterparty
from hub_onec.exchange import Change, read_changes
from hub_onec.place import WINDOW_PAGES

CLIENTS = "Catalog_Контрагенты"
INVOICES = "Document_СчетНаОплатуПокупателю"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
PLAN = "ExchangePlan_Связка"
SMALL = WINDOW_PAGES * 4
"""So many documents are walked in every run with the page of these tests."""


def asked(server: OneCServer, word: str) -> list[str]:
    return [request for request in server.requests if word in request]


TODAY = datetime.now(UTC)
"""Asked once, so that a test that begins before midnight and ends after it means the same days."""


def day(days: int) -> str:
    return (TODAY - timedelta(days=days)).strftime("%Y-%m-%dT10:00:00")


def words(hub: Any) -> str:
    text: str = hub.connector().check().version
    return text


# The date window


@pytest.fixture
def many(server: OneCServer) -> Infobase:
    """More invoices than are walked in every run; every second one is old."""
    for number in range(SMALL + 20):
        server.base.add(INVOICES, Number=str(number), Date=day(3 if number % 2 else 200))
    return server.base


def test_few_documents_are_compared_by_version_in_every_run(hub: Any, server: OneCServer) -> None:
    server.base.add(INVOICES, Number="1", Date=day(3))
    hub.sync("invoices")
    hub.sync("invoices")
    assert not asked(server, "Date%20ge")
    assert "invoices, sales" in words(hub)
    assert "versions of all objects in every run" in words(hub)


def test_many_documents_are_looked_through_by_date(hub: Any, many: Infobase, server: OneCServer) -> None:
    hub.sync("invoices")
    new = many.add(INVOICES, Number="новый", Date=day(1))
    edited = next(key for key, row in many.sets[INVOICES].rows.items() if row.values["Date"] == day(3))
    many.change(INVOICES, edited, Комментарий="новый")
    server.requests.clear()
    batches = hub.sync("invoices")
    assert {record.external_id for batch in batches for record in batch.records} == {new, edited}
    assert not any(batch.complete for batch in batches)
    assert all("Date%20ge" in request for request in asked(server, "$orderby"))
    assert len(asked(server, "$orderby")) < len(many.sets[INVOICES].rows) // 3
    assert "invoices: documents dated in the last 60d, versions of all every 1d" in words(hub)


def test_what_lies_before_the_window_comes_with_the_whole_scan(hub: Any, many: Infobase) -> None:
    hub.sync("invoices")
    old = next(key for key, row in many.sets[INVOICES].rows.items() if row.values["Date"] == day(200))
    gone = next(key for key, row in many.sets[INVOICES].rows.items() if row.values["Date"] == day(3))
    many.change(INVOICES, old, Комментарий="новый")
    many.remove(INVOICES, gone)
    assert not any(batch.records for batch in hub.sync("invoices"))
    hub.clock.sleep(timedelta(hours=25))
    batches = hub.sync("invoices")
    assert {record.external_id for batch in batches for record in batch.records} == {old}
    assert batches[-1].complete
    assert gone not in hub.ids("invoices")


def test_window_and_pause_are_settings(hub: Any, many: Infobase) -> None:
    hub.settings |= {"window": "300d", "full_scan": "2h"}
    hub.sync("invoices")
    old = next(key for key, row in many.sets[INVOICES].rows.items() if row.values["Date"] == day(200))
    many.change(INVOICES, old)
    assert [record.external_id for batch in hub.sync("invoices") for record in batch.records] == [old]
    hub.clock.sleep(timedelta(hours=3))
    assert hub.sync("invoices")[-1].complete


def test_load_that_went_on_is_followed_by_a_whole_scan(hub: Any, many: Infobase, server: OneCServer) -> None:
    reading = hub.batches("invoices")
    for _ in range(5):
        next(reading)
    hub.sync("invoices")
    hub.sync("invoices")
    assert not asked(server, "Date%20ge")


def test_many_catalogue_objects_are_still_compared_by_version(hub: Any, server: OneCServer) -> None:
    for number in range(SMALL + 8):
        server.base.add(CLIENTS, **counterparty(number))
    hub.sync("counterparties")
    assert hub.sync("counterparties")[-1].complete


# The exchange plan


@pytest.fixture
def planned(hub: Any, publish: Callable[..., OneCServer]) -> OneCServer:
    """A base with a plan that registers clients, contracts and invoices, and a connection that uses it."""
    server = publish(ACCOUNTING, (), {"Связка": [CLIENTS, CONTRACTS, INVOICES]})
    hub.server = server
    server.base.add(PLAN, Code="000", Description="Эта база")
    server.base.add(PLAN, Code="HUB      ", Description="Хаб")
    hub.settings |= {"exchange_plan": PLAN, "exchange_node": "hub", "skip": "contacts, sales, payments"}
    return server


def pending(server: OneCServer) -> dict[tuple[str, str], int]:
    """Return what is not confirmed for the node of the hub, with the messages in which it went out first."""
    (node,) = [key for key, row in server.base.sets[PLAN].rows.items() if row.values["Code"].startswith("HUB")]
    return server.base.plans[PLAN].nodes[node]


def test_changes_come_from_the_plan_without_a_walk(hub: Any, planned: OneCServer) -> None:
    base = planned.base
    keys = [base.add(CLIENTS, **counterparty(number)) for number in range(12)]
    hub.run()
    base.change(CLIENTS, keys[0], Комментарий="новый")
    added, bill = base.add(CLIENTS, **counterparty(50)), base.add(INVOICES, Number="1")
    base.remove(CLIENTS, keys[1])
    planned.requests.clear()
    hub.run()
    assert hub.ids("counterparties") == {*keys, added} - {keys[1]}
    assert hub.ids("invoices") == {bill}
    assert "новый".encode() in hub.payloads["counterparties"][keys[0]].payload
    assert not asked(planned, "$orderby")
    assert len(asked(planned, "SelectChanges")) == 1
    assert f"exchange plan {PLAN}, versions of all every 1d" in words(hub)


def test_packet_is_confirmed_when_all_cursors_came_back_with_it(hub: Any, planned: OneCServer) -> None:
    base = planned.base
    hub.run()
    base.add(CLIENTS, **counterparty(1))
    hub.run()
    first = hub.cursors["counterparties"]["message"]
    assert set(pending(planned).values()) == {first}
    hub.run()
    assert pending(planned) == {}
    (node,) = [row.values for row in base.sets[PLAN].rows.values() if row.values["Code"].startswith("HUB")]
    assert node["ReceivedNo"] == str(first)


def test_stream_that_did_not_store_its_part_keeps_the_packet_open(hub: Any, planned: OneCServer) -> None:
    base = planned.base
    hub.run()
    base.add(CLIENTS, **counterparty(1))
    bill = base.add(INVOICES, Number="1")
    hub.run("counterparties")  # and then the hub was killed
    for _ in range(3):
        hub.run("counterparties")
    assert (INVOICES, bill) in pending(planned)
    hub.run()
    assert hub.ids("invoices") == {bill}
    assert (INVOICES, bill) in pending(planned)  # stored, but not proved yet
    hub.run()
    assert pending(planned) == {}


def test_stream_that_fails_keeps_the_packet_open(hub: Any, planned: OneCServer) -> None:
    base = planned.base
    hub.run()
    bill = base.add(INVOICES, Number="1")
    planned.troubles.failing = {INVOICES}
    for _ in range(3):
        with pytest.raises(Exception, match="code -1"):
            hub.run()
    assert (INVOICES, bill) in pending(planned)
    planned.troubles.failing = set()
    hub.run()
    assert hub.ids("invoices") == {bill}


def test_change_between_selecting_and_confirming_is_not_lost(hub: Any, planned: OneCServer) -> None:
    base = planned.base
    hub.run()
    key = base.add(CLIENTS, **counterparty(1))
    hub.run()
    base.change(CLIENTS, key, Комментарий="новый")
    connector = hub.connector()
    list(hub.batches("counterparties", connector))
    base.change(CLIENTS, key, Комментарий="новейший")  # after the packet, before the confirmation of the one before
    list(hub.batches("contracts", connector))
    list(hub.batches("invoices", connector))
    assert (CLIENTS, key) in pending(planned)
    hub.run()
    assert "новейший".encode() in hub.payloads["counterparties"][key].payload


def test_part_that_was_not_stored_is_not_confirmed_with_the_packet_before(hub: Any, planned: OneCServer) -> None:
    base = planned.base
    base.add(CLIENTS, **counterparty(1))
    hub.run()
    hub.run()
    key = base.add(CLIENTS, **counterparty(2))
    connector = hub.connector()
    list(connector.read(connector.streams()[0], hub.cursors["counterparties"]))  # read, and lost before it was stored
    list(hub.batches("contracts", connector))
    list(hub.batches("invoices", connector))  # here the packet before is confirmed
    assert pending(planned).keys() == {(CLIENTS, key)}
    hub.run()
    assert key in hub.ids("counterparties")


def test_packet_counts_as_stored_with_its_last_batch_only(hub: Any, publish: Callable[..., OneCServer]) -> None:
    sales, acts = "Document_РеализацияТоваровУслуг", "Document_АктВыполненныхРабот"
    hub.server = publish(TRADE, (), {"Связка": [sales, acts]})
    base = hub.server.base
    base.add(PLAN, Code="HUB")
    hub.settings |= {"exchange_plan": PLAN, "exchange_node": "HUB", "page": "2"}
    hub.run()
    for _ in range(2):
        base.add(sales)
    late = base.add(acts)
    connector = hub.connector()
    streams = [it.name for it in connector.streams()]
    reading = hub.batches("sales", connector)
    next(reading)  # the sales are stored; killed before the act
    reading.close()
    for name in streams:
        if name != "sales":
            list(hub.batches(name, connector))
    connector = hub.connector()
    list(connector.read(Stream("sales"), hub.cursors["sales"]))  # killed before anything was stored
    for name in streams:
        if name != "sales":
            list(hub.batches(name, connector))
    hub.run()
    assert late in hub.ids("sales")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["add", "change", "remove", "run", "clients", "killed"]), min_size=3, max_size=14))
@pytest.mark.parametrize("renumbers", [False, True])
def test_nothing_is_lost_whenever_the_hub_stops(renumbers: bool, deeds: list[str]) -> None:
    from hub_onec.tests.conftest import Hub

    base = Infobase(ACCOUNTING, (), {"Связка": [CLIENTS, CONTRACTS, INVOICES]})
    base.add(PLAN, Code="HUB")
    base.plans[PLAN].renumbers = renumbers
    with OneCServer(base) as server:
        hub = Hub(server)
        hub.settings |= {"exchange_plan": PLAN, "exchange_node": "HUB", "skip": "contacts, sales, payments"}
        try:
            hub.run()
            for number, deed in enumerate(deeds):
                _do(deed, number, base, hub)
            hub.run()
            assert hub.ids("counterparties") == set(base.sets[CLIENTS].rows)
            assert hub.ids("invoices") == set(base.sets[INVOICES].rows)
            for key, row in base.sets[CLIENTS].rows.items():
                assert hub.payloads["counterparties"][key].payload == row.encoded()
        finally:
            hub.http.close()


def _do(deed: str, number: int, base: Infobase, hub: Any) -> None:
    keys = list(base.sets[CLIENTS].rows)
    if deed == "add":
        base.add(CLIENTS, **counterparty(number))
        base.add(INVOICES, Number=str(number))
    elif deed == "change" and keys:
        base.change(CLIENTS, keys[0], Комментарий=str(number))
    elif deed == "remove" and keys:
        base.remove(CLIENTS, keys[-1])
    elif deed == "run":
        hub.run()
    elif deed == "clients":
        hub.run("counterparties")
    elif deed == "killed":  # before the only batch of clients was stored
        connector = hub.connector()
        connector.read(connector.streams()[0], hub.cursors.get("counterparties"))
        next(iter(connector.read(connector.streams()[0], hub.cursors.get("counterparties"))), None)


def test_set_that_the_plan_does_not_hold_comes_with_the_whole_scan(hub: Any, planned: OneCServer) -> None:
    hub.settings["skip"] = "contacts, payments"
    hub.run()
    sale = planned.base.add("Document_РеализацияТоваровУслуг", Number="1")
    hub.run()
    assert not hub.ids("sales")
    hub.clock.sleep(timedelta(hours=25))
    hub.run()
    assert hub.ids("sales") == {sale}


def test_packet_that_is_too_large_is_replaced_by_a_whole_scan(
    hub: Any, planned: OneCServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = planned.base
    keys = [base.add(CLIENTS, **counterparty(number)) for number in range(20)]
    hub.run()
    base.remove(CLIENTS, keys[0])
    base.change(CLIENTS, keys[1], Комментарий="новый")
    with monkeypatch.context() as patched:
        patched.setattr("hub_onec.client.METADATA_BYTES", 5000)
        hub.run()
    assert hub.ids("counterparties") == set(keys[1:])
    assert "новый".encode() in hub.payloads["counterparties"][keys[1]].payload
    hub.run()
    assert pending(planned) == {}


def test_many_changes_at_once_are_found_by_a_walk(
    hub: Any, planned: OneCServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_onec.reader.MOST_SINGLE", 5)
    base = planned.base
    keys = [base.add(CLIENTS, **counterparty(number)) for number in range(20)]
    hub.run()
    for key in keys[3:15]:
        base.change(CLIENTS, key, Комментарий="новый")
    base.remove(CLIENTS, keys[0])
    planned.requests.clear()
    hub.run()
    assert hub.ids("counterparties") == set(keys[1:])
    assert all("новый".encode() in hub.payloads["counterparties"][key].payload for key in keys[3:15])
    assert asked(planned, "$orderby")


def test_refused_confirmation_stops_nothing(hub: Any, planned: OneCServer) -> None:
    hub.run()
    key = planned.base.add(CLIENTS, **counterparty(1))
    hub.run()
    planned.troubles.failing = {"NotifyChangesReceived"}
    hub.run()
    assert hub.ids("counterparties") == {key}
    assert pending(planned)
    planned.troubles.failing = set()
    hub.run()
    assert pending(planned) == {}


def test_node_is_found_by_its_guid_in_any_case(hub: Any, planned: OneCServer) -> None:
    (node,) = [key for key, row in planned.base.sets[PLAN].rows.items() if row.values["Code"].startswith("HUB")]
    hub.settings["exchange_node"] = node.upper()
    hub.run()
    planned.base.add(CLIENTS, **counterparty(1))
    hub.run()
    assert len(hub.ids("counterparties")) == 1


def test_unknown_node_is_a_setting_with_the_names_there_are(hub: Any, planned: OneCServer) -> None:
    hub.settings["exchange_node"] = "XAB"
    with pytest.raises(SettingsError, match="HUB «Хаб»") as caught:
        hub.connector().check()
    assert caught.value.field == "exchange_node"


# The packet

_ENTRY = (
    "<entry><id>http://x/base/odata/standard.odata/{name}(guid'{key}')</id><content><m:properties>"
    "<d:Ref_Key>{key}</d:Ref_Key><d:DataVersion>AAAAAQAAAAA=</d:DataVersion>"
    "<d:Товары><d:element><d:Ref_Key>другой</d:Ref_Key></d:element></d:Товары></m:properties></content></entry>"
)
_KEY = "0D3C5A10-0000-11EE-8000-000000000001"


def feed(inside: str) -> bytes:
    spaces = 'xmlns="http://www.w3.org/2005/Atom" xmlns:m="m" xmlns:d="d" xmlns:at="t"'
    return f"<feed {spaces}><id>лента</id>{inside}</feed>".encode()


def test_packet_tells_what_changed_and_what_is_gone() -> None:
    gone = f"<at:deleted-entry ref=\"http://x/Document_%D0%A1%D1%87%D0%B5%D1%82(guid'{_KEY}')\"/>"
    assert read_changes(feed(_ENTRY.format(name="Catalog_X", key=_KEY) + gone)) == (
        Change("Catalog_X", _KEY.lower(), "AAAAAQAAAAA="),
        Change("Document_Счет", _KEY.lower(), deleted=True),
    )


def test_entry_without_a_usable_id_is_known_by_its_type() -> None:
    entry = f'<entry><id>urn:1</id><category term="StandardODATA.Catalog_X"/><content><m:properties><d:Ref_Key>{_KEY}'
    content = feed(entry + "</d:Ref_Key></m:properties></content></entry>")
    assert read_changes(content) == (Change("Catalog_X", _KEY.lower()),)


def test_records_of_registers_are_left_out() -> None:
    entry = "<entry><id>http://x/InformationRegister_X(Period=datetime'2026-05-12T00:00:00')</id></entry>"
    assert read_changes(feed(entry)) == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"<error/>", feed("")[:-4], b"<!DOCTYPE a><feed/>", b"\xff\xfe"])
def test_anything_but_a_whole_packet_is_unavailable(content: bytes) -> None:
    with pytest.raises(Unavailable):
        read_changes(content)


@given(st.integers(0, 800))
def test_cut_packet_is_never_a_short_one(end: int) -> None:
    content = feed(_ENTRY.format(name="Catalog_X", key=_KEY) * 2)
    assert len(content) > end
    with pytest.raises(Unavailable):
        read_changes(content[:end])
