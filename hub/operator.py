"""What people decide about identity: merge, split, and the suggestions they are asked about.

A verdict is kept as an event of the source `operator` and as a row by pair of references, so that a rebuilt store and
the next sync respect it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from hub import identity
from hub.model.errors import HubError
from hub.projection import OPERATOR, Sources, show_clients
from hub.store import log, parties, state
from hub.store.log import Entry
from hub.store.parties import entity_id
from hub.store.types import instant_text

_FORMS = re.compile(
    r"\b(ооо|оао|пао|зао|ао|ип|мбоу|мкоу|мбдоу|мку|мбу|кгку|кгбу|кгбоу|кгау|фгбу|фку|гбу|гку|гоу|моу|сош|"
    r"общество с ограниченной ответственностью|муниципальное|бюджетное|казенное|автономное|"
    r"общеобразовательное|учреждение|краевое|государственное)\b"
)


class Suggestion(Struct, frozen=True):
    """Two clients that may be one, and why; `id` follows from the pair."""

    id: str
    left: str
    right: str
    left_name: str
    right_name: str
    reason: str


def merge(connection: Connection, left: str, right: str, sources: Sources, *, by: str, now: datetime) -> str:
    """Make two clients one; return the id that stays."""
    if left == right:
        raise HubError("these are one client already.")
    mine, others = _names(connection, left), _names(connection, right)
    for one in mine:
        for other in others:
            parties.save_verdict(connection, (one, other), "same", reason="a person merged them", by=by, now=now)
    kept, gone = sorted((left, right))
    _log(connection, "client.merged", kept, {"kept": kept, "gone": gone, "by": by}, now)
    parties.join_entities(connection, "client", gone, kept, now)
    show_clients(connection, {kept}, sources)
    identity.rebind(connection, _keys(connection, kept), sources.judge)  # what two claimed has one owner now
    return kept


def _keys(connection: Connection, entity: str) -> set[str]:
    references = parties.references_of(connection, [entity])
    return {key for item in references for key in parties.claims_of(connection, *item[1:4])}


def split(
    connection: Connection, entity: str, source: str, external_id: str, sources: Sources, *, by: str, now: datetime
) -> str:
    """Part one reference from a client for good; return the id of its own client."""
    references = [item for item in parties.references_of(connection, [entity]) if item[2] == "client"]
    mine = [item for item in references if (item[1], item[3]) == (source, external_id)]
    if not mine or len(references) < 2:
        known = ", ".join(f"{item[1]}/{item[3]}" for item in references)
        raise HubError(f"{source}/{external_id} cannot be parted from this client.", hint=f"It consists of: {known}.")
    own = entity_id(source, "client", external_id)
    stays = min(entity_id(item[1], "client", item[3]) for item in references if item is not mine[0])
    _log(connection, "client.split", entity, {"from": entity, "new": own, "stays": stays, "by": by}, now)
    for item in references:
        if item is mine[0]:
            continue
        pair = f"{source}/client/{external_id}", f"{item[1]}/client/{item[3]}"
        parties.save_verdict(connection, pair, "different", reason="a person parted them", by=by, now=now)
        parties.part_entity(connection, item[1], "client", item[3], stays)
    parties.part_entity(connection, source, "client", external_id, own)
    keys = {key for item in references for key in parties.claims_of(connection, item[1], "client", item[3])}
    keys |= {f"ref:{item[1]}/client/{item[3]}" for item in references}
    state.drop(connection, "client", [entity])
    show_clients(connection, {own, stays}, sources)
    identity.rebind(connection, keys, sources.judge)
    if entity not in (own, stays):
        parties.save_redirect(connection, entity, stays, now)
    return own


def _names(connection: Connection, entity: str) -> list[str]:
    return [
        f"{source}/{kind}/{external_id}"
        for _, source, kind, external_id, _ in parties.references_of(connection, [entity])
    ]


def _log(connection: Connection, type_: str, entity: str, content: dict[str, str], now: datetime) -> None:
    key = f"{type_}/{entity}/{instant_text(now)}"
    entry = Entry(key, type_, f"client/{entity}", instant_text(now), msgspec.json.encode(content).decode(), "")
    before = log.latest(connection, OPERATOR, [key]).get(key)
    log.append(connection, OPERATOR, [(entry, before.version + 1 if before else 1)], instant_text(now))


def suggestions(connection: Connection) -> list[Suggestion]:
    """Return pairs of clients that may be one: same ИНН without a decisive КПП, same name, same personal mailbox."""
    table = state.table("client")
    rows = state.read(connection, "client", ~table.c.deleted, ~table.c.is_folder)
    groups: dict[str, list[str]] = defaultdict(list)
    names = {row["id"]: str(row["name"]) for row in rows}
    kpps = {row["id"]: str(row["kpp"] or "") for row in rows}
    for row in rows:
        if row["inn"]:
            groups[f"same ИНН {row['inn']}"].append(row["id"])
        folded = fold_name(str(row["name"]))
        if len(folded) > 5:
            groups[f"same name “{folded}”"].append(row["id"])
        for point in row["points"]:
            key = f"{point['type']}:{point.get('value', '')}"
            if identity.is_personal(key):
                groups[f"same {point['type']} {point['value']}"].append(row["id"])
    decided = _decided(connection)
    found: dict[tuple[str, str], str] = {}
    for reason, members in groups.items():
        if 1 < len(members) <= 5:
            for place, left in enumerate(members):
                for right in members[place + 1 :]:
                    if (
                        left != right
                        and reason.startswith("same ИНН")
                        and kpps[left]
                        and kpps[right]
                        and kpps[left] != kpps[right]
                    ):
                        continue  # branches of one legal person, told apart by their КПП
                    pair = min(left, right), max(left, right)
                    if left != right and pair not in decided:
                        found.setdefault(pair, reason)
    return [
        Suggestion(
            hashlib.blake2b("".join(pair).encode(), digest_size=4).hexdigest(),
            *pair,
            names[pair[0]],
            names[pair[1]],
            reason,
        )
        for pair, reason in sorted(found.items())
    ]


def _decided(connection: Connection) -> set[tuple[str, str]]:
    pairs = set()
    for (left, right), verdict in parties.verdicts(connection).items():
        if verdict == "different":
            entities = []
            for name in (left, right):
                source, kind, external_id = name.split("/", 2)
                entities.append(parties.bound(connection, source, kind, [external_id]).get(external_id, ""))
            pairs.add((min(entities), max(entities)))
    return pairs


def fold_name(name: str) -> str:
    """Return a name without legal form, quotes, case and ё, for comparing only."""
    folded = re.sub(r"[«»\"'“”„().,№-]+", " ", name.casefold().replace("ё", "е"))
    return " ".join(_FORMS.sub(" ", folded).split())


def reject(connection: Connection, suggestion: Suggestion, *, by: str, now: datetime) -> None:
    """Keep that the two are different clients."""
    for left in _names(connection, suggestion.left):
        for right in _names(connection, suggestion.right):
            if "/client/" in left and "/client/" in right:
                parties.save_verdict(connection, (left, right), "different", reason=suggestion.reason, by=by, now=now)
