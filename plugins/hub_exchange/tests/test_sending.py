"""Sending: one letter whatever happens, found again, refused with the server's words."""

from __future__ import annotations

import email
import threading
from email.policy import default

import pytest
from lxml import etree

from hub.api import AuthError, Command, Rejected, SettingsError, Unavailable
from hub.testing.peers.ews import SHARED, USER, Answer
from hub_exchange import wire

TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"


def command(**data) -> Command:
    known = {"to": ["anna@client.example"], "subject": "Счёт № 7", "text": "Добрый день!"}
    return Command(id="cmd-7", kind="mail.send", data={**known, **data})


@pytest.fixture
def sent(server):
    def done():
        return [email.message_from_bytes(raw, policy=default) for raw in server.sent]

    return done


def test_a_letter_goes_out_and_its_copy_stands_in_sent(peer, connect, sent):
    receipt = connect(sender_name="ООО «Пример»").execute(command(automatic=True, in_reply_to="<q@client.example>"))
    (letter,) = sent()
    assert letter["message-id"] == "<cmd-7@example.com>"
    assert letter["from"] == f"ООО «Пример» <{USER}>"
    assert letter["in-reply-to"] == "<q@client.example>"
    assert letter["auto-submitted"] == "auto-generated"
    assert receipt.external_id == "cmd-7@example.com"
    assert receipt.detail == {"copy": "in Sent"}
    folder = peer.mailbox.used("sentitems").id
    assert [it.raw for it in peer.mailbox.items.values() if it.folder == folder] == peer.server.sent


def test_a_letter_from_a_shared_mailbox_is_kept_there(peer, connect, sent):
    connect(address=SHARED).execute(command())
    box = peer.server.mailboxes[SHARED]
    assert [it.folder for it in box.items.values()] == [box.used("sentitems").id]
    assert sent()[0]["from"] == SHARED


def test_an_attachment_of_some_megabytes_arrives_whole(connect, sent, tools):
    content = bytes(range(256)) * 8192
    connect(auth="ntlm").execute(command(attachments=[{"name": "акт.pdf", "blob": tools.blobs.put(content)}]))
    (attached,) = sent()[0].iter_attachments()
    assert attached.get_content() == content


def test_the_login_is_tried_before_the_letter_goes(connect, server):
    connect(auth="ntlm").execute(command())
    sizes = [len(etree.tostring(it)) for it in server.requests]
    assert server.operations == ["GetFolder", "CreateItem", "FindItem"]
    assert len(sizes) == 3


# lost answers


def test_a_lost_answer_is_unknown_and_the_letter_is_found(connect, server, sent):
    """F-33."""
    server.loses = {"CreateItem"}
    with pytest.raises(Unavailable) as caught:
        connect().execute(command())
    assert not caught.value.unsent
    server.loses = set()
    assert connect().find(command()).external_id == "cmd-7@example.com"
    assert len(sent()) == 1


def test_a_time_out_is_unknown(connect, server, monkeypatch, sent):
    held = threading.Event()

    def hold(operation: str) -> None:
        monkeypatch.setattr(wire, "ANSWER_SECONDS", 0.3)  # from the next question on
        if operation == "CreateItem":
            held.wait(60)

    server.before = hold
    with pytest.raises(Unavailable, match="in time") as caught:
        connect().execute(command())
    monkeypatch.setattr(wire, "ANSWER_SECONDS", 60)
    server.before = None
    held.set()
    assert not caught.value.unsent
    assert connect().find(command()) is not None
    assert len(sent()) == 1


def test_a_letter_that_never_left_is_not_found(connect):
    assert connect().find(command()) is None


def test_a_letter_in_the_outbox_has_left_us(peer, connect):
    raw = b"Message-ID: <cmd-7@example.com>\r\n\r\nx"
    peer.mailbox.put(peer.mailbox.used("outbox").id, raw)
    assert connect().find(command()).external_id == "cmd-7@example.com"


def test_an_outbox_that_is_closed_to_us_hides_nothing_in_sent(peer, connect):
    del peer.mailbox.folders[peer.mailbox.used("outbox").id]
    assert connect().find(command()) is None
    connect().execute(command())
    assert connect().find(command()) is not None


