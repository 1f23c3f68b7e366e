"""Money on documents: rows, VAT, parts of a payment, balances. An error here is the worst a document can have."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from hub.config import Organisation, VatSince
from hub.documents import words
from hub.documents.acts import ActDraft
from hub.documents.contracts import ContractDraft, RenewalDraft
from hub.documents.form import SAMPLE_CLIENT, SAMPLE_DAY, SAMPLE_ORGANISATION
from hub.documents.forms import FORMS
from hub.documents.lines import price_lines, priced_values
from hub.documents.offers import Item
from hub.documents.parties import Bank
from hub.documents.render import render_pdf
from hub.documents.settlement import Debt, ReconciliationDraft, Turnover, closing
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money

CENT = Decimal("0.01")
kopecks = st.integers(-10_000_000, 10_000_000).map(lambda each: Decimal(each) / 100)
rates = st.sampled_from([None, 0, 5, 7, 10, 22])
quantities = st.integers(1, 5_000_000).map(lambda each: f"{Decimal(each) / 1000:f}")
prices = kopecks.map(Money)
lines = st.builds(Line, title=st.just("Работа"), quantity=quantities, price=prices, vat_rate=rates)


def amount(text: str) -> Decimal:
    return Decimal(text.replace("\u00a0", "").replace(",", "."))


def built(kind: str, draft: Any, organisation: Organisation = SAMPLE_ORGANISATION, day: date = SAMPLE_DAY) -> Any:
    form = FORMS[kind]
    return form.values(form.build(organisation, draft, "17", day))


@given(st.lists(lines, min_size=1, max_size=20))
def test_totals_are_the_sums_of_what_is_shown(rows: list[Line]) -> None:
    priced = price_lines(rows, SAMPLE_DAY)
    values = priced_values(priced)
    shown = [{name: amount(row[name]) for name in ("quantity", "price", "total", "running")} for row in values["lines"]]
    for row in shown:
        assert row["total"] == (row["quantity"] * row["price"]).quantize(CENT, ROUND_HALF_UP)
    assert sum(row["total"] for row in shown) == amount(values["total"]) == shown[-1]["running"] == priced.total
    taxed = [row for row in values["vat_rows"] if row["vat"] != "—"]
    assert sum((amount(row["vat"]) for row in taxed), Decimal(0)) == amount(values["vat"]) == priced.vat
    assert {row.vat_rate for row in rows} == {row.vat_rate for row in priced.lines}
    assert len(values["vat_rows"]) == len({row.vat_rate for row in rows})


@given(lines)
def test_a_discount_takes_back_exactly_what_the_row_brought(line: Line) -> None:
    assert line.price is not None
    back = structs.replace(line, price=-line.price)
    priced = price_lines([line, back], SAMPLE_DAY)
    assert (priced.total, priced.vat) == (0, 0)
    assert priced.total_words == "Ноль рублей 00 копеек"
    assert "-0,00" not in str(priced_values(priced))


@pytest.mark.parametrize(
    ("quantity", "price", "total"),
    [("0.5", "0.01", "0.01"), ("2.5", "0.01", "0.03"), ("2.5", "-0.01", "-0.03"), ("0.125", "0.36", "0.05")],
)
def test_half_a_kopeck_is_rounded_away_from_zero(quantity: str, price: str, total: str) -> None:
    priced = price_lines([Line(title="Работа", quantity=quantity, price=Money(Decimal(price)))], SAMPLE_DAY)
    assert priced.total == Decimal(total)


def test_nothing_is_never_negative() -> None:
    priced = price_lines([Line(title="Работа", quantity="0.1", price=Money(Decimal("-0.01")))], SAMPLE_DAY)
    assert str(priced.total) == str(priced.lines[0].total) == "0.00"


def act(*rows: Line, **more: Any) -> ActDraft:
    return ActDraft(SAMPLE_CLIENT, rows, **more)


def row(price: str, rate: int | None = 22, quantity: str = "1") -> Line:
    return Line(title="Работа", quantity=quantity, price=Money(Decimal(price)), vat_rate=rate)


def test_warranty_costs_nothing_and_a_correction_downwards_is_no_act() -> None:
    values = built("act", act(row("0"), row("0", None)))
    assert (values["total"], values["total_words"]) == ("0,00", "Ноль рублей 00 копеек")
    with pytest.raises(HubError, match="not below zero"):
        built("act", act(row("100"), row("-100.01")))


def test_the_day_of_supply_decides_the_rate_not_that_of_the_paper() -> None:
    old = act(row("100", 20), supplied=date(2025, 12, 31))
    assert built("act", old, day=date(2026, 1, 12))["vat"] == "16,67"
    with pytest.raises(HubError, match=r"20 % is not in force on 12\.01\.2026"):
        built("act", act(row("100", 20)), day=date(2026, 1, 12))
    with pytest.raises(HubError, match=r"22 % is not in force on 31\.12\.2025"):
        built("act", act(row("100", 22), supplied=date(2025, 12, 31)), day=date(2026, 1, 12))


def test_a_contract_of_december_has_the_rate_of_the_year_it_serves() -> None:
    draft = ContractDraft(SAMPLE_CLIENT, (row("100"),), date(2026, 1, 1), date(2026, 12, 31))
    assert "НДС 22\u00a0% — 18,03 руб." in built("contract", draft, day=date(2025, 12, 20))["total_text"]
    with pytest.raises(HubError, match="20 % is not in force"):
        built("contract", structs.replace(draft, lines=(row("100", 20),)), day=date(2025, 12, 20))


def test_our_rate_is_a_dated_table_with_its_ground() -> None:
    own = SAMPLE_ORGANISATION.model_copy(
        update={
            "vat_rate": "none", "vat_ground": "п. 1 ст. 145 НК РФ",
            "vat_rates": (VatSince(since="2027-01-01", rate="none", ground="ст. 346.11 НК РФ"),
                          VatSince(since="2026-01-01", rate="5")),
        }
    )  # fmt: skip
    assert own.vat_on(date(2025, 12, 31)) == (None, "п. 1 ст. 145 НК РФ")
    assert own.vat_on(date(2026, 1, 1)) == own.vat_on(date(2026, 12, 31)) == (5, "")
    assert own.vat_on(date(2027, 1, 1)) == (None, "ст. 346.11 НК РФ")
    values = built("act", act(row("100", None)), own, date(2027, 2, 1))
    assert values["vat_rows"] == [{"text": "Без НДС (ст. 346.11 НК РФ)", "vat": "—"}]


@given(st.integers(1, 10**11), st.integers(0, 100))
def test_prepayment_and_rest_make_the_whole(total: int, percent: int) -> None:
    price = Decimal(total) / 100
    draft = structs.replace(
        FORMS["contract_installation"].example, lines=(row(f"{price}"),), prepayment_percent=percent
    )
    values = built("contract_installation", draft)
    first, rest = (
        amount(re.findall(r"([\d\u00a0]+,\d\d) руб", values[name])[0]) for name in ("prepayment_text", "rest_text")
    )
    assert first == (price * percent / 100).quantize(CENT, ROUND_HALF_UP)
    assert first + rest == price
    assert values["rest_text"].endswith(f"({words.amount_in_words(Money(rest))})")


turnovers = st.builds(Turnover, st.dates(date(2026, 7, 1), date(2026, 9, 30)), st.just("Акт"),
                      kopecks.map(abs), kopecks.map(abs))  # fmt: skip


@given(kopecks, st.lists(turnovers, max_size=15))
def test_a_reconciliation_balances_and_goes_on_in_the_next_period(opening: Decimal, rows: list[Turnover]) -> None:
    """S002-33."""
    draft = ReconciliationDraft(SAMPLE_CLIENT, date(2026, 7, 1), date(2026, 9, 30), tuple(rows), opening)
    values = built("reconciliation", draft)

    def side(name: str) -> Decimal:
        return (amount(values[f"{name}_debit"] or "0")) - amount(values[f"{name}_credit"] or "0")

    assert side("opening") == opening
    assert side("opening") + side("turnover") == side("closing") == closing(draft)
    again = ReconciliationDraft(SAMPLE_CLIENT, date(2026, 10, 1), date(2026, 12, 31), (), closing(draft))
    assert closing(again) == closing(draft)
    whose = {True: "ООО «Полярная сова» составляет", False: "МБОУ «Средняя школа № 5» составляет"}
    expected = whose[closing(draft) > 0] if closing(draft) else "взаимная задолженность отсутствует"
    assert expected in values["conclusion"]


def test_a_row_outside_the_period_is_not_counted_twice() -> None:
    draft = ReconciliationDraft(
        SAMPLE_CLIENT, date(2026, 7, 1), date(2026, 9, 30), (Turnover(date(2026, 10, 1), "Акт"),)
    )
    with pytest.raises(HubError, match=r"Row 1 .* of 01\.10\.2026, outside the period"):
        built("reconciliation", draft)


@pytest.mark.parametrize(
    ("debt", "reason"),
    [
        (Debt("Акт № 1", date(2026, 11, 22), Decimal(5)), "not overdue"),
        (Debt("Акт № 1", date(2026, 11, 1), Decimal(5), Decimal(5)), "is paid"),
        (Debt("Акт № 1", date(2026, 11, 1), Decimal("5.001")), "whole kopecks"),
        (Debt("Акт № 1", date(2026, 11, 1), Decimal(5), Decimal(-1)), "is paid"),
    ],
)
def test_nobody_is_asked_for_what_is_not_owed(debt: Debt, reason: str) -> None:
    draft = FORMS["debt_letter"].example
    with pytest.raises(HubError, match=reason):
        built("debt_letter", structs.replace(draft, debts=(*draft.debts, debt)))


items = st.builds(
    lambda quantity, price, cost, work: Item("Камера", quantity, price=price, cost=cost, work_price=work, vat_rate=22),
    quantities, kopecks.map(abs), kopecks.map(abs), kopecks.map(abs),
)  # fmt: skip


@given(st.lists(items, min_size=1, max_size=8), st.integers(0, 100))
def test_profit_is_price_less_cost_and_pay(rows: list[Item], percent: int) -> None:
    """S004-4, S004-5: works follow from the goods, profit is forecast."""
    draft = structs.replace(FORMS["offer"].example, items=tuple(rows), coefficient=Decimal(percent) / 100)
    values = built("offer_internal", draft)
    sums = ("goods_total", "works_total", "goods_cost", "works_cost", "goods_profit", "works_profit")
    number = {name: amount(values[name]) for name in ("total", "cost", "profit", *sums)}
    assert number["profit"] == number["total"] - number["cost"]
    assert number["total"] == number["goods_total"] + number["works_total"]
    assert number["cost"] == number["goods_cost"] + number["works_cost"]
    assert number["profit"] == number["goods_profit"] + number["works_profit"]
    assert amount(built("works_list", draft)["works_total"]) == number["works_cost"]
    shown = [*values["goods"], *values["works"]]
    assert sum(amount(row["profit"]) for row in shown) == number["profit"]


def test_the_clients_copy_knows_no_cost_profit_or_supplier() -> None:
    """S004-15: neither the page, nor the values, nor what is kept with the issued offer."""
    form = FORMS["offer"]
    context = form.sample()
    kept = msgspec.json.encode(context).decode()
    values = form.values(context)
    page = pypdf.PdfReader(io.BytesIO(render_pdf(form.layout() or b"", values))).pages[0].extract_text()
    assert "8450.50" in kept
    for text in (kept, json.dumps(values, ensure_ascii=False), page):
        for secret in (
            "6100",
            "6 100",
            "6\u00a0100",
            "16800",
            "16\u00a0800",
            "31.2",
            "31,2",
            "Вега",
            "ибыль",
            "ебестоим",
        ):
            assert secret not in text
    assert "cost" not in json.dumps(values)


def test_installers_do_not_see_what_the_client_pays() -> None:
    values = json.dumps(FORMS["works_list"].sample_values(), ensure_ascii=False)
    assert "total_words" not in values
    assert "120\u00a0743" not in values
    assert "8\u00a0450" not in values


def test_what_is_in_stock_is_not_bought_again() -> None:
    """S004-22."""
    shown = {
        row["title"]: (row["quantity"], row["stock"], row["missing"])
        for row in FORMS["purchase_request"].sample_values()["goods"]
    }
    assert shown == {
        "Камера уличная": ("6", "2", "4"), "Видеорегистратор на 8 каналов": ("1", "0", "1"),
        "Кабель витая пара": ("152,5", "305", "0"),
    }  # fmt: skip


def test_what_was_paid_too_much_is_said_so() -> None:
    """S004-25."""
    draft = structs.replace(FORMS["acceptance_act"].example, paid=Money(Decimal("106003.50")))
    values = built("acceptance_act", draft)
    assert (values["left_label"], values["left"]) == ("Переплата, подлежит возврату", "0,50 руб.")


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("contract", {"end": date(2026, 11, 30)}, "before it starts"),
        ("contract", {"start": None}, "needs `start`"),
        ("contract", {"lines": ()}, "total above zero"),
        ("contract", {"payment_days": -1}, "`payment_days` lies"),
        ("contract_installation", {"prepayment_percent": 101}, "between 0 and 100"),
        ("contract_installation", {"place": ""}, "needs `place`"),
        ("renewal", {"end": date(2026, 1, 1)}, "cannot be renewed until"),
        ("renewal", {"start": None}, "need `start`"),
        ("acceptance_act", {"end": date(2026, 1, 1)}, "before they start"),
        ("acceptance_act", {"paid": Money(Decimal(5), "USD")}, "payment is in USD"),
        ("offer", {"valid_until": date(2026, 11, 21)}, "would be valid until"),
        ("offer", {"coefficient": Decimal(2)}, "between 0 and 1"),
        ("offer", {"items": ()}, "at least one item"),
        ("offer", {"items": (Item("Камера", price=Decimal("0"), work_price=Decimal("-1")),)}, "not below zero"),
        ("debt_letter", {"pay_by": date(2026, 11, 21)}, "would ask to pay before"),
        ("debt_letter", {"step": 4}, "1, 2 or 3"),
        ("power_of_attorney", {"until": date(2026, 11, 21)}, "cannot end on"),
        ("power_of_attorney", {"until": date(2030, 11, 21)}, "cannot end on"),
        ("power_of_attorney", {"snils": "112-233-445 94"}, "control number"),
        ("newsletter", {"blocks": ()}, "at least one block"),
        ("reclamation", {"received": date(2026, 11, 23)}, "cannot have come"),
        ("refusal_survey", {"occasion": "whim"}, "no occasion 'whim'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(kind: str, changes: dict[str, Any], reason: str) -> None:
    draft = FORMS[kind].example
    built(kind, draft)
    with pytest.raises(HubError, match=reason):
        built(kind, structs.replace(draft, **changes))


def test_wrong_requisites_are_doubted_and_refuse_nothing() -> None:
    bank = Bank("Банк", "040407777", "40702810900000000018", "30101810200000000777")
    client = structs.replace(SAMPLE_CLIENT, inn="2466001237", kpp="1", ogrn="1022400000018", bank=bank)
    doubts = built("act", structs.replace(FORMS["act"].example, client=client))["doubts"]
    assert len(doubts) == 4
    assert all("клиента" in doubt for doubt in doubts)
    invoice = built("invoice", structs.replace(FORMS["invoice"].example, client=client))
    assert invoice["doubts"] == doubts
    for kind in ("act", "invoice", "contract"):
        assert built(kind, FORMS[kind].example)["doubts"] == []


def test_a_contract_doubts_what_it_cannot_decline_and_words_it_without_a_case() -> None:
    assert SAMPLE_CLIENT.signer
    signer = structs.replace(SAMPLE_CLIENT.signer, name="Ли Мин", position="старший мастер", basis="")
    draft = structs.replace(FORMS["contract"].example, client=structs.replace(SAMPLE_CLIENT, signer=signer))
    values = built("contract", draft)
    assert values["client"]["signer"]["in_person"] == (
        " в лице Ли Мин (старший мастер), действующего(ей) на основании __________________,"
    )
    assert len(values["doubts"]) == 4
    sure = structs.replace(
        signer, name_genitive="Ли Мина", position_genitive="старшего мастера", gender="m", basis="приказа № 5"
    )
    draft = structs.replace(draft, client=structs.replace(SAMPLE_CLIENT, signer=sure))
    values = built("contract", draft)
    assert (
        values["client"]["signer"]["in_person"]
        == " в лице старшего мастера Ли Мина, действующего на основании приказа № 5,"
    )
    assert values["doubts"] == []


def test_a_sole_trader_acts_alone() -> None:
    trader = structs.replace(
        SAMPLE_CLIENT, name="ИП Орлов Пётр Ильич", inn="500100732259", kpp="", ogrn="304500116000157"
    )
    values = built("contract", structs.replace(FORMS["contract"].example, client=trader))
    assert values["client"]["signer"]["in_person"] == ","
    assert [row["label"] for row in values["client"]["rows"]][1:3] == ["ИНН", "ОГРНИП"]


def test_a_renewal_without_new_services_has_no_price() -> None:
    draft = RenewalDraft(SAMPLE_CLIENT, "17/2026", date(2026, 2, 1), date(2027, 12, 31))
    values = built("renewal", draft)
    texts = [clause["text"] for clause in values["sections"][0]["clauses"]]
    assert len(texts) == 4
    assert not any("стоимость" in text for text in texts)
    assert len(pypdf.PdfReader(io.BytesIO(render_pdf(FORMS["renewal"].layout() or b"", values))).pages) == 1


def test_totals_are_carried_over_the_pages() -> None:
    rows = tuple(row(f"{number}.37") for number in range(1, 201))
    values = built("act", act(*rows))
    pages = [
        page.extract_text()
        for page in pypdf.PdfReader(io.BytesIO(render_pdf(FORMS["act"].layout() or b"", values))).pages
    ]
    assert len(pages) > 4
    running = [line["running"] for line in values["lines"]]
    carried = []
    for page in pages:
        text = page.replace("\u202f", "\u00a0").replace(" ", "\u00a0")
        found = re.findall(r"(Перенесено|Итого\u00a0до)[^\d]*?:\u00a0*([\d\u00a0]+,\d\d)", text)
        carried.append({name[:5]: value.strip("\u00a0") for name, value in found})
    tables = [number for number, found in enumerate(carried) if found]
    assert tables[0] == 0
    for before, after in pairwise(carried):
        if "Итого" in before:
            assert before["Итого"] == after["Перен"]
            assert before["Итого"] in running
    assert sum("Итого" in found for found in carried) >= 3
    assert "Итого" not in carried[-1]
