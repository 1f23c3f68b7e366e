"""Returned letters: whom they did not reach, why, and which letter of ours it was.

Reports of RFC 3464 say it in fields; Exim, and with it Mail.ru, in words that are read here as well. What is only late
is not returned.
"""

from __future__ import annotations

import re

from hub.mail.charset import words
from hub.mail.keys import message_id
from hub.mail.letter import Failure
from hub.mail.mime import Part
from hub.model.values import Email

UNKNOWN = "unknown"
"""Stands for a recipient whom the returned letter does not name."""

_DAEMONS = re.compile(r"mailer-daemon|mail-daemon|postmaster|mdaemon|microsoftexchange\w+@")
_RETURNED = re.compile(
    r"undeliver|not delivered|fail|return(ed|ing)|недостав|не достав|не может быть доставлено|невозможно доставить"
    r"|сообщение о недоставке",
    re.IGNORECASE,
)
_LATE = ("delay", "задерж", "warning", "success", "relayed")
_RETURNED_ID = re.compile(r"^(?:original-)?message-id:[ \t]*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_COPY = re.compile(r"\n-{3,}")
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_MOST_WORDS = 64 * 1024


def failed_recipients(mail: Part) -> tuple[Failure, ...]:
    """Return whom a returned letter did not reach; empty for everything else, delays included."""
    reports = [part for part in mail.leaves() if part.media() == "message/delivery-status"]
    if reports:
        return _reported(reports)
    told = [_address(text) for value in mail.every("x-failed-recipients") for text in words(value).split(",")]
    if any(told) or _is_from_daemon(mail):
        return _written(mail, [address for address in told if address])
    return ()


def original_id(mail: Part) -> str:
    """Return the Message-ID of the letter that came back, or of which a report speaks, if its headers are there."""
    for part in mail.leaves():
        media = part.media()
        if media == "message/rfc822" and part.children():
            return message_id(words(part.children()[0].value("message-id")))
        if media == "message/disposition-notification" and part.children():
            return message_id(words(part.children()[0].value("original-message-id")))
        if media in ("text/rfc822-headers", "message/rfc822-headers", "text/plain", "message/disposition-notification"):
            found = _RETURNED_ID.search(part.text())
            if found:
                return message_id(found[1])
    return ""


def _reported(reports: list[Part]) -> tuple[Failure, ...]:
    failed: dict[str, Failure] = {}
    for block in (block for report in reports for block in report.children()):
        if not block.header("action").lower().startswith("failed"):
            continue
        recipient = block.header("final-recipient") or block.header("original-recipient")
        address = _address(recipient.rpartition(";")[2]) or UNKNOWN
        reason = block.header("diagnostic-code").partition(";")[2].strip()
        status = _STATUS.search(block.header("status"))
        failed[address] = Failure(address=address, status=status[0] if status else "", reason=reason[:500])
    return tuple(failed.values())


def _is_from_daemon(mail: Part) -> bool:
    sender = words(mail.value("from")).lower()
    subject = mail.header("subject")
    if any(word in subject.lower() for word in _LATE):
        return False
    return _RETURNED.search(subject) is not None and _DAEMONS.search(sender) is not None


def _written(mail: Part, named: list[str]) -> tuple[Failure, ...]:
    """Return the recipients that stand alone on a line before the copy of the letter, each with the words below it."""
    found: dict[str, Failure] = {}
    for part in mail.leaves():
        if part.media() != "text/plain":
            continue
        lines = _COPY.split(part.text()[:_MOST_WORDS].replace("\r\n", "\n"), maxsplit=1)[0].split("\n")
        for place, line in enumerate(lines):
            address = _address(line.strip().strip("<>:")) if "@" in line and len(line) < 300 else ""
            if address and address not in found and (address in named or not named):
                found[address] = _explained(address, lines[place + 1 : place + 9])
        break
    unexplained = [Failure(address=address) for address in named if address not in found]
    return (*found.values(), *unexplained) or (Failure(address=UNKNOWN),)


def _explained(address: str, lines: list[str]) -> Failure:
    said: list[str] = []
    for line in lines:
        if not line.strip():
            break
        said.append(line.strip())
    reason = " ".join(said)[:500]
    status = _STATUS.search(reason)
    return Failure(address=address, status=status[0] if status else "", reason=reason)


def _address(text: str) -> str:
    parsed = Email.parse(text)
    return parsed.address if parsed else ""
