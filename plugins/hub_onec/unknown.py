"""A configuration nobody prepared for: what its sets look like, and how to tell the hub what they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import fields

from .candidates import CORE, SOURCES, Source
from .resolve import MOST_RAW, Found, unknown_sets
from .rows import DocumentRow
from .settings import OneCSettings

ENOUGH = 0.5
"""So much of what a stream needs must be there, under any name, before a set is proposed for it."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "client": ("контрагент", "клиент", "покупател", "заказчик", "абонент"),
    "date": ("дата",),
    "end": ("срок", "оконч"),
    "inn": ("инн",),
    "kpp": ("кпп",),
    "number": ("номер",),
    "points": ("контакт",),
    "total": ("сумма", "итого", "стоимост"),
}
"""By which words in its name a field may be known."""
MOST_TOLD = 20
MOST_LIKELY = 3


class _Guess(Struct):
    name: str
    stream: str
    points: float
    fields: dict[str, str]


class Guesses:
    """Looks at the types of `$metadata` as they pass and remembers what those of unknown sets resemble."""

    def __init__(self, published: Collection[str], found: Mapping[str, Found], settings: OneCSettings) -> None:
        self._unknown = set(unknown_sets(published, found))
        self._raw = [name for name, one in found.items() if name in one.sets]
        self._wanted = [it for it in CORE if it not in found and it not in settings.skip]
        self._guesses: list[_Guess] = []
        self._named = settings.raw is not None
        self._has_counterparties = "counterparties" in found

    def look(self, name: str, properties: Mapping[str, str], key: tuple[str, ...]) -> None:
        """Take one entity type."""
        if key != ("Ref_Key",) or not self._wanted or not (name in self._unknown or name in self._raw):
            return
        guesses = [_guess(stream, SOURCES[stream], name, properties) for stream in self._wanted]
        if able := [it for it in guesses if it is not None]:
            self._guesses.append(max(able, key=lambda it: it.points))

    def findings(self) -> Iterator[tuple[str, str]]:
        """Yield what was not understood and how to map it."""
        if not self._has_counterparties and not self._named:
            yield from self._raw_findings()
        for stream in self._wanted:
            likely = sorted((it for it in self._guesses if it.stream == stream), key=lambda it: (-it.points, it.name))
            for guess in likely[:MOST_LIKELY]:
                mapped = ", ".join(f"{stream}.{field}: {wire}" for field, wire in guess.fields.items())
                also = f" and `fields: {{{mapped}}}`" if mapped else ""
                yield f"{guess.name} looks like {stream}.", f"If it is, write `sets: {{{stream}: {guess.name}}}`{also}."

    def _raw_findings(self) -> Iterator[tuple[str, str]]:
        fix = "Say what they are in `sets:`, or name in `raw:` those that shall be kept."
        if self._raw:
            names = ", ".join(self._raw[:MOST_TOLD]) + (" …" if len(self._raw) > MOST_TOLD else "")
            yield f"{len(self._raw)} sets are kept raw, because no counterparty is known in this base: {names}.", fix
        elif len(self._unknown) > MOST_RAW:
            yield f"{len(self._unknown)} sets are published and none is known; nothing of them is read.", fix


def _guess(stream: str, source: Source, name: str, properties: Mapping[str, str]) -> _Guess | None:
    """Return how much a set resembles what a stream needs, with the fields that have longer names."""
    kinds = {it.partition("_")[0] for it in source.sets}
    if source.table or source.is_raw or not source.needs or name.partition("_")[0] not in kinds:
        return None
    points = 0.0
    longer: dict[str, str] = {}
    for field, names in source.needs.items():
        if any(it in properties for it in names):
            points += 1
        elif likely := _likely(field, properties):
            points += 0.8
            longer[field] = likely
    share = points / len(source.needs)
    known = {it.encode_name for it in fields(DocumentRow if source.has_lines else source.row)}
    words = [it.partition("_")[2].lower() for it in source.sets]
    share += 0.2 * (len(known & set(properties)) / len(known)) + 0.3 * any(_alike(name, word) for word in words)
    return _Guess(name, stream, share, longer) if share >= ENOUGH else None


def _likely(field: str, properties: Mapping[str, str]) -> str:
    """Return the first property that may hold the field; a part or a reference only where it can be one."""
    for name, kind in properties.items():
        fits = kind.startswith("Collection(") == (field == "points") and (
            field == "client" or not name.endswith("_Key")
        )
        if fits and any(word in name.lower() for word in WORDS[field]):
            return name
    return ""


def _alike(name: str, word: str) -> bool:
    """Tell whether a set has the first letters of a usual name in its own."""
    return word[:5] in name.lower()
