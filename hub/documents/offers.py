"""One object from offer to works: the offer (КП), its forecast profit, the list of works, the purchase request.

All four are made from one draft: works follow from the goods, cost and profit never reach the client's copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from hub.config import Organisation
from hub.documents import words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.issued import Issued, common_values, covering, issue
from hub.documents.limits import Value
from hub.documents.lines import LIMIT, parse_quantity, priced_values, rounded
from hub.documents.parties import Party
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money


class Item(Struct, frozen=True, omit_defaults=True):
    """Goods with what they cost us, and the work that goes with one unit; sums in roubles.

    An item without a price is work alone; one without `work_price` needs no installation. `work_cost` is what
    installers are paid for one where it is not the coefficient's share of the price.
    """

    title: str
    quantity: str = "1"
    unit: str = "шт"
    price: Decimal | None = None
    cost: Decimal = Decimal(0)
    work: str = ""
    work_price: Decimal = Decimal(0)
    vat_rate: int | None = None
    supplier: str = ""
    in_stock: str = "0"
    work_cost: Decimal | None = None


class ObjectDraft(Struct, frozen=True, omit_defaults=True):
    """An object with its goods and works; `coefficient` is the share of the price of works that installers are paid."""

    client: Party
    items: tuple[Item, ...]
    place: str = ""
    coefficient: Decimal = Decimal("0.5")
    valid_until: date | None = None
    contract: str = ""
    start: date | None = None
    end: date | None = None
    engineer: str = ""
    manager: str = ""
    manager_phone: str = ""
    note: str = ""
    supplied: date | None = None
    vat_ground: str = ""


Build = Callable[[Organisation | None, ObjectDraft, str, date], Issued[ObjectDraft]]


def goods_of(draft: ObjectDraft) -> tuple[Line, ...]:
    """Return the goods as rows of an offer."""
    return tuple(
        Line(title=item.title, quantity=item.quantity, unit=item.unit, price=Money(item.price), vat_rate=item.vat_rate)
        for item in draft.items if item.price is not None
    )  # fmt: skip


def works_of(draft: ObjectDraft) -> tuple[Line, ...]:
    """Return the works that follow from the items, as rows of an offer."""
    return tuple(
        Line(title=item.work or f"Монтаж: {item.title}", quantity=item.quantity, unit=item.unit,
             price=Money(item.work_price), vat_rate=item.vat_rate)
        for item in draft.items if item.work_price
    )  # fmt: skip


def build_object(own: Organisation | None, draft: ObjectDraft, number: str, day: date) -> Issued[ObjectDraft]:
    """Price goods and works. Raises HubError for what cannot be offered."""
    if not 0 <= draft.coefficient <= 1:
        raise HubError("The coefficient of works lies between 0 and 1.")
    if draft.start and draft.end and draft.end < draft.start:
        raise HubError(f"The works end on {draft.end:%d.%m.%Y}, before they start on {draft.start:%d.%m.%Y}.")
    for place, item in enumerate(draft.items, 1):
        for amount in (item.cost, item.work_price, item.work_cost or Decimal(0)):
            if not 0 <= amount < LIMIT or amount != rounded(amount):
                raise HubError(f"Item {place}: costs and works are not below zero and in whole kopecks.")
    lines = (*goods_of(draft), *works_of(draft))
    issued = issue(own, draft, number, day, lines=lines, ground=draft.vat_ground, supplied=draft.supplied)
    if issued.priced is None:
        raise HubError("An offer needs at least one item with a price or work.")
    return issued


def build_offer(own: Organisation | None, draft: ObjectDraft, number: str, day: date) -> Issued[ObjectDraft]:
    """Make the client's copy: what things cost us is not even kept with it."""
    if draft.valid_until and draft.valid_until < day:
        raise HubError(f"The offer is dated {day:%d.%m.%Y} and would be valid until {draft.valid_until:%d.%m.%Y}.")
    issued = build_object(own, draft, number, day)
    if not issued.priced or issued.priced.total <= 0:
        raise HubError("The total of an offer lies above zero.")
    kept = issued.draft
    items = tuple(
        structs.replace(item, cost=Decimal(0), supplier="", in_stock="0", work_cost=None) for item in kept.items
    )
    return structs.replace(issued, draft=structs.replace(kept, items=items, coefficient=Decimal(1)))


def _split(issued: Issued[ObjectDraft]) -> tuple[dict[str, Value], list[Value], list[Value]]:
    assert issued.priced
    values = priced_values(issued.priced)
    rows = values["lines"]
    assert isinstance(rows, list)
    border = len(goods_of(issued.draft))
    return values, rows[:border], rows[border:]


