"""Reminders over the store: evaluate what has changed, keep what is open and what closed it.

Everything is derived from the store and `now`: after any downtime one evaluation gives the right state, and running it
twice changes nothing. Only those parts are evaluated whose facts were touched since the last time or whose moment has
come (see `hub.reminders.clock`); the result is the same as that of evaluating all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.exc import IntegrityError

from hub.config import Config
from hub.entries.checklist import due_ticks, keep_ticks
from hub.facts import (
    FIRM_KINDS,
    HORIZON,
    WHOLE,
    Choice,
    calendars_of,
    choice_of,
    load_firm,
    load_objects,
    load_world,
)
from hub.model.errors import HubError, SettingsError
from hub.model.parts import EVERYTHING, part_of
from hub.passes import OF_FIRM, Look, Plan, everything, looks, plan_of, remember
from hub.payments import Match, match_payments
from hub.plugins import Plugins
from hub.projection import sources_of
from hub.reminders.calendars import Calendars
from hub.reminders.dues import Deed, Due, Ended, Evaluation, Stored
from hub.reminders.evaluate import evaluate, why_gone
from hub.reminders.rules import BUILTIN, CHANNELS, Rule, read_all
from hub.reminders.world import World
from hub.stop_points import stop_point
from hub.store import parts, reminders
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.problems import close_problem, open_problem, open_problems
from hub.store.reminders import Closed, Kept, Run
from hub.store.tables import reminder as reminder_table
from hub.yaml_text import nearest

MANY_LOOKS = 2
"""When more readings of the store are due, clients come by the thousand, and it pays to take stock before."""
_GONE = ("cancelled", "Предмет напоминания удалён в источнике")
_SWITCHED_OFF = ("cancelled", "Правило выключено")
_RULES = "rules"
"""The scope of problems with rule files."""


class Reminding:
    """What is open at a moment, as it stands in the store, and what is needed to show it."""

    def __init__(self, store: Store, config: Config, rules: tuple[Rule, ...], now: datetime) -> None:
        self.rules = rules
        self.now = now
        self._numbers: dict[tuple[str, str], int] = {}
        self._store = store
        self._config = config

    @cached_property
    def calendars(self) -> Calendars:
        """Return the firm's calendars."""
        return calendars_of(self._config)

    @cached_property
    def open(self) -> tuple[Due, ...]:
        """Return the open reminders in order of their due time."""
        return self._read()

    def of(self, employee: str) -> tuple[Due, ...]:
        """Return the open reminders of one employee in order of their due time."""
        if "open" in self.__dict__:
            return tuple(due for due in self.open if due.assignee == employee)
        return self._read(employee)

    def number(self, due: Due) -> int:
        """Return the number of an open reminder that was given here."""
        return self._numbers[due.rule, due.key]

    def _read(self, employee: str = "") -> tuple[Due, ...]:
        with self._store.read() as connection:
            found = reminders.listed(connection, only_open=True, assignee=employee)
        self._numbers |= {(kept.rule, kept.key): kept.id for kept in found}
        return tuple(map(due_of, found))

    def closed_since(self, moment: datetime) -> tuple[Due, ...]:
        """Return the reminders that were closed at that moment or later."""
        with self._store.read() as connection:
            return tuple(due_of(kept) for kept in reminders.closed_since(connection, moment))

    def world(self, dues: Iterable[Due]) -> World:
        """Return the facts of the parts that these reminders are about."""
        with self._store.read() as connection:
            return load_world(connection, self._config, self.now, choice_of(due.part for due in dues))


def rules_of(config: Config, plugins: Plugins) -> tuple[Rule, ...]:
    """Return the rules in force: built-in, of plugins, overridden by the firm's own; wrong files are left out."""
    return rules_and_mistakes(config, plugins)[0]


