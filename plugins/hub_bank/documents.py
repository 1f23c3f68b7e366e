"""What a document of a statement means for an account: which way the money went, under which id, and who paid."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from hub.api import BadRecord, Money, Payment, currency_code, is_account, is_inn, is_kpp

from .exchange import Block, Statement, amount, day, fields_of, lines_of

PAYER, PAYEE = "Плательщик", "Получатель"
PURPOSE = "НазначениеПлатежа"
SHOWN_DIGITS = 6
_INN = re.compile(r"^\s*ИНН\s*:?\s*(\d{12}|\d{10})(?!\d)(?:\s*[/,;]?\s*КПП\s*:?\s*(\d{9}))?", re.IGNORECASE | re.ASCII)
_NUMBER_LIMIT = 60


class Movement(Struct, frozen=True):
    """Money that came to one of our accounts or left it; `key` tells documents apart that may be the same."""

    account: str
    is_incoming: bool
    key: str


def movements(fields: Mapping[str, str], own: Collection[str]) -> tuple[Movement, ...]:
    """Return what a document did to our accounts: one movement, or two for a transfer between our own.

    Where neither account is known as ours, the day on which the money came or left tells the direction. Raises
    BadRecord for a document without day or sum, and for one of which nothing tells the direction.
    """
    moment, total = _needed_day(fields), _needed_sum(fields)
    out, into = (_accounts(fields, side) & set(own) for side in (PAYER, PAYEE))
    if not out and not into:
        came, left = bool(fields.get("ДатаПоступило")), bool(fields.get("ДатаСписано"))
        if came == left:
            raise BadRecord("neither the payer's nor the payee's account is one of the statement")
        into, out = ({_main(fields, PAYEE)}, set()) if came else (set(), {_main(fields, PAYER)})
    number = re.sub(r"[\s/]+", "", fields.get("Номер", ""))[:_NUMBER_LIMIT]
    found = []
    for accounts, other, is_incoming in ((out, PAYEE, False), (into, PAYER, True)):
        for account in sorted(accounts):
            rest = _main(fields, other)[-SHOWN_DIGITS:]
            parts = (account, moment.isoformat(), number, f"{total:.2f}", "in" if is_incoming else "out", rest)
            found.append(Movement(account, is_incoming, "/".join(parts)))
    return tuple(found)


def payment(fields: Mapping[str, str], account: str) -> Payment | None:
    """Return the payment that came to the account; `None` for money that we moved between our own accounts.

    Raises BadRecord for a document without day or sum.
    """
    inn, kpp = payer(fields)
    if is_inn(inn) and inn == fields.get(f"{PAYEE}ИНН"):
        return None
    currency = currency_code(account[5:8]) if len(account) == 20 else "RUB"
    return Payment(
        number=fields.get("Номер", ""),
        date=day(fields.get("ДатаПоступило", "")) or _needed_day(fields),
        total=Money(_needed_sum(fields), currency),
        purpose=purpose(fields),
        payer_inn=inn,
        payer_kpp=kpp,
    )


def payer(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return ИНН and КПП of the payer, from keys of their own or from the text before the name."""
    inn, kpp = fields.get(f"{PAYER}ИНН", ""), fields.get(f"{PAYER}КПП", "")
    if not inn and (found := _INN.match(fields.get(PAYER, "") or fields.get(f"{PAYER}1", ""))):
        inn, kpp = found[1], kpp or found[2] or ""
    return inn, kpp if is_kpp(kpp) else ""


def purpose(fields: Mapping[str, str]) -> str:
    """Return the purpose: the whole of it, or the numbered lines where they say more."""
    whole = fields.get(PURPOSE, "")
    parts = " ".join(it for it in (fields.get(f"{PURPOSE}{number}", "") for number in range(1, 7)) if it)
    bare_whole, bare_parts = re.sub(r"\s+", "", whole), re.sub(r"\s+", "", parts)
    if bare_parts in bare_whole:
        return whole
    return parts if bare_whole in bare_parts else f"{whole} {parts}"


def odd_line(block: Block, encoding: str) -> int:
    """Return the number of the line to look at in a section that cannot be understood."""
    lines = list(lines_of(block.raw, encoding))
    for line in lines:
        unread = (line.key == "Сумма" and amount(line.value) is None) or (line.key == "Дата" and not day(line.value))
        if unread:
            return block.line + line.offset
    return block.line


def remarks(statement: Statement) -> Iterator[str]:
    """Yield what is odd about a statement but keeps nobody from reading it, each with its line."""
    yield from statement.remarks
    if not statement.accounts:
        yield "there is no section СекцияРасчСчет: neither balances nor completeness can be checked"
    for block in statement.accounts:
        yield from _balances(statement, block)
    yield from _wrong_keys(statement)


def _balances(statement: Statement, block: Block) -> Iterator[str]:
    fields = fields_of(block.raw, statement.encoding)
    opening, came, left, closing = (
        amount(fields.get(name, ""))
        for name in ("НачальныйОстаток", "ВсегоПоступило", "ВсегоСписано", "КонечныйОстаток")
    )
    if None not in (opening, came, left, closing) and opening + came - left != closing:  # type: ignore[operator]
        yield f"line {block.line}: opening balance, receipts and expenses do not give the closing balance"
    if len(statement.accounts) != 1:
        return
    own, sums = statement.own, {True: Decimal(0), False: Decimal(0)}
    for document in statement.documents:
        described = fields_of(document.raw, statement.encoding)
        try:
            for movement in movements(described, own):
                sums[movement.is_incoming] += _needed_sum(described)
        except BadRecord:
            return
    for total, is_incoming, name in ((came, True, "ВсегоПоступило"), (left, False, "ВсегоСписано")):
        if total is not None and total != sums[is_incoming]:
            yield f"line {block.line}: {name} is {total}, but the documents give {sums[is_incoming]}"


def _wrong_keys(statement: Statement) -> Iterator[str]:
    """Yield each account whose key digit does not agree with its БИК once, with where it first stands.

    The digits are not repeated, but for the last four.
    """
    found: dict[tuple[str, str, str], list[int]] = {}
    for block in statement.documents:
        fields = fields_of(block.raw, statement.encoding)
        for side in (PAYER, PAYEE):
            account, bic = _main(fields, side), fields.get(f"{side}БИК", "")
            if account and bic and not is_account(account, bic):
                found.setdefault((side, account, bic), []).append(block.line)
    for (side, account, bic), lines in found.items():
        others = f" and in {len(lines) - 1} more documents" if len(lines) > 1 else ""
        whose = f"{_WHOSE[side]} account …{account[-4:]}"
        yield f"line {lines[0]}{others}: {whose} does not fit the БИК {bic} (wrong key digit)"


_WHOSE = {PAYER: "the payer's", PAYEE: "the payee's"}


def _accounts(fields: Mapping[str, str], side: str) -> set[str]:
    return {fields.get(f"{side}Счет", ""), fields.get(f"{side}РасчСчет", "")} - {""}


def _main(fields: Mapping[str, str], side: str) -> str:
    return fields.get(f"{side}РасчСчет", "") or fields.get(f"{side}Счет", "")


def _needed_day(fields: Mapping[str, str]) -> date:
    found = day(fields.get("Дата", ""))
    if found is None:
        raise BadRecord("Дата is no day such as 12.05.2026" if fields.get("Дата") else "Дата is missing")
    return found


def _needed_sum(fields: Mapping[str, str]) -> Decimal:
    text = fields.get("Сумма", "")
    found = amount(text)
    if found is None or found < 0:
        raise BadRecord("Сумма is no amount such as 1500.00" if text else "Сумма is missing")
    return found
