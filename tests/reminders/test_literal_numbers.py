"""Numbers of the demands, to the second and to the rouble, and demands that no single rule answers."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from hub.model.values import Money
from hub.reminders.evaluate import evaluate
from hub.reminders.explain import card, script
from hub.reminders.world import Fact

MANAGER = {"m1": {"role": "manager", "head": "h1", "name": "Иванова"}, "h1": {"role": "head", "name": "Петров"}}


@pytest.fixture
def said(at):
    def make(fact_id, event_type, moment, client="c1", **fields):
        kind = event_type.partition(".")[0]
        return Fact(
            id=fact_id, type=event_type, time=at(moment), kind=kind, subject=fact_id, client=client, fields=fields
        )

    return make


def test_a_call_at_10_00_00_has_its_reaction_at_10_01_00_s003_4(world, find, at, said):
    note = said("n1", "note.written", "2026-11-23T10:00:00", topic="commercial")
    due = find(world(note, employee={"v1": {"role": "sales"}}), "sales:n1", "2026-11-23T10:00:01")
    assert (due.due, due.assignee, due.severity) == (at("2026-11-23T10:01:00"), "v1", "urgent")


def test_after_a_poll_on_2026_03_02_the_next_is_on_2026_03_16_s003_25(world, find, at):
    clients = {"c1": {"name": "Школа", "manager": "m1", "status": "client", "last_poll": at("2026-03-02T10:00")}}
    whole = world(client=clients, enforce_from="2026-01-01T00:00")
    assert find(whole, "poll:c1", "2026-03-16T09:59:59") is None
    due = find(whole, "poll:c1", "2026-03-16T10:00:00")
    assert (due.status, due.trigger_time) == ("open", at("2026-03-16T10:00"))


def test_a_call_that_rings_15_seconds_is_to_be_intercepted_s004_10(world, find, said):
    ring = said("r1", "call.ringing", "2026-11-23T10:00:00", number="+73912940853", direction="inbound")
    assert find(world(ring), "ring:r1", "2026-11-23T10:00:14") is None
    assert find(world(ring), "ring:r1", "2026-11-23T10:00:15").is_open


def test_the_words_for_taking_a_call_stand_in_the_alert_s003_3_s004_11(world, rules, find, at, said):
    whole = world(said("r1", "call.ringing", "2026-11-23T10:00:00", number="+73912940853", direction="inbound"))
    now = "2026-11-23T10:00:16"
    rule = next(rule for rule in rules if rule.id == "ringing_too_long")
    words = " ".join(script(whole, rule, find(whole, "ring:r1", now), at(now)))
    for part in ("дважды нажмите *", "Здравствуйте, меня зовут", "Чем я могу вам помочь?", "Обращайтесь к нам ещё!"):
        assert part in words


@pytest.mark.parametrize(
    ("score", "open_keys"),
    [(10, {"reference:c1"}), (9, {"reference:c1"}), (8, {"passive:c1"}), (7, {"passive:c1"}), (6, {"critic:s1"}),
     (0, {"critic:s1"})],
)  # fmt: skip
def test_promoters_passives_and_critics_are_parted_at_9_7_and_6_s002_21(world, rules, at, said, score, open_keys):
    answer = said("s1", "survey.answered", "2026-11-23T10:00", score=score)
    survey = {"s1": {"client": "c1", "score": score, "answered": at("2026-11-23T10:00")}}
    found = evaluate(world(answer, survey=survey), rules, at("2026-11-23T10:01")).open
    assert {due.key for due in found if due.key.partition(":")[0] in ("reference", "passive", "critic")} == open_keys


def test_a_growth_of_minus_5_000_is_an_alarm_s001_19(world, find):
    fees = {"k1": (date(2026, 1, 1), date(2026, 11, 10), 20000), "k2": (date(2026, 11, 11), None, 15000)}
    contract = {key: {"client": "c1", "start": start, "end": end, "fee": Money(Decimal(fee))}
                for key, (start, end, fee) in fees.items()}  # fmt: skip
    month = {"n1": {"employee": "m1", "end": date(2026, 11, 30)}}
    staff = MANAGER | {"d1": {"role": "director"}}
    due = find(world(contract=contract, month=month, employee=staff), "growth:n1", "2026-12-01T09:00")
    assert due.assignee == "d1"
    assert "−5 000 ₽" in due.why.replace("\u00a0", " ")


def test_what_nobody_acts_on_goes_up_to_the_head_of_the_manager_s000_23(world, call, find, at):
    missed = call("e1", "2026-11-23T10:00")
    before = find(world(missed, employee=MANAGER), "missed_call:c1", "2026-11-23T10:29")
    assert {person for step in before.steps for person in step.to} == {"m1"}
    after = find(world(missed, employee=MANAGER), "missed_call:c1", "2026-11-23T12:00")
    assert after.steps[-1].to == ("h1",)
    assert after.steps[-1].time == at("2026-11-23T12:00")


def test_a_client_far_away_is_called_in_his_own_morning_s001_1(world, find, at):
    """A weekly call is due at ten o'clock of the client; the office is in Красноярск (S001-20)."""
    zones = {"c1": "Asia/Vladivostok", "c2": "Europe/Moscow", "c3": ""}
    clients = {key: {"name": key, "manager": "m1", "status": "client", "zone": zone,
                     "last_connected_call": at("2026-11-16T09:00")} for key, zone in zones.items()}  # fmt: skip
    hours = {key: find(world(client=clients), f"weekly:{key}", "2026-11-23T12:00").due for key in zones}
    assert hours["c3"] == at("2026-11-24T10:00")
    assert hours["c1"] == hours["c3"] - timedelta(hours=3)
    assert hours["c2"] == hours["c3"] + timedelta(hours=4)


def test_debts_and_fee_of_a_client_stand_on_the_card_before_the_call_s002_30(world, rules, find, at):
    invoice = {"i1": {"client": "c1", "number": "7", "total": Money(Decimal(900)), "due": date(2026, 11, 20)}}
    whole, now = world(invoice=invoice), "2026-11-29T12:00"
    rule = next(rule for rule in rules if rule.id == "weekly_call")
    shown = {fact.title: fact.lines for fact in card(whole, rule, find(whole, "weekly:c1", now), at(now))}
    assert shown["Не оплачено"] == ("счёт №\u00a07: 900\u00a0₽, срок 20.11.2026",)
