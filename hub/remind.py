"""Reminders over the store: load the facts, evaluate, keep what is open and what closed it.

Everything is derived from the store and `now`: after any downtime one evaluation gives the right state, and running it
twice changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Select, func, or_, select, union
from sqlalchemy.exc import IntegrityError

from hub.config import Config
from hub.documents.own import forms_of
from hub.entries.checklist import due_ticks, keep_ticks
from hub.ingest import DECISIONS
from hub.model.entities import ENTITIES, ContactPoint, Entity, Reference
from hub.model.errors import HubError, SettingsError
from hub.payments import Match, match_payments, with_matches
from hub.plugins import Plugins
from hub.projection import sources_of
from hub.reminders.calendars import Calendars, Overrides, parse_hours
from hub.reminders.evaluate import Deed, Due, Evaluation, evaluate, why_gone
from hub.reminders.rules import BUILTIN, CHANNELS, Rule, read_all
from hub.reminders.world import EARLIEST, Fact, World
from hub.standing import standing
from hub.stop_points import stop_point
from hub.store import documents, log, parties, reminders, state
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.parties import entity_id
from hub.store.problems import close_problem, open_problem, open_problems
from hub.store.tables import STATE, event, run, stream
from hub.store.tables import reminder as reminder_table
from hub.yaml_text import nearest

HORIZON = timedelta(days=180)
"""Occurrences older than this no longer raise or close anything."""
_RULES = "rules"
"""The scope of problems with rule files."""
_TRIED = timedelta(days=1)
_SILENCE = timedelta(hours=2)
"""A connection is not called silent sooner, however often it is to be read."""
_KINDS = (
    "contract", "invoice", "act", "payment", "ticket", "contact",
    "survey", "complaint", "note", "promise", "decision", "referral", "checklist", "project", "offer", "handover",
    "purchase", "questionnaire", "meeting", "diary", "task", "occasion", "campaign", "shipment",
)  # fmt: skip


class Reminding(Struct, frozen=True):
    """An evaluation with the facts it was made from."""

    world: World
    rules: tuple[Rule, ...]
    evaluation: Evaluation


def calendars_of(config: Config) -> Calendars:
    """Return the firm's calendars. Raises SettingsError for hours that cannot be understood."""
    settings = config.model.calendar
    hours: dict[str, Any] = {}
    for field in ("hours", "extended"):
        hours[field] = parse_hours(getattr(settings, field))
        if hours[field] is None:
            raise config.document.error(("calendar", field), "write hours such as 09:00-13:00 14:00-18:00.")
    overrides = Overrides(
        frozenset(settings.days_off), frozenset(settings.working_days), frozenset(settings.short_days)
    )
    return Calendars(config.model.zone, hours["hours"], hours["extended"], overrides)


def rules_of(config: Config, plugins: Plugins) -> tuple[Rule, ...]:
    """Return the rules in force: built-in, of plugins, overridden by the firm's own; wrong files are left out."""
    return rules_and_mistakes(config, plugins)[0]


def rules_and_mistakes(config: Config, plugins: Plugins) -> tuple[tuple[Rule, ...], tuple[SettingsError, ...]]:
    """Return the rules in force, and what is wrong with files that are left out."""
    shipped = [BUILTIN, *(Path(folder) for folders in plugins.manager.hook.register_rules() for folder in folders)]
    own = config.resolve(config.model.rules)
    rules, mistakes = read_all(shipped, own if own.is_dir() else None)
    further = (channel.name for found in plugins.manager.hook.register_channels() for channel in found)
    known = [*CHANNELS, *config.model.channels, *further]
    unknown = [(rule, name) for rule in rules for name in rule.channels if name not in known]
    return rules, (*mistakes, *(
        SettingsError(f"{rule.place}: no channel is called {name!r}.", hint=nearest(name, known))
        for rule, name in unknown
    ))  # fmt: skip


