"""VAT: which rates exist on which day, how much of a sum is VAT, and how a document says it.

Base rate 22 % from 01.01.2026 by Federal law 425-ФЗ of 28.11.2025; the rate follows the day of supply or advance,
not that of the contract. Rates of 5 and 7 % are those of the simplified system.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from hub.model.errors import HubError
from hub.model.values import CENT, Money, Period

NO_VAT = "Без НДС"

_PERIODS: dict[int, Period] = {
    0: Period(date.min),
    5: Period(date(2025, 1, 1)),
    7: Period(date(2025, 1, 1)),
    10: Period(date.min),
    20: Period(date(2019, 1, 1), date(2025, 12, 31)),
    22: Period(date(2026, 1, 1)),
}
RATES: tuple[int | None, ...] = (None, *_PERIODS)
"""Every rate a line may carry; `None` is «Без НДС»."""


class VatShare(Struct, frozen=True):
    """The sum of all lines of one rate and the VAT in it."""

    rate: int | None
    total: Money
    vat: Money


def base_rate(day: date) -> int:
    """Return the base rate in force on the day of supply or advance."""
    return 22 if day in _PERIODS[22] else 20


def check_rate(rate: int | None, day: date) -> None:
    """Raise HubError unless the rate is in force on the day of supply or advance."""
    if rate is None:
        return
    if rate not in _PERIODS:
        known = ", ".join(map(str, _PERIODS))
        raise HubError(f"There is no VAT rate of {rate} %.", hint=f"Use one of {known}, or none for «{NO_VAT}».")
    if day not in _PERIODS[rate]:
        raise HubError(
            f"The VAT rate of {rate} % is not in force on {day:%d.%m.%Y}.",
            hint=f"The base rate of that day is {base_rate(day)} %; give the day of supply if it is another one.",
        )


def vat_inside(total: Money, rate: int | None) -> Money:
    """Return the VAT contained in a sum, half up to kopecks."""
    if not rate:
        return Money(Decimal("0.00"), total.currency)
    return Money((total.amount * rate / (100 + rate)).quantize(CENT, ROUND_HALF_UP), total.currency)


def vat_shares(lines: Iterable[tuple[Money, int | None]]) -> tuple[VatShare, ...]:
    """Add up lines by rate, highest first and «Без НДС» last; VAT is rounded per line and then summed."""
    shares: dict[int | None, VatShare] = {}
    for total, rate in lines:
        vat = vat_inside(total, rate)
        share = shares.get(rate)
        shares[rate] = VatShare(rate, share.total + total, share.vat + vat) if share else VatShare(rate, total, vat)
    return tuple(sorted(shares.values(), key=lambda share: -1 if share.rate is None else share.rate, reverse=True))


def vat_text(rate: int | None, ground: str = "") -> str:
    """Say it as a document does: «в том числе НДС 22 %» or «Без НДС» with its ground."""
    if rate is not None:
        return f"в том числе НДС {rate}\u00a0%"
    return f"{NO_VAT} ({ground})" if ground else NO_VAT
