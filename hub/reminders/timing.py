"""When: the due time of a reminder, its escalations, how long it may be put off, and a decent hour to call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from hub.model.parts import number_of
from hub.reminders.conditions import Scene, all_hold
from hub.reminders.rules import DateTrigger, Escalation, Rule, Stage
from hub.reminders.world import EARLIEST, last_before

QUIET_UNTIL, QUIET_FROM = time(8), time(21)
CALLED_RECENTLY = timedelta(hours=2)
_INBOUND = ("call.missed", "call.connected")


def stage_of(rule: Rule, scene: Scene, start: datetime) -> tuple[Stage | None, datetime]:
    """Return the stage a reminder stands in and when that began; a rule without stages has one long one.

    A later stage that is done carries the earlier ones; what nobody dates is taken to have been done at once.
    """
    if not rule.stages:
        return None, start
    done = [place for place, stage in enumerate(rule.stages[:-1]) if all_hold(stage.done, scene)]
    place = done[-1] + 1 if done else 0
    known = [scene.world.moment(scene.get(stage.at)) for stage in rule.stages[:place] if stage.at]
    return rule.stages[place], max([start, *filter(None, known)])


def due_time(rule: Rule, scene: Scene, start: datetime) -> datetime:
    """Return when the reminder is due, derived anew at each evaluation.

    A real span that ends outside the open hours of the rule's calendar is moved to the next opening. A date without a
    time is due at the end of the working day.
    """
    stage, start = stage_of(rule, scene, start)
    spec = stage.due if stage else rule.due
    calendar = scene.world.calendars.get(spec.calendar, _zone(scene))
    said = scene.world.moment(scene.get(spec.field)) if spec.field else None
    if said:
        moment = max(said, start)
    elif spec.next_business_day:
        day = calendar.shift_day(calendar.local_day(start), 1)
        moment = calendar.at(day, spec.clock) if spec.clock else calendar.opening(day)
    elif spec.clock or isinstance(rule.trigger, DateTrigger):
        day = calendar.day_from(calendar.local_day(calendar.add(start, spec.after)))
        moment = calendar.at(day, spec.clock) if spec.clock else calendar.closing(day)
    else:
        moment = calendar.add(start, spec.after)
        if not (spec.after.business_days or spec.after.business_hours):
            moment = calendar.next_open(moment)
    return propose_call(scene, moment) if spec.not_before else moment


def escalations(rule: Rule, scene: Scene, start: datetime) -> list[tuple[datetime, Escalation]]:
    """Return when each step up comes, in order; the clock is that of the first trigger or stage, nothing stops it."""
    result = []
    stage, start = stage_of(rule, scene, start)
    for step in stage.escalate if stage else rule.escalate:
        span = step.after
        if span is None:
            continue
        calendar = scene.world.calendars.get(step.calendar, _zone(scene))
        if step.anchor is None:
            result.append((calendar.add(start, span), step))
            continue
        moment = scene.world.moment(scene.get(step.anchor))
        if moment is not None:
            office = scene.world.calendars.get("office")
            day = office.shift_day(office.local_day(moment), span.business_days) + span.real
            result.append((max(start, office.opening(day)), step))
    return sorted(result, key=lambda pair: pair[0])


def longest_snooze(rule: Rule, scene: Scene, at: datetime, steps: Sequence[datetime]) -> datetime:
    """Return until when a reminder may be put off at that time: never past the next step up when it is urgent."""
    latest = scene.world.calendars.get("office").add(at, rule.snooze.longest)
    return min([latest, *(step for step in steps if step > at)]) if rule.severity == "urgent" else latest


def snoozed_until(
    rule: Rule, scene: Scene, snoozes: Sequence[tuple[datetime, datetime]], steps: Sequence[datetime]
) -> datetime | None:
    """Return until when the reminder is put off; what goes beyond the rule's limits does not count."""
    until: datetime | None = None
    for at, wished in snoozes[: rule.snooze.times]:
        until = min(wished, longest_snooze(rule, scene, at, steps))
    return until


def propose_call(scene: Scene, moment: datetime) -> datetime:
    """Return a decent time to call: 08:00–21:00 with the client, or at once if he called within two hours."""
    zone = scene.world.calendars.client_zone(_zone(scene))
    local = moment.astimezone(zone)
    if QUIET_UNTIL <= local.time() < QUIET_FROM or _called_recently(scene, moment):
        return moment
    day = local.date() if local.time() < QUIET_UNTIL else local.date() + timedelta(days=1)
    return datetime.combine(day, QUIET_UNTIL, zone).astimezone(moment.tzinfo)


def _called_recently(scene: Scene, moment: datetime) -> bool:
    number = number_of(scene.fact.fields) if scene.fact and scene.fact.kind == "call" else ""
    latest = EARLIEST
    for event_type in _INBOUND:
        for facts in (
            scene.world.with_client(event_type, scene.client, moment - CALLED_RECENTLY) if scene.client else (),
            scene.world.with_number(event_type, number, moment - CALLED_RECENTLY) if number else (),
        ):
            called = [fact for fact in facts if fact.fields.get("direction") not in ("outbound", "internal")]
            if last := last_before(called, moment):
                latest = max(latest, last.time)
    return moment - latest <= CALLED_RECENTLY


def _zone(scene: Scene) -> str:
    return str(scene.world.value("client", scene.client, "zone") or "") if scene.client else ""
