"""Who takes a caller that asks for one of our people: he himself, else who stands in, else sales (S003-7)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from msgspec import Struct

from hub.config import Config, Employee
from hub.facts import calendars_of, employees_of
from hub.model.errors import HubError
from hub.reminders.people import is_absent, substitute
from hub.reminders.world import World
from hub.yaml_text import nearest

SALES = "sales"
"""The role of those who take calls for a colleague who is away."""


class Presence(Struct, frozen=True):
    """Who was asked for, until when he is away (`None`: he is not), who takes the call, and whether the office is open.

    The first of `through` is to be tried first; nobody stands there when the whole chain is away.
    """

    asked: Employee
    away_until: date | None
    through: tuple[Employee, ...]
    is_open: bool


def where(config: Config, name: str, now: datetime) -> Presence:
    """Return where a caller who asks for that name is put through. Raises HubError for a name that means nobody."""
    asked = _meant(config, name)
    office = calendars_of(config).get("office")
    today = office.local_day(now)
    objects = dict(zip(("employee", "absence"), employees_of(config), strict=True))
    world = World(objects, (), calendars=calendars_of(config))
    is_open = office.next_open(now) == now
    if not is_absent(world, asked.id, today):
        return Presence(asked, None, (asked,), is_open)
    away_until = _last_day(world, asked.id, today)
    people = {person.id: person for person in config.model.employees}
    there = [it for it in people.values() if it.role == SALES and not is_absent(world, it.id, today)]
    stands_in = substitute(world, asked.id, today)
    if asked.substitute or not there:
        there = [people[stands_in]] if stands_in in people else []
    return Presence(asked, away_until, tuple(there), is_open)


def _last_day(world: World, employee: str, day: date) -> date:
    """Return the last day of the absences that follow on one another from this day on."""
    mine = [row for row in world.objects["absence"].values() if row["employee"] == employee]
    while ends := [row["end"] for row in mine if row["start"] <= day <= row["end"]]:
        last: date = max(ends)
        if last == date.max:
            return last
        day = last + timedelta(days=1)
    return day - timedelta(days=1)


def _meant(config: Config, name: str) -> Employee:
    """Return the employee of that id, alias, name or word of the name, as callers say it."""
    said = name.strip().casefold()
    people = config.model.employees
    exact = [it for it in people if said in (it.id.casefold(), it.name.casefold(), *map(str.casefold, it.aliases))]
    found = exact or [it for it in people if said and set(said.split()) <= set(it.name.casefold().split())]
    if len(found) > 1:
        told = ", ".join(f"{it.name} ({it.id})" for it in found)
        raise HubError(f"{name!r} may be several: {told}.", hint="Ask for the full name, or give the id.")
    if not found:
        words = [word for it in people for word in (it.id, *it.name.split())]
        raise HubError(f"nobody here is called {name!r}.", hint=nearest(name, sorted(set(words))))
    return found[0]
