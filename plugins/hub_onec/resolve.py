"""Decide what to ask a base for: its published sets, and the fields that its configuration has of those we know."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import fields

from .candidates import CONFIGURATIONS, CORE, NAMED, PREFIXES, SOURCES, Source, guess_configuration
from .mapping import Target, target
from .metadata import Schema, Types
from .settings import OneCSettings

ALWAYS = ("Ref_Key", "DataVersion", "DeletionMark")
SHOWN = "____Presentation"
"""Asks 1C to show a reference as text in the same answer; only a named field can be shown."""
MOST_RAW = 200
"""So many sets are read raw without being named; a base that publishes more has to say which."""
MOST_COLUMNS = 1400
"""So long may the columns of parts be in an address: web servers take 2048 characters of a question as a rule."""
SELECTION = 2
"""Counts the ways in which we ask; a new one makes stored documents be read again."""
ADD = "In 1C open «Настройка стандартного интерфейса OData» and add"


class Found(Struct, frozen=True):
    """One stream that the publication can fill: its source and its published sets in reading order."""

    source: Source
    sets: tuple[str, ...]


def published_sources(published: Collection[str], settings: OneCSettings) -> dict[str, Found]:
    """Return the streams that the publication can fill; with no counterparty in it also whatever can be kept raw."""
    found: dict[str, Found] = {}
    for name, source in SOURCES.items():
        sets = [*settings.sets.get(name, ()), *source.sets]
        if kept := tuple(dict.fromkeys(it for it in sets if it in published)):
            found[name] = Found(source, kept[:1] if source.is_choice else kept)
    found = {name: it for name, it in found.items() if it.source.instead_of not in found}
    for name in settings.raw if settings.raw is not None else _all_raw(published, found):
        if name in published:
            found[name] = Found(Source(name.partition("_")[2], {name: ""}), (name,))
    return {name: it for name, it in found.items() if name not in settings.skip}


def unknown_sets(published: Collection[str], found: Mapping[str, Found]) -> list[str]:
    """Return published objects that no stream reads; names that look like a tabular part of another are left out."""
    known = {it for one in found.values() for it in one.sets}
    mains = sorted(it for it in published if it.startswith(PREFIXES))
    unknown: list[str] = []
    main = ""
    for name in mains:
        if not (main and name.startswith(f"{main}_")):
            main = name
            if name not in known:
                unknown.append(name)
    return unknown


def _all_raw(published: Collection[str], found: Mapping[str, Found]) -> Sequence[str]:
    names = [] if "counterparties" in found else unknown_sets(published, found)
    return names if len(names) <= MOST_RAW else ()


def missing_findings(published: Collection[str], settings: OneCSettings) -> Iterator[tuple[str, str]]:
    """Yield what the composition lacks, with the fix."""
    found = published_sources(published, settings)
    letters = guess_configuration(published)
    where = CONFIGURATIONS.get(letters, "this configuration")
    left: list[str] = []
    for name, source in SOURCES.items():
        if name in found or name in settings.skip or source.instead_of in found:
            continue
        likely = [it for it, tags in source.sets.items() if letters in tags.split()] if letters else []
        if name in CORE:
            yield (
                f"{name}: no set of «{source.title}» is published.",
                f"{ADD} {' or '.join(likely or source.sets)}; or name the set of this base in `sets: {{{name}: …}}`.",
            )
        elif likely:
            left.append(f"{name} ({' or '.join(likely)})")
    if left:
        yield (
            f"Not read, because not published: {', '.join(left)}.",
            f"As {where} has them: {ADD} these sets, or put the streams into `skip:`.",
        )


def field_findings(schema: Schema, published: Collection[str], settings: OneCSettings) -> Iterator[tuple[str, str]]:
    """Yield fields that a published set should have and has not, and own fields that are not there."""
    found = published_sources(published, settings)
    aims = [(name, wire, target(name)) for name, wire in settings.fields.items()]
    for stream, one in found.items():
        own = {aim.field for _, _, aim in aims if aim.stream == stream}
        for set_name in one.sets:
            properties = schema.types.get(set_name, {})
            if not properties:
                yield f"{set_name} is published but not described.", "Check that $metadata comes whole."
            elif one.source.table and not function_of(schema, set_name, one.source.table):
                yield f"{set_name} has no {one.source.table}.", f"Put {stream} into `skip:`."
            for field, others in one.source.joins.items():
                records = schema.types.get(f"{set_name}_RecordType", {})
                if not any(it in published for it in others) and f"{field}_Key" in {**properties, **records}:
                    words = " or ".join(others)
                    yield f"{stream} lack what stands behind {field}: {words} is not published.", f"{ADD} {words}."
            for field, names in one.source.needs.items():
                if properties and field not in own and not any(it in properties for it in names):
                    yield f"{set_name} has no field {' or '.join(names)}.", _likely(stream, field, names, properties)
    yield from _name_findings(found, schema, published)
    for name, wire, aim in aims:
        sets = found[aim.stream].sets if aim.stream in found else ()
        if sets and not any(_has(schema.types.get(it, {}), wire) for it in sets):
            yield f"{aim.stream} has no field {wire}.", f"Correct the setting fields: {name}."


def _name_findings(found: Mapping[str, Found], schema: Schema, published: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the catalogues without which rows of parts have references and no names; those with a stream are told."""
    streamed = {name for source in SOURCES.values() for name in source.sets}
    lacking: dict[str, list[str]] = {}
    for stream, one in found.items():
        rows = [f"{name}_{part}_RowType" for name in one.sets for part in _parts(one.source.row)]
        columns = {column for it in rows for column in schema.types.get(it, {})} if one.source.has_names else set()
        for field, targets in NAMED.items():
            is_there = f"{field}_Key" in columns or {field, f"{field}_Type"} <= columns
            if is_there and not any(it in published or it in streamed for it in targets):
                lacking.setdefault(" or ".join(targets), []).append(stream)
    for words, streams in lacking.items():
        yield f"{words} is not published, so rows of {', '.join(streams)} say less.", f"{ADD} {words}."


