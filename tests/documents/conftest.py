"""Fixtures of the document tests: reference data beside the tree, and invented invoices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from hub.config import Bank, Organisation
from hub.documents.invoice import InvoiceContext, Party, build_context
from hub.model.entities import Invoice, Line
from hub.model.values import Money

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "documents"


@pytest.fixture
def shared_path() -> Callable[[str], Path]:
    def find(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"reference data {name} is not beside this tree")
        return SHARED / name

    return find


@pytest.fixture
def shared_text(shared_path: Callable[[str], Path]) -> Callable[[str], str]:
    return lambda name: shared_path(name).read_text(encoding="utf-8")


@pytest.fixture
def organisation() -> Organisation:
    return Organisation(
        name="ООО «Полярная сова»",
        inn="2465000007",
        kpp="246501001",
        address="660000, г. Красноярск, ул. Примерная, д. 1",
        director="Соколова А. Б.",
        accountant="Ветрова В. Г.",
        bank=Bank(
            name="АО «ПРИМЕРБАНК» Г. КРАСНОЯРСК",
            bic="040407777",
            account="40702810900000000017",
            corr_account="30101810200000000777",
        ),
        vat_rate="22",
    )


@pytest.fixture
def buyer() -> Party:
    return Party("МБОУ «Средняя школа № 5»", "2466001236", "246601001", "660001, г. Красноярск, ул. Школьная, д. 7")


def service(title: str = "Сопровождение", price: str = "100", rate: int | None = 22, **more: str) -> Line:
    return Line(title=title, unit="шт", price=Money(Decimal(price)), vat_rate=rate, **more)


def invoice(*lines: Line, **changes: object) -> Invoice:
    fields = {"number": "17", "date": date(2026, 11, 22), "due": date(2026, 11, 27), "lines": lines or (service(),)}
    return Invoice(**(fields | changes))


@pytest.fixture
def make_context(organisation: Organisation, buyer: Party) -> Callable[..., InvoiceContext]:
    def make(*lines: Line, basis: str = "Договор № 17/2026 от 01.02.2026", **changes: object) -> InvoiceContext:
        return build_context(organisation, buyer, invoice(*lines, **changes), basis=basis)

    return make


@pytest.fixture
def make_line() -> Callable[..., Line]:
    return service


@pytest.fixture
def make_invoice() -> Callable[..., Invoice]:
    return invoice
