"""Send documents to clients through the outbox: by mail, and on paper by a courier."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub import outbox
from hub.config import Config
from hub.documents.own import form_of
from hub.model.errors import HubError
from hub.paperwork.drafts import party_of
from hub.paperwork.life import NEXT, move
from hub.paperwork.sheet import read_file, values_of
from hub.requisites import addresses_in_use, check_addresses
from hub.store.documents import DocumentRow, FileRow

_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def letter(config: Config, found: DocumentRow, files: Sequence[FileRow], to: Sequence[str], put: Any) -> dict[str, Any]:
    """Return the data of a `mail.send` command with the document as PDF, or as the file it is when there is none.

    Raises HubError if the document was not issued, is no longer valid, or a file of it was changed.
    """
    if found.state in ("draft", "approved", "numbered", "cancelled"):
        raise HubError(f"the document {found.id} is {found.state}.", hint=f"Run first: hub document issue {found.id}")
    form = form_of(config, found.kind)
    file = next(file for ending in _TYPES for file in files if file.format == ending)
    content = read_file(config, file)
    values = values_of(config, found)
    covering = form.letter(values)
    number = f" № {found.number}" if found.number else ""
    name = f"{form.title}{number} от {values['date_short']}.{file.format}".replace("/", "-")
    return {
        "to": list(to), "subject": covering.subject, "text": covering.text,
        "attachments": [{"name": name, "type": _TYPES[file.format], "blob": put(content)}],
    }  # fmt: skip


def readers(
    config: Config, found: DocumentRow, given: Sequence[str], client: Mapping[str, Any], used: Collection[str] = ()
) -> list[str]:
    """Return whom a document goes to: those given, else the client, by an address that was `used` before if it has one.

    Raises HubError when an internal one, with costs or a complaint, would leave our own people.
    """
    form = form_of(config, found.kind)
    if not form.is_internal:
        return list(given) or mail_of(client, used)
    ours = {person.mail for person in config.model.employees if person.mail}
    strangers = sorted(set(given) - ours)
    if strangers or not given:
        who = strangers[0] if strangers else "the client"
        raise HubError(f"{form.title} is for our own people and does not go to {who}.",
                       hint="Give --to with the address of an employee of the configuration.")  # fmt: skip
    return list(given)


def send(
    connection: Connection, config: Config, found: DocumentRow, data: Mapping[str, Any], mail: str, *, by: str,
    now: datetime,
) -> str:  # fmt: skip
    """Put the letter into the outbox and note that the document is sent; return the command's id.

    The same version to the same addresses is sent once, however often it is asked for. Raises HubError for an address
    that nobody confirmed, while that of the client is in question.
    """
    if found.client and not form_of(config, found.kind).is_internal:
        check_addresses(connection, found.client, data["to"])
    addresses = "-".join(sorted(data["to"]))
    command = outbox.add(
        connection, "mail.send", mail, data, title=str(data["subject"]), client=found.client, by=by, now=now,
        approve=config.model.outbox.has_to_wait("mail.send"), key=f"document-{found.id}-{found.version}-{addresses}",
    )  # fmt: skip
    if "sent" in NEXT[found.state]:
        move(connection, config, found.id, "sent", by=by, now=now, detail=command)
    return command


def parcel(config: Config, found: Sequence[DocumentRow], client: Mapping[str, Any], **said: str) -> dict[str, Any]:
    """Return the data of a `shipment.order` command with papers for a client.

    {to: {name, inn, city, address, contact, phone}, content, papers: [{document, title, number, copies}],
    return_papers, note}; `said` takes the place of what is known of the client. `return_papers` asks the courier to
    bring signed copies back. Raises HubError for papers that cannot leave, and without an address.
    """
    party, papers = party_of(client), []
    for each in found:
        form = form_of(config, each.kind)
        if each.state in ("draft", "approved", "numbered", "cancelled", "archived"):
            raise HubError(f"the document {each.id} is {each.state}.", hint=f"Run first: hub document issue {each.id}")
        if form.is_internal:
            raise HubError(f"{form.title} is for our own people and does not go to the client.")
        papers.append({"document": each.id, "title": form.title, "number": each.number, "copies": form.copies})
    known = {"name": party.name, "inn": party.inn, "city": "", "address": party.address, "contact": "",
             "phone": party.phone}  # fmt: skip
    to = known | {name: text for name, text in said.items() if name in known and text}
    if not to["address"]:
        raise HubError("the client has no address.", hint="Give one with --address.")
    content = ", ".join(" № ".join(filter(None, (str(it["title"]), str(it["number"])))) for it in papers)
    back = any(form_of(config, each.kind).needs_signature for each in found)
    return {"to": to, "content": content, "papers": papers, "return_papers": back, "note": said.get("note", "")}


def ship(
    connection: Connection, config: Config, found: Sequence[DocumentRow], data: Mapping[str, Any], courier: str, *,
    by: str, now: datetime,
) -> str:  # fmt: skip
    """Put the order of a courier into the outbox and note that the papers are sent; return the command's id.

    The same papers are sent in one parcel, however often it is asked for.
    """
    command = outbox.add(
        connection, "shipment.order", courier, data, title=f"{data['to']['name']}: {data['content']}",
        client=found[0].client, by=by, now=now, approve=config.model.outbox.has_to_wait("shipment.order"),
        key="parcel-" + "-".join(f"{each.id}.{each.version}" for each in found),
    )  # fmt: skip
    for each in found:
        if "sent" in NEXT[each.state]:
            move(connection, config, each.id, "sent", by=by, now=now, detail=command)
    return command


def used_of(connection: Connection, client: str | None) -> set[str]:
    """Return the addresses to which documents of a client went before."""
    return addresses_in_use(connection, [client]).get(client, set()) if client else set()


def mail_of(client: Mapping[str, Any], used: Collection[str] = ()) -> list[str]:
    """Return the client's own address, one that was used before others. Raises HubError when there is none."""
    found = [str(point["value"]) for point in client["points"] if point["type"] == "email" and point.get("value")]
    if not found:
        raise HubError("the client has no e-mail address.", hint="Give one with --to.")
    return [next((it for it in found if it in used), found[0])]
