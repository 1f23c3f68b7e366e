"""All shipped rules at once: the order of facts, how often one looks, and downtime change nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.model.parts import EVERYTHING
from hub.model.values import Money
from hub.reminders.dues import Deed
from hub.reminders.evaluate import evaluate
from hub.reminders.explain import card, explain, script
from hub.reminders.world import Fact

TYPES = (
    "call.missed", "call.connected", "call.ended", "ticket.assigned", "ticket.status", "ticket.reopened",
    "ticket.closed", "ticket.commented", "message.sent", "message.received", "message.bounced", "contract.signed",
    "survey.answered", "invoice.paid", "call.ringing", "complaint.filed", "complaint.confirmed", "complaint.withdrawn",
    "note.written", "decision.made", "shipment.failed", "shipment.delivered", "offer.sent", "offer.refused",
    "referral.moved", "referral.ticket_solved", "project.refused", "offer.accepted", "offer.made", "meeting.held",
    "questionnaire.answered",
)  # fmt: skip
TOPICS = ("call", "recommendation", "commercial", "support", "management", "wish", "papers", "origin")
FACTS = st.lists(
    st.tuples(st.sampled_from(TYPES), st.integers(0, 21 * 24 * 4), st.sampled_from(["c1", "c2"]), st.integers(0, 90)),
    max_size=25,
)
DEEDS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 21 * 24 * 4)), max_size=4)
BOUNCES = (
    {"address": "a@x.example", "status": "5.1.1", "is_permanent": True},
    {"address": "a@x.example", "status": "5.2.2"}, {"address": "a@x.example", "status": "4.4.7"},
)  # fmt: skip
KINDS = ("ack", "snooze", "done", "due")
LOOKS = st.lists(st.integers(0, 30 * 24), min_size=1, max_size=4)


def facts_of(rows, begin):
    found = []
    for number, (type_, quarter, client, figure) in enumerate(rows):
        kind = type_.partition(".")[0]
        things = {"ticket": f"t{figure % 3}", "contract": "k9", "invoice": "i1", "project": "o2", "referral": "r1",
                  "offer": f"f{figure % 2}", "shipment": f"x{figure % 2}", "complaint": f"q{figure % 3}"}  # fmt: skip
        fields = {
            "call": {"number": f"+7391294085{client[1]}", "direction": "inbound", "talk_seconds": figure},
            "contract": {"start": date(2027, 1, 1), "end": date(2027, 12, 31)},
            "survey": {"score": figure % 11, "verdict": ("", "satisfied", "dissatisfied")[figure % 3]},
            "note": {"topic": TOPICS[figure % 8], "about": "x1", "result": ("received", "wrong", "right")[figure % 3]},
            "meeting": {"has_decider": figure % 2 == 0},
            "decision": {
                "ticket": f"t{figure % 3}",
                "decision": ("keep", "plan", "overtime")[figure % 3],
                "reason": "так решили",
            },
            "complaint": {"department": "support"},
            "referral": {"free_tickets": figure % 4},
            "invoice": {"amount": Money(Decimal(figure))},
            "message": {"bounces": [BOUNCES[figure % 3]]},
        }.get(kind, {})
        found.append(Fact(id=f"e{number}", type=type_, time=begin + timedelta(minutes=15 * quarter), kind=kind,
                          subject=things.get(kind, f"{kind}{number}"), client=client, fields=fields))  # fmt: skip
    return found


def objects(at):
    def ticket(place, state, priority):
        return {"client": "c1" if place % 2 else "c2", "number": str(place), "state": state, "priority": priority,
                "created": at("2026-11-03T10:00"), "due": date(2026, 11, 9), "specialist": "Иванов" if place else "",
                "closed": at("2026-11-12T10:00") if state == "closed" else None}  # fmt: skip

    phones = {"c1": ["+73912940851"], "c2": ["+73912940852"]}
    return {
        "client": {each: {"name": each, "status": "client", "manager": "m1", "phones": phones[each],
                          "last_poll": at("2026-10-25T10:00")} for each in phones},
        "ticket": {"t0": ticket(0, "new", "urgent"), "t1": ticket(1, "open", "important"),
                   "t2": ticket(2, "closed", "urgent"), "t3": ticket(3, "new", "urgent"),
                   "t4": ticket(4, "closed", "important")},
        "contract": {"k1": {"client": "c1", "end": date(2026, 12, 31)},
                     "k2": {"client": "c1", "date": date(2026, 11, 4), "is_signed": False}},
        "invoice": {"i1": {"client": "c2", "total": Money(Decimal(500)), "due": date(2026, 11, 5)}},
        "payment": {f"p{day}": {"client": "c1", "date": date(2026, 11, day), "total": Money(Decimal(5))}
                    for day in (5, 6)},
        "contact": {"p1": {"client": "c1", "name": "Петрова", "birthday": date(1980, 11, 16)}},
        "employee": {"m1": {"role": "manager", "head": "h1"}, "h1": {"role": "head"}},
        "occasion": {"v1": {"type": "holiday", "title": "Праздник", "date": date(2000, 11, 12), "is_yearly": True},
                     "v2": {"type": "event", "title": "Семинар", "date": date(2026, 11, 20), "is_yearly": False},
                     "v3": {"type": "reporting", "title": "Отчётность", "date": date(2000, 11, 20)}},
        "campaign": {"g1": {"title": "Новости", "published": date(2026, 11, 5)}},
        "task": {"j1": {"title": "Принять папку", "given": at("2026-11-04T10:00"), "employee": "m1", "by": "h1"}},
        "workday": {"d1": {"employee": "m1", "day": date(2026, 11, 5), "on_probation": True, "plan": "звонки"}},
        "month": {"n1": {"employee": "m1", "end": date(2026, 10, 31)}, "n2": {"employee": "m1", "end":
                  date(2026, 11, 30)}},
        "meeting": {"g1": {"client": "c2"}, "g2": {"client": "c2"}, "g3": {"client": "c2"}},
        "handover": {"h1": {"client": "c1", "offer": "f1", "date": date(2026, 11, 4), "lines": [{"title": "Кабель"}]}},
        "promise": {"w1": {"client": "c1", "ticket": "t3", "given": at("2026-11-03T11:00"),
                           "until": at("2026-11-03T15:00")}},
        "survey": {"survey5": {"client": "c1", "score": 9, "answered": at("2026-11-04T10:00")}},
        "complaint": {"q1": {"client": "c1", "department": "support", "corrected": at("2026-11-10T10:00")}},
        "referral": {"r1": {"client": "c2", "stage": "free_ticket", "free_tickets": 3, "next_contact":
                            date(2026, 11, 9), "created": at("2026-11-03T10:00")},
                     "r2": {"client": "c2", "stage": "contact", "created": at("2026-11-03T10:00")}},
        "checklist": {"l1": {"client": "c1", "created": at("2026-11-06T10:00"),
                             "items": [{"number": 1, "title": "Позвонить", "ticks": ["call.connected"]}]}},
        "shipment": {"x1": {"client": "c1", "state": "ordered", "planned": date(2026, 11, 9)}},
        "project": {"o1": {"client": "c1", "name": "Дом", "state": "work", "start": date(2026, 11, 10),
                           "end": date(2026, 11, 12), "next_call": date(2026, 11, 9)},
                    "o2": {"client": "c2", "name": "Офис", "state": "prospect"}},
        "offer": {"f0": {"client": "c1", "number": "1", "state": "refused"},
                  "f1": {"client": "c2", "number": "2", "state": "sent", "next_call": date(2026, 11, 9)}},
        "connection": {"desk": {"name": "desk", "expected": at("2026-11-10T10:00")}},
    }  # fmt: skip


KEYS = (("urgent_ticket", "urgent:t0"), ("weekly_call", "weekly:c1"), ("missed_call", "missed_call:c1"),
        ("contract_renewal", "renewal:k1"), ("connection_silent", "silent:desk"))  # fmt: skip


def deeds_of(rows, begin):
    moments = [begin + timedelta(minutes=15 * quarter) for _, quarter in rows]
    return [
        Deed(rule=KEYS[which % 5][0], key=KEYS[which % 5][1], kind=KINDS[which % 4], at=moment, by="m1", result="done",
             until=moment + timedelta(hours=3))
        for (which, _), moment in zip(rows, moments, strict=True)
    ]  # fmt: skip


relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@relaxed
@given(FACTS, DEEDS, LOOKS, st.randoms(use_true_random=False))
def test_any_order_any_split_and_any_downtime_give_the_same(world, rules, at, rows, done, looks, dice):
    """A-09, F-27."""
    begin = at("2026-11-02T00:00")
    facts, deeds = facts_of(rows, begin), deeds_of(done, begin)
    moments = sorted(begin + timedelta(hours=look) for look in looks)
    asked_often = world(*facts, **objects(at))
    seen = [evaluate(asked_often, rules, moment, deeds) for moment in moments]
    last = seen[-1].reminders
    assert evaluate(asked_often, rules, moments[-1], deeds).reminders == last, "a second look changes nothing"

    things = {kind: dict(sorted(rows.items(), key=lambda _: dice.random())) for kind, rows in objects(at).items()}
    dice.shuffle(facts)
    dice.shuffle(deeds)
    assert evaluate(world(*facts, **things), rules, moments[-1], deeds).reminders == last, (
        "order and downtime change nothing"
    )
    for moment, found in zip(moments, seen, strict=True):
        known = [fact for fact in facts if fact.time <= moment]
        done_by_then = [deed for deed in deeds if deed.at <= moment]
        again = evaluate(world(*known, **things), rules, moment, done_by_then)
        assert again.reminders == found.reminders, "the future has no say"


@relaxed
@given(FACTS, DEEDS, LOOKS)
def test_what_is_said_of_a_part_holds_until_it_wakes(world, rules, at, rows, done, looks):
    """What spares the daemon to look at every client each minute: nothing changes before the moment it kept.

    What happens to a thing belongs to the client of the thing, as it does in the store.
    """
    begin, things = at("2026-11-02T00:00"), objects(at)
    owner = {(kind, key): row.get("client") for kind, known in things.items() for key, row in known.items()}
    facts = [
        replace(fact, client=owner.get((fact.kind, fact.subject)) or fact.client) for fact in facts_of(rows, begin)
    ]
    whole = world(*facts, **things)
    moments = sorted(begin + timedelta(hours=look) for look in looks)
    deeds = [deed for deed in deeds_of(done, begin) if deed.at <= moments[0]]
    seen = [evaluate(whole, rules, moment, deeds) for moment in moments]
    for place, early in enumerate(seen):
        for late in seen[place:]:
            asleep = {part for part in PARTS if late.now < wakes(early, part)}
            assert of_parts(early, asleep) == of_parts(late, asleep)
    for moment in {wake for each in seen for wake in each.wakes.values()}:  # and the very instant before it
        early, late = (
            evaluate(whole, rules, when, deeds) for when in (seen[0].now, moment - timedelta(microseconds=1))
        )
        asleep = {part for part in PARTS if wakes(early, part) >= moment}
        assert late.now < early.now or of_parts(early, asleep) == of_parts(late, asleep)


PARTS = ("c1", "c2", "connection/desk")


def wakes(found, part):
    """Return until when nothing changes: neither of this part nor, such as a holiday, of everybody."""
    return min(found.wakes.get(each, datetime.max.replace(tzinfo=UTC)) for each in (part, EVERYTHING))


def of_parts(found, parts):
    return [due for due in found.reminders if due.part in parts]


@relaxed
@given(FACTS, st.integers(0, 30 * 24))
def test_one_open_reminder_of_a_key_and_every_one_can_be_read(world, rules, at, rows, look):
    begin = at("2026-11-02T00:00")
    whole, now = world(*facts_of(rows, begin), **objects(at)), begin + timedelta(hours=look)
    found = evaluate(whole, rules, now)
    by_id = {rule.id: rule for rule in rules}
    keys = [(due.rule, due.key) for due in found.open]
    assert len(keys) == len(set(keys))
    for due in found.open:
        assert due.title
        assert due.why
        assert due.assignee
        assert due.steps, "somebody hears of it"
        assert due.closes_when
        rule = by_id[due.rule]
        assert explain(whole, rule, due, now).closes
        assert all("{" not in line and "—" not in line for line in script(whole, rule, due, now)), "nothing left blank"
        assert card(whole, rule, due, now) or due.client is None, "what to know before the call"


def test_the_facts_of_this_file_raise_most_of_the_rules(world, rules, at):
    """Otherwise the properties above would say nothing."""
    rows = [("ticket.reopened", 10, "c1", 1), ("call.missed", 10, "c1", 0),
            *(("message.bounced", 10, "c1", trouble) for trouble in (0, 1, 2)),
            ("survey.answered", 300, "c1", 5), ("survey.answered", 210, "c1", 9),
            ("complaint.filed", 10, "c1", 1), ("shipment.failed", 10, "c1", 1), ("offer.sent", 10, "c1", 1),
            ("referral.ticket_solved", 10, "c2", 3), ("project.started", 10, "c2", 0),
            ("survey.answered", 320, "c2", 7),
            ("offer.accepted", 10, "c1", 0), ("offer.refused", 10, "c2", 0), ("meeting.held", 10, "c2", 1),
            *(("note.written", 12, "c1", topic) for topic in (2, 3, 4, 5)), ("note.written", 12, "c1", 46)]  # fmt: skip
    seen = set()
    for hour in range(0, 30 * 24, 6):
        moment = at("2026-11-02T00:00") + timedelta(hours=hour)
        seen |= {
            due.rule
            for due in evaluate(world(*facts_of(rows, at("2026-11-02T00:00")), **objects(at)), rules, moment).open
        }
    assert {rule.id for rule in rules} - seen == {
        "client_at_risk_by_count", "ask_recommendation", "ringing_too_long", "origin_missing", "growth_negative",
        "prepayment_awaited", "documents_not_returned",
    }  # fmt: skip


@settings(relaxed, max_examples=25)
@given(FACTS, st.lists(st.tuples(st.integers(0, 21 * 24 * 4), st.sampled_from(["c1", "c2"])), min_size=1, max_size=9))
def test_letters_of_machines_open_and_close_nothing(world, rules, at, rows, letters):
    """B-13: bounces are told apart from them and do open one."""
    begin = at("2026-11-02T00:00")
    machines = [
        Fact(id=f"m{number}", type="message.received", time=begin + timedelta(minutes=15 * quarter), kind="message",
             subject=f"machine{number}", client=client, fields={"is_automatic": True, "subject": "Срочно! Автоответ"})
        for number, (quarter, client) in enumerate(letters)
    ]  # fmt: skip
    facts, now = facts_of(rows, begin), at("2026-11-20T12:00")
    without = evaluate(world(*facts, **objects(at)), rules, now)
    assert evaluate(world(*facts, *machines, **objects(at)), rules, now).reminders == without.reminders
