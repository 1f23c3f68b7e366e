"""The text format: real exports, lying encodings, broken sections, and anything a generator can think of."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import BadRecord
from hub.testing.peers.bank import OWN_ACCOUNT, Transfer, statement
from hub_bank.documents import movements, payer, payment, purpose, remarks
from hub_bank.exchange import amount, day, fields_of, lines_of, parse

SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "onec" / "bank"
samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real exports are not beside the tree")
PAID = Transfer("17", Decimal("1500.50"), "Оплата по счету № 5 от 12.05.2026, НДС не облагается")


def sections(content: bytes) -> list[dict[str, str]]:
    read = parse(content)
    return [fields_of(block.raw, read.encoding) for block in read.documents]


def broken(content: bytes) -> str:
    with pytest.raises(BadRecord) as caught:
        parse(content)
    return str(caught.value)


@samples
def test_a_real_statement_is_read_whole():
    read = parse((SAMPLES / "statement_v102_cp1251.txt").read_bytes())
    documents = [fields_of(block.raw, read.encoding) for block in read.documents]

    assert (read.encoding, len(documents), read.own) == ("cp1251", 13, {"40702810200000000001"})
    assert [block.problem for block in read.documents] == [""] * 13
    assert (documents[0]["Номер"], documents[0]["Сумма"]) == ("697162", "83.23")
    moved = [it for fields in documents for it in movements(fields, read.own)]
    came = sum(amount(fields["Сумма"]) for fields in documents if movements(fields, read.own)[0].is_incoming)
    assert (len(moved), came) == (13, Decimal("40000.00"))
    assert not [it for it in remarks(read) if "documents give" in it or "closing" in it]
    assert any("wrong key digit" in it for it in remarks(read)), "the sample's accounts are invented"


@samples
def test_an_export_without_accounts_that_match_tells_the_direction_by_its_days():
    read = parse((SAMPLES / "two_documents_v102_cp1251.txt").read_bytes())
    first, second = (fields_of(block.raw, read.encoding) for block in read.documents)

    assert [it.is_incoming for it in movements(first, read.own)] == [True]
    assert [(it.account, it.is_incoming) for it in movements(second, read.own)] == [("40000000000000000000", True)]
    assert any("ВсегоПоступило is 10.90, but the documents give 3000.00" in it for it in remarks(read))


@pytest.mark.parametrize("declared", ["Windows", "DOS", "UTF-8", "windows", ""])
@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "utf-8", "utf-8-sig"])
def test_the_encoding_is_what_the_bytes_are_and_not_what_they_say(encoding, declared):
    """B-02, B-18."""
    tolerant = Transfer("17", Decimal(1), "Оплата по счету Nо5")  # № is not in every encoding
    (fields,) = sections(statement([tolerant], encoding=encoding, declared=declared))

    assert (fields["НазначениеПлатежа"], fields["Плательщик1"][:4]) == ("Оплата по счету Nо5", "МБОУ")


def test_a_letter_that_the_encoding_lacks_does_not_take_the_payment_away():
    content = statement([PAID]).replace("не облагается".encode("cp1251"), b"\x98")
    (fields,) = sections(content)

    assert fields["НазначениеПлатежа"].endswith("\ufffd")
    assert payment(fields, OWN_ACCOUNT).total.amount == Decimal("1500.50")


def test_line_ends_blank_lines_and_a_missing_last_line_end_do_not_matter():
    content = statement([PAID])
    plain = content.replace(b"\r\n", b"\n").rstrip(b"\n") + b"   "

    assert sections(plain) == sections(content)
    assert sections(content.replace(b"\r\n", b" \r\n\r\n")) == sections(content)


def test_only_the_first_equals_sign_parts_key_and_value():
    (fields,) = sections(statement([Transfer("1", Decimal(1), "a=b=c")]))

    assert fields["НазначениеПлатежа"] == "a=b=c"


def test_a_purpose_broken_over_lines_is_put_together():
    (fields,) = sections(statement([Transfer("1", Decimal(1), "Оплата\r\nпо счету 5")]))

    assert fields["НазначениеПлатежа"] == "Оплата по счету 5"


def test_unknown_keys_are_kept():
    """B-18."""
    (fields,) = sections(statement([Transfer("1", Decimal(1), "x", extra=("КлючБанка=значение",))]))

    assert fields["КлючБанка"] == "значение"


def test_a_file_that_breaks_off_names_the_line_of_the_open_section():
    """B-18, L23."""
    content = statement([PAID, PAID])
    second = content.rindex("СекцияДокумент".encode("cp1251"))
    line = content[:second].count(b"\n") + 1

    assert f"inside the section that begins in line {line}" in broken(content[: second + 60])
    assert "КонецФайла is missing" in broken(content.replace("КонецФайла".encode("cp1251"), b""))


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"1CClientBankExchange2\n", b"\x00" * 100, b"PK\x03\x04"])
def test_other_files_are_refused_by_their_first_line(content):
    """B-01."""
    assert broken(content).startswith("line 1: ")


def test_keys_in_no_known_encoding_are_refused():
    rest = statement([PAID]).decode("cp1251").partition("\r\n")[2]

    assert "in no known encoding" in broken(b"1CClientBankExchange\n" + rest.encode("utf-16-le"))


def test_a_section_without_its_end_is_named_and_the_next_one_is_whole():
    """B-18."""
    content = statement([PAID, PAID])
    first_end = content.index("КонецДокумента".encode("cp1251"))
    spoilt = content[:first_end] + content[first_end + len("КонецДокумента") :]
    first, second = parse(spoilt).documents

    assert "begins before this section ends" in first.problem
    assert second.problem == ""
    assert spoilt.split(b"\r\n")[second.line - 1].decode("cp1251").startswith("СекцияДокумент=")


def test_balances_that_do_not_add_up_are_told():
    content = statement([PAID])

    assert list(remarks(parse(content))) == []
    assert ["closing balance" in it for it in remarks(parse(content.replace(b"=1000.00", b"=1000.01")))] == [True]
    missing = content.replace("СекцияДокумент".encode("cp1251"), "КонецФайла\r\nСекцияДокумент".encode("cp1251"), 1)
    assert ["the documents give 0" in it for it in remarks(parse(missing))] == [True]


def test_a_statement_without_balances_is_told():
    content = statement([PAID]).decode("cp1251")
    begin, end = content.index("СекцияРасчСчет"), content.index("КонецРасчСчет") + len("КонецРасчСчет")

    assert [it for it in remarks(parse((content[:begin] + content[end:]).encode("cp1251"))) if "СекцияРасчСчет" in it]


def test_a_wrong_key_digit_is_told_without_the_account():
    content = statement([PAID]).replace(b"40703810200000000022", b"40703810900000000022")
    (remark,) = remarks(parse(content))

    assert "the payer's account …0022 does not fit the БИК 040407627" in remark
    assert "40703810900000000022" not in remark


def test_a_wrong_key_digit_of_many_documents_is_told_once():
    content = statement([PAID, PAID, PAID]).replace(b"40703810200000000022", b"40703810900000000022")

    assert ["and in 2 more documents" in it for it in remarks(parse(content))] == [True]


# What a document means


def document(**changed: str) -> dict[str, str]:
    (fields,) = sections(statement([PAID]))
    return {**fields, **changed}


def test_a_transfer_between_own_accounts_is_two_movements_and_no_payment():
    fields = document(ПлательщикИНН="2465000007")
    out, into = movements(fields, {fields["ПлательщикСчет"], fields["ПолучательСчет"]})

    assert (out.is_incoming, into.is_incoming) == (False, True)
    assert out.key != into.key
    assert payment(fields, into.account) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"Сумма": ""}, "Сумма is missing"),
        ({"Сумма": "1 500,00 руб"}, "Сумма is no amount"),
        ({"Сумма": "-5"}, "Сумма is no amount"),
        ({"Дата": ""}, "Дата is missing"),
        ({"Дата": "31.02.2026"}, "Дата is no day"),
        ({"ПолучательСчет": "", "ПолучательРасчСчет": "", "ДатаПоступило": ""}, "neither the payer's nor"),
    ],
)
def test_what_a_document_lacks_is_named(changed, words):
    with pytest.raises(BadRecord, match=words):
        movements(document(**changed), {OWN_ACCOUNT})


def test_the_account_of_the_corresponding_bank_counts_as_ours_too():
    fields = document(ПолучательСчет="", ДатаПоступило="")

    assert [it.is_incoming for it in movements(fields, {OWN_ACCOUNT})] == [True]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ПлательщикИНН": "2463000001", "ПлательщикКПП": "246301001"}, ("2463000001", "246301001")),
        ({"ПлательщикИНН": "2463000001", "ПлательщикКПП": "0"}, ("2463000001", "")),
        ({"Плательщик": "ИНН 2463000001 МБОУ СОШ № 5"}, ("2463000001", "")),
        ({"Плательщик": "ИНН 2463000001/КПП 246301001 МБОУ"}, ("2463000001", "246301001")),
        ({"Плательщик1": "ИНН 246300000112 ИП Ли"}, ("246300000112", "")),
        ({"Плательщик": "МБОУ СОШ № 5"}, ("", "")),
    ],
)
def test_the_payer_is_read_from_its_keys_or_from_the_text(fields, expected):
    assert payer(fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"НазначениеПлатежа": "Оплата"}, "Оплата"),
        ({"НазначениеПлатежа1": "Оплата", "НазначениеПлатежа2": "по счету 5"}, "Оплата по счету 5"),
        ({"НазначениеПлатежа": "Оплата по счету 5", "НазначениеПлатежа1": "Оплата по", "НазначениеПлатежа2": "счету 5"},
         "Оплата по счету 5"),
        ({"НазначениеПлатежа": "За", "НазначениеПлатежа1": "За", "НазначениеПлатежа2": "услуги"}, "За услуги"),
        ({"НазначениеПлатежа": "Оплата", "НазначениеПлатежа1": "счета 5"}, "Оплата счета 5"),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_purpose_is_said_once(fields, expected):
    assert purpose(fields) == expected


def test_an_account_in_dollars_gives_dollars():
    assert payment(document(), "40702840800000000001").total.currency == "USD"
    assert payment(document(), OWN_ACCOUNT).total.currency == "RUB"


# Properties

TEXT = st.text(st.characters(codec="cp1251", exclude_characters="\r\n\x98", exclude_categories=["Cc"]), max_size=60)
AMOUNTS = st.decimals(0, 10**12, places=2)


@given(st.lists(st.tuples(AMOUNTS, TEXT, st.booleans()), max_size=6), st.sampled_from(["\r\n", "\n"]))
def test_every_statement_is_read_as_it_was_written(rows, line_end):
    transfers = [Transfer(str(n), total, text, is_incoming=way) for n, (total, text, way) in enumerate(rows)]
    content = statement(transfers).replace(b"\r\n", line_end.encode())
    read = parse(content)
    found = [fields_of(block.raw, read.encoding) for block in read.documents]

    assert [it["Номер"] for it in found] == [it.number for it in transfers]
    assert [amount(it["Сумма"]) for it in found] == [it.total for it in transfers]
    assert [it["НазначениеПлатежа"] for it in found] == [it.purpose.strip() for it in transfers]
    assert [movements(it, read.own)[0].is_incoming for it in found] == [it.is_incoming for it in transfers]
    assert list(remarks(read)) == []


@given(st.data())
def test_no_part_of_a_statement_is_taken_for_the_whole(data):
    """B-03."""
    content = statement([PAID, PAID]).rstrip()
    cut = data.draw(st.integers(0, len(content) - 1))

    assert broken(content[:cut]).startswith("line ")


@given(st.binary(max_size=300))
def test_whatever_follows_the_first_line_is_read_or_refused(noise):
    for content in (noise, b"1CClientBankExchange\r\n" + noise, statement([PAID])[:-12] + noise):
        try:
            read = parse(content)
        except BadRecord:
            continue
        list(remarks(read))


@given(st.binary(max_size=80), st.sampled_from(["cp1251", "cp866", "utf-8"]))
def test_lines_of_any_bytes_are_text(raw, encoding):
    assert all(isinstance(line.value, str) and "\n" not in line.value for line in lines_of(raw, encoding))


@given(st.dates())
def test_days_are_read_back(moment):
    assert day(f"{moment:%d.%m.}{moment.year:04d}") == moment


@given(AMOUNTS, st.sampled_from([".", ","]))
def test_amounts_are_read_back(number, point):
    assert amount(f"{number:.2f}".replace(".", point)) == number
