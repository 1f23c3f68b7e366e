"""Change objects of 1C on command: read, compare, write once, read back, compare again.

1C cuts texts, ignores names and locks nothing between a look and a change, and it says nothing of it. So what a command
wants is checked before it leaves, and what became of it is looked at afterwards. The id of the command is kept in the
object itself, in its comment or in a field made for it, so an object is never made twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.api import (
    AuthError,
    Clock,
    Command,
    Difference,
    HubError,
    Preview,
    Receipt,
    Rejected,
    SettingsError,
    Unavailable,
)

from .client import HEADS, ODataClient, ODataError, error_of
from .difference import decode, differences, told
from .metadata import Schema, read_schema
from .names import with_keys
from .points import PART, point_rows
from .settings import OneCSettings
from .values import MARK
from .wanted import COMMENT as COMMENT_FIELDS
from .wanted import KINDS, Order, Wording, read_order

LOCKED = re.compile(r"заблокирован|блокировк|locked|lock conflict|deadlock", re.IGNORECASE)
LOCKED_AGAIN = timedelta(minutes=1)
SCHEMA_AGE = timedelta(hours=1)
MOST_COPIES = 50
_PLAIN_ID = re.compile(r"[0-9A-Za-z.-]{8,40}")
_POSTING = "Post?PostingModeOperational=false"
_encoder = msgspec.json.Encoder(decimal_format="number")
_schemas: dict[tuple[str, frozenset[str]], tuple[float, Schema]] = {}
"""What `$metadata` of a publication says, for a while: it has 15-30 MB, and a command is a matter of a moment."""


class Step(Struct, frozen=True):
    """The one change that carries a command out, and the object before it."""

    method: str
    place: str
    values: Mapping[str, Any]
    key: str
    before: Mapping[str, Any]


class Writer:
    """Carries commands out in one publication."""

    def __init__(self, settings: OneCSettings, client: ODataClient, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock

    def commands(self) -> Sequence[str]:
        """Return the kinds of commands."""
        return KINDS

    def preview(self, command: Command) -> Preview:
        """Return what the command would change, field by field; nothing leaves but questions. Raises Rejected."""
        order = read_order(command, self._client.published(), self._settings)
        step = self._plan(order)
        if step is None:
            return Preview("", ())
        before = step.before
        if order.verb in ("post", "unpost"):
            found = [Difference("Posted", before["Posted"], order.verb == "post")]
        else:
            found = differences(self._schema(order).types, order.set_name, before, step.values)
        return Preview(str(before.get("DataVersion") or ""), tuple(found))

    def prepare(self, command: Command) -> Callable[[], Receipt]:
        """Ask all that there is to ask; return what carries the command out once.

        Unavailable promises `unsent` for all that goes wrong before the change is sent; afterwards nothing is promised.
        """
        with _nothing_sent():
            order = read_order(command, self._client.published(), self._settings)
            step = self._plan(order)
            if step is None:
                receipt = self._already(order)
                return lambda: receipt
            return partial(self._carry_out, order, step)

    def _carry_out(self, order: Order, step: Step) -> Receipt:
        answer = self._send(order, step)
        with _sent():
            key = step.key or str(decode(answer)["Ref_Key"])
            after = decode(self._client.one(_place(order.set_name, key)))
            lost = self._lost(order, step, after)
        if lost:
            raise Rejected(
                f"1C wrote {order.set_name}(guid'{key}') otherwise than wanted: {'; '.join(lost)}.",
                hint="Correct the object in 1C, or the limits of its fields; the command is not done.",
            )
        return self._receipt(order, key, after, self._notes(step, after))

    def find(self, command: Command) -> Receipt | None:
        """Return the receipt of a command whose effect stands in 1C."""
        try:
            order = read_order(command, self._client.published(), self._settings)
            if order.verb == "create":
                return self._made(order)
            held = self._held(order)
            if held is None:
                return None
            if order.verb in ("post", "unpost"):
                is_done = held.get("Posted") is (order.verb == "post")
            else:
                text = str(held.get(self._mark_field(order)) or "")
                is_done = _token(order) in text or not self._differences(order, held, self._values(order, held))
            return self._receipt(order, order.key, held, {}) if is_done else None
        except ODataError as error:
            raise Unavailable(str(error)) from error
        except Rejected:
            return None  # such a command was never sent

    # Before the change

    def _plan(self, order: Order) -> Step | None:
        """Look at what there is; return the change that is needed, `None` when there is none."""
        if order.verb == "create":
            if self._made(order) is not None:
                return None
            return Step("POST", quote(order.set_name), self._marked(order, self._values(order, {}), {}), "", {})
        held = self._held(order)
        if held is None:
            raise Rejected(f"{order.set_name} has no object {order.key}.")
        if order.version and order.version != held.get("DataVersion"):
            raise Rejected(
                f"{order.set_name}(guid'{order.key}') was changed since the command was written; nothing was sent.",
                hint="Look at it, and write the command anew.",
            )
        place = _place(order.set_name, order.key)
        if order.verb in ("post", "unpost"):
            if held.get("Posted") is (order.verb == "post"):
                return None
            if order.verb == "post" and held.get("DeletionMark"):
                raise Rejected("the document is marked for deletion and cannot be posted.", hint="Unmark it first.")
            verb = _POSTING if order.verb == "post" else "Unpost"
            return Step("POST", f"{place}/{verb}", {}, order.key, held)
        if order.verb == "mark" and held.get("Posted"):
            raise Rejected("the document is posted; 1C does not mark it for deletion.", hint="Unpost it first.")
        values = self._values(order, held)
        changed = self._differences(order, held, values)
        if not changed:
            return None
        names = {it.field.partition("[")[0] for it in changed}
        names |= {f"{name}_Type" for name in names if f"{name}_Type" in values}
        names |= {name.removesuffix("_Type") for name in names if name.removesuffix("_Type") in values}
        needed = {name: values[name] for name in values if name in names}
        return Step("PATCH", place, self._marked(order, needed, held), order.key, held)

    def _values(self, order: Order, held: Mapping[str, Any]) -> dict[str, Any]:
        """Return what goes to 1C, with every reference looked up."""
        published = self._client.published()
        data = with_keys(order.command.data, self._client, published, self._settings)
        order = replace(order, command=replace(order.command, data=data))
        try:
            wording = Wording(order, self._schema(order), published, self._settings)
            values = wording.values(self._clock.now())
        except Rejected:  # the base may have got new fields since we looked
            if not _schemas.pop((self._settings.url, self._names(order)), None):
                raise
            wording = Wording(order, self._schema(order), published, self._settings)
            values = wording.values(self._clock.now())
        asked: dict[str, dict[str, str]] = {}
        for field, target, key in wording.references(values):
            asked.setdefault(target, {}).setdefault(key, field)
        for target, keys in asked.items():
            there = {row.key for row in self._client.objects(target, list(keys), HEADS)}
            for key in keys.keys() - there:
                raise Rejected(f"{keys[key]} leads to no object of {target}.")
        if said := order.points:
            columns = self._schema(order).types.get(f"{order.set_name}_{PART}_RowType", {})
            if not columns:
                raise Rejected(f"{order.set_name} has no {PART} for {' and '.join(said)}.")
            noun = order.command.kind.partition(".")[0]
            values[PART] = point_rows(self._client, noun, held.get(PART) or [], said, columns)
        return values

    def _differences(self, order: Order, held: Mapping[str, Any], values: Mapping[str, Any]) -> list[Difference]:
        """Return what the command changes; our own marks in a comment are no content of it."""
        field = self._mark_field(order)
        bare = {**held, field: MARK.sub("", str(held.get(field) or ""))} if field in values else held
        return differences(self._schema(order).types, order.set_name, bare, values)

    def _marked(self, order: Order, values: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
        """Add the id of the command; of those before it stay that which made the object, and no other."""
        field = self._mark_field(order)
        if not field:
            return dict(values)
        text = str(held.get(field) or "")
        first = "".join(f"[hub+{it[2]}] " for it in MARK.finditer(text) if it[1] == "+")
        rest = MARK.sub("", str(values.get(field, text))).rstrip(" ")
        marked = f"{first}{_token(order)} {rest}".rstrip(" ")
        longest = self._schema(order).lengths.get(order.set_name, {}).get(field)
        if longest and len(marked) > longest:
            raise Rejected(
                f"{field} takes {longest} characters; the text and the id of the command have {len(marked)}.",
                hint=f"Shorten it, or give the id a field of its own: `marks: {{{self._stream(order)}: …}}`.",
            )
        return {**values, field: marked}

    def _mark_field(self, order: Order) -> str:
        """Return the field for the ids of commands; only who makes an object cannot do without."""
        properties = self._schema(order).types.get(order.set_name, {})
        own = self._settings.marks.get(self._stream(order))
        for name in [own] if own else COMMENT_FIELDS:
            if properties.get(name) == "Edm.String":
                return name
        if order.verb != "create" and not own:
            return ""
        raise Rejected(
            f"{order.set_name} has no text field {own or ' or '.join(COMMENT_FIELDS)} for the id of the command.",
            hint=f"Name one in the settings: `marks: {{{self._stream(order)}: …}}`.",
        )

    def _stream(self, order: Order) -> str:
        return order.noun.streams[0]

    def _names(self, order: Order) -> frozenset[str]:
        return frozenset(
            it for it in self._client.published() if any(it == own or it.startswith(f"{own}_") for own in order.sets)
        )

    def _schema(self, order: Order) -> Schema:
        """Return what `$metadata` says of the sets of a command, read anew after a while."""
        names = self._names(order)
        now = self._clock.now().timestamp()
        kept = _schemas.get((self._settings.url, names))
        if kept is None or not 0 <= now - kept[0] < SCHEMA_AGE.total_seconds():
            wanted = {*names, *(f"{it}_RowType" for it in names)}
            kept = _schemas[self._settings.url, names] = (now, read_schema(self._client.metadata(), wanted))
        return kept[1]

    # The change and what became of it

    def _send(self, order: Order, step: Step) -> bytes:
        body = _encoder.encode(step.values) if step.values else b""
        answer = self._client.send_once(step.method, step.place, body, str(step.before.get("DataVersion") or ""))
        status, error = answer.status, error_of(answer.content)
        if status == 412:
            raise Rejected(
                f"{order.set_name}(guid'{step.key}') was changed by somebody else at this moment; nothing was written.",
                hint="Look at it, and try again.",
            )
        if error is None and status in (403, 405):
            raise Rejected(
                f"The web server does not let {step.method} through (HTTP {status}).",
                hint="Allow it for the publication; on IIS the module WebDAV often takes it away.",
            )
        if error is None and (status == 429 or (status in (400, 404) and self._client.has_session())):
            raise Unavailable(f"The web server did not take the change (HTTP {status}).", unsent=True)
        if error is not None and LOCKED.search(error.message.value):
            raise Unavailable(
                f"1C did not write, the object is in use: {error.message.value.strip()[:300]}",
                retry_after=LOCKED_AGAIN, unsent=True,
            )  # fmt: skip
        try:
            self._client.refuse(answer, step.place, as_json=True)
        except Unavailable as trouble:
            trouble.unsent = status == 406
            raise
        except ODataError as refusal:
            if refusal.code == "20":
                refusal.hint = f"Give the user the right to change {order.set_name}."
            raise
        return answer.content

    def _lost(self, order: Order, step: Step, after: Mapping[str, Any]) -> list[str]:
        """Return what 1C did not do although it said so."""
        if order.verb in ("post", "unpost"):
            is_posted = order.verb == "post"
            return [] if after.get("Posted") is is_posted else [f"Posted is not {str(is_posted).lower()}"]
        found = differences(self._schema(order).types, order.set_name, after, step.values)
        return [told(it, step.before) for it in found]

    def _notes(self, step: Step, after: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a person should know: what else changed, and that a posted document waits for its records."""
        notes: dict[str, Any] = {}
        if also := [name for name, it in after.items() if _is_other(name, it, step)]:
            notes["also_changed"] = sorted(also)
        if step.method == "PATCH" and after.get("Posted"):
            notes["note"] = "The document was posted before the change; post it again, so that its records follow."
        return notes

    def _receipt(self, order: Order, key: str, held: Mapping[str, Any], notes: Mapping[str, Any]) -> Receipt:
        shown = {"set": order.set_name, "number": str(held.get("Number") or held.get("Code") or "").strip(),
                 "version": str(held.get("DataVersion") or ""), **notes}  # fmt: skip
        return Receipt(external_id=key, detail={name: it for name, it in shown.items() if it})

    # What is there already

    def _already(self, order: Order) -> Receipt:
        """Return the receipt of a command that needs no change (any more)."""
        receipt = self._made(order) if order.verb == "create" else None
        if receipt is None:
            return self._receipt(order, order.key, self._held(order) or {}, {"note": "1C had it so already."})
        held = decode(self._client.one(_place(str(receipt.detail["set"]), receipt.external_id)))
        if lost := [told(it, {}) for it in self._differences(order, held, self._values(order, held))]:
            raise Rejected(
                f"1C has made {receipt.detail['set']}(guid'{receipt.external_id}') already, but {'; '.join(lost)}.",
                hint="Correct the object in 1C; it is not made again.",
            )
        return receipt

    def _made(self, order: Order) -> Receipt | None:
        """Return the receipt of a create command whose object there is, in whichever set of its kind."""
        for set_name in order.sets:
            here = replace(order, set_name=set_name)
            properties, token = self._schema(order).types.get(set_name, {}), _token(order)
            if set_name != order.set_name and not properties.keys() & {*COMMENT_FIELDS, *self._settings.marks.values()}:
                continue
            field = self._mark_field(here)
            select = ",".join(it for it in (*HEADS.split(","), "Number", "Code", field) if it in properties)
            rows = self._client.matching(set_name, select, f"substringof('{token[5:-1]}', {field})", MOST_COPIES)
            found = [it for it in map(decode, (row.payload for row in rows)) if token in str(it.get(field) or "")]
            if found:  # whoever copies an object in 1C copies its comment
                others = [str(it["Ref_Key"]) for it in found[1:]]
                return self._receipt(here, str(found[0]["Ref_Key"]), found[0], {"copies": others} if others else {})
        return None

    def _held(self, order: Order) -> dict[str, Any] | None:
        try:
            return decode(self._client.one(_place(order.set_name, order.key)))
        except ODataError as error:
            if error.code == "9":
                return None
            raise


