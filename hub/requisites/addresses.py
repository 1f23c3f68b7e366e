"""Addresses to which documents go: one that was in use and is not on record any more is asked after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from hub.identity import Bound, Party
from hub.model.errors import HubError
from hub.requisites.asking import ADDRESS, Question, as_now, ask, confirmed, masked, masked_list, questions
from hub.store import bulk, state
from hub.store.problems import close_problem
from hub.store.tables import STATE, command

_GOES = ("waiting", "ready", "sending", "done", "doubtful")
"""States of a letter that reached, or may yet reach, its address."""


def watch(
    connection: Connection,
    source: str,
    found: Sequence[Party],
    old_keys: Mapping[tuple[str, str], set[str]],
    bound: Bound,
    now: datetime,
) -> None:
    """Ask about the addresses of clients and their people after these parties were bound."""
    moved: dict[tuple[str, str], _Move] = {}
    for party in found:
        who = (party.kind, party.external_id)
        if who not in bound.made:  # else a client of its own that nobody knew
            was, holds = _addresses(old_keys.get(who, ())), _addresses(party.keys)
            if was != holds:
                moved[who] = _Move(was - holds, holds - was)
    if moved:
        _ask_about_addresses(connection, source, _by_client(connection, moved, bound), now)


class _Move(Struct):
    """Which addresses are not said any more, and which are new."""

    lost: set[str]
    gained: set[str]


def _addresses(keys: Iterable[str]) -> set[str]:
    return {key.removeprefix("email:") for key in keys if key.startswith("email:")}


def _by_client(connection: Connection, moved: Mapping[tuple[str, str], _Move], bound: Bound) -> dict[str, _Move]:
    """Return what moved by client, in its own records and those of its people."""
    people = [bound.entity_of[party] for party in moved if party[0] == "contact"]
    employers = state.clients_of(connection, "contact", people)
    found: dict[str, _Move] = {}
    for party, move in moved.items():
        entity = bound.entity_of[party]
        client = entity if party[0] == "client" else employers.get(entity)
        if client:
            every = found.setdefault(client, _Move(set(), set()))
            every.lost |= move.lost
            every.gained |= move.gained
    return found


def _ask_about_addresses(connection: Connection, source: str, moved: Mapping[str, _Move], now: datetime) -> None:
    used = addresses_in_use(connection, moved)
    if not used:
        return
    asked: dict[str, dict[str, Question]] = {}
    for question in questions(connection, ADDRESS):
        asked.setdefault(question.thing, {})[question.old] = question
    for client, card in sorted(_cards(connection, used).items()):
        open_now = asked.get(client, {})
        doubtful = [address for address in card.addresses if address not in used[client]]
        lost = moved[client].lost & used[client]
        if not lost and not used[client].intersection(card.addresses):
            lost = {min(used[client])}  # else a record that goes and comes again, or a second one, would hide a change
        is_over = bool(card.addresses) and not doubtful
        new = [address for address in doubtful if address in moved[client].gained] or doubtful
        for old in sorted(lost | set(open_now)):
            if not is_over and old not in card.addresses:
                key = open_now[old].key if old in open_now else f"{ADDRESS}/{client}/{old}"
                words = f"the address of documents changed in {source}: {masked(old)} → {masked_list(new)}"
                ask(connection, key, source, f"{card.name} ({client}): {words}", now)
            elif old in open_now:
                close_problem(connection, open_now[old].key, now)


class _Card(Struct):
    """A client's name and its addresses, its own before those of its people."""

    name: str
    addresses: list[str]


def _cards(connection: Connection, clients: Iterable[str]) -> dict[str, _Card]:
    wanted = list(clients)
    columns = ("id", "name", "deleted", "points")
    cards = {
        row[0]: _Card(row[1], _points(row[3]))
        for row in bulk.select_in(connection, STATE["client"], columns, "id", wanted)
        if not row[2]
    }
    people = ("client_id", "deleted", "points")
    for row in sorted(bulk.select_in(connection, STATE["contact"], people, "client_id", list(cards)), key=str):
        if not row[1]:
            cards[row[0]].addresses.extend(_points(row[2]))
    return cards


def _points(text: str | None) -> list[str]:
    points = msgspec.json.decode(text) if text else []
    return [str(it["value"]) for it in points if it["type"] == "email" and it.get("value")]


def addresses_in_use(connection: Connection, clients: Iterable[str]) -> dict[str, set[str]]:
    """Return the addresses to which documents of these clients went, and those that a person confirmed."""
    wanted = set(clients)
    letters = select(command.c.id, command.c.client).where(
        command.c.kind == "mail.send", command.c.id.startswith("document-"), command.c.state.in_(_GOES)
    )
    owner = as_now(connection, connection.execute(letters), wanted)
    used: dict[str, set[str]] = {}
    for key, data in bulk.select_in(connection, command, ("id", "data"), "id", owner):
        used.setdefault(owner[key], set()).update(msgspec.json.decode(data)["to"])
    for client, values in confirmed(connection, ADDRESS, used).items() if used else ():
        used[client] |= values
    return used


def check_addresses(connection: Connection, client: str, addresses: Iterable[str]) -> None:
    """Raise HubError if a document would go to an address nobody confirmed, while that of the client is in question."""
    asked = next((it for it in questions(connection, ADDRESS) if it.thing == client), None)
    if asked is None:
        return
    doubtful = set(addresses) - addresses_in_use(connection, [client]).get(client, set())
    if doubtful:
        raise HubError(
            f"nobody has confirmed {masked_list(sorted(doubtful))} as the address of this client: problem {asked.id}.",
            hint=f"See: hub problem show {asked.id}. Ask the client by a telephone number known from before; then: hub "
            f"problem confirm {asked.id} --reason WORDS. An address that was used before can be given with --to.",
        )


def present(connection: Connection, question: Question) -> list[str]:
    """Return the addresses on record that nobody confirmed and to which nothing was sent."""
    card = _cards(connection, [question.thing]).get(question.thing)
    used = addresses_in_use(connection, [question.thing]).get(question.thing, set())
    return [it for it in (card.addresses if card else ()) if it not in used]
