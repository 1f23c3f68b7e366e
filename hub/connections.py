"""Open configured connections and run their syncs, one at a time each; errors become problems people can act on."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection

from hub.attachments import save_attachments
from hub.config import Config, ConnectionConfig
from hub.engine import jobs
from hub.entries.twins import take_over
from hub.letters import take_letters
from hub.mail import Carries
from hub.model.connector import Connector, ConnectorSpec, Reads, Stream, Writes
from hub.model.errors import AuthError, HubError, SettingsError
from hub.model.settings import Settings
from hub.plugins import Plugins, build, capabilities, fingerprint
from hub.projection import Sources, sources_of
from hub.redaction import redact, remember
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.problems import open_problem
from hub.subscribers import announcer
from hub.sync import ASK_AUTHOR, Change, Counts, Run, stale
from hub.tools import ConnectionTools, FileBlobs, HttpxClient, SystemClock

log = logging.getLogger("hub.connections")

PATIENCE = timedelta(minutes=10)
"""The lease of a sync that a person started: nothing prolongs it between two batches."""


class Opened(Struct):
    """A connection ready to run."""

    config: ConnectionConfig
    spec: ConnectorSpec
    settings: Settings
    connector: Connector

    @property
    def can(self) -> tuple[str, ...]:
        """Return what the connector can do."""
        return capabilities(self.connector)


class Hub(Struct):
    """What running anything needs: configuration, plugins, store, clock."""

    config: Config
    plugins: Plugins
    store: Store
    clock: SystemClock

    @property
    def sources(self) -> Sources:
        """Return the order in which sources are believed: that of the configuration."""
        return sources_of(self.config, self.plugins)


@contextmanager
def open_connection(hub: Hub, name: str) -> Iterator[Opened]:
    """Open a connection with its tools. Raises SettingsError when it cannot be made."""
    config = hub.config.connection(name)
    spec = hub.plugins.spec(config.connector)
    settings = hub.config.settings(config, spec.settings)
    texts = [it for it in dict(settings).values() if isinstance(it, str)]
    addresses = [it for it in texts if it.partition("://")[0].strip().lower() in ("http", "https") and "://" in it]
    http = HttpxClient(
        hub.clock, origins=addresses,
        min_interval=config.min_interval, ca_file=str(hub.config.resolve(config.ca_file)) if config.ca_file else "",
    )  # fmt: skip
    tools = ConnectionTools(
        name, http=http, blobs=FileBlobs(hub.config.folder / "blobs"), clock=hub.clock, stale=stale(hub.store, name)
    )
    try:
        connector = build(spec, settings, tools)
        try:
            yield Opened(config, spec, settings, connector)
        finally:
            close = getattr(connector, "close", None)
            if callable(close):
                close()
    finally:
        http.close()


def mail_connection(hub: Hub) -> str:
    """Return the connection that sends mail. Raises SettingsError when none or several could."""
    chosen = hub.config.model.outbox.mail_connection
    return _able(hub, "mail.send", chosen, "sends mail", "Set `outbox: {mail_connection: NAME}`.")


def courier_connection(hub: Hub, chosen: str = "") -> str:
    """Return the connection that orders couriers. Raises SettingsError when none or several could."""
    hint = "Name it: --courier NAME. A courier without a connection is ordered by you: hub shipment new"
    return _able(hub, "shipment.order", chosen, "orders couriers", hint)


def _able(hub: Hub, command: str, chosen: str, does: str, hint: str) -> str:
    able = []
    for name, connection in hub.config.model.connections.items():
        if connection.enabled and (not chosen or name == chosen):
            with open_connection(hub, name) as opened:
                if isinstance(opened.connector, Writes) and command in opened.connector.commands():
                    able.append(name)
    if len(able) != 1:
        which = f"several can: {', '.join(able)}" if able else "none can"
        raise SettingsError(f"which connection {does}? {which}.", hint=hint)
    return able[0]


def credentials_mark(settings: Settings) -> str:
    """Return a mark that changes when a secret of the connection changes; the secrets cannot be had back from it."""
    secrets = [str(value.get_secret_value()) for value in dict(settings).values() if hasattr(value, "get_secret_value")]
    for secret in secrets:
        remember(secret)
    return hashlib.blake2b("\0".join(secrets).encode(), digest_size=8, person=b"hub-auth").hexdigest()


def is_refused(hub: Hub, name: str, settings: Settings) -> bool:
    """Tell whether these very credentials were refused before; they are not tried again by themselves."""
    with hub.store.read() as connection:
        return get_meta(connection, f"refused/{name}") == credentials_mark(settings)


def sync_connection(
    hub: Hub,
    name: str,
    *,
    stream_name: str = "",
    full: bool = False,
    dry_run: bool = False,
    limit: int | None = None,
    lease: jobs.Lease | None = None,
    progress: Callable[[Counts, int | None], None] | None = None,
    report: Callable[[Change], None] | None = None,
) -> list[Counts]:
    """Read the streams of a connection; what goes wrong is in the counts and, unless a dry run, an open problem."""
    done: list[Counts] = []
    try:
        with open_connection(hub, name) as opened:
            if not isinstance(opened.connector, Reads):
                return [Counts(name, "", error=f"the connector {opened.spec.name} does not read")]
            held = None if dry_run else lease or _take(hub, name, "sync", {"connection": name})
            try:
                _run_streams(hub, name, opened, stream_name, full=full, dry_run=dry_run, limit=limit, lease=held,
                             progress=progress, report=report, done=done)  # fmt: skip
            except BaseException as error:
                if held is not None and lease is None:
                    _let_go(hub, held, error)
                raise
    except (Exception, SystemExit) as raised:  # noqa: BLE001 the connector's code: it stops only its own run
        trouble = _understood(name, raised)
        if not done or done[-1].error is None:
            done.append(Counts(name, stream_name, error=redact(str(trouble))))
        if not dry_run and not isinstance(trouble, jobs.LeaseLost) and not hub.clock.is_stopped:
            _note(hub, name, trouble)
        if lease is not None:
            raise trouble from (None if trouble is raised else raised)
    return done


def _understood(name: str, raised: BaseException) -> HubError:
    """Return the error as the hub's own; a plugin may raise anything, and stops only its connection."""
    if isinstance(raised, HubError):
        return raised
    log.error("the connection %s failed: %s", name, type(raised).__name__, exc_info=raised)
    return HubError(f"the plugin failed: {type(raised).__name__}: {str(raised)[:200]}", hint=ASK_AUTHOR)


