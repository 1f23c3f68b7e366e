"""Write hub/documents/layouts/invoice.docx: the Word template of an invoice that users copy and change.

Run: python tests/documents/make_word_template.py
Widths are in twentieths of a point (1 mm is 56.7) and fixed, so that a 20-digit account stays on one line.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

TARGET = Path(__file__).parents[2] / "hub" / "documents" / "layouts" / "invoice.docx"
WORDS = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
WIDTH = 10092


def run(text: str, *, bold: bool = False, size: int = 0) -> str:
    look = ("<w:b/>" if bold else "") + (f'<w:sz w:val="{size}"/>' if size else "")
    return f'<w:r>{f"<w:rPr>{look}</w:rPr>" if look else ""}<w:t xml:space="preserve">{text}</w:t></w:r>'


def field(code: str) -> str:
    return f'<w:fldSimple w:instr=" {code} ">{run("1", size=16)}</w:fldSimple>'


def paragraph(*runs: str, align: str = "", before: int = 0, line: str = "", keep: bool = False) -> str:
    look = "<w:keepNext/>" if keep else ""
    if line:
        look += f'<w:pBdr><w:bottom w:val="single" w:sz="{line}" w:space="1" w:color="auto"/></w:pBdr>'
    look += f'<w:spacing w:before="{before}"/>' if before else ""
    look += f'<w:jc w:val="{align}"/>' if align else ""
    return f"<w:p>{f'<w:pPr>{look}</w:pPr>' if look else ''}{''.join(runs)}</w:p>"


def cell(width: int, *paragraphs: str, span: int = 1, down: str = "", border: str = "") -> str:
    look = f'<w:tcW w:w="{width}" w:type="dxa"/>'
    look += f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    look += {"": "", "start": '<w:vMerge w:val="restart"/>', "more": "<w:vMerge/>"}[down]
    look += f"<w:tcBorders>{border}</w:tcBorders>" if border else ""
    return f"<w:tc><w:tcPr>{look}</w:tcPr>{''.join(paragraphs) or '<w:p/>'}</w:tc>"


def row(*cells: str, header: bool = False) -> str:
    look = "<w:cantSplit/>" + ("<w:tblHeader/>" if header else "")
    return f"<w:tr><w:trPr>{look}</w:trPr>{''.join(cells)}</w:tr>"


def tag_row(tag: str, widths: tuple[int, ...]) -> str:
    first, *others = widths
    return row(cell(first, paragraph(run("{%tr " + tag + " %}"))), *(cell(width) for width in others))


def table(widths: tuple[int, ...], *rows: str, lines: bool) -> str:
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    border = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="auto"/>' for side in sides)
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        f"{f'<w:tblBorders>{border}</w:tblBorders>' if lines else ''}"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="85" w:type="dxa"/><w:right w:w="85" w:type="dxa"/>'
        f"</w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )


def bank_block() -> str:
    """Return the bank's table with the payment code beside it; docxtpl damages a table inside a table.

    The code is taller than the four rows: a last row without lines takes up the difference.
    """
    widths = (2211, 2211, 737, 2552, WIDTH - 7711)
    name, code, figure, picture = widths[0] * 2, widths[2], widths[3], widths[4]
    free = "".join(f'<w:{side} w:val="nil"/>' for side in ("top", "bottom", "right"))
    below = "".join(f'<w:{side} w:val="nil"/>' for side in ("left", "bottom", "right"))
    beside = cell(picture, down="more", border=free)
    qr = (
        paragraph(run("{{ qr }}"), align="center"),
        paragraph(run("{% if qr %}Оплата по QR-коду{% endif %}", size=16), align="center"),
    )
    return table(
        widths,
        row(
            cell(
                name,
                paragraph(run("{{ bank.name }}")),
                paragraph(run("Банк получателя", size=16)),
                span=2,
                down="start",
            ),
            cell(code, paragraph(run("БИК"))),
            cell(figure, paragraph(run("{{ bank.bic }}"))),
            cell(picture, *qr, down="start", border=free),
        ),
        row(
            cell(name, span=2, down="more"),
            cell(code, paragraph(run("Сч. №"))),
            cell(figure, paragraph(run("{{ bank.corr_account }}"))),
            beside,
        ),
        row(
            cell(widths[0], paragraph(run("ИНН {{ seller.inn }}"))),
            cell(widths[1], paragraph(run("КПП {{ seller.kpp }}"))),
            cell(code, paragraph(run("Сч. №")), down="start"),
            cell(figure, paragraph(run("{{ bank.account }}")), down="start"),
            beside,
        ),
        row(
            cell(name, paragraph(run("{{ seller.name }}")), paragraph(run("Получатель", size=16)), span=2),
            cell(code, down="more"),
            cell(figure, down="more"),
            beside,
        ),
        row(cell(sum(widths[:4]), span=4, border=below), cell(picture, down="more", border=below)),
        lines=True,
    )


def parties() -> str:
    widths = (1361, WIDTH - 1361)

    def party(label: str, tag: str) -> str:
        return row(cell(widths[0], paragraph(run(label))), cell(widths[1], paragraph(run(tag, bold=True))))

    return table(
        widths,
        party("Поставщик:", "{{ seller.requisites }}"),
        party("Покупатель:", "{{ buyer.requisites }}"),
        tag_row("if basis", widths),
        party("Основание:", "{{ basis }}"),
        tag_row("endif", widths),
        lines=False,
    )


def goods() -> str:
    widths = (624, 4308, 1077, 1021, 1531, 1531)
    titles = ("№", "Товары (работы, услуги)", "Кол-во", "Ед.", "Цена", "Сумма")
    tags = ("place", "title", "quantity", "unit", "price", "total")
    aligns = ("center", "", "right", "center", "right", "right")
    return table(
        widths,
        row(
            *(
                cell(width, paragraph(run(title, bold=True), align="center"))
                for width, title in zip(widths, titles, strict=True)
            ),
            header=True,
        ),
        tag_row("for line in lines", widths),
        row(
            *(
                cell(width, paragraph(run("{{ line." + tag + " }}"), align=align))
                for width, tag, align in zip(widths, tags, aligns, strict=True)
            )
        ),
        tag_row("endfor", widths),
        lines=True,
    )


def totals() -> str:
    widths = (WIDTH - 1984, 1984)

    def sum_row(label: str, tag: str) -> str:
        texts = (paragraph(run(text, bold=True), align="right", keep=True) for text in (label, tag))
        return row(*(cell(width, text) for width, text in zip(widths, texts, strict=True)))

    return table(
        widths,
        sum_row("Итого:", "{{ total }}"),
        tag_row("for share in vat_rows", widths),
        sum_row("{{ share.text }}:", "{{ share.vat }}"),
        tag_row("endfor", widths),
        sum_row("Всего к оплате:", "{{ total }}"),
        lines=False,
    )


def signatures() -> str:
    widths = (1701, 2552, 284, WIDTH - 4537)
    under = '<w:bottom w:val="single" w:sz="4" w:space="0" w:color="auto"/>'

    def signature(role: str, tag: str) -> str:
        return row(
            cell(widths[0], paragraph(run(role, bold=True), before=320)),
            cell(widths[1], border=under),
            cell(widths[2]),
            cell(widths[3], paragraph(run(tag), before=320)),
        )

    return table(
        widths,
        signature("{% if is_sole_trader %}Предприниматель{% else %}Руководитель{% endif %}", "{{ director }}"),
        tag_row("if not is_sole_trader", widths),
        signature("Бухгалтер", "{{ accountant }}"),
        tag_row("endif", widths),
        lines=False,
    )


def body() -> str:
    page = (
        '<w:sectPr><w:footerReference w:type="default" r:id="rId2"/><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="794" w:right="680" w:bottom="1021" w:left="1134" w:header="567" w:footer="567" w:gutter="0"/>'
        "</w:sectPr>"
    )
    return "".join(
        [
            bank_block(),
            paragraph(run("Счёт на оплату № {{ number }} от {{ date }}", bold=True, size=28), before=240, line="12"),
            paragraph(),
            parties(),
            paragraph(),
            goods(),
            paragraph(),
            totals(),
            paragraph(run("Всего наименований {{ lines_count }}, на сумму {{ total }} {{ currency }}"), before=120),
            paragraph(run("{{ total_words }}", bold=True)),
            paragraph(run("{%p if due %}")),
            paragraph(run("Оплатить не позднее {{ due }}"), before=60),
            paragraph(run("{%p endif %}")),
            paragraph(run("{%p if comment %}")),
            paragraph(run("{{ comment }}"), before=60),
            paragraph(run("{%p endif %}")),
            paragraph(line="12"),
            signatures(),
            paragraph(),
            page,
        ]
    )


def parts() -> dict[str, str]:
    footer = paragraph(
        run("Счёт № {{ number }} от {{ date_short }}, стр. ", size=16),
        field("PAGE"),
        run(" из ", size=16),
        field("NUMPAGES"),
    )
    styles = (
        f"<w:styles {WORDS}><w:docDefaults><w:rPrDefault><w:rPr>"
        '<w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:cs="Arial"/>'
        '<w:sz w:val="18"/><w:szCs w:val="18"/><w:lang w:val="ru-RU"/></w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="0" w:line="240" w:lineRule="auto"/></w:pPr></w:pPrDefault>'
        "</w:docDefaults>"
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style></w:styles>'
    )
    texts = {
        "[Content_Types].xml": (
            f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{TYPE}.document.main+xml"/>'
            f'<Override PartName="/word/styles.xml" ContentType="{TYPE}.styles+xml"/>'
            f'<Override PartName="/word/footer1.xml" ContentType="{TYPE}.footer+xml"/>'
            '<Override PartName="/docProps/core.xml" '
            'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
        ),
        "_rels/.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{LINKS}/officeDocument" Target="word/document.xml"/>'
            f'<Relationship Id="rId2" Type="{PACKAGE}/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/>'
            "</Relationships>"
        ),
        "docProps/core.xml": (
            f'<cp:coreProperties xmlns:cp="{PACKAGE}/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Счёт на оплату</dc:title></cp:coreProperties>'
        ),
        "word/document.xml": f'<w:document {WORDS} xmlns:r="{LINKS}"><w:body>{body()}</w:body></w:document>',
        "word/styles.xml": styles,
        "word/footer1.xml": f"<w:ftr {WORDS}>{footer}</w:ftr>",
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{LINKS}/styles" Target="styles.xml"/>'
            f'<Relationship Id="rId2" Type="{LINKS}/footer" Target="footer1.xml"/></Relationships>'
        ),
    }
    return {name: HEAD + text for name, text in texts.items()}


def build() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts().items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


if __name__ == "__main__":
    TARGET.write_bytes(build())
