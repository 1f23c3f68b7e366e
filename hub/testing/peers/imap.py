"""An IMAP4rev1 server on loopback, as strict as Dovecot where a client could err, and the mail peer made of it.

Commands are understood as the grammar says, literals included; what is not is BAD. Folder names travel in modified
UTF-7. `UID FETCH n:*` and `UID SEARCH UID n:*` give the newest letter even where n is beyond it, as real servers do.
BODY[] without PEEK sets \\Seen in a selected folder; a UID that is gone is left out of an answer without an error.
Changes are counted as RFC 7162 says; the count is told, and asked for, only after it was enabled.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import select
import socket
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import count
from typing import ClassVar

from hub.model.connector import Command
from hub.testing.peer import Fault
from hub.testing.peers.imap_grammar import (
    MONTHS,
    GrammarError,
    Mail,
    RefusedError,
    Token,
    as_text,
    command_of,
    exactly,
    folder_name,
    number_set,
    searched,
    to_utf7,
    tokens_of,
)
from hub.testing.peers.smtp import PASSWORD, USER, LoopbackServer, SmtpServer, hang_up

CAPABILITIES = "IMAP4rev1 LITERAL+ UIDPLUS SPECIAL-USE ID IDLE ENABLE CONDSTORE AUTH=PLAIN SASL-IR"
IDLE_SECONDS = 0.02
BEFORE_TLS = "IMAP4rev1 LITERAL+ ID STARTTLS LOGINDISABLED"


class Folder:
    """One folder: its letters by rising UID; `use` is a SPECIAL-USE flag such as `\\Sent`."""

    def __init__(self, uidvalidity: int, use: str = "") -> None:
        self.uidvalidity, self.use = uidvalidity, use
        self.next_uid = 1
        self.modseq = 1
        self.mails: list[Mail] = []

    def add(self, raw: bytes, arrived: datetime, flags: Collection[str] = ()) -> int:
        """Put a letter in; return its UID."""
        uid, self.next_uid = self.next_uid, self.next_uid + 1
        self.mails.append(Mail(uid, raw, arrived, set(flags), self.changed()))
        return uid

    def changed(self) -> int:
        """Count one change more; return the count."""
        self.modseq += 1
        return self.modseq

    def mark(self, mail: Mail, flag: str) -> None:
        """Mark a letter."""
        if flag not in mail.flags:
            mail.flags.add(flag)
            mail.modseq = self.changed()


class ImapServer(LoopbackServer):
    """The server. Folders are plain data under `lock`; switches are attributes."""

    def __init__(self, user: str = USER, password: str = PASSWORD) -> None:
        super().__init__()
        self.user, self.password = user, password
        self._validity = count(1_700_000_000)
        self.folders = {"INBOX": self._folder(), "Sent": self._folder("\\Sent")}
        self.refused_logins = 0
        self.token = ""  # opens the mailbox; without one XOAUTH2 is not offered
        self.commands: list[str] = []
        """What clients asked, without arguments."""
        self.refuse: dict[str, str] = {}
        """Answers instead of the command of that name, such as `NO [UNAVAILABLE] later`."""
        self.before_fetch: Callable[[], None] | None = None
        """Called before a FETCH is answered, for instance to remove a letter in between."""
        self.garbage = False
        """Greet with an HTML page."""
        self.cut_after: int | None = None
        """Cut each connection after so many bytes of answers."""
        self.cut_literal = False
        """Cut the connection in the middle of the first literal of an answer."""
        self.can_idle = True
        """Offer IDLE; old servers do not."""
        self.can_count = True
        """Offer CONDSTORE; many servers do not."""
        self.announced: dict[tuple[int, str], int] = {}
        """Sizes to announce instead of the true ones, by UID and `RFC822.SIZE`, `BODY[]` or `BODY[HEADER]`."""

    def _folder(self, use: str = "") -> Folder:
        return Folder(next(self._validity), use)

    def deliver(self, raw: bytes, folder: str = "INBOX", arrived: datetime | None = None) -> int:
        """Put a letter into a folder, which is made if need be; return its UID."""
        with self.lock:
            return self.folders.setdefault(folder, self._folder()).add(raw, arrived or datetime.now(UTC))

    def remove(self, uid: int, folder: str = "INBOX") -> None:
        """Delete a letter for good."""
        with self.lock:
            box = self.folders[folder]
            box.mails = [mail for mail in box.mails if mail.uid != uid]
            box.changed()

    def mark(self, uid: int, folder: str = "INBOX", flag: str = "\\Answered") -> None:
        """Mark a letter, as the program does in which somebody answers it."""
        with self.lock:
            box = self.folders[folder]
            for mail in box.mails:
                if mail.uid == uid:
                    box.mark(mail, flag)

    def new_uidvalidity(self, folder: str = "INBOX") -> None:
        """Number a folder anew, as after a restored backup."""
        with self.lock:
            old, new = self.folders[folder], self._folder(self.folders[folder].use)
            new.next_uid = 1
            for mail in old.mails:
                new.add(mail.raw, mail.arrived, mail.flags)
            self.folders[folder] = new

    def serve(self, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        """Speak IMAP with one client."""
        session = _Session(self, connection, lines)
        try:
            session.run()
        finally:
            session.end()


class _Session:
    def __init__(self, server: ImapServer, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        self._server, self._connection, self._lines = server, connection, lines
        self._is_known = False
        self._folder: Folder | None = None
        self._is_readonly = True
        self._is_counting = False
        self._left = server.cut_after

    def end(self) -> None:
        """Close what was wrapped in TLS; the rest belongs to the server."""
        if isinstance(self._connection, ssl.SSLSocket):
            self._lines.close()
            self._connection.close()

    def run(self) -> None:
        if self._server.garbage:
            self._send(b"<!DOCTYPE html>\r\n<html><body>It works!</body></html>\r\n")
            return
        self._send(f"* OK [CAPABILITY {self._capabilities()}] stand-in ready\r\n".encode())
        while True:
            tag, tokens = "*", []
            try:
                tokens = self._command()
                if not tokens:
                    return
                tag, name, arguments = command_of(tokens)
                self._server.commands.append(name)
                if name == "LOGOUT":
                    self._send(f"* BYE\r\n{tag} OK bye\r\n".encode())
                    return
                if name == "STARTTLS":
                    self._start_tls(tag)
                    continue
                if name == "IDLE" and self._server.can_idle:
                    self._idle(tag)
                    continue
                refusal = self._server.refuse.get(name)
                if refusal:
                    self._send(f"{tag} {refusal}\r\n".encode())
                    continue
                with self._server.lock:
                    done = self._do(name, arguments)
                self._send(f"{tag} OK {done}\r\n".encode())
            except RefusedError as error:
                self._send(f"{tag} NO {error}\r\n".encode())
            except GrammarError as error:
                tag = str(tokens[0]) if tokens and isinstance(tokens[0], str) else tag
                self._send(f"{tag} BAD {error}\r\n".encode())

    def _wants_tls(self) -> bool:
        return self._server.tls is not None and not isinstance(self._connection, ssl.SSLSocket)

    def _capabilities(self) -> str:
        offered = f"{CAPABILITIES} AUTH=XOAUTH2" if self._server.token else CAPABILITIES
        offered = offered if self._server.can_idle else offered.replace(" IDLE", "")
        offered = offered if self._server.can_count else offered.replace(" ENABLE CONDSTORE", "")
        return BEFORE_TLS if self._wants_tls() else offered

    def _send(self, content: bytes) -> None:
        if self._left is not None:
            content, self._left = content[: self._left], self._left - len(content)
        self._connection.sendall(content)
        if self._left is not None and self._left <= 0:
            hang_up(self._connection)
            raise OSError("cut on purpose")

    def _start_tls(self, tag: str) -> None:
        if self._server.tls is None or not self._wants_tls():
            raise GrammarError("TLS is not offered")
        self._send(f"{tag} OK go on\r\n".encode())
        self._connection = self._server.tls.wrap_socket(self._connection, server_side=True)
        self._lines = self._connection.makefile("rb")

    def _idle(self, tag: str) -> None:
        """Tell what happens in the folder until the client says DONE (RFC 2177)."""
        if not self._is_known or self._folder is None:
            raise GrammarError("IDLE needs a selected folder")
        told = [mail.uid for mail in self._folder.mails]
        self._send(b"+ idling\r\n")
        while not select.select([self._connection], [], [], IDLE_SECONDS)[0]:
            with self._server.lock:
                there = [mail.uid for mail in self._folder.mails]
            for uid in [it for it in told if it not in there]:
                self._send(f"* {told.index(uid) + 1} EXPUNGE\r\n".encode())
                told.remove(uid)
            if there != told:
                self._send(f"* {len(there)} EXISTS\r\n".encode())
                told = there
        line = self._lines.readline(4096)
        if line.strip().upper() != b"DONE":
            raise GrammarError("Expected DONE.")
        self._send(f"{tag} OK idle terminated\r\n".encode())

    # what comes in

    def _command(self) -> list[Token]:
        """Read one command with its literals; an empty list at the end of the connection."""
        pieces: list[bytes] = []
        literals: list[bytes] = []
        while True:
            line = self._lines.readline(65536)
            if not line.endswith(b"\r\n"):
                return []
            found = re.search(rb"\{(\d+)(\+?)\}\r\n$", line)
            if not found:
                pieces.append(line[:-2])
                break
            pieces.append(line[: found.start()])
            size = int(found[1])
            if not found[2]:
                self._send(b"+ go on\r\n")
            literal = self._lines.read(size)
            if len(literal) < size:
                return []
            literals.append(literal)
        return list(tokens_of(pieces, literals))

    # what is done

    def _do(self, name: str, arguments: list[Token]) -> str:
        if name in ("CAPABILITY", "NOOP", "ID"):
            answers = {
                "CAPABILITY": f"* CAPABILITY {self._capabilities()}\r\n",
                "ID": '* ID ("name" "stand-in" "version" "1")\r\n',
            }
            self._send(answers.get(name, "").encode())
            return f"{name} done"
        if name in ("LOGIN", "AUTHENTICATE"):
            return self._login(name, arguments)
        if not self._is_known:
            raise GrammarError("log in first")
        if name == "ENABLE" and self._server.can_count:
            return self._enable(arguments)
        if name == "LIST":
            return self._list(arguments)
        if name in ("SELECT", "EXAMINE"):
            return self._select(arguments, readonly=name == "EXAMINE")
        if name == "APPEND":
            return self._append(arguments)
        if self._folder is None:
            raise GrammarError(f"{name} is unknown or needs a selected folder")
        if name == "CLOSE":
            self._folder = None
            return "closed"
        if name in ("UID SEARCH", "SEARCH"):
            return self._search(self._folder, arguments, by_uid=name.startswith("UID"))
        if name == "UID FETCH":
            return self._fetch(self._folder, arguments)
        raise GrammarError(f"{name} is unknown")

    def _login(self, name: str, arguments: list[Token]) -> str:
        if self._is_known:
            raise GrammarError("already logged in")
        if self._wants_tls():
            raise RefusedError("[PRIVACYREQUIRED] TLS first")
        if name == "LOGIN":
            given = [as_text(argument) for argument in arguments]
        elif arguments and as_text(arguments[0]).upper() == "XOAUTH2" and self._server.token:
            return self._bear(arguments[1:])
        else:
            if not arguments or as_text(arguments[0]).upper() != "PLAIN":
                raise RefusedError("unknown mechanism")
            if len(arguments) == 1:
                self._send(b"+ \r\n")
                arguments.append(self._lines.readline(4096).strip().decode("ascii", "replace"))
            try:
                given = base64.b64decode(as_text(arguments[1]), validate=True).decode().split("\0")[1:]
            except ValueError as error:
                raise GrammarError("not base64") from error
        if given != [self._server.user, self._server.password]:
            self._server.refused_logins += 1
            raise RefusedError("[AUTHENTICATIONFAILED] Authentication failed.")
        self._is_known = True
        return f"[CAPABILITY {self._capabilities()}] logged in"

    def _bear(self, arguments: list[Token]) -> str:
        """Log in with a token; a wrong one is told first why, and refused after an empty line."""
        if not arguments:
            self._send(b"+ \r\n")
            arguments.append(self._lines.readline(16384).strip().decode("ascii", "replace"))
        said = f"user={self._server.user}\x01auth=Bearer {self._server.token}\x01\x01"
        self._is_known = as_text(arguments[0]) == base64.b64encode(said.encode()).decode()
        if not self._is_known:
            self._server.refused_logins += 1
            self._send(b"+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer"}') + b"\r\n")
            kind = RefusedError if self._lines.readline(16384) == b"\r\n" else GrammarError
            raise kind("[AUTHENTICATIONFAILED] Invalid credentials")
        return f"[CAPABILITY {self._capabilities()}] logged in"

    def _enable(self, arguments: list[Token]) -> str:
        """Switch extensions on (RFC 5161): before a folder is opened; what is not known is passed over."""
        if self._folder is not None:
            raise GrammarError("ENABLE comes before a folder is opened")
        if not arguments:
            raise GrammarError("ENABLE needs a name")
        self._is_counting |= "CONDSTORE" in [as_text(argument).upper() for argument in arguments]
        self._send(b"* ENABLED CONDSTORE\r\n" if self._is_counting else b"* ENABLED\r\n")
        return "enabled"

    def _list(self, arguments: list[Token]) -> str:
        reference, pattern = (folder_name(argument) for argument in exactly(2, arguments))
        fits = re.compile(re.escape(reference + pattern).replace(r"\*", ".*").replace("%", "[^/]*"), re.IGNORECASE)
        for name, folder in self._server.folders.items():
            if fits.fullmatch(name):
                flags = " ".join(flag for flag in ("\\HasNoChildren", folder.use) if flag)
                self._send(f'* LIST ({flags}) "/" "{to_utf7(name)}"\r\n'.encode("ascii"))
        return "listed"

    def _select(self, arguments: list[Token], *, readonly: bool) -> str:
        name = folder_name(exactly(1, arguments)[0])
        self._folder = None
        folder = self._server.folders.get("INBOX" if name.upper() == "INBOX" else name)
        if folder is None:
            raise RefusedError(f"[NONEXISTENT] Mailbox doesn't exist: {to_utf7(name)}")
        self._folder, self._is_readonly = folder, readonly
        self._send(
            f"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* {len(folder.mails)} EXISTS\r\n* 0 RECENT\r\n"
            f"* OK [UIDVALIDITY {folder.uidvalidity}] UIDs valid\r\n* OK [UIDNEXT {folder.next_uid}] next\r\n".encode()
        )
        if self._is_counting:
            self._send(f"* OK [HIGHESTMODSEQ {folder.modseq}] highest\r\n".encode())
        return "[READ-ONLY] examined" if readonly else "[READ-WRITE] selected"

    def _append(self, arguments: list[Token]) -> str:
        if not 2 <= len(arguments) <= 4 or not isinstance(arguments[-1], bytes):
            raise GrammarError("APPEND folder [flags] [date] literal")
        name = folder_name(arguments[0])
        folder = self._server.folders.get(name)
        if folder is None:
            raise RefusedError("[TRYCREATE] no such folder")
        flags = [as_text(flag) for argument in arguments[1:-1] if isinstance(argument, list) for flag in argument]
        uid = folder.add(arguments[-1], datetime.now(UTC), flags)
        return f"[APPENDUID {folder.uidvalidity} {uid}] appended"

    def _search(self, folder: Folder, arguments: list[Token], *, by_uid: bool) -> str:
        keys = [as_text(argument) for argument in arguments]
        if keys[:1] == ["CHARSET"]:
            if keys[1].upper() not in ("US-ASCII", "UTF-8"):
                raise RefusedError("[BADCHARSET (US-ASCII UTF-8)] unknown charset")
            keys = keys[2:]
        if not keys:
            raise GrammarError("SEARCH needs a key")
        is_counted = "MODSEQ" in [key.upper() for key in keys]
        if is_counted and not self._server.can_count:
            raise GrammarError("unknown search key MODSEQ")
        found = searched(folder.mails, keys)
        self._is_counting |= is_counted
        highest = f" (MODSEQ {max(mail.modseq for mail in found)})" if is_counted and found else ""
        numbers = [mail.uid if by_uid else folder.mails.index(mail) + 1 for mail in found]
        self._send(f"* SEARCH{''.join(f' {number}' for number in numbers)}{highest}\r\n".encode())
        return "searched"

    def _fetch(self, folder: Folder, arguments: list[Token]) -> str:
        uids, items = exactly(2, arguments)
        names = [as_text(item).upper() for item in items] if isinstance(items, list) else [as_text(items).upper()]
        wanted = number_set(as_text(uids), folder.mails[-1].uid if folder.mails else 0)
        chosen = [(number, mail) for number, mail in enumerate(folder.mails, start=1) if wanted(mail.uid)]
        if self._server.before_fetch is not None:
            self._server.before_fetch()
        there = {mail.uid for mail in folder.mails}
        for number, mail in chosen:
            if mail.uid in there:
                fields = [f"UID {mail.uid}".encode(), *(self._item(mail, name) for name in names if name != "UID")]
                self._answer(f"* {number} FETCH (".encode() + b" ".join(fields) + b")\r\n")
        return "fetched"

    def _answer(self, line: bytes) -> None:
        found = re.search(rb"\{(\d+)\}\r\n", line)
        if found and self._server.cut_literal:
            self._send(line[: found.end() + int(found[1]) // 2])
            hang_up(self._connection)
            raise OSError("cut on purpose")
        self._send(line)

    def _item(self, mail: Mail, name: str) -> bytes:
        if name == "RFC822.SIZE":
            return f"RFC822.SIZE {self._server.announced.get((mail.uid, name), len(mail.raw))}".encode()
        if name == "FLAGS":
            return f"FLAGS ({' '.join(sorted(mail.flags))})".encode()
        if name == "INTERNALDATE":
            arrived = mail.arrived
            return f'INTERNALDATE "{arrived.day:2}-{MONTHS[arrived.month - 1]}-{arrived:%Y %H:%M:%S %z}"'.encode()
        found = re.fullmatch(r"BODY(\.PEEK)?\[(HEADER)?\]", name)
        if not found:
            raise GrammarError(f"cannot fetch {name}")
        if not found[1] and not self._is_readonly:
            assert self._folder is not None
            self._folder.mark(mail, "\\Seen")
        content = mail.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if found[2] else mail.raw
        item = f"BODY[{found[2] or ''}]"
        size = self._server.announced.get((mail.uid, item), len(content))
        return f"{item} {{{size}}}\r\n".encode() + content


def letter(number: int, *, sender: str = "Анна Белова <belova@client.example>", recipient: str = USER) -> bytes:
    """Return the bytes of one plain letter, different for each number."""
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"] = f"<letter-{number}@client.example>"
    mail["Date"] = format_datetime(datetime(2026, 11, 20, 3, 15, tzinfo=UTC))
    mail["From"], mail["To"] = sender, recipient
    mail["Subject"] = f"Вопрос № {number}"
    mail.set_content(f"Добрый день!\n\nПодскажите, пожалуйста, по счёту {number}.\n")
    return mail.as_bytes()


def key_of(raw: bytes) -> str:
    """Return the id under which the hub must know a letter made by `letter`."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n"))
    text = b"\n".join(fields[name] for name in (b"Date", b"From", b"Subject")) + b"\n"
    digest = hashlib.sha256(text + body.replace(b"\r\n", b"\n").strip()).hexdigest()[:16]
    return f"{fields[b'Message-ID'].decode().strip('<>')}#{digest}"


