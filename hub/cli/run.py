"""`hub run` and `hub worker`: the daemon, and a process that only helps it."""

from __future__ import annotations

import signal
import sys

import click

from hub.cli.app import App, pass_app, progress
from hub.connections import Hub
from hub.daemon import Daemon, handlers_of
from hub.tools import SystemClock


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now and end.")
@pass_app
def cli(app: App, once: bool) -> None:
    """Run the daemon until it is told to stop (SIGTERM, Ctrl-C): syncs, reminders, outbox.

    Exit codes: 0 it was told to stop, or everything went well; 1 too many workers hang, start it again; 3 with --once,
    some jobs failed.
    """
    daemon = _daemon(app, with_schedules=True)
    if once:
        failed = daemon.run_once()
        progress(f"{daemon.runner.done} jobs done, {failed} failed.")
        sys.exit(3 if failed else 0)
    progress(f"Running: {len(daemon.timetable.schedules)} schedules, {daemon.runner.workers} workers. Ctrl-C ends.")
    sys.exit(0 if daemon.run() else 1)


@click.command()
@pass_app
def worker(app: App) -> None:
    """Run a process that takes jobs and schedules none; any number of them share a PostgreSQL store."""
    daemon = _daemon(app, with_schedules=False)
    progress(f"Working: {daemon.runner.workers} workers. Ctrl-C ends.")
    sys.exit(0 if daemon.run() else 1)


def _daemon(app: App, *, with_schedules: bool) -> Daemon:
    hub = Hub(app.config, app.plugins, app.store, SystemClock())
    daemon = Daemon(hub, handlers_of(hub), with_schedules=with_schedules)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daemon.stop)
    return daemon
