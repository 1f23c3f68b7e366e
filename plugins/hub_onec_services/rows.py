"""Rows out of answers: names with points between them lead through JSON and XML to the rows and to their values."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from lxml import etree
from msgspec import Raw

from hub.api import BadRecord, SettingsError, Unavailable

XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_raw_object = msgspec.json.Decoder(dict[str, Raw])
_raw_list = msgspec.json.Decoder(list[Raw])
_MOST_NAMES = 20


def parse_xml(content: bytes, what: str) -> Any:
    """Parse XML without entities, document types and network. Raises Unavailable for anything that is not whole."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser=parser)
    except etree.XMLSyntaxError as error:
        raise Unavailable(f"{what} is not whole XML: {str(error)[:120]}.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unavailable(f"{what} brings a document type of its own, which is refused.")
    return root


def xml_rows(holder: Any, path: Sequence[str], what: str) -> list[bytes]:
    """Return the elements at the end of the path, each as XML of its own; text that is JSON or XML is gone into.

    Raises SettingsError when the first name is not there, because then the path is wrong and nothing is empty.
    """
    if not path:
        return [_bytes(child) for child in _children(holder)]
    names = sorted({_name(child) for child in _children(holder)})
    if path[0] not in names:
        raise SettingsError(
            f"{what} has no {path[0]}; it has {', '.join(names[:_MOST_NAMES]) or 'nothing'}.", field="streams"
        )
    level = [holder]
    for place, name in enumerate(path):
        level = [child for element in level for child in _children(element) if _name(child) == name]
        if len(level) == 1 and not len(level[0]) and (text := (level[0].text or "").strip())[:1] in ("{", "[", "<"):
            rest = path[place + 1 :]
            if text[0] == "<":
                return xml_rows(parse_xml(text.encode(), f"the text in {name} of {what}"), rest, what)
            return json_rows(text.encode(), rest, what)
    return [_bytes(element) for element in level if not _is_nil(element)]


def json_rows(content: bytes, path: Sequence[str], what: str) -> list[bytes]:
    """Return the objects of the list at the end of the path, as received; `null` is an empty list.

    Raises SettingsError when a name is not there, Unavailable when the text is not whole JSON.
    """
    try:
        for name in path:
            if content.strip() == b"null":
                return []
            found = _raw_object.decode(content)
            if name not in found:
                names = ", ".join(sorted(found)[:_MOST_NAMES]) or "nothing"
                raise SettingsError(f"{what} has no {name}; it has {names}.", field="streams")
            content = bytes(found[name])
        if content.strip() == b"null":
            return []
        return [bytes(raw) for raw in _raw_list.decode(content)]
    except msgspec.ValidationError as error:
        raise SettingsError(f"{what} has no list of rows there: {error}.", field="streams", hint="Set rows.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unavailable(f"{what} breaks off or is damaged JSON: {str(error)[:120]}.") from error


def xml_text(holder: Any, path: Sequence[str], what: str) -> str:
    """Return the text of the one element at the end of the path, empty for nil. Raises SettingsError for none."""
    for name in path:
        found = [child for child in _children(holder) if _name(child) == name]
        if len(found) != 1:
            names = ", ".join(sorted({_name(child) for child in _children(holder)})[:_MOST_NAMES]) or "nothing"
            raise SettingsError(f"{what} has not one {name}; it has {names}.", field="streams")
        holder = found[0]
    if len(holder):
        raise SettingsError(f"{what} has no text there but rows.", field="streams", hint="Leave `columns` out.")
    return str(holder.text or "")


def text_rows(text: str, columns: Sequence[str], separator: str, what: str) -> list[bytes]:
    """Return the lines of a text as JSON objects; with `*` for columns the first line names them.

    A value may hold the separator when it stands in double quotes. A line with another number of values is passed on
    as it is, and parked later: what people typed must not move values of one row into another.
    """
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    if list(columns) == ["*"]:
        columns = [name.strip() for name in lines[0].rstrip(separator).split(separator)] if lines else []
        lines = lines[1:]
        if len(set(columns)) != len(columns) or not all(columns):
            raise SettingsError(f"{what} does not name its columns in the first line.", field="streams")
    rows: list[dict[str, str] | str] = []
    for line in lines:
        values = _split(line, separator, len(columns))
        rows.append(line if values is None else dict(zip(columns, values, strict=True)))
    return [msgspec.json.encode(row) for row in rows]


def _split(line: str, separator: str, count: int) -> list[str] | None:
    """Return the values of a line, `None` when their number is another one."""
    plain = line.split(separator)
    (quoted,) = csv.reader([line], delimiter=separator)
    for values in (plain, quoted):
        if len(values) == count + 1 and not values[-1].strip():
            values.pop()
        if len(values) == count:
            return [_unquoted(value.strip()) for value in values]
    return None


def _unquoted(value: str) -> str:
    inside = value[1:-1]
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"' and '"' not in inside.replace('""', "")
    return inside.replace('""', '"') if is_quoted else value


class Values:
    """The values of one row by name, of JSON or XML. Raises BadRecord when the row is neither."""

    def __init__(self, payload: bytes) -> None:
        self._json: Any = None
        self._xml: Any = None
        try:
            if payload[:1] == b"<":
                self._xml = parse_xml(payload, "The row")
            else:
                self._json = json.loads(payload, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            raise BadRecord(f"The row is damaged JSON: {str(error)[:120]}.") from error
        except Unavailable as error:
            raise BadRecord(str(error)) from error
        if self._xml is None and not isinstance(self._json, dict):
            raise BadRecord("The row is no object with named values.")

    def get(self, name: str) -> str | None:
        """Return the text under a name; points lead into what is nested, `@` to an attribute, `.` is the row itself."""
        path = [part for part in name.split(".") if part]
        return _in_json(self._json, path) if self._xml is None else _in_xml(self._xml, path)


def _in_json(value: Any, path: Sequence[str]) -> str | None:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _in_xml(element: Any, path: Sequence[str]) -> str | None:
    for part in path:
        if part.startswith("@"):
            return _attribute(element, part[1:])
        element = next((child for child in _children(element) if _name(child) == part), None)
        if element is None:
            return None
    return None if _is_nil(element) or len(element) else str(element.text or "")


def _attribute(element: Any, name: str) -> str | None:
    for key, value in element.attrib.items():
        if etree.QName(key).localname == name:
            return str(value)
    return None


def _bytes(element: Any) -> bytes:
    made: bytes = etree.tostring(element, encoding="utf-8", xml_declaration=False, with_tail=False)
    return made


def _is_nil(element: Any) -> bool:
    """Tell whether an element says that there is no value, or says nothing at all."""
    return element.get(XSI_NIL) in ("true", "1") or not (len(element) or element.attrib or (element.text or "").strip())


def _children(element: Any) -> Iterator[Any]:
    return (child for child in element if isinstance(child.tag, str))


def _name(element: Any) -> str:
    return str(etree.QName(element).localname)
