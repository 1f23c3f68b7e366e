"""`hub record`: raw records of the sources, and what they mean."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from hub.cli.app import App, no_such, pass_app, print_json, print_table, say, say_lines
from hub.connections import Hub, hold_connection, open_connection
from hub.model.connector import Reads, Record
from hub.model.errors import HubError, SettingsError
from hub.model.settings import Secret, Settings
from hub.normalise import Fact, normalise
from hub.plugins import build
from hub.store import tables
from hub.store.streams import payload_of
from hub.sync import replay as replay_stream
from hub.tools import ConnectionTools, FileBlobs, SystemClock
from hub.yaml_text import nearest

MAX_FILE = 64 * 1024 * 1024


@click.group()
def record() -> None:
    """Raw records: what the sources sent, byte for byte."""


@record.command("list")
@click.option("--connection", "name", default="", help="Only of this connection.")
@click.option("--stream", default="", help="Only of this stream.")
@click.option("--parked", is_flag=True, help="Only those that could not be understood.")
@click.option("--limit", type=click.IntRange(1, 10000), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, name: str, stream: str, parked: bool, limit: int, as_json: bool) -> None:
    """List records."""
    table, streams = tables.record, tables.stream
    query = select(
        streams.c.connection,
        streams.c.name,
        table.c.external_id,
        table.c.version,
        table.c.deleted,
        table.c.problem,
        table.c.recorded_at,
    ).join_from(table, streams, table.c.stream_id == streams.c.id)
    if name:
        query = query.where(streams.c.connection == name)
    if stream:
        query = query.where(streams.c.name == stream)
    if parked:
        query = query.where(table.c.problem.is_not(None))
    with app.store.read() as connection:
        rows = list(connection.execute(query.order_by(streams.c.id, table.c.external_id).limit(limit)))
    if as_json:
        print_json(
            [
                dict(
                    zip(
                        ("connection", "stream", "external_id", "version", "deleted", "problem", "recorded_at"),
                        row,
                        strict=True,
                    )
                )
                for row in rows
            ]
        )
        return
    print_table(
        ("stream", "external id", "recorded", "problem"),
        [(f"{row[0]}/{row[1]}", row[2], app.local(row[6]), row[5] or ("gone" if row[4] else "")) for row in rows],
        grow=3,
    )


@record.command()
@click.argument("connection_name", metavar="CONNECTION")
@click.argument("stream")
@click.argument("external_id")
@pass_app
def show(app: App, connection_name: str, stream: str, external_id: str) -> None:
    """Write the raw bytes of one record to stdout."""
    with app.store.read() as connection:
        payload = payload_of(connection, connection_name, stream, external_id)
    if payload is None:
        no_such("record", f"{connection_name}/{stream}/{external_id}")
    sys.stdout.buffer.write(payload)


@record.command()
@click.argument("connector_name", metavar="CONNECTOR")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--stream", default="", help="The stream the file belongs to, where a connector has several.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting of the connector.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def parse(app: App, connector_name: str, file: Path, stream: str, given: tuple[str, ...], as_json: bool) -> None:
    """Normalise one raw FILE (mail, CDR lines, JSON object) and print its events; no store and no network is used."""
    plugins = app.permitted_plugins()
    spec = plugins.spec(connector_name)
    content = _read(file)
    settings = _settings(spec.settings, dict(item.partition("=")[::2] for item in given))
    clock = SystemClock()
    tools = ConnectionTools(
        "parse", http=_NoHttp(), blobs=FileBlobs(Path("blobs")), clock=clock, stale=lambda _s, _v: set()
    )
    connector = build(spec, settings, tools)
    if not isinstance(connector, Reads):
        raise SettingsError(f"the connector {connector_name} does not read.")
    mapped = normalise(connector, Record(file.name, content, stream=stream, connection="parse"))
    if as_json:
        print_json([_as_json(fact) for fact in mapped.facts])
    else:
        for fact in mapped.facts:
            say(f"{fact.entry.type}  {fact.entry.time or ''}  {fact.entry.subject}")
            say_lines(msgspec.json.format(fact.entry.data.encode(), indent=2).decode())
    if mapped.problem is not None:
        raise HubError(f"{file}: {mapped.problem}")


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE:
            raise HubError(f"{file} is larger than {MAX_FILE} bytes.")
        return file.read_bytes()
    except OSError as error:
        raise HubError(f"{file} cannot be read: {error.strerror}.") from error


def _settings(model: type[Settings], given: Mapping[str, str]) -> Settings:
    """Return settings of which only those given are checked: a file is read without an address or a password."""
    shared = {"zone": "Asia/Krasnoyarsk"}
    values: dict[str, Any] = {
        name: Secret("") if field.annotation is Secret else shared.get(name, "")
        for name, field in model.model_fields.items() if field.is_required()
    }  # fmt: skip
    for name in given:
        if name not in model.model_fields:
            raise SettingsError(f"the connector has no setting {name!r}.", hint=nearest(name, list(model.model_fields)))
    try:
        return model.model_validate({**values, **given})
    except ValidationError as error:
        for wrong in error.errors(include_input=False, include_url=False):
            if wrong["loc"][:1] and wrong["loc"][0] in given:
                text = wrong["msg"].removeprefix("Value error, ")
                raise SettingsError(f"{wrong['loc'][0]}: {text}.", field=str(wrong["loc"][0])) from error
    for name, value in given.items():
        values[name] = TypeAdapter(model.model_fields[name].rebuild_annotation()).validate_python(value)
    return model.model_construct(**values)


class _NoHttp:
    def request(self, *_arguments: Any, **_options: Any) -> Any:
        raise SettingsError("parsing a file uses no network.")


def _as_json(fact: Fact) -> dict[str, Any]:
    return {"type": fact.entry.type, "time": fact.entry.time, "subject": fact.entry.subject,
            "data": msgspec.json.decode(fact.entry.data)}  # fmt: skip


@record.command()
@click.argument("connection_name", metavar="CONNECTION")
@click.option("--stream", default="", help="Only this stream.")
@click.option("--all", "everything", is_flag=True, help="Every record, not only the parked ones.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def replay(app: App, connection_name: str, stream: str, everything: bool, as_json: bool) -> None:
    """Normalise stored records again, for example after a plugin was mended; nothing comes in twice."""
    hub = Hub(app.config, app.plugins, app.store, SystemClock())
    with open_connection(hub, connection_name) as opened, hold_connection(hub, connection_name) as hold:
        if not isinstance(opened.connector, Reads):
            raise SettingsError(f"the connection {connection_name} does not read.")
        results = [
            replay_stream(
                hub.store,
                connection_name,
                opened.connector,
                each,
                sources=hub.sources,
                clock=hub.clock.now,
                parked_only=not everything,
                hold=hold,
            )
            for each in opened.connector.streams()
            if stream in ("", each.name)
        ]
    if as_json:
        print_json(results)
    else:
        print_table(
            ("stream", "read", "new", "changed", "same", "bad"),
            [(each.stream, each.read, each.new, each.changed, each.unchanged, each.bad) for each in results],
            grow=0,
        )
