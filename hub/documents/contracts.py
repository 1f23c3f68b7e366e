"""Contracts (договор) of several kinds and the agreement that renews one.

The wording lies in `clauses/*.txt`: `# heading`, one clause a line, tags in double braces; a clause that begins with
`[name]` stands in the contract only when that value is not empty. The Word templates are made from the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.issued import Issued, common_values, covering, issue
from hub.documents.limits import Value
from hub.documents.lines import Priced, currency_mark, rounded
from hub.documents.parties import Party
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money

PENALTY = "одной трёхсотой действующей ключевой ставки Банка России"
_CONDITION = re.compile(r"\[(\w+)\] ?")
_TAG = re.compile(r"\{\{ ?(\w+) ?\}\}")


class ContractDraft(Struct, frozen=True, omit_defaults=True):
    """A contract of any kind; `lines` cost what they cost a month (services) or in all (programs, equipment).

    `law` and `ikz` are the ground of the purchase and its code that state customers ask for.
    """

    client: Party
    lines: tuple[Line, ...]
    start: date | None = None
    end: date | None = None
    place: str = ""
    payment_days: int = 10
    prepayment_percent: int = 0
    warranty_months: int = 0
    notice_days: int = 30
    penalty: str = PENALTY
    law: str = ""
    ikz: str = ""
    supplied: date | None = None
    vat_ground: str = ""


class RenewalDraft(Struct, frozen=True, omit_defaults=True):
    """A contract goes on until `end`; `lines` are the new monthly services, from `start` on, where they change."""

    client: Party
    contract_number: str
    contract_day: date
    end: date
    start: date | None = None
    lines: tuple[Line, ...] = ()
    vat_ground: str = ""


class Clause(Struct, frozen=True):
    """One clause as its file has it; it stands where the value called `condition` is not empty."""

    text: str
    condition: str = ""


class Section(Struct, frozen=True):
    """A heading and its clauses."""

    title: str
    clauses: tuple[Clause, ...]


@cache
def clauses_of(kind: str) -> tuple[Section, ...]:
    """Return the wording of a contract as it lies in its file."""
    text = resources.files(__package__).joinpath("clauses", f"{kind}.txt").read_text(encoding="utf-8")
    sections: list[tuple[str, list[Clause]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            sections.append((line[1:].strip(), []))
        else:
            found = _CONDITION.match(line)
            sections[-1][1].append(Clause(line[found.end() :], found[1]) if found else Clause(line))
    return tuple(Section(title, tuple(clauses)) for title, clauses in sections)


def worded(kind: str, values: Mapping[str, Value]) -> list[Value]:
    """Return the sections with their numbers and every tag filled in."""
    sections: list[Value] = []
    for section in clauses_of(kind):
        kept = [clause for clause in section.clauses if not clause.condition or values[clause.condition]]
        if not kept:
            continue
        place = len(sections) + 1
        prefix = f"{place}." if section.title else ""
        clauses: list[Value] = [
            {"number": f"{prefix}{number}.", "text": _TAG.sub(lambda tag: str(values[tag[1]]), clause.text)}
            for number, clause in enumerate(kept, 1)
        ]
        sections.append({"title": f"{place}. {section.title}" if section.title else "", "clauses": clauses})
    return sections


def build_contract(own: Organisation | None, draft: ContractDraft, number: str, day: date) -> Issued[ContractDraft]:
    """Price a contract and check its terms. Raises HubError with the term that cannot be."""
    if not number:
        raise HubError("A contract needs a number.")
    if draft.start and draft.end and draft.end < draft.start:
        raise HubError(f"The contract ends on {draft.end:%d.%m.%Y}, before it starts on {draft.start:%d.%m.%Y}.")
    if not 0 <= draft.prepayment_percent <= 100:
        raise HubError("A prepayment lies between 0 and 100 %.")
    for name in ("payment_days", "notice_days", "warranty_months"):
        if not 0 <= getattr(draft, name) <= 3650:
            raise HubError(f"`{name}` lies between 0 and 3650.")
    issued = issue(own, draft, number, day, lines=draft.lines, ground=draft.vat_ground, needs_signer=True,
                   supplied=draft.supplied or _later(draft.start, day))  # fmt: skip
    if not issued.priced or issued.priced.total <= 0:
        raise HubError("A contract needs rows with a total above zero.")
    return issued


def _later(start: date | None, day: date) -> date:
    """Services of a contract are supplied when it starts: that decides which VAT rates are in force."""
    return max(start, day) if start else day


def _with(*names: str) -> Callable[[Organisation | None, ContractDraft, str, date], Issued[ContractDraft]]:
    def build(own: Organisation | None, draft: ContractDraft, number: str, day: date) -> Issued[ContractDraft]:
        missing = [name for name in names if not getattr(draft, name)]
        if missing:
            raise HubError(f"This contract needs {', '.join(f'`{name}`' for name in missing)}.")
        return build_contract(own, draft, number, day)

    return build


def build_renewal(own: Organisation | None, draft: RenewalDraft, number: str, day: date) -> Issued[RenewalDraft]:
    """Check what is renewed. Raises HubError when the new end lies before the contract or a fee has no start."""
    if not draft.contract_number:
        raise HubError("An agreement needs the number of the contract it renews.")
    if draft.end <= max(draft.contract_day, draft.start or draft.contract_day):
        raise HubError(f"The contract cannot be renewed until {draft.end:%d.%m.%Y}: that lies before its start.")
    if draft.lines and not draft.start:
        raise HubError("New services need `start`, the day from which they cost what the lines say.")
    supplied = _later(draft.start, day)
    issued = issue(own, draft, number, day, lines=draft.lines, ground=draft.vat_ground, supplied=supplied,
                   needs_signer=True)  # fmt: skip
    if issued.priced and issued.priced.total <= 0:
        raise HubError("The new services need a total above zero.")
    return issued


def money_text(amount: Decimal, currency: str) -> str:
    """Write a sum in figures and words: «12 400,00 руб. (Двенадцать тысяч четыреста рублей 00 копеек)»."""
    return f"{words.format_number(amount)} {currency_mark(currency)} ({words.amount_in_words(Money(amount, currency))})"


def total_text(priced: Priced) -> str:
    """Write the total with its VAT as a contract says it, with the full stop that ends the sentence."""
    mark, taxes = currency_mark(priced.currency), []
    for row in priced.vat_rows:
        text = row.text[:1].lower() + row.text[1:]
        if row.vat is not None:
            taxes.append(f"{text} — {words.format_number(row.vat)} {mark}")
        else:
            taxes.append(text if len(priced.vat_rows) == 1 else f"остальное — {text}")
    said = f"{money_text(priced.total, priced.currency)}, {', '.join(taxes)}"
    return said if said.endswith(".") else f"{said}."


def _days(count: int) -> str:
    """Write what follows «в течение»: «10 рабочих дней», «21 рабочего дня»."""
    return f"{count} {words.plural(count, 'рабочего дня', 'рабочих дней', 'рабочих дней')}"


def _values(kind: str, roles: tuple[str, str]) -> Callable[[Issued[ContractDraft]], dict[str, Value]]:
    def values(issued: Issued[ContractDraft]) -> dict[str, Value]:
        draft, priced = issued.draft, issued.priced
        assert priced
        prepayment = rounded(priced.total * draft.prepayment_percent / 100)
        terms: dict[str, Value] = {
            "law": draft.law,
            "ikz": draft.ikz,
            "place": draft.place,
            "start": words.day_in_words(draft.start) if draft.start else "",
            "end": words.day_in_words(draft.end) if draft.end else "",
            "has_period": bool(draft.start and draft.end),
            "is_lasting": not (draft.start and draft.end),
            "payment_days": _days(draft.payment_days),
            "notice_days": words.count_in_words(
                draft.notice_days, "календарный день", "календарных дня", "календарных дней"
            ),
            "penalty": draft.penalty,
            "total_text": total_text(priced),
            "has_prepayment": draft.prepayment_percent > 0,
            "is_postpaid": draft.prepayment_percent == 0,
            "prepayment_text": f"{draft.prepayment_percent}\u00a0% — {money_text(prepayment, priced.currency)}",
            "rest_text": money_text(priced.total - prepayment, priced.currency),
            "warranty": words.count_in_words(draft.warranty_months, "месяц", "месяца", "месяцев")
            if draft.warranty_months else "",
        }  # fmt: skip
        common = (
            common_values(issued, _TITLES[kind])
            | terms
            | {"our_role": roles[0], "their_role": roles[1], "what": "настоящий договор"}
        )
        return common | {
            "sections": worded(kind, common),
            "appendix": f"к договору № {issued.number} от {common['date']}",
        }

    return values


def renewal_values(issued: Issued[RenewalDraft]) -> dict[str, Value]:
    """Return the texts of an agreement of renewal."""
    draft = issued.draft
    terms: dict[str, Value] = {
        "contract": f"договора № {draft.contract_number} от {words.day_in_words(draft.contract_day)}",
        "start": words.day_in_words(draft.start) if draft.start else "",
        "end": words.day_in_words(draft.end),
        "has_fee": issued.priced is not None,
        "total_text": total_text(issued.priced) if issued.priced else "",
        "our_role": "Исполнитель",
        "their_role": "Заказчик",
        "what": "настоящее дополнительное соглашение",
    }
    named = f"к договору № {draft.contract_number} от {words.day_in_words(draft.contract_day)}"
    common = common_values(issued, "Дополнительное соглашение", kind=named) | terms
    if issued.priced is None:
        common |= {"lines": [], "vat_rows": [], "total": "", "total_words": "", "lines_count": 0, "currency": "",
                   "vat": "", "has_several_rates": False}  # fmt: skip
    return common | {
        "sections": worded("renewal", common),
        "appendix": f"к дополнительному соглашению № {issued.number} от {common['date']}",
    }


def contract_letter(values: Values) -> Letter:
    """Ask for the signed copies back."""
    what = str(values["title"])
    return covering(
        values,
        f"{what[:1].lower()}{what[1:]} № {values['number']} от {values['date']}",
        "Просим подписать все экземпляры, поставить печать и вернуть нам наши.",
    )


_TITLES: Mapping[str, str] = {
    "contract": "Договор абонентского обслуживания",
    "contract_software": "Лицензионный договор",
    "contract_installation": "Договор поставки и монтажа",
}
_SUPPORT = Line(title="Сопровождение программы «Учёт посещений», 3 рабочих места", unit="мес",
                price=Money(Decimal(12400)), vat_rate=22)  # fmt: skip
_PROGRAM = Line(title="Программа «Учёт посещений», рабочее место", quantity="3", unit="шт", price=Money(Decimal(6500)))
_CAMERAS = (
    Line(title="Камера уличная", quantity="6", unit="шт", price=Money(Decimal("8450.50")), vat_rate=22),
    Line(title="Монтаж и настройка", unit="компл", price=Money(Decimal(34000)), vat_rate=22),
)
_LAW = "пункта 4 части 1 статьи 93 Федерального закона от 05.04.2013 № 44-ФЗ"


def _contract(kind: str, roles: tuple[str, str], needs: tuple[str, ...], example: ContractDraft) -> Form[Any, Any]:
    return Form(
        kind=kind, title=_TITLES[kind], copies=3, needs_signature=True, look="contract",
        draft=ContractDraft, context=Issued[ContractDraft], build=_with(*needs), values=_values(kind, roles),
        letter=contract_letter, example=example,
    )  # fmt: skip


FORMS: tuple[Form[Any, Any], ...] = (
    _contract(
        "contract", ("Исполнитель", "Заказчик"), ("start", "end"),
        ContractDraft(SAMPLE_CLIENT, (_SUPPORT,), date(2026, 12, 1), date(2027, 11, 30), law=_LAW,
                      ikz="263246600123624660100100010006311244"),
    ),
    _contract(
        "contract_software", ("Лицензиар", "Лицензиат"), (),
        ContractDraft(SAMPLE_CLIENT, (_PROGRAM,), vat_ground="подп. 26 п. 2 ст. 149 НК РФ"),
    ),
    _contract(
        "contract_installation", ("Исполнитель", "Заказчик"), ("start", "end", "place"),
        ContractDraft(SAMPLE_CLIENT, _CAMERAS, date(2026, 12, 1), date(2026, 12, 25), prepayment_percent=30,
                      place="система видеонаблюдения, г. Красноярск, ул. Школьная, д. 7", warranty_months=24),
    ),
    Form(
        kind="renewal", title="Дополнительное соглашение о продлении", copies=2, needs_signature=True, look="contract",
        draft=RenewalDraft, context=Issued[RenewalDraft], build=build_renewal, values=renewal_values,
        letter=contract_letter,
        example=RenewalDraft(SAMPLE_CLIENT, "17/2026", date(2026, 2, 1), date(2027, 12, 31), date(2027, 1, 1),
                             (_SUPPORT,)),
    ),
)  # fmt: skip
