"""`hub today`: whom to call, when and why, most urgent first, one list for each manager."""

from __future__ import annotations

from datetime import datetime

import click

from hub.cli.app import App, columns, pass_app, print_json, say
from hub.remind import Reminding, instance_of, refresh
from hub.reminders.evaluate import Due, today_order
from hub.reminders.explain import card
from hub.store import reminders
from hub.store.state import STATE, read

SEVERITY = {"urgent": "СРОЧНО", "important": "ВАЖНО", "normal": "", "info": ""}


@click.command()
@click.option("--employee", default="", help="Only the list of this employee (id).")
@click.option("--all", "everything", is_flag=True, help="Show also what is due on later days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def today(app: App, employee: str, everything: bool, as_json: bool) -> None:
    """Print each manager's list of the day."""
    now = app.now()
    found = refresh(app.store, app.config, app.plugins, now)
    with app.store.read() as connection:
        numbers = {(row.rule, row.key, row.instance): row.id for row in reminders.listed(connection, only_open=True)}
        names = {row["id"]: row["name"] for row in read(connection, "client", STATE["client"].c.id.in_(_clients(found)))}
    waiting = [due for due in today_order(found.world, found.evaluation.open, now) if employee in ("", due.assignee)]
    if not everything:
        end = found.world.calendars.get("office").midnight(now.astimezone(app.zone).date()).timestamp() + 86400
        waiting = [due for due in waiting if due.due.timestamp() < end]
    if as_json:
        print_json([{
            "id": numbers.get((due.rule, due.key, instance_of(due))), "rule": due.rule, "key": due.key, "client": due.client,
            "client_name": names.get(due.client or ""), "assignee": due.assignee, "due": due.due, "severity": due.severity,
            "count": due.count, "title": due.title, "why": due.why, "call_at": due.call_at,
        } for due in waiting])  # fmt: skip
        return
    people = {person.id: person.name for person in app.config.model.employees}
    groups: dict[str, list[Due]] = {}
    for due in waiting:
        groups.setdefault(due.assignee, []).append(due)
    for assignee in sorted(groups, key=lambda name: (name.startswith("role:"), people.get(name, name))):
        _print_list(app, found, people.get(assignee, assignee), groups[assignee], numbers, now)
    if not groups:
        say("На сегодня напоминаний нет.")


def _clients(found: Reminding) -> list[str]:
    return [due.client for due in found.evaluation.open if due.client]


def _print_list(app: App, found: Reminding, name: str, dues: list[Due], numbers: dict[tuple[str, str, str], int],
                now: datetime) -> None:  # fmt: skip
    say(f"{name} — {len(dues)}")
    say("─" * min(columns(), 78))
    for place, due in enumerate(dues, start=1):
        number = numbers.get((due.rule, due.key, instance_of(due)), 0)
        late = " (просрочено)" if due.due < now else ""
        mark = f"{SEVERITY[due.severity]} " if SEVERITY[due.severity] else ""
        say(f"{place:>2}. {mark}{due.title}")
        say(f"    {_when(app, due, now)}{late} · {due.why} · №{number}")
        rule = next(rule for rule in found.rules if rule.id == due.rule)
        for fact in card(found.world, rule, due, now):
            say(f"      {fact.title}: {'; '.join(fact.lines)}")
    say()


def _when(app: App, due: Due, now: datetime) -> str:
    moment = (due.call_at or due.due).astimezone(app.zone)
    if moment.date() == now.astimezone(app.zone).date():
        return f"сегодня в {moment:%H:%M}"
    return f"{moment:%d.%m в %H:%M}"
