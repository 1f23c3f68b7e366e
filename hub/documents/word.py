"""Write Word files part by part: paragraphs, tables of fixed widths, automatic numbers, a footer.

The built-in templates are made with it instead of being kept as files that nobody can read. Widths are in twentieths
of a point (1 mm is 56.7) and fixed, so that a 20-digit account stays on one line. Texts may hold docxtpl tags.
"""

from __future__ import annotations

import html
import io
import zipfile
from collections.abc import Sequence

_WORDS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")

WIDTH = 10092
"""From margin to margin of an upright page."""
WIDTH_FLIPPED = 15024
LINE = '<w:bottom w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
"""A line under a cell."""


def run(text: str, *, bold: bool = False, size: int = 0) -> str:
    """Return a piece of text; `size` is in half points."""
    look = ("<w:b/>" if bold else "") + (f'<w:sz w:val="{size}"/>' if size else "")
    shown = html.escape(text, quote=False).replace("\n", '</w:t><w:br/><w:t xml:space="preserve">')
    return f'<w:r>{f"<w:rPr>{look}</w:rPr>" if look else ""}<w:t xml:space="preserve">{shown}</w:t></w:r>'


def field(code: str) -> str:
    """Return a number that Word computes: PAGE, NUMPAGES."""
    return f'<w:fldSimple w:instr=" {code} ">{run("1", size=16)}</w:fldSimple>'


def paragraph(*runs: str, align: str = "", before: int = 0, line: str = "", keep: bool = False, level: int = -1,
              numbers: int = 1) -> str:  # fmt: skip
    """Return a paragraph; `line` draws one under it, `level` numbers it in the list `numbers`."""
    look = "<w:keepNext/>" if keep else ""
    if level >= 0:
        look += f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{numbers}"/></w:numPr>'
    if line:
        look += f'<w:pBdr><w:bottom w:val="single" w:sz="{line}" w:space="1" w:color="auto"/></w:pBdr>'
    look += f'<w:spacing w:before="{before}"/>' if before else ""
    look += f'<w:jc w:val="{align}"/>' if align else ""
    return f"<w:p>{f'<w:pPr>{look}</w:pPr>' if look else ''}{''.join(runs)}</w:p>"


def text(content: str, *, bold: bool = False, size: int = 0, align: str = "", before: int = 0) -> str:
    """Return a paragraph of one run."""
    return paragraph(run(content, bold=bold, size=size), align=align, before=before)


def tag(content: str) -> str:
    """Return a paragraph that only steers the template and leaves nothing: «if note», «endif»."""
    return paragraph(run("{%p " + content + " %}"))


def shown_if(name: str, *parts: str) -> str:
    """Return parts that stand only where a value is not empty."""
    return tag(f"if {name}") + "".join(parts) + tag("endif")


def page_break() -> str:
    """Begin a new page."""
    return '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'


def cell(width: int, *paragraphs: str, span: int = 1, down: str = "", border: str = "") -> str:
    """Return a cell; `down` is start or more where cells are joined downwards."""
    look = f'<w:tcW w:w="{width}" w:type="dxa"/>'
    look += f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    look += {"": "", "start": '<w:vMerge w:val="restart"/>', "more": "<w:vMerge/>"}[down]
    look += f"<w:tcBorders>{border}</w:tcBorders>" if border else ""
    return f"<w:tc><w:tcPr>{look}</w:tcPr>{''.join(paragraphs) or '<w:p/>'}</w:tc>"


def row(*cells: str, header: bool = False) -> str:
    """Return a row that is never torn by the end of a page; a header is repeated."""
    look = "<w:cantSplit/>" + ("<w:tblHeader/>" if header else "")
    return f"<w:tr><w:trPr>{look}</w:trPr>{''.join(cells)}</w:tr>"


def tag_row(content: str, widths: Sequence[int]) -> str:
    """Return a row that only steers the template: «for line in lines»."""
    first, *others = widths
    return row(cell(first, paragraph(run("{%tr " + content + " %}"))), *(cell(width) for width in others))


def table(widths: Sequence[int], *rows: str, lines: bool) -> str:
    """Return a table of fixed widths, with or without lines."""
    border = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>' for side in _SIDES)
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f"{f'<w:tblBorders>{border}</w:tblBorders>' if lines else ''}"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="85" w:type="dxa"/><w:right w:w="85" w:type="dxa"/>'
        f"</w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )


