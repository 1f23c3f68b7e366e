"""`hub message answers`: from letters in a mailbox to who waits how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import pytest
from lab import Office

from hub.testing.peers.imap import MailPeer

ASKED = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


def letter(name: str, sender: str, to: str, after: timedelta, **fields: str) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"], mail["From"], mail["To"] = f"<{name}@x.example>", sender, to
    mail["Date"], mail["Subject"] = format_datetime(ASKED + after), f"Счёт {name}"
    for field, value in fields.items():
        mail[field.replace("_", "-")] = value
    mail.set_content("Добрый день!")
    return mail.as_bytes()


@pytest.fixture
def office(tmp_path):
    peer = MailPeer()
    peer.start()
    client, us = "belova@client.example", "office@example.com"
    peer.imap.deliver(letter("asked", client, us, timedelta()))
    peer.imap.deliver(letter("open", client, us, timedelta(hours=1)))
    peer.imap.deliver(letter("robot", client, us, timedelta(hours=1), Auto_Submitted="auto-replied"))
    answer = letter("answer", us, client, timedelta(hours=3), In_Reply_To="<asked@x.example>")
    peer.imap.deliver(answer, "Sent")
    office = Office(tmp_path / "office")
    office.connect({"office": {"connector": "imap", **peer.settings(), "password": "env:MAIL_PASSWORD"}})
    office.ok("init")
    office.ok("sync", MAIL_PASSWORD=peer.settings()["password"])
    office.peer = peer
    yield office
    peer.stop()


def test_a_letter_waits_until_a_person_of_ours_answers_it(office):
    told = office.ok("message", "answers", "--json").json
    assert [(it["subject"], it["waited_seconds"]) for it in told] == [("Счёт asked", 3 * 3600), ("Счёт open", None)]
    assert told[0]["sender"] == "belova@client.example"
    assert (told[0]["answer"] is None, told[1]["answer"] is None) == (False, True)
    assert [it["subject"] for it in office.ok("message", "answers", "--open", "--json").json] == ["Счёт open"]
    assert office.ok("message", "answers", "--days", "1", "--json").json == []
    shown = office.ok("message", "answers").out
    assert "3 h 0 min" in shown
    assert "open" in shown


def test_events_of_the_log_say_the_same(office):
    types = [line.split('"type":"')[1].split('"')[0] for line in office.ok("event", "export").out.splitlines()]
    assert sorted(it for it in types if it.startswith("message.")) == [
        "message.answered", "message.received", "message.received", "message.received", "message.sent",
    ]  # fmt: skip


def test_a_letter_marked_as_answered_waits_no_more(office):
    office.peer.imap.mark(2)
    office.ok("sync", MAIL_PASSWORD=office.peer.settings()["password"])
    assert office.ok("message", "answers", "--open", "--json").json == []
    (marked,) = [it for it in office.ok("message", "answers", "--json").json if it["subject"] == "Счёт open"]
    assert (marked["answer"], marked["is_answered"], marked["waited_seconds"]) == (None, True, None)
