from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.model.errors import SettingsError
from hub.reminders.evaluate import evaluate
from hub.reminders.scenario import run_scenario

CLIENT = {"kind": "object", "type": "client", "id": "c1", "phones": ["+73912940853"], "manager": "m1"}
ZONE = {"kind": "settings", "zone": "Asia/Krasnoyarsk"}
MISSED = {
    "kind": "event",
    "at": "2026-11-22T21:10:00+07:00",
    "type": "call.missed",
    "number": "+73912940853",
    "id": "e1",
}


@pytest.fixture
def run(tmp_path: Path, rules):
    def write(*rows):
        path = tmp_path / "scenario.jsonl"
        path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
        return run_scenario(path, rules)

    return write


def check(now="2026-11-22T21:30+07:00", **expectations):
    return {"kind": "check", "now": now, **expectations}


def test_shared_scenario_passes_with_nothing_skipped(shared, rules):
    """S000-3, S000-5, S000-10, S003-25 in one story of a month."""
    report = run_scenario(shared("documents/reminder_scenario.jsonl"), rules)
    assert len(report.results) == 17
    assert report.failed == ()
    assert report.skipped == ()


def test_each_kind_of_expectation_can_fail(run):
    report = run(
        ZONE, CLIENT, MISSED,
        check(contains=["missed_call:c2"], not_contains=["missed_call:c1"], count={"missed_call:c1": 2},
              resolved={"missed_call:c1": "e9"}, assign={"missed_call:c1": "m2"}),
        check(contains=["missed_call:c1"], not_contains=["missed_call:c2"], count={"missed_call:c1": 1},
              assign={"missed_call:c1": "m1"}),
    )  # fmt: skip
    assert [result.line for result in report.failed] == [4] * 5
    assert len(report.results) == 9
    assert report.failed[2].found == "count 1"


def test_a_late_line_counts_as_a_late_arrival(run):
    """Engine rule 2: the answer is reported before the call that was missed."""
    talk = MISSED | {"id": "e2", "type": "call.connected", "duration_s": 30, "at": "2026-11-22T21:12:00+07:00"}
    report = run(ZONE, CLIENT, talk, MISSED, check(not_contains=["missed_call:c1"], resolved={"missed_call:c1": "e2"}))
    assert report.failed == ()


def test_keys_without_a_rule_are_skipped_by_name(run):
    report = run(CLIENT, check(contains=["dowry:p1"], assign={"onrush:d1": "m1"}))
    assert report.results == ()
    assert report.skipped == ((2, "dowry:p1"), (2, "onrush:d1"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not a line of JSON"),
        ("[" * 100000, "not a line of JSON"),
        ('{"kind": "check", "kind": "event"}', "not a line of JSON"),
        ({"kind": "chekc"}, "kind"),
        ({"kind": ["check"]}, "kind"),
        (check(contain=["missed_call:c1"]), "Did you mean 'contains'"),
        (check(contains="missed_call:c1"), "list of keys"),
        (
            {"kind": "deed", "do": "ack", "key": "mised_call:c1", "at": "2026-11-22T21:30+07:00"},
            "no rule makes the key",
        ),
        (
            {"kind": "deed", "do": "akc", "key": "missed_call:c1", "at": "2026-11-22T21:30+07:00"},
            "'do' cannot be 'akc'",
        ),
        (
            {"kind": "deed", "do": "done", "result": "ok", "key": "missed_call:c1", "at": "2026-11-22T21:30+07:00"},
            "not_needed",
        ),
        (check(contains=[7]), "no key"),
        (check(count=["missed_call:c1"]), "mapping"),
        (check(now="2026-11-22T21:30"), "time zone"),
        (check(now="gestern"), "is no time"),
        ({"kind": "object", "type": "clinet", "id": "x"}, "Did you mean 'client'"),
        ({"kind": "object", "type": "contract", "id": "k", "end": "31.12.2026"}, "must be a day"),
        ({"kind": "object", "type": "contract", "id": "k", "fee": "много"}, "must be a number"),
        ({"kind": "settings", "zone": "Сибирь"}, "no time zone"),
        (MISSED | {"type": "call"}, "no type of event"),
        ({"kind": "event", "type": "call.missed"}, "needs the text 'at'"),
    ],
)
def test_mistakes_name_their_line(run, row, words):
    with pytest.raises(SettingsError, match=r"scenario\.jsonl:3: ") as caught:
        run(ZONE, CLIENT, row)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path, rules):
    with pytest.raises(SettingsError, match=r"none\.jsonl"):
        run_scenario(tmp_path / "none.jsonl", rules)


def test_shared_cases_of_missed_calls(shared, rules, call, world, at):
    """S000-5 and S001-7: which later call handles a missed one, and which does not."""
    cases = json.loads(shared("telephony/missed_call_cases.json").read_text())
    assert len(cases) == 8
    directions = {"in": "inbound", "out": "outbound", "internal": "internal"}
    for case in cases:
        facts = []
        for number, row in enumerate(case["calls"]):
            kind = "connected" if row["talk"] else "missed"
            moment = row["t"][:19]
            facts.append(call(f"e{number}", moment, kind, number=row["num"], direction=directions[row["dir"]],
                talk_seconds=row["talk"], client=row.get("client")))  # fmt: skip
        found = evaluate(world(*facts, client={"A": {"name": "А"}}), rules, at("2026-11-21T23:00"))
        waiting = [due for due in found.open if due.rule == "missed_call"]
        assert len(waiting) == case["open_missed"], case["name"]
        if "attempts" in case:
            assert [due.attempts for due in waiting] == [case["attempts"]], case["name"]
        if case.get("callable") is False:
            assert "номер скрыт" in waiting[0].title
        if "handled_by" in case:
            handled = next(due for due in found.reminders if due.rule == "missed_call")
            closing = next(fact for fact in facts if fact.id == handled.by)
            minutes = (closing.time - handled.trigger_time).total_seconds() / 60
            assert minutes == case.get("minutes", minutes), case["name"]
            assert (closing.fields["direction"] == "outbound") == case["handled_by"].startswith("callback"), case[
                "name"
            ]
