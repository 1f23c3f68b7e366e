"""`hub employee where`: where to put a caller through who asks for one of our people."""

from __future__ import annotations

import click

from hub.cli.app import App, pass_app, print_json, say
from hub.cli.entity import employee as employee
from hub.config import Employee
from hub.presence import where


@employee.command("where")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def where_(app: App, name: str, as_json: bool) -> None:
    """Say whether an employee is there, and who takes a caller who asks for NAME; nothing is entered (S003-7).

    JSON: {employee, name, away_until, through: [{employee, name, phone}], is_open}
    """
    found = where(app.config, name, app.now())
    if as_json:
        print_json({
            "employee": found.asked.id, "name": found.asked.name, "away_until": found.away_until,
            "through": [{"employee": it.id, "name": it.name, "phone": it.phone} for it in found.through],
            "is_open": found.is_open,
        })  # fmt: skip
        return
    if found.away_until:
        say(f"{found.asked.name} is away until {found.away_until:%d.%m.%Y}.")
    for person in found.through:
        say(f"Put through to {_told(person)}.")
    if not found.through:
        say("Nobody stands in. Write down who called: hub client new, hub note new --topic commercial")
    if not found.is_open:
        say("The office is closed now.")


def _told(person: Employee) -> str:
    return f"{person.name}, {person.phone}" if person.phone else f"{person.name} (no phone in the configuration)"
