"""What people say of a client themselves: own values on top of all sources, new callers, prospects.

An own value is an observation of the source `operator`. It is bound to the one reference whose id the client bears, so
that it goes with that reference through merge and split, and it never says that two sources mean one client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import asdict, replace
from sqlalchemy import select

from hub import identity
from hub.entries import new_key
from hub.entries.acts import Desk, EntryError, employee, refuse_unlisted
from hub.ingest import ingest
from hub.model.entities import Client, Contact, ContactPoint, Reference
from hub.model.events import OBSERVED, Event
from hub.model.values import Email, Phone, is_inn, is_kpp
from hub.normalise import decode, fact_of
from hub.operator import attach
from hub.projection import OPERATOR
from hub.store import log, parties, state
from hub.store.parties import entity_id
from hub.store.problems import note
from hub.store.tables import STATE, audit
from hub.yaml_text import nearest

POINTS = ("phone", "email", "address")
STATUSES = ("client", "prospect", "closed")
FIELDS = ("name", "full_name", "inn", "kpp", "type", "status", "manager", "zone", "city", "note", "origin", "segment",
          "refuses_mailings", *POINTS)  # fmt: skip
"""What a person may say of a client."""


def set_values(desk: Desk, client: str, said: Mapping[str, str], was: Mapping[str, str] | None = None) -> str:
    """Keep a person's own values, an empty text takes an own value back; return the id of the client as it is now.

    `was` is what he saw when he began: a field that somebody or a source has changed since is not overwritten (S002-4).
    Raises EntryError that names the field which cannot be so.
    """
    _refuse_changed(desk, client, said, was or {})
    if not said:
        raise EntryError(
            "nothing is said.", hint="Write field=value, for example manager=ivanova; field= takes it back."
        )
    own = _own(desk, client)
    key, before = own or (_key_behind(client), Client(name=""))
    after = _with(desk, before, said)
    if not after.name and len(parties.references_of(desk.connection, [client])) == 1 and own:
        raise EntryError("this client has no other name.", field="name")
    _keep(desk, key, after)
    if own is None:
        attach(desk.connection, client, key, desk.sources, by=desk.by, now=desk.now)
    note(desk.connection, who=desk.by, what="client.set", about=f"client/{client}", detail=", ".join(sorted(said)),
         now=desk.now)  # fmt: skip
    return parties.follow(desk.connection, client)


def _refuse_changed(desk: Desk, client: str, said: Mapping[str, str], was: Mapping[str, str]) -> None:
    (row,) = state.read(desk.connection, "client", STATE["client"].c.id == client)
    for field, seen in was.items():
        if field not in FIELDS:
            raise EntryError(f"{field} is nothing that is said of a client.", field=field,
                             hint=nearest(field, list(FIELDS)))  # fmt: skip
        now = _as_seen(desk, field, _points_text(row["points"], field) if field in POINTS else row[field])
        if now not in {_as_seen(desk, field, text) for text in (seen, said.get(field, seen))}:
            who = _who_said(desk, client, field)
            raise EntryError(f"{field} is {now or 'empty'} by now{f' ({who})' if who else ''}, you saw {seen}.",
                             field=field, hint="Say it without what you saw, if yours is to stand.")  # fmt: skip


def _as_seen(desk: Desk, field: str, value: Any) -> str:
    text = {True: "yes", False: "no", None: ""}.get(value, value) if not isinstance(value, str) else value.strip()
    return desk.people.get(str(text).casefold(), str(text)) if field == "manager" else str(text)


def _points_text(points: Sequence[Mapping[str, Any]], type_: str) -> str:
    return ", ".join(str(it.get("value") or it.get("raw", "")) for it in points if it["type"] == type_)


def _who_said(desk: Desk, client: str, field: str) -> str:
    """Return the source whose value of a field is shown, when it said so, and who entered it if a person did."""
    references = [it for it in parties.references_of(desk.connection, [client]) if it[2] == "client"]
    for _, source, _, external_id, _ in sorted(references, key=lambda it: desk.sources.rank(it[1])):
        newest = log.latest(desk.connection, source, [f"client/{external_id}"]).get(f"client/{external_id}")
        entity = decode("client", newest.data) if newest else None
        told = isinstance(entity, Client) and (
            any(point.type == field for point in entity.points) if field in POINTS else getattr(entity, field)
        )
        if newest and newest.time and told:
            query = select(audit.c.who).where(audit.c.object == f"client/{client}", audit.c.what == "client.set")
            by = desk.connection.execute(query.order_by(audit.c.id.desc()).limit(1)).scalar() if (
                source == OPERATOR) else ""  # fmt: skip
            local = newest.time.astimezone(desk.config.zone)
            return ", ".join(filter(None, (source, by, f"{local:%d.%m.%Y %H:%M}")))
    return ""


def new_client(desk: Desk, said: Mapping[str, str], *, contact: str = "", required: tuple[str, ...] = (),
               again: bool = False) -> str:  # fmt: skip
    """Make a client nobody knows yet, with a contact; return its id.

    `required` are the fields of the card that must be filled; a dash is an answer (S003-4). Raises EntryError, also for
    one who is known by ИНН, phone or address already, unless `again` says that it is another.
    """
    given = {**said, "contact": contact}
    missing = [name for name in ("name", *required) if not given.get(name, "").strip()]
    if missing:
        raise EntryError(f"{', '.join(dict.fromkeys(missing))} must be said.", field=missing[0],
                         hint="Write - for what the caller did not tell.")  # fmt: skip
    filled = {name: value for name, value in said.items() if value.strip() not in ("", "-")}
    client = _with(desk, Client(name=""), filled)
    known = {} if again else parties.claimants(desk.connection, identity.keys_of(client))
    for key, whose in sorted(known.items()):
        if whose:
            known_by = key.partition(":")[0].replace("inn", "ИНН")
            raise EntryError(f"this {known_by} is known: {sorted(whose)[0][1]}.", field="name",
                             hint="Go on with that one, or say --again if it is another.")  # fmt: skip
    key = new_key()
    _keep(desk, key, client)
    if contact.strip() not in ("", "-"):
        _keep(desk, new_key(), Contact(name=contact.strip(), client=Reference("client", key)))
    note(desk.connection, who=desk.by, what="client.new", about=f"client/{key}", detail="", now=desk.now)
    return parties.bound(desk.connection, OPERATOR, "client", [key])[key]


def say_status(desk: Desk, client: str, status: str) -> None:
    """Renew the status that a person gave himself, so that a prospect who signed is no prospect any more."""
    own = _own(desk, client)
    if own and own[1].status and own[1].status != status:
        _keep(desk, own[0], replace(own[1], status=status))


def _own(desk: Desk, client: str) -> tuple[str, Client] | None:
    """Return key and content of what the operator says of the client; the fullest, as it is shown, of several."""
    keys = [item[3] for item in parties.references_of(desk.connection, [client]) if item[1:3] == (OPERATOR, "client")]
    newest = log.latest(desk.connection, OPERATOR, [f"client/{key}" for key in keys])
    said = [(key, decode("client", newest[f"client/{key}"].data)) for key in keys if f"client/{key}" in newest]
    living = [(key, entity) for key, entity in said if isinstance(entity, Client)]
    return min(living, key=lambda it: (-sum(map(bool, asdict(it[1]).values())), it[0])) if living else None


def _keep(desk: Desk, key: str, party: Client | Contact) -> None:
    event = Event(f"{party.kind}.{OBSERVED}", Reference(party.kind, key), party, desk.now)
    ingest(desk.connection, OPERATOR, [fact_of(event, "")], desk.sources, desk.now)


def _key_behind(client: str) -> str:
    """Return a key whose own id sorts after the client's: of two that become one the smaller id stays."""
    while True:
        key = new_key()
        if entity_id(OPERATOR, "client", key) > client:
            return key


