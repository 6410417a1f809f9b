"""The emergency as one value: all incidents of this car, and what else must outlive core for their sake. Pure."""

from collections.abc import Collection
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Press
from terminal.contract.messages import AlarmRaised, AlarmSignalled, Stored
from terminal.core import check_in, proving, vehicle_events
from terminal.core.alarm import Alarm, AlarmRules, Pressed, Spent, is_open
from terminal.core.channels import CLEARED_SHOWN_S, STORE_AGAIN_AFTER_S
from terminal.core.check_in import CheckIn, CheckInRules
from terminal.core.effects import Effect, Note, SaveEmergency, SendAlarm, StoreAlarm
from terminal.core.ladder import Phase
from terminal.core.moment import Moment
from terminal.core.proving import Proof
from terminal.core.vehicle_events import Events


class UnconfirmedPress(Struct, frozen=True):
    """A press whose message is not yet on disk, and whose board still holds it."""

    source: str
    press: Press
    message_id: str


class Emergency(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All incidents that the crew may still be shown, and what else must outlive core because an alarm hangs on it.

    `answer` is the epoch and the revision of headquarters' answer that is shown, `epoch` that of the store that has
    what is called received. `spent` is what each bearer's cap a day counts. On disk defaults are left out: every press
    waits for what is written with it.
    """

    alarms: tuple[Alarm, ...] = ()
    answer: tuple[str, int] = ("", 0)
    epoch: str = ""
    presses: tuple[Press, ...] = ()
    unconfirmed: tuple[UnconfirmedPress, ...] = ()
    check_in: CheckIn | None = None
    vehicle_events: Events = ()
    proof: Proof | None = None
    spent: tuple[Spent, ...] = ()


M = TypeVar("M", bound=Stored)

Step = tuple[Emergency, list[Effect]]


def any_open(emergency: Emergency) -> bool:
    """Whether some incident is not cleared."""
    return any(is_open(alarm) for alarm in emergency.alarms)


def unstored(emergency: Emergency) -> tuple[Stored, ...]:
    """The messages that are not known to be on disk."""
    return tuple(message for alarm in emergency.alarms for message in alarm.unstored)


def are_silent(emergency: Emergency, ids: Collection[str]) -> bool:
    """Whether all of these messages are of silent alarms."""
    silent = {message_id for alarm in emergency.alarms if alarm.silent for message_id in alarm.message_ids}
    return silent.issuperset(ids)


def ticked(emergency: Emergency, moment: Moment) -> Step:
    """Time passed: what is not on disk is called so and tried again, what was cleared long ago is shown no more."""
    effects: list[Effect] = []
    kept = tuple(alarm for alarm in emergency.alarms if not _forgettable(alarm, moment))
    proof = emergency.proof and proving.dated(emergency.proof, moment)
    if len(kept) < len(emergency.alarms) or proof != emergency.proof:
        emergency = replace(emergency, alarms=kept, proof=proof)
        effects.append(SaveEmergency())
    for alarm in emergency.alarms:
        if alarm.unstored and moment.mono_ns >= alarm.store_again_ns:
            emergency = put(emergency, replace(alarm, store_again_ns=_again_ns(moment), store_failed=True))
            effects += [] if alarm.store_failed else notes("alarm-not-stored", alarm)
            effects += [StoreAlarm(message) for message in alarm.unstored]
    return emergency, effects


def _forgettable(alarm: Alarm, moment: Moment) -> bool:
    age_ns = moment.mono_ns - (alarm.cleared_mono_ns or 0)
    return alarm.phase is Phase.CLEARED and not alarm.unstored and age_ns > CLEARED_SHOWN_S * 1e9


def restored(emergency: Emergency, moment: Moment, alarms: AlarmRules, timing: CheckInRules) -> Emergency:
    """The emergency as it was on disk, in this boot: the time of an earlier boot's press counts as long ago."""
    timer, proof = emergency.check_in, emergency.proof
    return replace(
        emergency,
        alarms=tuple(_alarm_restored(alarm, moment, alarms) for alarm in emergency.alarms),
        check_in=timer and check_in.restored(timer, moment, timing),
        vehicle_events=vehicle_events.restored(emergency.vehicle_events),
        proof=proof and proving.restored(proof, moment),
    )


def _alarm_restored(alarm: Alarm, moment: Moment, rules: AlarmRules) -> Alarm:
    if alarm.boot == moment.boot:
        return alarm
    long_ago_ns = moment.mono_ns - round(rules.use_the_radio_after_s * 1e9)
    return replace(
        alarm,
        boot=moment.boot,
        pressed_mono_ns=long_ago_ns,
        told=tuple(replace(one, mono_ns=long_ago_ns) for one in alarm.told),
        owed_since_ns=0,
        store_again_ns=moment.mono_ns,
        cleared_mono_ns=moment.mono_ns if alarm.phase is Phase.CLEARED else None,
    )


def off_disk(emergency: Emergency, moment: Moment) -> Step:
    """The disk has lost what was on it: what headquarters is not known to have goes there again, and out."""
    alarms = tuple(_alarm_off_disk(alarm, moment) for alarm in emergency.alarms)
    messages = tuple(message for alarm in alarms for message in alarm.unstored)
    effects = [effect for message in messages for effect in out(message)]
    return replace(emergency, alarms=alarms), [SaveEmergency(), *effects]


def _alarm_off_disk(alarm: Alarm, moment: Moment) -> Alarm:
    waiting = {message.id for message in alarm.unstored}
    return replace(
        alarm,
        told=tuple(replace(one, stored=False) for one in alarm.told),
        unstored=(*alarm.unstored, *(message for message in alarm.owed if message.id not in waiting)),
        store_again_ns=_again_ns(moment),
    )


def to_save(emergency: Emergency, ids: Collection[str]) -> Emergency:
    """The state that is written in the same transaction as these messages, which the outbox has in full beside it."""
    after = on_disk(emergency, ids)
    alarms = (replace(alarm, owed=tuple(without_track(message) for message in alarm.owed)) for alarm in after.alarms)
    return replace(after, alarms=tuple(alarms))


def without_track(message: M) -> M:
    """What of it goes over a narrow bearer and stands in the saved state."""
    return replace(message, track=()) if isinstance(message, AlarmRaised) else message


def in_full(emergency: Emergency, messages: Collection[Stored]) -> Emergency:
    """A saved state with what it owes as the outbox has it: once that is damaged, nothing else has."""
    whole = {message.id: message for message in messages}
    alarms = (
        replace(alarm, owed=tuple(whole.get(message.id, message) for message in alarm.owed))
        for alarm in emergency.alarms
    )
    return replace(emergency, alarms=tuple(alarms))


def on_disk(emergency: Emergency, ids: Collection[str]) -> Emergency:
    """The state once these messages are on disk."""
    return replace(
        emergency,
        alarms=tuple(_alarm_on_disk(alarm, ids) for alarm in emergency.alarms),
        unconfirmed=tuple(waiting for waiting in emergency.unconfirmed if waiting.message_id not in ids),
    )


def _alarm_on_disk(alarm: Alarm, ids: Collection[str]) -> Alarm:
    left = tuple(message for message in alarm.unstored if message.id not in ids)
    return replace(
        alarm,
        unstored=left,
        told=tuple(replace(one, stored=one.stored or one.id in ids) for one in alarm.told),
        store_failed=alarm.store_failed and bool(left),
    )


def out(message: Stored) -> list[Effect]:
    """Send it and store it, neither waiting for the other."""
    return [SendAlarm(message), StoreAlarm(message)]


def with_message(alarm: Alarm, message: Stored, moment: Moment) -> Alarm:
    """The alarm with one more message, which is not known to be on disk yet."""
    return replace(
        alarm,
        message_ids=(*alarm.message_ids, message.id),
        told=(*alarm.told, *_pressed(message, moment)),
        owed=(*alarm.owed, message),
        unstored=(*alarm.unstored, message),
        store_again_ns=_again_ns(moment),
    )


def _pressed(message: Stored, moment: Moment) -> tuple[Pressed, ...]:
    match message:
        case AlarmRaised(id=message_id):
            return (Pressed(id=message_id, number=1, mono_ns=moment.mono_ns),)
        case AlarmSignalled(id=message_id, signal=number):
            return (Pressed(id=message_id, number=number, mono_ns=moment.mono_ns),)
    return ()


def _again_ns(moment: Moment) -> int:
    return moment.mono_ns + round(STORE_AGAIN_AFTER_S * 1e9)


def open_alarm(emergency: Emergency, incident: str) -> Alarm | None:
    """The alarm of this incident, if headquarters has not cleared it."""
    return next((alarm for alarm in emergency.alarms if alarm.incident == incident and is_open(alarm)), None)


def put(emergency: Emergency, alarm: Alarm) -> Emergency:
    """The emergency with this alarm as it is now."""
    return replace(
        emergency,
        alarms=tuple(alarm if other.incident == alarm.incident else other for other in emergency.alarms),
    )


def notes(event: str, alarm: Alarm, **more: object) -> list[Effect]:
    """The journal's line; of a silent alarm there is none that someone beside the officer could read."""
    if alarm.silent:
        return []
    return [Note(event, {"incident": alarm.incident, "kind": str(alarm.kind), "trigger": str(alarm.trigger), **more})]
