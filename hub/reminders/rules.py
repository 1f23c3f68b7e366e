"""Rules: read YAML files into frozen structs, strictly, because a misspelt key must not silence a rule.

A file holds one rule or a list of rules. Rules of the package and of plugins come first; the firm's own override by id:
either the whole rule is written anew, or `{id: weekly_call, enabled: false}` switches it off. Two shipped rules, or two
of the firm's own, with one id are an error.

A rule has exactly one trigger:

    {event: [call.missed], for: 15s}                      something happened (and nothing closed it for that long)
    {scan: ticket, since: ticket.priority_since}          the conditions hold now; the clock runs from that field, or
                                                          from the one `older` condition, or from the start of use
    {date: contract.end, offsets: [-60d, +5bd]}           a day, with offsets; each year with `yearly: true`, unless
                                                          the thing says `is_yearly: false`; `each: client` makes one
                                                          reminder for each client of a thing that names no client

`stages` divide the way of a reminder, each with a clock of its own instead of `due` and `escalate` of the rule:

    stages:
      - {name: assigned, title: "назначить специалиста", done: [{field: ticket.specialist, exists: true}],
         at: ticket.assigned_at, due: {after: 15m, calendar: always}}
      - {name: solved, title: "решить", due: {after: 4h}}      the last one ends with `resolve`

A scan and a date end as well when the conditions no longer hold; `over` says in words what that means.

`enforce_from: install` (or a day) keeps old facts quiet: events and `since` before it raise nothing; a date raises
nothing for offsets before it unless the date itself lies after it; an `older` clock starts at it at the earliest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, time
from pathlib import Path as File
from typing import Any, TypeAlias

from msgspec import Struct

from hub.model.errors import SettingsError
from hub.reminders.calendars import CALENDARS, Span, parse_span, parse_time
from hub.reminders.conditions import EVENTS, FIELDS, Check, Condition
from hub.reminders.reading import Node, read_checks
from hub.reminders.texts import Template, field_type
from hub.reminders.world import Path
from hub.yaml_text import Document, load_file, nearest

BUILTIN = File(__file__).parent / "builtin"
SEVERITIES = ("urgent", "important", "normal", "info")
CHANNELS = ("desktop", "mail", "telegram")
CARDS = ("tickets", "debts", "contract", "last_talk", "fee", "phones")
ON_REPEAT = ("ignore", "count", "restart", "parallel")


class EventTrigger(Struct, frozen=True):
    """Events of these types; with `hold` the reminder appears when nothing closed it for that long."""

    types: tuple[str, ...]
    kind: str
    hold: Span = Span()


class ScanTrigger(Struct, frozen=True):
    """Objects of a kind for which the conditions hold."""

    kind: str
    since: Path | None = None


class DateTrigger(Struct, frozen=True):
    """A day of an object and the offsets at which the reminder is raised."""

    kind: str
    path: Path
    offsets: tuple[Span, ...]
    yearly: bool = False
    each_client: bool = False


Trigger: TypeAlias = EventTrigger | ScanTrigger | DateTrigger


class DueSpec(Struct, frozen=True):
    """How the due time follows from the trigger: after a span, at a time of that day or the next business day, or at
    the time that a field says."""

    after: Span = Span()
    field: Path | None = None
    next_business_day: bool = False
    clock: time | None = None
    calendar: str = "office"
    not_before: str = ""


class Closing(Struct, frozen=True):
    """One way to close a reminder: an event or the state of an object; `words` says it to people."""

    words: str
    kind: str
    events: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    since: str | Path = "trigger"
    where: tuple[Check, ...] = ()


class Escalation(Struct, frozen=True):
    """One step up: after a span or at a field's time, if nobody acknowledged (or nothing closed) it, to all of `to`."""

    to: tuple[str, ...]
    unless: str
    after: Span | None = None
    anchor: Path | None = None
    calendar: str = "office"


