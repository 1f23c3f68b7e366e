"""The shapes of what is sold and settled: goods, prices, stock, orders, accounts and balances, of every configuration.

Names that end with `____Presentation` are asked for besides the object: 1C then says what a reference leads to.
"""

from __future__ import annotations

from msgspec import Struct

from .rows import NAMES, POINTS, ContactRow, Flag, InvoiceRow, Number, Text


class OrganisationRow(Struct, rename={
    "name": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "full_name": "НаименованиеПолное",
    "inn": "ИНН", "kpp": "КПП", "ogrn": "ОГРН", "prefix": "Префикс", "points": POINTS, "names": NAMES,
}):  # fmt: skip
    """`Catalog_Организации`: one of our own legal persons."""

    name: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    full_name: Text = None
    inn: Text = None
    kpp: Text = None
    ogrn: Text = None
    prefix: Text = None
    points: list[ContactRow] | None = None
    names: dict[str, str] | None = None


class BankRow(Struct, rename={"code": "Code", "name": "Description", "corr_account": "КоррСчет"}):
    """`Catalog_Банки`, `Catalog_КлассификаторБанков`: the code of a bank is its БИК."""

    code: Text = None
    name: Text = None
    corr_account: Text = None


class BankAccountRow(Struct, rename={
    "title": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "number": "НомерСчета",
    "owner_key": "Owner_Key", "owner": "Owner", "owner_type": "Owner_Type", "bank_name": "НаименованиеБанка",
    "bank": "Банк____Presentation", "bic": "БИКБанка", "corr_account": "КоррСчетБанка", "is_closed": "Закрыт",
    "closed": "ДатаЗакрытия", "currency": "ВалютаДенежныхСредств____Presentation", "at": "Банк",
}):  # fmt: skip
    """`Catalog_БанковскиеСчета` and its kin."""

    title: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    number: Text = None
    owner_key: Text = None
    owner: Text = None
    owner_type: Text = None
    bank_name: Text = None
    bank: Text = None
    bic: Text = None
    corr_account: Text = None
    is_closed: Flag = None
    closed: Text = None
    currency: Text = None
    at: BankRow | None = None


class ProductRow(Struct, rename={
    "name": "Description", "is_folder": "IsFolder", "is_marked": "DeletionMark", "code": "Code",
    "full_name": "НаименованиеПолное", "article": "Артикул", "is_service": "Услуга", "type": "ТипНоменклатуры",
    "unit": "ЕдиницаИзмерения____Presentation", "base_unit": "БазоваяЕдиницаИзмерения____Presentation",
    "group": "Parent____Presentation", "vat": "СтавкаНДС", "vat_name": "СтавкаНДС____Presentation",
    "comment": "Комментарий", "description": "Описание",
}):  # fmt: skip
    """`Catalog_Номенклатура`."""

    name: Text = None
    is_folder: Flag = None
    is_marked: Flag = None
    code: Text = None
    full_name: Text = None
    article: Text = None
    is_service: Flag = None
    type: Text = None
    unit: Text = None
    base_unit: Text = None
    group: Text = None
    vat: Text = None
    vat_name: Text = None
    comment: Text = None
    description: Text = None


class OrderRow(InvoiceRow, rename={
    "state": "Статус", "state_name": "СостояниеЗаказа____Presentation", "shipping": "ДатаОтгрузки",
    "wanted": "ЖелаемаяДатаОтгрузки", "is_closed": "Закрыт",
}):  # fmt: skip
    """`Document_ЗаказКлиента`, `Document_ЗаказПокупателя`."""

    state: Text = None
    state_name: Text = None
    shipping: Text = None
    wanted: Text = None
    is_closed: Flag = None


class PriceRow(Struct, rename={
    "day": "Period", "product_key": "Номенклатура_Key", "price": "Цена", "currency": "Валюта____Presentation",
    "type": "ВидЦены____Presentation", "second_type": "ТипЦен____Presentation", "third_type": "ВидЦен____Presentation",
    "unit": "Упаковка____Presentation", "second_unit": "ЕдиницаИзмерения____Presentation",
    "variant": "Характеристика____Presentation",
}):  # fmt: skip
    """A row of `InformationRegister_ЦеныНоменклатуры/SliceLast`."""

    day: Text = None
    product_key: Text = None
    price: Number = None
    currency: Text = None
    type: Text = None
    second_type: Text = None
    third_type: Text = None
    unit: Text = None
    second_unit: Text = None
    variant: Text = None


_EXTRA = {
    "first": "ExtDimension1", "first_type": "ExtDimension1_Type", "second": "ExtDimension2",
    "second_type": "ExtDimension2_Type", "third": "ExtDimension3", "third_type": "ExtDimension3_Type",
}  # fmt: skip


class _EntryRow(Struct, rename=_EXTRA):
    """What an account of the books is kept by: goods, warehouses, counterparties, contracts, in any order."""

    first: Text = None
    first_type: Text = None
    second: Text = None
    second_type: Text = None
    third: Text = None
    third_type: Text = None

    def key(self, catalogue: str) -> str | None:
        """Return the key of the object of that catalogue."""
        pairs = ((self.first, self.first_type), (self.second, self.second_type), (self.third, self.third_type))
        return next((it for it, kind in pairs if kind and kind.endswith(f".{catalogue}")), None)


class StockRow(_EntryRow, rename={
    "product_key": "Номенклатура_Key", "warehouse": "Склад____Presentation",
    "place": "СтруктурнаяЕдиница____Presentation", "quantity": "ВНаличииBalance", "amount": "КоличествоBalance",
    "reserved": "ВРезервеBalance", "outgoing": "КОтгрузкеBalance", "variant": "Характеристика____Presentation",
}):  # fmt: skip
    """A row of a balance of goods."""

    product_key: Text = None
    warehouse: Text = None
    place: Text = None
    quantity: Number = None
    amount: Number = None
    reserved: Number = None
    outgoing: Number = None
    variant: Text = None


class KeyRow(Struct, rename={
    "client_key": "Контрагент_Key", "contract_key": "Договор_Key", "organisation_key": "Организация_Key",
}):  # fmt: skip
    """`Catalog_КлючиАналитикиУчетаПоПартнерам`: whom and what a settlement is about."""

    client_key: Text = None
    contract_key: Text = None
    organisation_key: Text = None


class BalanceRow(_EntryRow, rename={
    "client_key": "Контрагент_Key", "contract_key": "Договор_Key", "organisation_key": "Организация_Key",
    "total": "СуммаBalance", "debit": "СуммаBalanceDr", "credit": "СуммаBalanceCr", "owed": "КОплатеBalance",
    "currency": "Валюта____Presentation", "about": "АналитикаУчетаПоПартнерам",
}):  # fmt: skip
    """A row of a balance of settlements."""

    client_key: Text = None
    contract_key: Text = None
    organisation_key: Text = None
    total: Number = None
    debit: Number = None
    credit: Number = None
    owed: Number = None
    currency: Text = None
    about: KeyRow | None = None