@contextmanager
def hold_connection(hub: Hub, name: str) -> Iterator[Callable[[Connection, datetime], None]]:
    """Keep every sync of a connection away while its records are understood anew; give the fence for each transaction.

    Raises Unavailable when somebody is at it. Whoever was stopped past the lease gets LeaseLost from the fence.
    """
    lease = _take(hub, name, "replay", {})  # it says nothing about the connection itself, so it closes no problem of it
    try:
        yield lambda connection, now: jobs.hold(connection, lease, now)
    except BaseException as error:
        _let_go(hub, lease, error)
        raise
    with hub.store.write() as connection:
        jobs.finish(connection, lease, hub.store.now(connection))


def _take(hub: Hub, name: str, kind: str, payload: Mapping[str, str]) -> jobs.Lease:
    with hub.store.write() as connection:  # a process of this machine that was killed need not be waited for
        jobs.reap_killed(connection, hub.store.now(connection))
    return jobs.take(hub.store, kind, payload, f"sync/{name}", jobs.worker_name(), PATIENCE)


def _run_streams(
    hub: Hub, name: str, opened: Opened, stream_name: str, *, full: bool, dry_run: bool, limit: int | None,
    lease: jobs.Lease | None, progress: Callable[[Counts, int | None], None] | None,
    report: Callable[[Change], None] | None, done: list[Counts],
) -> None:  # fmt: skip
    assert isinstance(opened.connector, Reads)
    wanted = _wanted(opened.connector.streams(), stream_name, name)
    mark = fingerprint(opened.spec, opened.settings)
    failed: HubError | None = None
    finished = False

    def finish(connection: Connection, now: datetime) -> None:
        nonlocal finished
        assert lease is not None
        jobs.finish(connection, lease, now)  # with the problem of the connection
        if get_meta(connection, f"refused/{name}"):
            set_meta(connection, f"refused/{name}", "")
        finished = True

    announce = None if dry_run else announcer(hub.store, hub.plugins, hub.clock.now)
    for stream in wanted:
        run = Run(
            hub.store, name, opened.connector, stream, sources=hub.sources, clock=hub.clock.now, fingerprint=mark,
            vanish_limit=float(opened.config.vanish_limit), progress=progress, on_events=announce,
            hold=None if lease is None else (lambda connection, now: jobs.hold(connection, lease, now)),
            finish=finish if lease is not None and stream is wanted[-1] and failed is None else None,
        )  # fmt: skip
        done.append(run.counts)
        try:
            run.execute(full=full, dry_run=dry_run, limit=limit, report=report)
        except (AuthError, SettingsError, jobs.LeaseLost):
            raise
        except HubError as error:  # the other streams go on; the job fails at the end
            failed = failed or error
    if not dry_run:
        save_attachments(hub.store, hub.config, name, opened.connector, FileBlobs(hub.config.folder / "blobs"))
        if isinstance(opened.connector, Carries):
            take_letters(hub.store, hub.config, name, hub.sources)
        take_over(hub.store, hub.sources, hub.clock.now())
    if failed is not None:
        raise failed
    if lease is not None and not finished:  # the last stream had nothing to say
        with hub.store.write() as connection:
            finish(connection, hub.store.now(connection))


def _wanted(streams: Sequence[Stream], stream_name: str, name: str) -> list[Stream]:
    wanted = [stream for stream in streams if stream_name in ("", stream.name)]
    if not wanted:
        known = ", ".join(stream.name for stream in streams) or "none"
        raise SettingsError(f"the connection {name} has no stream {stream_name!r}.", hint=f"It has: {known}.")
    return wanted


def _let_go(hub: Hub, lease: jobs.Lease, error: BaseException) -> None:
    try:
        with hub.store.write() as connection:
            jobs.release(connection, lease, hub.store.now(connection), str(error))
    except jobs.LeaseLost:  # there is nothing to let go
        return
    except HubError:
        log.warning("the lease of job %s runs out by itself", lease.job_id)


def _note(hub: Hub, name: str, error: HubError) -> None:
    refused = ""
    if isinstance(error, AuthError):
        try:
            config = hub.config.connection(name)
            refused = credentials_mark(hub.config.settings(config, hub.plugins.spec(config.connector).settings))
        except SettingsError:
            refused = ""
    title = Exception.__str__(error)
    with hub.store.write() as connection:
        open_problem(connection, f"connection/{name}", scope=name, title=f"{name}: {title}", hint=error.hint,
                     now=hub.store.now(connection))  # fmt: skip
        if refused:
            set_meta(connection, f"refused/{name}", refused)
