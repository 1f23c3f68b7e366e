"""Real letters: all of them are read, and where another project says what it found in one, ours agrees or says why not.

The letters are not part of this project; without them these tests are skipped.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from email.utils import getaddresses
from html import unescape
from pathlib import Path

import msgspec
import pytest

from hub.api import Mail, Reference, mail_events, own_text, read_mail

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mail" / "eml"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample letters are not on this machine")
LETTERS = sorted(it for it in SAMPLES.rglob("*") if it.suffix in (".eml", ".msg", ".box")) if SAMPLES.is_dir() else []
OTHERS = sorted(it for it in SAMPLES.rglob("*") if it.is_file() and it not in LETTERS) if SAMPLES.is_dir() else []


def mail(name: str) -> Mail:
    return read_mail((SAMPLES / name).read_bytes())


def test_every_letter_is_here():
    assert len(LETTERS) >= 50
    assert len(LETTERS) + len(OTHERS) >= 80


@pytest.mark.parametrize("path", LETTERS, ids=lambda it: f"{it.parent.name}/{it.name}")
def test_every_letter_says_something(path):
    found = mail(str(path.relative_to(SAMPLES)))
    assert found.text or found.files or found.subject
    for event in mail_events(Reference("message", "m"), found, folder="INBOX", ours={"example.com"}):
        assert msgspec.json.decode(msgspec.json.encode(event.data), type=type(event.data)) == event.data


@pytest.mark.parametrize("path", [*LETTERS[::6], *OTHERS[::6]], ids=lambda it: f"{it.parent.name}/{it.name}")
def test_the_command_line_tells_events_or_what_is_wrong(path, tmp_path):
    command = [sys.executable, "-c", "from hub.cli import main; main()", "record", "parse", "imap", str(path), "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == bool(told)
    if path in LETTERS:
        assert {"type", "time", "subject", "data"} == set(told[0])


# what other projects find in these letters


def squeezed(content: bytes) -> bytes:
    return re.sub(rb"\s+", b"", content)


UNLIKE_JAMES = {
    "multi-nested3_decoded_1_5_1.txt": "the text of a letter inside the letter, which stays closed here",
}


@pytest.mark.parametrize("path", OTHERS, ids=lambda it: f"{it.parent.name}/{it.name}")
def test_texts_are_those_that_james_decodes(path):
    if not re.search(r"_decoded_[\d_]+\.txt$", path.name):
        return
    letter = path.name.partition("_decoded")[0]
    charset = "iso-8859-15" if letter == "german-qp" else "utf-8"
    found = mail(f"james-mime4j/{letter}.msg")
    told = [squeezed(found.text.encode(charset)), *(squeezed(it.content()) for it in found.files)]
    assert any(squeezed(path.read_bytes()) in it for it in told) == (path.name not in UNLIKE_JAMES)


@pytest.mark.parametrize("path", OTHERS, ids=lambda it: f"{it.parent.name}/{it.name}")
def test_headers_are_those_that_james_lists(path):
    if path.suffix != ".xml":
        return
    fields = dict(re.findall(r"<field>\s*([\w-]+): (.*?)</field>", path.read_text(), re.DOTALL)[::-1])
    found = mail(f"james-mime4j/{path.name.partition('_decoded')[0]}.msg")
    assert found.subject == fields.get("Subject", "").strip()
    addresses = [address for _, address in getaddresses([unescape(fields.get("From", ""))]) if "@" in address]
    assert ([found.sender.address] if found.sender.address else []) == addresses


def test_letters_say_what_zammad_finds_in_them():
    for path in (SAMPLES / "zammad").glob("*.yml"):
        text, found = path.read_text(), mail(f"zammad/{path.stem}.box")
        expected = dict(re.findall(r"^(\w+): '?(.*?)'?$", text, re.MULTILINE))
        assert found.sender.address == expected["from_email"].lower()
        assert (found.sender.name or NAMES_BESIDE.get(path.stem, "")) == expected["from_display_name"]
        assert found.subject == expected["subject"]
        assert not expected.get("body") or found.text == expected["body"].strip()


NAMES_BESIDE = {"mail052": "Mail Delivery System"}
"""A name in brackets after the address is a comment (RFC 5322), and no name here; machines write such ones."""


def test_replies_are_cut_where_talon_and_crisp_cut_them():
    for name in ("gmail", "outlook", "thunderbird", "apple_mail", "iphone"):
        assert mail(f"talon/{name}.eml").own_text == "Hello", name
    folder = SAMPLES / "email-reply-parser"
    for path in folder.iterdir():
        own = own_text(path.read_text())
        assert own.endswith(CRISP[path.name]), path.name
    assert "Sent from my iPhone" not in own_text((SAMPLES / "talon" / "iphone_reply_text").read_text())


CRISP = {
    "email_ios_outlook.txt": "quis. Fusce sed odio id arcu varius aliquet nec nec nibh.",
    "email_reply_header.txt": "Stranger",
    "email_russian.txt": "quis. Fusce sed odio id arcu varius aliquet nec nec nibh.",
    "email_thread.txt": "This is new email reply in thread from bellow.",
}

UNLIKE_SISIMAI = {
    "rfc3464-01.eml": "Sisimai says the mailbox is full; the report itself says 5.1.1 User Unknown",
    "lhost-mailru-05.eml": "the text gives no status; Sisimai makes one up (5.0.932) for its reason",
    "rfc3464-07.eml": "only late: the server goes on trying, so nothing is returned yet",
}


def test_returned_letters_say_what_sisimai_finds_in_them():
    expected = json.loads((SAMPLES / "p5-sisimai" / "expected.json").read_text())
    for name, verdicts in expected.items():
        found = mail(f"p5-sisimai/{name}")
        assert found.is_automatic, name
        told = [(it.status, it.is_gone) for it in found.failures]
        agreed = [(it["status"], it["hardbounce"]) for it in verdicts if it["status"]]
        assert (told == agreed) == (name not in UNLIKE_SISIMAI), name
    gone = [it.is_gone for it in mail("p5-sisimai/lhost-mailru-05.eml").failures]
    assert gone == [True]  # agreed but for the status


def test_threads_files_and_subjects_of_other_samples():
    assert mail("php-imap/mixed_filename.eml").subject == "Свежий прайс-лист"
    assert mail("james-mime4j/russian.msg").files[0].name == "Список.doc"
    assert mail("mail/multiple_references_with_one_invalid.eml").references
    assert mail("flanker/disposition-notification.eml").in_reply_to == "199509192301.23456@example.org"
    topic, answer = mail("php-imap/thread_my_topic.eml"), mail("php-imap/thread_re_my_topic.eml")
    assert answer.in_reply_to == topic.message_id
    [picture] = mail("mail-mime-parser/m4006.eml").files  # says that it is a winmail.dat, and is a PNG
    assert picture.content().startswith(b"\x89PNG")
