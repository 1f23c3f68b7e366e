"""A letter that came back is told as what it is: a wrong address, a full mailbox, or a server that did not take it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from letters_firm import NOW, Firm

from hub.model.entities import Bounce
from hub.plugins import Plugins
from hub.remind import evaluate_now, rules_of

REPORT = """\
From: MAILER-DAEMON@example.com\r
To: office@example.com\r
Subject: Undelivered Mail Returned to Sender\r
Date: Tue, 12 May 2026 10:05:00 +0700\r
Message-ID: <bounce-{number}@example.com>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
The mail system could not deliver it.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mail.example.com\r
\r
Final-Recipient: rfc822; belova@client.example\r
Action: failed\r
Status: {status}\r
Diagnostic-Code: smtp; {reason}\r
--b--\r
"""


@pytest.mark.parametrize(
    ("status", "reason", "rule", "says", "advice"),
    [
        ("5.1.1", "550 5.1.1 no such user", "letter_returned", "Уточнить адрес почты", "На какой адрес"),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "letter_returned", "Уточнить адрес", "На какой адрес"),
        ("5.2.2", "552 5.2.2 mailbox is full", "mailbox_full", "ящик переполнен", "Освободите"),
        ("4.2.2", "452 4.2.2 over quota", "mailbox_full", "ящик переполнен", "Освободите"),
        ("4.4.7", "delivery time expired", "letter_refused", "другим способом", "Куда его отправить"),
        ("5.7.1", "554 5.7.1 rejected as spam", "letter_refused", "другим способом", "администратора"),
    ],
)
def test_each_trouble_has_its_own_reminder(
    firm: Firm, status: str, reason: str, rule: str, says: str, advice: str
) -> None:
    """S002-26."""
    firm.knows()
    firm.peer.imap.deliver(REPORT.format(number=1, status=status, reason=reason).encode())
    firm.sync()
    with firm.store.write() as connection:
        rules = rules_of(firm.hub.config, Plugins(("-",)))
        _, found = evaluate_now(connection, firm.hub.config, rules, NOW + timedelta(hours=1))
    (due,) = [it for it in found.open if it.rule in ("letter_returned", "mailbox_full", "letter_refused")]
    assert (due.rule, says in due.title, "МБОУ «Школа № 5»" in due.title) == (rule, True, True)
    assert "belova@client.example" in due.why
    (script,) = [it.script for it in rules if it.id == rule]
    assert advice in " ".join(map(str, script))


@pytest.mark.parametrize(
    ("bounce", "trouble"),
    [
        (Bounce(address="a@x.example"), "unknown"),
        (Bounce(address="a@x.example", is_permanent=True, status="5.2.1"), "address"),
        (Bounce(address="a@x.example", reason="Ящик получателя переполнен"), "full"),
        (Bounce(address="a@x.example", reason="Письмо отклонено как спам"), "refused"),
        (Bounce(address="a@x.example", status="5.3.4", reason="message too big"), "refused"),
        (Bounce(address="a@x.example", status="4.3.0"), "later"),
    ],
)
def test_what_is_to_be_done(bounce: Bounce, trouble: str) -> None:
    assert bounce.trouble == trouble
