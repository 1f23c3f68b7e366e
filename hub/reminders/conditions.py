"""Conditions over facts: `{field: ticket.priority, eq: urgent}` and `{any: [...]}`, typed when the rule is loaded.

Operators: eq ne in contains gt ge lt le exists missing older newer. `contains` looks for a text within a text, case
aside; of a list within each item, of files within their names. A field that nobody says fails every operator except
`ne`, `missing` and `older` (a client who was never called was called too long ago). `older: 7d` holds from the field's
time plus the span on, `newer: 30d` before it. In `resolve` a value may be a field of the reminder's subject:
`{field: contract.start, le: {subject: contract.end, plus: 1d}}`; when the subject does not say it, the condition holds.
"""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct, convert

from hub.model.entities import ENTITIES, Bounce
from hub.model.parts import number_of, part_of
from hub.model.values import Money, parse_decimal
from hub.reminders.calendars import Span
from hub.reminders.clock import Clock
from hub.reminders.derived_entries import TYPES
from hub.reminders.world import Fact, Path, World, said

OPERATORS = ("eq", "ne", "in", "contains", "gt", "ge", "lt", "le", "exists", "missing", "older", "newer")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}

_TYPES = {
    "str": "text", "int": "number", "Money": "money", "date": "day", "datetime": "moment", "bool": "flag",
    "Reference": "text",
}  # fmt: skip


def _type(annotation: str) -> str:
    return _TYPES.get(annotation.partition(" ")[0].removeprefix("dt."), "list")


def _fields() -> dict[str, dict[str, str]]:
    known = {
        kind: {name: _type(entity.__annotations__[name]) for name in entity.__struct_fields__}
        for kind, entity in ENTITIES.items()
    }
    for kind, extra in _EXTRA.items():
        known.setdefault(kind, {}).update(extra)
    for (kind, field), form in TYPES.items():
        known.setdefault(kind, {})[field] = form
    for kind, fields in known.items():
        fields["id"] = "text"
        fields["at"] = "moment"
        if kind != "client":
            fields["client"] = "text"
    return known


_EXTRA: Mapping[str, Mapping[str, str]] = {
    "call": {"from": "text", "candidates": "text", "is_first": "flag"},
    "client": {"next_contact": "day"},
    "message": {"employee": "text", "trouble": "text"},
    "month": {"employee": "text", "end": "day"},
    "workday": {"employee": "text", "day": "day", "plan": "text", "on_probation": "flag"},
    "invoice": {"amount": "money"},
    "document": {
        "kind": "text", "number": "text", "version": "number", "title": "text", "state": "text", "issued_at": "moment",
        "needs_signature": "flag", "by": "text",
    },
    "connection": {"name": "text", "read_at": "moment", "expected": "moment"},
}  # fmt: skip

FIELDS = _fields()
"""What a rule may name: kind → field → text, number, money, day, moment, flag or list."""

FIGURES = {"count": "number", "attempts": "number", "year": "number", "stage": "text"}
"""Figures of the reminder itself, for texts and keys."""

_VERBS = {
    "call": "started ringing connected missed unanswered ended",
    "ticket": "created assigned status priority reopened commented solved closed cancelled",
    "message": "received sent answered bounced",
    "contract": "created signed ended",
    "invoice": "issued paid overdue",
    "payment": "received",
    "survey": "answered explained",
    "complaint": "filed acknowledged corrected confirmed withdrawn",
    "note": "written",
    "promise": "given",
    "decision": "made",
    "referral": "created moved ticket_solved won lost",
    "checklist": "started item_done item_undone completed",
    "project": "started created called accepted papers_collected closed refused",
    "offer": "made added dropped sent received answered accepted refused",
    "handover": "made",
    "purchase": "requested ready",
    "questionnaire": "answered",
    "meeting": "held",
    "diary": "written",
    "task": "given done",
    "campaign": "published sent",
    "occasion": "noted",
    "trait": "noted",
    "term": "learnt",
    "shipment": "ordered picked_up status delivered failed eta_changed",
    "document": "issued sent delivered signed_ours signed_theirs signed_back archived cancelled",
}
HAPPENING = tuple(kind for kind in _VERBS if kind in ENTITIES)
"""The kinds of things sources speak of to which something can happen."""
_OCCURRENCES = {f"{kind}.{verb}" for kind, verbs in _VERBS.items() for verb in verbs.split()}
EVENTS = frozenset(_OCCURRENCES | {f"{kind}.observed" for kind in FIELDS})
"""Event types a rule may name; a misspelt type would silence the rule."""


