"""The words of an HTML mail, simply: what a person would read, block by block."""

from __future__ import annotations

import re

from lxml import etree

MOST_HTML = 1024 * 1024
_SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg"})
_BLOCKS = frozenset(
    {"address", "article", "blockquote", "br", "div", "dd", "dl", "dt", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul"}
)  # fmt: skip


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
        is_block, is_silent = element.tag in _BLOCKS, element.tag in _SILENT
        silent += is_silent if event == "start" else -is_silent
        if is_block:
            pieces.append("\n")
        elif event == "end" and element.tag in ("td", "th"):
            pieces.append("\t")
        text = element.text if event == "start" else element.tail
        if text and not silent:
            pieces.append(re.sub(r"\s+", " ", text))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
