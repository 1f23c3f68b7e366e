"""Objects and offers by the command line: from the first control call to the bonus of a closed object."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from bureau import Office, furnished

from hub.model.entities import Invoice, Line, Payment, Price, Product, Reference, Stock
from hub.model.values import Money
from hub.store.meta import set_meta

NAME = "Школа, видеонаблюдение"
WORKS = [
    {"goods": "камера", "work": "Монтаж камеры", "price": "2500"},
    {"goods": "кабели", "price": "90"},
    {"percent": "20"},
]
PEOPLE, EACH = 6, 3
SETTINGS = {"entering": {"works": WORKS, "works_share": "0.4"}, "reports": {"object_percent": {"школа": "10"}}}


@pytest.fixture
def site(made: Callable[..., Office]) -> Office:
    """An office with rules of works, a catalogue, an object of the school, in use for a month."""
    office = furnished(made(**SETTINGS))
    for key, name, group, price, cost, stock in (
        ("p1", "Камера уличная", "Камеры", "8450.50", "6100", "2"),
        ("p2", "Камера купольная", "Камеры", "7000", "5000", "9"),
        ("p3", "Витая пара", "Кабели", "46", "31.20", "400"),
    ):  # fmt: skip
        office.says("base", key, Product(name=name, code=key, group=group, unit="шт", type="goods"))
        product = Reference("product", key)
        office.says("base", f"{key}/s", Price(product=product, type="Розничная", price=Money(Decimal(price)),
                                              date=date(2026, 1, 1)))  # fmt: skip
        office.says("base", f"{key}/c", Price(product=product, type="Закупочная", price=Money(Decimal(cost)),
                                              date=date(2026, 1, 1)))  # fmt: skip
        office.says("base", f"{key}/n", Price(product=product, type="Розничная", price=Money(Decimal(1)),
                                              date=date(2027, 1, 1)))  # fmt: skip
        office.says("base", f"{key}/w", Stock(product=product, warehouse="Основной", quantity=stock, reserved="0"))
    with office.store.write() as connection:
        set_meta(connection, "installed", (office.now - timedelta(days=30)).isoformat())
    office.ok("project", "new", "--client", "Школа № 5", "--name", NAME, "--type", "школа", "--next-call", "завтра",
              "--employee", "ivanova")  # fmt: skip
    return office


def offered(office: Office) -> dict[str, Any]:
    office.ok("offer", "new", "--project", NAME, "--line", "Камера уличная; 6", "--line", "витая пара; 152,5",
              "--line", "Шкаф; 1; шт; 5000; 4000", "--line", "работа: Пусконаладка; 1; компл; 9000")  # fmt: skip
    return office.rows("offer")[0]


def contracted(office: Office) -> str:
    """Bring the object into work with an accepted offer; return the sum of the offer."""
    total = offered(office)["total"]
    office.ok("offer", "send", "1")
    office.ok("offer", "receive", "1", "--next-call", "через 3 рабочих дня")
    office.ok("offer", "accept", "1")
    office.ok("project", "sign", NAME, "--number", "21/2026", "--start", "через неделю", "--end", "через месяц")
    return f"{total.amount:.2f}"


def rules(office: Office) -> set[str]:
    return {it["rule"] for it in office.json("reminder", "list")}


def test_works_follow_from_goods_and_the_profit_from_both(site: Office) -> None:
    """S004-1, S004-4, S004-15: price, cost and stock come from the catalogue, works from the firm's rules."""
    row = offered(site)
    lines = [(it["title"], it.get("quantity", "1"), it["price"]["amount"], it["cost"]["amount"]) for it in row["lines"]]
    assert lines == [
        ("Камера уличная", "6", "8450.50", "6100"), ("Витая пара", "152.5", "46", "31.20"),
        ("Шкаф", "1", "5000", "4000"), ("Пусконаладка", "1", "9000", "3600.00"),
        ("Монтаж камеры", "6", "2500.00", "1000.00"),
        ("Монтаж: Витая пара", "152.5", "90.00", "36.00"), ("Монтаж: Шкаф", "1", "1000.00", "400.00"),
    ]  # fmt: skip
    total = Decimal("50703.00") + 7015 + 5000 + 9000 + 15000 + 13725 + 1000
    cost = Decimal("36600.00") + 4758 + 4000 + 3600 + 6000 + 5490 + 400
    assert (row["total"], row["cost"], row["profit"]) == (Money(total), Money(cost), Money(total - cost))
    assert (row["number"], row["state"], row["date"], row["client_id"]) == (
        "1", "working", date(2026, 11, 23), site.rows("project")[0]["client_id"]
    )  # fmt: skip