def _sums(issued: Issued[ObjectDraft]) -> tuple[Decimal, Decimal]:
    assert issued.priced
    border = len(goods_of(issued.draft))
    goods = sum((line.total for line in issued.priced.lines[:border]), Decimal("0.00"))
    return goods, issued.priced.total - goods


def _object_values(issued: Issued[ObjectDraft], title: str) -> dict[str, Value]:
    draft = issued.draft
    return common_values(issued, title) | {
        "place": draft.place,
        "contract": draft.contract,
        "manager": draft.manager,
        "manager_phone": draft.manager_phone,
        "engineer": draft.engineer,
        "start": words.day_in_words(draft.start) if draft.start else "",
        "end": words.day_in_words(draft.end) if draft.end else "",
        "note": draft.note,
    }


def offer_values(issued: Issued[ObjectDraft]) -> dict[str, Value]:
    """Return the texts of the client's copy."""
    _, goods, works = _split(issued)
    goods_sum, works_sum = _sums(issued)
    until = issued.draft.valid_until
    return _object_values(issued, "Коммерческое предложение") | {
        "goods": goods,
        "works": works,
        "goods_total": words.format_number(goods_sum),
        "works_total": words.format_number(works_sum),
        "valid_until": words.day_in_words(until) if until else "",
    }


def profit_values(issued: Issued[ObjectDraft]) -> dict[str, Value]:
    """Return the internal copy: cost of each row and the forecast profit, before taxes."""
    draft, priced = issued.draft, issued.priced
    assert priced
    sold = [item for item in draft.items if item.price is not None]
    done = [item for item in draft.items if item.work_price]
    costs = [rounded(item.cost * parse_quantity(item.quantity, item.title)) for item in sold]
    costs += _pay(issued)
    assert len(costs) == len(priced.lines) == len(sold) + len(done)
    spent, number = Decimal("0.00"), words.format_number
    rows: list[Value] = []
    values = priced_values(priced)["lines"]
    assert isinstance(values, list)
    for row, line, cost in zip(values, priced.lines, costs, strict=True):
        assert isinstance(row, dict)
        spent += cost
        rows.append(row | {"cost": number(cost), "profit": number(line.total - cost)})
    goods_sum, works_sum = _sums(issued)
    profit = priced.total - spent
    goods_cost = sum(costs[: len(sold)], Decimal("0.00"))
    share = profit * 100 / priced.total if priced.total else Decimal(0)
    coefficient = f"{draft.coefficient.normalize():f}".replace(".", ",")
    has_rates = any(item.work_cost is not None for item in done)
    return _object_values(issued, "Прогноз прибыли") | {
        "goods": rows[: len(sold)],
        "works": rows[len(sold) :],
        "goods_total": number(goods_sum),
        "goods_cost": number(goods_cost),
        "goods_profit": number(goods_sum - goods_cost),
        "works_total": number(works_sum),
        "works_cost": number(spent - goods_cost),
        "works_profit": number(works_sum - (spent - goods_cost)),
        "cost": number(spent),
        "profit": number(profit),
        "profit_percent": f"{number(share, 1)}\u00a0%",
        "coefficient": coefficient,
        "works_pay": "по расценкам работ" if has_rates else f"{coefficient} от цены",
    }


def _pay(issued: Issued[ObjectDraft]) -> list[Decimal]:
    """Return what installers are paid for each row of works."""
    draft, priced = issued.draft, issued.priced
    assert priced
    works = [item for item in draft.items if item.work_price]
    return [
        rounded(line.total * draft.coefficient) if item.work_cost is None else rounded(item.work_cost * line.quantity)
        for item, line in zip(works, priced.lines[len(goods_of(draft)) :], strict=True)
    ]  # fmt: skip


def works_values(issued: Issued[ObjectDraft]) -> dict[str, Value]:
    """Return the list of works for installers: what each pays them, not what the client pays."""
    draft, priced = issued.draft, issued.priced
    assert priced
    total = Decimal("0.00")
    rows: list[Value] = []
    for place, (line, pay) in enumerate(zip(priced.lines[len(goods_of(draft)) :], _pay(issued), strict=True), 1):
        total += pay
        rows.append(
            {"place": place, "title": line.title, "quantity": words.format_quantity(line.quantity), "unit": line.unit,
             "total": words.format_number(pay), "running": words.format_number(total)}
        )  # fmt: skip
    goods: list[Value] = [
        {"title": item.title, "quantity": words.format_quantity(parse_quantity(item.quantity, item.title)),
         "unit": item.unit}
        for item in draft.items if item.price is not None
    ]  # fmt: skip
    values = _object_values(issued, "Список работ для монтажного отдела")
    return _without_prices(values) | {"works": rows, "goods": goods, "works_total": words.format_number(total)}


