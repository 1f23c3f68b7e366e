"""What letters become by rules: tickets that live on with their conversation, surveys, complaints; nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters_firm import NOW, SUPPORT, Firm

from hub.letters import score_of
from hub.plugins import Plugins
from hub.remind import evaluate_now, rules_of
from hub.store.dump import dump_lines

Rule = Callable[..., str]
SUBJECT = "{field: message.subject, contains: %s}"


def test_a_letter_becomes_a_ticket_of_the_client_who_wrote_it(anywhere: Firm) -> None:
    """S000-4, S001-2."""
    anywhere.configure(SUPPORT)
    anywhere.knows()
    anywhere.takes("Не печатается накладная.", subject="Re: Накладная", minute=7)
    ticket = anywhere.ticket()
    (client,) = anywhere.rows("client")
    shown = {name: ticket[name] for name in ("subject", "description", "state", "priority", "author", "client_id")}
    assert shown == {
        "subject": "Накладная", "description": "Не печатается накладная.", "state": "new", "priority": "normal",
        "author": "Анна Белова", "client_id": client["id"],
    }  # fmt: skip
    assert ticket["created"] == datetime(2026, 5, 12, 3, 7, tzinfo=UTC)
    assert ticket["number"].startswith("260512-")


def test_a_client_who_becomes_known_later_has_his_ticket(supported: Firm) -> None:
    supported.takes()
    assert supported.ticket()["client_id"] is None
    supported.knows()
    assert supported.ticket()["client_id"] == supported.rows("client")[0]["id"]


def test_an_urgent_ticket_made_of_a_letter_is_reminded_of_until_it_is_solved_and_confirmed(
    firm: Firm, rule: Rule
) -> None:
    """S000-4, S001-8."""
    firm.configure(f"[{rule('ticket', SUBJECT % 'срочно', priority='urgent')}]")
    firm.knows()
    asked = firm.takes(subject="СРОЧНО: не работает касса")
    plugins = Plugins(("-",))

    def stages() -> list[str]:
        with firm.store.read() as connection:
            rules = rules_of(firm.hub.config, plugins)
            _, found = evaluate_now(connection, firm.hub.config, rules, NOW + timedelta(hours=1))
        return [due.why.partition(". ")[0] for due in found.open if due.rule == "urgent_ticket"]

    assert stages() == ["Сейчас: назначить специалиста"]
    firm.takes("Уже смотрю.", sender="Орлов <orlov@example.com>", to="belova@client.example",
               answers=asked, minute=10, folder="Sent")  # fmt: skip
    assert stages() == ["Сейчас: довести до решения"], "our answer assigns and begins it"
    firm.ok("ticket", "solve", firm.ticket()["number"])
    assert stages() == ["Сейчас: узнать у клиента, всё ли решено"]


def test_further_letters_are_comments_and_an_answer_of_ours_begins_the_work(supported: Firm) -> None:
    asked = supported.takes()
    supported.takes("Забыла сказать: с утра.", subject="Re: Накладная", answers=asked, minute=5)
    supported.takes("Смотрю.", sender="Орлов <ORLOV@example.com>", to="belova@client.example", answers=asked,
                    minute=9, folder="Sent")  # fmt: skip
    ticket = supported.ticket()
    assert (ticket["state"], ticket["specialist"]) == ("open", "Орлов Олег Олегович")
    assert ticket["last_activity"] == datetime(2026, 5, 12, 3, 9, tzinfo=UTC)
    said = sorted((it["written"], it["author"], it["text"]) for it in supported.rows("comment"))
    assert [it[1:] for it in said] == [("Анна Белова", "Забыла сказать: с утра."), ("Орлов", "Смотрю.")]
    assert {it["ticket"] for it in supported.rows("comment")} == {ticket["id"]}
    assert supported.happened() == [
        "ticket.created", "ticket.commented", "ticket.commented", "ticket.assigned", "ticket.status",
    ]  # fmt: skip


def test_a_client_who_writes_after_the_end_opens_the_ticket_again(supported: Firm) -> None:
    """S000-8."""
    asked = supported.takes()
    supported.ok("ticket", "solve", supported.ticket()["number"], "--closed", "2026-05-12T10:20")
    supported.takes("Это было до решения.", answers=asked, minute=15)
    assert supported.ticket()["state"] == "solved"
    supported.takes("Опять не печатается!", answers=asked, minute=25)
    ticket = supported.ticket()
    assert (ticket["state"], ticket["reopens"], ticket["closed"]) == ("open", 1, None)
    assert supported.happened()[-1] == "ticket.reopened"


def test_a_later_letter_solves_the_ticket_by_a_rule(firm: Firm, rule: Rule) -> None:
    works = rule("solution", "{field: message.text, contains: всё работает}")
    firm.configure(f"[{works}, {SUPPORT[1:]}")
    asked = firm.takes()
    firm.takes("Спасибо, ВСЁ РАБОТАЕТ!", answers=asked, minute=20)
    assert (firm.ticket()["state"], len(firm.rows("comment"))) == ("solved", 1)
    firm.takes("Всё работает, ещё раз спасибо.", answers=asked, minute=30)
    assert firm.ticket()["state"] == "solved", "thanks after the end open nothing"
    firm.takes("Всё работает у нас, а у вас?", minute=40, to="sales@example.com")
    assert len(firm.rows("ticket")) == 1, "a conversation without a ticket has nothing to solve"


def test_letters_of_machines_and_letters_of_ours_become_nothing(supported: Firm) -> None:
    asked = supported.mail()
    supported.mail(Auto_Submitted="auto-replied", subject="Автоответ: отпуск", minute=1)
    supported.mail(Auto_Submitted="auto-replied", subject="Автоответ", answers=asked, minute=2)
    supported.mail(sender="MAILER-DAEMON@mail.example", subject="Undelivered Mail Returned to Sender", minute=3)
    supported.mail(sender="Орлов <orlov@example.com>", to="support@example.com, x@client.example", minute=4)
    supported.sync()
    assert len(supported.rows("message")) > 4
    assert (len(supported.rows("ticket")), supported.rows("comment")) == (1, [])


def test_a_rule_may_speak_of_machines_itself(firm: Firm, rule: Rule) -> None:
    site = "{field: message.sender, eq: robot@site.example}"
    firm.configure(f"[{rule('ticket', site, '{field: message.is_automatic, eq: true}')}]")
    firm.takes(sender="robot@site.example", Auto_Submitted="auto-generated")
    assert len(firm.rows("ticket")) == 1


def test_one_letter_makes_one_ticket_however_often_and_wherever_it_is_read(supported: Firm) -> None:
    asked = supported.mail(identifier="<one@client.example>")
    supported.mail(identifier="<one@client.example>", folder="Second")
    supported.mail("Ещё одно.", identifier="<two@client.example>", answers=asked, minute=3)
    supported.mail("Ещё одно.", identifier="<two@client.example>", answers=asked, minute=3, folder="Second")
    supported.sync()
    supported.ok("ticket", "assign", supported.ticket()["number"], "--specialist", "Орлов")
    before = supported.happened()
    supported.sync("second")
    supported.sync(full=True)
    supported.peer.imap.new_uidvalidity()
    supported.sync()
    supported.ok("record", "replay", "office")
    assert supported.happened() == before == ["ticket.created", "ticket.commented", "ticket.assigned"]
    assert len(supported.rows("comment")) == 1


def test_nothing_is_written_when_nothing_came(supported: Firm) -> None:
    supported.takes()

    def dump() -> list[str]:
        with supported.store.read() as connection:
            return [line for line in dump_lines(connection) if '"run"' not in line[:40] and '"job"' not in line[:40]]

    before = dump()
    supported.sync()
    assert dump() == before


def test_a_ticket_taken_back_does_not_come_again(supported: Firm) -> None:
    asked = supported.takes("Купите слона!")
    supported.ok("ticket", "remove", supported.ticket()["id"])
    supported.takes("Ну купите!", answers=asked, minute=4)
    assert (supported.rows("ticket"), supported.rows("comment")) == ([], [])


def test_a_rule_counts_from_its_first_run_unless_it_names_a_day(firm: Firm) -> None:
    firm.takes(minute=1)
    firm.configure(SUPPORT.replace(" since: 2026-01-01,", ""))
    firm.takes(minute=2)
    assert firm.rows("ticket") == [], "letters of May were written before the rule was used"
    firm.configure(SUPPORT.replace("2026-01-01", "2026-05-13"))
    firm.takes(minute=3)
    assert firm.rows("ticket") == []


def test_the_first_rule_that_fits_is_the_only_one(firm: Firm, rule: Rule) -> None:
    urgent = rule("ticket", SUBJECT % "касса", priority="urgent")
    firm.configure(f"[{urgent}, {SUPPORT[1:]}")
    firm.mail(subject="Касса стоит")
    firm.mail(subject="Накладная", minute=1)
    firm.sync()
    assert sorted((it["subject"], it["priority"]) for it in firm.rows("ticket")) == [
        ("Касса стоит", "urgent"), ("Накладная", "normal"),
    ]  # fmt: skip


def test_a_rule_may_ask_for_files_for_a_known_client_and_for_the_mailbox(firm: Firm, rule: Rule) -> None:
    act = "{field: message.attachments, contains: акт}"
    known = "{field: message.client, exists: true}"
    firm.configure(f"[{rule('ticket', act, known, connections='office')}]")
    firm.knows()
    firm.mail(files=(("Акт 15.pdf", b"%PDF"),))
    firm.mail(files=(("Договор.pdf", b"%PDF"),), minute=1)
    firm.mail(files=(("Акт.pdf", b"%PDF"),), sender="stranger@other.example", minute=2)
    firm.mail(files=(("Акт 16.pdf", b"%PDF"),), folder="Second", minute=3)
    firm.sync()
    firm.sync("second")
    assert [it["author_email"] for it in firm.rows("ticket")] == ["belova@client.example"]


def test_a_rule_may_ask_which_of_our_people_is_meant(firm: Firm, rule: Rule) -> None:
    firm.configure(f"[{rule('ticket', '{field: message.employee, eq: orlov}')}]")
    firm.mail(subject="Олегу", to="Орлов <Orlov@example.com>")
    firm.mail(subject="Всем", to="office@example.com", minute=1)
    firm.sync()
    assert [it["subject"] for it in firm.rows("ticket")] == ["Олегу"]


def test_an_answer_to_a_survey_is_kept_with_its_figure_and_its_client(anywhere: Firm, rule: Rule) -> None:
    """S003-25, S002-20."""
    asks = SUBJECT % "оцените"
    anywhere.configure(f"[{rule('survey', asks)}, {rule('survey', asks, asks, verdict='neutral')}]")
    anywhere.knows()
    anywhere.mail("Ставлю 9. Спасибо!\n\n> от 0 до 10", subject="Re: Оцените нашу работу")
    anywhere.mail("Затрудняюсь ответить.", subject="Re: Оцените нашу работу", minute=2)
    anywhere.sync()
    anywhere.sync(full=True)
    told = sorted((it["score"] or 0, it["verdict"], it["client_id"]) for it in anywhere.rows("survey"))
    client = anywhere.rows("client")[0]["id"]
    assert told == [(0, "neutral", client), (9, "", client)]
    assert anywhere.happened() == ["survey.answered", "survey.answered"]
    first = min(anywhere.rows("survey"), key=lambda it: it["answered"])
    anywhere.ok("survey", "explain", first["id"], "--reason", "быстро помогли")


def test_a_complaint_is_one_a_person_can_go_on_with(firm: Firm, rule: Rule) -> None:
    """S003-27."""
    firm.configure(f"[{rule('complaint', SUBJECT % 'жалоба', department='поддержка')}]")
    firm.knows()
    firm.takes("Ждём третий день.", subject="Жалоба на обслуживание")
    (row,) = firm.rows("complaint")
    assert (row["department"], row["text"], row["state"]) == (
        "поддержка", "Жалоба на обслуживание\n\nЖдём третий день.", "filed",
    )  # fmt: skip
    with firm.store.read() as connection:
        _, found = evaluate_now(connection, firm.hub.config, rules_of(firm.hub.config, Plugins(("-",))), NOW)
    assert [due.rule for due in found.open if due.rule == "complaint"] == ["complaint"]
    firm.ok("complaint", "ack", "Школа № 5")
    assert firm.rows("complaint")[0]["client_id"] == firm.rows("client")[0]["id"]


def test_a_reply_in_the_conversation_of_a_ticket_may_be_an_answer_as_well(firm: Firm, rule: Rule) -> None:
    firm.configure(f"[{rule('survey', '{field: message.text, contains: оценка}')}, {SUPPORT[1:]}")
    asked = firm.takes()
    firm.takes("Оценка: 10", answers=asked, minute=5)
    assert (len(firm.rows("comment")), [it["score"] for it in firm.rows("survey")]) == (1, [10])


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Оценка: 10", 10), ("оцениваю на 7", 7), ("Ставлю 9!", 9), ("8 из 10", 8), ("9/10", 9), ("Все 5 баллов", 5),
        ("Добрый день!\n\n10\n\nС уважением", 10), ("0", 0), ("", None), ("Звоните 8 391 294", None),
        ("Оценка 100", None), ("Оценка 9,5", None), ("оценка 5, оценка 6", None), ("5\n6", None), ("11", None),
    ],
)  # fmt: skip
def test_figure_of_an_answer(text: str, score: int | None) -> None:
    assert score_of(text) == score


@given(st.text())
def test_any_text_has_a_figure_or_none(text: str) -> None:
    assert score_of(text) in (None, *range(11))


WRONG: dict[str, tuple[str, str]] = {
    "an unknown field": ("[{id: a, make: ticket, when: [{field: message.subjekt, eq: x}]}]", "no field 'subjekt'"),
    "an unknown operator": ("[{id: a, make: ticket, when: [{field: message.subject, like: x}]}]", "unknown key 'like'"),
    "another kind": ("[{id: a, make: ticket, when: [{field: client.name, eq: x}]}]", "not known here"),
    "an age": ("[{id: a, make: ticket, when: [{field: message.sent, older: 3d}]}]", "older and newer"),
    "an unknown document": (
        "[{id: a, make: return, kinds: akt, when: [{field: message.subject, eq: x}]}]", "no kind of document",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rules", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_condition_stops_the_rules_and_nothing_else_until_it_is_mended(
    firm: Firm, rules: str, says: str
) -> None:
    firm.configure(rules)
    firm.takes()
    assert len(firm.rows("message")) > 1
    (problem,) = firm.problems()
    assert says in problem
    assert "hub.yaml:" in problem
    done = firm.call("rule", "check")
    assert done.exit_code == 1
    assert says in done.output
    assert says in firm.call("doctor", "--offline").output
    firm.configure(SUPPORT)
    firm.sync()
    assert (len(firm.rows("ticket")), firm.problems()) == (1, [])


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("[{id: a, make: tiket, when: [{field: message.subject, eq: x}]}]", "letters.0.make"),
        ("[{id: a, make: ticket, when: [{field: message.text, eq: x}], priorty: low}]", "Did you mean 'priority'"),
        ("[{id: a, make: ticket, when: []}]", "letters.0.when"),
        ("[{id: A b, make: ticket, when: [{field: message.subject, eq: x}]}]", "letters.0.id"),
        ("[{id: a, make: survey, priority: urgent, when: [{field: x.y, eq: x}]}]", "does not go with make: survey"),
        ("[{id: a, make: ticket, connections: ofice, when: [{field: x.y, eq: x}]}]", "Did you mean 'office'"),
        (f"[{SUPPORT[1:-1]}, {SUPPORT[1:-1]}]", "stands twice"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(firm: Firm, rules: str, says: str) -> None:
    firm.configure(rules)
    done = firm.call("rule", "check")
    assert done.exit_code != 0
    words = f"{done.stderr}{done.exception!r}{getattr(done.exception, 'hint', '')}"
    assert says in words
    assert "hub.yaml:" in words


def test_a_look_at_what_rules_would_make_stores_nothing(firm: Firm) -> None:
    firm.mail(subject="Касса")
    firm.mail(to="sales@example.com", minute=1)
    firm.sync()
    firm.configure(SUPPORT.replace("2026-01-01", "2026-12-31"))
    shown = firm.ok("rule", "letters", "--days", "30")
    assert "support" in shown
    assert "Касса" in shown
    found: Any = firm.ok("rule", "letters", "--json")
    assert found.count('"rule"') == 1
    assert firm.happened() == []


def test_an_answer_from_another_program_begins_the_work(anywhere: Firm) -> None:
    """The mark of the mailbox is all there is of an answer whose copy lies where the hub does not look."""
    anywhere.configure(SUPPORT)
    anywhere.takes(subject="Накладная")
    assert anywhere.ticket()["state"] == "new"
    inbox = anywhere.peer.imap.folders["INBOX"]
    anywhere.peer.imap.mark(inbox.mails[-1].uid)
    anywhere.sync()
    assert anywhere.ticket()["state"] == "open"
    assert anywhere.happened() == ["ticket.created", "ticket.status"]
    before = list(anywhere.rows("message"))
    anywhere.sync(full=True)
    assert anywhere.rows("message") == before
    anywhere.mail(subject="Касса", minute=5)
    anywhere.peer.imap.mark(inbox.mails[-1].uid)
    anywhere.sync()
    assert sorted((it["subject"], it["state"]) for it in anywhere.rows("ticket")) == [
        ("Касса", "open"), ("Накладная", "open"),
    ]  # fmt: skip


WAITS = """\
id: letter_waits
title: "Ответить на письмо: {client.name|message.sender}, {message.subject}"
why: "Письмо от {message.at:%d.%m %H:%M}, ответа нет"
trigger: {event: message.received}
where:
  - {field: message.is_automatic, ne: true}
