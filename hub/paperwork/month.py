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
from hub.documents import words
from hub.documents.docx import Filler
from hub.documents.own import form_of
from hub.engine import jobs
from hub.model.entities import Line
from hub.model.errors import HubError, SettingsError
from hub.model.values import Money, is_inn, is_kpp
from hub.paperwork.drafts import Wish, keep_draft, make_draft, party_of, vat_rate
from hub.paperwork.issuing import BATCH, Issued, Press, issue_batch
from hub.store import documents as rows
from hub.store import state
from hub.store.database import Store
from hub.store.tables import STATE

LEASE = timedelta(minutes=30)
_UNISSUED = ("draft", "approved", "numbered")


class Item(Struct, frozen=True):
    """One document of the month: to be made, or (with `document`) made and not issued yet."""

    kind: str
    contract: Mapping[str, Any]
    client: Mapping[str, Any]
    document: int = 0


class Left(Struct, frozen=True):
    """A contract for which no document of a kind is made, and why; `mend` says that somebody has to see to it."""

    kind: str
    contract: str
    client: str
    reason: str
    detail: str = ""
    mend: bool = False


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
        number, name = str(contract["number"] or contract["id"]), str(client["name"]) if client else ""
        unfit = _unfit(contract, client, first, last)
        for kind in kinds:
            done = made.get((_origin(month, contract["id"]), kind))
            item = Item(kind, contract, client or {}, done[2] if done else 0)
            why: _Reason | None
            if done and done[4] not in _UNISSUED:
                why = _Reason("issued already", f"№ {done[3] or '—'}, document {done[2]}")
            elif not unfit and contract["id"] in there[kind]:
                why = _Reason("made in 1C", f"№ {there[kind][contract['id']]}")
            else:
                why = unfit or _unbuilt(config, month, item)
            if why:
                left.append(Left(kind, number, name, why.text, why.detail, why.mend))
            else:
                items.append(item)
    return Plan(month, items, left)


class _Reason(Struct, frozen=True):
    text: str
    detail: str = ""
    mend: bool = False


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


def _unfit(contract: Mapping[str, Any], client: Mapping[str, Any] | None, first: date, last: date) -> _Reason | None:
    """Say why nothing is made for a contract in a month, or nothing."""
    start, end = contract["start"], contract["end"]
    if contract["is_closed"]:
        return _Reason("closed")
    if start and start > last:
        return _Reason("not begun", f"begins on {start:%d.%m.%Y}")
    if end and end < first:
        return _Reason("over", f"ended on {end:%d.%m.%Y}")
    if not contract["fee"] or contract["fee"].amount <= 0:
        return _Reason("no monthly fee")
    wrong = _requisites(client) if client else "its client is not known"
    if not contract["number"]:
        wrong = "it has no number"
    return _Reason(wrong, mend=True) if wrong else None


def _requisites(client: Mapping[str, Any]) -> str:
    inn, kpp = str(client["inn"] or ""), str(client["kpp"] or "")
    if client["status"] == "closed":
        return "the client is closed, the contract is not"
    if not inn:
        return "the client has no ИНН"
    if not is_inn(inn):
        return f"the check digits of the client's ИНН {inn} are wrong"
    if len(inn) == 10 and not kpp:
        return "the client has no КПП"
    return f"the client's КПП {kpp} is no КПП" if kpp and not is_kpp(kpp) else ""


def _unbuilt(config: Config, month: date, item: Item) -> _Reason | None:
    """Try what the issue would try; what the configuration lacks stops the whole month. Raises SettingsError."""
    form, day = form_of(config, item.kind), _last(month)
    try:
        form.build(config.model.organisation, _wanted(config, month, item), "1" if form.is_numbered else "", day)
    except SettingsError:
        raise
    except HubError as error:
        return _Reason(str(error), mend=True)
    return None


def issue_month(store: Store, config: Config, found: Plan, *, by: str, now: datetime) -> Iterator[Issued | Left]:
    """Make and issue the documents of a plan, a batch at a time; yield what came of each, or why it was not made.

    Raises Unavailable when another process is at the same month.
    """
    if not found.items:
        return
    with _alone(store, found.month) as lease, Filler() as filler:
        press = Press(config, filler)
        items = _still_due(store, found)
        for start in range(0, len(items), BATCH):
            keys: list[int] = []
            left: list[Left] = []
            with store.write() as connection:
                jobs.hold(connection, lease, store.now(connection))
                for item in items[start : start + BATCH]:
                    try:
                        keys.append(item.document or _draft(connection, config, found.month, item, by, now))
                    except HubError as error:
                        left.append(Left(item.kind, item.contract["number"], item.client["name"], str(error)))
            yield from left
            yield from issue_batch(store, press, keys, by=by, now=now)


def _still_due(store: Store, found: Plan) -> list[Item]:
    """Return the items of a plan but for what another process made, or made and issued, since it was drawn up."""
    with store.read() as connection:
        made = {(row[0], row[1]): row for row in rows.made_from(connection, _origin(found.month, ""))}
    items = []
    for item in found.items:
        done = made.get((_origin(found.month, item.contract["id"]), item.kind))
        if done is None or done[4] in _UNISSUED:
            items.append(structs.replace(item, document=done[2]) if done else item)
    return items


def _draft(connection: Connection, config: Config, month: date, item: Item, by: str, now: datetime) -> int:
    draft, form, day = _wanted(config, month, item), form_of(config, item.kind), _last(month)
    return keep_draft(connection, config, form, draft, item.client, day, by=by, now=now,
                      origin=_origin(month, item.contract["id"]))  # fmt: skip


def _wanted(config: Config, month: date, item: Item) -> Any:
    """Return the draft of a document: one line with the fee, or with the share of the days in force."""
    contract, day = item.contract, _last(month)
    fee, name = contract["fee"], words.month_in_words(month)
    begins, ends = days_of(contract, month)
    if config.model.documents.month_part == "days" and (begins, ends) != (month, day):
        days = (ends - begins).days + 1
        fee = Money(fee.amount * days / day.day, fee.currency).rounded()
        name += f" (с {begins.day} по {words.day_in_words(ends).partition(f' {ends.year}')[0]})"
    title = config.model.documents.month_line.format(month=name, contract=contract["number"])
    line = Line(title=title, unit="мес", price=Money(fee.amount, fee.currency), vat_rate=vat_rate(config, day))
    if fee is not contract["fee"]:
        line = structs.replace(line, unit="")
    form = form_of(config, item.kind)
    signed = f" от {contract['date']:%d.%m.%Y}" if contract["date"] else ""
    fields = {"basis": [f"Договор № {contract['number']}{signed}"], "period": [name]}
    known = {field.encode_name for field in structs.fields(form.draft)}
    wish = Wish([line], {field: texts for field, texts in fields.items() if field in known}, day)
    return make_draft(config, form, party_of(item.client), wish)


def days_of(contract: Mapping[str, Any], month: date) -> tuple[date, date]:
    """Return the first and the last day on which a contract is in force in a month."""
    return max(contract["start"] or month, month), min(contract["end"] or _last(month), _last(month))


@contextmanager
def _alone(store: Store, month: date) -> Iterator[jobs.Lease]:
    """Keep a second process from the same month; one that was killed need not be waited for. Give the lease."""
    with store.write() as connection:
        jobs.reap_killed(connection, store.now(connection))
    key = f"documents/{month:%Y-%m}"
    lease = jobs.take(store, "documents", {"month": f"{month:%Y-%m}"}, key, jobs.worker_name(), LEASE)
    try:
        yield lease
    finally:
        with store.write() as connection:
            jobs.finish(connection, lease, store.now(connection))
