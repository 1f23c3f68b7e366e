# ruff: noqa: E501 tables of cases read better in one line each
"""Reminders over the store: the same whatever the order and the downtime, one open at a time."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inside import Source, dump, rows, run
from lab import HEAD, difference, item, said, seed_of
from sqlalchemy.exc import IntegrityError

from hub import passes
from hub.cli import cli, reminding
from hub.config import load_config
from hub.plugins import Plugins
from hub.remind import refresh, rules_of
from hub.store import tables
from hub.store.database import Store

START = datetime(2026, 5, 12, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture
def config(tmp_path: Path) -> Any:
    path = tmp_path / "hub.yaml"
    path.write_text(HEAD.format(store="sqlite:///x.db"), encoding="utf-8")
    return load_config(path)


def _phone(number: int) -> str:
    return f"+7391294{number:04d}"


def _client(number: int) -> dict[str, Any]:
    points = [{"type": "phone", "value": _phone(number)}]
    return item("client", f"c{number}", name=f"Ромашка {number}", status="client", manager="ivanova", points=points)


def _call(key: str, number: int, state: str, moment: datetime) -> dict[str, Any]:
    time = moment.isoformat()
    data = {
        "number": _phone(number),
        "started": time,
        "state": state,
        "talk_seconds": 60 if state == "connected" else 0,
    }
    return {"id": key, "payload": {"events": [said("call", key, f"call.{state}", time=time, **data)]}}


def _facts() -> list[tuple[str, dict[str, Any]]]:
    hour = timedelta(hours=1)
    return [
        *(("clients", _client(number)) for number in range(4)),
        ("calls", _call("a", 0, "missed", START)), ("calls", _call("b", 0, "missed", START + hour / 4)),
        ("calls", _call("c", 1, "missed", START)), ("calls", _call("d", 1, "connected", START + hour)),
        ("calls", _call("e", 9, "missed", START)),
        ("tickets", item("ticket", "t1", number="1", subject="Печать", priority="urgent", created=START.isoformat(),
                         client={"kind": "client", "external_id": "c2"}, last_activity=START.isoformat())),
        ("tickets", item("ticket", "t2", number="2", subject="Отчёт", priority="important", state="solved", created=START.isoformat(),
                         client={"kind": "client", "external_id": "c3"}, last_activity=START.isoformat())),
        ("invoices", item("invoice", "i1", number="7", date="2026-04-01", due="2026-04-10", total={"amount": "100", "currency": "RUB"},
                          client={"kind": "client", "external_id": "c3"})),
    ]  # fmt: skip


def _kept(store: Store) -> list[str]:
    return [line for line in dump(store) if line.startswith("reminder ")]


def _fresh(tmp_path: Path, name: str) -> Store:
    store = Store(f"sqlite:///{tmp_path / name}.db", synchronous="normal")
    store.create()
    return store


def test_order_of_facts_does_not_matter(
    tmp_path: Path, config: Any, plugins: Plugins, request: pytest.FixtureRequest
) -> None:
    """F-27, promise 4; the reminders are looked at after every fact, as the daemon does, or only at the end."""
    pick = random.Random(seed_of(request.config))
    wanted: list[str] = []
    for number in range(12):
        facts = _facts()
        pick.shuffle(facts)
        store = _fresh(tmp_path, str(number))
        sources = {name: Source(name=name) for name, _ in facts}
        for name, fact in facts:
            run(store, sources[name], [fact], connection="desk")
            if number > 6:
                refresh(store, config, plugins, START + timedelta(hours=2))
        refresh(store, config, plugins, START + timedelta(hours=2))
        found = [line for line in _kept(store) if " open " in line]
        store.close()
        wanted = wanted or found
        assert found == wanted, difference(wanted, found)
    assert any("missed_call" in line for line in wanted)
    assert any("urgent_ticket" in line for line in wanted)


def test_thirty_days_of_downtime_change_nothing(tmp_path: Path, config: Any, plugins: Plugins) -> None:
    """F-27: looking each day, or once after a month, gives the same list."""
    found = []
    for name, days in (("daily", range(1, 31)), ("once", (30,))):
        store = _fresh(tmp_path, name)
        for kind, fact in _facts():
            run(store, Source(name=kind), [fact], connection="desk")
        for day in days:
            refresh(store, config, plugins, START + timedelta(days=day))
        found.append([line for line in _kept(store) if " open " in line])
        store.close()
    assert found[0] == found[1], difference(*found)
    assert found[0]


def test_what_is_over_stays_as_it_was_told_when_a_rule_changes(
    tmp_path: Path, store: Store, config: Any, plugins: Plugins
) -> None:
    """Decision 0014: a changed rule tells the open reminders anew and no closed one; one that opens again is told."""
    for kind, fact in _facts():
        run(store, Source(name=kind), [fact], connection="desk")
    refresh(store, config, plugins, START + timedelta(hours=2))
    before = {row.id: row for row in rows(store, "reminder") if row.rule == "missed_call"}
    assert {row.state for row in before.values()} == {"open", "resolved"}

    rule = next(each for each in rules_of(config, plugins) if each.id == "missed_call")
    text = Path(rule.place.rpartition(":")[0]).read_text(encoding="utf-8")
    own = tmp_path / "rules" / "missed_call.yaml"
    own.parent.mkdir()
    own.write_text(re.sub(r"(?m)^title: .*$", "title: Позвоните", text), encoding="utf-8")
    refresh(store, config, plugins, START + timedelta(hours=2, minutes=1))

    after = {row.id: row for row in rows(store, "reminder") if row.rule == "missed_call"}
    assert after.keys() == before.keys()
    for number, row in after.items():
        assert row.title == ("Позвоните" if row.state == "open" else before[number].title)


def test_second_evaluation_writes_nothing(store: Store, config: Any, plugins: Plugins) -> None:
    for kind, fact in _facts():
        run(store, Source(name=kind), [fact], connection="desk")
    for _ in range(2):
        refresh(store, config, plugins, START + timedelta(hours=2))
    before = rows(store, "reminder")
    refresh(store, config, plugins, START + timedelta(hours=2))

    assert before
    assert rows(store, "reminder") == before


def test_call_back_closes_the_reminder(store: Store, config: Any, plugins: Plugins) -> None:
    run(store, Source(name="clients"), [_client(0)], connection="desk")
    run(store, Source(name="calls"), [_call("a", 0, "missed", START)], connection="desk")
    refresh(store, config, plugins, START + timedelta(minutes=5))
    (missed,) = [row for row in rows(store, "reminder") if row.rule == "missed_call"]
    assert (missed.state, missed.assignee) == ("open", "ivanova")
    run(store, Source(name="calls"), [_call("b", 0, "connected", START + timedelta(minutes=6))], connection="desk")
    refresh(store, config, plugins, START + timedelta(minutes=10))

    (missed,) = [row for row in rows(store, "reminder") if row.rule == "missed_call"]
    assert missed.state != "open"
    assert missed.closed_at is not None


def test_only_one_reminder_of_a_key_is_open(store: Store) -> None:
    values = dict(  # noqa: C408
        rule="r", key="k", assignee="a", severity="normal", state="open", title="", why="", count=1, triggered_at=START,
                  opened_at=START, closed_by="", detail="{}")  # fmt: skip
    with pytest.raises(IntegrityError), store.write() as connection:  # noqa: PT012
        for instance in "12":
            connection.execute(tables.reminder.insert().values(**values, instance=instance))
    assert rows(store, "reminder") == []


def test_who_waits_for_all_clients_is_told_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at everything, as after an update, says on stderr how far it is; what is asked for stays clean."""
    monkeypatch.setattr(passes, "CHUNK", 1)
    monkeypatch.setattr(reminding, "PATIENCE", 0)
    config = tmp_path / "hub.yaml"
    config.write_text(HEAD.format(store="sqlite:///hub.db"), encoding="utf-8")
    run(_fresh(tmp_path, "hub"), Source(name="clients"), [_client(it) for it in range(3)], connection="desk")
    command = ["--config", str(config), "--now", START.isoformat(), "reminder", "list", "--json"]
    first, second = (CliRunner().invoke(cli, command) for _ in range(2))
    words = re.findall(r"Reminders of all clients are worked out anew: (\d+)%, \d+ s left\.", first.stderr)
    assert [int(it) for it in words] == [20, 40, 60, 80], "three clients, what is nobody's, and the firm itself"
    assert "anew" not in second.stderr
    assert json.loads(first.stdout) == json.loads(second.stdout)


