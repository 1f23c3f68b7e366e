"""The stand-in of a published 1C infobase: HTTP as its web server speaks it, with the troubles tests can switch on."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import unquote
from uuid import uuid4
from xml.sax.saxutils import escape

from msgspec import Struct

from .base import Infobase, Row, encoder
from .edm import METADATA_SPACE, Model, metadata
from .faults import Fault
from .filters import compile_filter
from .plans import feed_of, point_of
from .query import (
    SPACES,
    Answer,
    Projection,
    Renderer,
    count,
    find,
    find_rows,
    form_of,
    lookup,
    parse_options,
    part_rows,
    projection,
)
from .registers import arguments_of, key_of
from .writing import Request, Writing

DEFAULT_PASSWORD = "Пароль-1С"  # noqa: S105 - of an invented base
PREFIX = "/base/odata/standard.odata/"
CALLS = frozenset({"SelectChanges", "NotifyChangesReceived"})
_PATH = re.compile(r"(?P<set>[^/()]+)(?:\((?P<key>[^)]*)\))?(?:/(?P<rest>.*))?")
_GUID = re.compile(r"(?:Ref_Key=)?guid'([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})'")
_HTML = "<!DOCTYPE html><html><head><title>Вход</title></head><body>Войдите в систему</body></html>".encode()


class Troubles(Struct):
    """What goes wrong until it is set back.

    `html` answers every request with a page and HTTP 200, `status` with that status and no body of 1C, `cut` breaks
    data off: `connection` closes it too early, `body` sends half of the JSON as if it were whole. `slow_first` delays
    the next request by so many seconds. `failing` sets and calls give HTTP 500 with code -1, `forbidden` sets 401 with
    code 20. `unknown_names` are names in `$select` that this base does not know any more.
    """

    html: bool = False
    status: int = 0
    cut: Literal["", "connection", "body"] = ""
    slow_first: float = 0.0
    failing: set[str] = set()
    forbidden: set[str] = set()
    unknown_names: set[str] = set()


class OneCServer:
    """A web server on loopback with one infobase; a context manager."""

    def __init__(
        self, base: Infobase, *, user: str = "Администратор", password: str = DEFAULT_PASSWORD, port: int = 0
    ) -> None:
        self.base = base
        self.user = user
        self.password = password
        self.troubles = Troubles()
        self.writing = Writing(self)
        self.language: Literal["ru", "en"] = "ru"
        self.has_sessions = False
        self.session_limit: int | None = None
        self.lost_session_status = 400
        self.inlinecount_stops_paging = True
        self.filler = 0
        self.binds_by_path = False
        self.shows_lengths = False
        self.busy = 0
        self.busiest = 0
        self.sessions: set[str] = set()
        self.refused_logins = 0
        self.requests: deque[str] = deque(maxlen=10_000)
        self._port = port
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None
        self._metadata: tuple[object, bytes] | None = None

    @property
    def url(self) -> str:
        """Return the service root."""
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def start(self) -> None:
        """Listen; on the same port as before when it was stopped."""
        self._http = _Http(("127.0.0.1", self._port), _handler(self))
        self._port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and every connection."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http.disconnect()
            self._thread.join()
            self._http = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def metadata(self) -> bytes:
        """Return `$metadata` of what is published."""
        published = {name: model for name, model in self.base.models.items() if name in self.base.composition}
        registers = [it.register for name, it in self.base.registers.items() if name in self.base.composition]
        published |= {name: it.model for name, it in self.base.lists.items()}
        published |= {model.name: model for it in registers for model in (it.main, it.records)}
        state = (frozenset(published), self.filler, self.binds_by_path, self.shows_lengths)
        if self._metadata is None or self._metadata[0] != state:
            tables = [(table, it.bound) for it in registers for table in it.tables]
            described = metadata(
                published, self.filler, tables, by_path=self.binds_by_path, shows_lengths=self.shows_lengths
            )
            self._metadata = (state, described)
        return self._metadata[1]

    def answer(self, path: str, query: str, accept: str) -> tuple[int, str, bytes]:
        """Return status, media type and body for a GET below the service root."""
        if path == "$metadata":
            if "json" in query or accept.strip() == "application/json":
                raise Fault(406, "3", "$metadata")
            return 200, "application/xml;charset=utf-8", self.metadata()
        if path == "$batch":
            raise Fault(501, "0", "$batch")
        options = parse_options(query)
        form = form_of(options, accept)
        if unknown := self.troubles.unknown_names & set(options.get("$select", "").split(",")):
            raise Fault(400, "6", min(unknown))
        body = self._service(form) if not path else self._set(path, options, form)
        if isinstance(body, int):
            return 200, "text/plain;charset=utf-8", f"\ufeff{body}".encode()
        kind = (
            "application/atom+xml;charset=utf-8" if form == "atom" else f"application/json;odata={form};charset=utf-8"
        )
        return 200, kind, body

    def _service(self, form: str) -> bytes:
        names = [name for name in self.base.models if name in self.base.composition]
        names += [model.rows_of(it).name for name in names for model in [self.base.models[name]] for it in model.parts]
        for name, records in self.base.registers.items():
            if name in self.base.composition:
                names += dict.fromkeys([name, records.register.records.name])
        names += list(self.base.lists)
        names += [f"Catalog_Прочее{number}" for number in range(self.filler)]
        if form == "atom":
            found = "".join(f'<collection href="{name}"><atom:title>{name}</atom:title></collection>' for name in names)
            spaces = 'xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"'
            return f'<?xml version="1.0"?><service {spaces}><workspace>{found}</workspace></service>'.encode()
        made: dict[str, Any] = {} if form == "nometadata" else {"odata.metadata": f"{self.url}$metadata"}
        return encoder.encode({**made, "value": [{"name": name, "url": name} for name in names]})

    def _set(self, path: str, options: Mapping[str, str], form: str) -> bytes | int:
        parsed = _PATH.fullmatch(path)
        if parsed is None:
            raise Fault(400, "6", path)
        name, key, rest = parsed["set"], parsed["key"], parsed["rest"]
        if name in self.base.lists and key is None and not rest:
            held = self.base.lists[name]
            return self._records(held.model, held.rows, options, form)
        register = name.removesuffix("_RecordType")
        if register in self.base.registers and register in self.base.composition:
            return self._register(register, name, rest or "", key, options, form)
        owner, part = self._owner(name)
        if name in self.troubles.forbidden:
            raise Fault(401, "20")
        if name in self.troubles.failing:
            raise Fault(500, "-1")
        if part:
            return self._part(owner, part, form)
        model = self.base.models[name]
        if key is not None:
            return self._entity(name, key, rest or "", options, form)
        if rest == "$count":
            return count(self.base, name, options)
        if rest:
            raise Fault(400, "6", rest)
        wanted = projection(model, options)
        found = find(self.base, name, options, inlinecount_stops_paging=self.inlinecount_stops_paging)
        return Renderer(self.base, model, wanted, form, self.url).collection(found)

    def _register(
        self, register: str, name: str, rest: str, key: str | None, options: Mapping[str, str], form: str
    ) -> bytes:
        """Return records of a register, one of them by its key, or one of its virtual tables."""
        if register in self.troubles.forbidden:
            raise Fault(401, "20")
        records = self.base.registers[register]
        model = records.register.records
        rows: Sequence[Mapping[str, Any]] = records.rows
        if rest:
            if name != records.register.bound:
                raise Fault(400, "6", rest)
            table, arguments = arguments_of(rest, options)
            model, rows = records.table(
                table, arguments,
                lambda source, held: compile_filter(source, held, lambda _, key: lookup(self.base, "", key)).matches,
            )  # fmt: skip
            if self.base.amounts_as_text:
                rows = [{k: str(v) if isinstance(v, Decimal) else v for k, v in row.items()} for row in rows]
        elif name == register and records.register.recorder:
            model, rows = records.register.main, records.record_sets()
        if key is not None:
            wanted = key_of(model, key)
            row = next((it for it in rows if all(it[name] == value for name, value in wanted.items())), None)
            if row is None:
                raise Fault(404, "9")
            return Renderer(self.base, model, projection(model, options), form, self.url).entity(Row("", dict(row)))
        return self._records(model, rows, options, form)

    def _records(self, model: Model, rows: Sequence[Mapping[str, Any]], options: Mapping[str, str], form: str) -> bytes:
        found = find_rows(self.base, model, rows, options)
        return Renderer(self.base, model, projection(model, options), form, self.url).collection(
            Answer(found, len(found), False)
        )

    def act(self, path: str, query: str) -> tuple[int, str, bytes]:
        """Return status, media type and body for a POST below the service root: the calls of exchange plans."""
        if path in self.troubles.failing:
            raise Fault(500, "-1")
        plan, node, message = point_of(parse_options(query), self.base.plans)
        if path == "NotifyChangesReceived":
            self.base.plans[plan].confirm(node, message)
            self.base.sets[plan].rows[node].write({"ReceivedNo": str(message)})
            return 200, "application/xml;charset=utf-8", b""
        changes = self.base.plans[plan].select(node, message)
        return 200, "application/atom+xml;charset=utf-8", feed_of(changes, self._entry, self.url, SPACES)

    def _entry(self, set_name: str, key: str) -> str | None:
        row = self.base.sets[set_name].rows.get(key)
        model = self.base.models[set_name]
        return None if row is None else Renderer(self.base, model, Projection(), "atom", self.url).entry(row)

    def _owner(self, name: str) -> tuple[str, str]:
        """Return the published set and, when the name is that of a tabular part, the part."""
        if name in self.base.composition and name in self.base.models:
            return name, ""
        for owner in self.base.composition & self.base.models.keys():
            for it in self.base.models[owner].parts:
                if name == f"{owner}_{it.name}":
                    return owner, it.name
        raise Fault(404, "8", name)

    def _part(self, owner: str, part: str, form: str) -> bytes:
        model = self.base.models[owner]
        rows = part_rows(self.base.sets[owner].lying(), part)
        table = next(it for it in model.parts if it.name == part)
        return Renderer(self.base, model.rows_of(table), Projection(), form, self.url).collection(
            Answer(rows, len(rows), False)
        )

    def _entity(self, name: str, key: str, rest: str, options: Mapping[str, str], form: str) -> bytes:
        found = _GUID.fullmatch(key)
        if found is None:
            raise Fault(400, "7" if not key else "1", key)
        if "$expand" in options:
            raise Fault(400, "0", "$expand")
        row = self.base.sets[name].rows.get(found[1].lower())
        if row is None:
            raise Fault(404, "9")
        if row.key in self.base.hidden:
            raise Fault(401, "20")
        model = self.base.models[name]
        if rest:
            return self._behind(name, row, rest, form)
        return Renderer(self.base, model, projection(model, options), form, self.url).entity(row)

    def _behind(self, name: str, row: Row, rest: str, form: str) -> bytes:
        reference = self.base.models[name].reference(rest)
        if reference is None:
            raise Fault(400, "6", rest)
        target = reference.target
        if lookup(self.base, target, row.values[reference.name]) is None:
            raise Fault(404, "9")
        other = self.base.sets[target].rows[row.values[reference.name]]
        return Renderer(self.base, self.base.models[target], Projection(), form, self.url).entity(other)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        super().__init__(*args)

    def get_request(self) -> tuple[Any, Any]:
        request, address = super().get_request()
        with self._lock:
            self._open.add(request)
        return request, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        """Break every open connection."""
        import socket

        with self._lock:
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that hang up."""


