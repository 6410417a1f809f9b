"""Whatever calls for help: a button, the screen, a timer, the car; and the word that takes it back. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Press, VehicleSignals
from terminal.contract.capsule import tail_of
from terminal.contract.identity import incident_of_press, message_of_call
from terminal.contract.messages import (
    AlarmCancelled,
    AlarmKind,
    AlarmRaised,
    AlarmSignalled,
    Position,
    Trigger,
)
from terminal.contract.segment import fitted
from terminal.core import check_in, vehicle_events
from terminal.core.alarm import Alarm, AlarmRules, is_open, without_old
from terminal.core.effects import ConfirmPress, Effect, SaveEmergency
from terminal.core.emergency import Emergency, Step, UnconfirmedPress, notes, open_alarm, out, put, with_message
from terminal.core.ladder import TABLE, Cause, Phase
from terminal.core.moment import Moment
from terminal.core.vehicle_events import Events

REMEMBERED_PRESSES = 16
"""A board holds at most four, of which it may repeat those that are stored already; more than one board fits."""


class Scene(Struct, frozen=True, kw_only=True):
    """What an alarm says of the car at the moment of the press."""

    position: Position | None = None
    track: tuple[tuple[int, float, float], ...] = ()
    speed_mps: float | None = None
    lights_on: bool | None = None
    siren_on: bool | None = None
    door_open: bool | None = None


class Call(Struct, frozen=True, kw_only=True):
    """One call for help; it becomes this incident, or a signal on an open one of its kind."""

    incident: str
    trigger: Trigger
    kind: AlarmKind = AlarmKind.REAL
    silent: bool = False
    vehicle_event: str = ""

    @property
    def message_id(self) -> str:
        """That of the message which tells of it: told again after a crash, perhaps in another incident, it is known."""
        return message_of_call(self.incident, self.kind)

    @property
    def press(self) -> str:
        """By what headquarters names it: the tail of that message."""
        return tail_of(self.message_id).hex()


def pressed(
    emergency: Emergency,
    source: str,
    press: Press,
    scene: Scene,
    moment: Moment,
    *,
    kind: AlarmKind = AlarmKind.REAL,
    silent: bool = False,
) -> Step:
    """A board says that its button has been pressed; it says so again until it is told that this is on disk."""
    if press in emergency.presses:
        return emergency, _confirm_again(emergency, source, press)
    incident = incident_of_press(press.board_id, press.boot_nonce, press.number)
    call = Call(incident=incident, trigger=Trigger.BUTTON, kind=kind, silent=silent)
    after, effects = called(emergency, call, scene, moment)
    presses = (*emergency.presses[1 - REMEMBERED_PRESSES :], press)
    waiting = UnconfirmedPress(source, press, call.message_id)
    return replace(after, presses=presses, unconfirmed=(*after.unconfirmed, waiting)), effects


def called(emergency: Emergency, call: Call, scene: Scene, moment: Moment) -> Step:
    """Someone or something calls for help, or tries the way; who does so by the same call again has done it once."""
    message_id, press = call.message_id, call.press
    for alarm in emergency.alarms:
        if message_id in alarm.message_ids:
            return emergency, []
    for alarm in emergency.alarms:
        if press in alarm.presses:
            return _told_again(emergency, alarm, call, scene, moment)
    for alarm in emergency.alarms:
        if is_open(alarm) and (alarm.kind, alarm.silent) == (call.kind, call.silent):
            return _signalled(emergency, alarm, call, scene, moment)
    return _raised(emergency, call, scene, moment)


def unanswered(emergency: Emergency, scene: Scene, moment: Moment) -> Step:
    """The check-in timer ran out, if it did: whoever did not answer is missed."""
    timer = emergency.check_in
    if timer is None or not check_in.ran_out(timer, moment.mono_ns):
        return emergency, []
    call = Call(incident=timer.incident, trigger=Trigger.CHECK_IN)
    return called(replace(emergency, check_in=None), call, scene, moment)


def vehicle_told(
    emergency: Emergency, reading: VehicleSignals, scene: Scene, moment: Moment, rules: AlarmRules
) -> Step:
    """The car told signals; those that are watched may call for help."""
    watched, for_s = rules.vehicle_events, rules.vehicle_event_for_s
    events, calling = vehicle_events.apply(emergency.vehicle_events, reading, watched, for_s, moment.new_incident)
    return _vehicle_called(emergency, events, calling, scene, moment)


def vehicle_waited(emergency: Emergency, scene: Scene, moment: Moment, rules: AlarmRules) -> Step:
    """Time passed in which the car told nothing: what it told last may call for help by now."""
    events, calling = vehicle_events.waited(emergency.vehicle_events, moment.mono_ns, rules.vehicle_event_for_s)
    return _vehicle_called(emergency, events, calling, scene, moment)


def _vehicle_called(emergency: Emergency, events: Events, calling: Events, scene: Scene, moment: Moment) -> Step:
    before = emergency.vehicle_events
    if events == before:
        return emergency, []
    emergency, effects = replace(emergency, vehicle_events=events), list[Effect]()
    if vehicle_events.to_save(before) != vehicle_events.to_save(events):
        effects.append(SaveEmergency())
    for event in calling:
        call = Call(incident=event.incident, trigger=Trigger.VEHICLE, vehicle_event=event.path)
        emergency, more = called(emergency, call, scene, moment)
        effects += more
    return emergency, effects


def _raised(emergency: Emergency, call: Call, scene: Scene, moment: Moment) -> Step:
    message = _raising(call, scene, moment)
    alarm = Alarm(
        incident=call.incident,
        kind=call.kind,
        trigger=call.trigger,
        vehicle_event=call.vehicle_event,
        silent=call.silent,
        phase=TABLE[Phase.IDLE, Cause.RAISE],
        presses=(call.press,),
        boot=moment.boot,
        pressed_mono_ns=moment.mono_ns,
    )
    others = tuple(other for other in _without_old(emergency.alarms) if other.incident != call.incident)
    after = replace(emergency, alarms=(*others, with_message(alarm, message, moment)))
    return after, [*out(message), *notes("alarm-raised", alarm)]


def _raising(call: Call, scene: Scene, moment: Moment) -> AlarmRaised:
    return fitted(
        AlarmRaised(
            **(moment.envelope() | {"id": call.message_id}),
            incident=call.incident,
            kind=call.kind,
            trigger=call.trigger,
            silent=call.silent,
            vehicle_event=call.vehicle_event,
            position=scene.position,
            track=scene.track,
            speed_mps=scene.speed_mps,
            lights_on=scene.lights_on,
            siren_on=scene.siren_on,
            door_open=scene.door_open,
        )
    )


def _without_old(alarms: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
    """Without the oldest of the cleared, unless the disk lacks something of them."""
    return without_old(alarms, (alarm for alarm in alarms if not is_open(alarm) and not alarm.unstored))


def _told_again(emergency: Emergency, alarm: Alarm, call: Call, scene: Scene, moment: Moment) -> Step:
    """Headquarters has this press, from before a crash: only this disk lacks it."""
    is_first = call.incident == alarm.incident
    message = _raising(call, scene, moment) if is_first else _signalling(alarm, call, scene, moment, alarm.signals)
    alarm = with_message(alarm, message, moment)
    return put(emergency, alarm), out(message)


def _signalling(alarm: Alarm, call: Call, scene: Scene, moment: Moment, signal: int) -> AlarmSignalled:
    return AlarmSignalled(
        **(moment.envelope() | {"id": call.message_id}),
        incident=alarm.incident,
        kind=alarm.kind,
        silent=alarm.silent,
        signal=signal,
        trigger=call.trigger,
        vehicle_event=call.vehicle_event,
        position=scene.position,
    )


def _signalled(emergency: Emergency, alarm: Alarm, call: Call, scene: Scene, moment: Moment) -> Step:
    message = _signalling(alarm, call, scene, moment, alarm.signals + 1)
    presses, phase = (*alarm.presses, call.press), TABLE[alarm.phase, Cause.RAISE]
    alarm = with_message(replace(alarm, signals=message.signal, presses=presses, phase=phase), message, moment)
    return put(emergency, alarm), [*out(message), *notes("alarm-signalled", alarm)]


def cancelled(emergency: Emergency, incident: str, moment: Moment) -> Step:
    """The crew says that it was a mistake: headquarters is told, and nothing ends in the car."""
    alarm = open_alarm(emergency, incident)
    if alarm is None or alarm.cancelled:
        return emergency, []
    message = AlarmCancelled(
        **moment.envelope(), incident=incident, kind=alarm.kind, silent=alarm.silent, signals=alarm.signals
    )
    alarm = replace(alarm, cancelled_signals=alarm.signals, phase=TABLE[alarm.phase, Cause.CANCELLATION])
    alarm = with_message(alarm, message, moment)
    return put(emergency, alarm), [*out(message), *notes("alarm-cancelled", alarm)]


def _confirm_again(emergency: Emergency, source: str, press: Press) -> list[Effect]:
    waiting = any(waiting.press == press for waiting in emergency.unconfirmed)
    return [] if waiting else [ConfirmPress(source, press)]
