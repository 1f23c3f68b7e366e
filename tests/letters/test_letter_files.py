"""Files of letters: kept once however many letters bring them, listed without logos, saved, and never quietly gone."""

from __future__ import annotations

import hashlib
import json
import random
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from letters_firm import Firm
from sqlalchemy import delete, func, select

from hub.store.streams import damaged_records, payload_of
from hub.store.tables import blob, record
from hub.testing.peers.imap import key_of
from hub.testing.peers.smtp import USER

PRICES = random.Random(1).randbytes(60_000)
LOGO = b"\x89PNG" + random.Random(2).randbytes(3_000)


def letter(number: int) -> bytes:
    """Return a letter with the price list that everybody gets, and the sender's logo in its text."""
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"] = f"<prices-{number}@client.example>"
    mail["Date"] = "Fri, 20 Nov 2026 10:15:00 +0700"
    mail["From"], mail["To"], mail["Subject"] = "belova@client.example", USER, f"Прайс {number}"
    mail.set_content("Добрый день!\n")
    mail.add_alternative('<p>Добрый день!</p><img src="cid:logo">', subtype="html")
    mail.get_payload()[1].add_related(LOGO, "image", "png", cid="<logo>", filename="logo.png")
    mail.add_attachment(PRICES, maintype="application", subtype="pdf", filename=f"Прайс {number}.pdf")
    return mail.as_bytes()


def deliver(firm: Firm, *numbers: int) -> list[bytes]:
    letters = [letter(number) for number in numbers]
    for raw in letters:
        firm.peer.imap.deliver(raw)
    firm.sync()
    return letters


def id_of(firm: Firm, subject: str) -> str:
    return next(str(it["id"]) for it in firm.rows("message") if it["subject"] == subject)


def listed(firm: Firm, *options: str) -> list[Any]:
    found: list[Any] = json.loads(firm.ok("message", "files", id_of(firm, "Прайс 1"), "--json", *options))
    return found


def test_a_file_of_many_letters_is_kept_once_and_the_letters_stay_whole(anywhere: Firm, tmp_path: Path) -> None:
    letters = [*deliver(anywhere, 0, 1, 2), *deliver(anywhere, 3, 4, 5)]

    with anywhere.store.read() as connection:
        kept = set(connection.execute(select(blob.c.digest)).scalars())
        assert kept == {hashlib.sha256(it).hexdigest() for it in (PRICES, LOGO)}
        assert connection.execute(select(func.sum(func.length(record.c.payload)))).scalar_one() < len(PRICES) / 5
        assert [payload_of(connection, "office", "INBOX", key_of(raw)) for raw in letters] == letters
        assert list(damaged_records(connection)) == []

    (prices,) = listed(anywhere)
    assert (prices["name"], prices["size_bytes"], prices["letters"]) == ("Прайс 1.pdf", len(PRICES), 6)
    assert [it["name"] for it in listed(anywhere, "--all")] == ["logo.png", "Прайс 1.pdf"]
    (told,) = listed(anywhere, "--save", str(tmp_path))
    assert Path(told["path"]).read_bytes() == PRICES
    (found,) = [it for it in json.loads(anywhere.ok("record", "replay", "office", "--all", "--json")) if it["read"] > 1]
    assert (found["read"], found["changed"], found["bad"]) == (7, 0, 0)


def test_a_picture_of_few_letters_is_no_logo(firm: Firm) -> None:
    deliver(firm, *range(5))
    assert [it["name"] for it in listed(firm)] == ["logo.png", "Прайс 1.pdf"]


def test_a_letter_without_its_file_is_damaged(firm: Firm, tmp_path: Path) -> None:
    """What was cut out of a letter is part of it: without it nothing else is taken for the letter or for the file."""
    deliver(firm, 1)
    assert "is not what was stored" not in firm.call("doctor", "--deep").output
    with firm.store.write() as connection:
        connection.execute(delete(blob))
    assert "is not what was stored" in firm.call("doctor", "--deep").output
    done = firm.call("message", "files", id_of(firm, "Прайс 1"), "--save", str(tmp_path))
    assert done.exit_code == 1
    assert "Прайс 1.pdf" in str(done.exception)
    assert list(tmp_path.glob("*.pdf")) == []


def test_a_letter_too_large_names_a_file_without_content(firm: Firm, tmp_path: Path) -> None:
    config = firm.folder / "hub.yaml"
    config.write_text(
        config.read_text("utf-8").replace("own: example.com", "own: example.com, max_message_bytes: 65536")
    )
    deliver(firm, 1)
    (stub,) = listed(firm)
    assert (stub["name"], stub["digest"], stub["size_bytes"] > 65536) == ("message.eml", None, True)
    done = firm.call("message", "files", id_of(firm, "Прайс 1"), "--save", str(tmp_path))
    assert done.exit_code == 1
    assert "message.eml" in str(done.exception)
