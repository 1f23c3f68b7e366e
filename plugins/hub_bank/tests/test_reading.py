"""A folder as it is in an office: overlapping exports, files overwritten, cut, moved away, and nothing twice."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from hub.api import BadRecord, Money, Payment, Record, Unavailable
from hub.testing.peers.bank import CLIENT_INN, Transfer, statement

ONE = Transfer("17", Decimal("1500.50"), "Оплата по счету № 5")
TWO = Transfer("18", Decimal(200), "Оплата по счету № 6")
OUT = Transfer("19", Decimal(300), "Аренда", is_incoming=False)


def spoilt(content: bytes, number: str, old: str, new: str) -> bytes:
    """Replace something in the section with that number only."""
    text = content.decode("cp1251")
    begin = text.index(f"Номер={number}\r\n")
    return (text[:begin] + text[begin:].replace(old, new, 1)).encode("cp1251")


def test_money_that_came_in_is_a_payment_of_the_client_with_that_inn(hub):
    hub.put("kl.txt", statement([ONE, OUT]))
    hub.sync()

    assert hub.payments() == [
        Payment(
            number="17",
            date=dt.date(2026, 5, 12),
            total=Money(Decimal("1500.50")),
            purpose="Оплата по счету № 5",
            payer_inn=CLIENT_INN,
        )
    ]
    assert hub.payments()[0].keys() == (f"inn:{CLIENT_INN}",)
    assert len(hub.records) == 2, "what left the account is kept as it is"


def test_the_day_is_that_on_which_the_money_came(hub):
    content = statement([ONE]).replace("ДатаПоступило=12.05".encode("cp1251"), "ДатаПоступило=13.05".encode("cp1251"))
    hub.put("kl.txt", content)
    hub.sync()

    assert hub.payments()[0].date == dt.date(2026, 5, 13)


def test_overlapping_statements_bring_nothing_twice(hub):
    hub.put("day.txt", statement([ONE]))
    hub.put("month.txt", statement([ONE, TWO], written="18:00:00"))

    assert hub.sync() == 2
    assert sorted(it.number for it in hub.payments()) == ["17", "18"]


def test_equal_documents_of_one_file_are_two_payments(hub):
    hub.put("kl.txt", statement([ONE, ONE]))

    assert hub.sync() == 2
    assert len(hub.payments()) == 2


@pytest.mark.parametrize("names", [("a.txt", "b.txt"), ("b.txt", "a.txt")])
def test_of_two_exports_the_one_written_later_counts(hub, names):
    later = Transfer("17", Decimal("1500.50"), "Оплата по счету № 5, уточнено")
    hub.put(names[0], statement([ONE], written="09:00:00"))
    hub.put(names[1], statement([later], written="18:00:00"))
    hub.sync()

    assert [it.purpose for it in hub.payments()] == ["Оплата по счету № 5, уточнено"]


def test_a_folder_in_which_nothing_changed_is_not_read_again(hub):
    hub.put("kl.txt", statement([ONE]))
    hub.sync()

    assert [len(batch.records) for batch in hub.batches()] == []


def test_a_payment_stays_when_its_file_is_overwritten_or_moved_away(hub):
    hub.put("kl_to_1c.txt", statement([ONE]))
    hub.sync()
    hub.put("kl_to_1c.txt", statement([TWO]))
    hub.sync()
    (hub.peer.folder / "kl_to_1c.txt").unlink()
    hub.sync()

    assert sorted(it.number for it in hub.payments()) == ["17", "18"]


def test_a_file_that_is_still_being_written_is_told_and_the_others_are_read(hub):
    content = statement([TWO])
    hub.put("a.txt", content[:-40])
    hub.put("b.txt", statement([ONE]))

    with pytest.raises(Unavailable, match=r"a\.txt was not read: line \d+: the file breaks off"):
        hub.sync()
    assert [it.number for it in hub.payments()] == ["17"]

    hub.put("a.txt", content)
    hub.sync()
    assert sorted(it.number for it in hub.payments()) == ["17", "18"]


def test_a_file_that_stays_broken_is_told_every_time_and_stops_nobody(hub):
    hub.put("page.txt", b"<html>")
    for transfers in ([ONE], [ONE, TWO]):
        hub.put("kl.txt", statement(transfers))
        with pytest.raises(Unavailable, match=r"page\.txt was not read: line 1"):
            hub.sync()
    with pytest.raises(Unavailable, match=r"page\.txt was not read"):
        hub.sync()

    assert sorted(it.number for it in hub.payments()) == ["17", "18"]


def test_a_file_that_is_lost_while_reading_is_read_next_time(hub):
    hub.put("a.txt", statement([ONE], written="12:00:00"))
    hub.put("b.txt", statement([TWO], written="18:00:00"))
    hub.put("c.txt", statement([OUT], written="09:00:00"))
    content = (hub.peer.folder / "a.txt").read_bytes()
    reading = hub.batches()
    next(reading)
    (hub.peer.folder / "a.txt").unlink()
    with pytest.raises(Unavailable, match=r"a\.txt was not read"):
        list(reading)
    hub.put("a.txt", content)
    hub.sync()

    assert sorted(it.number for it in hub.payments()) == ["17", "18"]


def test_a_bad_section_is_parked_with_its_line_and_the_rest_goes_on(hub):
    content = spoilt(statement([ONE, TWO, OUT]), "18", "Сумма=200.00", "Сумма=двести")
    line = content.split(b"\r\n").index("Сумма=двести".encode("cp1251")) + 1
    hub.put("kl.txt", content)
    hub.sync()
    parked = hub.records.pop("kl.txt")

    assert [it.number for it in hub.payments()] == ["17"]
    with pytest.raises(BadRecord, match=rf"kl\.txt, line {line}: Сумма is no amount such as 1500\.00"):
        hub.connector().normalise(parked)


def test_a_better_version_of_the_file_takes_the_problem_back(hub):
    content = statement([ONE, TWO])
    hub.put("kl.txt", spoilt(content, "18", "Дата=12.05.2026", "Дата="))
    hub.sync()
    assert "kl.txt" in hub.records

    hub.put("kl.txt", content)
    hub.sync()
    assert sorted(it.number for it in hub.payments()) == ["17", "18"]


def test_a_bad_file_that_is_moved_away_takes_its_problem_with_it(hub):
    hub.put("kl.txt", spoilt(statement([ONE, TWO]), "18", "КонецДокумента", "Конец"))
    hub.put("other.txt", statement([OUT]))
    hub.sync()
    assert "kl.txt" in hub.records

    (hub.peer.folder / "kl.txt").unlink()
    hub.sync()
    assert [it.number for it in hub.payments()] == ["17"]
    assert "kl.txt" not in hub.records


def test_check_names_file_and_line_of_what_is_odd(hub):
    wrong_key = statement([ONE]).replace(b"40703810200000000022", b"40703810900000000022")
    hub.put("key.txt", wrong_key)
    hub.put("page.txt", b"<html>")
    found = dict(hub.check().findings)

    assert any(what.startswith("key.txt: line ") and "wrong key digit" in what for what in found)
    assert any(what.startswith("page.txt: line 1") for what in found)
    assert all(found.values())
    assert hub.check().account == "statements: 1 statements"
    assert hub.check().version == "1.03"


def test_check_says_nothing_about_a_good_statement(hub):
    hub.put("kl.txt", statement([ONE, OUT]))

    assert hub.check().findings == ()


def test_check_names_only_the_first_of_many(hub):
    for number in range(30):
        hub.put(f"{number:02d}.txt", b"<html>")
    findings = hub.check().findings

    assert len(findings) == 22
    assert "10 more such places" in findings[20][0]


def test_only_files_of_the_pattern_are_read(hub):
    hub.put("KL_TO_1C.TXT", statement([ONE]))
    hub.put("readme.md", b"-")
    (hub.peer.folder / "archive.txt").mkdir()
    hub.sync()

    assert [it.number for it in hub.payments()] == ["17"]


def test_a_stranger_record_is_bad(hub):
    for payload in (b"", b"{}", b'{"encoding":"no-such"}\n\xd0', b'{"encoding":"cp1251","is_incoming":true}\n'):
        with pytest.raises(BadRecord):
            hub.connector().normalise(Record("x", payload, stream="payments"))


def test_a_very_large_file_is_refused_by_name(hub, monkeypatch):
    """B-18."""
    monkeypatch.setattr("hub_bank.folder.MOST_BYTES", 100)
    hub.put("kl.txt", statement([ONE]))

    with pytest.raises(Unavailable, match=r"kl\.txt was not read: it is larger than"):
        hub.sync()


def test_a_long_statement_goes_on_where_it_was_broken_off(hub):
    hub.put("kl.txt", statement([Transfer(str(n), Decimal(n), "x") for n in range(1000)]))
    reading = hub.batches()
    for _ in range(3):
        next(reading)
    reading.close()
    before = len(hub.records)

    assert 0 < before < 1000
    assert hub.sync() == 1000 - before
    assert len(hub.records) == 1000