def enforce_from(config: Config, connection: Connection) -> datetime:
    """Return the instant before which nothing raises a reminder: set, or when the store was made."""
    text = config.model.enforce_from or get_meta(connection, "installed")
    if not text:
        return EARLIEST
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=config.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise config.document.error(("enforce_from",), "write a day such as 2026-11-01.") from None


def note_installed(connection: Connection, now: datetime) -> None:
    """Remember when the store was made, once."""
    if not get_meta(connection, "installed"):
        set_meta(connection, "installed", now.isoformat())


def load_world(connection: Connection, config: Config, now: datetime) -> World:
    """Read the facts that rules are about."""
    objects: dict[str, dict[str, dict[str, Any]]] = {kind: _objects(connection, kind) for kind in _KINDS}
    objects["client"] = _clients(connection, config)
    objects["employee"], objects["absence"] = _employees(config)
    objects["connection"] = _connections(connection, config, now)
    objects["payment"] = with_matches(objects)
    objects["document"] = _documents(connection, config, now)
    facts = [*_facts(connection, now), *_paper_facts(connection, objects["document"], now)]
    calendars = calendars_of(config)
    for kind, things in standing(config, calendars.get("office"), now).items():
        objects[kind] = things | objects.get(kind, {})
    return World(objects, facts, calendars=calendars, enforce_from=enforce_from(config, connection))


def _documents(connection: Connection, config: Config, now: datetime) -> dict[str, dict[str, Any]]:
    """Return the papers of the last months that are to come back signed."""
    signed = {kind for kind, form in forms_of(config).items() if form.needs_signature}
    found = documents.of_world(connection, signed, now - HORIZON)
    for row in found.values():
        row["needs_signature"] = True
        row["client"] = parties.follow(connection, row["client"]) if row["client"] else None
    return found


def _paper_facts(connection: Connection, found: Mapping[str, Mapping[str, Any]], now: datetime) -> list[Fact]:
    """Return what became of these papers; an event of an imported log may speak of another one under the same id."""
    facts = []
    for row in connection.execute(_since(now).where(event.c.source == documents.EVENTS_SOURCE)) if found else ():
        key = row.subject.partition("/")[2]
        said = msgspec.json.decode(row.data or "{}", type=dict[str, str])
        paper = found.get(key)
        if paper and (said.get("kind"), said.get("number")) == (paper["kind"], paper["number"]):
            facts.append(Fact(id=f"{row.source}/{row.id}", type=row.type, time=row.time, kind="document", subject=key,
                              client=paper["client"], fields={"by": said.get("by", "")}))  # fmt: skip
    return facts


def suggested_matches(connection: Connection) -> tuple[tuple[Match, dict[str, Any], list[dict[str, Any]]], ...]:
    """Return what can be said of payments that no source binds to an invoice, with the payment and the invoices."""
    objects = {kind: _objects(connection, kind) for kind in ("payment", "invoice")}
    return tuple(
        (it, objects["payment"][it.payment], [objects["invoice"][key] for key in it.invoices])
        for it in match_payments(objects)
    )


def _objects(connection: Connection, kind: str) -> dict[str, dict[str, Any]]:
    found = {}
    for row in state.read(connection, kind, ~STATE[kind].c.deleted):
        found[row["id"]] = {**_typed(row), "client": row.get("client_id")}
    return found


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    if "points" in row:
        row["points"] = tuple(ContactPoint(**point) for point in row["points"])
    return row


def _clients(connection: Connection, config: Config) -> dict[str, dict[str, Any]]:
    table = STATE["client"]
    named = [select(STATE[kind].c.client_id) for kind in STATE if "client_id" in STATE[kind].c]
    wanted = or_(table.c.status != "", table.c.id.in_(union(*named)))
    who = aliases(config)
    found = {}
    for row in state.read(connection, "client", ~table.c.deleted, wanted):
        row["manager"] = who.get(str(row["manager"] or "").casefold(), "")
        found[row["id"]] = _typed(row)
    return found


def aliases(config: Config) -> dict[str, str]:
    """Return employee ids by every name under which other systems know them, folded."""
    names: dict[str, str] = {}
    for employee in config.model.employees:
        for name in (employee.id, employee.name, employee.mail, *employee.aliases):
            if name:
                names[name.casefold()] = employee.id
    return names


