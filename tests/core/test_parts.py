"""What is evaluated part by part is what an evaluation of everything gives, whatever facts come and how time goes."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from inside import rows
from lab import HEAD, seed_of
from sqlalchemy import delete

from hub import remind
from hub.config import Config, load_config
from hub.facts import FIRM_KINDS
from hub.ingest import ingest
from hub.model.entities import (
    Call,
    Client,
    Contact,
    ContactPoint,
    Contract,
    Entity,
    Invoice,
    Payment,
    Reference,
    Ticket,
)
from hub.model.entries import Note, Occasion, Survey
from hub.model.events import Event
from hub.model.parts import EVERYTHING
from hub.model.values import Money
from hub.normalise import deletions, fact_of
from hub.operator import merge
from hub.plugins import Plugins
from hub.projection import Sources
from hub.remind import deeds, evaluate_now, evaluate_rule, refresh, rules_of
from hub.reminders.evaluate import Deed, Due
from hub.store import parts, state
from hub.store.database import Store
from hub.store.tables import wake
from hub.store.types import instant_text

START = datetime(2026, 5, 12, 1, 0, tzinfo=UTC)
SOURCES = Sources(["base", "desk"])
MONEY = Money(Decimal(1500))


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "hub.yaml"
    absent = 'absent: ["2026-05-14..2026-05-20"], substitute: petrov'
    text = HEAD.format(store="sqlite:///x.db")
    path.write_text(text.replace("{id: ivanova,", "{id: ivanova, " + absent + ",", 1), encoding="utf-8")
    return load_config(path)


def say(store: Store, moment: datetime, *said: tuple[str, str, Entity | None, str], source: str = "base") -> None:
    """Let a source say things: kind, id, the thing (`None`: it is gone) and what happened, if anything."""
    facts = []
    for kind, key, entity, verb in said:
        subject = Reference(kind, key)
        if entity is None:
            facts += deletions([f"{kind}/{key}"], "", instant_text(moment))
            continue
        facts.append(fact_of(Event(f"{kind}.observed", subject, entity, moment), ""))
        if verb:
            name = f"{kind}/{key}/{verb}/{instant_text(moment)}"
            facts.append(fact_of(Event(f"{kind}.{verb}", subject, entity, moment, name), ""))
    with store.write() as connection:
        ingest(connection, source, facts, SOURCES, moment)


def phone(number: int) -> str:
    return f"+739129400{number:02d}"


def client(number: int, *phones: int, **other: Any) -> Client:
    points = tuple(ContactPoint(type="phone", value=phone(each)) for each in phones or (number,))
    return Client(name=f"Школа {number}", manager="ivanova", points=points, **{"status": "client", **other})


def owner(number: int) -> Reference:
    return Reference("client", str(number))


def something(pick: random.Random, moment: datetime, number: int) -> tuple[str, str, Entity | None, str]:
    """Return one thing that may be said at that moment."""
    who, key, today = pick.randrange(4), str(pick.randrange(6)), moment.date()
    priority, status = pick.choice(["urgent", "important", "normal"]), pick.choice(["new", "open", "solved", "closed"])
    talk = pick.choice([0, 5, 90])
    call = Call(number=phone(pick.randrange(14)), started=moment, talk_seconds=talk, direction="inbound")
    return pick.choice([
        ("client", str(who), client(who, who, 10 + who), ""),
        ("client", str(who), client(who, status=pick.choice(["client", "prospect", "closed"])), ""),
        ("call", f"c{number}", call, "connected" if talk else "missed"),
        ("call", f"c{number}", call, "connected" if talk else "missed"),
        ("call", f"c{number}", Call(raw_number="hidden", started=moment), "missed"),
        ("ticket", key, Ticket(number=key, subject="Печать", client=owner(who), priority=priority, state=status,
                               created=moment - timedelta(hours=3), last_activity=moment), "created"),
        ("ticket", key, Ticket(number=key, subject="Печать", priority=priority, state=status), ""),
        ("ticket", key, None, ""),
        ("contract", key, Contract(number=key, client=owner(who), fee=MONEY, start=today - timedelta(days=300),
                                   end=today + timedelta(days=pick.randrange(-5, 40))), ""),
        ("invoice", key, Invoice(number=key, client=owner(who), total=MONEY, date=today, due=today), "issued"),
        ("payment", key, Payment(number=key, client=owner(who), total=MONEY, date=today,
                                 purpose=f"Оплата по счёту № {key}"), ""),
        ("contact", key, Contact(name="Петрова", client=owner(who), birthday=date(1980, 5, 1 + pick.randrange(30)),
                                 points=(ContactPoint(type="phone", value=phone(pick.randrange(8))),)), ""),
        ("survey", f"s{number}", Survey(client=owner(who), answered=moment, score=pick.randrange(11)), "answered"),
        ("note", f"n{number}", Note(client=owner(who), written=moment, topic="call",
                                    next_contact=today + timedelta(days=3)), "written"),
        ("occasion", key, Occasion(title="День бухгалтера", type="holiday", date=today + timedelta(days=4)), ""),
    ])  # fmt: skip


def shown(dues: Any) -> dict[str, Any]:
    """Return open reminders as plain data, by rule and key."""
    return {f"{due.rule} {due.key}": msgspec.to_builtins(due) for due in dues}


def whole(store: Store, config: Config, plugins: Plugins, now: datetime) -> dict[str, Any]:
    rules = rules_of(config, plugins)
    with store.read() as connection:
        _, clients = evaluate_now(connection, config, [it for it in rules if it.trigger.kind not in FIRM_KINDS], now)
        found = [*clients.open]
        for rule in rules:
            found += evaluate_rule(connection, config, rule, now)[1].open if rule.trigger.kind in FIRM_KINDS else ()
    return shown(found)


def live(store: Store, config: Config, plugins: Plugins, pick: random.Random, steps: int) -> int:
    """Let facts come and time go; after each step what is kept must be what holds; return how much was seen."""
    now, seen = START, set[str]()
    say(store, now, *(("client", str(number), client(number), "") for number in range(4)))
    for number in range(steps):
        late = timedelta(hours=pick.choice([0, 0, 0, 1, 30]))
        said = [something(pick, now - late, 10 * number + place) for place in range(pick.randrange(3))]
        for each in said:
            say(store, now - late, each, source="base")
        if number == steps // 2:
            with store.write() as connection:
                one, *_, other = sorted(row["id"] for row in state.read(connection, "client"))
                merge(connection, one, other, SOURCES, by="ivanova", now=now)
        found = refresh(store, config, plugins, now)
        kept, wanted = shown(found.open), whole(store, config, plugins, now)
        assert kept == wanted, f"step {number}, {now}, said {said}"
        seen |= set(kept)
        if kept and pick.random() < 0.3:
            do(store, pick, found.open, now)
        now += pick.choice([timedelta(minutes=7), timedelta(hours=3), timedelta(days=1), timedelta(days=9)])
    return len(seen)


def do(store: Store, pick: random.Random, dues: tuple[Due, ...], now: datetime) -> None:
    """Let a person do something with one of the reminders."""
    due = pick.choice(dues)
    with store.write() as connection:
        kept = next(it for it in remind.reminders.listed(connection, only_open=True) if it.key == due.key)
        deed = Deed(rule=due.rule, key=due.key, kind=pick.choice(["ack", "snooze", "done"]), at=now, by="ivanova",
                    until=now + timedelta(hours=2), result="done")  # fmt: skip
        remind.act(connection, kept, deed)


def test_parts_together_are_the_whole(
    store: Store, config: Config, plugins: Plugins, request: pytest.FixtureRequest
) -> None:
    pick = random.Random(seed_of(request.config))
    assert live(store, config, plugins, pick, steps=24) >= 10, "the control: there was something to remind of"
    with store.read() as connection:
        assert deeds(connection, None), "the control: people acted"


@pytest.mark.parametrize("broken", ["touch", "touch_parts", "waking"])
def test_a_change_that_is_not_kept_is_noticed(
    broken: str, store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controls: what does not say what it touched, and what sleeps on, gives other reminders."""
    forgetful = (lambda _connection, _now: set()) if broken == "waking" else (lambda *_given: None)
    monkeypatch.setattr(parts, broken, forgetful)
    with pytest.raises(AssertionError, match="step "):
        live(store, config, plugins, random.Random(3), steps=60)


