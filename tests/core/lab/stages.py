# ruff: noqa: E501 tables of cases read better in one line each
"""The stages of the hub under kills (A-01): each function kills one stage so many times and compares what is left.

Whatever is lost, doubled or half done is an AssertionError. `SABOTAGE` breaks the struck hub, never the calm one.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from forks import Forks, QuickOffice
from inside import rows
from kills import KILLED, Killer, World, is_sound
from kills import storm as storm_of_syncs
from lab import NOW, difference, dump, item, opened, said, stream
from sqlalchemy import create_engine, inspect

from hub.store import tables
from hub.store.database import APPLICATION_ID, Store, StoreError
from hub.store.parties import entity_id
from hub.testing.peers.onec.samples import inn


class Ground:
    """Where a stage is played: a folder, empty stores of one kind, a seed, and what is broken on purpose if anything."""

    def __init__(self, forks: Forks, folder: Path, empty: Callable[[], Any], seed: int, sabotage: str = "") -> None:
        self.forks = forks
        self.folder = folder
        self.empty = empty
        self.random = random.Random(seed)
        self.seed = seed
        self.env = {"SABOTAGE": sabotage} if sabotage else {}

    @contextmanager
    def pair(self) -> Iterator[tuple[QuickOffice, QuickOffice]]:
        """Give a calm office on SQLite and one to be struck, both with a new store."""
        with self.empty() as url:
            offices = (
                QuickOffice(self.forks, self.folder / "calm"),
                QuickOffice(self.forks, self.folder / "struck", url),
            )
            for office in offices:
                office.ok("init")
            yield offices

    def killer(self, office: QuickOffice, points: tuple[str, ...], most: int, settled: str = "") -> Killer:
        """Return who kills."""
        if self.env:
            points, most = ("torn",), 1
        return Killer(office, self.random, points, most, env=self.env, settled=settled, only_points=bool(self.env))


def same(calm: QuickOffice, struck: QuickOffice, seed: int) -> None:
    """Compare what two stores say."""
    assert calm.dump() == struck.dump(), f"seed {seed}: {difference(calm.dump(), struck.dump())}"
    if struck.store_url.startswith("sqlite"):
        assert is_sound(Path(struck.store_url.removeprefix("sqlite:///")))


def read(ground: Ground, kills: int) -> Killer:
    """F-01, F-02: a sync."""
    with ground.empty() as url:
        calm, struck = (
            QuickOffice(ground.forks, ground.folder / "calm"),
            QuickOffice(ground.forks, ground.folder / "struck", url),
        )
        world = World(ground.folder, ground.seed, size=24)
        return storm_of_syncs(
            world, calm, struck, seed=ground.seed, kills=kills, rounds=max(2, kills // 20), **ground.env
        )


def normalise(ground: Ground, kills: int) -> Killer:
    """F-02: stored records are understood anew, as after a new version of a plugin."""
    with ground.pair() as (calm, struck):
        killer = ground.killer(struck, ("stored", "commit", "committed"), 5)
        script = calm.script(
            "desk",
            stream(
                "clients",
                [
                    item("client", f"c{number}", name=f"Ромашка {number}", inn=inn(number % 40))
                    for number in range(1100)
                ],
            ),
        )
        for office in (calm, struck):
            office.connect({"desk": script})
            office.ok("sync")
        spelling = 0
        while killer.wants(kills):
            spelling += 1
            for office in (calm, struck):
                office.connect({"desk": {**script, "spelling": str(spelling)}})
            span = calm.ok("record", "replay", "desk", "--all").seconds
            killer.run(
                "record", "replay", "desk", "--all", kills=max(1, min(4, kills - killer.kills)), span=span, once=True
            )
            same(calm, struck, ground.seed)
        return killer


def project(ground: Ground, kills: int) -> Killer:
    """F-02: events become identity and state: an imported log, and clients that a person makes one and parts again."""
    with ground.pair() as (calm, struck):
        killer = ground.killer(struck, ("commit", "committed"), 3, settled="already")
        file = ground.folder / "log.jsonl"
        number = 0
        while killer.wants(kills):
            number += 1
            lines = [_observed(number, each, ground.random) for each in range(60)]
            file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
            pair = [entity_id("hand", "client", f"{letter}{number}") for letter in "ab"]
            for command in (("event", "import", str(file)), ("client", "merge", *pair)):
                span = calm.ok("--now", NOW, *command).seconds
                killer.run("--now", NOW, *command, kills=2, span=span, once=True)
                same(calm, struck, ground.seed)
        return killer


def _observed(round_: int, number: int, pick: random.Random) -> dict[str, Any]:
    key = {0: f"a{round_}", 1: f"b{round_}"}.get(number, f"c{round_}-{number}")
    phone = {"type": "phone", "value": f"+7391{pick.randrange(30):07d}"}
    data = {
        "name": f"Лютик {key}",
        "points": [phone],
        **({"inn": inn(pick.randrange(1, 90))} if number > 1 else {"points": []}),
    }
    return {
        "id": f"client/{key}",
        "source": "hand",
        "type": "client.observed",
        "subject": f"client/{key}",
        "data": data,
    }


def remind(ground: Ground, kills: int) -> Killer:
    """F-03: reminders are kept, renewed and closed."""
    with ground.pair() as (calm, struck):
        killer = ground.killer(struck, ("reminders", "commit", "committed"), 1)
        clients = [_called(number) for number in range(30)]
        calls: list[dict[str, Any]] = []
        number = 0
        while killer.wants(kills):
            moment = datetime.fromisoformat("2026-05-12T01:00:00+00:00") + number * timedelta(hours=1)
            for place, client in enumerate(ground.random.sample(range(30), 12)):
                state = "missed" if place < 2 else ground.random.choice(("missed", "connected"))
                minute = moment + timedelta(minutes=ground.random.randrange(1, 59))
                calls.append(_call(client, state, f"{minute:%Y-%m-%dT%H:%M:%SZ}"))
            desk = calm.script("desk", stream("clients", clients), stream("calls", calls))
            for office in (calm, struck):
                office.connect({"desk": desk})
                office.ok("sync")
            now = f"{moment + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
            span = calm.ok("--now", now, "today").seconds
            killer.run("--now", now, "today", kills=max(1, min(3, kills - killer.kills)), span=span, once=True)
            same(calm, struck, ground.seed)
            assert _shown(struck, now) == _shown(calm, now)
            number += 1
        return killer


def _shown(office: QuickOffice, now: str) -> list[Any]:
    """Return what people see, without the running numbers, of which a database may leave some out."""
    return [{**it, "id": 0} for it in office.ok("--now", now, "reminder", "list", "--json").json]


def _called(number: int) -> dict[str, Any]:
    phone = [{"type": "phone", "value": f"+7391294{number:04d}"}]
    return item("client", f"c{number}", name=f"Ромашка {number}", status="client", manager="ivanova", points=phone)


def _call(client: int, state: str, time: str) -> dict[str, Any]:
    key = f"k{client}{time}"
    data = {
        "number": f"+7391294{client:04d}",
        "started": time,
        "state": state,
        "talk_seconds": 60 if state == "connected" else 0,
    }
    return {"id": key, "payload": {"events": [said("call", key, f"call.{state}", time=time, **data)]}}


def document(ground: Ground, kills: int) -> Killer:
    """F-04: documents get numbers and files; no number twice, none lost, no half file, one line of the audit each."""
    with ground.pair() as (_calm, struck):
        struck.connect(
            {
                "desk": struck.script(
                    "desk", stream("clients", [item("client", "c", name="Ромашка", inn="2465000007", status="client")])
                )
            }
        )
        struck.ok("sync")
        killer = ground.killer(struck, ("number", "file", "commit", "committed"), 3, settled="issued already")
        made = 0
        while killer.wants(kills):
            said_ = struck.ok(
                "--now",
                NOW,
                "document",
                "new",
                "invoice",
                "--client",
                "2465000007",
                "--line",
                "Сопровождение; 1; мес; 5000",
            ).out
            key = said_.split()[1].rstrip(".")
            made += 1
            killer.run(
                "--now", NOW, "document", "issue", key, kills=max(1, min(3, kills - killer.kills)), span=0.6, once=True
            )
        _check_documents(struck, made)
        return killer


def _check_documents(office: QuickOffice, made: int) -> None:
    found = office.ok("document", "list", "--json").json
    numbers = sorted(int(it["number"]) for it in found)
    assert numbers == list(range(1, made + 1)), f"numbers {numbers} of {made} documents"
    with opened(office.store_url) as store:
        files = {row.name: row.sha256 for row in rows(store, "document_file")}
        audit = Counter(row.object for row in rows(store, "audit") if row.what == "document.issue")
    shown = {
        it.name: hashlib.sha256(it.read_bytes()).hexdigest()
        for it in (office.folder / "documents").iterdir()
        if it.name[0] != "."
    }
    assert shown == files
    assert audit == Counter(f"document/{it['id']}" for it in found)


def migrate(ground: Ground, kills: int) -> Killer:
    """F-06: the schema is made or brought up to date whole or not at all, and the next run ends the work."""
    total = Killer(QuickOffice(ground.forks, ground.folder), ground.random)
    span = min(QuickOffice(ground.forks, ground.folder / name).ok("init").seconds for name in ("warm", "span"))
    while total.wants(kills):
        with ground.empty() as url:
            struck = QuickOffice(ground.forks, ground.folder / f"s{total.kills}-{total.passes}", url)
            killer = ground.killer(struck, ("migrate", "commit", "committed"), 1)
            command = ("db", "upgrade") if ground.env or ground.random.random() < 0.5 else ("init",)
            if command[0] == "db" and url.startswith("sqlite"):
                _store_without_tables(Path(url.removeprefix("sqlite:///")))
            for _ in range(2):
                if ground.random.random() < 0.5 and not killer.only_points:
                    done = struck.hub(*command, kill_after=ground.random.uniform(0.2 * span, span), **ground.env)
                    killer.uniform += done.code == KILLED
                else:
                    point = ground.random.choice(killer.points)
                    done = struck.hub(*command, HUB_TEST_STOP=f"{point}:1", **ground.env)
                    killer.hit[point] = killer.hit.get(point, 0) + (done.code == KILLED)
                killer.kills += done.code == KILLED
                killer.passes += done.code != KILLED
                _expect_whole_or_empty(struck)
            killer.finish(*command)
            struck.ok("status")
            assert struck.dump() == []
        total.kills += killer.kills
        total.uniform += killer.uniform
        total.passes += killer.passes
        total.hit = dict(Counter(total.hit) + Counter(killer.hit))
        shutil.rmtree(struck.folder)
    return total


def _store_without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        made.execute("VACUUM")


def _expect_whole_or_empty(office: QuickOffice) -> None:
    shown = office.hub("status")
    assert "Traceback" not in shown.err
    assert shown.code == 0 or "hub init" in shown.err or "is empty" in shown.err or "is not there" in shown.err, (
        shown.err
    )
    if office.store_url.startswith("sqlite") and not Path(office.store_url.removeprefix("sqlite:///")).exists():
        return
    engine = create_engine(Store(office.store_url).engine.url)
    there = set(inspect(engine).get_table_names()) - {"alembic_version"}
    engine.dispose()
    whole = set(tables.metadata.tables)
    assert there in (set(), whole), f"half a schema: {len(there)} tables of {len(whole)}"


def backup(ground: Ground, kills: int) -> Killer:
    """F-06: a backup is whole or not there; a restore leaves the store of before or that of the backup (SQLite only)."""
    with ground.pair() as (_calm, struck):
        killer = ground.killer(struck, ("file",), 5)
        contents, path = [], Path(struck.store_url.removeprefix("sqlite:///"))
        for count in (1500, 1600):
            clients = [item("client", f"c{number}", name=f"Ромашка {number}") for number in range(count)]
            struck.connect({"desk": struck.script("desk", stream("clients", clients))})
            struck.ok("sync")
            shutil.copy(path, ground.folder / f"{count}.db")
            contents.append(struck.dump())
        copy, before = ground.folder / "copy.db", path.with_name(f"{path.name}.before-restore")
        number = 0
        while killer.wants(kills):
            number += 1
            copy.unlink(missing_ok=True)
            before.unlink(missing_ok=True)
            shutil.copy(ground.folder / "1600.db", path)
            restoring = number % 2
            command = ("restore", str(ground.folder / "1500.db"), "--yes") if restoring else ("backup", str(copy))
            _strike(ground, killer, ("db", *command))
            if restoring:
                assert _dump_of(path) in contents, "neither the one store nor the other"
                assert not before.exists() or _dump_of(before) == contents[1]
            elif copy.exists():
                assert _dump_of(copy) == contents[1]
        copy.unlink(missing_ok=True)
        struck.ok("db", "backup", str(copy))
        assert _dump_of(copy) in contents
        return killer


def _strike(ground: Ground, killer: Killer, command: tuple[str, ...]) -> None:
    if killer.only_points:
        done = killer.office.hub(*command, HUB_TEST_STOP="torn:1", **ground.env)
    elif ground.random.random() < 0.5:
        done = killer.office.hub(*command, kill_after=ground.random.uniform(0.01, 0.12), **ground.env)
        killer.uniform += done.code == KILLED
    else:
        done = killer.office.hub(*command, DIE_AT_FILE=str(ground.random.randint(1, killer.most)), **ground.env)
        killer.hit["file"] = killer.hit.get("file", 0) + (done.code == KILLED)
    assert done.code in (0, KILLED), done.err
    killer.kills += done.code == KILLED
    killer.passes += done.code == 0


def _dump_of(path: Path) -> list[str]:
    assert is_sound(path), f"{path.name} is damaged"
    try:
        return dump(f"sqlite:///{path}")
    except StoreError as error:
        raise AssertionError(f"{path.name} does not open: {error}") from error


STAGES: dict[str, Callable[[Ground, int], Killer]] = {
    "read": read, "normalise": normalise, "project": project, "remind": remind, "document": document, "migrate": migrate, "backup": backup,
}  # fmt: skip
"""The stage `outbox` has its own peers and runner, beside its other tests."""
BREAKS = {
    "read": "cursor-first", "normalise": "records-first", "project": "log-first", "remind": "settled-first",
    "document": "number-first", "migrate": "tables-first", "backup": "copy-in-place",
}  # fmt: skip
