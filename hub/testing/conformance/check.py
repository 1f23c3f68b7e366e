"""Signing in: an honest answer to a good, a wrong and an absent other side, and no secret in any of them."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

from hub.model.connector import Check, Reads
from hub.model.errors import AuthError, HubError, Unavailable
from hub.testing.conformance.harness import Harness
from hub.testing.conformance.kit import Case, expect, expect_error, promise
from hub.testing.peer import Fault

SHORTEST_SECRET = 4


@promise("bronze", vital=True)
def says_who_we_are(case: Case) -> None:
    """A good connection answers with the account it is signed in as, and its clock, if it tells one, has a zone."""
    harness = case.start()
    answer = harness.connector().check()
    expect(isinstance(answer, Check), f"check must return a Check, not {type(answer).__name__}")
    expect(answer.account.strip(), "the answer names no account")
    clock = answer.server_time
    expect(clock is None or clock.utcoffset() is not None, "server_time has no time zone")
    expect(all(what and fix for what, fix in answer.findings), "a finding has no text or no fix")
    expect(harness.peer.logins() == 0, "credentials were refused on the way to a good answer")


@promise("bronze")
def wrong_password_is_tried_once(case: Case) -> None:
    """Refused credentials raise AuthError after exactly one try, because a second one can lock the account."""
    case.need_fault("auth")
    harness = case.start()
    harness.peer.fault("auth")
    expect_error(AuthError, harness.connector().check, "check with refused credentials")
    expect(harness.peer.logins() == 1, f"the refused credentials were presented {harness.peer.logins()} times")


@promise("bronze")
def absence_is_unavailable(case: Case) -> None:
    """A system that is down raises Unavailable, and check works again when the system is back."""
    case.need_fault("down")
    harness = case.start()
    harness.peer.fault("down")
    error = expect_error(Unavailable, harness.connector().check, "check of a system that is down")
    wish = error.retry_after if isinstance(error, Unavailable) else None
    expect(wish is None or wish >= timedelta(0), "retry_after is negative")
    harness.peer.fault(None)
    harness.connector().check()


@promise("bronze")
def secrets_stay_secret(case: Case) -> None:
    """No secret appears in the settings as shown, in an error with its causes or in the log, in good times or bad."""
    harness = case.start()
    shown = [repr(harness.settings()), str(harness.settings()), repr(harness.connector())]
    troubles: list[Fault | None] = [None, *sorted(harness.peer.faults)]
    with _log() as lines:
        for trouble in troubles:
            harness.peer.fault(trouble)
            shown += _errors(harness)
            harness.peer.fault(None)
    shown += lines
    for canary in _canaries(harness):
        places = [text for text in shown if canary in text]
        expect(not places, f"a secret is shown: {(places or [''])[0].replace(canary, '•••')[:200]}")


def _errors(harness: Harness) -> list[str]:
    """Do what a connection does and return the texts of every error on the way."""
    connector = harness.connector()
    texts = []

    def read() -> None:
        for stream in connector.streams():
            harness.sync(stream)

    for action in [connector.check, *([read] if isinstance(connector, Reads) else [])]:
        try:
            action()
        except HubError as error:
            chain: BaseException | None = error
            while chain is not None:
                texts += [str(chain), repr(chain)]
                chain = chain.__cause__ or chain.__context__
    return texts


def _canaries(harness: Harness) -> set[str]:
    """Return the secrets in the forms in which they travel."""
    found = set()
    users = [value for value in harness.peer.settings().values() if value]
    for secret in harness.secrets():
        if len(secret) >= SHORTEST_SECRET:
            pairs = [secret, *(f"{user}:{secret}" for user in users)]
            found |= {secret, quote(secret, safe="")}
            found |= {base64.b64encode(pair.encode()).decode().rstrip("=") for pair in pairs}
    return found


@contextmanager
def _log() -> Iterator[list[str]]:
    """Collect every log line of every logger."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter("%(message)s").format(record))

    root, handler = logging.getLogger(), Collector()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
