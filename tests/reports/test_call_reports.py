"""Calls, missed calls, sources of calls, tickets and money at risk, reckoned by hand on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from small_firm import Firm, days, local, pick, ref, rows

from hub.model.entities import Call, Comment, Contract, Ticket
from hub.model.entries import Decision, Note, Promise
from hub.store.database import Store

NOVEMBER = days("2026-11-01", "2026-11-30")
NUMBER = "+73912000000"


def call(at: str, state: str = "connected", **fields: Any) -> Call:
    given = {"number": NUMBER, "talk_seconds": 60 if state == "connected" else 0, **fields}
    return Call(started=local(at), state=state, **given)


def test_calls_are_counted_with_the_time_until_somebody_answered_s004_10_s000_5(store: Store) -> None:
    """15 seconds are still in time, 16 are late; a missed call has no answer time."""
    firm = Firm(store)
    for seconds in (15, 16, 5):
        firm.put(call("2026-11-02T10:00", wait_seconds=seconds, extension="101"))
    firm.put(call("2026-11-02T11:00", "missed", wait_seconds=40))
    firm.put(call("2026-11-03T11:00", direction="outbound", extension="102"))
    firm.put(call("2026-11-03T12:00", "ended", direction="outbound", extension="102"))
    firm.put(call("2026-11-03T12:00", "ended", direction="internal"))
    found = firm.report("calls", NOVEMBER)
    assert found.rows == (
        ("02.11", 4, 1, Decimal("0.25"), 12, 1, Decimal(1) / 3, 0, 0), ("03.11", 0, 0, None, None, 0, None, 2, 1),
    )  # fmt: skip
    assert pick(found.total(), "inbound", "missed", "late", "outbound") == (4, 1, 1, 2)
    assert firm.report("calls", NOVEMBER, employee="ivanova").total()["inbound"] == 3
    strict = Firm(store, reports={"answer_seconds": "4"})
    assert strict.report("calls", NOVEMBER).total()["late"] == 3


def test_a_call_at_23_59_on_the_31st_belongs_to_that_month(store: Store) -> None:
    firm = Firm(store)
    firm.put(Call(started=datetime(2026, 10, 31, 16, 59, tzinfo=UTC), state="connected"))
    firm.put(Call(started=datetime(2026, 10, 31, 17, 0, tzinfo=UTC), state="connected"))
    assert firm.report("calls", days("2026-10-01", "2026-10-31")).column("days") == ("31.10",)
    assert firm.report("calls", NOVEMBER).column("days") == ("01.11",)
    assert firm.report("calls", days("2026-06-01", "2026-11-30")).column("days") == ("с 26.10",)
    assert firm.report("calls", days("2024-06-01", "2026-11-30")).column("days") == ("окт 2026", "ноя 2026")


def test_missed_calls_that_nobody_returned_in_time_are_listed_s000_5_s001_7(store: Store) -> None:
    """A talk in either direction, with the number or with another number of the client, returns a call."""
    firm = Firm(store)
    firm.client("a")
    firm.put(call("2026-11-02T10:00", "missed"), call("2026-11-02T10:30", direction="outbound"), client="a")
    firm.put(call("2026-11-07T10:00", "missed"), client="a")  # a Saturday
    firm.put(call("2026-11-07T10:30", number="+73912000001"), client="a")
    firm.put(call("2026-11-09T10:00", "missed", number="+73912000002"))
    firm.put(call("2026-11-09T10:05", number="+73912000002", talk_seconds=20))  # too short for a talk
    firm.put(call("2026-11-11T10:00", number="+73912000002"))  # two days later
    firm.put(call("2026-11-12T10:00", "missed", number="", raw_number="anonymous"))
    firm.put(call("2026-11-22T09:00", "missed", number="+73912000003"))  # an hour ago: there is time left
    found = firm.report("missed", NOVEMBER)
    assert rows(found, "number", "client", "hours") == [
        ("+7 391 200-00-02", "неизвестный", 48), ("anonymous", "неизвестный", None)
    ]  # fmt: skip
    assert found.notes == (
        "Пропущено 5, перезвонили вовремя 2 (40\u00a0%).", "Ещё не перезвонили, но срок не вышел: 1.",
        "В среднем перезванивают через 30 мин.",
    )  # fmt: skip
    assert firm.report("missed", NOVEMBER, employee="ivanova").rows == ()


def test_sources_of_first_calls_s004_12(store: Store) -> None:
    """A number that called before does not count; a note of topic origin says what the card does not."""
    firm = Firm(store)
    firm.client("a", origin="сайт")
    firm.client("b")
    firm.client("c", origin="сайт")
    firm.put(call("2026-11-02T10:00", "missed"), call("2026-11-03T10:00"), client="a")
    firm.put(Contract(number="1"), client="a")
    firm.put(call("2026-11-04T10:00", number="+73912000004"), client="b")
    firm.put(Note(topic="origin", text="по совету", written=local("2026-11-04T10:05")), client="b")
    firm.put(call("2026-11-05T10:00", number="+73912000005"))
    firm.put(
        call("2026-10-05T10:00", number="+73912000006"), call("2026-11-05T10:00", number="+73912000006"), client="c"
    )
    found = firm.report("origins", NOVEMBER)
    third = Decimal(1) / 3
    assert found.rows == (
        ("по совету", 1, third, 0, 0), ("сайт", 1, third, 1, 1), ("не спросили", 1, third, 0, 0),
    )  # fmt: skip


def test_hung_tickets_stand_with_their_planned_day_s000_9_s001_9(store: Store) -> None:
    """Sunday 22 November: two working days back is the 19th, so what moved on the 18th hangs."""
    firm = Firm(store)
    firm.client("a")

    def ticket(key: str, day: str, **fields: Any) -> str:
        return firm.put(
            Ticket(number=key, subject=f"Тема {key}", last_activity=local(day), **fields), client="a", key=key
        )

    ticket("1", "2026-11-18T23:59", priority="important")
    ticket("2", "2026-11-19T00:00")
    ticket("3", "2026-11-02T10:00", priority="urgent", specialist="Орлов", state="postponed")
    ticket("4", "2026-11-02T10:00", state="solved")
    ticket("5", "2026-11-02T10:00", due=date(2026, 11, 20))
    ticket("6", "2026-11-02T10:00")
    firm.put(Comment(ticket=ref("ticket", "6"), written=local("2026-11-21T10:00")))
    firm.put(Promise(ticket=ref("ticket", "1"), given=local("2026-11-18T10:00"), until=local("2026-11-25T10:00")))
    firm.put(Promise(ticket=ref("ticket", "3"), given=local("2026-11-18T10:00"), until=local("2026-11-25T10:00")))
    for decided, planned in (("2026-11-18T10:00", date(2026, 11, 30)), ("2026-11-17T10:00", date(2026, 12, 30))):
        firm.put(Decision(ticket=ref("ticket", "3"), decision="plan", planned=planned, decided=local(decided)))
    found = firm.report("tickets")
    assert rows(found, "number", "priority", "specialist", "idle", "planned") == [
        ("3", "срочно", "Орлов", 20, date(2026, 11, 30)), ("1", "важно", "не назначен", 4, date(2026, 11, 25)),
        ("5", "обычно", "не назначен", 20, date(2026, 11, 20)),
    ]  # fmt: skip
    assert found.notes == ("Зависло обращений: 3, без плановой даты: 0.", "Плановая дата прошла: 1.")
    assert len(Firm(store, reports={"hung_days": "1"}).report("tickets").rows) == 4


def test_money_at_risk_is_fee_times_pressing_tickets_s001_3_s001_4(store: Store) -> None:
    firm = Firm(store)
    for key, fee in (("a", 250_000), ("b", 6_900), ("c", 50_000)):
        firm.client(key)
        firm.subscription(key, fee, "2026-01-01")

    def ticket(client: str, priority: str, **fields: Any) -> None:
        firm.put(
            Ticket(number="1", subject="т", priority=priority, created=local("2026-11-12T10:00"), **fields),
            client=client,
        )

    ticket("a", "urgent", reopens=1)
    ticket("a", "important", state="postponed")
    ticket("b", "important")
    ticket("c", "normal")
    ticket("c", "urgent", state="closed")
    found = firm.report("risk")
    assert found.rows == (
        ("Школа a", "Иванова М.", 250_000, 1, 1, 2, 10, 500_000),
        ("Школа b", "Иванова М.", 6_900, 0, 1, 0, 10, 6_900),
    )  # fmt: skip
    assert found.total()["fee"] == 256_900
    assert found.notes == ("Под угрозой 83,7\u00a0% месячной платы.",)
