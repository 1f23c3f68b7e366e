"""Decide what to ask a base for: its published sets, and the fields that its configuration has of those we know."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import fields

from .candidates import DAYS, OPTIONAL, OWN_FIELDS, SOURCES, Source
from .metadata import Types
from .settings import Target

ALWAYS = ("Ref_Key", "DataVersion", "DeletionMark")
SHOWN = "____Presentation"
"""Asks 1C to show a reference as text in the same answer; only a named field can be shown."""


def published_sources(published: Collection[str]) -> dict[str, list[str]]:
    """Return the streams that the publication can fill, with their sets in reading order."""
    found = {name: [it for it in source.sets if it in published] for name, source in SOURCES.items()}
    return {name: sets for name, sets in found.items() if sets}


def missing_findings(published: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what the composition lacks, with the fix."""
    for name, source in SOURCES.items():
        if name not in OPTIONAL and not any(it in published for it in source.sets):
            yield (
                f"{name}: no set of «{source.title}» is published.",
                f"Add {' or '.join(source.sets)} to the composition of the standard OData interface.",
            )


def field_findings(published: Collection[str], types: Types, own: Mapping[Target, str]) -> Iterator[tuple[str, str]]:
    """Yield fields that a published set should have and has not, and own fields that are not there."""
    for name, sets in published_sources(published).items():
        for set_name in sets:
            properties = types.get(set_name, {})
            if not properties:
                yield f"{set_name} is published but not described.", "Check that $metadata comes whole."
                continue
            for choice in SOURCES[name].needs:
                if not any(it in properties for it in choice):
                    yield f"{set_name} has no field {' or '.join(choice)}.", "Without it this part stays empty."
        for target, field_name in own.items():
            if OWN_FIELDS[target] == name and not any(_has(types.get(it, {}), field_name) for it in sets):
                yield f"{name} has no field {field_name}.", f"Correct the setting fields: {target}."


def wanted_types(sets: Collection[str], source: Source | None = None) -> set[str]:
    """Return the names of the types to look for in `$metadata`."""
    rows = [source.row] if source else [it.row for it in SOURCES.values()]
    parts = {part for row in rows for part in _parts(row)}
    return {*sets, *(f"{name}_{part}_RowType" for name in sets for part in parts)}


def selection(source: Source, set_name: str, types: Types, own: Sequence[str], *, shown: bool) -> str:
    """Return the `$select` for a set; empty means everything, `**` all but the parts."""
    if not source.is_document:
        return ",".join(["*", *own]) if shown and any(SHOWN in it for it in own) else ""
    properties = types.get(set_name)
    if not properties:
        return "**"
    parts = _parts(source.row)
    names = [*ALWAYS, *own]
    for item in fields(source.row):
        name = item.encode_name
        if name in parts:
            columns = types.get(f"{set_name}_{name}_RowType", {})
            names += [f"{name}/{it.encode_name}" for it in fields(parts[name]) if it.encode_name in columns]
        elif _has(properties, name) and (name not in DAYS or properties[name] == "Edm.DateTime"):
            names.append(name)
    return ",".join(dict.fromkeys(name for name in names if shown or SHOWN not in name))


def needs_metadata(source: Source) -> bool:
    """Tell whether what to ask for depends on `$metadata`."""
    return source.is_document


def shape(source: Source, own: Sequence[str]) -> str:
    """Return a short mark of what we would ask for; another mark means that stored objects lack something."""
    text = "\n".join([*(item.encode_name for item in fields(source.row)), *own])
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _has(properties: Mapping[str, str], name: str) -> bool:
    base, shown, _ = name.partition(SHOWN)
    return f"{base}_Key" in properties if shown else name in properties


def _parts(row: type[Struct]) -> dict[str, type[Struct]]:
    """Return the tabular parts of a row by their wire names."""
    found: dict[str, type[Struct]] = {}
    for item in fields(row):
        options: tuple[Any, ...] = get_args(item.type) if isinstance(item.type, UnionType) else ()
        for option in options:
            if getattr(option, "__origin__", None) is list:
                found[item.encode_name] = get_args(option)[0]
    return found
