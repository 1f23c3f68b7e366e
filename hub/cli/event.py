"""`hub event`: the log as CloudEvents."""

from __future__ import annotations

import getpass
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from hub.cli.app import App, pass_app, print_json, print_table, progress
from hub.ingest import MAX_LINE, import_events
from hub.model.errors import BadRecord, HubError
from hub.operator import apply_verdicts, learn_verdicts
from hub.redaction import escaped
from hub.store import log
from hub.store.problems import note


@click.group()
def event() -> None:
    """The log of everything that happened or was seen."""


def as_cloudevent(row: Any) -> dict[str, Any]:
    """Return a stored event in CloudEvents words; our own attributes are `seq`, `version` and `recordedtime`."""
    return {
        "specversion": "1.0", "id": row.id, "source": row.source, "type": row.type, "subject": row.subject,
        "time": row.time, "recordedtime": row.recorded_at, "seq": row.seq, "version": row.version,
        "recordid": row.record_id, "data": msgspec.json.decode(row.data) if row.data else None,
    }  # fmt: skip


@event.command("list")
@click.option("--type", "type_", default="", help="Only this type, for example call.missed.")
@click.option("--source", default="", help="Only this connection.")
@click.option("--after", type=int, default=0, help="Only after this sequence number.")
@click.option("--limit", type=click.IntRange(1, 10000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, type_: str, source: str, after: int, limit: int, as_json: bool) -> None:
    """List a page of the log in order of recording."""
    with app.store.read() as connection:
        rows = log.read_log(connection, after=after, limit=limit, source=source, type_=type_)
    if as_json:
        print_json([as_cloudevent(row) for row in rows])
        return
    print_table(
        ("seq", "time", "type", "source", "subject"),
        [(row.seq, app.local(row.time), row.type, row.source, row.subject) for row in rows],
        grow=4,
    )


@event.command()
@pass_app
def export(app: App) -> None:
    """Print the whole log as JSON lines."""
    with app.store.read() as connection:
        for row in log.pages(connection):
            line = msgspec.json.encode({key: _text(value) for key, value in as_cloudevent(row).items()})
            click.echo(escaped(line.decode()))


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


@event.command("import")
@click.argument("file", type=click.File("rb"))
@pass_app
def import_(app: App, file: Any) -> None:
    """Add events from FILE (JSON lines as `export` prints them); one known id with other data is an error."""
    count = 0

    def lines(source: Any) -> Iterator[bytes]:
        nonlocal count
        count = 0
        source.seek(0)
        while line := source.readline(MAX_LINE + 1):
            count += bool(line.strip())
            yield line

    try:
        with _repeatable(file) as source, app.store.write() as connection:
            verdicts = learn_verdicts(connection, lines(source))
            added = import_events(connection, lines(source), app.sources, app.now())
            apply_verdicts(connection, verdicts, app.sources)
            if added:
                note(connection, who=getpass.getuser(), what="event.import", about="event",
                     detail=f"{added} from {getattr(file, 'name', 'FILE')}", now=app.now())  # fmt: skip
    except BadRecord as error:
        raise HubError(f"{getattr(file, 'name', 'FILE')}: {error} Nothing was imported.") from error
    progress(f"{added} events imported, {count - added} were there already.")


@contextmanager
def _repeatable(file: Any) -> Iterator[Any]:
    """Give a file that can be read twice: a pipe is kept meanwhile."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as kept:
        shutil.copyfileobj(file, kept)
        yield kept
