"""The operations of the EWS stand-in, each as its page in Microsoft's reference tells: one answer for each thing asked.

Messages come back in the order of the request, ids are opaque, and a failure of one thing is no failure of the rest.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import getaddresses
from functools import partial
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from hub.testing.peers.ews_schema import MESSAGES, TYPES, local
from hub.testing.peers.ews_store import BadState, File, Folder, Item, Mailbox, Meeting
from hub.testing.peers.ews_streaming import Stream, Subscriptions

M = ElementMaker(namespace=MESSAGES, nsmap={"m": MESSAGES, "t": TYPES})
T = ElementMaker(namespace=TYPES, nsmap={"t": TYPES})
NS = {"m": MESSAGES, "t": TYPES}
TASK = ("AssignedTime", "CompleteDate", "Delegator", "DueDate", "Status")
ELEMENT_ORDER = (
    "MimeContent", "ItemId", "ParentFolderId", "ItemClass", "Subject", "Sensitivity", "Body", "Attachments",
    "DateTimeReceived", "Size", "InReplyTo", "InternetMessageHeaders", "DateTimeSent", "DateTimeCreated",
    "ExtendedProperty", "Verb", "Mark", "TextBody", "Start", "End", "Location", "IsCancelled", "Organizer",
    "RequiredAttendees", "ToRecipients", "CcRecipients", "From", "InternetMessageId", *TASK,
)  # fmt: skip


class Refused(Exception):
    """One thing that was asked for and cannot be had; the code is EWS's own."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code, self.text = code, text or f"Refused: {code}."


