"""Two whole compositions, with the sets, registers and virtual tables that the small samples leave out."""

from __future__ import annotations

from .edm import Field, catalog, chart, composite, document, enum, fixed, part, ref, text
from .registers import Register
from .samples import ACCOUNTING, CONTACTS, TRADE

_ORGANISATIONS = catalog(
    "Организации", text("НаименованиеПолное"), fixed("ИНН", 12), fixed("КПП", 9), fixed("ОГРН", 15),
    fixed("Префикс", 2), CONTACTS,
)  # fmt: skip
_KINDS = catalog("ВидыКонтактнойИнформации")
_USERS = catalog("Пользователи", Field("Недействителен", "Boolean"), Field("Служебный", "Boolean"), CONTACTS)
_STAFF = catalog("Сотрудники", Field("ВАрхиве", "Boolean"), ref("ФизическоеЛицо", "Catalog_ФизическиеЛица"))
_UNIT = ref("ЕдиницаИзмерения", "Catalog_КлассификаторЕдиницИзмерения")
_UNITS = catalog("КлассификаторЕдиницИзмерения", text("НаименованиеПолное"))
_GOODS = catalog(
    "Номенклатура", text("НаименованиеПолное", "Артикул", "Комментарий"), Field("Услуга", "Boolean"), _UNIT,
    enum("СтавкаНДС", "НДС20", "НДС10", "БезНДС"), folders=True,
)  # fmt: skip
_WARES = catalog(
    "Номенклатура", text("НаименованиеПолное", "Артикул", "Описание"), _UNIT,
    enum("ТипНоменклатуры", "Товар", "Услуга", "Работа", "Набор"), ref("СтавкаНДС", "Catalog_СтавкиНДС"), folders=True,
)  # fmt: skip
_ROWS = part("Товары", ref("Номенклатура", "Catalog_Номенклатура"), Field("Количество", "Double"),
             Field("Сумма", "Double"), Field("СуммаНДС", "Double"))  # fmt: skip
_CLIENT = ref("Контрагент", "Catalog_Контрагенты")
_ACCOUNT = ref("Account", "ChartOfAccounts_Хозрасчетный")
_TOTAL = Field("СуммаДокумента", "Double")

PRICES = Register(
    "InformationRegister_ЦеныНоменклатуры", "information",
    (ref("Номенклатура", "Catalog_Номенклатура"), ref("ВидЦены", "Catalog_ВидыЦен"), ref("Валюта", "Catalog_Валюты")),
    (Field("Цена", "Double"),),
    recorder="Document_УстановкаЦенНоменклатуры",
)  # fmt: skip
_VARIANT = ref("Характеристика", "Catalog_ХарактеристикиНоменклатуры")
TRADE_PRICES = Register(
    PRICES.name, "information", (*PRICES.dimensions, _VARIANT), PRICES.resources, recorder=PRICES.recorder
)
RATES = Register(
    "InformationRegister_КурсыВалют", "information", (ref("Валюта", "Catalog_Валюты"),),
    (Field("Курс", "Double"), Field("Кратность", "Int64")),
)  # fmt: skip
LEDGER = Register(
    "AccountingRegister_Хозрасчетный", "accounting",
    (_ACCOUNT, composite("ExtDimension1"), composite("ExtDimension2"), ref("Организация", "Catalog_Организации")),
    (Field("Сумма", "Double"), Field("Количество", "Double")), recorder="Document_РеализацияТоваровУслуг",
)  # fmt: skip
STOCK = Register(
    "AccumulationRegister_ТоварыНаСкладах", "accumulation",
    (ref("Номенклатура", "Catalog_Номенклатура"), _VARIANT, ref("Склад", "Catalog_Склады")),
    (Field("ВНаличии", "Double"), Field("КОтгрузке", "Double")), recorder="Document_РеализацияТоваровУслуг",
)  # fmt: skip
DEBTS = Register(
    "AccumulationRegister_РасчетыСКлиентамиПланОплат", "accumulation",
    (ref("АналитикаУчетаПоПартнерам", "Catalog_КлючиАналитикиУчетаПоПартнерам"), ref("Валюта", "Catalog_Валюты"),
     Field("ДатаПлановогоПогашения", "DateTime")),
    (Field("КОплате", "Double"),), recorder="Document_РеализацияТоваровУслуг",
)  # fmt: skip
REVENUE = Register(
    "AccumulationRegister_ВыручкаИСебестоимостьПродаж", "turnover", (_CLIENT,), (Field("СуммаВыручки", "Double"),),
    recorder="Document_РеализацияТоваровУслуг",
)  # fmt: skip

FULL_ACCOUNTING = (
    *ACCOUNTING,
    _ORGANISATIONS, _USERS, _STAFF, _GOODS, _KINDS,
    catalog(
        "БанковскиеСчета", composite("Owner"), fixed("НомерСчета", 20), ref("Банк", "Catalog_Банки"),
        ref("ВалютаДенежныхСредств", "Catalog_Валюты"), Field("ДатаЗакрытия", "DateTime"),
    ),
    catalog("Банки", fixed("КоррСчет", 20)), _UNITS,
    document("АктСверкиВзаиморасчетов", _CLIENT, Field("Расхождение", "Double")),
    chart("Хозрасчетный", enum("Вид", "АктивноПассивный", "Активный", "Пассивный")),
)  # fmt: skip
ACCOUNTING_REGISTERS = (PRICES, RATES, LEDGER)

FULL_TRADE = (
    *TRADE,
    _ORGANISATIONS, _USERS, _WARES, _UNITS, _KINDS, catalog("СтавкиНДС"), catalog("Склады"), catalog("ВидыЦен"),
    catalog("ХарактеристикиНоменклатуры"),
    catalog("Партнеры", Field("Клиент", "Boolean"), ref("ОсновнойМенеджер", "Catalog_Пользователи"), CONTACTS),
    catalog("БанковскиеСчетаКонтрагентов", composite("Owner"), fixed("НомерСчета", 20), text("НаименованиеБанка")),
    catalog(
        "БанковскиеСчетаОрганизаций", ref("Owner", "Catalog_Организации"), fixed("НомерСчета", 20),
        fixed("БИКБанка", 9), fixed("КоррСчетБанка", 20), text("НаименованиеБанка"), Field("Закрыт", "Boolean"),
    ),
    catalog(
        "КлючиАналитикиУчетаПоПартнерам", ref("Партнер", "Catalog_Партнеры"), _CLIENT,
        ref("Договор", "Catalog_ДоговорыКонтрагентов"), ref("Организация", "Catalog_Организации"),
    ),
    document(
        "ЗаказКлиента", _CLIENT, ref("Договор", "Catalog_ДоговорыКонтрагентов"), _TOTAL, text("Комментарий"),
        ref("Валюта", "Catalog_Валюты"), enum("Статус", "Согласован", "КВыполнению", "Закрыт"),
        Field("ДатаОтгрузки", "DateTime"), _ROWS,
    ),
    document("СверкаВзаиморасчетов", _CLIENT),
)  # fmt: skip
TRADE_REGISTERS = (TRADE_PRICES, RATES, STOCK, DEBTS, REVENUE)
