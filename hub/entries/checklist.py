"""Checklists: a template with its lines, who did which line when, and lines that events do by themselves (S003-24).

Which event does a line is derived from all facts and never from the order in which they came: the earliest one since
the list was begun counts. A line that a person has done stays his.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from hub.config import Config
from hub.entries import enter, entered
from hub.entries.acts import Action, Desk, Done, EntryError, Kind, employee, own_key
from hub.entries.talks import CLIENT, EMPLOYEE
from hub.entries.when import parse_moment
from hub.model.entries import Checklist, ChecklistItem
from hub.model.errors import SettingsError
from hub.projection import OPERATOR, Sources
from hub.reminders.conditions import EVENTS
from hub.reminders.world import World
from hub.store import state
from hub.store.parties import entity_id
from hub.store.tables import STATE
from hub.yaml_text import Document, load_file, nearest

SHIPPED = Path(__file__).parent / "checklists"
HUB = "hub"
"""Who did a line that an event did."""


class Template(Struct, frozen=True):
    """A list as it is begun: its lines, each with the events that do it and the goods it is for."""

    id: str
    title: str
    lines: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


def templates(config: Config) -> dict[str, Template]:
    """Return the shipped templates and those of the firm, which replace them. Raises SettingsError with the line."""
    found = {}
    for folder in (SHIPPED, config.resolve(config.model.entering.checklists)):
        for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            found[file.stem] = _template(file.stem, load_file(file))
    return found


def _template(name: str, document: Document) -> Template:
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("lines"), list) or not data["lines"]:
        raise document.error(
            (), "a checklist has a title and lines.", hint="See checklists/appendix_1.yaml of the hub."
        )
    for key in data:
        if key not in ("title", "lines"):
            raise document.error((key,), f"{key!r} is no key of a checklist.", hint=nearest(key, ["title", "lines"]))
    lines = tuple(_line(document, place, line) for place, line in enumerate(data["lines"]))
    return Template(name, str(data.get("title") or name), lines)


def _line(document: Document, place: int, line: object) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    path = ("lines", place)
    if isinstance(line, str) and line.strip():
        return line.strip(), (), ()
    if not isinstance(line, dict) or not isinstance(line.get("title"), str) or set(line) - {"title", "ticks", "goods"}:
        raise document.error(path, "a line is a text, or title, ticks and goods.")
    goods = line.get("goods") or []
    if not isinstance(goods, list) or not all(isinstance(it, str) for it in goods):
        raise document.error((*path, "goods"), "goods are a list of parts of names.")
    ticks = line.get("ticks") or []
    for each in ticks if isinstance(ticks, list) else [ticks]:
        if each not in EVENTS or not isinstance(each, str) or each.endswith(".observed"):
            raise document.error((*path, "ticks"), f"{each!r} is no event.", hint=nearest(str(each), sorted(EVENTS)))
    return line["title"].strip(), tuple(ticks), tuple(goods)


def _begun(desk: Desk, before: Checklist | None, entry: Checklist) -> Checklist:
    """Take the lines of the template."""
    if before is not None:
        return entry
    try:
        known = templates(desk.config)
    except SettingsError as error:
        raise EntryError(str(error)) from error
    template = known.get(entry.template)
    if template is None:
        raise EntryError(f"there is no checklist {entry.template!r}.", field="template",
                         hint=nearest(entry.template, sorted(known)))  # fmt: skip
    bought = _bought(desk, entry)
    lines = [(title, ticks) for title, ticks, goods in template.lines
             if not goods or bought is None or any(it.casefold() in bought for it in goods)]  # fmt: skip
    items = tuple(ChecklistItem(number=place, title=title, ticks=ticks)
                  for place, (title, ticks) in enumerate(lines, 1))  # fmt: skip
    return replace(entry, title=entry.title or template.title, items=items)


def _bought(desk: Desk, entry: Checklist) -> str | None:
    """Return the names of what the deal is about, folded; `None` when it has no rows or nothing is said of it."""
    about = entry.about
    if about is None or "lines" not in STATE[about.kind].c:
        return None
    key = entity_id(about.connection or OPERATOR, about.kind, about.external_id)
    rows = state.read(desk.connection, about.kind, STATE[about.kind].c.id == key)
    titles = [str(line.get("title", "")) for row in rows for line in row["lines"]]
    return "\n".join(titles).casefold() if titles else None


CHECKLIST = Kind(
    entity=Checklist,
    title="Checklists: what is to be done for a client, who did which line when (S003-24).",
    meanings={
        "client": CLIENT,
        "template": "Which list; see hub checklist templates.",
        "title": "Another heading than the template's.",
        "about": "The deal: KIND/KEY, for example invoice/17; lines for goods that it has not are left out.",
        "created": "When it was begun: what happened since then does its lines; else now.",
        "employee": EMPLOYEE,
    },
    columns=("created", "title", "completed"),
    order="created",
    open_while="completed",
    actions=(
        Action(
            name="new",
            verb="started",
            help="Begin a list for a client.",
            fields=("client", "template", "title", "about", "employee"),
            needs=("client", "template"),
            stamp="created",
            check=_begun,
        ),
    ),
)


def tick(desk: Desk, entry: str, lines: Sequence[int], *, by: str = "", when: str = "") -> Done:
    """Note that these lines are done. Raises EntryError for a line that is not there or done already."""
    key = own_key(desk, CHECKLIST, entry)
    before = entered(desk.connection, Checklist, key)
    at = parse_moment(when, desk.now, desk.office, past=True) if when else desk.now
    if at is None or at > desk.now:
        raise EntryError(f"{when!r} is no time that is over.", field="created")
    who = employee(desk, by, field="by") if by else desk.people.get(desk.by.casefold(), desk.by)
    known = {item.number: item for item in before.items}
    for line in lines:
        if line not in known:
            raise EntryError(f"the list has {len(known)} lines and no line {line}.")
        if (done := known[line].done) is not None:
            raise EntryError(f"line {line} was done {done.astimezone(desk.office.zone):%d.%m.%Y} by {known[line].by}.")
    after = with_done(before, dict.fromkeys(lines, at), who)
    _keep(desk.connection, key, before, after, desk.sources, by=desk.by, now=desk.now)
    return Done(entity_id(OPERATOR, CHECKLIST.name, key), after, ())


def untick(desk: Desk, entry: str, lines: Sequence[int]) -> Done:
    """Take back that these lines are done, by mistake or because it must be done again; the list is open once more.

    Raises EntryError for a line that is not done, and for one that an event did: what happened cannot be unsaid here.
    """
    key = own_key(desk, CHECKLIST, entry)
    before = entered(desk.connection, Checklist, key)
    known = {item.number: item for item in before.items}
    for line in lines:
        if line not in known:
            raise EntryError(f"the list has {len(known)} lines and no line {line}.")
        if known[line].done is None:
            raise EntryError(f"line {line} is not done.")
        if known[line].by == HUB:
            raise EntryError(f"line {line} was done by what happened.", hint="Take the event back, not the line.")
    items = tuple(replace(it, done=None, by="") if it.number in lines else it for it in before.items)
    after = replace(before, items=items, completed=None)
    enter(desk.connection, after, "item_undone", key=key, sources=desk.sources, at=desk.now, by=desk.by, now=desk.now)
    return Done(entity_id(OPERATOR, CHECKLIST.name, key), after, ())


def with_done(before: Checklist, done: Mapping[int, datetime], by: str) -> Checklist:
    """Return the list with these lines done; it is completed when the last one is."""
    items = tuple(replace(it, done=done[it.number], by=by) if it.number in done else it for it in before.items)
    moments = [it.done for it in items]
    completed = max(it for it in moments if it) if all(moments) else None
    return replace(before, items=items, completed=completed)


def derived_ticks(
    items: Iterable[ChecklistItem], created: datetime, happened: Callable[[str, datetime], Sequence[datetime]]
) -> dict[int, datetime]:
    """Return the lines that events do, each with the time of the earliest one since the list was begun.

    `happened` gives the times at which an event of a type happened with the client. Lines that a person did stay as
    they are, and so does one for which no earlier event is known than the one that did it.
    """
    found: dict[int, datetime] = {}
    for item in items:
        if item.done is not None and item.by != HUB:
            continue
        moments = [moment for tick in item.ticks for moment in happened(tick, created)]
        if moments and (item.done is None or min(moments) < item.done):
            found[item.number] = min(moments)
    return found


def due_ticks(world: World) -> dict[str, dict[int, datetime]]:
    """Return for each list that was entered here, by its key, the lines that events have done and nobody noted."""
    found = {}
    for row in world.objects.get("checklist", {}).values():
        client, created = row.get("client"), row.get("created")
        if row.get("connection") != OPERATOR or not client or not isinstance(created, datetime):
            continue
        ticks = derived_ticks(_items(row), created, lambda tick, since, client=client: [  # type: ignore[misc]
            fact.time for fact in world.with_client(tick, client, since)])  # fmt: skip
        if ticks:
            found[str(row["external_id"])] = ticks
    return found


def _items(row: Mapping[str, Any]) -> list[ChecklistItem]:
    return [
        ChecklistItem(
            number=it["number"], title=it["title"], by=it.get("by", ""), ticks=tuple(it.get("ticks", ())),
            done=datetime.fromisoformat(it["done"]).astimezone(UTC) if it.get("done") else None,
        )
        for it in row.get("items", ())
    ]  # fmt: skip


def keep_ticks(
    connection: Connection, ticks: Mapping[str, Mapping[int, datetime]], sources: Sources, now: datetime
) -> None:
    """Note what `due_ticks` found, as done by the hub."""
    for key, lines in sorted(ticks.items()):
        before = entered(connection, Checklist, key)
        still = {it.number for it in before.items if it.done is None or it.by == HUB}
        after = with_done(before, {line: at for line, at in lines.items() if line in still}, HUB)
        _keep(connection, key, before, after, sources, by=HUB, now=now)


def _keep(
    connection: Connection, key: str, before: Checklist, after: Checklist, sources: Sources, *, by: str, now: datetime
) -> None:
    """Write one event for each moment at which lines were done, then that the list is complete."""
    done_before = {it.number: it.done for it in before.items}
    news = [it for it in after.items if it.done != done_before[it.number]]
    for at in sorted({it.done for it in news if it.done}):
        partly = replace(before, items=tuple(
            it if it not in news or (it.done and it.done <= at) else old
            for it, old in zip(after.items, before.items, strict=True)
        ))  # fmt: skip
        enter(connection, partly, "item_done", key=key, sources=sources, at=at, by=by, now=now)
    if after.completed is not None and before.completed is None:
        enter(connection, after, "completed", key=key, sources=sources, at=after.completed, by=by, now=now)
