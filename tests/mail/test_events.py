"""What a letter means to us: received, sent, answered or returned, and whose it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import Event, Message, Reference, mail_events, read_mail
from hub.mail.threads import Node, answers, is_forward, threads, topic

OURS = frozenset({"example.com"})
CLIENT, OFFICE = "Анна Белова <belova@client.example>", "office@example.com"


def told(body: str = "text", **fields: str) -> list[Event]:
    named = {"from": CLIENT, "to": OFFICE, "message_id": "<m@x.example>"} | fields
    head = "\n".join(f"{name.replace('_', '-')}: {value}" for name, value in named.items() if value)
    raw = f"{head}\nContent-Type: text/plain; charset=utf-8\n\n{body}".encode()
    return mail_events(Reference("message", "m"), read_mail(raw), folder="INBOX", ours=OURS)


def test_a_letter_of_a_client_is_received_whatever_it_answers():
    assert [it.type for it in told()] == ["message.received"]
    assert [it.type for it in told(in_reply_to="<q@example.com>")] == ["message.received"]


def test_our_answer_is_told_as_sent_and_as_answered():
    sent, answered = told(**{"from": OFFICE}, to=CLIENT, in_reply_to="<q@client.example>", subject="Re: Счёт")
    assert (sent.type, answered.type) == ("message.sent", "message.answered")
    assert (sent.data, sent.subject, sent.time) == (answered.data, answered.subject, answered.time)
    assert answered.data.in_reply_to == "q@client.example"
    assert sent.key() != answered.key()


@pytest.mark.parametrize(
    "fields",
    [
        {"in_reply_to": ""},
        {"subject": "Fwd: Счёт"},
        {"subject": "Пересл: Счёт"},
        {"to": "petrov@example.com"},
        {"auto_submitted": "auto-replied"},
    ],
    ids=["a question", "passed on", "passed on, in Russian", "to a colleague", "by a machine"],
)
def test_what_is_no_answer_to_a_client_is_only_sent(fields):
    given_ = {"from": OFFICE, "to": CLIENT, "in_reply_to": "<q@client.example>", "subject": "Re: Счёт"} | fields
    assert [it.type for it in told(**given_)] == ["message.sent"]


def test_an_answer_is_known_by_its_references_alone():
    found = told(**{"from": OFFICE}, to=CLIENT, references="<a@x.example> <q@client.example>")
    assert [it.type for it in found] == ["message.sent", "message.answered"]
    assert found[1].data.in_reply_to == "q@client.example"


def test_a_returned_letter_is_neither_received_nor_an_answer():
    [found] = told(
        "К сожалению, письмо не доставлено:\n\n  belova@client.example\n    550 5.1.1 User unknown\n",
        **{"from": "mailer-daemon@mail.example"},
        subject="Mail failure.",
        x_failed_recipients="belova@client.example",
    )
    assert (found.type, found.data.outside) == ("message.bounced", ("belova@client.example",))


def test_a_returned_letter_that_names_nobody_is_returned_all_the_same():
    [found] = told("x", **{"from": "MAILER-DAEMON@mail.example"}, subject="Undelivered Mail Returned to Sender")
    assert (found.type, found.data.outside, found.data.is_bounce) == ("message.bounced", (), True)


REPORT = """--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.client.example

Final-Recipient: rfc822; belova@client.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

Final-Recipient: rfc822; buh@client.example
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full

Final-Recipient: rfc822; late@client.example
Action: delayed
Status: 4.4.1
--b
Content-Type: text/rfc822-headers

