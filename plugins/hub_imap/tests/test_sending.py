"""Sending: one letter per command, an honest answer for each recipient, and no way to smuggle a header in."""

from __future__ import annotations

import base64
import email
import email.policy

import msgspec
import pytest

from hub.api import AuthError, Command, Rejected, SettingsError, Unavailable

DATA = {"to": ["belova@client.example"], "subject": "Счёт № 7", "text": "Добрый день!\n.\n..точка в начале строки"}


def command(identifier: str = "command-1", **data) -> Command:
    return Command(id=identifier, kind="mail.send", data={**DATA, **data})


def sent(peer):
    [arrived] = peer.smtp.arrived
    return arrived, email.message_from_bytes(arrived.raw, policy=email.policy.default)


def test_a_letter_arrives_as_it_was_written(peer, connect, tools):
    blob = tools.blobs.put(b"%PDF-1.7 act")
    attachments = [
        {"name": "Счёт № 7.pdf", "type": "application/pdf", "content_base64": base64.b64encode(b"%PDF-1.7").decode()},
        {"name": "act.pdf", "blob": blob},
    ]
    receipt = connect(sender_name="ООО «Пример»").execute(
        command(
            cc=["buh@client.example", "belova@client.example"], attachments=attachments, in_reply_to="<a@b.example>"
        )
    )
    arrived, letter = sent(peer)
    assert arrived.recipients == ("belova@client.example", "buh@client.example")
    assert letter["Message-ID"] == "<command-1@example.com>"
    assert receipt.external_id == "command-1@example.com"
    assert letter["From"].addresses[0].display_name == "ООО «Пример»"
    assert (letter["Subject"], letter["In-Reply-To"], letter["References"]) == (
        "Счёт № 7",
        "<a@b.example>",
        "<a@b.example>",
    )
    assert letter.get_body().get_content().splitlines() == DATA["text"].splitlines()
    assert [(it.get_filename(), it.get_content()) for it in letter.iter_attachments()] == [
        ("Счёт № 7.pdf", b"%PDF-1.7"),
        ("act.pdf", b"%PDF-1.7 act"),
    ]
    assert "Auto-Submitted" not in letter


def test_a_copy_is_filed_and_read_back_as_sent(peer, connect, read):
    receipt = connect().execute(command())
    assert receipt.detail["copy"] == "filed in Sent"
    [copy] = peer.imap.folders["Sent"].mails
    assert copy.raw == peer.smtp.arrived[0].raw
    assert copy.flags == {"\\Seen"}
    [record] = read("Sent")[0]
    [event] = connect().normalise(record)
    assert (event.type, event.data.outside) == ("message.sent", ("belova@client.example",))
    assert not event.data.is_automatic


def test_a_copy_that_cannot_be_filed_does_not_undo_the_letter(peer, connect):
    peer.imap.refuse["APPEND"] = "NO [OVERQUOTA] mailbox is full"
    assert "OVERQUOTA" in connect().execute(command()).detail["copy"]
    peer.imap.folders.pop("Sent")
    assert "no folder" in connect().execute(command("command-2")).detail["copy"]
    peer.imap.stop()
    assert "cannot be reached" in connect().execute(command("command-3")).detail["copy"]
    assert len(peer.smtp.arrived) == 3


def test_a_notice_is_marked_so_that_no_machine_answers(peer, connect, read):
    """B-13."""
    connect().execute(command(automatic=True))
    _, letter = sent(peer)
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Auto-Response-Suppress"] == "All"
    [event] = connect().normalise(read("Sent")[0][0])
    assert event.data.is_automatic


def test_each_refused_recipient_is_named_and_the_others_get_it(peer, connect):
    peer.smtp.answers = {"gone@client.example": "550 5.1.1 no such user", "full@client.example": "451 4.2.2 try later"}
    to = ["gone@client.example", "belova@client.example", "full@client.example"]
    receipt = connect().execute(command(to=to))
    assert receipt.detail["accepted"] == ["belova@client.example"]
    assert receipt.detail["refused"] == {"gone@client.example": "550 5.1.1 no such user"}
    assert receipt.detail["later"] == {"full@client.example": "451 4.2.2 try later"}
    assert sent(peer)[0].recipients == ("belova@client.example",)


def test_the_rest_of_a_letter_goes_to_those_alone_who_do_not_have_it(peer, connect):
    peer.smtp.answers = {"full@client.example": "451 4.2.2 try later"}
    to = ["belova@client.example", "full@client.example"]
    first = connect().execute(command(to=to))
    assert first.rest is not None
    peer.smtp.answers = {}
    rest = msgspec.structs.replace(command(), id="command-1.r", data=first.rest)
    second = connect().execute(rest)

    assert second.rest is None
    assert [it.recipients for it in peer.smtp.arrived] == [("belova@client.example",), ("full@client.example",)]
    assert all(b"belova@client.example, full@client.example" in it.raw for it in peer.smtp.arrived)


def test_only_names_recipients(connect):
    with pytest.raises(Rejected, match="only"):
        connect().execute(command(only=["somebody@else.example"]))


