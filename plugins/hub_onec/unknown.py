"""A configuration nobody prepared for: what its sets look like, and how to tell the hub what they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import fields

from .candidates import SOURCES, Source
from .resolve import MOST_RAW, Found, unknown_sets
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
MOST_FIELDS = 12


class _Guess(Struct):
    stream: str
    points: float
    fields: dict[str, str]


class Guesses:
    """Looks at the types of `$metadata` as they pass and remembers what those of unknown sets resemble."""

    def __init__(self, published: Collection[str], found: Mapping[str, Found], settings: OneCSettings) -> None:
        self._found = found
        self._unknown = set(unknown_sets(published, found))
        self._raw = [name for name, one in found.items() if name in one.sets]
        self._interesting = self._unknown | set(self._raw)
        self._guesses: dict[str, _Guess | None] = {}
        self._named = settings.raw is not None
        self._has_counterparties = "counterparties" in found

    def look(self, name: str, properties: Mapping[str, str], key: tuple[str, ...]) -> None:
        """Take one entity type."""
        if name not in self._interesting or self._has_counterparties or key[:1] != ("Ref_Key",) or len(key) != 1:
            return
        guesses = [_guess(stream, source, name, properties) for stream, source in SOURCES.items()]
        able = [it for it in guesses if it is not None and it.stream not in self._found]
        self._guesses[name] = max(able, key=lambda it: it.points, default=None)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Yield what was not understood and how to map it."""
        if self._has_counterparties:
            return
        if self._raw and not self._named:
            names = ", ".join(self._raw[:MOST_TOLD]) + (" …" if len(self._raw) > MOST_TOLD else "")
            yield (
                f"{len(self._raw)} sets are kept raw, because no counterparty is known in this base: {names}.",
                "Say what they are in `sets:`, or name in `raw:` those that shall be kept.",
            )
        elif not self._named and len(self._unknown) > MOST_RAW:
            yield (
                f"{len(self._unknown)} sets are published and none is known; nothing of them is read.",
                "Say what they are in `sets:`, or name in `raw:` those that shall be kept.",
            )
        told = 0
        for name, guess in sorted(self._guesses.items()):
            if guess is not None and told < MOST_TOLD:
                told += 1
                mapped = ", ".join(f"{guess.stream}.{field}: {wire}" for field, wire in guess.fields.items())
                also = f" and `fields: {{{mapped}}}`" if mapped else ""
                yield f"{name} looks like {guess.stream}.", f"If it is, write `sets: {{{guess.stream}: {name}}}`{also}."


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
    known = {it.encode_name for it in fields(source.row)}
    words = [it.partition("_")[2].lower() for it in source.sets]
    share += 0.2 * (len(known & set(properties)) / len(known)) + 0.3 * any(_alike(name, word) for word in words)
    return _Guess(stream, share, dict(list(longer.items())[:MOST_FIELDS])) if share >= ENOUGH else None


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
