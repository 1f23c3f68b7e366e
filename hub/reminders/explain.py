"""Why a reminder is there: rule, trigger, conditions with their values, what closes it; and the facts for the talk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from hub.reminders.conditions import AnyOf, Check, Scene, describe, holds
from hub.reminders.derived import OPEN_STATES
from hub.reminders.dues import Due
from hub.reminders.evaluate import scene_of
from hub.reminders.rules import Rule
from hub.reminders.texts import NBSP, money, phone, plural
from hub.reminders.timing import escalations
from hub.reminders.world import World, amount, said

_PRIORITIES = ("urgent", "important", "normal", "low")
_RECENT = timedelta(days=60)
_MOST_TICKETS = 10


class Tested(Struct, frozen=True):
    """A condition, the values of its fields at this moment, and whether it holds."""

    condition: str
    values: dict[str, str]
    holds: bool


class Planned(Struct, frozen=True):
    """A step up: when, to whom by the rule, and on what condition it is left out."""

    time: datetime
    to: tuple[str, ...]
    unless: str
    reached: bool


class Explanation(Struct, frozen=True, kw_only=True):
    """Everything `hub reminder why` prints."""

    rule: str
    place: str
    seeds: tuple[str, ...]
    trigger: str
    trigger_time: datetime
    trigger_fields: dict[str, str]
    facts: tuple[str, ...]
    conditions: tuple[Tested, ...]
    closes: tuple[str, ...]
    cancels: tuple[Tested, ...]
    escalation: tuple[Planned, ...]
    due: datetime
    due_is_own: bool
    assignee: str
    assigned_by: str
    status: str
    closed_by: str
    closed_text: str


class CardFact(Struct, frozen=True):
    """A fact to have before one's eyes: a heading and its lines, as people read them."""

    title: str
    lines: tuple[str, ...]


def explain(world: World, rule: Rule, due: Due, now: datetime) -> Explanation:
    """Return why the reminder is there, or what closed it."""
    world = world.until(now)
    scene = scene_of(world, rule, due, now)
    steps = escalations(rule, scene, due.trigger_time)
    cancels = tuple(_tested(check, scene) for check in rule.cancel)
    scene.fact_first = True
    fields = scene.fact.fields if scene.fact else world.get(due.subject_kind, due.subject)
    return Explanation(
        rule=rule.id,
        place=rule.place,
        seeds=rule.seeds,
        trigger=f"{scene.fact.type} {scene.fact.id}" if scene.fact else f"{due.subject_kind} {due.subject}",
        trigger_time=due.trigger_time,
        trigger_fields={name: str(value) for name, value in fields.items() if said(value)},
        facts=_facts(world, scene, due),
        conditions=tuple(_tested(check, scene) for check in rule.where),
        closes=tuple(filter(None, (rule.over, *(closing.words for closing in rule.resolve)))),
        cancels=cancels,
        escalation=tuple(Planned(time, step.to, step.unless, time <= now) for time, step in steps),
        due=due.due,
        due_is_own=due.due_is_own,
        assignee=due.assignee,
        assigned_by=due.assigned_by,
        status=due.status,
        closed_by=due.by,
        closed_text=due.ended_text,
    )


def card(world: World, rule: Rule, due: Due, now: datetime) -> list[CardFact]:
    """Return the facts the rule wants shown for the talk; those without anything to say are left out."""
    world = world.until(now)
    facts = [fact for name in rule.card if due.client for fact in _CARDS[name](world, due.client, now)]
    return [fact for fact in facts if fact.lines]


def script(world: World, rule: Rule, due: Due, now: datetime) -> list[str]:
    """Return what to say, line by line."""
    scene = scene_of(world.until(now), rule, due, now)
    return [line.render(scene) for line in rule.script]


def _facts(world: World, scene: Scene, due: Due) -> tuple[str, ...]:
    """Return what the reminder stands on and what closed it, each with the source that said so."""
    lines = [_said_by(world, scene.fact.id)] if scene.fact else []
    lines.append(_known(world, due.subject_kind, due.subject))
    if due.client and due.subject_kind != "client":
        lines.append(_known(world, "client", due.client))
    lines.append(_said_by(world, due.by))
    return tuple(dict.fromkeys(filter(None, lines)))


