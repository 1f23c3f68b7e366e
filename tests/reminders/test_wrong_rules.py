"""A wrong rule file is refused with file, line and suggestion; it stops only itself, and the status says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from hub.cli import cli
from hub.config import load_config
from hub.model.errors import SettingsError
from hub.plugins import Plugins
from hub.remind import refresh, rules_and_mistakes
from hub.reminders.rules import BUILTIN, read_all
from hub.store.database import Store
from hub.store.problems import open_problems

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
GOOD = """
id: own_rule
title: "Позвонить: {client.name}"
why: "Давно не говорили"
trigger: {scan: client}
where: [{field: client.last_connected_call, older: 30d}]
key: "own:{client.id}"
over: "поговорили"
"""
MISTAKES = [
    ("severity: normal\n", "severty: urgent\n", "severty", "severity"),
    ("where: [", "where: [{field: client.staus, eq: client}, ", "no field 'staus'", "Did you mean 'status'?"),
    ("key:", "enforce_from: 2026-02-30\nkey:", "2026-02-30", "2026-11-01"),
    ("over:", "escalate: [{after: 1bd, if: not_resolved, to: [rol:head]}]\nover:", "rol:head", ""),
    ("{scan: client}", "{event: call.mised}", "call.mised", "call.missed"),
]


@pytest.fixture
def firm(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "hub.yaml").write_text("store: sqlite:///hub.db\n", encoding="utf-8")
    (tmp_path / "rules" / "good.yaml").write_text(GOOD, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("old", "new", "words", "hint"), MISTAKES)
def test_a_mistake_is_refused_with_file_line_and_suggestion_and_stops_only_itself(firm, old, new, words, hint):
    wrong = firm / "rules" / "mistaken.yaml"
    wrong.write_text((GOOD.replace("own_rule", "other") + "severity: normal\n").replace(old, new), encoding="utf-8")
    rules, mistakes = read_all((BUILTIN,), firm / "rules")
    known = {rule.id for rule in rules}
    assert {"own_rule", "missed_call", "weekly_call"} <= known
    assert "other" not in known
    (mistake,) = mistakes
    assert f"{wrong}:" in str(mistake)
    assert words in str(mistake)
    assert hint in str(mistake)


def test_a_wrong_replacement_leaves_the_shipped_rule_in_force(firm):
    (firm / "rules" / "weekly.yaml").write_text("id: weekly_call\ntitel: x\n", encoding="utf-8")
    rules, mistakes = read_all((BUILTIN,), firm / "rules")
    assert any(rule.id == "weekly_call" and rule.place.startswith(str(BUILTIN)) for rule in rules)
    assert len(mistakes) == 1


def test_the_status_shows_a_wrong_file_until_it_is_mended(firm):
    wrong = firm / "rules" / "mistaken.yaml"
    wrong.write_text(GOOD.replace("severity", "x").replace("where:", "wher:"), encoding="utf-8")
    config, plugins = load_config(firm / "hub.yaml"), Plugins()
    store = Store(f"sqlite:///{firm / 'hub.db'}", synchronous="normal")
    store.create()

    def problems():
        with store.read() as connection:
            return [(row.title, row.count) for row in open_problems(connection, "rules")]

    for _ in range(2):
        assert refresh(store, config, plugins, NOW).rules, "the other rules work on"
    ((title, count),) = problems()
    assert f"{wrong}:" in title
    assert "wher" in title
    assert count == 1, "nothing is written when nothing changed"

    shown = CliRunner().invoke(cli, ["--config", str(firm / "hub.yaml"), "status", "--json"])
    assert [row["title"] for row in json.loads(shown.output)["problems"] if row["scope"] == "rules"] == [title]
    checked = CliRunner().invoke(cli, ["--config", str(firm / "hub.yaml"), "rule", "check"])
    assert (checked.exit_code, "mistakes: 1" in checked.output) == (1, True)

    wrong.unlink()
    refresh(store, config, plugins, NOW)
    assert problems() == []
    store.close()


def test_a_role_that_nobody_has_is_named_with_the_nearest_and_the_rule_works_on(firm):
    """A step up to `role:hed` would reach nobody, and nobody would know."""
    wrong = firm / "rules" / "lost.yaml"
    text = GOOD.replace("own_rule", "lost").strip()
    wrong.write_text(f"{text}\nescalate: [{{after: 2h, if: not_resolved, to: [role:hed]}}]\n", encoding="utf-8")
    config = load_config(firm / "hub.yaml")
    rules, mistakes = rules_and_mistakes(config, Plugins())
    assert [str(it) for it in mistakes] == [f"{wrong}:1: nobody has the role 'hed'. Did you mean 'head'?"]
    assert any(rule.place.startswith(str(wrong)) for rule in rules)


def test_heads_that_go_round_in_a_circle_are_refused_with_file_and_line(firm):
    people = "\n".join(f"  - {{id: {name}, name: {name}, head: {head}}}" for name, head in
                       (("anna", "boris"), ("boris", "vera"), ("vera", "anna")))  # fmt: skip
    (firm / "hub.yaml").write_text(f"store: sqlite:///hub.db\nemployees:\n{people}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"hub\.yaml:3: .*anna → boris → vera → anna"):
        load_config(firm / "hub.yaml")
