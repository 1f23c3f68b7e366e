"""`hub command new` and `preview`: want something of another system, and see beforehand what it would change."""

from __future__ import annotations

import getpass
from typing import Any

import click
import msgspec

from hub import outbox
from hub.cli.app import App, no_such, pass_app, print_json, print_table, say
from hub.connections import Hub, open_connection
from hub.model.connector import Command, Preview, Previews, Writes
from hub.model.errors import HubError
from hub.store import commands
from hub.store.problems import note
from hub.tools import SystemClock
from hub.yaml_text import nearest

_encoder = msgspec.json.Encoder(decimal_format="number")


@click.command()
@click.argument("kind")
@click.argument("connection_name", metavar="CONNECTION")
@click.option("--data", type=click.File("rb"), required=True, help="File with a JSON object; - is stdin.")
@click.option("--title", default="", help="What people see in the list; else the kind.")
@click.option("--client", default=None, help="The client it is for (id).")
@click.option("--key", default=None, help="Id of the command; the same id twice is one command.")
@click.option("--dry-run", is_flag=True, help="Show what it would change; nothing is kept and nothing is sent.")
@click.option("--by", default=getpass.getuser, help="Who wants it; else the user of this machine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def new(
    app: App,
    kind: str,
    connection_name: str,
    data: Any,
    title: str,
    client: str | None,
    key: str | None,
    by: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put a command of KIND for CONNECTION into the outbox.

    The daemon carries it out, `hub run --once` at once; kinds under `outbox: approve` wait for `hub command approve`.
    JSON: {id, state}, with --dry-run as `hub command preview`.
    """
    wanted = _read(data)
    config = app.config.connection(connection_name)
    with open_connection(Hub(app.config, app.plugins, app.store, SystemClock()), config.name) as opened:
        kinds = list(opened.connector.commands()) if isinstance(opened.connector, Writes) else []
        if kind not in kinds:
            raise click.UsageError(f"{connection_name} carries out no {kind!r}. {nearest(kind, kinds)}")
        if dry_run:
            command = Command(id=key or "preview", kind=kind, data=wanted, connection=connection_name)
            _show(_previewed(opened.connector, command), as_json=as_json)
            return
    now = app.now()
    with app.store.write() as connection:
        made = outbox.add(connection, kind, connection_name, wanted, title=title or kind, client=client, by=by, now=now,
                          approve=app.config.model.outbox.has_to_wait(kind), key=key)  # fmt: skip
        note(connection, who=by, what="command.new", about=f"command/{made}", detail=title or kind, now=now)
        row = commands.get(connection, made)
    assert row is not None
    if as_json:
        print_json({"id": row.id, "state": row.state})
    else:
        say(f"In the outbox: {row.id}, {row.state}. See: hub command show {row.id}")


@click.command()
@click.argument("command_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def preview(app: App, command_id: str, as_json: bool) -> None:
    """Show what a command of the outbox would change now; nothing but questions leaves.

    JSON: {version, differences: [{field, before, after}]}
    """
    with app.store.read() as connection:
        row = commands.get(connection, command_id)
    if row is None:
        no_such("command", command_id)
    with open_connection(Hub(app.config, app.plugins, app.store, SystemClock()), row.connection) as opened:
        _show(_previewed(opened.connector, row.command), as_json=as_json)


def _read(data: Any) -> dict[str, Any]:
    try:
        wanted = msgspec.json.decode(data.read())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise click.BadParameter(f"it is no JSON: {str(error)[:200]}", param_hint="--data") from error
    if not isinstance(wanted, dict):
        raise click.BadParameter("it has to be a JSON object.", param_hint="--data")
    return wanted


def _previewed(connector: object, command: Command) -> Preview:
    if not isinstance(connector, Previews):
        raise HubError(f"{command.connection} cannot say beforehand what {command.kind} changes.")
    return connector.preview(command)


def _show(found: Preview, *, as_json: bool) -> None:
    if as_json:
        print_json({"version": found.version, "differences": found.differences})
        return
    if not found.differences:
        say("It would change nothing.")
        return
    print_table(
        ("field", "now", "then"),
        [(it.field, _plain(it.before), _plain(it.after)) for it in found.differences],
        grow=2,
    )
    if found.version:
        say(f'To refuse it if somebody changes the object until then, add "version": "{found.version}" to the data.')


def _plain(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else _encoder.encode(value).decode()
