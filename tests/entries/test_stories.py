"""The history of a client tells what was entered in words of a good office."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bureau import Office

from hub.entries.words import TOLD, Teller, story
from hub.model.entities import Call, Contact, ContactPoint, Invoice, Payment, Reference, Ticket
from hub.model.values import Money


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
    assert story("order", {}, Teller(office_zone(), {}, str)) == []


def office_zone():  # type: ignore[no-untyped-def]
    from zoneinfo import ZoneInfo

    return ZoneInfo("Asia/Krasnoyarsk")


def test_history_tells_of_calls_letters_papers_and_money(office: Office) -> None:
    """What other systems brought is told in the same words as what people entered."""
    client = Reference("client", "1")
    at = office.now - timedelta(days=1)
    office.says("desk", "c1", Call(number="+73912000000", started=at, talk_seconds=95))
    office.says("desk", "c2", Call(number="+73912000000", started=at, state="missed"))
    office.says("base", "k2", Contact(name="Приёмная", client=client, points=(ContactPoint("phone", "+73912000000"),)))
    office.says("base", "p1", Payment(number="", client=client, date=at.date(), total=Money(Decimal("1500.5"))))
    office.says("base", "i1", Invoice(number="7", client=client, date=at.date(), total=Money(Decimal(100))))
    office.says("base", "t2", Ticket(number="513", subject="Печать", client=client, priority="important", created=at))
    assert {it["text"] for it in office.json("client", "timeline", "Школа")} == {
        "Входящий звонок, 1:35, +73912000000", "Пропущенный звонок, +73912000000", "Оплата, 1\u00a0500,50\u00a0₽",
        "Счёт № 7, 100,00\u00a0₽", "Заявка № 513: Печать (важная, в работе)",
    }  # fmt: skip


def test_lists_of_what_was_entered_stay_within_80_columns(office: Office) -> None:
    office.ok("client", "set", "Школа", "name=Муниципальное бюджетное общеобразовательное учреждение «Школа № 5»")
    long = "звонки клиентам: согласование сроков, поиск документов по договору"
    office.ok("diary", "new", "--employee", "ivanova", "--client", "Муниципальное", "--begun", "вчера в 10:00",
              "--ended", "вчера в 11:00", "--activity", long)  # fmt: skip
    office.ok("trait", "new", "--client", "Муниципальное", "--type", "competitor", "--value", long, "--text", long)
    office.ok("complaint", "new", "--client", "Муниципальное", "--department", "поддержка", "--text", long)
    office.ok("questionnaire", "new", "--client", "Муниципальное", "--type", "return", "--answer", "да")
    for kind in ("diary", "trait", "complaint", "questionnaire"):
        told = office.ok(kind, "list").splitlines()
        assert max(map(len, told)) <= 80
        assert told[1].split()[0] == office.rows(kind)[0]["id"], "ids stay whole"
    office.ok("survey", "new", "--client", "Муниципальное", "--score", "9")
    assert "reason" not in office.ok("survey", "list"), "a column that nobody filled is not there"
    shown = office.ok("questionnaire", "show", office.rows("questionnaire")[0]["id"])
    assert "question: Что вам не понравилось в товаре или услуге?, answer: да\n" in shown
