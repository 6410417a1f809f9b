"""Which alarm messages go over the bearers beside the brokers, when, and how often at most. Pure.

A message that headquarters is not known to have goes once as soon as the brokers have had their time, and again until
a receipt comes by any way or a cap is reached. Nothing else waits for any of this.
"""

from typing import Annotated

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from terminal.contract.capsule import Told, tail_of
from terminal.contract.messages import AlarmCancelled, AlarmKind, Position
from terminal.core.alarm import Alarm, Carried, Spent, is_open
from terminal.core.effects import CarryAlarm, Effect, SaveEmergency
from terminal.core.emergency import Emergency, notes, without_track
from terminal.core.moment import Moment

Seconds = Annotated[float, msgspec.Meta(gt=0)]

DAY_NS = 86_400_000_000_000
MOST_REMEMBERED = 1000
"""Tries of all bearers: what must outlive core is written with every press."""


class Carrying(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one bearer is used; the caps count what one incident and one day may cost, whatever is told.

    What begins an incident goes whatever the day has cost.
    """

    after_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    again_after_s: Seconds = 30.0
    again_at_most_s: Seconds = 300.0
    most_per_incident: Annotated[int, msgspec.Meta(ge=1, le=100)] = 6
    most_per_day: Annotated[int, msgspec.Meta(ge=1, le=MOST_REMEMBERED)] = 60
    tests: bool = False


Step = tuple[Emergency, list[Effect]]


def due(
    emergency: Emergency,
    bearers: dict[str, Carrying],
    down_ns: int | None,
    where: Position | None,
    moment: Moment,
) -> Step:
    """What goes now over each bearer; the brokers' line has been dead since `down_ns`, or is not (None)."""
    effects: list[Effect] = []
    alarms: list[Alarm] = []
    spent = emergency.spent
    for alarm in emergency.alarms:
        for bearer, rules in bearers.items():
            message = _next(alarm, bearer, rules, down_ns, moment)
            if message is not None and _is_within_the_day(spent, alarm, bearer, rules, moment):
                alarm = _counted(alarm, bearer, rules, message, moment)
                spent = (*_of_today(spent, moment), Spent(bearer=bearer, boot=moment.boot, mono_ns=moment.mono_ns))
                times = sum(had.times for had in alarm.carried if had.bearer == bearer)
                effects.append(CarryAlarm(bearer, _placed(message, where)))
                effects += notes("alarm-carried", alarm, bearer=bearer, times=times)
        alarms.append(alarm)
    if not effects:
        return emergency, []
    return replace(emergency, alarms=tuple(alarms), spent=spent[-MOST_REMEMBERED:]), [*effects, SaveEmergency()]


def _is_within_the_day(spent: tuple[Spent, ...], alarm: Alarm, bearer: str, rules: Carrying, moment: Moment) -> bool:
    """Whether the bearer's day has room for it; what it has had nothing of yet always has."""
    had = _had(alarm, bearer)
    if had is None or not had.times:
        return True
    return sum(one.bearer == bearer for one in _of_today(spent, moment)) < rules.most_per_day


def _of_today(spent: tuple[Spent, ...], moment: Moment) -> tuple[Spent, ...]:
    """Those of the last 24 h; those of an earlier boot, whose time nobody knows, until this one is as old."""
    return tuple(one for one in spent if moment.mono_ns - (one.mono_ns if one.boot == moment.boot else 0) < DAY_NS)


def failed(emergency: Emergency, bearer: str, incident: str, problem: str, *, spent: bool) -> Step:
    """The bearer could not send; what has cost nothing does not count, and is tried again in its time."""
    effects: list[Effect] = []
    alarms, spent_today = list(emergency.alarms), emergency.spent
    for place, alarm in enumerate(alarms):
        had = _had(alarm, bearer)
        if alarm.incident == incident and had is not None:
            times = had.times if spent else max(had.times - 1, 0)
            alarms[place] = _with(alarm, replace(had, times=times))
            spent_today = spent_today if spent else _without_newest(spent_today, bearer)
            effects += notes("alarm-not-carried", alarm, bearer=bearer, problem=problem)
    return replace(emergency, alarms=tuple(alarms), spent=spent_today), effects


def _without_newest(spent: tuple[Spent, ...], bearer: str) -> tuple[Spent, ...]:
    places = [place for place, one in enumerate(spent) if one.bearer == bearer]
    return tuple(one for place, one in enumerate(spent) if place not in places[-1:])


def _next(alarm: Alarm, bearer: str, rules: Carrying, down_ns: int | None, moment: Moment) -> Told | None:
    """The message that goes now: the oldest that this bearer has not had, or else a repeat of the oldest."""
    had = _had(alarm, bearer) or Carried(bearer=bearer, boot=moment.boot)
    owed = [message for message in alarm.owed if isinstance(message, Told)]
    is_free = alarm.kind is AlarmKind.TEST and not rules.tests
    if not owed or is_free or not is_open(alarm) or had.times >= rules.most_per_incident:
        return None
    fresh = next((message for message in owed if message.id not in had.ids), None)
    if fresh is not None:
        told_ns = fresh.mono_ms * 1_000_000 if fresh.boot == moment.boot else 0
        due_ns = _fresh_ns(max(told_ns, alarm.owed_since_ns), rules, down_ns)
        return fresh if moment.mono_ns >= due_ns else None
    return owed[0] if had.boot != moment.boot or moment.mono_ns >= had.again_ns else None


def _fresh_ns(told_ns: int, rules: Carrying, down_ns: int | None) -> int:
    """When the brokers have had their time with it; on a line that was dead that long before, they have had it."""
    grace_ns = round(rules.after_s * 1e9)
    since_ns = told_ns if down_ns is None else min(told_ns, down_ns)
    return max(told_ns, since_ns + grace_ns)


def _counted(alarm: Alarm, bearer: str, rules: Carrying, message: Told, moment: Moment) -> Alarm:
    had = _had(alarm, bearer) or Carried(bearer=bearer, boot=moment.boot)
    pause_s = min(rules.again_after_s * 2**had.times, rules.again_at_most_s)
    return _with(
        alarm,
        Carried(
            bearer=bearer,
            boot=moment.boot,
            ids=tuple(dict.fromkeys((*had.ids, message.id))),
            times=had.times + 1,
            again_ns=moment.mono_ns + round(pause_s * 1e9),
        ),
    )


def _placed(message: Told, where: Position | None) -> Told:
    """With where the car is now, and not how it came there."""
    message = without_track(message)
    return message if where is None or isinstance(message, AlarmCancelled) else replace(message, position=where)


def _had(alarm: Alarm, bearer: str) -> Carried | None:
    return next((one for one in alarm.carried if one.bearer == bearer), None)


def _with(alarm: Alarm, had: Carried) -> Alarm:
    return replace(alarm, carried=(*(one for one in alarm.carried if one.bearer != had.bearer), had))


def named_by(emergency: Emergency, incident: str, tail: bytes) -> str | None:
    """Which message of this incident a receipt means that names it by its tail."""
    ids = [message_id for alarm in emergency.alarms if alarm.incident == incident for message_id in alarm.message_ids]
    return next((message_id for message_id in ids if tail_of(message_id) == tail), None)
