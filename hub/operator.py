"""What people decide about identity: merge, split, and the suggestions they are asked about.

A verdict is kept as a row by pair of references, which the next sync respects, and as an event of the source `operator`
that names all these references, from which a store that is rebuilt from the log gets the same rows.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from hub import identity
from hub.model.errors import HubError
from hub.projection import OPERATOR, Sources, show_clients
from hub.store import log, parties, parts, state
from hub.store.log import Entry
from hub.store.parties import entity_id
from hub.store.types import instant_text

_NAME = re.compile("[\\w.-]{1,200}/client/[^\x00-\x1f\x7f-\x9f]{1,1000}")
_MOST = 500
"""No client consists of so many references; an imported log may claim it."""
MERGED, SPLIT = "client.merged", "client.split"
_FORMS = re.compile(
    r"\b(ооо|оао|пао|зао|ао|ип|мбоу|мкоу|мбдоу|мку|мбу|кгку|кгбу|кгбоу|кгау|фгбу|фку|гбу|гку|гоу|моу|сош|"
    r"общество с ограниченной ответственностью|муниципальное|бюджетное|казенное|автономное|"
    r"общеобразовательное|учреждение|краевое|государственное)\b"
)


class Suggestion(Struct, frozen=True):
    """Two clients or contracts that may be one, and why; `id` follows from the pair."""

    id: str
    left: str
    right: str
    left_name: str
    right_name: str
    reason: str
    kind: str = "client"


def merge(connection: Connection, left: str, right: str, sources: Sources, *, by: str, now: datetime) -> str:
    """Make two clients one; return the id that stays."""
    if left == right:
        raise HubError("these are one client already.")
    sides = {"left": _names(connection, left), "right": _names(connection, right)}
    kept, gone = sorted((left, right))
    _decide(connection, MERGED, kept, sides, {"kept": kept, "gone": gone, "by": by}, now)
    return _join(connection, kept, gone, sources, now)


def attach(connection: Connection, client: str, own: str, sources: Sources, *, by: str, now: datetime) -> None:
    """Let what the operator says under the key `own` speak of a client: one decision about one of its references.

    The reference is the one that makes the client's id. Others may come and go; the operator judged none of them.
    """
    references = [item for item in parties.references_of(connection, [client]) if item[2] == "client"]
    anchor = min(references, key=lambda item: (entity_id(*item[1:4]) != client, entity_id(*item[1:4])))
    gone = parties.bound(connection, OPERATOR, "client", [own])[own]
    sides = {"left": [_name(anchor)], "right": [f"{OPERATOR}/client/{own}"]}
    kept, lost = sorted((client, gone))
    _decide(connection, MERGED, kept, sides, {"kept": kept, "gone": lost, "by": by}, now)
    if kept != lost:
        _join(connection, kept, lost, sources, now)


def _join(connection: Connection, kept: str, gone: str, sources: Sources, now: datetime) -> str:
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
    sides = {"left": [_name(mine[0])], "right": [_name(item) for item in references if item is not mine[0]]}
    _decide(connection, SPLIT, entity, sides, {"from": entity, "new": own, "stays": stays, "by": by}, now)
    return _part(connection, entity, own, stays, sources, now)


def _part(connection: Connection, entity: str, own: str, stays: str, sources: Sources, now: datetime) -> str:
    """Give the reference that makes the id `own` back to itself; all others of the client are `stays`."""
    references = [item for item in parties.references_of(connection, [entity]) if item[2] == "client"]
    for item in references:
        is_own = entity_id(*item[1:4]) == own
        parties.part_entity(connection, *item[1:4], own if is_own else stays)
    keys = {key for item in references for key in parties.claims_of(connection, *item[1:4])}
    keys |= {f"ref:{_name(item)}" for item in references}
    state.drop(connection, "client", [entity])
    parts.touch(connection, "client", (entity, own, stays))
    show_clients(connection, {own, stays}, sources)
    identity.rebind(connection, keys, sources.judge)
    if entity not in (own, stays):
        parties.save_redirect(connection, entity, stays, now)
    return own


def _names(connection: Connection, entity: str) -> list[str]:
    return [_name(item) for item in parties.references_of(connection, [entity])]


def _name(item: tuple[str, str, str, str, str]) -> str:
    return "/".join(item[1:4])


def _decide(connection: Connection, type_: str, entity: str, sides: Mapping[str, list[str]], said: Mapping[str, str],
            now: datetime) -> None:  # fmt: skip
    """Keep a decision as an event and as verdicts on each pair of the two sides."""
    named = {side: "\n".join(sorted(names)) for side, names in sides.items()}
    content = msgspec.json.encode({**said, **named}).decode()
    key = f"{type_}/{entity}/{instant_text(now)}"
    entry = Entry(key, type_, f"client/{entity}", instant_text(now), content, "")
    before = log.latest(connection, OPERATOR, [key]).get(key)
    log.append(connection, OPERATOR, [(entry, before.version + 1 if before else 1)], instant_text(now))
    for verdict in _verdicts(type_, {**said, **named}, now):
        _save(connection, verdict)


class Verdict(Struct, frozen=True):
    """What a person decided about two references; `parted` is the one that was parted, empty for a merge."""

    pair: tuple[str, str]
    by: str
    at: datetime
    parted: str = ""


def _verdicts(type_: str, content: Mapping[str, str], at: datetime) -> Iterator[Verdict]:
    left, right = (filter(_NAME.fullmatch, content.get(side, "").split("\n")[:_MOST]) for side in ("left", "right"))
    others = [*right]
    for one in left:
        for other in others:
            pair = (one, other) if one < other else (other, one)
            yield Verdict(pair, content.get("by", ""), at, one if type_ == SPLIT else "")


def _save(connection: Connection, verdict: Verdict) -> None:
    state_, reason = ("different", "a person parted them") if verdict.parted else ("same", "a person merged them")
    parties.save_verdict(connection, verdict.pair, state_, reason=reason, by=verdict.by, now=verdict.at)


class _Line(Struct):
    id: str = ""
    source: str = ""
    type: str = ""
    time: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


def learn_verdicts(connection: Connection, lines: Iterable[bytes]) -> list[Verdict]:
    """Keep the verdicts of the decisions in an exported log that are not known yet; return the last one on each pair.

    To be called before the facts are imported, which are then bound as people decided. A line that is no decision is
    passed over: the import itself says what is wrong with it.
    """
    found: dict[tuple[str, str], Verdict] = {}
    for line in lines:
        if OPERATOR.encode() not in line:
            continue
        try:
            item = msgspec.json.decode(line, type=_Line)
            if item.source != OPERATOR or item.type not in (MERGED, SPLIT) or item.time is None:
                continue
            content = msgspec.json.decode(bytes(item.data), type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if item.id not in log.latest(connection, OPERATOR, [item.id]):
            found |= {verdict.pair: verdict for verdict in _verdicts(item.type, content, item.time)}
    for verdict in found.values():
        _save(connection, verdict)
    return list(found.values())


def apply_verdicts(connection: Connection, verdicts: Iterable[Verdict], sources: Sources) -> None:
    """Bring the clients in line with verdicts that came with a log, once its facts are there."""
    for verdict in verdicts:
        left, right = (_bound(connection, name) for name in verdict.pair)
        if not left or not right or (left == right) != bool(verdict.parted):
            continue
        if not verdict.parted:
            kept, gone = sorted((left, right))
            _join(connection, kept, gone, sources, verdict.at)
            continue
        own = entity_id(*_place(verdict.parted))
        others = [item for item in parties.references_of(connection, [left]) if _name(item) != verdict.parted]
        stays = min(entity_id(*item[1:4]) for item in others)
        _part(connection, left, own, stays, sources, verdict.at)


def _place(name: str) -> tuple[str, str, str]:
    source, kind, external_id = name.split("/", 2)
    return source, kind, external_id


def _bound(connection: Connection, name: str) -> str:
    source, kind, external_id = _place(name)
    return parties.bound(connection, source, kind, [external_id]).get(external_id, "")


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
            entities = sorted((_bound(connection, left), _bound(connection, right)))
            pairs.add((entities[0], entities[1]))
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