def _place(set_name: str, key: str) -> str:
    """Return the address of one object below the service root."""
    return f"{quote(set_name)}(guid'{key}')"


def _token(order: Order) -> str:
    """Return the mark of a command: its id as it is when it is short and plain, else a digest of it."""
    name = order.command.id
    plain = name if _PLAIN_ID.fullmatch(name) else hashlib.blake2b(name.encode(), digest_size=12).hexdigest()
    return f"[hub{'+' if order.verb == 'create' else ':'}{plain}]"


def _is_other(name: str, value: Any, step: Step) -> bool:
    return bool(step.before) and name not in step.values and name != "DataVersion" and step.before.get(name) != value


@contextmanager
def _nothing_sent() -> Iterator[None]:
    """Promise for all that happens before the change that it can be tried again."""
    try:
        yield
    except Unavailable as error:
        error.unsent = True
        raise
    except msgspec.MsgspecError as error:
        raise Unavailable("The answer of 1C breaks off or is damaged.", unsent=True) from error


@contextmanager
def _sent() -> Iterator[None]:
    """Whatever goes wrong after the change says nothing about the change."""
    try:
        yield
    except (AuthError, SettingsError, Rejected, Unavailable, msgspec.MsgspecError, KeyError) as error:
        words = str(error) if isinstance(error, HubError) else "the answer breaks off or is damaged"
        raise Unavailable(f"1C took the change, but could not be asked what became of it: {words}") from error
