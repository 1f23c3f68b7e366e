"""Where something stands in a Word template, and what is wrong there before anything is filled."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from hub.documents.tags import Look

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_BLIP = "{http://schemas.openxmlformats.org/drawingml/2006/main}blip"
_PARTS = re.compile(r"word/(document|header\d*|footer\d*|footnotes)\.xml")
_NAMES = {"header": "page header", "footer": "page footer", "footnotes": "footnotes"}
_HARMLESS = ("hyperlink", "attachedTemplate")


def wrong_in(template: bytes, values: Mapping[str, Any], trouble: str = "") -> str:
    """Return what is wrong in a Word template, each with its place, or an empty string.

    `trouble` is what filling it said; tags that may be meant are put beside it.
    """
    look = Look(values)
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        for name in sorted(archive.namelist()):
            if found := _PARTS.fullmatch(name):
                _read_part(archive, name, _NAMES.get(found[1].rstrip("0123456789"), ""), look)
    look.end()
    return look.verdict(trouble)


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def _read_part(archive: zipfile.ZipFile, name: str, title: str, look: Look) -> None:
    root = etree.fromstring(archive.read(name), parser=_parser())
    targets = _targets(archive, name)
    for paragraph, place in _paragraphs(root, title):
        look.read("".join(_texts(paragraph)), place)
        for blip in paragraph.iter(_BLIP):
            for link in ("embed", "link"):
                key = blip.get(f"{_R}{link}")
                if key and (key not in targets or targets[key] not in archive.namelist()):
                    look.wrong.append(f"{place}: a picture stands here that is not in the file")
    for kind, target in _foreign(archive, name):
        look.wrong.append(f"{name}: it loads a {kind} from outside ({target[:80]}), which no template may")


def _paragraphs(root: Any, title: str) -> Iterator[tuple[Any, str]]:
    """Yield each paragraph with its place as a person would look for it."""
    page, outside = 1, 0
    tables: list[Any] = []
    for node in root.iter(f"{_W}p", f"{_W}tbl", f"{_W}lastRenderedPageBreak", f"{_W}br"):
        if node.tag == f"{_W}tbl":
            tables.append(node)
        elif node.tag == f"{_W}lastRenderedPageBreak" or node.get(f"{_W}type") == "page":
            page += 1
        elif node.tag == f"{_W}p":
            head = title or f"page {page}"
            cell = next(node.iterancestors(f"{_W}tc"), None)
            if cell is None:
                outside += 1
                yield node, f"{head}, paragraph {outside}"
            else:
                row = next(cell.iterancestors(f"{_W}tr"))
                table = next(row.iterancestors(f"{_W}tbl"))
                place = list(table.iter(f"{_W}tr")).index(row) + 1
                column = row.findall(f".//{_W}tc").index(cell) + 1
                yield node, f"{head}, table {tables.index(table) + 1}, row {place}, cell {column}"


def _texts(paragraph: Any) -> Iterator[str]:
    for node in paragraph.iter(f"{_W}t", f"{_W}tab", f"{_W}br"):
        if next(node.iterancestors(f"{_W}p"), None) is paragraph:
            yield node.text or "" if node.tag == f"{_W}t" else " "


def _relations(archive: zipfile.ZipFile, name: str) -> Iterator[Mapping[str, str]]:
    folder, _, file = name.rpartition("/")
    listed = f"{folder}/_rels/{file}.rels"
    if listed in archive.namelist():
        for node in etree.fromstring(archive.read(listed), parser=_parser()):
            yield {key: str(value) for key, value in node.attrib.items()}


def _targets(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    folder = name.rpartition("/")[0]
    return {
        it.get("Id", ""): posixpath.normpath(posixpath.join("/", folder, it.get("Target", ""))).lstrip("/")
        for it in _relations(archive, name)
        if it.get("TargetMode") != "External"
    }


def _foreign(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, str]]:
    for it in _relations(archive, name):
        kind = it.get("Type", "").rpartition("/")[2]
        if it.get("TargetMode") == "External" and kind not in _HARMLESS:
            yield kind or "file", it.get("Target", "")
