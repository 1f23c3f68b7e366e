"""The built-in Excel templates: the offer, its forecast profit, the list of works, the purchase request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.documents.xlsx import saved

MONEY, COUNT = "#,##0.00", "#,##0.######"

Column = tuple[str, float, str, str]
"""Head, width in signs, mark, number format."""


def _sheet(title: str, widths: Sequence[float], *, flipped: bool) -> tuple[Any, Any]:
    """Return an empty workbook with its page set up: A4, as wide as one page, page x of y."""
    import openpyxl
    from openpyxl.utils import get_column_letter

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.orientation = "landscape" if flipped else "portrait"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddFooter.left.text, sheet.oddFooter.right.text = title, "стр. &P из &N"
    sheet.page_margins.left, sheet.page_margins.right = 0.6, 0.4
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    return book, sheet


def _text(sheet: Any, place: str, text: str, *, bold: bool = False, size: int = 10, align: str = "left",
          form: str = "") -> None:  # fmt: skip
    from openpyxl.styles import Alignment, Font

    cell = sheet[place]
    cell.value = text
    cell.font = Font(name="Arial", size=size, bold=bold)
    cell.alignment = Alignment(horizontal=align, vertical="top", wrap_text=not bold)
    if size > 10:  # rows grow to their text in Excel, but not in every program that makes a PDF of them
        sheet.row_dimensions[cell.row].height = 1.5 * size
    if form:
        cell.number_format = form


def _table(sheet: Any, row: int, columns: Sequence[Column]) -> None:
    """Write heads and one row of marks, which is repeated for each item."""
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    thin = Side(style="thin")
    for place, (head, _, mark, form) in enumerate(columns, 1):
        title, cell = sheet.cell(row, place, head), sheet.cell(row + 1, place, mark)
        for each in (title, cell):
            each.border = Border(thin, thin, thin, thin)
            each.font = Font(name="Arial", size=10, bold=each is title)
        title.fill = PatternFill("solid", fgColor="E7E6E6")
        title.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        side = "center" if form == "0" or head == "Ед." else "right" if form else "left"
        cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=not form)
        cell.number_format = form or "@"


def _facts(sheet: Any, row: int, pairs: Sequence[tuple[str, str]]) -> int:
    for label, mark in pairs:
        _text(sheet, f"A{row}", label, bold=True)
        _text(sheet, f"C{row}", mark, bold=True)
        row += 1
    return row + 1


def _goods(loop: str, head: str, *, internal: bool) -> list[Column]:
    own: list[Column] = [
        ("Себестоимость", 15, f"{{{{ {loop}[].cost }}}}", MONEY),
        ("Прибыль", 15, f"{{{{ {loop}[].profit }}}}", MONEY),
    ]
    return [
        ("№", 5, f"{{{{ {loop}[].place }}}}", "0"),
        (head, 52, f"{{{{ {loop}[].title }}}}", ""),
        ("Кол-во", 10, f"{{{{ {loop}[].quantity }}}}", COUNT),
        ("Ед.", 8, f"{{{{ {loop}[].unit }}}}", ""),
        ("Цена", 14, f"{{{{ {loop}[].price }}}}", MONEY),
        ("Сумма", 16, f"{{{{ {loop}[].total }}}}", MONEY),
        *(own if internal else []),
    ]


def _offer() -> bytes:
    columns = _goods("goods", "Оборудование и материалы", internal=False)
    book, sheet = _sheet("Коммерческое предложение", [width for _, width, _, _ in columns], flipped=False)
    _text(sheet, "A1", "{{ seller.name }}", bold=True, size=12)
    _text(sheet, "A2", "{{ heading }}", bold=True, size=14)
    row = _facts(sheet, 3, (("Кому:", "{{ client.name }}"), ("Объект:", "{{ place }}"),
                            ("Менеджер:", "{{ manager }} {{ manager_phone }}")))  # fmt: skip
    row = _section(sheet, row, columns, "goods_total")
    row = _section(sheet, row, _goods("works", "Работы", internal=False), "works_total")
    for label, mark in (("Всего, {{ currency }}", "{{ total }}"), ("{{ vat_rows[].text }}", "{{ vat_rows[].vat }}")):
        _text(sheet, f"E{row}", label, bold=True, align="right")
        _text(sheet, f"F{row}", mark, bold=True, align="right", form=MONEY)
        row += 1
    _text(sheet, f"A{row}", "{{ total_words }}", bold=True)
    _text(sheet, f"A{row + 1}", "Действует до: {{ valid_until }}", bold=True)
    _text(sheet, f"A{row + 2}", "{{ note }}", bold=True)
    return saved(book)


def _section(sheet: Any, row: int, columns: Sequence[Column], total: str, *more: str) -> int:
    _table(sheet, row, columns)
    _text(sheet, f"E{row + 2}", "Итого", bold=True, align="right")
    for letter, mark in zip("FGH", (total, *more), strict=False):
        _text(sheet, f"{letter}{row + 2}", f"{{{{ {mark} }}}}", bold=True, align="right", form=MONEY)
    return row + 4


def _offer_internal() -> bytes:
    columns = _goods("goods", "Оборудование и материалы", internal=True)
    book, sheet = _sheet("Прогноз прибыли", [width for _, width, _, _ in columns], flipped=True)
    _text(sheet, "A1", "{{ heading }}", bold=True, size=14)
    _text(sheet, "A2", "Внутренний документ. Клиенту не передавать.", bold=True)
    row = _facts(sheet, 3, (("Клиент:", "{{ client.name }}"), ("Объект:", "{{ place }}"),
                            ("Монтажному отделу:", "{{ works_pay }}")))  # fmt: skip
    row = _section(sheet, row, columns, "goods_total", "goods_cost", "goods_profit")
    works = _goods("works", "Работы", internal=True)
    row = _section(sheet, row, works, "works_total", "works_cost", "works_profit")
    _text(sheet, f"E{row}", "Всего, {{ currency }}", bold=True, align="right")
    for letter, mark in zip("FGH", ("total", "cost", "profit"), strict=True):
        _text(sheet, f"{letter}{row}", f"{{{{ {mark} }}}}", bold=True, align="right", form=MONEY)
    _text(sheet, f"G{row + 1}", "Прибыль от суммы", bold=True, align="right")
    _text(sheet, f"H{row + 1}", "{{ profit_percent }}", bold=True, align="right")
    return saved(book)


_OBJECT = (("Объект:", "{{ place }}"), ("Клиент:", "{{ client.name }}"), ("Договор:", "{{ contract }}"))


def _works_list() -> bytes:
    columns: list[Column] = [
        ("№", 5, "{{ works[].place }}", "0"),
        ("Вид работ", 60, "{{ works[].title }}", ""),
        ("Кол-во", 12, "{{ works[].quantity }}", COUNT),
        ("Ед.", 10, "{{ works[].unit }}", ""),
        ("Оплата, {{ currency }}", 18, "{{ works[].total }}", MONEY),
    ]
    book, sheet = _sheet("Список работ", [width for _, width, _, _ in columns], flipped=False)
    _text(sheet, "A1", "{{ heading }}", bold=True, size=14)
    terms = (("Начало:", "{{ start }}"), ("Сдача:", "{{ end }}"), ("Инженер:", "{{ engineer }}"))
    row = _facts(sheet, 2, (*_OBJECT, *terms))
    _table(sheet, row, columns)
    _text(sheet, f"D{row + 2}", "Всего", bold=True, align="right")
    _text(sheet, f"E{row + 2}", "{{ works_total }}", bold=True, align="right", form=MONEY)
    return saved(book)


def _purchase_request() -> bytes:
    columns: list[Column] = [
        ("№", 5, "{{ goods[].place }}", "0"),
        ("Наименование", 52, "{{ goods[].title }}", ""),
        ("Ед.", 8, "{{ goods[].unit }}", ""),
        ("Нужно", 11, "{{ goods[].quantity }}", COUNT),
        ("На складе", 11, "{{ goods[].stock }}", COUNT),
        ("Заказать", 11, "{{ goods[].missing }}", COUNT),
        ("Поставщик", 28, "{{ goods[].supplier }}", ""),
        ("План затрат, {{ currency }}", 18, "{{ goods[].cost }}", MONEY),
    ]
    book, sheet = _sheet("Заявка на закупку", [width for _, width, _, _ in columns], flipped=True)
    _text(sheet, "A1", "{{ heading }}", bold=True, size=14)
    row = _facts(sheet, 2, (*_OBJECT, ("Нужно к:", "{{ start }}"), ("Менеджер:", "{{ manager }}")))
    _table(sheet, row, columns)
    _text(sheet, f"G{row + 2}", "План затрат", bold=True, align="right")
    _text(sheet, f"H{row + 2}", "{{ cost }}", bold=True, align="right", form=MONEY)
    return saved(book)


WORKBOOKS: Mapping[str, Callable[[], bytes]] = {
    "offer": _offer,
    "offer_internal": _offer_internal,
    "works_list": _works_list,
    "purchase_request": _purchase_request,
}
"""What makes the Excel template of a kind."""
