"""A mail submission server on loopback: wants a login, takes or refuses each recipient, keeps what arrived.

It is no softer than a real one: no mail without AUTH, no RCPT before MAIL, no DATA without an accepted recipient, lines
end with CR LF, 8-bit addresses only with SMTPUTF8, and a dot at the start of a line must have been doubled.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import socket
import socketserver
import ssl
import threading
from email.parser import BytesHeaderParser
from typing import Any

from msgspec import Struct

USER = "office@example.com"
PASSWORD = "stand-in secret"  # noqa: S105 - of a server that lives for a test


class Arrived(Struct, frozen=True):
    """One letter that was taken: the envelope and the bytes after removing the doubled dots."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message_id(self) -> str:
        """Return its Message-ID without brackets."""
        return str(BytesHeaderParser().parsebytes(self.raw).get("Message-ID", "")).strip().strip("<>")


class _Sockets(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    owner: LoopbackServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients of tests break off on purpose."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Sockets
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Register the connection, so that the server can cut it."""
        if self.server.owner.tls is not None and self.server.owner.is_tls_first:
            self.request = self.server.owner.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.server.owner.connections.add(self.connection)

    def handle(self) -> None:
        """Serve one connection to its end."""
        try:
            self.server.owner.serve(self.connection, self.rfile)
        except (OSError, ValueError):
            return

    def finish(self) -> None:
        """Forget the connection."""
        self.server.owner.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            return


class LoopbackServer:
    """A TCP server with a thread per connection, which can go down and come back on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self.lock = threading.RLock()
        self.connections: set[socket.socket] = set()
        self.tls: ssl.SSLContext | None = None
        """With it connections are protected, or can be by STARTTLS if not `is_tls_first`."""
        self.is_tls_first = True
        self._server: _Sockets | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen on loopback; the first time on a free port."""
        server = _Sockets(("127.0.0.1", self.port), _Handler)
        server.owner = self
        self.port = server.server_address[1]
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self.connections):
            hang_up(connection)
        self._thread.join()
        self._server = self._thread = None

    def serve(self, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        """Speak the protocol with one client."""
        raise NotImplementedError


def hang_up(connection: socket.socket) -> None:
    """Close a connection under way."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class SmtpServer(LoopbackServer):
    """The submission server. Switches are plain attributes; `arrived` is what it took."""

    def __init__(self, user: str = USER, password: str = PASSWORD) -> None:
        super().__init__()
        self.user, self.password = user, password
        self.arrived: list[Arrived] = []
        self.refused_logins = 0
        self.most_bytes = 10 * 1024 * 1024
        self.mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
        self.token = ""
        """The token that opens the server, where XOAUTH2 is among the mechanisms."""
        self.answers: dict[str, str] = {}
        """Answers to RCPT by recipient, such as `550 5.1.1 no such user`; `*` stands for everybody else."""
        self.garbage = False
        """Greet with an HTML page."""
        self.cut = False
        """Cut the connection when DATA comes."""
        self.lost_answer = False
        """Take the letter and cut the connection before the answer."""
        self.silent = False
        """Take the letter and say nothing, as a server does whose scanner of viruses hangs."""

    def serve(self, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        """Speak SMTP with one client."""
        session = _Session(self, connection, lines)
        try:
            session.run()
        finally:
            session.end()


VERBS = frozenset({"ehlo", "helo", "starttls", "noop", "rset", "quit", "auth", "mail", "rcpt", "data"})
_PATH = re.compile(r"<([^<>\s]*)>((?: [A-Za-z0-9=]+)*)")


class _Session:
    def __init__(self, server: SmtpServer, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        self._server, self._connection, self._lines = server, connection, lines
        self._is_greeted = self._is_known = self._is_utf8 = False
        self._sender: str | None = None
        self._recipients: list[str] = []

    def end(self) -> None:
        """Close what was wrapped in TLS; the rest belongs to the server."""
        if isinstance(self._connection, ssl.SSLSocket):
            self._lines.close()
            self._connection.close()

    def run(self) -> None:
        if self._server.garbage:
            self._connection.sendall(b"<html><body>503 Service Unavailable</body></html>\r\n")
            return
        self._say("220 stand-in ESMTP")
        while line := self._line():
            verb, _, rest = line.partition(" ")
            command = getattr(self, f"_{verb.lower()}") if verb.lower() in VERBS else None
            if command is None:
                self._say("500 5.5.2 command not recognised")
            elif command(rest.strip()) == "end":
                return

    def _line(self) -> str:
        raw = self._lines.readline(4096)
        if raw and not raw.endswith(b"\r\n"):
            self._say("500 5.5.2 a line ends with CR LF and has at most 4096 bytes")
            return ""
        return raw.decode("utf-8", "surrogateescape").rstrip("\r\n") or ("noop" if raw else "")

    def _say(self, *answers: str) -> None:
        for number, answer in enumerate(answers, start=1):
            text = answer if number == len(answers) else f"{answer[:3]}-{answer[4:]}"
            self._connection.sendall(text.encode() + b"\r\n")

    def _ehlo(self, name: str) -> None:
        if not name:
            self._say("501 5.5.4 say who you are")
            return
        self._is_greeted = True
        self._forget()
        size, ways = self._server.most_bytes, " ".join(self._server.mechanisms)
        offers = [f"250 SIZE {size}", "250 8BITMIME", "250 SMTPUTF8"]
        offers.append("250 STARTTLS" if self._wants_tls() else f"250 AUTH {ways}")
        self._say("250 stand-in", *offers)

    def _wants_tls(self) -> bool:
        return self._server.tls is not None and not isinstance(self._connection, ssl.SSLSocket)

    def _starttls(self, _: str) -> None:
        if self._server.tls is None or not self._wants_tls():
            self._say("502 5.5.1 not offered")
            return
        self._say("220 go on")
        self._connection = self._server.tls.wrap_socket(self._connection, server_side=True)
        self._lines = self._connection.makefile("rb")
        self._is_greeted = False

    def _helo(self, _: str) -> None:
        self._is_greeted = True
        self._say("250 stand-in")

    def _noop(self, _: str) -> None:
        self._say("250 2.0.0 ok")

    def _rset(self, _: str) -> None:
        self._forget()
        self._say("250 2.0.0 ok")

    def _quit(self, _: str) -> str:
        self._say("221 2.0.0 bye")
        return "end"

    def _forget(self) -> None:
        self._sender, self._recipients = None, []

    def _auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if not self._is_greeted or self._is_known:
            self._say("503 5.5.1 not now")
        elif self._wants_tls():
            self._say("538 5.7.11 encryption required")
        elif mechanism.upper() not in self._server.mechanisms:
            self._say("504 5.5.4 unknown mechanism")
        elif mechanism.upper() == "XOAUTH2":
            self._bear(initial)
        else:
            credentials = self._plain(initial) if mechanism.upper() == "PLAIN" else self._login(initial)
            if credentials == (self._server.user, self._server.password):
                self._is_known = True
                self._say("235 2.7.0 welcome")
            else:
                self._server.refused_logins += 1
                self._say("535 5.7.8 authentication failed: wrong user or password")

    def _bear(self, initial: str) -> None:
        """Log in with a token; a wrong one is told first why, and refused after an empty line."""
        if self._secret(initial, "") == f"user={self._server.user}\x01auth=Bearer {self._server.token}\x01\x01":
            self._is_known = True
            self._say("235 2.7.0 welcome")
            return
        self._server.refused_logins += 1
        reason = base64.b64encode(b'{"status":"400","schemes":"Bearer"}').decode()
        self._say(f"334 {reason}")
        self._say("535 5.7.8 token refused" if self._lines.readline(4096) == b"\r\n" else "501 5.5.2 an empty line")

    def _plain(self, initial: str) -> tuple[str, str] | None:
        parts = self._secret(initial, "").split("\0")
        return (parts[1], parts[2]) if len(parts) == 3 else None

    def _login(self, initial: str) -> tuple[str, str]:
        return self._secret(initial, "Username:"), self._secret("", "Password:")

    def _secret(self, given: str, question: str) -> str:
        if not given:
            self._say(f"334 {base64.b64encode(question.encode()).decode()}")
            given = self._line()
        try:
            return base64.b64decode(given, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""

    def _mail(self, rest: str) -> None:
        found = _PATH.fullmatch(rest[5:].strip()) if rest.upper().startswith("FROM:") else None
        if not self._is_greeted or self._sender is not None:
            self._say("503 5.5.1 not now")
        elif not self._is_known:
            self._say("530 5.7.0 authentication required")
        elif found is None:
            self._say("501 5.1.7 bad sender")
        elif (size := re.search(r"SIZE=(\d+)", found[2].upper())) and int(size[1]) > self._server.most_bytes:
            self._say("552 5.3.4 message too big")
        elif found[1].lower() != self._server.user:
            self._say("553 5.7.1 sender address rejected: not owned by user")
        else:
            self._sender, self._is_utf8 = found[1], "SMTPUTF8" in found[2].upper()
            self._say("250 2.1.0 ok")

    def _rcpt(self, rest: str) -> None:
        found = _PATH.fullmatch(rest[3:].strip()) if rest.upper().startswith("TO:") else None
        address = found[1] if found else ""
        if self._sender is None:
            self._say("503 5.5.1 MAIL first")
        elif "@" not in address or (not address.isascii() and not self._is_utf8):
            self._say("501 5.1.3 bad recipient")
        else:
            answer = self._server.answers.get(address) or self._server.answers.get("*") or "250 2.1.5 ok"
            if answer.startswith("25"):
                self._recipients.append(address)
            self._say(answer)

    def _data(self, _: str) -> str | None:
        if not self._recipients or self._sender is None:
            self._say("503 5.5.1 no valid recipients")
            return None
        if self._server.cut:
            return "end"
        self._say("354 go on, end with a line that has only a dot")
        raw = self._content()
        if raw is None:
            return "end"
        if len(raw) > self._server.most_bytes:
            self._say("552 5.3.4 message too big")
            return None
        with self._server.lock:
            self._server.arrived.append(Arrived(self._sender, tuple(self._recipients), raw))
        self._forget()
        if self._server.silent:
            self._lines.read(1)  # until the client goes
        if self._server.silent or self._server.lost_answer:
            return "end"
        self._say("250 2.0.0 queued")
        return None

    def _content(self) -> bytes | None:
        lines: list[bytes] = []
        while line := self._lines.readline(1024 * 1024):
            if line == b".\r\n":
                return b"".join(lines)
            if not line.endswith(b"\r\n"):
                self._say("550 5.6.0 bare LF in the content")
                return None
            if line.startswith(b"."):
                if line[1:2] != b".":
                    self._say("550 5.6.0 a dot at the start of a line was not doubled")
                    return None
                line = line[1:]
            lines.append(line)
        return None
