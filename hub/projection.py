"""Current state: one row per thing, derived from the events that hold, and derivable again at any time.

If several sources speak of one client, the shown value is the first one given in the order of precedence: what a
person entered (`operator`), then the connections in the order of the configuration.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from hub import identity
from hub.config import Config
from hub.identity import Bound, Party
from hub.model.entities import Client, Contact, Entity
from hub.normalise import Fact, decode
from hub.plugins import Plugins
from hub.store import log as event_log
from hub.store import parties, parts, state
from hub.store.parties import entity_id, reference_key
from hub.store.tables import STATE

OPERATOR = "operator"
log = logging.getLogger("hub.projection")


class Sources:
    """The order in which sources are believed, and who is asked when several clients fit a fact."""

    def __init__(self, connections: Sequence[str], judge: identity.Judge | None = None) -> None:
        self.judge = judge
        self._rank = {name: rank for rank, name in enumerate((OPERATOR, *connections))}

    def rank(self, connection: str) -> tuple[int, str]:
        """Return the sort key of a source; unknown ones come last, by name."""
        return self._rank.get(connection, len(self._rank)), connection


def sources_of(config: Config, plugins: Plugins) -> Sources:
    """Return the order of the configuration, with the plugins as judges."""

    def judge(candidate: Mapping[str, Any], matches: Sequence[str]) -> str | None:
        try:
            answer: str | None = plugins.manager.hook.match_party(candidate=candidate, matches=matches)
        except Exception as error:  # noqa: BLE001 the plugin's code: it counts as not knowing
            log.warning("a plugin failed to match a party: %s", type(error).__name__)
            return None
        return answer

    return Sources(list(config.model.connections), judge)


def project(
    connection: Connection, source: str, facts: Sequence[Fact], bound: Bound, sources: Sources, *, fresh: bool
) -> None:
    """Write the rows of these facts; `fresh` says that none of their events was ever seen."""
    by_kind: dict[str, dict[str, Fact]] = {}
    for fact in facts:
        by_kind.setdefault(fact.subject.kind, {})[fact.subject.external_id] = fact
    for kind, group in by_kind.items():
        gone = {external_id for external_id, fact in group.items() if fact.entity is None}
        living = {external_id: fact.entity for external_id, fact in group.items() if fact.entity is not None}
        keys = [
            _key(source, kind, external_id, bound) for external_id in group if (kind, external_id) not in bound.made
        ]
        is_new = fresh and not state.existing(connection, kind, keys)  # events may have ids other than their subjects
        if kind == "client":
            _clients(connection, source, living, gone, bound, fresh=is_new)
            parts.touch(connection, kind, (bound.entity_of[kind, external_id] for external_id in group))
            continue
        if not is_new:
            parts.touch(connection, kind, keys)
        _others(connection, source, kind, living, bound, sources.judge, fresh=is_new)
        if gone:
            state.mark_deleted(connection, kind, [_key(source, kind, external_id, bound) for external_id in gone])
        parts.touch(connection, kind, (_key(source, kind, external_id, bound) for external_id in group))
    show_clients(connection, bound.touched, sources)
    identity.rebind(connection, bound.keys, sources.judge)


def _key(source: str, kind: str, external_id: str, bound: Bound) -> str:
    return bound.entity_of.get((kind, external_id)) or entity_id(source, kind, external_id)


def _clients(
    connection: Connection, source: str, living: dict[str, Entity], gone: set[str], bound: Bound, *, fresh: bool
) -> None:
    entity_of = {external_id: bound.entity_of["client", external_id] for external_id in (*living, *gone)}
    shared = set(bound.touched)
    if not fresh:
        seen: set[str] = set()
        for entity, *_rest in parties.references_of(connection, set(entity_of.values())):
            shared |= {entity} & seen
            seen.add(entity)
    shared |= {entity_of[external_id] for external_id in gone}
    bound.touched |= shared
    rows = [
        state.row(entity, key=entity_of[external_id], connection=source, external_id=external_id, client=None)
        for external_id, entity in living.items()
        if entity_of[external_id] not in shared
    ]
    state.save(connection, "client", rows, new=fresh)


def show_clients(connection: Connection, entities: set[str], sources: Sources) -> None:
    """Write the merged row of clients that several references speak of."""
    if not entities:
        return
    parts.touch(connection, "client", entities)
    said: dict[str, list[tuple[tuple[int, str], str, str, Client]]] = {}
    gone: dict[str, tuple[str, str]] = {}
    by_source: dict[str, list[tuple[str, str]]] = {}
    for entity, source, kind, external_id, _reason in parties.references_of(connection, entities):
        if kind == "client":
            by_source.setdefault(source, []).append((external_id, entity))
    for source, pairs in by_source.items():
        newest = event_log.latest(connection, source, [f"client/{external_id}" for external_id, _ in pairs])
        for external_id, entity in pairs:
            event = newest.get(f"client/{external_id}")
            observed = decode("client", event.data) if event else None
            if isinstance(observed, Client):
                said.setdefault(entity, []).append((sources.rank(source), source, external_id, observed))
            else:
                gone[entity] = (source, external_id)
    for entity in [it for it, voices in said.items() if all(_is_addition(voice[1], voice[3]) for voice in voices)]:
        gone.setdefault(entity, said.pop(entity)[0][1:3])
    rows = []
    for entity, voices in said.items():
        voices.sort(key=lambda voice: (voice[0], -_fullness(voice[3]), voice[2]))
        rows.append(state.row(merge([voice[3] for voice in voices]), key=entity, connection=voices[0][1],
                              external_id=voices[0][2], client=None))  # fmt: skip
    state.save(connection, "client", rows, new=False)
    state.mark_deleted(connection, "client", sorted(set(gone) - set(said)))


def _is_addition(source: str, client: Client) -> bool:
    """Tell whether these are only a person's own values for a client of another source: alone they are no client."""
    return source == OPERATOR and not client.name


