"""Evaluate the rules: which reminders exist at a moment, by the facts and by what people did.

A pure function of world, rules, deeds and time. A reminder is one run of triggers of (rule, key) from the first that
nothing had handled to whatever closed it; closing facts are looked up at or after the trigger, so the order in which
facts arrived has no influence, and firings missed while the hub was off come out as one reminder.
"""

from __future__ import annotations

from calendar import isleap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from hub.model.parts import EVERYTHING, number_of, part_of
from hub.reminders.calendars import FIRST_DAY, LAST_DAY, Span
from hub.reminders.clock import Clock
from hub.reminders.conditions import Check, Scene, all_hold, clock_of, describe, kinds_of
from hub.reminders.dues import RESULTS, Deed, Due, Ended, Evaluation, Status, Step, Stored
from hub.reminders.people import addressees, assignee, days_of_change
from hub.reminders.rules import Closing, DateTrigger, Escalation, EventTrigger, Rule, ScanTrigger
from hub.reminders.timing import due_time, escalations, propose_call, snoozed_until, stage_of
from hub.reminders.world import EARLIEST, Fact, World, amount

_NOTHING = Stored()


def evaluate(
    world: World, rules: Sequence[Rule], now: datetime, deeds: Iterable[Deed] = (), stored: Stored = _NOTHING
) -> Evaluation:
    """Return the reminders that exist at `now`."""
    clock = Clock(now)
    for fact in world.after(now):
        clock.part = part_of(fact.kind, fact.subject, fact.client, fact.fields)
        clock.note(fact.time)
    run = _Run(world.until(now), clock, deeds, stored)
    found = [due for rule in rules for due in _one_open_per_key(run.reminders(rule))]
    found.sort(key=lambda due: (due.rule, due.key, due.trigger_time, due.subject))
    return Evaluation(now, tuple(found), clock.wakes)


def why_gone(
    world: World, rule: Rule, kind: str, subject: str, now: datetime, client: str | None = None
) -> tuple[Status, str]:
    """Say why a reminder that was open is no more among the reminders: the first condition that no longer holds."""
    scene = Scene(world.until(now), Clock(now), kind, subject, client=client)
    if not world.get(kind, subject):
        return "cancelled", "Предмет напоминания удалён в источнике"
    if rule.over:
        return "resolved", _sentence(rule.over)
    for check in rule.where:
        if not all_hold((check,), scene):
            return "cancelled", f"Условие больше не выполняется: {describe(check)}"
    return "cancelled", "Срок изменился"


def scene_of(world: World, rule: Rule, due: Due, now: datetime) -> Scene:
    """Return the scene of a reminder, for its texts and explanation."""
    scene = Scene(world, Clock(now), due.subject_kind, due.subject, fact=world.fact(due.trigger), client=due.client)
    scene.fact_first = False
    scene.figures = {"count": due.count, "attempts": due.attempts, "year": due.trigger_time.year,
                     "stage": _stage_title(rule, scene, due.trigger_time)}  # fmt: skip
    return scene


class _Instance(Struct):
    """One run of triggers: when they fired, the scene of the first, what ended it."""

    scene: Scene
    key: str
    times: list[datetime]
    ended: Ended | None = None