def test_offer_says_what_the_stock_lacks_and_what_lies_there_instead(site: Office) -> None:
    """S002-47: two of six are there; of the same group there are others."""
    offered(site)
    told = site.ok("offer", "lines", "1")
    assert "Камера уличная: 2 in stock. Of the same group: Камера купольная (9)." in told
    assert "Витая пара: " not in told
    assert max(map(len, told.splitlines())) <= 80


def test_rows_are_added_and_dropped_with_their_works(site: Office) -> None:
    """S004-23: what was shipped beyond the offer is entered into it; S004-24: an additional wish too."""
    offered(site)
    site.ok("offer", "add", "1", "--line", "Камера купольная; 1")
    assert [it["title"] for it in site.rows("offer")[0]["lines"]][-2:] == ["Камера купольная", "Монтаж камеры"]
    site.ok("offer", "drop", "1", "1", "7")
    left = [it["title"] for it in site.rows("offer")[0]["lines"]]
    assert left == ["Витая пара", "Шкаф", "Пусконаладка", "Монтаж: Витая пара", "Камера купольная", "Монтаж камеры"]
    assert site.rows("offer")[0]["total"] == Money(Decimal(7015 + 5000 + 9000 + 13725 + 7000 + 2500))
    assert "no row 9" in site.refused("offer", "drop", "1", "9")
    site.ok("offer", "change", "1", "--line", "Витая пара; 10")
    assert [it["title"] for it in site.rows("offer")[0]["lines"]] == ["Витая пара", "Монтаж: Витая пара"]


@pytest.mark.parametrize(("line", "reason"), [
    ("Кабель; 10", "has no price"), ("Кабель; много; м; 10", "quantity"), ("Кабель; 0; м; 10", "quantity"),
    ("Кабель; 1; м; 10,555", "whole kopecks"), ("Кабель; 1; м; -5", "whole kopecks"), ("; 1", "no row"),
    ("Кабель; 1; м; 1; 2; 3", "no row"),
])  # fmt: skip
def test_a_row_that_is_none_is_refused_with_its_reason(site: Office, line: str, reason: str) -> None:
    assert reason in site.refused("offer", "new", "--project", NAME, "--line", line)


def test_offer_goes_its_way_with_a_day_of_the_next_call(site: Office) -> None:
    """S004-16, S004-17, S004-20: sent, received, decided; «Рабочее» becomes «Договор»."""
    offered(site)
    site.ok("offer", "send", "1")
    site.now += timedelta(days=2)
    assert "offer_receipt" in rules(site)
    assert "next_call must be said" in site.refused("offer", "receive", "1")
    site.ok("offer", "receive", "1", "--next-call", "завтра")
    site.now += timedelta(days=1)
    assert {"offer_receipt", "offer_decision"} & rules(site) == {"offer_decision"}
    site.ok("offer", "answer", "1", "--answer", "ждут бюджета", "--next-call", "через неделю")
    assert "offer_decision" not in rules(site)
    site.ok("offer", "accept", "1")
    (row,) = site.rows("offer")
    assert (row["state"], row["next_call"], row["answer"]) == ("contract", None, "ждут бюджета")
    assert "contract already" in site.refused("offer", "refuse", "1", "--answer", "дорого")


def test_refused_offer_and_object_are_called_in_a_year(site: Office) -> None:
    """S004-18: the same day next year is a Tuesday."""
    offered(site)
    site.ok("offer", "refuse", "1", "--answer", "дорого")
    site.ok("project", "call", NAME, "--result", "refused", "--text", "выбрали других")
    (offer,), (site_row,) = site.rows("offer"), site.rows("project")
    assert (offer["state"], offer["next_call"]) == ("refused", date(2027, 11, 23))
    assert (site_row["state"], site_row["next_call"]) == ("refused", date(2027, 11, 23))
    assert site.json("project", "list", "--open") == []


