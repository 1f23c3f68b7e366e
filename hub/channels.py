"""Ways to tell employees besides mail: those that plugins register, and webhooks of the configuration.

A notice leaves through the outbox as the command `notice.send`: at most once, `doubtful` when its outcome is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from hub.config import ChannelConfig
from hub.connections import Hub
from hub.model.connector import Check, Command, Connector, Http, Receipt
from hub.model.errors import AuthError, Rejected, SettingsError, Unavailable
from hub.model.notices import Channel, Notice
from hub.redaction import reveal
from hub.tools import HttpxClient, retry_after

KIND = "notice.send"
MOST_TEXT = 3500
"""Letters of a message: Telegram takes 4096 in all."""
_NO_ENTRY = (401, 404)
"""A wrong token: Telegram says 404 where it is no token at all."""


def channel_names(hub: Hub) -> Sequence[str]:
    """Return the names of all channels."""
    return [*hub.config.model.channels, *(channel.name for channel in _of_plugins(hub))]


@contextmanager
def open_channel(hub: Hub, name: str) -> Iterator[Connector]:
    """Open a channel as what the outbox delivers to. Raises SettingsError when there is none of that name."""
    settings = hub.config.model.channels.get(name)
    if settings is None:
        found = next((channel for channel in _of_plugins(hub) if channel.name == name), None)
        if found is None:
            raise SettingsError(f"no channel is called {name!r}.", hint="Add it to `channels:`, or install its plugin.")
        yield Delivers(found)
        return
    url = reveal(settings.url)
    http = HttpxClient(hub.clock, origins=[url])
    try:
        yield Delivers(Webhook(name, url, settings, http, hub))
    finally:
        http.close()


class Delivers:
    """A channel in the form in which the outbox knows who carries out a command."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def check(self) -> Check:
        """Return nothing: a channel is tried by telling somebody."""
        return Check()

    def commands(self) -> Sequence[str]:
        """Return the one kind of command."""
        return (KIND,)

    def execute(self, command: Command) -> Receipt:
        """Tell the employee."""
        notice = Notice(id=command.id, **{name: str(command.data[name]) for name in ("to", "subject", "text")})
        return Receipt(external_id=self._channel.send(notice))

    def find(self, command: Command) -> Receipt | None:
        """Return nothing: no channel tells what it has sent, so what was interrupted waits for a person."""
        del command
        return None


class Webhook:
    """A message as JSON to an address, in the words of the configuration; as it comes, those of Telegram's Bot API."""

    def __init__(self, name: str, url: str, settings: ChannelConfig, http: Http, hub: Hub) -> None:
        self.name = name
        self._url = url
        self._body = settings.body
        self._http = http
        self._clock = hub.clock

    def send(self, notice: Notice) -> str:
        """Post the message (https://core.telegram.org/bots/api#sendmessage)."""
        blanks = {"to": notice.to, "subject": notice.subject, "text": notice.text[:MOST_TEXT]}
        body = {key: re.sub(r"\{(to|subject|text)\}", lambda found: blanks[found[1]], value)
                for key, value in self._body.items()}  # fmt: skip
        answer = self._http.request(
            "POST", self._url, headers={"content-type": "application/json"}, content=msgspec.json.encode(body),
            accept_status=(400, 401, 403, 404, 429),
        )  # fmt: skip
        said = _said(answer.content)
        if answer.status in _NO_ENTRY:
            raise AuthError(f"the channel {self.name} refused the address (HTTP {answer.status}).",
                            hint="Check the token in its `url:`.")  # fmt: skip
        if answer.status == 429:
            wait = retry_after(answer.headers.get("retry-after", ""), self._clock.now())
            raise Unavailable(f"the channel {self.name} asks to wait.", retry_after=wait, unsent=True)
        if answer.status >= 400:
            raise Rejected(f"the channel {self.name} refused: {said.get('description') or f'HTTP {answer.status}'}.")
        result = said.get("result")
        return str(result.get("message_id", "")) if isinstance(result, Mapping) else ""


def _of_plugins(hub: Hub) -> list[Channel]:
    return [channel for channels in hub.plugins.manager.hook.register_channels() for channel in channels]


def _said(content: bytes) -> Mapping[str, object]:
    try:
        said = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}
