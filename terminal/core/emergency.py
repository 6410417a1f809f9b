"""The emergency ladder: one table of (phase, trigger), and the open alarms that walk through it. Pure.

    pressed -> stored -> sent -> received -> acknowledged -> cleared

Stored and sent are facts beside the phases: each may come late, or never, without holding the others back.
"""

from collections.abc import Collection
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Press
from terminal.contract.identity import incident_of_press
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    AlarmStatus,
    DesiredState,
    Position,
    Stored,
    Trigger,
)
from terminal.core.alarm import Alarm, Phase, is_open, rung
from terminal.core.channels import CLEARED_SHOWN_S, MOST_CLEARED_SHOWN, STORE_AGAIN_AFTER_S, USE_THE_RADIO_AFTER_S
from terminal.core.effects import ConfirmPress, Effect, Note, SaveEmergency, SendAlarm, ShowRung, StoreAlarm
from terminal.core.moment import Moment

REMEMBERED_PRESSES = 64
"""A board repeats only its newest press; more than one board and some restarts fit."""


class Cause(StrEnum):
    """What can happen to an incident."""

    RAISE = "raise"
    RECEIPT = "receipt"
    ACKNOWLEDGEMENT = "acknowledgement"
    CLEARANCE = "clearance"
    CANCELLATION = "cancellation"
    WITHDRAWAL = "withdrawal"


TABLE: dict[tuple[Phase, Cause], Phase] = {
    (Phase.IDLE, Cause.RAISE): Phase.RAISED,
    (Phase.IDLE, Cause.RECEIPT): Phase.IDLE,
    (Phase.IDLE, Cause.ACKNOWLEDGEMENT): Phase.IDLE,
    (Phase.IDLE, Cause.CLEARANCE): Phase.IDLE,
    (Phase.IDLE, Cause.CANCELLATION): Phase.IDLE,
    (Phase.IDLE, Cause.WITHDRAWAL): Phase.IDLE,
    (Phase.RAISED, Cause.RAISE): Phase.RAISED,
    (Phase.RAISED, Cause.RECEIPT): Phase.RECEIVED,
    (Phase.RAISED, Cause.ACKNOWLEDGEMENT): Phase.ACKNOWLEDGED,
    (Phase.RAISED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.RAISED, Cause.CANCELLATION): Phase.RAISED,
    (Phase.RAISED, Cause.WITHDRAWAL): Phase.RAISED,
    (Phase.RECEIVED, Cause.RAISE): Phase.RECEIVED,
    (Phase.RECEIVED, Cause.RECEIPT): Phase.RECEIVED,
    (Phase.RECEIVED, Cause.ACKNOWLEDGEMENT): Phase.ACKNOWLEDGED,
    (Phase.RECEIVED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.RECEIVED, Cause.CANCELLATION): Phase.RECEIVED,
    (Phase.RECEIVED, Cause.WITHDRAWAL): Phase.RECEIVED,
    (Phase.ACKNOWLEDGED, Cause.RAISE): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.RECEIPT): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.ACKNOWLEDGEMENT): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.ACKNOWLEDGED, Cause.CANCELLATION): Phase.ACKNOWLEDGED,
    (Phase.ACKNOWLEDGED, Cause.WITHDRAWAL): Phase.RECEIVED,
    (Phase.CLEARED, Cause.RAISE): Phase.RAISED,
    (Phase.CLEARED, Cause.RECEIPT): Phase.CLEARED,
    (Phase.CLEARED, Cause.ACKNOWLEDGEMENT): Phase.CLEARED,
    (Phase.CLEARED, Cause.CLEARANCE): Phase.CLEARED,
    (Phase.CLEARED, Cause.CANCELLATION): Phase.CLEARED,
    (Phase.CLEARED, Cause.WITHDRAWAL): Phase.RECEIVED,
}
"""A second press goes to the open incident; after clearance a press is a new incident, so CLEARED starts afresh.
A press that comes to headquarters after the clearance opens the incident again, and nobody has it: the withdrawal."""


class UnconfirmedPress(Struct, frozen=True):
    """A press whose message is not yet on disk, and whose board still holds it."""

    source: str
    press: Press
    message_id: str


class Emergency(Struct, frozen=True, kw_only=True):
    """All incidents that the crew may still be shown, and the presses that have been dealt with.

    `answer` is the epoch and the revision of headquarters' answer that is shown.
    """

    alarms: tuple[Alarm, ...] = ()
    answer: tuple[str, int] = ("", 0)
    presses: tuple[Press, ...] = ()
    unconfirmed: tuple[UnconfirmedPress, ...] = ()


