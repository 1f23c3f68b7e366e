"""The words of an HTML mail, simply: what a person would read, block by block, with quotes marked as in plain text.

This is how HTML is made safe: nothing of it but words is kept, so there is nothing to run and nothing to fetch.

Tags are cut out and never built into a tree: a tag with 100 000 attributes holds a parser up for a minute, and nesting
of some hundred levels loses the text behind it. Every pattern here passes once over the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from hub.mail.quotes import CUT

MOST_HTML = 1024 * 1024
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg"})
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"})
_LINES = _PARAGRAPHS | {"address", "article", "dd", "div", "dl", "dt", "footer", "header", "li", "section", "tr"}
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<raw>script|style|title)\b.*?(?:</(?P=raw)\b[^>]*+>?|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-z][^\s/>]*+)(?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+>?"
    r"|<[!?/][^>]*+>?",
    re.DOTALL | re.IGNORECASE,
)
_CONTAINER = re.compile(r"\b(class|id|name|data-signature-widget)\s*+=\s*+[\"']?([\w -]{1,80})", re.IGNORECASE)
_COPIES = frozenset({"divrplyfwdmsg", "appendonsend", "yahoo_quoted", "ms-outlook-mobile-reference-message"})
_SIGNATURES = frozenset({"gmail_signature", "moz-signature", "signature", "mail-signature", "mailsignature"})
_DEEPER, _HIGHER = "\ue001", "\ue002"
_OWN_MARKS = str.maketrans("", "", CUT + _DEEPER + _HIGHER)


def html_to_text(html: str) -> str:
    """Return the text of an HTML page; of a page beyond a mebibyte its beginning."""
    html = html[:MOST_HTML]
    pieces: list[str] = []
    silent: set[str] = set()
    place = 0
    for markup in _MARKUP.finditer(html):
        if not silent:
            _say(pieces, html[place : markup.start()])
        place = markup.end()
        name, is_start = (markup["name"] or "").lower(), not markup["close"]
        if name == "body":
            silent.clear()
        elif name in _SILENT and is_start:
            silent.add(name)
        else:
            silent.discard(name)
        _part(pieces, name, is_start=is_start)
        if is_start and name in ("div", "blockquote", "hr", "table", "span", "pre", "a", "p"):
            _mark(pieces, markup[0])
    if not silent:
        _say(pieces, html[place:])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_lines("".join(pieces)))).strip()


def _lines(text: str) -> Iterator[str]:
    depth = 0
    for piece in text.split("\n"):
        line = " ".join(piece.split())
        if line in (_DEEPER, _HIGHER):
            depth = max(0, depth + (1 if line == _DEEPER else -1))
        else:
            yield f"{'> ' * min(depth, 5)}{line}".rstrip()


def _mark(pieces: list[str], tag: str) -> None:
    """Note where a known mail program begins the copy of a letter or a signature."""
    for found in _CONTAINER.finditer(tag[:2000]):
        names = {*found[2].lower().split()}
        if names & _COPIES:
            pieces.append(f"\n{CUT}\n")
        elif names & _SIGNATURES or found[1].lower() == "data-signature-widget":
            pieces.append("\n--\n")


def _say(pieces: list[str], raw: str) -> None:
    text = re.sub(r"\s+", " ", unescape(raw)).translate(_OWN_MARKS)
    if text and (text != " " or not _ends_line(pieces)):
        pieces.append(text)


def _part(pieces: list[str], name: str, *, is_start: bool) -> None:
    if name in _LINES and not _ends_line(pieces):
        pieces.append("\n")
    if name == "blockquote":
        pieces.append(f"{_DEEPER if is_start else _HIGHER}\n")
    if (name == "br" and is_start) or (name in _PARAGRAPHS and not is_start):
        pieces.append("\n")
    if name in ("td", "th") and not is_start:
        pieces.append("\t")


def _ends_line(pieces: list[str]) -> bool:
    return bool(pieces) and pieces[-1].endswith("\n")
