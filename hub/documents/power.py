"""The power of attorney (доверенность): its date is what it cannot be without (ГК, art. 186)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.genitive import decline_name, short_name
from hub.documents.issued import Issued, common_values, covering, issue
from hub.documents.limits import Value
from hub.documents.parties import Party
from hub.model.errors import HubError
from hub.model.values import is_snils

LONGEST = timedelta(days=366 * 3)


class Good(Struct, frozen=True, omit_defaults=True):
    """One thing to be received."""

    title: str
    quantity: str = ""
    unit: str = ""


class PowerDraft(Struct, frozen=True, omit_defaults=True):
    """Our person may act for us with the client until `until`; `name_accusative` overrides the declined name.

    Passport and СНИЛС are personal data: they stand on the document and nowhere else.
    """

    client: Party
    name: str
    task: str
    until: date
    position: str = ""
    passport: str = ""
    passport_by: str = ""
    passport_day: date | None = None
    snils: str = ""
    goods: tuple[Good, ...] = ()
    name_accusative: str = ""


def build_power(own: Organisation | None, draft: PowerDraft, number: str, day: date) -> Issued[PowerDraft]:
    """Check person and term. Raises HubError for what would make the paper void."""
    if not draft.name.strip() or not draft.task.strip():
        raise HubError("A power of attorney needs the name of the person and what he may do.")
    if not day <= draft.until <= day + LONGEST:
        raise HubError(f"A power of attorney of {day:%d.%m.%Y} cannot end on {draft.until:%d.%m.%Y}.")
    if draft.snils and not is_snils(draft.snils):
        raise HubError("The control number of the СНИЛС is wrong.")
    return issue(own, draft, number, day)


def power_values(issued: Issued[PowerDraft]) -> dict[str, Value]:
    """Return the texts of the power of attorney."""
    draft = issued.draft
    declined = decline_name(draft.name, "accusative")
    name = draft.name_accusative or declined.text
    doubts = [*issued.doubts]
    if not draft.name_accusative and not declined.is_certain:
        doubts.append(f"Винительный падеж не проверен: «{draft.name}».")
    passport = ", ".join(
        part for part in (
            draft.passport and f"паспорт {draft.passport}", draft.passport_by and f"выдан {draft.passport_by}",
            draft.passport_day and words.day_in_words(draft.passport_day), draft.snils and f"СНИЛС {draft.snils}",
        ) if part
    )  # fmt: skip
    goods: list[Value] = [
        {"place": place, "title": good.title, "quantity": good.quantity, "unit": good.unit}
        for place, good in enumerate(draft.goods, 1)
    ]
    return common_values(issued, "Доверенность") | {
        "name_accusative": name,
        "name_short": short_name(draft.name),
        "position": draft.position,
        "passport": passport,
        "task": draft.task,
        "until": words.day_in_words(draft.until),
        "goods": goods,
        "doubts": list(doubts),
    }


def power_letter(values: Values) -> Letter:
    """Send it ahead of the person."""
    return covering(values, f"доверенность № {values['number']} от {values['date']}")


FORMS: tuple[Form[Any, Any], ...] = (
    Form(
        kind="power_of_attorney", title="Доверенность",
        draft=PowerDraft, context=Issued[PowerDraft], build=build_power, values=power_values, letter=power_letter,
        example=PowerDraft(
            SAMPLE_CLIENT, "Фролов Глеб Андреевич", "получить оборудование по накладной № 12 от 20.11.2026",
            date(2026, 12, 22), "инженер", "04 00 000000", "отделом внутренних дел г. Примерска", date(2020, 3, 5),
            goods=(Good("Камера уличная", "6", "шт"), Good("Видеорегистратор на 8 каналов", "1", "шт")),
        ),
    ),
)  # fmt: skip