def listing(widths: Sequence[int], heads: Sequence[str], loop: str, cells: Sequence[str], aligns: Sequence[str]) -> str:
    """Return a table with a repeated head and one row for each item of a loop, «line in lines»; always in 9 points."""
    titles = (text(title, bold=True, size=18, align="center") for title in heads)
    head = (cell(width, title) for width, title in zip(widths, titles, strict=True))
    body = (
        cell(width, text("{{ " + name + " }}" if name else "", size=18, align=align))
        for width, name, align in zip(widths, cells, aligns, strict=True)
    )
    each = (tag_row(f"for {loop}", widths), row(*body), tag_row("endfor", widths))
    return table(widths, row(*head, header=True), *each, lines=True)


def document(title: str, *body: str, flipped: bool = False, font: str = "Arial", size: int = 18) -> bytes:
    """Return a whole Word file; the same parts give the same bytes. `title` names it, its footer counts the pages."""
    wide, high = (16838, 11906) if flipped else (11906, 16838)
    turned = ' w:orient="landscape"' if flipped else ""
    page = (
        f'<w:sectPr><w:footerReference w:type="default" r:id="rId2"/><w:pgSz w:w="{wide}" w:h="{high}"{turned}/>'
        '<w:pgMar w:top="794" w:right="680" w:bottom="1021" w:left="1134" w:header="567" w:footer="567" w:gutter="0"/>'
        "</w:sectPr>"
    )
    footer = paragraph(run("{{ heading }}, стр. ", size=16), field("PAGE"), run(" из ", size=16), field("NUMPAGES"))
    parts = {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_LINKS}/officeDocument" Target="word/document.xml"/>'
            f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/></Relationships>'
        ),
        "docProps/core.xml": (
            f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{html.escape(title)}</dc:title></cp:coreProperties>'
        ),
        "word/document.xml": (
            f'<w:document {_WORDS} xmlns:r="{_LINKS}"><w:body>{"".join(body)}<w:p/>{page}</w:body></w:document>'
        ),
        "word/styles.xml": _styles(font, size),
        "word/numbering.xml": _numbering(),
        "word/footer1.xml": f"<w:ftr {_WORDS}>{footer}</w:ftr>",
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_LINKS}/styles" Target="styles.xml"/>'
            f'<Relationship Id="rId2" Type="{_LINKS}/footer" Target="footer1.xml"/>'
            f'<Relationship Id="rId3" Type="{_LINKS}/numbering" Target="numbering.xml"/></Relationships>'
        ),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, _HEAD + content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _content_types() -> str:
    parts = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{_TYPE}.{kind}+xml"/>'
        for name, kind in (
            ("document", "document.main"), ("styles", "styles"), ("numbering", "numbering"), ("footer1", "footer"),
        )
    )  # fmt: skip
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{parts}'
        '<Override PartName="/docProps/core.xml" '
        'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    )


def _styles(font: str, size: int) -> str:
    return (
        f"<w:styles {_WORDS}><w:docDefaults><w:rPrDefault><w:rPr>"
        f'<w:rFonts w:ascii="{font}" w:hAnsi="{font}" w:cs="{font}"/>'
        f'<w:sz w:val="{size}"/><w:szCs w:val="{size}"/><w:lang w:val="ru-RU"/></w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="0" w:line="240" w:lineRule="auto"/></w:pPr></w:pPrDefault>'
        "</w:docDefaults>"
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style></w:styles>'
    )


def _numbering() -> str:
    """Return list 1, «1.» with «1.1.» under it, and list 2, «1.» alone."""

    def level(number: int, form: str, look: str = "") -> str:
        return (
            f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:suff w:val="space"/>'
            f'<w:lvlText w:val="{form}"/><w:lvlJc w:val="left"/>{look}</w:lvl>'
        )

    bold = "<w:rPr><w:b/></w:rPr>"
    return (
        f'<w:numbering {_WORDS}><w:abstractNum w:abstractNumId="0"><w:multiLevelType w:val="multilevel"/>'
        f"{level(0, '%1.', bold)}{level(1, '%1.%2.')}</w:abstractNum>"
        f'<w:abstractNum w:abstractNumId="1"><w:multiLevelType w:val="singleLevel"/>{level(0, "%1.")}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
        "</w:numbering>"
    )
