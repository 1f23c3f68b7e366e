"""The words of an HTML mail, simply: what a person would read, block by block."""

from __future__ import annotations

import re

from lxml import etree

MOST_HTML = 1024 * 1024
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg"})
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"})
_LINES = _PARAGRAPHS | {"address", "article", "dd", "div", "dl", "dt", "footer", "header", "li", "section", "tr"}


def html_to_text(html: str) -> str:
    """Return the text of an HTML page; of a page beyond a mebibyte its beginning."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(html[:MOST_HTML].encode("utf-8", "replace"), parser)
    except etree.LxmlError:
        root = None
    if root is None:
        return ""
    pieces: list[str] = []
    silent = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        is_start = event == "start"
        if element.tag in _SILENT:
            silent += 1 if is_start else -1
        if element.tag in _LINES and not "".join(pieces[-1:]).endswith("\n"):
            pieces.append("\n")
        if (element.tag == "br" and is_start) or (element.tag in _PARAGRAPHS and not is_start):
            pieces.append("\n")
        if element.tag in ("td", "th") and not is_start:
            pieces.append("\t")
        text = re.sub(r"\s+", " ", (element.text if is_start else element.tail) or "")
        if text and not silent and (text != " " or not "".join(pieces[-1:]).endswith("\n")):
            pieces.append(text)
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