def _handler(server: OneCServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "Microsoft-IIS/10.0"
        sys_version = ""
        wbufsize = -1
        disable_nagle_algorithm = True
        body = b""

        def do_GET(self) -> None:
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
            try:
                _Exchange(server, self).run()
            finally:
                server.busy -= 1

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("content-length", "0")))
            self.do_GET()

        do_PATCH = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names the library calls

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    return Handler


class _Exchange:
    """One request and its answer."""

    def __init__(self, server: OneCServer, handler: BaseHTTPRequestHandler) -> None:
        self._server = server
        self._handler = handler
        self._cookie = ""

    def run(self) -> None:
        """Answer the request."""
        server, handler = self._server, self._handler
        server.requests.append(handler.path)
        troubles = server.troubles
        if troubles.slow_first:
            delay, troubles.slow_first = troubles.slow_first, 0.0
            time.sleep(delay)
        raw, _, query = handler.path.partition("?")
        path = unquote(raw)
        if troubles.html:
            return self._send(200, "text/html; charset=utf-8", _HTML)
        if troubles.status:
            return self._send(troubles.status, "text/html", b"<html>Bad Gateway</html>")
        if not path.startswith(PREFIX):
            return self._send(404, "text/html", b"<html>404 - File or directory not found.</html>")
        if not self._is_known():
            return self._send(401, "text/html", b"<html>401 - Unauthorized</html>")
        if (status := self._session()) != 200:
            return self._send(status, "text/html", b"")
        try:
            if handler.command == "GET":
                status, kind, body = server.answer(path[len(PREFIX) :], query, handler.headers.get("accept", ""))
            elif path[len(PREFIX) :] in CALLS:
                status, kind, body = server.act(path[len(PREFIX) :], query)
            else:
                return self._write(path[len(PREFIX) :], query)
        except Fault as fault:
            return self._refuse(fault, query)
        return self._send(status, kind, body, cut=troubles.cut if b"value" in body[:400] else "")

    def _write(self, path: str, query: str) -> None:
        handler = self._handler
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body: bytes = handler.body  # type: ignore[attr-defined]
        made = self._server.writing.take(Request(handler.command, path, query, headers, body))
        if made is None:
            handler.close_connection = True
            return
        self._send(made.status, made.kind, made.body, cut=made.cut, location=made.location)

    def _is_known(self) -> bool:
        header = self._handler.headers.get("authorization", "")
        if not header.startswith("Basic "):
            return False
        try:
            pair = base64.b64decode(header[6:], validate=True).decode()
        except ValueError:  # also credentials that are not UTF-8
            pair = ""
        if pair == f"{self._server.user}:{self._server.password}":
            return True
        self._server.refused_logins += 1
        return False

    def _session(self) -> int:
        """Return 200, or the status that refuses; without sessions the header has no effect."""
        server, headers = self._server, self._handler.headers
        is_full = server.session_limit is not None and len(server.sessions) >= server.session_limit
        if not server.has_sessions:
            return 406 if is_full else 200
        if headers.get("ibsession", "").lower() == "start":
            if is_full:
                return 406
            self._cookie = uuid4().hex
            server.sessions.add(self._cookie)
            return 200
        if found := re.search(r"ibsession=([^;\s]+)", headers.get("cookie", "")):
            return 200 if found[1] in server.sessions else server.lost_session_status
        return 406 if is_full else 200

    def _refuse(self, fault: Fault, query: str) -> None:
        words = fault.words(self._server.language)
        accept = self._handler.headers.get("accept", "")
        if "json" in unquote(query) or "application/json" in accept:
            message = {"lang": self._server.language, "value": words}
            body = encoder.encode({"odata.error": {"code": fault.code, "message": message}})
            return self._send(fault.status, "application/json;charset=utf-8", body)
        told = f'<m:code>{fault.code}</m:code><m:message xml:lang="{self._server.language}">{escape(words)}</m:message>'
        xml = f'<?xml version="1.0" encoding="UTF-8"?><m:error xmlns:m="{METADATA_SPACE}">{told}</m:error>'
        return self._send(fault.status, "application/xml;charset=utf-8", xml.encode())

    def _send(self, status: int, kind: str, body: bytes, *, cut: str = "", location: str = "") -> None:
        handler = self._handler
        length = len(body)
        if cut:
            body = body[: length // 2]
            length = length if cut == "connection" else len(body)
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(length))
        handler.send_header("DataServiceVersion", "3.0")
        if location:
            handler.send_header("Location", location.encode().decode("latin-1"))  # as raw UTF-8, not percent-encoded
        if status == 401 and "json" not in kind and b"code" not in body:
            handler.send_header("WWW-Authenticate", 'Basic realm="1C:Enterprise 8.3"')
        if self._cookie:
            handler.send_header("Set-Cookie", f"ibsession={self._cookie}; path=/base")
        if cut == "connection":
            handler.close_connection = True
        handler.end_headers()
        handler.wfile.write(body)
        handler.wfile.flush()
