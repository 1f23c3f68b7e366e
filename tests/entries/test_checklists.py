"""Checklists: Приложение 1 and the firm's own, lines done by people and by events in whatever order these came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bureau import NOW, Office
from hypothesis import given
from hypothesis import strategies as st

from hub.entries.checklist import HUB, derived_ticks, with_done
from hub.model.entities import Call, Reference
from hub.model.entries import Checklist, ChecklistItem
from hub.model.events import Event


def talked(office: Office, number: str, at: datetime) -> None:
    """Let a call with the clinic be connected."""
    call = Call(number="+73912940853", direction="outbound", started=at, talk_seconds=90)
    office.happens("desk", Event("call.connected", Reference("call", number), call, at))


def lines(office: Office) -> dict[int, tuple[str, str | None]]:
    (row,) = office.rows("checklist")
    return {it["number"]: (it.get("by", ""), it.get("done")) for it in row["items"]}


def test_appendix_1_has_its_ten_lines_and_knows_who_did_which_when(each_office: Office) -> None:
    """S003-24, S003-15: ten lines; a line is done once; the last one completes the list."""
    office = each_office
    key = office.json("checklist", "new", "--client", "Поликлиника", "--template", "appendix_1")["id"]
    (row,) = office.rows("checklist")
    assert [it["number"] for it in row["items"]] == list(range(1, 11))
    words = ("папку", "печати", "курьера", "Позвонить", "почту", "реакцию", "коробку", "ключ", "книгу", "акт")
    for place, word in enumerate(words, 1):
        assert word in row["items"][place - 1]["title"]
    assert "94-08-53" in row["items"][2]["title"]
    assert office.ok("checklist", "lines", "Поликлиника") == office.ok("checklist", "lines", key)
    assert "8 lines are left" in office.ok(
        "checklist", "tick", key, "1", "2", "--by", "Иванова М. С.", "--when", "сегодня"
    )
    assert "line 2 was done 23.11.2026 by ivanova" in office.refused("checklist", "tick", key, "2")
    assert "no line 11" in office.refused("checklist", "tick", key, "11")
    assert lines(office)[1][0] == "ivanova"
    told = office.ok("checklist", "lines", key)
    assert "Иванова Мария Сергеевна" in told
    assert "completed" in office.ok("checklist", "tick", key, *map(str, range(3, 11)))
    assert office.rows("checklist")[0]["completed"] == office.now
    assert [name for name, _ in office.events() if "observed" not in name] == [
        "checklist.started", "checklist.item_done", "checklist.item_done", "checklist.completed",
    ]  # fmt: skip
    assert office.json("checklist", "list", "--open") == []


def test_events_do_their_lines_whatever_the_order_in_which_they_came(each_office: Office) -> None:
    """S003-24: line 4 by the earliest connected call since the list was begun, 3 and 6 by the courier; by=hub."""
    office = each_office
    office.ok("checklist", "new", "--client", "Поликлиника", "--template", "appendix_1", "--created", "вчера в 12:00")
    talked(office, "before", NOW - timedelta(days=2))
    office.ok("today")
    assert lines(office)[4] == ("", None)
    talked(office, "late", NOW - timedelta(hours=1))
    office.ok("today")
    assert lines(office)[4] == (HUB, "2026-11-23T02:00:00Z")
    talked(office, "early", NOW - timedelta(hours=5))
    office.ok("shipment", "new", "--client", "Поликлиника", "--carrier", "Даймакс", "--planned", "в пятницу")
    office.ok("today")
    assert lines(office)[4] == (HUB, "2026-11-22T22:00:00Z")
    assert [number for number, (by, _) in lines(office).items() if by == HUB] == [3, 4, 6]
    before = office.events()
    office.ok("today")
    assert office.events() == before


def test_line_that_a_person_did_stays_his(office: Office) -> None:
    key = office.json("checklist", "new", "--client", "Поликлиника", "--template", "appendix_1",
                      "--created", "вчера в 12:00")["id"]  # fmt: skip
    office.ok("checklist", "tick", key, "4", "--by", "petrov")
    talked(office, "early", NOW - timedelta(hours=5))
    office.ok("today")
    assert lines(office)[4][0] == "petrov"


def test_firm_has_lists_of_its_own(made: Callable[..., Office]) -> None:
    office = made()
    (office.folder / "checklists").mkdir()
    own = office.folder / "checklists" / "visit.yaml"
    own.write_text(
        "title: Выезд\nlines:\n  - План с размерами\n  - {title: Позвонить, ticks: [call.connected]}\n", "utf-8"
    )
    assert [it["id"] for it in office.json("checklist", "templates")] == ["appendix_1", "site_visit", "visit"]
    office.ok("client", "new", "--name", "Фермер", "--city", "-", "--contact", "-", "--phone", "-")
    assert "Did you mean 'visit'" in office.refused("checklist", "new", "--client", "Фермер", "--template", "visitt")
    office.ok("checklist", "new", "--client", "Фермер", "--template", "visit")
    for text, says in [
        ("title: x\nlines:\n  - {title: y, ticks: [call.conected]}\n", "visit.yaml:3: 'call.conected' is no event"),
        ("title: x\nline: []\n", "a checklist has a title and lines"),
        ("title: x\nlines: [a]\nowner: me\n", "visit.yaml:3: 'owner' is no key"),
    ]:
        own.write_text(text, "utf-8")
        assert says in office.refused("checklist", "templates")


MOMENTS = st.integers(0, 200).map(lambda hours: NOW + timedelta(hours=hours))
FACTS = st.lists(
    st.tuples(st.sampled_from(["call.connected", "message.sent", "shipment.ordered"]), MOMENTS), max_size=8
)
ITEMS = (
    ChecklistItem(number=1, title="a", ticks=("call.connected",)),
    ChecklistItem(number=2, title="b", ticks=("message.sent", "shipment.ordered")),
    ChecklistItem(number=3, title="c"),
    ChecklistItem(number=4, title="d", ticks=("call.connected",), by="ivanova", done=datetime(2026, 1, 1, tzinfo=UTC)),
)


@given(facts=FACTS, order=st.randoms(), cuts=st.integers(0, 8))
def test_any_order_and_any_split_give_the_same_list(
    facts: list[tuple[str, datetime]], order: object, cuts: int
) -> None:
    """Facts that come in another order, or in parts with a look in between, do the same lines at the same times."""

    def seen(known: list[tuple[str, datetime]], before: Checklist) -> Checklist:
        ticks = derived_ticks(
            before.items, NOW, lambda tick, since: [at for it, at in known if it == tick and at >= since]
        )
        return with_done(before, ticks, HUB)

    whole = seen(facts, Checklist(items=ITEMS))
    shuffled = list(facts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert seen(shuffled, seen(shuffled[:cuts], Checklist(items=ITEMS))) == whole
    assert seen(facts, whole) == whole
    assert whole.items[2].done is None
    assert whole.items[3].by == "ivanova"


def test_a_line_that_was_ticked_by_mistake_is_open_again(office: Office) -> None:
    """S003-24: a completed list is open once more; what an event did is no matter of a person."""
    key = office.json("checklist", "new", "--client", "Поликлиника", "--template", "appendix_1",
                      "--created", "вчера в 12:00")["id"]  # fmt: skip
    talked(office, "early", NOW - timedelta(hours=5))
    office.ok("today")
    office.ok("checklist", "tick", key, *(str(line) for line in range(1, 11) if line != 4))
    assert office.json("checklist", "list", "--open") == []
    assert "2 lines are left" in office.ok("checklist", "untick", key, "2", "9")
    assert (lines(office)[2], lines(office)[9]) == (("", None), ("", None))
    assert [it["id"] for it in office.json("checklist", "list", "--open")] == [key]
    assert "line 2 is not done" in office.refused("checklist", "untick", key, "2")
    assert "was done by what happened" in office.refused("checklist", "untick", key, "4")
    assert "no line 11" in office.refused("checklist", "untick", key, "11")
    assert "completed" in office.ok("checklist", "tick", key, "2", "9")