class SubjectField(Struct, frozen=True):
    """A value taken from the reminder's subject, moved by a span."""

    path: Path
    plus: Span = Span()


class Condition(Struct, frozen=True):
    """One comparison; `operand` is typed after the field, `text` is the condition as it is written."""

    path: Path
    operator: str
    operand: Any
    text: str


class AnyOf(Struct, frozen=True):
    """At least one of the conditions."""

    conditions: tuple[Condition, ...]


Check: TypeAlias = Condition | AnyOf


class Scene:
    """What a path means for one reminder or one closing event.

    `kind` and `subject` are what it is about, `fact` what raised it. With `fact_first` the fact's own fields go before
    the current ones: conditions of a trigger speak of then, everything else of now.
    """

    __slots__ = ("client", "clock", "fact", "fact_first", "figures", "kind", "of", "subject", "world")

    def __init__(
        self,
        world: World,
        clock: Clock,
        kind: str,
        subject: str,
        *,
        fact: Fact | None = None,
        of: Scene | None = None,
        client: str | None = None,
    ) -> None:
        self.world = world
        self.clock = clock
        self.kind = kind
        self.subject = subject
        self.fact = fact
        self.of = of
        self.fact_first = fact is not None
        self.figures: Mapping[str, Any] = _NO_FIGURES
        given = fact.client if fact else world.get(kind, subject).get("client")
        self.client: str | None = subject if kind == "client" else given or client or None

    @property
    def part(self) -> str:
        """Return the part of the world this is about: nothing in another part has any influence on it."""
        return part_of(self.kind, self.subject, self.client, self.fact.fields if self.fact else {})

    def get(self, path: Path) -> Any:
        """Return the value of the path, `None` when nobody says it."""
        kind, field = path
        if not kind:
            return self.figures.get(field)
        if kind == "client" and self.kind != "client":
            return self.world.value("client", self.client, field) if self.client else None
        if kind != self.kind:
            return None
        if self.fact is None:
            return self.world.value(kind, self.subject, field)
        return self._of_fact(self.fact, field)

    def _of_fact(self, fact: Fact, field: str) -> Any:
        special = _OF_FACT.get(field) or _OF_FACT.get(f"{fact.kind}.{field}")
        if special:
            return special(self.world, fact)
        then = fact.fields.get(field)
        if self.fact_first and said(then):
            return then
        current = self.world.value(fact.kind, fact.subject, field)
        return current if said(current) else then


def _employee(world: World, fact: Fact) -> str:
    """Return which of our people wrote the letter or got it, by the mailbox; empty for a shared one."""
    people = {str(row.get("mail")).casefold(): key for key, row in world.objects.get("employee", {}).items()
              if row.get("mail")}  # fmt: skip
    sender = [fact.fields.get("sender")] if fact.fields.get("direction") == "outbound" else []
    named = [*sender, *(fact.fields.get("recipients") or ())]
    return next((people[it.casefold()] for it in named if it and it.casefold() in people), "")


def _is_first(world: World, fact: Fact) -> bool:
    """Tell whether nobody has talked with this number before."""
    talks = world.with_number("call.connected", number_of(fact.fields))
    return all(talk.subject == fact.subject for talk in talks if talk.time <= fact.time)


def _trouble(_world: World, fact: Fact) -> str:
    """Return why a letter came back; of several recipients the trouble that needs us most counts."""
    found = {it.trouble for it in convert(fact.fields.get("bounces") or (), tuple[Bounce, ...])}
    return next((it for it in ("address", "full", "refused", "later") if it in found), "unknown")


_OF_FACT: Mapping[str, Callable[[World, Fact], Any]] = {
    "id": lambda _, fact: fact.subject,
    "at": lambda _, fact: fact.time,
    "client": lambda _, fact: fact.client,
    "call.from": lambda _, fact: number_of(fact.fields) or "hidden",
    "call.candidates": lambda world, fact: ", ".join(world.sharers(number_of(fact.fields))),
    "call.is_first": _is_first,
    "message.employee": _employee,
    "message.trouble": _trouble,
}
"""What is asked of an event and is no field of the thing it happened to."""
_NO_FIGURES: Mapping[str, Any] = {}