def _employees(config: Config) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    people, absences = {}, {}
    for index, employee in enumerate(config.model.employees):
        people[employee.id] = employee.model_dump(include={"name", "role", "head", "mail", "phone", "department"})
        for place, period in enumerate(employee.absent):
            start, _, end = period.partition("..")
            try:
                days = date.fromisoformat(start.strip()), date.fromisoformat((end or start).strip())
            except ValueError:
                days = date.max, date.min
            if days[1] < days[0]:
                raise config.document.error(
                    ("employees", index, "absent", place), "write days such as 2026-12-01..2026-12-14."
                )
            absences[f"{employee.id}/{place}"] = {
                "employee": employee.id, "start": days[0], "end": days[1], "substitute": employee.substitute
            }  # fmt: skip
    return people, absences


def _connections(connection: Connection, config: Config, now: datetime) -> dict[str, dict[str, Any]]:
    """Return since when each connection in use was read in full, and until when it should have been read again.

    Of the streams that were tried within a day the one that is behind the most counts.
    """
    settings = {name: each for name, each in config.model.connections.items() if each.enabled}
    ours, name = run.c.connection.in_(settings), run.c.connection
    begun = connection.execute(select(name, func.min(run.c.started_at)).where(ours).group_by(name)).all()
    tried = select(name, run.c.stream).where(ours, run.c.started_at >= now - _TRIED).distinct()
    in_use = {(row.connection, row.stream) for row in connection.execute(tried)}
    rows = connection.execute(select(stream.c.connection, stream.c.name, stream.c.completed_at)).all()
    found: dict[str, dict[str, Any]] = {}
    for who, first in begun:
        used = [row.completed_at for row in rows if row.connection == who and (who, row.name) in in_use]
        past = [row.completed_at for row in rows if row.connection == who and row.completed_at]
        read_at = max(past, default=None) if not used else None if None in used else min(used)
        expected = (read_at or first) + max(3 * settings[who].every, _SILENCE)
        found[who] = {"name": who, "read_at": read_at, "expected": expected}
    return found


def _since(now: datetime) -> Select[Any]:
    return log.holding().where(
        event.c.type.not_in(DECISIONS),
        event.c.type.not_like("%.observed"),
        event.c.type.not_like("%.deleted"),
        event.c.time >= now - HORIZON,
    )


def _facts(connection: Connection, now: datetime) -> Iterable[Fact]:
    rows = connection.execute(_since(now).where(event.c.source != documents.EVENTS_SOURCE)).all()
    clients: dict[str, dict[str, str | None]] = {}
    subjects: dict[str, list[str]] = {}
    for row in rows:
        kind, _, external_id = row.subject.partition("/")
        subjects.setdefault(kind, []).append(entity_id(row.source, kind, external_id))
    for kind, ids in subjects.items():
        clients[kind] = state.clients_of(connection, kind, ids) if "client_id" in STATE[kind].c else {}
    facts = []
    for row in rows:
        kind, _, external_id = row.subject.partition("/")
        key = entity_id(row.source, kind, external_id)
        entity = msgspec.json.decode(row.data or "null", type=ENTITIES[kind] | None)
        if entity is None:
            continue
        facts.append(Fact(id=f"{row.source}/{row.id}", type=row.type, time=row.time, kind=kind, subject=key,
                          client=clients[kind].get(key), fields=_fields(entity, row.source)))  # fmt: skip
    return facts


def _fields(entity: Entity, source: str) -> dict[str, Any]:
    """Return the fields of an entity, things it points to by their ids in the store."""
    return {
        name: entity_id(value.connection or source, value.kind, value.external_id)
        if isinstance(value, Reference)
        else value
        for name, value in msgspec.structs.asdict(entity).items()
    }


def evaluate_now(connection: Connection, config: Config, rules: Sequence[Rule], now: datetime) -> Reminding:
    """Evaluate the rules over the store as it is; writes nothing."""
    world = load_world(connection, config, now)
    return Reminding(world, tuple(rules), evaluate(world, rules, now, deeds(connection)))


