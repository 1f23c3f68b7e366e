"""What was entered, told in words of a good office: one line for each thing that happened, with its moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.model.values import Money

Row: TypeAlias = Mapping[str, Any]
Told: TypeAlias = tuple[datetime | date, str]

_TOPICS = {
    "call": "Разговор", "renewal": "О продлении договора", "debt": "О задолженности",
    "recommendation": "О рекомендации",
    "origin": "Как нас нашли", "receipt": "О получении предложения", "decision": "О решении по предложению",
    "loss": "О причинах ухода", "papers": "О документах", "wish": "Пожелание", "invitation": "Приглашение",
    "reporting": "О проверке перед отчётностью", "commercial": "Передано в отдел продаж",
    "sketch": "Размеры объекта", "support": "Передано в поддержку", "management": "Передано руководству",
}  # fmt: skip
_RESULTS = {
    "reached": "дозвонились", "satisfied": "доволен", "agreed": "договорились", "refused": "отказ",
    "promised": "обещал", "received": "получено", "later": "вернуться позже", "right": "всё верно",
    "wrong": "есть ошибки",
}  # fmt: skip
_VERDICTS = {"satisfied": "доволен", "neutral": "без восторга", "dissatisfied": "недоволен"}
_FORMS = {"refusal": "отказ от покупки", "return": "возврат", "complaint": "жалоба"}
_TRAITS = {"hobby": "Увлечение", "preference": "Предпочтение", "competitor": "Конкурент"}
_STAGES = {
    "need_wait": "срочной потребности пока нет",
    "free_ticket": "решаем заявки бесплатно",
    "offer": "пора предложить договор",
}


class Teller(Struct, frozen=True):
    """Who tells: the office's zone, and the names of our people and of clients by their ids."""

    zone: ZoneInfo
    people: Mapping[str, str]
    clients: Callable[[str], str]

    def day(self, value: date | datetime | None) -> str:
        """Return a day, an instant with its time of day."""
        if isinstance(value, datetime):
            return f"{value.astimezone(self.zone):%d.%m.%Y %H:%M}"
        return f"{value:%d.%m.%Y}" if value else ""

    def who(self, employee: str | None) -> str:
        """Return the name of one of our people."""
        return self.people.get(employee or "", employee or "")

    def money(self, value: Money) -> str:
        """Return an amount as it is read aloud."""
        sign = "₽" if value.currency == "RUB" else value.currency
        return f"{value.amount:,.2f}".replace(",", "\u00a0").replace(".", ",") + f"\u00a0{sign}"


def story(kind: str, row: Row, teller: Teller) -> list[Told]:
    """Return what happened to an entry, each thing with its moment; nothing for a kind that is told of elsewhere."""
    tell = _STORIES.get(kind)
    return [(moment, _sentence(text)) for moment, text in tell(row, teller) if moment is not None] if tell else []


def _sentence(text: str) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text).strip(" .;,")


def _with(*parts: str | None, joint: str = ". ") -> str:
    said = [part.strip().rstrip(".") for part in parts if part and part.strip()]
    return joint.join(part[0].upper() + part[1:] if joint == ". " else part for part in said if part)


