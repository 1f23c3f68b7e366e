"""Letters become tickets, surveys and complaints by rules of the configuration, as if somebody had entered them.

Each letter is looked at once, after it was stored. What it becomes is kept in the log under a key that follows from
the conversation (a ticket) or from the letter (a survey, a complaint). So a letter read again, from another mailbox or
from the start, makes nothing twice, and what people do with the ticket afterwards stays.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from hub.config import Config
from hub.documents.own import forms_of
from hub.entries import enter
from hub.entries.tickets import ENDED, number_of, reopened
from hub.facts import aliases, calendars_of
from hub.ingest import ingest
from hub.letter_rules import LetterRule
from hub.mail.threads import topic
from hub.model.entities import Comment, Message, Reference, Ticket
from hub.model.entries import Complaint, Survey
from hub.model.errors import SettingsError
from hub.model.events import OBSERVED, Event
from hub.normalise import fact_of
from hub.projection import OPERATOR, Sources
from hub.reminders.calendars import Calendars
from hub.reminders.clock import Clock
from hub.reminders.conditions import AnyOf, Check, Scene, all_hold
from hub.reminders.reading import Node, read_checks
from hub.reminders.world import Fact, World
from hub.store import log, state
from hub.store.database import Store
from hub.store.meta import get_meta, set_meta
from hub.store.parties import entity_id
from hub.store.problems import close_problem, open_problem, open_problems
from hub.store.tables import event, event_data
from hub.yaml_text import nearest

diary = logging.getLogger("hub.letters")

CHUNK = 200
BY = "hub"
"""Who entered it, in the audit."""
_PROBLEM = "letters"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TRIES = 3
_FIGURE = r"(10|\d)(?!\d|[.,/]\d)"
_SCORES = (
    re.compile(rf"(?:оцен(?:ка|ку|иваю|ил[аи]?)|ставлю|поставил[аи]?|score)\W{{0,5}}(?:на\W)?{_FIGURE}", re.IGNORECASE),
    re.compile(r"(?<![\d.,])(10|\d)\s*(?:балл\w*|(?:из|/)\s*10\b)", re.IGNORECASE),
    re.compile(r"^\s*(10|\d)\s*[.!)]*\s*$", re.MULTILINE),
)
"""How people name a figure in an answer; the first form that occurs counts."""


class Rule(Struct, frozen=True):
    """A rule with its conditions read; what it does not speak of itself is added: a person wrote the letter to us."""

    settings: LetterRule
    checks: tuple[Check, ...]
    is_for_machines: bool
    is_for_ours: bool

    def fits(self, letter: Letter, world: World) -> bool:
        """Tell whether a letter is one of these."""
        message = letter.message
        if self.settings.connections and letter.connection not in self.settings.connections:
            return False
        if message.is_automatic and not self.is_for_machines:
            return False
        if message.direction == "outbound" and not self.is_for_ours:
            return False
        return all_hold(self.checks, letter.scene(world))


class Letter(Struct, frozen=True):
    """A letter as it lies in the log: `key` is its id where it was read, `client` whose it is now."""

    connection: str
    key: str
    message: Message
    at: datetime
    client: str | None = None

    def scene(self, world: World) -> Scene:
        """Return what conditions see of it."""
        fact = Fact(id=self.key, type="message.received", time=self.at, kind="message", subject=self.key,
                    client=self.client, fields=asdict(self.message))  # fmt: skip
        return Scene(world, Clock(self.at), "message", self.key, fact=fact)

    @property
    def id(self) -> str:
        """Return its id in the store."""
        return entity_id(self.connection, "message", self.key)

    @property
    def author(self) -> str:
        """Return who wrote it, as people read it."""
        return self.message.sender_name or self.message.sender


class Place(Struct, frozen=True):
    """How far the letters of a connection were looked at, and since when each rule is in use."""

    seq: int = 0
    since: Mapping[str, datetime] = {}


def read_letter_rules(config: Config) -> tuple[Rule, ...]:
    """Return the rules in their order. Raises SettingsError with file and line."""
    return tuple(_rule(config, index, rule) for index, rule in enumerate(config.model.letters))


def letter_rules_and_mistake(config: Config) -> tuple[tuple[Rule, ...], tuple[SettingsError, ...]]:
    """Return the rules, or the first mistake in them: then none is in force."""
    try:
        return read_letter_rules(config), ()
    except SettingsError as mistake:
        return (), (mistake,)


def _rule(config: Config, index: int, rule: LetterRule) -> Rule:
    path = ("letters", index, "when")
    checks = read_checks(Node(config.document, path, [*map(dict, rule.when)]), ["message"])
    each = [it for check in checks for it in (check.conditions if isinstance(check, AnyOf) else (check,))]
    if any(it.operator in ("older", "newer") for it in each):
        raise config.document.error(path, "a letter is looked at when it comes: older and newer say nothing here.")
    known = sorted(forms_of(config)) if rule.kinds else []
    for kind in rule.kinds:
        if kind not in known:
            wrong = f"no kind of document is called {kind!r}."
            raise config.document.error(("letters", index, "kinds"), wrong, hint=nearest(kind, known))
    fields = {it.path[1] for it in each}
    return Rule(rule, checks, "is_automatic" in fields, rule.make == "solution" or "direction" in fields)


def first_fit(rules: Sequence[Rule], letter: Letter, world: World) -> Rule | None:
    """Return the first rule that a letter fits; a survey without any answer in it is none."""
    for rule in rules:
        settings = rule.settings
        is_empty = settings.make == "survey" and not settings.verdict and score_of(letter.message.text) is None
        if not is_empty and rule.fits(letter, world):
            return rule
    return None


def score_of(answer: str) -> int | None:
    """Return the figure from 0 to 10 that a letter names as its answer; `None` for none or several."""
    for pattern in _SCORES:
        if named := set(pattern.findall(answer)):
            return int(named.pop()) if len(named) == 1 else None
    return None


def take_letters(store: Store, config: Config, name: str, sources: Sources) -> int:
    """Look at the letters of a connection that came since the last look; return how many became something.

    A rule that cannot be understood opens a problem: then nothing is looked at, and nothing is passed over.
    """
    rules, mistakes = letter_rules_and_mistake(config)
    _tell(store, mistakes)
    if not any(it.settings.make != "return" for it in rules):
        return 0
    desk = _Desk(config, sources)
    taken, tries = 0, 0
    while True:
        with store.read() as connection:
            place = _place(connection, name)
            letters, last = _letters(connection, name, place.seq)
            now = store.now(connection)
        fresh = {it.settings.id: now for it in rules if it.settings.id not in place.since}
        if last == place.seq and not fresh:
            break
        since = {**place.since, **fresh}
        try:
            with store.write() as connection:
                for letter in letters:
                    found = first_fit(_in_use(rules, since, letter, desk), letter, desk.world)
                    taken += desk.take(connection, found.settings if found else None, letter, now)
                set_meta(connection, f"letters/{name}", msgspec.json.encode(Place(last, since)).decode())
        except IntegrityError:  # another connection brought the same letter at this moment; now it is there
            tries += 1
            if tries == _TRIES:
                raise
    if taken:
        diary.info("%s: %d letters became tickets, surveys or complaints", name, taken)
    return taken


def _tell(store: Store, mistakes: Sequence[SettingsError]) -> None:
    """Keep a problem open as long as the rules about letters hold a mistake."""
    with store.read() as connection:
        is_open = any(row.key == _PROBLEM for row in open_problems(connection))
    if mistakes or is_open:
        with store.write() as connection:
            now = store.now(connection)
            if not mistakes:
                close_problem(connection, _PROBLEM, now)
            for mistake in mistakes:
                title = f"no rule about letters is in force: {Exception.__str__(mistake)}"
                open_problem(connection, _PROBLEM, scope="letters", title=title, hint=mistake.hint, now=now)


def _in_use(rules: Sequence[Rule], since: Mapping[str, datetime], letter: Letter, desk: _Desk) -> list[Rule]:
    """Return the rules that were in use when the letter was written."""
    zone = desk.calendars.zone

    def begun(rule: LetterRule) -> datetime:
        return datetime.combine(rule.since, time(), zone) if rule.since else since[rule.id]

    return [it for it in rules if letter.at >= begun(it.settings)]


def _place(connection: Connection, name: str) -> Place:
    try:
        return msgspec.json.decode(get_meta(connection, f"letters/{name}"), type=Place)
    except msgspec.MsgspecError:
        return Place()


def _letters(connection: Connection, name: str, after: int) -> tuple[list[Letter], int]:
    query = (
        select(event.c.seq, event.c.subject, event.c.recorded_at, event_data.c.data)
        .join(event_data, event_data.c.seq == event.c.seq)
        .where(event.c.source == name, event.c.type.in_(("message.received", "message.sent")), event.c.seq > after)
        .order_by(event.c.seq)
        .limit(CHUNK)
    )
    rows = list(connection.execute(query))
    found = []
    for row in rows:
        message = msgspec.json.decode(row.data, type=Message | None)
        if message is not None:
            at = min(message.sent or row.recorded_at, row.recorded_at)
            found.append(Letter(name, row.subject.partition("/")[2], message, at))
    return with_clients(connection, found), rows[-1].seq if rows else after


def with_clients(connection: Connection, letters: Sequence[Letter]) -> list[Letter]:
    """Return the letters with the clients they belong to now."""
    whose = state.clients_of(connection, "message", [it.id for it in letters])
    return [replace(it, client=whose.get(it.id)) for it in letters]


def stored_letters(connection: Connection, since: datetime) -> Iterator[Letter]:
    """Yield the letters that were received since then, the oldest first, for a look at what rules would do."""
    table = state.table("message")
    for row in state.read(connection, "message", ~table.c.deleted, table.c.sent >= since, order="sent"):
        known = {name: row[name] for name in Message.__struct_fields__ if row.get(name) is not None}
        message = msgspec.convert(known, Message)
        if not message.is_bounce and message.folder.partition("/")[0] != "Calendar":
            yield Letter(row["connection"], row["external_id"], message, row["sent"], row["client_id"])


def world_of(config: Config) -> World:
    """Return the world in which conditions over letters are judged: nothing counts but the letter and our people."""
    people = {it.id: {"mail": it.mail} for it in config.model.employees}
    return World({"employee": people}, (), calendars=calendars_of(config))


class _Desk:
    """Where letters are taken in: the firm, its people, and the sources in which the hub believes."""

    def __init__(self, config: Config, sources: Sources) -> None:
        self.world = world_of(config)
        self.calendars: Calendars = self.world.calendars
        self._sources = sources
        self._people = aliases(config)
        self._names = {it.id: it.name for it in config.model.employees}

    def take(self, connection: Connection, rule: LetterRule | None, letter: Letter, now: datetime) -> bool:
        """Let a letter become what the rule says, or go on with the ticket of its conversation."""
        make = rule.make if rule else ""
        done = False
        key = "mail-" + _digest(letter.message.thread or letter.key)
        stored = log.latest(connection, OPERATOR, [f"ticket/{key}"]).get(f"ticket/{key}")
        if stored is not None:
            ticket = msgspec.json.decode(stored.data, type=Ticket | None)
            is_known = ticket is None or letter.message.is_automatic or _is_taken(connection, key, letter)
            if ticket is not None and not is_known:
                self._go_on(connection, ticket, key, letter, now, is_solved=make == "solution")
                done = True
            elif ticket is not None and ticket.state == "new" and letter.message.is_answered:
                self._enter(connection, replace(ticket, state="open"), "status", key, letter, now)
                done = True
        elif rule and make == "ticket":
            self._enter(connection, _ticket(rule, letter, key, self.calendars), "created", key, letter, now)
            done = True
        if rule and make in ("survey", "complaint"):
            done |= self._answer(connection, rule, letter, now)
        return done

    def _answer(self, connection: Connection, rule: LetterRule, letter: Letter, now: datetime) -> bool:
        key = "mail-" + _digest(letter.key)
        if log.latest(connection, OPERATOR, [f"{rule.make}/{key}"]):
            return False
        message = letter.message
        if rule.make == "survey":
            answer = Survey(author_email=message.sender, answered=letter.at, score=score_of(message.text),
                            verdict=rule.verdict, text=message.text)  # fmt: skip
            self._enter(connection, answer, "answered", key, letter, now)
        else:
            said = "\n\n".join(filter(None, (topic(message.subject), message.text)))
            complaint = Complaint(author_email=message.sender, filed=letter.at, department=rule.department, text=said)
            self._enter(connection, complaint, "filed", key, letter, now)
        return True

    def _go_on(
        self, connection: Connection, ticket: Ticket, key: str, letter: Letter, now: datetime, *, is_solved: bool
    ) -> None:
        """Keep a further letter of the conversation as a comment, and what it says of the ticket's state.

        An answer of ours begins the work, and whoever gives it works on it. A client who writes after the end opens
        the ticket again.
        """
        message, at = letter.message, letter.at
        comment = Comment(ticket=Reference("ticket", key), author=letter.author, text=message.text, written=at)
        subject = Reference("comment", "mail-" + _digest(letter.key))
        told = fact_of(Event(f"comment.{OBSERVED}", subject, comment, at), "")
        ingest(connection, OPERATOR, [told], self._sources, now)
        ticket = replace(ticket, last_activity=max(at, ticket.last_activity or at))
        verbs = ["commented"]
        has_ended = ticket.state in ENDED
        specialist = self._names.get(self._people.get(message.sender.casefold(), ""), "")
        if message.direction == "outbound" and specialist and not ticket.specialist and not has_ended:
            ticket, verbs = replace(ticket, specialist=specialist), [*verbs, "assigned"]
        if message.direction == "outbound" and ticket.state == "new":
            ticket, verbs = replace(ticket, state="open"), [*verbs, "status"]
        if is_solved and not has_ended:
            ticket, verbs = replace(ticket, state="solved", closed=at), [*verbs, "solved"]
        elif (
            message.direction == "inbound" and has_ended and not is_solved and (not ticket.closed or at > ticket.closed)
        ):
            ticket, verbs = reopened(ticket, at), [*verbs, "reopened"]
        for verb in verbs:
            self._enter(connection, ticket, verb, key, letter, now)

    def _enter(
        self, connection: Connection, entity: Ticket | Survey | Complaint, verb: str, key: str, letter: Letter,
        now: datetime,
    ) -> None:  # fmt: skip
        enter(connection, entity, verb, key=key, sources=self._sources, at=letter.at, by=BY, now=now,
              event_id=_event_id(entity.kind, key, verb, letter))  # fmt: skip


def _ticket(rule: LetterRule, letter: Letter, key: str, calendars: Calendars) -> Ticket:
    message = letter.message
    subject = topic(message.subject) or next(iter(message.text.split("\n")), "")[:100] or "Без темы"
    return Ticket(
        number=number_of(key, letter.at, calendars.get("office")), subject=subject,
        state="open" if message.is_answered else "new",
        priority=rule.priority, author=letter.author, author_email=message.sender, specialist=rule.specialist,
        description=message.text, created=letter.at, last_activity=letter.at,
    )  # fmt: skip


def _is_taken(connection: Connection, key: str, letter: Letter) -> bool:
    """Tell whether the letter has said its part about the ticket before."""
    said = [_event_id("ticket", key, verb, letter) for verb in ("created", "commented")]
    return bool(log.latest(connection, OPERATOR, said))


def _event_id(kind: str, key: str, verb: str, letter: Letter) -> str:
    """Return the id of what a letter made happen: the same in every mailbox, and in a store that takes the log over."""
    return f"{kind}/{key}/{verb}/mail-{_digest(letter.key)}"


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
