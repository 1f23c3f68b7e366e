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
from sqlalchemy import delete, text

from hub import passes, remind
from hub.config import Config, load_config
from hub.facts import FIRM_KINDS, HORIZON, WHOLE
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
from hub.remind import deeds, evaluate_now, evaluate_rule, instance_of, refresh, rules_of
from hub.reminders.dues import Deed, Due
from hub.reminders.rules import BUILTIN
from hub.store import parts, state, tables
from hub.store.database import Store
from hub.store.tables import wake
from hub.store.types import instant_text

START = datetime(2026, 5, 12, 1, 0, tzinfo=UTC)
SOURCES = Sources(["base", "desk"])
MONEY = Money(Decimal(1500))
OWN = """
id: any_ticket
title: "Заявка: {ticket.number}"
why: "Появилась заявка"
trigger: {scan: ticket}
where: [{field: ticket.state, in: [new, open]}]
key: "any:{ticket.id}"
over: "заявка закрыта"
"""
"""A rule of the firm's own."""


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


def derived(store: Store, config: Config, plugins: Plugins, now: datetime) -> list[Due]:
    """Return every reminder, open or closed, that follows from all facts at once."""
    rules = rules_of(config, plugins)
    with store.read() as connection:
        _, clients = evaluate_now(connection, config, [it for it in rules if it.trigger.kind not in FIRM_KINDS], now)
        found = [*clients.reminders]
        for rule in (rule for rule in rules if rule.trigger.kind in FIRM_KINDS):
            found += evaluate_rule(connection, config, rule, now)[1].reminders
    return found


def whole(store: Store, config: Config, plugins: Plugins, now: datetime) -> dict[str, Any]:
    return shown(due for due in derived(store, config, plugins, now) if due.is_open)


def differences(store: Store, wanted: list[Due], now: datetime) -> list[str]:
    """Return in which closed reminders what is stored differs from what follows from all facts."""
    stored = {(it.rule, it.key, it.instance): it for it in rows(store, "reminder")}
    wrong = []
    for due in wanted:
        kept = stored.get((due.rule, due.key, instance_of(due.trigger_time)))
        how = kept and (kept.state, kept.closed_by, kept.closed_at)
        is_here = due.trigger_time >= now - HORIZON
        if not due.is_open and is_here and how != (due.status, due.by or due.ended_text, due.ended_at):
            wrong.append(f"{due.rule} {due.key} of {due.trigger_time}: {how}, and not {due}")
    return wrong


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
        if pick.random() < 0.2:
            config = change(config, pick)
        found = refresh(store, config, plugins, now)
        wanted = derived(store, config, plugins, now)
        kept = shown(found.open)
        assert kept == shown(due for due in wanted if due.is_open), f"step {number}, {now}, said {said}"
        assert not differences(store, wanted, now), f"step {number}, {now}, said {said}"
        seen |= set(kept)
        if kept and pick.random() < 0.3:
            do(store, pick, found.open, now)
        now += pick.choice([timedelta(minutes=7), timedelta(hours=3), timedelta(days=1), timedelta(days=9)])
    return len(seen)


def change(config: Config, pick: random.Random) -> Config:
    """Let the firm change its mind: a rule of its own, a rule switched off, back to what ships, other people."""
    own = config.resolve("rules") / "own.yaml"
    own.parent.mkdir(exist_ok=True)
    shipped = (BUILTIN / "weekly_call.yaml").read_text(encoding="utf-8")
    what = pick.choice([shipped.replace("7d", "2d"), "{id: missed_call, enabled: false}", OWN, "", "people"])
    if what != "people":
        own.write_text(what, encoding="utf-8") if what else own.unlink(missing_ok=True)
        return config
    text = config.path.read_text(encoding="utf-8")
    old, new = ("05-14..", "05-11..") if "05-14.." in text else ("05-11..", "05-14..")
    config.path.write_text(text.replace(old, new), encoding="utf-8")
    return load_config(config.path)


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


