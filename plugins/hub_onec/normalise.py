"""From the bytes of a 1C object to events: typed decoding of the fields we know, everything else skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from hub.api import (
    Act,
    BadRecord,
    Client,
    Contact,
    ContactPoint,
    Contract,
    Email,
    Employee,
    Entity,
    Event,
    Invoice,
    Money,
    Order,
    Organisation,
    Payment,
    Phone,
    Record,
    Reference,
)

from .candidates import PREFIXES, SOURCES
from .lines import lines_of
from .mapping import Target, target
from .rows import ContractRow, CounterpartyRow, DocumentRow, InvoiceRow, PartnerRow, PersonRow, RawRow, WorkerRow
from .settings import OneCSettings
from .trade import balance, bank_account, order, price, product, stock
from .trade_rows import OrderRow, OrganisationRow
from .values import KEY, day_of, instant_of, key_of, money_of, note_of, reference_of, text_of

_SEVERAL = re.compile(r"[,;/\n]")
_TYPES = {
    "ЮрЛицо": "organisation",
    "ЮридическоеЛицо": "organisation",
    "ЮрЛицоНеРезидент": "organisation",
    "ФизЛицо": "person",
    "ФизическоеЛицо": "person",
    "ИндивидуальныйПредприниматель": "entrepreneur",
    "ГосударственныйОрган": "state",
}


_LEGAL = "юрид"
_Reachable = CounterpartyRow | PartnerRow | PersonRow | OrganisationRow | WorkerRow
Own = tuple[tuple[str, Target, str], ...]
"""Attribute of the row, where it goes, and the name of the field in 1C."""


_raw: msgspec.json.Decoder[Any] = msgspec.json.Decoder(RawRow)


class Normaliser:
    """Translates the records of one connection; pure, made once from the settings."""

    def __init__(self, settings: OneCSettings) -> None:
        self._zone = ZoneInfo(settings.zone)
        self._area_code = settings.area_code
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self._own: dict[str, Own] = {}
        for name, source in SOURCES.items():
            self._decoders[name], self._own[name] = _decoder(name, source.row, settings.fields)
        self._translate: dict[str, Callable[[Any], Entity | None]] = {
            "counterparties": self._client,
            "contacts": self._contact,
            "partner_contacts": self._partner_contact,
            "contracts": _contract,
            "users": self._worker,
            "employees": self._worker,
            "invoices": _invoice,
            "sales": _act,
            "payments": _payment,
            "organisations": self._organisation,
            "bank_accounts": lambda row: bank_account(row, is_own=False),
            "own_bank_accounts": lambda row: bank_account(row, is_own=True),
            "nomenclature": product,
            "orders": _order,
            "prices": price,
            "stock": stock,
            "account_stock": stock,
            "settlements": balance,
            "account_settlements": balance,
            "state_settlements": balance,
        }

    def events(self, record: Record) -> Iterable[Event]:
        """Return what the record says: one observation, or nothing for a folder and for a document marked for deletion.

        Raises BadRecord, naming the field, for anything that is not such an object. Of a stream that is kept raw
        nothing is said.
        """
        translate = self._translate.get(record.stream)
        if translate is None and record.stream not in SOURCES and not record.stream.startswith(PREFIXES):
            raise BadRecord(f"1C has no stream {record.stream!r}.")
        row = _decode(self._decoders.get(record.stream, _raw), record.payload)
        if translate is None:
            return ()
        entity = translate(row)
        if entity is None:
            return ()
        if own := self._own[record.stream]:
            entity = _filled(entity, row, own)
        time = instant_of(row.day, "Date", self._zone) if isinstance(row, DocumentRow) else None
        return (Event(f"{entity.kind}.observed", record.reference(entity.kind), entity, time),)

    def _client(self, row: CounterpartyRow) -> Client | None:
        if row.is_folder:
            return None
        points, city = self._points(row)
        if row.partner:
            points += tuple(it for it in self._points(row.partner)[0] if it not in points)
        kind = row.type or row.short_type or row.kind
        return Client(
            name=text_of(row.name),
            full_name=text_of(row.full_name),
            inn=text_of(row.inn),
            kpp=text_of(row.kpp),
            type=_TYPES.get(kind.strip(), kind.strip()) if kind else "",
            status="closed" if row.is_marked or row.is_invalid else "",
            manager=text_of(row.partner.manager) if row.partner else "",
            city=city,
            note=note_of(row.note) or note_of(row.comment),
            points=points,
        )

    def _contact(self, row: PersonRow) -> Contact | None:
        owner = _owner(row.holder_key, row.holder, row.holder_type) or _owner(row.owner_key, row.owner, row.owner_type)
        return self._person(row, owner)

    def _partner_contact(self, row: PersonRow) -> Contact | None:
        return self._person(row, reference_of("client", row.client_key, "Партнер_Key"))

    def _person(self, row: PersonRow, client: Reference | None) -> Contact | None:
        if row.is_folder or row.is_marked:
            return None
        return Contact(
            name=text_of(row.name),
            client=client,
            position=text_of(row.position_text) or _position(row.position),
            birthday=day_of(row.birthday, "ДатаРождения"),
            note=note_of(row.comment),
            points=self._points(row)[0],
        )

    def _organisation(self, row: OrganisationRow) -> Organisation | None:
        if row.is_folder or row.is_marked:
            return None
        points = sorted(self._points(row)[0], key=lambda it: it.type == "address" and _LEGAL not in it.label.casefold())
        found = {it.type: it.value or it.raw for it in reversed(points)}  # of several the first
        return Organisation(
            name=text_of(row.name),
            full_name=text_of(row.full_name),
            inn=text_of(row.inn),
            kpp=text_of(row.kpp),
            ogrn=text_of(row.ogrn),
            prefix=text_of(row.prefix),
            address=found.get("address", ""),
            phone=found.get("phone", ""),
        )

    def _worker(self, row: WorkerRow) -> Employee | None:
        if row.is_folder or row.is_marked or row.is_invalid or row.is_archived or row.is_service:
            return None
        points = self._points(row)[0]
        found = {it.type: it.value for it in reversed(points)}  # of several the first
        return Employee(name=text_of(row.name), role="", mail=found.get("email", ""), phone=found.get("phone", ""))

    def _points(self, whole: _Reachable) -> tuple[tuple[ContactPoint, ...], str]:
        """Return the ways to reach somebody and the city, by the rule of which column holds what."""
        points: list[ContactPoint] = []
        city = ""
        for row in whole.points or ():
            kind, at = row.type, len(points)
            if kind == "Телефон" or kind == "Факс":
                points += _phones(text_of(row.shown) or text_of(row.phone), self._area_code)
            elif kind == "АдресЭлектроннойПочты":
                raw = text_of(row.email) or text_of(row.shown)
                if raw:
                    points += _emails(raw)
            elif raw := text_of(row.shown):
                points.append(ContactPoint("address" if kind == "Адрес" else "other", raw, raw))
            if label := (whole.names or {}).get(text_of(row.sort).lower()):
                points[at:] = [replace(it, label=label) for it in points[at:]]
            if row.city and not city:
                city = row.city.strip()
        return tuple(points), city


def _contract(row: ContractRow) -> Contract | None:
    if row.is_folder:
        return None
    status = text_of(row.status)
    return Contract(
        number=text_of(row.number) or text_of(row.second_number),
        client=_owner(row.client_key, row.client, row.client_type) or _owner(row.owner_key, row.owner, row.owner_type),
        title=text_of(row.title),
        date=day_of(row.day, "Дата") or day_of(row.second_day, "ДатаДоговора"),
        start=day_of(row.start, "ДатаНачалаДействия"),
        end=day_of(row.until, "СрокДействия") or day_of(row.end, "ДатаОкончанияДействия"),
        type=text_of(row.type) or text_of(row.sort),
        is_signed=row.is_signed if row.is_signed is not None else row.is_agreed,
        is_closed=bool(row.is_marked or row.is_closed or row.is_invalid or status == "Закрыт"),
        note=note_of(row.comment),
    )


def _invoice(row: InvoiceRow) -> Invoice | None:
    if row.is_marked:
        return None
    return Invoice(
        number=text_of(row.number),
        client=_owner(row.client_key, row.client, row.client_type),
        contract=_contract_of(row),
        date=day_of(row.day, "Date"),
        due=day_of(_date_or_days(row.due), "СрокОплаты") or day_of(_date_or_days(row.pay_until), "ДатаПлатежа"),
        total=_total(row),
        is_posted=row.is_posted is not False,
        note=note_of(row.comment),
        lines=lines_of(row, _total(row)),
    )


def _act(row: InvoiceRow) -> Act | None:
    if row.is_marked:
        return None
    return Act(
        number=text_of(row.number),
        client=_owner(row.client_key, row.client, row.client_type),
        contract=_contract_of(row),
        invoice=reference_of("invoice", row.invoice_key or row.account_key, "СчетНаОплатуПокупателю_Key"),
        date=day_of(row.day, "Date"),
        total=_total(row),
        is_posted=row.is_posted is not False,
        note=note_of(row.comment),
        lines=lines_of(row, _total(row)),
    )


def _order(row: OrderRow) -> Order | None:
    client, total = _owner(row.client_key, row.client, row.client_type), _total(row)
    return order(row, client, _contract_of(row), total, lines_of(row, total))


def _payment(row: DocumentRow) -> Payment | None:
    if row.is_marked:
        return None
    name, details = "РасшифровкаПлатежа", row.details or []
    contracts = {key_of(it.contract_key, name) or key_of(it.agreement_key, name) for it in details}
    invoices = {key_of(it.invoice_key, name) for it in details}
    return Payment(
        number=text_of(row.outer_number) or text_of(row.first_number) or text_of(row.number),
        client=_owner(row.client_key, row.client, row.client_type),
        contract=_contract_of(row) or _only("contract", contracts),
        invoice=reference_of("invoice", row.account_key, "СчетНаОплату_Key") or _only("invoice", invoices),
        date=day_of(row.day, "Date"),
        total=_total(row),
        purpose=text_of(row.purpose),
        is_posted=row.is_posted is not False,
    )


def _decoder(stream: str, row: type[Struct], given: Mapping[str, str]) -> tuple[msgspec.json.Decoder[Any], Own]:
    """Return the decoder of a stream, which also reads the own fields of this base, and where these go."""
    attributes = {item.encode_name: item.name for item in fields(row)}
    own: list[tuple[str, Target, str]] = []
    wanted: dict[str, str] = {}
    for name, wire in given.items():
        aim = target(name)
        if aim.stream == stream:
            for one in filter(None, (wire, aim.shown(wire))):  # the text for a reference says more than its key
                if one not in attributes:
                    attributes[one] = f"own_{len(wanted)}"
                    wanted[attributes[one]] = one
                own.append((attributes[one], aim, one))
    if wanted:
        extra = [(name, Any, None) for name in wanted]
        row = msgspec.defstruct(row.__name__, extra, bases=(row,), rename=wanted)
    return msgspec.json.Decoder(row), tuple(own)


def _filled(entity: Entity, row: Struct, own: Own) -> Entity:
    """Return the entity with what the own fields say; an empty one leaves the standard value."""
    said = [(aim.field, aim.convert(getattr(row, name), wire)) for name, aim, wire in own]
    return replace(entity, **{name: value for name, value in said if value not in (None, "")})


def _decode(decoder: msgspec.json.Decoder[Any], payload: bytes) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise BadRecord(f"A field has another type than 1C gives it: {error}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"The object is damaged: {str(error)[:120]}.") from error


def _owner(key: str | None, value: str | None, type_name: str | None) -> Reference | None:
    """Return the counterparty, whether the field has one type or a composite one that may hold something else."""
    if key:
        return reference_of("client", key, "Контрагент_Key")
    if value and type_name and type_name.endswith("Catalog_Контрагенты"):
        return reference_of("client", value, "Контрагент")
    return None


def _contract_of(row: DocumentRow) -> Reference | None:
    return reference_of("contract", row.contract_key, "ДоговорКонтрагента_Key") or reference_of(
        "contract", row.agreement_key, "Договор_Key"
    )


def _only(kind: str, keys: set[str]) -> Reference | None:
    """Return the one thing that all rows name; several, or a row without any, say nothing sure."""
    (key,) = keys if len(keys) == 1 else ("",)
    return Reference(kind, key) if key else None


def _date_or_days(value: str | int | None) -> str:
    """Return a date; in some configurations the field of that name holds a number of days, which says no date."""
    text = str(value or "").strip()
    return "" if text.isdigit() and len(text) < len("20260512") else text


def _total(row: DocumentRow) -> Money | None:
    return money_of(row.total, "СуммаДокумента", text_of(row.currency) or text_of(row.currency_name))


def _position(value: str | None) -> str:
    text = text_of(value)
    return "" if KEY.fullmatch(text) else text


def _phones(raw: str, area_code: str) -> list[ContactPoint]:
    """Return the phone, or the phones of a list; text that is none stays to be read by people."""
    if not raw:
        return []
    if phone := Phone.parse(raw, area_code):
        return [ContactPoint("phone", phone.number, raw)]
    parts = [it.strip() for it in _SEVERAL.split(raw)]
    found = [ContactPoint("phone", phone.number, it) for it in parts if (phone := Phone.parse(it, area_code))]
    return found or [ContactPoint("phone", "", raw)]


def _emails(raw: str) -> list[ContactPoint]:
    if email := Email.parse(raw):
        return [ContactPoint("email", email.address, raw)]
    found = [ContactPoint("email", email.address, it) for it in _SEVERAL.split(raw) if (email := Email.parse(it))]
    return found or [ContactPoint("email", "", raw)]
