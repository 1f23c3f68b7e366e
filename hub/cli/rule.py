"""`hub rule`: the rules, whether they are right, what they would touch, and tests of them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.remind import evaluate_rule, rules_and_mistakes, rules_of
from hub.reminders.evaluate import today_order
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
    print_table(
        ("rule", "severity", "title", "seeds"),
        [(each.id, each.severity, each.title.written, " ".join(each.seeds)) for each in rules],
        grow=2,
    )


@rule.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@pass_app
def check(app: App, file: Path | None) -> None:
    """Check FILE, or all rules of the configuration; every mistake is listed with its file and line."""
    if file:
        say(f"{len(read_rules(load_file(file)))} rules are right.")
        return
    rules, mistakes = rules_and_mistakes(app.config, app.plugins)
    for mistake in mistakes:
        say(str(mistake))
    say(f"{len(rules)} rules are right{f', {len(mistakes)} mistakes' if mistakes else ''}.")
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
        _, found = evaluate_rule(connection, app.config, rules[0], now)
    dues = today_order(found.open, now)
    if as_json:
        print_json([{"key": due.key, "client": due.client, "assignee": due.assignee, "due": due.due, "title": due.title,
                     "why": due.why} for due in dues])  # fmt: skip
        return
    print_table(("due", "assignee", "title", "why"),
                [(app.local(due.due), due.assignee, due.title, due.why) for due in dues], grow=2)  # fmt: skip


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
