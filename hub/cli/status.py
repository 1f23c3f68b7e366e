"""`hub status`: what runs, what went wrong, what waits."""

from __future__ import annotations

import click
from sqlalchemy import func, select

from hub.cli.app import App, pass_app, print_json, print_table, say, say_wrapped
from hub.cli.problem import plain
from hub.remind import count_open
from hub.store.problems import last_runs, open_problems
from hub.store.streams import count_records
from hub.store.tables import command as command_table
from hub.store.tables import job

MOST_PROBLEMS = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def status(app: App, as_json: bool) -> None:
    """Show streams, open problems and what waits in the outbox."""
    with app.store.read() as connection:
        runs = {(row.connection, row.stream): row for row in last_runs(connection)}
        streams = count_records(connection)
        problems = open_problems(connection)
        waiting = {
            row[0]: row[1]
            for row in connection.execute(select(command_table.c.state, func.count()).group_by(command_table.c.state))
        }
        jobs = {row[0]: row[1] for row in connection.execute(select(job.c.state, func.count()).group_by(job.c.state))}
        reminders = count_open(connection)
    shown = []
    for name, stream, _cursor_at, completed_at, records, parked in streams:
        run = runs.get((name, stream))
        shown.append({
            "connection": name, "stream": stream, "records": records, "parked": parked, "completed_at": completed_at,
            "last_run": run.finished_at if run else None, "error": run.error if run else "",
        })  # fmt: skip
    if as_json:
        print_json({
            "streams": shown, "reminders": reminders, "commands": waiting, "jobs": jobs,
            "problems": [plain(row) for row in problems],
        })  # fmt: skip
        return
    if shown:
        rows = [(f"{row['connection']}/{row['stream']}", row["records"], row["parked"], app.local(row["completed_at"]),
                 row["error"]) for row in shown]  # fmt: skip
        print_table(("stream", "records", "parked", "read to the end", "last error"), rows, grow=4)
    else:
        say("Nothing was read yet. Run: hub sync")
    say()
    say(f"Reminders open: {reminders}. Outbox: {_counts(waiting)}. Jobs: {_counts(jobs)}.")
    if not problems:
        say("No open problems.")
    for row in problems[:MOST_PROBLEMS]:
        say()
        say_wrapped("PROBLEM ", row.title + (f" (seen {row.count} times)" if row.count > 1 else ""))
        say(f"        since {app.local(row.first_at)}")
        if row.hint:
            say_wrapped("        ", row.hint)
    if len(problems) > MOST_PROBLEMS:
        say()
        say(f"… and {len(problems) - MOST_PROBLEMS} more problems. All of them: hub status --json")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "empty"
