"""Recognise one client across systems by exact keys, and find the client of every fact.

Only exact keys merge: ИНН with КПП (an ИНН of 12 digits alone), and what a person decided. Phones and e-mail addresses
attribute calls and letters to a client, as long as one client alone claims them; they never merge organisations.
Names only suggest. The result does not depend on the order in which parties and facts arrive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import Struct
from sqlalchemy import Connection

from hub.model.entities import Client, Contact, Entity
from hub.store import parties, parts, state
from hub.store.parties import entity_id

PARTIES = ("client", "contact")
MAX_KEY = 500
SHARED_MAILBOX = re.compile(
    r"email:(info|office|mail|post|admin|buh|buhgalter\w*|priem\w*|sekretar\w*|secretary|sales|zakaz|support|help|shkola\w*|"
    r"school\w*|noreply|no-reply|hr|kadr\w*|kanc\w*|reception)@"
)
_STRENGTH = ("ref:", "contract:", "inn:", "email:", "phone:")


class Party(Struct, frozen=True):
    """A party as one source now says it; `entity` is `None` when the source no longer has it.

    `keys` are what it claims, `merging` those of them that make two clients one: an ИНН with its КПП, or one of twelve
    digits. People share phones and mailboxes; their keys only find the client.
    """

    kind: str
    external_id: str
    entity: Client | Contact | None
    is_new: bool
    keys: tuple[str, ...]
    merging: tuple[str, ...]


class Bound(Struct):
    """What binding did.

    The entity of each party, entities that must be shown anew, keys whose claimants changed, and the parties that made
    an entity of their own which was not there before.
    """

    entity_of: dict[tuple[str, str], str]
    touched: set[str]
    keys: set[str]
    made: set[tuple[str, str]]


def keys_of(entity: Entity) -> tuple[str, ...]:
    """Return the keys of an entity that can be indexed; a longer one is no number, address or tax id."""
    return tuple([key for key in entity.keys() if len(key) <= MAX_KEY])  # noqa: SIM118 a struct, not a dict


def party_of(kind: str, external_id: str, entity: Client | Contact | None, *, is_new: bool) -> Party:
    """Return a party with its keys, which are computed once."""
    keys = keys_of(entity) if entity is not None else ()
    merging = tuple([key for key in keys if key[:4] == "inn:" and _is_merging(key)]) if kind == "client" else ()
    return Party(kind, external_id, entity, is_new, keys, merging)


def _is_merging(key: str) -> bool:
    """Tell whether a claim makes two clients one: an ИНН with its КПП, or one of twelve digits, which is a person's."""
    return key[:4] == "inn:" and ("/" in key or len(key) == 16)


def is_personal(key: str) -> bool:
    """Tell whether a phone or e-mail key belongs to one person: a mobile number, a mailbox that is not a shared one."""
    return key.startswith("phone:+79") or (key.startswith("email:") and not SHARED_MAILBOX.match(key))


def bind(connection: Connection, source: str, found: Sequence[Party], old_keys: Mapping[tuple[str, str], set[str]],
         now: datetime) -> Bound:  # fmt: skip
    """Bind parties to entities and renew their claims; `old_keys` are the claims of parties that changed."""
    result = Bound({}, set(), set(), set())
    for kind in PARTIES:
        group = [party for party in found if party.kind == kind]
        if group:
            _bind_kind(connection, source, kind, group, result, now)
    _renew_claims(connection, source, found, old_keys, result)
    for party in found:
        if not party.is_new and party.kind == "client":
            left = set(filter(_is_merging, old_keys.get((party.kind, party.external_id), ()))) - set(party.merging)
            if left and party.entity is not None:
                _part_again(connection, source, result.entity_of[party.kind, party.external_id], result)
    return result


