"""Which incident a press is in, and what is open: headquarters' word, also where this car knows it otherwise. Pure.

What a crash made core forget it may tell again in another incident; headquarters leaves it where it came first.
"""

from collections.abc import Collection

from msgspec.structs import replace

from terminal.contract.capsule import tail_of
from terminal.contract.identity import message_of_call
from terminal.contract.messages import AlarmKind, AlarmRaised, AlarmStatus, Stored
from terminal.core.alarm import Alarm, is_open
from terminal.core.effects import Effect, SaveEmergency
from terminal.core.emergency import Emergency, Step, notes, out, put, with_message
from terminal.core.ladder import TABLE, Cause, Phase
from terminal.core.moment import Moment


def followed(emergency: Emergency, told: Collection[AlarmStatus], moment: Moment) -> Step:
    """The emergency with every press in the incident in which headquarters has it, and with all that is open there."""
    named = {status.incident: frozenset(status.presses) for status in told}
    effects: list[Effect] = []
    for status in told:
        elsewhere = _elsewhere(emergency, status, named)
        if status.kind is not None and _is_wanted(emergency, status, bool(elsewhere)):
            alarm = _as_told(status, status.kind, moment)
            emergency = replace(emergency, alarms=(*emergency.alarms, alarm))
            effects += [SaveEmergency(), *notes("alarm-told-by-headquarters", alarm)]
        for incident, presses in elsewhere.items():
            emergency, moved = _moved(emergency, incident, status.incident, presses, is_told=incident in named)
            effects += moved
    return emergency, effects


def told_again(alarm: Alarm, moment: Moment) -> tuple[Alarm, list[Effect]]:
    """The alarm when headquarters has another store: the press that the one before alone knew of is told by this car.

    It is the one that the incident is named after; of others that a crash made this car forget nothing can be told, and
    they count no more. What has ended is not told of again.
    """
    here = {tail_of(one.id).hex() for one in alarm.told}
    named = [message_of_call(alarm.incident, kind) for kind in AlarmKind] if is_open(alarm) else []
    lost = next((one for one in named if tail_of(one).hex() in set(alarm.presses) - here), None)
    if lost is None:
        return replace(alarm, presses=tuple(press for press in alarm.presses if press in here)), []
    here.add(tail_of(lost).hex())
    message = AlarmRaised(
        **(moment.envelope() | {"id": lost}),
        incident=alarm.incident,
        kind=alarm.kind,
        trigger=alarm.trigger,
        silent=alarm.silent,
    )
    alarm = replace(alarm, presses=tuple(press for press in alarm.presses if press in here))
    return with_message(alarm, message, moment), out(message)


def _elsewhere(
    emergency: Emergency, status: AlarmStatus, named: dict[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """By alarm here the presses that are in it, and at headquarters in that of the status only."""
    theirs = named[status.incident]
    others = (alarm for alarm in emergency.alarms if alarm.incident != status.incident)
    with_some = (alarm for alarm in others if not theirs.isdisjoint(alarm.presses))
    found = {
        alarm.incident: theirs.intersection(alarm.presses) - named.get(alarm.incident, frozenset())
        for alarm in with_some
    }
    return {incident: presses for incident, presses in found.items() if presses}


def _is_wanted(emergency: Emergency, status: AlarmStatus, has_presses: bool) -> bool:
    """Whether the crew is to see an incident that this car does not know, or has forgotten since it was cleared."""
    is_known = any(alarm.incident == status.incident for alarm in emergency.alarms)
    return not is_known and (has_presses or not status.cleared_by)


def _as_told(status: AlarmStatus, kind: AlarmKind, moment: Moment) -> Alarm:
    return Alarm(
        incident=status.incident,
        kind=kind,
        trigger=status.trigger,
        silent=status.silent,
        phase=TABLE[TABLE[Phase.IDLE, Cause.RAISE], Cause.RECEIPT],
        presses=status.presses,
        boot=moment.boot,
        pressed_mono_ns=moment.mono_ns - status.age_s * 1_000_000_000,
        signals=max(status.signals or 1, 1),
    )


def _moved(emergency: Emergency, incident: str, home: str, presses: frozenset[str], *, is_told: bool) -> Step:
    """What tells of these presses goes to their home; of an alarm that has no other, and is none, all of it does."""
    alarms = {alarm.incident: alarm for alarm in emergency.alarms}
    alarm = alarms[incident]
    if home not in alarms:
        return emergency, []
    left = tuple(press for press in alarm.presses if press not in presses)
    going = {one for one in alarm.message_ids if not (left or is_told) or tail_of(one).hex() in presses}
    after = put(emergency, _joined(alarms[home], alarm, going))
    if left or is_told:
        return put(after, _without(alarm, going, left)), [SaveEmergency()]
    others = tuple(other for other in after.alarms if other.incident != incident)
    return replace(after, alarms=others), [SaveEmergency(), *notes("alarm-joined", alarm, joined=home)]


def _joined(home: Alarm, alarm: Alarm, going: Collection[str]) -> Alarm:
    """The home with these messages; of what the crew said of the other alarm headquarters knows nothing."""
    unstored = tuple(message for message in alarm.unstored if message.id in going)
    return replace(
        home,
        told=(*home.told, *(one for one in alarm.told if one.id in going)),
        message_ids=tuple(dict.fromkeys((*home.message_ids, *(one for one in alarm.message_ids if one in going)))),
        unstored=(*home.unstored, *unstored),
        store_again_ns=max(home.store_again_ns, alarm.store_again_ns),
    )


def _without(alarm: Alarm, going: Collection[str], left: tuple[str, ...]) -> Alarm:
    return replace(
        alarm,
        presses=left,
        elsewhere=alarm.elsewhere + len(alarm.presses) - len(left),
        told=tuple(one for one in alarm.told if one.id not in going),
        message_ids=tuple(one for one in alarm.message_ids if one not in going),
        owed=_others(alarm.owed, going),
        unstored=_others(alarm.unstored, going),
    )


def _others(messages: tuple[Stored, ...], going: Collection[str]) -> tuple[Stored, ...]:
    return tuple(message for message in messages if message.id not in going)
