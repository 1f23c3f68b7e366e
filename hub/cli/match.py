"""`hub match`: pairs of clients that may be one; a person decides."""

from __future__ import annotations

import getpass

import click
from sqlalchemy import Connection

from hub.cli.app import App, no_such, pass_app, print_json, say
from hub.operator import Suggestion, merge, reject, suggestions
from hub.store.problems import note


@click.group()
def match() -> None:
    """Suggestions of who may be the same client."""


@match.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, with all of them.")
@pass_app
def list_(app: App, limit: int, as_json: bool) -> None:
    """List what nobody has decided yet."""
    with app.store.read() as connection:
        found = suggestions(connection)
    if as_json:
        print_json(found)
        return
    for each in found[:limit]:
        say(f"{each.id}  {each.left_name} ({each.left})")
        say(f"          {each.right_name} ({each.right})")
        say(f"          {each.reason}")
    if len(found) > limit:
        say(f"… and {len(found) - limit} more.")
    say("Decide with: hub match accept ID, or hub match reject ID" if found else "Nothing to decide.")


@match.command()
@click.argument("key")
@pass_app
def accept(app: App, key: str) -> None:
    """They are one client."""
    now = app.now()
    with app.store.write() as connection:
        found = _find(connection, key)
        kept = merge(
            connection,
            found.left,
            found.right,
            app.sources,
            by=getpass.getuser(),
            now=now,
        )
        note(
            connection, who=getpass.getuser(), what="match.accept", about=f"client/{kept}", detail=found.reason, now=now
        )
    say(f"One client now: {kept}.")


@match.command("reject")
@click.argument("key")
@pass_app
def reject_(app: App, key: str) -> None:
    """They are different clients; the question is not asked again."""
    now = app.now()
    with app.store.write() as connection:
        found = _find(connection, key)
        reject(connection, found, by=getpass.getuser(), now=now)
        note(
            connection,
            who=getpass.getuser(),
            what="match.reject",
            about=f"client/{found.left}",
            detail=found.reason,
            now=now,
        )
    say("They stay two clients.")


def _find(connection: Connection, key: str) -> Suggestion:
    return next((each for each in suggestions(connection) if each.id == key), None) or no_such("match", key)
