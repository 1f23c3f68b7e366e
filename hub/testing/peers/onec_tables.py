"""A person who saves lists from 1C as .xlsx: titles above the headings, groups, a size that is not true."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from hub.model.connector import Command
from hub.testing.peer import Fault

HEADINGS = ("Наименование", "ИНН", "КПП", "Телефон", "Код", "Комментарий")
STREAMS: Mapping[str, Any] = {
    "clients": {
        "file": "Контрагенты*.xlsx",
        "key": "Код",
        "kind": "client",
        "fields": {"name": "Наименование", "inn": "ИНН", "kpp": "КПП", "phone": "Телефон", "note": "Комментарий"},
    }
}
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_BOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """Return an .xlsx file as 1C writes it; a cell is text, a number, a truth, `None`, or `#REF!` and the like."""
    numbered = list(enumerate(sheets, 1))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_BOOK_TYPE}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_BOOK_TYPE}.worksheet+xml"/>'
            for number, _ in numbered
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>'
        + "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, name in numbered)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
        )
        + "</Relationships>",
    }
    parts |= {f"xl/worksheets/sheet{n}.xml": _sheet(sheets[name]) for n, name in numbered}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return file.getvalue()


def _sheet(rows: Sequence[Sequence[object]]) -> str:
    lines = ""
    for number, row in enumerate(rows, 1):
        cells = "".join(_cell(f"{_column(place)}{number}", value) for place, value in enumerate(row))
        lines += f'<row r="{number}">{cells}</row>'
    return f'<worksheet xmlns="{_MAIN}"><dimension ref="A1"/><sheetData>{lines}</sheetData></worksheet>'


def _cell(place: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float | Decimal):
        return f'<c r="{place}"><v>{value}</v></c>'
    text = escape(str(value))
    if text.startswith("#"):
        return f'<c r="{place}" t="e"><v>{text}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _column(place: int) -> str:
    return (chr(64 + place // 26) if place >= 26 else "") + chr(65 + place % 26)


class TablesPeer:
    """A folder with the list of clients, saved anew whenever something changes."""

    streams: ClassVar[Sequence[str]] = tuple(STREAMS)
    removable: ClassVar[Collection[str]] = frozenset(STREAMS)
    faults: ClassVar[Collection[Fault]] = frozenset({"down", "cut", "garbage"})

    def __init__(self) -> None:
        self.rows: dict[str, list[object]] = {}
        self._number = 0
        self._trouble: Fault | None = None

    def start(self) -> None:
        """Save an empty list."""
        self._temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self._temporary.name, "lists")
        self.folder.mkdir()
        self.save()

    def stop(self) -> None:
        """Remove everything."""
        self._temporary.cleanup()

    def settings(self) -> Mapping[str, str]:
        """Return the settings of a connection."""
        return {"folder": str(self.folder), "streams": json.dumps(STREAMS)}

    def add(self, stream: str, count: int = 1) -> list[str]:
        """Add clients."""
        assert stream == "clients"
        added = []
        for _ in range(count):
            self._number += 1
            key = f"{self._number:09d}"
            self.rows[key] = [f"Школа № {self._number}", 2463000001, 246301001, "200-00-01", key, None]
            added.append(key)
        self.save()
        return added

    def change(self, stream: str, external_id: str) -> None:
        """Write a comment into one row."""
        assert stream == "clients"
        self._number += 1
        self.rows[external_id][-1] = f"изменено {self._number}"
        self.save()

    def remove(self, stream: str, external_id: str) -> None:
        """Take one row out."""
        assert stream == "clients"
        del self.rows[external_id]
        self.save()

    def fault(self, name: Fault | None) -> None:
        """Make the trouble named, or none from now on."""
        away = self.folder.with_suffix(".away")
        if self._trouble == "down" and name != "down":
            away.rename(self.folder)
        elif name == "down" and self._trouble != "down":
            self.folder.rename(away)
        self._trouble = name
        self.save()

    def logins(self) -> int:
        """Return how often credentials were refused: a folder has none."""
        return 0

    def command(self) -> Command | None:
        """Return nothing: the connector does not write."""
        return None

    def effects(self, command: Command) -> int:  # noqa: ARG002 - no command has one
        """Return nothing for the same reason."""
        return 0

    def save(self) -> None:
        """Write the list as it would be found now."""
        if self._trouble == "down":
            return
        title: list[list[object]] = [["Контрагенты"], [], ["Отбор: Не помечены на удаление"]]
        content = workbook({"Лист_1": [*title, list(HEADINGS), ["Группа: Школы"], *self.rows.values()]})
        if self._trouble == "cut":
            content = content[: len(content) // 2]
        elif self._trouble == "garbage":
            content = "<!DOCTYPE html><html><body>Войдите в систему</body></html>".encode()
        path = self.folder / "Контрагенты.xlsx"
        path.write_bytes(content)
        os.utime(path)
