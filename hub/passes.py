"""What an evaluation of the reminders has to look at: the parts that changed, and the rules that did.

What is kept of the last evaluation says what it went by: its moment, a mark of everything that concerns all parts, and
a mark of each rule. Whatever stands as it stood then is not looked at again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, func, or_, select

import hub
from hub.config import Config
from hub.facts import FIRM_KINDS, WHOLE, Choice, choice_of
from hub.model.parts import EVERYTHING, part_of
from hub.reminders.rules import Rule
from hub.reminders.texts import Blank
from hub.store import parts, reminders
from hub.store.meta import get_meta, set_meta
from hub.store.tables import STATE
from hub.store.tables import reminder as reminder_table

CHUNK = 1000
"""So many clients or parts are held in memory at once."""
SMALL = 1000
"""In firms of so many clients what concerns the firm itself is looked at whenever anything has changed."""
MANY = 2000
"""From so many changed parts on all are evaluated if these are most of the clients: to read by name takes longer."""
SECTIONS = frozenset({"zone", "employees", "calendar", "enforce_from"})
"""Sections of the configuration that all reminders depend on, but for absences, which concern the open ones alone."""
_BY, _AT, _RULES, _OPEN = "reminders.by", parts.EVALUATED, "reminders.rules", "reminders.open"
_OF_OPEN = frozenset({"absent", "substitute"})
"""What is said of people that only open reminders depend on: whose they are while somebody is away."""
OF_FIRM = (or_(*(reminder_table.c.part.startswith(f"{kind}/") for kind in sorted(FIRM_KINDS))),)
"""The reminders about the firm itself."""


@dataclass(frozen=True)
class Pass:
    """One look at the facts: these parts, or all for `None`, by these rules about clients and about the firm."""

    parts: frozenset[str] | None
    rules: tuple[Rule, ...]
    of_firm: tuple[Rule, ...]

    def speaks_of(self, rule: str, part: str) -> bool:
        """Tell whether this pass says anew how it stands with reminders of the rule about the part."""
        if _is_of_firm(part):
            return rule in self._names_of_firm
        return rule in self._names and (self.parts is None or part in self.parts)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.rules)

    @cached_property
    def _names_of_firm(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.of_firm)


class Look(Struct, frozen=True):
    """One reading of the store within a pass: the facts of these parts, or those of the firm itself for `None`."""

    one: Pass
    choice: Choice | None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules that are asked."""
        return self.one.of_firm if self.choice is None else self.one.rules

    def speaks_of(self, rule: str, part: str) -> bool:
        """Tell whether this says anew how it stands with reminders of the rule about the part."""
        is_here = _is_of_firm(part) if self.choice is None else not _is_of_firm(part) and self.choice.holds(part)
        return is_here and self.one.speaks_of(rule, part)

    def of_reminders(self) -> list[ColumnElement[bool]]:
        """Return the conditions that together give all stored reminders that this speaks of, and more."""
        return [*OF_FIRM] if self.choice is None else self.choice.of_reminders()


class Plan(Struct, frozen=True):
    """What is to be evaluated: some parts or all by all rules, and all parts by the rules that are other ones.

    When nothing `is_due` only the connections are looked at, whose facts change with every run.
    """

    passes: tuple[Pass, ...]
    rules: frozenset[str]
    gone: frozenset[str]
    pending: Mapping[int, str]
    marks: Mapping[str, str]
    is_due: bool

    @property
    def parts(self) -> frozenset[str] | None:
        """Return the parts of which all is said anew, `None` for all parts."""
        return self.passes[0].parts

    def speaks_of(self, rule: str, part: str) -> bool:
        """Tell whether reminders of the rule about the part are to be closed unless they are found again."""
        return rule not in self.rules or any(each.speaks_of(rule, part) for each in self.passes)

    def of_reminders(self) -> list[ColumnElement[bool]]:
        """Return the conditions that together give all stored reminders that the plan speaks of, and more."""
        if self.parts is None:
            return WHOLE.of_reminders()
        anew = {rule.id for each in self.passes for rule in each.of_firm}
        anew |= {rule.id for each in self.passes[1:] for rule in each.rules}
        by_rule = [reminder_table.c.rule.in_(sorted(anew | self.gone))] if anew or self.gone else []
        return [*choice_of(self.parts).of_reminders(), *by_rule]