def rules_and_mistakes(config: Config, plugins: Plugins) -> tuple[tuple[Rule, ...], tuple[SettingsError, ...]]:
    """Return the rules in force, and what is wrong with files that are left out."""
    *shipped, own = _folders(config, plugins)
    rules, mistakes = read_all(shipped, own if own.is_dir() else None)
    further = (channel.name for found in plugins.manager.hook.register_channels() for channel in found)
    known = [*CHANNELS, *config.model.channels, *further]
    unknown = [(rule, name) for rule in rules for name in rule.channels if name not in known]
    roles = {role for rule in rules if rule.place.startswith(str(BUILTIN)) for role in _roles(rule)}
    roles |= {person.role for person in config.model.employees}
    nobodys = [(rule, role) for rule in rules for role in _roles(rule) if role not in roles]
    return rules, (
        *mistakes,
        *(SettingsError(f"{rule.place}: no channel is called {name!r}.", hint=nearest(name, known))
          for rule, name in unknown),
        *(SettingsError(f"{rule.place}: nobody has the role {role!r}.", hint=nearest(role, sorted(roles)))
          for rule, role in nobodys),
    )  # fmt: skip


def _roles(rule: Rule) -> list[str]:
    """Return the roles to which a rule turns, each once."""
    steps = [*rule.escalate, *(step for stage in rule.stages for step in stage.escalate)]
    named = [*rule.assign, *(to for step in steps for to in step.to)]
    return list(dict.fromkeys(it.removeprefix("role:") for it in named if it.startswith("role:")))


def _folders(config: Config, plugins: Plugins) -> list[Path]:
    """Return where rules are read from; the last is the firm's own folder, which need not be there."""
    shipped = (Path(folder) for folders in plugins.manager.hook.register_rules() for folder in folders)
    return [BUILTIN, *shipped, config.resolve(config.model.rules)]


def note_installed(connection: Connection, now: datetime) -> None:
    """Remember when the store was made, once."""
    if not get_meta(connection, "installed"):
        set_meta(connection, "installed", now.isoformat())


def suggested_matches(connection: Connection) -> tuple[tuple[Match, dict[str, Any], list[dict[str, Any]]], ...]:
    """Return what can be said of payments that no source binds to an invoice, with the payment and the invoices."""
    objects = {kind: load_objects(connection, kind) for kind in ("payment", "invoice")}
    return tuple(
        (it, objects["payment"][it.payment], [objects["invoice"][key] for key in it.invoices])
        for it in match_payments(objects)
    )


def evaluate_now(
    connection: Connection,
    config: Config,
    rules: Sequence[Rule],
    now: datetime,
    choice: Choice = WHOLE,
    stored: Stored | None = None,
) -> tuple[World, Evaluation]:
    """Evaluate rules about clients over the store as it is, or over some parts of it; writes nothing."""
    world = load_world(connection, config, now, choice)
    done = deeds(connection, None if choice == WHOLE else choice.of_reminders())
    return world, evaluate(world, rules, now, done, stored or Stored())


def evaluate_rule(
    connection: Connection, config: Config, rule: Rule, now: datetime, part: str = ""
) -> tuple[World, Evaluation]:
    """Evaluate one rule over everything it is about, or over one part; writes nothing."""
    if rule.trigger.kind in FIRM_KINDS:
        world = load_firm(connection, config, now)
        return world, evaluate(world, [rule], now, deeds(connection, OF_FIRM))
    return evaluate_now(connection, config, [rule], now, choice_of([part]) if part else WHOLE)


def open_by(connection: Connection, config: Config, rule: Rule, now: datetime) -> list[Due]:
    """Return the reminders of one rule that would be open now; writes nothing."""
    if rule.trigger.kind in FIRM_KINDS:
        return list(evaluate_rule(connection, config, rule, now)[1].open)
    found: list[Due] = []
    for choice in everything(connection, [rule]):
        opened = evaluate_now(connection, config, [rule], now, choice)[1].open
        found += (due for due in opened if choice.holds(due.part))
    return found


