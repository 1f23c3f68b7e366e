"""Growth of the base, who came and left, renewals and pay, reckoned by hand on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_firm import Firm, days, local, pick, ref, rows, rub

from hub.formulas import SHIPPED, Formula
from hub.model.entities import Payment
from hub.model.entries import Note, Project, Referral, Survey
from hub.model.errors import HubError
from hub.reports.base import Base, Subscription, growth, moves_of
from hub.reports.pay import Payee, base_figures, pay, polls
from hub.reports.registry import REPORTS
from hub.store.database import Store

NOVEMBER = days("2026-11-01", "2026-11-30")


def base_of(count: int, fee: int, **fields: object) -> list[Subscription]:
    return [
        Subscription(client=f"c{it}", name=f"Школа {it}", manager="ivanova", fee=Decimal(fee), **fields)  # type: ignore[arg-type]
        for it in range(count)
    ]


def test_base_grows_from_100_to_103_to_106_s001_17() -> None:
    base = base_of(100, 10_000)
    for month in (10, 11):
        base += [
            Subscription(
                client=f"n{month}{it}", name="н", manager="ivanova", fee=Decimal(5), first=date(2026, month, 9)
            )
            for it in range(3)
        ]
    found = growth(Base(tuple(base)), days("2026-10-01", "2026-11-30"), 3)
    assert rows(found, "start", "won", "lost", "end", "plan") == [(100, 3, 0, 103, 103), (103, 3, 0, 106, 106)]
    assert pick(found.total(), "start", "won", "end", "plan") == (100, 6, 106, 106)
    assert found.notes == ()


def test_plan_stands_when_the_base_falls_behind_and_negative_growth_is_an_alarm_s001_19() -> None:
    gone = base_of(2, 5_000, last=date(2026, 11, 15))
    stay = [Subscription(client="s", name="с", manager="ivanova", fee=Decimal(7_000))]
    found = growth(Base((*gone, *stay)), days("2026-11-01", "2026-12-31"), 3)
    assert rows(found, "start", "lost", "end", "plan", "growth") == [(3, 2, 1, 6, -10_000), (1, 0, 1, 9, 0)]
    assert found.notes == ("Ноябрь 2026: прирост отрицательный. Сообщите коммерческому директору.",)


_DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
_CONTRACTS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), _DAYS, _DAYS), max_size=12)


@given(_CONTRACTS)
def test_beginning_and_who_came_less_who_left_is_the_end_in_any_base(found: list[tuple[int, int, date, date]]) -> None:
    base = Base(tuple(
        Subscription(client=f"c{client}", name="к", manager="m", fee=Decimal(fee), first=min(ends), last=max(ends))
        for client, fee, *ends in found
    ))  # fmt: skip
    report = growth(base, days("2026-01-01", "2026-12-31"), 3)
    assert len(report.rows) == 12
    for start, won, lost, end in rows(report, "start", "won", "lost", "end"):
        assert start + won - lost == end
    assert report.column("start")[1:] == report.column("end")[:-1]


def test_pay_of_a_manager_is_50_000_s000_21_s000_22() -> None:
    """100 clients pay 1 000 000, three come for 30 000 together, one of 20 000 leaves."""
    base = [*base_of(98, 10_000), Subscription(client="c98", name="ш", manager="ivanova", fee=Decimal(0)),
            Subscription(client="lost", name="у", manager="ivanova", fee=Decimal(20_000), last=date(2026, 11, 20)),
            *(Subscription(client=f"new{it}", name="н", manager="ivanova", fee=Decimal(10_000),
                           first=date(2026, 11, 2)) for it in range(3))]  # fmt: skip
    figures = base_figures(Base(tuple(base)), NOVEMBER, deals_by_total=False)
    assert (len(Base(tuple(base)).on(date(2026, 10, 31))), figures["base_fee"]) == (100, 1_000_000)
    assert pick(figures, "won_fee", "lost_fee", "growth") == (30_000, 20_000, 10_000)
    assert Formula(SHIPPED["manager_pay"]).result(figures) == 50_000


def test_pay_for_key_clients_is_150_000_s001_18_s001_16() -> None:
    base = [*base_of(3, 10_000),
            Subscription(client="lost", name="у", manager="sidorov", fee=Decimal(20_000), last=date(2026, 11, 3)),
            *(Subscription(client=f"n{fee}", name="н", manager="sidorov", fee=Decimal(fee), first=date(2026, 11, 9))
              for fee in (20_000, 30_000, 50_000))]  # fmt: skip
    figures = base_figures(Base(tuple(base)), NOVEMBER, deals_by_total=False)
    assert Formula(SHIPPED["key_manager_pay"]).result(figures) == 150_000
    move = moves_of(Base(tuple(base)), NOVEMBER)
    assert len(move.won) > len(move.lost)


def test_pay_has_a_floor_of_70_000_and_an_alarm_when_the_growth_is_minus_5_000_s001_19() -> None:
    figures = {"base_fee": Decimal(0), "won_fee": Decimal(15_000), "lost_fee": Decimal(20_000), "polls": Decimal(0),
               "growth": Decimal(-5_000)}  # fmt: skip
    formulas = {"key_manager_pay": Formula(SHIPPED["key_manager_pay"])}
    found = pay([Payee("Сидоров Олег", "key_manager_pay", figures)], formulas, NOVEMBER)
    assert found.column("pay") == (70_000,)
    assert found.notes[0] == "Сидоров Олег: прирост отрицательный. Сообщите коммерческому директору."


@pytest.mark.parametrize(("polls", "deals", "paid"), [(1000, 25_000, 30_000), (1000, 45_000, 45_000), (0, 0, 0)])
def test_pay_on_probation_is_30_roubles_a_poll_or_the_deals_s000_19_s000_20(polls: int, deals: int, paid: int) -> None:
    assert Formula(SHIPPED["probation_pay"]).result({"polls": polls, "deals_sum": deals}) == paid


def test_a_deal_counts_by_fee_or_by_the_whole_contract_s000_20() -> None:
    base = Base((
        Subscription(client="a", name="а", manager="m", fee=Decimal(1_000), first=date(2026, 11, 1),
                     last=date(2027, 4, 30)),
        Subscription(client="b", name="б", manager="m", fee=Decimal(100), first=date(2026, 11, 5)),
    ))  # fmt: skip
    assert base_figures(base, NOVEMBER, deals_by_total=False)["deals_sum"] == 1_100
    assert base_figures(base, NOVEMBER, deals_by_total=True)["deals_sum"] == 6 * 1_000 + 12 * 100


def test_growth_of_the_store_counts_contracts_that_run_s000_2(store: Store) -> None:
    """Beginning + came − left = end; referrals, renewals, drafts, other managers apart (S000-2)."""
    firm = Firm(store)
    for key in ("a", "b", "c", "d", "e", "f"):
        firm.client(key)
    firm.client("z", manager="Сидоров Олег")
    firm.subscription("a", 10_000, "2025-01-01", "2026-10-31")
    firm.subscription("a", 12_000, "2026-11-01")  # renewed, at another price
    firm.subscription("b", "6900.50", "2025-01-01", "2026-11-15")  # leaves
    firm.subscription("c", 30_000, "2026-11-05")  # comes
    firm.put(Referral(referrer=ref("client", "a"), stage="won"), client="c")
    firm.subscription("d", 5_000, "2026-11-05", is_signed=False)  # a draft
    firm.subscription("e", 5_000, "2020-01-01", is_closed=True)  # nobody knows when it ended
    firm.subscription("z", 100_000, "2025-01-01")
    found = firm.report("growth", NOVEMBER)
    assert rows(found, "month", "start", "won", "recommended", "lost", "end", "plan", "fee", "growth") == [
        ("ноя 2026", 3, 1, 1, 1, 3, 6, Decimal(142_000), Decimal("23099.50"))
    ]
    assert found.notes == ("Не учтены закрытые договоры без даты окончания: 1.",)
    mine = firm.report("growth", NOVEMBER, employee="ivanova")
    assert pick(mine.row(), "start", "end", "fee") == (2, 2, Decimal(42_000))


def test_moves_name_the_clients_the_way_and_the_reason_s001_16(store: Store) -> None:
    firm = Firm(store)
    firm.client("b", name="Лицей")
    firm.client("c", name="=Сад")
    firm.subscription("b", 6_900, "2025-01-01", "2026-11-15")
    firm.put(Note(topic="loss", text="ушли к другой фирме", written=local("2026-11-16T12:00")), client="b")
    firm.subscription("c", 30_000, "2026-11-05")
    firm.put(Referral(referrer=ref("client", "b")), client="c")
    found = firm.report("moves", NOVEMBER)
    assert found.rows == (
        ("=Сад", "Иванова М.", "пришёл", "по рекомендации", Decimal(30_000)),
        ("Лицей", "Иванова М.", "ушёл", "ушли к другой фирме", Decimal(-6_900)),
    )
    assert found.total()["fee"] == 23_100


def test_renewals_tell_what_is_renewed_and_what_has_run_out_s000_3_s002_31(store: Store) -> None:
    firm = Firm(store)
    for key, last, following in (("a", "2026-11-20", ""), ("b", "2026-12-31", "2027-01-01"), ("c", "2026-12-31", ""),
                                 ("d", "2026-12-31", "2027-02-01"), ("e", "2027-06-30", "")):  # fmt: skip
        firm.client(key)
        firm.subscription(key, 1_000, "2026-01-01", last)
        if following:
            firm.subscription(key, 1_000, following)
    found = firm.report("renewals", days("2026-11-01", "2026-12-31"))
    assert rows(found, "client", "left", "state") == [
        ("Школа a", -2, "истёк"), ("Школа b", 39, "продлён, b/2027-01-01"), ("Школа c", 39, "не продлён"),
        ("Школа d", 39, "не продлён"),
    ]  # fmt: skip
    assert found.notes == ("Продлено 1 из 4.",)


def test_pay_of_the_store_takes_the_figures_of_each_employee_s000_19_s000_21_s003_2(store: Store) -> None:
    """A percentage of purchases of satisfied clients is one more formula (S003-2)."""
    firm = Firm(store, formulas={"care": "20000 + satisfied_sales × 0.02"}, reports={"pay": {
        "manager": "manager_pay", "sidorov": "care", "probation": "probation_pay"}})  # fmt: skip
    firm.client("a")
    firm.client("z", manager="sidorov")
    firm.subscription("a", 100_000, "2025-01-01")
    firm.put(Survey(score=9, answered=local("2026-11-30T23:59"), employee="Новикова Анна"), client="z")
    firm.put(Survey(score=8, answered=local("2026-11-02T10:00"), employee="novikova"), client="a")
    firm.put(Survey(score=9, answered=local("2026-12-01T00:00"), employee="novikova"), client="a")  # December
    firm.put(Payment(number="1", date=date(2026, 11, 7), total=rub("1000.50")), client="z")
    firm.put(Payment(number="2", date=date(2026, 11, 7), total=rub(5_000), is_posted=False), client="z")
    firm.put(Payment(number="3", date=date(2026, 11, 7), total=rub(7_000)), client="a")
    found = firm.report("pay", NOVEMBER)
    assert rows(found, "employee", "formula", "base_fee", "polls", "pay") == [
        ("Иванова М.", "manager_pay", 100_000, 0, Decimal("3000.00")),
        ("Сидоров О.", "care", 0, 0, Decimal("20020.01")),
        ("Новикова А.", "probation_pay", 0, 2, 60),
    ]
    assert "care = 20000 + satisfied_sales × 0.02" in found.notes
    assert firm.report("satisfied", NOVEMBER).rows == (("Школа z", "Сидоров О.", 1, Decimal("1000.50")),)
    polls = firm.report("polls", NOVEMBER)
    assert polls.rows == (("Новикова А.", 2, 1000, Decimal("0.002"), 60),)


def test_1000_polls_are_30_000_roubles_s000_19() -> None:
    found = polls({"novikova": 1000}, {}, NOVEMBER, 1000)
    assert found.rows == (("novikova", 1000, 1000, 1, 30_000),)


def test_pay_refuses_figures_that_no_employee_has(store: Store) -> None:
    firm = Firm(store, formulas={"odd": "promoters * 10"}, reports={"pay": {"manager": "odd"}})
    with pytest.raises(HubError, match="promoters is no figure of an employee"):
        firm.report("pay", NOVEMBER)
    with pytest.raises(HubError, match="no formula pays anybody"):
        firm.report("pay", NOVEMBER, employee="petrov")


def test_bonus_is_a_share_of_the_profit_by_type_of_object_s004_26(store: Store) -> None:
    firm = Firm(store, reports={"object_percent": {"квартира": "10", "офис": "7.5"}})
    objects = (("Дом 1", "квартира", 100_000, "2026-11-30"), ("Офис", "офис", 1_001, "2026-11-02"),
               ("Дача", "дача", 5, "2026-11-03"), ("Рано", "офис", 9, "2026-10-31"))  # fmt: skip
    for name, type_, profit, day in objects:
        firm.put(Project(name=name, type=type_, state="closed", profit=rub(profit), closed=date.fromisoformat(day),
                         employee="ivanova"))  # fmt: skip
    found = firm.report("bonus", NOVEMBER)
    assert rows(found, "project", "bonus") == [("Офис", Decimal("75.08")), ("Дача", None), ("Дом 1", 10_000)]
    assert found.notes[0] == "Не задан процент для типа: дача."


def test_an_empty_store_gives_empty_reports(store: Store) -> None:
    firm = Firm(store)
    for name in REPORTS:
        found = firm.report(name)
        figures = [cell for row in found.rows for cell in row if isinstance(cell, Decimal | int)]
        assert all(figure >= 0 for figure in figures), name
        assert not any("отрицательный" in note for note in found.notes)


def test_month_begins_at_midnight_of_the_firm(store: Store) -> None:
    """23:59 on the 31st belongs to that month, 00:00 to the next, whatever UTC says."""
    firm = Firm(store)
    firm.client("a")
    firm.put(Survey(score=9, answered=datetime(2026, 10, 31, 16, 59, tzinfo=UTC), employee="ivanova"), client="a")
    firm.put(Survey(score=9, answered=datetime(2026, 10, 31, 17, 0, tzinfo=UTC), employee="ivanova"), client="a")
    october = firm.report("polls", days("2026-10-01", "2026-10-31"))
    assert october.column("polls") == (1,)
    assert firm.report("polls", NOVEMBER).column("polls") == (1,)
