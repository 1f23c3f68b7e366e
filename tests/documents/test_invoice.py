from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config import Organisation
from hub.documents.invoice import InvoiceContext, Party, build_context, sample_context, template_values
from hub.model.entities import Invoice, Line
from hub.model.errors import HubError, SettingsError
from hub.model.values import Money

MakeContext = Callable[..., InvoiceContext]
MakeLine = Callable[..., Line]
MakeInvoice = Callable[..., Invoice]


def test_totals_words_and_payment_code_follow_from_the_lines(make_context: MakeContext, make_line: MakeLine) -> None:
    context = make_context(
        make_line("Сопровождение", "12400"), make_line("Выезд", "1800", quantity="2,5"), make_line("Отчёты", "50900")
    )
    assert [line.total for line in context.lines] == [Decimal("12400.00"), Decimal("4500.00"), Decimal("50900.00")]
    assert (context.total, context.vat) == (Decimal("67800.00"), Decimal("12226.24"))
    assert context.total_words == "Шестьдесят семь тысяч восемьсот рублей 00 копеек"
    assert "|Sum=6780000|" in context.qr
    assert (
        "|Purpose=Оплата по счёту № 17 от 22.11.2026, Договор № 17/2026 от 01.02.2026. "
        "В том числе НДС 22% - 12226.24 руб.|"
    ) in context.qr


def test_an_issued_invoice_is_the_same_after_json(make_context: MakeContext) -> None:
    context = make_context()
    assert msgspec.json.decode(msgspec.json.encode(context), type=InvoiceContext) == context


def test_several_rates_are_told_apart(make_context: MakeContext, make_line: MakeLine) -> None:
    values = template_values(make_context(make_line(rate=10), make_line(rate=None), make_line(rate=22)))
    assert values["has_several_rates"] is True
    assert values["vat_rows"] == [
        {"text": "В том числе НДС 22\u00a0%", "vat": "18,03"},
        {"text": "В том числе НДС 10\u00a0%", "vat": "9,09"},
        {"text": "Без НДС", "vat": "—"},
    ]


def test_without_vat_the_ground_is_told(
    organisation: Organisation, buyer: Party, make_invoice: MakeInvoice, make_line: MakeLine
) -> None:
    exempt = organisation.model_copy(update={"vat_ground": "п. 1 ст. 145 НК РФ"})
    context = build_context(exempt, buyer, make_invoice(make_line(rate=None)))
    assert [row.text for row in context.vat_rows] == ["Без НДС (п. 1 ст. 145 НК РФ)"]
    assert "Без НДС.|" in context.qr


def test_the_rate_follows_the_day_of_supply(
    organisation: Organisation, buyer: Party, make_invoice: MakeInvoice, make_line: MakeLine
) -> None:
    late = make_invoice(make_line(rate=20), date=date(2026, 1, 12), due=None)
    with pytest.raises(HubError, match=r"Line 1 of the invoice: The VAT rate of 20 % is not in force on 12\.01\.2026"):
        build_context(organisation, buyer, late)
    context = build_context(organisation, buyer, late, supplied=date(2025, 12, 30))
    assert context.vat == Decimal("16.67")


def test_a_foreign_currency_has_no_payment_code(make_context: MakeContext) -> None:
    values = template_values(make_context(Line(title="Licence", price=Money(Decimal(100), "USD"))))
    assert (values["qr"], values["currency"], values["total_words"]) == ("", "долл. США", "100,00 USD")


def test_a_line_may_give_only_its_sum(make_context: MakeContext) -> None:
    context = make_context(Line(title="Работы", quantity="3", total=Money(Decimal("100")), vat_rate=22))
    assert (context.lines[0].price, context.lines[0].total) == (Decimal("33.33"), Decimal("100.00"))
    again = make_context(
        Line(title="Работы", quantity="3", price=Money(Decimal("33.33")), total=Money(Decimal("100")), vat_rate=22)
    )
    assert again.total == Decimal("100.00")


def test_a_long_basis_is_left_out_of_the_purpose_and_stays_on_the_invoice(make_context: MakeContext) -> None:
    context = make_context(basis="Контракт " + "7" * 200)
    assert "Purpose=Оплата по счёту № 17 от 22.11.2026. В том" in context.qr
    assert context.basis.endswith("7" * 200)


def test_texts_are_cleaned_on_their_way_in(organisation: Organisation, make_invoice: MakeInvoice) -> None:
    hostile = Party("ООО\n«Рога\u202e и\x00 копыта»", inn="24\n65", address="ул.\tЛесная")
    context = build_context(organisation, hostile, make_invoice(note="первая\nвторая\x07"))
    assert context.buyer == Party("ООО «Рога и\ufffd копыта»", inn="24 65", address="ул. Лесная")
    assert context.comment == "первая\nвторая"