class _Run:
    """One evaluation."""

    def __init__(self, world: World, clock: Clock, deeds: Iterable[Deed], stored: Stored) -> None:
        self.stored = stored
        self.world = world
        self.clock = clock
        self.office = world.calendars.get("office")
        self.shifts = [self.office.midnight(day) for day in days_of_change(world)]
        self.deeds: dict[tuple[str, str], list[Deed]] = defaultdict(list)
        for deed in sorted((deed for deed in deeds if deed.at <= clock.now), key=lambda deed: (deed.at, deed.kind)):
            self.deeds[deed.rule, deed.key].append(deed)

    def reminders(self, rule: Rule) -> Iterator[Due]:
        enforce = self.world.moment(rule.enforce_from) or self.world.enforce_from
        trigger = rule.trigger
        if isinstance(trigger, EventTrigger):
            instances = self._events(rule, trigger, enforce)
        elif isinstance(trigger, ScanTrigger):
            instances = self._scan(rule, trigger, enforce)
        else:
            instances = self._dates(rule, trigger, enforce)
        for instance in instances:
            start, ended = instance.times[0], instance.ended
            if ended and self.stored.has(rule.id, instance.key, instance.scene.part, start, ended):
                continue
            if ended is None or ended.at is None or ended.at >= start:
                yield self._due(rule, instance)

    def _scene(self, kind: str, subject: str, fact: Fact | None = None) -> Scene:
        """Return the scene of a trigger; what is asked about the time from now on concerns its part."""
        scene = Scene(self.world, self.clock, kind, subject, fact=fact)
        self.clock.part = scene.part
        return scene

    # Triggers

    def _events(self, rule: Rule, trigger: EventTrigger, enforce: datetime) -> Iterator[_Instance]:
        runs: dict[str, list[Scene]] = defaultdict(list)
        for event_type in trigger.types:
            for fact in self.world.of_type(event_type):
                scene = self._scene(fact.kind, fact.subject, fact)
                if fact.time >= enforce and all_hold(rule.where, scene):
                    key = rule.key.render(scene)
                    runs[f"{key}#{fact.id}" if rule.on_repeat == "parallel" else key].append(scene)
        for key, scenes in runs.items():
            scenes.sort(key=lambda scene: (_fact(scene).time, _fact(scene).id))
            self.clock.part = scenes[0].part
            for instance in self._segments(rule, key, scenes):
                shown = self.office.add(instance.times[0], trigger.hold)
                ended_at = instance.ended.at if instance.ended else None
                if self.clock.reached(shown) and not (ended_at and ended_at < shown):
                    yield instance

    def _segments(self, rule: Rule, key: str, scenes: list[Scene]) -> Iterator[_Instance]:
        """Cut the triggers of one key into reminders: each runs from its first trigger to what closed it."""
        place = 0
        while place < len(scenes):
            first = scenes[place]
            times = [_fact(first).time]
            first.fact_first = False
            ended = self._ended(rule, first, times[0], key)
            place += 1
            while place < len(scenes) and (ended is None or ended.at is None or _fact(scenes[place]).time <= ended.at):
                again = scenes[place]
                if rule.on_repeat == "restart":
                    first, times = again, []
                    first.fact_first = False
                    ended = self._ended(rule, first, _fact(again).time, key)
                if rule.on_repeat != "ignore":
                    times.append(_fact(again).time)
                place += 1
            yield _Instance(first, key, times, ended)

    def _scan(self, rule: Rule, trigger: ScanTrigger, enforce: datetime) -> Iterator[_Instance]:
        clock = clock_of(rule.where)
        standing = tuple(check for check in rule.where if check is not clock)
        for object_id in sorted(self.world.objects.get(trigger.kind, {})):
            scene = self._scene(trigger.kind, object_id)
            if not all_hold(standing, scene):
                continue
            key = rule.key.render(scene)
            if clock:
                owner = scene.client if clock.path[0] == "client" else object_id
                points = list(self.world.history(clock.path[0], owner or "", clock.path[1]))
                yield from self._clocked(rule, scene, key, points, clock.operand, enforce)
                continue
            begun = self.world.moment(scene.get(trigger.since)) if trigger.since else None
            if begun is None or (begun >= enforce and self.clock.reached(begun)):
                start = begun or enforce
                yield _Instance(scene, key, [start], self._ended(rule, scene, start, key))

    def _clocked(
        self, rule: Rule, scene: Scene, key: str, points: list[tuple[datetime, str]], span: Span, enforce: datetime
    ) -> Iterator[_Instance]:
        """Find the reminders of a clock that every point (a fact, or a person who closed by hand) sets to zero."""
        closed_by_hand = {deed.at: deed for deed in self._done(rule, key)}
        points = sorted([*points, *((at, "") for at in closed_by_hand)])[-2:]
        if not points:
            yield _Instance(scene, key, [enforce], self._ended(rule, scene, enforce, key))
        for place, (moment, _) in enumerate(points):
            start = max(self.office.add(moment, span), enforce)
            if not self.clock.reached(start):
                continue
            if place == len(points) - 1:
                yield _Instance(scene, key, [start], self._ended(rule, scene, start, key))
                continue
            ended_at, cause = points[place + 1]
            if start < ended_at:
                deed = closed_by_hand.get(ended_at)
                ended = _by_hand(deed) if deed else self._by_fact(rule, ended_at, cause)
                yield _Instance(scene, key, [start], ended)

    def _dates(self, rule: Rule, trigger: DateTrigger, enforce: datetime) -> Iterator[_Instance]:
        known: dict[date, tuple[list[datetime], datetime | None]] = {}
        year = self.office.local_day(self.clock.now).year
        new_year = self.office.midnight(date(year + 1, 1, 1))
        of_thing = tuple(check for check in rule.where if kinds_of(check) == {trigger.kind})
        of_client = tuple(check for check in rule.where if check not in of_thing)
        for object_id in sorted(self.world.objects.get(trigger.kind, {})):
            scene = self._scene(trigger.kind, object_id)
            value = scene.get(trigger.path)
            day = self.office.local_day(value) if isinstance(value, datetime) else value
            if not isinstance(day, date):
                continue
            fanned = trigger.each_client and not scene.client
            if fanned:
                self.clock.part = EVERYTHING
            yearly = trigger.yearly and self.world.get(trigger.kind, object_id).get("is_yearly") is not False
            if yearly:
                self.clock.note(new_year)
            for anchor in [_in_year(day, it) for it in (year + 1, year, year - 1)] if yearly else [day]:
                if anchor not in known:
                    within = FIRST_DAY <= anchor <= LAST_DAY
                    known[anchor] = self._firings(trigger, anchor, enforce) if within else ([], None)
                times, ahead = known[anchor]
                if ahead:
                    self.clock.note(ahead)
                if times and self._is_past(rule, times[-1]):
                    break
                if times:
                    is_wanted = all_hold(of_thing, scene)
                    for each in () if not is_wanted else self._everybody(scene) if fanned else [scene]:
                        if all_hold(of_client, each):
                            each.figures = {"year": anchor.year}
                            yield from self._dated(rule, each, times)
                    break

    def _is_past(self, rule: Rule, last: datetime) -> bool:
        """Tell whether whatever fired then or before is over, and known to be: nobody has to be asked."""
        if rule.expire is None or not self.stored.is_past(rule.id, last):
            return False
        return self.clock.reached(self.office.add(last, rule.expire))

    def _everybody(self, scene: Scene) -> Iterator[Scene]:
        """Yield the scene once for each client."""
        for client in sorted(self.world.objects.get("client", {})):
            each = Scene(self.world, self.clock, scene.kind, scene.subject, client=client)
            self.clock.part = each.part
            yield each

    def _firings(self, trigger: DateTrigger, anchor: date, enforce: datetime) -> tuple[list[datetime], datetime | None]:
        """Return when the offsets of the day fired, and when the next one will.

        An offset before the start of use counts only if the day itself lies after it.
        """
        ahead = self.office.midnight(anchor) >= enforce
        days = {self.office.shift_day(anchor, span.business_days) + span.real for span in trigger.offsets}
        counted = [each for each in map(self.office.midnight, days) if ahead or each >= enforce]
        fired = sorted({max(each, enforce) for each in counted if each <= self.clock.now})
        return fired, min((each for each in counted if each > self.clock.now), default=None)

    def _dated(self, rule: Rule, scene: Scene, times: list[datetime]) -> Iterator[_Instance]:
        """A closing by hand holds until the next offset, or for this day altogether if it was not needed."""
        key = rule.key.render(scene)
        done = [deed for deed in self._done(rule, key) if deed.at >= times[0]]
        if done:
            final = any(deed.result != "done" for deed in done)
            before = [each for each in times if each <= done[-1].at or final]
            yield _Instance(scene, key, before, _by_hand(done[-1]))
            times = times[len(before) :]
        if times:
            yield _Instance(scene, key, times, self._ended(rule, scene, times[0], key))

    # Endings

    def _ended(self, rule: Rule, scene: Scene, start: datetime, key: str) -> Ended | None:
        """Return the earliest of what closes a reminder that began at `start`."""
        found = [_by_hand(deed) for deed in self._done(rule, key) if deed.at >= start][:1]
        for closing in rule.resolve:
            first: Fact | None = None
            for near in self._near(closing, scene, start) if closing.events else ():
                fact = next(self._fitting(closing, scene, near), None)
                if fact and (first is None or (fact.time, fact.id) < (first.time, first.id)):
                    first = fact
            if first:
                found.append(Ended("resolved", first.time, first.id, _sentence(closing.words), True))
        if rule.expire and self.clock.reached(over := self.office.add(start, rule.expire)):
            found.append(Ended("expired", over, "", "Срок напоминания истёк, вопрос не закрыт"))
        if found:
            return min(found, key=lambda ended: (ended.at or EARLIEST, ended.by)) if len(found) > 1 else found[0]
        for closing in rule.resolve:
            if not closing.events and (closed_by := self._object(closing, scene)):
                return Ended("resolved", None, closed_by, _sentence(closing.words))
        if rule.cancel and any(all_hold((check,), scene) for check in rule.cancel):
            return Ended("cancelled", None, "", f"Больше не нужно: {_first(rule.cancel, scene)}")
        return None

    def _near(self, closing: Closing, scene: Scene, start: datetime) -> Iterator[Sequence[Fact]]:
        """Return the facts among which those lie that close (or, for attempts, count), each oldest first."""
        since: datetime | None = {"trigger": start, "ever": EARLIEST}.get(str(closing.since))
        if isinstance(closing.since, tuple):
            since = self.world.moment(scene.get(closing.since))
        if since is None:
            return
        number = number_of(scene.fact.fields) if scene.fact else ""
        for event_type in closing.events:
            if "client" in closing.same and scene.client:
                yield self.world.with_client(event_type, scene.client, since)
            if "number" in closing.same and number:
                yield self.world.with_number(event_type, number, since)
            if "subject" in closing.same and closing.kind == scene.kind:
                about = self.world.about(scene.kind, scene.subject)
                yield [fact for fact in about if fact.type == event_type and fact.time >= since]

    def _fitting(self, closing: Closing, scene: Scene, near: Iterable[Fact]) -> Iterator[Fact]:
        for fact in near:
            if all_hold(closing.where, Scene(self.world, self.clock, fact.kind, fact.subject, fact=fact, of=scene)):
                yield fact

    def _object(self, closing: Closing, scene: Scene) -> str:
        """Return `kind/id` of an object whose present state closes the reminder."""
        candidates: list[str] = []
        if "client" in closing.same and scene.client:
            candidates += [object_id for object_id, _ in self.world.owned(closing.kind, scene.client)]
        if "subject" in closing.same and closing.kind == scene.kind and self.world.get(scene.kind, scene.subject):
            candidates.append(scene.subject)
        for object_id in candidates:
            if all_hold(closing.where, Scene(self.world, self.clock, closing.kind, object_id, of=scene)):
                return f"{closing.kind}/{object_id}"
        return ""

    def _done(self, rule: Rule, key: str) -> list[Deed]:
        return [deed for deed in self.deeds.get((rule.id, key), ()) if deed.kind == "done"]

    def _by_fact(self, rule: Rule, at: datetime, cause: str) -> Ended:
        fact = self.world.fact(cause)
        fitting = [closing.words for closing in rule.resolve if fact and fact.type in closing.events]
        ended = Ended("resolved", at, cause, _sentence((fitting or ["Новые сведения в источнике"])[0]), True)
        return ended if cause else Ended("resolved", at, "", self._told(ended))

    def _told(self, ended: Ended) -> str:
        if not (ended.is_fact and ended.at):
            return ended.text
        return f"{ended.text}, {ended.at.astimezone(self.world.calendars.zone):%d.%m в %H:%M}"

    # The reminder

    def _due(self, rule: Rule, instance: _Instance) -> Due:
        scene, start, ended = instance.scene, instance.times[0], instance.ended
        self.clock.part = scene.part
        tried = rule.attempts if ended is None else ()
        tries = {
            fact.id
            for closing in tried
            for near in self._near(closing, scene, start)
            for fact in self._fitting(closing, scene, near)
        }
        scene.figures = {"year": start.year, **scene.figures, "count": len(instance.times), "attempts": len(tries),
                         "stage": _stage_title(rule, scene, start)}  # fmt: skip
        due = Due(
            rule=rule.id, key=instance.key, severity=rule.severity, status=ended.status if ended else "open",
            title=rule.title.render(scene), why=rule.why.render(scene),
            subject_kind=scene.kind, subject=scene.subject, client=scene.client, part=scene.part,
            trigger=scene.fact.id if scene.fact else "", trigger_time=start, count=len(instance.times),
            due=due_time(rule, scene, start), attempts=len(tries),
            by=ended.by if ended else "", ended_at=ended.at if ended else None,
            ended_text=self._told(ended) if ended else "",
        )  # fmt: skip
        return due if ended else self._opened(rule, instance, due)

    def _opened(self, rule: Rule, instance: _Instance, due: Due) -> Due:
        """Add what only an open reminder has: people, deeds, steps."""
        scene, start = instance.scene, instance.times[0]
        self.clock.next_of(self.shifts)
        deeds = [deed for deed in self.deeds.get((rule.id, instance.key), ()) if deed.at >= start]
        by_kind = {deed.kind: deed for deed in deeds}
        _, begun = stage_of(rule, scene, start)
        acked = next((deed.at for deed in deeds if deed.kind == "ack" and deed.at >= begun), None)
        who, how = assignee(rule.assign, scene)
        if "assign" in by_kind:
            who, how = by_kind["assign"].employee, "by hand"
        own = by_kind["due"].until if "due" in by_kind else None
        moment = own or due.due
        up = escalations(rule, scene, start)
        snoozes = [(deed.at, deed.until) for deed in deeds if deed.kind == "snooze" and deed.until]
        return replace(
            due,
            due=moment,
            due_is_own=own is not None,
            call_at=propose_call(scene, moment),
            assignee=who,
            assigned_by=how,
            acked_at=acked,
            fee=amount(self.world.value("client", scene.client, "monthly_fee")) if scene.client else Decimal(0),
            snoozed_until=snoozed_until(rule, scene, snoozes, [time for time, _ in up]),
            steps=self._steps(rule, instance, moment, (who, acked), up),
            closes_when="; ".join(filter(None, (rule.over, *(each.words for each in rule.resolve)))),
        )

    def _steps(
        self,
        rule: Rule,
        instance: _Instance,
        due: datetime,
        owner: tuple[str, datetime | None],
        up: Sequence[tuple[datetime, Escalation]],
    ) -> tuple[Step, ...]:
        who, acked = owner
        times = instance.times[: rule.max_firings]
        steps = [Step(f"raise:{number}", time, (who,)) for number, time in enumerate(times, 1)]
        stage, begun = stage_of(rule, instance.scene, instance.times[0])
        if stage and stage is not rule.stages[0]:
            steps.append(Step(f"stage:{stage.name}", begun, (who,)))
        if rule.warn != Span():
            early = due - (self.office.add(due, rule.warn) - due)
            steps += [Step("warn", early, (who,))] if early > begun else []
        for number, (time, escalation) in enumerate(up, 1):
            if escalation.unless == "not_acked" and acked and acked <= time:
                continue
            people = {each: None for spec in escalation.to for each in addressees(spec, instance.scene, who)}
            steps.append(
                Step(f"escalate:{stage.name}:{number}" if stage else f"escalate:{number}", time, tuple(people))
            )
        come = (step for step in steps if self.clock.reached(step.time))
        return tuple(sorted(come, key=lambda step: (step.time, step.name)))


