"""SOAP web services of 1C by zeep: descriptions, arguments checked before a call leaves, answers and faults.

zeep builds and checks messages; every byte goes through the HTTP client of the connection. The description is read as
one document: what it imports from elsewhere is refused, and so are document types and entities.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import zeep
from lxml import etree
from msgspec import Struct
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import XMLSyntaxError
from zeep.transports import Transport
from zeep.xsd import ComplexType

from hub.api import BadRecord, Blobs, Response, SettingsError, Unavailable

from .rows import parse_xml
from .web import Web, html_words, meaning

SOAP_SPACES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
logging.getLogger("zeep").setLevel(logging.WARNING)  # it would tell every type and message
_NOT_UNDERSTOOD = (ZeepError, LookupError, AttributeError, TypeError, ValueError, etree.LxmlError, RecursionError)


class Answered(Struct, frozen=True):
    """What zeep is given as an HTTP answer; it hands it back untouched."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    encoding: str = "utf-8"


class OneDocument(Transport):
    """The way zeep reaches the outside: it loads the one description it was given, and posts to one service."""

    def __init__(self, web: Web, path: str, description: bytes) -> None:  # no session of its own
        self.cache = None
        self.logger = logging.getLogger(__name__)
        self._close_session = False
        self._web = web
        self._path = path
        self._description = description

    def load(self, url: str) -> bytes:
        """Return the description; refuse every other address."""
        if url != self._web.address(self._path):
            raise SettingsError(f"The description of {self._path} wants to load {url[:120]}, which is refused.")
        return self._description

    def get(self, address: str, params: Any, headers: Any) -> Any:  # noqa: ARG002 - nothing is fetched
        """Refuse: SOAP of 1C posts."""
        raise SettingsError(f"The description of {self._path} wants to use HTTP GET, which is not SOAP.")

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> Answered:  # noqa: ARG002 - ours is sent
        """Send a message to our address of the service, whatever host its description names."""
        answer = self._web.send("POST", self._path, headers=headers, content=message)
        return Answered(answer.status, answer.content, answer.headers)


class Service:
    """One published web service with its description."""

    def __init__(self, web: Web, path: str, description: bytes) -> None:
        self.path = path
        self.digest = hashlib.sha256(description).hexdigest()
        self._client = _client(web, path, description)
        self._binding_name, self._binding = _soap_binding(self._client, path)
        self._proxy = self._client.create_service(self._binding_name, web.address(path))

    @property
    def operations(self) -> Mapping[str, str]:
        """Return the operations by name, each with its arguments and their types."""
        return {name: self._signature(name) for name in sorted(self._binding.all())}

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Call an operation; return the element that holds what it returns.

        Raises SettingsError for arguments that the description does not allow, before anything is sent.
        """
        typed = self.typed(operation, arguments)
        try:
            self._client.create_message(self._proxy, operation, **typed)  # refuses what a call would refuse
        except _NOT_UNDERSTOOD as error:
            raise self._wrong(operation, str(error)) from error
        with self._client.settings(raw_response=True):
            answered = self._proxy[operation](**typed)
        return result_of(answered, f"{self.path} {operation}")

    def typed(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments of the types of the description. Raises SettingsError, naming what is wrong."""
        if operation not in self._binding.all():
            known = "; ".join(self.operations.values())
            raise SettingsError(f"{self.path} has no operation {operation}; it has {known[:500]}.", field="streams")
        try:
            return _typed(self._binding.get(operation).input.body.type, arguments, "")
        except ValueError as error:
            raise self._wrong(operation, str(error)) from error

    def _wrong(self, operation: str, why: str) -> SettingsError:
        return SettingsError(
            f"The arguments of {operation} are wrong: {why.rstrip('.')[:200]}.",
            field="streams",
            hint=f"Expected: {self._signature(operation)}",
        )

    def _signature(self, operation: str) -> str:
        elements = self._binding.get(operation).input.body.type.elements
        return f"{operation}({', '.join(f'{name}: {_type_name(element)}' for name, element in elements)})"


def open_service(web: Web, path: str, blobs: Blobs, known: str = "") -> Service:
    """Return a service, from the description of that digest where we have it, else from the base."""
    try:
        return Service(web, path, blobs.get(known))
    except (KeyError, ValueError):
        return fetch_service(web, path, blobs)


