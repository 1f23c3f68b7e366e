"""What every command needs: configuration, store, plugins, the time, and output that people and scripts can read."""

from __future__ import annotations

import logging
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click
import msgspec

from hub.config import Config, find_config, load_config, permitted_plugins
from hub.model.errors import HubError
from hub.model.values import Money
from hub.plugins import Plugins
from hub.projection import Sources, sources_of
from hub.redaction import RedactingFilter, escaped, one_line, redact
from hub.store.database import Store


class App:
    """The opened hub of one command; everything is made when first asked for."""

    def __init__(self, config_file: str | None, now: str | None, *, verbose: bool = False) -> None:
        self._config_file = config_file
        self._now = now
        self._store: Store | None = None
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(RedactingFilter())
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])

    @cached_property
    def config(self) -> Config:
        """Return the configuration. Raises SettingsError with file and line."""
        return load_config(find_config(self._config_file))

    @cached_property
    def plugins(self) -> Plugins:
        """Return the loaded plugins."""
        return Plugins(self.config.model.plugins)

    def permitted_plugins(self) -> Plugins:
        """Return the plugins for a command that needs no configuration but heeds its list, if there is one."""
        return Plugins(permitted_plugins(self._config_file))

    @property
    def store(self) -> Store:
        """Return the open store. Raises StoreError when there is none of this version."""
        if self._store is None:
            self._store = Store(self.config.store_url, synchronous=self.config.model.synchronous).open()
        return self._store

    @property
    def sources(self) -> Sources:
        """Return the order in which sources are believed, and the plugins that judge between clients."""
        return sources_of(self.config, self.plugins)

    @property
    def zone(self) -> ZoneInfo:
        """Return the firm's zone, in which times are shown."""
        return self.config.zone

    def now(self) -> datetime:
        """Return the instant given by --now, else the present one."""
        if self._now is None:
            return datetime.now(UTC)
        try:
            moment = datetime.fromisoformat(self._now)
            return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise click.BadParameter(f"{self._now!r} is no ISO 8601 time, for example 2026-11-22T09:00+07:00",
                                     param_hint="--now") from error  # fmt: skip

    def close(self) -> None:
        """Close what was opened."""
        if self._store is not None:
            self._store.close()

    def local(self, moment: datetime | None) -> str:
        """Return an instant as people read it: local, to the minute."""
        return moment.astimezone(self.zone).strftime("%d.%m.%Y %H:%M") if moment else ""


WIDE = 24
"""A column of a table is cut down to this at most: ids and numbers stay whole."""
NARROW = 8
"""A column of words is cut down to this at most."""
pass_app: Callable[[Any], Any] = click.make_pass_decorator(App)


def print_json(value: Any) -> None:
    """Print one JSON document and nothing else."""
    click.echo(escaped(msgspec.json.format(msgspec.json.encode(_plain(value)), indent=2).decode()))


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return {"amount": format(value.amount, "f"), "currency": value.currency}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, msgspec.Struct):
        return {field: _plain(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def say(text: str = "") -> None:
    """Print a line for people, with control characters made visible; text from outside makes no line of its own."""
    click.echo(one_line(text))


def say_lines(text: str, indent: str = "") -> None:
    """Print a text of several lines; an indent keeps those of a text from outside from passing for lines of ours."""
    for place, line in enumerate(text.split("\n")):
        say(indent + line if place else line)


def say_wrapped(head: str, text: str) -> None:
    """Print a text after a head, on as many lines as it needs; a text from outside begins none at the left edge."""
    width = max(30, columns() - max(width_of(head), 2))
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    say(head + lines[0])
    for line in lines[1:]:
        say(" " * max(width_of(head), 2) + line)


def progress(text: str) -> None:
    """Print a line of progress to stderr."""
    click.echo(one_line(text), err=True)


def width_of(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(sign: str) -> int:
    return 0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def columns() -> int:
    """Return the width to write for."""
    return max(40, min(shutil.get_terminal_size((80, 24)).columns, 160))


def print_table(
    heads: Sequence[str], rows: Sequence[Sequence[Any]], *, grow: int = -1, soft: Collection[int] = ()
) -> None:
    """Print a table that fits the terminal; column `grow` gives way and is cut with an ellipsis, then the widest do.

    At last the `soft` columns do, which hold words and no ids or numbers.
    """
    texts = [["" if cell is None else redact(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    widths = [max([width_of(head), *(width_of(row[place]) for row in texts)]) for place, head in enumerate(heads)]
    widths = [min(width, columns()) for width in widths]
    grow %= len(heads)
    spare = columns() - sum(widths) - 2 * (len(widths) - 1)
    if spare < 0:
        widths[grow] = max(10, widths[grow] + spare)
        while sum(widths) + 2 * (len(widths) - 1) > columns() and max(widths) > WIDE:
            widths[widths.index(max(widths))] -= 1
        while sum(widths) + 2 * (len(widths) - 1) > columns() and (wide := [it for it in soft if widths[it] > NARROW]):
            widths[max(wide, key=lambda it: widths[it])] -= 1
    for row in [list(heads), *texts]:
        cells = [_fit(cell, widths[place]) for place, cell in enumerate(row)]
        click.echo("  ".join(cells).rstrip())


def print_wrapped(rows: Sequence[Sequence[Any]]) -> None:
    """Print rows whose last column is told in full, on as many lines as it needs."""
    texts = [["" if cell is None else redact(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(width_of(row[place]) for row in texts) for place in range(len(texts[0]) - 1)] if texts else []
    indent = sum(widths) + 2 * len(widths)
    for row in texts:
        lines = textwrap.wrap(row[-1], max(30, columns() - indent), break_on_hyphens=False) or [""]
        head = "".join(_fit(cell, widths[place]) + "  " for place, cell in enumerate(row[:-1]))
        click.echo((head + lines[0]).rstrip())
        for line in lines[1:]:
            click.echo(" " * indent + line)


def _fit(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text + " " * (width - width_of(text))
    taken = 0
    for place, sign in enumerate(text):
        taken += _width(sign)
        if taken > width - 1:
            return f"{text[:place].rstrip()}…".ljust(width)
    return text


def no_such(kind: str, key: str, hint: str = "") -> NoReturn:
    """Fail with a sentence about an unknown id."""
    raise HubError(f"there is no {kind} {key!r}.", hint=hint or f"See: hub {kind} list")
