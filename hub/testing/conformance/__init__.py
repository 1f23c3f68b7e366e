"""The conformance kit: one line in a plugin's tests drives its connector against a peer through every promise.

    from hub.testing import conformance
    TestExchange = conformance(register_connectors()[0], peer=ExchangePeer)

`run` does the same without pytest, and `level` says how good the result is. The package itself can be called, so that
`from hub.testing import conformance` gives the function whichever import came first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from hub.model.connector import ConnectorSpec
from hub.testing.conformance.kit import PROMISES, Case, Finding, Promise, examine, groups
from hub.testing.conformance.levels import LEVELS, Report, level, levels_markdown
from hub.testing.peer import Peer

__all__ = ["LEVELS", "PROMISES", "Finding", "Promise", "Report", "conformance", "level", "levels_markdown", "run"]

for _group in ("spec", "check", "read", "normalise", "execute", "wait"):
    import_module(f"{__name__}.{_group}")  # enters its checks


def conformance(spec: ConnectorSpec, *, peer: Callable[[], Peer]) -> type:
    """Return a pytest class with one test per promise that applies to the connector."""
    case = Case(spec, peer)
    applicable = groups(spec)
    methods = {f"test_{it.name}": _method(it, case) for it in PROMISES.values() if it.group in applicable}
    return type(f"TestConformanceOf{spec.name.title()}", (), {"__doc__": f"The promises of {spec.name}.", **methods})


def run(spec: ConnectorSpec, peer: Callable[[], Peer]) -> Report:
    """Check every promise that applies to the connector, without pytest."""
    case = Case(spec, peer)
    applicable = groups(spec)
    return Report([examine(it, case) for it in PROMISES.values() if it.group in applicable])


def _method(promise: Promise, case: Case) -> Callable[[object], None]:
    def test(self: object) -> None:  # noqa: ARG001 - pytest calls it as a method
        import pytest

        __tracebackhide__ = True
        finding = examine(promise, case)
        if finding.outcome == "skipped":
            pytest.skip(finding.message)
        if finding.outcome == "failed":
            pytest.fail(f"{promise.text}\n{finding.message}", pytrace=False)

    test.__name__ = f"test_{promise.name}"
    test.__doc__ = promise.text
    return test


class _CallableModule(ModuleType):
    def __call__(self, spec: ConnectorSpec, *, peer: Callable[[], Peer]) -> type:
        return conformance(spec, peer=peer)


sys.modules[__name__].__class__ = _CallableModule