def deeds(connection: Connection, of_parts: Iterable[ColumnElement[bool]] | None) -> list[Deed]:
    """Return what people did with the reminders of these parts, as the evaluation takes it."""
    found = []
    for row in reminders.actions(connection, of_parts):
        data = msgspec.json.decode(row.data)
        until = datetime.fromisoformat(data["until"]) if data.get("until") else None
        texts = {name: data.get(name, "") for name in ("employee", "result", "reason")}
        found.append(Deed(rule=row.rule, key=row.key, kind=row.kind, at=row.at, by=row.by, until=until, **texts))
    return found


class _Found(Struct):
    """What one look gave: of which stored reminders it speaks, the reminders of now, why others are gone.

    Besides: when parts change by themselves, and lines of checklists that events have done.
    """

    look: Look
    told: frozenset[int]
    dues: list[Due]
    gone: dict[int, tuple[str, str]]
    wakes: dict[str, datetime]
    ticks: dict[str, dict[int, datetime]]

    def kept(self, connection: Connection) -> dict[Run, Kept]:
        """Return the stored reminders that this is about: open ones, and closed ones of the same keys."""
        opened = _told(connection, self.look)
        rows = [*opened, *reminders.stored(connection, ((due.rule, due.key) for due in self.dues))]
        return {(it.rule, it.key, it.instance): it for it in rows}


def refresh(
    store: Store, config: Config, plugins: Plugins, now: datetime, tell: Callable[[int, int], None] | None = None
) -> Reminding:
    """Evaluate what may have changed and keep the result: new reminders get an id, ended ones are closed.

    Lines of checklists that events have done are noted as well. `tell` hears after each look how many of how many
    are done.
    """
    rules, mistakes = rules_and_mistakes(config, plugins)
    with store.read() as connection:
        plan = plan_of(connection, config, rules, now)
        known = {(row.title, row.hint) for row in open_problems(connection, _RULES)}
    if known != {_words(mistake) for mistake in mistakes}:
        _tell_mistakes(store, mistakes, now)
    ticks = _carry_out(store, config, rules, now, plan, tell)
    if ticks:
        with store.write() as connection:
            keep_ticks(connection, ticks, sources_of(config, plugins), now)
    return Reminding(store, config, rules, now)


def _words(mistake: SettingsError) -> tuple[str, str]:
    words = f"A rule is not in force: {Exception.__str__(mistake)}"
    return words[:500], f"{mistake.hint} Then run: hub rule check".strip()[:500]


def _tell_mistakes(store: Store, mistakes: Sequence[SettingsError], now: datetime) -> None:
    """Open a problem for each mistake of now, close those that were mended."""
    with store.write() as connection:
        wanted = {_words(mistake) for mistake in mistakes}
        for row in open_problems(connection, _RULES):
            if (row.title, row.hint) in wanted:
                wanted.remove((row.title, row.hint))
            else:
                close_problem(connection, row.key, now)
        for title, hint in sorted(wanted):
            key = f"{_RULES}/{hashlib.blake2b(title.encode(), digest_size=6).hexdigest()}"
            open_problem(connection, key, scope=_RULES, title=title, hint=hint, now=now)


def _carry_out(
    store: Store,
    config: Config,
    rules: Sequence[Rule],
    now: datetime,
    plan: Plan,
    tell: Callable[[int, int], None] | None,
) -> dict[str, dict[int, datetime]]:
    """Look at what the plan names and keep what each look gave; return the lines of checklists that are done.

    What the plan went by is kept with the last look: whoever is killed before that looks at all of it once more.
    """
    with store.read() as connection:
        wanted = list(looks(connection, plan))
        names = reminders.names_of_open(connection, plan.of_reminders())
    if len(wanted) > MANY_LOOKS:
        store.take_stock()
    left = {number: part for number, (rule, part) in names.items() if plan.speaks_of(rule, part)}
    wakes: dict[str, datetime] = {}
    ticks: dict[str, dict[int, datetime]] = {}
    found: _Found | None = None
    for done, look in enumerate(wanted, 1):
        if found:
            _keep(store, found, now)
        found = _look(store, config, rules, now, look)
        if tell:
            tell(done, len(wanted))
        for number in found.told:
            left.pop(number, None)
        ticks |= found.ticks
        for part, moment in found.wakes.items():
            wakes[part] = min(moment, wakes.get(part, moment))
    _keep(store, found, now, plan, left, wakes)
    return ticks