class Scene(Struct, frozen=True, kw_only=True):
    """What an alarm says of the car at the moment of the press."""

    position: Position | None = None
    track: tuple[tuple[int, float, float], ...] = ()
    speed_mps: float | None = None
    lights_on: bool | None = None
    siren_on: bool | None = None


Step = tuple[Emergency, list[Effect]]


def any_open(emergency: Emergency) -> bool:
    """Whether some incident is not cleared."""
    return any(is_open(alarm) for alarm in emergency.alarms)


def unstored(emergency: Emergency) -> tuple[Stored, ...]:
    """The messages that are not known to be on disk."""
    return tuple(message for alarm in emergency.alarms for message in alarm.unstored)


def pressed(emergency: Emergency, source: str, press: Press, scene: Scene, moment: Moment) -> Step:
    """A board says that its button has been pressed; it says so again until it is told that this is on disk."""
    if press in emergency.presses:
        return emergency, _confirm_again(emergency, source, press)
    incident = incident_of_press(press.board_id, press.boot_nonce, press.number)
    after, effects, message_id = _called(emergency, Trigger.BUTTON, incident, scene, moment)
    presses = (*emergency.presses[1 - REMEMBERED_PRESSES :], press)
    waiting = UnconfirmedPress(source, press, message_id)
    return replace(after, presses=presses, unconfirmed=(*after.unconfirmed, waiting)), effects


def raised_on_screen(emergency: Emergency, scene: Scene, moment: Moment, kind: AlarmKind, *, silent: bool) -> Step:
    """The crew calls for help, or tries the way, on the screen."""
    incident = moment.new_incident()
    after, effects, _ = _called(emergency, Trigger.SCREEN, incident, scene, moment, kind=kind, silent=silent)
    return after, effects


def _called(
    emergency: Emergency,
    trigger: Trigger,
    incident: str,
    scene: Scene,
    moment: Moment,
    *,
    kind: AlarmKind = AlarmKind.REAL,
    silent: bool = False,
) -> tuple[Emergency, list[Effect], str]:
    for alarm in emergency.alarms:
        if is_open(alarm) and alarm.kind is kind and alarm.silent is silent:
            return _signalled(emergency, alarm, trigger, scene, moment)
    message = AlarmRaised(
        **moment.envelope(),
        incident=incident,
        kind=kind,
        trigger=trigger,
        silent=silent,
        position=scene.position,
        track=scene.track,
        speed_mps=scene.speed_mps,
        lights_on=scene.lights_on,
        siren_on=scene.siren_on,
    )
    alarm = Alarm(
        incident=incident,
        kind=kind,
        trigger=trigger,
        silent=silent,
        raised_id=message.id,
        message_ids=(message.id,),
        boot=moment.boot,
        pressed_mono_ns=moment.mono_ns,
        owed=(replace(message, track=()),),
        unstored=(message,),
        store_again_ns=_again_ns(moment),
    )
    others = tuple(other for other in _without_old(emergency.alarms) if other.incident != incident)
    after = replace(emergency, alarms=(*others, alarm))
    return after, [*_out(message), *_lamp(after), _note("alarm-raised", alarm)], message.id


