"""A mailbox for the benchmark: `python -m bench.mailboxes IMAP|EWS MAILS INCREMENT`.

Prints the settings of a connection to it as one line of JSON; after a line on stdin it delivers so many mails more.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from hub.testing.peers.ews import EwsPeer
from hub.testing.peers.imap import MailPeer

SIZES = ((0.85, 3_000), (0.13, 45_000), (0.02, 450_000))
"""Shares of mails, and the bytes of text or attachment each of them carries."""
WORDS = (
    "добрый",
    "день",
    "просим",
    "выставить",
    "счёт",
    "обновление",
    "программы",
    "спасибо",
    "договор",
    "акт",
    "сверки",
)


def main() -> None:
    """Serve until the input ends."""
    protocol, count, increment = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    imap, ews = MailPeer(), EwsPeer()
    is_imap = protocol == "IMAP"
    peer = imap if is_imap else ews
    letters = _letters(count + increment)
    now = datetime.now(UTC)

    def deliver(arrived: datetime) -> None:
        if is_imap:
            imap.imap.deliver(next(letters), arrived=arrived)
        else:
            ews.deliver("Inbox", next(letters), received=arrived)

    for number in range(count):
        deliver(now - timedelta(minutes=count - number))
    peer.start()
    connector, folder = ("imap", "INBOX") if is_imap else ("exchange", "Inbox")
    print(json.dumps({"connector": connector, **peer.settings(), "folders": folder}), flush=True)
    for _ in sys.stdin:
        for _number in range(increment):
            deliver(datetime.now(UTC))
        print("done", flush=True)


def _letters(count: int) -> Iterator[bytes]:
    """Yield mails of mixed sizes, the same in each run."""
    chance = random.Random(10_000)
    for number in range(count):
        share, at = chance.random(), 0
        while at < len(SIZES) - 1 and share > SIZES[at][0]:
            share -= SIZES[at][0]
            at += 1
        size = SIZES[at][1]
        mail = EmailMessage(policy=SMTP)
        mail["Message-ID"] = f"<bench-{number}@client{number % 400}.example>"
        mail["Date"] = format_datetime(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=number))
        mail["From"], mail["To"] = f"Клиент <mail@client{number % 400}.example>", "office@example.com"
        mail["Subject"] = f"Вопрос № {number}"
        mail.set_content("\n".join(" ".join(chance.choices(WORDS, k=9)) for _ in range(3_000 // 100)))
        if size > SIZES[0][1]:
            mail.add_attachment(chance.randbytes(size), maintype="application", subtype="pdf", filename="Счёт.pdf")
        yield mail.as_bytes()


if __name__ == "__main__":
    main()