def deeds(connection: Connection) -> list[Deed]:
    """Return what people did, as the evaluation takes it."""
    found = []
    for row in reminders.actions(connection):
        data = msgspec.json.decode(row.data)
        until = datetime.fromisoformat(data["until"]) if data.get("until") else None
        found.append(
            Deed(
                rule=row.rule,
                key=row.key,
                kind=row.kind,
                at=row.at,
                by=row.by,
                until=until,
                employee=data.get("employee", ""),
                result=data.get("result", ""),
                reason=data.get("reason", ""),
            )
        )
    return found


def refresh(store: Store, config: Config, plugins: Plugins, now: datetime) -> Reminding:
    """Evaluate and keep the result: new reminders get an id, changed ones are renewed, ended ones closed.

    Lines of checklists that events have done are noted as well.
    """
    rules, mistakes = rules_and_mistakes(config, plugins)
    with store.read() as connection:
        found = evaluate_now(connection, config, rules, now)
        kept = reminders.kept(connection)
        known = {(row.title, row.hint) for row in open_problems(connection, _RULES)}
    if known != {_told(mistake) for mistake in mistakes}:
        _tell_mistakes(store, mistakes, now)
    changes = _changes(found, kept, now)
    if changes:
        _keep(store, found, now)
    ticks = due_ticks(found.world)
    if ticks:
        with store.write() as connection:
            keep_ticks(connection, ticks, sources_of(config, plugins), now)
    return found


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


def _keep(store: Store, found: Reminding, now: datetime) -> None:
    """Save against what is stored at that moment: another process may have evaluated meanwhile."""
    for _ in range(2):
        try:
            with store.write() as connection:
                reminders.save(connection, _changes(found, reminders.kept(connection), now))
                stop_point("reminders")
        except IntegrityError:  # PostgreSQL: the other one opened the same reminder; now it is there
            continue
        return


def _changes(
    found: Reminding, kept: Mapping[tuple[str, str, str], reminders.Kept], now: datetime
) -> list[reminders.Kept]:
    changes = []
    alive: set[int] = set()
    opened = {(item.rule, item.key): item for item in kept.values() if item.state == "open"}
    for due in found.evaluation.reminders:
        instance = instance_of(due)
        before = kept.get((due.rule, due.key, instance))
        if before is None and due.is_open:
            before = opened.get((due.rule, due.key))  # an earlier trigger that came in late moves the same reminder
        if before is None and not due.is_open and due.trigger_time < now - HORIZON:
            continue
        fresh = _as_read_back(reminders.of_due(due, instance, now))
        if before is not None:
            alive.add(before.id)
        if before is None or not before.same_as(fresh):
            changes.append(fresh if before is None else before.renewed(fresh))
    by_id = {rule.id: rule for rule in found.rules}
    for before in kept.values():
        if before.state == "open" and before.id not in alive:
            rule = by_id.get(before.rule)
            state_, reason = "cancelled", "Правило выключено"
            if rule:
                state_, reason = why_gone(found.world, rule, before.subject_kind, before.subject, now, before.client)
            changes.append(before.closed(state_, reason, now))
    return changes


def _as_read_back(kept: reminders.Kept) -> reminders.Kept:
    """Return the reminder as the store gives it, where a tuple is a list: else each evaluation would be a change."""
    return msgspec.structs.replace(kept, detail=msgspec.json.decode(msgspec.json.encode(kept.detail)))


def instance_of(due: Due) -> str:
    """Return the name of one run of a reminder: its first trigger's time, and its subject where keys are shared."""
    return due.trigger_time.astimezone(UTC).isoformat(timespec="seconds")


def act(store: Store, deed: Deed, instance: str) -> None:
    """Keep what a person did with a reminder; it counts at the next evaluation."""
    with store.write() as connection:
        reminders.save_deed(connection, deed, instance)


def find(connection: Connection, number: str) -> reminders.Kept:
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
