"""Find the thing a person means: a client by id, ИНН or name, a ticket by its number, anything by the id in a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, or_, select

from hub.model.entities import ENTITIES
from hub.model.errors import HubError
from hub.store import parties, state
from hub.store.tables import STATE
from hub.yaml_text import nearest

CLIENT = STATE["client"]
_SHORTEST = 5
"""Shorter beginnings of an id are no id."""


def find_client(connection: Connection, key: str) -> dict[str, Any]:
    """Return the client of that id, beginning of an id, ИНН or name. Raises HubError when none or several fit.

    Old ids redirect. A name is meant whole, whatever its case, or by a part that only one client has.
    """
    key = parties.follow(connection, key.strip())
    rows = state.read(connection, "client", CLIENT.c.id == key)
    if not rows:
        begins = CLIENT.c.id.startswith(key, autoescape=True) if len(key) >= _SHORTEST else CLIENT.c.id == key
        rows = state.read(connection, "client", or_(begins, CLIENT.c.inn == key), ~CLIENT.c.deleted)
    if not rows and len(key) >= 3:
        rows = state.read(connection, "client", CLIENT.c.id.in_(_named(connection, key)))
    if len(rows) > 1:
        raise HubError(f"there is no client {key!r}.", hint=f"{len(rows)} clients fit; give the whole id.")
    if not rows:
        raise HubError(f"there is no client {key!r}.", hint="See: hub client list")
    return rows[0]


def _named(connection: Connection, name: str) -> list[str]:
    """Return the clients of that name, else those whose name holds it, two at most of these."""
    wanted = name.casefold()
    whole: list[str] = []
    part: list[str] = []
    query = select(CLIENT.c.id, CLIENT.c.name, CLIENT.c.full_name).where(~CLIENT.c.deleted, ~CLIENT.c.is_folder)
    for row in connection.execute(query):
        names = [str(text or "").casefold() for text in (row.name, row.full_name)]
        if wanted in names:
            whole.append(str(row.id))
        elif len(part) < 2 and any(wanted in text for text in names):
            part.append(str(row.id))
    return (whole or part)[:400]


def search_clients(connection: Connection, text: str) -> list[str]:
    """Return the clients that every word of the text fits: by name, ИНН, city, or by a person of theirs.

    A person fits by name, position, phone (any four digits in a row), address of mail or day of birth as `01.02.1980`;
    so several of one surname are told apart by a given name or a day (S002-1, S002-2). Case and ё do not matter.
    """
    words = _folded(text).split()
    if not words:
        return []
    contact = STATE["contact"]
    texts: dict[str, list[str]] = {}
    query = select(CLIENT.c.id, CLIENT.c.name, CLIENT.c.full_name, CLIENT.c.inn, CLIENT.c.city, CLIENT.c.points)
    for row in connection.execute(query.where(~CLIENT.c.deleted, ~CLIENT.c.is_folder)):
        texts[str(row.id)] = [*(str(value or "") for value in row[1:-1]), *_ways(row.points)]
    people = select(contact.c.id, contact.c.client_id, contact.c.name, contact.c.position, contact.c.birthday,
                    contact.c.points)  # fmt: skip
    found = set()
    for row in connection.execute(people.where(~contact.c.deleted)):
        born = f"{row.birthday:%d.%m.%Y}" if row.birthday else ""
        told = " ".join((row.name, row.position or "", born, *_ways(row.points)))
        whose = texts.get(str(row.client_id), [])
        if row.client_id and _fits(words, " ".join([told, *whose])):
            found.add(str(row.client_id))
    return sorted(found | {key for key, told in texts.items() if _fits(words, " ".join(told))})


_NO_DIGITS = re.compile(r"[^\d ]+")


def _ways(points: str | None) -> list[str]:
    return [str(point.get("value", "")) for point in msgspec.json.decode(points)] if points else []


def _fits(words: Sequence[str], text: str) -> bool:
    folded = _folded(text)
    return all(
        word in folded or (len(word) >= 4 and word.isdecimal() and word in _NO_DIGITS.sub("", text)) for word in words
    )


def _folded(text: str) -> str:
    return text.casefold().replace("ё", "е")


def find(connection: Connection, kind: str, key: str, *, client: str = "") -> dict[str, Any]:
    """Return the thing of this kind by id, beginning of an id, number or name; `client` narrows numbers and names.

    Raises HubError when none or several fit.
    """
    if kind not in ENTITIES:
        raise HubError(f"there is no kind of thing called {kind!r}.", hint=nearest(kind, list(ENTITIES)))
    if kind == "client":
        return find_client(connection, key)
    key, table = key.strip(), STATE[kind]
    rows = state.read(connection, kind, table.c.id == key)
    if not rows and len(key) >= _SHORTEST:
        rows = state.read(connection, kind, table.c.id.startswith(key, autoescape=True), ~table.c.deleted, limit=2)
    names = [table.c[name] for name in ("number", "name", "title") if name in table.c]
    if not rows and names and key:
        mine = [table.c.client_id == client] if client and "client_id" in table.c else []
        rows = state.read(connection, kind, or_(*(it == key for it in names)), ~table.c.deleted, *mine, limit=2)
        if not rows and kind == "contact" and mine:
            everybody = state.read(connection, kind, ~table.c.deleted, *mine)
            rows = [row for row in everybody if key.casefold() in str(row["name"]).casefold()]
    if len(rows) > 1:
        raise HubError(f"there is no {kind} {key!r}.", hint=f"Several fit; give the id. See: hub {kind} list")
    if not rows:
        raise HubError(f"there is no {kind} {key!r}.", hint=f"See: hub {kind} list")
    return rows[0]


def find_about(connection: Connection, text: str, *, client: str = "") -> tuple[str, dict[str, Any]]:
    """Return kind and row of what `KIND/KEY` names, for example `ticket/512`. Raises HubError."""
    kind, slash, key = text.partition("/")
    if not slash or not key:
        raise HubError(f"{text!r} names no thing.", hint="Write KIND/KEY, for example ticket/512 or offer/of12ab34cd.")
    return kind, find(connection, kind, key, client=client)