def _look(store: Store, config: Config, rules: Sequence[Rule], now: datetime, look: Look) -> _Found:
    """Evaluate some parts, or what concerns the firm itself, in one reading of the store."""
    choice = look.choice
    with store.read() as connection:
        told = _told(connection, look)
        closed = reminders.closed_runs(connection, look.of_reminders(), now - HORIZON)
        stored = _Known(told, closed, now)
        if choice is None:
            world = load_firm(connection, config, now)
            evaluation = evaluate(world, look.rules, now, deeds(connection, OF_FIRM), stored)
        else:
            world, evaluation = evaluate_now(connection, config, look.rules, now, choice, stored)
    if choice is None:
        dues, wakes, ticks = list(evaluation.reminders), {}, {}
    else:
        dues = [due for due in evaluation.reminders if choice.holds(due.part)]
        wakes, ticks = _wakes(world, evaluation, choice), due_ticks(world)
    gone = _why_gone(told, dues, world.until(now), rules, now)
    return _Found(look, frozenset(it.id for it in told), dues, gone, wakes, ticks)


def _wakes(world: World, evaluation: Evaluation, choice: Choice) -> dict[str, datetime]:
    """Return when these parts change by themselves; that a fact grows too old to count is a change as well."""
    wakes = dict(evaluation.wakes)
    for fact in world.facts:
        part, fades = part_of(fact.kind, fact.subject, fact.client, fact.fields), fact.time + HORIZON
        wakes[part] = min(fades, wakes.get(part, fades))
    return {part: moment for part, moment in wakes.items() if part == EVERYTHING or choice.holds(part)}


def _told(connection: Connection, look: Look) -> list[Kept]:
    """Return the open reminders as stored that a look speaks of."""
    return [it for it in reminders.opened(connection, look.of_reminders()) if look.speaks_of(it.rule, it.part)]


def _why_gone(
    told: Sequence[Kept], dues: Iterable[Due], world: World, rules: Sequence[Rule], now: datetime
) -> dict[int, tuple[str, str]]:
    """Return of each stored reminder that was not found again, though what it is about is there, why it is gone."""
    alive = {(due.rule, due.key) for due in dues if due.is_open}
    by_id = {rule.id: rule for rule in rules}
    found: dict[int, tuple[str, str]] = {}
    for before in told:
        rule, about = by_id.get(before.rule), (before.subject_kind, before.subject)
        is_here = before.client is None or bool(world.get("client", before.client))
        if rule and is_here and (before.rule, before.key) not in alive and world.get(*about):
            found[before.id] = why_gone(world, rule, *about, now, before.client)
    return found


class _Known(Stored):
    """The reminders of one look as they are stored: the open ones, and what closed the others."""

    def __init__(self, opened: Iterable[Kept], closed: Mapping[Run, Closed], now: datetime) -> None:
        self._alive = {(it.rule, it.key) for it in opened}
        self._rules = {rule for rule, _ in self._alive}
        self._closed = closed
        self._since = now - HORIZON

    def has(self, rule: str, key: str, part: str, start: datetime, ended: Ended) -> bool:
        if start < self._since and (rule, key) not in self._alive:
            return True
        how = part, ended.status, ended.by or ended.text, ended.at
        return self._closed.get((rule, key, instance_of(start))) == how

    def is_past(self, rule: str, start: datetime) -> bool:
        return start < self._since and rule not in self._rules


