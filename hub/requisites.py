"""Addresses and bank accounts that papers and money go by: who changes them is asked after, not believed (S-36).

A letter or a record that asks for papers or money to go elsewhere is the usual fraud. What a source says is stored as
it says it, but a change of an address to which documents were sent, or of an account of ours or of a client with whom
we do business, opens a problem in the same transaction. Until a person confirms it, or the source takes it back,
documents go only where they went before. What is seen for the first time is no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, select

from hub.identity import Bound, Party
from hub.model.errors import HubError
from hub.model.trade import BankAccount
from hub.normalise import Fact, decode
from hub.store import bulk, documents, log, state
from hub.store.log import Latest
from hub.store.parties import entity_id
from hub.store.problems import close_problem, note, open_problem, open_problems
from hub.store.tables import STATE, audit, command, redirect

ADDRESS, ACCOUNT = "address", "account"
CONFIRMED = "problem.confirm"
_GOES = ("waiting", "ready", "sending", "done", "doubtful")
"""States of a letter that reached, or may yet reach, its address."""
_BUSINESS = ("contract", "invoice", "act", "payment")
_MOST = 300
"""An account number of a source may be any text, and an index takes no more than 2704 bytes."""
_HINT = (
    "Ask by a telephone number known from before, not one from the letter that brought the change. See: hub problem "
    "list; then: hub problem confirm ID --reason WORDS. If it is false, correct it in the source."
)


class Question(Struct, frozen=True):
    """An open problem about a requisite: `thing` is the id of the client or of the account, `old` what held before."""

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
        if about in (ADDRESS, ACCOUNT) and kind in ("", about):
            thing, _, old = rest.partition("/")
            found.append(Question(row.id, row.key, about, thing, old))
    now_called = dict(bulk.select_in(connection, redirect, ("old", "new"), "old", {it.thing for it in found}))
    return [structs.replace(it, thing=now_called.get(it.thing, it.thing)) for it in found]


def watch(
    connection: Connection,
    source: str,
    facts: Sequence[Fact],
    before: Mapping[str, Latest],
    found: Sequence[Party],
    old_keys: Mapping[tuple[str, str], set[str]],
    bound: Bound,
    now: datetime,
) -> None:
    """Open and close problems after these facts were stored; `before` is what their source said until now."""
    moved: dict[tuple[str, str], _Move] = {}
    for party in found:
        who = (party.kind, party.external_id)
        if who not in bound.made:  # else a client of its own that nobody knew
            was, holds = _addresses(old_keys.get(who, ())), _addresses(party.keys)
            if was != holds:
                moved[who] = _Move(was - holds, holds - was)
    if moved:
        _ask_about_addresses(connection, source, _by_client(connection, moved, bound), now)
    accounts = [it for it in facts if it.subject.kind == "bank_account" and it.entity and it.entry.id in before]
    if accounts:
        _ask_about_accounts(connection, source, accounts, before, now)


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
                words = f"the address of documents changed in {source}: {masked(old)} → {_list(new)}"
                _ask(connection, key, source, f"{card.name} ({client}): {words}", now)
            elif old in open_now:
                close_problem(connection, open_now[old].key, now)


def _ask(connection: Connection, key: str, source: str, title: str, now: datetime) -> None:
    """Open a problem of its own for each value that is new, so that nobody confirms another than he saw."""
    close_problem(connection, key, now)
    open_problem(connection, key, scope=source, title=title, hint=_HINT, now=now)


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
    owner = _as_now(connection, connection.execute(letters), wanted)
    used: dict[str, set[str]] = {}
    for key, data in bulk.select_in(connection, command, ("id", "data"), "id", owner):
        used.setdefault(owner[key], set()).update(msgspec.json.decode(data)["to"])
    if used:
        deeds = connection.execute(
            select(audit.c.id, audit.c.object, audit.c.detail).where(
                audit.c.what == CONFIRMED, audit.c.object.startswith(f"{ADDRESS}/")
            )
        ).all()
        about = [(key, thing.removeprefix(f"{ADDRESS}/")) for key, thing, _ in deeds]
        whose = _as_now(connection, about, set(used))
        for key, _, detail in deeds:
            if key in whose:
                used[whose[key]].update(detail.partition(": ")[0].split(", "))
    return used


def _as_now(connection: Connection, rows: Iterable[Any], wanted: set[str]) -> dict[Any, str]:
    """Return what of (key, client) belongs to these clients, by the ids that they have now."""
    found = [(key, client) for key, client in rows if client]
    now_called = dict(bulk.select_in(connection, redirect, ("old", "new"), "old", {client for _, client in found}))
    return {key: holds for key, client in found if (holds := now_called.get(client, client)) in wanted}


def check_addresses(connection: Connection, client: str, addresses: Iterable[str]) -> None:
    """Raise HubError if a document would go to an address nobody confirmed, while that of the client is in question."""
    asked = next((it for it in questions(connection, ADDRESS) if it.thing == client), None)
    if asked is None:
        return
    doubtful = set(addresses) - addresses_in_use(connection, [client]).get(client, set())
    if doubtful:
        raise HubError(
            f"nobody has confirmed {_list(sorted(doubtful))} as the address of this client: problem {asked.id}.",
            hint=f"See: hub problem show {asked.id}. Ask the client by a telephone number known from before; then: hub "
            f"problem confirm {asked.id} --reason WORDS. An address that was used before can be given with --to.",
        )


def _ask_about_accounts(
    connection: Connection, source: str, facts: Sequence[Fact], before: Mapping[str, Latest], now: datetime
) -> None:
    earlier: dict[str, str] = {}  # of accounts that were gone meanwhile
    for version in {before[fact.entry.id].version for fact in facts}:
        ids = [
            it.entry.id for it in facts if (before[it.entry.id].version, before[it.entry.id].data) == (version, "null")
        ]
        said = log.of_version(connection, source, version - 1, ids) if ids else {}
        earlier.update((key, data) for key, (_type, _subject, data) in said.items())
    changed: dict[str, tuple[str, str]] = {}
    for fact in facts:
        was, holds = decode("bank_account", earlier.get(fact.entry.id) or before[fact.entry.id].data), fact.entity
        if isinstance(was, BankAccount) and isinstance(holds, BankAccount) and _account(was) != _account(holds):
            changed[entity_id(source, "bank_account", fact.subject.external_id)] = (_account(was), _account(holds))
    if not changed:
        return
    asked: dict[str, list[Question]] = {}
    for question in questions(connection, ACCOUNT):
        asked.setdefault(question.thing, []).append(question)
    owners = _owners(connection, changed)
    for account, (old, new) in sorted(changed.items()):
        open_now = asked.get(account, [])
        if any(question.old == new for question in open_now):
            for question in open_now:
                close_problem(connection, question.key, now)
        elif owner := owners.get(account):
            first = open_now[0].old if open_now else old
            if first:
                words = f"a bank account changed in {source}: {masked(first)} → {masked(new)}"
                _ask(connection, f"{ACCOUNT}/{account}/{first}", source, f"{owner}: {words}", now)


def _account(account: BankAccount) -> str:
    return f"{account.number} {account.bic}".strip()[:_MOST]


def _owners(connection: Connection, accounts: Iterable[str]) -> dict[str, str]:
    """Return whose each account is, but for clients with whom we have no business."""
    columns = ("id", "client_id")
    client_of = {row[0]: row[1] for row in bulk.select_in(connection, STATE["bank_account"], columns, "id", accounts)}
    clients = {client for client in client_of.values() if client}
    active = {
        row[0]
        for kind in _BUSINESS
        for row in bulk.select_in(connection, STATE[kind], ("client_id",), "client_id", clients)
    }
    active |= {it for it in clients - active if documents.listed(connection, it)}
    names = dict(bulk.select_in(connection, STATE["client"], ("id", "name"), "id", active))
    return {
        account: f"{names.get(client, '')} ({client})" if client else "our own organisation"
        for account, client in client_of.items()
        if not client or client in active
    }


def confirm(connection: Connection, number: int, reason: str, *, by: str, now: datetime) -> str:
    """Note that a person asked and the change is true; return what holds from now on.

    Raises HubError for a problem that is no question, and while there is nothing new to confirm.
    """
    question = _question(connection, number)
    _old, new = values(connection, question)
    if not new:
        raise HubError(
            f"problem {number} has nothing to confirm: no other address is on record.",
            hint="Enter the new one in the source, or in the hub: hub client set",
        )
    for each in questions(connection, question.kind):
        if each.thing == question.thing:
            close_problem(connection, each.key, now)
    note(connection, who=by, what=CONFIRMED, about=f"{question.kind}/{question.thing}", detail=f"{new}: {reason}",
         now=now)  # fmt: skip
    return new


def values(connection: Connection, question: Question) -> tuple[str, str]:
    """Return what held before and what the source says now, unmasked, for the person who has to ask the client."""
    if question.kind == ACCOUNT:
        rows = bulk.select_in(connection, STATE["bank_account"], ("number", "bic"), "id", [question.thing])
        return question.old, next((f"{number or ''} {bic or ''}".strip()[:_MOST] for number, bic in rows), "")
    card = _cards(connection, [question.thing]).get(question.thing)
    used = addresses_in_use(connection, [question.thing]).get(question.thing, set())
    return question.old, ", ".join(it for it in (card.addresses if card else ()) if it not in used)


def asked(connection: Connection, number: int) -> Question | None:
    """Return the question of an open problem, `None` if it asks nothing."""
    return next((it for it in questions(connection) if it.id == number), None)


def _question(connection: Connection, number: int) -> Question:
    found = asked(connection, number)
    if found is None:
        is_open = any(row.id == number for row in open_problems(connection))
        raise HubError(
            f"problem {number} ends by itself when its cause is over." if is_open else f"no problem {number} is open.",
            hint=f"See: hub problem {'show ' + str(number) if is_open else 'list'}",
        )
    return found


def masked(value: str) -> str:
    """Return so much of an address or account that a person knows it again, and nobody can use it."""
    name, at, domain = value.partition("@")
    if at:
        return f"{name[:1]}•••@{domain}"
    number, _, bic = value.partition(" ")
    return f"•••{number[-4:]}" + (f" БИК {bic}" if bic else "") if value else "nothing"


def _list(addresses: Sequence[str]) -> str:
    return ", ".join(map(masked, addresses[:3])) + (" …" if len(addresses) > 3 else "") if addresses else "nothing"
