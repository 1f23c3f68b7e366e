"""Find and load plugins, each in its own isolation: a broken one is reported and stops nothing else."""

from __future__ import annotations

import hashlib
import importlib
import logging
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from msgspec import Struct

from hub import hookspecs
from hub.api import API
from hub.model.connector import Connector, ConnectorSpec, Reads, Receives, Wakes, Writes
from hub.model.errors import SettingsError
from hub.model.settings import Settings
from hub.yaml_text import nearest

GROUP = "hub.plugins"
BUNDLED = "svyazka"
log = logging.getLogger("hub.plugins")


class Plugin(Struct, frozen=True):
    """One installed plugin; `problem` says why it is not used."""

    name: str
    module: str
    distribution: str
    version: str
    connectors: tuple[str, ...] = ()
    problem: str = ""


class Plugins:
    """The loaded plugins, their connectors and hooks.

    Bundled plugins come first: no other distribution can take the name of one, or of its connector.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.manager = pluggy.PluginManager("hub")
        self.manager.add_hookspecs(hookspecs)
        self.found: list[Plugin] = []
        self.connectors: dict[str, ConnectorSpec] = {}
        permitted = set(allowed)
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: (not is_bundled(entry), entry.name)):
            self._load(entry, permitted)

    def _load(self, entry: EntryPoint, permitted: set[str]) -> None:
        distribution = entry.dist.name if entry.dist else ""
        version = entry.dist.version if entry.dist else ""
        problem, names = "", []
        if permitted and entry.name not in permitted and not is_bundled(entry):
            problem = "not in the list `plugins:` of the configuration"
        elif self.manager.has_plugin(entry.name):
            first = next(it for it in self.found if it.name == entry.name and not it.problem)
            problem = f"the name {entry.name} belongs to the plugin of {first.distribution or 'another distribution'}"
        else:
            try:
                module = entry.load()
                self.manager.register(module, name=entry.name)
                names = self._take_connectors(module)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                problem = f"{type(error).__name__}: {str(error)[:200]}"
                if self.manager.has_plugin(entry.name):
                    self.manager.unregister(name=entry.name)
                log.warning("plugin %s cannot be used: %s", entry.name, problem)
        self.found.append(Plugin(entry.name, entry.value, distribution, version, tuple(names), problem))

    def _take_connectors(self, module: Any) -> list[str]:
        register = getattr(module, "register_connectors", None)
        specs = list(register()) if register else []
        for spec in specs:
            if not isinstance(spec, ConnectorSpec):
                raise TypeError("register_connectors must return ConnectorSpec objects")
            if spec.api != API:
                raise ValueError(f"connector {spec.name} was written for API {spec.api}, this hub has {API}")
            if spec.name in self.connectors:
                raise ValueError(f"a connector called {spec.name} exists already")
        for spec in specs:
            self.connectors[spec.name] = spec
        return [spec.name for spec in specs]

    def spec(self, name: str) -> ConnectorSpec:
        """Return a connector's announcement. Raises SettingsError that names the known ones."""
        try:
            return self.connectors[name]
        except KeyError:
            raise SettingsError(
                f"no connector is called {name!r}.", field="connector", hint=nearest(name, list(self.connectors))
            ) from None


def is_bundled(entry: EntryPoint) -> bool:
    """Tell whether a plugin came with the hub."""
    return entry.dist is not None and entry.dist.name == BUNDLED


def build(spec: ConnectorSpec, settings: Settings, tools: Any) -> Connector:
    """Import the connector's class and make it. Raises SettingsError when its factory cannot be found."""
    connector: Connector = factory_of(spec)(settings, tools)
    return connector


def factory_of(spec: ConnectorSpec) -> Any:
    """Import the connector's class. Raises SettingsError when that cannot be done."""
    module, _, attribute = spec.factory.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the plugin's code: it stops only its own connector
        raise SettingsError(f"the connector {spec.name} cannot be loaded: {type(error).__name__}: {error}") from error


def capabilities(connector: type[Connector] | Connector) -> tuple[str, ...]:
    """Return what a connector can do, derived from what it implements."""
    protocols: Mapping[str, type[Any]] = {"reads": Reads, "writes": Writes, "receives": Receives, "wakes": Wakes}
    methods = {
        "reads": ("streams", "read", "normalise"),
        "writes": ("commands", "execute", "find"),
        "receives": ("receive",),
        "wakes": ("wait", "close"),
    }
    return tuple(
        name for name in protocols if all(callable(getattr(connector, method, None)) for method in methods[name])
    )


def fingerprint(spec: ConnectorSpec, settings: Settings) -> str:
    """Return a mark of which base a connection reads: its connector and address, never its secrets."""
    parts = [spec.name]
    for field in ("url", "host", "server", "source", "path", "user", "mailbox"):
        value = getattr(settings, field, None)
        if isinstance(value, str):
            parts.append(f"{field}={value}")
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
