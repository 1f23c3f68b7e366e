"""The stand-ins are no softer than the servers they stand for; the real Dovecot answers the same where there is one."""

from __future__ import annotations

import imaplib
import smtplib
import socket

import pytest

from hub.testing.peers.dovecot import DovecotPeer, available
from hub.testing.peers.imap import MailPeer, letter
from hub.testing.peers.smtp import PASSWORD, USER

_WHY_NOT = available()


@pytest.fixture(
    params=[
        MailPeer,
        pytest.param(DovecotPeer, marks=[pytest.mark.peer, pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT or "-")]),
    ]
)
def mailbox(request):
    peer = request.param()
    peer.start()
    peer.add("INBOX", 3)
    client = imaplib.IMAP4("127.0.0.1", int(peer.settings()["port"]), timeout=20)
    yield client
    client.shutdown()
    peer.stop()


@pytest.fixture
def opened(mailbox):
    mailbox.login(USER, PASSWORD)
    assert mailbox.select("INBOX")[0] == "OK"
    return mailbox


def test_nothing_is_shown_before_the_login(mailbox):
    with pytest.raises(imaplib.IMAP4.error):
        mailbox.select("INBOX")
    mailbox.state = "AUTH"
    with pytest.raises(imaplib.IMAP4.error, match="BAD"):
        mailbox._simple_command("SELECT", "INBOX")
    mailbox.state = "NONAUTH"
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        mailbox.login(USER, "wrong")


def test_a_range_beyond_the_end_gives_the_newest(opened):
    assert opened.uid("SEARCH", "UID", "100:*") == ("OK", [b"3"])
    assert b"UID 3" in opened.uid("FETCH", "100:*", "(UID FLAGS)")[1][0]


def test_a_uid_that_is_gone_is_left_out(opened):
    assert opened.uid("FETCH", "77", "(RFC822.SIZE)") == ("OK", [None])
    assert opened.uid("SEARCH", "UID", "77") == ("OK", [b""])


def test_peeking_leaves_a_letter_unread_and_fetching_does_not(opened):
    opened.uid("FETCH", "1", "(BODY.PEEK[])")
    opened.uid("FETCH", "2", "(BODY[])")
    flags = [opened.uid("FETCH", uid, "(FLAGS)")[1][0] for uid in "12"]
    assert [b"\\Seen" in line for line in flags] == [False, True]


def test_examining_never_changes_a_letter(opened):
    opened.select("INBOX", readonly=True)
    opened.uid("FETCH", "1", "(BODY[])")
    assert b"\\Seen" not in opened.uid("FETCH", "1", "(FLAGS)")[1][0]


def test_a_body_comes_as_it_was_put_in(opened):
    [(_, body), _] = opened.uid("FETCH", "2", "(BODY.PEEK[])")[1]
    assert body == letter(2)
    assert int(opened.uid("FETCH", "2", "(RFC822.SIZE)")[1][0].split()[-1].strip(b")")) == len(letter(2))


def test_a_missing_folder_is_refused_and_leaves_nothing_selected(opened):
    assert opened.select("Nowhere")[0] == "NO"
    opened.state = "SELECTED"
    with pytest.raises(imaplib.IMAP4.error, match="BAD"):
        opened._simple_command("UID", "FETCH", "1", "(FLAGS)")


@pytest.mark.parametrize(
    "keys", [("UID", "x"), ("NOSUCHKEY",), ("SINCE", "2026-11-01"), ("HEADER", "Subject"), ("UID",)]
)
def test_what_is_no_search_is_bad(opened, keys):
    with pytest.raises(imaplib.IMAP4.error, match="BAD"):
        opened.uid("SEARCH", *keys)


def test_search_knows_headers_and_sets(opened):
    assert opened.uid("SEARCH", "HEADER", "Message-ID", '"<letter-2@client.example>"') == ("OK", [b"2"])
    assert opened.uid("SEARCH", "2:*", "UID", "1:2") == ("OK", [b"2"])
    assert opened.uid("SEARCH", "1,3") == ("OK", [b"1 3"])


