"""Employees hear of urgent things at once and of the rest once a day; nothing twice, nothing that is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon, handlers_of
from hub.ingest import ingest
from hub.model.connector import Record
from hub.model.entities import Call, Client, ContactPoint, Contract, Reference
from hub.model.events import Event
from hub.normalise import Fact, normalise
from hub.notify import notify, withdraw_if_over
from hub.plugins import Plugins
from hub.projection import Sources
from hub.remind import refresh
from hub.store.database import Store
from hub.store.tables import command, notification
from hub.testing.peers.imap import ImapServer
from hub.testing.peers.smtp import PASSWORD, USER, SmtpServer
from hub.tools import SystemClock

FRIDAY = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""11:00 in Krasnoyarsk on a working day."""


class FridayClock(SystemClock):
    """It is that Friday, whenever the tests run."""

    def now(self) -> datetime:
        return FRIDAY


class Says:
    """A source that says what it is given."""

    def __init__(self, *events: Event) -> None:
        self.events = events

    def normalise(self, record: Record) -> tuple[Event, ...]:
        del record
        return self.events


def facts(*events: Event) -> tuple[Fact, ...]:
    mapped = normalise(Says(*events), Record("1"))  # type: ignore[arg-type]
    assert mapped.problem is None
    return mapped.facts


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    server = SmtpServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hub(tmp_path: Path, store: Store, smtp: SmtpServer) -> Iterator[Hub]:
    imap = ImapServer()
    imap.start()
    (tmp_path / "secret").write_text(PASSWORD)
    (tmp_path / "hub.yaml").write_text(
        f"""
zone: Asia/Krasnoyarsk
enforce_from: 2026-11-01
employees:
  - {{id: ivanova, name: Иванова Мария, role: manager, mail: ivanova@example.ru}}
connections:
  office:
    connector: imap
    host: 127.0.0.1
    port: {imap.port}
    tls: none
    user: {USER}
    password: file:{tmp_path}/secret
    smtp_host: 127.0.0.1
    smtp_port: {smtp.port}
    smtp_tls: none
"""
    )
    yield Hub(load_config(tmp_path / "hub.yaml"), Plugins(), store, FridayClock())
    imap.stop()


def tell(store: Store, *events: Event) -> None:
    with store.write() as connection:
        ingest(connection, "office", facts(*events), Sources(["office"]), FRIDAY)


CLIENT = Event(
    "client.observed",
    Reference("client", "1"),
    Client(name="МБОУ «СШ № 1»", status="client", manager="ivanova", points=(ContactPoint("phone", "+79131234567"),)),
)
MISSED = Event(
    "call.missed",
    Reference("call", "a"),
    Call(number="+79131234567", state="missed", started=FRIDAY - timedelta(minutes=20)),
    FRIDAY - timedelta(minutes=20),
)
CALLED_BACK = Event(
    "call.connected",
    Reference("call", "b"),
    Call(number="+79131234567", direction="outbound", talk_seconds=90, started=FRIDAY),
    FRIDAY,
)


def letters(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return {row.id: row.state for row in connection.execute(select(command))}


def test_urgent_reminder_is_told_once(hub: Hub) -> None:
    tell(hub.store, CLIENT, MISSED)
    first = notify(hub, refresh(hub.store, hub.config, hub.plugins, FRIDAY))
    again = notify(hub, refresh(hub.store, hub.config, hub.plugins, FRIDAY + timedelta(minutes=1)))
    assert (first, again) == (2, 0), "a notice at once and the letter of the day; nothing a minute later"
    assert sorted(name.split("-")[0] for name in letters(hub.store)) == ["digest", "notice"]
    with hub.store.read() as connection:
        assert connection.execute(select(notification.c.addressee)).scalars().all() == ["ivanova"]


def test_what_one_occasion_asks_for_many_is_one_entry_of_the_letter(hub: Hub) -> None:
    schools = [Event("client.observed", Reference("client", f"s{number}"), Client(
        name=f"Школа {number}", status="client", manager="ivanova", points=(ContactPoint("email", "s@example.ru"),),
    )) for number in range(20)]  # fmt: skip
    monday = FRIDAY + timedelta(days=3)
    tell(hub.store, *schools)
    notify(hub, refresh(hub.store, hub.config, hub.plugins, monday))
    with hub.store.read() as connection:
        (text,) = [it.data for it in connection.execute(select(command)) if it.id.startswith("digest")]
    assert text.count("Поздравить: День бухгалтера (20\xa0клиентов)") == text.count("День бухгалтера (") == 1
    assert "hub today --rule greeting_occasion" in text
    assert text.count("Еженедельный звонок (20\xa0клиентов)") == text.count("Еженедельный звонок") == 1


def test_no_digest_on_a_day_off_but_urgent_things_are_told(hub: Hub) -> None:
    sunday = FRIDAY + timedelta(days=2)
    missed = Event("call.missed", MISSED.subject, MISSED.data, sunday - timedelta(minutes=20))
    tell(hub.store, CLIENT, missed)
    notify(hub, refresh(hub.store, hub.config, hub.plugins, sunday))
    assert [name.split("-")[0] for name in letters(hub.store)] == ["notice"]


def test_notice_that_is_over_is_withdrawn(hub: Hub) -> None:
    tell(hub.store, CLIENT, MISSED)
    notify(hub, refresh(hub.store, hub.config, hub.plugins, FRIDAY))
    notice = next(name for name in letters(hub.store) if name.startswith("notice"))
    assert not withdraw_if_over(hub, notice, FRIDAY)
    tell(hub.store, CALLED_BACK)
    assert withdraw_if_over(hub, notice, FRIDAY + timedelta(minutes=2))
    assert letters(hub.store)[notice] == "cancelled"


def test_letters_arrive_and_read_well(hub: Hub, smtp: SmtpServer) -> None:
    tell(hub.store, CLIENT, MISSED)
    notify(hub, refresh(hub.store, hub.config, hub.plugins, FRIDAY))
    with hub.store.write() as connection:  # due by the clock of the store as well
        connection.exec_driver_sql("UPDATE job SET run_at = '2000-01-01 00:00:00' WHERE kind = 'command'")
    failed = Daemon(hub, {"command": handlers_of(hub)["command"]}, with_schedules=False).run_once()
    assert failed == 0
    assert {recipient for mail in smtp.arrived for recipient in mail.recipients} == {"ivanova@example.ru"}
    import email
    import email.policy

    texts = [email.message_from_bytes(mail.raw, policy=email.policy.default) for mail in smtp.arrived]
    urgent = next(text for text in texts if "Перезвонить" in str(text["subject"]))
    assert "СШ № 1" in str(urgent["subject"])
    assert "Пропущен звонок 20.11 в 10:40" in urgent.get_content()
    assert urgent["auto-submitted"], "an automatic letter says so, and nobody's robot answers it"


def test_role_without_anybody_is_a_problem(hub: Hub) -> None:
    unknown = Event(
        "call.missed", Reference("call", "x"), Call(number="+79990001122", state="missed"), FRIDAY - timedelta(hours=1)
    )
    tell(hub.store, unknown, Event("contract.observed", Reference("contract", "1"), Contract(number="1")))
    notify(hub, refresh(hub.store, hub.config, hub.plugins, FRIDAY))
    from hub.store.problems import open_problems

    with hub.store.read() as connection:
        assert any("role:duty" in row.title for row in open_problems(connection))
