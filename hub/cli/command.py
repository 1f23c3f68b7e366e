"""`hub command`: the outbox, where people approve, repeat and drop what leaves the hub."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from functools import partial

import click
import msgspec

from hub import outbox
from hub.cli.app import App, no_such, pass_app, print_json, print_table, say, say_lines
from hub.cli.ordering import new, preview
from hub.store import commands
from hub.store.commands import Outgoing
from hub.store.database import Store

STATES = ("waiting", "ready", "sending", "done", "rejected", "doubtful", "dead", "cancelled")


def decides(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command what a decision about commands of the outbox needs."""
    function = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(pass_app(function))
    function = click.option("--by", default=getpass.getuser, help="Who decides; else the user of this machine.")(
        function
    )
    return click.argument("command_ids", metavar="ID...", nargs=-1, required=True)(function)


@click.group()
def cli() -> None:
    """The outbox: what leaves the hub, and what came of it."""


cli.add_command(new)
cli.add_command(preview)


@cli.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only commands in this state.")
@click.option("--connection", "connection_name", default="", help="Only commands for this connection.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_commands(app: App, state: str | None, connection_name: str, limit: int, as_json: bool) -> None:
    """List commands, the newest first.

    JSON: [{id, kind, connection, title, client, state, attempt, error, created_by, created_at, approved_by, sent_at,
    finished_at}]
    """
    with app.store.read() as connection:
        rows = commands.listed(connection, state=state or "", connection_name=connection_name, limit=limit)
    if as_json:
        print_json([_plain(row) for row in rows])
        return
    if not rows:
        say("No commands.")
        return
    shown = [(row.id, row.connection, row.state, app.local(row.sent_at or row.created_at), row.title) for row in rows]
    print_table(("id", "connection", "state", "when", "what"), shown, grow=4)


@cli.command()
@click.argument("command_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def show(app: App, command_id: str, as_json: bool) -> None:
    """Show a command whole.

    JSON: the keys of `hub command list`, with data {…} and receipt {external_id, detail} or null.
    """
    with app.store.read() as connection:
        row = commands.get(connection, command_id)
    if row is None:
        no_such("command", command_id)
    if as_json:
        print_json({**_plain(row), "data": row.data, "receipt": row.receipt})
        return
    say(f"{row.title}")
    say(f"{row.kind} → {row.connection}, {row.state}" + (f", sent {row.attempt} times" if row.attempt > 1 else ""))
    say(f"wanted by {row.created_by or 'the hub'} {app.local(row.created_at)}")
    if row.approved_by:
        say(f"approved by {row.approved_by}")
    if row.sent_at:
        say(f"sent {app.local(row.sent_at)}")
    if row.finished_at:
        say(f"ended {app.local(row.finished_at)}")
    if row.error:
        say(f"error: {row.error}")
    if row.receipt:
        say(f"receipt: {row.receipt.external_id} {msgspec.json.encode(row.receipt.detail).decode()}")
    say_lines(msgspec.json.format(msgspec.json.encode(row.data), indent=2).decode())


@cli.command()
@decides
def approve(app: App, command_ids: tuple[str, ...], by: str, as_json: bool) -> None:
    """Let waiting commands go. JSON: as `hub command list`."""
    act = partial(outbox.approve, second_person=app.config.model.outbox.second_person)
    _decide(app, command_ids, act, by, as_json=as_json)


@cli.command()
@decides
def retry(app: App, command_ids: tuple[str, ...], by: str, as_json: bool) -> None:
    """Send again what was refused, given up or is doubtful. JSON: as `hub command list`.

    Look at the other side first: what is doubtful may be there already.
    """
    _decide(app, command_ids, outbox.retry, by, as_json=as_json)


@cli.command()
@decides
def cancel(app: App, command_ids: tuple[str, ...], by: str, as_json: bool) -> None:
    """Drop commands, or close doubtful ones after a look at the other side. JSON: as `hub command list`."""
    _decide(app, command_ids, outbox.cancel, by, as_json=as_json)


def _decide(
    app: App, command_ids: tuple[str, ...], act: Callable[[Store, str, str], None], by: str, *, as_json: bool
) -> None:
    for command_id in command_ids:
        act(app.store, command_id, by)
    with app.store.read() as connection:
        rows = [row for it in command_ids if (row := commands.get(connection, it)) is not None]
    if as_json:
        print_json([_plain(row) for row in rows])
    else:
        for row in rows:
            say(f"{row.id} is now {row.state}.")


def _plain(row: Outgoing) -> dict[str, object]:
    kept = msgspec.structs.asdict(row)
    return {name: value for name, value in kept.items() if name not in ("data", "receipt")}
