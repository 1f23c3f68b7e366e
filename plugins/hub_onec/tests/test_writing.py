"""Writing to 1C: looked at before and after, once, found again, and told in its words when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.api import Rejected
from hub.testing.peers.onec import ACCOUNTING, TRADE, Infobase, OneCServer
from hub.testing.peers.onec.edm import catalog, text
from hub.testing.peers.onec.full import FULL_ACCOUNTING
from hub_onec.difference import Difference

from .orders import CLIENTS, INVOICES, NOBODY, changes, command, held

CURRENCIES = "Catalog_Валюты"
ORGANISATIONS = "Catalog_Организации"
CONTACTS = "Catalog_КонтактныеЛица"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
ACTS = "Document_РеализацияТоваровУслуг"
LINES = [
    {"name": "Сопровождение", "quantity": "1", "price": "4500.50"},
    {"name": "Выезд", "quantity": 2, "price": 1000},
]


# What is written


def test_a_client_is_made_in_our_words_and_those_of_the_base(hub: Any, server: OneCServer) -> None:
    receipt = hub.connector().execute(
        command(
            "counterparty.create",
            name="Василек ООО",
            inn="2460000002",
            kpp="246001001",
            comment="Из заявки",
            kind="ЮридическоеЛицо",
            fields={"СрокОплаты": 10, "ДатаРегистрации": "2020-02-29"},
            id="cmd-0000000a",
        )
    )
    row = held(server, CLIENTS, receipt.external_id)
    assert (row["Description"], row["ИНН"].strip(), row["КПП"]) == ("Василек ООО", "2460000002", "246001001")
    assert (row["СрокОплаты"], row["ДатаРегистрации"]) == ("10", "2020-02-29T00:00:00")
    assert row["Комментарий"] == "[hub+cmd-0000000a] Из заявки"
    assert receipt.detail == {"set": CLIENTS, "number": "HB0000001", "version": row["DataVersion"]}
    assert changes(server) == ["POST"]


def test_an_invoice_is_made_with_its_lines_and_sums(hub: Any, server: OneCServer, base: Infobase, client: str) -> None:
    contract = base.add(CONTRACTS, Owner_Key=client)
    receipt = hub.connector().execute(
        command("invoice.create", client=client, contract=contract, date="2026-06-01", due="2026-06-15", lines=LINES)
    )
    row = held(server, INVOICES, receipt.external_id)
    assert (row["Контрагент_Key"], row["ДоговорКонтрагента_Key"]) == (client, contract)
    assert (row["Date"], row["СрокОплаты"]) == ("2026-06-01T00:00:00", "2026-06-15T00:00:00")
    assert [(it["LineNumber"], it["Содержание"], it["Сумма"]) for it in row["Товары"]] == [
        ("1", "Сопровождение", Decimal("4500.50")),
        ("2", "Выезд", 2000),
    ]
    assert row["СуммаДокумента"] == Decimal("6500.50")
    assert row["Posted"] is False
    assert receipt.detail["number"] == row["Number"].strip()


def test_an_invoice_without_a_date_is_of_today_in_the_zone_of_the_server(
    hub: Any, server: OneCServer, client: str
) -> None:
    receipt = hub.connector().execute(command("invoice.create", client=client, lines=LINES))
    here = held(server, INVOICES, receipt.external_id)["Date"]
    now = hub.clock.now().astimezone(ZoneInfo("Asia/Krasnoyarsk")).replace(tzinfo=None)
    assert abs(now - datetime.fromisoformat(here)) < timedelta(minutes=1)


def test_a_contact_a_contract_and_an_act_are_made(hub: Any, server: OneCServer, client: str, invoice: str) -> None:
    run = hub.connector().execute
    contact = run(command("contact.create", name="Иванова Мария", position="Бухгалтер", client=client)).external_id
    contract = run(command("contract.create", title="Абонемент", number="7-АО", date="2026-01-12", end="2026-12-31",
                           kind="СПокупателем", client=client)).external_id  # fmt: skip
    act = run(command("act.create", client=client, invoice=invoice, lines=LINES[:1])).external_id
    person = held(server, CONTACTS, contact)
    assert (person["ОбъектВладелец"], person["ОбъектВладелец_Type"]) == (client, f"StandardODATA.{CLIENTS}")
    assert held(server, CONTRACTS, contract)["СрокДействия"] == "2026-12-31T00:00:00"
    assert held(server, ACTS, act)["СчетНаОплатуПокупателю_Key"] == invoice


def test_organisation_and_currency_are_found_by_name(hub: Any, publish: Any) -> None:
    hub.server = publish(FULL_ACCOUNTING)
    base = hub.server.base
    rouble = base.add(CURRENCIES, Code="643", Description="руб.")
    dollar = base.add(CURRENCIES, Code="840", Description="USD")
    base.add(ORGANISATIONS, Description="Старая ООО", ИНН="2465000014", DeletionMark=True)
    ours = base.add(ORGANISATIONS, Description="Связка ООО", НаименованиеПолное="ООО «Связка»", ИНН="2465000007")
    client = base.add(CLIENTS, Description="Ромашка ООО")
    for organisation in ("Связка ООО", "ООО «Связка»", "2465000007", ours):
        for currency, key in (("RUB", rouble), ("руб.", rouble), ("643", rouble), ("USD", dollar), (dollar, dollar)):
            made = command("invoice.create", client=client, organisation=organisation, currency=currency, lines=LINES)
            wanted = {it.field: it.after for it in hub.connector().preview(made).differences}
            assert (wanted["Организация_Key"], wanted["ВалютаДокумента_Key"]) == (ours, key)


@pytest.mark.parametrize(
    ("word", "name", "words"),
    [
        ("organisation", "Нет такой", "1C has no organisation Нет такой. It has Одна ООО, Связка ООО"),
        ("organisation", "Связка ООО", "1C has 2 of the organisation Связка ООО"),
        ("currency", "EUR", "1C has no currency EUR. It has руб."),
        ("organisation", "2465000014", "1C has no organisation 2465000014"),
    ],
)
def test_a_name_that_is_not_one_object_is_refused(hub: Any, publish: Any, word: str, name: str, words: str) -> None:
    hub.server = publish(FULL_ACCOUNTING)
    base = hub.server.base
    for title in ("Связка ООО", "Связка ООО", "Одна ООО"):
        base.add(ORGANISATIONS, Description=title)
    base.add(CURRENCIES, Code="643", Description="руб.")
    with pytest.raises(Rejected, match=words):
        hub.connector().execute(command("invoice.create", {word: name}, lines=LINES))
    assert changes(hub.server) == []


def test_a_name_needs_its_catalogue(hub: Any) -> None:
    with pytest.raises(Rejected, match="an organisation cannot be found by its name"):
        hub.connector().execute(command("invoice.create", organisation="Связка ООО", lines=LINES))


def test_the_tax_on_top_is_part_of_the_total(hub: Any, server: OneCServer, client: str) -> None:
    found = hub.connector().preview(command("invoice.create", client=client, vat_included=False, lines=LINES[1:]))
    assert Difference("СуммаДокумента", None, Decimal("2000.00")) in found.differences


def test_the_marks_are_not_read_as_what_people_wrote(hub: Any, client: str) -> None:
    hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))
    assert hub.event("counterparties").note == "Давний клиент"


def test_only_what_differs_is_sent_and_the_rest_stands(hub: Any, server: OneCServer, client: str) -> None:
    seen: list[dict[str, Any]] = []
    server.writing.module = lambda _, values: seen.append(dict(values))
    hub.connector().execute(
        command("counterparty.update", key=client, name="Ромашка ООО", kpp="246001001", id="cmd-0000000b")
    )
    assert seen == [{"КПП": "246001001", "Комментарий": "[hub:cmd-0000000b] Давний клиент"}]
    assert held(server, CLIENTS, client)["ИНН"].strip() == "2460000001"


def test_the_mark_that_made_an_object_stays_and_the_last_one_follows_it(hub: Any, server: OneCServer) -> None:
    run = hub.connector().execute
    made = command("counterparty.create", name="Василек", comment="один", id="cmd-0000000c")
    key = run(made).external_id
    for number in range(3):
        run(command("counterparty.update", key=key, comment=f"комментарий {number}", id=f"cmd-upd-{number}"))
    assert held(server, CLIENTS, key)["Комментарий"] == "[hub+cmd-0000000c] [hub:cmd-upd-2] комментарий 2"
    assert hub.connector().find(made).external_id == key


def test_a_change_that_is_there_already_writes_nothing(hub: Any, server: OneCServer, client: str) -> None:
    same = command("counterparty.update", key=client, inn="2460000001", comment="Давний клиент")
    receipt = hub.connector().execute(same)
    assert (receipt.external_id, changes(server)) == (client, [])
    assert hub.connector().find(same).external_id == client


def test_documents_are_posted_and_unposted(hub: Any, server: OneCServer, invoice: str) -> None:
    run = hub.connector().execute
    for verb in ("post", "post", "unpost", "unpost"):
        asked = command(f"invoice.{verb}", key=invoice)
        assert run(asked).external_id == invoice
        assert held(server, INVOICES, invoice)["Posted"] is (verb == "post")
        assert hub.connector().find(asked) is not None
    assert changes(server) == ["POST", "POST"]


def test_objects_are_marked_for_deletion_and_unmarked(hub: Any, server: OneCServer, client: str, invoice: str) -> None:
    run = hub.connector().execute
    for noun, set_name, key in (("counterparty", CLIENTS, client), ("invoice", INVOICES, invoice)):
        run(command(f"{noun}.mark", key=key))
        assert held(server, set_name, key)["DeletionMark"] is True
        run(command(f"{noun}.unmark", key=key))
        assert held(server, set_name, key)["DeletionMark"] is False


def test_a_posted_document_that_was_changed_is_to_be_posted_again(hub: Any, server: OneCServer, invoice: str) -> None:
    run = hub.connector().execute
    run(command("invoice.post", key=invoice))
    receipt = run(command("invoice.update", key=invoice, comment="Сверено"))
    assert "post it again" in receipt.detail["note"]


def test_what_a_module_changed_by_itself_is_told(hub: Any, server: OneCServer, client: str) -> None:
    server.writing.module = lambda _, values: values.update(НаименованиеПолное="Общество")
    receipt = hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))
    assert receipt.detail["also_changed"] == ["НаименованиеПолное"]


def test_the_mark_has_a_field_of_its_own_where_one_is_named(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish(TRADE)
    asked = command("contract.create", number="7", kind="СПокупателем", id="cmd-0000000d")
    with pytest.raises(Rejected, match=r"marks: \{contracts: "):
        hub.connector().execute(asked)
    hub.server = publish([catalog("ДоговорыКонтрагентов", text("Номер", "ИдСвязки", "Комментарий"))])
    hub.settings["marks"] = {"contracts": "ИдСвязки"}
    key = hub.connector().execute(command("contract.create", number="7", comment="Свой", id="cmd-0000000d")).external_id
    row = held(hub.server, CONTRACTS, key)
    assert (row["ИдСвязки"], row["Комментарий"]) == ("[hub+cmd-0000000d]", "Свой")


def test_a_long_or_odd_id_is_kept_as_a_digest(hub: Any, server: OneCServer, base: Infobase) -> None:
    base.add(CLIENTS, Комментарий="[hub+cmd] чужой")
    for id_ in ("cmd", "счет/№ 7'--", "x" * 80, "a_b%c[d]efgh"):
        asked = command("counterparty.create", name="Василек", id=id_)
        assert hub.connector().find(asked) is None
        key = hub.connector().execute(asked).external_id
        assert hub.connector().find(asked).external_id == key
        assert len(held(server, CLIENTS, key)["Комментарий"]) < 50


def points(server: OneCServer, key: str) -> list[tuple[str, ...]]:
    rows = held(server, CLIENTS, key)["КонтактнаяИнформация"]
    return [(it["LineNumber"], it["Вид_Key"], it["Представление"], it["НомерТелефона"] + it["АдресЭП"]) for it in rows]


def test_a_phone_and_a_mailbox_are_written_among_the_others(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = server = publish([*ACCOUNTING, catalog("ВидыКонтактнойИнформации")])
    kinds = "Catalog_ВидыКонтактнойИнформации"
    phone = server.base.add(kinds, PredefinedDataName="ТелефонКонтрагента")
    mail = server.base.add(kinds, PredefinedDataName="EmailКонтрагента")
    run = hub.connector().execute
    made = command("counterparty.create", name="Василек", phone="8 (391) 200-00-01", email="buh@firma.example")
    key = run(made).external_id
    assert points(server, key) == [
        ("1", phone, "8 (391) 200-00-01", "83912000001"),
        ("2", mail, "buh@firma.example", "buh@firma.example"),
    ]
    run(command("counterparty.update", key=key, phone="8 (391) 200-00-02"))
    assert points(server, key) == [
        ("1", phone, "8 (391) 200-00-02", "83912000002"),
        ("2", mail, "buh@firma.example", "buh@firma.example"),
    ]
    before = len(changes(server))
    run(command("counterparty.update", key=key, phone="8 (391) 200-00-02"))
    assert len(changes(server)) == before


def test_a_phone_without_its_kind_is_refused(hub: Any, server: OneCServer) -> None:
    for said in ({"phone": "2000001"}, {"phone": 7}, {"email": "a@b", "fields": {"КонтактнаяИнформация": []}}):
        with pytest.raises(Rejected):
            hub.connector().execute(command("counterparty.create", said, name="Василек"))
    assert changes(server) == []


# Dry run


def test_a_preview_shows_the_exact_difference_and_sends_no_change(hub: Any, server: OneCServer, invoice: str) -> None:
    asked = command("invoice.update", key=invoice, comment="Новый", id="cmd-0000000e",
                    lines=[{"name": "А", "amount": 5}])  # fmt: skip
    found = hub.connector().preview(asked)
    assert found.version == held(server, INVOICES, invoice)["DataVersion"]
    lost = {"Номенклатура_Key": "00000000-0000-0000-0000-000000000000", "Содержание": "Б", "Количество": 0, "Цена": 0,
            "Сумма": 2, "СуммаНДС": 0}  # fmt: skip
    assert found.differences == (
        Difference("Комментарий", "", "[hub:cmd-0000000e] Новый"),
        Difference("Товары[1].Сумма", 1, 5),
        Difference("Товары[2]", lost, None),
        Difference("СуммаДокумента", 3, 5),
    )
    assert changes(server) == []


def test_a_preview_of_posting_and_of_a_new_object(hub: Any, server: OneCServer, invoice: str) -> None:
    assert hub.connector().preview(command("invoice.post", key=invoice)).differences == (
        Difference("Posted", False, True),
    )
    made = hub.connector().preview(command("counterparty.create", name="Василек", id="cmd-0000000f"))
    assert made.differences == (
        Difference("Description", None, "Василек"),
        Difference("Комментарий", None, "[hub+cmd-0000000f]"),
    )
    assert changes(server) == []


def test_what_was_changed_since_the_preview_is_not_overwritten(hub: Any, server: OneCServer, client: str) -> None:
    asked = command("counterparty.update", key=client, kpp="246001001")
    seen = hub.connector().preview(asked).version
    server.base.change(CLIENTS, client, Комментарий="Бухгалтер был здесь")
    with pytest.raises(Rejected, match="changed since the command was written"):
        hub.connector().execute(command("counterparty.update", key=client, kpp="246001001", version=seen))
    assert changes(server) == []


# What must not leave


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"fields": {"Наименование": "В"}}, "no field Наименование. Is it НаименованиеПолное?"),
        ({"nme": "В"}, "nme is unknown"),
        ({"fields": {"Posted": True}}, "no field Posted"),
        ({"fields": {"DeletionMark": True}}, "DeletionMark cannot be written"),
        ({"fields": {"СрокОплаты": "десять"}}, "СрокОплаты must be a whole number"),
        ({"fields": {"НДСПоСтавкам4и2": "да"}}, "must be true or false"),
        ({"fields": {"ГоловнойКонтрагент_Key": "нет"}}, "must be the Ref_Key"),
        ({"fields": {"ДатаРегистрации": "12.05.2026"}}, "must be a date such as"),
        ({"name": "звонок\x07"}, "without control characters"),
        ({"fields": {"ГоловнойКонтрагент_Key": NOBODY}}, "ГоловнойКонтрагент_Key leads to no object"),
        ({"fields": {"КонтактнаяИнформация": [{"Тип": "Телефон", "Нет": "1"}]}}, "no field Нет"),
        ({"fields": {"КонтактнаяИнформация": "телефон"}}, "must be a list of rows"),
        ({"fields": "КПП"}, "fields` must hold"),
        ({"key": NOBODY}, "has no key yet"),
        ({"set": "Catalog_Пользователи"}, "must be one of"),
        ({}, "says nothing to write"),
    ],
)
def test_what_1c_would_damage_silently_never_leaves(hub: Any, server: OneCServer, data: Any, said: str) -> None:
    asked = command("counterparty.create", data)
    with pytest.raises(Rejected) as caught:
        hub.connector().execute(asked)
    assert said in str(caught.value)
    assert changes(server) == []
    assert hub.connector().find(asked) is None


def test_a_reference_in_a_line_is_looked_up(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([*ACCOUNTING, catalog("Номенклатура")])
    with pytest.raises(Rejected, match=r"Товары\[2\]\.Номенклатура_Key leads to no object"):
        hub.connector().execute(command("invoice.create", lines=[{"amount": 1}, {"amount": 1, "item": NOBODY}]))
    assert changes(hub.server) == []


def test_a_text_too_long_is_refused_where_the_publication_tells_lengths(hub: Any, server: OneCServer) -> None:
    server.shows_lengths = True
    with pytest.raises(Rejected, match="Description takes 100 characters, not 238"):
        hub.connector().execute(command("counterparty.create", name="Я" * 238))
    assert changes(server) == []


@pytest.mark.parametrize("amount", ["1e400", "nan", "1234567890.1234567", True, {}, "много"])
def test_an_amount_that_1c_cannot_keep_is_refused(hub: Any, server: OneCServer, client: str, amount: Any) -> None:
    with pytest.raises(Rejected, match="СуммаДокумента"):
        hub.connector().execute(command("invoice.create", client=client, total=amount))
    assert changes(server) == []


def test_a_key_that_leads_nowhere_and_no_key(hub: Any) -> None:
    with pytest.raises(Rejected, match="has no object"):
        hub.connector().execute(command("counterparty.update", key=NOBODY, name="В"))
    for key in ("", "7", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(Rejected, match="must be the Ref_Key"):
            hub.connector().execute(command("counterparty.update", key=key, name="В"))


def test_a_marked_document_is_not_posted_and_a_posted_one_not_marked(
    hub: Any, server: OneCServer, invoice: str
) -> None:
    run = hub.connector().execute
    run(command("invoice.mark", key=invoice))
    with pytest.raises(Rejected, match="Unmark it first"):
        run(command("invoice.post", key=invoice))
    run(command("invoice.unmark", key=invoice))
    run(command("invoice.post", key=invoice))
    with pytest.raises(Rejected, match="Unpost it first"):
        run(command("invoice.mark", key=invoice))


def test_a_base_without_the_set_says_what_to_publish(hub: Any, server: OneCServer) -> None:
    server.base.composition.discard(CLIENTS)
    with pytest.raises(Rejected, match=f"Publish {CLIENTS}"):
        hub.connector().execute(command("counterparty.create", name="В"))


# What 1C does without a word


def test_a_cut_text_is_named(hub: Any, server: OneCServer) -> None:
    asked = command("counterparty.create", name="Я" * 238)
    with pytest.raises(Rejected, match="Description was cut from 238 to 100 characters") as caught:
        hub.connector().execute(asked)
    assert "ЯЯЯ" not in str(caught.value)
    assert changes(server) == ["POST"]
    with pytest.raises(Rejected, match=r"has made .* already, but Description was cut"):
        hub.connector().execute(asked)
    assert changes(server) == ["POST"]


def test_an_ignored_field_is_named(hub: Any, server: OneCServer, client: str) -> None:
    server.writing.module = lambda _, values: values.pop("КПП", None)
    with pytest.raises(Rejected, match="КПП was ignored"):
        hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))


def test_a_lost_row_and_a_changed_one_are_named(hub: Any, server: OneCServer, client: str) -> None:
    server.writing.module = lambda _, values: values["Товары"].pop()
    with pytest.raises(Rejected, match=r"Товары\[2\] was lost"):
        hub.connector().execute(command("invoice.create", client=client, lines=LINES))
    server.writing.module = lambda _, values: values["Товары"][0].update(Сумма=Decimal(4500))
    with pytest.raises(Rejected, match=r"Товары\[1\]\.Сумма was written differently"):
        hub.connector().execute(command("invoice.create", client=client, lines=LINES))


def test_posting_that_does_not_post_is_told(hub: Any, server: OneCServer, invoice: str) -> None:
    server.writing.after = lambda *_: server.base.change(INVOICES, invoice, Posted=False)
    with pytest.raises(Rejected, match="Posted is not true"):
        hub.connector().execute(command("invoice.post", key=invoice))


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=120) | st.just([]) | st.just({})
ROW = st.dictionaries(st.sampled_from(["name", "quantity", "price", "amount", "vat", "item", "Сумма"]), ANYTHING)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "client": ANYTHING, "date": ANYTHING | st.datetimes().map(str), "total": ANYTHING | st.decimals().map(str),
        "comment": ANYTHING, "vat_included": ANYTHING, "lines": ANYTHING | st.lists(ROW | ANYTHING, max_size=3),
        "set": ANYTHING, "key": ANYTHING, "version": ANYTHING,
        "fields": ANYTHING | st.dictionaries(st.text(max_size=9) | st.sampled_from(["Date", "СрокОплаты"]), ANYTHING),
    },
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=DATA, kind=st.sampled_from(["invoice.create", "invoice.update", "invoice.post"]))
def test_whatever_a_command_holds_it_is_done_or_refused(
    hub: Any, server: OneCServer, invoice: str, data: Any, kind: str
) -> None:
    if kind != "invoice.create":
        data = {**data, "key": invoice}
    asked = command(kind, data)
    done = len(changes(server))
    try:
        receipt = hub.connector().execute(asked)
    except Rejected:
        assert len(changes(server)) == done
        return
    assert hub.connector().find(asked).external_id == receipt.external_id
    assert hub.connector().preview(asked).differences == ()
