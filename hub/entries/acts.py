"""What a person does with an entry: read the values as people write them, check them, keep what happened.

The command line and the page say the same words here and get the same errors. The kinds are in `hub.entries.kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, TypeAlias, get_origin

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, select

from hub.config import Config
from hub.entries import enter, entered, new_key, reference_to
from hub.entries.find import find, find_about
from hub.entries.when import EXAMPLES, parse_day, parse_moment
from hub.ingest import ingest
from hub.model.entities import Entity, Reference, field_types
from hub.model.errors import HubError
from hub.model.events import DELETED
from hub.model.values import Money
from hub.normalise import Fact
from hub.projection import OPERATOR, Sources
from hub.reminders.calendars import Calendar
from hub.store import state
from hub.store.log import Entry
from hub.store.parties import entity_id
from hub.store.problems import note
from hub.store.tables import STATE, plain_type
from hub.store.tables import event as event_table
from hub.store.types import instant_text
from hub.yaml_text import nearest

Values: TypeAlias = Mapping[str, Any]
"""Field → what a person said: text as written, or a value of the field's own type."""
PEOPLE = ("employee", "by")
_FLAGS = {"да": True, "yes": True, "true": True, "нет": False, "no": False, "false": False}
_KIND_OF = {"client": "client", "referrer": "client"}
_LONGEST = 20_000


class EntryError(HubError):
    """What was said cannot be entered; `field` names the value that is at fault, if it is one."""

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class Desk(Struct, frozen=True, kw_only=True):
    """Where somebody sits who enters things: the open transaction, the firm, the time, and who it is.

    `people` are employee ids by every name under which they are known, folded; `by` is the name in the audit. `key` is
    that of the entry in hand.
    """

    connection: Connection
    config: Config
    sources: Sources
    office: Calendar
    people: Mapping[str, str]
    now: datetime
    by: str
    key: str = ""

    @property
    def today(self) -> date:
        """Return the office's day."""
        return self.office.local_day(self.now)


Check: TypeAlias = Callable[[Desk, Any, Any], Any]
"""(desk, entry before or None, entry as wanted) → entry to keep; raises EntryError."""


