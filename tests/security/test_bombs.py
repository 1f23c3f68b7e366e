"""S-05, B-21, L11, L12: bombs are opened in a process that may take little memory, and harm nothing there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOM = 100
CHILD = """
import io, json, os, resource, sys, zipfile
from pathlib import Path
from hub.documents.limits import check_archive
from hub.model.errors import HubError
from hub_onec_services.table_settings import Table
from hub_onec_services.workbook import open_sheet
from openpyxl import Workbook

book, packed = Workbook(), io.BytesIO()
for row in (["A", "B"], ["1", "x"]):
    book.active.append(row)
book.save(packed)
parts = {it: zipfile.ZipFile(packed).read(it) for it in zipfile.ZipFile(packed).namelist()}
ROW = '<row><c t="inlineStr"><is><t>%d</t></is></c><c t="inlineStr"><is><t>' + "x" * 30_000 + "</t></is></c></row>"

def archive(name, pieces):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as written:
        for known, content in parts.items():
            if known != name:
                written.writestr(known, content)
        with written.open(name, "w") as part:
            for piece in pieces:
                part.write(piece)
    return made.getvalue()

def rows():
    head, tail = parts["xl/worksheets/sheet1.xml"].split(b"</sheetData>")
    yield head
    for number in range(5000):
        yield (ROW % number).encode()
    yield b"</sheetData>" + tail

def texts():
    yield b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    for number in range(5000):
        yield b"<si><t>" + b"x" * 30_000 + b"</t></si>"
    yield b"</sst>"

def nested():
    inner = archive("big", [bytes(1 << 20)] * 150)
    return archive("inner.zip", [inner])

def lying():
    content = bytearray(archive("word/document.xml", [bytes(1 << 20)] * 150))
    place = content.rindex(b"word/document.xml") - 46
    content[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    return bytes(content)

def check(content):
    check_archive(content, "a.docx")

def read_sheet(content):
    table = Table.model_validate({"file": "*.xlsx", "key": "A", "columns": "B"})
    with open_sheet("a.xlsx", content, table) as sheet:
        return sum(1 for _ in sheet.lines())

BOMBS = {
    "150 MB in cells": (read_sheet, archive("xl/worksheets/sheet1.xml", rows())),
    "150 MB of shared texts": (read_sheet, archive("xl/sharedStrings.xml", texts())),
    "150 MB in a document": (check, archive("word/document.xml", [bytes(1 << 20)] * 150)),
    "a lie about the size": (check, lying()),
    "an archive in an archive": (check, nested()),
}
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (int(sys.argv[1]) << 20),) * 2)
said = {}
for name, (read, content) in BOMBS.items():
    try:
        said[name] = str(read(content))
    except HubError as error:
        said[name] = f"refused: {error}"
try:
    bytearray(150 << 20)
    said["control"] = "there was room"
except MemoryError:
    said["control"] = "no room"
print(json.dumps(said))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux only")
def test_bombs_fit_into_little_memory_or_are_refused() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(ROOM)], capture_output=True, text=True, timeout=120, env=env, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said.pop("control") == "no room"
    assert said.pop("150 MB in cells") == "5001"
    assert said.pop("an archive in an archive") == "None", "what lies inside stays closed"
    assert [name for name, words in said.items() if not words.startswith("refused: a.")] == []
    assert len(said) == 3
