"""Tell letters of machines from letters of people, and returned letters from both.

Marks: RFC 3834 and what list software and Exchange add; RFC 3464 for reports, and the plain Russian text with which
Mail.ru returns letters.
"""

from __future__ import annotations

import re

from hub.mail.charset import words
from hub.mail.keys import message_id
from hub.mail.letter import Failure
from hub.mail.mime import Part
from hub.model.values import Email

_MACHINES = re.compile(
    r"((no|do-?not)[-._]?reply|mailer-daemon|mail-daemon|postmaster|robot|bounces?|mdaemon)([-_.+=\d].*)?"
)
_DAEMONS = re.compile(r"mailer-daemon|mail-daemon|postmaster|mdaemon")
_MARKS = ("x-loop", "list-id", "list-unsubscribe", "feedback-id", "x-autoreply", "x-autorespond")
_SUBJECTS = re.compile(
    r"автоответ|автоматический ответ|вне офиса|нет на рабочем месте"
    r"|auto(matic)?[ -]?(reply|response)|out of (the )?office",
    re.IGNORECASE,
)
_RETURNED = re.compile(
    r"undeliver|not delivered|fail|return(ed|ing)|недостав|не достав|не может быть доставлено|невозможно доставить",
    re.IGNORECASE,
)
_RETURNED_ID = re.compile(r"^message-id:[ \t]*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)


def is_automatic(mail: Part, sender: str) -> bool:
    """Tell whether no person wrote the letter: answers, lists, notices, reports."""
    if mail.media() == "multipart/report":
        return True
    submitted = mail.header("auto-submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    if re.search(r"\b(bulk|list|junk|auto_reply)\b", mail.header("precedence").lower()):
        return True
    if "all" in mail.header("x-auto-response-suppress").lower() or any(mail.value(name) for name in _MARKS):
        return True
    if mail.value("return-path").strip() == "<>":
        return True
    if _MACHINES.fullmatch(sender.partition("@")[0]):
        return True
    return _SUBJECTS.match(mail.header("subject")) is not None


def failed_recipients(mail: Part) -> tuple[Failure, ...]:
    """Return whom a returned letter did not reach; empty for everything else, delays included."""
    if mail.media() == "multipart/report" and "delivery-status" in mail.header("content-type").lower():
        return _reported(mail)
    told = [_address(text) for value in mail.every("x-failed-recipients") for text in words(value).split(",")]
    if any(told):
        return tuple(Failure(address=address) for address in dict.fromkeys(told) if address)
    return _written(mail) if _is_from_daemon(mail) else ()


def original_id(mail: Part) -> str:
    """Return the Message-ID of the letter that came back, if the answer holds its headers."""
    for part in mail.leaves():
        media = part.media()
        if media == "message/rfc822" and part.children():
            return message_id(words(part.children()[0].value("message-id")))
        if media in ("text/rfc822-headers", "text/plain"):
            found = _RETURNED_ID.search(part.text())
            if found:
                return message_id(found[1])
    return ""


def _reported(mail: Part) -> tuple[Failure, ...]:
    failed: dict[str, Failure] = {}
    for part in mail.leaves():
        if part.media() != "message/delivery-status":
            continue
        for block in part.children():
            recipient = block.header("final-recipient") or block.header("original-recipient")
            if block.header("action").lower().startswith("failed"):
                address = _address(recipient.rpartition(";")[2]) or "unknown"
                reason = block.header("diagnostic-code").partition(";")[2].strip()
                failed[address] = Failure(address=address, status=block.header("status")[:20], reason=reason[:500])
    return tuple(failed.values())


def _is_from_daemon(mail: Part) -> bool:
    sender = words(mail.value("from")).lower()
    subject = mail.header("subject")
    if any(word in subject.lower() for word in ("delay", "задерж", "warning", "success")):
        return False
    is_returned = mail.value("return-path").strip() == "<>" or _RETURNED.search(subject) is not None
    return is_returned and _DAEMONS.search(sender) is not None


def _written(mail: Part) -> tuple[Failure, ...]:
    """Return the addresses that stand alone on a line before the copy of the letter."""
    for part in mail.leaves():
        if part.media() == "text/plain":
            lines = re.split(r"\n-{3,}", part.text()[:65536], maxsplit=1)[0].splitlines()
            alone = (line.strip().strip("<>:") for line in lines if "@" in line and len(line) < 300)
            found = dict.fromkeys(address for text in alone if (address := _address(text)))
            return tuple(Failure(address=address) for address in found)
    return ()


def _address(text: str) -> str:
    parsed = Email.parse(text)
    return parsed.address if parsed else ""