class Stage(Struct, frozen=True, kw_only=True):
    """One part of the way with its own clock, which runs from the moment at which the part before was done.

    `done` says that it is behind us (never for the last one: `resolve` ends it), `at` since when; `title` says to
    people what is to be done now.
    """

    name: str
    title: str
    done: tuple[Check, ...] = ()
    at: Path | None = None
    due: DueSpec = DueSpec()
    escalate: tuple[Escalation, ...] = ()


class Snooze(Struct, frozen=True):
    """How long at a time and how often a reminder may be put off."""

    longest: Span
    times: int


class Rule(Struct, frozen=True, kw_only=True):
    """One rule, ready to evaluate."""

    id: str
    title: Template
    why: Template
    trigger: Trigger
    key: Template
    place: str
    seeds: tuple[str, ...] = ()
    enabled: bool = True
    enforce_from: date | None = None
    where: tuple[Check, ...] = ()
    on_repeat: str = "count"
    due: DueSpec = DueSpec()
    warn: Span = Span()
    assign: tuple[str, ...] = ("client.manager", "role:duty", "role:head")
    severity: str = "normal"
    channels: tuple[str, ...] = ()
    resolve: tuple[Closing, ...] = ()
    attempts: tuple[Closing, ...] = ()
    over: str = ""
    cancel: tuple[Check, ...] = ()
    snooze: Snooze = Snooze(parse_span("1d") or Span(), 3)
    escalate: tuple[Escalation, ...] = ()
    stages: tuple[Stage, ...] = ()
    max_firings: int = 5
    expire: Span | None = None
    produce: tuple[tuple[str, str], ...] = ()
    script: tuple[Template, ...] = ()
    card: tuple[str, ...] = ()


def load_rules(shipped: Sequence[File] = (BUILTIN,), own: File | None = None) -> tuple[Rule, ...]:
    """Read all rules, by id. Raises SettingsError with file and line for the first mistake."""
    rules, mistakes = read_all(shipped, own)
    if mistakes:
        raise mistakes[0]
    return rules


def read_all(
    shipped: Sequence[File] = (BUILTIN,), own: File | None = None
) -> tuple[tuple[Rule, ...], tuple[SettingsError, ...]]:
    """Read all rules, by id, and every mistake. A wrong file stops only itself; what it was to replace stays."""
    mistakes: list[SettingsError] = []
    rules = _unique(_read_folders(shipped, mistakes), mistakes)
    for rule_id, value in _unique(_read_folders([own] if own else [], mistakes), mistakes).items():
        if isinstance(value, Rule):
            rules[rule_id] = value
        elif rules.pop(rule_id, None) is None:
            hint = nearest(rule_id, [*rules])
            mistakes.append(SettingsError(f"{value.place}: there is no rule {rule_id!r}.", hint=hint))
    found = (rule for _, rule in sorted(rules.items()))
    return tuple(rule for rule in found if isinstance(rule, Rule) and rule.enabled), tuple(mistakes)


def read_rules(document: Document) -> list[Rule | _SwitchedOff]:
    """Read the rules of one file."""
    root = Node(document, (), document.data)
    nodes = root.items() if isinstance(document.data, list) else [root]
    return [_rule(node) for node in nodes]


class _SwitchedOff(Struct, frozen=True):
    """A file that only says `enabled: false` of a shipped rule."""

    id: str
    place: str


def _read_folders(folders: Iterable[File], mistakes: list[SettingsError]) -> Iterable[Rule | _SwitchedOff]:
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        try:
            yield from read_rules(load_file(path))
        except SettingsError as mistake:
            mistakes.append(mistake)


def _unique(rules: Iterable[Rule | _SwitchedOff], mistakes: list[SettingsError]) -> dict[str, Rule | _SwitchedOff]:
    known: dict[str, Rule | _SwitchedOff] = {}
    for rule in rules:
        if before := known.get(rule.id):
            mistakes.append(SettingsError(f"{rule.place}: the rule {rule.id!r} stands at {before.place} as well."))
        known.setdefault(rule.id, rule)
    return known


