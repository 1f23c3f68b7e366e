"""Which invoice a payment pays: exact where client, number and sum say the same, else a suggestion with its reasons.

Pure: it works on the objects of the reminders' world (by kind and id, with plain fields) and changes nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct

from hub.model.values import Money

Objects: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Any]]]

MOST_SUGGESTIONS = 3
_NUMBER = r"[0-9A-ZА-ЯЁ]*\d[0-9A-ZА-ЯЁ]*(?:[-/][0-9A-ZА-ЯЁ]+)*"
_DAY = r"(?:\s*ОТ\s*(?P<day>\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2}))(?!\d))?"
_HEAD = re.compile(
    r"(?<![А-ЯЁA-Z/-])(?P<kind>(?:РАСЧ\w*|ЛИЦЕВ\w*|БАНК\w*)\.?\s+)?СЧ(?:[ЕЁ]Т\w*|\.|(?=\s*(?:№|N)))"
    r"(?!\s*-?\s*Ф)(?:\s+НА\s+ОПЛАТУ)?\s*"
)
_ITEM = re.compile(rf"(?:№|NО|NO|N)?\s*\.?\s*(?P<number>{_NUMBER})(?![0-9A-ZА-ЯЁ]){_DAY}")
_NEXT = re.compile(r"\s*(?:Г\.?|ГОДА)?\s*(?:,|;|\sИ\s)\s*(?=№|N|\d)")
_LONGEST = 15
"""Longer ones are accounts, not numbers of invoices."""


class Named(Struct, frozen=True):
    """An invoice as a payer names it: its number, and its day where one is said."""

    number: str
    day: date | None = None


class Match(Struct, frozen=True):
    """What a payment pays. An exact match may be believed; another is for a person, with what speaks for it."""

    payment: str
    invoices: tuple[str, ...]
    is_exact: bool
    reason: str


class _Invoice(Struct):
    id: str
    client: str
    number: str
    day: date | None
    left: Money


def named_in(purpose: str) -> tuple[Named, ...]:
    """Return the invoices that the text of a payment names, in its order; accounts and tax invoices are none."""
    found: dict[Named, None] = {}
    text = purpose.upper().replace("\N{NO-BREAK SPACE}", " ")
    for head in _HEAD.finditer(text):
        place = head.end()
        while not head["kind"] and (item := _ITEM.match(text, place)):
            if len(item["number"]) <= _LONGEST:
                found[Named(item["number"], _parse_day(item["day"] or ""))] = None
            place = item.end()
            following = _NEXT.match(text, place)
            if following is None:
                break
            place = following.end()
    return tuple(found)


def printed(number: str) -> str:
    """Return a number as 1C prints it on the invoice: without the prefix and the zeros in front."""
    bare = re.sub(r"\s+", "", number).upper()
    tail = bare.rpartition("-")[2]
    return (tail if tail.isdigit() else bare).lstrip("0") or bare


def match_payments(objects: Objects) -> tuple[Match, ...]:
    """Return a match for each payment that nobody has bound yet and of which something can be said.

    The order of the objects has no influence: the oldest payment comes first, and what it pays exactly is paid then.
    """
    book = _Book(_open_invoices(objects))
    found = []
    for key, payment in sorted(_unbound(objects), key=lambda it: (it[1].get("date") or date.max, it[0])):
        exact = _exact(payment, book)
        if exact:
            found.append(Match(key, tuple(it.id for it in exact), True, "client, number and sum agree"))
            book.paid(exact)
        else:
            found += [Match(key, (it.id,), False, why) for it, why in _near(payment, book)][:MOST_SUGGESTIONS]
    return tuple(found)


def with_matches(objects: Objects) -> dict[str, dict[str, Any]]:
    """Return the payments, those with the invoice that they pay exactly which name none themselves."""
    made = {key: dict(payment) for key, payment in objects.get("payment", {}).items()}
    for match in match_payments(objects):
        if match.is_exact and len(match.invoices) == 1:
            made[match.payment]["invoice"] = match.invoices[0]
    return made


class _Book:
    """The invoices on which something is left, by client and by number."""

    def __init__(self, invoices: Iterable[_Invoice]) -> None:
        self._by_client: dict[str, dict[str, _Invoice]] = defaultdict(dict)
        self._by_number: dict[str, dict[str, _Invoice]] = defaultdict(dict)
        for invoice in invoices:
            self._by_client[invoice.client][invoice.id] = invoice
            self._by_number[printed(invoice.number)][invoice.id] = invoice

    def of_client(self, client: str) -> Iterable[_Invoice]:
        return self._by_client[client].values() if client in self._by_client else ()

    def of_number(self, number: str) -> Iterable[_Invoice]:
        short = printed(number)
        return self._by_number[short].values() if short in self._by_number else ()

    def paid(self, invoices: Iterable[_Invoice]) -> None:
        for invoice in invoices:
            del self._by_client[invoice.client][invoice.id]
            del self._by_number[printed(invoice.number)][invoice.id]


def _exact(payment: Mapping[str, Any], book: _Book) -> Sequence[_Invoice]:
    """Return the invoices that a payment of their client names, when each name means one and the sum is that of all."""
    client = payment.get("client")
    if not client:
        return ()
    chosen: dict[str, _Invoice] = {}
    for name in named_in(str(payment.get("purpose") or "")):
        meant = [it for it in book.of_number(name.number) if it.client == client and _is_meant(it, name, payment)]
        if len(meant) > 1:
            return ()
        chosen |= {it.id: it for it in meant}
    found = list(chosen.values())
    return found if found and _sum(found) == payment["total"] else ()


def _near(payment: Mapping[str, Any], book: _Book) -> Iterable[tuple[_Invoice, str]]:
    client = str(payment.get("client") or "")
    names = named_in(str(payment.get("purpose") or ""))
    named = {it.id: it for name in names for it in book.of_number(name.number) if _is_meant(it, name, payment)}
    own = {it.id: it for it in book.of_client(client)} if client else {}
    by_rank: dict[int, list[tuple[_Invoice, str]]] = defaultdict(list)
    for invoice in sorted((named | own).values(), key=lambda it: (it.day or date.min, it.id)):
        is_own, is_named, is_sum = invoice.id in own, invoice.id in named, invoice.left == payment["total"]
        if is_own and is_named and is_sum:
            by_rank[0].append((invoice, "client, number and sum agree, but other invoices are named as well or alike"))
        elif is_own and is_named:
            by_rank[1].append((invoice, f"client and number agree, {invoice.left} is left to pay"))
        elif is_named and is_sum:
            by_rank[2].append((invoice, "number and sum agree, the payer is another one or not known"))
        elif is_own and is_sum and _is_before(invoice, payment):
            words = "another number is named" if names else "no number is named"
            by_rank[3].append((invoice, f"client and sum agree, {words}"))
    return [it for rank in sorted(by_rank) for it in by_rank[rank]]


def _is_meant(invoice: _Invoice, name: Named, payment: Mapping[str, Any]) -> bool:
    """Tell whether a name with the number of the invoice may mean it."""
    return (name.day is None or name.day == invoice.day) and _is_before(invoice, payment)


def _is_before(invoice: _Invoice, payment: Mapping[str, Any]) -> bool:
    """Tell whether the invoice may have been there when it was paid."""
    paid = payment.get("date")
    return invoice.day is None or paid is None or invoice.day <= paid


def _open_invoices(objects: Objects) -> Iterable[_Invoice]:
    """Yield the invoices on which something is left, with how much."""
    bound: dict[str, Decimal] = defaultdict(Decimal)
    for payment in objects.get("payment", {}).values():
        total = payment.get("total")
        if payment.get("invoice") and payment.get("is_posted") is not False and isinstance(total, Money):
            bound[str(payment["invoice"])] += total.amount
    for key, invoice in objects.get("invoice", {}).items():
        total, paid = invoice.get("total"), invoice.get("paid")
        if not isinstance(total, Money) or invoice.get("is_posted") is False:
            continue
        known = paid.amount if isinstance(paid, Money) else Decimal(0)
        left = Money(total.amount - max(known, bound[key]), total.currency)
        if left.amount > 0:
            client = str(invoice.get("client") or "")
            yield _Invoice(key, client, str(invoice.get("number") or ""), invoice.get("date"), left)


def _unbound(objects: Objects) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Yield the payments that name no invoice; the same money told by two sources counts as one of them tells it."""
    twins: dict[tuple[Any, ...], list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for key, payment in objects.get("payment", {}).items():
        if isinstance(payment.get("total"), Money) and payment.get("is_posted") is not False:
            alike = (payment.get("client"), payment["total"], payment.get("date"), printed(str(payment.get("number"))))
            twins[alike].append((key, payment))
    for alike, group in twins.items():
        by_source: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
        for key, payment in sorted(group, key=lambda it: it[0]):
            by_source[str(payment.get("connection") or "")].append((key, payment))
        if alike[0] is None or len(by_source) == 1:
            told = group
        else:  # the source that binds the most tells it; equal payments of one source are several payments
            told = max(
                by_source.values(), key=lambda it: (sum(bool(p.get("invoice")) for _, p in it), len(it), it[0][0])
            )
        yield from ((key, payment) for key, payment in told if not payment.get("invoice"))


def _sum(invoices: Sequence[_Invoice]) -> Money | None:
    currencies = {it.left.currency for it in invoices}
    if len(currencies) != 1:
        return None
    return Money(sum((it.left.amount for it in invoices), Decimal(0)), currencies.pop())


def _parse_day(text: str) -> date | None:
    parts = re.split(r"[./]", text)
    if len(parts) != 3:
        return None
    day, month, year = (int(it) for it in parts)
    try:
        return date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None
