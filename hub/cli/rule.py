"""`hub rule`: the rules, whether they are right, what they would touch, and tests of them."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.letters import first_fit, letter_rules_and_mistake, read_letter_rules, stored_letters, world_of
from hub.remind import open_by, rules_and_mistakes, rules_of
from hub.reminders.dues import today_order
from hub.reminders.rules import BUILTIN, load_rules, read_rules
from hub.reminders.scenario import run_scenario
from hub.yaml_text import load_file


@click.group()
def rule() -> None:
    """Rules: when somebody must be reminded."""


@rule.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List the rules in force."""
    rules = rules_of(app.config, app.plugins)
    if as_json:
        print_json([{"id": each.id, "severity": each.severity, "title": each.title.written, "seeds": each.seeds,
                     "place": each.place} for each in rules])  # fmt: skip
        return
    print_table(("rule", "severity", "title"), [(each.id, each.severity, each.title.written) for each in rules], grow=2)


@rule.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@pass_app
def check(app: App, file: Path | None) -> None:
    """Check FILE, or all rules of the configuration; every mistake is listed with its file and line."""
    if file:
        say(f"{len(read_rules(load_file(file)))} rules are right.")
        return
    rules, mistakes = rules_and_mistakes(app.config, app.plugins)
    letter_rules, wrong = letter_rules_and_mistake(app.config)
    mistakes = (*mistakes, *wrong)
    for mistake in mistakes:
        say(str(mistake))
    about = f" and {len(letter_rules)} about letters" if letter_rules else ""
    say(f"{len(rules)} rules{about} are right{f'; mistakes: {len(mistakes)}' if mistakes else ''}.")
    if mistakes:
        sys.exit(1)


@rule.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def preview(app: App, name: str, as_json: bool) -> None:
    """List what the rule NAME would touch now; nothing is stored."""
    rules = [each for each in rules_of(app.config, app.plugins) if each.id == name]
    if not rules:
        raise click.UsageError(f"no rule is called {name!r}. See: hub rule list")
    now = app.now()
    with app.store.read() as connection:
        dues = today_order(open_by(connection, app.config, rules[0], now), now)
    if as_json:
        print_json([{"key": due.key, "client": due.client, "assignee": due.assignee, "due": due.due, "title": due.title,
                     "why": due.why} for due in dues])  # fmt: skip
        return
    print_table(("due", "assignee", "title", "why"),
                [(app.local(due.due), due.assignee, due.title, due.why) for due in dues], grow=3)  # fmt: skip


@rule.command()
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def letters(app: App, days: int, as_json: bool) -> None:
    """List stored letters that a rule about letters fits, and what it would make of them; nothing is stored.

    Since when a rule is in use does not count here, nor what was made already.
    JSON: [{message, sent, rule, make, client, sender, subject}]
    """
    rules, world = read_letter_rules(app.config), world_of(app.config)
    found = []
    with app.store.read() as connection:
        for letter in stored_letters(connection, app.now() - timedelta(days=days)):
            fit = first_fit(rules, letter, world)
            if fit:
                found.append((letter, fit.settings))
    if as_json:
        print_json([{"message": letter.id, "sent": letter.at, "rule": fit.id, "make": fit.make, "client": letter.client,
                     "sender": letter.message.sender, "subject": letter.message.subject}
                    for letter, fit in found])  # fmt: skip
        return
    print_table(("sent", "rule", "make", "sender", "subject"),
                [(app.local(letter.at), fit.id, fit.make, letter.message.sender, letter.message.subject)
                 for letter, fit in found], grow=4)  # fmt: skip


@rule.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--rules", "folder", type=click.Path(path_type=Path), help="The firm's rules; the built-in ones are always there."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def test(file: Path, folder: Path | None, as_json: bool) -> None:
    """Run the scenario FILE; exit code 1 when a check fails."""
    report = run_scenario(file, load_rules((BUILTIN,), folder))
    if as_json:
        print_json(report)
    else:
        for result in report.results:
            mark = "ok  " if result.passed else "FAIL"
            say(
                f"{mark} line {result.line}: {result.key}: {result.expected}"
                + ("" if result.passed else f", found {result.found}")
            )
        for line, key in report.skipped:
            say(f"skip line {line}: {key}: no rule makes such a key")
        say(
            f"{len(report.results) - len(report.failed)} held, {len(report.failed)} failed, "
            f"{len(report.skipped)} skipped."
        )
    if report.failed:
        sys.exit(1)
