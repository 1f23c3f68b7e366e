"""Rule files: what is read, what is refused and with which words, and how the firm's own rules override."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.errors import SettingsError
from hub.passes import is_local
from hub.reminders.evaluate import evaluate
from hub.reminders.rules import BUILTIN, load_rules, read_rules
from hub.reminders.texts import money, parse_template, phone, plural
from hub.yaml_text import load

GOOD = """\
id: own
title: "Позвонить: {client.name}"
why: "Давно не звонили"
trigger: {scan: client}
where:
  - {field: client.status, eq: client}
key: "own:{client.id}"
due: {after: 2bd, calendar: client}
severity: normal
resolve:
  - {event: call.connected, match: {same: [client]}, words: разговор}
escalate:
  - {after: 3bd, if: not_resolved, to: [role:head, client.manager]}
snooze: {max: 1d, times: 3}
"""


def test_a_good_rule_is_read(rule):
    own = rule(GOOD)
    assert (own.id, own.severity, own.place) == ("own", "normal", "rule.yaml:1")
    assert own.assign == ("client.manager", "role:duty", "role:head")


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("severity:", "severty:", 9, "Did you mean 'severity'?"),
        ("severity: normal", "severity: norml", 9, "Did you mean 'normal'?"),
        ("scan: client", "scan: clinet", 4, "Did you mean 'client'?"),
        ("{scan: client}", "{scan: client, date: contract.end}", 4, "exactly one trigger"),
        ("{scan: client}", "{metric: nps.week}", 4, "unknown key 'metric'"),
        ("{scan: client}", "{scan: client, offsets: [1d]}", 4, "does not go with 'scan'"),
        ("{scan: client}", "{event: call.mised}", 4, "Did you mean 'call.missed'?"),
        ("{scan: client}", "{event: [call.missed, ticket.created]}", 4, "things of one kind"),
        ("{scan: client}", "{date: client.name}", 4, "is text, not day or moment"),
        ("{scan: client}", "{date: client.contract_end, offsets: [3bh]}", 4, "offsets are days"),
        ("client.status, eq", "client.staus, eq", 6, "client has no field 'staus'"),
        ("client.status, eq", "ticket.state, eq", 6, "is not known here"),
        ("eq: client}", "eq: client, ne: closed}", 6, "one operator"),
        ("eq: client}", "like: client}", 6, "unknown key 'like'"),
        ("client.status, eq: client", "client.status, older: 7d", 6, "older needs a time"),
        ("client.status, eq: client", "client.open_tickets, gt: много", 6, "is no number"),
        ("client.status, eq: client", "client.open_tickets, contains: 7", 6, "contains looks into a text"),
        ("client.status, eq: client", "client.last_poll, gt: 2026-11-01", 6, "is no moment"),
        ("client.status, eq: client", "client.status, exists: maybe", 6, "not known here"),
        ("  - {field: client.status, eq: client}", "  - any: []", 6, "at least one"),
        ("{client.id}", "{client.id", 7, "brace"),
        ("{client.id}", "{client.__class__}", 7, "no field '__class__'"),
        ("{client.id}", "{client.id:!r}", 7, "is no form"),
        ("after: 2bd", "after: 2 days", 8, "is not a duration"),
        ("after: 2bd", "after: -2bd", 8, "is not a duration"),
        ("after: 2bd", "offset: 2bd", 8, "date trigger"),
        ("calendar: client", "calendar: klient", 8, "Did you mean 'client'?"),
        ("calendar: client", 'time: "25:00"', 8, "a time is written"),
        (", words: разговор", "", 11, "'words' is missing"),
        ("event: call.connected", "event: call.connected, object: ticket", 11, "one of event and object"),
        ("same: [client]", "same: [clients]", 11, "Did you mean 'client'?"),
        ("after: 3bd, if", "at: contract.end, if", 13, "is not known here"),
        ("after: 3bd, if", "at: '+3bd', if", 13, "name the field"),
        ("if: not_resolved", "if: not_solved", 13, "Did you mean 'not_resolved'?"),
        ("role:head, client", "role:!, client", 13, "names no role"),
        ("to: [role:head, client.manager]", "to: []", 13, "somebody"),
        ("times: 3", "times: -3", 14, "whole number"),
        ("id: own", "id: Own Rule", 1, "no rule id"),
        ("why: ", "why2: ", 3, "Did you mean 'why'?"),
        ("snooze:", "enforce_from: вчера\nsnooze:", 14, "neither `install` nor a day"),
        ("snooze:", "produce: [{fax: letter}]\nsnooze:", 14, "unknown key 'fax'"),
    ],
)
def test_mistakes_name_file_line_and_what_was_meant(rule, old, new, place, words):
    assert old in GOOD
    with pytest.raises(SettingsError) as caught:
        rule(GOOD.replace(old, new, 1))
    assert words in str(caught.value)
    assert f"rule.yaml:{place}:" in str(caught.value)


STAGED = """id: own
title: "{stage}"
why: "{ticket.subject}"
trigger: {scan: ticket}
key: "own:{ticket.id}"
stages:
  - {name: begun, title: начать, done: [{field: ticket.state, ne: new}], at: ticket.started_at, due: {after: 1h}}
  - {name: ended, title: закончить, due: {after: 2h}, escalate: [{after: 3h, if: not_resolved, to: [role:head]}]}
