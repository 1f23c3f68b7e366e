"""Debts, invoices, sales, buyers, the funnel, employees, objects, noisy rules, reckoned by hand on both databases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from small_firm import Firm, days, local, pick, ref, rows, rub

from hub.model.entities import Act, Call, Invoice, Line, Payment
from hub.model.entries import (
    Campaign,
    Diary,
    Handover,
    HandoverLine,
    Meeting,
    Note,
    Offer,
    OfferLine,
    Project,
    Referral,
)
from hub.model.values import Money
from hub.store.database import Store
from hub.store.tables import action, reminder

NOVEMBER = days("2026-11-01", "2026-11-30")


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_debts_by_client_with_their_age_s002_33_s002_30(store: Store) -> None:
    """Part payments lower a debt; a payment that names no invoice settles the one it means, as in the reminders."""
    firm = Firm(store)
    for key in ("a", "b", "c"):
        firm.client(key)

    def invoice(client: str, number: str, total: str, due: str, **fields: Any) -> str:
        bill = Invoice(number=number, date=day("2026-09-01"), due=day(due), total=rub(total), **fields)
        return firm.put(bill, client=client, key=number)

    invoice("a", "1", "1000.10", "2026-10-01", paid=rub("100.05"))
    invoice("a", "2", "500", "2026-11-15")
    invoice("b", "3", "300", "2026-12-01")
    invoice("b", "4", "700", "2026-11-01", is_posted=False)
    invoice("b", "5", "700", "2026-11-01", paid=rub(700))
    invoice("c", "6", "2700", "2026-11-01")
    firm.put(Payment(number="p", date=day("2026-11-02"), total=rub(200), invoice=ref("invoice", "2")), client="a")
    firm.put(Payment(number="q", date=day("2026-11-02"), total=rub(2700), purpose="Оплата по счету № 6"), client="c")
    firm.put(Invoice(number="7", total=Money(Decimal(9), "USD")), client="c")
    found = firm.report("debts")
    assert found.rows == (
        ("Школа a", "Иванова М.", 2, Decimal("1200.05"), Decimal("1200.05"), Decimal("900.05"), 52),
        ("Школа b", "Иванова М.", 1, Decimal(300), 0, 0, 0),
    )
    assert pick(found.total(), "invoices", "left") == (3, Decimal("1500.05"))
    assert firm.report("debts", employee="sidorov").rows == ()


def test_invoices_and_payments_by_month_with_vat_s002_35(store: Store) -> None:
    """Sums are those of the documents, VAT inside; hundredths do not get lost: 0.1 + 0.2 is 0.3."""
    firm = Firm(store)
    firm.client("a")
    line = Line(title="Сопровождение", price=rub(100), total=rub("122"), vat_rate=22)
    firm.put(Invoice(number="1", date=day("2026-10-31"), total=rub(122), paid=rub("61"), lines=(line,)), client="a")
    firm.put(Invoice(number="2", date=day("2026-11-01"), total=rub("0.10")), client="a")
    firm.put(Invoice(number="3", date=day("2026-11-30"), total=rub("0.20"), paid=rub("0.30")), client="a")
    firm.put(Payment(number="4", date=day("2026-11-30"), total=rub("999999999999.99")), client="a")
    firm.put(Payment(number="5", date=day("2026-11-30"), total=rub("0.01")), client="a")
    found = firm.report("invoices", days("2026-10-01", "2026-11-30"))
    assert rows(found, "month", "count", "total", "paid", "paid_share") == [
        ("окт 2026", 1, 122, 61, Decimal("0.5")), ("ноя 2026", 2, Decimal("0.30"), Decimal("0.30"), 1)
    ]  # fmt: skip
    assert firm.report("payments", NOVEMBER).rows == (("ноя 2026", 2, 1, Decimal("1000000000000.00")),)


def test_what_is_paid_of_the_invoices_is_what_the_debts_say_s002_35(store: Store) -> None:
    """Accounting need not match a payment with its invoice: one that names it, or means it exactly, pays it."""
    firm = Firm(store)
    firm.client("a")
    for number, month in (("1", "10"), ("2", "11"), ("3", "11")):
        firm.put(Invoice(number=number, date=day(f"2026-{month}-02"), due=day("2026-11-12"), total=rub(100)),
                 client="a", key=number)  # fmt: skip
    firm.put(Payment(number="p", date=day("2026-11-02"), total=rub(100), purpose="Оплата по счету № 1"), client="a")
    firm.put(Payment(number="q", date=day("2026-11-03"), total=rub(40), invoice=ref("invoice", "3")), client="a")
    found = firm.report("invoices", days("2026-10-01", "2026-11-30"))
    assert rows(found, "month", "total", "paid") == [("окт 2026", 100, 100), ("ноя 2026", 200, 40)]
    assert pick(firm.report("debts").total(), "left") == (160,)


def test_a_payment_that_bank_and_accounting_tell_counts_once(store: Store) -> None:
    """Two equal payments of one day are two where one source tells both; the most believed source tells them."""
    firm = Firm(store)
    firm.client("a")
    twice = [Payment(number=it, date=day("2026-11-05"), total=rub("100.00"), purpose=it) for it in ("00БП-1", "00БП-2")]
    firm.put(*twice, client="a", source="accounting")
    firm.put(
        *(Payment(number=it, date=day("2026-11-05"), total=rub(100)) for it in ("1", "2")), client="a", source="bank"
    )
    firm.put(Payment(number="3", date=day("2026-11-06"), total=rub(7)), client="a", source="bank")
    assert pick(firm.report("payments", NOVEMBER).total(), "count", "total") == (3, 207)
    assert firm.report("sales", NOVEMBER).column("fact") == (207,)
    assert firm.report("pareto", NOVEMBER).column("revenue") == (207,)
    assert firm.report("customers", NOVEMBER).column("purchases") == (3,)


def test_sales_against_the_plan_s002_44_s002_30(store: Store) -> None:
    firm = Firm(store, reports={"sales_plan": {"ivanova": "1000", "novikova": "500"}})
    firm.client("a")
    firm.client("z", manager="102")
    for client, total in (("a", 1500), ("z", 70)):
        firm.put(Payment(number="1", date=day("2026-11-05"), total=rub(total)), client=client)
    firm.put(Act(number="1", date=day("2026-11-05"), total=rub(5)), client="a")
    found = firm.report("sales", days("2026-11-01", "2026-12-31"))
    assert found.rows == (
        ("Иванова М.", 2000, 1500, Decimal("0.75"), 500), ("Сидоров О.", None, 70, None, None),
        ("Новикова А.", 1000, 0, 0, 1000),
    )  # fmt: skip
    assert found.total()["done"] == Decimal("0.5")
    assert Firm(store, reports={"revenue": "acts"}).report("sales", NOVEMBER).column("fact") == (5,)


def test_a_fifth_of_the_clients_brings_four_fifths_s002_15(store: Store) -> None:
    firm = Firm(store)
    for key, total in (("a", 800), ("b", 100), ("c", 60), ("d", 30), ("e", 10)):
        firm.client(key)
        firm.put(Payment(number="1", date=day("2026-11-05"), total=rub(total)), client=key)
    found = firm.report("pareto", NOVEMBER)
    assert rows(found, "client", "revenue", "running", "class") == [
        ("Школа a", 800, Decimal("0.8"), "A"), ("Школа b", 100, Decimal("0.9"), "B"),
        ("Школа c", 60, Decimal("0.96"), "B"), ("Школа d", 30, Decimal("0.99"), "C"), ("Школа e", 10, 1, "C"),
    ]  # fmt: skip
    assert found.notes == ("20\u00a0% клиентов (1 из 5) дают 80\u00a0% выручки.",)


def test_new_and_regular_clients_and_how_often_they_buy_s002_27_s002_17(store: Store) -> None:
    firm = Firm(store)
    for key, bought in (("a", ("2025-03-01", "2026-10-05", "2026-11-05")), ("b", ("2026-10-07", "2026-11-30")),
                        ("c", ("2026-11-01",))):  # fmt: skip
        firm.client(key)
        for it in bought:
            firm.put(Payment(number=it, date=day(it), total=rub(1)), client=key)
    found = firm.report("customers", days("2026-10-01", "2026-11-30"))
    assert rows(found, "month", "buyers", "new", "kept", "second", "purchases", "frequency") == [
        ("окт 2026", 2, 1, 1, 1, 2, 1), ("ноя 2026", 3, 1, 0, 1, 3, 1)
    ]  # fmt: skip
    assert found.total()["conversion"] == Decimal("0.5")


def test_cost_of_winning_and_of_keeping_clients_s002_28_s002_35(store: Store) -> None:
    firm = Firm(store, reports={"attraction": {"2026-11": "30000"}, "retention": {"2026-11": "1000"}})
    for key, bought in (("a", ("2026-10-05", "2026-11-05", "2026-11-06")), ("b", ("2026-11-30",))):
        firm.client(key)
        for it in bought:
            firm.put(Payment(number=it, date=day(it), total=rub(1)), client=key)
    firm.put(Campaign(title="Акция", date=day("2026-11-10"), sent=local("2026-11-10T10:00")))
    found = firm.report("attraction", NOVEMBER)
    assert found.rows == (("ноя 2026", 30_000, 1, 30_000, 1_000, 1, 2, 500),)
    past = firm.report("campaigns", NOVEMBER)
    assert rows(past, "date", "title", "state") == [(day("2026-11-10"), "Акция", "разослано")]


def test_one_contract_of_ten_prospects_is_ten_percent_s002_43_s000_17(store: Store) -> None:
    firm = Firm(store)
    firm.client("a")
    stages = ["won", "offer", "free_ticket", "need_wait", *["contact"] * 4, "lost", "lost"]
    for stage in stages:
        firm.put(Referral(stage=stage, created=local("2026-11-02T10:00"), employee="ivanova", free_tickets=1,
                          referrer=ref("client", "a") if stage == "won" else None))  # fmt: skip
    firm.put(Referral(stage="won", created=local("2026-12-01T00:00")))
    found = firm.report("funnel", NOVEMBER)
    assert rows(found, "reached", "share", "recommended") == [
        (10, 1, 1), (4, Decimal("0.4"), 1), (3, Decimal("0.3"), 1), (2, Decimal("0.2"), 1), (1, Decimal("0.1"), 1)
    ]  # fmt: skip
    assert found.notes[:2] == ("Договоров 1 из 10: 10\u00a0%, норма 10\u00a0%, норма выполнена.", "Отказались: 2.")
    strict = Firm(store, reports={"funnel_norm": "0.11"}).report("funnel", NOVEMBER)
    assert "ниже нормы" in strict.notes[0]


def test_prospects_are_listed_by_their_next_contact_s001_14_s002_36(store: Store) -> None:
    firm = Firm(store)
    for key, next_contact in (("a", None), ("b", "2026-11-25"), ("c", "2026-11-20")):
        firm.client(key)
        firm.put(Referral(stage="need_wait", competitor="Другие", free_tickets=2, created=local("2026-11-02T10:00"),
                          next_contact=day(next_contact) if next_contact else None), client=key)  # fmt: skip
    found = firm.report("prospects")
    assert rows(found, "client", "free", "competitor") == [
        ("Школа a", 2, "Другие"), ("Школа c", 2, "Другие"), ("Школа b", 2, "Другие")
    ]  # fmt: skip
    assert found.notes == ("Без даты следующего контакта: 1.", "Дата контакта прошла: 1.")


def test_activity_against_the_norm_of_meetings_s002_39_s002_41_s002_42(store: Store) -> None:
    """November 2026 has 20 working days: one meeting a day is the norm of 20."""
    firm = Firm(store)
    for _ in range(5):
        firm.put(Meeting(held=local("2026-11-10T10:00"), employee="ivanova", has_decider=False))
    firm.put(Meeting(held=local("2026-11-10T10:00"), employee="ivanova"))
    firm.put(Call(started=local("2026-11-10T10:00"), extension="101", talk_seconds=60, state="connected"))
    firm.put(Call(started=local("2026-11-10T10:00"), extension="101", talk_seconds=5, state="connected"))
    firm.put(Call(started=local("2026-11-10T10:00"), extension="999", talk_seconds=60, state="connected"))
    firm.put(Note(topic="recommendation", written=local("2026-11-17T10:00"), employee="ivanova"))
    firm.put(Referral(referrer=ref("client", "a"), created=local("2026-11-17T10:00"), employee="ivanova"))
    found = firm.report("activity", NOVEMBER)
    assert found.rows == (("Иванова М.", 1, 6, 5, 0, 0, 1, 1, Decimal("0.3")),)
    assert found.notes == ("Рабочих дней: 20. Норма встреч в день: 1.",)
    goods = Firm(store, reports={"meetings_norm": "20"}).report("activity", NOVEMBER)
    assert goods.column("done") == (Decimal("0.015"),)


def test_a_newcomer_is_followed_week_by_week_s002_45(store: Store) -> None:
    firm = Firm(store)
    for moment in ("2026-11-10T10:00", "2026-11-11T10:00", "2026-11-23T10:00"):
        firm.put(Meeting(held=local(moment), employee="novikova"))
        firm.put(Offer(sent=local(moment), employee="novikova"))
    firm.put(Meeting(held=local("2026-11-11T10:00"), employee="ivanova"))
    found = firm.report("activity", NOVEMBER, employee="novikova")
    assert rows(found, "week", "meetings", "offers", "done") == [
        (day("2026-11-09"), 2, 2, Decimal("0.4")), (day("2026-11-23"), 1, 1, Decimal("0.2"))
    ]  # fmt: skip
    assert found.title == "Работа сотрудника: Новикова А."


def test_hours_that_nobody_described_s004_8_s004_9(store: Store) -> None:
    """Two working days of eight hours; overlapping stretches cover an hour once."""
    firm = Firm(store)
    for begun, ended, place in (
        ("09:00", "13:00", "office"),
        ("10:00", "11:00", "client"),
        ("12:00", "15:00", "client"),
        ("16:00", "19:00", "office"),
    ):
        firm.put(
            Diary(
                begun=local(f"2026-11-19T{begun}"), ended=local(f"2026-11-19T{ended}"), place=place, employee="ivanova"
            )
        )
    found = firm.report("diary", days("2026-11-19", "2026-11-20"))
    assert found.rows == (("Иванова М.", 2, 1, 7, 4, 0, 9),)
    noon = firm.report("diary", days("2026-11-19", "2026-11-20"), now=local("2026-11-20T11:00"))
    assert noon.column("missing") == (3,)


def test_objects_in_work_with_dates_and_payments_s002_35_s004_5_s004_21(store: Store) -> None:
    firm = Firm(store)
    firm.client("a")
    project = Project(name="Дом", state="work", start=day("2026-10-01"), end=day("2026-11-20"),
                      contract=ref("contract", "k"), employee="ivanova")  # fmt: skip
    firm.put(project, client="a", key="h")
    firm.put(Project(name="Старый", state="closed", start=day("2026-01-01"), closed=day("2026-10-31")), client="a")
    firm.put(Project(name="Потом", state="prospect", start=day("2026-11-01")), client="a")
    firm.put(Offer(project=ref("project", "h"), state="contract", total=rub("1000.50")))
    firm.put(Offer(project=ref("project", "h"), state="refused", total=rub(7)))
    for total in ("300", "0.25"):
        firm.put(
            Payment(number=total, date=day("2026-10-05"), contract=ref("contract", "k"), total=rub(total)), client="a"
        )
    found = firm.report("projects", NOVEMBER)
    assert found.rows == (
        ("Дом", "Школа a", "в работе", day("2026-10-01"), day("2026-11-20"), Decimal("1000.50"),
         Decimal("300.25")),
    )  # fmt: skip
    assert found.notes == ("Срок сдачи наступил, а объект не закрыт: 1.",)


def test_shipped_goods_are_compared_with_the_offer_s004_6_s004_23(store: Store) -> None:
    firm = Firm(store)
    firm.put(Project(name="Дом"), key="h")
    offered = (OfferLine(title="Камера", quantity="4"), OfferLine(title="Монтаж", is_work=True),
               OfferLine(title="Кабель", quantity="10,5", unit="м"))  # fmt: skip
    firm.put(Offer(project=ref("project", "h"), lines=offered))
    firm.put(Offer(project=ref("project", "h"), state="refused", lines=(OfferLine(title="Сервер"),)))
    for shipped_on, lines in (
        ("2026-10-30", (HandoverLine(title="Камера", quantity="3"),)),
        ("2026-11-10", (HandoverLine(title="Камера", quantity="2"), HandoverLine(title="Камера", is_warranty=True),
                        HandoverLine(title="Замок"))),
    ):  # fmt: skip
        firm.put(Handover(project=ref("project", "h"), date=day(shipped_on), lines=lines))
    found = firm.report("shipped", NOVEMBER)
    assert rows(found, "title", "offered", "shipped", "difference", "warranty", "remark") == [
        ("Замок", 0, 1, 1, 0, "вне КП"), ("Кабель", Decimal("10.5"), 0, Decimal("-10.5"), 0, "не отгружено"),
        ("Камера", 4, 5, 1, 1, "лишнее"),
    ]  # fmt: skip


def test_rules_that_people_call_wrong_come_first(store: Store) -> None:
    firm = Firm(store)
    with store.write() as connection:
        for number in range(10):
            connection.execute(reminder.insert().values(
                rule="missed_call" if number % 2 else "weekly_call", key=str(number), instance="1", assignee="ivanova",
                severity="normal", state="open" if number < 2 else "resolved", title="", why="", count=1, closed_by="",
                detail="{}", triggered_at=local("2026-11-10T10:00"), opened_at=local("2026-11-10T10:00"),
            ))  # fmt: skip
        inside, outside = local("2026-11-30T23:59"), local("2026-12-01T00:00")
        for rule, kind, result, at in (
            ("weekly_call", "done", "wrong_rule", inside), ("weekly_call", "done", "not_needed", inside),
            ("weekly_call", "snooze", "", inside), ("missed_call", "done", "done", inside),
            ("missed_call", "done", "wrong_rule", outside),
        ):  # fmt: skip
            data = msgspec.json.encode({"result": result}).decode()
            deed = {"rule": rule, "key": "1", "instance": "1", "kind": kind, "by": "ivanova", "at": at, "data": data}
            connection.execute(action.insert().values(deed))
    found = firm.report("rules", NOVEMBER)
    assert found.rows == (
        ("weekly_call", 5, 1, 4, 1, 1, 1, Decimal("0.4")), ("missed_call", 5, 1, 4, 0, 0, 0, 0),
    )  # fmt: skip
    assert found.notes == ("Стоит уточнить правила: weekly_call.",)
