"""Letters to a client: request for a reference, greeting, invitation, newsletter in blocks.

Each is an e-mail (`Form.letter`) and a page on the letterhead; both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.genitive import decline_name, gender_of, short_name
from hub.documents.issued import Issued, common_values, issue
from hub.documents.limits import Value
from hub.documents.parties import Party
from hub.model.errors import HubError


class ReferenceRequestDraft(Struct, frozen=True, omit_defaults=True):
    """A content client is asked for a letter that says what is good."""

    client: Party
    products: str
    contact: str = ""
    since: date | None = None
    manager: str = ""
    manager_phone: str = ""


class GreetingDraft(Struct, frozen=True, omit_defaults=True):
    """`occasion` follows «поздравляем»: «с Днём бухгалтера»; `text` are the wishes, ours when none are said."""

    client: Party
    occasion: str
    contact: str = ""
    text: str = ""
    manager: str = ""
    manager_phone: str = ""


class InvitationDraft(Struct, frozen=True, omit_defaults=True):
    """An event; `when` as people say it, with day and hour."""

    client: Party
    event: str
    when: str
    place: str
    contact: str = ""
    programme: tuple[str, ...] = ()
    answer_by: date | None = None
    manager: str = ""
    manager_phone: str = ""


class Block(Struct, frozen=True, omit_defaults=True):
    """One block of a newsletter: `part` is news, useful, offer or greeting."""

    part: str
    title: str
    text: str


class NewsletterDraft(Struct, frozen=True, omit_defaults=True):
    """News of the firm in blocks; `unsubscribe` says how to have no more of them."""

    client: Party
    subject: str
    blocks: tuple[Block, ...]
    contact: str = ""
    unsubscribe: str = "Если Вы не хотите получать рассылку, ответьте на это письмо словом «Отписаться»."
    manager: str = ""
    manager_phone: str = ""


PARTS: Mapping[str, str] = {
    "news": "Новости и события",
    "useful": "Полезное для работы",
    "offer": "Цены, акции, скидки",
    "greeting": "От души",
}
"""Blocks of a newsletter in their order."""


def salutation(name: str) -> str:
    """Return «Уважаемая Мария Сергеевна!», or «Здравствуйте!» when gender or given name are not plain."""
    parts, gender = name.split(), gender_of(name)
    if len(parts) != 3 or not gender or short_name(name) == name:
        return "Здравствуйте!"
    given = parts[1:] if gender_of(f"x {parts[2]}") else parts[:2]
    return f"{'Уважаемый' if gender == 'm' else 'Уважаемая'} {' '.join(given)}!"


def attention(name: str) -> str:
    """Return «Вниманию Лариной Марии Сергеевны», or an empty text when the case is not sure."""
    declined = decline_name(name, "genitive") if name else None
    return f"Вниманию {declined.text}" if declined and declined.is_certain else ""


def letter_values(
    issued: Issued[Any], title: str, *, contact: str, manager: str, manager_phone: str, before: Sequence[str],
    after: Sequence[str] = (), heads: Sequence[str] = (), rows: Sequence[Value] = (), official: bool = False,
    blocks: Sequence[Value] = (),
) -> dict[str, Value]:  # fmt: skip
    """Return the texts of a letter: paragraphs, perhaps a table or blocks, paragraphs; who signs.

    An official letter is signed by the head, another one by the manager where there is one.
    """
    values = common_values(issued, title)
    seller = values["seller"]
    assert isinstance(seller, dict)
    signer = seller["signer"]
    assert isinstance(signer, dict)
    by_manager = bool(manager) and not official
    return values | {
        "attention": attention(contact),
        "salutation": salutation(contact),
        "before": list(before),
        "after": list(after),
        "heads": list(heads),
        "rows": list(rows),
        "blocks": list(blocks),
        "sign_position": "Ваш менеджер" if by_manager else signer["position"],
        "sign_name": manager if by_manager else signer["short"],
        "executor": ", ".join(part for part in (manager, manager_phone) if part),
        "is_official": official,
    }


def as_mail(values: Values) -> Letter:
    """Return the letter itself as an e-mail."""
    parts = [_text(values["salutation"]), *_texts(values["before"])]
    rows = values["rows"]
    assert isinstance(rows, Sequence)
    heads = _texts(values["heads"])
    parts += ["\n".join(_row(heads, row) for row in rows)] if rows else []
    blocks = values["blocks"]
    assert isinstance(blocks, Sequence)
    for block in blocks:
        assert isinstance(block, Mapping)
        parts.append(f"{_text(block['part']).upper()}\n{block['title']}\n{block['text']}")
    parts += _texts(values["after"])
    seller = values["seller"]
    assert isinstance(seller, Mapping)
    phone = _text(values["executor"]) if values["is_official"] else ""
    who = [_text(values["sign_position"]), _text(values["sign_name"]), _text(seller["name"]), _text(seller["phone"])]
    ending = "\n".join(["С уважением,", *filter(None, who), *([f"Исполнитель: {phone}"] if phone else [])])
    return Letter(_text(values["title"]), "\n\n".join([*parts, ending]) + "\n")


def _row(heads: Sequence[str], row: Value) -> str:
    cells = _texts(row)
    return f"— {cells[0]}: " + ", ".join(
        f"{head.lower()} {cell}" for head, cell in zip(heads[1:], cells[1:], strict=True)
    )


def _text(value: Value) -> str:
    return str(value)


def _texts(values: Value) -> list[str]:
    assert isinstance(values, Sequence)
    return [str(value) for value in values]


def build_letter(own: Organisation | None, draft: Any, number: str, day: date) -> Issued[Any]:
    """Check the addressee."""
    return issue(own, draft, number, day)


def build_newsletter(
    own: Organisation | None, draft: NewsletterDraft, number: str, day: date
) -> Issued[NewsletterDraft]:
    """Check the blocks. Raises HubError for an unknown or missing one."""
    if not draft.blocks:
        raise HubError("A newsletter needs at least one block.")
    for block in draft.blocks:
        if block.part not in PARTS:
            raise HubError(f"There is no block {block.part!r} in a newsletter.", hint=f"Use {', '.join(PARTS)}.")
    return issue(own, draft, number, day)


_REFERENCE = (
    "Просим Вас написать для нас рекомендательное письмо на бланке организации. Достаточно нескольких предложений: "
    "что изменилось в работе, что Вам особенно понравилось в программе, в поддержке и в наших специалистах, кому и "
    "почему Вы посоветовали бы нас."
)


def reference_values(issued: Issued[ReferenceRequestDraft]) -> dict[str, Value]:
    """Return the texts of the request."""
    draft = issued.draft
    since = f" с {words.day_in_words(draft.since)}" if draft.since else ""
    return letter_values(
        issued, "Просьба о рекомендательном письме", contact=draft.contact, manager=draft.manager,
        manager_phone=draft.manager_phone,
        before=[
            f"Мы сотрудничаем{since} и рады, что Вы довольны нашей работой ({draft.products}).",
            _REFERENCE,
            "Письмо можно прислать в ответ на это сообщение. Или позвоните: подготовим черновик с Ваших слов.",
        ],
        after=["Спасибо за доверие!"],
    )  # fmt: skip


def greeting_values(issued: Issued[GreetingDraft]) -> dict[str, Value]:
    """Return the texts of a greeting."""
    draft = issued.draft
    wishes = draft.text or (
        "Желаем здоровья, благополучия и спокойной работы: пусть отчёты сходятся с первого раза, а планы исполняются."
    )
    return letter_values(
        issued, f"Поздравляем {draft.occasion}!", contact=draft.contact, manager=draft.manager,
        manager_phone=draft.manager_phone, before=["Примите наши искренние поздравления!", *wishes.split("\n")],
        after=["Спасибо, что Вы с нами."],
    )  # fmt: skip


def invitation_values(issued: Issued[InvitationDraft]) -> dict[str, Value]:
    """Return the texts of an invitation."""
    draft = issued.draft
    programme: list[str] = ["В программе:", *(f"— {item}" for item in draft.programme)] if draft.programme else []
    answer = f" до {words.day_in_words(draft.answer_by)}" if draft.answer_by else ""
    sure = f"Пожалуйста, сообщите{answer}, сможете ли Вы прийти: ответьте на это письмо или позвоните нам."
    return letter_values(
        issued, "Приглашение", contact=draft.contact, manager=draft.manager, manager_phone=draft.manager_phone,
        before=[
            f"Приглашаем Вас на мероприятие — {draft.event}.",
            f"Когда: {draft.when}.",
            f"Где: {draft.place}.",
            *programme,
        ],
        after=[sure, "Будем рады встрече!"],
    )  # fmt: skip


def newsletter_values(issued: Issued[NewsletterDraft]) -> dict[str, Value]:
    """Return the texts of a newsletter, its blocks in their order."""
    draft = issued.draft
    order = list(PARTS)
    blocks: list[Value] = [
        {"part": PARTS[block.part], "title": block.title, "text": block.text}
        for block in sorted(draft.blocks, key=lambda block: order.index(block.part))
    ]
    return letter_values(
        issued, draft.subject, contact=draft.contact, manager=draft.manager, manager_phone=draft.manager_phone,
        before=[], after=[draft.unsubscribe], blocks=blocks,
    )  # fmt: skip


_WHO = ("Ларина Мария Сергеевна", "Иванова Ольга Петровна", "+7 391 200-00-02")


def _form(
    kind: str, title: str, context: type[Issued[Any]], draft: Any, values: Any, build: Any = build_letter
) -> Form[Any, Any]:
    return Form(
        kind=kind, title=title, look="letter", is_numbered=False, draft=type(draft), context=context,
        build=build, values=values, letter=as_mail, example=draft,
    )  # fmt: skip


FORMS: tuple[Form[Any, Any], ...] = (
    _form(
        "reference_request", "Запрос рекомендательного письма", Issued[ReferenceRequestDraft],
        ReferenceRequestDraft(SAMPLE_CLIENT, "сопровождение программы «Учёт посещений»", _WHO[0], date(2026, 2, 1),
                              *_WHO[1:]),
        reference_values,
    ),
    _form(
        "greeting", "Поздравление", Issued[GreetingDraft],
        GreetingDraft(SAMPLE_CLIENT, "с Днём бухгалтера", _WHO[0], "", *_WHO[1:]), greeting_values,
    ),
    _form(
        "invitation", "Приглашение", Issued[InvitationDraft],
        InvitationDraft(
            SAMPLE_CLIENT, "семинар «Годовая отчётность учреждения»", "10 декабря 2026 г. в 10:00",
            "г. Красноярск, ул. Примерная, д. 1, зал 2", _WHO[0],
            ("что изменилось в отчётности", "частые ошибки и как их найти", "ответы на вопросы"), date(2026, 12, 7),
            *_WHO[1:],
        ),
        invitation_values,
    ),
    _form(
        "newsletter", "Рассылка", Issued[NewsletterDraft],
        NewsletterDraft(
            SAMPLE_CLIENT, "Новости ноября",
            (
                Block("news", "Вышла новая версия программы", "Отчёт о посещениях строится за минуту."),
                Block("useful", "Как закрыть год без ошибок", "Статья о проверке остатков перед отчётностью."),
                Block("offer", "Скидка 10 % на обучение", "Для наших клиентов — до конца декабря."),
                Block("greeting", "С наступающим!", "До Нового года осталось совсем немного."),
            ),
            _WHO[0], manager=_WHO[1], manager_phone=_WHO[2],
        ),
        newsletter_values, build_newsletter,
    ),
)  # fmt: skip
