"""Who is meant: the assignee of a reminder, the addressees of a step, and substitutes of those who are away.

Employees are objects of kind `employee` (role, head, is_absent); `absence` objects name the days and the substitute.
A role that nobody has stays written as `role:duty`, so that the reminder is seen to lack a person.
"""

from __future__ import annotations

from datetime import date, timedelta

from hub.reminders.conditions import Scene
from hub.reminders.world import World, said

_NEXT_ROLE = {
    "deputy": "head", "support_head": "head", "department_head": "head", "sales_head": "head", "sales": "sales_head",
    "engineer": "support_head", "management": "director", "head": "director",
}  # fmt: skip
"""Who stands in for a role that the firm has not filled."""


def assignee(specs: tuple[str, ...], scene: Scene) -> tuple[str, str]:
    """Return the employee, and by which part of the rule, for the first of the specs that gives one who is there."""
    world, day = scene.world, scene.world.calendars.get("office").local_day(scene.clock.now)
    employees = world.objects.get("employee", {})
    left = ""
    for spec in specs:
        if spec.startswith("role:"):
            found = [each for each in _with_role(world, spec, scene) if not is_absent(world, each, day)]
            if found:
                return found[0], spec
        else:
            named = _named(spec, scene)
            there = substitute(world, named, day) if named else ""
            if there and (there in employees or not employees):
                return there, spec if there == named else f"substitute of {named}"
        left = left or (spec if spec.startswith("role:") else "")
    return left, left


def addressees(spec: str, scene: Scene, owner: str) -> tuple[str, ...]:
    """Return everybody a step goes to; `role:head` is the owner's own head where there is one."""
    world, day = scene.world, scene.world.calendars.get("office").local_day(scene.clock.now)
    if not spec.startswith("role:"):
        named = _named(spec, scene)
        there = substitute(world, named, day) if named else ""
        return (there,) if there else ()
    role = spec
    while True:
        own_head = str(world.get("employee", owner).get("head") or "") if role == "role:head" else ""
        people = [own_head] if own_head else _with_role(world, role, scene)
        there_now = tuple(each for each in people if not is_absent(world, each, day))
        following = _NEXT_ROLE.get(role.removeprefix("role:"))
        if there_now or following is None:
            return there_now or (spec,)
        role = f"role:{following}"


def is_absent(world: World, employee: str, day: date) -> bool:
    """Tell whether the employee is away that day."""
    return bool(world.get("employee", employee).get("is_absent")) or _absence(world, employee, day) is not None


def days_of_change(world: World) -> list[date]:
    """Return the days on which somebody goes away or is back."""
    days: list[date] = []
    for row in world.objects.get("absence", {}).values():
        days += [row["start"]] if row.get("start") else []
        days += [row["end"] + timedelta(days=1)] if row.get("end") and row["end"] < date.max else []
    return days


def substitute(world: World, employee: str, day: date) -> str:
    """Return the employee, or who stands in: the named substitute, then the head; empty when nobody is there."""
    seen: set[str] = set()
    while employee and employee not in seen:
        if not is_absent(world, employee, day):
            return employee
        seen.add(employee)
        named = _absence(world, employee, day) or ""
        employee = named or str(world.get("employee", employee).get("head") or "")
    return ""


def _absence(world: World, employee: str, day: date) -> str | None:
    """Return the substitute (perhaps nobody) of the absence that covers the day, `None` without an absence."""
    for _, row in sorted(world.objects.get("absence", {}).items()):
        start, end = row.get("start") or date.min, row.get("end") or date.max
        if row.get("employee") == employee and start <= day <= end:
            return str(row.get("substitute") or "")
    return None


def _named(spec: str, scene: Scene) -> str:
    kind, _, field = spec.partition(".")
    value = scene.get((kind, field))
    return str(value) if said(value) else ""


def _with_role(world: World, spec: str, scene: Scene) -> list[str]:
    role = spec.removeprefix("role:")
    if role == "head" and scene.client:
        manager = str(world.value("client", scene.client, "manager") or "")
        if head := world.get("employee", manager).get("head"):
            return [str(head)]
    return sorted(each for each, fields in world.objects.get("employee", {}).items() if fields.get("role") == role)
