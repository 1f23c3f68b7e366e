"""A stand-in for Microsoft Graph's mail on loopback, no softer than the documentation of the real one.

Delta is per folder, its page ten rows unless `odata.maxpagesize` is preferred; of filters it takes `receivedDateTime`
with ge or gt only; changed letters come again, deleted ones as `@removed`; a state it does not know is 410. Ids are
those that last only where that is preferred. A letter is sent as Base64 of its bytes and no id is told.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from msgspec import Struct

from hub.model.connector import Command
from hub.testing.peer import Fault
from hub.testing.peers.imap import letter

MAILBOX = "office@example.com"
TENANT, CLIENT, SECRET, REFRESH = "example.com", "app-1", "stand-in secret", "stand-in refresh"
FOLDERS = {"inbox": "Входящие", "sentitems": "Отправленные", "archive": "Архив"}
MOST_BODY = 4 * 1024 * 1024
SIZE = "Integer 0x0E08"


class Refusal(Exception):
    """An answer that is an error, as Graph writes it."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(code)
        self.status, self.headers = status, headers
        self.body: dict[str, Any] = {"error": {"code": code, "message": message, "innerError": {"request-id": "1"}}}


class Mail(Struct):
    """One letter: where it lies, when it came, and the number of its last change."""

    id: str
    folder: str
    raw: bytes
    received: datetime
    changed: int
    is_removed: bool = False


