"""S-04, B-04: XML and HTML from other systems: no bomb, no file, no request, no minute of silence.

Seen failing: `$metadata` in UTF-16 with a DOCTYPE was read; a million elements took 1 GB; one HTML tag of 100 000
attributes took 68 s; `[` a hundred thousand times in a rule file ended the process by SIGSEGV.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.api import Unavailable, read_mail
from hub.mail.html_text import html_to_text
from hub.model.errors import SettingsError
from hub.yaml_text import load
from hub_onec.metadata import parse_metadata

SECONDS = 20
TYPE = '<EntityType Name="A"><Property Name="{name}" Type="x">{text}</Property></EntityType>'
LAUGHS = "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
DOCTYPES = {
    "laughs": f'<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa">{LAUGHS}]>',
    "quadratic": f'<!DOCTYPE e [<!ENTITY i "{"x" * 100_000}">]>',
    "file": '<!DOCTYPE e [<!ENTITY i SYSTEM "file://{file}">]>',
    "http": '<!DOCTYPE e [<!ENTITY i SYSTEM "{url}/e">]>',
    "parameter": '<!DOCTYPE e [<!ENTITY % p SYSTEM "{url}/p">%p;]>',
    "external": '<!DOCTYPE e SYSTEM "{url}/d.dtd">',
    "bare": "<!DOCTYPE e>",
}


def quick(act: Callable[[], Any]) -> Any:
    """Return what the act gives; it must not take long."""
    began = time.monotonic()
    try:
        return act()
    finally:
        assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "iso-8859-5"])
@pytest.mark.parametrize("attack", sorted(DOCTYPES))
def test_document_type_is_refused_in_every_encoding(trap: Any, tmp_path: Path, attack: str, encoding: str) -> None:
    """L1, L2."""
    secret = tmp_path / "secret"
    secret.write_text("the-text-of-a-secret-file")
    doctype = DOCTYPES[attack].replace("{file}", str(secret)).replace("{url}", trap.url)
    head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-be")}"?>'
    body = TYPE.format(name="&i;" if attack in ("laughs", "quadratic") else "n", text="&i;&i;")
    content = f"{head}{doctype}<e>{body}</e>".encode(encoding)
    with pytest.raises(Unavailable, match=r"DOCTYPE|damaged") as caught:
        quick(lambda: parse_metadata(content, {"A"}))
    assert "the-text" not in str(caught.value)
    assert trap.asked == []


def test_control_the_same_document_without_it_is_read() -> None:
    content = f"<e>{TYPE.format(name='n', text='')}</e>"
    assert (
        parse_metadata(content.encode("utf-16"), {"A"}) == parse_metadata(content.encode(), {"A"}) == {"A": {"n": "x"}}
    )


@pytest.mark.parametrize(
    "content",
    [
        b"<e>" * 10_000,
        b"<e>" + b"<a>" * 300 + b"</a>" * 300 + b"</e>",
        b"<x:e/>",
        b"<e>&#x8;</e>",
        b"<e>\0</e>",
        b'<e xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd" parse="text"/></e>',
        b'<?xml-stylesheet href="file:///etc/passwd"?><e/>',
        b"<e a='" + b"x" * 11_000_000 + b"'/>",
        b"\xff\xfe" * 9,
        b"<",
        b" ",
    ],
    ids=range(11),
)
def test_damaged_metadata_is_one_clear_error(content: bytes) -> None:
    """L3."""
    with pytest.raises(Unavailable):
        quick(lambda: parse_metadata(content, {"A"}))


def test_a_hundred_thousand_attributes_are_quick() -> None:
    many = " ".join(f'a{number}="x"' for number in range(100_000))
    quick(lambda: parse_metadata(f'<e><EntityType Name="A" {many}/></e>'.encode(), {"A"}))


_WEIGH = """
import resource, sys
from hub_onec.metadata import parse_metadata
parse_metadata(b'<e><EntityType Name="A"/></e>', {"A"})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
parse_metadata(b'<e><EntityType Name="A">' + b'<Property Name="a"/>' * 500_000 + b'</EntityType></e>', {"A"})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_million_elements_do_not_fill_the_memory() -> None:
    """S-05."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run([sys.executable, "-c", _WEIGH], capture_output=True, check=True, timeout=60, env=env)
    assert int(done.stdout) < 100  # MB; a tree takes 500


MANY = " ".join(f"a{number}=1" for number in range(100_000))


@pytest.mark.parametrize(
    "page",
    [
        f"<div {MANY}>x",
        f'<div q=">" {MANY}>x',
        f'<div " {MANY}>x',
        f"<div x='<' {MANY}>x",
        *(
            unit * (1_000_000 // len(unit)) + "x"
            for unit in (
                "<div>",
                "<b>",
                "<",
                "<!--",
                "<!",
                "</",
                '<a "',
                "<a '",
                "<script",
                "<script>",
                "<script></",
                "&lt;",
                "&#",
                "<table><tr><td>",
                "<head>",
                "<object>",
                '<a b="',
                '"',
                "<p>x",
                "<svg><object>",
                "</svg>",
            )
        ),
        "<object>" * 60_000 + "</svg>" * 70_000,
    ],
    ids=lambda page: page[:12] + str(len(page)),
)
def test_no_page_holds_a_mailbox_up(page: str) -> None:
    quick(lambda: html_to_text(page))


def test_deep_nesting_loses_no_text() -> None:
    assert html_to_text("<div>" * 5000 + "Здравствуйте") == "Здравствуйте"


def test_pages_reach_for_nothing(trap: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the-text-of-a-secret-file")
    page = (
        f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{tmp_path}/secret"><!ENTITY b SYSTEM "{trap.url}/b">]><p>&a;&b;</p>'
        f'<img src="{trap.url}/i.png"><link rel=stylesheet href="{trap.url}/c.css"><iframe src="file://{tmp_path}/secret">'
        f'<script src="{trap.url}/s.js">alert(1)</script><a href="javascript:alert(2)">слово</a>'
    )
    letter = b"From: a@b.ru\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page.encode()
    text = read_mail(letter).text
    assert "слово" in text
    assert not [word for word in ("secret-file", "alert", "http:") if word in text]
    assert trap.asked == []


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "a: [", "[{a: "])
def test_deep_configurations_are_refused_and_kill_nobody(opening: str) -> None:
    """L30."""
    with pytest.raises(SettingsError, match=r"nested deeper|not readable|:1:"):
        quick(lambda: load(opening * (200_000 // len(opening)), "rules.yaml"))


def test_control_forty_levels_are_enough_and_allowed() -> None:
    assert load("a: " + "[" * 39 + "]" * 39, "rules.yaml").data["a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: 1\na: 2", "twice"),
        ("a:\n\tb: 1", ":2"),
        ("a: &x {b: 1}\nc: {<<: *x}", "key|aliases"),
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("&a [*a]", "aliases"),
        ("a: 1\n---\nb: 2", ":2"),
        ("x" * 1_100_000, "larger"),
    ],
)
def test_surprises_of_yaml_are_named(text: str, says: str) -> None:
    """B-06, L27, L28, L30."""
    with pytest.raises(SettingsError, match=says):
        load(text, "hub.yaml")


def test_scalars_stay_what_was_written() -> None:
    """L29."""
    read = load("kpp: 046501001\nno: no\ntime: 12:30\nbig: 123456789012345678901234567890", "hub.yaml").data
    assert read == {"kpp": "046501001", "no": "no", "time": "12:30", "big": "123456789012345678901234567890"}
