"""Acting on commands: one effect, an honest answer, and no blind repetition."""

from __future__ import annotations

import re

import msgspec

from hub.model.connector import Command, Prepares, Receipt
from hub.model.errors import AuthError, HubError, Rejected, Unavailable
from hub.testing.conformance.harness import Harness, Skipped
from hub.testing.conformance.kit import Case, describe, expect, expect_error, promise

KIND = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def _fresh(harness: Harness) -> Command:
    command = harness.peer.command()
    if command is None:
        raise Skipped(f"{type(harness.peer).__name__}.command returns None")
    return command


@promise("platinum", vital=True)
def commands_are_announced(case: Case) -> None:
    """The connector lists the kinds of command it takes as `noun.verb`, and that of the peer is among them."""
    harness = case.start()
    kinds = list(harness.connector().commands())
    odd = [kind for kind in kinds if not KIND.fullmatch(kind)]
    expect(not odd, f"{odd} is not of the form noun.verb")
    command = _fresh(harness)
    expect(command.kind in kinds, f"the peer gives {command.kind!r}, but the connector takes {kinds}")


@promise("platinum", vital=True)
def has_one_effect(case: Case) -> None:
    """A command takes effect once and gives a receipt that can be stored; preparing it alone has no effect."""
    harness = case.start()
    command = _fresh(harness)
    connector = harness.connector()
    if isinstance(connector, Prepares):
        connector.prepare(command)
        _expect_effects(harness, command, 0, "after it was prepared alone")
    receipt = harness.connector().execute(command)
    expect(isinstance(receipt, Receipt), f"execute must return a Receipt, not {type(receipt).__name__}")
    _expect_effects(harness, command, 1, "after it was executed")
    kept = msgspec.json.decode(msgspec.json.encode(receipt), type=Receipt)
    expect(kept == receipt, f"the receipt comes back from the store as {kept}")


@promise("platinum")
def find_knows_what_happened(case: Case) -> None:
    """`find` gives nothing for a command that was never executed and the receipt of one that was, and does nothing."""
    harness = case.start()
    done, waiting = _fresh(harness), _fresh(harness)
    expect(harness.connector().find(done) is None, "find found a command that was never executed")
    _expect_effects(harness, done, 0, "after find alone")
    receipt = harness.connector().execute(done)
    found = harness.connector().find(done)
    expect(isinstance(found, Receipt), f"find after execute must return the Receipt, not {found!r}")
    expect(found is not None and found.external_id == receipt.external_id, f"find gave {found}, execute {receipt}")
    expect(harness.connector().find(waiting) is None, "find found another command than the one that was executed")
    _expect_effects(harness, done, 1, "after it was executed and found")
    _expect_effects(harness, waiting, 0, "although only another one was executed")


@promise("platinum")
def lost_answer_is_not_repeated(case: Case) -> None:
    """When the answer is lost the command is not sent again, and `find` tells or leaves it to a person."""
    case.need_fault("lost_answer")
    harness = case.start()
    command = _fresh(harness)
    harness.peer.fault("lost_answer")
    try:
        harness.connector().execute(command)
    except HubError as error:
        expect(not isinstance(error, Rejected), "a lost answer was taken for a refusal")
    except Exception as error:
        raise AssertionError(f"a lost answer must raise one of the five errors, not {describe(error)}") from error
    _expect_effects(harness, command, 1, "when the answer was lost")
    harness.peer.fault(None)
    found = harness.connector().find(command)
    _expect_effects(harness, command, 1, "after a lost answer and find")
    expect(found is None or isinstance(found, Receipt), f"find must return a Receipt or None, not {found!r}")


@promise("platinum")
def refusal_keeps_its_words(case: Case) -> None:
    """A refused command raises Rejected with the other side's words and has no effect."""
    case.need_fault("refuse")
    harness = case.start()
    command = _fresh(harness)
    harness.peer.fault("refuse")
    error = expect_error(Rejected, lambda: harness.connector().execute(command), "a refused command")
    expect(len(str(error).split()) > 1, f"the words of the refusal are missing: {str(error)!r}")
    _expect_effects(harness, command, 0, "although it was refused")


@promise("platinum")
def refused_credentials_have_no_effect(case: Case) -> None:
    """A command with refused credentials raises AuthError after one try and has no effect."""
    case.need_fault("auth")
    harness = case.start()
    command = _fresh(harness)
    harness.peer.fault("auth")
    expect_error(AuthError, lambda: harness.connector().execute(command), "a command with refused credentials")
    expect(harness.peer.logins() == 1, f"the refused credentials were presented {harness.peer.logins()} times")
    _expect_effects(harness, command, 0, "although the credentials were refused")


@promise("platinum")
def unknown_command_is_rejected(case: Case) -> None:
    """A command of a kind that the connector does not know raises Rejected and has no effect."""
    harness = case.start()
    command = msgspec.structs.replace(_fresh(harness), kind="nothing.known")
    expect_error(Rejected, lambda: harness.connector().execute(command), "a command of an unknown kind")
    _expect_effects(harness, command, 0, "although its kind is unknown")


@promise("platinum")
def absence_has_no_effect(case: Case) -> None:
    """A command to a system that is down raises Unavailable; nothing happens later by itself."""
    case.need_fault("down")
    harness = case.start()
    command = _fresh(harness)
    harness.peer.fault("down")
    expect_error(Unavailable, lambda: harness.connector().execute(command), "a command to a system that is down")
    harness.peer.fault(None)
    expect(harness.connector().find(command) is None, "find found a command that could not be sent")
    _expect_effects(harness, command, 0, "although the system was down")


def _expect_effects(harness: Harness, command: Command, count: int, when: str) -> None:
    effects = harness.peer.effects(command)
    expect(effects == count, f"{command.kind} had {effects} effects {when}, not {count}")