def test_a_call_that_becomes_known_late_ended_it_earlier(store: Store, config: Config, plugins: Plugins) -> None:
    """History says what happened, in whatever order it came to be known."""

    def call(hour: int, talk: int) -> tuple[str, str, Entity, str]:
        started = START + timedelta(hours=hour)
        made = Call(number=phone(1), started=started, talk_seconds=talk, direction="inbound")
        return "call", f"c{hour}", made, "connected" if talk else "missed"

    def closed() -> list[tuple[str, datetime]]:
        refresh(store, config, plugins, START + timedelta(days=1))
        return [(it.state, it.closed_at) for it in rows(store, "reminder") if it.rule == "missed_call"]

    say(store, START, ("client", "1", client(1), ""))
    say(store, START, call(1, 0))
    assert closed() == [("open", None)]
    say(store, START + timedelta(hours=9), call(9, 90))
    assert closed() == [("resolved", START + timedelta(hours=9))]
    say(store, START + timedelta(hours=3), call(3, 90))
    assert closed() == [("resolved", START + timedelta(hours=3))]


def test_what_was_closed_by_hand_stays_closed_when_clients_become_one(
    store: Store, config: Config, plugins: Plugins
) -> None:
    ends = Contract(number="7", client=owner(1), fee=MONEY, start=date(2025, 6, 1), end=date(2026, 6, 1))

    def renewals() -> list[str]:
        return [it.state for it in rows(store, "reminder") if it.rule == "contract_renewal"]

    say(store, START, ("client", "1", client(1), ""), ("client", "2", client(2), ""), ("contract", "7", ends, ""))
    due = next(it for it in refresh(store, config, plugins, START).open if it.rule == "contract_renewal")
    with store.write() as connection:
        kept = next(it for it in remind.reminders.listed(connection, only_open=True) if it.key == due.key)
        deed = Deed(rule=due.rule, key=due.key, kind="done", at=START, by="ivanova", result="not_needed")
        remind.act(connection, kept, deed)
    refresh(store, config, plugins, START)
    assert renewals() == ["resolved"]
    with store.write() as connection:
        other = next(row["id"] for row in state.read(connection, "client") if row["external_id"] == "2")
        stays = merge(connection, other, str(due.client), SOURCES, by="ivanova", now=START)
    for day in (1, 2):
        say(store, START + timedelta(days=day), ("client", "2", client(2, note=f"{day}"), ""))
        refresh(store, config, plugins, START + timedelta(days=day))
        assert renewals() == ["resolved"]
    assert [it.part for it in rows(store, "reminder") if it.rule == "contract_renewal"] == [stays]


