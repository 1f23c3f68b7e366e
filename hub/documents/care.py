"""What is written down when a client is not content: the reclamation, and the questionnaire of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.issued import Issued, common_values, covering, issue
from hub.documents.limits import Value
from hub.documents.parties import Party
from hub.model.errors import HubError


class ReclamationDraft(Struct, frozen=True, omit_defaults=True):
    """A complaint in the client's words; it goes to the head of the department at fault and to the chief at once."""

    client: Party
    text: str
    received: date
    contact: str = ""
    phone: str = ""
    contract: str = ""
    product: str = ""
    demand: str = ""
    department: str = ""
    head: str = ""
    chief: str = ""
    taken_by: str = ""


class SurveyDraft(Struct, frozen=True, omit_defaults=True):
    """Why a client refused, gave back or complains: `occasion`; answers may be empty, to be filled in by hand."""

    client: Party
    occasion: str = "refusal"
    product: str = ""
    contact: str = ""
    answers: tuple[str, str, str] = ("", "", "")
    taken_by: str = ""


OCCASIONS: Mapping[str, str] = {"refusal": "отказ от покупки", "return": "возврат", "complaint": "претензия"}
QUESTIONS = (
    "Что Вам не понравилось в товаре или услуге?",
    "Что Вам не понравилось в работе наших сотрудников?",
    "Что вызвало раздражение при покупке?",
)
"""The three questions of the questionnaire (S002-29)."""


def build_reclamation(
    own: Organisation | None, draft: ReclamationDraft, number: str, day: date
) -> Issued[ReclamationDraft]:
    """Check the complaint. Raises HubError when it says nothing or comes from the future."""
    if not draft.text.strip():
        raise HubError("A reclamation needs the words of the client in `text`.")
    if draft.received > day:
        raise HubError(f"The reclamation of {day:%d.%m.%Y} cannot have come on {draft.received:%d.%m.%Y}.")
    return issue(own, draft, number, day)


def build_survey(own: Organisation | None, draft: SurveyDraft, number: str, day: date) -> Issued[SurveyDraft]:
    """Check the occasion. Raises HubError for an unknown one."""
    if draft.occasion not in OCCASIONS:
        raise HubError(f"There is no occasion {draft.occasion!r}.", hint=f"Use {', '.join(OCCASIONS)}.")
    return issue(own, draft, number, day)


def reclamation_values(issued: Issued[ReclamationDraft]) -> dict[str, Value]:
    """Return the texts of a reclamation."""
    draft = issued.draft
    return common_values(issued, "Рекламация") | {
        "text": draft.text,
        "received": words.day_in_words(draft.received),
        "contact": draft.contact,
        "phone": draft.phone or draft.client.phone,
        "contract": draft.contract,
        "product": draft.product,
        "demand": draft.demand,
        "department": draft.department,
        "head": draft.head,
        "chief": draft.chief,
        "taken_by": draft.taken_by,
    }


def reclamation_notice(values: Values) -> Letter:
    """Word the notice that the head of the department and the chief get at the same time (S003-27)."""
    client = values["client"]
    assert isinstance(client, Mapping)
    facts = (
        ("Клиент", client["name"]),
        ("Обратился", values["contact"]),
        ("Телефон", values["phone"]),
        ("Договор", values["contract"]),
        ("Продукт или услуга", values["product"]),
        ("Подразделение", values["department"]),
        ("Приняли", values["taken_by"]),
    )
    head = "\n".join(f"{label}: {value}" for label, value in facts if value)
    demand = f"\n\nЧего ждёт клиент:\n{values['demand']}" if values["demand"] else ""
    text = (
        f"Чрезвычайное происшествие: клиент недоволен.\n\n{head}\n\nСлова клиента:\n{values['text']}{demand}\n\n"
        "Подтвердите получение, назначьте ответственного и срок и сообщите клиенту, что будет сделано. "
        "Рекламация — в приложенном файле.\n"
    )
    return Letter(f"Рекламация № {values['number']} от {values['date_short']}: {client['name']}", text)


def survey_values(issued: Issued[SurveyDraft]) -> dict[str, Value]:
    """Return the texts of the questionnaire."""
    draft = issued.draft
    return common_values(issued, "Опросный лист") | {
        "occasion": OCCASIONS[draft.occasion],
        "product": draft.product,
        "contact": draft.contact,
        "taken_by": draft.taken_by,
        "questions": [
            {"place": place, "question": question, "answer": answer}
            for place, (question, answer) in enumerate(zip(QUESTIONS, draft.answers, strict=True), 1)
        ],
    }


def survey_letter(values: Values) -> Letter:
    """Ask the client for three answers."""
    questions = values["questions"]
    assert isinstance(questions, list)
    listed = "\n".join(f"{row['place']}. {row['question']}" for row in questions if isinstance(row, Mapping))
    return covering(
        values, "короткий опросный лист",
        f"Ответьте, пожалуйста, на три вопроса — можно прямо в ответном письме:\n{listed}",
        "Ваши ответы помогут нам стать лучше.",
    )  # fmt: skip


FORMS = (
    Form(
        kind="reclamation", title="Рекламация", is_internal=True,
        draft=ReclamationDraft, context=Issued[ReclamationDraft], build=build_reclamation, values=reclamation_values,
        letter=reclamation_notice,
        example=ReclamationDraft(
            SAMPLE_CLIENT,
            "Третий день не выгружается отчёт.\nСпециалист обещал перезвонить и не перезвонил.", date(2026, 11, 21),
            "Ларина Мария Сергеевна", "", "Договор № 17/2026 от 01.02.2026", "Сопровождение программы",
            "Сдать отчёт до 25 ноября и назначить другого специалиста.", "Отдел поддержки", "Фролов Г. А.",
            "Соколова А. Б.", "Иванова О. П.",
        ),
    ),
    Form(
        kind="refusal_survey", title="Опросный лист отказа", is_numbered=False,
        draft=SurveyDraft, context=Issued[SurveyDraft], build=build_survey, values=survey_values, letter=survey_letter,
        example=SurveyDraft(SAMPLE_CLIENT, "refusal", "Программа «Учёт посещений»", "Ларина М. С.",
                            ("Нет отчёта по классам.", "", ""), "Иванова О. П."),
    ),
)  # fmt: skip
