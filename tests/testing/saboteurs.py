"""Connectors broken on purpose: for every check of the kit at least one that breaks exactly that promise.

Each is the honest connector of the plugin template with one thing done wrong, and the words by which the check must
tell it, so that a failure for another reason does not count.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from hub_notebook import register_connectors
from hub_notebook.connector import Notebook
from hub_notebook.settings import NotebookSettings
from pydantic import ConfigDict

from hub.api import (
    API,
    AuthError,
    Batch,
    Check,
    Command,
    Contact,
    Cursor,
    Event,
    Receipt,
    Record,
    Rejected,
    Secret,
    Settings,
    Stream,
    Tools,
    Unavailable,
)

HONEST = register_connectors()[0]


@dataclass(frozen=True)
class Saboteur:
    name: str
    check: str
    words: str
    spec: Any


SABOTEURS: list[Saboteur] = []


def breaks(check: str, words: str) -> Callable[[type], type]:
    """Enter a connector that breaks the promise of that check."""

    def enter(made: type) -> type:
        spec = msgspec.structs.replace(HONEST, factory=f"saboteurs:{made.__name__}")
        SABOTEURS.append(Saboteur(made.__name__, check, words, spec))
        return made

    return enter


def announced(check: str, words: str, **wrong: Any) -> None:
    """Enter a spec that breaks the promise of that check."""
    name = f"announced with {', '.join(wrong)}"
    SABOTEURS.append(Saboteur(name, check, words, msgspec.structs.replace(HONEST, **wrong)))


# --- spec -------------------------------------------------------------------------------------------------------------


class LaxSettings(NotebookSettings):
    model_config = ConfigDict(extra="ignore")


class SilentSettings(Settings):
    url: str
    key: Secret
    """Described."""


class OpenSettings(Settings):
    url: str
    """Described."""
    api_key: str = ""
    """Described, and shown to everybody."""


class MoreSettings(NotebookSettings):
    colour: str = "blue"
    """Described here, but not in the README."""


announced("spec_name_is_plain", "identifier", name="Note book")
announced("spec_has_title", "title is empty", title=" ")
announced("spec_speaks_our_version", "this hub speaks", api=API + 1)
announced("spec_factory_is_there", "cannot be imported", factory="hub_notebook.connector:Nothing")
announced("spec_imports_are_light", "lxml", factory="heavy_plugin:Notebook")
announced("spec_settings_are_strict", "unknown setting is accepted", settings=LaxSettings)
announced("spec_settings_are_described", "docstring under url", settings=SilentSettings)
announced("spec_secrets_are_secret", "api_key must be", settings=OpenSettings)
announced("spec_readme_names_settings", "colour", settings=MoreSettings)


@breaks("spec_capabilities_are_whole", "normalise is missing")
class ReadsByHalf(Notebook):
    normalise = None


@breaks("spec_capabilities_are_whole", "neither reads, writes nor receives")
class DoesNothing:
    def check(self) -> Check:
        return Check("nobody")


# --- check ------------------------------------------------------------------------------------------------------------


@breaks("check_says_who_we_are", "no account")
class SaysNoName(Notebook):
    def check(self) -> Check:
        super().check()
        return Check()


@breaks("check_wrong_password_is_tried_once", "presented 2 times")
class TriesPasswordTwice(Notebook):
    def check(self) -> Check:
        try:
            return super().check()
        except AuthError:
            return super().check()


@breaks("check_wrong_password_is_tried_once", "nothing was raised")
class HidesWrongPassword(Notebook):
    def check(self) -> Check:
        try:
            return super().check()
        except AuthError:
            return Check("hub")


@breaks("check_absence_is_unavailable", "not AuthError")
class TakesAbsenceForRefusal(Notebook):
    def check(self) -> Check:
        try:
            return super().check()
        except Unavailable as error:
            raise AuthError("The server let nobody in.") from error


class Leaky(Notebook):
    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self.key = settings.key.get_secret_value()
        self.log = tools.log


@breaks("check_secrets_stay_secret", "a secret is shown")
class LogsKey(Leaky):
    def check(self) -> Check:
        self.log.debug("signing in with %s", self.key)
        return super().check()


@breaks("check_secrets_stay_secret", "a secret is shown")
class NamesKeyInCause(Leaky):
    def check(self) -> Check:
        try:
            return super().check()
        except AuthError as error:
            raise AuthError("The key is wrong.") from ValueError(f"key {self.key}: {error}")


# --- read -------------------------------------------------------------------------------------------------------------


class Reader(Notebook):
    """The honest connector with its tools within reach and its batches open to changes."""

    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self.url, self.tools = settings.url, tools

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        for batch in super().read(stream, cursor):
            yield self.spoil(batch)

    def spoil(self, batch: Batch) -> Batch:
        return batch

    def everything(self) -> list[Record]:
        """Return all tickets in one list, as of now."""
        pages = self._client.changes("")
        return [Record(it.id, b"" if it.deleted else raw, it.changed, it.deleted) for page in pages for it, raw in page]


def with_records(batch: Batch, records: Iterable[Record]) -> Batch:
    return msgspec.structs.replace(batch, records=list(records))


def with_cursor(batch: Batch, change: Callable[[Any], Any]) -> Batch:
    return msgspec.structs.replace(batch, cursor=change(batch.cursor)) if batch.cursor else batch


@breaks("read_streams_have_names", "stream names repeat")
class NamesStreamTwice(Notebook):
    def streams(self) -> Sequence[Stream]:
        return [*super().streams(), Stream("tickets", "Tickets again")]


@breaks("read_records_are_raw", "not the bytes received")
class DecodesPayload(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(
            batch, [msgspec.structs.replace(record, payload=json.loads(record.payload)) for record in batch.records]
        )


@breaks("read_records_are_raw", "an id twice")
class RepeatsInBatch(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [*batch.records, *batch.records])


@breaks("read_records_are_raw", "a payload, or deleted")
class ForgetsPayload(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [msgspec.structs.replace(record, payload=b"") for record in batch.records])


@breaks("read_empty_source_is_empty", "from an empty source")
class AddsHeading(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        yield Batch([Record("heading", b'{"id": "heading"}')])
        yield from super().read(stream, cursor)


@breaks("read_empty_source_is_empty", "unexpected Unavailable")
class TakesEmptyForBroken(Reader):
    def spoil(self, batch: Batch) -> Batch:
        if not batch.records and not batch.present:
            raise Unavailable("The server has nothing.")
        return batch


@breaks("read_first_read_is_whole", "after the first read 1 records are missing")
class DropsLast(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, batch.records[:-1])


@breaks("read_nothing_changed_is_nothing_new", "nothing happened")
class StampsPayload(Reader):
    def spoil(self, batch: Batch) -> Batch:
        def stamped(record: Record) -> Record:
            note = b', "read_at": "%s"}' % self.tools.clock.now().isoformat().encode()
            return msgspec.structs.replace(record, payload=record.payload[:-1] + note, version="")

        return with_records(batch, [record if record.deleted else stamped(record) for record in batch.records])


@breaks("read_nothing_changed_is_nothing_new", "nothing happened")
class ForgetsPresent(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return msgspec.structs.replace(batch, present=())


@breaks("read_addition_appears", "were added")
class GoesOnOneSecondLater(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        if cursor:
            later = datetime.fromisoformat(cursor["changed"]) + timedelta(seconds=1)
            cursor = {"changed": later.isoformat()}
        return super().read(stream, cursor)


@breaks("read_change_appears", "was changed")
class ReadsOnlyNewIds(Reader):
    known: ClassVar[dict[str, set[str]]] = {}

    def spoil(self, batch: Batch) -> Batch:
        known = self.known.setdefault(self.url, set())
        fresh = [record for record in batch.records if record.external_id not in known]
        known |= {record.external_id for record in fresh}
        return with_records(batch, fresh)


@breaks("read_change_appears", "was changed")
class KeepsVersion(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [msgspec.structs.replace(record, version="1") for record in batch.records])


@breaks("read_prints_nothing", "reading printed")
class Prints(Reader):
    def spoil(self, batch: Batch) -> Batch:
        sys.stdout.write(f"{len(batch.records)} records\n")
        return batch


@breaks("read_refused_credentials_stop_reading", "presented 2 times")
class SignsInAgain(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except AuthError:
            yield from super().read(stream, cursor)


@breaks("read_cursor_is_small_json", "at most 4096")
class RemembersEverythingSeen(Reader):
    def spoil(self, batch: Batch) -> Batch:
        seen = [record.external_id for record in batch.records] * 5
        return with_cursor(batch, lambda cursor: {**cursor, "seen": seen})


@breaks("read_cursor_is_small_json", "comes back from the store as")
class KeepsDatetimeInCursor(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_cursor(batch, lambda cursor: {**cursor, "at": datetime.fromisoformat(cursor["changed"])})


@breaks("read_cursor_is_small_json", "is no JSON")
class KeepsObjectInCursor(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_cursor(batch, lambda cursor: {**cursor, "connector": self})


@breaks("read_unreadable_cursor_reads_anew", "raises KeyError")
class TrustsCursor(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        return super().read(stream, {"changed": cursor["changed"]} if cursor is not None else None)


@breaks("read_unreadable_cursor_reads_anew", "records are missing")
class TakesOddCursorForNow(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        if cursor is not None and "changed" not in cursor:
            cursor = {"changed": "2999-01-01T00:00:00+00:00"}
        return super().read(stream, cursor)


@breaks("read_resumes_after_any_batch", "records were lost")
class CursorRunsAhead(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_cursor(batch, lambda _: {"changed": "2999-01-01T00:00:00+00:00"})


@breaks("read_resumes_after_any_batch", "records were lost")
class SkipsEqualTimes(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        batches = super().read(stream, cursor)
        if not cursor or stream.name != "tickets":
            return batches
        bound = cursor["changed"]
        return (
            with_records(batch, [record for record in batch.records if record.version > bound]) for batch in batches
        )


@breaks("read_changes_while_reading_are_kept", "while reading")
class CursorIsTimeOfEnd(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        if stream.name != "tickets":
            yield from super().read(stream, cursor)
            return
        since = cursor["changed"] if cursor else ""
        found = [record for record in self.everything() if record.version >= since]
        yield Batch(found[:1])
        yield Batch(found[1:], cursor={"changed": self._client.account().time.isoformat()})


class Swallows(Notebook):
    """Takes one kind of trouble for the end of the data."""

    sign = ""

    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except Unavailable as error:
            if self.sign not in str(error):
                raise
            yield Batch(complete=True)


@breaks("read_survives_down", "raised nothing")
class SwallowsDown(Swallows):
    sign = "cannot be reached"


@breaks("read_survives_cut", "raised nothing")
class SwallowsCut(Swallows):
    sign = "broke"


@breaks("read_survives_garbage", "raised nothing")
class SwallowsGarbage(Swallows):
    sign = "not its JSON"


@breaks("read_survives_garbage", "not ValueError")
class LetsParserErrorOut(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except Unavailable as error:
            raise ValueError("no JSON") from error


@breaks("read_survives_down", "records are missing")
class MovesCursorBeforeTrouble(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        try:
            yield from super().read(stream, cursor)
        except Unavailable:
            yield Batch(cursor={"changed": "2999-01-01T00:00:00+00:00"})
            raise


@breaks("read_removal_is_noticed", "gone are []")
class NeverComplete(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return msgspec.structs.replace(batch, complete=False)


@breaks("read_removal_is_noticed", "gone are []")
class SkipsDeleted(Reader):
    def spoil(self, batch: Batch) -> Batch:
        return with_records(batch, [record for record in batch.records if not record.deleted])


@breaks("read_removal_is_noticed", "next read brought")
class BringsBackDeleted(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        for batch in super().read(stream, cursor):
            yield batch
            yield with_records(Batch(), [Record(it.external_id, b"{}") for it in batch.records if it.deleted][:1])


@breaks("read_reading_leaves_no_trace", "reading changed")
class LeavesTrace(Notebook):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        yield from super().read(stream, cursor)
        self._client.create("read", {"subject": "The hub was here"})


@breaks("read_closes_cleanly", "left behind")
class LeavesThread(Reader):
    def spoil(self, batch: Batch) -> Batch:
        threading.Thread(target=threading.Event().wait, args=(4,), daemon=True).start()
        return batch


@breaks("read_closes_cleanly", "left open")
class LeavesSocket(Reader):
    def read(self, stream: Stream, cursor: Cursor | None) -> Iterator[Batch]:
        parts = urlsplit(self.url)
        line = socket.create_connection((parts.hostname, parts.port))
        yield from super().read(stream, cursor)
        line.close()


# --- normalise --------------------------------------------------------------------------------------------------------


class Teller(Notebook):
    """The honest connector with its events open to changes."""

    def __init__(self, settings: NotebookSettings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self.tools = tools

    def normalise(self, record: Record) -> Iterable[Event]:
        return [self.spoil(event, record) for event in super().normalise(record)]

    def spoil(self, event: Event, record: Record) -> Event:
        return event


@breaks("normalise_says_something", "gave no event")
class SaysNothing(Notebook):
    def normalise(self, record: Record) -> Iterable[Event]:
        return []


@breaks("normalise_is_pure", "the clock")
class AsksClock(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, time=self.tools.clock.now())


@breaks("normalise_is_pure", "the network")
class AsksNetwork(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        self._client.account()
        return event


@breaks("normalise_is_pure", "different events")
class CountsCalls(Teller):
    calls = 0

    def spoil(self, event: Event, record: Record) -> Event:
        self.calls += 1
        return msgspec.structs.replace(event, id=f"{event.key()}/{self.calls}")


@breaks("normalise_is_the_same_elsewhere", "other events")
class DependsOnHashSeed(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, id=f"{event.key()}/{hash(record.external_id)}")


@breaks("normalise_is_the_same_elsewhere", "other events")
class DependsOnLocalTime(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, time=event.time.replace(tzinfo=None).astimezone())


@breaks("normalise_events_are_proper", "noun.verb")
class TypesOddly(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, type="Seen a thing")


@breaks("normalise_events_are_proper", "the noun is none of")
class InventsNoun(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, type="gadget.observed")


@breaks("normalise_events_are_proper", "the data is Contact")
class CarriesOtherEntity(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, data=Contact(name="Вымышленная Анна Петровна"))


@breaks("normalise_values_are_typed", "no zone")
class ForgetsZone(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, time=event.time.replace(tzinfo=None))


@breaks("normalise_values_are_typed", "cannot be stored")
class NumbersForText(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        field = "number" if event.subject.kind == "ticket" else "name"
        return msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, **{field: 7}))


@breaks("normalise_event_ids_are_unique", "share an id")
class GivesOneIdToAll(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        return msgspec.structs.replace(event, id=record.external_id)


@breaks("normalise_subject_is_stable", "after a change the subject is")
class NamesSubjectAfterVersion(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        subject = msgspec.structs.replace(event.subject, external_id=f"{record.external_id}@{record.version}")
        return msgspec.structs.replace(event, subject=subject)


@breaks("normalise_subject_is_stable", "the same subject")
class NamesAllSubjectsAlike(Teller):
    def spoil(self, event: Event, record: Record) -> Event:
        subject = msgspec.structs.replace(event.subject, external_id="the one")
        return msgspec.structs.replace(event, subject=subject)


@breaks("normalise_damage_is_bad_record", "raises JSONDecodeError")
class TrustsPayload(Teller):
    def normalise(self, record: Record) -> Iterable[Event]:
        json.loads(record.payload)
        return super().normalise(record)


# --- execute ----------------------------------------------------------------------------------------------------------


@breaks("execute_commands_are_announced", "the connector takes []")
class AnnouncesNothing(Notebook):
    def commands(self) -> Sequence[str]:
        return []


@breaks("execute_has_one_effect", "had 2 effects")
class ActsTwice(Notebook):
    def execute(self, command: Command) -> Receipt:
        super().execute(command)
        return super().execute(command)


@breaks("execute_has_one_effect", "must return a Receipt")
class GivesNoReceipt(Notebook):
    def execute(self, command: Command) -> Any:
        super().execute(command)


@breaks("execute_find_knows_what_happened", "must return the Receipt")
class FindsNothing(Notebook):
    def find(self, command: Command) -> Receipt | None:
        return None


@breaks("execute_find_knows_what_happened", "never executed")
class FindsAlways(Notebook):
    def find(self, command: Command) -> Receipt | None:
        return Receipt(external_id="t-000001")


@breaks("execute_lost_answer_is_not_repeated", "had 2 effects when the answer was lost")
class SendsAgain(Notebook):
    def execute(self, command: Command) -> Receipt:
        try:
            return super().execute(command)
        except Unavailable:
            return super().execute(command)


@breaks("execute_lost_answer_is_not_repeated", "taken for a refusal")
class TakesLostAnswerForRefusal(Notebook):
    def execute(self, command: Command) -> Receipt:
        try:
            return super().execute(command)
        except Unavailable as error:
            raise Rejected("The server did not like it.") from error


@breaks("execute_refusal_keeps_its_words", "words of the refusal")
class LosesWords(Notebook):
    def execute(self, command: Command) -> Receipt:
        try:
            return super().execute(command)
        except Rejected as error:
            raise Rejected("422") from error


@breaks("execute_refusal_keeps_its_words", "must raise Rejected")
class TakesRefusalForAbsence(Notebook):
    def execute(self, command: Command) -> Receipt:
        try:
            return super().execute(command)
        except Rejected as error:
            raise Unavailable("Later, perhaps.") from error


@breaks("execute_refused_credentials_have_no_effect", "presented 2 times")
class ActsWithWrongKeyTwice(Notebook):
    def execute(self, command: Command) -> Receipt:
        try:
            return super().execute(command)
        except AuthError:
            return super().execute(command)


@breaks("execute_unknown_command_is_rejected", "must raise Rejected")
class DoesAnything(Notebook):
    def execute(self, command: Command) -> Receipt:
        return super().execute(msgspec.structs.replace(command, kind="ticket.create"))


@breaks("execute_absence_has_no_effect", "must raise Unavailable")
class PretendsToHaveSent(Notebook):
    def execute(self, command: Command) -> Receipt:
        try:
            return super().execute(command)
        except Unavailable:
            return Receipt(external_id="later")
