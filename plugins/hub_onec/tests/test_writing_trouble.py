"""Writing to 1C when it refuses, is busy, falls silent or answers with something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.api import AuthError, HubError, Rejected, Unavailable
from hub.testing.peers.onec import OneCServer
from hub.testing.peers.onec.edm import catalog, text
from hub.testing.peers.onec.writing import Refusal
from hub_onec.wanted import KINDS

from .orders import CLIENTS, changes, command, held

# Refusals


def refuse(words: str) -> Callable[..., None]:
    def module(*_: Any) -> None:
        raise Refusal(words)

    return module


def test_a_refusal_keeps_the_words_of_1c(hub: Any, server: OneCServer, client: str, invoice: str) -> None:
    server.writing.module = refuse("Контрагент с таким ИНН уже есть.")
    with pytest.raises(Rejected, match="Контрагент с таким ИНН уже есть"):
        hub.connector().execute(command("counterparty.create", name="В"))
    server.writing.poster = refuse("Не хватает 3 шт. товара на складе.")
    with pytest.raises(Rejected, match="Не хватает 3 шт"):
        hub.connector().execute(command("invoice.post", key=invoice))
    assert changes(server) == []


@pytest.mark.parametrize("words", ["", "Lock conflict during transaction: the record is locked."])
def test_an_object_that_is_being_edited_is_tried_later(hub: Any, server: OneCServer, client: str, words: str) -> None:
    server.writing.locked = set() if words else {client}
    server.writing.module = refuse(words) if words else None
    with pytest.raises(Unavailable, match="in use") as caught:
        hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))
    assert caught.value.unsent
    assert caught.value.retry_after
    server.writing.locked, server.writing.module = set(), None
    hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))


def test_missing_rights_are_no_wrong_password(hub: Any, server: OneCServer, client: str) -> None:
    server.writing.read_only.add(CLIENTS)
    with pytest.raises(Rejected, match=f"right to change {CLIENTS}"):
        hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))


def test_a_change_at_the_same_moment_is_refused_where_1c_heeds_versions(
    hub: Any, server: OneCServer, client: str
) -> None:
    server.writing.heeds_if_match = True
    server.writing.before = lambda *_: server.base.change(CLIENTS, client, Комментарий="Бухгалтер был здесь")
    with pytest.raises(Rejected, match="changed by somebody else at this moment"):
        hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))
    assert held(server, CLIENTS, client)["Комментарий"] == "Бухгалтер был здесь"
    server.writing.before = None
    hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))


def test_a_change_at_the_same_moment_is_told_where_1c_does_not_heed_versions(
    hub: Any, server: OneCServer, client: str
) -> None:
    server.writing.before = lambda *_: server.base.change(CLIENTS, client, НаименованиеПолное="Общество")
    receipt = hub.connector().execute(command("counterparty.update", key=client, kpp="246001001"))
    assert receipt.detail["also_changed"] == ["НаименованиеПолное"]


def test_a_wrong_password_is_tried_once(hub: Any, server: OneCServer) -> None:
    connector = hub.connector()
    server.password = "другой"
    with pytest.raises(AuthError):
        connector.execute(command("counterparty.create", name="В"))
    assert server.refused_logins == 1


def test_a_kind_nobody_knows(hub: Any) -> None:
    with pytest.raises(Rejected, match="does not know"):
        hub.connector().execute(command("counterparty.paint", name="В"))
    assert hub.connector().find(command("counterparty.paint")) is None
    assert set(hub.connector().commands()) == set(KINDS)


# Answers that do not come


@pytest.mark.parametrize("ends", ["lost", "cut", "proxy"])
@pytest.mark.parametrize("kind", ["counterparty.create", "counterparty.update", "invoice.post", "counterparty.mark"])
def test_a_change_without_an_answer_is_unknown_and_found(
    hub: Any, server: OneCServer, client: str, invoice: str, ends: Any, kind: str
) -> None:
    data = {"name": "Василек"} if kind.endswith(("create", "update")) else {}
    data |= {} if kind.endswith("create") else {"key": invoice if kind.startswith("invoice") else client}
    asked = command(kind, data)
    server.writing.ends = ends
    with pytest.raises(Unavailable) as caught:
        hub.connector().execute(asked)
    assert not caught.value.unsent
    server.writing.ends = ""
    receipt = hub.connector().find(asked)
    assert receipt is not None
    assert hub.connector().execute(asked).external_id == receipt.external_id
    assert len(changes(server)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_before_the_change_promises_that_nothing_was_sent(hub: Any, server: OneCServer, status: int) -> None:
    server.troubles.status = status
    with pytest.raises(Unavailable) as caught:
        hub.connector().execute(command("counterparty.create", name="В"))
    assert caught.value.unsent
    server.troubles.status = 0
    assert changes(server) == []


@pytest.mark.parametrize("trouble", ["status", "html", "password", "forbidden", "down"])
def test_a_failure_when_it_is_read_back_promises_nothing(hub: Any, server: OneCServer, trouble: str) -> None:
    asked = command("counterparty.create", name="В")

    def after(*_: Any) -> None:
        if trouble == "password":
            server.password = "другой"
        elif trouble == "forbidden":
            server.troubles.forbidden.add(CLIENTS)
        else:
            setattr(server.troubles, "html" if trouble == "html" else "status", 503)

    server.writing.after = after
    password = server.password
    with pytest.raises(HubError) as caught:
        hub.connector().execute(asked)
    assert isinstance(caught.value, Unavailable)
    assert not caught.value.unsent
    server.troubles.html, server.troubles.status, server.password = False, 0, password
    server.troubles.forbidden.clear()
    assert hub.connector().find(asked) is not None
    assert changes(server) == ["POST"]


def test_find_does_not_take_missing_rights_for_absence(hub: Any, server: OneCServer) -> None:
    asked = command("counterparty.create", name="В")
    hub.connector().execute(asked)
    server.troubles.forbidden.add(CLIENTS)
    with pytest.raises(Unavailable):
        hub.connector().find(asked)


@pytest.mark.parametrize("status", [400, 404])
def test_a_session_that_ended_before_the_change_promises_that_nothing_was_sent(
    hub: Any, server: OneCServer, status: int
) -> None:
    server.has_sessions, server.lost_session_status = True, status
    connector = hub.connector()
    asked = command("counterparty.create", name="В")
    send = connector._client.send_once

    def late(*given: Any) -> Any:
        server.sessions.clear()
        return send(*given)

    connector._client.send_once = late
    with pytest.raises(Unavailable) as caught:
        connector.execute(asked)
    assert caught.value.unsent
    connector._client.send_once = send
    connector.execute(asked)
    assert changes(server) == ["POST"]


def test_a_copy_made_in_1c_is_told(hub: Any, server: OneCServer) -> None:
    asked = command("counterparty.create", name="Василек")
    key = hub.connector().execute(asked).external_id
    copy = server.base.add(CLIENTS, Description="Копия", Комментарий=held(server, CLIENTS, key)["Комментарий"])
    found = hub.connector().find(asked)
    assert {found.external_id, *found.detail["copies"]} == {key, copy}


def test_metadata_is_read_once_and_again_when_a_field_is_new(hub: Any, publish: Callable[..., OneCServer]) -> None:
    hub.server = publish([catalog("Контрагенты", text("Комментарий"))])
    hub.connector().execute(command("counterparty.create", name="В"))
    hub.connector().execute(command("counterparty.create", name="Г"))
    asked = [it for it in hub.server.requests if "$metadata" in it]
    assert len(asked) == 1
    hub.server.base.models[CLIENTS] = catalog("Контрагенты", text("Комментарий", "Новое"))
    hub.server._metadata = None
    hub.connector().execute(command("counterparty.create", fields={"Новое": "есть"}))


def test_a_wrong_field_for_the_marks_is_told(hub: Any, server: OneCServer) -> None:
    hub.settings["marks"] = {"counterparties": "Нет"}
    with pytest.raises(Rejected, match="no text field Нет"):
        hub.connector().execute(command("counterparty.create", name="В"))
    for wrong in ({"payments": "Поле"}, {"invoices": "не поле"}):
        hub.settings["marks"] = wrong
        with pytest.raises(ValueError, match="marks"):
            hub.connector()
