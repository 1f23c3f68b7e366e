"""What a mail means to the hub: which side wrote, to whom of the other side, and whether a person did. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from hub.mail.bounces import UNKNOWN
from hub.mail.charset import clean
from hub.mail.letter import Mail, MailAddress
from hub.mail.threads import is_forward
from hub.model.entities import Attachment, Bounce, Message, Reference
from hub.model.events import Event
from hub.model.values import Email

MOST_TEXT = 8 * 1024
_INNER = re.compile(
    r"^[ \t*>_]*(?:От|От кого|From|Отправитель)\s?[*_]*\s?:[*_ ]*(.{1,300})$", re.IGNORECASE | re.MULTILINE
)
_INNER_ADDRESS = re.compile(r"([^\s<>\[\]()\"',:;]+@[^\s<>\[\]()\"',:;]+)")


def events(subject: Reference, mail: Mail, *, folder: str, ours: Collection[str]) -> list[Event]:
    """Return the events of one mail.

    `message.received`, `message.sent` or `message.bounced` says what it is; a letter by which a person of ours answers
    a client is `message.answered` as well: `in_reply_to` names the question, both times together how long it took.
    """
    message = message_of(mail, folder, ours, key=subject.external_id)
    if message.is_bounce:
        return [Event("message.bounced", subject, message, message.sent)]
    if message.direction == "inbound":
        return [Event("message.received", subject, message, message.sent)]
    found = [Event("message.sent", subject, message, message.sent)]
    if message.in_reply_to and message.outside and not message.is_automatic and not is_forward(message.subject):
        identifier = f"{subject.kind}/{subject.external_id}/answered"
        found.append(Event("message.answered", subject, message, message.sent, id=identifier))
    return found


def message_of(mail: Mail, folder: str, ours: Collection[str], *, key: str) -> Message:
    """Return the message that a mail is, from our side of it; `key` is its id where it is read."""
    failed = [failure.address for failure in mail.failures]
    is_sent, sender, others = _sides(mail, ours)
    others = [address for address in failed if address != UNKNOWN] if failed else others
    return Message(
        message_id=mail.message_id,
        direction="outbound" if is_sent else "inbound",
        sender=sender.address,
        sender_name=sender.name,
        recipients=mail.recipients,
        outside=tuple(dict.fromkeys(address for address in others if "@" in address and not is_ours(address, ours))),
        subject=mail.subject,
        text=clean(mail.own_text)[:MOST_TEXT],
        sent=mail.sent,
        in_reply_to=mail.in_reply_to or next(reversed(mail.references), ""),
        references=mail.references,
        thread=_thread(mail) or key,
        is_automatic=mail.is_automatic or (mail.is_listed and not is_ours(f"list@{mail.list_id}", ours)),
        is_bounce=bool(failed),
        bounces=tuple(
            Bounce(address=it.address, status=it.status, is_permanent=it.is_gone, reason=it.reason)
            for it in mail.failures
        ),
        folder=folder,
        attachments=tuple(
            Attachment(
                name=it.name,
                type=it.type,
                size_bytes=it.size_bytes,
                blob=it.digest,
                is_inline=bool(it.content_id) and it.type.startswith("image/"),
            )
            for it in mail.files
        ),
        is_answered=mail.is_answered,
        headers=mail.headers,
    )


def _thread(mail: Mail) -> str:
    """Return the oldest letter that the mail names, else itself; one that names itself as such is not believed."""
    named = [it for it in (*mail.references, mail.in_reply_to) if it and it != mail.message_id]
    return named[0] if named else mail.message_id


def _sides(mail: Mail, ours: Collection[str]) -> tuple[bool, MailAddress, Sequence[str]]:
    """Return whether we sent it, who wrote it, and everybody concerned."""
    replies = [it for it in mail.reply_to if not is_ours(it.address, ours)]
    everybody = [mail.sender.address, *(it.address for it in replies), *mail.recipients]
    if not is_ours(mail.sender.address, ours) or mail.is_report:  # our own server reports to us, too
        return False, mail.sender, everybody
    if mail.recipients and all(is_ours(address, ours) for address in mail.recipients):
        if replies:  # a form on our own site: a client wrote it
            return False, replies[0], everybody
        inner = _forwarded(mail, ours)
        if inner is not None:  # a colleague passed on what a client wrote
            return False, inner, [inner.address]
    return True, mail.sender, everybody


def _forwarded(mail: Mail, ours: Collection[str]) -> MailAddress | None:
    if not is_forward(mail.subject):
        return None
    for line in _INNER.findall(mail.text[: MOST_TEXT * 4].replace("mailto:", "")):
        found = _INNER_ADDRESS.search(line)
        parsed = Email.parse(found[1]) if found else None
        if parsed is not None:
            name = line[: found.start()].strip(" <[(\"'") if found else ""
            return None if is_ours(parsed.address, ours) else MailAddress(parsed.address, name[:200])
    return None


def is_ours(address: str, ours: Collection[str]) -> bool:
    """Tell whether an address is our own, itself or by its domain or a domain above that."""
    if not address or address in ours:
        return bool(address)
    domain = address.rpartition("@")[2]
    while domain:
        if domain in ours:
            return True
        domain = domain.partition(".")[2]
    return False
