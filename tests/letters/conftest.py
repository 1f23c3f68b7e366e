"""The firm of these tests, on SQLite and on each store."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from letters_firm import SUPPORT, Firm

from hub.store.database import Store
from hub.testing.peers.imap import MailPeer
from hub.testing.peers.smtp import PASSWORD


@pytest.fixture(scope="session")
def mailbox() -> Iterator[MailPeer]:
    peer = MailPeer()
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def peer(mailbox: MailPeer, monkeypatch: pytest.MonkeyPatch) -> MailPeer:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with mailbox.imap.lock:
        mailbox.imap.folders.clear()
    for name in ("INBOX", "Sent", "Second"):
        mailbox.imap.deliver(b"From: x@example.com\r\nTo: y@example.com\r\nSubject: first\r\n\r\nx", name)
    return mailbox


@pytest.fixture
def firm(tmp_path: Path, peer: MailPeer, made_file: Path) -> Iterator[Firm]:
    """The firm on SQLite."""
    shutil.copyfile(made_file, tmp_path / "hub.db")
    opened = Store(f"sqlite:///{tmp_path / 'hub.db'}")
    yield Firm(tmp_path, peer, opened)
    opened.close()


@pytest.fixture
def anywhere(tmp_path: Path, peer: MailPeer, store: Store) -> Firm:
    """The firm on each kind of store in turn."""
    return Firm(tmp_path, peer, store)


@pytest.fixture
def supported(firm: Firm) -> Firm:
    """The firm with one rule: what comes to support is a ticket."""
    firm.configure(SUPPORT)
    return firm


@pytest.fixture
def rule() -> Callable[..., str]:
    """Return the text of one rule that holds from the beginning of the year."""

    def made(make: str, *conditions: str, **more: str) -> str:
        keys = "".join(f", {name}: {value}" for name, value in {"since": "2026-01-01", **more}.items())
        return f"{{id: {make}_{len(conditions)}, make: {make}, when: [{', '.join(conditions)}]{keys}}}"

    return made
