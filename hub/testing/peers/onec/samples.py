"""Two typical compositions and invented objects for them: an accounting base (БП 3.0) and a trade base (УТ 11)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from .base import Infobase, Row, data_version, encoder
from .edm import Field, Model, catalog, composite, document, enum, fixed, part, ref, text

CONTACTS = part(
    "КонтактнаяИнформация",
    enum("Тип", "Адрес", "Телефон", "АдресЭлектроннойПочты", "Другое"), ref("Вид", "Catalog_ВидыКонтактнойИнформации"),
    text("Представление", "ЗначенияПолей", "Страна", "Регион", "Город", "АдресЭП", "НомерТелефона", "Значение"),
)  # fmt: skip
_HEADER = (
    ref("Организация", "Catalog_Организации"), Field("СуммаДокумента", "Double"), Field("СуммаВключаетНДС", "Boolean"),
    text("Комментарий"),
)  # fmt: skip
_TRADE_HEADER = (
    *_HEADER, ref("Контрагент", "Catalog_Контрагенты"), ref("Договор", "Catalog_ДоговорыКонтрагентов"),
    ref("Валюта", "Catalog_Валюты"),
)  # fmt: skip
_GOODS = part(
    "Товары", ref("Номенклатура", "Catalog_Номенклатура"), text("Содержание"), Field("Количество", "Double"),
    Field("Цена", "Double"), Field("Сумма", "Double"), Field("СуммаНДС", "Double"),
)  # fmt: skip
_CURRENCIES = catalog("Валюты", text("НаименованиеПолное"))
_COUNTERPARTY_TEXTS = (
    "НаименованиеПолное", "ДополнительнаяИнформация", "КодПоОКПО", "РегистрационныйНомер", "НалоговыйНомер",
    "НаименованиеМеждународное", "Комментарий",
)  # fmt: skip

ACCOUNTING: tuple[Model, ...] = (
    catalog(
        "Контрагенты",
        text(*_COUNTERPARTY_TEXTS), fixed("ИНН", 12), fixed("КПП", 9),
        enum("ЮридическоеФизическоеЛицо", "ЮридическоеЛицо", "ФизическоеЛицо"),
        ref("ГоловнойКонтрагент", "Catalog_Контрагенты"), ref("СтранаРегистрации", "Catalog_СтраныМира"),
        ref("ОсновнойМенеджер", "Catalog_Пользователи"), Field("ОбособленноеПодразделение", "Boolean"),
        Field("НДСПоСтавкам4и2", "Boolean"), Field("ДатаРегистрации", "DateTime"), Field("СрокОплаты", "Int64"),
        CONTACTS, folders=True,
    ),
    catalog(
        "КонтактныеЛица", composite("ОбъектВладелец"), text("Должность", "Комментарий"),
        Field("ДатаРождения", "DateTime"), CONTACTS,
    ),
    catalog(
        "ДоговорыКонтрагентов",
        ref("Owner", "Catalog_Контрагенты"), ref("Организация", "Catalog_Организации"),
        ref("ВалютаВзаиморасчетов", "Catalog_Валюты"), enum("ВидДоговора", "СПокупателем", "СПоставщиком", "Прочее"),
        text("Номер", "Комментарий"), Field("Дата", "DateTime"), Field("СрокДействия", "DateTime"),
        Field("УстановленСрокОплаты", "Boolean"), Field("СрокОплаты", "Int64"), Field("ДоговорПодписан", "Boolean"),
        Field("АбонентскаяПлата", "Double"), composite("ОбеспечениеПредоставил"), folders=True,
    ),
    document(
        "СчетНаОплатуПокупателю", *_HEADER, ref("Контрагент", "Catalog_Контрагенты"),
        ref("ДоговорКонтрагента", "Catalog_ДоговорыКонтрагентов"), ref("ВалютаДокумента", "Catalog_Валюты"),
        Field("СрокОплаты", "DateTime"), _GOODS,
    ),
    document(
        "РеализацияТоваровУслуг", *_HEADER, ref("Контрагент", "Catalog_Контрагенты"),
        ref("ДоговорКонтрагента", "Catalog_ДоговорыКонтрагентов"), ref("ВалютаДокумента", "Catalog_Валюты"),
        ref("СчетНаОплатуПокупателю", "Document_СчетНаОплатуПокупателю"), _GOODS,
    ),
    document(
        "ПоступлениеНаРасчетныйСчет", *_HEADER, composite("Контрагент"), ref("ВалютаДокумента", "Catalog_Валюты"),
        text("НазначениеПлатежа", "НомерВходящегоДокумента"), Field("ДатаВходящегоДокумента", "DateTime"),
        part("РасшифровкаПлатежа", ref("ДоговорКонтрагента", "Catalog_ДоговорыКонтрагентов"),
             ref("СчетНаОплату", "Document_СчетНаОплатуПокупателю"), Field("СуммаПлатежа", "Double")),
    ),
    _CURRENCIES,
)  # fmt: skip

TRADE: tuple[Model, ...] = (
    catalog(
        "Контрагенты", text(*_COUNTERPARTY_TEXTS), fixed("ИНН", 12), fixed("КПП", 9),
        enum("ЮридическоеФизическоеЛицо", "ЮридическоеЛицо", "ФизическоеЛицо"), enum("ЮрФизЛицо", "ЮрЛицо", "ФизЛицо"),
        ref("Партнер", "Catalog_Партнеры"), CONTACTS, coded=False,
    ),
    catalog("КонтактныеЛицаПартнеров", ref("Owner", "Catalog_Партнеры"), text("ДолжностьПоВизитке"), CONTACTS),
    catalog(
        "ДоговорыКонтрагентов", ref("Контрагент", "Catalog_Контрагенты"), ref("Партнер", "Catalog_Партнеры"),
        text("Номер"), Field("Дата", "DateTime"), Field("ДатаНачалаДействия", "DateTime"),
        Field("ДатаОкончанияДействия", "DateTime"), enum("Статус", "НеСогласован", "Действует", "Закрыт"),
        enum("ТипДоговора", "СПокупателем", "СПоставщиком"),
    ),
    document("СчетНаОплатуКлиенту", *_TRADE_HEADER, Field("СрокОплаты", "Int64")),
    document(
        "РеализацияТоваровУслуг", *_TRADE_HEADER, composite("ЗаказКлиента"), enum("Статус", "Реализовано"), _GOODS
    ),
    document("АктВыполненныхРабот", *_TRADE_HEADER),
    document("ПоступлениеБезналичныхДенежныхСредств", *_TRADE_HEADER, text("НазначениеПлатежа")),
    _CURRENCIES,
)  # fmt: skip


def inn(number: int) -> str:
    """Return an invented ИНН of an organisation with a right check digit."""
    digits = f"{246000000 + number % 1_000_000:09d}"
    return digits + str(
        sum(int(it) * by for it, by in zip(digits, (2, 4, 10, 3, 5, 9, 4, 6, 8), strict=True)) % 11 % 10
    )


def counterparty(number: int) -> dict[str, Any]:
    """Return the fields of an invented counterparty with a phone, a mailbox and an address."""
    phone, mail = f"8 (391) 2{number % 1_000_000:06d}", f"buh{number}@firma.example"
    address = f"660000, Красноярский край, г. Красноярск, ул. Выдуманная, д. {number % 200 + 1}"
    return {
        "Description": f"Ромашка {number} ООО",
        "НаименованиеПолное": f"Общество с ограниченной ответственностью «Ромашка {number}»",
        "ИНН": inn(number), "КПП": "246001001", "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
        "КодПоОКПО": f"{number % 10**8:08d}", "ДополнительнаяИнформация": "Работает по абонентскому договору",
        "КонтактнаяИнформация": [
            {"Тип": "Телефон", "Представление": phone, "НомерТелефона": f"73912{number % 1_000_000:06d}",
             "Значение": f'{{"value":"{phone}","type":"Телефон"}}'},
            {"Тип": "АдресЭлектроннойПочты", "Представление": mail, "АдресЭП": mail,
             "Значение": f'{{"value":"{mail}","type":"АдресЭлектроннойПочты"}}'},
            {"Тип": "Адрес", "Представление": address, "Страна": "Россия", "Город": "Красноярск",
             "Значение": f'{{"value":"{address}","type":"Адрес"}}'},
        ],
    }  # fmt: skip


def many_counterparties(base: Infobase, count: int) -> None:
    """Fill the base with so many counterparties of about 2.8 KB each, written only when they are asked for."""
    base.sets["Catalog_Контрагенты"].load(_lazy(base, count))


def _lazy(base: Infobase, count: int) -> Iterator[Row]:
    scratch = Infobase([base.models["Catalog_Контрагенты"]])
    key = scratch.add("Catalog_Контрагенты", **counterparty(7654321))
    template = scratch.sets["Catalog_Контрагенты"].rows[key].encoded().decode()
    for known, letter in ((key, "k"), (data_version(1), "v"), (inn(7654321), "i"), ("654321", "n")):
        template = template.replace(known, f"\0{letter}")
    pieces = [it.encode() for it in template.split("\0")]

    def make(row: Row) -> bytes:
        number = int(row.key[24:], 16)
        by_letter = dict(
            zip(
                b"kvin",
                (row.key.encode(), data_version(row.version).encode(), inn(number).encode(), b"%06d" % number),
                strict=True,
            )
        )
        made = [pieces[0]]
        for piece in pieces[1:]:
            made += (by_letter[piece[0]], piece[1:])
        text = b"".join(made)
        return text if row.version == 1 else text.replace("абонентскому".encode(), b"%d-" % row.version, 1)

    for number in range(count):
        yield Row(f"{number * 2654435761 % 2**32:08x}-0000-11ee-8000-{number:012x}", None, make)


def many_documents(base: Infobase, count: int) -> None:
    """Fill the base with so many invoices of all days since 2020, written only when they are asked for."""
    name = "Document_СчетНаОплатуПокупателю"
    scratch = Infobase([base.models[name]])
    key = scratch.add(name, Posted=True, Комментарий="Абонентское обслуживание")
    template = msgspec.json.decode(scratch.sets[name].rows[key].encoded())

    def make(row: Row) -> bytes:
        number = int(row.key[24:], 16)
        day = date(2020, 1, 1) + timedelta(days=number % 2000)
        return encoder.encode({
            **template, "Ref_Key": row.key, "DataVersion": data_version(row.version),
            "Number": f"{number % 10**9:09d}  ",
            "Date": f"{day}T10:00:00", "СуммаДокумента": amount(number),
            "Комментарий": f"Абонентское обслуживание {number}-{row.version}",
        })  # fmt: skip

    keys = (f"{number * 2654435761 % 2**32:08x}-0000-11ee-8000-{number:012x}" for number in range(count))
    base.sets[name].load(Row(key, None, make) for key in keys)


def amount(number: int) -> Decimal:
    """Return an invented amount with kopecks."""
    return Decimal(690000 + number * 101) / 100