def purchase_values(issued: Issued[ObjectDraft]) -> dict[str, Value]:
    """Return the request to buy what the object needs and the stock does not have."""
    rows: list[Value] = []
    planned = Decimal("0.00")
    for item in issued.draft.items:
        if item.price is None:
            continue
        needed, stock = parse_quantity(item.quantity, item.title), _stock(item)
        missing = max(needed - stock, Decimal(0))
        cost = rounded(item.cost * missing)
        planned += cost
        rows.append(
            {"place": len(rows) + 1, "title": item.title, "unit": item.unit, "supplier": item.supplier,
             "quantity": words.format_quantity(needed), "stock": words.format_quantity(stock),
             "missing": words.format_quantity(missing), "cost": words.format_number(cost),
             "running": words.format_number(planned)}
        )  # fmt: skip
    values = _object_values(issued, "Заявка на закупку")
    return _without_prices(values) | {"goods": rows, "cost": words.format_number(planned)}


def _stock(item: Item) -> Decimal:
    return parse_quantity(item.in_stock, item.title) if item.in_stock.strip("0., ") else Decimal(0)


def _without_prices(values: dict[str, Value]) -> dict[str, Value]:
    commercial = ("lines", "total", "total_words", "vat", "vat_rows", "lines_count", "has_several_rates")
    return {name: value for name, value in values.items() if name not in commercial}


def offer_letter(values: Values) -> Letter:
    """Send the offer and ask for an answer."""
    until = f"Предложение действует до {values['valid_until']}" if values["valid_until"] else ""
    return covering(
        values, f"коммерческое предложение № {values['number']} на сумму {values['total']} {values['currency']}", until,
        "Если появятся вопросы или пожелания, ответьте на это письмо или позвоните нам.",
    )  # fmt: skip


def internal_letter(values: Values) -> Letter:
    """Pass a paper on inside the firm."""
    return covering(values, f"«{values['title']}»: {values['place'] or values['date']}")


_EXAMPLE = ObjectDraft(
    SAMPLE_CLIENT,
    (
        Item("Камера уличная", "6", price=Decimal("8450.50"), cost=Decimal("6100.00"), work_price=Decimal("2500.00"),
             vat_rate=22, supplier="ООО «Вега»", in_stock="2"),
        Item("Видеорегистратор на 8 каналов", price=Decimal("21300.00"), cost=Decimal("16800.00"),
             work="Установка и настройка регистратора", work_price=Decimal("4000.00"), vat_rate=22,
             supplier="ООО «Вега»"),
        Item("Кабель витая пара", "152,5", "м", Decimal("46.00"), Decimal("31.20"), "Прокладка кабеля",
             Decimal("90.00"), 22, "ООО «Линия»", "305"),
        Item("Пусконаладочные работы", "1", "компл", work="Пусконаладочные работы", work_price=Decimal("9000.00"),
             vat_rate=22),
    ),
    "Видеонаблюдение, г. Красноярск, ул. Школьная, д. 7", Decimal("0.4"), date(2026, 12, 22),
    "Договор № 21/2026 от 12.10.2026", date(2026, 12, 1), date(2026, 12, 25), "Фролов Г. А.", "Иванова О. П.",
    "+7 391 200-00-02", "Работы ведём в будние дни после уроков.",
)  # fmt: skip


def _form(kind: str, title: str, build: Build, values: Any, letter: Any, *, is_numbered: bool = True) -> Form[Any, Any]:
    return Form(
        kind=kind, title=title, is_numbered=is_numbered, is_internal=kind != "offer", draft=ObjectDraft,
        context=Issued[ObjectDraft], build=build,
        values=values, letter=letter, example=_EXAMPLE,
    )  # fmt: skip


FORMS: Sequence[Form[Any, Any]] = (
    _form("offer", "Коммерческое предложение", build_offer, offer_values, offer_letter),
    _form("offer_internal", "Прогноз прибыли", build_object, profit_values, internal_letter, is_numbered=False),
    _form("works_list", "Список работ для монтажного отдела", build_object, works_values, internal_letter,
          is_numbered=False),
    _form("purchase_request", "Заявка на закупку", build_object, purchase_values, internal_letter),
)  # fmt: skip