def _with(desk: Desk, client: Client, said: Mapping[str, str]) -> Client:
    values: dict[str, Any] = {}
    points = list(client.points)
    for name, text in said.items():
        if name not in FIELDS:
            raise EntryError(f"{name} is nothing that is said of a client.", field=name,
                             hint=nearest(name, list(FIELDS)))  # fmt: skip
        if name in POINTS:
            points = [point for point in points if point.type != name]
            points += (
                [_point(desk, name, part) for part in text.split(",") if part.strip()]
                if name != "address"
                else ([ContactPoint("address", text.strip())] if text.strip() else [])
            )
        else:
            values[name] = _value(desk, name, text.strip())
    made = replace(client, **values, points=tuple(points))
    if made.kpp and not made.inn and "inn" not in said and "kpp" in said:
        raise EntryError("a КПП goes with an ИНН.", field="kpp", hint="Write inn=… kpp=…")
    return made


def _value(desk: Desk, name: str, text: str) -> str | bool:
    if name == "refuses_mailings":
        if text.casefold() not in ("", "да", "yes", "нет", "no"):
            raise EntryError(f"{text!r} is neither yes nor no.", field=name)
        return text.casefold() in ("да", "yes")
    if not text:
        return ""
    if name == "inn" and not is_inn(text):
        raise EntryError("the check digits of this ИНН are wrong.", field=name)
    if name == "kpp" and not is_kpp(text):
        raise EntryError("a КПП has 9 characters.", field=name)
    if name == "status" and text not in STATUSES:
        raise EntryError(f"{text!r} is no status.", field=name, hint=nearest(text, list(STATUSES)))
    refuse_unlisted(desk, "client", name, text)
    if name == "manager":
        return employee(desk, text, field=name)
    if name == "zone" and not _is_zone(text):
        raise EntryError(f"{text!r} is no time zone.", field=name, hint="For example Asia/Novosibirsk.")
    return text


def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _point(desk: Desk, type_: str, text: str) -> ContactPoint:
    raw = text.strip()
    if type_ == "phone":
        phone = Phone.parse(raw, desk.config.model.area_code)
        if phone is None:
            raise EntryError(f"{raw!r} is no phone.", field="phone", hint="Write it with the code of the city.")
        return ContactPoint("phone", phone.number, raw)
    email = Email.parse(raw)
    if email is None:
        raise EntryError(f"{raw!r} is no address of mail.", field="email")
    return ContactPoint("email", email.address, raw)
