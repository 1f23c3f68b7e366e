"""The built-in Word templates, made from the same parts and clauses as the layouts; users copy and change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.documents.contracts import Section, clauses_of
from hub.documents.word import (
    LINE,
    WIDTH,
    WIDTH_FLIPPED,
    cell,
    document,
    listing,
    page_break,
    paragraph,
    row,
    run,
    shown_if,
    table,
    tag,
    tag_row,
    text,
)

_GOODS = (567, 3715, 1021, 964, 1474, 850, 1501)
_MARK = shown_if("mark", text("{{ mark }}", align="right", before=120))


def _headline(*, centred: bool = False) -> str:
    align = "center" if centred else ""
    return (
        text("{{ heading }}", bold=True, size=28, align=align, before=120)
        + shown_if("subheading", text("{{ subheading }}", bold=True, align=align))
        + paragraph(line="" if centred else "12")
        + paragraph()
    )


def _facts(*pairs: tuple[str, str], label: int = 1900) -> str:
    """Return label and value, one under the other; a value that is empty leaves no row."""
    widths = (label, WIDTH - label)
    rows = []
    for title, name in pairs:
        shown = row(cell(widths[0], text(title)), cell(widths[1], text("{{ " + name + " }}", bold=True)))
        rows += [tag_row(f"if {name}", widths), shown, tag_row("endif", widths)]
    return table(widths, *rows, lines=False) + paragraph()


def _goods(title: str, loop: str = "line in lines") -> str:
    return listing(
        _GOODS, ("№", title, "Кол-во", "Ед.", "Цена", "НДС", "Сумма"), loop,
        ("line.place", "line.title", "line.quantity", "line.unit", "line.price", "line.vat_rate", "line.total"),
        ("center", "", "right", "center", "right", "center", "right"),
    )  # fmt: skip


def _totals(last: str = "Всего") -> str:
    widths = (WIDTH - 1984, 1984)

    def sum_row(label: str, tag_: str) -> str:
        parts = (paragraph(run(it, bold=True), align="right", keep=True) for it in (label, tag_))
        return row(*(cell(width, part) for width, part in zip(widths, parts, strict=True)))

    return (
        paragraph()
        + table(
            widths, sum_row("Итого:", "{{ total }}"), tag_row("for share in vat_rows", widths),
            sum_row("{{ share.text }}:", "{{ share.vat }}"), tag_row("endfor", widths),
            sum_row(f"{last}:", "{{ total }}"), lines=False,
        )
        + text("Всего наименований {{ lines_count }}, на сумму {{ total }} {{ currency }}", before=120)
        + text("{{ total_words }}", bold=True)
    )  # fmt: skip


def _signatures(*rows: tuple[str, str]) -> str:
    widths = (2835, 2552, 284, WIDTH - 5671)
    return table(
        widths,
        *(
            row(cell(widths[0], text(role, before=320)), cell(widths[1], border=LINE), cell(widths[2]),
                cell(widths[3], text(name, before=320)))
            for role, name in rows
        ),
        lines=False,
    )  # fmt: skip


def _sides(left: str, right: str, *, requisites: bool = False, width: int = WIDTH) -> str:
    """Return both sides with their signatures beside each other."""
    widths = (width // 2, width - width // 2)

    def side(size: int, title: str, who: str) -> str:
        rows = (
            tag(f"for row in {who}.rows"),
            text("{{ row.label }}: {{ row.value }}", size=16),
            tag("endfor"),
        ) if requisites else ()  # fmt: skip
        return cell(
            size,
            *((text(title, bold=True),) if title else ()),
            text("{{ " + who + ".name }}", bold=True),
            *rows,
            text("{{ " + who + ".signer.position }}", before=160),
            text("__________________ {{ " + who + ".signer.short }}", before=240),
            text("М. П.", size=16),
        )

    both = row(side(widths[0], left, "seller"), side(widths[1], right, "client"))
    return paragraph() + table(widths, both, lines=False) + _MARK


def _letterhead() -> str:
    return (
        text("{{ seller.name }}", bold=True, size=26, align="center")
        + paragraph(run("{{ seller.requisites }}", size=15), align="center", line="12")
        + paragraph()
    )


def _invoice() -> bytes:
    signer = ("{% if is_sole_trader %}Предприниматель{% else %}Руководитель{% endif %}", "{{ director }}")
    return document(
        "Счёт на оплату", _bank_block(), _headline(),
        _facts(("Поставщик:", "seller.requisites"), ("Покупатель:", "buyer.requisites"), ("Основание:", "basis"),
               label=1361),
        _goods("Товары (работы, услуги)"), _totals("Всего к оплате"),
        shown_if("due", text("Оплатить не позднее {{ due }}", before=60)),
        shown_if("comment", text("{{ comment }}", before=60)),
        paragraph(line="12"), _signatures(signer),
        shown_if("not is_sole_trader", _signatures(("Бухгалтер", "{{ accountant }}"))), _MARK,
    )  # fmt: skip


def _bank_block() -> str:
    """Return the bank's table with the payment code beside it; docxtpl damages a table inside a table.

    The code is taller than the four rows: a last row without lines takes up the difference.
    """
    widths = (2211, 2211, 737, 2552, WIDTH - 7711)
    name, code, figure, picture = widths[0] * 2, widths[2], widths[3], widths[4]
    free = "".join(f'<w:{side} w:val="nil"/>' for side in ("top", "bottom", "right"))
    below = "".join(f'<w:{side} w:val="nil"/>' for side in ("left", "bottom", "right"))
    beside = cell(picture, down="more", border=free)
    qr = (text("{{ qr }}", align="center"), text("{% if qr %}Оплата по QR-коду{% endif %}", size=16, align="center"))
    bank = (text("{{ bank.name }}"), text("Банк получателя", size=16))
    return table(
        widths,
        row(cell(name, *bank, span=2, down="start"), cell(code, text("БИК")), cell(figure, text("{{ bank.bic }}")),
            cell(picture, *qr, down="start", border=free)),
        row(cell(name, span=2, down="more"), cell(code, text("Сч. №")), cell(figure, text("{{ bank.corr_account }}")),
            beside),
        row(cell(widths[0], text("ИНН {{ seller.inn }}")), cell(widths[1], text("КПП {{ seller.kpp }}")),
            cell(code, text("Сч. №"), down="start"), cell(figure, text("{{ bank.account }}"), down="start"), beside),
        row(cell(name, text("{{ seller.name }}"), text("Получатель", size=16), span=2), cell(code, down="more"),
            cell(figure, down="more"), beside),
        row(cell(sum(widths[:4]), span=4, border=below), cell(picture, down="more", border=below)),
        lines=True,
    )  # fmt: skip


def _act() -> bytes:
    return document(
        "Акт", _headline(),
        _facts(("Исполнитель:", "seller.requisites"), ("Заказчик:", "client.requisites"), ("Основание:", "basis"),
               ("Период:", "period")),
        _goods("Наименование работ (услуг)"), _totals(),
        text("Перечисленные работы (услуги) выполнены полностью и в срок. Заказчик претензий по объёму, качеству и "
             "срокам не имеет.", before=120),
        shown_if("note", text("{{ note }}", before=60)),
        _sides("ИСПОЛНИТЕЛЬ", "ЗАКАЗЧИК"),
    )  # fmt: skip


def _software_act() -> bytes:
    keys = listing(
        (567, 3941, 1984, 1984, 1616), ("№", "Программа", "№ лицензии", "№ ключа", "Носитель"), "key in keys",
        ("key.place", "key.title", "key.licence", "key.key", "key.medium"), ("center", "", "", "", ""),
    )  # fmt: skip
    return document(
        "Акт передачи программного обеспечения", _headline(),
        _facts(("Передаёт:", "seller.requisites"), ("Принимает:", "client.requisites"), ("Основание:", "basis")),
        _goods("Программы, права на их использование, ключи"), _totals(),
        shown_if("keys", text("Вместе с программами переданы:", before=120), keys),
        text("Программы установлены и проверены в присутствии представителя принимающей стороны или переданы в "
             "исправной упаковке. Комплектность и работоспособность проверены, принимающая сторона претензий не имеет.",
             before=120),
        shown_if("note", text("{{ note }}", before=60)),
        _sides("ПЕРЕДАЛ", "ПРИНЯЛ"),
    )  # fmt: skip


def _acceptance_act() -> bytes:
    return document(
        "Акт приёмки-сдачи объекта", _headline(),
        _facts(("Исполнитель:", "seller.requisites"), ("Заказчик:", "client.requisites"), ("Основание:", "basis"),
               ("Объект:", "place"), ("Работы велись:", "period")),
        text("Исполнитель сдал, а Заказчик принял установленное оборудование и выполненные работы:"),
        _goods("Оборудование и работы"), _totals(),
        shown_if("paid", text("Оплачено ранее: {{ paid }}", before=120)),
        text("{{ left_label }}: {{ left }}", bold=True),
        text("Оборудование установлено, настроено и проверено в работе в присутствии Заказчика.", before=120),
        shown_if("photos", text("К акту приложены снимки установленного и работающего оборудования: {{ photos }}.")),
        shown_if("warranty", text("Гарантийный срок — {{ warranty }} со дня подписания акта.")),
        text("{% if remarks %}Замечания Заказчика: {{ remarks }}{% else %}Замечаний у Заказчика нет.{% endif %}"),
        _sides("СДАЛ", "ПРИНЯЛ"),
    )  # fmt: skip


def _clauses(sections: tuple[Section, ...]) -> str:
    """Return the clauses with automatic numbers; one that has a condition stands inside it."""
    parts = []
    for section in sections:
        conditions = {clause.condition for clause in section.clauses}
        common = conditions.pop() if len(conditions) == 1 else ""
        made = []
        if section.title:
            made.append(paragraph(run(section.title, bold=True), align="center", before=160, keep=True, level=0))
        for clause in section.clauses:
            level, numbers = (1, 1) if section.title else (0, 2)
            body = paragraph(run(clause.text), align="both", before=60, level=level, numbers=numbers)
            made.append(shown_if(clause.condition, body) if clause.condition and not common else body)
        parts.append(shown_if(common, *made) if common else "".join(made))
    return "".join(parts)


def _contract(kind: str) -> Callable[[], bytes]:
    opening = (
        "{{ seller.name }} (далее — {{ our_role }}){{ seller.signer.in_person }} с одной стороны, и {{ client.name }} "
        "(далее — {{ their_role }}){{ client.signer.in_person }} с другой стороны, вместе именуемые стороны, заключили "
        "{{ what }} о нижеследующем."
    )
    place = row(cell(WIDTH // 2, text("{{ city }}")), cell(WIDTH // 2, text("{{ date_quoted }}", align="right")))

    def make() -> bytes:
        return document(
            "Договор",
            text("{{ title }}{% if number %} № {{ number }}{% endif %}", bold=True, size=28, align="center"),
            shown_if("subheading", text("{{ subheading }}", bold=True, align="center")),
            table((WIDTH // 2, WIDTH // 2), place, lines=False),
            paragraph(run(opening), align="both", before=120), _clauses(clauses_of(kind)),
            paragraph(run("Адреса, реквизиты и подписи сторон", bold=True), align="center", before=160, keep=True),
            _sides("{{ our_role | upper }}", "{{ their_role | upper }}", requisites=True),
            shown_if(
                "lines", page_break(), text("Приложение № 1", align="right"), text("{{ appendix }}", align="right"),
                text("Состав и стоимость", bold=True, size=24, align="center", before=120), paragraph(),
                _goods("Наименование"), _totals(),
                _sides("{{ our_role | upper }}", "{{ their_role | upper }}"),
            ),
            font="Times New Roman", size=22,
        )  # fmt: skip

    return make


def _reconciliation() -> bytes:
    half = (1304, 2806, 1701, 1701)
    widths = (*half, *half)

    def line(label: str, debit: str, credit: str) -> str:
        ours = (cell(half[0] + half[1], text(label, bold=True), span=2), cell(half[2], text(debit, align="right")),
                cell(half[3], text(credit, align="right")))  # fmt: skip
        return row(*ours, cell(half[0] + half[1], text(label, bold=True), span=2), cell(half[2]), cell(half[3]))

    sides = (text("По данным {{ " + who + ".name }}", bold=True, align="center") for who in ("seller", "client"))
    heads = [cell(width, text(title, bold=True, align="center"))
             for width, title in zip(half, ("Дата", "Документ", "Дебет", "Кредит"), strict=True)]  # fmt: skip
    body = [cell(width, text("{{ row." + name + " }}", align=align))
            for width, name, align in zip(half, ("day", "text", "debit", "credit"), ("center", "", "right", "right"),
                                          strict=True)]  # fmt: skip
    turnover = table(
        widths, row(*(cell(sum(half), side, span=4) for side in sides), header=True), row(*heads, *heads, header=True),
        line("Сальдо на {{ start_short }}", "{{ opening_debit }}", "{{ opening_credit }}"),
        tag_row("for row in rows", widths), row(*body, *(cell(width) for width in half)), tag_row("endfor", widths),
        line("Обороты за период", "{{ turnover_debit }}", "{{ turnover_credit }}"),
        line("Сальдо на {{ end_short }}", "{{ closing_debit }}", "{{ closing_credit }}"), lines=True,
    )  # fmt: skip
    return document(
        "Акт сверки", _headline(centred=True), text("за период {{ period }}", align="center"),
        text("между {{ seller.name }} и {{ client.name }}", align="center"),
        shown_if("basis", text("{{ basis }}", align="center")),
        text("Мы, нижеподписавшиеся, составили настоящий акт о том, что состояние взаимных расчётов по данным учёта "
             "следующее ({{ currency }}):", before=120),
        turnover, text("{{ conclusion }}", bold=True, before=120), _sides("", "", width=WIDTH_FLIPPED), flipped=True,
    )  # fmt: skip


def _letter() -> bytes:
    widths = (3005, 1361, 1361, 1455, 1455, 1455)
    heads, body = [], []
    for place, width in enumerate(widths):
        heads.append(cell(width, text(f"{{{{ heads[{place}] }}}}", bold=True, size=16, align="center")))
        body.append(cell(width, text(f"{{{{ row[{place}] }}}}", size=18, align="right" if place else "")))
    rows = table(widths, row(*heads, header=True), tag_row("for row in rows", widths), row(*body),
                 tag_row("endfor", widths), lines=True)  # fmt: skip
    blocks = "".join(
        (
            tag("for block in blocks"),
            paragraph(run("{{ block.part | upper }}", size=18), before=160, line="4"),
            text("{{ block.title }}", bold=True),
            text("{{ block.text }}"),
            tag("endfor"),
        )
    )
    left, right = WIDTH - 4800, 4800
    head = row(
        cell(left, text("{% if number %}Исх. № {{ number }} от {% endif %}{{ date_short }}")),
        cell(right, text("{{ client.name }}", bold=True), text("{{ client.address }}"), text("{{ attention }}")),
    )
    return document(
        "Письмо", _letterhead(), table((left, right), head, lines=False),
        text("{{ title }}", bold=True, size=26, align="center", before=240),
        text("{{ salutation }}", bold=True, align="center", before=120),
        tag("for line in before"), paragraph(run("{{ line }}"), align="both", before=80), tag("endfor"),
        shown_if("rows", rows, text("Всего: {{ total }}", bold=True, align="right")), blocks,
        tag("for line in after"), paragraph(run("{{ line }}"), align="both", before=80), tag("endfor"),
        text("С уважением,", before=240), _signatures(("{{ sign_position }}", "{{ sign_name }}")),
        shown_if("is_official and executor", text("Исполнитель: {{ executor }}", size=16, before=160)), _MARK,
        font="Times New Roman", size=24,
    )  # fmt: skip


def _title_page() -> bytes:
    rows = (("Номер договора", "contract"), ("Ведущий менеджер", "manager"), ("Город", "client_city"),
            ("Контактное лицо", "contact"), ("Телефон", "phone"))  # fmt: skip
    widths = (3402, WIDTH - 3402)
    filled = (
        row(
            cell(widths[0], text(label, size=26, before=120)),
            cell(widths[1], text("{{ " + name + " }}", bold=True, size=26, before=120)),
        )
        for label, name in rows
    )
    products = row(
        cell(widths[0], text("Продукты", size=26, before=120)),
        cell(widths[1], tag("for product in products"), text("{{ product }}", bold=True, size=26), tag("endfor")),
    )
    return document(
        "Папка клиента", text("ПАПКА КЛИЕНТА", align="center", before=2400),
        text("{{ client.name }}", bold=True, size=48, align="center", before=240), paragraph(), paragraph(),
        table(widths, *filled, products, lines=True),
        text("{{ seller.name }}", align="center", before=1200), text("{{ date }}", align="center"), _MARK,
    )  # fmt: skip


def _checklist() -> bytes:
    steps = listing(
        (567, 4700, 2098, 1247, 1480), ("№", "Действие", "Фамилия и инициалы", "Дата", "Подпись"), "step in steps",
        ("step.place", "step.text", "step.who", "step.day", ""), ("center", "", "", "center", ""),
    )  # fmt: skip
    return document(
        "Чек-лист", shown_if("is_annex", text("Приложение № 1", align="right")), _headline(centred=True),
        _facts(("Клиент:", "client.name"), ("Договор:", "contract"), ("Менеджер:", "manager")), steps, _MARK,
    )  # fmt: skip


def _reclamation() -> bytes:
    def field(title: str, *body: str) -> str:
        return row(cell(WIDTH, text(title, bold=True, size=16), *(body or (text(" ", size=48),))))

    fields = table(
        (WIDTH,), field("Слова клиента", text("{{ text }}")), tag_row("if demand", (WIDTH,)),
        field("Чего ждёт клиент", text("{{ demand }}")), tag_row("endif", (WIDTH,)),
        field("Причина (заполняет подразделение)"), field("Что сделано и когда"), field("Подтверждение клиента"),
        lines=True,
    )  # fmt: skip
    return document(
        "Рекламация", _headline(),
        _facts(("Клиент:", "client.requisites"), ("Обратился:", "contact"), ("Телефон:", "phone"),
               ("Получена:", "received"), ("Договор:", "contract"), ("Продукт или услуга:", "product"),
               ("Подразделение:", "department"), ("Приняли:", "taken_by"), label=2300),
        fields, text("Ознакомлены:", before=120),
        _signatures(("Руководитель подразделения", "{{ head }}"), ("Директор", "{{ chief }}"),
                    ("Рекламацию принял", "{{ taken_by }}")), _MARK,
    )  # fmt: skip


def _refusal_survey() -> bytes:
    blank = "_" * 88
    answer = f"{{% if row.answer %}}{{{{ row.answer }}}}{{% else %}}{blank}\n\n{blank}\n\n{blank}{{% endif %}}"
    question = "".join(
        (
            tag("for row in questions"),
            text("{{ row.place }}. {{ row.question }}", bold=True, before=240),
            text(answer, before=120),
            tag("endfor"),
        )
    )
    return document(
        "Опросный лист", _headline(),
        _facts(("Клиент:", "client.name"), ("Кто отвечает:", "contact"), ("Повод:", "occasion"),
               ("Товар или услуга:", "product"), label=2300),
        text("Нам важно Ваше мнение. Ответьте, пожалуйста, на три вопроса."), question,
        _signatures(("Опрос провёл", "{{ taken_by }}")), _MARK,
    )  # fmt: skip


def _power_of_attorney() -> bytes:
    goods = listing(
        (567, 6123, 1134, 2268), ("№", "Наименование", "Ед.", "Количество"), "good in goods",
        ("good.place", "good.title", "good.unit", "good.quantity"), ("center", "", "center", "right"),
    )  # fmt: skip
    body = (
        "{{ seller.name }}{% if not seller.is_sole_trader %}{{ seller.signer.in_person }}{% endif %} настоящей "
        "доверенностью уполномочивает {{ name_accusative }}{% if position %} (должность: {{ position }}){% endif %}"
        "{% if passport %} — {{ passport }} —{% endif %} {{ task }}. Сторона, перед которой действует представитель: "
        "{{ client.name }}{% if client.inn %}, ИНН {{ client.inn }}{% endif %}."
    )
    place = row(cell(WIDTH // 2, text("{{ city }}")), cell(WIDTH // 2, text("{{ date_quoted }}", align="right")))
    return document(
        "Доверенность", _letterhead(), _headline(centred=True), table((WIDTH // 2, WIDTH // 2), place, lines=False),
        paragraph(run(body), align="both", before=120),
        shown_if("goods", text("Перечень имущества, подлежащего получению:", before=120), goods),
        paragraph(run("Представитель вправе расписываться и совершать другие действия, связанные с этим поручением. "
                      "Доверенность выдана без права передоверия и действует по {{ until }} включительно."),
                  align="both", before=120),
        _signatures(("Подпись представителя", "{{ name_short }}")),
        text("Подпись представителя удостоверяю.", before=120),
        _signatures(("{{ seller.signer.position }}", "{{ seller.signer.short }}")), text("М. П.", size=16), _MARK,
        font="Times New Roman", size=24,
    )  # fmt: skip


_LETTERS = ("debt_letter", "reference_request", "greeting", "invitation", "newsletter")
TEMPLATES: Mapping[str, Callable[[], bytes]] = {
    "title_page": _title_page,
    "checklist": _checklist,
    **{kind: _contract(kind) for kind in ("contract", "contract_software", "contract_installation", "renewal")},
    "invoice": _invoice,
    "act": _act,
    "software_act": _software_act,
    "acceptance_act": _acceptance_act,
    "reconciliation": _reconciliation,
    **dict.fromkeys(_LETTERS, _letter),
    "reclamation": _reclamation,
    "refusal_survey": _refusal_survey,
    "power_of_attorney": _power_of_attorney,
}