def test_a_server_with_a_message_id_of_its_own_is_asked_by_our_mark(peer, connect):
    peer.server.answers.renames = True
    receipt = connect().execute(command())
    assert receipt.external_id.endswith("@exchange.example.com")
    assert connect().find(command()) == receipt


def test_a_copy_that_is_not_there_yet_does_not_undo_the_letter(peer, connect, sent):
    peer.server.codes["FindItem"] = "ErrorServerBusy"
    receipt = connect().execute(command())
    assert receipt.external_id == "cmd-7@example.com"
    assert "not looked for" in receipt.detail["copy"]
    assert len(sent()) == 1


def test_down_before_the_letter_promises_that_nothing_left(peer, connect, sent):
    connector = connect()
    peer.fault("down")
    with pytest.raises(Unavailable) as caught:
        connector.execute(command())
    assert caught.value.unsent
    assert sent() == []


@pytest.mark.parametrize("status", [500, 502, 503])
def test_trouble_before_the_letter_promises_that_nothing_left(connect, server, sent, status):
    server.status = Answer(status, b"<html></html>")
    with pytest.raises(Unavailable) as caught:
        connect().execute(command())
    assert caught.value.unsent
    assert sent() == []


def test_busy_promises_that_nothing_left_and_tells_how_long_to_wait(connect, server, sent):
    server.busy = 1
    with pytest.raises(Unavailable) as caught:
        connect().execute(command())
    assert caught.value.unsent
    assert caught.value.retry_after.total_seconds() == 1.5
    assert sent() == []


@pytest.mark.parametrize("code", ["ErrorTimeoutExpired", "ErrorInternalServerError", "ErrorMailboxStoreUnavailable"])
def test_trouble_inside_of_the_server_is_unknown(connect, server, code):
    server.codes["CreateItem"] = code
    with pytest.raises(Unavailable, match=code) as caught:
        connect().execute(command())
    assert not caught.value.unsent


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_http_error_after_the_letter_is_unknown(connect, server, status):
    server.before = lambda operation: setattr(
        server, "after", Answer(status, b"<html></html>") if operation == "CreateItem" else None
    )
    with pytest.raises(Unavailable) as caught:
        connect().execute(command())
    assert not caught.value.unsent


# refusals


@pytest.mark.parametrize("code", ["ErrorSendAsDenied", "ErrorInvalidRecipients", "ErrorMimeContentInvalid"])
def test_a_refusal_keeps_its_words(connect, server, sent, code):
    server.codes["CreateItem"] = code
    with pytest.raises(Rejected, match=code):
        connect().execute(command())
    assert sent() == []


@pytest.mark.parametrize("code", ["ErrorQuotaExceeded", "ErrorSubmissionQuotaExceeded"])
def test_a_full_mailbox_is_a_refusal_that_says_what_to_do(connect, server, code):
    server.codes["CreateItem"] = code
    with pytest.raises(Rejected, match="over its quota") as caught:
        connect().execute(command())
    assert "Free space" in caught.value.hint


@pytest.mark.parametrize("status", [404, 413, 507])
def test_a_letter_too_large_for_the_server_is_refused(connect, server, status):
    server.before = lambda operation: setattr(
        server, "after", Answer(status, b"") if operation == "CreateItem" else None
    )
    with pytest.raises(Rejected, match="takes no letter of"):
        connect().execute(command())


def test_a_server_that_takes_no_mark_gets_the_letter_without_it(connect, server, sent):
    server.answers.takes_no_mark = True
    receipt = connect().execute(command())
    assert len(sent()) == 1
    assert receipt.external_id == "cmd-7@example.com"


def test_no_folder_for_sent_mail_is_a_refusal(peer, connect, sent):
    folder = peer.mailbox.used("sentitems")
    del peer.mailbox.folders[folder.id]
    with pytest.raises(Rejected, match="sent mail"):
        connect().execute(command())
    assert sent() == []


def test_a_wrong_password_sends_nothing(peer, connect, sent):
    with pytest.raises(AuthError):
        connect(password="wrong").execute(command())
    assert (sent(), peer.logins()) == ([], 1)


def test_missing_rights_hold_the_letter_back(connect, server, sent):
    server.mailboxes[SHARED].delegates.clear()
    with pytest.raises(SettingsError):
        connect(address=SHARED).execute(command())
    assert sent() == []
