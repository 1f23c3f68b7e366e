"""Run a scenario: JSON lines with objects, settings, events and checks, so that a firm can test its rules.

    {"kind": "object", "type": "client", "id": "c1", "manager": "m1", "phones": ["+73912940853"]}
    {"kind": "settings", "zone": "Asia/Krasnoyarsk", "enforce_from": "2026-11-01T00:00+07:00"}
    {"kind": "event", "at": "…", "type": "call.missed", "number": "+73912940853", "direction": "inbound", "id": "e1"}
    {"kind": "check", "now": "…", "contains": ["missed_call:c1"], "count": {"missed_call:c1": 2}}

    {"kind": "deed", "do": "ack", "key": "missed_call:c1", "at": "…", "by": "m1"}

A check may also say `not_contains`, `resolved` (key → id of the fact), `assign` (key → employee or role), `due` (key →
time), `told` (key → everybody who was to hear of it by then), `steps` (key → names of the steps reached), `why` (key →
words that stand in its texts), `closed` (key → words that say what closed it) and `status` (key → open, resolved,
cancelled, expired). A deed is what a person does: ack, snooze, due, assign or done.

A thing's own field `type` is written `contract_type`, `occasion_type` and so on.

Lines act in their order: a check sees what stands above it. An event about a thing also tells its fields; a thing that
no object line described comes into being by its first event. A check of a key that no rule makes is skipped by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from hub.model.errors import SettingsError
from hub.model.values import Money, parse_decimal
from hub.reminders.calendars import Calendars
from hub.reminders.conditions import FIELDS
from hub.reminders.dues import RESULTS, Deed, Evaluation
from hub.reminders.evaluate import evaluate
from hub.reminders.rules import Rule
from hub.reminders.world import EARLIEST, Fact, World
from hub.yaml_text import nearest

_DEEDS = ("ack", "snooze", "due", "assign", "done")
MAX_BYTES = 16 * 1024 * 1024
_OTHER_NAMES = {("call", "duration_s"): "talk_seconds"} | {(kind, f"{kind}_type"): "type" for kind in FIELDS}
_LINES = {
    "object": {"kind", "type", "id"},
    "settings": {"kind", "zone", "enforce_from", "note"},
    "event": {"kind", "at", "type", "id"},
    "deed": {"kind", "do", "key", "at", "by", "until", "employee", "result", "reason"},
    "check": {
        "kind",
        "now",
        "contains",
        "not_contains",
        "count",
        "resolved",
        "assign",
        "due",
        "told",
        "steps",
        "closed",
        "why",
        "status",
        "comment",
    },
}
_NEEDED = {
    "object": ("type", "id"),
    "settings": (),
    "event": ("at", "type", "id"),
    "check": ("now",),
    "deed": ("do", "key", "at"),
}


class Result(Struct, frozen=True):
    """One expectation of one check: what was expected of which key, and whether it was so."""

    line: int
    key: str
    expected: str
    found: str
    passed: bool


class ScenarioReport(Struct, frozen=True):
    """What a scenario gave: results, and expectations left out because no rule makes such a key."""

    results: tuple[Result, ...]
    skipped: tuple[tuple[int, str], ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """Return the expectations that were not met."""
        return tuple(result for result in self.results if not result.passed)


def run_scenario(path: Path, rules: Sequence[Rule]) -> ScenarioReport:
    """Run a scenario file. Raises SettingsError with file and line for what is not a scenario."""
    try:
        content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b"\xff"
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}.", hint="Name a file of JSON lines.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: larger than {MAX_BYTES} bytes or not UTF-8.") from error
    stage = _Stage(str(path), rules)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            stage.act(number, line)
    return ScenarioReport(tuple(stage.results), tuple(stage.skipped))


class _Stage:
    """The scenario while it runs: what has been said so far, and what the checks found."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        self.name = name
        self.rules = rules
        self.prefixes = {_prefix(rule) for rule in rules}
        self.zone = "Europe/Moscow"
        self.enforce_from = EARLIEST
        self.objects: dict[str, dict[str, dict[str, Any]]] = {}
        self.facts: dict[str, Fact] = {}
        self.deeds: list[Deed] = []
        self.results: list[Result] = []
        self.skipped: list[tuple[int, str]] = []
        self.line = 0

    def act(self, number: int, text: str) -> None:
        self.line = number
        try:
            row = json.loads(text, parse_float=str, object_pairs_hook=self._pairs)
        except (ValueError, RecursionError) as error:
            raise self._error("not a line of JSON.", "Each line is one object in braces.") from error
        kind = row.get("kind") if isinstance(row, dict) else None
        if not isinstance(kind, str) or kind not in _LINES:
            raise self._error("no `kind` that is known.", f"Known: {', '.join(_LINES)}.")
        for key in _NEEDED[kind]:
            if not isinstance(row.get(key), str) or not row[key]:
                raise self._error(f"{kind} needs the text {key!r}.")
        if kind in ("settings", "check", "deed"):
            for key in row:
                if key not in _LINES[kind]:
                    raise self._error(f"{kind} has no {key!r}.", nearest(key, sorted(_LINES[kind])))
        acts = {"object": self._object, "settings": self._settings, "event": self._event, "deed": self._deed}
        {**acts, "check": self._check}[kind](row)

    def _object(self, row: Mapping[str, Any]) -> None:
        kind = row["type"]
        if kind not in FIELDS and kind != "absence":
            raise self._error(f"{kind!r} is no kind of object.", nearest(kind, [*FIELDS]))
        self.objects.setdefault(kind, {})[row["id"]] = self._fields(kind, row, _LINES["object"])

    def _settings(self, row: Mapping[str, Any]) -> None:
        if "zone" in row:
            try:
                ZoneInfo(row["zone"])
            except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
                raise self._error(f"{row['zone']!r} is no time zone.", "Write one such as Asia/Krasnoyarsk.") from error
            self.zone = row["zone"]
        if "enforce_from" in row:
            self.enforce_from = self._moment(row["enforce_from"])

    def _event(self, row: Mapping[str, Any]) -> None:
        kind, dot, verb = row["type"].partition(".")
        if kind not in FIELDS or not dot or not verb:
            raise self._error(f"{row['type']!r} is no type of event.", nearest(kind, [*FIELDS]))
        named = kind if kind not in FIELDS[kind] else "id"  # a decision has a field `decision`
        subject = str(row.get(named) or row["id"])
        fields = self._fields(kind, row, {*_LINES["event"], named} if kind != "client" else _LINES["event"])
        client = subject if kind == "client" else fields.get("client") or self._known(kind, subject).get("client")
        self.facts[row["id"]] = Fact(id=row["id"], type=row["type"], time=self._moment(row["at"]), kind=kind,
            subject=subject, client=client, fields=fields)  # fmt: skip
        if kind != "call":
            self.objects.setdefault(kind, {})[subject] = {**self._known(kind, subject), **fields}

    def _deed(self, row: Mapping[str, Any]) -> None:
        """Keep what a person did; it belongs to the rule that makes such keys."""
        made = [rule.id for rule in self.rules if _prefix(rule) == row["key"].partition(":")[0]]
        if not made:
            raise self._error(f"no rule makes the key {row['key']!r}.", nearest(row["key"], sorted(self.prefixes)))
        for name, known in (("do", _DEEDS), ("result", ("", *RESULTS))):
            if row.get(name, "") not in ("", *known):
                raise self._error(f"{name!r} cannot be {row[name]!r}.", f"Known: {', '.join(filter(None, known))}.")
        until = self._moment(row["until"]) if "until" in row else None
        texts = {name: str(row.get(name, "")) for name in ("by", "employee", "reason")}
        self.deeds.append(Deed(rule=made[0], key=row["key"], kind=row["do"], at=self._moment(row["at"]), until=until,
                               result=row.get("result", ""), **texts))  # fmt: skip

    def _check(self, row: Mapping[str, Any]) -> None:
        world = World(self.objects, self.facts.values(), calendars=Calendars(self.zone), enforce_from=self.enforce_from)
        found = evaluate(world, self.rules, self._moment(row["now"]), self.deeds)
        open_keys = {due.key: due for due in found.open}
        for key in self._keys(row, "contains", list):
            self._expect(key, "open", "open" if key in open_keys else _state(found, key))
        for key in self._keys(row, "not_contains", list):
            self._expect(key, "not open", "open" if key in open_keys else "not open")
        for key, wanted in self._keys(row, "count", dict):
            due = open_keys.get(key)
            self._expect(key, f"count {wanted}", f"count {due.count}" if due else _state(found, key))
        for key, wanted in self._keys(row, "resolved", dict):
            last = found.last(key)
            self._expect(key, f"resolved by {wanted}", f"{last.status} by {last.by}" if last else _state(found, key))
        for key, wanted in self._keys(row, "assign", dict):
            due = open_keys.get(key)
            who = wanted if due and wanted in (due.assignee, due.assigned_by) else due.assignee if due else ""
            self._expect(key, f"assigned to {wanted}", f"assigned to {who}" if due else _state(found, key))

        for key, wanted in self._keys(row, "status", dict):
            self._expect(key, str(wanted), _state(found, key))
        for key, wanted in self._keys(row, "due", dict):
            due, moment = open_keys.get(key), self._moment(wanted)
            there = due.due.astimezone(moment.tzinfo).isoformat() if due else ""
            self._expect(key, f"due {moment.isoformat()}", f"due {there}" if due else _state(found, key))
        for key, wanted in self._keys(row, "told", dict):
            due = open_keys.get(key)
            heard = sorted({person for step in due.steps for person in step.to}) if due else []
            names = sorted(wanted) if isinstance(wanted, list) else [wanted]
            self._expect(key, f"told {names}", f"told {heard}" if due else _state(found, key))
        for key, wanted in self._keys(row, "steps", dict):
            due = open_keys.get(key)
            names = [step.name for step in due.steps] if due else []
            self._expect(key, f"steps {wanted}", f"steps {names}" if due else _state(found, key))
        for key, wanted in self._keys(row, "closed", dict):
            last = found.last(key)
            words = last.ended_text if last else ""
            self._expect(key, f"closed by {wanted}", f"closed by {wanted if str(wanted) in words else words}")
        for key, wanted in self._keys(row, "why", dict):
            due = open_keys.get(key)
            words = f"{due.title}. {due.why}".replace("\u00a0", " ") if due else _state(found, key)
            self._expect(key, f"says {wanted}", f"says {wanted if str(wanted) in words else words}")

    def _keys(self, row: Mapping[str, Any], name: str, form: type[list[Any]] | type[dict[str, Any]]) -> list[Any]:
        """Return the expectations of the check, without those of rules that do not exist."""
        value = row.get(name, form())
        if not isinstance(value, form):
            raise self._error(f"{name!r} must be a {'list of keys' if form is list else 'mapping from key'}.")
        kept: list[Any] = []
        for item in value.items() if isinstance(value, dict) else value:
            key = item[0] if isinstance(item, tuple) else item
            if not isinstance(key, str):
                raise self._error(f"{name!r} holds {key!r}, which is no key.")
            if key.partition(":")[0] in self.prefixes:
                kept.append(item)
            else:
                self.skipped.append((self.line, key))
        return kept

    def _expect(self, key: str, expected: str, found: str) -> None:
        self.results.append(Result(self.line, key, expected, found, expected == found))

    def _known(self, kind: str, object_id: str) -> dict[str, Any]:
        return self.objects.get(kind, {}).get(object_id, {})

    def _fields(self, kind: str, row: Mapping[str, Any], apart: set[str]) -> dict[str, Any]:
        names = {key: _OTHER_NAMES.get((kind, key), key) for key in row if key not in apart}
        return {name: self._typed(FIELDS.get(kind, {}).get(name, ""), key, row[key]) for key, name in names.items()}

    def _typed(self, form: str, name: str, value: Any) -> Any:
        """Type a value after its field; fields that the hub does not know stay text."""
        if value is None or value == "":
            return None
        if form == "moment":
            return self._moment(value)
        if form == "day" or name in ("start", "end"):
            try:
                return date.fromisoformat(value)
            except (ValueError, TypeError) as error:
                raise self._error(f"{name!r} must be a day such as 2026-12-31.") from error
        if form in ("money", "number") and isinstance(value, (str, int)) and not isinstance(value, bool):
            figure = parse_decimal(str(value))
            if figure is None:
                raise self._error(f"{name!r} must be a number.")
            return Money(figure) if form == "money" else int(figure) if figure == int(figure) else figure
        return value

    def _moment(self, value: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (ValueError, TypeError) as error:
            raise self._error(f"{value!r} is no time.", "Write 2026-11-22T21:30:00+07:00.") from error
        if moment.tzinfo is None:
            raise self._error(f"{value!r} has no time zone.", "Add the offset, such as +07:00.")
        return moment

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) != len(pairs):
            raise ValueError("a key stands twice")
        return row

    def _error(self, message: str, hint: str = "") -> SettingsError:
        return SettingsError(f"{self.name}:{self.line}: {message}", hint=hint)


def _prefix(rule: Rule) -> str:
    return rule.key.written.partition(":")[0].partition("{")[0]


def _state(found: Evaluation, key: str) -> str:
    last = found.last(key)
    return last.status if last else "no such reminder"
