"""The words of EWS: elements of requests, and what the elements of answers tell. No network and no library of EWS."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker
from msgspec import Struct

MNS = "http://schemas.microsoft.com/exchange/services/2006/messages"
TNS = "http://schemas.microsoft.com/exchange/services/2006/types"
NS = {"m": MNS, "t": TNS}
M = ElementMaker(namespace=MNS, nsmap={"m": MNS, "t": TNS})
T = ElementMaker(namespace=TNS, nsmap={"t": TNS})
SEARCH_KEY, LAST_VERB = "0x300b", "0x1081"
"""PidTagSearchKey and PidTagLastVerbExecuted."""
MARK = "SvyazkaCommand"
"""Property of a sent letter with the id of its command, for servers that give letters a Message-ID of their own."""


class Refusal(Struct, frozen=True):
    """Why the server does not give an item; `is_gone` for one that was deleted or moved since it was listed."""

    code: str

    @property
    def is_gone(self) -> bool:
        """Tell whether the item is simply not there any more."""
        return self.code == "ErrorItemNotFound"


class Folder(Struct, frozen=True):
    """A folder of the mailbox; `path` tells where it is, below the top of the mailbox."""

    id: str
    name: str
    parent: str
    total: int
    path: str = ""


class Change(Struct, frozen=True):
    """One thing that happened to an item since a state: create, update, delete or flag; `moment` tells its age."""

    kind: str
    id: str
    item_class: str = ""
    moment: str = ""
    size: int = 0
    is_private: bool = False
    message_id: str = ""
    search_key: str = ""
    """A mark that a letter keeps when it is moved, copied or rewritten by a mail program; base64."""
    verb: str = ""
    """The number of what was last done with a letter, as mail programs set it."""

    @property
    def is_answered(self) -> bool:
        """Tell whether somebody replied to the sender or to all ([MS-OXOMSG] 2.2.1.30)."""
        return self.verb in ("102", "103")

    @property
    def key(self) -> str:
        """Return under what a letter is stored, or an empty string when the server gives no mark.

        Its bytes do not serve: Exchange keeps no MIME but writes it anew, after a change in Outlook with other words.
        The Message-ID alone does not either: some senders use one for many letters.
        """
        if not self.search_key:
            return ""
        digest = hashlib.sha256(self.search_key.encode()).hexdigest()
        bare = self.message_id.strip("<> ")
        is_sane = 0 < len(bare) <= 200 and bare.isascii() and bare.isprintable() and " " not in bare
        return f"{bare}#{digest[:16]}" if is_sane else digest[:32]


class Page(Struct, frozen=True):
    """Some changes, the state after them, and whether they were the last."""

    changes: tuple[Change, ...]
    state: str
    is_last: bool


def fields(*names: str) -> list[Any]:
    """Return the fields of that name to ask for."""
    return [T.FieldURI(FieldURI=name) for name in names]


def item_shape(asked: Sequence[Any]) -> Any:
    """Return what to ask of items."""
    return M.ItemShape(T.BaseShape("IdOnly"), T.AdditionalProperties(*asked))


def folder_shape() -> Any:
    """Return what to ask of folders."""
    asked = fields("folder:DisplayName", "folder:ParentFolderId", "folder:TotalCount")
    return M.FolderShape(T.BaseShape("IdOnly"), T.AdditionalProperties(*asked))


def folder_of(element: Any) -> Folder:
    """Return the folder an answer tells of."""

    def text(name: str) -> str:
        return str(element.findtext(f"t:{name}", "", NS))

    parent = element.find("t:ParentFolderId", NS)
    return Folder(
        element.find("t:FolderId", NS).get("Id"),
        text("DisplayName"),
        "" if parent is None else parent.get("Id"),
        int(text("TotalCount") or 0),
    )


_MOMENTS = {f"{{{NS['t']}}}Task": "t:CompleteDate"}
"""Which field says when an item was over, where it is not the one of letters: a task is not, before it is done."""


def change_of(element: Any) -> Change:
    """Return the change an answer tells of."""
    kind = {"Create": "create", "Update": "update", "Delete": "delete"}.get(etree.QName(element).localname, "flag")
    item = element if kind in ("delete", "flag") else element[0]
    size = item.findtext("t:Size", "0", NS)
    marks = {
        it.find("t:ExtendedFieldURI", NS).get("PropertyTag", "").lower(): it.findtext("t:Value", "", NS)
        for it in item.iterfind("t:ExtendedProperty", NS)
    }
    return Change(
        kind,
        item.find("t:ItemId", NS).get("Id"),
        item.findtext("t:ItemClass", "", NS),
        item.findtext("t:End", "", NS) or item.findtext(_MOMENTS.get(item.tag, "t:DateTimeReceived"), "", NS),
        int(size),
        item.findtext("t:Sensitivity", "Normal", NS) != "Normal",
        item.findtext("t:InternetMessageId", "", NS),
        marks.get(SEARCH_KEY, ""),
        marks.get(LAST_VERB, ""),
    )


def mark() -> Any:
    """Return the property that holds the id of a command."""
    return T.ExtendedFieldURI(DistinguishedPropertySetId="PublicStrings", PropertyName=MARK, PropertyType="String")


def letter_marks() -> list[Any]:
    """Return the properties that copies of a letter share, and that say what was last done with it."""
    return [
        T.ExtendedFieldURI(PropertyTag=SEARCH_KEY, PropertyType="Binary"),
        T.ExtendedFieldURI(PropertyTag=LAST_VERB, PropertyType="Integer"),
    ]


def is_equal(field: Any, value: str) -> Any:
    """Return the test whether a property has a value."""
    return T.IsEqualTo(field, T.FieldURIOrConstant(T.Constant(Value=value)))