def _said_by(world: World, by: str) -> str:
    """Return an event with its time and source, or the object whose state it is; nothing for a person."""
    fact = world.fact(by)
    if fact is None:
        kind, _, object_id = by.partition("/")
        return _known(world, kind, object_id) if object_id else ""
    return f"{fact.type}, {fact.time.astimezone(world.calendars.zone):%d.%m.%Y %H:%M}, from {fact.id.partition('/')[0]}"


def _known(world: World, kind: str, object_id: str) -> str:
    row = world.get(kind, object_id)
    name = next((str(row[field]) for field in ("number", "name", "subject", "title") if row.get(field)), object_id)
    source = row.get("connection")
    return f"{kind} {name}, from {source} ({row.get('external_id')})" if source else f"{kind} {name}" if row else ""


def _tested(check: Check, scene: Scene) -> Tested:
    conditions = check.conditions if isinstance(check, AnyOf) else (check,)
    values = {".".join(filter(None, each.path)): _value(scene.get(each.path)) for each in conditions}
    return Tested(describe(check), values, holds(check, scene))


def _value(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value) if said(value) else ""


def _tickets(world: World, client: str, now: datetime) -> list[CardFact]:
    """The three groups a weekly call is about: not begun, not finished, cancelled (S001-10)."""
    titles = ("Заявки не начаты", "Заявки не закончены", "Заявки отменены")
    groups: dict[str, list[tuple[int, str, str]]] = {title: [] for title in titles}
    for ticket, fields in world.owned("ticket", client):
        state, priority = fields.get("state"), str(fields.get("priority"))
        closed = world.value("ticket", ticket, "closed")
        if state in OPEN_STATES:
            title = titles[0] if state == "new" or not fields.get("specialist") else titles[1]
        elif state == "cancelled" and closed and now - closed <= _RECENT:
            title = titles[2]
        else:
            continue
        mark = {"urgent": "срочная, ", "important": "важная, "}.get(priority, "")
        rank = _PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES)
        text = f"№{NBSP}{fields.get('number') or ticket}: {mark}{fields.get('subject') or 'без темы'}"
        groups[title].append((rank, str(ticket), text))
    facts = []
    for title, rows in groups.items():
        rest = len(rows) - _MOST_TICKETS
        more = [f"и ещё {plural(rest, 'заявка/заявки/заявок')}"] if rest > 0 else []
        facts.append(CardFact(title, tuple([text for _, _, text in sorted(rows)][:_MOST_TICKETS] + more)))
    return facts


def _debts(world: World, client: str, _: datetime) -> list[CardFact]:
    lines = []
    for invoice, fields in world.owned("invoice", client):
        left = world.value("invoice", invoice, "unpaid")
        if fields.get("is_posted") is not False and amount(left) > 0:
            until = f", срок {fields['due']:%d.%m.%Y}" if isinstance(fields.get("due"), date) else ""
            lines.append(f"счёт №{NBSP}{fields.get('number') or invoice}: {money(left)}{until}")
    return [CardFact("Не оплачено", tuple(lines))]


def _contract(world: World, client: str, _: datetime) -> list[CardFact]:
    end = world.value("client", client, "contract_end")
    return [CardFact("Договор", (f"действует до {end:%d.%m.%Y}",) if end else ())]


def _last_talk(world: World, client: str, _: datetime) -> list[CardFact]:
    last = world.value("client", client, "last_connected_call")
    local = last.astimezone(world.calendars.zone) if last else None
    return [CardFact("Последний разговор", (f"{local:%d.%m.%Y в %H:%M}" if local else "разговоров ещё не было",))]


def _fee(world: World, client: str, _: datetime) -> list[CardFact]:
    fee = world.value("client", client, "monthly_fee")
    return [CardFact("Платит в месяц", (money(fee),) if amount(fee) else ())]


def _phones(world: World, client: str, _: datetime) -> list[CardFact]:
    numbers = sorted(number for number, owners in world.phones.items() if client in owners)
    return [CardFact("Телефоны", tuple(map(phone, numbers)))]


_CARDS: dict[str, Callable[[World, str, datetime], list[CardFact]]] = {
    "tickets": _tickets,
    "debts": _debts,
    "contract": _contract,
    "last_talk": _last_talk,
    "fee": _fee,
    "phones": _phones,
}
