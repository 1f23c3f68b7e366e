"""The section of the configuration that says what letters of clients become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.model.settings import Listed
from hub.yaml_text import nearest

_OWN: Mapping[str, frozenset[str]] = {
    "ticket": frozenset({"priority", "specialist"}),
    "solution": frozenset(),
    "survey": frozenset({"verdict"}),
    "complaint": frozenset({"department"}),
    "return": frozenset({"kinds"}),
}
"""The keys that go with each thing a rule makes; all others go with every one."""


class LetterRule(BaseModel):
    """One rule: letters for which all conditions hold become a ticket, a survey, a complaint, or a document's return.

    Rules are tried in their order; the first that fits is the only one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    """Short name of the rule, for `hub rule letters`."""
    make: Literal["ticket", "solution", "survey", "complaint", "return"]
    """What the letter becomes; `solution` ends the ticket of its conversation, `return` is a document back signed."""
    when: tuple[Mapping[str, Any], ...] = Field(min_length=1)
    """Conditions over `message`, written as in rules of reminders: `{field: message.subject, contains: акт}`."""
    connections: Listed[str] = ()
    """Connections whose letters it is for, separated by commas; empty means all."""
    since: date | None = None
    """Letters of earlier days are left alone; without it those from before the hub first ran with the rule are."""
    priority: Literal["urgent", "important", "normal", "low"] = "normal"
    """Of a ticket: how pressing it is."""
    specialist: str = ""
    """Of a ticket: who is to work on it."""
    department: str = ""
    """Of a complaint: the department at fault, as employees name it."""
    verdict: Literal["satisfied", "neutral", "dissatisfied", ""] = ""
    """Of a survey: the answer, where the letter names no figure from 0 to 10."""
    kinds: Listed[str] = ()
    """Of a return: kinds of documents that may come back this way, separated by commas; empty means all."""


def misfits(
    rules: Sequence[LetterRule], connections: Sequence[str]
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield what does not fit together: the place in the configuration, the mistake, and a hint."""
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in seen:
            yield ("letters", index, "id"), f"the id {rule.id!r} stands twice.", "Give each rule a name of its own."
        seen.add(rule.id)
        for name in rule.connections:
            if name not in connections:
                hint = nearest(name, list(connections))
                yield ("letters", index, "connections"), f"no connection is called {name!r}.", hint
        for name in sorted(set().union(*_OWN.values()) - _OWN[rule.make]):
            if name in rule.model_fields_set:
                makers = " or ".join(make for make, own in _OWN.items() if name in own)
                yield ("letters", index, name), f"{name!r} does not go with make: {rule.make}.", f"Of a {makers}."
