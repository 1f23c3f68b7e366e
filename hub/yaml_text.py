"""YAML as people write it: every scalar stays text, surprises are errors with file, line and column.

PyYAML would turn `046501001` into an octal number, `no` into False, `12:30:00` into 45000, let the second of two equal
keys win and follow aliases into memory bombs. Here the model types the text, and all of that is refused.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from hub.model.errors import SettingsError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40

_TAGS = {"str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge", "value", "binary"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path_ = tuple[str | int, ...]


class Document:
    """Plain dicts, lists and strings, and the line of each of them."""

    def __init__(self, name: str, data: Any, lines: dict[Path_, int]) -> None:
        self.name = name
        self.data = data
        self._lines = lines

    def where(self, path: Path_ = ()) -> str:
        """Return `file:line` of the value at the path, or of the nearest thing that holds it."""
        while path and path not in self._lines:
            path = path[:-1]
        return f"{self.name}:{self._lines.get(path, 1)}"

    def error(self, path: Path_, message: str, *, hint: str = "") -> SettingsError:
        """Return an error that names the place; the caller raises it."""
        field = ".".join(map(str, path))
        return SettingsError(f"{self.where(path)}: {message}", field=field, hint=hint)


def load(text: str | bytes, name: str) -> Document:
    """Read one YAML document. Raises SettingsError for anything but plain mappings, lists and scalars."""
    if len(text) > MAX_BYTES:
        raise SettingsError(
            f"{name}: larger than {MAX_BYTES} bytes.", hint="A configuration is small; is this the right file?"
        )
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SettingsError(f"{name}: not UTF-8 at byte {error.start}.", hint="Save the file as UTF-8.") from error
    lines: dict[Path_, int] = {}
    try:
        _refuse_deep(text, name)
        root = yaml.compose(text, Loader=_LOADER)
        data = {} if root is None else _plain(root, (), name, lines, set())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name}:{mark.line + 1}" if mark else name
        raise SettingsError(f"{place}: {error.problem or 'not YAML'}.", hint="Check indentation and quotes.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SettingsError(
            f"{name}: not readable as YAML.", hint="Check for control characters and deep nesting."
        ) from error
    return Document(name, data, lines)


def load_file(path: Path) -> Document:
    """Read a YAML file. Raises SettingsError when it is absent, not a file or not readable."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_BYTES} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{path}: {error.strerror or error}.", hint="Give the file with --config or run: hub init"
        ) from error
    return load(content, str(path))


def _refuse_deep(text: str, name: str) -> None:
    """Count the levels before anything recurses: LibYAML's composer overflows the stack of the process itself."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH + 1:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise SettingsError(f"{name}:{line}: nested deeper than {MAX_DEPTH} levels.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(node: yaml.Node, path: Path_, name: str, lines: dict[Path_, int], seen: set[int]) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if id(node) in seen:
        raise SettingsError(f"{name}:{line}: aliases (*name) are not used here.", hint="Write the value out.")
    seen.add(id(node))
    if node.tag.rpartition(":")[2] not in _TAGS:
        raise SettingsError(f"{name}:{line}: tag {node.tag} is not used here.", hint="Remove the tag.")
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag.endswith(":null") and not node.style else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, index), name, lines, seen) for index, child in enumerate(node.value)]
    assert isinstance(node, yaml.MappingNode)
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
            raise SettingsError(
                f"{name}:{key_line}: a key must be plain text.", hint="Merge keys (<<) are not used here."
            )
        key = key_node.value
        if key in result:
            raise SettingsError(f"{name}:{key_line}: the key {key!r} stands twice.", hint="Remove one of them.")
        result[key] = _plain(value_node, (*path, key), name, lines, seen)
        lines[(*path, key)] = key_line
    return result


def nearest(word: str, known: list[str]) -> str:
    """Return a hint that names the nearest known key, or lists all of them."""
    close = get_close_matches(word, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known keys: {', '.join(sorted(known))}."
