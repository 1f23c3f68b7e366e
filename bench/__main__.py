"""Measure the hub, the floor and dlt on the same work in one run: `python -m bench`.

Prints one line per pass while it works, then tables and the budget. Exit code 1 when a budget is missed, 2 when a
contender did not do its work. A run of everything also writes the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from bench import documents, mail, reminders
from bench.contenders import CONTENDERS, PASSES, Contender, Place
from bench.measure import Cost, Failed, run
from bench.places import DATABASES, Server, Source, server, source
from bench.report import tables, verdicts, write_page

REHEARSAL = 1000
SMALL = 20_000
"""Memory at this size is compared with memory at the full one; caches are filled in both."""
PAGE = 1000
PERCENT = 5


def main() -> int:
    """Run what was asked for; return the exit code."""
    given = _arguments()
    if given.mail or given.documents or given.reminders:
        return (_mail(given.mails) if given.mail else _documents(given.contracts) if given.documents
                else _reminders(given.clients))  # fmt: skip
    records = 20_000 if given.quick else given.records
    contenders = [it for it in CONTENDERS if it in (given.only or CONTENDERS)] or list(CONTENDERS)
    databases = [it for it in DATABASES if it in (given.only or DATABASES)] or list(DATABASES)
    if given.quick:
        contenders = [it for it in contenders if it != "dlt"]
    figures: dict[tuple[str, str, str], Cost] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server of PostgreSQL may run as another user
        with server(Path(folder) / "postgresql") if "postgresql" in databases else nullcontext() as postgresql:
            bench = Bench(Path(folder), postgresql)
            try:
                for database in databases:
                    for name in contenders:
                        bench.contend(database, name, given.passes, REHEARSAL, title="rehearsal")
                for database in databases:
                    for name in contenders:
                        for pass_name, cost in bench.contend(database, name, given.passes, records, title=name).items():
                            figures[database, name, pass_name] = cost
                    if "hub" in contenders and records > SMALL:
                        small = bench.contend(database, "hub", given.passes, SMALL, title="hub, small")
                        figures |= {(database, "hub, small", it): cost for it, cost in small.items()}
            except Failed as error:
                print(f"\n{error}", file=sys.stderr)
                return 2
            version = postgresql.version() if postgresql else ""
    found = list(verdicts(figures))
    print(f"\n{tables(figures, records)}\n")
    for verdict in found:
        print(verdict)
    failed = not all(verdict.is_kept for verdict in found)
    if not (given.only or given.quick or given.passes != PASSES):
        write_page(figures, records, found, version)
        failed = _mail(given.mails) != 0 or failed
        failed = _documents(given.contracts) != 0 or failed
        failed = _reminders(given.clients) != 0 or failed
    return int(failed)


def _mail(mails: int) -> int:
    """Measure the mailboxes; return the exit code."""
    return _section(mail, mails, mail.MAILS)


def _documents(contracts: int) -> int:
    """Measure the end of a month; return the exit code."""
    return _section(documents, contracts, documents.CONTRACTS)


def _reminders(clients: int) -> int:
    """Measure the evaluation of many clients; return the exit code."""
    return _section(reminders, clients, reminders.CLIENTS)


def _section(part: Any, size: int, whole: int) -> int:
    """Measure a part of the page and compare it with its budget; the page is written at the size it stands for."""
    try:
        figures = part.measure(size)
    except Failed as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    found = list(part.verdicts(figures))
    for verdict in found:
        print(verdict)
    if size == whole:
        part.write_section(figures, found)
    return 0 if all(verdict.is_kept for verdict in found) else 1


class Bench:
    """One run: where it keeps its files, and its PostgreSQL."""

    def __init__(self, folder: Path, postgresql: Server | None) -> None:
        self._folder = folder
        self._postgresql = postgresql

    def contend(self, database: str, name: str, passes: Sequence[str], records: int, *, title: str) -> dict[str, Cost]:
        """Let a contender make its passes over a fresh source into a fresh database."""
        contender = CONTENDERS[name]
        costs: dict[str, Cost] = {}
        with source(records) as publication, self._place(publication, database, records) as place:
            if command := contender.setup(place):
                self._measure(place, command)
            for pass_name in contender.passes:
                if pass_name not in passes:
                    continue
                if pass_name in PASSES[3:]:
                    publication.change(PERCENT)
                cost = costs[pass_name] = self._pass(contender, place, pass_name)
                what = f"{database:10} {title:10} {records:7} {pass_name:11}"
                share = f" ({cost.server:.2f} of it the server)" if cost.server else ""
                print(f"{what} {cost.cpu:7.2f} s CPU{share}, {cost.wall:.1f} s, {cost.peak_mb:.0f} MB", flush=True)
        return costs

    def _pass(self, contender: Contender, place: Place, name: str) -> Cost:
        cost = self._measure(place, contender.command(place, name))
        contender.check(place, name, cost.output)
        return cost

    def _measure(self, place: Place, command: Sequence[str]) -> Cost:
        is_file = place.database.startswith("sqlite")
        if self._postgresql and not is_file:
            self._postgresql.execute("CHECKPOINT")  # what one pass left to write is not billed to the next
        meter = None if is_file or self._postgresql is None else self._postgresql.cpu
        return run(command, folder=place.folder, environment=place.environment, server=meter)

    @contextmanager
    def _place(self, publication: Source, database: str, records: int) -> Iterator[Place]:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            fresh = nullcontext(f"sqlite:///{folder}/store.db")
            with self._postgresql.database() if database != "sqlite" and self._postgresql else fresh as url:
                yield Place(
                    url=publication.url, user=publication.user, password=publication.password, database=url,
                    folder=Path(folder), records=records, changed=round(records * PERCENT / 100), page=PAGE,
                )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="counterparties in the source (200000)")
    parser.add_argument("--mail", action="store_true", help="only the mailboxes, over IMAP and EWS")
    parser.add_argument("--mails", type=int, default=mail.MAILS, help="mails in each mailbox (10000)")
    parser.add_argument("--documents", action="store_true", help="only the end of a month")
    parser.add_argument(
        "--contracts", type=int, default=documents.USUAL, help="contracts in the month (1000; the page stands for 5000)"
    )
    parser.add_argument("--reminders", action="store_true", help="only the evaluation of reminders")
    parser.add_argument("--clients", type=int, default=reminders.CLIENTS, help="clients to remind of (5000)")
    parser.add_argument("--quick", action="store_true", help="20000 records, without dlt")
    parser.add_argument("--only", nargs="+", choices=(*CONTENDERS, *DATABASES), help="these contenders and databases")
    parser.add_argument("--passes", nargs="+", choices=PASSES, default=PASSES, help="these passes; keep `full` first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
