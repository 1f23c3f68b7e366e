"""Each built-in rule has a scenario that holds, and that fails as soon as any part of the rule is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from hub.cli import cli
from hub.reminders.calendars import Span, parse_span
from hub.reminders.conditions import AnyOf
from hub.reminders.rules import BUILTIN, Closing, DateTrigger, DueSpec, Stage, load_rules, read_rules
from hub.reminders.scenario import run_scenario
from hub.yaml_text import load_file

FOLDER = Path(__file__).parent / "scenarios"
FILES = sorted(BUILTIN.glob("*.yaml"))
RULES = [(file.stem, rule.id) for file in FILES for rule in read_rules(load_file(file))]


def test_there_is_one_scenario_for_each_file_of_rules_and_no_other():
    assert [file.stem for file in FILES] == sorted(file.stem for file in FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_the_scenario_holds(name):
    done = CliRunner().invoke(cli, ["rule", "test", str(FOLDER / f"{name}.jsonl")])
    assert done.exit_code == 0, done.output
    assert "0 failed, 0 skipped" in done.output


@pytest.mark.parametrize(("name", "rule_id"), RULES)
def test_the_scenario_shows_when_it_opens_when_not_and_how_it_ends(name, rule_id):
    rules = [rule for rule in load_rules() if rule.id == rule_id]
    results = run_scenario(FOLDER / f"{name}.jsonl", rules).results
    prefix = rules[0].key.written.partition(":")[0]
    expected = [result.expected for result in results if result.key.partition(":")[0] == prefix]
    assert expected[0] == "not open" or "open" in expected
    assert {"open", "not open"} <= set(expected), "both what raises it and what does not"
    closed = expected[expected.index("open") :]
    assert "not open" in closed or any(each.startswith("resolved") for each in closed)
    assert any(each.startswith("told") for each in expected) or not (rules[0].escalate or rules[0].stages)


def without_one(thing, field):
    """Yield the thing with each item of a field left out, and the thing with each item itself cut in the same way."""
    items = getattr(thing, field)
    for place, item in enumerate(items):
        before, after = items[:place], items[place + 1 :]
        yield f"{field} {place}", replace(thing, **{field: before + after})
        for inner in INNER.get(type(item), ()):
            for part, cut in without_one(item, inner):
                yield f"{field} {place} {part}", replace(thing, **{field: (*before, cut, *after)})


INNER = {AnyOf: ("conditions",), Closing: ("where",), Stage: ("escalate",)}


def mutants(rule):
    """Yield the rule with one part taken away or changed, and what that was."""
    for field in ("where", "resolve", "escalate", "stages", "cancel"):
        yield from without_one(rule, field)
    if rule.due != DueSpec():
        yield "due", replace(rule, due=DueSpec(after=parse_span("77d")))
    if rule.warn != Span():
        yield "warn", replace(rule, warn=Span())
    if rule.expire:
        yield "expire", replace(rule, expire=None)
    if isinstance(rule.trigger, DateTrigger):
        for part, trigger in without_one(rule.trigger, "offsets"):
            yield part, replace(rule, trigger=trigger)


@pytest.mark.parametrize(("name", "rule_id"), RULES)
def test_the_scenario_fails_without_any_part_of_the_rule(name, rule_id):
    rules = load_rules()
    known = next(rule for rule in rules if rule.id == rule_id)
    survived = []
    for part, mutant in mutants(known):
        report = run_scenario(FOLDER / f"{name}.jsonl", [mutant])
        if not report.failed:
            survived.append(part)
    assert survived == []