def _rule(node: Node) -> Rule | _SwitchedOff:
    allowed = [*(name for name in Rule.__struct_fields__ if name != "place")]
    place = node.document.where(node.path)
    if isinstance(node.value, dict) and set(node.value) == {"id", "enabled"} and node.value["enabled"] == "false":
        return _SwitchedOff(_id(node.mapping(allowed)["id"]), place)
    keys = node.mapping(allowed, ["id", "title", "why", "trigger", "key"])
    trigger = _trigger(keys["trigger"])
    kinds = sorted({trigger.kind, "client"})
    readers: dict[str, Any] = {
        "id": _id,
        "title": lambda each: each.template(kinds),
        "why": lambda each: each.template(kinds),
        "key": lambda each: each.template(kinds),
        "trigger": lambda _: trigger,
        "seeds": lambda each: tuple(item.text() for item in each.items()),
        "enabled": Node.flag,
        "enforce_from": _enforce_from,
        "where": lambda each: read_checks(each, kinds),
        "on_repeat": lambda each: each.choice(ON_REPEAT),
        "due": lambda each: _due(each, trigger),
        "warn": lambda each: each.mapping(["before"], ["before"])["before"].span(),
        "assign": lambda each: _people(each, kinds),
        "severity": lambda each: each.choice(SEVERITIES),
        "channels": lambda each: tuple(_id(item) for item in each.items()),
        "resolve": lambda each: tuple(_closing(item, trigger) for item in each.items()),
        "attempts": lambda each: tuple(_closing(item, trigger) for item in each.items()),
        "over": Node.text,
        "cancel": lambda each: read_checks(each, kinds),
        "snooze": _snooze,
        "escalate": lambda each: tuple(_escalation(item, trigger, kinds) for item in each.items()),
        "stages": lambda each: _stages(each, trigger, kinds),
        "max_firings": Node.number,
        "expire": _expire,
        "produce": lambda each: tuple(_product(item) for item in each.items()),
        "script": lambda each: tuple(item.template(kinds) for item in each.items()),
        "card": lambda each: tuple(item.choice(CARDS) for item in each.items()),
    }
    rule = Rule(place=place, **{name: readers[name](value) for name, value in keys.items()})
    older = [check for check in rule.where if isinstance(check, Condition) and check.operator == "older"]
    if len(older) > 1 or (older and isinstance(trigger, ScanTrigger) and trigger.since):
        raise keys["where"].error("a rule has one clock: one `older` condition or `since`, not several.")
    if rule.stages and (twice := next((name for name in ("due", "escalate") if name in keys), None)):
        raise keys[twice].error(f"each stage has its own {twice!r}.", "Move it into the stages.")
    return rule


def _id(node: Node) -> str:
    text = node.text()
    if not text.isascii() or not text.replace("_", "a").isalnum() or not text.islower():
        raise node.error(f"{text!r} is no rule id.", "Write small Latin letters, digits and underscores.")
    return text


def _trigger(node: Node) -> Trigger:
    keys = node.mapping(["event", "for", "scan", "since", "date", "offsets", "yearly", "each"])
    given = [name for name in ("event", "scan", "date") if name in keys]
    if len(given) != 1:
        raise node.error("a rule has exactly one trigger.", "Give one of event, scan and date.")
    fitting = {"event": {"event", "for"}, "scan": {"scan", "since"}, "date": {"date", "offsets", "yearly", "each"}}[
        given[0]
    ]
    for name, stray in keys.items():
        if name not in fitting:
            raise stray.error(f"the key {name!r} does not go with {given[0]!r}.")
    if "event" in keys:
        types = _events(keys["event"])
        return EventTrigger(types, types[0].partition(".")[0], keys["for"].span() if "for" in keys else Span())
    if "scan" in keys:
        kind = keys["scan"].choice(FIELDS)
        return ScanTrigger(kind, _typed_field(keys["since"], [kind], ("moment", "day")) if "since" in keys else None)
    path = _typed_field(keys["date"], FIELDS, ("day", "moment"))
    offsets = [each.span(signed=True) for each in keys["offsets"].items()] if "offsets" in keys else [Span()]
    if not offsets or any(span.business_hours for span in offsets):
        raise keys["offsets"].error("offsets are days such as -60d or +5bd.")
    each_client = "each" in keys and keys["each"].choice(["client"]) == "client"
    yearly = keys["yearly"].flag() if "yearly" in keys else False
    return DateTrigger(path[0], path, tuple(offsets), yearly, each_client)


