"""`hub problem`: what a person must see, and the changes of addresses and accounts that wait for a person's word."""

from __future__ import annotations

import getpass
from typing import Any

import click

from hub import requisites
from hub.cli.app import App, no_such, pass_app, print_json, print_wrapped, say, say_wrapped
from hub.store.problems import open_problems


@click.group()
def problem() -> None:
    """Open problems; most end by themselves when their cause is over."""


@problem.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List open problems, the newest first.

    JSON: [{id, scope, title, hint, count, first_at, last_at}]
    """
    with app.store.read() as connection:
        rows = open_problems(connection)
    if as_json:
        print_json([plain(row) for row in rows])
    elif rows:
        print_wrapped([(str(row.id), app.local(row.first_at), row.title) for row in rows])
    else:
        say("No open problems.")


def plain(row: Any) -> dict[str, Any]:
    """Return a problem as it stands in JSON."""
    return {name: getattr(row, name) for name in ("id", "scope", "title", "hint", "count", "first_at", "last_at")}


@problem.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def show(app: App, number: int, as_json: bool) -> None:
    """Show one problem; of a changed address or account also what it was and what it is now.

    JSON: the keys of `hub problem list`, with before and now, which are null where nothing changed.
    """
    with app.store.read() as connection:
        row = next((it for it in open_problems(connection) if it.id == number), None)
        if row is None:
            no_such("open problem", str(number), "See: hub problem list")
        question = requisites.asked(connection, number)
        before, new = requisites.values(connection, question) if question else (None, None)
    if as_json:
        print_json({**plain(row), "before": before, "now": new})
        return
    say_wrapped("", row.title)
    say(f"  since   {app.local(row.first_at)}" + (f", seen {row.count} times" if row.count > 1 else ""))
    if question:
        say(f"  before  {before}")
        say(f"  now     {new or 'nothing'}")
    if row.hint:
        say_wrapped("  ", row.hint)


@problem.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--reason", required=True, help="How you know it, such as whom you asked by which telephone number.")
@click.option("--by", default=getpass.getuser, help="Who confirms; else the user of this machine.")
@pass_app
def confirm(app: App, number: int, reason: str, by: str) -> None:
    """Confirm that a changed address or account is right; documents go to the new address from then on."""
    if not reason.strip():
        raise click.BadParameter("say how you know it", param_hint="--reason")
    with app.store.write() as connection:
        new = requisites.confirm(connection, number, reason.strip(), by=by, now=app.now())
    say(f"Confirmed: {new}.")
