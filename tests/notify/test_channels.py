"""Channels besides mail: who chose one is told there once, at most once, and not of what is over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.api import Channel, Notice, Rejected, hookimpl
from hub.config import load_config
from hub.connections import Hub
from hub.daemon import Daemon, handlers_of
from hub.ingest import ingest
from hub.model.entities import Call, Client, ContactPoint, Reference
from hub.model.events import Event
from hub.normalise import fact_of
from hub.notify import notify
from hub.plugins import Plugins
from hub.projection import Sources
from hub.remind import refresh
from hub.store.database import Store
from hub.store.problems import open_problems
from hub.store.tables import command
from hub.tools import SystemClock

TOKEN = "123456:AAinvented"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""Sunday, 11:00 in Krasnoyarsk: nobody gets a letter of the day."""
CALLED = NOW - timedelta(minutes=20)


class SundayClock(SystemClock):
    """It is that Sunday, whenever the tests run."""

    def now(self) -> datetime:
        return NOW


class Bot:
    """A stand-in of the Bot API: sendMessage with a chat id that it knows; anything else is refused in its words."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.drops = False
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path != f"/bot{TOKEN}/sendMessage":
                    self.say(404, {"ok": False, "error_code": 404, "description": "Not Found"})
                elif body.get("chat_id") != "777" or not body.get("text") or len(body["text"]) > 4096:
                    self.say(400, {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"})
                else:
                    bot.messages.append(body)
                    if bot.drops:
                        self.close_connection = True
                        return
                    self.say(200, {"ok": True, "result": {"message_id": len(bot.messages)}})

            def say(self, status: int, answer: dict[str, Any]) -> None:
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def bot() -> Iterator[Bot]:
    server = Bot()
    yield server
    server.stop()


def firm(
    folder: Path, store: Store, bot: Bot, *, chat: str = "777", token: str = TOKEN, channel: str = "telegram"
) -> Hub:
    (folder / "url").write_text(f"http://127.0.0.1:{bot.server.server_port}/bot{token}/sendMessage")
    (folder / "hub.yaml").write_text(
        "enforce_from: 2026-11-01\n"
        f'employees: [{{id: ivanova, name: Иванова Мария, channels: {{{channel}: "{chat}"}}}}]\n'
        f"channels: {{telegram: {{url: 'file:{folder}/url'}}}}\n",
        encoding="utf-8",
    )
    hub = Hub(load_config(folder / "hub.yaml"), Plugins(), store, SundayClock())
    tell(store, "client.observed", Client(name="МБОУ «СШ № 1» {text}", status="client", manager="ivanova",
                                          points=(ContactPoint("phone", "+79131234567"),)))  # fmt: skip
    tell(store, "call.missed", Call(number="+79131234567", state="missed", started=CALLED))
    return hub


def tell(store: Store, type_: str, data: Any, moment: datetime = CALLED) -> None:
    event = Event(type_, Reference(data.kind, f"{type_}-1"), data, moment)
    with store.write() as connection:
        ingest(connection, "office", [fact_of(event, "")], Sources(["office"]), NOW)


def deliver(hub: Hub) -> None:
    with hub.store.write() as connection:  # due by the clock of the store as well, and no back-off
        connection.exec_driver_sql("UPDATE job SET run_at = '2000-01-01 00:00:00' WHERE kind = 'command'")
    Daemon(hub, {"command": handlers_of(hub)["command"]}, with_schedules=False).run_once()


def states(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        return [(row.kind, row.state, row.error) for row in connection.execute(select(command))]


def test_who_chose_a_channel_is_told_there_once(tmp_path: Path, store: Store, bot: Bot) -> None:
    hub = firm(tmp_path, store, bot)
    assert notify(hub, refresh(store, hub.config, hub.plugins, NOW)) == 1
    assert notify(hub, refresh(store, hub.config, hub.plugins, NOW + timedelta(minutes=1))) == 0
    deliver(hub)
    deliver(hub)
    (message,) = bot.messages
    assert set(message) == {"chat_id", "text"}
    assert message["text"].startswith("Перезвонить: МБОУ «СШ № 1» {text}, +7 913 123-45-67\n\n")
    assert "Пропущен звонок 22.11 в 10:40" in message["text"]
    assert states(store) == [("notice.send", "done", "")]


def test_what_is_over_before_it_could_leave_is_not_told(tmp_path: Path, store: Store, bot: Bot) -> None:
    hub = firm(tmp_path, store, bot)
    notify(hub, refresh(store, hub.config, hub.plugins, NOW))
    tell(store, "call.connected", Call(number="+79131234567", direction="outbound", talk_seconds=90, started=NOW), NOW)
    deliver(hub)
    assert bot.messages == []
    assert [state for _, state, _ in states(store)] == ["cancelled"]


def test_a_message_whose_answer_was_lost_waits_for_a_person_and_is_never_repeated(
    tmp_path: Path, store: Store, bot: Bot
) -> None:
    hub = firm(tmp_path, store, bot)
    bot.drops = True
    notify(hub, refresh(store, hub.config, hub.plugins, NOW))
    for _ in range(4):
        deliver(hub)
    assert len(bot.messages) == 1
    assert [state for _, state, _ in states(store)] == ["doubtful"]


def test_words_of_the_other_side_stand_at_the_command(tmp_path: Path, store: Store, bot: Bot) -> None:
    hub = firm(tmp_path, store, bot, chat="1")
    notify(hub, refresh(store, hub.config, hub.plugins, NOW))
    deliver(hub)
    ((_, state, error),) = states(store)
    assert state == "rejected"
    assert "chat not found" in error


def test_a_wrong_token_holds_up_what_waits_and_is_not_shown(tmp_path: Path, store: Store, bot: Bot) -> None:
    hub = firm(tmp_path, store, bot, token="9:wrongone")
    notify(hub, refresh(store, hub.config, hub.plugins, NOW))
    deliver(hub)
    assert [state for _, state, _ in states(store)] == ["ready"]
    with store.read() as connection:
        words = [f"{row.title} {row.hint}" for row in open_problems(connection)]
    assert any("telegram" in each and "token" in each for each in words)
    assert not any("wrongone" in each for each in words)


def test_a_plugin_brings_a_channel_of_its_own_and_rules_choose(tmp_path: Path, store: Store, bot: Bot) -> None:
    sent: list[Notice] = []

    class Pager:
        name = "pager"

        def send(self, notice: Notice) -> str:
            if not notice.to.isdigit():
                raise Rejected("no number")
            sent.append(notice)
            return "p1"

    class Plugin:
        @hookimpl
        def register_channels(self) -> list[Channel]:
            return [Pager()]

    hub = firm(tmp_path, store, bot, channel="pager")
    hub.plugins.manager.register(Plugin())
    assert notify(hub, refresh(store, hub.config, hub.plugins, NOW)) == 1
    deliver(hub)
    assert [(notice.to, notice.subject[:11]) for notice in sent] == [("777", "Перезвонить")]

    (tmp_path / "rules").mkdir()
    source = Path(refresh(store, hub.config, hub.plugins, NOW).rules[0].place.rpartition(":")[0]).parent
    text = (source / "missed_call.yaml").read_text(encoding="utf-8")
    (tmp_path / "rules" / "own.yaml").write_text(f"{text}channels: [telegram, pigeon]\n", encoding="utf-8")
    later = NOW + timedelta(minutes=45)
    assert notify(hub, refresh(store, hub.config, hub.plugins, later)) == 0, "the rule chose other channels"
    with store.read() as connection:
        assert any("'pigeon'" in row.title for row in open_problems(connection, "rules"))
