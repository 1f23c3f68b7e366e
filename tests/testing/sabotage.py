"""Connectors broken on purpose: for every check of the kit at least one that breaks exactly that promise.

Each is the honest connector of the plugin template with one thing done wrong, and the words by which the check must
tell it, so that a failure for another reason does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from hub_notebook import register_connectors

HONEST = register_connectors()[0]


@dataclass(frozen=True)
class Saboteur:
    name: str
    check: str
    words: str
    spec: Any


SABOTEURS: list[Saboteur] = []


def breaks(check: str, words: str) -> Callable[[type], type]:
    """Enter a connector that breaks the promise of that check."""

    def enter(made: type) -> type:
        spec = msgspec.structs.replace(HONEST, factory=f"{made.__module__}:{made.__name__}")
        SABOTEURS.append(Saboteur(made.__name__, check, words, spec))
        return made

    return enter


def announced(check: str, words: str, **wrong: Any) -> None:
    """Enter a spec that breaks the promise of that check."""
    name = f"announced with {', '.join(wrong)}"
    SABOTEURS.append(Saboteur(name, check, words, msgspec.structs.replace(HONEST, **wrong)))