def _keep(
    store: Store, found: _Found | None, now: datetime, plan: Plan | None = None, left: Mapping[int, str] = {},
    wakes: Mapping[str, datetime] = {},
) -> None:  # fmt: skip
    """Save against what is stored at that moment: another process may have evaluated meanwhile.

    With the last look comes the `plan`: what of it no look spoke of (`left`, by number with its part) is closed, and
    what it went by is kept.
    """

    def changes(connection: Connection) -> list[Kept]:
        made = _changes(found, found.kept(connection), now) if found else []
        again = {it.id for it in made}
        rows = [it for number in left if number not in again and (it := reminders.by_id(connection, number))]
        known = plan.rules if plan else frozenset()
        return [*made, *(
            it.closed(*(_GONE if it.rule in known else _SWITCHED_OFF), now)
            for it in rows if it.state == "open" and it.part == left[it.id]  # else a look found it with another part
        )]  # fmt: skip

    for _ in range(2):
        with store.read() as connection:
            if not (plan and plan.is_due) and not changes(connection):
                return
        try:
            with store.write() as connection:
                reminders.save(connection, changes(connection))
                if plan and plan.is_due:
                    remember(connection, plan, wakes)
                stop_point("reminders")
        except IntegrityError:  # PostgreSQL: the other one opened the same reminder; now it is there
            continue
        return


def _changes(found: _Found, kept: Mapping[Run, Kept], now: datetime) -> list[Kept]:
    changes = []
    alive: set[int] = set()
    told = {(due.rule, due.key, instance_of(due.trigger_time)) for due in found.dues}
    opened = {run[:2]: item for run, item in kept.items() if item.state == "open" and run not in told}
    for due in found.dues:
        instance = instance_of(due.trigger_time)
        before = kept.get((due.rule, due.key, instance))
        if before is None and due.is_open:
            before = opened.get((due.rule, due.key))  # an earlier trigger that came in late moves the same reminder
        fresh = _as_read_back(reminders.of_due(due, instance, now))
        if before is not None:
            alive.add(before.id)
        if before is None or not before.same_as(fresh):
            changes.append(fresh if before is None else before.renewed(fresh))
    over = (it for it in kept.values() if it.state == "open" and it.id not in alive)
    return [*changes, *(it.closed(*found.gone.get(it.id, _GONE), now) for it in over)]


def _as_read_back(kept: Kept) -> Kept:
    """Return the reminder as the store gives it, where a tuple is a list: else each evaluation would be a change."""
    return msgspec.structs.replace(kept, detail=msgspec.json.decode(msgspec.json.encode(kept.detail)))


def due_of(kept: Kept) -> Due:
    """Return a stored reminder as the evaluation gave it."""
    is_open = kept.state == "open"
    return msgspec.convert({
        **kept.detail, "rule": kept.rule, "key": kept.key, "status": kept.state, "severity": kept.severity,
        "title": kept.title, "why": kept.why, "client": kept.client, "part": kept.part, "count": kept.count,
        "trigger_time": kept.triggered_at, "due": kept.due, "assignee": kept.assignee,
        "by": "" if is_open else kept.closed_by, "ended_at": kept.closed_at,
    }, Due)  # fmt: skip


def instance_of(start: datetime) -> str:
    """Return the name of one run of a reminder: the time of its first trigger."""
    return start.astimezone(UTC).isoformat(timespec="seconds")


def act(connection: Connection, kept: Kept, deed: Deed) -> None:
    """Keep what a person did with a reminder; it counts at the next evaluation."""
    reminders.save_deed(connection, deed, kept.instance)
    parts.touch_parts(connection, [kept.part])


def find(connection: Connection, number: str) -> Kept:
    """Return a stored reminder by its number. Raises HubError when there is none."""
    if not (number.isascii() and number.isdigit()):
        raise HubError(f"{number!r} is no reminder number.", hint="See: hub reminder list")
    found = reminders.by_id(connection, int(number))
    if found is None:
        raise HubError(f"there is no reminder {number}.", hint="See: hub reminder list --all")
    return found


def count_open(connection: Connection) -> int:
    """Return how many reminders are open."""
    table = reminder_table
    return connection.execute(select(func.count()).select_from(table).where(table.c.state == "open")).scalar() or 0
