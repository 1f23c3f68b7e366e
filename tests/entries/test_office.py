"""Diary, tasks, occasions, campaigns, traits, dictionaries, parcels and questionnaires."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from bureau import Office


def test_diary_tells_of_each_hour_once(office: Office) -> None:
    """S004-8, S004-9; an absence is told in advance."""
    office.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    said = ("--employee", "ivanova", "--activity", "звонки клиентам")
    office.ok("diary", "new", *said, "--begun", "сегодня в 10:00", "--ended", "сегодня в 11:00")
    assert "23.11 10:00–11:00 is told of" in office.refused(
        "diary", "new", *said, "--begun", "сегодня в 10:30", "--ended", "сегодня в 12:00")  # fmt: skip
    office.ok("diary", "new", *said, "--begun", "сегодня в 11:00", "--ended", "сегодня в 12:00", "--place", "client")
    office.ok("diary", "new", "--employee", "petrov", "--activity", "объект", "--begun", "сегодня в 10:30", "--ended",
              "сегодня в 11:30")  # fmt: skip
    assert "must end after" in office.refused("diary", "new", *said, "--begun", "сегодня в 14:00", "--ended",
                                              "сегодня в 13:00")  # fmt: skip
    assert "Only an absence" in office.refused("diary", "new", *said, "--begun", "сегодня в 15:00", "--ended",
                                               "сегодня в 17:00")  # fmt: skip
    office.ok("diary", "new", *said[:2], "--activity", "врач", "--place", "absent", "--begun", "2026-11-25T09:00",
              "--ended", "2026-11-25T18:00")  # fmt: skip
    assert len(office.rows("diary")) == 4


def test_task_is_given_and_done(each_office: Office) -> None:
    """S004-7, S003-14."""
    office = each_office
    key = office.json("task", "new", "--title", "Забрать подписанный акт", "--employee", "ivanova", "--by", "petrov",
                      "--due", "завтра в 12:00", "--client", "Школа")["id"]  # fmt: skip
    assert "that time is over" in office.refused(
        "task", "new", "--title", "x", "--employee", "ivanova", "--due", "вчера"
    )
    assert [it["title"] for it in office.json("task", "list", "--open")] == ["Забрать подписанный акт"]
    office.ok("task", "done", key, "--result", "забрала")
    assert "done already" in office.refused("task", "done", key)
    (row,) = office.rows("task")
    assert (row["by"], row["result"], row["done"]) == ("petrov", "забрала", office.now)
    assert row["due"] == datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert office.json("task", "list", "--open") == []


def test_task_that_comes_again_is_given_anew_when_it_is_done(each_office: Office) -> None:
    """Times that were missed are not made up for; a correction of the first one keeps its rule."""
    office = each_office
    office.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    first = office.json("task", "new", "--title", "Сверка с казначейством", "--employee", "ivanova",
                        "--every", "каждый понедельник в 10:00")["id"]  # fmt: skip
    (row,) = office.rows("task")
    assert (row["every"], row["due"]) == ("FREQ=WEEKLY;BYDAY=MO", datetime(2026, 11, 30, 3, tzinfo=UTC))
    assert "does not say how often" in office.refused(
        "task", "new", "--title", "x", "--employee", "ivanova", "--every", "иногда"
    )
    office.ok("task", "change", first, "--text", "с выпиской")

    office.now = datetime(2026, 12, 9, 9, 0, tzinfo=UTC)  # the Monday between was missed
    office.ok("task", "done", first, "--result", "сошлось")
    assert "done already" in office.refused("task", "done", first)
    (coming,) = office.json("task", "list", "--open")
    assert (coming["title"], coming["text"], coming["due"]) == (
        "Сверка с казначейством", "с выпиской", "2026-12-14T03:00:00+00:00"
    )  # fmt: skip
    assert coming["id"] != first
    assert len(office.rows("task")) == 2


def test_parcel_goes_its_way_and_the_carrier_moves_the_day(each_office: Office) -> None:
    """S003-18, S003-20, S003-23."""
    office = each_office
    key = office.json("shipment", "new", "--client", "Школа", "--carrier", "Даймакс", "--city", "Канск", "--planned",
                      "в пятницу", "--cost", "1 250,50", "--number", "77-1")["id"]  # fmt: skip
    office.ok("shipment", "pickup", key)
    office.ok("shipment", "mark", "77-1", "--status", "прибыло в Канск")
    office.ok("shipment", "fail", key, "--status", "никого нет")
    office.ok("shipment", "move", key, "--planned", "30.11")
    assert (office.rows("shipment")[0]["state"], office.rows("shipment")[0]["planned"]) == (
        "on_the_way",
        date(2026, 11, 30),
    )
    assert "is over" in office.refused("shipment", "move", key, "--planned", "20.11.2026")
    office.ok("shipment", "deliver", key)
    assert "delivered already" in office.refused("shipment", "mark", key, "--status", "едет")
    assert [name for name, _ in office.events() if "observed" not in name] == [
        f"shipment.{verb}" for verb in ("ordered", "picked_up", "status", "failed", "eta_changed", "delivered")
    ]
    other = office.json("shipment", "new", "--client", "Школа", "--carrier", "Даймакс")["id"]
    office.ok("shipment", "cancel", other)
    assert office.json("shipment", "list", "--open") == []


def test_questionnaire_asks_what_the_firm_asks(made: Callable[..., Office]) -> None:
    """S002-29: three questions unless the firm has others."""
    office = made(entering={"questions": {"refusal": ["Почему?"], "visit": ["Чисто?", "Вежливо?"]}})
    office.ok("client", "new", "--name", "Фермер", "--city", "-", "--contact", "-", "--phone", "-")
    assert office.json("questionnaire", "questions") == {"refusal": ["Почему?"], "visit": ["Чисто?", "Вежливо?"]}
    office.ok("questionnaire", "new", "--client", "Фермер", "--type", "visit", "--answer", "-", "--answer", "да")
    (row,) = office.rows("questionnaire")
    assert row["answers"] == [{"question": "Чисто?"}, {"question": "Вежливо?", "answer": "да"}]
    assert "1 questions and 2 answers" in office.refused(
        "questionnaire", "new", "--client", "Фермер", "--type", "refusal", "--answer", "дорого",
        "--answer", "да")  # fmt: skip
    assert "refusal, visit" in office.refused("questionnaire", "new", "--client", "Фермер", "--type", "return")
    assert "no question is answered" in office.refused("questionnaire", "new", "--client", "Фермер", "--type", "visit")


def test_three_questions_by_default(office: Office) -> None:
    """S002-29: the product or service, the work of the staff, what irritated at the sale."""
    asked = office.json("questionnaire", "questions")["refusal"]
    assert [word in text for word, text in zip(("товаре", "сотрудников", "раздражение"), asked, strict=True)] == [
        True
    ] * 3


def test_occasion_campaign_and_trait_are_kept(office: Office) -> None:
    """S002-16, S002-18, S000-13, S002-19, S002-36."""
    office.ok("occasion", "new", "--title", "Юбилей школы", "--date", "15.12.2000", "--client", "Школа")
    assert "is over" in office.refused("occasion", "new", "--title", "Семинар", "--date", "15.10.2026", "--type",
                                       "event", "--no-is-yearly")  # fmt: skip
    key = office.json("campaign", "new", "--title", "Закрытие года в 1С", "--segment", "школы", "--date", "1 декабря")[
        "id"
    ]
    office.ok("campaign", "send", key)
    office.ok("trait", "new", "--client", "Школа", "--contact", "Сидорова", "--type", "hobby", "--value", "розы")
    (occasion,), (campaign,), (trait,) = (office.rows(kind) for kind in ("occasion", "campaign", "trait"))
    assert (occasion["type"], occasion["is_yearly"], occasion["date"]) == ("anniversary", True, date(2000, 12, 15))
    assert (campaign["block"], campaign["date"], campaign["sent"]) == ("useful", date(2026, 12, 1), office.now)
    assert (trait["value"], trait["noticed"]) == ("розы", date(2026, 11, 23))


def test_dictionary_learns_what_it_does_not_know(office: Office) -> None:
    """S002-13: how a word reads is found, or entered once and found from then on."""
    assert "nobody has entered" in office.refused("term", "say", "position", "главный бухгалтер")
    office.ok("term", "new", "--dictionary", "position", "--text", "Главный бухгалтер", "--value", "chief accountant")
    assert office.ok("term", "say", "position", "главный бухгалтер") == "chief accountant\n"
    assert "it is known" in office.refused("term", "new", "--dictionary", "position", "--text", "главный бухгалтер",
                                           "--value", "head accountant")  # fmt: skip
    assert "nobody" in office.refused("term", "say", "position", "главный бухгалтер", "--language", "fr")


def test_fields_have_the_values_that_the_firm_permits(made: Callable[..., Office]) -> None:
    """S002-14: another value is refused with the list; a list for a field that nothing has is refused as well."""
    office = made(entering={"options": {"client.segment": ["школы", "клиники"], "trait.type": ["hobby", "питомец"]}})
    office.ok("client", "new", "--name", "Фермер", "--city", "-", "--contact", "-", "--phone", "-")
    told = office.refused("client", "set", "Фермер", "segment=школа")
    assert "none of школы, клиники" in told
    assert "школы" in told.partition("клиники")[2], "the nearest is named"
    office.ok("client", "set", "Фермер", "segment=школы")
    office.ok("client", "set", "Фермер", "segment=")
    assert "none of hobby, питомец" in office.refused("trait", "new", "--client", "Фермер", "--type", "кот", "--value",
                                                      "Мурка")  # fmt: skip
    office.ok("trait", "new", "--client", "Фермер", "--type", "питомец", "--value", "Мурка")
    wrong = made(entering={"options": {"client.segmnet": ["школы"]}})
    assert "client.segment" in wrong.refused("client", "list")


def test_a_diary_is_read_by_employee(office: Office) -> None:
    """S004-9: the hours of one of us."""
    office.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    for who in ("ivanova", "petrov"):
        office.ok("diary", "new", "--employee", who, "--activity", f"дела {who}", "--begun", "сегодня в 10:00",
                  "--ended", "сегодня в 11:00")  # fmt: skip
    assert [it["activity"] for it in office.json("diary", "list", "--employee", "Иванова М. С.")] == ["дела ivanova"]


def test_a_questionnaire_is_corrected_without_saying_the_answers_again(office: Office) -> None:
    """S002-29."""
    key = office.json("questionnaire", "new", "--client", "Школа № 5", "--type", "refusal", "--answer", "дорого")["id"]
    office.ok("questionnaire", "change", key, "--type", "return")
    (row,) = office.rows("questionnaire")
    assert (row["type"], row["answers"][0]["answer"]) == ("return", "дорого")
    assert "nothing is to be changed" in office.refused("questionnaire", "change", key)
