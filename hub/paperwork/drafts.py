"""Drafts of documents: from what a person types, and corrections of what was issued."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection

from hub.config import Config
from hub.documents.form import Form
from hub.documents.own import form_of
from hub.documents.parties import Party
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import Money, parse_decimal
from hub.paperwork.sheet import Sheet, draft_of, sheet_of
from hub.store import documents as rows
from hub.store.documents import DocumentRow
from hub.yaml_text import nearest

_NOT_ISSUED = msgspec.Raw(b"null")


class Wish(Struct, frozen=True):
    """What a person says of a new document: its lines, and further fields by name, each one or several times.

    All but the client that is not said is taken from the document `like`, which may be of another client (S002-12).
    """

    lines: Sequence[Line] = ()
    fields: Mapping[str, Sequence[str]] = {}
    day: date | None = None
    like: int = 0


def party_of(client: Mapping[str, Any]) -> Party:
    """Return a client as it stands on documents."""
    points: dict[str, list[Mapping[str, Any]]] = {}
    for point in client.get("points") or ():
        points.setdefault(point["type"], []).append(point)
    addresses = sorted(points.get("address", ()), key=lambda it: "юрид" not in str(it.get("label", "")).casefold())
    first = {kind: str(found[0].get("value") or found[0].get("raw", "")) for kind, found in points.items()}
    return Party(
        name=str(client["full_name"] or client["name"]),
        inn=str(client["inn"] or ""),
        kpp=str(client["kpp"] or ""),
        address=str(addresses[0].get("value") or addresses[0].get("raw", "")) if addresses else "",
        phone=first.get("phone", ""),
        email=first.get("email", ""),
    )


def parse_line(text: str, config: Config, day: date) -> Line:
    """Read `title; quantity; unit; price`; quantity and unit may be left out. Raises HubError that names the part."""
    parts = [part.strip() for part in text.split(";")]
    if len(parts) not in (2, 4) or not parts[0]:
        raise HubError(f"{text!r} is no line.", hint="Write: title; quantity; unit; price, or: title; price")
    price = parse_decimal(parts[-1])
    quantity = parts[1] if len(parts) == 4 else "1"
    if price is None or parse_decimal(quantity) is None:
        raise HubError(f"{text!r}: quantity and price must be numbers.")
    unit = parts[2] if len(parts) == 4 else ""
    return Line(title=parts[0], quantity=quantity, unit=unit, price=Money(price), vat_rate=vat_rate(config, day))


def vat_rate(config: Config, day: date) -> int | None:
    """Return the firm's usual rate of VAT on a day in percent, `None` for none."""
    organisation = config.model.organisation
    return organisation.vat_on(day)[0] if organisation else None


def new_document(
    connection: Connection, config: Config, kind: str, client: Mapping[str, Any], wish: Wish, *, by: str, now: datetime,
    origin: str = "",
) -> int:  # fmt: skip
    """Keep a draft of any kind; everything that would stop its issue is said now. Return the document's id."""
    form = form_of(config, kind)
    draft = make_draft(config, form, party_of(client), wish, _like(connection, form, wish.like))
    return keep_draft(connection, config, form, draft, client, wish.day, by=by, now=now, origin=origin)


def _like(connection: Connection, form: Form[Any, Any], key: int) -> dict[str, Any]:
    """Return what was wanted of another document of this kind, but for its client."""
    if not key:
        return {}
    row = rows.get(connection, key)
    if row.kind != form.kind:
        raise HubError(f"the document {key} is of the kind {row.kind!r} and not {form.kind!r}.")
    wanted: dict[str, Any] = msgspec.to_builtins(draft_of(form, sheet_of(row)))
    wanted.pop("client", None)
    return wanted


def keep_draft(
    connection: Connection, config: Config, form: Form[Any, Any], draft: Any, client: Mapping[str, Any],
    day: date | None, *, by: str, now: datetime, origin: str = "", number: str = "", version: int = 1,
) -> int:  # fmt: skip
    """Keep a draft that can be issued. Raises SettingsError or HubError with what is missing or wrong in it."""
    form.build(
        config.model.organisation,
        draft,
        number or ("1" if form.is_numbered else ""),
        day or now.astimezone(config.zone).date(),
    )
    sheet = Sheet(origin=origin, day=day, draft=msgspec.Raw(msgspec.json.encode(draft)))
    return rows.insert(
        connection, kind=form.kind, client=str(client["id"]), title=f"{form.title}: {client['name']}",
        context=sheet.text(), by=by, now=now, number=number, version=version,
    )  # fmt: skip


