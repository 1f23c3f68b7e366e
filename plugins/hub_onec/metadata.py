"""Read what is needed of `$metadata`, which is 15-30 MB in a real base: parsed as a stream, no tree is built."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lxml import etree

from hub.api import Unavailable

Types = Mapping[str, Mapping[str, str]]
"""Entity and complex types by name: property → its Edm type."""

_PIECE = 64 * 1024
_OURS = frozenset({"EntityType", "ComplexType"})
_TOP = _OURS | {"EnumType", "Association", "EntitySet", "AssociationSet", "FunctionImport"}


def parse_metadata(content: bytes, wanted: Collection[str]) -> Types:
    """Return the wanted types. A name that occurs twice is merged. Raises Unavailable for what is not whole EDMX."""
    target = _Target(wanted)
    parser = etree.XMLParser(target=target, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        for start in range(0, len(content), _PIECE):
            parser.feed(content[start : start + _PIECE])
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Unavailable(f"$metadata breaks off or is damaged at line {error.lineno}.") from error
    if not target.seen:
        raise Unavailable("$metadata describes nothing; this is not the answer of 1C.")
    return target.found


class _Target:
    """Takes elements from the parser and keeps the properties of the wanted types."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.found: dict[str, dict[str, str]] = {}
        self.seen = 0
        self._wanted = wanted
        self._type: dict[str, str] | None = None

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """Refuse a DOCTYPE in any encoding."""
        raise Unavailable("$metadata carries a DOCTYPE, which 1C never sends; something between answers in its place.")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        name = tag.rpartition("}")[2]
        if name == "Property":
            if self._type is not None:
                self._type.setdefault(attributes.get("Name", ""), attributes.get("Type", ""))
        elif name in _TOP:
            self.seen += 1
            if name in _OURS and attributes.get("Name", "") in self._wanted:
                self._type = self.found.setdefault(attributes.get("Name", ""), {})

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if tag.rpartition("}")[2] in _OURS:
            self._type = None

    def close(self) -> None:
        """Take the end of the document."""
