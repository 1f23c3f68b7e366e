"""The words of an HTML mail, simply: what a person would read, block by block.

Tags are cut out and never built into a tree: a tag with 100 000 attributes holds a parser up for a minute, and nesting
of some hundred levels loses the text behind it. Every pattern here passes once over the text.
"""

from __future__ import annotations

import re
from html import unescape

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
    if not silent:
        _say(pieces, html[place:])
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _say(pieces: list[str], raw: str) -> None:
    text = re.sub(r"\s+", " ", unescape(raw))
    if text and (text != " " or not _ends_line(pieces)):
        pieces.append(text)


def _part(pieces: list[str], name: str, *, is_start: bool) -> None:
    if name in _LINES and not _ends_line(pieces):
        pieces.append("\n")
    if (name == "br" and is_start) or (name in _PARAGRAPHS and not is_start):
        pieces.append("\n")
    if name in ("td", "th") and not is_start:
        pieces.append("\t")


def _ends_line(pieces: list[str]) -> bool:
    return bool(pieces) and pieces[-1].endswith("\n")