def _likely(stream: str, field: str, names: Sequence[str], properties: Mapping[str, str]) -> str:
    """Return what a person can do: often the base has the field under a longer name."""
    likely = [it for it in properties if any(name.lower() in it.lower() for name in names)]
    if likely:
        return f"If {likely[0]} holds it, write in the settings: `fields: {{{stream}.{field}: {likely[0]}}}`."
    return "Without it this part stays empty."


def wanted_types(found: Mapping[str, Found]) -> set[str]:
    """Return the names of the types to look for in `$metadata`."""
    names: set[str] = set()
    for one in found.values():
        for set_name in one.sets:
            names.add(set_name)
            names |= {f"{set_name}_{part}_RowType" for part in _parts(one.source.row)}
            if one.source.table:
                names.add(f"{set_name}_RecordType")
    return names


def mark_of(published: Collection[str], wanted: Collection[str]) -> str:
    """Return a short mark of a publication and of what we look for in it."""
    text = "\n".join([str(SELECTION), *sorted(published), "", *sorted(wanted)])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def function_of(schema: Schema, set_name: str, table: str) -> str:
    """Return the set whose function the virtual table is: the register or its records; empty when there is none."""
    for name in (set_name, f"{set_name}_RecordType"):
        if table in schema.functions.get(name, ()):
            return name
    return ""


def is_document(set_name: str) -> bool:
    """Tell whether parts are left out unless they are needed: a document with them can have 64 KB."""
    return set_name.startswith("Document_")


def selection(source: Source, set_name: str, types: Types, own: Sequence[str], *, way: int) -> str:
    """Return the `$select` for a set, by `way` the fullest first; empty means everything, `**` all but the parts.

    0 asks a document for all fields of its head, what we need of its parts, and texts for references; 1 for named
    fields and these texts; 2 for named fields alone, which every publication understands.
    """
    shown = [it for it in own if SHOWN in it and way < 2]
    properties = types.get(set_name)
    if not is_document(set_name):
        if way < 2 and properties:
            shown += [it for it in shown_names(source.row) if _has(properties, it)]
        return ",".join(dict.fromkeys(["*", *shown])) if shown else ""
    if not properties or source.is_raw:
        return "**"
    parts = _parts(source.row)
    names = ["**"] if not way else [*ALWAYS, *(it for it in own if SHOWN not in it and _has(properties, it))]
    names += _columns(parts, set_name, types)
    for item in fields(source.row):
        name = item.encode_name
        if name in parts:
            continue
        if _has(properties, name) and (SHOWN in name if not way else way < 2 or SHOWN not in name):
            names.append(name)
    return ",".join(dict.fromkeys([*names, *shown]))


def _columns(parts: Mapping[str, type[Struct]], set_name: str, types: Types) -> list[str]:
    """Return what to ask of the parts: the columns we need, or whole parts where these make the address too long."""
    named: dict[str, list[str]] = {}
    for name, row in parts.items():
        columns = types.get(f"{set_name}_{name}_RowType", {})
        if found := [f"{name}/{it.encode_name}" for it in fields(row) if it.encode_name in columns]:
            named[name] = found
    columns_of_all = [it for found in named.values() for it in found]
    return columns_of_all if len(quote(",".join(columns_of_all), safe="/,")) <= MOST_COLUMNS else list(named)


def shown_names(row: type[Struct]) -> list[str]:
    """Return the texts for references that a row wants."""
    return [item.encode_name for item in fields(row) if SHOWN in item.encode_name]


def lacks_own_fields(sets: Sequence[str], types: Types, own: Sequence[str]) -> list[str]:
    """Return the own fields that none of these described sets has."""
    described = [types[it] for it in sets if types.get(it)]
    return [name for name in own if described and not any(_has(properties, name) for properties in described)]


def own_fields(settings: OneCSettings, stream: str) -> list[str]:
    """Return the fields of this base that the settings name for a stream; of a reference also the text for it."""
    aims: list[tuple[Target, str]] = [(target(name), wire) for name, wire in settings.fields.items()]
    mine = [(aim, wire) for aim, wire in aims if aim.stream == stream]
    return [wire for _, wire in mine] + [shown for aim, wire in mine if (shown := aim.shown(wire))]


def shape(source: Source, own: Sequence[str], published: Collection[str]) -> str:
    """Return a short mark of what we would ask for; another mark means that stored objects lack something.

    Own fields come with their objects anyway, except texts for references, which have to be asked for. What is put into
    the objects is missing in those that were read before its catalogue was published.
    """
    shown = [it for it in own if SHOWN in it]
    targets = [*source.joins.values(), *(NAMED.values() if source.has_names else ())]
    joined = sorted({it for one in targets for it in one if it in published})
    text = "\n".join([str(SELECTION), *(item.encode_name for item in fields(source.row)), *shown, *joined])
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def holds(asked: str, own: Sequence[str]) -> bool:
    """Tell whether what was asked of a set brings the own fields: all, or named ones where 1C took nothing else."""
    names = asked.split(",")
    return not asked or names[0] in ("*", "**") or set(own) <= set(names)


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
