"""`hub today`: whom to call, when and why, most urgent first, one list for each manager."""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta

import click

from hub.cli.app import App, columns, pass_app, print_json, say
from hub.remind import Reminding, refresh
from hub.reminders.evaluate import Due, today_order
from hub.reminders.explain import card
from hub.reminders.texts import plural
from hub.store import reminders
from hub.store.state import read
from hub.store.tables import STATE

SEVERITY = {"urgent": "СРОЧНО", "important": "ВАЖНО", "normal": "", "info": ""}


@click.command()
@click.option("--employee", default="", help="Only the list of this employee (id).")
@click.option("--all", "everything", is_flag=True, help="Show also what is due on later days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def today(app: App, employee: str, everything: bool, as_json: bool) -> None:
    """Print each manager's list of the day."""
    found = refresh(app.store, app.config, app.plugins, app.now())
    if as_json:
        _print_json(app, found, employee=employee, everything=everything)
    else:
        print_lists(app, found, employee=employee, everything=everything)


def _waiting(app: App, found: Reminding, *, employee: str, everything: bool) -> list[Due]:
    now = found.evaluation.now
    dues = [due for due in today_order(found.world, found.evaluation.open, now) if employee in ("", due.assignee)]
    if everything:
        return dues
    tomorrow = found.world.calendars.get("office").midnight(now.astimezone(app.zone).date() + timedelta(days=1))
    return [due for due in dues if due.due < tomorrow]


def _numbers(app: App) -> dict[tuple[str, str], int]:
    with app.store.read() as connection:
        return {(row.rule, row.key): row.id for row in reminders.listed(connection, only_open=True)}


def _print_json(app: App, found: Reminding, *, employee: str, everything: bool) -> None:
    numbers = _numbers(app)
    with app.store.read() as connection:
        names = {
            row["id"]: row["name"] for row in read(connection, "client", STATE["client"].c.id.in_(_clients(found)))
        }
    print_json([{
        "id": numbers.get((due.rule, due.key)), "rule": due.rule, "key": due.key, "client": due.client,
        "client_name": names.get(due.client or ""), "assignee": due.assignee, "due": due.due, "severity": due.severity,
        "count": due.count, "title": due.title, "why": due.why, "call_at": due.call_at,
    } for due in _waiting(app, found, employee=employee, everything=everything)])  # fmt: skip


def print_lists(app: App, found: Reminding, *, employee: str, everything: bool, most: int | None = None) -> None:
    """Print one list for each person, the most urgent first, at most so many entries of each."""
    numbers = _numbers(app)
    people = {person.id: person.name for person in app.config.model.employees}
    groups: dict[str, list[Due]] = {}
    for due in _waiting(app, found, employee=employee, everything=everything):
        groups.setdefault(due.assignee, []).append(due)
    for assignee in sorted(groups, key=lambda name: (name not in people, people.get(name, name))):
        _print_list(app, found, people.get(assignee, assignee), groups[assignee], numbers, most)
    if not groups:
        say("На сегодня напоминаний нет.")


def _clients(found: Reminding) -> list[str]:
    return [due.client for due in found.evaluation.open if due.client]


def _print_list(app: App, found: Reminding, name: str, dues: list[Due], numbers: dict[tuple[str, str], int],
                most: int | None) -> None:  # fmt: skip
    now = found.evaluation.now
    say(f"{name}: {plural(len(dues), 'дело/дела/дел')}")
    for place, due in enumerate(dues[:most], start=1):
        late = ", просрочено" if due.due < now else ""
        mark = f"{SEVERITY[due.severity]} " if SEVERITY[due.severity] else ""
        _wrapped(f"{place:>2}. ", f"{mark}{due.title} (№ {numbers.get((due.rule, due.key), 0)})")
        _wrapped("    ", f"{_when(app, due, now)}{late}. {due.why}")
        rule = next(rule for rule in found.rules if rule.id == due.rule)
        for fact in card(found.world, rule, due, now):
            _wrapped("    · ", f"{fact.title}: {'; '.join(fact.lines)}")
    if most is not None and len(dues) > most:
        say(f"    … и ещё {len(dues) - most}")
    say()


def _wrapped(head: str, text: str) -> None:
    lines = textwrap.wrap(text, max(columns() - len(head), 30), break_on_hyphens=False) or [""]
    say(head + lines[0])
    for line in lines[1:]:
        say(" " * len(head) + line)


def _when(app: App, due: Due, now: datetime) -> str:
    moment = (due.call_at or due.due).astimezone(app.zone)
    if moment.date() == now.astimezone(app.zone).date():
        return f"Сегодня до {moment:%H:%M}"
    return f"Срок {moment:%d.%m, %H:%M}"