class GraphPeer:
    """A mailbox at Graph. What was received never changes and never unhappens."""

    streams: ClassVar[Sequence[str]] = ("Inbox",)
    removable: ClassVar[Collection[str]] = ()
    faults: ClassVar[Collection[Fault]] = ("auth", "down", "cut", "garbage", "lost_answer", "refuse")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.mails: list[Mail] = []
        self.folders = dict(FOLDERS)
        self.asked: list[str] = []
        """What clients asked, method and path without the query."""
        self.trouble: Fault | None = None
        self.busy = 0
        """So many requests are answered 429."""
        self.pending = 0
        """So many times the sign-in with a code is still waited for."""
        self.is_full = False
        """The mailbox is over its quota: it reads and does not send."""
        self.declined = False
        """Whoever should sign in with the code says no."""
        self.generation = 1
        """Raised, every state that was given becomes unknown."""
        self.tokens = 0
        """How many tokens were given."""
        self._refused = 0
        self._numbers, self._changes = count(1), count(1)
        self._server: _Server | None = None
        self._port = 0

    def start(self) -> None:
        """Listen on loopback; the first time on a free port."""
        self._server = _Server(self._port, self)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut_connections()
            self._server = None

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def settings(self) -> Mapping[str, str]:
        """Return the settings of the mailbox."""
        return {"address": MAILBOX, "tenant": TENANT, "client_id": CLIENT, "client_secret": SECRET,
                "url": f"{self.url}/v1.0", "login_url": self.url}  # fmt: skip

    def deliver(self, raw: bytes, folder: str = "inbox", received: datetime | None = None) -> str:
        """Put a letter into a folder; return the id that lasts."""
        with self.lock:
            mail = Mail(
                f"AAkALg{next(self._numbers):08}=", folder, raw, received or datetime.now(UTC), next(self._changes)
            )
            self.mails.append(mail)
            return mail.id

    def touch(self, identifier: str, *, folder: str = "", is_removed: bool = False) -> None:
        """Mark a letter as read, move it, or delete it."""
        with self.lock:
            mail = next(it for it in self.mails if it.id == identifier)
            mail.changed, mail.is_removed = next(self._changes), is_removed
            if folder:
                gone = Mail(mail.id, mail.folder, b"", mail.received, next(self._changes), is_removed=True)
                mail.folder = folder
                self.mails.append(gone)

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Deliver letters from a client."""
        assert stream in self.streams
        return [self.deliver(letter(next(self._numbers))) for _ in range(count)]

    def change(self, stream: str, external_id: str) -> None:
        """Refuse: nobody can change a letter that was received."""
        raise NotImplementedError("a letter that was received never changes")

    def remove(self, stream: str, external_id: str) -> None:
        """Delete a letter in the mailbox; to the hub it stays received."""
        assert stream in self.streams
        self.touch(external_id, is_removed=True)

    def fault(self, name: Fault | None) -> None:
        """Make a trouble of that kind, or none."""
        if name == "down":
            self.stop()
        elif self._server is None:
            self.start()
        self.trouble = name

    def logins(self) -> int:
        """Return how many times credentials were presented and refused."""
        return self._refused

    def command(self) -> Command | None:
        """Return a letter to send."""
        number = next(self._numbers)
        data = {"to": ["belova@client.example"], "subject": f"Счёт № {number}", "text": "Добрый день!"}
        return Command(id=f"command-{number}", kind="mail.send", data=data)

    def effects(self, command: Command) -> int:
        """Return how many times the letter of the command was sent."""
        wanted = f"<{command.id}@".encode()
        with self.lock:
            return sum(wanted in it.raw for it in self.mails if it.folder == "sentitems")

    # what is answered

    def route(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Answer one request. Raises Refusal."""
        parts = urlsplit(target)
        self.asked.append(f"{method} {unquote(parts.path)}")
        if parts.path == f"/{TENANT}/oauth2/v2.0/token" and method == "POST":
            return 200, _json(self._grant(headers, body))
        if parts.path == f"/{TENANT}/oauth2/v2.0/devicecode" and method == "POST":
            return 200, _json(self._begin(body))
        if headers.get("authorization") != "Bearer token-of-the-app" or self.trouble == "auth":
            raise Refusal(401, "InvalidAuthenticationToken", "Access token is empty or has expired.")
        if self.busy:
            self.busy -= 1
            raise Refusal(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.",
                          **{"Retry-After": "7"})  # fmt: skip
        root = f"/v1.0/users/{MAILBOX}"
        path = unquote(parts.path)
        if not path.startswith(f"{root}/"):
            raise Refusal(404, "ErrorInvalidUser", f"The requested user '{path[:40]}' is invalid.")
        query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        return self._do(method, path.removeprefix(root), query, headers, body)

    def _do(
        self, method: str, path: str, query: dict[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        lasting = 'IdType="ImmutableId"' in headers.get("prefer", "")
        if (method, path) == ("POST", "/sendMail"):
            self._send(headers, body)
            return 202, b""
        if method != "GET":
            raise Refusal(405, "Request_BadRequest", "Specified HTTP method is not allowed.")
        if path == "/mailFolders":
            rows = [{"id": key, "displayName": name} for key, name in self.folders.items()]
            return 200, _json({"value": rows[: int(query.get("$top", "10"))]})
        if found := re.fullmatch(r"/mailFolders/([^/]+)", path):
            return 200, _json({"id": self._folder(found[1])})
        if found := re.fullmatch(r"/mailFolders/([^/]+)/messages/delta", path):
            return 200, _json(self._delta(self._folder(found[1]), query, headers.get("prefer", ""), lasting=lasting))
        if found := re.fullmatch(r"/mailFolders/([^/]+)/messages", path):
            return 200, _json(self._listed(self._folder(found[1]), query))
        if found := re.fullmatch(r"/messages/([^/]+)(/\$value)?", path):
            return self._message(found[1], query, is_raw=bool(found[2]), lasting=lasting)
        raise Refusal(400, "RequestBroker--ParseUri", "Resource not found for the segment.")

    def _begin(self, body: bytes) -> dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("client_id") != CLIENT or "offline_access" not in form.get("scope", ""):
            raise _oauth("unauthorized_client")
        return {"device_code": "device-1", "user_code": "ABCD", "interval": 1, "expires_in": 900,
                "message": "To sign in, open microsoft.example/devicelogin and enter the code ABCD."}  # fmt: skip

    def _signed_in(self) -> dict[str, Any]:
        if self.declined:
            raise _oauth("authorization_declined")
        if self.pending:
            self.pending -= 1
            raise _oauth("authorization_pending")
        return {"token_type": "Bearer", "expires_in": 3599, "access_token": "x", "refresh_token": REFRESH}

    def _grant(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        if headers.get("content-type") != "application/x-www-form-urlencoded":
            raise _oauth("invalid_request")
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("device_code") == "device-1" and str(form.get("grant_type")).endswith(":device_code"):
            return self._signed_in()
        is_app = form.get("grant_type") == "client_credentials" and form.get("scope", "").endswith("/.default")
        is_user = form.get("grant_type") == "refresh_token" and form.get("refresh_token") == REFRESH
        known = form.get("client_id") == CLIENT and (is_user or form.get("client_secret") == SECRET)
        if not known or not (is_app or is_user) or self.trouble == "auth":
            self._refused += 1
            raise _oauth("invalid_client", 401)
        self.tokens += 1
        return {"token_type": "Bearer", "expires_in": 3599, "access_token": "token-of-the-app"}

    def _folder(self, name: str) -> str:
        if name not in self.folders:
            raise Refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        return name

    def _delta(self, folder: str, query: dict[str, str], prefer: str, *, lasting: bool) -> dict[str, Any]:
        state = query.get("$skiptoken") or query.get("$deltatoken")
        if state:
            if set(query) != {"$skiptoken" if "$skiptoken" in query else "$deltatoken"}:
                raise Refusal(400, "ErrorInvalidUrlQuery", "A link is followed as it was given.")
            found = re.fullmatch(r"g(\d+)\.(\w+)\.(\d+)\.(\d+)", base64.urlsafe_b64decode(state.encode()).decode())
            if not found or int(found[1]) != self.generation or found[2] != folder:
                raise Refusal(410, "syncStateNotFound", "The sync state generation is not found; resync is required.")
            since, after = datetime.fromtimestamp(int(found[3]), UTC), int(found[4])
        else:
            since, after = self._filter(query), 0
        size = int(wanted[1]) if (wanted := re.search(r"odata\.maxpagesize=(\d+)", prefer)) else 10
        rows = [it for it in self.mails if it.folder == folder and it.changed > after and it.received >= since]
        rows = sorted((it for it in rows if after or not it.is_removed), key=lambda it: it.changed)
        page = rows[:size]
        last = page[-1].changed if page else after
        is_last = len(rows) <= size
        packed = base64.urlsafe_b64encode(
            f"g{self.generation}.{folder}.{int(since.timestamp())}.{last}".encode()
        ).decode()
        kind, name = ("$deltatoken", "@odata.deltaLink") if is_last else ("$skiptoken", "@odata.nextLink")
        link = f"{self.url}/v1.0/users/{quote(MAILBOX)}/mailFolders/{folder}/messages/delta?{kind}={quote(packed)}"
        return {"value": [self._row(it, lasting=lasting) for it in page], name: link}

    def _filter(self, query: dict[str, str]) -> datetime:
        if strange := set(query) - {"$select", "$filter", "$top", "$orderby", "$expand", "changeType"}:
            raise Refusal(400, "ErrorInvalidUrlQuery", f"The query parameters {sorted(strange)} are not supported.")
        condition = query.get("$filter", "receivedDateTime ge 1970-01-01T00:00:00Z")
        found = re.fullmatch(r"receivedDateTime g[et] (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)", condition)
        if not found:
            raise Refusal(400, "ErrorInvalidUrlQuery", "Delta takes receivedDateTime with ge or gt only.")
        return datetime.fromisoformat(found[1])

    def _row(self, mail: Mail, *, lasting: bool) -> dict[str, Any]:
        identifier = mail.id if lasting else f"{mail.id}.{mail.folder}"
        if mail.is_removed:
            return {"id": identifier, "@removed": {"reason": "deleted"}}
        return {"id": identifier, "receivedDateTime": mail.received.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _listed(self, folder: str, query: dict[str, str]) -> dict[str, Any]:
        found = re.fullmatch(r"internetMessageId eq '(<[^<>']+>)'", query.get("$filter", ""))
        if not found:
            raise Refusal(400, "ErrorInvalidUrlQuery", "The filter is not supported here.")
        mails = [it for it in self.mails if it.folder == folder and not it.is_removed]
        return {"value": [{"id": it.id} for it in mails if _head(it.raw).get("Message-ID") == found[1]]}

    def _message(self, identifier: str, query: dict[str, str], *, is_raw: bool, lasting: bool) -> tuple[int, bytes]:
        mails = [it for it in self.mails if not it.is_removed]
        mail = next((it for it in mails if identifier == (it.id if lasting else f"{it.id}.{it.folder}")), None)
        if mail is None:
            raise Refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.")
        if is_raw:
            return 200, mail.raw
        headers = [{"name": name, "value": str(value)} for name, value in _head(mail.raw).items()]
        answer: dict[str, Any] = {"id": identifier, "internetMessageHeaders": headers}
        if query.get("$expand") == f"singleValueExtendedProperties($filter=id eq '{SIZE}')":
            answer["singleValueExtendedProperties"] = [{"id": "Integer 0xe08", "value": str(len(mail.raw))}]
        return 200, _json(answer)

    def _send(self, headers: Mapping[str, str], body: bytes) -> None:
        if headers.get("content-type") != "text/plain":
            raise Refusal(415, "RequestBodyRead", "A letter is sent as JSON, or as text/plain in Base64.")
        if len(body) > MOST_BODY:
            raise Refusal(413, "RequestEntityTooLarge", "The request is too large.")
        try:
            raw = base64.b64decode(body, validate=True)
        except ValueError as error:
            raise Refusal(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME.") from error
        if self.is_full:
            raise Refusal(507, "ErrorQuotaExceeded", "The mailbox has exceeded its quota.")
        mail = message_from_bytes(raw)
        senders = [address.lower() for _, address in getaddresses(mail.get_all("From", []))]
        if not mail.get_all("To", []) or self.trouble == "refuse":
            raise Refusal(400, "ErrorInvalidRecipients", "At least one recipient isn't valid: belova@client.example")
        if senders != [MAILBOX]:
            raise Refusal(403, "ErrorSendAsDenied", "The user account doesn't have the right to send as that sender.")
        self.deliver(raw, "sentitems")


def _head(raw: bytes) -> Message:
    return message_from_bytes(raw.partition(b"\r\n\r\n")[0])


def _oauth(code: str, status: int = 400) -> Refusal:
    """Return an error as the server of tokens writes it."""
    refusal = Refusal(status, code, "")
    refusal.body = {"error": code, "error_description": "AADSTS7000215: said at length."}
    return refusal


def _json(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, peer: GraphPeer) -> None:
        self.peer = peer
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def cut_connections(self) -> None:
        """Break every connection that is open."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library names it so
        """Keep quiet."""

    def _answer(self) -> None:
        peer = self.server.peer
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length) if length.isdecimal() else 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        extra: Mapping[str, str] = {}
        with peer.lock:
            try:
                status, content = peer.route(self.command, self.path, headers, body)
            except Refusal as refusal:
                status, content, extra = refusal.status, _json(refusal.body), refusal.headers
            except ValueError:
                status, content = 400, _json({"error": {"code": "BadRequest", "message": "not readable"}})
            trouble = peer.trouble
        if trouble == "garbage":
            status, content = 200, b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"
        if trouble == "lost_answer" and self.path.endswith("/sendMail"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if trouble == "garbage" else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        is_cut = trouble == "cut" and "/token" not in self.path and len(content) > 1
        self.wfile.write(content[: len(content) // 2] if is_cut else content)
        self.close_connection = self.close_connection or is_cut

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names the library calls