def _without_old(alarms: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
    done = [alarm for alarm in alarms if not is_open(alarm) and not alarm.unstored]
    old = {alarm.incident for alarm in done[:-MOST_CLEARED_SHOWN]}
    return tuple(alarm for alarm in alarms if alarm.incident not in old)


def _signalled(
    emergency: Emergency, alarm: Alarm, trigger: Trigger, scene: Scene, moment: Moment
) -> tuple[Emergency, list[Effect], str]:
    message = AlarmSignalled(
        **moment.envelope(),
        incident=alarm.incident,
        kind=alarm.kind,
        silent=alarm.silent,
        signal=alarm.signals + 1,
        trigger=trigger,
        position=scene.position,
    )
    alarm = _with_message(replace(alarm, signals=alarm.signals + 1), message, moment)
    return _put(emergency, alarm), [*_out(message), _note("alarm-signalled", alarm)], message.id


def cancelled(emergency: Emergency, incident: str, moment: Moment) -> Step:
    """The crew says that it was a mistake: headquarters is told, and nothing ends in the car."""
    alarm = _open_alarm(emergency, incident)
    if alarm is None or alarm.cancelled:
        return emergency, []
    message = AlarmCancelled(**moment.envelope(), incident=incident, kind=alarm.kind, silent=alarm.silent)
    alarm = replace(alarm, cancelled=True, phase=TABLE[alarm.phase, Cause.CANCELLATION])
    alarm = _with_message(alarm, message, moment)
    return _put(emergency, alarm), [*_out(message), _note("alarm-cancelled", alarm)]


def stored(emergency: Emergency, ids: Collection[str]) -> Step:
    """These messages are on disk: the board may let go."""
    after = on_disk(emergency, ids)
    effects: list[Effect] = [
        _note("alarm-stored", alarm)
        for alarm, before in zip(after.alarms, emergency.alarms, strict=True)
        if alarm.stored and not before.stored
    ]
    done = [waiting for waiting in emergency.unconfirmed if waiting.message_id in ids]
    effects += [ConfirmPress(waiting.source, waiting.press) for waiting in done]
    return after, [*effects, *_lamp(after)] if effects else effects


def store_failed(emergency: Emergency, ids: tuple[str, ...]) -> Step:
    """The disk refused: the crew is told, the alarm goes out all the same, and the commit is tried again."""
    effects: list[Effect] = []
    for alarm in emergency.alarms:
        if any(message.id in ids for message in alarm.unstored):
            effects += [] if alarm.store_failed else [_note("alarm-not-stored", alarm)]
            emergency = _put(emergency, replace(alarm, store_failed=True))
    return emergency, effects


def published(emergency: Emergency, ids: tuple[str, ...], bearer: str) -> Step:
    """This bearer's network took these messages."""
    effects: list[Effect] = []
    for alarm in emergency.alarms:
        if alarm.raised_id in ids and bearer not in alarm.sent_by:
            alarm = replace(alarm, sent=True, sent_by=(*alarm.sent_by, bearer))
            emergency = _put(emergency, alarm)
            effects.append(_note("alarm-sent", alarm, bearer=bearer))
    return emergency, [*effects, *_lamp(emergency)] if effects else effects


def received(emergency: Emergency, ids: tuple[str, ...], bearer: str) -> Step:
    """Headquarters has these messages on its disk; one that came without its place still wants its commit here."""
    effects: list[Effect] = []
    for alarm in emergency.alarms:
        owed = tuple(message for message in alarm.owed if message.id not in ids)
        is_first = alarm.raised_id in ids and bearer not in alarm.received_by
        if is_first:
            by, phase = (*alarm.received_by, bearer), TABLE[alarm.phase, Cause.RECEIPT]
            alarm = replace(alarm, sent=True, received=True, received_by=by, phase=phase)
            effects.append(_note("alarm-received", alarm, bearer=bearer))
        if is_first or owed != alarm.owed:
            emergency = _put(emergency, replace(alarm, owed=owed))
            effects.append(SaveEmergency())
    return emergency, [*effects, *_lamp(emergency)] if effects else effects


def desired(emergency: Emergency, state: DesiredState, moment: Moment) -> Step:
    """Headquarters says how it has dealt with incidents; what it does not name is left as it is.

    It says everything at once, so an answer that a newer one of the same store has overtaken says nothing.
    """
    if is_overtaken(emergency, state):
        return emergency, []
    effects: list[Effect] = []
    for status in state.alarms:
        alarm = next((alarm for alarm in emergency.alarms if alarm.incident == status.incident), None)
        if alarm is not None:
            after = replace(_answered(alarm, status, moment), answered=True)
            emergency = _put(emergency, after)
            effects += _answer_notes(alarm, after)
    emergency = replace(emergency, answer=(state.epoch, state.revision))
    return emergency, [*effects, SaveEmergency(), *_lamp(emergency)] if effects else effects


def taken_beside(emergency: Emergency, status: AlarmStatus, moment: Moment) -> Step:
    """A bearer beside the brokers says who has taken an incident.

    It may come late and does not say what it was before or after: where a broker has brought an answer, that counts.
    """
    alarm = _open_alarm(emergency, status.incident)
    if alarm is None or alarm.answered:
        return emergency, []
    after = _answered(alarm, status, moment)
    emergency = _put(emergency, after)
    notes = _answer_notes(alarm, after)
    return emergency, [*notes, SaveEmergency(), *_lamp(emergency)] if notes else notes


def is_overtaken(emergency: Emergency, state: DesiredState) -> bool:
    """Whether a newer answer of the same store is shown already."""
    epoch, revision = emergency.answer
    return state.epoch == epoch and state.revision < revision


def _answered(alarm: Alarm, status: AlarmStatus, moment: Moment) -> Alarm:
    alarm = _given_back(alarm, status)
    if status.acknowledged_by and status.acknowledged_by != alarm.acknowledged_by:
        phase = TABLE[alarm.phase, Cause.ACKNOWLEDGEMENT]
        alarm = replace(alarm, phase=phase, acknowledged_by=status.acknowledged_by, received=True, sent=True)
    # A press that headquarters had not heard of is not dealt with; when it gets there, the incident is open again.
    every_press = status.signals is None or status.signals >= alarm.signals
    if status.cleared_by and every_press and alarm.phase is not Phase.CLEARED:
        alarm = replace(
            alarm,
            phase=TABLE[alarm.phase, Cause.CLEARANCE],
            cleared_by=status.cleared_by,
            reason=status.reason,
            cleared_mono_ns=moment.mono_ns,
            received=True,
            sent=True,
        )
    return alarm


def _given_back(alarm: Alarm, status: AlarmStatus) -> Alarm:
    """The alarm without the names that headquarters does not name any more."""
    ended = alarm.cleared_by and not status.cleared_by
    left = alarm.acknowledged_by and not (status.acknowledged_by or status.cleared_by)
    if not (ended or left):
        return alarm
    phase = TABLE[alarm.phase, Cause.WITHDRAWAL]
    return replace(alarm, phase=phase, acknowledged_by="", cleared_by="", reason="", cleared_mono_ns=None)


def _answer_notes(before: Alarm, after: Alarm) -> list[Effect]:
    notes: list[Effect] = []
    if after.acknowledged_by != before.acknowledged_by:
        notes.append(_note("alarm-acknowledged" if after.acknowledged_by else "alarm-not-taken", after))
    if after.cleared_by != before.cleared_by:
        notes.append(_note("alarm-cleared" if after.cleared_by else "alarm-opened-again", after))
    return notes


def ticked(emergency: Emergency, moment: Moment) -> Step:
    """Time passed: what is not on disk is tried again, and what was cleared long ago is not shown any more."""
    effects: list[Effect] = []
    kept = tuple(alarm for alarm in emergency.alarms if not _forgettable(alarm, moment))
    if len(kept) < len(emergency.alarms):
        emergency = replace(emergency, alarms=kept)
        effects.append(SaveEmergency())
    for alarm in emergency.alarms:
        if alarm.unstored and moment.mono_ns >= alarm.store_again_ns:
            emergency = _put(emergency, replace(alarm, store_again_ns=_again_ns(moment)))
            effects += [StoreAlarm(message) for message in alarm.unstored]
    return emergency, effects


def _forgettable(alarm: Alarm, moment: Moment) -> bool:
    age_ns = moment.mono_ns - (alarm.cleared_mono_ns or 0)
    return alarm.phase is Phase.CLEARED and not alarm.unstored and age_ns > CLEARED_SHOWN_S * 1e9


def restored(emergency: Emergency, moment: Moment) -> Emergency:
    """The emergency as it was on disk, in this boot: the time of an earlier boot's press counts as long ago."""
    long_ago_ns = moment.mono_ns - round(USE_THE_RADIO_AFTER_S * 1e9)
    alarms = tuple(
        alarm
        if alarm.boot == moment.boot
        else replace(
            alarm,
            boot=moment.boot,
            pressed_mono_ns=long_ago_ns,
            cleared_mono_ns=moment.mono_ns if alarm.phase is Phase.CLEARED else None,
        )
        for alarm in emergency.alarms
    )
    return replace(emergency, alarms=alarms)


def on_disk(emergency: Emergency, ids: Collection[str]) -> Emergency:
    """The state once these messages are on disk; it is written in the same transaction as they are."""
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
        stored=alarm.stored or alarm.raised_id in ids,
        store_failed=alarm.store_failed and bool(left),
    )


