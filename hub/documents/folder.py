"""The client folder: its title page, and the check-list of handing a client over (Приложение 1)."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.issued import Issued, common_values, covering, issue
from hub.documents.limits import Value
from hub.documents.parties import Party


class TitleDraft(Struct, frozen=True, omit_defaults=True):
    """What stands on the cover: client, contract, manager, city, contact person and telephone."""

    client: Party
    contract: str
    manager: str
    city: str = ""
    contact: str = ""
    phone: str = ""
    products: tuple[str, ...] = ()


class Step(Struct, frozen=True, omit_defaults=True):
    """One line of the check-list, and who did it when."""

    text: str
    who: str = ""
    day: date | None = None


class ChecklistDraft(Struct, frozen=True, omit_defaults=True):
    """The check-list of one client; without `steps` those of Приложение 1 stand, `title` is that of another list."""

    client: Party
    contract: str = ""
    manager: str = ""
    courier: str = ""
    steps: tuple[Step, ...] = ()
    title: str = ""


def standard_steps(courier: str) -> tuple[Step, ...]:
    """Return the ten lines of Приложение 1; `courier` is the name and telephone of the service."""
    who = f" ({courier})" if courier else ""
    texts = (
        "Проверить папку клиента: титульный лист, счёт в 2 экземплярах, договор каждого вида в 3 экземплярах",
        "Проверить подписи и печати на счетах и договорах",
        f"Вызвать курьера{who}",
        "Позвонить клиенту по сценарию",
        "Отправить свои контакты на электронную почту клиента",
        "Добавить реакцию в CRM с датой, равной планируемой дате доставки",
        "Подготовить коробку",
        "Получить у отдела поддержки электронный ключ и диск (основание — папка клиента)",
        "Подготовить книгу",
        "Подготовить акт передачи программного обеспечения и, если нужно, акт выполненных работ",
    )
    return tuple(Step(text) for text in texts)


def build_title(own: Organisation | None, draft: TitleDraft, number: str, day: date) -> Issued[TitleDraft]:
    """Check the cover."""
    return issue(own, draft, number, day)


def build_checklist(own: Organisation | None, draft: ChecklistDraft, number: str, day: date) -> Issued[ChecklistDraft]:
    """Check the list."""
    return issue(own, draft, number, day)


def title_values(issued: Issued[TitleDraft]) -> dict[str, Value]:
    """Return the texts of the cover."""
    draft = issued.draft
    return common_values(issued, "Папка клиента") | {
        "contract": draft.contract,
        "manager": draft.manager,
        "client_city": draft.city,
        "contact": draft.contact,
        "phone": draft.phone or draft.client.phone,
        "products": list(draft.products),
    }


def checklist_values(issued: Issued[ChecklistDraft]) -> dict[str, Value]:
    """Return the texts of the check-list."""
    draft = issued.draft
    steps: list[Value] = [
        {"place": place, "text": step.text, "who": step.who, "day": words.short_day(step.day)}
        for place, step in enumerate(draft.steps or standard_steps(draft.courier), 1)
    ]
    return common_values(issued, draft.title or "Чек-лист передачи клиента") | {
        "contract": draft.contract,
        "manager": draft.manager,
        "is_annex": not draft.title,
        "steps": steps,
    }


def folder_letter(values: Values) -> Letter:
    """Pass the paper on inside the firm."""
    client = values["client"]
    assert isinstance(client, dict)
    return covering(values, f"«{values['title']}»: {client['name']}")


FORMS = (
    Form(
        kind="title_page", title="Титульный лист клиентской папки", is_numbered=False, is_internal=True,
        draft=TitleDraft, context=Issued[TitleDraft], build=build_title, values=title_values, letter=folder_letter,
        example=TitleDraft(
            SAMPLE_CLIENT, "№ 17/2026 от 01.02.2026", "Иванова Ольга Петровна", "Красноярск", "Ларина Мария Сергеевна",
            "+7 391 200-00-05", ("Программа «Учёт посещений»", "Абонентское обслуживание"),
        ),
    ),
    Form(
        kind="checklist", title="Чек-лист (Приложение 1)", is_numbered=False, is_internal=True,
        draft=ChecklistDraft, context=Issued[ChecklistDraft], build=build_checklist, values=checklist_values,
        letter=folder_letter,
        example=ChecklistDraft(SAMPLE_CLIENT, "№ 17/2026 от 01.02.2026", "Иванова О. П.",
                               "служба доставки, тел. 200-00-53"),
    ),
)  # fmt: skip