def plan_of(connection: Connection, config: Config, rules: Sequence[Rule], now: datetime) -> Plan:
    """Return what has to be looked at, by what was touched, what has woken and which rules are other ones."""
    pending = parts.pending(connection)
    named = frozenset(pending.values()) | parts.waking(connection, now)
    is_by = {rule.id: _mark_of_rule(rule) for rule in rules}
    marks = {
        _BY: _mark(config, given_of(connection)),
        _AT: now.isoformat(),
        _RULES: msgspec.json.encode(is_by).decode(),
        _OPEN: _mark_of_open(config),
    }
    last = get_meta(connection, _AT)
    was_by = msgspec.json.decode(get_meta(connection, _RULES) or "{}", type=dict[str, str])
    gone = frozenset(was_by) - frozenset(is_by)
    changed = [rule for rule in rules if was_by.get(rule.id) != is_by[rule.id]]
    about_clients, of_firm = _divided(rules)
    is_other = get_meta(connection, _BY) != marks[_BY] or not last or now < datetime.fromisoformat(last)
    is_open_other = get_meta(connection, _OPEN) != marks[_OPEN]
    if is_open_other and not is_other:
        named |= {part for _, part in reminders.names_of_open(connection, WHOLE.of_reminders()).values()}
    clients = connection.execute(select(func.count()).select_from(STATE["client"])).scalar() or 0 if named else 0
    is_most = len(named) > MANY and 2 * len(named) > clients
    if is_other or EVERYTHING in named or is_most or not all(map(is_local, rules)):
        is_due = is_other or is_open_other or bool(named or changed or gone)
        return Plan((Pass(None, about_clients, of_firm),), frozenset(is_by), gone, pending, marks, is_due)
    days = {moment.astimezone(config.zone).date() for moment in (datetime.fromisoformat(last), now)}
    is_new_day = len(days) > 1
    has_firm = parts.FIRM in named or is_new_day or is_open_other or (bool(named) and clients <= SMALL)
    is_due = bool(named or changed or gone) or is_new_day or is_open_other
    always = {part_of("connection", name, None) for name in config.model.connections}
    others, firm = _divided(rule for rule in rules if was_by.get(rule.id) == is_by[rule.id])
    if not is_due:
        others = tuple(rule for rule in others if rule.trigger.kind == "connection")
    passes = [Pass(named | always, others, firm if has_firm else ())]
    if changed:
        passes.append(Pass(None, *_divided(changed)))
    return Plan(tuple(passes), frozenset(is_by), gone, pending, marks, is_due)


def looks(connection: Connection, plan: Plan) -> Iterator[Look]:
    """Yield the readings of the store that the plan takes, as many parts at once as memory allows."""
    for one in plan.passes:
        for choice in _choices(connection, one, is_due=plan.is_due):
            yield Look(one, choice)
        if one.of_firm:
            yield Look(one, None)


def _choices(connection: Connection, one: Pass, *, is_due: bool) -> Iterator[Choice]:
    if one.parts is not None:
        named = sorted(one.parts)
        for start in range(0, len(named), CHUNK):
            yield choice_of(named[start : start + CHUNK])
        if is_due and not named:  # what concerns all clients is looked at with any of them, or with none
            yield choice_of(())
        return
    if one.rules:
        yield from everything(connection, one.rules)


def everything(connection: Connection, rules: Sequence[Rule]) -> Iterator[Choice]:
    """Yield all parts for rules about clients, as many at once as memory allows."""
    clients = [row.id for row in connection.execute(select(STATE["client"].c.id).order_by(STATE["client"].c.id))]
    if len(clients) <= CHUNK or not all(map(is_local, rules)):
        yield WHOLE
        return
    for start in range(0, len(clients), CHUNK):
        yield Choice(clients[start : start + CHUNK], ())
    yield Choice((), None)


def remember(connection: Connection, plan: Plan, wakes: Mapping[str, datetime]) -> None:
    """Keep what was gone by, and when parts change next by themselves."""
    parts.settle(connection, plan.pending, plan.parts, wakes)
    for name, value in plan.marks.items():
        set_meta(connection, name, value)


def is_local(rule: Rule) -> bool:
    """Tell whether no two parts of the world can give the same key, so that each can be evaluated alone."""
    own = {("client", "id"), (rule.trigger.kind, "id"), ("call", "from"), ("message", "outside")}
    return any(isinstance(blank, Blank) and own.issuperset(blank.paths) for blank in rule.key.parts)


def _is_of_firm(part: str) -> bool:
    return part.partition("/")[0] in FIRM_KINDS


def given_of(connection: Connection) -> str:
    """Return what holds for all parts at once: when the store was made, when the first survey was answered."""
    survey = STATE["survey"].c
    begun = connection.execute(select(func.min(survey.answered)).where(~survey.deleted)).scalar()
    return f"{get_meta(connection, 'installed')} {begun}"


def _divided(rules: Iterable[Rule]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Return the rules about clients and those about the firm itself."""
    given = tuple(rules)
    of_firm = tuple(rule for rule in given if rule.trigger.kind in FIRM_KINDS)
    return tuple(rule for rule in given if rule.trigger.kind not in FIRM_KINDS), of_firm


def _mark(config: Config, given: str) -> str:
    """Return a mark of everything but rules and the facts of single parts that all reminders depend on."""
    said = config.model.model_dump_json(include=set(SECTIONS), exclude={"employees": {"__all__": set(_OF_OPEN)}})
    signed = {kind: own.needs_signature for kind, own in sorted(config.model.documents.kinds.items())}
    return _hash(f"{hub.__version__} {given} {said} {signed}")


def _mark_of_open(config: Config) -> str:
    """Return a mark of what only open reminders depend on, besides connections: these are looked at each time."""
    away = [(it.id, it.absent, it.substitute) for it in config.model.employees if it.absent]
    connections = {name: (it.enabled, it.every) for name, it in sorted(config.model.connections.items())}
    return _hash(f"{away} {connections}")


def _mark_of_rule(rule: Rule) -> str:
    """Return a mark of what a rule says, wherever it stands."""
    return _hash(repr(replace(rule, place="")))


def _hash(words: str) -> str:
    return hashlib.blake2b(words.encode(), digest_size=12).hexdigest()
