"""Which entity sets hold what, by configuration: data, in the order in which they are read.

УТ 11, КА and ERP share names; БП 3.0 and УНФ have their own. Every published set of a stream is read, because a base
may keep, for example, sales of goods and acts of works apart.
"""

from __future__ import annotations

from msgspec import Struct

from .rows import ContractRow, CounterpartyRow, DocumentRow, PersonRow


class Source(Struct, frozen=True):
    """One stream: the sets that can hold it, the row they share, and the fields without which it says little.

    Each entry of `needs` is a choice of names, one of which a set should have.
    """

    title: str
    sets: tuple[str, ...]
    row: type[Struct]
    needs: tuple[tuple[str, ...], ...] = ()

    @property
    def is_document(self) -> bool:
        """Tell whether only named fields are asked for: a document with its parts can have 64 KB."""
        return self.row is DocumentRow


_CLIENT = ("Контрагент_Key", "Контрагент")
_TOTAL = ("СуммаДокумента",)

SOURCES: dict[str, Source] = {
    "counterparties": Source(
        "Контрагенты", ("Catalog_Контрагенты",), CounterpartyRow, (("ИНН",), ("КПП",), ("КонтактнаяИнформация",))
    ),
    "contacts": Source("Контактные лица", ("Catalog_КонтактныеЛица",), PersonRow),
    "partner_contacts": Source("Контактные лица партнеров", ("Catalog_КонтактныеЛицаПартнеров",), PersonRow),
    "contracts": Source(
        "Договоры",
        ("Catalog_ДоговорыКонтрагентов", "Catalog_Договоры"),
        ContractRow,
        (("Owner_Key", "Owner", *_CLIENT), ("Номер",), ("Дата",), ("СрокДействия", "ДатаОкончанияДействия")),
    ),
    "invoices": Source(
        "Счета",
        (
            "Document_СчетНаОплатуПокупателю",
            "Document_СчетНаОплатуКлиенту",
            "Document_СчетНаОплату",
            "Document_СчетПокупателю",
        ),
        DocumentRow,
        (_CLIENT, _TOTAL),
    ),
    "sales": Source(
        "Реализации и акты",
        (
            "Document_РеализацияТоваровУслуг",
            "Document_АктВыполненныхРабот",
            "Document_АктОбОказанииПроизводственныхУслуг",
            "Document_РасходнаяНакладная",
        ),
        DocumentRow,
        (_CLIENT, _TOTAL),
    ),
    "payments": Source(
        "Поступления денег",
        (
            "Document_ПоступлениеНаРасчетныйСчет",
            "Document_ПоступлениеБезналичныхДенежныхСредств",
            "Document_ПоступлениеНаСчет",
            "Document_ПриходныйКассовыйОрдер",
            "Document_ПоступлениеВКассу",
        ),
        DocumentRow,
        (_CLIENT, _TOTAL),
    ),
}

OPTIONAL = frozenset({"contacts", "partner_contacts"})
"""Streams whose absence is no finding: many bases keep no contact persons."""

DAYS = frozenset({"СрокОплаты", "ДатаПлатежа"})
"""Names that are a date in one configuration and a number of days in another; only the date is asked for."""

OWN_FIELDS = {"manager": "counterparties", "fee": "contracts", "paid": "invoices"}
"""To which stream a field of the setting `fields` belongs."""
