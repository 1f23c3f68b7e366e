"""The fourteen engine rules of the reminders, each by its number."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model.entities import ContactPoint
from hub.reminders.dues import Deed, notices, today_order
from hub.reminders.evaluate import evaluate, scene_of, why_gone
from hub.reminders.explain import explain
from hub.reminders.timing import propose_call
from hub.reminders.world import Fact

KEY = "missed_call:c1"


@pytest.fixture
def deed(at):
    def make(kind, moment, key=KEY, rule="missed_call", **fields):
        fields |= {name: at(fields[name]) for name in ("until",) if name in fields}
        return Deed(rule=rule, key=key, kind=kind, at=at(moment), by="m1", **fields)

    return make


def test_01_same_facts_give_the_same_reminders_and_downtime_is_merged(world, call, rules, at):
    facts = [call(f"e{day}", f"2026-11-{day:02}T19:00") for day in range(2, 9)]
    quiet = world(*facts)
    assert evaluate(quiet, rules, at("2026-11-09T09:00")) == evaluate(quiet, rules, at("2026-11-09T09:00"))
    due = evaluate(quiet, rules, at("2026-11-09T09:00")).last(KEY)
    assert (due.count, due.trigger, due.trigger_time) == (7, "e2", at("2026-11-02T19:00"))
    assert [step.name for step in due.steps if step.name.startswith("raise")] == [f"raise:{i}" for i in range(1, 6)]
    assert sorted(person for person, _ in notices(due, sent=())) == ["m1", "role:deputy", "role:head"]


def test_01_thirty_days_of_downtime_end_like_thirty_daily_runs(world, call, rules, at):
    """F-27: state is carried from day to day only in what was sent, never in what is open."""
    facts = [
        call(f"e{day}", f"2026-11-{day:02}T19:00", "connected" if day % 5 == 0 else "missed") for day in range(2, 29)
    ]
    whole, sent = world(*facts), set()
    for day in range(2, 31):
        found = evaluate(whole, rules, at(f"2026-11-{day:02}T23:00"))
        for due in found.open:
            sent |= {(due.key, person, step.name, due.trigger_time) for person, step in notices(due, ())}
    after = evaluate(whole, rules, at("2026-12-02T09:00"))
    assert after == evaluate(world(*facts), rules, at("2026-12-02T09:00"))
    assert [due.trigger for due in after.open if due.key == KEY] == ["e26"]
    first = {(due.key, due.trigger_time) for due in after.reminders if due.rule == "missed_call"}
    assert {(key, moment) for key, _, _, moment in sent if key == KEY} == first


def test_02_order_of_arrival_does_not_matter(world, call, rules, at, find):
    facts = [
        call("e1", "2026-11-22T10:00"), call("e2", "2026-11-22T10:05"), call("e3", "2026-11-22T10:20", "connected"),
        call("e4", "2026-11-22T11:00"), call("e5", "2026-11-22T11:00", number="+79990000000"),
        call("e6", "2026-11-22T12:00", "connected", number="+79990000000", talk_seconds=5),
    ]  # fmt: skip
    wanted = evaluate(world(*facts), rules, at("2026-11-22T13:00"))
    assert {due.key for due in wanted.open if due.severity != "info"} == {KEY, "missed_call:+79990000000"}
    for seed in range(20):
        random.Random(seed).shuffle(facts)
        assert evaluate(world(*facts), rules, at("2026-11-22T13:00")) == wanted
    early = world(call("e3", "2026-11-22T10:20", "connected"), call("e1", "2026-11-22T10:00"))
    assert find(early, KEY, "2026-11-22T10:30").status == "resolved"


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["missed", "connected"]),
        st.integers(0, 200),
        st.sampled_from(["+73912940853", "+79131234567", "+79990000000", "anonymous"]),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS, st.randoms())
def test_02_any_order_of_any_calls_gives_the_same(world, call, rules, at, rows, dice):
    facts = [
        call(f"e{i}", f"2026-11-22T{10 + minute // 60}:{minute % 60:02}", kind, number=number)
        for i, (kind, minute, number) in enumerate(rows)
    ]
    wanted = evaluate(world(*facts), rules, at("2026-11-22T14:00"))
    dice.shuffle(facts)
    assert evaluate(world(*facts), rules, at("2026-11-22T14:00")) == wanted


def test_03_one_open_reminder_per_rule_and_key(world, call, rule, rules, at):
    found = evaluate(world(*[call(f"e{i}", f"2026-11-22T1{i}:00") for i in range(9)]), rules, at("2026-11-23T09:00"))
    keys = [(due.rule, due.key) for due in found.open]
    assert len(keys) == len(set(keys))
    vague = rule("{id: debtor, title: Долг, why: Долг, trigger: {scan: invoice}, key: 'debtor:{client.id}'}")
    twice = world(invoice={"i1": {"client": "c1"}, "i2": {"client": "c1"}})
    assert [(due.key, due.count) for due in evaluate(twice, [vague], at("2026-11-23T09:00")).open] == [("debtor:c1", 2)]


def test_04_due_follows_the_field_and_a_persons_own_date_wins(world, find, at, deed):
    contract = {"client": "c1", "end": at("2026-12-31T12:00").date()}
    due = find(world(contract={"k1": contract}), "renewal:k1", "2026-11-10T09:00")
    assert due.trigger_time == at("2026-11-01T00:00")
    moved = world(contract={"k1": contract | {"end": at("2027-06-30T12:00").date()}})
    assert find(moved, "renewal:k1", "2026-11-10T09:00") is None
    own = deed("due", "2026-11-10T08:00", "renewal:k1", "contract_renewal", until="2026-11-25T12:00")
    due = find(world(contract={"k1": contract}), "renewal:k1", "2026-11-10T09:00", [own])
    assert (due.due, due.due_is_own) == (at("2026-11-25T12:00"), True)


def test_05_a_notification_is_asked_for_again_before_it_is_sent(world, call, rules, at, deed):
    missed, talk = call("e1", "2026-11-22T10:00"), call("e2", "2026-11-22T10:40", "connected")

    def wants(facts, moment, step, deeds=()):
        found = evaluate(world(*facts), rules, at(moment), deeds)
        return any(due.wants("missed_call", KEY, at("2026-11-22T10:00"), step) for due in found.reminders)

    assert wants([missed], "2026-11-22T10:31", "escalate:1")
    assert not wants([missed, talk], "2026-11-22T10:41", "escalate:1")
    acked = [deed("ack", "2026-11-22T10:10")]
    assert not wants([missed], "2026-11-22T10:31", "escalate:1", acked)
    assert wants([missed], "2026-11-22T12:01", "escalate:2", acked)


def test_05_nobody_is_told_twice_of_the_same_step(world, call, find):
    due = find(world(call("e1", "2026-11-22T10:00")), KEY, "2026-11-22T10:31")
    assert [(who, step.name) for who, step in notices(due, ())] == [("m1", "raise:1"), ("role:deputy", "escalate:1")]
    assert notices(due, {("m1", "raise:1"), ("role:deputy", "escalate:1")}) == []


def test_05_after_downtime_the_steps_that_were_missed_are_not_told_one_by_one(world, call, find):
    due = find(world(*[call(f"e{i}", f"2026-11-22T10:0{i}") for i in range(3)]), KEY, "2026-11-22T10:20")
    assert [(who, step.name) for who, step in notices(due, ())] == [("m1", "raise:3")]
    assert notices(due, {("m1", "raise:3")}) == [], "the earlier steps came with it"
    assert [step.name for _, step in notices(due, {("m1", "raise:2")})] == ["raise:3"]


def test_06_closed_says_by_what_and_by_whom(world, call, find, deed):
    missed, talk = call("e1", "2026-11-22T10:00"), call("e2", "2026-11-22T10:40", "connected")
    by_fact = find(world(missed, talk), KEY, "2026-11-22T11:00")
    assert (by_fact.status, by_fact.by, by_fact.ended_at) == ("resolved", "e2", talk.time)
    assert by_fact.ended_text.endswith(", 22.11 в 10:40")
    done = deed("done", "2026-11-22T10:30", result="wrong_rule", reason="звонил курьер")
    by_hand = find(world(missed, talk), KEY, "2026-11-22T11:00", [done])
    assert (by_hand.by, by_hand.ended_text) == ("m1", "Правило сработало зря: звонил курьер")


def test_06_closed_by_hand_stays_closed_until_a_new_trigger(world, call, find, deed):
    done = deed("done", "2026-11-22T10:30", result="done")
    missed, again = call("e1", "2026-11-22T10:00"), call("e2", "2026-11-22T11:00")
    assert find(world(missed), KEY, "2026-11-29T11:00", [done]).status == "resolved"
    reopened = find(world(missed, again), KEY, "2026-11-22T11:30", [done])
    assert (reopened.status, reopened.trigger, reopened.count) == ("open", "e2", 1)


def test_06_weekly_call_closed_by_hand_comes_back_in_a_week(world, find, deed, at):
    client = {"c1": {"status": "client", "last_connected_call": at("2026-11-02T10:00")}}
    done = deed("done", "2026-11-10T12:00", "weekly:c1", "weekly_call", result="not_needed")
    assert find(world(client=client), "weekly:c1", "2026-11-10T11:00").is_open
    assert find(world(client=client), "weekly:c1", "2026-11-17T11:00", [done]).by == "m1"
    again = find(world(client=client), "weekly:c1", "2026-11-17T12:30", [done])
    assert (again.status, again.trigger_time) == ("open", at("2026-11-17T12:00"))


def test_06_renewal_done_by_hand_comes_back_at_the_next_offset_unless_not_needed(world, find, deed, at):
    contract = {"k1": {"client": "c1", "end": at("2026-12-31T12:00").date()}}
    for result, status in (("done", "open"), ("not_needed", "resolved")):
        done = deed("done", "2026-11-10T12:00", "renewal:k1", "contract_renewal", result=result)
        due = find(world(contract=contract), "renewal:k1", "2026-12-02T09:00", [done])
        assert due.status == status
        assert find(world(contract=contract), "renewal:k1", "2026-11-20T09:00", [done]).status == "resolved"


def test_07_snooze_is_limited_and_does_not_move_escalation(world, call, find, deed, at):
    missed = world(call("e1", "2026-11-22T10:00"))
    long = deed("snooze", "2026-11-22T10:05", until="2026-11-23T10:00")
    due = find(missed, KEY, "2026-11-22T10:35", [long])
    assert due.snoozed_until == at("2026-11-22T10:30"), "urgent: not past the next step up"
    assert [step.name for step in due.steps] == ["raise:1", "escalate:1"]
    late = deed("snooze", "2026-11-22T12:30", until="2026-11-23T10:00")
    assert find(missed, KEY, "2026-11-22T12:31", [late]).snoozed_until == at("2026-11-22T14:30"), "max: 2h"
    three = [deed("snooze", f"2026-11-22T13:{i}0", until=f"2026-11-22T13:{i}5") for i in range(3)]
    assert find(missed, KEY, "2026-11-22T13:31", three).snoozed_until == at("2026-11-22T13:15"), "times: 2"


def test_08_one_step_goes_to_several_at_once(world, find, at):
    ticket = {"t1": {"client": "c1", "priority": "urgent", "state": "open", "created": at("2026-11-23T10:00")}}
    people = {"b1": {"role": "head"}, "d1": {"role": "director"}, "m1": {"role": "manager", "head": "b1"}}
    due = find(world(ticket=ticket, employee=people), "urgent:t1", "2026-11-23T12:01")
    assert (due.steps[-1].name, due.steps[-1].to) == ("escalate:assigned:2", ("b1", "d1"))


def test_09_absent_people_are_substituted_before_the_first_notification(world, call, find, at):
    people = {"m1": {"role": "manager", "head": "b1"}, "m2": {"role": "manager"}, "b1": {"role": "head"}}
    day = at("2026-11-22T12:00").date()
    leave = {"a1": {"employee": "m1", "start": day, "end": day, "substitute": "m2"}}
    missed = call("e1", "2026-11-22T10:00")
    due = find(world(missed, employee=people, absence=leave), KEY, "2026-11-22T10:01")
    assert (due.assignee, due.assigned_by, due.steps[0].to) == ("m2", "substitute of m1", ("m2",))
    assert find(world(missed, employee=people, absence=leave), KEY, "2026-11-23T10:01").assignee == "m1"
    away = people | {"m2": {"role": "manager", "is_absent": True, "head": "b1"}}
    assert find(world(missed, employee=away, absence=leave), KEY, "2026-11-22T10:01").assignee == "b1"
    nobody = {name: fields | {"is_absent": True} for name, fields in away.items()}
    assert find(world(missed, employee=nobody), KEY, "2026-11-22T10:01").assignee == "role:duty"


def test_09_a_manager_who_left_is_nobody_and_an_empty_role_goes_to_the_next(world, call, find):
    people = {"b1": {"role": "head"}, "d1": {"role": "duty"}}
    due = find(world(call("e1", "2026-11-22T10:00"), employee=people), KEY, "2026-11-22T10:31")
    assert (due.assignee, due.steps[-1].name, due.steps[-1].to) == ("d1", "escalate:1", ("b1",))


def test_10_today_is_ordered_by_severity_then_overdue_then_fee(world, call, rules, at, deed):
    clients = {
        name: {"status": "client", "monthly_fee": fee, "phones": [f"+7391200000{name[1]}"],
               "last_connected_call": at("2026-11-10T10:00")}
        for name, fee in (("c1", 100), ("c2", 900), ("c3", 500))
    }  # fmt: skip
    clients["c3"]["last_connected_call"] = at("2026-11-06T10:00")
    contract = {"k1": {"client": "c1", "end": at("2026-12-31T12:00").date()}}
    whole = world(call("e1", "2026-11-23T11:00", number="+73912000003"), client=clients, contract=contract)
    now = at("2026-11-23T11:30")
    order = today_order(evaluate(whole, rules, now).open, now)
    listed = [due.key for due in order if due.severity != "info"]
    assert listed == ["missed_call:c3", "renewal:k1", "weekly:c3", "weekly:c2", "weekly:c1"]
    put_off = deed("snooze", "2026-11-23T11:20", "weekly:c2", "weekly_call", until="2026-11-23T15:00")
    listed = [due.key for due in today_order(evaluate(whole, rules, now, [put_off]).open, now)]
    assert "weekly:c2" not in listed


def test_11_an_unknown_caller_goes_to_the_person_on_duty(world, call, find):
    missed = call("e1", "2026-11-22T10:00", number="+79990000000")
    due = find(world(missed), "missed_call:+79990000000", "2026-11-22T10:01")
    assert (due.client, due.assignee) == (None, "role:duty")
    assert due.title == "Перезвонить: неизвестный клиент, +7 999 000-00-00"
    staffed = world(missed, employee={"d1": {"role": "duty"}})
    assert find(staffed, "missed_call:+79990000000", "2026-11-22T10:01").assignee == "d1"


def test_11_a_number_of_two_clients_belongs_to_neither_and_names_both(world, call, find):
    clients = {
        "c1": {"name": "Школа", "phones": ["8 (391) 294-08-53"]},
        "c2": {"name": "Сад", "phones": ["+73912940853"]},
    }
    due = find(world(call("e1", "2026-11-22T10:00"), client=clients), "missed_call:+73912940853", "2026-11-22T10:01")
    assert (due.client, due.title) == (None, "Перезвонить: Школа, Сад, +7 391 294-08-53")


def test_12_the_proposed_call_keeps_quiet_hours_of_the_client(world, call, rules, at, find):
    clients = {"c1": {"phones": ["+73912940853"], "zone": "Asia/Vladivostok", "status": "client",
                      "last_connected_call": at("2026-11-15T23:30")}}  # fmt: skip
    night = world(call("e1", "2026-11-22T23:00"), client=clients)
    due = find(night, KEY, "2026-11-22T23:10")
    assert due.call_at == due.due == at("2026-11-22T23:15"), "the client called himself a moment ago"
    rule = next(rule for rule in rules if rule.id == "missed_call")
    scene = scene_of(night, rule, due, at("2026-11-22T23:10"))
    assert propose_call(scene, at("2026-11-23T01:30")) == at("2026-11-23T05:00"), "08:00 in Владивосток"
    assert propose_call(scene, at("2026-11-23T17:59")) == at("2026-11-23T17:59")
    assert propose_call(scene, at("2026-11-23T18:00")) == at("2026-11-24T05:00"), "21:00 in Владивосток"


def test_13_every_threshold_is_a_setting_of_the_rule(world, call, rule, at):
    own = rule("""
      id: missed_call
      title: Перезвонить
      why: Пропущен звонок
      trigger: {event: call.missed}
      key: "missed_call:{client.id}"
      due: {after: 5m, calendar: always}
      resolve:
        - {event: call.connected, match: {same: [number]}, where: [{field: call.talk_seconds, gt: 90}], words: разговор}
    """)
    talk = call("e2", "2026-11-22T10:10", "connected", talk_seconds=60)
    due = evaluate(world(call("e1", "2026-11-22T10:00"), talk), [own], at("2026-11-22T10:20")).last(KEY)
    assert (due.status, due.due) == ("open", at("2026-11-22T10:05"))


def test_14_why_prints_trigger_conditions_values_and_what_would_close(world, call, rules, find, at):
    now = at("2026-11-22T10:40")
    whole = world(call("e1", "2026-11-22T10:00"))
    rule = next(rule for rule in rules if rule.id == "missed_call")
    why = explain(whole, rule, find(whole, KEY, "2026-11-22T10:40"), now)
    assert (why.trigger, why.seeds) == ("call.missed e1", ("S000-5", "S001-7"))
    assert why.place.endswith("missed_call.yaml:2")
    tested = why.conditions[-1]
    assert (tested.condition, tested.values, tested.holds) == (
        "client.status ne closed", {"client.status": "client"}, True,
    )  # fmt: skip
    assert "разговор" in why.closes[0]
    assert [(step.time, step.reached) for step in why.escalation] == [
        (at("2026-11-22T10:30"), True),
        (at("2026-11-22T12:00"), False),
    ]


def test_a_reminder_that_is_gone_says_which_condition_failed(world, rules, at):
    rule = next(rule for rule in rules if rule.id == "invoice_overdue")
    paid = world(invoice={"i1": {"client": "c1", "total": 100, "paid": 100}})
    now = at("2026-11-22T10:00")
    assert why_gone(paid, rule, "invoice", "i1", now) == ("resolved", "Счёт оплачен полностью или отменён")
    assert why_gone(paid, rule, "invoice", "i2", now) == ("cancelled", "Предмет напоминания удалён в источнике")
    renewal = next(rule for rule in rules if rule.id == "contract_renewal")
    closed = world(contract={"k1": {"client": "c1", "is_closed": True}})
    assert why_gone(closed, renewal, "contract", "k1", now)[1].endswith("contract.is_closed ne true")


def test_nothing_older_than_the_start_of_use_is_raised(world, call, find, at):
    old = call("e1", "2026-10-31T23:59")
    assert find(world(old), KEY, "2026-11-01T10:00") is None
    assert find(world(old, enforce_from="2026-10-31T00:00"), KEY, "2026-11-01T10:00").is_open
    debts = {"i1": {"client": "c1", "total": 100, "due": at("2024-05-01T12:00").date()}}
    assert find(world(invoice=debts), "debt:i1", "2026-11-20T10:00") is None
    ends = {"k1": {"client": "c1", "end": at("2026-11-02T12:00").date()}}
    due = find(world(contract=ends), "renewal:k1", "2026-11-01T10:00")
    assert due.trigger_time == at("2026-11-01T00:00"), "a contract that ends after the start of use is never missed"
    silent = {"c1": {"status": "client"}}
    assert find(world(client=silent), "weekly:c1", "2026-11-02T10:00").trigger_time == at("2026-11-01T00:00")


def test_deeds_of_the_future_do_not_count_yet(world, call, find, deed):
    done = deed("done", "2026-11-22T10:30", result="done")
    assert find(world(call("e1", "2026-11-22T10:00")), KEY, "2026-11-22T10:29", [done]).is_open


def test_conditions_of_an_event_speak_of_then_and_texts_of_now(world, rule, at):
    own = rule("""{id: hot, title: "{ticket.priority}", why: П, key: "hot:{ticket.id}",
        trigger: {event: ticket.created}, where: [{field: ticket.priority, eq: urgent}]}""")
    then = {"priority": "urgent"}
    created = Fact(
        id="f1", type="ticket.created", time=at("2026-11-22T10:00"), kind="ticket", subject="t1", fields=then
    )
    whole, now = world(created, ticket={"t1": {"priority": "normal"}}), at("2026-11-22T11:00")
    due = evaluate(whole, [own], now).last("hot:t1")
    assert due.title == "normal"
    assert explain(whole, own, due, now).conditions[0].values == {"ticket.priority": "urgent"}


def test_due_times_keep_the_calendar_and_the_clients_morning(world, call, rule, at):
    text = """{id: m, title: Т, why: П, trigger: {event: call.missed}, key: "m:{call.id}", due: {%s}}"""
    whole = world(call("e1", "2026-11-21T22:00"))
    for spec, due in (
        ("after: 15m, calendar: office", "2026-11-23T09:00"),
        ("after: 15m, calendar: extended", "2026-11-22T08:00"),
        ("after: 3h, calendar: always", "2026-11-22T01:00"),
        ("after: 3h, calendar: always, not_before: client_morning", "2026-11-22T08:00"),
        ("after: 1h, calendar: always, not_before: client_morning", "2026-11-21T23:00"),
        ("after: 4bh", "2026-11-23T13:00"),
        ('after: 1d, time: "15:00"', "2026-11-23T15:00"),
        ("at: next_business_day", "2026-11-23T09:00"),
    ):
        found = evaluate(whole, [rule(text % spec)], at("2026-11-21T22:01"))
        assert found.open[0].due == at(due), spec


def test_a_field_nobody_says_is_older_than_anything(world, rule, at):
    own = rule("""{id: m, title: Т, why: П, trigger: {scan: client}, key: "m:{client.id}",
        where: [{any: [{field: client.last_poll, older: 7d}]}]}""")
    assert evaluate(world(client={"c1": {}}), [own], at("2026-11-22T10:00")).last("m:c1").is_open
    newer = {"c1": {"last_poll": at("2026-11-20T10:00")}}
    assert evaluate(world(client=newer), [own], at("2026-11-22T10:00")).last("m:c1") is None


def test_calls_of_a_contact_are_those_of_his_client(world, call, find):
    points = (ContactPoint("phone", "+73912000012"), ContactPoint("email", "buh@example.ru"))
    whole = world(
        call("e1", "2026-11-22T10:00", number="8 391 200-00-12"), contact={"p1": {"client": "c1", "points": points}}
    )
    assert find(whole, KEY, "2026-11-22T10:01").client == "c1"


def test_facts_of_the_future_do_not_count_yet(world, call, find):
    facts = (call("e1", "2026-11-22T10:00"), call("e2", "2026-11-22T10:30", "connected"))
    assert find(world(*facts), KEY, "2026-11-22T10:29").is_open
    assert find(world(*facts), KEY, "2026-11-22T10:30").status == "resolved"


@pytest.mark.parametrize(
    ("on_repeat", "expected"),
    [
        ("ignore", [("m:c1", 1, "10:00")]),
        ("count", [("m:c1", 3, "10:00")]),
        ("restart", [("m:c1", 1, "10:20")]),
        ("parallel", [("m:c1#e0", 1, "10:00"), ("m:c1#e1", 1, "10:10"), ("m:c1#e2", 1, "10:20")]),
    ],
)
def test_on_repeat(world, call, rule, at, on_repeat, expected):
    own = rule(
        f"{{id: m, title: Т, why: П, trigger: {{event: call.missed}}, key: 'm:{{client.id}}', on_repeat: {on_repeat}}}"
    )
    facts = [call(f"e{i}", f"2026-11-22T10:{i}0") for i in range(3)]
    found = evaluate(world(*facts), [own], at("2026-11-22T11:00")).open
    assert [(due.key, due.count, due.trigger_time) for due in found] == [
        (key, count, at(f"2026-11-22T{moment}")) for key, count, moment in expected
    ]


def test_an_event_may_have_to_stand_for_a_while(world, call, rule, at):
    """S004-10: a call that rings longer than 15 seconds."""
    own = rule("""
      {id: ringing, title: Т, why: П, trigger: {event: call.ringing, for: 15s}, key: "ring:{call.id}",
       expire: {after: 2m},
       resolve: [{event: [call.connected, call.ended], match: {same: [number]}, words: взяли трубку}]}
    """)
    ringing = call("e1", "2026-11-22T10:00:00", "ringing")

    def seen(second, *facts):
        return evaluate(world(ringing, *facts), [own], at("2026-11-22T10:00:00") + timedelta(seconds=second)).last(
            "ring:e1"
        )

    assert seen(14) is None
    assert seen(16).is_open
    assert seen(16, call("e2", "2026-11-22T10:00:10", "connected")) is None
    assert seen(40, call("e2", "2026-11-22T10:00:30", "connected")).status == "resolved"
    assert seen(121).status == "expired"


def test_a_yearly_date_comes_back_every_year(world, rule, at):
    own = rule("""{id: greeting, title: "{contact.name}", why: Поздравить, key: "greet:{contact.id}:{year}",
        trigger: {date: contact.birthday, yearly: true, offsets: [-1bd]}, expire: {after: 2d}}""")
    people = {"p1": {"name": "Анна", "client": "c1", "birthday": at("1980-02-29T12:00").date()}}
    whole = world(contact=people, enforce_from="2026-01-01T00:00")
    for year, day in (("2027", "2027-02-26"), ("2028", "2028-02-28")):
        due = evaluate(whole, [own], at(f"{day}T10:00")).last(f"greet:p1:{year}")
        assert (due.status, due.title) == ("open", "Анна")