def test_another_rule_is_all_that_is_looked_at(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firm that changes one rule, or what reminders do not depend on, need not wait for all others."""
    say(store, START, *(("client", str(number), client(number), "") for number in range(4)))
    say(store, START, ("ticket", "1", Ticket(number="1", subject="Печать", client=owner(1), state="new"), "created"))
    refresh(store, config, plugins, START)
    asked: list[tuple[list[str], Any]] = []
    evaluate = remind.evaluate_now
    monkeypatch.setattr(
        remind,
        "evaluate_now",
        lambda *given: asked.append(([rule.id for rule in given[2]], given[4])) or evaluate(*given),
    )
    config.resolve("rules").mkdir()
    (config.resolve("rules") / "own.yaml").write_text(OWN, encoding="utf-8")
    assert "any_ticket" in {due.rule for due in refresh(store, config, plugins, START).open}
    assert [rules for rules, choice in asked if choice == WHOLE] == [["any_ticket"]]
    asked.clear()
    text = config.path.read_text(encoding="utf-8")
    config.path.write_text(f"{text}reports: {{hung_days: 9}}\n# a remark\n", encoding="utf-8")
    refresh(store, load_config(config.path), plugins, START)
    assert asked == []


def test_who_is_away_changes_only_what_is_open(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody falls ill: his open reminders go to the substitute at once, and clients without any are not asked."""
    say(store, START, *(("client", str(number), client(number), "") for number in range(4)))
    say(store, START, ("ticket", "1", Ticket(number="1", subject="Печать", client=owner(1), state="new",
                                             priority="urgent", created=START), "created"))  # fmt: skip
    say(store, START, *(("call", f"{number}", Call(number=phone(number), started=START, talk_seconds=90), "connected")
                        for number in range(4)))  # fmt: skip
    before = refresh(store, config, plugins, START).open
    assert {due.assignee for due in before} == {"ivanova"}
    asked: list[Any] = []
    evaluate = remind.evaluate_now
    monkeypatch.setattr(remind, "evaluate_now", lambda *given: asked.append(given[4]) or evaluate(*given))
    text = config.path.read_text(encoding="utf-8")
    config.path.write_text(text.replace("05-14..", "05-12.."), encoding="utf-8")
    after = refresh(store, load_config(config.path), plugins, START).open
    assert {due.assignee for due in after} == {"petrov"}
    assert [list(choice.clients) for choice in asked] == [sorted({due.part for due in before})]
    refresh(store, load_config(config.path), plugins, START)
    assert len(asked) == 1, "nothing changed any more"


def test_the_marks_name_all_of_the_configuration_that_is_looked_at(
    store: Store, config: Config, plugins: Plugins
) -> None:
    """What the evaluation reads of the configuration and is not in the mark would be changed without effect."""

    class Watched:
        def __init__(self, model: Any) -> None:
            self.model, self.read = model, set[str]()

        def __getattr__(self, name: str) -> Any:
            self.read.add(name)
            return getattr(self.model, name)

    watched = Watched(config.model)
    config.model = watched  # type: ignore[assignment]
    derived(store, config, plugins, START)
    assert watched.read - {"rules", "channels"} == passes.SECTIONS | {"connections", "documents"}


def test_a_large_load_names_the_clients_it_touched(store: Store, config: Config, plugins: Plugins) -> None:
    """One page of 1C is not everything; a first load is, and is kept as such."""
    many = [f"c{number:05}" for number in range(700)]

    def kept(*touched: list[str]) -> set[str]:
        with store.write() as connection:
            connection.execute(delete(tables.touched))
            for each in touched:
                parts.touch(connection, "client", each)
            return set(parts.pending(connection).values())

    assert kept(many) == {EVERYTHING}, "nothing was ever evaluated"
    say(store, START, ("client", "1", client(1), ""))
    refresh(store, config, plugins, START)
    assert kept(many) == set(many)
    assert kept([f"{page}/{each}" for page in range(20) for each in many]) == {EVERYTHING}
    pages = [[f"{page}/{each}" for each in many] for page in range(20)]
    assert EVERYTHING in kept(*pages)
    assert len(kept(*pages)) <= parts.FULL


def test_many_clients_are_evaluated_in_chunks_with_the_same_result(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(passes, "CHUNK", 2)
    assert live(store, config, plugins, random.Random(seed_of(request.config)), steps=16) >= 5


def test_the_database_knows_how_large_the_log_is_before_many_chunks_are_read(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: after a large load PostgreSQL read the whole log for each piece of a chunk."""

    def size() -> float:
        with store.read() as connection:
            found: float = connection.execute(
                text("SELECT reltuples FROM pg_class WHERE relname = 'event'")
            ).scalar_one()
        return found

    say(store, START, *(("client", str(number), client(number), "") for number in range(4)))
    monkeypatch.setattr(passes, "CHUNK", 1)
    if store.is_sqlite:
        refresh(store, config, plugins, START)
        return
    assert size() <= 0
    refresh(store, config, plugins, START)
    assert size() == 4


def test_what_is_killed_between_two_chunks_is_done_again(
    store: Store, config: Config, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        say(store, START, something(random.Random(number), START, number))
    say(store, START, *(("client", str(number), client(number), "") for number in range(4)))
    now, kept, keep = START + timedelta(days=2), [], remind._keep
    monkeypatch.setattr(passes, "CHUNK", 1)

    def killed(*given: Any) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt
        kept.append(given)
        keep(*given)

    monkeypatch.setattr(remind, "_keep", killed)
    with pytest.raises(KeyboardInterrupt):
        refresh(store, config, plugins, now)
    assert rows(store, "reminder"), "the control: something was kept before"
    assert not [row for row in rows(store, "meta") if row.name == parts.EVALUATED]
    monkeypatch.setattr(remind, "_keep", keep)
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
