"""`hub document template`: lists fields, finds what is wrong and where, tries a template; no number is taken by it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from click.testing import CliRunner
from PIL import Image

from hub.cli import cli
from hub.store import documents as rows


def hub(firm: Any, *arguments: str) -> Any:
    return CliRunner().invoke(cli, ["--config", str(firm.folder / "hub.yaml"), *arguments])


def test_fields_and_kinds_are_listed(firm: Any) -> None:
    shown = json.loads(hub(firm, "document", "template", "list", "act", "--json").output)
    named = {it["field"]: it["example"] for it in shown}
    assert {"client.name", "lines[].title", "total_words", "mark"} <= set(named)
    assert all(len(line) <= 80 for line in hub(firm, "document", "template", "list").output.splitlines())


def picture_less() -> bytes:
    """Return a Word file whose picture was taken out of it."""
    image = io.BytesIO()
    Image.new("RGB", (9, 9)).save(image, "PNG")
    made = docx.Document()
    made.add_paragraph("{{ number }}")
    made.add_picture(image)
    packed, cut = io.BytesIO(), io.BytesIO()
    made.save(packed)
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(cut, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if "media/" not in name:
                new.writestr(name, old.read(name))
    return cut.getvalue()


def outside() -> bytes:
    """Return a Word file that loads a picture from a place of the machine."""
    packed, made = io.BytesIO(), io.BytesIO()
    docx.Document().save(packed)
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/_rels/document.xml.rels":
                link = (
                    b'<Relationship Id="rIdX" TargetMode="External" Target="file:///etc/passwd" '
                    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"/></Relationships>'
                )
                content = content.replace(b"</Relationships>", link)
            new.writestr(name, content)
    return made.getvalue()


WRONG: list[tuple[str, list[str] | bytes, str]] = [
    ("a name", ["ok", "\f", "{{ client.nam }}"], "page 2, paragraph 3: {{ client.nam }}: there is no `client.nam`"),
    ("what is meant", ["{{ client.nam }}"], "did you mean `client.name`?"),
    ("a name in a loop", ["{% for line in lines %}{{ line.titel }}{% endfor %}"], "did you mean `line.title`?"),
    ("an attack", ["{{ ''.__class__ }}"], "page 1, paragraph 1: {{ ''.__class__ }}: it reaches into the program"),
    ("a file", ["{% include '/etc/passwd' %}"], "a template loads no other files"),
    ("an open loop", ["{% for line in lines %}"], "page 1, paragraph 1: {% for line in lines %}: it is never closed"),
    ("a huge loop", ["{% for a in range(99999999) %}x{% endfor %}"], "paragraph 1"),
    ("a picture", picture_less(), "page 1, paragraph 2: a picture stands here that is not in the file"),
    ("a place of the machine", outside(), "it loads a image from outside (file:///etc/passwd)"),
    ("no archive", b"PK\x03\x04 no archive", "is not a whole Word or zip file"),
]  # fmt: skip


def test_what_is_wrong_is_named_with_its_place(firm: Any, make_word: Callable[..., bytes]) -> None:
    """Attacks and slips, each with the place where it stands."""
    path = firm.folder / "act.docx"
    for what, content, words in WRONG:
        path.write_bytes(content if isinstance(content, bytes) else make_word(*content))
        done = hub(firm, "document", "template", "check", str(path))
        said = str(done.exception)
        assert done.exit_code == 1, what
        assert words in said, f"{what}: {said}"
    path.write_bytes(make_word("{{ heading }}{% if no_such is defined %}{{ no_such }}{% endif %}", "{{ total_words }}"))
    done = hub(firm, "document", "template", "check", str(path))
    assert (done.exit_code, done.exception) == (0, None)


def test_a_template_is_tried_for_a_client(firm: Any, read_word: Callable[[Path], str]) -> None:
    path = firm.template("act.docx", "{{ heading }}", "{{ client.name }}, {{ client.inn }}")
    done = hub(firm, "document", "template", "try", str(path), "--client", "2466001236")
    assert done.exit_code == 0, done.output
    shown = read_word(firm.folder / "templates" / "act-draft.docx")
    assert "№ черн-1 от" in shown
    assert "МБОУ «Средняя школа № 5», 2466001236" in shown
    with firm.store.read() as connection:
        assert rows.listed(connection) == []
    (firm.folder / "templates" / "act-draft.docx").unlink()
    assert hub(firm, "document", "template", "check", str(firm.folder / "list.txt"), "--kind", "act").exit_code == 1


@pytest.mark.parametrize("kind", ["act", "offer"])
def test_the_built_in_template_can_be_taken_and_put_back(firm: Any, kind: str) -> None:
    """What is written passes its own check, also in the folder of templates."""
    ending = "xlsx" if kind == "offer" else "docx"
    path = firm.folder / f"{kind}.{ending}"
    assert hub(firm, "document", "template", "write", kind, str(path)).exit_code == 0
    assert hub(firm, "document", "template", "check", str(path)).exit_code == 0
    assert hub(firm, "document", "template", "write", kind, str(path)).exit_code == 1
