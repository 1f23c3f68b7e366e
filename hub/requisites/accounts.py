"""Bank accounts by which money goes: another number, or another account in the place of one, is asked after.

The usual fraud is "our account has changed". In the source the number is overwritten, or an account is closed, deleted
or no longer the main one, and another is there instead, entered before or after. A first account is no change, nor is a
further one beside those in use: many firms have several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection

from hub.model.trade import BankAccount
from hub.normalise import Fact, decode
from hub.requisites.asking import ACCOUNT, ACCOUNTS, Question, ask, confirmed, masked, masked_list, questions
from hub.store import bulk, documents, log
from hub.store.log import Latest
from hub.store.parties import entity_id
from hub.store.problems import close_problem
from hub.store.tables import STATE

SAME_LOAD = timedelta(days=1)
"""Accounts that were seen first within this time came together, in whatever order a large load brought them."""
SETTLED = timedelta(days=90)
"""Who still has an account that was known for so long has not changed it, whatever other one went."""
_BUSINESS = ("contract", "invoice", "act", "payment")
_MOST = 300
"""An account number of a source may be any text, and an index takes no more than 2704 bytes."""


class _Account(Struct, frozen=True):
    """An account as the store has it now, with the id of the client or of our own organisation whose it is."""

    id: str
    client: str
    organisation: str
    source: str
    external_id: str
    value: str
    is_open: bool
    is_main: bool

    @property
    def owner(self) -> str:
        """Return whose it is, empty for somebody who is neither."""
        return self.client or self.organisation

    @property
    def event(self) -> str:
        """Return the id of the events that speak of it."""
        return f"bank_account/{self.external_id}"


_COLUMNS = ("id", "client_id", "organisation", "connection", "external_id", "number", "bic", "deleted", "is_closed",
            "is_main")  # fmt: skip


def watch(
    connection: Connection, source: str, facts: Sequence[Fact], before: Mapping[str, Latest], now: datetime
) -> None:
    """Ask about accounts after these facts about them were stored; `before` is what their source said until now."""
    known = [it for it in facts if it.entity and it.entry.id in before]
    if known:
        _ask_about_changed(connection, source, known, before, now)
    moved = {
        entity_id(source, "bank_account", it.subject.external_id) for it in facts if _moved(it, before.get(it.entry.id))
    }
    if moved:
        _ask_about_replaced(connection, source, moved, now)


def present(connection: Connection, question: Question) -> list[str]:
    """Return the account that the source has now, or those that are in use now."""
    if question.kind == ACCOUNT:
        rows = bulk.select_in(connection, STATE["bank_account"], ("number", "bic"), "id", [question.thing])
        return [value for row in rows if (value := _value(*row))]
    return [
        it.value for it in _in_use(_of_owners(connection, {question.thing}, {question.thing}).get(question.thing, ()))
    ]


# Another number


class _Change(Struct, frozen=True):
    """What an account was and is; `is_a_clients` also where the client is not known yet."""

    old: str
    new: str
    is_a_clients: bool


def _ask_about_changed(
    connection: Connection, source: str, facts: Sequence[Fact], before: Mapping[str, Latest], now: datetime
) -> None:
    changed = _changes(connection, source, facts, before)
    if not changed:
        return
    asked: dict[str, list[Question]] = {}
    for question in questions(connection, ACCOUNT):
        asked.setdefault(question.thing, []).append(question)
    found = _named(connection, changed)
    names = _names(connection, found)
    owners = {it.id: names.get(it.owner, "") for it in found if it.client or not changed[it.id].is_a_clients}
    for account, change in sorted(changed.items()):
        open_now = asked.get(account, [])
        if any(question.old == change.new for question in open_now):
            for question in open_now:
                close_problem(connection, question.key, now)
        elif owner := owners.get(account):
            first = open_now[0].old if open_now else change.old
            if first:
                words = f"a bank account changed in {source}: {masked(first)} → {masked(change.new)}"
                ask(connection, f"{ACCOUNT}/{account}/{first}", source, f"{owner}: {words}", now)


def _changes(
    connection: Connection, source: str, facts: Sequence[Fact], before: Mapping[str, Latest]
) -> dict[str, _Change]:
    """Return the accounts that bear another number or are at another bank, by their ids."""
    earlier: dict[str, str] = {}  # of accounts that were gone meanwhile
    for version in {before[fact.entry.id].version for fact in facts}:
        ids = [
            it.entry.id for it in facts if (before[it.entry.id].version, before[it.entry.id].data) == (version, "null")
        ]
        said = log.of_version(connection, source, version - 1, ids) if ids else {}
        earlier.update((key, data) for key, (_type, _subject, data) in said.items())
    changed: dict[str, _Change] = {}
    for fact in facts:
        was, holds = decode("bank_account", earlier.get(fact.entry.id) or before[fact.entry.id].data), fact.entity
        if isinstance(was, BankAccount) and isinstance(holds, BankAccount):
            change = _Change(_value(was.number, was.bic), _value(holds.number, holds.bic), holds.client is not None)
            if change.old != change.new:
                changed[entity_id(source, "bank_account", fact.subject.external_id)] = change
    return changed


# Another account


def _moved(fact: Fact, last: Latest | None) -> bool:
    """Tell whether a fact changes which accounts of an owner are in use, or which number one has."""
    return _use_of(decode("bank_account", last.data) if last else None) != _use_of(fact.entity)


def _use_of(account: object) -> tuple[object, ...] | None:
    if not isinstance(account, BankAccount):
        return None
    return account.number, account.bic, account.client, account.organisation, account.is_main, account.is_closed


def _ask_about_replaced(connection: Connection, source: str, moved: set[str], now: datetime) -> None:
    touched = _named(connection, moved)
    clients = {it.client for it in touched if it.client}
    organisations = {it.organisation for it in touched if it.organisation and not it.client}
    asked: dict[str, Question] = {it.thing: it for it in questions(connection, ACCOUNTS)}
    of_owner = {
        owner: accounts
        for owner, accounts in _of_owners(connection, clients, organisations).items()
        if owner in asked or 0 < len(_in_use(accounts)) < len(accounts)
    }
    names = _names(connection, [accounts[0] for accounts in of_owner.values()])
    seen = _seen(connection, [account for owner in names for account in of_owner[owner]])
    for owner, name in sorted(names.items()):
        used = _in_use(of_owner[owner])
        gone = [it for it in of_owner[owner] if it not in used and it.id in seen]
        question = asked.get(owner)
        if used and gone and not _is_trusted(connection, owner, used, gone, seen, now):
            newest = max(gone, key=lambda it: (it.id in moved, seen[it.id], it.id))
            key = question.key if question else f"{ACCOUNTS}/{owner}/{newest.value}"
            values = masked(question.old if question else newest.value), masked_list([it.value for it in used])
            title = f"{name}: another bank account is in use in {source}: {values[0]} → {values[1]}"
            ask(connection, key, source, title, now)
        elif question and used:
            close_problem(connection, question.key, now)


def _is_trusted(
    connection: Connection, owner: str, used: Sequence[_Account], gone: Sequence[_Account],
    seen: Mapping[str, datetime], now: datetime,
) -> bool:  # fmt: skip
    """Tell whether an account in use is no news: it came with one that is gone, is long known, or was confirmed."""
    by_person = confirmed(connection, ACCOUNTS, [owner]).get(owner, set())
    for values in confirmed(connection, ACCOUNT, [it.id for it in used]).values():
        by_person |= values
    known = by_person | {it.value for it in gone}  # one that was entered anew with the same number as well
    latest = max(min(seen[it.id] for it in gone) + SAME_LOAD, now - SETTLED)
    return any(it.value in known or seen.get(it.id, now) <= latest for it in used)


def _seen(connection: Connection, accounts: Iterable[_Account]) -> dict[str, datetime]:
    """Return when each account was seen first; one that was closed then is left out: it was never in use."""
    by_source: dict[str, dict[str, str]] = {}
    for account in accounts:
        by_source.setdefault(account.source, {})[account.event] = account.id
    found: dict[str, datetime] = {}
    for source, events in by_source.items():
        for event, (moment, data) in log.first(connection, source, events).items():
            said = decode("bank_account", data)
            if isinstance(said, BankAccount) and not said.is_closed:
                found[events[event]] = moment
    return found


def _in_use(accounts: Iterable[_Account]) -> list[_Account]:
    """Return the accounts that are open, those that are the main ones where any is."""
    is_open = sorted((it for it in accounts if it.is_open), key=lambda it: it.value)
    return [it for it in is_open if it.is_main] or is_open


def _of_owners(connection: Connection, clients: set[str], organisations: set[str]) -> dict[str, list[_Account]]:
    """Return the accounts of these clients and organisations of ours by their owners, also those that are gone."""
    table = STATE["bank_account"]
    rows = bulk.select_in(connection, table, _COLUMNS, "client_id", sorted(clients))
    rows += bulk.select_in(connection, table, _COLUMNS, "organisation", sorted(organisations))
    found: dict[str, list[_Account]] = {}
    for account in {row[0]: _account(row) for row in rows}.values():
        found.setdefault(account.owner, []).append(account)
    return found


# Both


def _value(number: str | None, bic: str | None) -> str:
    return f"{number or ''} {bic or ''}".strip()[:_MOST]


def _account(row: tuple[str, ...]) -> _Account:
    key, client, organisation, source, external_id, number, bic, deleted, is_closed, is_main = row
    return _Account(key, client or "", organisation or "", source, external_id, _value(number, bic),
                    not deleted and not is_closed, bool(is_main))  # fmt: skip


def _named(connection: Connection, ids: Iterable[str]) -> list[_Account]:
    return [_account(row) for row in bulk.select_in(connection, STATE["bank_account"], _COLUMNS, "id", ids)]


def _names(connection: Connection, accounts: Collection[_Account]) -> dict[str, str]:
    """Return how to call each owner, but for clients with whom we have no business."""
    found = {
        it.owner: "our own organisation" if it.organisation else "not a client's"
        for it in accounts if not it.client
    }  # fmt: skip
    clients = {it.client for it in accounts if it.client}
    active = {
        row[0]
        for kind in _BUSINESS
        for row in bulk.select_in(connection, STATE[kind], ("client_id",), "client_id", clients)
    }
    active |= {it for it in clients - active if documents.listed(connection, it)}
    names = dict(bulk.select_in(connection, STATE["client"], ("id", "name"), "id", active))
    return found | {client: f"{names.get(client, '')} ({client})" for client in active}
