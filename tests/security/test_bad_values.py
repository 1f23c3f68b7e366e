"""B-08, B-09, B-10, S-12, S-13: texts that are no amount, tax id, phone or address, and letters they would get into.

Seen failing: an address with NUL or a direction mark counted as one.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.api import Command, Email, Letter, Phone, Rejected, TaxId, compose_mail, is_inn, parse_decimal
from hub.tools import FileBlobs

TODAY = datetime(2026, 5, 12, 2, 30, tzinfo=UTC)


def write(command: Command) -> Letter:
    return compose_mail(
        command, mailbox="office@example.ru", sender_name="", blobs=FileBlobs(Path("nowhere")), now=TODAY
    )


@pytest.mark.parametrize("text", ["1 234,50", "1\u00a0234,50", "1\u202f234,50", "1,234.50", "-0", "1e3", ".5", "5."])
def test_amounts_people_write(text: str) -> None:
    """B-08"""
    assert parse_decimal(text) is not None


@pytest.mark.parametrize(
    "text", ["", "-", "1.2.3", "NaN", "1e999", "9" * 50, "1_000", "٣", "0x10", "руб.", "1" * 10**6, "--1", "1 e 5 e"]
)
def test_what_is_no_amount(text: str) -> None:
    assert parse_decimal(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000000000",
        "123456789",
        "12345678901",
        "2465000008",
        " 2465000007x",
        "٢٤٦٥٠٠٠٠٠٧",
        "2" * 10**6,
        "-465000007",
        "24650 00007",
    ],
)
def test_what_is_no_tax_id_merges_nobody(text: str) -> None:
    """B-09"""
    assert not is_inn(text)
    assert TaxId.parse(text, "246501001") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+7",
        "9" * 30,
        "anonymous",
        "sip:101@pbx",
        "звонить после 18",
        "#" * 10**5,
        "x" * 10**6,
        "8" * 10**6,
        "+" * 100,
    ],
)
def test_what_is_no_phone(text: str) -> None:
    """B-10"""
    began = time.monotonic()
    assert Phone.parse(text, "391") is None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "a@b",
        "a@b@c.ru",
        "a b@c.ru",
        "a@b.ru\r\nBcc: c@d.ru",
        "a@b.ru, c@d.ru",
        "undisclosed-recipients:;",
        '"a"@b.ru',
        "@b.ru",
        "a@" + "b" * 300 + ".ru",
        "a\0@b.ru",
        "<a@b.ru> <c@d.ru>",
        "a@b..ru",
        "a(c)@b.ru",
    ],
)
def test_what_is_no_recipient(text: str) -> None:
    """S-12, S-13: neither a value nor a recipient of a letter."""
    assert Email.parse(text) is None
    command = Command(id="1", kind="mail.send", data={"to": [text], "subject": "s", "text": "t"})
    with pytest.raises(Rejected):
        write(command)


@pytest.mark.parametrize("field", ["subject", "in_reply_to", "name", "cc"])
def test_no_field_of_a_letter_makes_a_header(field: str) -> None:
    """L40."""
    bad = "x\r\nBcc: evil@example.org"
    data: dict[str, Any] = {
        "to": ["a@b.ru"],
        "subject": "s",
        "text": "t",
        **({field: [bad] if field == "cc" else bad} if field != "name" else {}),
    }
    if field == "name":
        data["attachments"] = [{"name": bad, "content_base64": "eA=="}]
    with pytest.raises(Rejected):
        write(Command(id="1", kind="mail.send", data=data))
    good = write(Command(id="1", kind="mail.send", data={"to": ["a@b.ru"], "subject": "s", "text": bad}))
    assert b"Bcc" not in good.raw.partition(b"\r\n\r\n")[0]
