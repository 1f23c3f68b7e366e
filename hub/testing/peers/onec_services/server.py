"""The web server: Basic sign-in, 1C sessions, descriptions, SOAP calls checked by their schema, JSON resources."""

from __future__ import annotations

import base64
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

from lxml import etree
from msgspec import Struct

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
PREFIX = "/base/"
USER = "Обмен"
DEFAULT_PASSWORD = "Пароль-1С"  # noqa: S105 - of an invented base
_HTML = "<!DOCTYPE html><html><head><title>Вход</title></head><body>Войдите в систему</body></html>".encode()


class Fault(Exception):
    """Raised by an operation: 1C answers with a SOAP fault, its text naming module and line."""


class Refusal(Exception):
    """Raised by a resource: 1C answers with that status and text."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class WebService:
    """One web service: its description, and what its operations return for their arguments."""

    def __init__(
        self, description: bytes, operations: Mapping[str, Callable[[Any], Mapping[str, Any]]], rows_space: str = ""
    ) -> None:
        self.description = description
        self.operations = operations
        root = _xml(description)
        self.space = root.get("targetNamespace")
        self.rows_space = rows_space or self.space
        self._schema = _schema(root)

    def answer(self, message: bytes) -> tuple[int, bytes]:
        """Carry out a call; a message that the schema does not allow is a fault of the caller."""
        try:
            envelope = _xml(message)
        except etree.XMLSyntaxError as error:
            return 500, _fault(SOAP11, "Client", f"Ошибка разбора XML: {error}")
        soap = etree.QName(envelope).namespace
        body = envelope.find(f"{{{soap}}}Body")
        if soap not in (SOAP11, SOAP12) or body is None or len(body) != 1:
            return 500, _fault(SOAP11, "Client", "Неверный формат сообщения SOAP")
        call = body[0]
        if not self._schema.validate(_xml(etree.tostring(call))):
            said = self._schema.error_log.last_error.message
            return 500, _fault(soap, "Client", f"Ошибка преобразования данных XDTO: {said}")
        name = etree.QName(call).localname
        try:
            found = self.operations[name](call)
        except Fault as fault:
            return 500, _fault(soap, "Server", str(fault))
        members = "".join(_member(self.space, member, value, self.rows_space) for member, value in found.items())
        response = f'<m:{name}Response xmlns:m="{self.space}">{members}</m:{name}Response>'
        if not self._schema.validate(_xml(response.encode())):
            raise AssertionError(f"the stand-in breaks its own description: {self._schema.error_log.last_error}")
        return 200, _envelope(soap, response)


class Troubles(Struct):
    """What goes wrong until it is set back: a page of HTML, half an answer."""

    html: bool = False
    cut: Literal["", "connection", "body"] = ""


class ServicesServer:
    """A web server on loopback with one infobase; a context manager."""

    def __init__(self) -> None:
        self.user = USER
        self.password = DEFAULT_PASSWORD
        self.services: dict[str, WebService] = {}
        self.resources: dict[str, Callable[[Mapping[str, str]], bytes]] = {}
        self.content_type = "application/json; charset=utf-8"
        self.troubles = Troubles()
        self.refused_logins = 0
        self.sessions: set[str] = set()
        self.session_limit: int | None = None
        self.requests: deque[str] = deque(maxlen=10_000)
        self._port = 0
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the address of the base."""
        return f"http://127.0.0.1:{self._port}{PREFIX}"

    def start(self) -> None:
        """Listen; on the same port as before when it was stopped."""
        self._http = _Http(self._port, self)
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

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, str, bytes]:
        """Return status, media type and body of a request below the base."""
        service = self.services.get(path)
        if service is not None and method == "GET" and query.lower().startswith("wsdl"):
            return 200, "text/xml; charset=utf-8", service.description
        if service is not None and method == "POST":
            status, content = service.answer(body)
            return status, "text/xml; charset=utf-8", content
        resource = self.resources.get(path)
        if resource is not None and method == "GET":
            try:
                return 200, self.content_type, resource(dict(parse_qsl(query, keep_blank_values=True)))
            except Refusal as refusal:
                return refusal.status, "text/plain; charset=utf-8", refusal.words.encode()
        return 404, "text/html; charset=utf-8", b"<html><body>404 Not Found</body></html>"


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, owner: ServicesServer) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.owner = owner
        self._open: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        """Break every connection that is still open."""
        for request in list(self._open):
            self.shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing on the console."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        self.server.owner.requests.append(f"{self.command} {unquote(self.path)}")
        if self.server.owner.user and not self._is_known():
            self.server.owner.refused_logins += 1
            realm = {"WWW-Authenticate": 'Basic realm="1C:Enterprise 8.3"'}
            self._send(401, "text/html", b"<html><body>401</body></html>", realm)
            return
        extra: dict[str, str] = {}
        if refused := self._session(extra):
            self._send(*refused)
            return
        if self.server.owner.troubles.html:
            self._send(200, "text/html; charset=utf-8", _HTML)
            return
        path = unquote(parts.path).removeprefix(PREFIX)
        status, kind, content = self.server.owner.answer(self.command, path, parts.query, body)
        if self.server.owner.troubles.cut == "connection":
            self._send(status, kind, content[: len(content) // 2], {"Content-Length": str(len(content)), **extra})
            self.close_connection = True
            return
        self._send(status, kind, content[: len(content) // 2] if self.server.owner.troubles.cut else content, extra)

    def _is_known(self) -> bool:
        pair = f"{self.server.owner.user}:{self.server.owner.password}".encode()
        return self.headers.get("Authorization", "") == "Basic " + base64.b64encode(pair).decode()

    def _session(self, extra: dict[str, str]) -> tuple[int, str, bytes] | None:
        """Take part in a session or begin one; return the refusal when it is over or there is no licence left."""
        owner, kind = self.server.owner, "text/plain; charset=utf-8"
        if found := re.search(r"ibsession=([^;\s]+)", self.headers.get("Cookie", "")):
            is_known = found[1] in owner.sessions
            return None if is_known else (400, kind, "Сеанс отсутствует или удален".encode())
        if self.headers.get("IBSession") == "start":
            if owner.session_limit is not None and len(owner.sessions) >= owner.session_limit:
                return 406, kind, "Не найдена лицензия".encode()
            new = str(uuid4())
            owner.sessions.add(new)
            extra["Set-Cookie"] = f"ibsession={new}; path={PREFIX}"
        return None

    def _send(self, status: int, kind: str, content: bytes, extra: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(extra or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _envelope(soap: str, inner: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{soap}"><soap:Header/>'
        f"<soap:Body>{inner}</soap:Body></soap:Envelope>"
    ).encode()


def _fault(soap: str, side: str, words: str) -> bytes:
    said = escape(words)
    if soap == SOAP12:
        code = {"Client": "Sender", "Server": "Receiver"}[side]
        return _envelope(
            soap,
            f"<soap:Fault><soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code><soap:Reason>"
            f'<soap:Text xml:lang="ru">{said}</soap:Text></soap:Reason></soap:Fault>',
        )
    return _envelope(
        soap,
        f"<soap:Fault><faultcode>soap:{side}</faultcode><faultstring>{said}</faultstring><detail/></soap:Fault>",
    )


def _member(space: str, name: str, value: Any, inner: str) -> str:
    """Return a member of an answer as 1C writes it: declarations repeated on each, `xsi:nil` where there is nothing."""
    if isinstance(value, list):
        return "".join(_member(space, name, it, inner) for it in value)
    declared = f'xmlns:xs="{XSD}" xmlns:xsi="{XSI}"'
    if value is None:
        return f'<m:{name} xmlns:m="{space}" {declared} xsi:nil="true"/>'
    content = _content(value, inner)
    return f'<m:{name} xmlns:m="{space}" {declared}>{content}</m:{name}>'


def _content(value: Any, space: str) -> str:
    if not isinstance(value, Mapping):
        return escape(str(value))
    made = ""
    for name, it in value.items():
        for one in it if isinstance(it, list) else [it]:
            nil = f' xmlns:xsi="{XSI}" xsi:nil="true"' if one is None else ""
            made += (
                f'<d4p1:{name} xmlns:d4p1="{space}"{nil}>{"" if one is None else _content(one, space)}</d4p1:{name}>'
            )
    return made


def _xml(content: bytes) -> Any:
    return etree.fromstring(content, parser=etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _schema(description: Any) -> etree.XMLSchema:
    """Return the types of a description as one schema, though it imports its packages without saying where they are."""
    found = list(description.iter(f"{{{XSD}}}schema"))
    texts: dict[str, str] = {}
    for schema in found:
        for imported in schema.findall(f"{{{XSD}}}import"):
            imported.set("schemaLocation", f"mem:{imported.get('namespace')}")
        texts[f"mem:{schema.get('targetNamespace')}"] = etree.tostring(schema).decode()

    class Packages(etree.Resolver):  # type: ignore[misc]
        def resolve(self, url: str, _: object, context: object) -> Any:
            return self.resolve_string(texts[url], context) if url in texts else None

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(Packages())
    return etree.XMLSchema(etree.fromstring(etree.tostring(found[-1]), parser=parser))