class Answers:
    """Answers requests for one login; `who` is its address, `acting` the mailbox it impersonates."""

    def __init__(self, mailboxes: Mapping[str, Mailbox], codes: Mapping[str, str], sent: list[bytes]) -> None:
        self._mailboxes, self._codes, self._sent = mailboxes, codes, sent
        self.who = self.acting = ""
        self.subscriptions = Subscriptions()
        self.opened: Stream | None = None
        """The answer that stays open, if the last request asked for one."""
        self.endless = False
        """Never call a page of changes the last one; the state just stops changing."""
        self.renames = False
        """Give every letter a Message-ID of the server's own."""
        self.takes_no_mark = False
        """Refuse a letter with an extended property."""
        self.bare_errors = False
        """Leave the sync state out of an answer that is an error."""

    def answer(self, request: etree._Element) -> etree._Element:
        """Return the answer to the content of a SOAP body."""
        name, self.opened = local(request), None
        asked: list[Callable[[], Sequence[etree._Element]]] = list(getattr(self, f"_{name}")(request))
        messages = []
        for one in asked:
            try:
                if name in self._codes:
                    raise Refused(self._codes[name])
                messages.append(self._message(name, "Success", "NoError", "", one()))
            except Refused as error:
                messages.append(self._message(name, "Error", error.code, error.text, self._rest(name)))
        return M(f"{name}Response", M.ResponseMessages(*messages))

    def _message(self, name: str, kind: str, code: str, text: str, parts: Sequence[etree._Element]) -> etree._Element:
        head = [M.MessageText(text)] if text else []
        tail = [M.DescriptiveLinkKey("0")] if text else []
        return M(f"{name}ResponseMessage", *head, M.ResponseCode(code), *tail, *parts, ResponseClass=kind)

    def _rest(self, name: str) -> list[etree._Element]:
        if name == "SyncFolderItems" and not self.bare_errors:
            return [M.SyncState(""), M.IncludesLastItemInRange("true")]
        empty = {"GetItem": M.Items, "CreateItem": M.Items, "GetAttachment": M.Attachments}
        return [empty[name]()] if name in empty else []

    # folders

    def _folder(self, reference: etree._Element) -> tuple[Mailbox, Folder]:
        if local(reference) == "FolderId":
            for mailbox in self._mailboxes.values():
                if reference.get("Id") in mailbox.folders:
                    return self._opened(mailbox), mailbox.folders[reference.get("Id")]
            raise Refused("ErrorItemNotFound", "The specified object was not found in the store.")
        address = (reference.findtext("t:Mailbox/t:EmailAddress", "", NS) or self.acting or self.who).lower()
        if address not in self._mailboxes:
            raise Refused("ErrorNonExistentMailbox", "No mailbox with such guid.")
        mailbox = self._opened(self._mailboxes[address])
        try:
            return mailbox, mailbox.used(reference.get("Id", ""))
        except KeyError:
            raise Refused("ErrorFolderNotFound", "The specified folder could not be found in the store.") from None

    def _opened(self, mailbox: Mailbox) -> Mailbox:
        if mailbox.address not in (self.who, self.acting) and self.who not in mailbox.delegates:
            raise Refused("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return mailbox

    def _GetFolder(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(reference: etree._Element) -> list[etree._Element]:
            return [M.Folders(_folder_element(*self._folder(reference)))]

        for reference in request.find("m:FolderIds", NS):
            yield partial(one, reference)

    def _FindFolder(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(reference: etree._Element) -> list[etree._Element]:
            mailbox, top = self._folder(reference)
            below = [it for it in mailbox.folders.values() if _is_below(mailbox, it, top.id, request.get("Traversal"))]
            page, attributes = _page(request.find("m:IndexedPageFolderView", NS), below)
            return [M.RootFolder(T.Folders(*(_folder_element(mailbox, it) for it in page)), **attributes)]

        for reference in request.find("m:ParentFolderIds", NS):
            yield partial(one, reference)

    # items

    def _SyncFolderItems(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one() -> list[etree._Element]:
            mailbox, folder = self._folder(request.find("m:SyncFolderId", NS)[0])
            most = int(request.findtext("m:MaxChangesReturned", "", NS))
            try:
                found, state, is_last = mailbox.changes(folder.id, request.findtext("m:SyncState", "", NS), most)
            except BadState:
                raise Refused("ErrorInvalidSyncStateData", "The sync state data is invalid.") from None
            changes = M.Changes(*(_change(kind, it, _asked(request)) for kind, it in found))
            last = "true" if is_last and not self.endless else "false"
            return [M.SyncState(state), M.IncludesLastItemInRange(last), changes]

        yield one

    def _item(self, item_id: str) -> Item:
        for mailbox in self._mailboxes.values():
            if item_id in mailbox.items:
                self._opened(mailbox)
                return mailbox.items[item_id]
        raise Refused("ErrorItemNotFound", "The specified object was not found in the store.")

    def _GetItem(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(item_id: str) -> list[etree._Element]:
            item, asked = self._item(item_id), _asked(request)
            if item.fault and ("MimeContent" in asked or item.is_lost):
                raise Refused(item.fault)
            return [M.Items(_item_element(item, asked))]

        for reference in request.find("m:ItemIds", NS):
            yield partial(one, reference.get("Id"))

    def _FindItem(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(reference: etree._Element) -> list[etree._Element]:
            mailbox, folder = self._folder(reference)
            wanted = request.find("m:Restriction", NS)
            items = [it for it in mailbox.items.values() if it.folder == folder.id]
            items = [it for it in items if wanted is None or _fits(it, wanted[0])]
            page, attributes = _page(request.find("m:IndexedPageItemView", NS), items)
            return [M.RootFolder(T.Items(*(_item_element(it, _asked(request)) for it in page)), **attributes)]

        for reference in request.find("m:ParentFolderIds", NS):
            yield partial(one, reference)

    def _GetAttachment(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(file_id: str) -> list[etree._Element]:
            for mailbox in self._mailboxes.values():
                for item in mailbox.items.values():
                    for file in item.files:
                        if file.id == file_id:
                            self._opened(mailbox)
                            content = base64.b64encode(file.content * file.repeat).decode()
                            return [M.Attachments(_file_element(file, T.Content(content)))]
            raise Refused("ErrorItemNotFound", "The specified object was not found in the store.")

        for reference in request.find("m:AttachmentIds", NS):
            yield partial(one, reference.get("Id"))

    def _CreateItem(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(given: etree._Element) -> list[etree._Element]:
            target = request.find("m:SavedItemFolderId", NS)
            disposition = request.get("MessageDisposition")
            if disposition is None:
                raise Refused("ErrorMessageDispositionRequired")
            mailbox, folder = self._folder(target[0] if target is not None else T.DistinguishedFolderId(Id="drafts"))
            is_task = local(given) == "Task"
            raw = b"" if is_task else _mime(given)
            properties = {
                it.find("t:ExtendedFieldURI", NS).get("PropertyName"): it.findtext("t:Value", "", NS)
                for it in given.findall("t:ExtendedProperty", NS)
            }
            if self.takes_no_mark and properties:
                raise Refused("ErrorInvalidPropertySet")
            if self.renames:
                raw = re.sub(rb"(?m)^Message-ID: <[^>]*>", b"Message-ID: <%d@exchange.example.com>" % len(raw), raw)
            if disposition == "SaveOnly" or is_task:
                told = {local(it): it.text or "" for it in given} if is_task else {}
                kind = "IPM.Task" if is_task else "IPM.Note"
                item = mailbox.put(folder.id, raw, tag=local(given), properties=properties, task=told, item_class=kind)
                return [M.Items(T(local(given), T.ItemId(Id=item.id, ChangeKey=str(item.key))))]
            self._sent.append(raw)
            if disposition == "SendAndSaveCopy":
                mailbox.put(folder.id, raw, properties=properties, is_read=True)
            return [M.Items()]

        for given in request.find("m:Items", NS):
            yield partial(one, given)

    def _UpdateItem(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(change: etree._Element) -> list[etree._Element]:
            item = self._item(change.find("t:ItemId", NS).get("Id"))
            for field in change.iterfind("t:Updates/t:SetItemField", NS):
                item.task |= {local(it): it.text or "" for it in field.find("t:Task", NS)}
            if item.task.get("Status") == "Completed":
                item.task.setdefault("CompleteDate", datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z"))
            for mailbox in self._mailboxes.values():
                if item.id in mailbox.items:
                    mailbox.touch(item)
            return [
                M.Items(T(item.tag, T.ItemId(Id=item.id, ChangeKey=str(item.key)))),
                M.ConflictResults(T.Count("0")),
            ]

        for change in request.find("m:ItemChanges", NS):
            yield partial(one, change)

    # notifications

    def _Subscribe(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one() -> list[etree._Element]:
            wanted = request.find("m:StreamingSubscriptionRequest", NS)
            if wanted is None:
                raise Refused("ErrorInvalidSubscriptionRequest", "Only streaming is spoken here.")
            found = [self._folder(reference) for reference in wanted.find("t:FolderIds", NS)]
            kinds = {it.text for it in wanted.find("t:EventTypes", NS)}
            if len({mailbox.address for mailbox, _ in found}) != 1:
                raise Refused("ErrorInvalidSubscriptionRequest")
            identifier = self.subscriptions.add(found[0][0], {folder.id for _, folder in found}, kinds)
            return [M.SubscriptionId(identifier)]

        yield one

    def _GetStreamingEvents(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one(identifier: str) -> list[etree._Element]:
            if identifier not in self.subscriptions.known:
                raise Refused("ErrorSubscriptionNotFound", "The specified subscription was not found.")
            self.opened = Stream(identifier, int(request.findtext("m:ConnectionTimeout", "", NS)))
            return [M.ConnectionStatus("OK")]

        for subscription in request.find("m:SubscriptionIds", NS):
            yield partial(one, subscription.text)

    def _ConvertId(self, request: etree._Element) -> Iterator[Callable[[], Sequence[etree._Element]]]:  # noqa: N802
        def one() -> list[etree._Element]:
            raise Refused("ErrorInvalidIdMalformed", "Id is malformed.")

        for _ in request.find("m:SourceIds", NS):
            yield one


def _asked(request: etree._Element) -> set[str]:
    shape = request.find("m:ItemShape", NS)
    if shape is None:
        return set()
    fields = {it.get("FieldURI").partition(":")[2] for it in shape.iterfind(".//t:FieldURI", NS)}
    tags = {it.get("PropertyTag", "").lower() for it in shape.iterfind(".//t:ExtendedFieldURI", NS)}
    fields |= {name for tag, name in (("0x300b", "ExtendedProperty"), ("0x1081", "Verb")) if tag in tags}
    if shape.find(".//t:ExtendedFieldURI[@PropertyName]", NS) is not None:
        fields.add("Mark")
    if shape.findtext("t:IncludeMimeContent", "", NS) == "true":
        fields.add("MimeContent")
    return fields


def _change(kind: str, item: Item | str, asked: set[str]) -> etree._Element:
    if isinstance(item, str):
        return T.Delete(T.ItemId(Id=item, ChangeKey="gone"))
    if kind == "ReadFlagChange":
        return T.ReadFlagChange(T.ItemId(Id=item.id, ChangeKey=str(item.key)), T.IsRead(str(item.is_read).lower()))
    light = asked - {"MimeContent", "Body", "TextBody", "Attachments", "InternetMessageHeaders", "ToRecipients"}
    return T(kind, _item_element(item, light))


def _folder_element(mailbox: Mailbox, folder: Folder) -> etree._Element:
    tag = {"calendar": "CalendarFolder", "tasks": "TasksFolder"}.get(folder.use, "Folder")
    children = sum(it.parent == folder.id for it in mailbox.folders.values())
    parts = [T.FolderId(Id=folder.id, ChangeKey="AQAAAA==")]
    if folder.parent:
        parts.append(T.ParentFolderId(Id=folder.parent, ChangeKey="AQAAAA=="))
    total = sum(it.folder == folder.id for it in mailbox.items.values())
    parts += [T.DisplayName(folder.name), T.TotalCount(str(total)), T.ChildFolderCount(str(children))]
    return T(tag, *parts)


def _is_below(mailbox: Mailbox, folder: Folder, top: str, traversal: str | None) -> bool:
    parent = folder.parent
    while traversal == "Deep" and parent and parent != top:
        parent = mailbox.folders[parent].parent
    return bool(parent) and parent == top


def _page(view: etree._Element | None, things: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
    offset = int(view.get("Offset", "0")) if view is not None else 0
    most = min(int(view.get("MaxEntriesReturned", "1000")), 1000) if view is not None else 1000
    page, end = things[offset : offset + most], offset + most
    return page, {
        "IndexedPagingOffset": str(min(end, len(things))),
        "TotalItemsInView": str(len(things)),
        "IncludesLastItemInRange": str(end >= len(things)).lower(),
    }


def _item_element(item: Item, asked: set[str]) -> etree._Element:
    made: dict[str, Callable[[], etree._Element | None]] = {
        "MimeContent": lambda: T.MimeContent(base64.b64encode(item.raw).decode(), CharacterSet="UTF-8"),
        "ItemId": lambda: T.ItemId(Id=item.id, ChangeKey=str(item.key)),
        "ItemClass": lambda: T.ItemClass(item.item_class),
        "Subject": lambda: T.Subject(_plain(item.header("Subject"))),
        "Attachments": lambda: T.Attachments(*(_file_element(it) for it in item.files)) if item.files else None,
        "DateTimeReceived": lambda: T.DateTimeReceived(_moment(item.received)),
        "Size": lambda: T.Size(str(item.size)),
        "InternetMessageHeaders": lambda: _headers(item),
        "DateTimeSent": lambda: T.DateTimeSent(_moment(item.received)),
        "ExtendedProperty": lambda: (
            T.ExtendedProperty(
                T.ExtendedFieldURI(PropertyTag="0x300b", PropertyType="Binary"), T.Value(item.search_key)
            )
            if item.search_key
            else None
        ),
        "Verb": lambda: (
            T.ExtendedProperty(
                T.ExtendedFieldURI(PropertyTag="0x1081", PropertyType="Integer"), T.Value(str(item.verb))
            )
            if item.verb
            else None
        ),
        "TextBody": lambda: T.TextBody("Большое вложение.", BodyType="Text", IsTruncated="false"),
        "ToRecipients": lambda: _people(item, "To"),
        "CcRecipients": lambda: _people(item, "Cc"),
        "From": lambda: _people(item, "From"),
        "InternetMessageId": lambda: T.InternetMessageId(item.message_id) if item.tag not in ("Item", "Task") else None,
        "Mark": lambda: _mark(item),
    }
    if item.task:
        told = {"Status": "NotStarted", "DateTimeCreated": _moment(item.received), **item.task}
        told["TextBody"] = told.get("Body", "")
        names = (*TASK, "Subject", "Sensitivity", "DateTimeCreated", "TextBody")
        made |= {name: partial(_task_part, told, name) for name in names}
    if item.meeting is not None:
        made |= _meeting_parts(item.meeting)
    parts = [made[name]() for name in ELEMENT_ORDER if name == "ItemId" or (name in asked and name in made)]
    return T(item.tag, *(part for part in parts if part is not None))


def _mark(item: Item) -> etree._Element | None:
    for name, value in item.properties.items():
        field = T.ExtendedFieldURI(DistinguishedPropertySetId="PublicStrings", PropertyName=name, PropertyType="String")
        return T.ExtendedProperty(field, T.Value(value))
    return None


def _task_part(told: Mapping[str, str], name: str) -> etree._Element | None:
    if not told.get(name):
        return None
    return T(name, told[name], **({"BodyType": "Text"} if name == "TextBody" else {}))


def _meeting_parts(meeting: Meeting) -> dict[str, Callable[[], etree._Element | None]]:
    def mailbox(address: str) -> etree._Element:
        return T.Mailbox(T.Name(address), T.EmailAddress(address), T.RoutingType("SMTP"))

    invited = [T.Attendee(mailbox(it), T.ResponseType("Unknown")) for it in meeting.invited]
    return {
        "Subject": lambda: T.Subject(meeting.title),
        "Sensitivity": lambda: T.Sensitivity(meeting.sensitivity),
        "Start": lambda: T.Start(_moment(meeting.start)),
        "End": lambda: T.End(_moment(meeting.end)),
        "Location": lambda: T.Location(meeting.place) if meeting.place else None,
        "IsCancelled": lambda: T.IsCancelled(str(meeting.is_cancelled).lower()),
        "Organizer": lambda: T.Organizer(mailbox(meeting.organiser)),
        "RequiredAttendees": lambda: T.RequiredAttendees(*invited) if invited else None,
    }


def _headers(item: Item) -> etree._Element | None:
    head = re.sub(rb"\r\n[ \t]+", b" ", item.raw.partition(b"\r\n\r\n")[0]).decode("latin-1")
    pairs = [line.split(": ", 1) for line in head.split("\r\n") if ": " in line]
    if not pairs or item.is_internal:
        return None
    return T.InternetMessageHeaders(*(T.InternetMessageHeader(value, HeaderName=name) for name, value in pairs))


def _people(item: Item, header: str) -> etree._Element | None:
    tag = {"To": "ToRecipients", "Cc": "CcRecipients"}.get(header, header)
    people = [
        T.Mailbox(T.Name(name or address), T.EmailAddress(address), T.RoutingType("SMTP"))
        for name, address in getaddresses([item.header(header)])
        if address
    ]
    return T(tag, *people) if people and item.tag == "Message" else None


def _plain(text: str) -> str:
    return "".join(sign for sign in str(make_header(decode_header(text))) if sign.isprintable())


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _file_element(file: File, *content: etree._Element) -> etree._Element:
    size = str(len(file.content) * file.repeat + 300)
    parts = [T.AttachmentId(Id=file.id), T.Name(file.name), T.ContentType(file.content_type)]
    return T.FileAttachment(*parts, T.Size(size), *content)


def _fits(item: Item, test: etree._Element) -> bool:
    kind = local(test)
    if kind in ("And", "Or"):
        return (all if kind == "And" else any)(_fits(item, part) for part in test)
    wanted = test.find("t:FieldURIOrConstant/t:Constant", NS)
    if kind != "IsEqualTo" or wanted is None:
        raise Refused("ErrorUnsupportedPathForQuery", f"{kind} is not understood here.")
    field, extended = test.find("t:FieldURI", NS), test.find("t:ExtendedFieldURI", NS)
    if extended is not None:
        return bool(item.properties.get(extended.get("PropertyName")) == wanted.get("Value"))
    if field is None or field.get("FieldURI") != "message:InternetMessageId":
        raise Refused("ErrorUnsupportedPathForQuery")
    return bool(item.message_id == wanted.get("Value"))


def _mime(given: etree._Element) -> bytes:
    try:
        return base64.b64decode(given.findtext("t:MimeContent", "", NS), validate=True)
    except ValueError:
        raise Refused("ErrorMimeContentInvalidBase64String") from None
