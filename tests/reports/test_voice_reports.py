"""NPS by week with drill-down, feedback, segments, complaints and reasons, reckoned by hand on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from small_firm import Firm, days, local, pick, rows

from hub.model.entries import Answer, Complaint, Questionnaire, Survey
from hub.reports.voice import group_of
from hub.store.database import Store

NOVEMBER = days("2026-11-01", "2026-11-30")


def survey(day: str, score: int | None, **fields: object) -> Survey:
    return Survey(answered=local(f"{day}T12:00"), score=score, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("score", "group"), [
    (0, "critic"), (6, "critic"), (7, "passive"), (8, "passive"), (9, "promoter"), (10, "promoter"),
])  # fmt: skip
def test_borders_of_the_groups_s002_21(score: int, group: str) -> None:
    assert group_of(score) == group


def test_index_of_10_9_8_7_6_0_is_zero_s002_21_s002_22(store: Store) -> None:
    """Two promoters, two passive, two critics of six: a third each, index 0."""
    firm = Firm(store)
    firm.client("a")
    for score in (10, 9, 8, 7, 6, 0):
        firm.put(survey("2026-11-18", score), client="a")
    firm.put(survey("2026-11-18", None), client="a")  # aspects only: no score, no part in the index
    found = firm.report("nps", days("2026-11-16", "2026-11-22"))
    third = Decimal(2) / 6
    assert found.rows == ((date(2026, 11, 16), 6, 2, 2, 2, third, third, 0),)
    assert found.total()["nps"] == 0


def test_weeks_begin_on_monday_of_the_firm_and_empty_ones_stand_s002_20_s002_22(store: Store) -> None:
    """Sunday 23:59 belongs to the old week, a minute later to the new one; a week without answers has no index."""
    firm = Firm(store)
    firm.client("a")
    firm.put(Survey(answered=datetime(2026, 11, 8, 16, 59, tzinfo=UTC), score=10), client="a")
    firm.put(Survey(answered=datetime(2026, 11, 8, 17, 0, tzinfo=UTC), score=0), client="a")
    firm.put(survey("2026-11-23", 10), client="a")
    found = firm.report("nps", days("2026-11-02", "2026-11-29"))
    assert rows(found, "week", "n", "nps") == [
        (date(2026, 11, 2), 1, 100), (date(2026, 11, 9), 1, -100), (date(2026, 11, 16), 0, None),
        (date(2026, 11, 23), 1, 100),
    ]  # fmt: skip
    assert pick(found.total(), "n", "promoters", "critics") == (3, 2, 1)


def test_days_follow_summer_time_of_the_zone(store: Store) -> None:
    """Berlin: 28 March is UTC+1, from 29 March 02:00 on UTC+2; both Sundays end at their own midnight."""
    firm = Firm(store, zone="Europe/Berlin")
    firm.client("a")
    for moment in ((2026, 3, 22, 22, 59), (2026, 3, 22, 23, 0), (2026, 3, 29, 21, 59), (2026, 3, 29, 22, 0)):
        firm.put(Survey(answered=datetime(*moment, tzinfo=UTC), score=9), client="a")
    found = firm.report("nps", days("2026-03-16", "2026-04-05", firm.config.zone))
    assert rows(found, "week", "n") == [(date(2026, 3, 16), 1), (date(2026, 3, 23), 2), (date(2026, 3, 30), 1)]


def test_drill_down_by_employee_client_and_week_s002_25(store: Store) -> None:
    """An answer belongs to who took it, else to the client's manager."""
    firm = Firm(store)
    a = firm.client("a")
    firm.client("b", manager="Сидоров Олег")
    firm.put(survey("2026-11-17", 3, reason="долго ждали", employee="Новикова Анна"), client="a")
    firm.put(survey("2026-11-18", 10), client="b")
    firm.put(survey("2026-11-25", 8), client="a")
    assert firm.report("nps", NOVEMBER, employee="sidorov").total()["nps"] == 100
    assert firm.report("nps", NOVEMBER, employee="novikova").total()["n"] == 1
    assert firm.report("nps", NOVEMBER, employee="petrov").rows == ()
    week = firm.report("nps", NOVEMBER, week=date(2026, 11, 16))
    assert rows(week, "client", "score", "group", "reason", "employee") == [
        ("Школа b", 10, "промоутер", "", "Сидоров О."), ("Школа a", 3, "критик", "долго ждали", "Новикова А."),
    ]  # fmt: skip
    one = firm.report("nps", NOVEMBER, client=a)
    assert one.column("score") == (8, 3)
    assert firm.report("nps", NOVEMBER, client=a, employee="novikova").column("score") == (3,)


