"""Exchange plans of the stand-in: who has to be told of which change, until it is confirmed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct, field

from .edm import Field, Model, catalog, text
from .faults import Fault

_POINT = re.compile(r"'(?P<root>.*/)(?P<plan>\w+)\(guid'(?P<node>[0-9a-fA-F-]{36})'\)'")
_NEW = 0


def exchange_plan(name: str) -> Model:
    """Return the set of an exchange plan, whose objects are its nodes."""
    numbers = [Field("SentNo", "Int64"), Field("ReceivedNo", "Int64"), Field("ExchangeDate", "DateTime")]
    made = catalog(name, numbers, text("Комментарий"))
    return Model(f"ExchangePlan_{name}", made.fields)


class Plan(Struct):
    """One plan: the sets whose changes it registers, and for each node what it was not yet told of.

    A registration holds the number of the message in which the change went out first; a new change of the same object
    makes it unsent again. `renumbers` is the other way one could read the vendor's words: each message takes all.
    """

    sets: frozenset[str]
    nodes: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    renumbers: bool = False

    def register(self, set_name: str, key: str) -> None:
        """Note a change for every node."""
        if set_name in self.sets:
            for changes in self.nodes.values():
                changes[set_name, key] = _NEW

    def select(self, node: str, message: int) -> list[tuple[str, str]]:
        """Return everything that is not confirmed; what goes out for the first time gets the number."""
        changes = self.nodes[node]
        for change, number in changes.items():
            if number == _NEW or self.renumbers:
                changes[change] = message
        return list(changes)

    def confirm(self, node: str, message: int) -> None:
        """Forget what went out first in this message or in one before."""
        changes = self.nodes[node]
        for change, number in list(changes.items()):
            if number != _NEW and number <= message:
                del changes[change]


def point_of(options: Mapping[str, str], plans: Mapping[str, Plan]) -> tuple[str, str, int]:
    """Return plan, node and message of a service call. Raises Fault for a wrong or missing argument."""
    for name in ("DataExchangePoint", "MessageNo"):
        if name not in options:
            raise Fault(400, "12", name)
    found = _POINT.fullmatch(options["DataExchangePoint"])
    if found is None or not options["MessageNo"].isdigit():
        raise Fault(400, "1", "DataExchangePoint" if found is None else "MessageNo")
    node = found["node"].lower()
    if found["plan"] not in plans or node not in plans[found["plan"]].nodes:
        raise Fault(404, "9", found["plan"])
    return found["plan"], node, int(options["MessageNo"])


def feed_of(
    changes: Iterable[tuple[str, str]], entry: Callable[[str, str], str | None], root: str, spaces: str
) -> bytes:
    """Return the Atom feed of a packet: whole objects, and marks in the place of those that are gone."""
    pieces = [
        f'<?xml version="1.0" encoding="UTF-8"?><feed {spaces} xmlns:at="http://purl.org/atompub/tombstones/1.0">'
    ]
    for set_name, key in changes:
        made = entry(set_name, key)
        gone = f'<at:deleted-entry ref="{root}{set_name}(guid\'{key}\')" when="2026-05-12T10:00:00Z"/>'
        pieces.append(gone if made is None else made)
    return "".join([*pieces, "</feed>"]).encode()
