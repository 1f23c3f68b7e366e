# ruff: noqa: E501 tables of cases read better in one line each
"""What the tests of the core share: the hub as a child process, configurations, scripts, dumps."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text

from hub.model.connector import Record
from hub.store.database import Store
from hub.store.dump import dump_lines

LAB = Path(__file__).parent
ROOT = LAB.parents[2]
NOW = "2026-05-12T09:30:00+07:00"

HEAD = """\
zone: Asia/Krasnoyarsk
area_code: "391"
store: {store}
workers: 1
enforce_from: "2026-01-01"
organisation:
  name: ООО «Пример»
  inn: "2465000007"
  kpp: "246501001"
  bank: {{name: ПАО СБЕРБАНК, bic: "044525225", account: "40702810138250123017", corr_account: "30101810400000000225"}}
employees:
  - {{id: ivanova, name: Иванова Мария, role: manager, head: petrov}}
  - {{id: petrov, name: Петров Иван, role: head}}
"""


class Done(msgspec.Struct):
    """What a child process left behind."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        """Return the one document on stdout."""
        return json.loads(self.out)


def announce(folder: Path) -> None:
    """Make the scripted connector an installed distribution for children that have the folder on their path."""
    info = folder / "hub_scripted-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hub-scripted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hub.plugins]\nscripted = hub_scripted\n")


class Office:
    """A folder with a configuration, and the command line run in it."""

    def __init__(self, folder: Path, store: str = "sqlite:///hub.db") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        announce(folder / "site")
        self.config = folder / "hub.yaml"
        self.store_url = store if store != "sqlite:///hub.db" else f"sqlite:///{folder / 'hub.db'}"
        self._head = HEAD.format(store=json.dumps(store))
        self.connect({})

    def connect(self, connections: dict[str, dict[str, Any]], extra: str = "") -> None:
        """Write the configuration with these connections."""
        shown = "connections:\n" + "".join(
            f"  {name}: {json.dumps(it, ensure_ascii=False)}\n" for name, it in connections.items()
        )
        self.config.write_text(self._head + extra + (shown if connections else "connections: {}\n"), encoding="utf-8")

    def script(self, name: str, *streams: dict[str, Any], **other: Any) -> dict[str, Any]:
        """Write a script; return the connection that plays it."""
        return write_script(self.folder / f"{name}.json", *streams, **other)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a child."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HUB_", "PYTEST", "COV"))}
        path = os.pathsep.join(map(str, (self.folder / "site", LAB, ROOT, ROOT / "plugins")))
        return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "", "COLUMNS": "100", **more}

    def command(self, *arguments: str, program: str = "") -> list[str]:
        """Return the command line of a child; `program` is a script that takes the place of the hub."""
        start = [program] if program else ["-c", "from hub.cli import main; main()"]
        return [sys.executable, *start, "--config", str(self.config), *arguments]

    def start(self, *arguments: str, program: str = "", **env: str) -> subprocess.Popen[str]:
        """Start the hub and return the process."""
        return subprocess.Popen(self.command(*arguments, program=program), env=self.environment(**env), cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")  # fmt: skip

    def hub(
        self, *arguments: str, kill_after: float | None = None, program: str = "", timeout: float = 90, **env: str
    ) -> Done:
        """Run the hub to its end, or kill it -9 after so many seconds."""
        began = time.monotonic()
        child = self.start(*arguments, program=program, **env)
        try:
            out, err = child.communicate(timeout=timeout if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            if kill_after is None:
                raise AssertionError(f"the hub hangs: {arguments} {err}") from None
        return Done(child.returncode, out, err, time.monotonic() - began)

    def ok(self, *arguments: str, **options: Any) -> Done:
        """Run the hub; fail the test unless it ends with 0."""
        done = self.hub(*arguments, **options)
        assert done.code == 0, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err
        return done

    def fails(self, *arguments: str, code: int, says: str = "", **options: Any) -> Done:
        """Run the hub; it must end with that code and one clear sentence, never a traceback."""
        done = self.hub(*arguments, **options)
        assert done.code == code, f"{arguments}: {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err + done.out
        assert "unexpected" not in done.err, done.err
        assert says in done.err + done.out, f"{says!r} is not in:\n{done.err}{done.out}"
        return done

    def dump(self) -> list[str]:
        """Return the canonical dump of the store."""
        return dump(self.store_url)

    def free_leases(self) -> None:
        """Let the leases of killed processes run out now instead of in a minute."""
        with opened(self.store_url) as store, store.write() as connection:
            connection.execute(
                text("UPDATE job SET lease_until = '2020-01-01T00:00:00.000000+00:00' WHERE state = 'running'")
            )


def write_script(path: Path, *streams: dict[str, Any], **other: Any) -> dict[str, Any]:
    """Write a script; return the connection that plays it."""
    path.write_bytes(msgspec.json.encode({"streams": streams, **other}))
    return {"connector": "scripted", "source": str(path)}


class opened:  # noqa: N801 reads as a word in a with statement
    """Open a store for a moment."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)

    def __enter__(self) -> Store:
        return self.store.open()

    def __exit__(self, *_error: object) -> None:
        self.store.close()


def dump(url: str, without: Sequence[str] = ()) -> list[str]:
    """Return the canonical dump, leaving out the tables named."""
    with opened(url) as store, store.read() as connection:
        return [line for line in dump_lines(connection) if line.split(" ", 1)[0] not in without]


def difference(left: Iterable[str], right: Iterable[str]) -> str:
    """Return what only one of two dumps holds, in a few lines."""
    mine, others = set(left), set(right)
    lost = [f"- {line[:300]}" for line in sorted(mine - others)[:8]]
    added = [f"+ {line[:300]}" for line in sorted(others - mine)[:8]]
    return "\n".join([f"{len(mine - others)} lost, {len(others - mine)} added", *lost, *added])


def seed_of(config: Any) -> int:
    """Return the seed of this run: `HUB_TEST_SEED`, else a new one; print it for a repetition."""
    given = os.environ.get("HUB_TEST_SEED")
    seed = int(given) if given else random.SystemRandom().randrange(10**6)
    print(f"HUB_TEST_SEED={seed}")
    return seed


def said(
    kind: str, external_id: str, type_: str = "", *, time: str | None = None, event: str = "", **data: Any
) -> dict[str, Any]:
    """Return one event of a scripted payload."""
    return {
        "type": type_ or f"{kind}.observed",
        "kind": kind,
        "id": external_id,
        "data": data,
        "time": time,
        "event": event,
    }


def item(kind: str, external_id: str, **data: Any) -> dict[str, Any]:
    """Return a scripted record with one observation."""
    return {"id": external_id, "payload": {"events": [said(kind, external_id, **data)]}}


def gone(external_id: str) -> dict[str, Any]:
    """Return a scripted record that says its object was deleted."""
    return {"id": external_id, "deleted": True}


def record(it: dict[str, Any]) -> Record:
    """Return a scripted record as the connector gives it."""
    return Record(it["id"], b"" if it.get("deleted") else msgspec.json.encode(it["payload"]), version=it.get("version", ""),
                  deleted=it.get("deleted", False))  # fmt: skip


def stream(
    name: str, *batches: Sequence[dict[str, Any]], snapshot: bool = False, cursor: bool = False
) -> dict[str, Any]:
    """Return a scripted stream; the last batch of a snapshot is complete."""
    made = [
        {"records": list(batch), "complete": snapshot and number == len(batches)}
        for number, batch in enumerate(batches, 1)
    ]
    return {"name": name, "snapshot": snapshot, "cursor": cursor, "batches": made}
