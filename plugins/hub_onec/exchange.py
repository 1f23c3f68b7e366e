"""The exchange plan: 1C registers what changed for a node, and forgets it only when told that it arrived.

One packet holds the changes of all sets, while the hub stores stream by stream. A stream's cursor names the packet that
it has stored; it is given back only after the commit. So a packet is confirmed when the cursors of all streams have
come back with its number, never earlier: a crash in between makes 1C give the same changes again. Of a packet only keys
and versions are taken; the objects themselves are read in the usual way.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from logging import Logger
from urllib.parse import unquote

import msgspec
from lxml import etree
from msgspec import Struct, field

from hub.api import SettingsError, Unavailable

from .client import ODataClient, ODataError
from .settings import OneCSettings

TOO_LARGE = "sent more than"
"""How the hub's HTTP says that an answer went beyond the limit."""
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_PIECE = 64 * 1024
_OBJECT = re.compile(r"(\w+)\((?:Ref_Key=)?guid'([0-9A-Fa-f-]{36})'\)/?$")


class Change(Struct, frozen=True):
    """One object of which the plan says that it changed or is gone."""

    set: str
    key: str
    version: str = ""
    deleted: bool = False


class _Node(Struct):
    key: str = field(name="Ref_Key")
    code: str | None = field(name="Code", default=None)
    name: str | None = field(name="Description", default=None)
    sent: int | float | str | None = field(name="SentNo", default=None)
    received: int | float | str | None = field(name="ReceivedNo", default=None)


_node = msgspec.json.Decoder(_Node)


class Exchange:
    """The plan and node of one connection during one run."""

    def __init__(self, settings: OneCSettings, client: ODataClient, log: Logger) -> None:
        self._settings = settings
        self._client = client
        self._log = log
        self._node: _Node | None = None
        self._changes: tuple[Change, ...] | None = None
        self._proofs: dict[str, int] = {}
        self.message = 0
        self.is_too_large = False

    def node(self) -> str:
        """Return the address of the node as the service calls want it. Raises SettingsError when there is none."""
        return f"{self._settings.url}{self._settings.exchange_plan}(guid'{self._found().key}')"

    def changes(self, stored: int, now: datetime) -> Sequence[Change]:
        """Return what changed since the last confirmed packet; asked once a run, under a number never used before."""
        if self._changes is None:
            node = self._found()
            ticks = int((now - _EPOCH).total_seconds() * 10)
            self.message = max(ticks, stored + 1, _number(node.sent) + 1, _number(node.received) + 1)
            self._changes = self._select()
        return self._changes

    def _select(self) -> tuple[Change, ...]:
        try:
            return read_changes(self._client.exchange("SelectChanges", self.node(), self.message))
        except Unavailable as error:
            if TOO_LARGE not in str(error):
                raise
            self._log.warning("the packet of the exchange plan is too large; all versions are compared instead")
            self.is_too_large = True
            return ()

    def prove(self, stream: str, stored: int, streams: Collection[str]) -> None:
        """Take the packet that a stream has stored; when all streams came, confirm what all of them have."""
        self._proofs[stream] = stored
        if set(streams) <= set(self._proofs):
            message = min(self._proofs[it] for it in streams)
            if message > _number(self._found().received):
                try:
                    self._client.exchange("NotifyChangesReceived", self.node(), message)
                except ODataError as error:  # the same changes will come again, which harms nobody
                    self._log.warning("1C did not take the confirmation (code %s)", error.code)
                else:
                    self._log.info("the exchange plan was told that packet %d is stored", message)

    def _found(self) -> _Node:
        if self._node is None:
            settings, wanted = self._settings, self._settings.exchange_node.strip().lower()
            nodes = [_node.decode(raw) for raw in self._client.values(settings.exchange_plan, "")]
            found = [it for it in nodes if wanted in (it.key.lower(), (it.code or "").strip().lower())]
            if not found:
                names = ", ".join(f"{(it.code or '').strip()} «{(it.name or '').strip()}»" for it in nodes[:10])
                raise SettingsError(
                    f"{settings.exchange_plan} has no node {settings.exchange_node}.",
                    field="exchange_node", hint=f"It has: {names or 'none'}.",
                )  # fmt: skip
            self._node = found[0]
        return self._node


def read_changes(content: bytes) -> tuple[Change, ...]:
    """Return the changed and deleted objects of an Atom feed; records of registers have no key and are left out."""
    target = _Feed()
    parser = etree.XMLParser(target=target, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        for start in range(0, len(content), _PIECE):
            parser.feed(content[start : start + _PIECE])
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Unavailable(f"The packet of the exchange plan breaks off at line {error.lineno}.") from error
    if not target.is_feed:
        raise Unavailable("SelectChanges did not answer with a feed.")
    return tuple(target.found)


class _Feed:
    """Takes the elements of the feed and keeps keys and versions."""

    def __init__(self) -> None:
        self.found: list[Change] = []
        self.is_feed = False
        self._path: list[str] = []
        self._texts: dict[str, str] = {}
        self._text = ""

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        """Refuse a DOCTYPE."""
        raise Unavailable("The packet carries a DOCTYPE, which 1C never sends.")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        name = tag.rpartition("}")[2]
        self._path.append(name)
        self._text = ""
        if len(self._path) == 1:
            self.is_feed = name == "feed"
        elif name == "entry":
            self._texts = {}
        elif name == "category" and "entry" in self._path:
            self._texts.setdefault("category", attributes.get("term", "").rpartition(".")[2])
        elif name == "deleted-entry" and (found := _OBJECT.search(unquote(attributes.get("ref", "")))):
            self.found.append(Change(found[1], found[2].lower(), deleted=True))

    def data(self, text: str) -> None:
        """Take text; only short ones matter."""
        if len(self._text) < 2000:
            self._text += text

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        name = tag.rpartition("}")[2]
        self._path.pop()
        depth = len(self._path)
        if name == "entry":
            self._finish()
        elif (name == "id" and self._path[-1:] == ["entry"]) or (
            name in ("Ref_Key", "DataVersion") and self._path[-1:] == ["properties"] and depth <= 4
        ):
            self._texts.setdefault(name, self._text.strip())

    def close(self) -> None:
        """Take the end of the document."""

    def _finish(self) -> None:
        found = _OBJECT.search(unquote(self._texts.get("id", "")))
        set_name = found[1] if found else self._texts.get("category", "")
        key = (found[2] if found else self._texts.get("Ref_Key", "")).lower()
        if set_name and key:
            self.found.append(Change(set_name, key, self._texts.get("DataVersion", "")))


def _number(value: int | float | str | None) -> int:
    try:
        return int(float(value or 0))
    except ValueError:
        return 0
