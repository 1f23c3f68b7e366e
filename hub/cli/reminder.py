"""`hub reminder`: the reminders with their reasons, and what people do with them."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from hub.agenda import waiting
from hub.calendar_feed import feed, shown
from hub.cli.app import App, pass_app, print_json, print_table, say, say_wrapped
from hub.cli.reminding import reminding
from hub.cli.wording import assigned_in_words, condition_in_words, person_in_words, step_in_words
from hub.entries.when import parse_moment
from hub.facts import calendars_of
from hub.files import write_file
from hub.model.errors import HubError
from hub.remind import act, evaluate_rule, find
from hub.reminders.dues import Deed
from hub.reminders.explain import explain
from hub.reminders.rules import BUILTIN, Rule
from hub.store import reminders
from hub.store.problems import note
from hub.store.reminders import Kept
from hub.store.tables import reminder as reminder_table
from hub.yaml_text import nearest

Kind = Literal["ack", "snooze", "done", "assign", "due"]
MOST_SHOWN = 10
"""So many of the reminders that a rule would close are named before the question; the others are counted."""


@click.group()
def reminder() -> None:
    """Reminders: what is to be done, why, and what was done."""


def as_row(kept: Kept) -> dict[str, Any]:
    """Return the keys that outside scripts rely on."""
    names = ("id", "rule", "key", "client", "assignee", "due", "severity", "state", "count", "title", "why")
    return {name: getattr(kept, name) for name in names}


@reminder.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--employee", default="", help="Only those of this employee (id).")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, with all of them.")
@pass_app
def list_(app: App, everything: bool, employee: str, limit: int, as_json: bool) -> None:
    """List reminders in order of their due time."""
    reminding(app)
    with app.store.read() as connection:
        rows = reminders.listed(connection, only_open=not everything, assignee=employee)
    if as_json:
        print_json([as_row(row) for row in rows])
        return
    print_table(
        ("id", "due", "severity", "assignee", "title"),
        [(row.id, app.local(row.due), row.severity, row.assignee, row.title) for row in rows[:limit]],
        grow=4,
    )
    if len(rows) > limit:
        say(f"… and {len(rows) - limit} more.")


@reminder.command()
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def show(app: App, number: str, as_json: bool) -> None:
    """Show one reminder."""
    with app.store.read() as connection:
        kept = find(connection, number)
        deeds = reminders.actions(connection, [reminder_table.c.id == kept.id])
    if as_json:
        print_json({**as_row(kept), "closed_by": kept.closed_by, "closed_at": kept.closed_at, "detail": kept.detail})
        return
    say_wrapped("", kept.title)
    say_wrapped("", kept.why)
    say(f"{kept.severity}, {kept.state}, due {app.local(kept.due)}, assigned to {kept.assignee}")
    if kept.closed_by:
        say(f"closed by {kept.closed_by} {app.local(kept.closed_at)}")
    for row in deeds:
        say(f"{app.local(row.at)}  {row.kind} by {row.by}  {msgspec.json.decode(row.data).get('reason', '')}")


@reminder.command()
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def why(app: App, number: str, as_json: bool) -> None:
    """Print the rule, the facts, each condition with its value, and what would close it."""
    now = app.now()
    found = reminding(app, now)
    with app.store.read() as connection:
        kept = find(connection, number)
        rule = next((rule for rule in found.rules if rule.id == kept.rule), None)
        world, evaluation = evaluate_rule(connection, app.config, rule, now, kept.part) if rule else (None, None)
    due = next((d for d in (evaluation.reminders if evaluation else ()) if (d.rule, d.key) == (kept.rule, kept.key)
                and d.trigger_time == kept.triggered_at), None)  # fmt: skip
    if due is None or world is None or rule is None:
        _why_as_kept(app, kept, rule, as_json)
        return
    reasons = explain(world, rule, due, now)
    if as_json:
        print_json(reasons)
        return
    names = {person.id: person.name for person in app.config.model.employees}
    say_wrapped("", due.title)
    _tell("because", due.why)
    _tell("rule", f"{reasons.rule} ({_place(reasons.place)}) {' '.join(reasons.seeds)}")
    _tell("trigger", f"{reasons.trigger}, {app.local(reasons.trigger_time)}")
    _tell("due", app.local(reasons.due) + (" (a person's own date)" if reasons.due_is_own else ""))
    whose = person_in_words(reasons.assignee or kept.assignee, names)
    _tell("assigned to", ", ".join(filter(None, (whose, assigned_in_words(reasons.assigned_by)))))
    for fact in reasons.facts:
        _tell("fact", fact)
    for condition in reasons.conditions:
        _tell("holds" if condition.holds else "FAILS", condition_in_words(condition))
    for words in reasons.closes:
        _tell("closes when", words)
    for step in reasons.escalation:
        _tell("went up" if step.reached else "goes up",
              f"{app.local(step.time)} {step_in_words(step.to, step.unless, names)}")  # fmt: skip
    if reasons.status != "open":
        _tell(reasons.status, f"{reasons.closed_text} {reasons.closed_by}")


def _tell(what: str, text: str) -> None:
    """Print one line of an explanation, broken where the terminal ends."""
    say_wrapped(f"  {what:<12}", text)


def _why_as_kept(app: App, kept: Kept, rule: Rule | None, as_json: bool) -> None:
    """Explain a reminder that no evaluation makes any more by what was kept of it and what people did."""
    with app.store.read() as connection:
        deeds = [row for row in reminders.actions(connection, [reminder_table.c.id == kept.id])
                 if row.instance == kept.instance]  # fmt: skip
    told = [{"at": row.at, "by": row.by, "did": row.kind, **msgspec.json.decode(row.data)} for row in deeds]
    if as_json:
        print_json({
            "rule": kept.rule, "place": rule.place if rule else "", "seeds": rule.seeds if rule else (),
            "trigger": kept.detail.get("trigger", ""), "trigger_time": kept.triggered_at, "title": kept.title,
            "why": kept.why, "due": kept.due, "assignee": kept.assignee, "status": kept.state, "deeds": told,
            "closed_by": kept.closed_by, "closed_at": kept.closed_at, "closes": kept.detail.get("closes_when", ""),
        })  # fmt: skip
        return
    say_wrapped("", kept.title)
    _tell("because", kept.why)
    _tell("rule", f"{kept.rule} ({_place(rule.place) if rule else 'not in force any more'})")
    _tell("raised", f"{app.local(kept.triggered_at)}, due {app.local(kept.due)}, assigned to {kept.assignee}")
    for row in deeds:
        reason = msgspec.json.decode(row.data)["reason"]
        _tell("done", f"{app.local(row.at)} {row.kind} by {row.by} {reason}")
    when = f" {app.local(kept.closed_at)}" if kept.closed_at else ""
    _tell(kept.state, f"{kept.closed_by}{when}")


def _place(place: str) -> str:
    path = Path(place)
    return f"built in, {path.name}" if path.parent == BUILTIN else place


def _deed(app: App, numbers: Sequence[str], kind: Kind, about: str = "", **values: Any) -> list[Kept]:
    """Do the same with each of these reminders, or with none of them; return how they stand after that."""
    now = app.now()
    reminding(app, now)
    who = getpass.getuser()
    with app.store.write() as connection:
        for number in numbers:
            kept = find(connection, number)
            if kept.state != "open":
                others = " Nothing was done with the others." if len(numbers) > 1 else ""
                raise HubError(f"reminder {number} is {kept.state} already.{others}")
            act(connection, kept, Deed(rule=kept.rule, key=kept.key, kind=kind, at=now, by=who, **values))
            note(connection, who=who, what=f"reminder.{kind}", about=f"reminder/{number}", detail=about, now=now)
    reminding(app, now)
    with app.store.read() as connection:
        found = [find(connection, number) for number in numbers]
    for number, after in zip(numbers, found, strict=True):
        if after.state == "open" or len(numbers) == 1:
            _say_how_it_stands(app, number, after)
            if kind == "snooze":
                _say_if_not_so_long(after, values["until"], now)
    return found


def _say_how_it_stands(app: App, number: str, after: Kept) -> None:
    if after.state != "open":
        say(f"Reminder {number} is {after.state}.")
        return
    put_off = _put_off(after)
    until = f", put off until {app.local(put_off)}" if put_off else ""
    say(f"Reminder {number} is open, due {app.local(after.due)}{until}, assigned to {after.assignee}.")


def _say_if_not_so_long(after: Kept, wanted: datetime, now: datetime) -> None:
    put_off = _put_off(after)
    if after.state == "open" and put_off != wanted:
        is_off = put_off is not None and put_off > now
        say("  That is as long as the rule allows." if is_off else "  The rule does not let it be put off any more.")


def _put_off(kept: Kept) -> datetime | None:
    return datetime.fromisoformat(kept.detail["snoozed_until"]) if kept.detail.get("snoozed_until") else None


@reminder.command()
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@click.option("--rule", default="", help="All that `hub today --rule` lists of this rule (id), but nothing urgent.")
@click.option("--employee", default="", help="With --rule: only the list of this employee (id).")
@click.option("--all", "everything", is_flag=True, help="With --rule: also what is due on later days.")
@click.option("--yes", is_flag=True, help="With --rule: close them without asking.")
@click.option("--result", type=click.Choice(["done", "not_needed", "wrong_rule"]), default="done", show_default=True)
@click.option("--reason", default="", help="What was done, or why not.")
@pass_app
def done(
    app: App, numbers: tuple[str, ...], rule: str, employee: str, everything: bool, yes: bool,
    result: Literal["done", "not_needed", "wrong_rule"], reason: str,
) -> None:  # fmt: skip
    """Close reminders by hand: one, several by their numbers, or what one rule asks for; all of them or none."""
    if result != "done" and not reason:
        raise click.UsageError("give --reason when the reminder was not needed or the rule was wrong.")
    if bool(numbers) == bool(rule):
        raise click.UsageError("give either numbers of reminders or --rule.")
    if numbers and (employee or everything or yes):
        raise click.UsageError("--employee, --all and --yes go with --rule.")
    chosen = list(dict.fromkeys(numbers))
    about = ""
    if rule:
        _check_employee(app, employee)
        chosen = _of_rule(app, rule, employee=employee, everything=everything)
        if not chosen:
            return
        if not yes:
            click.confirm(f"Close {len(chosen)} reminders?" if len(chosen) > 1 else "Close it?", abort=True)
        about = f"by rule {rule}, {len(chosen)} at once"
    found = _deed(app, chosen, "done", about, result=result, reason=reason)
    if len(found) > 1:
        say(f"Closed: {sum(kept.state != 'open' for kept in found)} of {len(found)} reminders.")


def _of_rule(app: App, rule: str, *, employee: str, everything: bool) -> list[str]:
    """Say what would be closed of a rule and what would not; return the numbers of the former."""
    found = reminding(app)
    known = [each.id for each in found.rules]
    if rule not in known:
        raise click.UsageError(f"no rule has the id {rule!r}. {nearest(rule, known)}")
    dues = waiting(found, app.zone, employee=employee, rule=rule, everything=everything)
    wanted = [due for due in dues if due.severity != "urgent"]
    for due in wanted[:MOST_SHOWN]:
        say_wrapped(f"{found.number(due):>6}  ", due.title)
    if len(wanted) > MOST_SHOWN:
        say(f"        … and {len(wanted) - MOST_SHOWN} more, see: hub today --rule {rule}{' --all' * everything}")
    if urgent := [str(found.number(due)) for due in dues if due.severity == "urgent"]:
        say_wrapped("", f"Urgent, closed by their numbers only ({len(urgent)}): hub reminder done {' '.join(urgent)}")
    if not wanted:
        say("Nothing to close." if everything else "Nothing to close until the end of today; later days: --all")
    return [str(found.number(due)) for due in wanted]


def _check_employee(app: App, employee: str) -> None:
    known = [person.id for person in app.config.model.employees]
    if employee and employee not in known:
        raise click.UsageError(f"no employee has the id {employee!r}. {nearest(employee, known)}")


@reminder.command()
@click.argument("number")
@pass_app
def ack(app: App, number: str) -> None:
    """Say that you have seen it and act; stops the first escalation."""
    _deed(app, [number], "ack")


@reminder.command()
@click.argument("number")
@click.argument("until")
@pass_app
def snooze(app: App, number: str, until: str) -> None:
    """Put a reminder off UNTIL a time or for a span such as 2h."""
    _deed(app, [number], "snooze", until=_moment(app, until))


@reminder.command()
@click.argument("number")
@click.argument("when")
@pass_app
def due(app: App, number: str, when: str) -> None:
    """Set your own date for a reminder; it wins over the computed one."""
    _deed(app, [number], "due", until=_moment(app, when))


@reminder.command()
@click.option("--ics", is_flag=True, expose_value=False, help="As a calendar with to-dos (RFC 5545); the only form.")
@click.option("--employee", default="", help="Only what this employee (id) has to do.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@pass_app
def export(app: App, employee: str, file: Path | None) -> None:
    """Write the reminders into FILE, or to stdout, for a calendar program."""
    _check_employee(app, employee)
    content = feed(shown(reminding(app)), employee)
    if file:
        write_file(file, content)
        say(f"Written: {file}")
    else:
        sys.stdout.buffer.write(content)


@reminder.command()
@click.argument("number")
@click.argument("employee")
@pass_app
def assign(app: App, number: str, employee: str) -> None:
    """Give a reminder to another employee (id)."""
    known = [person.id for person in app.config.model.employees]
    if employee not in known:
        raise click.UsageError(f"no employee has the id {employee!r}. {nearest(employee, known)}")
    _deed(app, [number], "assign", employee=employee)


def _moment(app: App, text: str) -> datetime:
    moment = parse_moment(text, app.now(), calendars_of(app.config).get("office"))
    if moment is None:
        raise click.BadParameter(f"{text!r} is no time such as 2h, 2026-11-23T10:00 or «завтра в 10:00»")
    return moment
