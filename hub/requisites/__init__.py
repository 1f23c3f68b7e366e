"""Addresses and bank accounts that papers and money go by: who changes them is asked after, not believed (S-36).

A letter or a record that asks for papers or money to go elsewhere is the usual fraud. What a source says is stored as
it says it, but a change of an address to which documents were sent, or of an account of ours or of a client with whom
we do business, opens a problem in the same transaction. Until a person confirms it, or the source takes it back,
documents go only where they went before. What is seen for the first time is no change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from hub.identity import Bound, Party
from hub.model.errors import HubError
from hub.normalise import Fact
from hub.requisites import accounts, addresses
from hub.requisites.addresses import addresses_in_use, check_addresses
from hub.requisites.asking import ADDRESS, CONFIRMED, Question, questions
from hub.store.log import Latest
from hub.store.problems import close_problem, note, open_problems

__all__ = [
    "ADDRESS",
    "Question",
    "addresses_in_use",
    "asked",
    "check_addresses",
    "confirm",
    "questions",
    "values",
    "watch",
]


def watch(
    connection: Connection,
    source: str,
    facts: Sequence[Fact],
    before: Mapping[str, Latest],
    found: Sequence[Party],
    old_keys: Mapping[tuple[str, str], set[str]],
    bound: Bound,
    now: datetime,
) -> None:
    """Open and close problems after these facts were stored; `before` is what their source said until now."""
    addresses.watch(connection, source, found, old_keys, bound, now)
    accounts.watch(connection, source, [it for it in facts if it.subject.kind == "bank_account"], before, now)


def confirm(connection: Connection, number: int, reason: str, *, by: str, now: datetime) -> str:
    """Note that a person asked and the change is true; return what holds from now on.

    Raises HubError for a problem that is no question, and while there is nothing new to confirm.
    """
    question = _question(connection, number)
    _old, new = values(connection, question)
    if not new:
        raise HubError(
            f"problem {number} has nothing to confirm: no other address or account is on record.",
            hint="Enter the new one in the source, or in the hub: hub client set",
        )
    for each in questions(connection, question.kind):
        if each.thing == question.thing:
            close_problem(connection, each.key, now)
    note(connection, who=by, what=CONFIRMED, about=f"{question.kind}/{question.thing}", detail=f"{new}: {reason}",
         now=now)  # fmt: skip
    return new


def values(connection: Connection, question: Question) -> tuple[str, str]:
    """Return what held before and what the source says now, unmasked, for the person who has to ask the client."""
    of = addresses if question.kind == ADDRESS else accounts
    return question.old, ", ".join(of.present(connection, question))


def asked(connection: Connection, number: int) -> Question | None:
    """Return the question of an open problem, `None` if it asks nothing."""
    return next((it for it in questions(connection) if it.id == number), None)


def _question(connection: Connection, number: int) -> Question:
    found = asked(connection, number)
    if found is None:
        is_open = any(row.id == number for row in open_problems(connection))
        raise HubError(
            f"problem {number} ends by itself when its cause is over." if is_open else f"no problem {number} is open.",
            hint=f"See: hub problem {'show ' + str(number) if is_open else 'list'}",
        )
    return found
