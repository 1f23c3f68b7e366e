"""PDF of own templates: which engine serves, that it is ended in time, and that what it makes is a PDF."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from pypdf import PdfReader

from hub.documents import pdf
from hub.documents.docx import Filler, fill_template
from hub.documents.forms import FORMS
from hub.model.errors import HubError

MAKES = 'echo "%PDF-1.7 stand-in" > "$5/document.pdf"\n'


@pytest.fixture
def soffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program called soffice on the path; it notes how it was called, then runs the lines given."""

    def write(lines: str) -> Path:
        place = tmp_path / "bin"
        place.mkdir(exist_ok=True)
        log = tmp_path / "calls"
        program = place / "soffice"
        program.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\necho $$ >> "{log}.pid"\nshift 3\n{lines}', "utf-8")
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
        return log

    return write


def lives(group: int) -> bool:
    """Tell whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def nothing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(pdf, "_PLACES", ())


def test_libreoffice_goes_first_with_a_profile_of_its_own(soffice: Callable[[str], Path]) -> None:
    log = soffice(MAKES)
    assert pdf.engine_of("auto") == "soffice"
    for _ in range(2):
        assert (pdf.convert(b"x", "docx", "auto") or b"").startswith(b"%PDF-")
    profiles = {line.split()[0] for line in log.read_text("utf-8").splitlines()}
    assert len(profiles) == 2, "two at once would wait for each other"
    assert all(it.startswith("-env:UserInstallation=file://") for it in profiles)
    assert pdf.convert(b"x", "xlsx", "soffice"), "workbooks too"


@pytest.mark.parametrize(
    ("lines", "words"),
    [("exit 3\n", "exit code 3"), ("exit 0\n", "made no PDF"), ("sleep 600 & wait\n", "within 3 seconds")],
)
def test_an_engine_that_fails_is_told(
    soffice: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, lines: str, words: str
) -> None:
    """A time limit holds, and what the engine started ends with it."""
    if "sleep" in lines:
        monkeypatch.setattr(pdf, "TIMEOUT_SECONDS", 3)
    log = soffice(lines)
    began = time.monotonic()
    with pytest.raises(HubError, match=words):
        pdf.convert(b"x", "docx", "auto")
    assert time.monotonic() - began < 20
    group = int(Path(f"{log}.pid").read_text("utf-8").split()[0])
    end = time.monotonic() + 10
    while lives(group) and time.monotonic() < end:
        time.sleep(0.02)
    assert not lives(group)


def test_without_an_engine_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing(monkeypatch, tmp_path)
    assert pdf.engine_of("soffice") == pdf.engine_of("typst") == ""
    assert pdf.convert(b"x", "docx", "soffice") is pdf.convert(b"x", "docx", "typst") is None


@pytest.mark.peer
@pytest.mark.skipif(pdf.engine_of("soffice") == "", reason="LibreOffice is not installed")
@pytest.mark.parametrize(
    ("kind", "words"),
    [("invoice", ("40702810900000000017", "12 400,00")), ("offer", ("8 450,50", "120 743,00", "152,5"))],
)
def test_the_real_libreoffice_makes_the_page(tmp_path: Path, kind: str, words: tuple[str, ...]) -> None:
    """Figures of a workbook are written as in Russia, whatever the locale of the server."""
    form = FORMS[kind]
    filled = fill_template(form.template(), {**form.sample_values(), "mark": "", "qr": ""})
    made = tmp_path / "made.pdf"
    made.write_bytes(pdf.convert(filled, "xlsx" if form.is_workbook else "docx", "soffice") or b"")
    text = " ".join(PdfReader(made).pages[0].extract_text().split())
    assert [it for it in words if it not in text] == []


@pytest.mark.skipif(find_spec("dxpdf") is None, reason="the extra `pdf` is not installed")
def test_dxpdf_makes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one: a filled invoice becomes a page with its words."""
    nothing(monkeypatch, tmp_path)
    form = FORMS["invoice"]
    with Filler() as filler:
        filled = filler.fill(form.template(), {**form.sample_values(), "mark": ""})
    assert pdf.engine_of("auto") == "dxpdf"
    assert pdf.convert(b"x", "xlsx", "auto") is None, "it reads Word alone"
    made = tmp_path / "made.pdf"
    made.write_bytes(pdf.convert(filled, "docx", "auto") or b"")
    text = PdfReader(made).pages[0].extract_text()
    assert "40702810900000000017" in text
    assert "Полярная сова" in text
    with pytest.raises(HubError, match=r"dxpdf failed|made no PDF"):
        pdf.convert(b"no archive", "docx", "auto")
