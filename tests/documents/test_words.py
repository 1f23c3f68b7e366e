from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.documents.words import (
    amount_in_words,
    day_in_words,
    format_number,
    format_quantity,
    number_in_words,
    plural,
)
from hub.model.values import Money

VALUES = {
    "ноль": 0, "один": 1, "одна": 1, "два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5, "шесть": 6, "семь": 7,
    "восемь": 8, "девять": 9, "десять": 10, "одиннадцать": 11, "двенадцать": 12, "тринадцать": 13, "четырнадцать": 14,
    "пятнадцать": 15, "шестнадцать": 16, "семнадцать": 17, "восемнадцать": 18, "девятнадцать": 19, "двадцать": 20,
    "тридцать": 30, "сорок": 40, "пятьдесят": 50, "шестьдесят": 60, "семьдесят": 70, "восемьдесят": 80,
    "девяносто": 90, "сто": 100, "двести": 200, "триста": 300, "четыреста": 400, "пятьсот": 500, "шестьсот": 600,
    "семьсот": 700, "восемьсот": 800, "девятьсот": 900,
}  # fmt: skip
SCALES = {"тысяч": 10**3, "миллион": 10**6, "миллиард": 10**9, "триллион": 10**12}


def read_number(text: str) -> int:
    """Read a wording back: an independent check that shares no code with the writer."""
    total = group = 0
    words = text.split()
    sign = -1 if words[0] == "минус" else 1
    for word in words[sign == -1 :]:
        scale = next((size for stem, size in sorted(SCALES.items(), key=len) if word.rstrip("аиыовй") == stem), 0)
        if scale:
            total, group = total + (group or 1) * scale, 0
        else:
            assert VALUES[word] < (10 ** (len(str(group)) - len(str(group).rstrip("0"))) if group else 10**3)
            group += VALUES[word]
    return sign * (total + group)


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_a_number_read_back_from_its_words_is_the_number(number: int) -> None:
    assert read_number(number_in_words(number)) == number


@given(st.integers(0, 10**15 - 1))
def test_only_the_last_word_agrees_with_a_feminine_noun(number: int) -> None:
    feminine = {"один": "одна", "два": "две"}
    *start, last = number_in_words(number).split()
    assert number_in_words(number, feminine=True).split() == [*start, feminine.get(last, last)]


@given(st.integers(0, 10**6))
def test_the_noun_follows_the_last_digits(number: int) -> None:
    text = str(number)
    if text[-2:] in {"11", "12", "13", "14"}:
        expected = "рублей"
    else:
        expected = {"1": "рубль", "2": "рубля", "3": "рубля", "4": "рубля"}.get(text[-1], "рублей")
    assert plural(number, "рубль", "рубля", "рублей") == expected


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1", "Один рубль 00 копеек"),
        ("0", "Ноль рублей 00 копеек"),
        ("0.01", "Ноль рублей 01 копейка"),
        ("0.02", "Ноль рублей 02 копейки"),
        ("21.21", "Двадцать один рубль 21 копейка"),
        ("112.12", "Сто двенадцать рублей 12 копеек"),
        ("1000", "Одна тысяча рублей 00 копеек"),
        ("2002", "Две тысячи два рубля 00 копеек"),
        ("1000001", "Один миллион один рубль 00 копеек"),
        ("67800.5", "Шестьдесят семь тысяч восемьсот рублей 50 копеек"),
        ("1000000000000", "Один триллион рублей 00 копеек"),
        ("0.995", "Один рубль 00 копеек"),
        ("-5.01", "Минус пять рублей 01 копейка"),
        ("-0.5", "Минус ноль рублей 50 копеек"),
        ("-0.001", "Ноль рублей 00 копеек"),
    ],
)
def test_amounts_are_spelled_as_documents_do(amount: str, words: str) -> None:
    assert amount_in_words(Money(Decimal(amount))) == words


def test_reference_amounts_are_spelled_right(shared_text: Callable[[str], str]) -> None:
    rows = list(csv.DictReader(shared_text("amount_words.tsv").splitlines(), delimiter="\t"))
    assert len(rows) > 50
    assert [amount_in_words(Money(Decimal(row["amount"]))) for row in rows] == [row["words"] for row in rows]


def test_other_currencies_are_a_number_and_a_code() -> None:
    assert amount_in_words(Money(Decimal("1234.5"), "USD")) == "1\u00a0234,50 USD"


def test_a_number_without_wording_is_refused() -> None:
    with pytest.raises(ValueError, match="15 digits"):
        number_in_words(10**15)


@pytest.mark.parametrize(
    ("day", "words"), [(date(2026, 11, 22), "22 ноября 2026 г."), (date(2027, 5, 1), "1 мая 2027 г.")]
)
def test_a_day_in_words(day: date, words: str) -> None:
    assert day_in_words(day) == words


@given(st.decimals(-(10**12), 10**12, places=2))
def test_a_formatted_number_keeps_every_digit(number: Decimal) -> None:
    text = format_number(number)
    assert Decimal(text.replace("\u00a0", "").replace(",", ".")) == number
    assert all(len(group) == 3 for group in text.partition(",")[0].lstrip("-").split("\u00a0")[1:])


def test_numbers_and_quantities_are_written_the_russian_way() -> None:
    assert format_number(Decimal("67800.5")) == "67\u00a0800,50"
    assert format_number(Decimal("-0.001")) == "0,00"
    assert format_number(Decimal("0.125")) == "0,13"
    assert [format_quantity(Decimal(text)) for text in ("1.000", "2.50", "1E+3", "0.001")] == [
        "1", "2,5", "1\u00a0000", "0,001",
    ]  # fmt: skip
