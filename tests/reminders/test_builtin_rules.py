"""The rules that ship, as the seeds state them, and the texts people read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.model.values import Money
from hub.reminders.evaluate import evaluate
from hub.reminders.explain import card, script
from hub.reminders.world import Fact

DAY = date(2026, 12, 31)


@pytest.fixture
def signed(at):
    def make(moment, contract="k2", start=date(2027, 1, 1), end=date(2027, 12, 31), client="c1", **fields):
        return Fact(id="s1", type="contract.signed", time=at(moment), kind="contract", subject=contract, client=client,
            fields={"start": start, "end": end} | fields)  # fmt: skip

    return make


@pytest.fixture
def happened(at):
    def make(fact_id, event_type, moment, subject, client="c1", **fields):
        kind = event_type.partition(".")[0]
        return Fact(
            id=fact_id, type=event_type, time=at(moment), kind=kind, subject=subject, client=client, fields=fields
        )

    return make


def test_every_shipped_rule_names_its_seeds_and_can_be_closed(rules):
    for rule in rules:
        assert rule.seeds, rule.id
        assert rule.resolve or rule.over, rule.id
        assert rule.card or rule.trigger.kind in ("connection", "workday", "month", "campaign"), rule.id
        assert 1 <= len(rule.script) <= 4, rule.id


def test_missed_call_on_a_day_off_s000_5(world, call, find, at):
    due = find(
        world(call("e1", "2026-11-21T20:00"), call("e2", "2026-11-21T20:03")), "missed_call:c1", "2026-11-21T20:05"
    )
    assert due.title == "Перезвонить: КГКУ «Пример», +7 391 294-08-53"
    assert due.why == "Пропущен звонок 21.11 в 20:00, попыток: 2"
    assert (due.severity, due.assignee, due.due) == ("urgent", "m1", at("2026-11-21T20:15"))
    assert due.closes_when == "состоялся разговор с клиентом (от 20 секунд, входящий или исходящий)"


def test_short_talk_outbound_or_internal_call_is_no_answer_s001_7(world, call, find):
    missed = call("e1", "2026-11-22T10:00")
    short = call("e2", "2026-11-22T10:05", "connected", talk_seconds=19)
    tried = call("e3", "2026-11-22T10:06", direction="outbound")
    due = find(world(missed, short, tried), "missed_call:c1", "2026-11-22T10:10")
    assert (due.status, due.count, due.attempts) == ("open", 1, 1)
    assert (
        find(world(call("e4", "2026-11-22T10:00", direction="internal")), "missed_call:c1", "2026-11-22T10:10") is None
    )
    enough = call("e5", "2026-11-22T10:07", "connected", talk_seconds=20, direction="outbound")
    assert find(world(missed, short, tried, enough), "missed_call:c1", "2026-11-22T10:10").by == "e5"


def test_missed_call_of_a_closed_client_is_nobodys(world, call, find):
    clients = {"c1": {"status": "closed", "phones": ["+73912940853"]}}
    assert find(world(call("e1", "2026-11-22T10:00"), client=clients), "missed_call:c1", "2026-11-22T10:10") is None


def test_weekly_call_s000_10(world, call, find, at):
    clients = {"c1": {"name": "Школа", "status": "client", "last_connected_call": at("2026-11-13T15:00"),
                      "phones": ["+73912940853"]}}  # fmt: skip
    assert find(world(client=clients), "weekly:c1", "2026-11-20T14:59") is None
    due = find(world(client=clients), "weekly:c1", "2026-11-20T15:00")
    assert (due.due, due.title) == (at("2026-11-23T10:00"), "Еженедельный звонок: Школа")
    assert due.why == "Больше недели без разговора, последний: 13.11 в 15:00"
    short = call("e1", "2026-11-20T16:00", "connected", talk_seconds=59)
    assert find(world(short, client=clients), "weekly:c1", "2026-11-20T17:00").is_open
    talk = call("e2", "2026-11-20T16:30", "connected", talk_seconds=60, direction="outbound")
    due = find(world(short, talk, client=clients), "weekly:c1", "2026-11-20T17:00")
    assert (due.status, due.by) == ("resolved", "e2")
    again = find(world(short, talk, client=clients), "weekly:c1", "2026-11-27T16:30")
    assert (again.status, again.trigger_time) == ("open", at("2026-11-27T16:30"))
    never = find(world(client={"c1": {"name": "Школа", "status": "client"}}), "weekly:c1", "2026-11-20T17:00")
    assert never.why == "Больше недели без разговора, последний: не записан"


def test_who_has_bought_is_a_client_even_when_no_source_says_so_s003_1(world, find):
    bought = world(client={"c1": {}, "c2": {}}, invoice={"i1": {"client": "c1"}})
    assert find(bought, "weekly:c1", "2026-11-20T17:00").is_open
    assert find(bought, "weekly:c2", "2026-11-20T17:00") is None


def test_weekly_card_has_the_three_groups_debts_contract_and_talk_s001_10(world, rules, find, at):
    tickets = {
        "t1": {
            "client": "c1",
            "number": "11",
            "subject": "Не считается отпуск",
            "state": "new",
            "priority": "important",
        },
        "t2": {"client": "c1", "number": "12", "subject": "Отчёт", "state": "open", "specialist": "Иванов"},
        "t3": {
            "client": "c1",
            "number": "13",
            "subject": "Обмен",
            "state": "cancelled",
            "closed": at("2026-11-10T10:00"),
        },
        "t5": {
            "client": "c1",
            "number": "15",
            "subject": "Давно",
            "state": "cancelled",
            "closed": at("2026-05-10T10:00"),
        },
        "t4": {
            "client": "c1",
            "number": "14",
            "subject": "Старое",
            "state": "closed",
            "closed": at("2026-11-10T10:00"),
        },
    }
    invoice = {"i1": {"client": "c1", "number": "7", "total": Money(Decimal("48000.5")), "due": date(2026, 11, 30)}}
    contract = {"k1": {"client": "c1", "end": DAY, "fee": Money(Decimal(20000))}}
    clients = {"c1": {"name": "Школа", "last_connected_call": at("2026-11-13T15:00")}}
    whole = world(client=clients, ticket=tickets, invoice=invoice, contract=contract)
    rule = next(rule for rule in rules if rule.id == "weekly_call")
    facts = card(whole, rule, find(whole, "weekly:c1", "2026-11-20T16:00"), at("2026-11-20T16:00"))
    assert [(fact.title, [line.replace("\u00a0", " ") for line in fact.lines]) for fact in facts] == [
        ("Заявки не начаты", ["№ 11: важная, Не считается отпуск"]),
        ("Заявки не закончены", ["№ 12: Отчёт"]),
        ("Заявки отменены", ["№ 13: Обмен"]),
        ("Не оплачено", ["счёт № 7: 48 000,50 ₽, срок 30.11.2026"]),
        ("Договор", ["действует до 31.12.2026"]),
        ("Последний разговор", ["13.11.2026 в 15:00"]),
    ]


def test_urgent_ticket_stays_until_the_client_has_spoken_after_closing_s001_8(world, call, find, at):
    ticket = {"client": "c1", "priority": "urgent", "state": "open", "created": at("2026-11-23T10:00"), "number": "5",
              "subject": "Не открывается база"}  # fmt: skip
    talk = call("e1", "2026-11-23T10:20", "connected")
    due = find(world(talk, ticket={"t1": ticket}), "urgent:t1", "2026-11-23T10:31")
    assert (due.status, due.due, due.steps[-1].name) == ("open", at("2026-11-23T10:15"), "escalate:assigned:1")
    assert due.why == "Сейчас: назначить специалиста. Тема: Не открывается база; исполнитель: не назначен"
    solved = {"t1": ticket | {"state": "solved", "closed": at("2026-11-23T11:00")}}
    assert find(world(talk, ticket=solved), "urgent:t1", "2026-11-23T12:00").is_open
    after = call("e2", "2026-11-23T11:30", "connected", talk_seconds=20)
    due = find(world(talk, after, ticket=solved), "urgent:t1", "2026-11-23T12:00")
    assert (due.status, due.by) == ("resolved", "e2")
    again = {"t1": ticket | {"state": "open", "closed": at("2026-11-23T11:00")}}
    assert find(world(talk, after, ticket=again), "urgent:t1", "2026-11-23T12:00").is_open


def test_urgent_ticket_that_was_open_before_the_start_of_use_counts_from_it(world, find, at):
    old = {"client": "c1", "priority": "urgent", "created": at("2026-10-01T10:00")}
    due = find(world(ticket={"t1": old | {"state": "open"}}), "urgent:t1", "2026-11-02T10:00")
    assert due.trigger_time == at("2026-11-01T00:00")
    done = old | {"state": "closed", "closed": at("2026-10-30T10:00")}
    assert find(world(ticket={"t1": done}), "urgent:t1", "2026-11-02T10:00") is None


def test_a_ticket_without_a_client_goes_to_the_person_on_duty(world, find, at):
    ticket = {"t1": {"priority": "urgent", "state": "new", "created": at("2026-11-23T10:00"), "author": "Петрова"}}
    due = find(world(ticket=ticket), "urgent:t1", "2026-11-23T10:01")
    assert (due.assignee, due.title) == ("role:duty", "Срочная заявка № t1: Петрова")


def test_important_ticket_is_stuck_after_two_business_days_s000_9(world, find, at, happened):
    ticket = {"client": "c1", "priority": "important", "state": "open", "last_activity": at("2026-11-19T11:00")}
    assert find(world(ticket={"t1": ticket}), "stuck:t1", "2026-11-23T10:59") is None
    due = find(world(ticket={"t1": ticket}), "stuck:t1", "2026-11-23T11:00")
    assert (due.status, due.severity) == ("open", "important")
    moved = happened("j1", "ticket.commented", "2026-11-23T12:00", "t1")
    due = find(world(moved, ticket={"t1": ticket}), "stuck:t1", "2026-11-23T13:00")
    assert (due.status, due.by) == ("resolved", "j1")
    assert find(world(moved, ticket={"t1": ticket}), "stuck:t1", "2026-11-25T12:00").is_open
    assert find(world(ticket={"t1": ticket | {"priority": "normal"}}), "stuck:t1", "2026-11-25T12:00") is None


def test_a_cancelled_important_ticket_needs_the_clients_consent_s001_9(world, call, find, at):
    ticket = {"t1": {"client": "c1", "priority": "important", "state": "cancelled", "closed": at("2026-11-17T11:00"),
                     "last_activity": at("2026-11-17T11:00")}}  # fmt: skip
    assert find(world(ticket=ticket), "stuck:t1", "2026-11-20T11:00").is_open
    agreed = call("e1", "2026-11-20T12:00", "connected")
    assert find(world(agreed, ticket=ticket), "stuck:t1", "2026-11-20T13:00").by == "e1"
    before = call("e1", "2026-11-18T12:00", "connected")
    assert find(world(before, ticket=ticket), "stuck:t1", "2026-11-20T13:00") is None
    assert find(world(ticket=ticket), "stuck:t1", "2026-12-20T13:00") is None, "a month later it is history"


def test_renewal_is_one_reminder_raised_at_each_offset_s000_3(world, find, at):
    contract = {"k1": {"client": "c1", "number": "7", "end": DAY}}
    due = find(world(contract=contract), "renewal:k1", "2026-12-18T10:00")
    assert (due.count, due.trigger_time, due.due) == (3, at("2026-11-01T00:00"), at("2026-11-02T18:00"))
    assert [step.name for step in due.steps] == ["raise:1", "raise:2", "raise:3", "escalate:1"]
    assert due.title == "Продлить договор № 7: КГКУ «Пример»"
    ends_soon = {"k1": {"client": "c1", "end": date(2026, 11, 10)}}
    due = find(world(contract=ends_soon), "renewal:k1", "2026-11-02T10:00")
    assert [step.time for step in due.steps] == [at("2026-11-01T00:00")] * 2, (
        "what the hub could not know is not backdated"
    )
    lapsed = find(world(contract=contract), "renewal:k1", "2026-12-31T10:00")
    assert (lapsed.steps[-1].to, lapsed.steps[-1].time) == (("role:director",), at("2026-12-31T09:00"))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "resolved"),
        ({"contract": "k1", "start": date(2026, 1, 1), "end": DAY}, "open"),  # the old one itself
        ({"start": date(2027, 1, 2)}, "open"),  # a gap of a day
        ({"end": date(2026, 12, 1)}, "open"),  # ends before the old one
        ({"end": None}, "resolved"),
        ({"client": "c2"}, "open"),
        ({"type": "supply"}, "open"),
        ({"type": "subscription"}, "resolved"),
    ],
)
def test_renewal_closes_by_the_next_contract_only_s000_3(world, signed, find, change, status):
    contract = {"k1": {"client": "c1", "start": date(2026, 1, 1), "end": DAY, "type": "subscription"}}
    due = find(world(signed("2026-12-10T10:00", **change), contract=contract), "renewal:k1", "2026-12-10T11:00")
    assert due.status == status


def test_renewal_of_a_contract_without_a_type_closes_by_one_of_any_type(world, signed, find):
    contract = {"k1": {"client": "c1", "end": DAY}}
    due = find(world(signed("2026-12-10T10:00", type="supply"), contract=contract), "renewal:k1", "2026-12-10T11:00")
    assert due.status == "resolved"


def test_renewal_signed_early_or_seen_only_as_an_object_raises_nothing_or_closes(world, signed, find):
    old = {"client": "c1", "end": DAY}
    early = world(signed("2026-10-20T10:00"), contract={"k1": old})
    assert find(early, "renewal:k1", "2026-12-10T11:00") is None
    following = {"client": "c1", "start": date(2027, 1, 1), "end": date(2027, 12, 31)}
    due = find(world(contract={"k1": old, "k2": following}), "renewal:k1", "2026-12-10T11:00")
    assert (due.status, due.by) == ("resolved", "contract/k2")


def test_overdue_invoice_part_payment_lowers_the_sum_and_closes_nothing_s002_33(world, find, happened, at):
    invoice = {"client": "c1", "number": "15", "total": Money(Decimal(20000)), "due": date(2026, 11, 20)}
    assert find(world(invoice={"i1": invoice}), "debt:i1", "2026-11-22T23:59") is None
    due = find(world(invoice={"i1": invoice}), "debt:i1", "2026-11-23T00:00")
    assert due.why.replace("\u00a0", " ") == "Срок оплаты 20.11.2026, не оплачено 20 000 ₽"
    part = happened("p1", "invoice.paid", "2026-11-23T12:00", "i1", amount=Money(Decimal(5000)))
    due = find(world(part, invoice={"i1": invoice}), "debt:i1", "2026-11-30T12:00")
    assert (due.status, due.count, due.why.replace("\u00a0", " ")[-8:]) == ("open", 2, "15 000 ₽")
    rest = happened("p2", "invoice.paid", "2026-11-30T13:00", "i1", amount=Money(Decimal(15000)))
    assert find(world(part, rest, invoice={"i1": invoice}), "debt:i1", "2026-11-30T14:00") is None
    linked = {"p3": {"client": "c1", "invoice": "i1", "total": Money(Decimal(20000))}}
    assert find(world(invoice={"i1": invoice}, payment=linked), "debt:i1", "2026-11-30T14:00") is None
    late = find(world(invoice={"i1": invoice}), "debt:i1", "2026-12-11T10:00")
    assert (late.steps[-1].name, late.steps[-1].time) == ("escalate:1", at("2026-12-11T09:00"))


def test_a_talk_is_no_poll_s003_25(world, call, find, at, happened):
    clients = {"c1": {"status": "client", "last_poll": at("2026-11-02T10:00"), "phones": ["+73912940853"]}}
    talk = call("e1", "2026-11-16T11:00", "connected")
    assert find(world(talk, client=clients), "poll:c1", "2026-11-16T12:00").is_open
    answer = happened("q1", "survey.answered", "2026-11-16T11:30", "q1", score=9)
    assert find(world(talk, answer, client=clients), "poll:c1", "2026-11-16T12:00").by == "q1"
    assert find(world(client={"c1": {"status": "client"}}), "poll:c1", "2026-12-16T12:00") is None


def test_a_closed_client_cancels_what_was_open_for_him(world, find):
    whole = world(client={"c1": {"status": "closed"}}, contract={"k1": {"client": "c1", "end": DAY}})
    due = find(whole, "renewal:k1", "2026-11-10T10:00")
    assert (due.status, due.ended_text) == ("cancelled", "Больше не нужно: client.status eq closed")


def test_no_answer_for_two_weeks_expires_and_a_new_call_begins_anew(world, call, find):
    missed = call("e1", "2026-11-02T10:00")
    assert find(world(missed), "missed_call:c1", "2026-11-16T10:00").status == "expired"
    again = find(world(missed, call("e2", "2026-11-17T10:00")), "missed_call:c1", "2026-11-17T10:01")
    assert (again.status, again.trigger, again.count) == ("open", "e2", 1)


def test_texts_do_not_change_with_the_hour(world, call, rules, at):
    """A text that named the time of evaluation would be written anew at each run."""
    whole = world(call("e1", "2026-11-22T10:00"), contract={"k1": {"client": "c1", "end": DAY}})
    earlier, later = (evaluate(whole, rules, at(f"2026-11-22T{hour}:30")).open for hour in (10, 11))
    assert [(due.key, due.title, due.why, due.due) for due in earlier] == [
        (due.key, due.title, due.why, due.due) for due in later
    ]


def test_scripts_are_filled_in(world, rules, find, at):
    contract = {"k1": {"client": "c1", "end": DAY}}
    whole, now = world(contract=contract), at("2026-11-10T10:00")
    rule = next(rule for rule in rules if rule.id == "contract_renewal")
    lines = script(whole, rule, find(whole, "renewal:k1", "2026-11-10T10:00"), now)
    assert lines[0].replace("\u00a0", " ") == "Ваш договор действует до 31 декабря 2026. Продлеваем на следующий год?"
