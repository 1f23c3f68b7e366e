"""The base of clients who pay each month: its growth against the plan, who came and who left, and renewals.

A client belongs to the base on a day when a contract with a monthly fee runs on it. The base at the beginning of a
period is that of the day before. A loss belongs to the month of the first month's end without a contract, so that
beginning + came − left = end (S000-2, S001-16, S001-17).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import or_, select

from hub.reports.days import Days, month_words, short_month
from hub.reports.reading import ROUBLES, Reading
from hub.reports.report import Cell, Chart, Column, Report, summed
from hub.store.tables import STATE

_DAY = timedelta(days=1)
TWELVE = 12
"""Months by which a contract without an end counts when deals count by their total."""


class Subscription(Struct, frozen=True, kw_only=True):
    """A contract with a monthly fee; `last` is its last day, open when there is none."""

    client: str
    name: str
    manager: str
    fee: Decimal
    first: date = date.min
    last: date = date.max
    number: str = ""
    contract: str = ""

    def months(self) -> int:
        """Return for how many months it was signed, one at least; twelve without an end."""
        if date.min in (self.first, self.last) or self.last == date.max:
            return TWELVE
        after = self.last + _DAY
        whole = (after.year - self.first.year) * 12 + after.month - self.first.month
        return max(1, whole + (after.day > self.first.day))


class Base(Struct, frozen=True):
    """What the reader found: contracts, clients who were recommended, and closed contracts that name no end."""

    subscriptions: tuple[Subscription, ...]
    recommended: frozenset[str] = frozenset()
    without_end: int = 0
    foreign: int = 0

    def of_manager(self, manager: str) -> Base:
        """Return the base of one manager."""
        return self.by_manager().get(manager, replace(self, subscriptions=()))

    def by_manager(self) -> dict[str, Base]:
        """Return the base of each manager."""
        groups: dict[str, list[Subscription]] = defaultdict(list)
        for each in self.subscriptions:
            groups[each.manager].append(each)
        return {manager: replace(self, subscriptions=tuple(group)) for manager, group in groups.items()}

    def on(self, day: date) -> dict[str, Decimal]:
        """Return the monthly fee of every client on the day."""
        fees: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.subscriptions:
            if each.first <= day <= each.last:
                fees[each.client] += each.fee
        return dict(fees)

    def warnings(self) -> tuple[str, ...]:
        """Return what was left out and why."""
        found = []
        if self.without_end:
            found.append(f"Не учтены закрытые договоры без даты окончания: {self.without_end}.")
        if self.foreign:
            found.append(f"Не учтены договоры не в рублях: {self.foreign}.")
        return tuple(found)


class Move(Struct, frozen=True):
    """How the base changed over some days: fees of who came and who left by client."""

    start: Mapping[str, Decimal]
    end: Mapping[str, Decimal]

    @property
    def won(self) -> dict[str, Decimal]:
        """Return the clients who came with their fees."""
        return {client: fee for client, fee in self.end.items() if client not in self.start}

    @property
    def lost(self) -> dict[str, Decimal]:
        """Return the clients who left with the fees they had."""
        return {client: fee for client, fee in self.start.items() if client not in self.end}

    @property
    def growth(self) -> Decimal:
        """Return the fees of who came less those of who left."""
        return total(self.won) - total(self.lost)


def total(fees: Mapping[str, Decimal]) -> Decimal:
    """Return the sum of fees."""
    return sum(fees.values(), Decimal(0))


def moves_of(base: Base, days: Days) -> Move:
    """Return how the base changed from the day before the period to its last day."""
    return Move(base.on(days.first - _DAY), base.on(days.last))


def read_base(reading: Reading) -> Base:
    """Read every contract with a monthly fee; drafts that were expressly not signed are none."""
    contract, client = STATE["contract"], STATE["client"]
    query = (
        select(contract.c.id, contract.c.client_id, client.c.name, client.c.manager, contract.c.number,
               contract.c.start, contract.c.date, contract.c.end, contract.c.fee, contract.c.fee_currency,
               contract.c.is_closed)
        .join_from(contract, client, contract.c.client_id == client.c.id)
        .where(~contract.c.deleted, contract.c.fee.is_not(None),
               or_(contract.c.is_signed.is_(None), contract.c.is_signed))
    )  # fmt: skip
    types = reading.settings.subscriptions
    if types:
        query = query.where(contract.c.type.in_(types))
    found, without_end, foreign = [], 0, 0
    for key, owner, name, manager, number, start, day, end, fee, currency, is_closed in reading.rows(query):
        if not fee:
            continue
        if currency not in (None, *ROUBLES):
            foreign += 1
        elif is_closed and end is None:
            without_end += 1
        else:
            found.append(Subscription(client=owner, name=name or "", manager=reading.employee(manager), fee=fee,
                                      first=start or day or date.min, last=end or date.max, number=number or "",
                                      contract=key))  # fmt: skip
    referral = STATE["referral"]
    sent = select(referral.c.client_id).where(~referral.c.deleted, referral.c.referrer.is_not(None))
    return Base(tuple(found), frozenset(row[0] for row in reading.rows(sent) if row[0]), without_end, foreign)


GROWTH = (
    Column("month", "Месяц"),
    Column("start", "На начало", "number"),
    Column("won", "Пришли", "number", is_summed=True),
    Column("recommended", "Из них по совету", "number", is_summed=True),
    Column("lost", "Ушли", "number", is_summed=True),
    Column("end", "На конец", "number"),
    Column("plan", "План", "number"),
    Column("fee", "Плата в месяц", "money"),
    Column("growth", "Прирост платы", "money", is_summed=True),
)


def growth(base: Base, days: Days, monthly_plan: int) -> Report:
    """Compare the base with its plan month by month; the plan begins with the base at the first day (S001-17)."""
    rows: list[tuple[Cell, ...]] = []
    alarms = []
    start: Mapping[str, Decimal] = base.on(days.first - _DAY)
    begun = len(start)
    for place, month in enumerate(days.months(), start=1):
        move = Move(start, base.on(month.last))
        start = move.end
        recommended = sum(1 for client in move.won if client in base.recommended)
        rows.append((short_month(month.first), len(move.start), len(move.won), recommended, len(move.lost),
                     len(move.end), begun + monthly_plan * place, total(move.end), move.growth))  # fmt: skip
        if move.growth < 0:
            alarms.append(
                f"{month_words(month.first).capitalize()}: прирост отрицательный. Сообщите коммерческому директору."
            )
    last = dict(zip([column.key for column in GROWTH], rows[-1], strict=True))
    given = {"start": begun, "end": last["end"], "plan": last["plan"], "fee": last["fee"]}
    return Report(
        name="growth", title="Прирост базы клиентов", period=str(days), columns=GROWTH, rows=tuple(rows),
        totals=summed(GROWTH, rows, given), chart=Chart("month", lines=("end", "plan")),
        notes=(*alarms, *base.warnings()),
    )  # fmt: skip


MOVES = (
    Column("client", "Клиент"),
    Column("manager", "Менеджер"),
    Column("move", "Движение"),
    Column("origin", "Причина"),
    Column("fee", "Плата в месяц", "money", is_summed=True),
)


def moves(base: Base, days: Days, names: Mapping[str, str], reasons: Mapping[str, str]) -> Report:
    """List who came and who left; a loss is a negative fee, so the sum is the growth (S001-16)."""
    move = moves_of(base, days)
    known = {each.client: each for each in base.subscriptions}
    rows: list[tuple[Cell, ...]] = []
    for fees, word, sign in ((move.won, "пришёл", 1), (move.lost, "ушёл", -1)):
        for client, fee in sorted(fees.items(), key=lambda item: (-item[1], known[item[0]].name)):
            origin = "по рекомендации" if sign > 0 and client in base.recommended else reasons.get(client, "")
            manager = known[client].manager
            rows.append((known[client].name, names.get(manager, manager), word, origin, fee * sign))
    return Report(name="moves", title="Кто пришёл и кто ушёл", period=str(days), columns=MOVES, rows=tuple(rows),
                  totals=summed(MOVES, rows), notes=base.warnings())  # fmt: skip


def read_loss_reasons(reading: Reading, days: Days) -> dict[str, str]:
    """Return why clients left, by the last note of the topic `loss` (an entry of the operator)."""
    note = STATE["note"]
    query = (
        select(note.c.client_id, note.c.text)
        .where(~note.c.deleted, note.c.topic == "loss", note.c.written < days.until)
        .order_by(note.c.written)
    )
    return {client: text for client, text in reading.rows(query) if client and text}


RENEWALS = (
    Column("end", "Истекает", "day"),
    Column("client", "Клиент"),
    Column("contract", "Договор"),
    Column("manager", "Менеджер"),
    Column("left", "Дней", "number"),
    Column("state", "Состояние"),
    Column("fee", "Плата в месяц", "money", is_summed=True),
)


def renewals(base: Base, days: Days, today: date, names: Mapping[str, str]) -> Report:
    """List the contracts that end in the period and whether the next one is there (S000-3, S002-31)."""
    by_client: dict[str, list[Subscription]] = defaultdict(list)
    for each in base.subscriptions:
        by_client[each.client].append(each)
    ending = sorted((each for each in base.subscriptions if each.last in days), key=lambda it: (it.last, it.name))
    rows: list[tuple[Cell, ...]] = []
    renewed = 0
    for each in ending:
        following = _next(each, by_client[each.client])
        renewed += following is not None
        state = f"продлён, {following.number}" if following else "истёк" if each.last < today else "не продлён"
        rows.append((each.last, each.name, each.number, names.get(each.manager, each.manager),
                     (each.last - today).days, state.rstrip(", "), each.fee))  # fmt: skip
    notes = (f"Продлено {renewed} из {len(ending)}.",) if ending else ()
    return Report(name="renewals", title="Продление договоров", period=str(days), columns=RENEWALS, rows=tuple(rows),
                  totals=summed(RENEWALS, rows), notes=(*notes, *base.warnings()))  # fmt: skip


def _next(old: Subscription, all_of_client: Sequence[Subscription]) -> Subscription | None:
    """Return the contract that carries on: it begins by the day after the old one and lasts longer."""
    able: Iterable[Subscription] = (
        each for each in all_of_client if each.contract != old.contract and each.last > old.last
    )
    able = [each for each in able if old.first <= each.first <= old.last + _DAY]
    return min(able, key=lambda each: (each.first, each.number), default=None)
