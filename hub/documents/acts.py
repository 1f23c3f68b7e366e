"""Acts: works done (акт выполненных работ), programs handed over, an object accepted.

The fields are those of a first-entry document (402-ФЗ, art. 9 part 2): name, day, subject, content of the fact with
its measures, positions and signatures of those responsible.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.issued import Draft, Issued, common_values, covering, issue
from hub.documents.limits import Value
from hub.documents.lines import currency_mark, rounded
from hub.documents.parties import Party
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money


class ActDraft(Struct, frozen=True, omit_defaults=True):
    """Works or services done; `supplied` is their day when it is not that of the act."""

    client: Party
    lines: tuple[Line, ...]
    basis: str = ""
    period: str = ""
    note: str = ""
    supplied: date | None = None
    vat_ground: str = ""


class SoftwareKey(Struct, frozen=True, omit_defaults=True):
    """One copy of a program as it is handed over."""

    title: str
    licence: str = ""
    key: str = ""
    medium: str = ""


class SoftwareActDraft(Struct, frozen=True, omit_defaults=True):
    """Programs handed over with their licences, keys and media."""

    client: Party
    lines: tuple[Line, ...]
    keys: tuple[SoftwareKey, ...] = ()
    basis: str = ""
    note: str = ""
    supplied: date | None = None
    vat_ground: str = ""


class AcceptanceDraft(Struct, frozen=True, omit_defaults=True):
    """An object where everything is installed and works; `paid` is what was paid before."""

    client: Party
    place: str
    lines: tuple[Line, ...]
    basis: str = ""
    start: date | None = None
    end: date | None = None
    paid: Money | None = None
    photos: int = 0
    warranty_months: int = 0
    remarks: str = ""
    supplied: date | None = None
    vat_ground: str = ""


def build_act(own: Organisation | None, draft: ActDraft, number: str, day: date) -> Issued[ActDraft]:
    """Price the works. Raises HubError for a total below zero."""
    return _not_below_zero(
        issue(own, draft, number, day, lines=draft.lines, supplied=draft.supplied, ground=draft.vat_ground)
    )


def build_software_act(
    own: Organisation | None, draft: SoftwareActDraft, number: str, day: date
) -> Issued[SoftwareActDraft]:
    """Price the programs. Raises HubError for a total below zero."""
    return _not_below_zero(
        issue(own, draft, number, day, lines=draft.lines, supplied=draft.supplied, ground=draft.vat_ground)
    )


def build_acceptance(
    own: Organisation | None, draft: AcceptanceDraft, number: str, day: date
) -> Issued[AcceptanceDraft]:
    """Price what was installed. Raises HubError for dates or payments that cannot be."""
    if draft.start and draft.end and draft.end < draft.start:
        raise HubError(f"The works end on {draft.end:%d.%m.%Y}, before they start on {draft.start:%d.%m.%Y}.")
    if draft.photos < 0 or draft.warranty_months < 0:
        raise HubError("Counts of photos and months of warranty are not below zero.")
    issued = _not_below_zero(
        issue(own, draft, number, day, lines=draft.lines, supplied=draft.supplied, ground=draft.vat_ground)
    )
    assert issued.priced
    if draft.paid is not None and draft.paid.currency != issued.priced.currency:
        raise HubError(f"The payment is in {draft.paid.currency}, the works in {issued.priced.currency}.")
    return issued


def _not_below_zero(issued: Issued[Draft]) -> Issued[Draft]:
    if issued.priced and issued.priced.total < 0:
        raise HubError("The total of an act is not below zero.", hint="A correction downwards is made in 1C.")
    return issued


def act_values(issued: Issued[ActDraft]) -> dict[str, Value]:
    """Return the texts of an act of works."""
    draft = issued.draft
    return common_values(issued, "Акт", kind="сдачи-приёмки выполненных работ (оказанных услуг)") | {
        "basis": draft.basis,
        "period": draft.period,
        "note": draft.note,
    }


def software_values(issued: Issued[SoftwareActDraft]) -> dict[str, Value]:
    """Return the texts of an act of software transfer."""
    draft = issued.draft
    keys: list[Value] = [
        {"place": place, "title": key.title, "licence": key.licence, "key": key.key, "medium": key.medium}
        for place, key in enumerate(draft.keys, 1)
    ]
    return common_values(issued, "Акт", kind="приёма-передачи программного обеспечения") | {
        "basis": draft.basis,
        "keys": keys,
        "note": draft.note,
    }


def acceptance_values(issued: Issued[AcceptanceDraft]) -> dict[str, Value]:
    """Return the texts of an act of acceptance; what is left to pay is computed."""
    draft, priced = issued.draft, issued.priced
    assert priced
    paid = draft.paid.amount if draft.paid else Decimal(0)
    left = rounded(priced.total - paid)
    mark = currency_mark(priced.currency)
    return common_values(issued, "Акт", kind="приёмки-сдачи объекта") | {
        "basis": draft.basis,
        "place": draft.place,
        "period": _period(draft.start, draft.end),
        "photos": f"{draft.photos} {words.plural(draft.photos, 'фотография', 'фотографии', 'фотографий')}"
        if draft.photos else "",
        "warranty": words.count_in_words(draft.warranty_months, "месяц", "месяца", "месяцев")
        if draft.warranty_months else "",
        "remarks": draft.remarks,
        "paid": f"{words.format_number(paid)} {mark}" if draft.paid else "",
        "left": f"{words.format_number(abs(left))} {mark}",
        "left_label": "Переплата, подлежит возврату" if left < 0 else "Осталось оплатить",
    }  # fmt: skip


def _period(start: date | None, end: date | None) -> str:
    parts = (start and f"с {words.day_in_words(start)}", end and f"по {words.day_in_words(end)}")
    return " ".join(part for part in parts if part)


def act_letter(values: Values) -> Letter:
    """Ask for the signed copy back."""
    return covering(
        values,
        f"акт № {values['number']} от {values['date']} на сумму {values['total']} {values['currency']}",
        "Просим подписать его и вернуть нам один экземпляр; если есть замечания, сообщите о них.",
    )


_LINES = (
    Line(title="Сопровождение программы за ноябрь 2026 г.", unit="мес", price=Money(Decimal(12400)), vat_rate=22),
    Line(title="Выезд специалиста", quantity="2,5", unit="час", price=Money(Decimal(1800)), vat_rate=22),
    Line(title="Скидка постоянному клиенту", unit="шт", price=Money(Decimal(-900)), vat_rate=22),
)

FORMS = (
    Form(
        kind="act", title="Акт выполненных работ", copies=2, needs_signature=True,
        draft=ActDraft, context=Issued[ActDraft], build=build_act, values=act_values, letter=act_letter,
        example=ActDraft(SAMPLE_CLIENT, _LINES, "Договор № 17/2026 от 01.02.2026", "ноябрь 2026 г."),
    ),
    Form(
        kind="software_act", title="Акт передачи программного обеспечения", copies=2, needs_signature=True,
        draft=SoftwareActDraft, context=Issued[SoftwareActDraft], build=build_software_act, values=software_values,
        letter=act_letter,
        example=SoftwareActDraft(
            SAMPLE_CLIENT,
            (
                Line(title="Программа «Учёт посещений», основная поставка", unit="шт", price=Money(Decimal(48000))),
                Line(title="Программа «Учёт посещений», рабочее место", quantity="3", unit="шт",
                     price=Money(Decimal(6500))),
                Line(title="Электронный ключ USB", unit="шт", price=Money(Decimal(1200)), vat_rate=22),
            ),
            (
                SoftwareKey("Программа «Учёт посещений», основная поставка", "УП-000417", "A7-1144", "диск"),
                SoftwareKey("Программа «Учёт посещений», рабочее место, 3 шт.", "УП-000418", "", "по сети"),
            ),
            "Лицензионный договор № 18/2026 от 20.11.2026", vat_ground="подп. 26 п. 2 ст. 149 НК РФ",
        ),
    ),
    Form(
        kind="acceptance_act", title="Акт приёмки-сдачи объекта", copies=2, needs_signature=True,
        draft=AcceptanceDraft, context=Issued[AcceptanceDraft], build=build_acceptance, values=acceptance_values,
        letter=act_letter,
        example=AcceptanceDraft(
            SAMPLE_CLIENT, "Система видеонаблюдения, г. Красноярск, ул. Школьная, д. 7",
            (
                Line(title="Камера уличная", quantity="6", unit="шт", price=Money(Decimal("8450.50")), vat_rate=22),
                Line(title="Видеорегистратор на 8 каналов", unit="шт", price=Money(Decimal(21300)), vat_rate=22),
                Line(title="Монтаж и настройка", unit="компл", price=Money(Decimal(34000)), vat_rate=22),
            ),
            "Договор № 21/2026 от 12.10.2026", date(2026, 10, 19), date(2026, 11, 20), Money(Decimal(70000)), 14, 24,
        ),
    ),
)  # fmt: skip