def _stage_title(rule: Rule, scene: Scene, start: datetime) -> str:
    stage, _ = stage_of(rule, scene, start)
    return stage.title if stage else ""


def _one_open_per_key(dues: Iterable[Due]) -> list[Due]:
    """Join the open reminders of one key: the earliest stays and counts the others."""
    result: list[Due] = []
    first: dict[str, int] = {}
    for due in sorted(dues, key=lambda due: (due.trigger_time, due.subject)):
        if due.is_open and due.key in first:
            place = first[due.key]
            result[place] = replace(result[place], count=result[place].count + due.count)
        else:
            if due.is_open:
                first[due.key] = len(result)
            result.append(due)
    return result


def _fact(scene: Scene) -> Fact:
    assert scene.fact is not None
    return scene.fact


def _by_hand(deed: Deed) -> Ended:
    reason = f": {deed.reason}" if deed.reason else ""
    return Ended("resolved", deed.at, deed.by, f"{_sentence(RESULTS.get(deed.result, 'сделано'))}{reason}")


def _first(checks: Sequence[Check], scene: Scene) -> str:
    return next(describe(check) for check in checks if all_hold((check,), scene))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _in_year(day: date, year: int) -> date:
    """Return the anniversary; 29 February is kept on the 28th where there is none."""
    leap_day = (day.month, day.day) == (2, 29) and not isleap(year)
    return day.replace(year=year, day=28) if leap_day else day.replace(year=year)