def test_control_call_is_asked_for_until_its_answer_and_the_next_day_stand(site: Office) -> None:
    """S004-3, S004-14, S004-17: an object wants a day of the first call; the answer stays in the history."""
    assert "next_call must be said" in site.refused("project", "new", "--client", "Школа № 5", "--name", "Другой")
    site.now += timedelta(days=1, hours=3)
    assert "control_call" in rules(site)
    assert "what did the client say" in site.refused("project", "call", NAME, "--next-call", "завтра")
    site.ok("project", "call", NAME, "--text", "согласуют бюджет", "--next-call", "через 2 недели")
    assert "control_call" not in rules(site)
    assert "Согласуют бюджет. Связаться снова 08.12.2026" in site.ok("client", "timeline", "Школа № 5").replace(
        "\n" + " " * 28, " ")  # fmt: skip


def test_payments_of_an_object_stand_in_a_table(site: Office) -> None:
    """S004-21: those of 1C under its contract and those entered here; the same money is not entered twice."""
    assert "no contract yet" in site.refused("project", "pay", NAME, "--total", "100")
    total = contracted(site)
    contract = site.rows("contract")[0]
    reference = Reference("contract", contract["external_id"], "operator")
    site.says("base", "p9", Payment(number="9", contract=reference, client=Reference("client", "1"),
                                    date=date(2026, 11, 20), total=Money(Decimal("40000"))))  # fmt: skip
    assert "is known from base" in site.refused("project", "pay", NAME, "--total", "40 000", "--date", "20.11")
    site.ok("project", "pay", NAME, "--total", "10 000", "--date", "вчера", "--purpose", "наличные")
    assert "still to come" in site.refused("project", "pay", NAME, "--total", "5", "--date", "2026-11-25")
    told = site.json("project", "payments", NAME)
    assert (told["agreed"], told["paid"]) == (total, "50000.00")
    assert [(it["date"], it["total"]["amount"]) for it in told["payments"]] == [
        ("2026-11-20", "40000"), ("2026-11-22", "10000")
    ]  # fmt: skip
    shown = site.ok("project", "payments", NAME)
    assert f"paid 50000.00, left {Decimal(total) - 50000}" in shown
    assert max(map(len, shown.splitlines()[:-1])) <= 80
    key = told["payments"][1]["id"]
    site.ok("payment", "remove", key)
    assert site.json("project", "payments", NAME)["paid"] == "40000.00"


def test_object_closes_by_three_conditions_and_pays_its_bonus(site: Office) -> None:
    """S004-25, S004-26, S004-20: act with a photo, the whole sum, the papers; ten percent of the profit."""
    assert "not in work" in site.refused("project", "close", NAME)
    total = contracted(site)
    missing = ["no act of acceptance", f"{total} are not paid", "papers for bookkeeping"]
    assert [it in site.refused("project", "close", NAME) for it in missing] == [True] * 3
    site.ok("project", "accept", NAME)
    assert "no photo of what works" in site.refused("project", "close", NAME)
    site.ok("project", "accept", NAME, "--has-photo")
    site.ok("project", "pay", NAME, "--total", str(Decimal(total) - 1))
    site.ok("project", "papers", NAME)
    assert "cannot be closed: 1.00 are not paid." in site.refused("project", "close", NAME)
    site.ok("project", "pay", NAME, "--total", "1")
    site.ok("project", "close", NAME)
    (row,) = site.rows("project")
    assert (row["state"], row["closed"], row["profit"]) == (
        "closed",
        date(2026, 11, 23),
        site.rows("offer")[0]["profit"],
    )
    assert "was closed on 23.11.2026" in site.refused("project", "accept", NAME)
    (line,) = site.json("report", "bonus")["rows"]
    assert Decimal(line["bonus"]) == (row["profit"].amount / 10).quantize(Decimal("0.01"))


