"""The outbox: what leaves the hub is a row written in the transaction that wanted it, and takes effect at most once.

    waiting ─approve─▶ ready ─prepared─▶ sending ─▶ done | rejected
                         ▲                  │
                         └──────unsent──────┴─ outcome unknown ─▶ looked up: done, else doubtful

`sending` is committed before anything leaves, and after what only asks (`Prepares`). A command that is found in that
state was interrupted or lost its answer: it is looked up and never sent again by itself. Only the words of the other
side, or a promise that nothing was sent (`Unavailable(unsent=True)`, `AuthError`, `SettingsError`), let the hub decide
alone; the rest waits for a person.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hub.engine import jobs
from hub.engine.jobs import Lease, LeaseLost
from hub.model.connector import Command, Connector, Prepares, Receipt, Writes
from hub.model.errors import AuthError, HubError, Rejected, SettingsError, Unavailable
from hub.stop_points import stop_point
from hub.store import commands
from hub.store.commands import Outgoing
from hub.store.database import Store
from hub.store.meta import set_meta
from hub.store.problems import close_problem, note, open_problem

KIND = "command"
"""The kind of the jobs that deliver."""
ATTEMPTS = 300
"""At five minutes each this is a day of trying before a person is asked."""
REST_LATER = timedelta(minutes=5)
"""So long the part of a command waits that the other side did not take at once."""
UNDECIDED = frozenset({"doubtful", "rejected", "dead"})
"""States in which the hub does nothing more by itself."""


def add(
    connection: Connection,
    kind: str,
    connection_name: str,
    data: Mapping[str, Any],
    *,
    title: str,
    client: str | None,
    by: str,
    now: datetime,
    approve: bool,
    key: str | None = None,
    run_at: datetime | None = None,
) -> str:
    """Write a command and its job in the caller's transaction; return its id.

    With `approve` it waits for a person. `key` names what the command is for, so that wanting it twice sends it once.
    """
    command_id = key or secrets.token_hex(8)
    if commands.get(connection, command_id) is not None:
        return command_id
    new = Outgoing(
        id=command_id, kind=kind, connection=connection_name, title=title, client=client,
        state="waiting" if approve else "ready", attempt=0, error="", created_by=by, created_at=now, approved_by="",
        sent_at=None, finished_at=None, data=data, receipt=None,
    )  # fmt: skip
    commands.save(connection, new)
    if not approve:
        _wake(connection, new, now, run_at)
    return command_id


def deliver(
    store: Store,
    command_id: str,
    connector: Connector,
    lease: Lease,
    *,
    ask_plugins: Callable[[Command], Receipt | None] | None = None,
) -> None:
    """Carry out the command of a claimed job, or find out what became of it; raise what stopped it.

    When it returns, the job is finished. A plugin that answers takes the place of the connector's `execute`.
    """
    carry_out = _prepared(store, command_id, connector)
    row, is_fresh = _begin(store, command_id, lease)
    if row is None:
        return
    if not is_fresh:
        _look_up(store, row, connector, lease)
        return
    stop_point("sending")
    try:
        receipt = ask_plugins(row.command) if ask_plugins else None
        if receipt is None:
            receipt = carry_out() if carry_out else _execute(connector, row.command)
    except Rejected as error:
        _conclude(store, row, lease, "rejected", error=str(error))
    except (AuthError, SettingsError) as error:
        _give_back(store, row, lease, error)
        raise
    except Unavailable as error:
        if error.unsent:
            _give_back(store, row, lease, error)
        raise  # else the state stays `sending`: the job comes back after its back-off and looks the command up
    else:
        stop_point("sent")
        _conclude(store, row, lease, "done", receipt=receipt)


def _prepared(store: Store, command_id: str, connector: Connector) -> Callable[[], Receipt] | None:
    """Return what carries out a command that waits, if the connector tells asking and acting apart."""
    if not isinstance(connector, Prepares):
        return None
    with store.read() as connection:
        row = commands.get(connection, command_id)
    if row is None or row.state != "ready":
        return None
    try:
        return connector.prepare(row.command)
    except Rejected as refusal:
        words = refusal

        def refuse() -> Receipt:
            raise words

        return refuse


def _begin(store: Store, command_id: str, lease: Lease) -> tuple[Outgoing | None, bool]:
    """Commit that the command is on its way; return it, and whether this is the moment to send it."""
    with store.write() as connection:
        now = store.now(connection)
        jobs.hold(connection, lease, now)
        row = commands.get(connection, command_id)
        if row is None or row.state not in ("ready", "sending"):
            jobs.finish(connection, lease, now)
            return None, False
        if row.state == "sending":
            return row, False
        commands.change(
            connection, command_id, ("ready",), state="sending", attempt=row.attempt + 1, sent_at=now, error=""
        )
        return commands.get(connection, command_id), True


def _execute(connector: Connector, command: Command) -> Receipt:
    if not isinstance(connector, Writes):
        raise Rejected(f"the connection {command.connection} only reads; it cannot do {command.kind}.")
    return connector.execute(command)


def _look_up(store: Store, row: Outgoing, connector: Connector, lease: Lease) -> None:
    receipt = connector.find(row.command) if isinstance(connector, Writes) else None
    if receipt is not None:
        _conclude(store, row, lease, "done", receipt=receipt)
        return
    with store.write() as connection:
        now = store.now(connection)
        jobs.finish(connection, lease, now)
        words = "it was sent, no answer came, and it cannot be found at the other side"
        if commands.change(connection, row.id, ("sending",), state="doubtful", error=words):
            _ask(connection, row, f"it may have taken effect or not ({words})", now)


def _give_back(store: Store, row: Outgoing, lease: Lease, error: HubError) -> None:
    with store.write() as connection:
        jobs.hold(connection, lease, store.now(connection))
        commands.change(connection, row.id, ("sending",), state="ready", error=str(error))


def _conclude(store: Store, row: Outgoing, lease: Lease, state: str, **values: Any) -> None:
    """Store what the other side said. That is the truth even if the lease was lost; the attempt is its own fence."""
    with store.write() as connection:
        now = store.now(connection)
        with suppress(LeaseLost):
            jobs.finish(connection, lease, now)
        told = commands.change(
            connection, row.id, ("sending", "doubtful"), at_attempt=row.attempt, state=state, finished_at=now, **values
        )
        if told and state == "rejected":
            _ask(connection, row, f"it was refused: {values['error']}", now)
        elif told:
            close_problem(connection, _problem_key(row.id), now)
            close_problem(connection, pause_key(row.connection), now)
            _add_rest(connection, row, values.get("receipt"), now)
        stop_point("answered")


def _add_rest(connection: Connection, row: Outgoing, receipt: Receipt | None, now: datetime) -> None:
    """Make a command of what the other side takes only later."""
    if receipt is None or receipt.rest is None:
        return
    add(connection, row.kind, row.connection, receipt.rest, title=row.title, client=row.client, by=row.created_by,
        now=now, approve=False, key=f"{row.id}.r", run_at=now + REST_LATER)  # fmt: skip


def settle(connection: Connection, now: datetime) -> int:
    """Show people the commands whose job has given up; return how many."""
    found = commands.abandoned(connection)
    for row in found:
        if row.state == "ready":
            commands.change(connection, row.id, ("ready",), state="dead", finished_at=now)
            _ask(
                connection,
                row,
                f"it was given up; nothing was sent ({row.error or 'the hub was stopped each time'})",
                now,
            )
        else:
            words = "it was sent, no answer came, and the other side could not be asked"
            commands.change(connection, row.id, ("sending",), state="doubtful", error=words)
            _ask(connection, row, f"it may have taken effect or not ({words})", now)
    return len(found)


def approve(store: Store, command_id: str, by: str, *, second_person: Collection[str] = ()) -> None:
    """Let a waiting command go. Raises HubError for a kind of `second_person` when `by` wanted it himself."""
    with store.write() as connection:
        now = store.now(connection)
        row = _known(connection, command_id)
        if row.kind in second_person and row.created_by == by:
            raise HubError(f"{row.kind} needs a second person: {by} wanted command {command_id}.")
        if not commands.change(connection, command_id, ("waiting",), state="ready", approved_by=by):
            raise HubError(f"command {command_id} is {row.state}; only a waiting one can be approved.")
        _wake(connection, row, now)
        note(connection, who=by, what="command.approve", about=_problem_key(command_id), detail=row.title, now=now)


def retry(store: Store, command_id: str, by: str) -> None:
    """Send a command again that was refused, given up or is doubtful: only a person can decide that.

    One that still waits for its next try is tried at once, with credentials that were refused before too.
    """
    with store.write() as connection:
        now = store.now(connection)
        row = _known(connection, command_id)
        again = commands.change(connection, command_id, UNDECIDED, state="ready", error="", finished_at=None)
        if not again and row.state not in ("ready", "sending"):
            hint = (
                "Approve it: hub command approve" if row.state == "waiting" else "Make a new one if it is wanted again."
            )
            raise HubError(f"command {command_id} is {row.state} and cannot be tried again.", hint=hint)
        _wake(connection, row, now)
        set_meta(connection, refusal_name(row.connection), "")
        close_problem(connection, _problem_key(command_id), now)
        note(
            connection, who=by, what="command.retry", about=_problem_key(command_id), detail=f"was {row.state}", now=now
        )


def cancel(store: Store, command_id: str, by: str) -> None:
    """Drop a command, or close a doubtful one. One that is being sent at this moment cannot be called back."""
    with store.write() as connection:
        now = store.now(connection)
        row = _known(connection, command_id)
        job = jobs.by_dedup(connection, _problem_key(command_id))
        is_waiting = job is not None and job.state in ("ready", "running")
        if job is not None and is_waiting and not jobs.cancel(connection, job.id, now):
            raise HubError(f"command {command_id} is being sent at this moment.", hint="See what comes of it first.")
        states = {"waiting", "ready", "sending", *UNDECIDED}
        if not commands.change(connection, command_id, states, state="cancelled", finished_at=now):
            raise HubError(f"command {command_id} is {row.state} already.")
        close_problem(connection, _problem_key(command_id), now)
        note(
            connection,
            who=by,
            what="command.cancel",
            about=_problem_key(command_id),
            detail=f"was {row.state}",
            now=now,
        )


def pause_key(connection_name: str) -> str:
    """Return the key of the problem that holds up the commands of a connection."""
    return f"commands/{connection_name}"


def refusal_name(connection_name: str) -> str:
    """Return under which name the store remembers the credentials that were refused when sending."""
    return f"refused/{connection_name}/commands"


def _wake(connection: Connection, row: Outgoing, now: datetime, run_at: datetime | None = None) -> None:
    dedup = _problem_key(row.id)
    added = jobs.enqueue(
        connection, KIND, {"command": row.id}, now=now, lock_key=f"command/{row.connection}", dedup=dedup, priority=1,
        max_attempts=ATTEMPTS, run_at=run_at,
    )  # fmt: skip
    if added is None and (job := jobs.by_dedup(connection, dedup)) is not None:
        jobs.retry(connection, job.id, now, tries=ATTEMPTS)


def _ask(connection: Connection, row: Outgoing, what: str, now: datetime) -> None:
    open_problem(
        connection, _problem_key(row.id), scope=row.connection, title=f"{row.title}: {what}", now=now,
        hint=f"Look at the other side; then: hub command retry {row.id}, or: hub command cancel {row.id}",
    )  # fmt: skip


def _problem_key(command_id: str) -> str:
    return f"command/{command_id}"


def _known(connection: Connection, command_id: str) -> Outgoing:
    row = commands.get(connection, command_id)
    if row is None:
        raise HubError(f"there is no command {command_id!r}.", hint="See: hub command list")
    return row