def _fullness(client: Client) -> int:
    """Return how much a source says; of two entries of one source the fuller one is believed first."""
    return sum(bool(getattr(client, name)) for name in Client.__struct_fields__) + len(client.points)


def merge(clients: Sequence[Client]) -> Client:
    """Return one client from what several sources say, the most believed first: the first value given wins."""
    merged: dict[str, object] = {}
    for name in Client.__struct_fields__:
        if name == "points":
            points = {
                (point.type, point.value or point.raw): point for client in reversed(clients) for point in client.points
            }
            merged[name] = tuple(points[key] for key in sorted(points))
            continue
        merged[name] = next(
            (value for client in clients if (value := getattr(client, name))), getattr(clients[0], name)
        )
    return msgspec.convert(merged, Client)


def _others(
    connection: Connection,
    source: str,
    kind: str,
    living: dict[str, Entity],
    bound: Bound,
    judge: identity.Judge | None,
    *,
    fresh: bool,
) -> None:
    keys = {external_id: _key(source, kind, external_id, bound) for external_id in living}
    clients: dict[str, str | None] = {}
    if "client_id" in STATE[kind].c:
        mentions = {keys[external_id]: _mentions(source, entity) for external_id, entity in living.items()}
        clients = identity.attribute(connection, mentions, judge)
        if not fresh:
            parties.drop_mentions(connection, mentions)
            if kind == "contact":  # whoever calls from its number may belong to another client now
                bound.keys.update(key for entity in living.values() for key in identity.keys_of(entity))
        parties.save_mentions(connection, [(key, kind, entity) for entity, named in mentions.items() for key in named])
    rows = {
        keys[external_id]: state.row(entity, key=keys[external_id], connection=source, external_id=external_id,
                                     client=clients.get(keys[external_id]))
        for external_id, entity in living.items()
    }  # fmt: skip
    if kind == "referral":
        rows = {key: _with_referrer(connection, source, living, keys, row) for key, row in rows.items()}
    state.save(connection, kind, list(rows.values()), new=fresh and kind != "contact")


_REFERRER = state.COLUMNS["referral"].index("referrer")


def _with_referrer(
    connection: Connection, source: str, living: dict[str, Entity], keys: dict[str, str], row: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Return the row with the id that its second client, who recommended us, has now."""
    named = next((getattr(it, "referrer", None) for name, it in living.items() if keys[name] == row[0]), None)
    if named is None:
        return row
    found = parties.bound(connection, named.connection or source, "client", [named.external_id])
    return (*row[:_REFERRER], found.get(named.external_id, row[_REFERRER]), *row[_REFERRER + 1 :])


def _mentions(source: str, entity: Entity) -> tuple[str, ...]:
    owner = getattr(entity, "client", None)
    named = (reference_key(source, owner),) if owner is not None else ()
    return named if isinstance(entity, Contact) else (*named, *identity.keys_of(entity))


def parties_of(facts: Sequence[Fact], known: set[str]) -> list[Party]:
    """Return the clients and contacts among the facts, once each; `known` are the subjects that were seen before."""
    found: dict[str, Party] = {}
    for fact in facts:
        if fact.subject.kind in identity.PARTIES:
            entity = fact.entity if isinstance(fact.entity, (Client, Contact)) else None
            subject = fact.entry.subject
            found[subject] = identity.party_of(
                fact.subject.kind, fact.subject.external_id, entity, is_new=subject not in known
            )
    return list(found.values())