def _confirm_again(emergency: Emergency, source: str, press: Press) -> list[Effect]:
    waiting = any(waiting.press == press for waiting in emergency.unconfirmed)
    return [] if waiting else [ConfirmPress(source, press)]


def _out(message: Stored) -> list[Effect]:
    return [SendAlarm(message), StoreAlarm(message)]


def _with_message(alarm: Alarm, message: Stored, moment: Moment) -> Alarm:
    return replace(
        alarm,
        message_ids=(*alarm.message_ids, message.id),
        owed=(*alarm.owed, message),
        unstored=(*alarm.unstored, message),
        store_again_ns=_again_ns(moment),
    )


def _again_ns(moment: Moment) -> int:
    return moment.mono_ns + round(STORE_AGAIN_AFTER_S * 1e9)


def _open_alarm(emergency: Emergency, incident: str) -> Alarm | None:
    return next((alarm for alarm in emergency.alarms if alarm.incident == incident and is_open(alarm)), None)


def _put(emergency: Emergency, alarm: Alarm) -> Emergency:
    return replace(
        emergency,
        alarms=tuple(alarm if other.incident == alarm.incident else other for other in emergency.alarms),
    )


def _lamp(emergency: Emergency) -> list[Effect]:
    return [ShowRung(rung(emergency.alarms))]


def _note(event: str, alarm: Alarm, **more: object) -> Note:
    # A silent alarm leaves no trace that someone beside the officer could read.
    return Note(event, {"incident": alarm.incident, "kind": str(alarm.kind), "trigger": str(alarm.trigger), **more})