def doubts_of(config: Config, found: DocumentRow, now: datetime) -> list[str]:
    """Return what looks wrong in a document and was let pass, in Russian, for the person who issues it."""
    form, sheet = form_of(config, found.kind), sheet_of(found)
    if sheet.context != _NOT_ISSUED:
        context = msgspec.json.decode(sheet.context, type=form.context)
    else:
        number = found.number or ("1" if form.is_numbered else "")
        day = sheet.day or now.astimezone(config.zone).date()
        context = form.build(config.model.organisation, draft_of(form, sheet), number, day)
    doubts = form.values(context).get("doubts")
    return [str(doubt) for doubt in doubts] if isinstance(doubts, Sequence) else []


def make_draft(
    config: Config, form: Form[Any, Any], client: Party, wish: Wish, like: Mapping[str, Any] | None = None
) -> Any:
    """Return the draft of a form. Raises HubError that names the field which is missing, unknown or wrong."""
    known = {field.encode_name for field in structs.fields(form.draft)}
    values: dict[str, Any] = dict(like or {})
    if "client" in known:
        values["client"] = msgspec.to_builtins(client)
    if wish.lines:
        if "lines" not in known:
            raise HubError(f"{form.title} has no lines.", hint=f"Its fields: {', '.join(sorted(known))}.")
        values["lines"] = msgspec.to_builtins(wish.lines)
    if form.kind == "invoice":
        values["due_days"] = config.model.documents.invoice_due_days
    for name, texts in wish.fields.items():
        path = name.split(".")
        if path[0] not in known and "fields" in known:
            path = ["fields", *path]
        elif path[0] not in known:
            raise HubError(f"{form.title} has no field {name!r}.", hint=nearest(name, sorted(known)))
        place = values
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = texts[0] if len(texts) == 1 else list(texts)
    return _convert(values, form)


def _convert(values: Mapping[str, Any], form: Form[Any, Any]) -> Any:
    for attempt in range(8):  # a field that takes a list is told by the error alone
        try:
            return msgspec.convert(values, form.draft, strict=False)
        except msgspec.ValidationError as error:
            said = str(error)
            place = re.search(r"at `\$\.(\w+)`", said)
            if attempt < 7 and "Expected `array`, got `str`" in said and place and isinstance(values, dict):
                values[place[1]] = [values[place[1]]]
                continue
            missing = re.search(r"missing required field `(\w+)`(?: - at `\$\.?(.*)`)?", said)
            if missing:
                name = ".".join(filter(None, (missing[2], missing[1])))
                how = "--line" if name == "lines" else f"--field {name}=…"
                raise HubError(f"{form.title}: {name} is missing.", hint=f"Give it with {how}") from error
            raise HubError(f"{form.title}: {said.replace('`$.', '`')}.") from error
    raise AssertionError("unreachable")


def read_draft(form: Form[Any, Any], content: bytes, name: str) -> Any:
    """Return the draft of a JSON file as `hub document example` prints it. Raises HubError that names what is wrong."""
    try:
        return msgspec.json.decode(content, type=form.draft)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HubError(f"{name}: {error}.", hint=f"See: hub document example {form.kind}") from error


def correct(
    connection: Connection, config: Config, key: int, client: Mapping[str, Any], wish: Wish, *, by: str, now: datetime
) -> int:
    """Keep a draft of the next version of an issued document, with the same number; return its id.

    Lines and fields that are said take the place of those that were there; the client is taken as it is known now.
    """
    old = rows.get(connection, key)
    if old.state in ("draft", "approved", "numbered"):
        raise HubError(f"the document {key} is {old.state}; a correction follows an issue.")
    form = form_of(config, old.kind)
    before = sheet_of(old)
    draft = msgspec.to_builtins(draft_of(form, before))
    if "client" in draft:
        draft["client"] = msgspec.to_builtins(party_of(client))
    if wish.lines:
        draft["lines"] = msgspec.to_builtins(wish.lines)
    for name, texts in wish.fields.items():
        place = draft.setdefault("fields", {}) if name not in form.draft.__struct_fields__ else draft
        place[name] = texts[0] if len(texts) == 1 else list(texts)
    versions = rows.listed(connection, kind=old.kind, number=old.number) if old.number else [old]
    waiting = [it for it in versions if it.state in ("draft", "approved", "numbered")]
    if waiting:
        raise HubError(f"version {waiting[0].version} is waiting already, document {waiting[0].id}.")
    day = before.day or (old.issued_at or now).astimezone(config.zone).date()
    return keep_draft(
        connection, config, form, _convert(draft, form), client, wish.day or day, by=by, now=now,
        origin=before.origin, number=old.number, version=max(it.version for it in versions) + 1,
    )  # fmt: skip