"""


def test_stages_are_read(rule):
    begun, ended = rule(STAGED).stages
    assert (begun.name, begun.title, begun.at, ended.done, len(ended.escalate)) == (
        "begun", "начать", ("ticket", "started_at"), (), 1
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("at: ticket.started_at, ", "", 7, "'at' is missing"),
        ("done: [{field: ticket.state, ne: new}], ", "", 7, "'done' is missing"),
        ("ticket.started_at", "ticket.subject", 7, "not moment or day"),
        ("name: ended", "name: begun", 6, "a name of its own"),
        ("name: ended", "name: Ended", 8, "no rule id"),
        ("title: закончить, ", "", 8, "'title' is missing"),
        ("due: {after: 2h}", "dues: {after: 2h}", 8, "Did you mean 'due'?"),
        ("due: {after: 2h}", "due: {after: 2h}, done: []", 8, "unknown key 'done'"),
        (STAGED.splitlines()[6] + "\n", "", 6, "two or more"),
        ("stages:", "due: {after: 1h}\nstages:", 6, "each stage has its own 'due'"),
    ],
)  # fmt: skip
def test_mistakes_in_stages_are_named(rule, old, new, place, words):
    assert old in STAGED
    with pytest.raises(SettingsError) as caught:
        rule(STAGED.replace(old, new, 1))
    assert words in str(caught.value)
    assert f"rule.yaml:{place}:" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "- 1", "[]x", "id", "- - id: x", "id: {a: b}\ntitle: x\nwhy: x\ntrigger: x\nkey: x"]
)
def test_what_is_no_rule_is_refused(text):
    with pytest.raises(SettingsError):
        read_rules(load(text, "rule.yaml"))


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=6))
def test_a_damaged_rule_is_read_or_refused_but_never_breaks(place, text):
    with suppress(SettingsError):
        read_rules(load(GOOD[:place] + text + GOOD[place + len(text) :], "rule.yaml"))


def test_own_rules_override_by_id_and_switch_off(tmp_path, rules):
    (tmp_path / "a.yaml").write_text(GOOD.replace("id: own", "id: weekly_call"))
    (tmp_path / "b.yaml").write_text("- {id: missed_call, enabled: false}\n- {id: satisfaction_poll, enabled: false}\n")
    found = {rule.id: rule for rule in load_rules(own=tmp_path)}
    assert set(found) == {rule.id for rule in rules} - {"missed_call", "satisfaction_poll"}
    assert found["weekly_call"].key.written == "own:{client.id}"


def test_switching_off_what_does_not_exist_and_two_rules_with_one_id_are_errors(tmp_path):
    (tmp_path / "a.yaml").write_text("{id: misssed_call, enabled: false}")
    with pytest.raises(SettingsError, match=r"a\.yaml:1: .* Did you mean 'missed_call'\?"):
        load_rules(own=tmp_path)
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(SettingsError, match=r"b\.yaml:1: .*own.*a\.yaml:1"):
        load_rules(own=tmp_path)
    with pytest.raises(SettingsError, match="stands at"):
        load_rules(shipped=(BUILTIN, BUILTIN))


def test_a_rule_may_set_its_own_start_of_use(world, call, rule, at):
    text = "{id: m, title: Т, why: П, trigger: {event: call.missed}, key: 'm:{call.id}', enforce_from: 2026-11-10}"
    facts = [call("e1", "2026-11-09T23:59"), call("e2", "2026-11-10T00:00")]
    assert [due.key for due in evaluate(world(*facts), [rule(text)], at("2026-11-11T09:00")).open] == ["m:e2"]


def test_words_and_figures_read_as_people_write_them():
    assert [plural(n, "раз/раза/раз").replace("\u00a0", " ") for n in (1, 2, 5, 11, 12, 21, 104)] == [
        "1 раз", "2 раза", "5 раз", "11 раз", "12 раз", "21 раз", "104 раза",
    ]  # fmt: skip
    assert [money(n).replace("\u00a0", " ") for n in (0, 1234567, -20)] == ["0 ₽", "1 234 567 ₽", "−20 ₽"]
    assert [phone(n) for n in ("+73912940853", "hidden", "+37411123456", "1002")] == [
        "+7 391 294-08-53", "номер скрыт", "+37411123456", "1002",
    ]  # fmt: skip


def test_zero_is_a_value_and_what_nobody_says_is_a_dash(world, rule, at):
    own = rule(
        GOOD.replace("Давно не звонили", "{client.open_tickets} {client.city} {client.note|'нет'} {count:раз/раза/раз}")
    )
    found = evaluate(world(), [own], at("2026-11-22T10:00")).open
    assert found[0].why.replace("\u00a0", " ") == "0 — нет 1 раз"


@given(st.text(max_size=30))
def test_a_template_is_read_or_refused_with_a_reason(text):
    with suppress(ValueError):
        assert parse_template(text, ["client"]).written == text


def test_every_shipped_rule_can_be_evaluated_client_by_client(rules):
    """Else each minute all clients would have to be looked at."""
    assert [rule.id for rule in rules if not is_local(rule)] == []
