"""Questions that only a person can answer: an open problem asks whether a change of a requisite is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, select

from hub.store import bulk
from hub.store.problems import close_problem, open_problem, open_problems
from hub.store.tables import audit, redirect

ADDRESS, ACCOUNT, ACCOUNTS = "address", "account", "accounts"
"""Kinds of questions: an address of a client, an account that is another one, an account in the place of another."""
CONFIRMED = "problem.confirm"
_HINT = (
    "Ask by a telephone number known from before, not one from the letter that brought the change. See: hub problem "
    "show {id}; then: hub problem confirm {id} --reason WORDS. If it is false, correct it in the source."
)


class Question(Struct, frozen=True):
    """An open problem about a requisite: `thing` is the id of what it asks about, `old` what held before.

    That is the client, for an account the account itself, for accounts their owner.
    """

    id: int
    key: str
    kind: str
    thing: str
    old: str


def questions(connection: Connection, kind: str = "") -> list[Question]:
    """Return what waits for a person's confirmation, of one kind or all; clients by the id they have now."""
    found = []
    for row in open_problems(connection):
        about, _, rest = row.key.partition("/")
        if about in (ADDRESS, ACCOUNT, ACCOUNTS) and kind in ("", about):
            thing, _, old = rest.partition("/")
            found.append(Question(row.id, row.key, about, thing, old))
    now_called = dict(bulk.select_in(connection, redirect, ("old", "new"), "old", {it.thing for it in found}))
    return [structs.replace(it, thing=now_called.get(it.thing, it.thing)) for it in found]


def ask(connection: Connection, key: str, source: str, title: str, now: datetime) -> None:
    """Open a problem of its own for each value that is new, so that nobody confirms another than he saw."""
    close_problem(connection, key, now)
    open_problem(connection, key, scope=source, title=title, hint=_HINT, now=now)


def confirmed(connection: Connection, kind: str, things: Iterable[str]) -> dict[str, set[str]]:
    """Return the values that people confirmed, by the thing they are of; clients by the id they have now."""
    deeds = connection.execute(
        select(audit.c.id, audit.c.object, audit.c.detail).where(
            audit.c.what == CONFIRMED, audit.c.object.startswith(f"{kind}/")
        )
    ).all()
    whose = as_now(connection, [(key, thing.removeprefix(f"{kind}/")) for key, thing, _ in deeds], set(things))
    found: dict[str, set[str]] = {}
    for key, _, detail in deeds:
        if key in whose:
            found.setdefault(whose[key], set()).update(detail.partition(": ")[0].split(", "))
    return found


def as_now(connection: Connection, rows: Iterable[Any], wanted: set[str]) -> dict[Any, str]:
    """Return what of (key, thing) belongs to these things; clients go by the ids that they have now."""
    found = [(key, client) for key, client in rows if client]
    now_called = dict(bulk.select_in(connection, redirect, ("old", "new"), "old", {client for _, client in found}))
    return {key: holds for key, client in found if (holds := now_called.get(client, client)) in wanted}


def masked(value: str) -> str:
    """Return so much of an address or account that a person knows it again, and nobody can use it."""
    name, at, domain = value.partition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    number, _, bic = value.partition(" ")
    return f"•••{number[-4:]}" + (f" БИК {bic}" if bic else "") if value else "nothing"


def masked_list(values: Sequence[str]) -> str:
    """Return a few of them, masked."""
    return ", ".join(map(masked, values[:3])) + (" …" if len(values) > 3 else "") if values else "nothing"
