"""A process that has imported the hub and runs each command in a fork of itself, so that imports are paid once.

It reads one order a line and answers each with the exit status, negative for a signal. Between two commands nothing
is kept: a fork that was killed leaves what a killed hub leaves. An order: {arguments, cwd, env, site, out, err, after};
`after` are the seconds until SIGKILL, or null. Of its environment `SABOTAGE` breaks the hub first (`stage_sabotage`),
`DIE_AT_FILE` kills it right before the n-th step that changes names of files, `DIE_AT_STATEMENT` before the n-th
statement to the database, `PATIENCE` are the seconds for which it waits for a store that another program holds,
`FILES` limits its descriptors, `ROOM` the megabytes it may still take.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import sqlalchemy

import hub.cli.app
import hub.store.database
from hub import processes, stop_points

for name in ("client", "db", "document", "event", "record", "run", "setup", "status", "sync", "today"):
    importlib.import_module(f"hub.cli.{name}")
for name in (
    *(
        "hub.documents.docx",
        "hub.cli.rule",
        "alembic.command",
        "alembic.config",
        "psycopg",
        "stage_sabotage",
        "httpcore",
        "h11",
    ),
    *("certifi", "holidays.countries.russia", "dateutil.easter", "dateutil.relativedelta", "hub_scripted"),
    *("hub_asterisk.connector", "hub_imap.connector", "hub_onec.connector", "hub_redmine.connector"),
):
    importlib.import_module(name)


def run(order: dict[str, Any]) -> int:
    """Run one command in this process, which nobody needs afterwards."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["hub", *order["arguments"]]
    sys.path.insert(0, order["site"])
    importlib.invalidate_caches()
    importlib.reload(stop_points)
    importlib.reload(processes)  # a fork is another process
    if order["env"].get("DIE_AT_FILE"):
        _die_at_file(int(order["env"]["DIE_AT_FILE"]))
    if order["env"].get("DIE_AT_STATEMENT"):
        _die_at_statement(int(order["env"]["DIE_AT_STATEMENT"]))
    if order["env"].get("PATIENCE"):
        hub.store.database.BUSY_MILLISECONDS = int(float(order["env"]["PATIENCE"]) * 1000)
    if order["env"].get("FILES"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(order["env"]["FILES"]),) * 2)
    if order["env"].get("ROOM"):
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + (int(order["env"]["ROOM"]) << 20),) * 2)
    if order["env"].get("SABOTAGE"):
        importlib.import_module("stage_sabotage").apply(order["env"]["SABOTAGE"])
    try:
        hub.cli.main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 whatever it was is the answer of this command
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _die_at_file(left: int) -> None:
    def count(event: str, _arguments: Any) -> None:
        nonlocal left
        if event in ("os.rename", "os.remove", "os.link", "shutil.copyfile"):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _die_at_statement(left: int) -> None:
    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", count)


def main() -> None:
    """Serve until the orders end."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            code = 70  # for what goes wrong in this file
            try:
                code = run(order)
            finally:
                os._exit(code)
        if order["after"] is not None:
            watch = os.pidfd_open(child)
            if not select.select([watch], [], [], order["after"])[0]:
                os.kill(child, signal.SIGKILL)
            os.close(watch)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


main()
