"""Reminders over the store: evaluate what has changed, keep what is open and what closed it.

Everything is derived from the store and `now`: after any downtime one evaluation gives the right state, and running it
twice changes nothing. Only those parts are evaluated whose facts were touched since the last time or whose moment has
come (see `hub.reminders.clock`); the result is the same as that of evaluating all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
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
from hub.passes import OF_FIRM, Pass, Plan, choices, is_of_firm, plan_of, remember
from hub.payments import Match, match_payments
from hub.plugins import Plugins
from hub.projection import sources_of
from hub.reminders.calendars import Calendars
from hub.reminders.evaluate import Deed, Due, Ended, Evaluation, Settled, evaluate, never, why_gone
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
    is_settled: Settled = never,
) -> tuple[World, Evaluation]:
    """Evaluate rules about clients over the store as it is, or over some parts of it; writes nothing."""
    world = load_world(connection, config, now, choice)
    return world, evaluate(
        world, rules, now, deeds(connection, None if choice == WHOLE else choice.of_reminders()), is_settled
    )


def evaluate_rule(
    connection: Connection, config: Config, rule: Rule, now: datetime, part: str = ""
) -> tuple[World, Evaluation]:
    """Evaluate one rule over everything it is about, or over one part; writes nothing."""
    if rule.trigger.kind in FIRM_KINDS:
        world = load_firm(connection, config, now)
        return world, evaluate(world, [rule], now, deeds(connection, OF_FIRM))
    return evaluate_now(connection, config, [rule], now, choice_of([part]) if part else WHOLE)


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
    """What an evaluation gave: reminders, why stored ones are gone, when parts change by themselves, ticks on lists."""

    dues: list[Due]
    gone: dict[Run, tuple[str, str]]
    wakes: dict[str, datetime]
    ticks: dict[str, dict[int, datetime]]


def refresh(store: Store, config: Config, plugins: Plugins, now: datetime) -> Reminding:
    """Evaluate what may have changed and keep the result: new reminders get an id, ended ones are closed.

    Lines of checklists that events have done are noted as well.
    """
    rules, mistakes = rules_and_mistakes(config, plugins)
    with store.read() as connection:
        plan = plan_of(connection, config, rules, now)
        known = {(row.title, row.hint) for row in open_problems(connection, _RULES)}
    if known != {_told(mistake) for mistake in mistakes}:
        _tell_mistakes(store, mistakes, now)
    found = _evaluate(store, config, rules, now, plan)
    _keep(store, plan, found, now)
    if found.ticks:
        with store.write() as connection:
            keep_ticks(connection, found.ticks, sources_of(config, plugins), now)
    return Reminding(store, config, rules, now)


def _told(mistake: SettingsError) -> tuple[str, str]:
    words = f"A rule is not in force: {Exception.__str__(mistake)}"
    return words[:500], f"{mistake.hint} Then run: hub rule check".strip()[:500]


def _tell_mistakes(store: Store, mistakes: Sequence[SettingsError], now: datetime) -> None:
    """Open a problem for each mistake of now, close those that were mended."""
    with store.write() as connection:
        wanted = {_told(mistake) for mistake in mistakes}
        for row in open_problems(connection, _RULES):
            if (row.title, row.hint) in wanted:
                wanted.remove((row.title, row.hint))
            else:
                close_problem(connection, row.key, now)
        for title, hint in sorted(wanted):
            key = f"{_RULES}/{hashlib.blake2b(title.encode(), digest_size=6).hexdigest()}"
            open_problem(connection, key, scope=_RULES, title=title, hint=hint, now=now)


def _evaluate(store: Store, config: Config, rules: Sequence[Rule], now: datetime, plan: Plan) -> _Found:
    """Look at what the plan names, as much at once as memory allows."""
    found = _Found([], {}, {}, {})
    with store.read() as connection:
        opened = [it for it in reminders.opened(connection, plan.of_reminders()) if plan.speaks_of(it)]
    found.gone = {(it.rule, it.key, it.instance): _SWITCHED_OFF for it in opened if it.rule not in plan.rules}
    by_id = {rule.id: rule for rule in rules}
    for one in plan.passes:
        told = [it for it in opened if one.speaks_of(it)]
        with store.read() as connection:
            wanted = list(choices(connection, one, is_due=plan.is_due))
        for choice in wanted:
            _look(store, config, by_id, now, one, choice, told, found)
        if one.of_firm:
            with store.read() as connection:
                firm = load_firm(connection, config, now)
                is_settled = _settled(told, reminders.closed_runs(connection, OF_FIRM, now - HORIZON), now)
                given = deeds(connection, OF_FIRM)
            found.dues += evaluate(firm, one.of_firm, now, given, is_settled).reminders
            _explain_gone(found, firm, by_id, [it for it in told if is_of_firm(it.part)], now)
    return found


def _look(
    store: Store, config: Config, rules: Mapping[str, Rule], now: datetime, one: Pass, choice: Choice,
    told: Sequence[Kept], found: _Found,
) -> None:  # fmt: skip
    """Evaluate some parts in one reading of the store."""
    with store.read() as connection:
        closed = reminders.closed_runs(connection, choice.of_reminders(), now - HORIZON)
        world, evaluation = evaluate_now(connection, config, one.rules, now, choice, _settled(told, closed, now))
    found.dues += [due for due in evaluation.reminders if choice.holds(due.part)]
    found.ticks |= due_ticks(world)
    _explain_gone(found, world.until(now), rules, told, now)
    wakes = dict(evaluation.wakes)
    for fact in world.facts:  # what grows too old to count is a change as well
        part, fades = part_of(fact.kind, fact.subject, fact.client, fact.fields), fact.time + HORIZON
        wakes[part] = min(fades, wakes.get(part, fades))
    for part, moment in wakes.items():
        if part == EVERYTHING or choice.holds(part):
            found.wakes[part] = min(moment, found.wakes.get(part, moment))


def _explain_gone(
    found: _Found, world: World, rules: Mapping[str, Rule], opened: Sequence[Kept], now: datetime
) -> None:
    """Say of each of these stored reminders that is about something in this world why it would be gone."""
    alive = {(due.rule, due.key) for due in found.dues if due.is_open}
    for before in opened:
        if (before.rule, before.key) in alive:
            continue
        rule, about = rules.get(before.rule), (before.subject_kind, before.subject)
        is_here = before.client is None or bool(world.get("client", before.client))
        if rule and is_here and world.get(*about):
            gone = why_gone(world, rule, *about, now, before.client)
            found.gone[before.rule, before.key, before.instance] = gone


def _settled(opened: Iterable[Kept], closed: Mapping[Run, Closed], now: datetime) -> Settled:
    """Return what tells that a reminder is stored as closed just so, or too old to be stored: it is not told again."""
    alive = {(it.rule, it.key) for it in opened}

    def is_settled(rule: str, key: str, start: datetime, ended: Ended) -> bool:
        if start < now - HORIZON and (rule, key) not in alive:
            return True
        return closed.get((rule, key, instance_of(start))) == (ended.status, ended.by or ended.text, ended.at)

    return is_settled


def _kept(connection: Connection, plan: Plan, found: _Found) -> dict[Run, Kept]:
    """Return the stored reminders that the results are about: open ones, and closed ones of the same keys."""
    opened = [it for it in reminders.opened(connection, plan.of_reminders()) if plan.speaks_of(it)]
    rows = [*opened, *reminders.stored(connection, ((due.rule, due.key) for due in found.dues))]
    return {(it.rule, it.key, it.instance): it for it in rows}


def _keep(store: Store, plan: Plan, found: _Found, now: datetime) -> None:
    """Save against what is stored at that moment: another process may have evaluated meanwhile."""
    for _ in range(2):
        with store.read() as connection:
            if not plan.is_due and not _changes(found, _kept(connection, plan, found), now):
                return
        try:
            with store.write() as connection:
                reminders.save(connection, _changes(found, _kept(connection, plan, found), now))
                if plan.is_due:
                    remember(connection, plan, found.wakes)
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
    for triple, before in kept.items():
        if before.state == "open" and before.id not in alive:
            changes.append(before.closed(*found.gone.get(triple, _GONE), now))
    return changes


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