def _typed_field(node: Node, kinds: Collection[str], types: tuple[str, ...]) -> Path:
    path = node.field(kinds)
    if field_type(path) not in types:
        raise node.error(f"{node.text()!r} is {field_type(path)}, not {' or '.join(types)}.")
    return path


def _events(node: Node) -> tuple[str, ...]:
    types = tuple(each.choice(EVENTS) for each in node.one_or_more())
    if len({name.partition(".")[0] for name in types}) != 1:
        raise node.error("all events of one list are about things of one kind.")
    return types


def _enforce_from(node: Node) -> date | None:
    text = node.text()
    if text == "install":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise node.error(f"{text!r} is neither `install` nor a day such as 2026-11-01.") from error


def _due(node: Node, trigger: Trigger) -> DueSpec:
    keys = node.mapping(["after", "offset", "at", "time", "calendar", "not_before"])
    if "offset" in keys and not isinstance(trigger, DateTrigger):
        raise keys["offset"].error("offset counts from the day of a date trigger.", "Write after.")
    if sum(name in keys for name in ("after", "offset", "at")) > 1:
        raise node.error("give one of after, offset and at.")
    field = None
    if "at" in keys and "." in keys["at"].text():
        field = _typed_field(keys["at"], [trigger.kind], ("moment", "day"))
    elif "at" in keys:
        keys["at"].choice(["next_business_day"])
    clock = parse_time(keys["time"].text()) if "time" in keys else None
    if "time" in keys and clock is None:
        raise keys["time"].error("a time is written 10:00.")
    span = keys.get("after") or keys.get("offset")
    return DueSpec(
        after=span.span(signed="offset" in keys) if span else Span(),
        field=field,
        next_business_day="at" in keys and field is None,
        clock=clock,
        calendar=keys["calendar"].choice(CALENDARS) if "calendar" in keys else "office",
        not_before=keys["not_before"].choice(["client_morning"]) if "not_before" in keys else "",
    )


def _people(node: Node, kinds: Collection[str]) -> tuple[str, ...]:
    return (*(_person(each, kinds) for each in node.one_or_more()), "role:duty", "role:head")


def _person(node: Node, kinds: Collection[str]) -> str:
    text = node.text()
    if not text.startswith("role:"):
        node.field(kinds)
    elif not text.removeprefix("role:").replace("_", "a").isalnum():
        raise node.error(f"{text!r} names no role.", "Write role:head, role:duty or a role of the firm.")
    return text


def _closing(node: Node, trigger: Trigger) -> Closing:
    keys = node.mapping(["event", "object", "match", "since", "where", "words"], ["words"])
    if ("event" in keys) == ("object" in keys):
        raise node.error("give one of event and object.")
    events = _events(keys["event"]) if "event" in keys else ()
    kind = events[0].partition(".")[0] if events else keys["object"].choice(FIELDS)
    same = keys["match"].mapping(["same"], ["same"])["same"] if "match" in keys else None
    known = ["client", "number", "subject"] if events else ["client", "subject"]
    if not events and "since" in keys:
        raise keys["since"].error("`since` goes with event; the state of an object is that of now.")
    return Closing(
        words=keys["words"].text(),
        kind=kind,
        events=events,
        same=tuple(item.choice(known) for item in same.items()) if same else ("subject",),
        since=_since(keys["since"], trigger) if "since" in keys else "trigger",
        where=read_checks(keys["where"], sorted({kind, "client"}), trigger.kind) if "where" in keys else (),
    )


