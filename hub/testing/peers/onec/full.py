"""Two whole compositions, with the sets, registers and virtual tables that the small samples leave out."""

from __future__ import annotations

from .edm import Field, catalog, chart, composite, document, enum, fixed, part, ref, text
from .registers import Register
from .samples import ACCOUNTING, CONTACTS, TRADE

_ORGANISATIONS = catalog("Организации", text("НаименованиеПолное"), fixed("ИНН", 12), fixed("КПП", 9), CONTACTS)
_USERS = catalog("Пользователи", Field("Недействителен", "Boolean"), Field("Служебный", "Boolean"), CONTACTS)
_STAFF = catalog("Сотрудники", Field("ВАрхиве", "Boolean"), ref("ФизическоеЛицо", "Catalog_ФизическиеЛица"))
_GOODS = catalog("Номенклатура", text("НаименованиеПолное", "Артикул"), Field("Услуга", "Boolean"), folders=True)
_ROWS = part("Товары", ref("Номенклатура", "Catalog_Номенклатура"), Field("Количество", "Double"),
             Field("Сумма", "Double"))  # fmt: skip
_CLIENT = ref("Контрагент", "Catalog_Контрагенты")
_ACCOUNT = ref("Account", "ChartOfAccounts_Хозрасчетный")
_TOTAL = Field("СуммаДокумента", "Double")

PRICES = Register(
    "InformationRegister_ЦеныНоменклатуры", "information",
    (ref("Номенклатура", "Catalog_Номенклатура"), ref("ВидЦены", "Catalog_ВидыЦен")), (Field("Цена", "Double"),),
    recorder="Document_УстановкаЦенНоменклатуры",
)  # fmt: skip
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
    (ref("Номенклатура", "Catalog_Номенклатура"), ref("Склад", "Catalog_Склады")),
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
    _ORGANISATIONS, _USERS, _STAFF, _GOODS,
    catalog("БанковскиеСчета", composite("Owner"), fixed("НомерСчета", 20), ref("Банк", "Catalog_Банки")),
    document("АктСверкиВзаиморасчетов", _CLIENT, Field("Расхождение", "Double")),
    chart("Хозрасчетный", enum("Вид", "АктивноПассивный", "Активный", "Пассивный")),
)  # fmt: skip
ACCOUNTING_REGISTERS = (PRICES, RATES, LEDGER)

FULL_TRADE = (
    *TRADE,
    _ORGANISATIONS, _USERS, _GOODS,
    catalog("Партнеры", Field("Клиент", "Boolean"), CONTACTS),
    catalog("БанковскиеСчетаКонтрагентов", composite("Owner"), fixed("НомерСчета", 20), text("НаименованиеБанка")),
    document("ЗаказКлиента", _CLIENT, _TOTAL, enum("Статус", "Согласован", "КВыполнению", "Закрыт"), _ROWS),
    document("СверкаВзаиморасчетов", _CLIENT),
)  # fmt: skip
TRADE_REGISTERS = (PRICES, RATES, STOCK, DEBTS, REVENUE)
