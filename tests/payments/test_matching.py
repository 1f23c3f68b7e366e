"""Payments find their invoices: exactly only when nothing speaks against it, and never more than is left to pay."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.values import Money
from hub.payments import Named, match_payments, named_in, printed, with_matches
from hub.reminders.calendars import Calendars
from hub.reminders.world import World

DAY = date(2026, 5, 12)


def invoice(
    number: str = "00БП-000005", total: Any = 1500, client: str | None = "school", **other: Any
) -> dict[str, Any]:
    return {"number": number, "date": DAY, "client": client, "total": Money(Decimal(total)), "is_posted": True, **other}


def payment(
    purpose: str = "Оплата по счету № 5", total: Any = 1500, client: str | None = "school", **other: Any
) -> dict[str, Any]:
    return {"number": "77", "date": DAY, "client": client, "total": Money(Decimal(total)), "purpose": purpose,
            "invoice": None, "is_posted": True, "connection": "bank", **other}  # fmt: skip


def matches(payments: Any, invoices: Any) -> list[tuple[str, tuple[str, ...], bool]]:
    objects = {"payment": _named("p", payments), "invoice": _named("i", invoices)}
    return [(it.payment, it.invoices, it.is_exact) for it in match_payments(objects)]


def _named(letter: str, given: Any) -> dict[str, Any]:
    return {f"{letter}{number}": it for number, it in enumerate(given, 1)}


@pytest.mark.parametrize(
    ("purpose", "numbers"),
    [
        ("Оплата по счету № 5 от 12.05.2026 за обслуживание", ["5"]),
        ("Оплата по счёту №5 от 12.05.26г. Без НДС", ["5"]),
        ("опл. сч. 5", ["5"]),
        ("ОПЛАТА СЧ.№00БП-000005 ОТ 12.05.2026", ["00БП-000005"]),
        ("По счетам № 5, 6 и 7 от 12.05.2026", ["5", "6", "7"]),
        ("Счет на оплату N 12/АО от 01.02.2026", ["12/АО"]),
        ("Оплата по счет-фактуре № 5", []),
        ("Перечисление на расчетный счет № 40702810500000000011", []),
        ("Зачислить на счет 40702810500000000011", []),
        ("л/счет 20196Щ12345", []),
        ("лицевой счет 20196Щ12345", []),
        ("По договору № 5 от 12.05.2026", []),
        ("Отчет № 5", []),
        ("", []),
    ],
)
def test_numbers_of_invoices_are_read_as_payers_write_them(purpose, numbers):
    assert [it.number for it in named_in(purpose)] == numbers


def test_the_day_belongs_to_the_number_before_it():
    assert named_in("по счету №5 от 12.05.2026, №6 от 1.6.26") == (Named("5", DAY), Named("6", date(2026, 6, 1)))
    assert named_in("по счету № 5 от 32.05.2026") == (Named("5"),)


@pytest.mark.parametrize(
    ("number", "short"),
    [("00БП-000005", "5"), ("0000005", "5"), ("5", "5"), ("12/АО", "12/АО"), ("А-12-007", "7"), ("000", "000")],
)
def test_numbers_are_compared_as_1c_prints_them(number, short):
    assert printed(number) == short


def test_client_number_and_sum_together_are_exact():
    assert matches([payment()], [invoice(), invoice("00БП-000006")]) == [("p1", ("i1",), True)]


def test_one_payment_may_pay_several_invoices():
    found = matches([payment("По счетам № 5 и 6", 2500)], [invoice(), invoice("6", 1000), invoice("7", 2500)])

    assert found[0] == ("p1", ("i1", "i2"), True)


@pytest.mark.parametrize(
    ("paid", "owed"),
    [
        (payment(total=1000), invoice()),
        (payment(client="another"), invoice()),
        (payment(client=None), invoice(client=None)),
        (payment(client=""), invoice(client="")),
        (payment("Оплата за май"), invoice()),
        (payment("Оплата по счету № 6"), invoice()),
        (payment("Оплата по договору № 5"), invoice()),
        (payment(), invoice(total=3000, paid=Money(Decimal(1400)))),
        (payment(total=1500) | {"total": Money(Decimal(1500), "USD")}, invoice()),
    ],
)
def test_one_thing_that_differs_makes_it_a_suggestion_at_most(paid, owed):
    assert all(not is_exact for _, _, is_exact in matches([paid], [owed]))


@pytest.mark.parametrize(
    ("paid", "owed", "words"),
    [
        (payment(total=1000), invoice(), "client and number agree, 1500.00 RUB is left"),
        (payment(client="another"), invoice(), "number and sum agree, the payer is another one"),
        (payment("Оплата за май"), invoice(), "client and sum agree, no number is named"),
        (payment("Оплата по счету № 6"), invoice(), "client and sum agree, another number is named"),
    ],
)
def test_a_suggestion_says_what_speaks_for_it(paid, owed, words):
    (match,) = match_payments({"payment": {"p": paid}, "invoice": {"i": owed}})

    assert words in match.reason


@pytest.mark.parametrize(
    "owed",
    [
        invoice(date=date(2026, 5, 13)),
        invoice(is_posted=False),
        invoice(paid=Money(Decimal(1500))),
        invoice("6", 700),
    ],
)
def test_an_invoice_that_cannot_be_meant_is_not_suggested(owed):
    assert matches([payment()], [owed]) == []


def test_two_invoices_of_one_number_are_told_apart_by_their_day_or_left_to_a_person():
    old = invoice(date=date(2025, 5, 12))

    assert {is_exact for _, _, is_exact in matches([payment()], [invoice(), old])} == {False}
    assert matches([payment("Оплата по счету № 5 от 12.05.2025")], [invoice(), old])[0] == ("p1", ("i2",), True)


def test_two_invoices_of_one_number_are_not_added_up():
    found = matches([payment(total=1500)], [invoice(total=750), invoice(total=750, date=date(2025, 5, 12))])

    assert not any(is_exact for _, _, is_exact in found)


def test_sums_of_two_currencies_are_not_added_up():
    dollars = invoice("6") | {"total": Money(Decimal(500), "USD")}

    for currency in ("RUB", "USD"):
        paid = payment("по счетам 5 и 6") | {"total": Money(Decimal(1500), currency)}
        assert not any(it[2] for it in matches([paid], [invoice(total=1000), dollars]))


def test_what_was_paid_before_counts():
    before = payment("аванс", 1000, invoice="i1")

    assert matches([before, payment(total=500)], [invoice()]) == [("p2", ("i1",), True)]


def test_the_second_of_two_equal_payments_finds_nothing_left():
    assert matches([payment(), payment()], [invoice()]) == [("p1", ("i1",), True)]


def test_money_told_by_the_bank_and_by_1c_counts_once():
    told_by_1c = payment(connection="accounting", invoice="i1")

    assert matches([payment(), told_by_1c], [invoice(), invoice("00БП-000005", client="school")]) == []
    unbound = payment(connection="accounting")
    assert len([it for it in matches([payment(), unbound], [invoice()]) if it[2]]) == 1


def test_an_overdue_invoice_that_the_bank_saw_paid_is_paid():
    objects = {"payment": _named("p", [payment()]), "invoice": _named("i", [invoice()]), "client": {"school": {}}}
    calendars = Calendars("Asia/Krasnoyarsk")
    before = World(objects, [], calendars=calendars)
    after = World({**objects, "payment": with_matches(objects)}, [], calendars=calendars)

    assert before.value("invoice", "i1", "unpaid") == Money(Decimal(1500))
    assert after.value("invoice", "i1", "unpaid") == Money(Decimal(0))


# Properties

CLIENTS = st.sampled_from(["a", "b", None])
SUMS = st.sampled_from([100, 200, 300])
NUMBERS = st.sampled_from(["5", "00БП-000005", "6", "7/А"])
INVOICES = st.lists(st.builds(invoice, NUMBERS, SUMS, CLIENTS), max_size=5)
PURPOSES = st.sampled_from(
    ["по счету 5", "сч. № 6", "по счетам №5, 6", "за май", "счет 7/А", "по счету 5 от 12.05.2026"]
)
PAYMENTS = st.lists(
    st.builds(payment, PURPOSES, SUMS, CLIENTS, connection=st.sampled_from(["bank", "accounting"]),
              date=st.sampled_from([DAY, date(2026, 5, 20), None])), max_size=6)  # fmt: skip


@given(PAYMENTS, INVOICES, st.randoms(use_true_random=False))
def test_the_order_of_the_objects_has_no_influence(payments, invoices, chance: random.Random):
    objects = {"payment": _named("p", payments), "invoice": _named("i", invoices)}
    shuffled = {kind: dict(chance.sample(list(it.items()), len(it))) for kind, it in objects.items()}

    assert match_payments(objects) == match_payments(shuffled)


@given(PAYMENTS, INVOICES)
def test_an_exact_match_is_of_the_same_client_pays_what_is_left_and_pays_it_once(payments, invoices):
    objects = {"payment": _named("p", payments), "invoice": _named("i", invoices)}
    exact = [it for it in match_payments(objects) if it.is_exact]

    paid = [key for it in exact for key in it.invoices]
    assert len(paid) == len(set(paid))
    for it in exact:
        made = objects["payment"][it.payment]
        owed = [objects["invoice"][key] for key in it.invoices]
        assert {one["client"] for one in owed} == {made["client"]} != {None}
        assert sum(one["total"].amount for one in owed) == made["total"].amount


@given(PAYMENTS, INVOICES)
def test_matches_once_believed_bring_no_other_ones(payments, invoices):
    objects = {"payment": _named("p", payments), "invoice": _named("i", invoices)}
    again = {**objects, "payment": with_matches(objects)}
    believed = {it.payment for it in match_payments(objects) if it.is_exact and len(it.invoices) == 1}

    assert not believed & {it.payment for it in match_payments(again)}


@given(st.text(max_size=80))
def test_any_purpose_is_read(text):
    for name in named_in("по счету " + text):
        assert name.number in ("по счету " + text).upper()
