# ruff: noqa: E501 tables of cases read better in one line each
"""Kill the hub with -9 again and again and compare what it leaves with an undisturbed run."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import Done, Office, difference, item, said, stream, write_script

from hub.testing.peers.onec import OneCPeer
from hub.testing.peers.onec.samples import inn

KILLED = -9
POINTS = ("read", "stored", "commit", "committed")
"""The points a sync passes."""


class World:
    """What the other systems hold; every round changes it. The same seed gives the same history."""

    def __init__(self, folder: Path, seed: int, peer: OneCPeer | None = None, *, size: int = 60) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.peer = peer
        self.size = size
        self.round = 0
        self.log: list[list[dict[str, Any]]] = []
        self.desk = {f"d{number}": self._client(number) for number in range(size)}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.ids: list[str] = []

    def _client(self, number: int) -> dict[str, Any]:
        phone = f"+7913{number:07d}"
        points = [{"type": "phone", "value": phone}, {"type": "email", "value": f"buh{number}@firma.example"}]
        return {
            "name": f"Ромашка {number}",
            "inn": inn(number),
            "kpp": "246001001",
            "points": points,
            "status": "client",
        }

    def turn(self) -> None:
        """Let a day pass: objects are added, changed and removed everywhere, and the log of calls grows."""
        self.round += 1
        pick = self.random
        for number in pick.sample(range(self.size), 8):
            self.desk[f"d{number}"] = {**self._client(number), "note": f"round {self.round}"}
        if self.round > 1:
            self.desk.pop(pick.choice(sorted(self.desk)))
        for number in range(self.size // 2):
            key = f"t{pick.randrange(self.size)}"
            self.tickets[key] = {
                "number": key, "subject": f"Не печатает {number}", "priority": pick.choice(("urgent", "important", "normal")),
                "client": {"kind": "client", "external_id": f"d{pick.randrange(self.size)}"},
                "created": "2026-05-11T03:00:00Z", "state": pick.choice(("new", "open", "solved")),
            }  # fmt: skip
        for _ in range(3):
            self.log.append([self._call(len(self.log) * 100 + place) for place in range(12)])
        if self.peer is not None:
            self._turn_peer(self.peer)

    def _call(self, number: int) -> dict[str, Any]:
        state = self.random.choice(("connected", "missed"))
        phone = f"+7913{self.random.randrange(self.size):07d}"
        data = {
            "number": phone,
            "started": "2026-05-12T01:00:00Z",
            "state": state,
            "talk_seconds": 40 if state == "connected" else 0,
        }
        key = f"c{number}"
        return {
            "id": key,
            "payload": {"events": [said("call", key, f"call.{state}", time="2026-05-12T01:00:00Z", **data)]},
        }

    def _turn_peer(self, peer: OneCPeer) -> None:
        if not self.ids:
            self.ids = peer.add("counterparties", 130)
            peer.add("contracts", 20)
            peer.add("invoices", 20)
            return
        for key in self.random.sample(self.ids, 10):
            peer.change("counterparties", key)
        peer.remove("counterparties", self.ids.pop(self.random.randrange(len(self.ids))))
        self.ids += peer.add("counterparties", 3)
        peer.add("payments", 5)

    def connect(self, office: Office) -> None:
        """Point an office at this world."""
        clients = [item("client", key, **data) for key, data in sorted(self.desk.items())]
        tickets = [item("ticket", key, **data) for key, data in sorted(self.tickets.items())]
        script = write_script(self.folder / "desk.json", stream("clients", *_pages(clients, 25), snapshot=True),
                               stream("tickets", *_pages(tickets, 10), snapshot=True),
                               stream("calls", *self.log, cursor=True))  # fmt: skip
        connections = {"desk": script}
        if self.peer is not None:
            connections = {
                "accounting": {"connector": "onec", **self.peer.settings(), "password": "env:ONEC_PASSWORD"},
                **connections,
            }
        office.connect(connections)


def _pages(items: Sequence[Any], size: int) -> list[Any]:
    return [items[start : start + size] for start in range(0, len(items), size)]


@dataclass
class Killer:
    """Runs a command until it comes through, killing it on the way."""

    office: Office
    random: random.Random
    points: Sequence[str] = POINTS
    most: int = 6
    program: str = ""
    env: dict[str, str] = field(default_factory=dict)
    kills: int = 0
    uniform: int = 0
    passes: int = 0
    hit: dict[str, int] = field(default_factory=dict)
    settled: str = ""
    """A refusal with these words says that the work was done already, by a run that was killed after its commit."""

    fastest: float = float("inf")
    """How long the work took at least, so that times to kill at lie within it on a machine of any speed."""

    only_points: bool = False
    """Leave the uniform times out: for a control, which knows where it must be hit."""

    def wants(self, kills: int) -> bool:
        """Tell whether so many kills are not yet there, or none of one kind: at points, and at uniform times."""
        is_one_sided = not self.only_points and not (self.uniform and any(self.hit.values()))
        return self.kills < kills or is_one_sided

    def run(self, *arguments: str, kills: int, span: float, tries: int = 400, once: bool = False) -> None:
        """Kill the command so many times, half of them at points and half at uniform times; then let it end.

        With `once` the first run that comes through is the end: the work is done, and further kills would hit nothing.
        """
        wanted = self.kills + kills
        for _ in range(tries):
            if self.kills >= wanted:
                break
            if (self.kills + self.passes) % 2 and not self.only_points:
                limit = min(span, self.fastest)
                done = self.office.hub(
                    *arguments, kill_after=self.random.uniform(0.3 * limit, limit), program=self.program, **self.env
                )
                self.uniform += done.code == KILLED
            else:
                point = self.random.choice(self.points)
                stop = f"{point}:{self.random.randint(1, self.most)}"
                done = self.office.hub(*arguments, program=self.program, HUB_TEST_STOP=stop, **self.env)
                self.hit[point] = self.hit.get(point, 0) + (done.code == KILLED)
            self.kills += done.code == KILLED
            self.passes += done.code != KILLED
            self._tidy()
            if done.code != KILLED:
                self._expect_done(done, arguments)
                if once:
                    self.fastest = min(self.fastest, done.seconds) if done.code == 0 else self.fastest
                    return
        self.finish(*arguments)

    def finish(self, *arguments: str) -> None:
        """Let the command run to its end."""
        self._expect_done(self.office.hub(*arguments, program=self.program, **self.env), arguments)

    def _expect_done(self, done: Done, arguments: Sequence[str]) -> None:
        is_settled = self.settled and done.code == 1 and self.settled in done.err
        assert done.code == 0 or is_settled, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, done.err

    def _tidy(self) -> None:
        if self.office.store_url.startswith("postgres"):
            self.office.free_leases()


def is_sound(path: Path) -> bool:
    """Tell whether SQLite finds the file whole."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            return connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError:
            return False


def storm(world: World, calm: Office, struck: Office, *, seed: int, kills: int, rounds: int = 2, **env: str) -> Killer:
    """Kill a sync so many times over some rounds of changes; after each round both stores must say the same."""
    env = {**env, **({"ONEC_PASSWORD": world.peer.settings()["password"]} if world.peer else {})}
    killer = Killer(struck, random.Random(seed), env=env)
    for office in (calm, struck):
        office.ok("init")
    for number in range(rounds):
        world.turn()
        for office in (calm, struck):
            world.connect(office)
        span = calm.ok("sync", "--json", **{**env, "SABOTAGE": ""}).seconds
        killer.run("sync", "--json", kills=kills * (number + 1) // rounds - killer.kills, span=span)
        assert calm.dump() == struck.dump(), f"seed {seed}, round {number}: {difference(calm.dump(), struck.dump())}"
    return killer