@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 5.1.1 <belova@client.example> unknown", Rejected), ("451 4.7.1 greylisted", Unavailable)],
)
def test_when_all_are_refused_the_code_decides(peer, connect, answer, error):
    peer.smtp.answers = {"*": answer}
    with pytest.raises(error, match=r"unknown|greylisted") as caught:
        connect().execute(command())
    assert "belova" not in str(caught.value)
    assert peer.smtp.arrived == []


def test_a_letter_too_big_is_rejected(peer, connect):
    peer.smtp.most_bytes = 1000
    with pytest.raises(Rejected, match="too big"):
        connect().execute(command(text="слово " * 1000))


def test_a_lost_answer_is_unavailable_and_the_letter_is_sent_once(peer, connect):
    """F-33."""
    peer.fault("lost_answer")
    with pytest.raises(Unavailable):
        connect().execute(command())
    assert peer.effects(command()) == 1
    assert connect().find(command()) is None  # there is no copy, so nobody can tell
    peer.imap.deliver(peer.smtp.arrived[0].raw, "Sent")  # as providers do that file copies themselves
    assert connect().find(command()).external_id == "command-1@example.com"


def test_a_connection_cut_before_the_content_sends_nothing(peer, connect):
    peer.fault("cut")
    with pytest.raises(Unavailable):
        connect().execute(command())
    assert peer.smtp.arrived == []


def test_find_sees_letters_to_ourselves_and_no_others(peer, connect):
    connect().execute(command("command-10"))
    assert connect().find(command("command-1")) is None
    assert connect().find(command("command-10")).detail == {"found": "Sent"}
    peer.imap.folders["INBOX"].mails, peer.imap.folders["Sent"].mails = peer.imap.folders["Sent"].mails, []
    assert connect().find(command("command-10")).detail == {"found": "INBOX"}


def test_the_message_id_is_the_same_for_every_try_and_always_valid(peer, connect):
    strange = "напоминание:7/<x@y>\r\nBcc: evil@example.org"
    connect().execute(command(strange))
    connect().execute(command(strange))
    first, second = (arrived.message_id for arrived in peer.smtp.arrived)
    assert first == second
    assert first.isascii()
    assert connect().find(command(strange)).external_id == first


def test_a_wrong_password_is_presented_once(peer, connect):
    with pytest.raises(AuthError, match="535"):
        connect(smtp_password="wrong").execute(command())
    assert peer.smtp.refused_logins == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_mechanism_the_server_offers_is_used(peer, connect, mechanism):
    peer.smtp.mechanisms = (mechanism,)
    connect().execute(command())
    assert len(peer.smtp.arrived) == 1


def test_a_server_without_a_usable_login_is_a_matter_of_settings(peer, connect):
    peer.smtp.mechanisms = ("XOAUTH2",)
    with pytest.raises(SettingsError, match="no way to log in"):
        connect().execute(command())


@pytest.mark.parametrize(
    "data",
    [
        {"subject": "Счёт\r\nBcc: evil@example.org"},
        {"subject": "Счёт\nBcc: evil@example.org"},
        {"subject": "Счёт\u2028Bcc: evil@example.org"},
        {"to": ["belova@client.example\r\nBcc: evil@example.org"]},
        {"to": ["belova@client.example, evil@example.org"]},
        {"to": ["belova@client.example> BODY=8BITMIME"]},
        {"to": ["Белова <belova@client.example>"]},
        {"cc": ["x@y"]},
        {"in_reply_to": "<a@b>\r\nBcc: evil@example.org"},
        {"in_reply_to": "a b"},
        {"attachments": [{"name": "a\r\nX-Evil: 1.pdf", "content_base64": ""}]},
        {"attachments": [{"name": "a.pdf", "content_base64": "QQ==", "type": "text/x\r\nX-Evil: 1"}]},
        {"attachments": [{"name": "a.pdf", "content_base64": "не base64"}]},
        {"attachments": [{"name": "a.pdf", "blob": "0" * 64}]},
        {"attachments": [{"content_base64": "QQ=="}]},
        {"attachments": "a.pdf"},
        {"to": []},
        {"to": [f"a{number}@client.example" for number in range(101)]},
        {"to": [7]},
        {"text": 7},
        {"text": "\ud800"},
        {"bcc": ["evil@example.org"]},
    ],
)
def test_what_cannot_be_a_letter_is_rejected_before_anything_is_sent(peer, connect, data):
    """S-12."""
    with pytest.raises(Rejected):
        connect().execute(command(**data))
    assert peer.smtp.arrived == []
    assert peer.smtp.refused_logins == 0


def test_addresses_beyond_latin_letters(peer, connect):
    """B-11."""
    connect().execute(command(to=["buh@пример.рф", "иван@client.example"]))
    [arrived] = peer.smtp.arrived
    assert arrived.recipients == ("buh@xn--e1afmkfd.xn--p1ai", "иван@client.example")
    assert "To: buh@xn--e1afmkfd.xn--p1ai, иван@client.example\r\n".encode() in arrived.raw


def test_a_connection_without_smtp_does_not_send(connect):
    connector = connect(smtp_host="")
    assert connector.commands() == ()
    with pytest.raises(Rejected, match=r"mail\.send"):
        connector.execute(command())


def test_gmail_files_its_own_copy():
    from hub_imap.connector import _files_itself

    assert _files_itself("smtp.gmail.com")
    assert not _files_itself("smtp.yandex.ru")
