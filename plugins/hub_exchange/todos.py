"""Tasks of a mailbox: a record is the item as the server gives it; what the hub wrote there itself never comes in.

A task that somebody else gave (`Delegator`) was given; one that its owner wrote for himself is his own business: the
hub knows of it and reminds nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from hub.api import BadRecord, Event, Record, Task

from .raw import TYPES, moment
from .soap import MARK

LIGHT = ("item:Sensitivity", "task:CompleteDate")
"""What the list of changes tells beside ids: enough to leave out what was done long ago or is private."""
FIELDS = (
    "item:DateTimeCreated", "item:Sensitivity", "item:Subject", "item:TextBody", "task:AssignedTime",
    "task:CompleteDate", "task:Delegator", "task:DueDate", "task:Status",
)  # fmt: skip
MOST_TEXT = 8 * 1024
EVENING = time(18)
"""Exchange knows the day of a task only; it is due at the end of that day's work."""
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def is_by_hub(element: Any) -> bool:
    """Tell whether the hub wrote the task: a reminder of its own is no news to it."""
    named = element.iterfind(f"{TYPES}ExtendedProperty/{TYPES}ExtendedFieldURI")
    return any(it.get("PropertyName") == MARK for it in named)


def events(record: Record, owner: str, zone: str) -> Iterator[Event]:
    """Yield what a task means: what it is now, that it was given, that it was done. Raises BadRecord."""
    try:
        item = etree.fromstring(record.payload, parser=_PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadRecord("the task cannot be read.") from error
    if item.tag != f"{TYPES}Task":
        raise BadRecord("this is no task.")
    if _line(item, "Sensitivity") not in ("", "Normal"):
        return
    by = _line(item, "Delegator")[:200]
    is_done = _line(item, "Status") == "Completed"
    task = Task(
        title=_line(item, "Subject")[:1000],
        text=_text(item, "TextBody")[:MOST_TEXT],
        given=(moment(_line(item, "AssignedTime")) or moment(_line(item, "DateTimeCreated"))) if by else None,
        due=_evening(_line(item, "DueDate"), ZoneInfo(zone)),
        done=moment(_line(item, "CompleteDate")) if is_done else None,
        by=by,
        employee=owner,
    )
    subject = record.reference("task")
    yield Event("task.observed", subject, task)
    if task.given:
        yield Event("task.given", subject, task, task.given, id=f"task/{subject.external_id}/given")
    if task.done:
        yield Event("task.done", subject, task, task.done, id=f"task/{subject.external_id}/done")


def _evening(written: str, zone: ZoneInfo) -> datetime | None:
    """Return the end of the day's work; of what Exchange gives only the date is true, whatever its hours say."""
    found = moment(written)
    return datetime.combine(found.date(), EVENING, zone).astimezone(UTC) if found else None


def _line(item: Any, name: str) -> str:
    return " ".join(_text(item, name).split())


def _text(item: Any, name: str) -> str:
    found = str(item.findtext(f"{TYPES}{name}", "")).replace("\r\n", "\n")
    return "".join(sign for sign in found if sign.isprintable() or sign == "\n").strip()