key: "letter:{message.thread}"
due: {after: 1bd}
resolve:
  - event: message.answered
    match: {same: [client]}
    words: "клиенту ответили"
cancel: [{field: message.is_answered, eq: true}]
"""


def test_a_letter_answered_elsewhere_is_reminded_of_no_more(firm: Firm) -> None:
    (firm.folder / "rules").mkdir()
    (firm.folder / "rules" / "letters.yaml").write_text(WAITS, encoding="utf-8")
    firm.knows()
    plugins = Plugins(("-",))

    def waiting() -> list[str]:
        with firm.store.write() as connection:
            rules = rules_of(firm.hub.config, plugins)
            _, found = evaluate_now(connection, firm.hub.config, rules, NOW + timedelta(hours=1))
        return [due.title for due in found.open if due.rule == "letter_waits"]

    firm.takes(subject="Счёт")
    assert waiting() == ["Ответить на письмо: МБОУ «Школа № 5», Счёт"]
    firm.peer.imap.mark(firm.peer.imap.folders["INBOX"].mails[-1].uid)
    firm.sync()
    assert waiting() == []


def test_a_rule_may_ask_for_headers(firm: Firm, rule: Rule) -> None:
    asked = "{field: message.headers, contains: 'x-priority: 1'}"
    firm.configure(f"[{rule('ticket', asked, priority='urgent')}]")
    firm.mail(subject="Обычное", X_Priority="3")
    firm.mail(subject="Важное", X_Priority="1 (Highest)", minute=1)
    firm.mail(subject="Без слов", minute=2)
    firm.sync()
    assert firm.ticket()["subject"] == "Важное"


def test_what_was_said_about_a_ticket_is_shown_with_it(supported: Firm) -> None:
    asked = supported.takes(subject="Накладная")
    supported.takes("Уже и счёт не печатается.\n\nСрочно!", subject="Re: Накладная", answers=asked, minute=9)
    number = supported.ticket()["number"]
    (comment,) = json.loads(supported.ok("ticket", "show", number, "--json"))["comments"]
    assert (comment["author"], comment["text"]) == ("Анна Белова", "Уже и счёт не печатается.\n\nСрочно!")
    shown = supported.ok("ticket", "show", number)
    assert shown.endswith("12.05.2026 10:09  Анна Белова:\n    Уже и счёт не печатается.\n    \n    Срочно!\n")