def test_object_paid_in_cash_wants_no_papers(site: Office) -> None:
    """S004-25: papers are for those who pay by the bank."""
    total = contracted(site)
    site.ok("project", "change", NAME, "--is-cash")
    site.ok("project", "accept", NAME, "--has-photo")
    site.ok("project", "pay", NAME, "--total", total)
    site.ok("project", "close", NAME)


def test_purchasing_is_asked_for_what_the_stock_lacks(site: Office) -> None:
    """S004-22: six cameras are offered and two lie there; the cabinet is nowhere; enough cable is."""
    contracted(site)
    site.now += timedelta(days=1)
    assert "purchase_request" in rules(site)
    key = site.json("purchase", "new", "--project", NAME, "--needed", "в пятницу")["id"]
    (row,) = site.rows("purchase")
    assert [(it["title"], it["quantity"]) for it in row["lines"] if it.setdefault("quantity", "1")] == [
        ("Камера уличная", "4"), ("Шкаф", "1")
    ]  # fmt: skip
    assert "purchase_request" not in rules(site)
    site.ok("purchase", "ready", key)
    assert "ready already" in site.refused("purchase", "ready", key)
    assert site.rows("purchase")[0]["ready"] == date(2026, 11, 24)


def test_what_was_shipped_is_compared_with_the_offer(site: Office) -> None:
    """S004-6, S004-23: goods beyond the offer stand out, warranty goods do not count."""
    contracted(site)
    site.ok("handover", "new", "--project", NAME, "--line", "Камера уличная; 7", "--line", "Реле; 1; шт", "--line",
            "Камера уличная; 1; шт; гарантия")  # fmt: skip
    site.now += timedelta(days=2)
    (told,) = [it for it in site.json("reminder", "list") if it["rule"] == "shipment_differs"]
    assert told["why"] == "Камера уличная: отгружено 7 вместо 6; Реле: отгружено 1 вместо 0"
    rows = {
        it["title"]: (it["offered"], it["shipped"], it["warranty"]) for it in site.json("report", "shipped")["rows"]
    }
    assert {name: tuple(map(Decimal, it)) for name, it in rows.items()} == {
        "Камера уличная": (6, 7, 1), "Витая пара": (Decimal("152.5"), 0, 0), "Шкаф": (1, 0, 0), "Реле": (0, 1, 0)
    }  # fmt: skip
    site.ok("offer", "add", "1", "--line", "Камера уличная; 1", "--line", "Реле; 1; шт; 900; 500")
    assert "shipment_differs" not in rules(site)


def test_type_of_an_object_is_one_that_pays_a_bonus(site: Office) -> None:
    """S004-26: a misspelt type would pay nothing."""
    told = site.refused(
        "project", "new", "--client", "Школа № 5", "--name", "x", "--type", "школ", "--next-call", "завтра"
    )
    assert "no type of objects" in told
    assert "школа" in told


def test_works_end_after_they_start(site: Office) -> None:
    assert "before they start" in site.refused("project", "sign", NAME, "--start", "10.12", "--end", "01.12")


def test_own_contract_is_the_one_that_1c_knows(site: Office) -> None:
    """S004-19: a number that 1C has is taken, another is entered as signed."""
    from hub.model.entities import Contract

    site.says("base", "k21", Contract(number="21/2026", client=Reference("client", "1"), date=date(2026, 11, 20)))
    contracted(site)
    (contract,) = site.rows("contract")
    assert (contract["connection"], site.rows("project")[0]["contract"]) == ("base", contract["id"])
    other = ("project", "sign", NAME, "--start", "25.11", "--end", "10.12", "--number", "22/2026", "--date", "вчера")
    site.ok(*other)
    own = next(it for it in site.rows("contract") if it["connection"] == "operator")
    assert (own["number"], own["date"], own["type"], own["is_signed"]) == (
        "22/2026",
        date(2026, 11, 22),
        "installation",
        True,
    )


def test_offers_of_one_manager(site: Office) -> None:
    """S004-2: each manager has his own clients and offers."""
    offered(site)
    site.ok("offer", "change", "1", "--employee", "petrov")
    assert [it["number"] for it in site.json("offer", "list", "--employee", "Петров Пётр Петрович")] == ["1"]
    assert site.json("offer", "list", "--employee", "ivanova") == []
    assert [it["name"] for it in site.json("project", "list", "--employee", "ivanova")] == [NAME]
    site.ok("client", "set", "Поликлиника", "manager=petrov")
    assert [it["name"] for it in site.json("client", "list", "--manager", "petrov")] == ["КГБУЗ «Поликлиника»"]