def test_a_sole_trader_signs_alone(organisation: Organisation, buyer: Party, make_invoice: MakeInvoice) -> None:
    trader = organisation.model_copy(update={"inn": "500100732259", "kpp": ""})
    values = template_values(build_context(trader, buyer, make_invoice()))
    assert values["is_sole_trader"] is True
    assert "КПП" not in str(values["seller"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bank": None}, "organisation.bank"),
        ({"name": " "}, "organisation.name"),
    ],
)
def test_what_the_configuration_lacks_is_named(
    change: dict[str, object], field: str, organisation: Organisation, buyer: Party, make_invoice: MakeInvoice
) -> None:
    with pytest.raises(SettingsError) as caught:
        build_context(organisation.model_copy(update=change), buyer, make_invoice())
    assert caught.value.field == field


def test_without_an_organisation_there_is_no_invoice(buyer: Party, make_invoice: MakeInvoice) -> None:
    with pytest.raises(SettingsError) as caught:
        build_context(None, buyer, make_invoice())
    assert caught.value.field == "organisation"


def test_an_account_that_does_not_fit_its_bank_is_refused(
    organisation: Organisation, buyer: Party, make_invoice: MakeInvoice
) -> None:
    assert organisation.bank is not None
    wrong = organisation.bank.model_copy(update={"account": "40702810800000000017"})
    with pytest.raises(SettingsError, match="account does not fit the БИК") as caught:
        build_context(organisation.model_copy(update={"bank": wrong}), buyer, make_invoice())
    assert caught.value.field == "organisation.bank.account"


def price(text: str) -> Money:
    return Money(Decimal(text))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"number": " "}, "needs a number and a date"),
        ({"number": "9" * 101}, "at most 100 characters"),
        ({"date": None}, "needs a number and a date"),
        ({"due": date(2026, 11, 21)}, r"dated 22\.11\.2026 and would be due before, on 21\.11\.2026"),
        ({"lines": ()}, "at least one line"),
        ({"total": price("99")}, r"add up to 100\.00 RUB, but the invoice says 99"),
        ({"lines": (Line(title=" ", price=price("1")),)}, "Line 1 of the invoice has no title"),
        ({"lines": (Line(title="a"),)}, "Line 1 of the invoice has neither a price nor a sum"),
        ({"lines": (Line(title="a", price=price("-1")),)}, "above zero"),
        ({"lines": (Line(title="a", price=price("0")),)}, "above zero"),
        ({"lines": (Line(title="a", price=price("1e99")),)}, r"below 10\^12"),
        ({"lines": (Line(title="a", price=price("1e11"), quantity="1e11"),)}, r"below 10\^12"),
        ({"lines": (Line(title="a", price=price("1"), quantity="0"),)}, "quantity must be a number above zero"),
        ({"lines": (Line(title="a", price=price("1"), quantity="1.0000001"),)}, "quantity"),
        ({"lines": (Line(title="a", price=price("1"), quantity="две"),)}, "quantity"),
        ({"lines": (Line(title="a", price=price("1"), vat_rate=18),)}, "no VAT rate of 18 %"),
        ({"lines": (Line(title="a", price=price("2"), total=price("5"), quantity="2"),)}, r"2 at 2\.00 is 4\.00"),
        (
            {"lines": (Line(title="a", price=price("1")), Line(title="b", price=Money(Decimal(1), "EUR")))},
            "different currencies: EUR, RUB",
        ),
    ],
)
def test_a_wrong_invoice_is_refused_with_the_reason(
    changes: dict[str, object], reason: str, make_context: MakeContext
) -> None:
    with pytest.raises(HubError, match=reason):
        make_context(**changes)


def test_a_buyer_without_a_name_is_refused(organisation: Organisation, make_invoice: MakeInvoice) -> None:
    with pytest.raises(HubError, match="name of the buyer"):
        build_context(organisation, Party(" \u202e "), make_invoice())


AMOUNTS = st.decimals("0.01", "9999999.99", places=2)
QUANTITIES = st.decimals("0.5", "9999", places=3)
ROWS = st.lists(st.tuples(AMOUNTS, QUANTITIES, st.sampled_from([None, 0, 5, 7, 10, 22])), min_size=1, max_size=8)


@given(ROWS)
def test_what_is_printed_adds_up(rows: list[tuple[Decimal, Decimal, int | None]]) -> None:
    sample = sample_context()
    lines = tuple(Line(title="а", quantity=str(q), price=Money(p), vat_rate=rate) for p, q, rate in rows)
    organisation = Organisation(
        name=sample.seller.name, inn=sample.seller.inn, bank=msgspec.structs.asdict(sample.bank)
    )
    context = build_context(organisation, sample.buyer, Invoice(number="1", date=sample.day, lines=lines))
    values = template_values(context)

    def read(text: object) -> Decimal:
        return Decimal(str(text).replace("\u00a0", "").replace(",", "."))

    assert sum(read(line["total"]) for line in values["lines"]) == read(values["total"]) == context.total
    taxed = [row["vat"] for row in values["vat_rows"] if row["vat"] != "—"]
    assert sum(map(read, taxed)) == read(values["vat"]) == context.vat
    assert re.search(r"\|Sum=(\d+)\|", context.qr)[1] == str(int(context.total * 100))
