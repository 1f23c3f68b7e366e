"""References, the keys that parties claim and facts mention, redirects and people's verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, or_, select, update

from hub.model.entities import Reference
from hub.store import bulk, parts
from hub.store.tables import STATE, claim, mention, redirect, reference, verdict


@lru_cache(maxsize=2048)
def entity_id(connection: str, kind: str, external_id: str) -> str:
    """Return the id of the entity that a reference makes: two letters of its kind and 56 bits of a hash.

    It follows from the reference alone, so that a rebuilt store has the same ids.
    """
    return kind[:2] + hashlib.blake2b(f"{connection}\0{kind}\0{external_id}".encode(), digest_size=7).hexdigest()


def reference_key(connection: str, item: Reference) -> str:
    """Return the key under which facts mention a thing by its reference."""
    return f"ref:{item.connection or connection}/{item.kind}/{item.external_id}"


def bound(connection: Connection, source: str, kind: str, ids: Iterable[str]) -> dict[str, str]:
    """Return the entity of each external id that is bound."""
    rows = bulk.select_in(
        connection, reference, ("external_id", "entity"), "external_id", ids, connection=source, kind=kind
    )
    return {row[0]: row[1] for row in rows}


def bind(connection: Connection, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Add references: (connection, kind, external id, entity, reason)."""
    bulk.insert(connection, reference, ("connection", "kind", "external_id", "entity", "reason"), rows)


def references_of(connection: Connection, entities: Iterable[str]) -> list[tuple[str, str, str, str, str]]:
    """Return (entity, connection, kind, external id, reason) of every reference of these entities."""
    columns = ("entity", "connection", "kind", "external_id", "reason")
    return [tuple(row) for row in bulk.select_in(connection, reference, columns, "entity", entities)]


def claimants(connection: Connection, keys: Iterable[str]) -> dict[str, set[tuple[str, str]]]:
    """Return who claims each key, as sets of (kind, entity)."""
    claims = bulk.select_in(connection, claim, ("key", "connection", "kind", "external_id"), "key", keys)
    places: dict[tuple[str, str], set[str]] = {}
    for _key, source, kind, external_id in claims:
        places.setdefault((source, kind), set()).add(external_id)
    owner = {place: bound(connection, *place, ids) for place, ids in places.items()}
    found: dict[str, set[tuple[str, str]]] = {}
    for key, source, kind, external_id in claims:
        entity = owner[source, kind].get(external_id)
        if entity is not None:
            found.setdefault(key, set()).add((kind, entity))
    return found


def save_claims(connection: Connection, rows: Sequence[tuple[str, str, str, str]], *, new: bool) -> None:
    """Add claims: (key, connection, kind, external id); `new` says that none of them is there."""
    columns = ("key", "connection", "kind", "external_id")
    if new:
        bulk.insert(connection, claim, columns, rows)
    else:
        bulk.upsert(connection, claim, columns, columns, rows)


def drop_claims(connection: Connection, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Remove claims: (key, connection, kind, external id)."""
    bulk.delete(connection, claim, ("key", "connection", "kind", "external_id"), rows)


def claims_of(connection: Connection, source: str, kind: str, external_id: str) -> set[str]:
    """Return the keys that one reference claims."""
    query = select(claim.c.key).where(
        claim.c.connection == source, claim.c.kind == kind, claim.c.external_id == external_id
    )
    return {row[0] for row in connection.execute(query)}


def save_mentions(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    """Add mentions: (key, kind, entity)."""
    bulk.upsert(connection, mention, ("key", "kind", "entity"), ("key", "kind", "entity"), rows)


def drop_mentions(connection: Connection, entities: Iterable[str]) -> None:
    """Forget what these entities mention."""
    bulk.delete(connection, mention, ("entity",), [(entity,) for entity in entities])


def mentioning(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Return the entities that mention one of the keys."""
    return {row[0] for row in bulk.select_in(connection, mention, ("entity",), "key", keys)}


def mentions_of(connection: Connection, entities: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return (entity, kind, key) of all that these entities mention."""
    return [tuple(row) for row in bulk.select_in(connection, mention, ("entity", "kind", "key"), "entity", entities)]


def join_entities(connection: Connection, kind: str, old: str, new: str, now: datetime) -> None:
    """Move everything of one entity to another of the same kind; the old id redirects."""
    connection.execute(update(reference).where(reference.c.entity == old).values(entity=new))
    connection.execute(update(redirect).where(redirect.c.new == old).values(new=new))
    save_redirect(connection, old, new, now)
    if kind == "client":
        parts.touch(connection, kind, (old, new))
        for table in STATE.values():
            if "client_id" in table.c:
                connection.execute(update(table).where(table.c.client_id == old).values(client_id=new))
        referrals = STATE["referral"]
        connection.execute(update(referrals).where(referrals.c.referrer == old).values(referrer=new))
    connection.execute(STATE[kind].delete().where(STATE[kind].c.id == old))


def part_entity(
    connection: Connection, source: str, kind: str, external_id: str, entity: str, reason: str = "split by a person"
) -> None:
    """Bind one reference to another entity."""
    connection.execute(
        update(reference)
        .where(reference.c.connection == source, reference.c.kind == kind, reference.c.external_id == external_id)
        .values(entity=entity, reason=reason)
    )
    connection.execute(redirect.delete().where(redirect.c.old == entity))


def save_redirect(connection: Connection, old: str, new: str, now: datetime) -> None:
    """Let an old id lead to the one that holds now."""
    bulk.upsert(connection, redirect, ("old", "new", "at"), ("old",), [(old, new, now.isoformat())])


def follow(connection: Connection, entity: str) -> str:
    """Return the id that holds now, after merges."""
    return connection.execute(select(redirect.c.new).where(redirect.c.old == entity)).scalar() or entity


def save_verdict(
    connection: Connection, pair: tuple[str, str], state: str, *, reason: str, by: str, now: datetime
) -> None:
    """Keep what a person decided about two references: `same` or `different`."""
    left, right = sorted(pair)
    bulk.upsert(connection, verdict, ("left", "right", "state", "reason", "by", "at"), ("left", "right"),
                [(left, right, state, reason, by, now.isoformat())])  # fmt: skip


def drop_verdict(connection: Connection, pair: tuple[str, str]) -> None:
    """Forget what was decided about two references."""
    bulk.delete(connection, verdict, ("left", "right"), [tuple(sorted(pair))])


def verdicts(connection: Connection, names: Iterable[str] | None = None) -> dict[tuple[str, str], str]:
    """Return people's verdicts by pair of references, all of them or those that touch the names."""
    query = select(verdict.c.left, verdict.c.right, verdict.c.state)
    if names is not None:
        wanted = list(names)
        query = query.where(or_(verdict.c.left.in_(wanted), verdict.c.right.in_(wanted)))
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def has_verdicts(connection: Connection) -> bool:
    """Tell whether any person ever decided anything; lets a first load skip the question."""
    return connection.execute(select(verdict.c.left).limit(1)).first() is not None


def any_mention(connection: Connection) -> bool:
    """Tell whether any fact mentions any key."""
    return connection.execute(select(mention.c.key).limit(1)).first() is not None
