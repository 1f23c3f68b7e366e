"""What an Exchange server takes and gives: its own schema where a copy is at hand, else the part of it written here.

A real server refuses a request that its schema does not allow. So does the stand-in, and it holds its own answers to
the same schema, because a client that was only shown wrong answers has learned nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from lxml import etree
from msgspec import Struct

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
_FIELD = re.compile(r"[a-zA-Z]+:[A-Z][A-Za-z]+")
_OWN = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


class Shape(Struct, frozen=True):
    """What one request holds: children in their order (`?` for those that may be absent) and required attributes."""

    children: tuple[str, ...]
    attributes: tuple[str, ...] = ()


REQUESTS = {
    "ConvertId": Shape(("SourceIds",), ("DestinationFormat",)),
    "GetFolder": Shape(("FolderShape", "FolderIds")),
    "FindFolder": Shape(("FolderShape", "IndexedPageFolderView?", "Restriction?", "ParentFolderIds"), ("Traversal",)),
    "SyncFolderItems": Shape(
        ("ItemShape", "SyncFolderId", "SyncState?", "Ignore?", "MaxChangesReturned", "SyncScope?")
    ),
    "GetItem": Shape(("ItemShape", "ItemIds")),
    "GetAttachment": Shape(("AttachmentShape?", "AttachmentIds")),
    "FindItem": Shape(
        (
            "ItemShape",
            "IndexedPageItemView?",
            "CalendarView?",
            "Restriction?",
            "SortOrder?",
            "ParentFolderIds",
            "QueryString?",
        ),
        ("Traversal",),
    ),
    "CreateItem": Shape(("SavedItemFolderId?", "Items")),
    "UpdateItem": Shape(("SavedItemFolderId?", "ItemChanges"), ("ConflictResolution",)),
    "Subscribe": Shape(("PullSubscriptionRequest?", "PushSubscriptionRequest?", "StreamingSubscriptionRequest?")),
    "GetStreamingEvents": Shape(("SubscriptionIds", "ConnectionTimeout")),
}
MANY = ("ItemIds", "FolderIds", "AttachmentIds", "ParentFolderIds", "Items", "SubscriptionIds", "EventTypes")


def local(element: etree._Element) -> str:
    """Return the name of an element without its namespace."""
    return str(etree.QName(element).localname)


class Schema:
    """Judges requests and answers; `path` is the driver of the official schema, if there is a copy."""

    def __init__(self, path: Path | None) -> None:
        self._official = _compiled(path) if path is not None else None

    def problem(self, element: etree._Element) -> str:
        """Return why the content of a SOAP body is not allowed, or an empty string."""
        if self._official is not None:
            whole = etree.fromstring(etree.tostring(element), parser=_OWN)
            if self._official.validate(whole):
                return ""
            return str(self._official.error_log.last_error.message)
        return _request_problem(element) if local(element) in REQUESTS else _answer_problem(element)


@lru_cache(maxsize=2)
def _compiled(path: Path) -> etree.XMLSchema:
    return etree.XMLSchema(file=str(path))


def _request_problem(element: etree._Element) -> str:
    name, shape = local(element), REQUESTS[local(element)]
    missing = [it for it in shape.attributes if it not in element.attrib]
    if missing:
        return f"{name} lacks the attribute {missing[0]}"
    pattern = "".join(f"(?:{it.rstrip('?')},){'?' if it.endswith('?') else ''}" for it in shape.children)
    given = "".join(f"{local(child)}," for child in element)
    if not re.fullmatch(pattern, given):
        return f"{name} holds {given.rstrip(',') or 'nothing'}, which is not allowed there or not in that order"
    for part in element.iter():
        if problem := _part_problem(part):
            return f"{name}: {problem}"
    return ""


def _part_problem(part: etree._Element) -> str:
    name, text = local(part), (part.text or "").strip()
    if name in ("ItemShape", "FolderShape") and (not len(part) or local(part[0]) != "BaseShape"):
        return f"{name} does not begin with BaseShape"
    if name == "FieldURI" and not _FIELD.fullmatch(part.get("FieldURI", "")):
        return f"the field {part.get('FieldURI')!r} is unknown"
    if name == "MaxChangesReturned" and not (text.isdigit() and 1 <= int(text) <= 512):
        return "MaxChangesReturned is not within 1 and 512"
    if name == "ConnectionTimeout" and not (text.isdigit() and 1 <= int(text) <= 30):
        return "ConnectionTimeout is not within 1 and 30"
    if name in MANY and not len(part):
        return f"{name} is empty"
    if name in ("ItemId", "FolderId", "AttachmentId", "DistinguishedFolderId") and "Id" not in part.attrib:
        return f"{name} has no Id"
    return ""


def _answer_problem(element: etree._Element) -> str:
    name = local(element).removesuffix("Response")
    if name not in REQUESTS or not len(element) or local(element[0]) != "ResponseMessages":
        return f"{local(element)} is no answer"
    for message in element[0]:
        if local(message) != f"{name}ResponseMessage" or message.get("ResponseClass") not in ("Success", "Error"):
            return f"{local(message)} is no answer to {name}"
        order = [local(child) for child in message]
        if "ResponseCode" not in order or ("MessageText" in order and order[0] != "MessageText"):
            return f"{local(message)} has no ResponseCode, or its parts are not in order"
    return ""
