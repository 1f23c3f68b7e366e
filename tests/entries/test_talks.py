"""What clients say and are promised, entered on the command line: read, checked, kept as events of the operator."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from bureau import Office

REFUSED = [
    (["survey", "new", "--client", "Школа", "--score", "11"], "11 is not between 0 and 10"),
    (["survey", "new", "--client", "Школа", "--score", "-1"], "cannot be understood"),
    (["survey", "new", "--client", "Школа", "--score", "восемь"], "Write a whole number"),
    (["survey", "new", "--client", "Школа", "--score", "8", "--answered", "завтра"], "still to come"),
    (["survey", "new", "--client", "Школа"], "needs an answer"),
    (["survey", "new", "--score", "8"], "client must be said"),
    (["survey", "new", "--client", "Школа № 6", "--score", "8"], "there is no client"),
    (["survey", "new", "--client", "Школа", "--score", "8", "--verdict", "satisfid"], "Did you mean 'satisfied'"),
    (["survey", "new", "--client", "Школа", "--score", "8", "--employee", "ivanowa"], "Did you mean 'ivanova'"),
    (["survey", "new", "--client", "Школа", "--contact", "Никто", "--score", "8"], "there is no contact"),
    (["complaint", "new", "--client", "Школа", "--text", "грубость"], "department must be said"),
    (["complaint", "new", "--client", "Школа", "--text", "x" * 30_000, "--department", "склад"], "longer than"),
    (["note", "new", "--client", "Школа"], "needs a word"),
    (["note", "new", "--client", "Школа", "--text", "перезвонить", "--next-contact", "вчера"], "22.11.2026 is over"),
    (["note", "new", "--client", "Школа", "--text", "перезвонить", "--next-contact", "31.02"], "cannot be understood"),
    (["note", "new", "--client", "Школа", "--text", "о заявке", "--about", "512"], "KIND/KEY"),
    (["promise", "new", "--ticket", "512", "--until", "сегодня в 9:00"], "that time is over"),
    (["promise", "new", "--ticket", "512"], "until must be said"),
    (["promise", "new", "--ticket", "513", "--until", "завтра"], "there is no ticket"),
    (["decision", "new", "--ticket", "512", "--decision", "replace", "--reason", "сложно"], "specialist must be said"),
    (["decision", "new", "--ticket", "512", "--decision", "keep"], "reason must be said"),
    (["decision", "new", "--ticket", "512", "--decision", "plan"], "planned must be said"),
    (["decision", "new", "--ticket", "512", "--decision", "plan", "--planned", "20.11.2026"], "is over"),
    (["meeting", "new", "--client", "Школа", "--held", "через час"], "still to come"),
    (["meeting", "new", "--client", "Школа", "--minutes", "2000"], "between 0 and 1440"),
]  # fmt: skip


def test_survey_with_three_aspects_gives_the_verdict_of_the_worst(office: Office) -> None:
    """S003-25, S002-20: score, reason, three aspects; whoever is unhappy with one thing is not content."""
    made = office.json("survey", "new", "--client", "школа № 5", "--score", "4", "--software", "9", "--support", "3",
                       "--company", "8", "--reason", "долго ждали", "--employee", "Иванова М. С.")  # fmt: skip
    (row,) = office.rows("survey")
    assert (row["score"], row["software"], row["support"], row["company"]) == (4, 9, 3, 8)
    assert (row["verdict"], row["reason"], row["employee"]) == ("dissatisfied", "долго ждали", "ivanova")
    assert row["answered"] == office.now
    assert made["client"] == row["client_id"] is not None
    assert office.events() == [("survey.answered", 1), ("survey.observed", 1)]


@pytest.mark.parametrize(("figures", "verdict"), [
    ((9, 9, 10), "satisfied"), ((9, 8, 9), "neutral"), ((7, 7, 7), "neutral"), ((10, 6, 10), "dissatisfied"),
])  # fmt: skip
def test_boundaries_of_the_verdict(figures: tuple[int, ...], verdict: str) -> None:
    """S002-21: 0–6, 7–8, 9–10."""
    from hub.entries.talks import verdict_of

    assert verdict_of(list(figures)) == verdict


def test_reason_that_is_learnt_later_belongs_to_the_same_survey(office: Office) -> None:
    """S002-23."""
    made = office.json("survey", "new", "--client", "2465000007", "--score", "5")
    office.ok("survey", "explain", made["id"], "--reason", "не перезвонили")
    (row,) = office.rows("survey")
    assert (row["score"], row["reason"], row["verdict"]) == (5, "не перезвонили", "")
    assert [name for name, _ in office.events()] == ["survey.answered", "survey.observed", "survey.explained",
                                                     "survey.observed"]  # fmt: skip


def test_what_cannot_be_so_is_refused_and_nothing_is_written(office: Office) -> None:
    for words, says in REFUSED:
        assert says in office.refused(*words), words


def test_complaint_goes_its_four_steps_in_their_order(each_office: Office) -> None:
    """S003-27: filed, acknowledged, corrected, confirmed; the client's word cannot come before the correction."""
    key = each_office.json("complaint", "new", "--client", "Школа № 5", "--department", "линия консультаций", "--text",
                      "не перезвонили", "--ticket", "512", "--filed", "вчера в 15:00")["id"]  # fmt: skip
    assert "First enter what was corrected" in each_office.refused("complaint", "confirm", key)
    assert "before it was filed" in each_office.refused("complaint", "ack", key, "--acknowledged", "2 дня назад")
    each_office.ok("complaint", "ack", key)
    assert "cannot become acknowledged" in each_office.refused("complaint", "ack", key)
    assert "action must be said" in each_office.refused("complaint", "correct", key)
    each_office.ok("complaint", "correct", key, "--action", "назначен другой специалист")
    assert each_office.json("complaint", "list", "--open")[0]["id"] == key
    each_office.ok("complaint", "confirm", key)
    (row,) = each_office.rows("complaint")
    assert (row["state"], row["action"]) == ("confirmed", "назначен другой специалист")
    assert row["filed"] == datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert [row[name] for name in ("acknowledged", "corrected", "confirmed")] == [each_office.now] * 3
    assert [name for name, _ in each_office.events() if "observed" not in name] == [
        "complaint.filed", "complaint.acknowledged", "complaint.corrected", "complaint.confirmed",
    ]  # fmt: skip
    assert each_office.json("complaint", "list", "--open") == []