def fetch_service(web: Web, path: str, blobs: Blobs) -> Service:
    """Return a service as it is described now, and keep the description by its digest."""
    answer = web.send("GET", path, query={"wsdl": ""}, headers={"Accept": "text/xml, application/xml"})
    if answer.status != 200:
        raise meaning(html_words(answer.content), f"the description of {path}")
    service = Service(web, path, answer.content)
    blobs.put(answer.content)
    return service


def result_of(answered: Answered | Response, what: str) -> Any:
    """Return the element inside the body of an answer. Raises what a fault means, Unavailable for no SOAP at all."""
    status = answered.status_code if isinstance(answered, Answered) else answered.status
    if status != 200 and not answered.content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise meaning(html_words(answered.content) or f"HTTP {status} without a word", what)
    envelope = parse_xml(answered.content, f"The answer of {what}")
    name = etree.QName(envelope)
    bodies = [it for it in envelope if isinstance(it.tag, str) and etree.QName(it).localname == "Body"]
    if name.localname != "Envelope" or name.namespace not in SOAP_SPACES or not bodies:
        raise Unavailable(f"{what} answered with XML that is no SOAP (root {name.localname}).")
    parts = [it for it in bodies[0] if isinstance(it.tag, str)]
    if not parts:
        raise Unavailable(f"{what} answered with an empty body.")
    if etree.QName(parts[0]).localname == "Fault":
        raise meaning(_fault_words(parts[0]), what)
    return parts[0]


def _fault_words(fault: Any) -> str:
    """Return the words of a fault: `faultstring` of SOAP 1.1, `Reason` of 1.2, and the detail where they are poor."""
    for wanted in ("faultstring", "Reason", "detail", "Detail"):
        for element in fault.iter():
            if isinstance(element.tag, str) and etree.QName(element).localname == wanted:
                words = " ".join(" ".join(element.itertext()).split())
                if words:
                    return words
    return "a fault without words"


def _client(web: Web, path: str, description: bytes) -> Any:
    settings = zeep.Settings(
        strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False
    )
    what = f"The description of {path}"
    parse_xml(description, what)
    make: Any = zeep.Client
    try:
        return make(web.address(path), transport=OneDocument(web, path, description), settings=settings)
    except SettingsError:
        raise
    except XMLSyntaxError as error:
        raise Unavailable(f"{what} is not whole XML.") from error
    except _NOT_UNDERSTOOD as error:
        raise SettingsError(
            f"{what} cannot be used: {type(error).__name__}: {str(error)[:160]}.", field="streams"
        ) from error


def _soap_binding(client: Any, path: str) -> tuple[str, Any]:
    """Return the SOAP 1.1 binding, or that of 1.2 where there is no other."""
    found = sorted((type(it).__name__, name, it) for name, it in client.wsdl.bindings.items())
    soap = [(name, it) for kind, name, it in found if kind in ("Soap11Binding", "Soap12Binding")]
    if not soap:
        raise SettingsError(f"The description of {path} has no SOAP binding.", field="streams")
    return soap[0]


def _typed(kind: Any, given: Any, where: str) -> dict[str, Any]:
    """Return the members of a structure with the types that the description gives them. Raises ValueError."""
    elements = dict(kind.elements)
    if not isinstance(given, Mapping):
        raise ValueError(f"{where or 'they'} must be a mapping")
    if unknown := [name for name in given if name not in elements]:
        raise ValueError(f"there is no {where}{unknown[0]}")
    missing = [name for name, it in elements.items() if name not in given and it.min_occurs and not it.nillable]
    if missing:
        raise ValueError(f"{where}{missing[0]} is missing")
    made: dict[str, Any] = {}
    for name, element in elements.items():
        value = given.get(name)
        if isinstance(element.type, ComplexType) and value is not None:
            made[name] = _typed(element.type, value, f"{where}{name}.")
        elif isinstance(value, list):
            made[name] = [_scalar(element, it, where + name) for it in value]
        else:
            made[name] = _scalar(element, value, where + name)
    return made


def _scalar(element: Any, value: Any, where: str) -> Any:
    if value is None:
        return None
    text = "true" if value is True else "false" if value is False else str(value)
    if not text and _type_name(element) != "string":
        return None
    try:
        return element.type.pythonvalue(text)
    except (ValueError, TypeError, ArithmeticError, ZeepError, BadRecord) as error:
        raise ValueError(f"{where} is no {_type_name(element)}: {text[:60]!r}") from error


def _type_name(element: Any) -> str:
    return str(getattr(element.type, "name", None) or "structure")