def _since(node: Node, trigger: Trigger) -> str | Path:
    if node.text() in ("trigger", "ever"):
        return node.text()
    return _typed_field(node, [trigger.kind], ("moment", "day"))


def _snooze(node: Node) -> Snooze:
    keys = node.mapping(["max", "times"], ["max"])
    return Snooze(keys["max"].span(), keys["times"].number() if "times" in keys else 3)


def _expire(node: Node) -> Span:
    keys = node.mapping(["after", "as"], ["after"])
    if "as" in keys:
        keys["as"].choice(["unresolved"])
    return keys["after"].span()


def _escalation(node: Node, trigger: Trigger, kinds: Collection[str]) -> Escalation:
    keys = node.mapping(["after", "at", "if", "calendar", "to"], ["to", "if"])
    if ("after" in keys) == ("at" in keys):
        raise node.error("give one of after and at.")
    after: Span | None
    anchor: Path | None = None
    if "after" in keys:
        after = keys["after"].span()
    else:
        after, anchor = _anchored(keys["at"], trigger)
    to = tuple(_person(each, kinds) for each in keys["to"].one_or_more())
    if not to:
        raise keys["to"].error("an escalation needs somebody to go to.")
    unless = keys["if"].choice(["not_acked", "not_resolved"])
    return Escalation(to, unless, after, anchor, keys["calendar"].choice(CALENDARS) if "calendar" in keys else "office")


def _stages(node: Node, trigger: Trigger, kinds: Collection[str]) -> tuple[Stage, ...]:
    nodes = node.items()
    stages = tuple(_stage(item, trigger, kinds, is_last=item is nodes[-1]) for item in nodes)
    if len({stage.name for stage in stages}) != len(stages) or len(stages) < 2:
        raise node.error("stages are two or more, each with a name of its own.")
    return stages


def _stage(node: Node, trigger: Trigger, kinds: Collection[str], *, is_last: bool) -> Stage:
    needed = ["name", "title", "due"] if is_last else ["name", "title", "due", "done", "at"]
    keys = node.mapping([*needed, "escalate"], needed)
    return Stage(
        name=_id(keys["name"]),
        title=keys["title"].text(),
        done=() if is_last else read_checks(keys["done"], kinds),
        at=None if is_last else _typed_field(keys["at"], [trigger.kind], ("moment", "day")),
        due=_due(keys["due"], trigger),
        escalate=tuple(_escalation(item, trigger, kinds) for item in keys["escalate"].items())
        if "escalate" in keys
        else (),
    )


def _anchored(node: Node, trigger: Trigger) -> tuple[Span, Path]:
    """Read `contract.end - 14d`, `contract.end` or, for a date trigger, `+15bd`."""
    text = node.text()
    cut = next((place for place, sign in enumerate(text) if sign in "+-"), len(text))
    name, span_text = text[:cut].strip(), text[cut:].strip()
    span = parse_span(span_text) if span_text else Span()
    if span is None:
        raise node.error(f"{span_text!r} is not a duration.", "Write - 14d or +5bd.")
    if not name and isinstance(trigger, DateTrigger):
        return span, trigger.path
    if not name:
        raise node.error("name the field from which the time counts.", "Write contract.end - 14d.")
    return span, _typed_field(Node(node.document, node.path, name), [trigger.kind], ("day", "moment"))


def _product(node: Node) -> tuple[str, str]:
    keys = node.mapping(["document", "mail", "checklist"])
    if len(keys) != 1:
        raise node.error("give one of document, mail and checklist.")
    kind, value = next(iter(keys.items()))
    return kind, value.text()