def test_why_explains_open_closed_and_gone_reminders_with_their_facts(tmp_path: Path) -> None:
    """What holds it, what closed it and where each fact came from; a reminder of a rule that is no more as well."""
    config = tmp_path / "hub.yaml"
    config.write_text(HEAD.format(store="sqlite:///hub.db"), encoding="utf-8")
    store = _fresh(tmp_path, "hub")
    later = (START + timedelta(minutes=30)).isoformat()

    def hub(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["--config", str(config), "--now", later, "reminder", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    run(store, Source(name="clients"), [_client(0), _client(1)], connection="desk")
    run(
        store, Source(name="calls"), [_call("a", 0, "missed", START), _call("b", 1, "missed", START)], connection="desk"
    )
    numbers = {
        row["client"]: str(row["id"]) for row in json.loads(hub("list", "--json")) if row["rule"] == "missed_call"
    }
    first, second = numbers.values()
    words = hub("why", first)
    assert "because     Пропущен звонок 12.05 в 08:00" in words
    assert "fact        call.missed, 12.05.2026 08:00, from desk" in words
    assert "fact        client Ромашка" in words
    assert "holds       the direction of the call is not outbound (now: inbound)" in words
    assert "goes up     12.05.2026 08:30 to the deputy, if nobody has said that he saw it" in words.replace(
        "went", "goes"
    )
    assert "as long as the rule allows" in hub("snooze", first, "2d")
    assert ", from desk (c" in words

    for key, number in (("c", 0), ("d", 1)):
        moment = START + timedelta(minutes=10)
        run(
            store,
            Source(name="calls"),
            [_call(key, number, "connected", moment)] if number == 0 else [],
            connection="desk",
        )
    closed, still = (first, second) if "resolved" in hub("why", first) else (second, first)
    words = hub("why", closed)
    assert "fact        call.connected, 12.05.2026 08:10, from desk" in words
    assert "resolved    Состоялся разговор с клиентом" in words

    hub("ack", still)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "off.yaml").write_text("{id: missed_call, enabled: false}", encoding="utf-8")
    words = hub("why", still)
    assert "because     Пропущен звонок 12.05 в 08:00" in words
    assert "not in force any more" in words
    assert "ack by" in words
    assert "cancelled   Правило выключено" in words
    assert json.loads(hub("why", still, "--json"))["closed_by"] == "Правило выключено"
    store.close()
