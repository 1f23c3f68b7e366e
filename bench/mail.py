"""First load and increments of two mailboxes with mails of mixed sizes, over IMAP and over EWS, by `hub sync`.

The stand-ins run in this process, which is not counted; the hub is a process of its own for each pass, on SQLite.
"""

from __future__ import annotations

import json
import os
import platform
import random
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from bench.contenders import HUB
from bench.measure import Cost, Failed, run
from bench.report import MAIL_BEGIN, MAIL_END, Verdict, budget, markdown, write_between
from hub.testing.peers.ews import EwsPeer
from hub.testing.peers.imap import MailPeer

MAILS = 10_000
SMALL = 2_000
"""Memory at this size is compared with memory at the full one."""
INCREMENT = 500
SIZES = ((0.85, 3_000), (0.13, 45_000), (0.02, 450_000))
"""Shares of mails, and the bytes of text or attachment each of them carries."""
WORDS = (
    "добрый",
    "день",
    "просим",
    "выставить",
    "счёт",
    "обновление",
    "программы",
    "спасибо",
    "договор",
    "акт",
    "сверки",
)
PASSES = {"first": "first load", "idle": "nothing new", "new": f"{INCREMENT} new"}
MEMORY_MB = 200.0
GROWTH = 1.15


@dataclass(frozen=True)
class Figure:
    """What a pass over a mailbox took."""

    protocol: str
    mails: int
    name: str
    cost: Cost


class Imap:
    """A mailbox over IMAP."""

    title = "IMAP"
    connector = "imap"
    folder = "INBOX"
    secret = "password"

    def __init__(self) -> None:
        self.peer = MailPeer()

    def deliver(self, raw: bytes, arrived: datetime) -> None:
        """Put a mail into the mailbox."""
        self.peer.imap.deliver(raw, arrived=arrived)


class Ews:
    """A mailbox over EWS."""

    title = "EWS"
    connector = "exchange"
    folder = "Inbox"
    secret = "password"

    def __init__(self) -> None:
        self.peer = EwsPeer()

    def deliver(self, raw: bytes, arrived: datetime) -> None:
        """Put a mail into the mailbox."""
        self.peer.deliver("Inbox", raw, received=arrived)


def measure(mails: int = MAILS) -> list[Figure]:
    """Make every pass over both mailboxes, small and whole. Raises Failed when a pass did not do its work."""
    figures = []
    for kind in (Imap, Ews):
        for count in dict.fromkeys((min(SMALL, mails), mails)):
            for figure in _passes(kind(), count):
                figures.append(figure)
                cost = figure.cost
                what = f"{figure.protocol:5} {count:7} mails {PASSES[figure.name]:11}"
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


def _passes(mailbox: Imap | Ews, count: int) -> Iterator[Figure]:
    letters = _letters(count + INCREMENT)
    now = datetime.now(UTC)
    mailbox.peer.start()
    try:
        for number in range(count):
            mailbox.deliver(next(letters), now - timedelta(minutes=count - number))
        with tempfile.TemporaryDirectory(prefix="bench-mail-") as name:
            folder = Path(name)
            secret = _configure(mailbox, folder)
            _run(folder, secret, "init")
            for pass_name, new in (("first", count), ("idle", 0), ("new", INCREMENT)):
                for _ in range(new if pass_name == "new" else 0):
                    mailbox.deliver(next(letters), now)
                cost = _run(folder, secret, "sync", "office", "--json")
                _check(mailbox, cost, new)
                yield Figure(mailbox.title, count, pass_name, cost)
    finally:
        mailbox.peer.stop()


def _configure(mailbox: Imap | Ews, folder: Path) -> Mapping[str, str]:
    settings = {**mailbox.peer.settings(), "folders": mailbox.folder}
    secret = settings.pop("password")
    lines = [f"    {key}: {json.dumps(value)}" for key, value in {"connector": mailbox.connector, **settings}.items()]
    text = f'store: "sqlite:///{folder}/store.db"\nconnections:\n  office:\n' + "\n".join(lines)
    (folder / "hub.yaml").write_text(f"{text}\n    password: env:BENCH_PASSWORD\n", encoding="utf-8")
    return {"BENCH_PASSWORD": secret}


def _run(folder: Path, environment: Mapping[str, str], *arguments: str) -> Cost:
    return run([*HUB, "--config", str(folder / "hub.yaml"), *arguments], folder=folder, environment=environment)


def _check(mailbox: Imap | Ews, cost: Cost, new: int) -> None:
    (counts,) = json.loads(cost.output)
    found = {key: counts[key] for key in ("new", "bad", "error")}
    if found != {"new": new, "bad": 0, "error": None}:
        raise Failed(f"{mailbox.title}: the hub counted {found} instead of {new} new mails")


def _letters(count: int) -> Iterator[bytes]:
    """Yield mails of mixed sizes, the same in each run."""
    chance = random.Random(10_000)
    for number in range(count):
        share, at = chance.random(), 0
        while at < len(SIZES) - 1 and share > SIZES[at][0]:
            share -= SIZES[at][0]
            at += 1
        size = SIZES[at][1]
        mail = EmailMessage(policy=SMTP)
        mail["Message-ID"] = f"<bench-{number}@client{number % 400}.example>"
        mail["Date"] = format_datetime(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=number))
        mail["From"], mail["To"] = f"Клиент <mail@client{number % 400}.example>", "office@example.com"
        mail["Subject"] = f"Вопрос № {number}"
        mail.set_content("\n".join(" ".join(chance.choices(WORDS, k=9)) for _ in range(3_000 // 100)))
        if size > SIZES[0][1]:
            mail.add_attachment(chance.randbytes(size), maintype="application", subtype="pdf", filename="Счёт.pdf")
        yield mail.as_bytes()


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