def holds(check: Check, scene: Scene) -> bool:
    """Tell whether the condition holds in the scene."""
    if isinstance(check, AnyOf):
        return any(holds(condition, scene) for condition in check.conditions)
    actual = scene.get(check.path)
    operator, operand = check.operator, check.operand
    compare = _COMPARE.get(operator)
    if compare is None:
        if operator in ("exists", "missing"):
            return said(actual) is (operand is (operator == "exists"))
        return _aged(actual, operand, scene) is (operator == "older")
    if operand.__class__ is SubjectField:
        operand = _subject_value(operand, scene)
        if operand is None:
            return True
    if not said(actual):
        return operator == "ne"
    if actual.__class__ is not operand.__class__:
        actual = _plain(actual, operand, scene)
    try:
        return bool(compare(actual, operand))
    except TypeError:
        return False


def all_hold(checks: tuple[Check, ...], scene: Scene) -> bool:
    """Tell whether all conditions hold."""
    for check in checks:  # a generator would cost more than most of the conditions  # noqa: SIM110
        if not holds(check, scene):
            return False
    return True


def clock_of(checks: tuple[Check, ...]) -> Condition | None:
    """Return the condition by which a scan begins at a known instant: the `older` among the conditions."""
    return next((check for check in checks if isinstance(check, Condition) and check.operator == "older"), None)


def kinds_of(check: Check) -> set[str]:
    """Return the kinds of things that a condition asks about."""
    return {each.path[0] for each in (check.conditions if isinstance(check, AnyOf) else (check,))}


def describe(check: Check) -> str:
    """Return the condition as it is written in the rule."""
    return check.text if isinstance(check, Condition) else " or ".join(each.text for each in check.conditions)


def parse_operand(kind: str, text: str) -> Any:
    """Type the text of an operand after its field; `None` when it is no such value."""
    if kind in ("number", "money"):
        return parse_decimal(text)
    if kind == "flag":
        return _FLAGS.get(text.lower())
    try:
        if kind == "day":
            return date.fromisoformat(text)
        if kind == "moment":
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else None
    except ValueError:
        return None
    return text


def _aged(actual: object, span: Span, scene: Scene) -> bool:
    moment = scene.world.moment(actual)
    return moment is None or scene.clock.reached(scene.world.calendars.get("office").add(moment, span))


def _subject_value(operand: SubjectField, scene: Scene) -> Any:
    value = scene.of.get(operand.path) if scene.of else None
    if not said(value):
        return None
    if operand.plus == Span():
        return _plain(value, None, scene)
    moment = scene.world.moment(value)
    if moment is None:
        return None
    moved = scene.world.calendars.get("office").add(moment, operand.plus)
    return moved if isinstance(value, datetime) else moved.astimezone(scene.world.calendars.zone).date()


def _plain(actual: object, operand: object, scene: Scene) -> Any:
    """Bring the value to the form of the operand, so that only like is compared with like."""
    if isinstance(actual, Money):
        return actual.amount
    if isinstance(actual, datetime) and isinstance(operand, date) and not isinstance(operand, datetime):
        return actual.astimezone(scene.world.calendars.zone).date()
    if isinstance(actual, str) and isinstance(operand, Decimal):
        return parse_decimal(actual)
    return actual


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operators.eq,
    "ne": operators.ne,
    "gt": operators.gt,
    "ge": operators.ge,
    "lt": operators.lt,
    "le": operators.le,
    "in": lambda actual, operand: actual in operand,
    "contains": lambda actual, operand: any(operand.casefold() in text.casefold() for text in _texts(actual)),
}


def _texts(value: object) -> list[str]:
    """Return the texts that are looked into: of a list its items, of an item with a name its name."""
    if isinstance(value, (tuple, list)):
        return [text for item in value for text in _texts(item)]
    named = value.get("name") if isinstance(value, Mapping) else getattr(value, "name", None)
    return [str(value if named is None else named)]
