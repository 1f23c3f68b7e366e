"""Statements that come by mail are saved where the bank connection reads them: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from hub import attachments
from hub.attachments import check_attachments, save_attachments, saved_name
from hub.config import load_config
from hub.connections import Hub, open_connection, sync_connection
from hub.mail import MailFile
from hub.model.connector import Record
from hub.model.errors import SettingsError
from hub.plugins import Plugins
from hub.store import state
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.testing.peers.bank import Transfer, statement
from hub.testing.peers.imap import MailPeer
from hub.testing.peers.smtp import PASSWORD, USER
from hub.tools import FileBlobs, SystemClock

ONE = Transfer("17", Decimal("1500.50"), "Оплата по счету № 5")
TWO = Transfer("18", Decimal(200), "Оплата по счету № 6")
BANK = "Банк <robot@mail.bank.example>"


class Office:
    """A hub with a mailbox and a bank, in this process."""

    def __init__(self, folder: Path, peer: MailPeer, store: Store) -> None:
        self.folder, self.peer, self.store = folder, peer, store
        self.statements = folder / "statements"
        self.statements.mkdir()
        self.number = 0
        self.configure("[{connection: office, sender: bank.example, name: 'kl*.txt', folder: statements}]")

    def configure(self, wishes: str) -> None:
        """Write the configuration with these wishes for files."""
        (self.folder / "hub.yaml").write_text(
            f"zone: Asia/Krasnoyarsk\nattachments: {wishes}\nconnections:\n"
            f"  office: {{connector: imap, host: 127.0.0.1, port: '{self.peer.imap.port}', tls: none, user: '{USER}', "
            f"password: 'env:MAIL_PASSWORD', folders: INBOX}}\n"
            f"  bank: {{connector: bank, folder: '{self.statements}', pattern: 'kl*.txt'}}\n",
            encoding="utf-8",
        )

    @property
    def hub(self) -> Hub:
        """Return the hub as a new process would open it."""
        return Hub(load_config(self.folder / "hub.yaml"), Plugins(), self.store, SystemClock())

    def mail(self, *files: tuple[str, bytes], sender: str = BANK) -> None:
        """Deliver a letter with files."""
        self.number += 1
        made = EmailMessage(policy=SMTP)
        made["Message-ID"], made["From"], made["To"] = f"<{self.number}@bank.example>", sender, USER
        made["Date"], made["Subject"] = "Tue, 12 May 2026 10:00:00 +0700", f"Выписка {self.number}"
        made.set_content("Во вложении выписка.")
        for name, content in files:
            made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        self.peer.imap.deliver(made.as_bytes())

    def sync(self, *names: str) -> None:
        """Read the mail, then the bank."""
        for name in names or ("office", "bank"):
            assert [it.error for it in sync_connection(self.hub, name)] == [None]

    def saved(self) -> list[str]:
        """Return the names of the saved files without the digits of their content."""
        return sorted(f"{it.stem.rpartition('-')[0]}{it.suffix}" for it in self.statements.iterdir())

    def payments(self) -> list[tuple[str, Decimal]]:
        """Return the payments there are."""
        with self.store.read() as connection:
            return sorted((it["number"], it["total"].amount) for it in state.read(connection, "payment"))

    def problems(self) -> list[str]:
        """Return what people are told."""
        with self.store.read() as connection:
            return [row.title for row in open_problems(connection)]


@pytest.fixture
def office(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    peer = MailPeer()
    peer.start()
    yield Office(tmp_path, peer, store)
    peer.stop()


def test_the_same_statement_by_mail_and_by_hand_is_the_same_payments(office: Office) -> None:
    office.mail(("kl_to_1c.txt", statement([ONE])))
    (office.statements / "kl_by_hand.txt").write_bytes(statement([ONE, TWO], written="18:00:00"))
    office.mail(("KL_TO_1C.TXT", statement([ONE, TWO], written="18:00:00")))
    office.sync()

    assert office.payments() == [("17", Decimal("1500.50")), ("18", Decimal(200))]
    assert len(office.saved()) == 3
    office.sync()
    assert len(office.payments()) == 2


def test_two_statements_under_one_name_are_both_kept_and_one_sent_twice_lies_there_once(office: Office) -> None:
    office.mail(("kl.txt", statement([ONE])))
    office.mail(("kl.txt", statement([TWO])), ("kl.txt", statement([ONE])))
    office.mail(("kl.txt", statement([ONE])))
    office.sync()

    assert office.saved() == ["kl.txt", "kl.txt"]
    assert office.payments() == [("17", Decimal("1500.50")), ("18", Decimal(200))]


def test_a_file_that_was_moved_away_does_not_come_back(office: Office) -> None:
    office.mail(("kl.txt", statement([ONE])))
    office.sync()
    for path in office.statements.iterdir():
        path.unlink()
    office.mail(("kl.txt", statement([TWO])))
    office.sync()

    assert office.saved() == ["kl.txt"]
    assert len(office.payments()) == 2


def test_only_who_is_named_brings_files_and_only_those_that_are_wanted(office: Office) -> None:
    office.mail(("kl.txt", statement([ONE])), sender="Вор <thief@bank.example.evil.example>")
    office.mail(("kl.txt", statement([ONE])), sender="robot@otherbank.example")
    office.mail(("price.txt", b"x"), ("../../kl.txt", statement([TWO])))
    office.sync()

    assert office.saved() == ["kl.txt"]
    assert office.payments() == [("18", Decimal(200))]
    assert not (office.folder / "kl.txt").exists()


def test_a_new_wish_holds_for_letters_that_came_before(office: Office) -> None:
    office.configure("[]")
    office.mail(("kl.txt", statement([ONE])))
    office.sync()
    assert office.payments() == []

    office.configure("[{connection: office, sender: robot@mail.bank.example, folder: statements}]")
    office.sync()
    assert office.payments() == [("17", Decimal("1500.50"))]


def test_a_folder_that_is_gone_is_told_and_nothing_is_lost(office: Office) -> None:
    office.mail(("kl.txt", statement([ONE])))
    office.statements.rmdir()
    office.sync("office")
    assert "cannot be written" in office.problems()[0]
    with open_connection(office.hub, "office") as opened:
        assert list(check_attachments(office.hub.config, "office", opened.connector))

    office.statements.mkdir()
    office.sync()
    assert office.problems() == []
    assert office.payments() == [("17", Decimal("1500.50"))]
    with open_connection(office.hub, "office") as opened:
        assert list(check_attachments(office.hub.config, "office", opened.connector)) == []


@pytest.mark.parametrize("step", ["save", "note"])
def test_stopped_between_two_steps_it_ends_as_if_it_had_run_through(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    office.mail(("kl.txt", statement([ONE])))
    office.mail(("kl.txt", statement([TWO])))

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(attachments, "write_file" if step == "save" else "set_meta", die)
        with pytest.raises(Killed):
            office.sync("office")
    office.sync()
    assert office.saved() == ["kl.txt", "kl.txt"]
    assert len(office.payments()) == 2


class Parted:
    """A mailbox whose letters were read in parts, as Exchange gives large ones: contents lie among the blobs."""

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def files(self, record: Record) -> list[MailFile]:
        """Return the one file."""
        assert record.payload
        return [MailFile(name="kl.txt", type="text/plain", size_bytes=1, digest=self.digest)]


def test_content_that_lies_apart_is_found_and_one_that_is_gone_is_told(office: Office) -> None:
    office.mail(("kl.txt", b"something else"))
    office.configure("[]")
    office.sync("office")
    office.configure("[{connection: office, sender: bank.example, folder: statements}]")
    blobs, content = FileBlobs(office.folder / "blobs"), statement([ONE])
    digest = blobs.put(content)
    stored = office.folder / "blobs" / digest[:2] / digest
    stored.rename(office.folder / "aside")
    assert save_attachments(office.store, office.hub.config, "office", Parted(digest), blobs) == 0
    assert "is gone" in office.problems()[0]

    (office.folder / "aside").rename(stored)
    assert save_attachments(office.store, office.hub.config, "office", Parted(digest), blobs) == 1
    (path,) = office.statements.iterdir()
    assert path.read_bytes() == content
    assert office.problems() == []


def test_nothing_is_looked_through_twice(office: Office) -> None:
    for _ in range(3):
        office.mail(("kl.txt", statement([ONE])))
    office.sync()
    (path,) = office.statements.iterdir()
    path.unlink()
    with open_connection(office.hub, "office") as opened:
        blobs = FileBlobs(office.folder / "blobs")
        assert save_attachments(office.store, office.hub.config, "office", opened.connector, blobs) == 0
    office.sync("office")
    assert office.saved() == []


def test_a_wish_for_a_connection_that_is_not_there_names_its_line(office: Office) -> None:
    office.configure("[{connection: ofice, sender: bank.example, folder: statements}]")
    with pytest.raises(SettingsError, match=r"hub\.yaml:2.*no connection is called 'ofice'"):
        load_config(office.folder / "hub.yaml")
    office.configure("[{connection: office, folder: statements}]")
    with pytest.raises(SettingsError, match="sender:` is missing"):
        load_config(office.folder / "hub.yaml")
    office.configure("[{connection: bank, sender: bank.example, folder: statements}]")
    with open_connection(office.hub, "bank") as opened:
        (finding,) = check_attachments(office.hub.config, "bank", opened.connector)
    assert "reads no mail" in finding[0]


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("kl_to_1c.txt", "kl_to_1c-0123456789ab.txt"),
        ("выписка за май", "выписка за май-0123456789ab"),
        (".txt", "txt-0123456789ab"),
        ("ы" * 300 + ".txt", "ы" * 100 + "-0123456789ab.txt"),
    ],
)
def test_names_stay_what_they_are(name: str, saved: str) -> None:
    assert saved_name(name, "0123456789abcdef") == saved