def modseq_of(client):
    return int(client.response("HIGHESTMODSEQ")[1][0])


def test_changes_are_counted_once_that_was_asked_for(mailbox):
    mailbox.login(USER, PASSWORD)
    assert "CONDSTORE" in mailbox.capabilities or b"CONDSTORE" in mailbox.capability()[1][0]
    assert mailbox.enable("CONDSTORE")[0] == "OK"
    mailbox.select("INBOX")
    before = modseq_of(mailbox)
    assert mailbox.uid("SEARCH", "ANSWERED", "MODSEQ", str(before + 1)) == ("OK", [b""])
    with pytest.raises(imaplib.IMAP4.error, match="BAD"):
        mailbox.uid("SEARCH", "MODSEQ", "x")
    mailbox.uid("FETCH", "2", "(BODY[])")  # marks it as read
    mailbox.select("INBOX", readonly=True)
    after = modseq_of(mailbox)
    assert after > before
    assert mailbox.uid("SEARCH", "MODSEQ", str(before + 1))[1][0].startswith(b"2 (MODSEQ ")
    assert mailbox.uid("SEARCH", "ANSWERED", "MODSEQ", str(before + 1)) == ("OK", [b""])


def test_sent_mail_is_listed_with_its_use_and_appending_needs_a_folder(opened):
    listed = opened.list()[1]
    assert any(b"\\Sent" in line and b"Sent" in line for line in listed)
    status, words = opened.append("Nowhere", "(\\Seen)", "", letter(4))
    assert (status, b"TRYCREATE" in words[0]) == ("NO", True)
    assert opened.append("Sent", "(\\Seen)", "", letter(4))[0] == "OK"
    opened.select("Sent")
    assert opened.uid("FETCH", "1:*", "(BODY.PEEK[])")[1][0][1] == letter(4)


@pytest.fixture
def submission():
    peer = MailPeer()
    peer.start()
    with smtplib.SMTP("127.0.0.1", peer.smtp.port, timeout=20) as client:
        yield peer.smtp, client
    peer.stop()


def test_no_mail_without_a_login(submission):
    _, client = submission
    client.ehlo()
    assert client.mail(USER)[0] == 530
    assert client.docmd("AUTH", "PLAIN AHgAeQ==")[0] == 535
    assert client.mail(USER)[0] == 530
    client.login(USER, PASSWORD)
    assert client.mail("somebody@else.example")[0] == 553
    assert client.mail(USER)[0] == 250


def test_commands_out_of_turn_are_refused(submission):
    _, client = submission
    assert client.docmd("AUTH", "PLAIN")[0] == 503
    client.ehlo()
    client.login(USER, PASSWORD)
    assert client.rcpt("a@client.example")[0] == 503
    assert client.docmd("DATA")[0] == 503
    client.mail(USER)
    client.command_encoding = "utf-8"
    assert client.rcpt("иван@client.example")[0] == 501
    assert client.rcpt("a@client.example")[0] == 250
    assert client.docmd("LINE")[0] == 500


def test_dots_must_be_doubled_and_lines_end_properly(submission):
    server, client = submission
    client.ehlo()
    client.login(USER, PASSWORD)
    for content, code in ((b".single\r\n.\r\n", b"550"), (b"..doubled\r\n.\r\n", b"250"), (b"bare\n.\r\n", b"550")):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as raw:
            lines = raw.makefile("rb")
            lines.readline()
            token = "AG9mZmljZUBleGFtcGxlLmNvbQBzdGFuZC1pbiBzZWNyZXQ="
            for line in ("HELO x", f"AUTH PLAIN {token}", f"MAIL FROM:<{USER}>", "RCPT TO:<a@client.example>", "DATA"):
                raw.sendall(f"{line}\r\n".encode())
                assert lines.readline()[:1] in b"23"
            raw.sendall(content)
            assert lines.readline()[:3] == code
    assert [arrived.raw for arrived in server.arrived] == [b".doubled\r\n"]
