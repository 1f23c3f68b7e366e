"""Saboteurs of normalising and of commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from hub_notebook.connector import Notebook
from hub_notebook.settings import NotebookSettings
from sabotage import breaks

from hub.api import (
    AuthError,
    Command,
    Contact,
    Event,
    Receipt,
    Record,
    Rejected,
    Tools,
    Unavailable,
)


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


@breaks("execute_has_one_effect", "prepared alone")
class ActsWhilePreparing(Notebook):
    def prepare(self, command: Command) -> Callable[[], Receipt]:
        receipt = super().execute(command)
        return lambda: receipt


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