Message-ID: <offer@example.com>
--b--
"""


def test_a_returned_letter_says_whom_it_did_not_reach_and_whether_that_may_pass():
    head = "From: MAILER-DAEMON@mail.example\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n"
    mail = read_mail((head + REPORT).encode())
    [found] = mail_events(Reference("message", "m"), mail, folder="INBOX", ours=OURS)
    told_of = [(it.address, it.status, it.is_permanent) for it in found.data.bounces]
    assert told_of == [("belova@client.example", "5.1.1", True), ("buh@client.example", "5.2.2", False)]
    assert found.data.bounces[1].reason == "552 5.2.2 Mailbox full"
    assert (found.data.in_reply_to, found.data.thread) == ("offer@example.com", "offer@example.com")


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        ({}, "m@x.example"),
        ({"references": "<a@x.example> <b@x.example>", "in_reply_to": "<b@x.example>"}, "a@x.example"),
        ({"in_reply_to": "<b@x.example>"}, "b@x.example"),
        ({"references": "<m@x.example>", "in_reply_to": "<m@x.example>"}, "m@x.example"),
        ({"message_id": ""}, "m"),
    ],
    ids=["a first letter", "an answer to an answer", "an answer without references", "its own forefather", "no id"],
)
def test_all_letters_of_a_conversation_have_its_first_letter_for_a_thread(fields, thread):
    assert told(**fields)[0].data.thread == thread


@pytest.mark.parametrize(
    "line",
    [
        "От: Анна Белова <belova@client.example>",
        "From: Анна Белова [mailto:belova@client.example]",
        '*От:* "Анна Белова" <belova@client.example>',
        "От кого: Анна Белова <belova@client.example>",
    ],
)
def test_what_a_colleague_passes_on_is_the_clients(line):
    body = f"Маша, ответь, пожалуйста.\n\n-------- Пересылаемое сообщение --------\n{line}\nТема: Акт\n\nНужен акт."
    [found] = told(body, **{"from": "petrov@example.com"}, subject="Fwd: Акт")
    assert (found.type, found.data.sender, found.data.sender_name) == (
        "message.received", "belova@client.example", "Анна Белова",
    )  # fmt: skip
    assert found.data.outside == ("belova@client.example",)


def test_what_a_colleague_writes_himself_stays_his():
    [found] = told("От: belova@client.example", **{"from": "petrov@example.com"}, subject="Акт")
    assert (found.type, found.data.outside) == ("message.sent", ())
    [found] = told("От: ivanova@example.com", **{"from": "petrov@example.com"}, subject="Fwd: Акт")
    assert (found.type, found.data.outside) == ("message.sent", ())


def test_a_list_of_our_own_does_not_make_a_client_a_machine():
    """A group mailbox stamps what clients write to it as a list; their letters need answers."""
    marks = {"precedence": "list", "list_unsubscribe": "<mailto:x@example.com>"}
    assert not told(**marks, list_id="Office <office.example.com>")[0].data.is_automatic
    assert told(**marks, list_id="News <news.client.example>")[0].data.is_automatic
    assert told(**marks)[0].data.is_automatic


# conversations


@pytest.mark.parametrize(
    ("subject", "bare", "forwarded"),
    [
        ("Счёт", "Счёт", False),
        ("Re: Счёт", "Счёт", False),
        ("RE: re: Fwd: Счёт", "Счёт", False),
        ("Re[2]: Счёт", "Счёт", False),
        ("Ответ: Отв:\u00a0Счёт", "Счёт", False),
        ("На: Счёт", "Счёт", False),
        ("Fwd: Счёт", "Счёт", True),
        ("FW: Re: Счёт", "Счёт", True),
        ("Пересл:  Счёт  за ноябрь", "Счёт за ноябрь", True),
        ("Надо: срочно", "Надо: срочно", False),
        ("Re:", "Re:", False),
        ("", "", False),
    ],
)
def test_marks_of_answers_are_no_part_of_the_topic(subject, bare, forwarded):
    assert (topic(subject), is_forward(subject)) == (bare, forwarded)


NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)


def letter(name: str, *before: str, minutes: int = 0, ours: bool = False, **more: object) -> Message:
    return Message(
        message_id=name,
        in_reply_to=before[-1] if before else "",
        references=before,
        direction="outbound" if ours else "inbound",
        sent=NOON + timedelta(minutes=minutes),
        **more,
    )


def shape(node: Node) -> tuple:
    return (node.message_id, [shape(it) for it in node.answers])


def test_letters_stand_under_what_they_answer_in_whatever_order_they_come():
    letters = [letter("a"), letter("b", "a"), letter("c", "a", "b"), letter("d", "a"), letter("z")]
    expected = {"a": ("a", [("b", [("c", [])]), ("d", [])]), "z": ("z", [])}
    for order in (letters, letters[::-1], letters[2:] + letters[:2]):
        found = {node.message_id: shape(node) for node in threads(order)}
        assert {name: (it[0], sorted(it[1])) for name, it in found.items()} == expected


def test_a_letter_that_is_not_here_still_joins_those_that_name_it():
    [root] = threads([letter("b", "gone"), letter("c", "gone")])
    assert (root.message, shape(root)) == (None, ("gone", [("b", []), ("c", [])]))


def test_a_circle_is_cut():
    found = threads([letter("a", "b"), letter("b", "c"), letter("c", "a"), letter("self", "self")])
    assert sum(len(str(shape(node)).split("'")) // 2 for node in found) == 4


def test_one_id_for_two_letters_loses_none():
    found = threads([letter("a"), letter("a"), letter(""), letter("")])
    assert len(found) == 4


def test_the_wait_of_a_client_ends_with_our_first_answer():
    first, second = letter("q1"), letter("q2", "q1", minutes=30)
    reply = letter("r", "q1", minutes=90, ours=True)
    robot = letter("auto", "q1", minutes=1, ours=True, is_automatic=True)
    later = letter("r2", "q1", "r", minutes=500, ours=True)
    open_ = letter("q3", minutes=5)
    news = letter("n", is_automatic=True)
    found = {it.question.message_id: it for it in answers([later, robot, second, reply, open_, first, news])}
    assert {name: it.waited for name, it in found.items()} == {
        "q1": timedelta(minutes=90), "q2": timedelta(minutes=60), "q3": None,
    }  # fmt: skip
    assert found["q1"].answer is reply


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.lists(st.sampled_from("abcdef"), max_size=4)), max_size=12))
def test_no_letter_is_lost_or_doubled(told_):
    letters = [letter(name, *before) for name, before in told_]

    def inside(node: Node) -> list[int]:
        return ([id(node.message)] if node.message else []) + [it for each in node.answers for it in inside(each)]

    found = [it for node in threads(letters) for it in inside(node)]
    assert sorted(found) == sorted(id(it) for it in letters)
