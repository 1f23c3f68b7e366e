"""The daemon: schedules syncs and reminders, delivers the outbox, sweeps up after the dead, ends when told to."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hub import channels, outbox
from hub.calendar_feed import shown, write_feeds
from hub.connections import Hub, Opened, credentials_mark, is_refused, open_connection, sync_connection
from hub.engine import jobs
from hub.engine.jobs import Job, Lease
from hub.engine.memory import give_back
from hub.engine.runner import Handler, Runner, Schedule, Timetable
from hub.files import remove_leftovers
from hub.letter_files import letter_files
from hub.model.connector import Command, Receipt
from hub.model.errors import AuthError, HubError, SettingsError
from hub.notify import notify, withdraw_if_over
from hub.object_files import keep_new
from hub.paperwork.returns import collect
from hub.remind import refresh
from hub.store import commands, history, loose
from hub.store.meta import get_meta, set_meta
from hub.store.problems import open_problem
from hub.tasks import keep_tasks
from hub.wakeups import Wakeups, sync_key

log = logging.getLogger("hub.daemon")

LISTEN_SECONDS = 0.2
TICK_SECONDS = 1.0
SWEEP_SECONDS = 10.0
TIDY_SECONDS = 3600.0
REMIND_EVERY = timedelta(minutes=1)
"""So often reminders are evaluated and the files of letters looked through: signed copies, what belongs to objects."""
KEEP_JOBS = timedelta(days=7)
LOOK_AGAIN = timedelta(minutes=5)
"""So often the hub looks whether credentials or settings were corrected; the other side notices nothing."""


def handlers_of(hub: Hub) -> dict[str, Handler]:
    """Return what the daemon can do, by kind of job."""

    def sync(job: Job, lease: Lease) -> None:
        name = str(job.payload["connection"])
        with open_connection(hub, name) as opened:
            was_refused = is_refused(hub, name, opened.settings)
        if was_refused:  # the problem is open; a person corrects the credentials or runs `hub sync`
            _postpone(hub, lease, f"{name} refused these credentials before")
        else:
            sync_connection(hub, name, lease=lease)

    def remind(_job: Job, _lease: Lease) -> None:
        found = refresh(hub.store, hub.config, hub.plugins, hub.clock.now())
        notify(hub, found)
        if hub.config.model.feeds:
            write_feeds(hub.config, shown(found))
        keep_tasks(hub, found.now)
        with letter_files(hub) as get:
            collect(hub.store, hub.config, get, by="hub", now=hub.clock.now(), patience=REMIND_EVERY)
            keep_new(hub.store, hub.config, get, now=hub.clock.now(), patience=REMIND_EVERY)

    def command(job: Job, lease: Lease) -> None:
        command_id = str(job.payload["command"])
        withdraw_if_over(hub, command_id, hub.clock.now())
        deliver(hub, command_id, lease)

    return {"sync": sync, "reminders": remind, outbox.KIND: command}


def deliver(hub: Hub, command_id: str, lease: Lease) -> None:
    """Open the connection of a command and carry it out; what only a person can mend holds it up and harms nothing."""

    def ask_plugins(command: Command) -> Receipt | None:
        answer: Receipt | None = hub.plugins.manager.hook.execute_command(
            command=command, connection=command.connection
        )
        return answer

    with hub.store.read() as connection:
        row = commands.get(connection, command_id)
    name = row.connection if row else ""
    try:
        if row and row.kind == channels.KIND:
            with channels.open_channel(hub, name) as channel:
                outbox.deliver(hub.store, command_id, channel, lease, ask_plugins=ask_plugins)
            return
        with open_connection(hub, name) as opened:
            if _was_refused(hub, name, opened):
                raise AuthError(f"{name} refused these credentials before.")
            try:
                outbox.deliver(hub.store, command_id, opened.connector, lease, ask_plugins=ask_plugins)
            except AuthError:
                with hub.store.write() as connection:
                    set_meta(connection, outbox.refusal_name(name), credentials_mark(opened.settings))
                raise
    except (AuthError, SettingsError) as error:
        _hold_up(hub, name, lease, error)


def _was_refused(hub: Hub, name: str, opened: Opened) -> bool:
    with hub.store.read() as connection:
        own = get_meta(connection, outbox.refusal_name(name)) == credentials_mark(opened.settings)
    return own or is_refused(hub, name, opened.settings)


def _hold_up(hub: Hub, name: str, lease: Lease, error: HubError) -> None:
    words = Exception.__str__(error)
    hint = f"{error.hint} What waits goes by itself once it is corrected; see: hub command list".strip()
    _postpone(hub, lease, words)
    with hub.store.write() as connection:
        title, now = f"{name}: nothing can be sent: {words}", hub.store.now(connection)
        open_problem(connection, outbox.pause_key(name), scope=name, title=title, hint=hint, now=now)


def _postpone(hub: Hub, lease: Lease, reason: str) -> None:
    with hub.store.write() as connection:
        now = hub.store.now(connection)
        jobs.release(connection, lease, now, reason, run_at=now + LOOK_AGAIN)


def schedules_of(hub: Hub, handlers: Mapping[str, Handler]) -> list[Schedule]:
    """Return what happens again and again: a sync of each connection, and the reminders."""
    found = [
        Schedule(
            name=sync_key(name), every=it.every, kind="sync", payload={"connection": name}, lock_key=sync_key(name)
        )
        for name, it in hub.config.model.connections.items()
        if it.enabled and "sync" in handlers
    ]
    if "reminders" in handlers:
        found.append(Schedule(name="reminders", every=REMIND_EVERY, kind="reminders", lock_key="reminders"))
    return found


class Daemon:
    """One process of the hub that works until it is told to stop. A plain worker has no schedules of its own."""

    def __init__(self, hub: Hub, handlers: Mapping[str, Handler], *, with_schedules: bool = True) -> None:
        self.hub = hub
        self.store = hub.store
        self.timetable = Timetable(hub.store, schedules_of(hub, handlers) if with_schedules else ())
        self.runner = Runner(hub.store, handlers, workers=hub.config.model.workers, tick=self.tick)
        self.wakeups = Wakeups(hub) if self.timetable.schedules else None
        self._is_told = False
        self._ticked = self._swept = self._tidied = float("-inf")

    def run(self) -> bool:
        """Work until `stop`; tell whether the process ended because it was told to and not because it hangs."""
        self._announce()
        log.info("started with %s workers and %s schedules", self.runner.workers, len(self.timetable.schedules))
        self.runner.start()
        if self.wakeups:
            self.wakeups.start()
        trouble = ""
        while not self._is_told and not trouble:
            time.sleep(LISTEN_SECONDS)
            trouble = self._trouble()
        if trouble and not self._is_told:
            log.error("%s; the process ends to be started anew", trouble)
        self._end()
        log.info("stopped; %s jobs done, %s failed", self.runner.done, self.runner.failed)
        return self._is_told

    def _trouble(self) -> str:
        """Return what only a new process can mend: threads that hang, files and sockets that were never closed."""
        if self.runner.is_sick:
            return f"{self.runner.leaked} of {self.runner.workers} workers hang"
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return f"no file can be opened any more ({error.strerror})"
        return ""

    def run_once(self) -> int:
        """Do what is due now and return how many jobs failed."""
        self._announce()
        self.tick()
        self.runner.drain(until=lambda: self._is_told)
        self._end()
        return self.runner.failed

    def stop(self, *_signal: Any) -> None:
        """Ask the daemon to end; it does within ten seconds. May be a signal handler: it takes no lock."""
        self._is_told = True

    def _end(self) -> None:
        self.hub.clock.stop()
        if self.wakeups:
            self.wakeups.tell_to_end()
        self.runner.stop()
        if self.wakeups:
            self.wakeups.join()

    def _announce(self) -> None:
        """Tell plugins that the store is open; one that fails stops nothing else."""
        for plugin in self.hub.plugins.manager.hook.startup.get_hookimpls():
            try:
                plugin.function(*[{"hub": self.hub}[name] for name in plugin.argnames])
            except Exception as error:  # noqa: BLE001 a plugin may do anything; it stops only itself
                log.error("plugin %s failed at start: %s", plugin.plugin_name, type(error).__name__)
                with self.store.write() as connection:
                    open_problem(
                        connection, f"plugin/{plugin.plugin_name}", scope="plugins", now=self.store.now(connection),
                        title=f"The plugin {plugin.plugin_name} failed at start: {type(error).__name__}: {error}",
                        hint="Update or remove it: hub plugin list",
                    )  # fmt: skip

    def tick(self) -> None:
        """Add due jobs each second; sweep each ten, which frees the leases of the dead; tidy by the hour."""
        moment = time.monotonic()
        if moment - self._ticked < TICK_SECONDS:
            return
        self._ticked = moment
        with self.store.read() as connection:
            now = self.store.now(connection)
        self.timetable.enqueue_due(now)
        if moment - self._swept >= SWEEP_SECONDS:
            self._swept = moment
            self.sweep()
        if moment - self._tidied >= TIDY_SECONDS:
            self._tidied = moment
            self.tidy()

    def sweep(self) -> None:
        """Free memory and the jobs of dead workers, show people what was given up, forget what ended long ago."""
        give_back()
        with self.store.write() as connection:
            now = self.store.now(connection)
            freed = jobs.reap(connection, now) + jobs.reap_killed(connection, now)
            outbox.settle(connection, now)
            jobs.prune(connection, now - KEEP_JOBS)
        if freed:
            log.warning("took back %s jobs of workers that stopped without a word", len(freed))

    def tidy(self) -> None:
        """Forget what is kept no longer: old runs, half-written files, files that no letter names any more."""
        self._forget_runs()
        self._sweep_files()
        try:
            if forgotten := loose.collect_daily(self.store):
                log.info("forgot %s files that no letter brings any more", forgotten)
        except ValueError as error:  # what a damaged record names is not known
            log.warning("%s; no file was forgotten, see: hub doctor --deep", error)

    def _sweep_files(self) -> None:
        """Remove what processes that were killed left half-written where the hub keeps files."""
        config = self.hub.config
        folders = {config.resolve(config.model.documents.folder), *(config.folder / "blobs").glob("??")}
        folders |= {config.resolve(it.folder) for it in config.model.attachments}
        if config.model.feeds:
            folders.add(config.resolve(config.model.feeds))
        left = [path for folder in sorted(folders) for path in remove_leftovers(folder)]
        if self.store.path is not None:
            left += remove_leftovers(self.store.path.parent, one_machine=True)
        if left:
            log.info("removed %s files that processes had left half-written when they were killed", len(left))

    def _forget_runs(self) -> None:
        """Forget old runs, a few thousand at a time; writes nothing when there are none."""
        while True:
            with self.store.read() as connection:
                old = history.old_runs(connection, self.store.now(connection))
            if not old:
                return
            with self.store.write() as connection:
                history.forget_runs(connection, old)
