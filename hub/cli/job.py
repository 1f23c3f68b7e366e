"""`hub job`: what is being done, what waits, what was given up."""

from __future__ import annotations

import click
import msgspec

from hub.cli.app import App, pass_app, print_json, print_table, say
from hub.engine import jobs

STATES = ("ready", "running", "done", "dead", "cancelled")


@click.group()
def cli() -> None:
    """Jobs of the daemon and its workers."""


@cli.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in this state.")
@click.option("--kind", default="", help="Only jobs of this kind: sync, replay, reminders, documents, command.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def list_jobs(app: App, state: str | None, kind: str, limit: int, as_json: bool) -> None:
    """List jobs: running ones first, then what waits, what is dead, and what ended last.

    JSON: [{id, kind, payload, state, lock_key, priority, run_at, attempt, max_attempts, worker, lease_until, error,
    created_at, finished_at}]
    """
    with app.store.read() as connection:
        rows = jobs.listed(connection, state=state or "", kind=kind, limit=limit)
    if as_json:
        print_json([{
            "id": row.id, "kind": row.kind, "payload": msgspec.json.decode(row.payload), "state": row.state,
            "lock_key": row.lock_key, "priority": row.priority, "run_at": row.run_at, "attempt": row.attempt,
            "max_attempts": row.max_attempts, "worker": row.worker, "lease_until": row.lease_until, "error": row.error,
            "created_at": row.created_at, "finished_at": row.finished_at,
        } for row in rows])  # fmt: skip
        return
    if not rows:
        say("No jobs.")
        return
    shown = [
        (row.id, row.lock_key or row.kind, row.state, row.attempt, app.local(row.finished_at or row.run_at), row.error)
        for row in rows
    ]
    print_table(("id", "job", "state", "try", "when", "error"), shown, grow=5)
