"""The frame of the kit: what a promise is, how one is checked, and what comes out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, Literal, NoReturn

from msgspec import Struct

from hub.model.connector import Connector, ConnectorSpec, Reads, Stream, Writes
from hub.model.errors import HubError
from hub.testing.conformance.harness import Harness, Skipped
from hub.testing.peer import Fault, Peer

Level = Literal["bronze", "silver", "gold", "platinum"]
Outcome = Literal["passed", "failed", "skipped"]


class Finding(Struct, frozen=True):
    """What one check found; the message says why it failed or was skipped, or what is worth knowing."""

    check: str
    group: str
    outcome: Outcome
    message: str = ""


class Promise(Struct, frozen=True):
    """One thing a connector promises, and the function that finds out.

    `level` is the first level that asks for it; a `vital` check must have passed there, others may have been skipped.
    """

    name: str
    group: str
    level: Level
    vital: bool
    text: str
    examine: Callable[[Case], str | None]


PROMISES: dict[str, Promise] = {}


def promise(
    level: Level, *, vital: bool = False
) -> Callable[[Callable[[Case], str | None]], Callable[[Case], str | None]]:
    """Enter a function as a check; its module is the group and its docstring the promise."""

    def enter(examine: Callable[[Case], str | None]) -> Callable[[Case], str | None]:
        group = examine.__module__.rpartition(".")[2]
        name = f"{group}_{examine.__name__}"
        PROMISES[name] = Promise(name, group, level, vital, (examine.__doc__ or "").strip(), examine)
        return examine

    return enter


class Case:
    """One connector and one kind of peer; every start is a new, empty peer and an empty store."""

    def __init__(self, spec: ConnectorSpec, peer: Callable[[], Peer]) -> None:
        self.spec = spec
        self.peer = peer
        self._harness: Harness | None = None

    def start(self) -> Harness:
        """Start a peer and a harness on it, in the place of the one before."""
        self.finish()
        peer = self.peer()
        peer.start()
        self._harness = Harness(self.spec, peer)
        return self._harness

    def finish(self) -> None:
        """Stop what runs."""
        if self._harness is not None:
            self._harness.close()
            self._harness = None

    def each_stream(self, *, removable: bool = False) -> Iterator[tuple[Harness, Stream]]:
        """Yield each stream the peer can fill, each on a peer of its own."""
        declared = self.peer()
        names = [name for name in declared.streams if not removable or name in declared.removable]
        if not names:
            what = "removable" if removable and declared.streams else "streams"
            raise Skipped(f"{type(declared).__name__}.{what} is empty")
        for name in names:
            harness = self.start()
            yield harness, harness.stream(name)

    def need_fault(self, name: Fault) -> None:
        """Skip the check unless the peer can make the trouble."""
        declared = self.peer()
        if name not in declared.faults:
            raise Skipped(f"{name!r} is not in {type(declared).__name__}.faults")


def expect(condition: object, message: str) -> None:
    """Fail the check with the message unless the condition holds."""
    if not condition:
        fail(message)


def fail(message: str) -> NoReturn:
    """Fail the check with the message."""
    raise AssertionError(message)


def expect_error(kind: type[HubError], action: Callable[[], Any], when: str) -> HubError:
    """Run the action and return its error, which must be of exactly this kind."""
    try:
        action()
    except kind as error:
        return error
    except Exception as error:
        raise AssertionError(f"{when} must raise {kind.__name__}, not {describe(error)}") from error
    fail(f"{when} must raise {kind.__name__}, but nothing was raised")


def describe(error: BaseException) -> str:
    """Return an error as people read it: its kind and its first line."""
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0]}" if words else type(error).__name__


def factory(spec: ConnectorSpec) -> type[Connector]:
    """Import the class that the spec names."""
    module, _, name = spec.factory.partition(":")
    made: type[Connector] = getattr(importlib.import_module(module), name)
    return made


def groups(spec: ConnectorSpec) -> tuple[str, ...]:
    """Return the groups that apply, by the methods the connector has; a factory that fails leaves the first to tell."""
    try:
        made = factory(spec)
    except (ImportError, AttributeError, ValueError):
        return ("spec",)
    found = ["spec", "check"]
    if issubclass(made, Reads):
        found += ["read", "normalise"]
    if issubclass(made, Writes):
        found.append("execute")
    if callable(getattr(made, "wait", None)):
        found.append("wait")
    return tuple(found)


def examine(promise: Promise, case: Case) -> Finding:
    """Run one check; whatever the connector does, a finding comes out."""
    try:
        message = promise.examine(case) or ""
    except Skipped as skipped:
        return Finding(promise.name, promise.group, "skipped", str(skipped))
    except AssertionError as failure:
        return Finding(promise.name, promise.group, "failed", str(failure))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a foreign connector may raise anything
        return Finding(promise.name, promise.group, "failed", f"unexpected {describe(error)}")
    finally:
        case.finish()
    return Finding(promise.name, promise.group, "passed", message)
