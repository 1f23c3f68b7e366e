"""The end of a month: invoices and acts for all contracts that are due, and why some are left out.

Everything is looked at before anything is issued. What was made is known by its origin (`month/2026-11/contract id`),
so that a run that was interrupted goes on where it stopped, and a second run makes nothing anew.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, select

from hub.config import Config
from hub.documents.docx import Filler
from hub.documents.own import form_of
from hub.engine import jobs
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money, is_inn, is_kpp
from hub.paperwork.drafts import Wish, keep_draft, make_draft, party_of, vat_rate
from hub.paperwork.issuing import BATCH, Issued, Press, issue_batch
from hub.store import documents as rows
from hub.store import state
from hub.store.database import Store
from hub.store.tables import STATE

_MONTHS = ("январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь",
           "декабрь")  # fmt: skip
LEASE = timedelta(minutes=30)


class Item(Struct, frozen=True):
    """One document of the month: to be made, or (with `document`) made and not issued yet."""

    kind: str
    contract: Mapping[str, Any]
    client: Mapping[str, Any]
    document: int = 0


class Left(Struct, frozen=True):
    """A contract for which no document of a kind is made, and why."""

    kind: str
    contract: str
    client: str
    reason: str


class Plan(Struct, frozen=True):
    """What a month needs: documents to be made, those that wait for their issue, and what is left out."""

    month: date
    items: Sequence[Item]
    left: Sequence[Left]


def parse_month(text: str) -> date:
    """Return the first day of `2026-11`. Raises HubError."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise HubError(f"{text!r} is no month.", hint="Write one such as 2026-11.") from error


def plan(connection: Connection, config: Config, month: date) -> Plan:
    """Look at every contract; writes nothing."""
    first, last = month, _last(month)
    clients = {row["id"]: row for row in state.read(connection, "client", ~STATE["client"].c.deleted)}
    kinds = config.model.documents.month
    for kind in kinds:
        form_of(config, kind)
    made = {(row[0], row[1]): row for row in rows.made_from(connection, _origin(month, ""))}
    there = {kind: _of_sources(connection, kind, first, last) for kind in kinds}
    items: list[Item] = []
    left: list[Left] = []
    for contract in state.read(connection, "contract", ~STATE["contract"].c.deleted, order="number"):
        client = clients.get(contract["client_id"] or "")
        reason = _unfit(contract, client, first, last)
        for kind in kinds:
            done = made.get((_origin(month, contract["id"]), kind))
            why = reason
            if done and done[4] not in ("draft", "approved", "numbered"):
                why = f"issued already, № {done[3] or '—'}, document {done[2]}"
            elif not why and contract["id"] in there[kind]:
                why = f"made in 1C, № {there[kind][contract['id']]}; print it with `hub document from {kind}`"
            if why or client is None:
                name = str(client["name"]) if client else ""
                left.append(Left(kind, str(contract["number"] or contract["id"]), name, why))
            else:
                items.append(Item(kind, contract, client, done[2] if done else 0))
    return Plan(month, items, left)


def _last(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _origin(month: date, contract: str) -> str:
    return f"month/{month:%Y-%m}/{contract}"


def _of_sources(connection: Connection, kind: str, first: date, last: date) -> Mapping[str, str]:
    """Return the numbers of the invoices or acts that a source has for contracts in these days, by contract."""
    if kind not in STATE or "contract" not in STATE[kind].c:
        return {}
    table = STATE[kind]
    query = select(table.c.contract, table.c.number).where(
        ~table.c.deleted, table.c.contract.is_not(None), table.c.date.between(first, last)
    )
    return {row.contract: row.number for row in connection.execute(query)}


def _unfit(contract: Mapping[str, Any], client: Mapping[str, Any] | None, first: date, last: date) -> str:
    """Say why nothing is made for a contract in a month, or nothing."""
    checks = (
        (client is None, "its client is not known"),
        (contract["is_closed"], "closed"),
        (bool(contract["start"] and contract["start"] > last), f"begins on {contract['start']}"),
        (bool(contract["end"] and contract["end"] < first), f"ended on {contract['end']}"),
        (not contract["fee"] or contract["fee"].amount <= 0, "no monthly fee"),
        (not contract["number"], "no number"),
    )
    return next((words for holds, words in checks if holds), "") or (_requisites(client) if client else "")


def _requisites(client: Mapping[str, Any]) -> str:
    inn, kpp = str(client["inn"] or ""), str(client["kpp"] or "")
    if client["status"] == "closed":
        return "the client is closed"
    if not inn:
        return "the client has no ИНН"
    if not is_inn(inn):
        return f"the check digits of the client's ИНН {inn} are wrong"
    if len(inn) == 10 and not kpp:
        return "the client has no КПП"
    return f"the client's КПП {kpp} is no КПП" if kpp and not is_kpp(kpp) else ""


def issue_month(store: Store, config: Config, found: Plan, *, by: str, now: datetime) -> Iterator[Issued | Left]:
    """Make and issue the documents of a plan, a batch at a time; yield what came of each, or why it was not made.

    Raises Unavailable when another process is at the same month.
    """
    with _alone(store, found.month), Filler() as filler:
        press = Press(config, filler)
        for start in range(0, len(found.items), BATCH):
            keys: list[int] = []
            left: list[Left] = []
            with store.write() as connection:
                for item in found.items[start : start + BATCH]:
                    try:
                        keys.append(item.document or _draft(connection, config, found.month, item, by, now))
                    except HubError as error:
                        left.append(Left(item.kind, item.contract["number"], item.client["name"], str(error)))
            yield from left
            yield from issue_batch(store, press, keys, by=by, now=now)


def _draft(connection: Connection, config: Config, month: date, item: Item, by: str, now: datetime) -> int:
    contract, day = item.contract, _last(month)
    name = f"{_MONTHS[month.month - 1]} {month.year} г."
    title = config.model.documents.month_line.format(month=name, contract=contract["number"])
    line = Line(title=title, unit="мес", price=Money(contract["fee"].amount, contract["fee"].currency),
                vat_rate=vat_rate(config, day))  # fmt: skip
    form = form_of(config, item.kind)
    signed = f" от {contract['date']:%d.%m.%Y}" if contract["date"] else ""
    fields = {"basis": [f"Договор № {contract['number']}{signed}"], "period": [name]}
    known = {field.encode_name for field in structs.fields(form.draft)}
    wish = Wish([line], {field: texts for field, texts in fields.items() if field in known}, day)
    draft = make_draft(config, form, party_of(item.client), wish)
    return keep_draft(connection, config, form, draft, item.client, day, by=by, now=now,
                      origin=_origin(month, contract["id"]))  # fmt: skip


@contextmanager
def _alone(store: Store, month: date) -> Iterator[None]:
    """Keep a second process from the same month; one that was killed need not be waited for."""
    with store.write() as connection:
        jobs.reap_killed(connection, store.now(connection))
    key = f"documents/{month:%Y-%m}"
    lease = jobs.take(store, "documents", {"month": f"{month:%Y-%m}"}, key, jobs.worker_name(), LEASE)
    try:
        yield
    finally:
        with store.write() as connection:
            jobs.finish(connection, lease, store.now(connection))
