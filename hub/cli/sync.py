"""`hub sync`: read connections, show progress, say per stream what came of it."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, redirect_stdout

import click

from hub.cli.app import App, pass_app, print_json, print_table, progress, say
from hub.connections import Hub, sync_connection
from hub.model.errors import SettingsError
from hub.sync import Change, Counts
from hub.tools import SystemClock
from hub.yaml_text import nearest


@click.command()
@click.argument("connections", nargs=-1)
@click.option("--stream", default="", help="Only this stream.")
@click.option("--full", is_flag=True, help="Forget the cursors and read everything again.")
@click.option("--dry-run", is_flag=True, help="Show row by row what would change; store nothing.")
@click.option("--limit", type=click.IntRange(1), help="Stop after so many records of each stream.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def sync(
    app: App, connections: tuple[str, ...], stream: str, full: bool, dry_run: bool, limit: int | None, as_json: bool
) -> None:
    """Read CONNECTIONS, all of them if none is named. Exit code 3 when some failed, 1 when all did."""
    known = app.config.model.connections
    for name in connections:
        if name not in known:
            raise click.UsageError(f"no connection is called {name!r}. {nearest(name, list(known))}")
    names = list(connections) or [name for name, connection in known.items() if connection.enabled]
    if not names:
        raise SettingsError("no connection is configured.", hint="Add one under `connections:`; see the tutorial.")
    hub = Hub(app.config, app.plugins, app.store, SystemClock())
    meter = Meter(quiet=as_json and not sys.stderr.isatty())

    def one(name: str) -> list[Counts]:
        return sync_connection(hub, name, stream_name=stream, full=full, dry_run=dry_run, limit=limit,
                               progress=meter.show, report=_show if dry_run and not as_json else None)  # fmt: skip

    with (
        redirect_stdout(sys.stderr) if as_json else nullcontext(),  # a plugin that prints must not spoil the document
        ThreadPoolExecutor(max_workers=min(app.config.model.workers, len(names))) as pool,
    ):
        results = [counts for done in pool.map(one, names) for counts in done]
    if as_json:
        print_json(results)
    else:
        _print(results)
    failed = {counts.connection for counts in results if counts.error}
    if failed:
        sys.exit(1 if len(failed) == len(names) else 3)


def _show(change: Change) -> None:
    for fact in change.facts:
        name = (
            getattr(fact.entity, "name", "")
            or getattr(fact.entity, "number", "")
            or getattr(fact.entity, "subject", "")
        )
        say(f"{change.verb:8} {change.stream}/{change.external_id}  {fact.entry.type}  {name}")
    if change.problem:
        say(f"{change.verb:8} {change.stream}/{change.external_id}  {change.problem}")


def _print(results: list[Counts]) -> None:
    rows = [
        (f"{counts.connection}/{counts.stream}".rstrip("/"), counts.read, counts.new, counts.changed, counts.unchanged,
         counts.deleted, counts.bad)
        for counts in results
    ]  # fmt: skip
    print_table(("stream", "read", "new", "changed", "same", "gone", "bad"), rows, grow=0)
    for counts in results:
        if counts.error:
            say(f"{counts.connection}{'/' + counts.stream if counts.stream else ''}: {counts.error}")
    if results and all(not (counts.new or counts.changed or counts.deleted or counts.error) for counts in results):
        say("Nothing changed.")


class Meter:
    """Progress on stderr: one line that renews itself on a terminal, a plain line each few seconds elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._started: dict[str, float] = {}
        self._spoken: dict[str, float] = {}

    def show(self, counts: Counts, expected: int | None) -> None:
        """Say how far a stream is, with rate and time left."""
        name = f"{counts.connection}/{counts.stream}"
        now = time.monotonic()
        since = now - self._started.setdefault(name, now)
        if self._quiet or now - self._spoken.setdefault(name, now) < 2:
            return
        self._spoken[name] = now
        rate = counts.read / since
        text = f"{name}: {counts.read:,} read, {rate:,.0f}/s".replace(",", " ")
        if expected and rate:
            text += f", {max(expected - counts.read, 0) / rate:.0f} s left of {expected}"
        progress(text)
