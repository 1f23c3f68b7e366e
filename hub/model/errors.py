"""The five errors a connector may raise. Each one is an action of the core, not a description.

HubError
├── SettingsError   stop, show the field
├── AuthError       stop at once, no retry, open a problem
├── Unavailable     back off, try again later
├── BadRecord       park this record, go on
└── Rejected        the other side refused; keep its words
"""

from __future__ import annotations

from datetime import timedelta


class HubError(Exception):
    """Base of every error the hub raises on purpose; `hint` says what a person can do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.hint}" if self.hint else message


class SettingsError(HubError):
    """Raise when a setting is missing or wrong; `field` names it."""

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field


class AuthError(HubError):
    """Raise when the other system refuses the credentials; the hub never tries them twice."""


class Unavailable(HubError):
    """Raise when the other system cannot answer now; `retry_after` is its own wish, if it told one.

    From `execute`, `unsent=True` promises that nothing has taken effect and nothing will: the hub then tries again by
    itself. Without the promise the outcome is unknown and the command is looked up before anything else.
    """

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, hint: str = "", unsent: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.unsent = unsent


class BadRecord(HubError):
    """Raise when one record cannot be understood; the record is parked and the rest goes on."""


class Rejected(HubError):
    """Raise when the other system understood a command and refused it; the message keeps its words."""
