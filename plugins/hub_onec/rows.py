"""The shapes of 1C's objects as structs; the names on the wire are the candidates of every known configuration.

A field that a configuration does not have keeps its default, and unknown ones are skipped undecoded. For documents the
same structs say what to select, so a field is named here and nowhere else.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

Text = str | None
Flag = bool | None
Number = Decimal | None


class RawRow(Struct):
    """An object that is kept as it is."""


NAMES = "_names"
"""The property that an object gets from us: `Ref_Key` of what rows of its parts name → how it is called."""
CLIENT = "_client"
"""The property that a contact of a partner gets from us: the counterparty that belongs to the same partner."""
POINTS = "КонтактнаяИнформация"


class ContactRow(Struct, rename={"type": "Тип", "shown": "Представление", "email": "АдресЭП",
                                 "phone": "НомерТелефона", "city": "Город", "sort": "Вид_Key"}):  # fmt: skip
    """One row of the part `КонтактнаяИнформация`."""

    type: Text = None
    shown: Text = None
    email: Text = None
    phone: Text = None
    city: Text = None
    sort: Text = None


class PartnerRow(Struct, rename={
    "manager": "ОсновнойМенеджер____Presentation", "points": POINTS, "names": NAMES,
}):  # fmt: skip
    """`Catalog_Партнеры`: stands above counterparties; whom a client belongs to and how it is reached is kept there."""

    manager: Text = None
    points: list[ContactRow] | None = None
    names: dict[str, str] | None = None


class CounterpartyRow(Struct, rename={
    "name": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "full_name": "НаименованиеПолное",
    "inn": "ИНН", "kpp": "КПП", "type": "ЮридическоеФизическоеЛицо", "short_type": "ЮрФизЛицо",
    "kind": "ВидКонтрагента", "is_invalid": "Недействителен", "note": "ДополнительнаяИнформация",
    "comment": "Комментарий", "points": POINTS, "names": NAMES, "partner": "Партнер",
}):  # fmt: skip
    """`Catalog_Контрагенты`."""

    partner: PartnerRow | None = None
    name: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    full_name: Text = None
    inn: Text = None
    kpp: Text = None
    type: Text = None
    short_type: Text = None
    kind: Text = None
    is_invalid: Flag = None
    note: Text = None
    comment: Text = None
    points: list[ContactRow] | None = None
    names: dict[str, str] | None = None


class PersonRow(Struct, rename={
    "name": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "position": "Должность",
    "position_text": "ДолжностьПоВизитке", "birthday": "ДатаРождения", "comment": "Комментарий",
    "points": POINTS, "names": NAMES, "owner_key": "Owner_Key", "owner": "Owner", "owner_type": "Owner_Type",
    "holder_key": "ОбъектВладелец_Key", "holder": "ОбъектВладелец", "holder_type": "ОбъектВладелец_Type",
    "client_key": CLIENT,
}):  # fmt: skip
    """A contact person: `Catalog_КонтактныеЛица`, `Catalog_КонтактныеЛицаПартнеров`."""

    name: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    position: Text = None
    position_text: Text = None
    birthday: Text = None
    comment: Text = None
    points: list[ContactRow] | None = None
    names: dict[str, str] | None = None
    owner_key: Text = None
    owner: Text = None
    owner_type: Text = None
    holder_key: Text = None
    holder: Text = None
    holder_type: Text = None
    client_key: Text = None


class WorkerRow(Struct, rename={
    "name": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "is_invalid": "Недействителен",
    "is_archived": "ВАрхиве", "is_service": "Служебный", "points": POINTS, "names": NAMES,
}):  # fmt: skip
    """Somebody of our own: `Catalog_Пользователи`, `Catalog_Сотрудники`."""

    name: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    is_invalid: Flag = None
    is_archived: Flag = None
    is_service: Flag = None
    points: list[ContactRow] | None = None
    names: dict[str, str] | None = None


class ContractRow(Struct, rename={
    "title": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "number": "Номер", "day": "Дата",
    "second_number": "НомерДоговора", "second_day": "ДатаДоговора",
    "start": "ДатаНачалаДействия", "until": "СрокДействия", "end": "ДатаОкончанияДействия", "type": "ВидДоговора",
    "sort": "ТипДоговора", "is_signed": "ДоговорПодписан", "is_agreed": "Согласован", "is_closed": "ДоговорЗакрыт",
    "is_invalid": "Недействителен",
    "status": "Статус", "comment": "Комментарий", "client_key": "Контрагент_Key", "client": "Контрагент",
    "client_type": "Контрагент_Type", "owner_key": "Owner_Key", "owner": "Owner", "owner_type": "Owner_Type",
}):  # fmt: skip
    """`Catalog_ДоговорыКонтрагентов`, `Catalog_Договоры`."""

    title: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    number: Text = None
    day: Text = None
    second_number: Text = None
    second_day: Text = None
    start: Text = None
    until: Text = None
    end: Text = None
    type: Text = None
    sort: Text = None
    is_signed: Flag = None
    is_agreed: Flag = None
    is_closed: Flag = None
    is_invalid: Flag = None
    status: Text = None
    comment: Text = None
    client_key: Text = None
    client: Text = None
    client_type: Text = None
    owner_key: Text = None
    owner: Text = None
    owner_type: Text = None


class PaymentRow(Struct, rename={
    "contract_key": "ДоговорКонтрагента_Key", "agreement_key": "Договор_Key", "invoice_key": "СчетНаОплату_Key",
}):  # fmt: skip
    """One row of the part `РасшифровкаПлатежа`: what a payment pays."""

    contract_key: Text = None
    agreement_key: Text = None
    invoice_key: Text = None


class DocumentRow(Struct, rename={
    "is_marked": "DeletionMark", "number": "Number", "day": "Date", "is_posted": "Posted",
    "client_key": "Контрагент_Key", "client": "Контрагент", "client_type": "Контрагент_Type",
    "contract_key": "ДоговорКонтрагента_Key", "agreement_key": "Договор_Key",
    "invoice_key": "СчетНаОплатуПокупателю_Key", "account_key": "СчетНаОплату_Key", "total": "СуммаДокумента",
    "currency": "ВалютаДокумента____Presentation", "currency_name": "Валюта____Presentation",
    "due": "СрокОплаты", "pay_until": "ДатаПлатежа", "comment": "Комментарий", "purpose": "НазначениеПлатежа",
    "outer_number": "НомерВходящегоДокумента", "first_number": "НомерПервичногоДокумента",
    "details": "РасшифровкаПлатежа",
}):  # fmt: skip
    """An invoice, a sale or act, or a payment."""

    is_marked: Flag = None
    number: Text = None
    day: Text = None
    is_posted: Flag = None
    client_key: Text = None
    client: Text = None
    client_type: Text = None
    contract_key: Text = None
    agreement_key: Text = None
    invoice_key: Text = None
    account_key: Text = None
    total: Number = None
    currency: Text = None
    currency_name: Text = None
    due: Text | int = None
    pay_until: Text | int = None
    comment: Text = None
    purpose: Text = None
    outer_number: Text = None
    first_number: Text = None
    details: list[PaymentRow] | None = None


class LineRow(Struct, rename={
    "content": "Содержание", "product": "Номенклатура_Key", "product_of_any": "Номенклатура",
    "variant": "Характеристика_Key", "quantity": "Количество", "packs": "КоличествоУпаковок",
    "price": "Цена", "amount": "Сумма", "vat_amount": "СуммаНДС", "with_vat": "СуммаСНДС", "whole": "Всего",
    "vat": "СтавкаНДС", "vat_key": "СтавкаНДС_Key", "unit_key": "ЕдиницаИзмерения_Key", "unit": "ЕдиницаИзмерения",
    "pack": "Упаковка_Key", "is_cancelled": "Отменено",
}):  # fmt: skip
    """One row of what a document sells."""

    content: Text = None
    product: Text = None
    product_of_any: Text = None
    variant: Text = None
    quantity: Number = None
    packs: Number = None
    price: Number = None
    amount: Number = None
    vat_amount: Number = None
    with_vat: Number = None
    whole: Number = None
    vat: Text = None
    vat_key: Text = None
    unit_key: Text = None
    unit: Text = None
    pack: Text = None
    is_cancelled: Flag = None


class InvoiceRow(DocumentRow, rename={
    "is_vat_included": "СуммаВключаетНДС", "is_vat_in_price": "ЦенаВключаетНДС", "names": NAMES, "goods": "Товары",
    "services": "Услуги", "supplies": "Запасы", "works": "Работы", "works_done": "РаботыИУслуги",
    "agency": "АгентскиеУслуги",
}):  # fmt: skip
    """A document with rows: an invoice, a sale, an act, an order."""

    is_vat_included: Flag = None
    is_vat_in_price: Flag = None
    names: dict[str, str] | None = None
    goods: list[LineRow] | None = None
    services: list[LineRow] | None = None
    supplies: list[LineRow] | None = None
    works: list[LineRow] | None = None
    works_done: list[LineRow] | None = None
    agency: list[LineRow] | None = None


LINES = ("Товары", "Услуги", "Запасы", "Работы", "РаботыИУслуги", "АгентскиеУслуги")
"""The parts of which lines are made, in this order."""
