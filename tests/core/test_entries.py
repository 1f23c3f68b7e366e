"""What people enter is an event of the source `operator`, belongs to its client and comes back from an exported log."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from hub.entries import enter, entered, new_key, reference_to
from hub.ingest import import_events, ingest
from hub.model.entities import ENTITIES, Client, Entity, Reference
from hub.model.entries import Complaint, Note, Offer, OfferLine, Survey
from hub.model.errors import BadRecord, HubError
from hub.model.events import Event
from hub.model.values import Money
from hub.normalise import fact_of
from hub.projection import Sources
from hub.store import log, state
from hub.store.database import Store
from hub.store.tables import STATE, audit

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SOURCES = Sources(["base", "desk"])
INN = {"inn": "2465000007", "kpp": "246501001"}


def say(store: Store, source: str, external_id: str, client: Client) -> None:
    with store.write() as connection:
        event = Event("client.observed", Reference("client", external_id), client, NOW)
        ingest(connection, source, [fact_of(event, "")], SOURCES, NOW)


def keep(store: Store, entity: Entity, verb: str, *, key: str = "", at: datetime = NOW) -> str:
    with store.write() as connection:
        return enter(connection, entity, verb, key=key or new_key(), sources=SOURCES, at=at, by="ivanova", now=NOW)


def the_client(store: Store) -> str:
    with store.read() as connection:
        return str(connection.execute(select(STATE["client"].c.id)).scalar_one())


def rows(store: Store, kind: str) -> list[dict[str, Any]]:
    with store.read() as connection:
        return state.read(connection, kind)


def about(store: Store) -> Reference:
    with store.read() as connection:
        return reference_to(connection, "client", the_client(store))


def test_entry_belongs_to_the_client_of_several_sources(store: Store) -> None:
    say(store, "base", "1", Client(name="Школа № 5", **INN))
    say(store, "desk", "7", Client(name="МБОУ СОШ 5", **INN))
    keep(store, Survey(client=about(store), score=4, reason="долго ждали", employee="ivanova"), "answered", key="a1")
    (row,) = rows(store, "survey")
    assert (row["client_id"], row["score"], row["reason"]) == (the_client(store), 4, "долго ждали")
    assert (row["connection"], row["external_id"]) == ("operator", "a1")
    with store.read() as connection:
        types = [it.type for it in log.read_log(connection, after=0, limit=10, source="operator")]
        assert connection.execute(select(audit.c.who, audit.c.what, audit.c.object)).all() == [
            ("ivanova", "survey.answered", "survey/a1")
        ]
    assert types == ["survey.answered", "survey.observed"]


def test_entry_made_before_its_client_is_known_finds_him_later(store: Store) -> None:
    keep(store, Note(client=Reference("client", "1", "base"), text="просил перезвонить"), "written")
    assert rows(store, "note")[0]["client_id"] is None
    say(store, "base", "1", Client(name="Школа № 5", **INN))
    assert rows(store, "note")[0]["client_id"] == the_client(store)


def test_steps_of_a_complaint_are_events_and_its_state_is_the_last(store: Store) -> None:
    say(store, "base", "1", Client(name="Школа № 5", **INN))
    filed = Complaint(client=about(store), text="не перезвонили", department="линия консультаций", filed=NOW)
    keep(store, filed, "filed", key="k")
    keep(store, filed, "filed", key="k")  # said twice: no second event
    later = NOW + timedelta(hours=2)
    with store.read() as connection:
        known = entered(connection, Complaint, "k")
    keep(store, msgspec.structs.replace(known, state="corrected", action="назначен другой", corrected=later),
         "corrected", key="k", at=later)  # fmt: skip
    assert rows(store, "complaint")[0]["state"] == "corrected"
    with store.read() as connection:
        found = [(it.type, it.version) for it in log.read_log(connection, after=0, limit=20, source="operator")]
        with pytest.raises(HubError, match=r"no complaint 'z'.*\Z"):
            entered(connection, Complaint, "z")
        with pytest.raises(HubError, match="no complaint"):
            reference_to(connection, "complaint", "z")
    assert found == [("complaint.filed", 1), ("complaint.observed", 1), ("complaint.corrected", 1),
                     ("complaint.observed", 2)]  # fmt: skip


def test_what_cannot_be_kept_is_refused_and_nothing_is_written(store: Store) -> None:
    huge = Offer(lines=(OfferLine(title="Камера", price=Money(Decimal("1e30"))),))
    with pytest.raises(BadRecord, match="price of offer"):
        keep(store, huge, "made")
    with pytest.raises(BadRecord, match="score of survey"):
        keep(store, Survey(score=2**70), "answered")
    with pytest.raises(BadRecord, match="no zone"):
        keep(store, Survey(answered=NOW.replace(tzinfo=None)), "answered")
    assert rows(store, "offer") == rows(store, "survey") == []


def test_the_log_gives_the_same_entries_back(store: Store, tmp_path: Any) -> None:
    """D-06 for what people enter: also when a thing was changed often and one source's name sorts after `operator`."""
    client = Reference("client", "1", "zeta")
    for day in (1, 2, 3):
        offer = Offer(client=client, number="7", date=date(2026, 11, day), total=Money(Decimal("10.50")))
        keep(store, offer, "made" if day == 1 else "sent", key="o", at=NOW + timedelta(hours=day))
    say(store, "zeta", "1", Client(name="Школа № 5", **INN))
    before = rows(store, "offer"), rows(store, "client")
    assert before[0][0]["client_id"]
    from hub.cli.event import _text, as_cloudevent

    with store.read() as connection:
        exported = [msgspec.json.encode({k: _text(v) for k, v in as_cloudevent(it).items()})
                    for it in log.pages(connection)]  # fmt: skip
    other = Store(f"sqlite:///{tmp_path / 'other.db'}")
    other.create()
    with other.write() as connection:
        import_events(connection, io.BytesIO(b"\n".join(exported)), SOURCES, NOW + timedelta(days=1))
    assert (rows(other, "offer"), rows(other, "client")) == before
    other.close()


def test_every_kind_has_a_table_and_names_no_keys_that_merge() -> None:
    own = [entity for entity in ENTITIES.values() if entity.__module__ in ("hub.model.entries", "hub.model.trade")]
    assert len(own) == 27
    assert all(entity.kind in STATE for entity in own)
