"""An invented firm with a mailbox: letters come in over a real connection and are taken in by its rules."""

from __future__ import annotations

import json
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from hub.cli import cli
from hub.config import load_config
from hub.connections import Hub, sync_connection
from hub.ingest import ingest
from hub.model.entities import Client, ContactPoint, Reference
from hub.model.events import Event
from hub.normalise import fact_of
from hub.plugins import Plugins
from hub.projection import Sources
from hub.store import log, state
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.testing.peers.imap import MailPeer
from hub.testing.peers.smtp import USER
from hub.tools import SystemClock

NOW = datetime.fromisoformat("2026-05-12T03:30:00+00:00")
"""Tuesday, 10:30 in Krasnoyarsk."""
SUPPORT = "[{id: support, make: ticket, since: 2026-01-01, when: [{field: message.recipients, contains: support@}]}]"


class Firm:
    """A hub with a mailbox, in this process."""

    def __init__(self, folder: Path, peer: MailPeer, store: Store) -> None:
        self.folder, self.peer, self.store = folder, peer, store
        self.number = 0
        self.configure("[]")

    def configure(self, letters: str) -> None:
        """Write the configuration with these rules about letters."""
        mailbox = (
            f"connector: imap, host: 127.0.0.1, port: '{self.peer.imap.port}', tls: none, user: '{USER}', "
            f"password: 'env:MAIL_PASSWORD', own: example.com"
        )
        (self.folder / "hub.yaml").write_text(
            f"zone: Asia/Krasnoyarsk\nstore: {json.dumps(self.store.url.render_as_string(hide_password=False))}\n"
            "employees:\n  - {id: orlov, name: Орлов Олег Олегович, mail: orlov@example.com, role: specialist}\n"
            "enforce_from: 2026-01-01\n"
            f"connections:\n  office: {{{mailbox}, folders: 'INBOX, Sent'}}\n  second: {{{mailbox}, folders: Second}}\n"
            f"letters: {letters}\n",
            encoding="utf-8",
        )

    @property
    def hub(self) -> Hub:
        """Return the hub as a new process would open it."""
        return Hub(load_config(self.folder / "hub.yaml"), Plugins(), self.store, SystemClock())

    def knows(self, name: str = "МБОУ «Школа № 5»", mail: str = "belova@client.example") -> None:
        """Let the accounting know a client and his mailbox."""
        client = Client(name=name, status="client", points=(ContactPoint("email", mail),))
        event = Event("client.observed", Reference("client", mail), client, NOW)
        with self.store.write() as connection:
            ingest(connection, "base", [fact_of(event, "")], Sources(["base"]), NOW)

    def mail(
        self, text: str = "Не печатается накладная.", *, subject: str = "Накладная", sender: str = "",
        to: str = "support@example.com", answers: str = "", minute: int = 0, folder: str = "INBOX",
        files: tuple[tuple[str, bytes], ...] = (), **headers: str,
    ) -> str:  # fmt: skip
        """Deliver a letter; return its Message-ID."""
        self.number += 1
        made = EmailMessage(policy=SMTP)
        identifier = headers.pop("identifier", f"<{self.number}@client.example>")
        made["Message-ID"], made["From"], made["To"] = identifier, sender or "Анна Белова <belova@client.example>", to
        made["Date"], made["Subject"] = f"Tue, 12 May 2026 10:{minute:02d}:00 +0700", subject
        if answers:
            made["In-Reply-To"] = made["References"] = answers
        for name, value in headers.items():
            made[name.replace("_", "-")] = value
        made.set_content(text)
        for name, content in files:
            made.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        self.peer.imap.deliver(made.as_bytes(), folder)
        return identifier

    def sync(self, name: str = "office", **options: Any) -> None:
        """Read the mail."""
        assert [it.error for it in sync_connection(self.hub, name, **options) if it.error] == []

    def takes(self, text: str = "Не печатается накладная.", **told: Any) -> str:
        """Let a letter come in."""
        identifier = self.mail(text, **told)
        self.sync()
        return identifier

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return the things of a kind."""
        with self.store.read() as connection:
            return state.read(connection, kind, ~state.table(kind).c.deleted)

    def ticket(self) -> dict[str, Any]:
        """Return the only ticket."""
        (found,) = self.rows("ticket")
        return found

    def happened(self) -> list[str]:
        """Return what happened to tickets, surveys and complaints, in the order of the log."""
        with self.store.read() as connection:
            return [it.type for it in log.read_log(connection, source="operator") if not it.type.endswith(".observed")]

    def problems(self) -> list[str]:
        """Return what people are told."""
        with self.store.read() as connection:
            return [row.title for row in open_problems(connection)]

    def call(self, *words: str, now: datetime = NOW) -> Result:
        """Run a command."""
        given = ["--config", str(self.folder / "hub.yaml"), "--now", now.isoformat(), *words]
        return CliRunner().invoke(cli, given)

    def ok(self, *words: str) -> str:
        """Run a command that must succeed; return what it prints."""
        done = self.call(*words)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout
