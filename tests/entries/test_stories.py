"""The history of a client tells what was entered in words of a good office."""

from __future__ import annotations

from datetime import timedelta

from bureau import Office

from hub.entries.words import TOLD, Teller, story


def texts(office: Office, client: str = "Школа") -> list[str]:
    return [it["text"] for it in office.json("client", "timeline", client) if it["kind"] in TOLD]


def test_history_reads_aloud(office: Office) -> None:
    office.ok("survey", "new", "--client", "Школа", "--score", "4", "--support", "3", "--reason", "долго ждали",
              "--answered", "20.11.2026")  # fmt: skip
    key = office.json("complaint", "new", "--client", "Школа", "--department", "поддержка", "--text", "не перезвонили",
                      "--filed", "вчера в 12:00")["id"]  # fmt: skip
    office.ok("complaint", "correct", key, "--action", "назначен другой специалист")
    office.now += timedelta(minutes=1)
    office.ok("note", "new", "--client", "Школа", "--topic", "renewal", "--result", "agreed", "--text", "ждут договор.",
              "--next-contact", "в пятницу")  # fmt: skip
    assert texts(office) == [
        "О продлении договора: договорились. Ждут договор. Связаться снова 27.11.2026",
        "По жалобе сделано: назначен другой специалист",
        "Жалоба на подразделение «поддержка»: не перезвонили",
        "Оценки из 10: готовность рекомендовать 4, поддержка 3; недоволен. Причина: долго ждали",
    ]


def test_way_of_a_prospect_reads_aloud(office: Office) -> None:
    key = office.json("prospect", "new", "--name", "Архив", "--city", "-", "--contact", "-", "--phone", "-",
                      "--referrer", "Поликлиника", "--need", "отчёт", "--next-contact", "завтра")["id"]  # fmt: skip
    assert texts(office, "Архив") == [
        "Знакомство начато, рекомендовал КГБУЗ «Поликлиника». Нужно: отчёт. Следующий контакт 24.11.2026"
    ]
    office.ok("referral", "win", key, "--fee", "12500")
    assert "Знакомство завершилось договором, 12\u00a0500,00\u00a0₽ в месяц" in texts(office, "Архив")


def test_other_things_read_aloud(office: Office) -> None:
    office.ok("promise", "new", "--ticket", "512", "--until", "завтра в 10:00", "--who", "Сидорова")
    office.ok(
        "decision", "new", "--ticket", "512", "--decision", "replace", "--specialist", "Орлов", "--reason", "сложно"
    )
    office.ok("task", "new", "--title", "Забрать акт", "--employee", "ivanova", "--due", "завтра", "--client", "Школа")
    office.ok(
        "shipment", "new", "--client", "Школа", "--carrier", "Даймакс", "--planned", "в пятницу", "--number", "77-1"
    )
    office.ok("checklist", "new", "--client", "Школа", "--template", "appendix_1")
    office.ok("questionnaire", "new", "--client", "Школа", "--type", "refusal", "--answer", "дорого")
    office.ok("meeting", "new", "--client", "Школа", "--minutes", "40", "--no-has-decider", "--result", "later")
    office.ok("trait", "new", "--client", "Школа", "--type", "competitor", "--value", "ООО «Сосед»")
    told = set(texts(office))
    assert told == {
        "Клиент согласен ждать специалиста до 24.11.2026 10:00 (Сидорова)",
        "Специалиста заменили, теперь Орлов. Почему: сложно",
        "Поручение (Иванова Мария Сергеевна, срок 24.11.2026 09:00): Забрать акт",
        "Заказан курьер Даймакс, отправление 77-1, обещано 27.11.2026",
        "Начат список «Чек-лист передачи клиента (Приложение 1)», осталось строк: 10",
        "Анкета (отказ от покупки): Что вам не понравилось в товаре или услуге — дорого",
        "Встреча, 40 мин; без того, кто решает. Вернуться позже",
        "Конкурент: ООО «Сосед»",
    }


def test_words_nobody_has_foreseen_stand_as_they_are(office: Office) -> None:
    office.ok("note", "new", "--client", "Школа", "--topic", "переезд", "--result", "сами", "--text", "в мае")
    assert texts(office) == ["Переезд: сами. В мае"]
    assert story("invoice", {}, Teller(office_zone(), {}, str)) == []


def office_zone():  # type: ignore[no-untyped-def]
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Krasnoyarsk")
