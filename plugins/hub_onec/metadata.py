"""Read what is needed of `$metadata`, which is 15-30 MB in a real base: parsed as a stream, freed as it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from io import BytesIO

from lxml import etree

from hub.api import Unavailable

Types = Mapping[str, Mapping[str, str]]
"""Entity and complex types by name: property → its Edm type."""

_TOP = tuple(
    f"{{*}}{name}"
    for name in (
        "EntityType",
        "ComplexType",
        "EnumType",
        "Association",
        "EntitySet",
        "AssociationSet",
        "FunctionImport",
    )
)
_OURS = frozenset({"EntityType", "ComplexType"})


def parse_metadata(content: bytes, wanted: Collection[str]) -> Types:
    """Return the wanted types. A name that occurs twice is merged. Raises Unavailable for what is not whole EDMX."""
    if b"<!DOCTYPE" in content:
        raise Unavailable("$metadata carries a DOCTYPE, which 1C never sends; something between answers in its place.")
    found: dict[str, dict[str, str]] = {}
    seen = 0
    try:
        for element in _elements(content):
            seen += 1
            name = element.get("Name", "")
            if name in wanted and etree.QName(element).localname in _OURS:
                properties = found.setdefault(name, {})
                for child in element.iterfind("{*}Property"):
                    properties.setdefault(child.get("Name", ""), child.get("Type", ""))
    except etree.XMLSyntaxError as error:
        raise Unavailable(f"$metadata breaks off or is damaged at line {error.lineno}.") from error
    if not seen:
        raise Unavailable("$metadata describes nothing; this is not the answer of 1C.")
    return found


def _elements(content: bytes) -> Iterator[etree._Element]:
    for _, element in etree.iterparse(
        BytesIO(content), events=("end",), tag=_TOP, resolve_entities=False, no_network=True, load_dtd=False
    ):
        yield element
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]