def _part_again(connection: Connection, source: str, entity: str, result: Bound) -> None:
    """Part those references of a client that nothing ties together any more, as if they had never been one."""
    references = [item for item in parties.references_of(connection, [entity]) if item[2] == "client"]
    keys = {item[1:4]: set(filter(_is_merging, parties.claims_of(connection, *item[1:4]))) for item in references}
    names = {"/".join(place): place for place in keys}
    verdicts = parties.verdicts(connection, names) if parties.has_verdicts(connection) else {}

    def is_tied(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
        left, right = sorted(("/".join(one), "/".join(other)))
        verdict = verdicts.get((left, right), "")
        return verdict == "same" or (verdict != "different" and bool(keys[one] & keys[other]))

    groups: list[set[tuple[str, str, str]]] = []
    for place in sorted(keys):
        tied = [group for group in groups if any(is_tied(place, other) for other in group)]
        groups = [*(group for group in groups if group not in tied), set().union({place}, *tied)]
    for group in groups if len(groups) > 1 else ():
        own = min(entity_id(*place) for place in group)
        result.touched.add(own)
        for place in group:
            result.keys |= {f"ref:{'/'.join(place)}", *parties.claims_of(connection, *place)}
            if own != entity:
                parties.part_entity(connection, *place, own, reason="its keys changed")
            if place[0] == source and place[1:] in result.entity_of:
                result.entity_of[place[1:]] = own


def _bind_kind(
    connection: Connection, source: str, kind: str, group: list[Party], result: Bound, now: datetime
) -> None:
    known = parties.bound(connection, source, kind, (party.external_id for party in group))
    claimed = parties.claimants(connection, {key for party in group for key in party.merging})
    holder = {key: {entity for who, entity in whose if who == kind} for key, whose in claimed.items()}
    separated = _separations(connection, source, kind, group)
    rows = []
    for party in group:
        keys = party.merging
        own = known.get(party.external_id)
        if own is None and holder.keys().isdisjoint(keys):  # nobody to be one with: the rule in a first load
            entity = entity_id(source, kind, party.external_id)
            rows.append((source, kind, party.external_id, entity, "first seen"))
            result.keys.add(f"ref:{source}/{kind}/{party.external_id}")
            result.entity_of[kind, party.external_id] = entity
            result.made.add((kind, party.external_id))
            holder.update((key, {entity}) for key in keys)
            continue
        same = {entity for key in keys for entity in holder.get(key, ())} - separated.get(party.external_id, set())
        if len(same | ({own} if own else set())) > 1:
            same = _unparted(connection, same, own)
        fresh = own or entity_id(source, kind, party.external_id)
        entity = min(same | {fresh})  # the least id, so that the order of arrival does not matter
        if own is None:
            rows.append((source, kind, party.external_id, entity, f"same {min(keys)}" if same else "first seen"))
            result.keys.add(f"ref:{source}/{kind}/{party.external_id}")
        for other in (same | ({own} if own else set())) - {entity}:
            result.keys |= _claims_of_entities(connection, [other])  # what two claimed may now have one owner
            parties.join_entities(connection, kind, other, entity, now)
            rows = [(*row[:3], entity if row[3] == other else row[3], row[4]) for row in rows]
            _replace(holder, result, other, entity)
        if same - {own}:
            result.touched.add(entity)
        for key in keys:
            holder.setdefault(key, set()).add(entity)
        result.entity_of[kind, party.external_id] = entity
    parties.bind(connection, rows)


def _replace(holder: dict[str, set[str]], result: Bound, old: str, new: str) -> None:
    for whose in holder.values():
        if old in whose:
            whose.discard(old)
            whose.add(new)
    for party, entity in result.entity_of.items():
        if entity == old:
            result.entity_of[party] = new


def _separations(connection: Connection, source: str, kind: str, group: list[Party]) -> dict[str, set[str]]:
    """Return for each party the entities from which a person has parted it."""
    if not parties.has_verdicts(connection):
        return {}
    names = {f"{source}/{kind}/{party.external_id}": party.external_id for party in group}
    apart: dict[str, set[str]] = {}
    for (left, right), verdict in parties.verdicts(connection, names).items():
        if verdict != "different":
            continue
        for mine, other in ((left, right), (right, left)):
            if mine in names:
                place, other_kind, other_id = other.split("/", 2)
                entity = parties.bound(connection, place, other_kind, [other_id]).get(other_id)
                if entity:
                    apart.setdefault(names[mine], set()).add(entity)
    return apart


def _unparted(connection: Connection, same: set[str], own: str | None) -> set[str]:
    """Return the entities that may become one: of those that a person has parted from each other, the least alone."""
    if not parties.has_verdicts(connection):
        return same
    every = same | ({own} if own else set())
    entity_of = {
        f"{source}/{kind}/{external_id}": entity
        for entity, source, kind, external_id, _ in parties.references_of(connection, every)
    }
    for (left, right), verdict in parties.verdicts(connection, entity_of).items():
        pair = {entity_of.get(left), entity_of.get(right)}
        if verdict == "different" and None not in pair and len(pair) == 2:
            return set() if own else {min(same)}
    return same


def _renew_claims(connection: Connection, source: str, found: Sequence[Party],
                  old_keys: Mapping[tuple[str, str], set[str]], result: Bound) -> None:  # fmt: skip
    fresh, gained, lost = [], [], []
    for party in found:
        if party.is_new:
            fresh += [(key, source, party.kind, party.external_id) for key in party.keys]
            continue
        before = old_keys.get((party.kind, party.external_id), set())
        now_claimed = set(party.keys) if party.entity is not None else set(filter(_is_merging, before))
        gained += [(key, source, party.kind, party.external_id) for key in sorted(now_claimed - before)]
        lost += [(key, source, party.kind, party.external_id) for key in sorted(before - now_claimed)]
    parties.save_claims(connection, fresh, new=True)
    parties.save_claims(connection, gained, new=False)
    parties.drop_claims(connection, lost)
    result.keys.update(row[0] for row in fresh)
    result.keys.update(row[0] for row in gained)
    result.keys.update(row[0] for row in lost)


Judge: TypeAlias = Callable[[Mapping[str, Any], Sequence[str]], str | None]
"""Plugins that know which of several clients a fact belongs to; see the hook `match_party`."""


def attribute(
    connection: Connection, keys_of: Mapping[str, Iterable[str]], judge: Judge | None = None
) -> dict[str, str | None]:
    """Return the client of each entity by the keys it mentions; `None` when none or several fit and no judge knows."""
    wanted = {entity: tuple(keys) for entity, keys in keys_of.items()}
    every = {key for keys in wanted.values() for key in keys}
    clients = _clients_by_key(connection, every)
    chosen: dict[str, str | None] = {}
    for entity, keys in wanted.items():
        left = _choose(keys, clients)
        chosen[entity] = next(iter(left)) if len(left) == 1 else None
        if len(left) > 1 and judge is not None:
            answer = judge({"entity": entity, "keys": keys}, sorted(left))
            chosen[entity] = answer if answer in left else None
    return chosen


def _choose(keys: tuple[str, ...], clients: Mapping[str, set[str]]) -> set[str]:
    """Take the strongest kind of key that names anybody; weaker kinds only narrow a choice."""
    left: set[str] = set()
    for strength in _STRENGTH:
        named = {client for key in keys if key.startswith(strength) for client in clients.get(key, ())}
        if named:
            left = (left & named) or left or named
        if len(left) == 1:
            break
    return left


def _clients_by_key(connection: Connection, keys: set[str]) -> dict[str, set[str]]:
    """Return the clients that claim each key, themselves or through a contact."""
    found: dict[str, set[str]] = {}
    for key, whose in parties.claimants(connection, (key for key in keys if not key.startswith("ref:"))).items():
        contacts = [entity for kind, entity in whose if kind == "contact"]
        found[key] = {entity for kind, entity in whose if kind == "client"}
        if contacts:
            found[key].update(client for client in state.clients_of(connection, "contact", contacts).values() if client)
    by_source: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        if key.startswith("ref:"):
            source, kind, external_id = key.removeprefix("ref:").split("/", 2)
            by_source.setdefault((source, kind), []).append(external_id)
    for (source, kind), ids in by_source.items():
        for external_id, entity in parties.bound(connection, source, kind, ids).items():
            found[f"ref:{source}/{kind}/{external_id}"] = {entity}
    return found


def rebind(connection: Connection, keys: Iterable[str], judge: Judge | None = None) -> None:
    """Find the client anew for every fact that mentions one of the keys; call it when their claimants changed."""
    if not parties.any_mention(connection):
        return
    entities = parties.mentioning(connection, keys)
    if not entities:
        return
    keys_of: dict[str, list[str]] = {}
    kind_of: dict[str, str] = {}
    for entity, kind, key in parties.mentions_of(connection, entities):
        keys_of.setdefault(entity, []).append(key)
        kind_of[entity] = kind
    chosen = attribute(connection, keys_of, judge)
    for kind in dict.fromkeys(kind_of.values()):
        mine = {entity: client for entity, client in chosen.items() if kind_of[entity] == kind}
        parts.touch(connection, kind, mine)
        before = state.clients_of(connection, kind, mine)
        state.set_client(
            connection, kind, {entity: client for entity, client in mine.items() if before.get(entity) != client}
        )
        parts.touch(connection, kind, mine)
    contacts = [entity for entity, kind in kind_of.items() if kind == "contact"]
    if contacts:
        rebind(connection, _claims_of_entities(connection, contacts), judge)


def _claims_of_entities(connection: Connection, entities: Iterable[str]) -> set[str]:
    keys: set[str] = set()
    for _entity, source, kind, external_id, _reason in parties.references_of(connection, entities):
        keys |= parties.claims_of(connection, source, kind, external_id)
    return {key for key in keys if not key.startswith("ref:")}
