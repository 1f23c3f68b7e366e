"""Which entity sets hold what, by configuration: data, in the order in which they are read.

The letters behind a set say which configurations have it; `CONFIGURATIONS` names them.
Every published set of a stream is read, because a base may keep, for example, sales of goods and acts of works apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct

from .rows import ContractRow, CounterpartyRow, DocumentRow, InvoiceRow, PersonRow, RawRow, WorkerRow
from .trade_rows import BalanceRow, BankAccountRow, OrderRow, OrganisationRow, PriceRow, ProductRow, StockRow

Table = Literal["", "SliceLast", "Balance"]


class Source(Struct, frozen=True):
    """One stream: the sets that can hold it, the row they share, and the fields without which it says little.

    `needs` says for a field of ours by which names 1C may have it, one of which a set should have. With `table` the
    sets are registers, of which this virtual table is read; `accounts` are the beginnings of the codes that matter.
    Of a choice only the first published set is read, because each of them says all there is to say, and a stream
    `instead_of` another one only where there is no such. `joins` are references whose objects are put into the row,
    each with the catalogues into which it may lead; a change of the object that it `follows` is a change of its own.
    `owner_of` is the reference by which counterparties lead to the owner of such an object.
    """

    title: str
    sets: Mapping[str, str]
    row: type[Struct] = RawRow
    needs: Mapping[str, tuple[str, ...]] = {}
    table: Table = ""
    accounts: tuple[str, ...] = ()
    is_choice: bool = False
    instead_of: str = ""
    joins: Mapping[str, tuple[str, ...]] = {}
    follows: str = ""
    owner_of: str = ""

    @property
    def is_raw(self) -> bool:
        """Tell whether objects are kept as they are, because the hub has no noun for them."""
        return self.row is RawRow

    @property
    def has_names(self) -> bool:
        """Tell whether rows of parts name something that has to be looked up: goods, units, kinds of addresses."""
        return "names" in self.row.__struct_fields__

    @property
    def has_lines(self) -> bool:
        """Tell whether the rows of documents are read."""
        return issubclass(self.row, InvoiceRow)


CONFIGURATIONS = {
    "БП": "Бухгалтерия предприятия 3.0",
    "УТ": "Управление торговлей 11",
    "КА": "Комплексная автоматизация 2 / ERP 2",
    "УНФ": "Управление нашей фирмой",
    "БГУ": "Бухгалтерия государственного учреждения",
}

_ALL = "БП УТ КА УНФ БГУ"
_CLIENT = ("Контрагент_Key", "Контрагент")
_MONEY = {"client": _CLIENT, "total": ("СуммаДокумента",)}
_BANK = {"Банк": ("Catalog_Банки", "Catalog_КлассификаторБанков")}

SOURCES: dict[str, Source] = {
    "counterparties": Source(
        "Контрагенты", {"Catalog_Контрагенты": _ALL}, CounterpartyRow,
        {"inn": ("ИНН",), "kpp": ("КПП",), "points": ("КонтактнаяИнформация",)},
        joins={"Партнер": ("Catalog_Партнеры",)}, follows="Партнер",
    ),
    "partners": Source("Партнеры", {"Catalog_Партнеры": "УТ КА"}),
    "contacts": Source("Контактные лица", {"Catalog_КонтактныеЛица": "БП УНФ БГУ"}, PersonRow),
    "partner_contacts": Source(
        "Контактные лица партнеров", {"Catalog_КонтактныеЛицаПартнеров": "УТ КА"}, PersonRow, owner_of="Партнер"
    ),
    "contracts": Source(
        "Договоры",
        {"Catalog_ДоговорыКонтрагентов": "БП УТ КА УНФ", "Catalog_Договоры": "БГУ"},
        ContractRow,
        {"client": ("Owner_Key", "Owner", *_CLIENT), "number": ("Номер", "НомерДоговора"),
         "date": ("Дата", "ДатаДоговора"), "end": ("СрокДействия", "ДатаОкончанияДействия")},
    ),
    "organisations": Source("Организации", {"Catalog_Организации": _ALL}, OrganisationRow),
    "bank_accounts": Source(
        "Банковские счета",
        {"Catalog_БанковскиеСчета": "БП УНФ БГУ", "Catalog_БанковскиеСчетаКонтрагентов": "УТ КА"},
        BankAccountRow, joins=_BANK,
    ),
    "own_bank_accounts": Source(
        "Банковские счета организаций", {"Catalog_БанковскиеСчетаОрганизаций": "УТ КА"}, BankAccountRow, joins=_BANK,
    ),
    "users": Source("Пользователи", {"Catalog_Пользователи": _ALL}, WorkerRow),
    "employees": Source("Сотрудники", {"Catalog_Сотрудники": "БП КА УНФ БГУ"}, WorkerRow),
    "nomenclature": Source("Номенклатура", {"Catalog_Номенклатура": _ALL}, ProductRow),
    "orders": Source(
        "Заказы", {"Document_ЗаказКлиента": "УТ КА", "Document_ЗаказПокупателя": "УНФ"}, OrderRow, _MONEY
    ),
    "invoices": Source(
        "Счета",
        {
            "Document_СчетНаОплатуПокупателю": "БП",
            "Document_СчетНаОплатуКлиенту": "УТ КА",
            "Document_СчетНаОплату": "УНФ БГУ",
            "Document_СчетПокупателю": "УНФ",
        },
        InvoiceRow,
        _MONEY,
    ),
    "sales": Source(
        "Реализации и акты",
        {
            "Document_РеализацияТоваровУслуг": "БП УТ КА",
            "Document_АктВыполненныхРабот": "УТ КА УНФ",
            "Document_АктОбОказанииПроизводственныхУслуг": "БП",
            "Document_РасходнаяНакладная": "УНФ",
            "Document_АктОбОказанииУслуг": "БГУ",
        },
        InvoiceRow,
        _MONEY,
    ),
    "payments": Source(
        "Поступления денег",
        {
            "Document_ПоступлениеНаРасчетныйСчет": "БП",
            "Document_ПоступлениеБезналичныхДенежныхСредств": "УТ КА",
            "Document_ПоступлениеНаСчет": "УНФ",
            "Document_ПриходныйКассовыйОрдер": "БП УТ КА",
            "Document_ПоступлениеВКассу": "УНФ",
            "Document_КассовоеПоступление": "БГУ",
        },
        DocumentRow,
        _MONEY,
    ),
    "reconciliations": Source(
        "Акты сверки",
        {"Document_АктСверкиВзаиморасчетов": "БП БГУ", "Document_СверкаВзаиморасчетов": "УТ КА УНФ"},
    ),
    "prices": Source(
        "Цены",
        {
            "InformationRegister_ЦеныНоменклатуры25": "УТ КА",
            "InformationRegister_ЦеныНоменклатуры": "БП УТ КА УНФ",
        },
        PriceRow, table="SliceLast", is_choice=True,
    ),
    "stock": Source(
        "Остатки товаров",
        {"AccumulationRegister_ТоварыНаСкладах": "УТ КА", "AccumulationRegister_ЗапасыНаСкладах": "УНФ"},
        StockRow, table="Balance",
    ),
    "account_stock": Source(
        "Остатки товаров по счетам",
        {"AccountingRegister_Хозрасчетный": "БП"},
        StockRow, table="Balance", accounts=("10", "41", "43"), instead_of="stock",
    ),
    "settlements": Source(
        "Расчеты с клиентами",
        {
            "AccumulationRegister_РасчетыСКлиентами": "УТ КА",
            "AccumulationRegister_РасчетыСКлиентамиПланОплат": "УТ КА",
            "AccumulationRegister_РасчетыСПокупателями": "УНФ",
        },
        BalanceRow, table="Balance", is_choice=True,
        joins={"АналитикаУчетаПоПартнерам": ("Catalog_КлючиАналитикиУчетаПоПартнерам",)},
    ),
    "account_settlements": Source(
        "Расчеты с покупателями по счетам", {"AccountingRegister_Хозрасчетный": "БП"}, BalanceRow, table="Balance",
        accounts=("62",), instead_of="settlements",
    ),
    "state_settlements": Source(
        "Расчеты с плательщиками по счетам", {"AccountingRegister_ЕПСБУ": "БГУ"}, BalanceRow, table="Balance",
        accounts=("205",), instead_of="settlements",
    ),
}  # fmt: skip

PREFIXES = ("Catalog_", "Document_", "ChartOfCharacteristicTypes_", "BusinessProcess_", "Task_")
"""Kinds of objects with `Ref_Key` and `DataVersion` that can be read raw, one stream a set."""

NAMED: Mapping[str, tuple[str, ...]] = {
    "Номенклатура": ("Catalog_Номенклатура",),
    "Характеристика": ("Catalog_ХарактеристикиНоменклатуры",),
    "ЕдиницаИзмерения": ("Catalog_КлассификаторЕдиницИзмерения", "Catalog_ЕдиницыИзмерения"),
    "Упаковка": ("Catalog_УпаковкиЕдиницыИзмерения", "Catalog_УпаковкиНоменклатуры"),
    "СтавкаНДС": ("Catalog_СтавкиНДС",),
    "Вид": ("Catalog_ВидыКонтактнойИнформации",),
}
"""References in rows of parts that need a name, and the catalogues into which each may lead."""

_POINTS = ("Тип", "Представление", "АдресЭП", "НомерТелефона", "Город")
SHOWN_BEHIND = {
    "Catalog_Партнеры": ",".join([
        "Ref_Key", "DataVersion", "ОсновнойМенеджер____Presentation", *(f"КонтактнаяИнформация/{it}" for it in _POINTS),
    ])
}  # fmt: skip
"""What to ask of joined objects that are many and large: they are kept for a run. Else all fields are asked for."""

CHARTS = {
    "AccountingRegister_Хозрасчетный": "ChartOfAccounts_Хозрасчетный",
    "AccountingRegister_ЕПСБУ": "ChartOfAccounts_ЕПСБУ",
}
"""Where the accounts of an accounting register are."""

WRITTEN = ("counterparties", "contacts", "partner_contacts", "contracts", "invoices", "sales")
"""Streams whose objects commands may create and change."""

CORE = ("counterparties", "contracts", "invoices", "sales", "payments")
"""Streams whose absence is always a finding; that of the others only where the configuration is known to have them."""


def guess_configuration(published: Collection[str]) -> str:
    """Return the letters of the configuration that the published names speak for, empty when none stands out.

    КА has all that УТ has; what fits both is the smaller one.
    """
    points = dict.fromkeys(CONFIGURATIONS, 0.0)
    for source in SOURCES.values():
        for name, letters in source.sets.items():
            if name in published:
                for it in letters.split():
                    points[it] += 1 / len(letters.split())
    best = [it for it, held in points.items() if held == max(points.values())]
    return best[0] if len(best) == 1 or best == ["УТ", "КА"] else ""
