"""The contenders: how each is started for a pass, and how it is checked that the pass did its work."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.measure import Failed

HUB = (sys.executable, "-c", "from hub.cli import main; main()")
PASSES = ("full", "repeat", "repeat-all", "changed", "changed-all", "handed")
"""In the order in which they run; before each of the last three the source changes 5 % of its objects."""


@dataclass(frozen=True)
class Place:
    """Where a contender works: the source, its database, a folder, and how many records there are."""

    url: str
    user: str
    password: str
    database: str
    folder: Path
    records: int
    changed: int
    page: int

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what the children read from the environment: the account of the source."""
        return {"BENCH_USER": self.user, "BENCH_PASSWORD": self.password}

    def expected(self, name: str) -> int:
        """Return how many records a pass has to write."""
        return {"full": self.records, "repeat": 0, "repeat-all": 0}.get(name, self.changed)


class Hub:
    """The command line as a firm runs it, on a fresh folder; `-all` passes are `hub sync --full`."""

    passes: Sequence[str] = PASSES[:-1]

    def setup(self, place: Place) -> Sequence[str]:
        """Write the configuration; return the command that makes the store."""
        (place.folder / "hub.yaml").write_text(
            f"""store: "{place.database}"
connections:
  accounting:
    connector: onec
    url: "{place.url}"
    user: "{place.user}"
    password: env:BENCH_PASSWORD
    area_code: "391"
    page: {place.page}
"""
        )
        return [*HUB, "--config", str(place.folder / "hub.yaml"), "init"]

    def command(self, place: Place, name: str) -> Sequence[str]:
        """Return the command of a pass."""
        full = ["--full"] if name.endswith("-all") else []
        return [*HUB, "--config", str(place.folder / "hub.yaml"), "sync", "accounting", "--json", *full]

    def check(self, place: Place, name: str, output: str) -> None:
        """Raise Failed unless the counts of the run and the rows of current state are right."""
        (counts,) = [it for it in json.loads(output) if it["stream"] == "counterparties"]
        written = place.expected(name)
        wanted = {
            "read": place.records, "new": written if name == "full" else 0,
            "changed": 0 if name == "full" else written, "unchanged": place.records - written,
            "deleted": 0, "bad": 0, "error": None,
        }  # fmt: skip
        found = {key: counts[key] for key in wanted}
        if found != wanted:
            raise Failed(f"the hub counted {found} instead of {wanted}")
        _compare("clients of the hub", _ask(place.database, "SELECT count(*) FROM client WHERE city = 'Красноярск'"),
                 place.records)  # fmt: skip


class Floor:
    """`bench.floor`; `-all` passes read every object, the others ask for versions."""

    passes: Sequence[str] = PASSES[:-1]

    def setup(self, place: Place) -> Sequence[str]:  # noqa: ARG002 - it makes its tables itself
        """Return nothing to run."""
        return ()

    def command(self, place: Place, name: str) -> Sequence[str]:
        """Return the command of a pass."""
        way = "all" if name == "full" or name.endswith("-all") else "scan"
        return [sys.executable, "-m", "bench.floor", place.url, place.database, way, "--page", str(place.page)]

    def check(self, place: Place, name: str, output: str) -> None:
        """Raise Failed unless it wrote what it had to, and has three rows of contacts for each record."""
        _compare("rows the floor wrote", json.loads(output)["written"], place.expected(name))
        _compare("rows of the floor", _ask(place.database, "SELECT count(*) FROM counterparty"), place.records)
        _compare("contact rows", _ask(place.database, "SELECT count(*) FROM contact"), 3 * place.records)


class Dlt:
    """dlt with its `rest_api` source. It compares nothing with what is stored, so it has to read all again each time.

    In `handed` it is given the changed objects alone, as by a source that could tell which they are.
    """

    passes: Sequence[str] = ("full", "repeat-all", "changed-all", "handed")

    def setup(self, place: Place) -> Sequence[str]:  # noqa: ARG002 - it makes its tables itself
        """Return nothing to run."""
        return ()

    def command(self, place: Place, name: str) -> Sequence[str]:
        """Return the command of a pass."""
        handed = ["--handed", str(_VERSIONS[name])] if name == "handed" else []
        return [
            sys.executable, "-W", "ignore", "-m", "bench.dlt_peer", place.url, place.database,
            str(place.folder / "dlt"), "--page", str(place.page), *handed,
        ]  # fmt: skip

    def check(self, place: Place, name: str, output: str) -> None:  # noqa: ARG002 - it prints nothing
        """Raise Failed unless all rows and nested rows are there, and the changes."""
        table = "counterparty" if place.database.startswith("sqlite") else "bench.counterparty"
        part = table.replace("counterparty", '"counterparty▶КонтактнаяИнформация"')
        _compare("rows of dlt", _ask(place.database, f"SELECT count(*) FROM {table}"), place.records)
        _compare("nested rows of dlt", _ask(place.database, f"SELECT count(*) FROM {part}"), 3 * place.records)
        if name in _VERSIONS:
            changed = f"""SELECT count(*) FROM {table} WHERE "ДополнительнаяИнформация" LIKE '%{_VERSIONS[name]}-%'"""
            _compare("changed rows of dlt", _ask(place.database, changed), place.changed)


Contender = Hub | Floor | Dlt
_VERSIONS = {"changed-all": 2, "handed": 3}
"""How many times the changed objects were written when dlt makes this pass; the stand-in puts it into a text."""

CONTENDERS: Mapping[str, Contender] = {"hub": Hub(), "floor": Floor(), "dlt": Dlt()}


def _compare(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise Failed(f"{what}: {found} instead of {wanted}")


def _ask(database: str, query: str) -> int:
    path = database.removeprefix("sqlite:///")
    if path != database:
        base = sqlite3.connect(path)
        try:
            return int(base.execute(query).fetchone()[0])
        finally:
            base.close()
    with psycopg.connect(database) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])
