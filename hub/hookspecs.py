"""The hooks of the hub. They register and announce; none of them changes data in flight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from hub.model.connector import Command, ConnectorSpec, Receipt
    from hub.model.notices import Channel

hookspec = pluggy.HookspecMarker("hub")
hookimpl = pluggy.HookimplMarker("hub")


@hookspec
def register_connectors() -> Sequence[ConnectorSpec]:  # type: ignore[empty-body]
    """Return the connectors of the plugin. Called once at start; must be cheap and import no vendor library."""


@hookspec
def register_rules() -> Sequence[Path]:  # type: ignore[empty-body]
    """Return folders with rule files (`*.yaml`) that the plugin ships; a rule in the configuration overrides by id."""


@hookspec
def register_channels() -> Sequence[Channel]:  # type: ignore[empty-body]
    """Return ways to tell employees at once, besides mail: each has a `name` and `send(notice)`.

    An employee is told there when his `channels:` give an address in it and the rule's `channels:` name it. A notice is
    asked for once more just before it is sent, and is sent at most once.
    """


@hookspec
def register_subscribers() -> Mapping[str, Callable[[Any], None]]:  # type: ignore[empty-body]
    """Return callables by event type; each gets the stored envelope after the commit, in its own isolation."""


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to the `hub` command line."""


@hookspec
def startup(hub: Any) -> None:
    """Run once when the daemon starts, after the store is open."""


@hookspec(firstresult=True)
def match_party(candidate: Mapping[str, Any], matches: Sequence[str]) -> str | None:
    """Return which of several clients (`matches`, ids) a fact belongs to, or `None`; only exact knowledge may answer.

    `candidate` holds the fact's `entity` id and the `keys` it mentions. A failing plugin counts as not knowing.
    """


@hookspec(firstresult=True)
def execute_command(command: Command, connection: str) -> Receipt | None:
    """Carry out a command of the outbox; wrappers add dry run, approval and audit."""
