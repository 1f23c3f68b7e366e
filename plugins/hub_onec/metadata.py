"""Read what is needed of `$metadata`, which is 15-30 MB in a real base: parsed as a stream, no tree is built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from lxml import etree
from msgspec import Struct, field

from hub.api import Unavailable

Types = Mapping[str, Mapping[str, str]]
"""Entity and complex types by name: property → its Edm type."""
Look = Callable[[str, Mapping[str, str], tuple[str, ...]], None]
"""Called with the name, the properties and the key of every entity type."""

_PIECE = 64 * 1024
_MAX_PROPERTIES = 20_000
_OURS = frozenset({"EntityType", "ComplexType"})
_LINKS = frozenset({"NavigationProperty", "End"})
_TOP = _OURS | {"EnumType", "Association", "EntitySet", "AssociationSet", "FunctionImport"}


class Schema(Struct):
    """What `$metadata` says of the types somebody asked for; `functions` are the names bound to a type.

    `lengths` says how long a text may be, where the publication tells; `targets` which set a navigation leads to.
    """

    types: dict[str, dict[str, str]] = field(default_factory=dict)
    lengths: dict[str, dict[str, int]] = field(default_factory=dict)
    targets: dict[str, dict[str, str]] = field(default_factory=dict)
    functions: dict[str, set[str]] = field(default_factory=dict)
    mark: str = ""
    """Tells for which publication it was read; another mark means that it has to be read again."""


def parse_metadata(content: bytes, wanted: Collection[str]) -> Types:
    """Return the wanted types. A name that occurs twice is merged. Raises Unavailable for what is not whole EDMX."""
    return read_schema(content, wanted).types


def read_schema(content: bytes, wanted: Collection[str], look: Look | None = None) -> Schema:
    """Return the wanted types and their functions; show every entity type to `look`."""
    target = _Target(wanted, look)
    parser = etree.XMLParser(target=target, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        for start in range(0, len(content), _PIECE):
            parser.feed(content[start : start + _PIECE])
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Unavailable(
            f"$metadata breaks off or is damaged at line {error.lineno}.",
            hint="Open $metadata in a browser; a proxy in front of 1C may cut long answers.",
        ) from error
    if not target.seen:
        raise Unavailable("$metadata describes nothing; this is not the answer of 1C.")
    return target.schema


class _Target:
    """Takes elements from the parser and keeps the properties of the wanted types."""

    def __init__(self, wanted: Collection[str], look: Look | None) -> None:
        self.schema = Schema()
        self.seen = 0
        self._wanted = wanted
        self._look = look
        self._name = ""
        self._type: dict[str, str] | None = None
        self._key: list[str] = []
        self._function = ""
        self._navigations: list[tuple[str, str, str]] = []
        self._ends: dict[str, str] = {}

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """Refuse a DOCTYPE in any encoding."""
        raise Unavailable("$metadata carries a DOCTYPE, which 1C never sends; something between answers in its place.")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        name = tag.rpartition("}")[2]
        if name == "Property":
            if self._type is not None and len(self._type) < _MAX_PROPERTIES:
                self._describe(self._type, attributes)
        elif name in _TOP:
            self.seen += 1
            self._name = attributes.get("Name", "")
            self._key = []
            if name in _OURS:
                if self._name in self._wanted:
                    self._type = self.schema.types.setdefault(self._name, {})
                else:
                    self._type = {} if self._look and name == "EntityType" else None
            elif name == "FunctionImport":
                self._function = self._name
                self._bind(attributes.get("EntitySetPath") or attributes.get("EntitySet") or "")
        elif name in _LINKS:
            self._relate(name, attributes)
        elif name == "PropertyRef":
            self._key.append(attributes.get("Name", ""))
        elif name == "Parameter" and attributes.get("Name") == "bindingParameter":
            self._bind(attributes.get("Type", ""))

    def _describe(self, properties: dict[str, str], attributes: Mapping[str, str]) -> None:
        name, length = attributes.get("Name", ""), attributes.get("MaxLength", "")
        properties.setdefault(name, attributes.get("Type", ""))
        if length.isdecimal() and self._name in self._wanted:
            self.schema.lengths.setdefault(self._name, {})[name] = int(length[:9])

    def _relate(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "End" and attributes.get("Role") == "End":
            self._ends[self._name] = attributes.get("Type", "").rpartition(".")[2]
        elif tag == "NavigationProperty" and self._name in self._wanted:
            relation = attributes.get("Relationship", "").rpartition(".")[2]
            self._navigations.append((self._name, attributes.get("Name", ""), relation))

    def _bind(self, type_name: str) -> None:
        bound = type_name.removeprefix("Collection(").rstrip(")").rpartition(".")[2]
        if self._function and bound in self._wanted:
            self.schema.functions.setdefault(bound, set()).add(self._function)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        name = tag.rpartition("}")[2]
        if name in _OURS:
            if self._look and name == "EntityType" and self._type is not None:
                self._look(self._name, self._type, tuple(self._key))
            self._type = None
        elif name == "FunctionImport":
            self._function = ""

    def close(self) -> None:
        """Take the end of the document."""
        for owner, name, relation in self._navigations:
            if relation in self._ends:
                self.schema.targets.setdefault(owner, {})[name] = self._ends[relation]