def test_many_clients_are_evaluated_in_chunks_with_the_same_result(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick = random.Random(7)
    for number in range(30):
        say(store, START, something(pick, START, number))
    say(store, START, *(("client", str(number), client(number), "") for number in range(4)))
    now = START + timedelta(days=2)
    monkeypatch.setattr(remind, "CHUNK", 2)
    assert shown(refresh(store, config, plugins, now).open) == whole(store, config, plugins, now) != {}


def test_what_did_not_change_is_neither_read_nor_written(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(store, START, *(("client", str(number), client(number), "") for number in range(4)))
    say(store, START, ("call", "c1", Call(number=phone(1), started=START), "missed"))
    assert refresh(store, config, plugins, START + timedelta(hours=1)).open
    asked: list[Any] = []
    evaluate = remind.evaluate_now
    monkeypatch.setattr(remind, "evaluate_now", lambda *given: asked.append(given[4]) or evaluate(*given))
    monkeypatch.setattr(remind.reminders, "save", lambda *_given: pytest.fail("something was written"))
    refresh(store, config, plugins, START + timedelta(hours=1, seconds=1))
    assert asked == []
    assert rows(store, "touched") == []


def test_a_day_on_which_nothing_happens_forgets_no_moment(store: Store, config: Config, plugins: Plugins) -> None:
    """What wakes all clients, such as a holiday on which all are greeted, stays kept over passes without a change."""
    say(store, START, ("client", "1", client(1), ""))
    refresh(store, config, plugins, START)
    before = [row for row in rows(store, "wake") if row.part == EVERYTHING]
    assert before
    with store.write() as connection:
        connection.execute(delete(wake).where(wake.c.part != EVERYTHING))
    refresh(store, config, plugins, START + timedelta(days=1))
    assert [row for row in rows(store, "wake") if row.part == EVERYTHING] == before