def test_ten_steps_are_seven_metres(site: Office) -> None:
    """S004-27: a step is 0.7 m; the sizes stay with the object."""
    assert site.ok("project", "measure", NAME, "фасад=10", "коридор=12,5x3") == (
        "фасад — 10 шагов, 7 м; коридор — 12,5 × 3 шага, 8,75 × 2,1 м\n"
    )
    (note,) = site.rows("note")
    assert (note["topic"], note["about"], note["client_id"]) == (
        "sketch", site.rows("project")[0]["id"], site.rows("project")[0]["client_id"]
    )  # fmt: skip
    for wrong in ("фасад", "=10", "фасад=", "фасад=-1", "фасад=много"):
        assert "no size in steps" in site.refused("project", "measure", NAME, wrong)


def test_visit_to_a_site_has_its_list(site: Office) -> None:
    """S004-27, S004-28: plan, general view, panorama, places of what is new, models of what is there."""
    site.ok("checklist", "new", "--client", "Школа № 5", "--template", "site_visit")
    told = " ".join(it["title"] for it in site.rows("checklist")[0]["items"])
    assert [word in told for word in ("план", "общий вид", "панораму", "новое оборудование", "номера моделей")] == [
        True
    ] * 5


def test_photos_and_what_the_client_gave_lie_in_the_folder_of_the_object(site: Office) -> None:
    """S004-13, S004-28, S004-29: ФОТО and ТЗ_от_Клиента; nothing is overwritten, nothing lies there twice."""
    photo, plan = site.folder / "вид.JPG", site.folder / "план.pdf"
    photo.write_bytes(b"one")
    plan.write_bytes(b"plan")
    assert "is no picture" in site.refused("project", "file", NAME, "--photo", str(photo), str(plan))
    assert not (site.folder / "objects").exists()
    site.ok("project", "file", NAME, "--photo", str(photo))
    site.ok("project", "file", NAME, "--from-client", str(plan))
    photo.write_bytes(b"two")
    for _ in range(2):
        site.ok("project", "file", NAME, "--photo", str(photo))
    (folder,) = (site.folder / "objects").iterdir()
    assert {str(it.relative_to(folder)): it.read_bytes() for it in folder.rglob("*") if it.is_file()} == {
        "ФОТО/вид.JPG": b"one", "ФОТО/вид (2).JPG": b"two", "ТЗ_от_Клиента/план.pdf": b"plan"
    }  # fmt: skip
    site.ok("project", "new", "--client", "Школа № 5", "--name", "../../x", "--next-call", "завтра")
    site.ok("project", "file", "../../x", str(plan))
    assert len(list((site.folder / "objects").iterdir())) == 2
    assert "cannot be read" in site.refused("project", "file", NAME, str(site.folder / "nothing.pdf"))


def test_book_is_prepared_for_those_who_bought_what_has_one(site: Office) -> None:
    """S003-21: lines of the list depend on what was bought; when nobody says what it was all of them stand there."""
    for key, title in (("i1", "Лицензия ArchiMed+"), ("i2", "Лицензия ArchiTown")):
        site.says("base", key, Invoice(number=key, client=Reference("client", "1"), lines=(Line(title=title),)))
    for about in (["--about", "invoice/i1"], ["--about", "invoice/i2"], []):
        site.ok("checklist", "new", "--client", "Школа № 5", "--template", "appendix_1", *about)
    rows = site.rows("checklist")
    assert sorted((len(row["items"]), any("книгу" in it["title"] for it in row["items"])) for row in rows) == [
        (9, False),
        (10, True),
        (10, True),
    ]


