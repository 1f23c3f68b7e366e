"""First load and increments of two mailboxes with mails of mixed sizes, over IMAP and over EWS, by `hub sync`.

The stand-ins run in processes of their own (`bench.mailboxes`), which are not counted; the hub works on SQLite.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.contenders import HUB
from bench.measure import Cost, Failed, run
from bench.report import MAIL_BEGIN, MAIL_END, Verdict, budget, markdown, write_between

MAILS = 10_000
SMALL = 2_000
"""Memory at this size is compared with memory at the full one."""
INCREMENT = 500
PROTOCOLS = ("IMAP", "EWS")
PASSES = {"first": "first load", "idle": "nothing new", "new": f"{INCREMENT} new"}
MEMORY_MB = 150.0
GROWTH = 1.1


@dataclass(frozen=True)
class Figure:
    """What a pass over a mailbox took."""

    protocol: str
    mails: int
    name: str
    cost: Cost


class Mailbox:
    """A mailbox in a process of its own, so that what it holds is in nobody's memory but its."""

    def __init__(self, protocol: str, mails: int) -> None:
        self.protocol = protocol
        command = (sys.executable, "-m", "bench.mailboxes", protocol, str(mails), str(INCREMENT))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.settings: dict[str, str] = json.loads(self._told())

    def add(self) -> None:
        """Deliver the new mails."""
        assert self._process.stdin is not None
        self._process.stdin.write("more\n")
        self._process.stdin.flush()
        self._told()

    def _told(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the stand-in for {self.protocol} did not start")
        return line

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.communicate()


def measure(mails: int = MAILS) -> list[Figure]:
    """Make every pass over both mailboxes, small and whole. Raises Failed when a pass did not do its work."""
    figures = []
    for protocol in PROTOCOLS:
        for count in dict.fromkeys((min(SMALL, mails), mails)):
            with closing(Mailbox(protocol, count)) as mailbox:
                for figure in _passes(mailbox, count):
                    figures.append(figure)
                    cost = figure.cost
                    what = f"{protocol:5} {count:7} mails {PASSES[figure.name]:11}"
                    print(f"{what} {cost.cpu:7.2f} s CPU, {cost.wall:.1f} s, {cost.peak_mb:.0f} MB", flush=True)
    return figures


def write_section(figures: list[Figure], found: list[Verdict]) -> None:
    """Put the figures into their section of the page."""
    mails = max(it.mails for it in figures)
    made = (
        f"{mails:,} mails, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )
    write_between(MAIL_BEGIN, MAIL_END, f"{made}\n\n{markdown(*table(figures))}\n\n{budget(found)}")


def _passes(mailbox: Mailbox, count: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-mail-") as name:
        folder = Path(name)
        secret = _configure(mailbox, folder)
        _run(folder, secret, "init")
        for pass_name, new in (("first", count), ("idle", 0), ("new", INCREMENT)):
            if pass_name == "new":
                mailbox.add()
            cost = _run(folder, secret, "sync", "office", "--json")
            _check(mailbox, cost, new)
            yield Figure(mailbox.protocol, count, pass_name, cost)


def _configure(mailbox: Mailbox, folder: Path) -> Mapping[str, str]:
    settings = dict(mailbox.settings)
    secret = settings.pop("password")
    lines = [f"    {key}: {json.dumps(value)}" for key, value in settings.items()]
    text = f'store: "sqlite:///{folder}/store.db"\nconnections:\n  office:\n' + "\n".join(lines)
    (folder / "hub.yaml").write_text(f"{text}\n    password: env:BENCH_PASSWORD\n", encoding="utf-8")
    return {"BENCH_PASSWORD": secret}


def _run(folder: Path, environment: Mapping[str, str], *arguments: str) -> Cost:
    return run([*HUB, "--config", str(folder / "hub.yaml"), *arguments], folder=folder, environment=environment)


def _check(mailbox: Mailbox, cost: Cost, new: int) -> None:
    (counts,) = json.loads(cost.output)
    found = {key: counts[key] for key in ("new", "bad", "error")}
    if found != {"new": new, "bad": 0, "error": None}:
        raise Failed(f"{mailbox.protocol}: the hub counted {found} instead of {new} new mails")


def verdicts(figures: list[Figure]) -> Iterator[Verdict]:
    """Compare with the budget."""
    mails = max(it.mails for it in figures)
    for it in figures:
        if it.mails != mails:
            continue
        where = f"{it.protocol}, {PASSES[it.name]}"
        peak = it.cost.peak_mb
        yield Verdict(f"{where}, peak memory", f"{peak:.0f} MB", f"at most {MEMORY_MB:.0f} MB", peak <= MEMORY_MB)
        small = next(
            (one.cost.peak_mb for one in figures if (one.protocol, one.name) == (it.protocol, it.name)
             and one.mails < mails), 0.0,
        )  # fmt: skip
        if small:
            found = f"{small:.0f} → {peak:.0f} MB"
            what = f"{where}, memory from {SMALL:,} to all mails"
            yield Verdict(what, found, f"at most +{GROWTH - 1:.0%}", peak <= small * GROWTH)


def table(figures: list[Figure]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the table of the whole mailboxes."""
    mails = max(it.mails for it in figures)
    head = ("mailbox", "pass", "CPU, s", "CPU per 1,000 mails, s", "MB", "wall, s")
    rows = []
    for it in figures:
        if it.mails == mails:
            count = {"first": mails, "new": INCREMENT}.get(it.name, 0)
            each = f"{it.cost.cpu * 1000 / count:.2f}" if count else "–"
            rows.append((it.protocol, PASSES[it.name], f"{it.cost.cpu:.2f}", each, f"{it.cost.peak_mb:.0f}",
                         f"{it.cost.wall:.1f}"))  # fmt: skip
    return head, rows
