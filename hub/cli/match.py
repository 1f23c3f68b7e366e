"""`hub match`: pairs of clients, and of contracts, that may be one; a person decides."""

from __future__ import annotations

import getpass
from typing import Any

import click
from sqlalchemy import Connection

from hub.cli.app import App, no_such, pass_app, print_json, say
from hub.entries import twins
from hub.entries.find import find
from hub.operator import Suggestion, merge, reject, suggestions
from hub.projection import Sources
from hub.store.problems import note


@click.group()
def match() -> None:
    """Suggestions of which clients may be one, and which contracts."""


@match.command("list")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, with all of them.")
@pass_app
def list_(app: App, limit: int, as_json: bool) -> None:
    """List what nobody has decided yet."""
    with app.store.read() as connection:
        found = _all(connection, app.sources)
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
    """They are one client, or one contract: that of the source."""
    now, by = app.now(), getpass.getuser()
    with app.store.write() as connection:
        found = _find(connection, app.sources, key)
        if found.kind == "client":
            kept = merge(connection, found.left, found.right, app.sources, by=by, now=now)
        else:
            twins.join(connection, found.kind, *_sides(connection, found), app.sources, by=by, now=now)
            kept = found.right
        twins.join_same(connection, app.sources, now)
        note(connection, who=by, what="match.accept", about=f"{found.kind}/{kept}", detail=found.reason, now=now)
    say(f"One {found.kind} now: {kept}.")


@match.command("reject")
@click.argument("key")
@pass_app
def reject_(app: App, key: str) -> None:
    """They are two; the question is not asked again."""
    now, by = app.now(), getpass.getuser()
    with app.store.write() as connection:
        found = _find(connection, app.sources, key)
        if found.kind == "client":
            reject(connection, found, by=by, now=now)
        else:
            twins.part(connection, found.kind, *_sides(connection, found), by=by, now=now)
        note(connection, who=by, what="match.reject", about=f"{found.kind}/{found.left}", detail=found.reason, now=now)
    say(f"They stay two {found.kind}s.")


def _all(connection: Connection, sources: Sources) -> list[Suggestion]:
    return [*suggestions(connection), *twins.suggestions(connection, sources)]


def _find(connection: Connection, sources: Sources, key: str) -> Suggestion:
    return next((each for each in _all(connection, sources) if each.id == key), None) or no_such("match", key)


def _sides(connection: Connection, found: Suggestion) -> tuple[dict[str, Any], dict[str, Any]]:
    return find(connection, found.kind, found.left), find(connection, found.kind, found.right)