def test_feedback_sums_up_answers_aspects_and_complaints_s002_25_s003_25(store: Store) -> None:
    firm = Firm(store)
    firm.client("a")
    firm.put(survey("2026-11-17", 10, software=8, support=10), client="a")
    firm.put(survey("2026-11-17", 0, software=5), client="a")
    firm.put(Complaint(filed=local("2026-11-17T10:00"), employee="ivanova"), client="a")
    found = firm.report("feedback", NOVEMBER)
    assert found.rows == (("Иванова М.", 2, 1, 1, 0, Decimal("6.5"), 10, None),)


def test_segments_take_the_last_answer_and_say_what_to_do_s002_24(store: Store) -> None:
    firm = Firm(store)
    for key, scores in (("a", (6, 9)), ("b", (8,)), ("c", (10, 2))):
        firm.client(key)
        for day, score in enumerate(scores, start=10):
            firm.put(survey(f"2026-11-{day}", score), client=key)
    found = firm.report("segments")
    assert rows(found, "group", "client", "score", "before", "action") == [
        ("критик", "Школа c", 2, 10, "узнать причину"),
        ("нейтральный", "Школа b", 8, None, "предложить новое"),
        ("промоутер", "Школа a", 9, 6, "попросить совет"),
    ]
    assert found.notes == ("Критик: 1 из 3.", "Нейтральный: 1 из 3.", "Промоутер: 1 из 3.", "Стали промоутерами: 1.")
    assert firm.report("segments", employee="sidorov").rows == ()


def test_complaints_are_counted_by_department_s002_34_s003_27(store: Store) -> None:
    firm = Firm(store)
    firm.client("a")
    filed = local("2026-11-10T10:00")
    noon, evening = local("2026-11-10T12:00"), local("2026-11-10T18:00")
    for fields in ({"state": "confirmed", "corrected": noon, "confirmed": evening},
                   {"state": "corrected", "corrected": evening}, {"state": "filed"}):  # fmt: skip
        firm.put(Complaint(department="Сопровождение", filed=filed, **fields), client="a")
    firm.put(Complaint(department="Продажи", filed=filed), client="a")
    firm.put(Complaint(department="Продажи", filed=filed, state="withdrawn"), client="a")
    firm.put(Complaint(department="Продажи", filed=local("2026-12-01T00:00")), client="a")
    found = firm.report("complaints", NOVEMBER)
    assert found.rows == (
        ("Сопровождение", 3, Decimal("0.75"), 1, 2, 1, Decimal(5)), ("Продажи", 1, Decimal("0.25"), 1, 0, 0, None),
    )  # fmt: skip
    assert found.notes == ("Отозвано клиентами: 1.",)


def test_reasons_are_counted_by_question_s002_29(store: Store) -> None:
    firm = Firm(store)
    for answer in ("Дорого", "дорого ", "Долго", ""):
        firm.put(Questionnaire(type="refusal", answered=local("2026-11-10T10:00"),
                               answers=(Answer(question="Что не понравилось в товаре?", answer=answer),)))  # fmt: skip
    found = firm.report("reasons", NOVEMBER)
    assert rows(found, "type", "answer", "count") == [("отказ", "дорого", 2), ("отказ", "долго", 1)]