def test_refusal_is_called_again_in_a_year_on_a_working_day(office: Office) -> None:
    """S004-18; 22.11.2025 + 1 year is a Sunday, so the Monday after it; a day that is said stands."""
    office.ok(
        "note", "new", "--client", "Школа", "--topic", "decision", "--result", "refused", "--written", "22.11.2025"
    )
    office.ok("note", "new", "--client", "Школа", "--result", "refused", "--next-contact", "через 2 недели")
    assert sorted(row["next_contact"] for row in office.rows("note")) == [date(2026, 11, 23), date(2026, 12, 7)]


def test_day_that_follows_is_told_with_what_was_said(office: Office) -> None:
    """S004-18: whoever enters a refusal sees in a year when the client will be called."""
    told = office.ok("note", "new", "--client", "Школа № 5", "--topic", "decision", "--result", "refused")
    assert "next_contact   вт 23.11.2027" in told


@pytest.mark.parametrize(("field", "word", "meant"), [
    ("topic", "renewl", "renewal"), ("topic", "recomendation", "recommendation"), ("result", "refussed", "refused"),
])  # fmt: skip
def test_word_that_rules_would_not_see_is_refused_with_the_one_that_is_meant(
    office: Office, field: str, word: str, meant: str
) -> None:
    assert f"Did you mean '{meant}'" in office.refused("note", "new", "--client", "Школа № 5", f"--{field}", word,
                                                       "--text", "x")  # fmt: skip
    office.ok("note", "new", "--client", "Школа № 5", f"--{field}", "своими словами", "--text", "x")


