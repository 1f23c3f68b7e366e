"""Tasks in Outlook: what a command asks for, and what Exchange is told.

A task bears the id of the command that wrote it as a property of ours, so it is written once and found again, wherever
its owner moves it inside of the folder and however it is renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from hub.api import Command, Email, Rejected

from .soap import M, T, is_equal, item_shape, mark

WRITE, CLOSE = "task.write", "task.close"
MOST_SUBJECT = 255
MOST_TEXT = 32 * 1024


class Task(Struct, frozen=True):
    """A task as a person sees it; `mailbox` is whose it is, empty for the mailbox of the connection."""

    subject: str
    text: str = ""
    due: date | None = None
    is_important: bool = False
    mailbox: str = ""


def task_of(command: Command) -> Task:
    """Return the task that a command asks for. Raises Rejected for one that cannot be written."""
    data = _known(command, {"subject", "text", "due", "important", "mailbox"})
    subject = _words(data, "subject", MOST_SUBJECT)
    if not subject or not subject.isprintable():
        raise Rejected("a task needs a `subject` of one line.")
    return Task(subject, _words(data, "text", MOST_TEXT), _day(data), bool(data.get("important")), mailbox_of(data))


def closed_by(command: Command) -> tuple[str, str]:
    """Return which command wrote the task that is to be closed, and whose task it is. Raises Rejected."""
    data = _known(command, {"task", "mailbox"})
    written = _words(data, "task", 200)
    if not written:
        raise Rejected("`task` names the command that wrote the task.")
    return written, mailbox_of(data)


def mailbox_of(data: Mapping[str, Any]) -> str:
    """Return the address of the mailbox that a command names. Raises Rejected."""
    text = _words(data, "mailbox", 320)
    parsed = Email.parse(text)
    if text and parsed is None:
        raise Rejected("`mailbox` is not an e-mail address.")
    return parsed.address if parsed else ""


def element(task: Task, command_id: str) -> Any:
    """Return the task in the order of the schema."""
    parts = [T.Subject(task.subject), T.Body(task.text, BodyType="Text")]
    parts += [T.Importance("High")] if task.is_important else []
    parts.append(T.ExtendedProperty(mark(), T.Value(command_id)))
    parts += [T.DueDate(f"{task.due.isoformat()}T00:00:00Z")] if task.due else []
    return T.Task(*parts, T.Status("NotStarted"))


def written(folder: Any, task: Any) -> Any:
    """Return the request that puts a task into a folder."""
    return M.CreateItem(M.SavedItemFolderId(folder), M.Items(task), MessageDisposition="SaveOnly")


def search(folder: Any, command_id: str) -> Any:
    """Return the request for the task that a command wrote."""
    view = M.IndexedPageItemView(MaxEntriesReturned="10", Offset="0", BasePoint="Beginning")
    shape = item_shape([T.FieldURI(FieldURI="task:Status")])
    wanted = M.Restriction(is_equal(mark(), command_id))
    return M.FindItem(shape, view, wanted, M.ParentFolderIds(folder), Traversal="Shallow")


def completed(item_id: str, change_key: str) -> Any:
    """Return the request that marks a task as done."""
    change = T.SetItemField(T.FieldURI(FieldURI="task:Status"), T.Task(T.Status("Completed")))
    item = T.ItemChange(T.ItemId(Id=item_id, ChangeKey=change_key), T.Updates(change))
    return M.UpdateItem(M.ItemChanges(item), MessageDisposition="SaveOnly", ConflictResolution="AlwaysOverwrite")


def _known(command: Command, names: set[str]) -> Mapping[str, Any]:
    if strange := sorted(set(command.data) - names):
        hint = f"It takes {', '.join(sorted(names))}."
        raise Rejected(f"{command.kind} does not know {', '.join(strange)[:100]}.", hint=hint)
    return command.data


def _words(data: Mapping[str, Any], field: str, most: int) -> str:
    value = data.get(field) or ""
    if not isinstance(value, str) or len(value) > most:
        raise Rejected(f"`{field}` must be text of at most {most} letters.")
    return "".join(sign for sign in value if sign in "\n\t" or sign >= " ").strip()


def _day(data: Mapping[str, Any]) -> date | None:
    value = _words(data, "due", 10)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise Rejected("`due` must be a day such as 2026-11-25.") from None