def _survey(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    named = (("score", "готовность рекомендовать"), ("software", "программа"), ("support", "поддержка"),
             ("company", "компания в целом"))  # fmt: skip
    figures = ", ".join(f"{words} {row[name]}" for name, words in named if row[name] is not None)
    head = f"Оценки из 10: {figures}" if figures else "Опрос"
    verdict = _VERDICTS.get(row["verdict"] or "", "")
    yield row["answered"], _with(head + (f"; {verdict}" if verdict else ""),
                                 row["reason"] and f"Причина: {row['reason']}", row["text"])  # fmt: skip


def _complaint(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    end = " (отозвана)" if row["state"] == "withdrawn" else ""
    yield row["filed"], f"Жалоба на подразделение «{row['department']}»{end}: {row['text']}"
    yield row["acknowledged"], "Жалоба принята к сведению"
    yield row["corrected"], f"По жалобе сделано: {row['action']}"
    yield row["confirmed"], "Клиент доволен тем, как решили его жалобу"


def _note(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    head = _TOPICS.get(row["topic"] or "", (row["topic"] or "").capitalize() or "Запись")
    result = _RESULTS.get(row["result"] or "", row["result"] or "")
    next_ = row["next_contact"] and f"Связаться снова {teller.day(row['next_contact'])}"
    yield row["written"], _with(f"{head}: {result}" if result else head, row["text"], next_)


def _promise(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    who = f" ({row['who']})" if row["who"] else ""
    yield row["given"], _with(f"Клиент согласен ждать специалиста до {teller.day(row['until'])}{who}", row["text"])


def _decision(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    specialist = row["specialist"] or ""
    heads = {
        "keep": f"Решили оставить специалиста {specialist}", "replace": f"Специалиста заменили, теперь {specialist}",
        "overtime": f"Договорились о работе вечером или в выходной: {specialist}",
        "plan": f"Заявку решим к {teller.day(row['planned'])}", "consent": "Клиент согласен, что заявка отменена",
    }  # fmt: skip
    yield row["decided"], _with(heads.get(row["decision"] or "", row["decision"]),
                                row["reason"] and f"Почему: {row['reason']}")  # fmt: skip


def _referral(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    by = f", рекомендовал {teller.clients(row['referrer'])}" if row["referrer"] else ""
    competitor = row["competitor"] and f"Сейчас обслуживает {row['competitor']}"
    free = row["free_tickets"] and f"Бесплатно решено заявок: {row['free_tickets']}"
    next_ = row["next_contact"] and f"Следующий контакт {teller.day(row['next_contact'])}"
    need = row["need"] and f"Нужно: {row['need']}"
    stage = _STAGES.get(row["stage"], "").capitalize()
    yield row["created"], _with(f"Знакомство начато{by}", need, competitor, stage, free, next_)
    if row["stage"] == "won":
        fee = f", {teller.money(row['fee'])} в месяц" if row["fee"] else ""
        yield row["ended"], f"Знакомство завершилось договором{fee}"
    else:
        yield row["ended"], f"Знакомство ничем не кончилось: {row['reason']}"


def _checklist(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    left = sum(1 for it in row["items"] if not it.get("done"))
    yield row["created"], f"Начат список «{row['title']}»" + (f", осталось строк: {left}" if left else "")
    yield row["completed"], f"Список «{row['title']}» выполнен"


def _questionnaire(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    said = "; ".join(f"{it['question'].rstrip('?')} — {it['answer']}" for it in row["answers"] if it.get("answer"))
    yield row["answered"], f"Анкета ({_FORMS.get(row['type'], row['type'])}): {said}"


def _meeting(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    head = (
        "Встреча"
        + (f", {row['minutes']} мин" if row["minutes"] else "")
        + (f", {row['place']}" if row["place"] else "")
    )
    decider = {True: "с тем, кто решает", False: "без того, кто решает"}.get(row["has_decider"])
    yield (
        row["held"],
        _with(_with(head, decider, joint="; "), _RESULTS.get(row["result"] or "", row["result"]), row["text"]),
    )


def _diary(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    yield row["begun"], f"{teller.who(row['employee'])}: {row['activity']}"


def _task(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    due = f", срок {teller.day(row['due'])}" if row["due"] else ""
    yield row["given"], f"Поручение ({teller.who(row['employee'])}{due}): {row['title']}"
    yield row["done"], _with(f"Поручение выполнено: {row['title']}", row["result"])


def _trait(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    if row["type"] == "list":
        yield row["noticed"], f"В списке: {row['text'] or row['value']}"
        return
    yield row["noticed"], _with(f"{_TRAITS.get(row['type'], row['type'].capitalize())}: {row['value']}", row["text"])


def _shipment(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    planned = row["planned"] and f"обещано {teller.day(row['planned'])}"
    ends = {"failed": "не доставлено", "cancelled": "отменено"}
    number = row["number"] and f"отправление {row['number']}"
    yield row["ordered"], _with(f"Заказан курьер {row['carrier'] or ''}", number, planned, ends.get(row["state"]),
                                row["status"], joint=", ")  # fmt: skip
    yield row["picked_up"], "Курьер забрал отправление"
    yield row["delivered"], "Отправление доставлено"


def _project(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    name = f"«{row['name']}»"
    address = row["address"] and f"адрес: {row['address']}"
    yield row["start"], _with(f"Объект {name} в работе, сдача {teller.day(row['end'])}", address)
    yield row["accepted"], f"Объект {name}: акт приёмки подписан" + (", есть фотография" if row["has_photo"] else "")
    yield row["closed"], f"Объект {name} закрыт" + (f", прибыль {teller.money(row['profit'])}" if row["profit"] else "")


def _offer(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
    sum_ = f" на {teller.money(row['total'])}" if row["total"] else ""
    head = f"Предложение № {row['number']}{sum_}"
    ends = {"contract": "согласовано, заключаем договор", "refused": "отказ"}
    next_ = row["next_call"] and f"Позвонить {teller.day(row['next_call'])}"
    answer = row["answer"] and f"Ответ: {row['answer']}"
    yield row["date"], _with(head + (f": {ends[row['state']]}" if row["state"] in ends else ""), answer, next_)
    yield row["sent"], f"{head} отправлено"
    yield row["received"], f"{head} получено клиентом"


def _handover(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    yield row["date"], f"Отгружено на объект: {_goods(row)}"


def _purchase(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    yield row["ready"], f"Закуплено для объекта: {_goods(row)}"
    if row["ready"] is None:
        yield row["needed"], f"К этому дню заказано для объекта: {_goods(row)}"


def _goods(row: Row) -> str:
    return ", ".join(
        f"{it['title']} — {it.get('quantity', '1').replace('.', ',')}{f' {unit}' if (unit := it.get('unit')) else ''}"
        + (" (по гарантии)" if it.get("is_warranty") else "")
        for it in row["lines"]
    )


_PRIORITIES = {"urgent": "срочная", "important": "важная", "normal": "обычная", "low": "не срочная"}
_STATES = {"new": "новая", "open": "в работе", "postponed": "отложена", "solved": "решена", "closed": "закрыта",
           "cancelled": "отменена"}  # fmt: skip
_CALLS = {("inbound", True): "Входящий звонок", ("outbound", True): "Исходящий звонок",
          ("inbound", False): "Пропущенный звонок", ("outbound", False): "Звонок без ответа"}  # fmt: skip


def _call(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    talked = row["state"] == "connected"
    head = _CALLS.get((row["direction"], talked), "Внутренний звонок")
    seconds = f", {row['talk_seconds'] // 60}:{row['talk_seconds'] % 60:02}" if talked else ""
    yield row["started"], f"{head}{seconds}, {row['number'] or row['raw_number'] or 'номер скрыт'}"


def _message(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    head = "Письмо от клиента" if row["direction"] == "inbound" else "Письмо клиенту"
    yield row["sent"], f"{head}: {row['subject'] or 'без темы'}"


def _ticket(row: Row, _: Teller) -> Iterator[tuple[Any, str]]:
    words = (_PRIORITIES.get(row["priority"], row["priority"]), _STATES.get(row["state"], row["state"]))
    yield row["created"], f"Заявка № {row['number']}: {row['subject']} ({', '.join(filter(None, words))})"


def _paper(title: str, day: str, amount: str) -> Callable[[Row, Teller], Iterator[tuple[Any, str]]]:
    """Return who tells of a paper with a number, a day and a sum."""

    def tell(row: Row, teller: Teller) -> Iterator[tuple[Any, str]]:
        number = f" № {row['number']}" if row["number"] else ""
        yield row[day], f"{title}{number}" + (f", {teller.money(row[amount])}" if row[amount] else "")

    return tell


_STORIES: Mapping[str, Callable[[Row, Teller], Iterator[tuple[Any, str]]]] = {
    "survey": _survey,
    "complaint": _complaint,
    "note": _note,
    "promise": _promise,
    "decision": _decision,
    "referral": _referral,
    "checklist": _checklist,
    "questionnaire": _questionnaire,
    "meeting": _meeting,
    "diary": _diary,
    "task": _task,
    "trait": _trait,
    "shipment": _shipment,
    "project": _project,
    "offer": _offer,
    "handover": _handover,
    "purchase": _purchase,
    "call": _call,
    "message": _message,
    "ticket": _ticket,
    "invoice": _paper("Счёт", "date", "total"),
    "act": _paper("Акт", "date", "total"),
    "payment": _paper("Оплата", "date", "total"),
    "contract": _paper("Договор", "start", "fee"),
}
TOLD = tuple(_STORIES)
"""Kinds that have a story."""
