"""The section of the configuration about what people enter themselves."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_QUESTIONS = (
    "Что вам не понравилось в товаре или услуге?",
    "Что вам не понравилось в работе сотрудников?",
    "Что вызвало раздражение при покупке?",
)
"""The three questions of S002-29."""


class WorkRule(BaseModel):
    """Which work goes with which goods of an offer, and what the client pays for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    goods: str = ""
    """A part of the name or of the group of the goods; empty fits all. The first rule that fits counts."""
    work: str = ""
    """What the work is called; else «Монтаж: » and the goods."""
    price: Decimal = Field(default=Decimal(0), ge=0, lt=10**9)
    """Price of the work for one unit of the goods, in roubles."""
    percent: Decimal = Field(default=Decimal(0), ge=0, le=1000)
    """Without a price: the share of the price of the goods, in percent."""


class DiscountRule(BaseModel):
    """From which quantity, and for which term of payment, goods of the catalogue are sold cheaper in an offer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    goods: str = ""
    """A part of the name or of the group of the goods; empty fits all."""
    quantity: Decimal = Field(default=Decimal(1), gt=0)
    """From this quantity on in one row."""
    deferral: int | None = Field(default=None, ge=0, le=3650)
    """Only if the client pays within so many days after delivery, 0 not later than that; left out, however late."""
    percent: Decimal = Field(gt=0, lt=100)
    """How much less the client pays, in percent of the catalogue's price; of several rules the best one counts."""


class Entering(BaseModel):
    """What people enter themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    caller: tuple[Literal["name", "city", "contact", "phone", "email", "inn", "origin", "manager"], ...] = (
        "name", "city", "contact", "phone",
    )  # fmt: skip
    """Fields of the card that must be filled when somebody calls for the first time; - is an answer."""
    questions: Mapping[str, tuple[str, ...]] = {"refusal": _QUESTIONS, "return": _QUESTIONS, "complaint": _QUESTIONS}
    """Questionnaires: name and its questions."""
    checklists: str = "checklists"
    """Folder with checklists of the firm's own, `NAME.yaml`, beside this file."""
    works: tuple[WorkRule, ...] = ()
    """Works that follow from the goods of an offer."""
    discounts: tuple[DiscountRule, ...] = ()
    """Discounts by quantity and term of payment on the catalogue's prices; a price that is said in an offer stays."""
    works_share: Decimal = Field(default=Decimal("0.5"), ge=0, le=1)
    """The share of the price of works that installers are paid."""
    sale_price: str = "Розничная"
    """Kind of price of the catalogue at which an offer sells."""
    cost_price: str = "Закупочная"
    """Kind of price of the catalogue that tells what goods cost us."""
    step: Decimal = Field(default=Decimal("0.7"), gt=0, le=2)
    """Length of a step in metres, for sketches of a site."""
    options: Mapping[str, tuple[str, ...]] = {}
    """Values that a field may have, by `kind.field`: `project.type: [дом, квартира]`; others are refused."""
    objects: str = "objects"
    """Folder beside this file with a folder for each object: its photos and what the client handed over."""
