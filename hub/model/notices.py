"""What an employee is told at once, and the ways to tell it."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Notice(Struct, frozen=True, kw_only=True):
    """One message to one employee: `to` is his address in the channel, `id` stays the same over every try."""

    id: str
    to: str
    subject: str
    text: str


class Channel(Protocol):
    """A way to tell employees, besides mail. Rules and employees choose it by its name."""

    @property
    def name(self) -> str:
        """Return the name, small Latin letters."""
        ...

    def send(self, notice: Notice) -> str:
        """Tell the employee and return the other side's id of the message, empty when it gives none.

        Raises Rejected with the other side's words, AuthError, or Unavailable, with `unsent` when nothing was sent; a
        notice whose outcome nobody knows is never sent again.
        """
        ...
