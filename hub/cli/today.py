"""`hub today`: whom to call, when and why, most urgent first, one list for each manager."""

from __future__ import annotations

import click

from hub.agenda import agenda, bundled, waiting
from hub.cli.app import App, columns, pass_app, print_json, say
from hub.cli.reminding import reminding
from hub.remind import Reminding
from hub.reminders.dues import Due
from hub.reminders.texts import plural
from hub.store import bulk
from hub.store.tables import STATE


@click.command()
@click.option("--employee", default="", help="Only the list of this employee (id).")
@click.option("--rule", default="", help="Only what this rule asks for (id), each client by himself.")
@click.option("--all", "everything", is_flag=True, help="Show also what is due on later days.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many of each person.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, with all of them.")
@pass_app
def today(app: App, employee: str, rule: str, everything: bool, limit: int, as_json: bool) -> None:
    """Print each manager's list of the day.

    What one occasion asks for many clients is one entry; so is what one rule asks on one day for more than ten, unless
    it is urgent or important.
    """
    found = reminding(app)
    if as_json:
        _print_json(app, found, employee=employee, rule=rule, everything=everything)
    else:
        print_lists(app, found, employee=employee, rule=rule, everything=everything, most=limit)


def _print_json(app: App, found: Reminding, *, employee: str, rule: str, everything: bool) -> None:
    dues = waiting(found, app.zone, employee=employee, rule=rule, everything=everything)
    clients = sorted({due.client for due in dues if due.client})
    with app.store.read() as connection:
        names = dict(bulk.select_in(connection, STATE["client"], ("id", "name"), "id", clients))
    print_json([{
        "id": found.number(due), "rule": due.rule, "key": due.key, "client": due.client,
        "client_name": names.get(due.client or ""), "assignee": due.assignee, "due": due.due, "severity": due.severity,
        "count": due.count, "title": due.title, "why": due.why, "call_at": due.call_at,
    } for due in dues])  # fmt: skip


def print_lists(
    app: App, found: Reminding, *, employee: str = "", rule: str = "", everything: bool = False, most: int
) -> None:
    """Print one list for each person, the most urgent first, at most so many entries of each."""
    people = {person.id: person.name for person in app.config.model.employees}
    groups: dict[str, list[Due]] = {}
    for due in waiting(found, app.zone, employee=employee, rule=rule, everything=everything):
        groups.setdefault(due.assignee, []).append(due)
    for assignee in sorted(groups, key=lambda name: (name not in people, people.get(name, name))):
        dues = groups[assignee]
        say(f"{people.get(assignee, assignee)}: {plural(len(dues), 'дело/дела/дел')}")
        entries = [[due] for due in dues] if rule else bundled(dues, app.zone)
        for line in agenda(found, entries[:most], app.zone, width=columns()):
            say(line)
        if rest := sum(map(len, entries[most:])):
            say(f"    … и ещё {plural(rest, 'дело/дела/дел')}. Все сразу: --limit {len(entries)}")
        say()
    if not groups:
        say("На сегодня напоминаний нет.")