def test_more_of_the_same_costs_less(made: Callable[..., Office]) -> None:
    """S002-46: the best discount for the quantity on the catalogue's price; a price that is said stays."""
    rules = [
        {"goods": "камер", "quantity": "5", "percent": "3"},
        {"goods": "камер", "quantity": "10", "percent": "7.5"},
        {"quantity": "10", "percent": "5"},
    ]
    office = furnished(made(entering={"discounts": rules}))
    for key, name in (("p1", "Камера уличная"), ("p3", "Витая пара")):
        product = Reference("product", key)
        office.says("base", key, Product(name=name, code=key, unit="шт"))
        office.says("base", f"{key}/s", Price(product=product, type="Розничная", price=Money(Decimal("8450.50"))))
    rows = ("Камера уличная; 4", "Камера уличная; 5", "Камера уличная; 10", "Витая пара; 10",
            "Камера уличная; 10; шт; 8000")  # fmt: skip
    office.ok("offer", "new", "--client", "Школа № 5", *(word for row in rows for word in ("--line", row)))
    prices = [Decimal(it["price"]["amount"]) for it in office.rows("offer")[0]["lines"]]
    assert prices == [Decimal(it) for it in ("8450.50", "8196.99", "7816.71", "8027.98", "8000")]


def test_who_pays_later_pays_more(made: Callable[..., Office]) -> None:
    """S002-46: the term of payment is said once, holds for further rows and stands in the client's copy."""
    rules = [{"quantity": "10", "percent": "5"}, {"deferral": "0", "percent": "3"}, {"deferral": "14", "percent": "1"},
             {"goods": "камер", "quantity": "10", "deferral": "14", "percent": "7"}]  # fmt: skip
    office = furnished(made(entering={"discounts": rules}))
    office.says("base", "p1", Product(name="Камера уличная", code="p1", unit="шт"))
    price = Price(product=Reference("product", "p1"), type="Розничная", price=Money(Decimal(1000)))
    office.says("base", "s1", price)

    def prices(number: int) -> list[Decimal]:
        lines = next(it for it in office.rows("offer") if it["number"] == str(number))["lines"]
        return [Decimal(it["price"]["amount"]) for it in lines]

    few, many = ("--line", "Камера уличная; 1"), ("--line", "Камера уличная; 10")
    for term in ((), ("--deferral", "14"), ("--deferral", "15")):
        office.ok("offer", "new", "--client", "Школа № 5", *few, *many, "--line", "Камера уличная; 10; шт; 800", *term)
    assert [prices(number) for number in (1, 2, 3)] == [[970, 930, 800], [990, 930, 800], [1000, 950, 800]]
    office.ok("offer", "add", "2", *few)
    assert prices(2) == [990, 930, 800, 990]
    office.ok("offer", "change", "3", *few, *few)
    assert prices(3) == [1000, 1000]
    office.ok("offer", "change", "3", "--next-call", "завтра")
    assert prices(3) == [1000, 1000]
    assert "pays 15 days after delivery" in office.ok("offer", "lines", "3")
    assert "after delivery" not in office.ok("offer", "lines", "1")
    assert "is not in the range" in office.refused("offer", "new", "--client", "Школа № 5", *few, "--deferral", "-1")


def _make_offers(office: Office, start: Any, ends: Any) -> None:
    """Be one of several people who make offers in the same instant."""
    start.wait()
    done = [office.call("offer", "new", "--client", "Школа № 5", "--total", "1000") for _ in range(EACH)]
    ends.put([(it.exit_code, it.output) for it in done if it.exit_code])


def test_people_who_make_offers_at_once_get_a_number_each(each_office: Office) -> None:
    """A number is taken under a lock: nobody else has it, whoever begins at the same time and whatever was said."""
    office = each_office
    office.ok("offer", "new", "--client", "Школа № 5", "--total", "1", "--number", "41")
    office.store.close()  # no open connection goes into a fork
    forking = multiprocessing.get_context("fork")
    start, ends = forking.Event(), forking.Queue()
    people = [forking.Process(target=_make_offers, args=(office, start, ends)) for _ in range(PEOPLE)]
    for person in people:
        person.start()
    start.set()
    assert [ends.get(timeout=60) for _ in people] == [[]] * PEOPLE
    for person in people:
        person.join(60)
    numbers = sorted(int(row["number"]) for row in office.rows("offer"))
    assert numbers == list(range(41, 42 + PEOPLE * EACH))
