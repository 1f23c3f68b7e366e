"""An Exchange server on loopback that speaks EWS, and the mail peer made of it.

Logins are Basic, Bearer and a real NTLM handshake that belongs to its TCP connection; a request without credentials is
answered 401 and costs nothing, refused credentials are counted and lock the account in the end. Every request and every
answer is held to the schema: a request outside of it gets the server's own fault, an answer outside of it is a mistake
of the stand-in and stands in `mistakes`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import os
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import spnego
from lxml import etree
from lxml.builder import ElementMaker

from hub.model.connector import Command
from hub.testing.peer import Fault
from hub.testing.peers.ews_answers import Answers, Refused
from hub.testing.peers.ews_schema import ERRORS, REQUESTS, SOAP, TYPES, Schema, local
from hub.testing.peers.ews_store import Item, Mailbox, Meeting
from hub.testing.peers.ews_streaming import Stream, as_the_schema_says, messages, written
from hub.testing.peers.imap import letter
from hub.testing.peers.smtp import LoopbackServer, hang_up

USER = "office@example.com"
SHARED = "sales@example.com"
PASSWORD = "stand-in secret"  # noqa: S105 - of a server that lives for a test
TOKEN = "stand-in-token"  # noqa: S105 - the same
PATH = "/EWS/Exchange.asmx"
AUTODISCOVER = "/autodiscover/autodiscover.svc"
DISCOVERY = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
LOCKED_AFTER = 5
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
_NTLM_FILE = threading.Lock()
S = ElementMaker(namespace=SOAP, nsmap={"s": SOAP})
A = ElementMaker(namespace=DISCOVERY, nsmap={"a": DISCOVERY})
E = ElementMaker(namespace=ERRORS, nsmap={"e": ERRORS})
T = ElementMaker(namespace=TYPES, nsmap={"t": TYPES})


class Answer:
    """What goes back: a status, headers and the body."""

    stream: Stream | None = None
    """With it the body is written for minutes."""

    def __init__(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class EwsServer(LoopbackServer):
    """The server. Mailboxes are plain data under `lock`; switches are attributes."""

    def __init__(self, schema: Path | None = None, user: str = USER, password: str = PASSWORD) -> None:
        super().__init__()
        self.user, self.password, self.token = user, password, TOKEN
        self.mailboxes = {address: Mailbox(address) for address in (USER, SHARED)}
        self.mailboxes[SHARED].delegates.add(USER)
        self.sent: list[bytes] = []
        """What left the server."""
        self.codes: dict[str, str] = {}
        """Response codes given to each thing asked in the operation of that name."""
        self.answers = Answers(self.mailboxes, self.codes, self.sent)
        self.schema = Schema(schema)
        self.mistakes: list[str] = []
        self.operations: list[str] = []
        """What clients asked, in order."""
        self.requests: list[etree._Element] = []
        self.endpoint: str | None = None
        """What Autodiscover says where EWS is, instead of the truth."""
        self.schemes: tuple[str, ...] = ("Negotiate", "NTLM", 'Basic realm="exchange"')
        self.refused_logins = 0
        self.closes_refusals = False
        """Close the connection after a 401, and say so, as some proxies before Exchange do."""
        self.impersonators: set[str] = set()
        """Logins that may act as another mailbox."""
        self.good_requests: int | None = None
        """So many more requests are let in, then the password has expired."""
        self.busy = 0
        """So many requests are answered with ErrorServerBusy."""
        self.status: Answer | None = None
        """Sent instead of any answer."""
        self.before: Callable[[str], None] | None = None
        """Called with the operation before it is carried out, for instance to move a letter in between."""
        self.alter: Callable[[bytes], bytes] | None = None
        """Changes the bytes of an answer."""
        self.cut = ""
        """`short`: half of what Content-Length says; `quiet`: half, without a length."""
        self.after: Answer | None = None
        """Sent instead of the answer to the present request, which takes effect."""
        self.loses: set[str] = set()
        """Operations that take effect and whose answer never comes."""

    def start(self) -> None:
        """Listen; the first time on a free port."""
        self._folder = tempfile.TemporaryDirectory(prefix="ews-")
        super().start()

    def stop(self) -> None:
        """Stop listening and cut every connection."""
        super().stop()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        """Return the address of the service."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{PATH}"

    def serve(self, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        """Speak HTTP with one client, request after request."""
        try:
            self._serve(connection, lines)
        finally:
            if isinstance(connection, ssl.SSLSocket):
                lines.close()
                connection.close()

    def _serve(self, connection: socket.socket, lines: io.BufferedIOBase) -> None:
        login = _Login(self)
        while True:
            head = _head(lines)
            if head is None:
                return
            path, headers = head
            body = lines.read(int(headers.get("content-length", "0")))
            answer = login.challenge(headers) or self._soap(path, body, login)
            if answer is None:
                hang_up(connection)
                return
            if answer.stream is not None:
                self._go_on(connection, answer.stream)
                continue
            self._send(connection, answer)
            if answer.headers.get("Connection") == "close" or self.cut:
                hang_up(connection)
                return

    def _go_on(self, connection: socket.socket, stream: Stream) -> None:
        """Write what happens into an answer until it is over."""

        def envelopes() -> Iterator[bytes]:
            for message in messages(connection, stream, self.answers.subscriptions, self.lock):
                if problem := self.schema.problem(as_the_schema_says(message)):
                    self.mistakes.append(f"GetStreamingEvents: {problem}")
                content = _envelope(message)
                yield self.alter(content) if self.alter is not None else content

        written(envelopes(), connection.sendall, {"Content-Type": "text/xml"})

    def _send(self, connection: socket.socket, answer: Answer) -> None:
        body = answer.body
        if self.alter is not None and answer.status == 200:
            body = self.alter(body)
        length = {} if self.cut == "quiet" else {"Content-Length": str(len(body))}
        if self.cut and answer.status == 200:
            body = body[: len(body) // 2]
        head = [f"HTTP/1.1 {answer.status} -", *(f"{k}: {v}" for k, v in {**length, **answer.headers}.items())]
        if answer.status == 401 and "WWW-Authenticate" not in answer.headers:
            head += [f"WWW-Authenticate: {it}" for it in self.schemes]
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def _soap(self, path: str, body: bytes, login: _Login) -> Answer | None:
        with self.lock:
            if self.status is not None:
                return self.status
            if path not in (PATH, AUTODISCOVER):
                return Answer(404, b"<html>not here</html>", Content_Type="text/html")
            try:
                envelope = etree.fromstring(body, parser=_PARSER)
                request = envelope.find(f"{{{SOAP}}}Body")[0]
            except (etree.XMLSyntaxError, TypeError, IndexError):
                return Answer(400, b"Bad Request")
            self.operations.append(local(request))
            self.requests.append(envelope)
            if path == AUTODISCOVER:
                return self._discovery(request)
            if self.before is not None:
                self.before(local(request))
            return self._done(envelope, request, login)

    def _discovery(self, request: etree._Element) -> Answer:
        asked = {it.text for it in request.iterfind(f".//{{{DISCOVERY}}}Setting")}
        mailbox = request.findtext(f".//{{{DISCOVERY}}}Mailbox", "").lower()
        if local(request) != "GetUserSettingsRequestMessage" or not asked:
            return _fault("ErrorInvalidRequest", "The request is invalid.")
        found = self.url if self.endpoint is None else self.endpoint
        known = mailbox in self.mailboxes and "ExternalEwsUrl" in asked and found
        setting = [A.UserSetting(A.Name("ExternalEwsUrl"), A.Value(found))] if known else []
        code = A.ErrorCode("NoError" if mailbox in self.mailboxes else "InvalidUser")
        user = A.UserResponse(code, A.UserSettings(*setting))
        body = A.GetUserSettingsResponseMessage(A.Response(A.ErrorCode("NoError"), A.UserResponses(user)))
        return Answer(200, _envelope(body), Content_Type="text/xml")

    def _done(self, envelope: etree._Element, request: etree._Element, login: _Login) -> Answer | None:
        if self.busy:
            self.busy -= 1
            return _fault("ErrorServerBusy", "The server cannot service this request right now.", busy="1500")
        if local(request) not in REQUESTS:
            return _fault("ErrorInvalidRequest", "The request is invalid.")
        if problem := self.schema.problem(request):
            return _fault("ErrorSchemaValidation", f"The request failed schema validation: {problem}")
        self.answers.who = login.who
        acting = envelope.findtext(f".//{{{TYPES}}}ExchangeImpersonation//{{{TYPES}}}PrimarySmtpAddress", "").lower()
        if acting and login.who not in self.impersonators:
            return _fault("ErrorImpersonateUserDenied", "The account does not have permission to impersonate.")
        if acting and acting not in self.mailboxes:
            return _fault("ErrorNonExistentMailbox", "No mailbox with such guid.")
        self.answers.acting = acting
        try:
            answer = self.answers.answer(request)
        except Refused as error:
            return _fault(error.code, error.text)
        if problem := self.schema.problem(answer):
            self.mistakes.append(f"{local(request)}: {problem}")
        if self.after is not None:
            return self.after
        if local(request) in self.loses:
            return None
        done = Answer(200, _envelope(answer), Content_Type="text/xml")
        done.stream = self.answers.opened
        return done


class _Login:
    """Who is at the other end of one TCP connection."""

    def __init__(self, server: EwsServer) -> None:
        self._server = server
        self._context: Any = None
        self.who = ""

    def challenge(self, headers: Mapping[str, str]) -> Answer | None:
        """Return the answer that asks for credentials, or `None` when the request may come in."""
        server = self._server
        scheme, _, value = headers.get("authorization", "").partition(" ")
        with server.lock:
            if server.good_requests is not None and (scheme or self.who):
                server.good_requests -= 1
                if server.good_requests < 0:
                    self.who, server.password, server.token = "", "changed in the meantime", "revoked"
            if not scheme and self.who and "NTLM" in server.schemes:
                return None  # NTLM lets in the connection, not the request
            if not scheme:
                return self._refuse()
            if scheme.upper() == "NTLM" and "NTLM" in server.schemes:
                return self._ntlm(value)
            if self._is_known(scheme, value):
                self.who = server.user
                return None
            server.refused_logins += 1
            return self._refuse()

    def _is_known(self, scheme: str, value: str) -> bool:
        server = self._server
        if server.refused_logins >= LOCKED_AFTER:
            return False
        if scheme.lower() == "bearer":
            return "Bearer" in server.schemes and hmac.compare_digest(value.encode(), server.token.encode())
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        offered = any(it.startswith("Basic") for it in server.schemes)
        return scheme.lower() == "basic" and offered and user.lower() == server.user and password == server.password

    def _refuse(self) -> Answer:
        extra = {"Connection": "close"} if self._server.closes_refusals else {}
        return Answer(401, b"", Server="Microsoft-IIS/10.0", **extra)

    def _ntlm(self, value: str) -> Answer | None:
        token = base64.b64decode(value)
        with _NTLM_FILE:
            path = Path(self._server._folder.name) / "users"
            path.write_text(f":{self._server.user}:{self._server.password}\n", encoding="utf-8")
            os.environ["NTLM_USER_FILE"] = str(path)
            try:
                if self._context is None or token[8:9] == b"\x01":
                    self._context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
                step = self._context.step(token)
            except spnego.exceptions.SpnegoError:
                self._context, self.who = None, ""
                self._server.refused_logins += 1
                return self._refuse()
            finally:
                del os.environ["NTLM_USER_FILE"]
        if self._context.complete:
            self._context, self.who = None, self._server.user
            return None
        challenge = base64.b64encode(step or b"").decode()
        return Answer(401, b"", WWW_Authenticate=f"NTLM {challenge}")


def _head(lines: io.BufferedIOBase) -> tuple[str, dict[str, str]] | None:
    found = re.fullmatch(r"(?:POST|GET|HEAD) (\S+) HTTP/1\.1", lines.readline(8192).decode("latin-1").strip())
    if not found:
        return None
    headers = {}
    while line := lines.readline(65536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return found[1], headers


def _envelope(content: etree._Element, *, version: bool = True) -> bytes:
    header = S.Header(
        T.ServerVersionInfo(MajorVersion="15", MinorVersion="2", MajorBuildNumber="2562", MinorBuildNumber="17",
                            Version="V2017_07_11")
    )  # fmt: skip
    parts = [header, S.Body(content)] if version else [S.Body(content)]
    return bytes(etree.tostring(S.Envelope(*parts), xml_declaration=True, encoding="utf-8"))


def _fault(code: str, text: str, *, busy: str = "") -> Answer:
    detail = etree.Element("detail")
    detail.append(E.ResponseCode(code))
    detail.append(E.Message(text))
    if busy:
        detail.append(T.MessageXml(T.Value(busy, Name="BackOffMilliseconds")))
    fault = S.Fault()
    etree.SubElement(fault, "faultcode").text = f"a:{code}"
    etree.SubElement(fault, "faultstring").text = text
    fault.append(detail)
    return Answer(500, _envelope(fault, version=False), Content_Type="text/xml")


class EwsPeer:
    """A mailbox on Exchange. What was received never changes and never unhappens; meetings and tasks do both.

    A test that has the official schema names its driver in a subclass.
    """

    streams: ClassVar[Sequence[str]] = ("Calendar", "Inbox", "Tasks")
    removable: ClassVar[Collection[str]] = ("Calendar", "Tasks")
    faults: ClassVar[Collection[Fault]] = ("auth", "down", "cut", "garbage", "lost_answer", "refuse")
    schema: ClassVar[Path | None] = None

    def __init__(self) -> None:
        self.server = EwsServer(self.schema)
        self._numbers = count(1)
        self._fault: Fault | None = None
        self._items: dict[str, Item] = {}

    @property
    def mailbox(self) -> Mailbox:
        """Return the mailbox of the user."""
        return self.server.mailboxes[USER]

    def start(self) -> None:
        """Start the server."""
        self.server.start()

    def stop(self) -> None:
        """Stop the server. Raises AssertionError when it gave an answer outside of the schema."""
        if self.server._server is not None:
            self.server.stop()
        assert not self.server.mistakes, self.server.mistakes[0]

    def settings(self) -> Mapping[str, str]:
        """Return the settings of the mailbox."""
        return {
            "endpoint": self.server.url, "auth": "basic", "user": USER, "password": PASSWORD,
            "folders": "Inbox, Sent, Calendar, Tasks",
        }  # fmt: skip

    def deliver(self, folder: str = "Inbox", raw: bytes = b"", **other: Any) -> Item:
        """Put a letter into a folder."""
        raw = raw or letter(next(self._numbers))
        with self.server.lock:
            return self.mailbox.put(self.mailbox.path(folder).id, raw, **other)

    def meet(self, title: str = "", **other: Any) -> Item:
        """Put a meeting with a client into the calendar."""
        number = next(self._numbers)
        start = other.pop("start", datetime.now(UTC) + timedelta(hours=number))
        known: dict[str, Any] = {"organiser": USER, "invited": ("anna@client.example",), "place": "Переговорная"}
        meeting = Meeting(title or f"Встреча № {number}", start, start + timedelta(hours=1), **{**known, **other})
        return self.deliver("Calendar", b"BEGIN:VCALENDAR", tag="CalendarItem", item_class="IPM.Appointment",
                            meeting=meeting)  # fmt: skip

    def task(self, title: str = "", **told: str) -> Item:
        """Put a task of the owner into his folder; `told` are further fields by the names of EWS."""
        made = {"Subject": title or f"Поручение № {next(self._numbers)}", "DueDate": "2026-12-25T00:00:00Z", **told}
        return self.deliver("Tasks", b"task", tag="Task", item_class="IPM.Task", task=made)

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Deliver letters from a client, make appointments with one, or tasks."""
        made = {"Calendar": self.meet, "Tasks": self.task}
        keys = []
        for _ in range(count):
            item = made[stream]() if stream in made else self.deliver(stream)
            keys.append(item.id if stream in made else key_of(item))
            self._items[keys[-1]] = item
        return keys

    def change(self, stream: str, external_id: str) -> None:  # noqa: ARG002 - a verb of every peer
        """Put a meeting off, or rename a task. Nobody can change a letter that was received."""
        item = self._items[external_id]
        if item.meeting is None and not item.task:
            raise NotImplementedError("a letter that was received never changes")
        with self.server.lock:
            if item.meeting is not None:
                item.meeting.start += timedelta(days=1)
                item.meeting.end += timedelta(days=1)
            else:
                item.task["Subject"] += "!"
            self.mailbox.touch(item)

    def remove(self, stream: str, external_id: str) -> None:  # noqa: ARG002 - a verb of every peer
        """Delete a letter, which stays received to the hub, or a meeting or a task."""
        with self.server.lock:
            self.mailbox.remove(self._items[external_id])

    def fault(self, name: Fault | None) -> None:
        """Make a trouble of that kind, or none."""
        if self._fault == "down" and name != "down":
            self.start()
        elif name == "down" and self._fault != "down":
            self.server.stop()
        self._fault = name
        server = self.server
        server.password = "changed yesterday" if name == "auth" else PASSWORD
        page = Answer(200, b"<!DOCTYPE html><html><body>It works!</body></html>", Content_Type="text/html")
        server.status = page if name == "garbage" else None
        server.cut = "quiet" if name == "cut" else ""
        server.loses = {"CreateItem"} if name == "lost_answer" else set()
        server.codes.clear()
        if name == "refuse":
            server.codes["CreateItem"] = "ErrorSendAsDenied"

    def logins(self) -> int:
        """Return how many logins were refused."""
        return self.server.refused_logins

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
        """Return how many letters with the Message-ID of the command left the server."""
        return sum(f"Message-ID: <{command.id}@".encode() in raw for raw in self.server.sent)


def key_of(item: Item) -> str:
    """Return the id under which the hub must know a letter: its Message-ID and a digest of its search key."""
    digest = hashlib.sha256(item.search_key.encode()).hexdigest()[:16]
    return f"{item.message_id.strip('<>')}#{digest}"