class Action(Struct, frozen=True, kw_only=True):
    """One thing a person can do: `name` is his word, `verb` the event, `stamp` the field that says when it was.

    `fields` may be said and `needs` must be; `fixed` values follow from the action itself.
    """

    name: str
    verb: str
    help: str
    fields: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    stamp: str = ""
    fixed: Values = {}
    check: Check | None = None


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of entry: what its fields mean, what may be chosen, and what can be done with it, `new` first.

    `columns` and `order` are for lists; `open_while` names the field that is empty as long as the entry is open, `over`
    the states in which it is not, although that never came. `past` are fields of what lies behind, besides stamps;
    `rows` read one row of a field from its text.
    """

    entity: type[Entity]
    title: str
    meanings: Mapping[str, str]
    actions: tuple[Action, ...]
    columns: tuple[str, ...]
    order: str
    choices: Mapping[str, tuple[str, ...]] = {}
    ranges: Mapping[str, tuple[int, int]] = {}
    open_while: str = ""
    over: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    rows: Mapping[str, Callable[[Desk, str], Any]] = {}

    @property
    def name(self) -> str:
        """Return the name of the kind."""
        return self.entity.kind

    def action(self, name: str) -> Action:
        """Return the action of that name."""
        return next(it for it in self.actions if it.name == name)


class Done(Struct, frozen=True):
    """What was kept: the id in the store, the entry itself, and the fields that a person or a rule gave."""

    id: str
    entity: Entity
    given: tuple[str, ...]


@cache
def hints_of(entity: type[Entity]) -> dict[str, Any]:
    """Return the plain type of each field: `None` taken away, rows as `tuple`."""
    hints = {name: plain_type(hint) for name, hint in field_types(entity).items() if name != "kind"}
    return {name: tuple if get_origin(hint) is tuple else hint for name, hint in hints.items()}


def begin(desk: Desk, kind: Kind, said: Values, *, action: str = "new", key: str = "") -> Done:
    """Make a new entry. Raises EntryError that names the value which cannot be entered."""
    return _act(desk, kind, kind.action(action), None, key or new_key(), said)


def go_on(desk: Desk, kind: Kind, action: str, entry: str, said: Values) -> Done:
    """Do something with an entry, which is named as in a list. Raises EntryError or HubError."""
    key = own_key(desk, kind, entry)
    return _act(desk, kind, kind.action(action), entered(desk.connection, kind.entity, key), key, said)


def change(desk: Desk, kind: Kind, entry: str, said: Values) -> Done:
    """Correct what was entered: what happened last is kept anew with these values, at its own time."""
    key = own_key(desk, kind, entry)
    before = entered(desk.connection, kind.entity, key)
    if not any(value not in (None, ()) for value in said.values()):
        raise EntryError("nothing is to be changed.", hint="Give at least one value.")
    values = _read(desk, kind, said, set(kind.meanings), (), before)
    after = msgspec.structs.replace(before, **values)
    last = max(_happened(desk.connection, kind.name, key), key=lambda row: (row.time, row.seq))
    after = _checked(desk, kind.actions[0], before, after, key)
    verb = last.type.partition(".")[2]
    enter(desk.connection, after, verb, key=key, sources=desk.sources, at=last.time, by=desk.by, now=desk.now,
          event_id=last.id)  # fmt: skip
    return Done(entity_id(OPERATOR, kind.name, key), after, tuple(values))


def remove(desk: Desk, kind: Kind, entry: str) -> str:
    """Take an entry back that was a mistake, with all that happened to it; return its id. The log keeps both."""
    key = own_key(desk, kind, entry)
    name = f"{kind.name}/{key}"
    gone = [
        Fact(Entry(row.id, f"{kind.name}.{DELETED}", name, instant_text(desk.now), "null", ""),
             Reference(kind.name, key), None)
        for row in _happened(desk.connection, kind.name, key)
    ]  # fmt: skip
    gone.append(Fact(Entry(name, f"{kind.name}.{DELETED}", name, instant_text(desk.now), "null", ""),
                     Reference(kind.name, key), None))  # fmt: skip
    ingest(desk.connection, OPERATOR, gone, desk.sources, desk.now)
    note(desk.connection, who=desk.by, what=f"{kind.name}.{DELETED}", about=name, detail="", now=desk.now)
    return entity_id(OPERATOR, kind.name, key)


def _happened(connection: Connection, kind: str, key: str) -> list[Any]:
    """Return the newest versions of what happened to an entry."""
    table = event_table
    query = select(table).where(table.c.source == OPERATOR, table.c.subject == f"{kind}/{key}")
    newest: dict[str, Any] = {}
    for row in connection.execute(query.order_by(table.c.version)):
        newest[row.id] = row
    return [row for row in newest.values() if row.id != f"{kind}/{key}" and not row.type.endswith(f".{DELETED}")]


def find_entry(desk: Desk, kind: Kind, entry: str) -> dict[str, Any]:
    """Return an entry that is named by id, number or title, or by its client when he has one open entry."""
    try:
        return find(desk.connection, kind.name, entry)
    except HubError:
        only = _only_open_one(desk, kind, entry)
        if only is None:
            raise
        return only


def own_key(desk: Desk, kind: Kind, entry: str) -> str:
    """Return the key of an entry that is named as in `find_entry`. Raises EntryError for one of another system."""
    row = find_entry(desk, kind, entry)
    if row["connection"] != OPERATOR:
        raise EntryError(f"this {kind.name} comes from {row['connection']}.", hint="Change it there.")
    return str(row["external_id"])


def _only_open_one(desk: Desk, kind: Kind, client: str) -> dict[str, Any] | None:
    table, still = STATE[kind.name], is_open(kind)
    if still is None:
        return None
    try:
        found = find(desk.connection, "client", client)
    except HubError:
        return None
    rows = state.read(desk.connection, kind.name, ~table.c.deleted, still, table.c.client_id == found["id"], limit=2)
    return rows[0] if len(rows) == 1 else None


def is_open(kind: Kind) -> ColumnElement[bool] | None:
    """Return the condition of entries that are not at their end; `None` for a kind that has none."""
    table = STATE[kind.name]
    if not kind.open_while:
        return None
    still = table.c[kind.open_while].is_(None)
    return and_(still, table.c.state.not_in(kind.over)) if kind.over else still


def _act(desk: Desk, kind: Kind, action: Action, before: Entity | None, key: str, said: Values) -> Done:
    values = _read(desk, kind, said, {*action.fields, action.stamp} - {""}, action.needs, before)
    at = desk.now
    if action.stamp:
        at = values.setdefault(action.stamp, desk.now)
        _refuse_future(desk, action.stamp, at)
        _refuse_before_its_beginning(kind, before, action.stamp, at)
    given = tuple(values)
    if before is None and "employee" in action.fields and desk.by.casefold() in desk.people:
        values.setdefault("employee", desk.people[desk.by.casefold()])
    for field in msgspec.structs.fields(kind.entity) if before is None else ():
        if field.required:  # a source must say it, a person need not
            values.setdefault(field.name, "")
    values = {**values, **action.fixed}
    wanted = _with_client(desk, msgspec.structs.replace(before, **values) if before else kind.entity(**values))
    after = _checked(desk, action, before, wanted, key)
    moment = getattr(after, action.stamp) if action.stamp else at
    id_ = enter(desk.connection, after, action.verb, key=key, sources=desk.sources, at=moment, by=desk.by,
                now=desk.now)  # fmt: skip
    said_by_rule = tuple(name for name in after.__struct_fields__
                         if name not in given and getattr(after, name) != getattr(before or wanted, name))  # fmt: skip
    return Done(id_, after, (*given, *said_by_rule))


def _checked(desk: Desk, action: Action, before: Entity | None, after: Entity, key: str) -> Entity:
    if action.check is None:
        return after
    kept: Entity = action.check(msgspec.structs.replace(desk, key=key), before, after)
    return kept


def _refuse_future(desk: Desk, field: str, at: datetime) -> None:
    if at > desk.now:
        raise EntryError("that time is still to come.", field=field, hint="Enter what has happened.")


def _refuse_before_its_beginning(kind: Kind, before: Entity | None, field: str, at: datetime) -> None:
    first = kind.actions[0].stamp
    begun = getattr(before, first) if before and first else None
    if isinstance(begun, datetime) and at < begun:
        raise EntryError(f"that is before it was {kind.actions[0].verb}.", field=field)


def _with_client(desk: Desk, entity: Entity) -> Entity:
    """Return the entry with the client of what it speaks of, when he is not named himself."""
    if getattr(entity, "client", "") is not None:
        return entity
    for name, hint in hints_of(type(entity)).items():
        named = getattr(entity, name)
        if hint is Reference and isinstance(named, Reference) and name not in _KIND_OF:
            table = STATE[named.kind]
            row = entity_id(named.connection, named.kind, named.external_id)
            if "client_id" in table.c:
                client = desk.connection.execute(select(table.c.client_id).where(table.c.id == row)).scalar()
                if client:
                    return msgspec.structs.replace(entity, client=reference_to(desk.connection, "client", client))
    return entity


def _read(desk: Desk, kind: Kind, said: Values, allowed: set[str], needs: tuple[str, ...], before: Entity | None
          ) -> dict[str, Any]:  # fmt: skip
    given = {name: value for name, value in said.items() if value not in (None, "", ())}
    for name in given:
        if name not in allowed:
            raise EntryError(f"{name} is not said here.", field=name, hint=nearest(name, sorted(allowed)))
    missing = [name for name in needs if name not in given and not (before and getattr(before, name))]
    if missing:
        raise EntryError(f"{', '.join(missing)} must be said.", field=missing[0])
    client = ""
    values: dict[str, Any] = {}
    for name in sorted(given, key=lambda it: it not in _KIND_OF):  # the client first: he narrows what else is meant
        values[name] = read_value(desk, kind, name, given[name], client=client)
        if name == "client" and isinstance(given[name], str):
            client = str(find(desk.connection, "client", given[name])["id"])
    return values


def read_value(desk: Desk, kind: Kind, name: str, value: Any, *, client: str = "") -> Any:
    """Return the value of a field as typed; what is no text is taken as it is. Raises EntryError naming the field."""
    if name in kind.rows and isinstance(value, tuple | list):
        return tuple(kind.rows[name](desk, row.strip()) if isinstance(row, str) else row for row in value)
    if not isinstance(value, str):
        return value
    text, hint = value.strip(), hints_of(kind.entity)[name]
    if len(text) > _LONGEST:
        raise EntryError(f"longer than {_LONGEST} characters.", field=name)
    refuse_unlisted(desk, kind.name, name, text)
    if name in kind.choices and text not in kind.choices[name]:
        choices = kind.choices[name]
        raise EntryError(f"{text!r} is none of {', '.join(choices)}.", field=name, hint=nearest(text, list(choices)))
    if name in PEOPLE:
        return employee(desk, text, field=name)
    if hint is Reference:
        return _reference(desk, name, text, client)
    typed = _typed(desk, hint, text, past=_is_past(kind, name))
    if typed is None:
        raise EntryError(f"{text!r} cannot be understood.", field=name, hint=_EXPECTED[hint])
    if name in kind.ranges and not kind.ranges[name][0] <= typed <= kind.ranges[name][1]:
        low, high = kind.ranges[name]
        raise EntryError(f"{typed} is not between {low} and {high}.", field=name)
    return typed


def refuse_unlisted(desk: Desk, kind: str, name: str, text: str) -> None:
    """Refuse a value that is none of those the firm permits for the field (S002-14)."""
    permitted = desk.config.model.entering.options.get(f"{kind}.{name}")
    if permitted and text not in permitted:
        raise EntryError(f"{text!r} is none of {', '.join(permitted)}.", field=name,
                         hint=nearest(text, list(permitted)))  # fmt: skip


def employee(desk: Desk, text: str, *, field: str = "employee") -> str:
    """Return the id of an employee by any name he is known under. Raises EntryError."""
    known = desk.people.get(text.casefold())
    if known is None and desk.people:
        ids = sorted(set(desk.people.values()))
        raise EntryError(f"no employee is called {text!r}.", field=field, hint=nearest(text, ids))
    return known or text


def _reference(desk: Desk, name: str, text: str, client: str) -> Reference:
    try:
        if name == "about":
            kind, row = find_about(desk.connection, text, client=client)
        else:
            kind = _KIND_OF.get(name, name)
            row = find(desk.connection, kind, text, client=client)
        return reference_to(desk.connection, kind, str(row["id"]))
    except EntryError:
        raise
    except HubError as error:
        raise EntryError(str(error), field=name) from error


def _is_past(kind: Kind, name: str) -> bool:
    return name in kind.past or any(name == action.stamp for action in kind.actions)


def _typed(desk: Desk, hint: Any, text: str, *, past: bool) -> Any:
    """Return the value that a text means, `None` when it means none of this type."""
    if hint is int:
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    if hint is bool:
        return _FLAGS.get(text.casefold())
    if hint is date:
        return parse_day(text, desk.now, desk.office, past=past)
    if hint is datetime:
        return parse_moment(text, desk.now, desk.office, past=past)
    return Money.parse(text) if hint is Money else text


_EXPECTED = {
    int: "Write a whole number.",
    bool: "Write yes or no.",
    date: "Write a day such as завтра, через 2 недели, в пятницу, 15.12 or 2026-12-15.",
    datetime: f"Write a time such as {EXAMPLES}.",
    Money: "Write an amount such as 12 500,00.",
}