def test_client_of_a_ticket_is_the_client_of_what_is_said_about_it(each_office: Office) -> None:
    """S000-6, S000-8: who names the ticket need not name the client."""
    each_office.ok("promise", "new", "--ticket", "512", "--until", "завтра в 10:00", "--who", "Сидорова")
    each_office.ok("decision", "new", "--ticket", "512", "--decision", "replace", "--specialist", "Орлов", "--reason",
              "второй раз вернулась")  # fmt: skip
    school = each_office.rows("ticket")[0]["client_id"]
    (promise,), (decision,) = each_office.rows("promise"), each_office.rows("decision")
    assert promise["client_id"] == decision["client_id"] == school is not None
    assert promise["ticket"] == decision["ticket"] == each_office.rows("ticket")[0]["id"]
    assert promise["until"] == datetime(2026, 11, 24, 3, tzinfo=UTC)


def test_day_is_told_as_it_was_understood(office: Office) -> None:
    told = office.ok("note", "new", "--client", "Школа", "--text", "думают", "--next-contact", "в пятницу")
    assert "пт 27.11.2026" in told
    assert "МБОУ «Школа № 5»" in told


def test_mistake_is_corrected_where_it_happened(office: Office) -> None:
    key = office.json("survey", "new", "--client", "Школа", "--support", "3", "--answered", "вчера")["id"]
    office.ok("survey", "change", key, "--support", "9")
    (row,) = office.rows("survey")
    assert (row["support"], row["verdict"]) == (9, "satisfied")
    assert office.events() == [("survey.answered", 1), ("survey.observed", 1), ("survey.answered", 2),
                               ("survey.observed", 2)]  # fmt: skip
    assert "Give at least one value" in office.refused("survey", "change", key)
    assert "not between" in office.refused("survey", "change", key, "--support", "12")


def test_what_was_entered_by_mistake_is_taken_back_whole(each_office: Office) -> None:
    from hub.config import load_config
    from hub.facts import load_world

    key = each_office.json("complaint", "new", "--client", "Школа", "--department", "склад", "--text", "нет груза")[
        "id"
    ]
    each_office.ok("complaint", "ack", key)
    each_office.ok("complaint", "remove", key)
    assert each_office.rows("complaint") == []
    with each_office.store.read() as connection:
        world = load_world(connection, load_config(each_office.folder / "hub.yaml"), each_office.now)
    assert not world.of_type("complaint.filed")
    assert not world.of_type("complaint.acknowledged")


def test_entry_of_a_connector_is_changed_there(office: Office) -> None:
    from hub.model.entities import Reference
    from hub.model.entries import Complaint

    office.says("desk", "c9", Complaint(client=Reference("client", "7"), text="из CRM"))
    key = office.json("complaint", "list")[0]["id"]
    assert "comes from desk" in office.refused("complaint", "ack", key)


def test_meeting_names_the_contact_of_its_client(office: Office) -> None:
    """S002-39, S002-42."""
    office.ok("meeting", "new", "--client", "Школа", "--contact", "сидорова", "--held", "в пятницу в 14:00",
              "--minutes", "40", "--no-has-decider", "--result", "later")  # fmt: skip
    (row,) = office.rows("meeting")
    assert (row["held"], row["has_decider"]) == (datetime(2026, 11, 20, 7, tzinfo=UTC), False)
    assert row["contact"] == office.rows("contact")[0]["id"]


def test_personal_words_stay_out_of_the_log_and_the_audit(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    from sqlalchemy import select

    from hub.store.tables import audit

    office.ok("note", "new", "--client", "Школа", "--text", "развод, просит не звонить")
    assert "развод" not in caplog.text
    with office.store.read() as connection:
        rows = connection.execute(select(audit.c.who, audit.c.what, audit.c.object, audit.c.detail)).all()
    assert len(rows) == 1
    assert rows[0].what == "note.written"
    assert rows[0].who
    assert "развод" not in str(rows)
