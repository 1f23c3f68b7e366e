"""Tickets of the hub's own are entered and moved; those of a ticket system are changed there."""

from __future__ import annotations

from bureau import Office


def test_a_ticket_of_another_system_is_changed_there(office: Office) -> None:
    for action in (["solve", "512"], ["assign", "512", "--specialist", "Орлов"], ["remove", "512"]):
        assert "comes from desk" in office.refused("ticket", *action)


def test_a_request_without_a_ticket_system_is_a_ticket_of_our_own(each_office: Office) -> None:
    """S001-2: entered, it finds its client and goes its way."""
    made = each_office.json("ticket", "new", "--client", "Школа № 5", "--subject", "Не закрывается месяц",
                            "--priority", "important", "--created", "2026-11-22T15:00")  # fmt: skip
    assert (made["state"], made["priority"], made["number"][:7]) == ("new", "important", "261122-")
    assert made["client"] == each_office.json("client", "list")[0]["id"]
    assert "--subject" in each_office.refused("ticket", "new", "--client", "Школа № 5")
    assert "none of urgent" in each_office.refused("ticket", "prioritise", made["number"], "--priority", "hot")
    each_office.ok("ticket", "assign", made["number"], "--specialist", "Орлов")
    done = each_office.json("ticket", "solve", made["number"])
    assert (done["state"], done["specialist"], bool(done["closed"])) == ("solved", "Орлов", True)
    assert [it["number"] for it in each_office.json("ticket", "list", "--open")] == ["512"]
    again = each_office.json("ticket", "reopen", made["number"])
    assert (again["state"], again["reopens"], again["closed"]) == ("open", 1, None)
    events = [type_ for type_, _ in each_office.events() if not type_.endswith(".observed")]
    assert events == ["ticket.created", "ticket.assigned", "ticket.solved", "ticket.reopened"]