class MailPeer:
    """A mailbox and its submission server, both stand-ins. What was received never changes and never unhappens."""

    streams: ClassVar[Sequence[str]] = ("INBOX",)
    removable: ClassVar[Collection[str]] = ()
    faults: ClassVar[Collection[Fault]] = ("auth", "down", "cut", "garbage", "lost_answer", "refuse")

    def __init__(self) -> None:
        self.imap, self.smtp = ImapServer(), SmtpServer()
        self._numbers = count(1)
        self._fault: Fault | None = None
        self._uids: dict[str, int] = {}

    def start(self) -> None:
        """Start both servers."""
        self.imap.start()
        self.smtp.start()

    def stop(self) -> None:
        """Stop both servers."""
        self.imap.stop()
        self.smtp.stop()

    def settings(self) -> Mapping[str, str]:
        """Return the settings of the mailbox."""
        return {
            "host": "127.0.0.1", "port": str(self.imap.port), "tls": "none", "user": USER, "password": PASSWORD,
            "smtp_host": "127.0.0.1", "smtp_port": str(self.smtp.port), "smtp_tls": "none",
        }  # fmt: skip

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Deliver letters from a client."""
        keys = []
        for _ in range(count):
            raw = letter(next(self._numbers))
            keys.append(key_of(raw))
            self._uids[keys[-1]] = self.imap.deliver(raw, stream)
        return keys

    def change(self, stream: str, external_id: str) -> None:
        """Refuse: nobody can change a letter that was received."""
        raise NotImplementedError("a letter that was received never changes")

    def remove(self, stream: str, external_id: str) -> None:
        """Delete a letter in the mailbox; to the hub it stays received."""
        self.imap.remove(self._uids[external_id], stream)

    def fault(self, name: Fault | None) -> None:
        """Make a trouble of that kind in both servers, or none."""
        if self._fault == "down" and name != "down":
            self.start()
        elif name == "down" and self._fault != "down":
            self.stop()
        self._fault = name
        password = "changed yesterday" if name == "auth" else PASSWORD
        self.imap.password = self.smtp.password = password
        self.imap.garbage = self.smtp.garbage = name == "garbage"
        self.imap.cut_literal = self.smtp.cut = name == "cut"
        self.smtp.lost_answer = name == "lost_answer"
        self.smtp.answers = {"*": "550 5.1.1 no such user"} if name == "refuse" else {}

    def logins(self) -> int:
        """Return how many logins both servers refused."""
        return self.imap.refused_logins + self.smtp.refused_logins

    def command(self) -> Command | None:
        """Return a letter to send."""
        number = next(self._numbers)
        data = {
            "to": ["belova@client.example"],
            "subject": f"Счёт № {number}",
            "text": "Добрый день! Счёт во вложении.",
        }
        return Command(id=f"command-{number}", kind="mail.send", data=data)

    def effects(self, command: Command) -> int:
        """Return how many letters with the Message-ID of the command arrived."""
        return sum(arrived.message_id.startswith(f"{command.id}@") for arrived in self.smtp.arrived)
