"""One input, one step: (state, input, moment) to (state, effects). Pure."""

from collections.abc import Callable, Collection
from typing import cast
from uuid import UUID

from msgspec.structs import replace

from hal.readings import (
    ButtonHealth,
    ButtonState,
    Fix,
    LightbarState,
    LinkQuality,
    PowerState,
    Press,
    SourceHealth,
    VehicleSignals,
)
from terminal.contract.messages import (
    AlarmMoved,
    AlarmStatus,
    DutyChanged,
    SourceChanged,
    StateConfirmed,
    TerminalStarted,
    VehicleChanged,
)
from terminal.contract.topics import MQTT
from terminal.core import (
    arming,
    calling,
    carrying,
    commands,
    duty,
    emergency,
    learning,
    position,
    proofs,
    reporting,
    restoring,
    vehicle,
    work,
)
from terminal.core.alarm import is_open, rung
from terminal.core.calling import Scene
from terminal.core.channels import ALARM_MOVED_EVERY_S
from terminal.core.effects import (
    Effect,
    Note,
    RecordPoint,
    SaveEmergency,
    SaveWork,
    SendAlarm,
    SendMoved,
    ShowRung,
    StoreEvent,
)
from terminal.core.emergency import Emergency
from terminal.core.inputs import (
    CapsuleReceipted,
    CarryFailed,
    Commanded,
    Doubted,
    HeartbeatHeard,
    Input,
    LineChanged,
    OutboxRepaired,
    PendingCounted,
    PictureSeen,
    Published,
    PublishRefused,
    Received,
    Restored,
    StateDesired,
    Stored,
    StoreFailed,
    Tick,
    TimerSaved,
)
from terminal.core.line import after_beat, after_change, looked_at
from terminal.core.moment import Moment
from terminal.core.state import CIRCUIT_PROBLEMS, Rules, State, current_fix
from terminal.link import AlarmCommand, PictureView, SetDuty, WorkCommand
from terminal.version import VERSION

Step = tuple[State, list[Effect]]

DOUBTED = "headquarters is not believed: "
"""How a problem of the line begins that a true word of headquarters ends."""
OUTBOX = "outbox"
"""As what headquarters is told of the outbox's own troubles."""


def step(state: State, told: Input, moment: Moment, rules: Rules) -> Step:
    """The state after this input, and what is to be done because of it."""
    state, effects = STEPS[type(told)](state, told, moment, rules)
    return _carry(state, effects, moment, rules)


def _carry(state: State, effects: list[Effect], moment: Moment, rules: Rules) -> Step:
    """Whatever came: an alarm that the brokers do not bring to headquarters goes over the other bearers."""
    line = looked_at(state.line, moment.mono_ns, rules.supervision)
    if line is not state.line:
        state = replace(state, line=line)
    if not (rules.carrying and state.emergency.alarms):
        return state, effects
    where = position.report(state.place, moment.mono_ns)
    state, more = _emergency(state, carrying.due(state.emergency, rules.carrying, line.down_mono_ns, where, moment))
    return state, [*effects, *more] if more else effects


def _fix(state: State, fix: Fix, moment: Moment, rules: Rules) -> Step:
    before = state.place
    state = replace(state, place=position.apply(state.place, fix))
    state, effects = _report(state, fix, moment, rules)
    state, learnt = learning.driven(state, before)
    return _moved(state, moment, [*effects, *learnt])


def _report(state: State, fix: Fix, moment: Moment, rules: Rules) -> Step:
    if not reporting.due(state.reported, fix, moment.mono_ns, rules.reporting):
        return state, []
    point = reporting.point_of(fix, state.vehicle, UUID(moment.new_id()).bytes, moment.utc_ms)
    return replace(state, reported=reporting.Reported(moment.mono_ns, fix)), [RecordPoint(point)]


def _moved(state: State, moment: Moment, effects: list[Effect]) -> Step:
    since_ns = moment.mono_ns - state.moved_mono_ns
    where = position.report(state.place, moment.mono_ns)
    if where is None or since_ns < ALARM_MOVED_EVERY_S * 1e9 or not emergency.any_open(state.emergency):
        return state, effects
    moved = [
        SendMoved(
            AlarmMoved(
                **moment.envelope(), incident=alarm.incident, kind=alarm.kind, silent=alarm.silent, position=where
            )
        )
        for alarm in state.emergency.alarms
        if is_open(alarm)
    ]
    return replace(state, moved_mono_ns=moment.mono_ns), [*effects, *moved]


def _vehicle(state: State, reading: VehicleSignals | LightbarState | PowerState, moment: Moment, rules: Rules) -> Step:
    if isinstance(reading, PowerState):
        state = replace(state, power=reading)
    state, effects = _vehicle_changed(state, reading, moment)
    if not (isinstance(reading, VehicleSignals) and rules.alarms.vehicle_events):
        return state, effects
    scene = _scene(state, moment)
    after = calling.vehicle_told(state.emergency, reading, scene, moment, rules.alarms)
    state, alarm_effects = _emergency(state, after)
    return state, [*alarm_effects, *effects]


def _vehicle_changed(state: State, reading: VehicleSignals | LightbarState | PowerState, moment: Moment) -> Step:
    after = vehicle.apply(state.vehicle, reading)
    changes = vehicle.changes(state.vehicle, after)
    state = replace(state, vehicle=after)
    if not changes:
        return state, []
    where = position.report(state.place, moment.mono_ns)
    effects: list[Effect] = [Note("vehicle-changed", dict(changes))]
    for what, on in changes.items():
        effects.append(StoreEvent(VehicleChanged(**moment.envelope(), what=what, on=on, position=where)))
    fix = current_fix(state, moment.mono_ns)
    if fix is not None:
        point = reporting.point_of(fix, after, UUID(moment.new_id()).bytes, moment.utc_ms)
        state = replace(state, reported=reporting.Reported(moment.mono_ns, fix))
        effects.append(RecordPoint(point))
    return state, effects


def _button(state: State, button: ButtonState, moment: Moment, _rules: Rules) -> Step:
    state, effects = _circuit(state, button, moment)
    if button.latched is None:
        return replace(state, at_rest=state.at_rest | {button.source: button.hidden}), effects
    state, alarm_effects = _pressed(_without(state, button.source), button, button.latched, moment)
    return state, [*alarm_effects, *effects]


def _pressed(state: State, button: ButtonState, press: Press, moment: Moment) -> Step:
    kind = arming.meaning(state.arming, button.source, moment.mono_ns)
    if press not in state.emergency.presses:
        state = replace(state, arming=arming.after_press(state.arming, hidden=button.hidden))
    scene = _scene(state, moment)
    after = calling.pressed(state.emergency, button.source, press, scene, moment, kind=kind, silent=button.hidden)
    return _emergency(state, after)


def _without(state: State, button: str) -> State:
    """The state in which this button may not be at rest."""
    return replace(state, at_rest={name: hidden for name, hidden in state.at_rest.items() if name != button})


def _circuit(state: State, button: ButtonState, moment: Moment) -> Step:
    health = button.health
    if button.hidden and health is ButtonHealth.STUCK:
        # It is being pressed for long, which nobody beside the officer may see.
        return state, []
    if health is state.circuits.get(button.source, ButtonHealth.OK):
        return state, []
    state = replace(state, circuits=state.circuits | {button.source: health})
    problem = CIRCUIT_PROBLEMS[health][0] if health in CIRCUIT_PROBLEMS else ""
    message = SourceChanged(**moment.envelope(), source=button.source, up=not problem, problem=problem)
    return state, [Note("button-changed", {"source": button.source, "health": str(health)}), StoreEvent(message)]


def _link(state: State, link: LinkQuality, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, link=link), []


def _health(state: State, health: SourceHealth, moment: Moment, _rules: Rules) -> Step:
    before = state.sources.get(health.source)
    known = vehicle.source_changed(state.vehicle, health.source, up=health.up)
    state = _without(state, health.source)
    if state.arming is not None:
        state = replace(state, arming=arming.without(state.arming, health.source))
    state = replace(state, sources=state.sources | {health.source: health}, vehicle=known)
    if before is not None and (before.up, before.problem) == (health.up, health.problem):
        return state, []
    effects: list[Effect] = [
        Note("source-changed", {"source": health.source, "up": health.up, "problem": health.problem})
    ]
    if before is None and health.up:
        return state, effects
    message = SourceChanged(**moment.envelope(), source=health.source, up=health.up, problem=health.problem)
    return state, [*effects, StoreEvent(message)]


def _tick(state: State, _tick: Tick, moment: Moment, _rules: Rules) -> Step:
    if state.arming is not None:
        state = replace(state, arming=arming.ticked(state.arming, moment.mono_ns))
    before = state.emergency
    missed, effects = calling.unanswered(before, _scene(state, moment), moment) if before.check_in else (before, [])
    after, more = emergency.ticked(missed, moment)
    return _emergency(state, (after, [*effects, *more]))


def _commanded(state: State, commanded: Commanded, moment: Moment, rules: Rules) -> Step:
    command = commanded.command
    if isinstance(command, SetDuty):
        return _duty(state, command, moment, rules)
    if not isinstance(command, AlarmCommand):
        return _work(state, command, moment)
    after, effects = commands.taken(state, command, _scene(state, moment), moment, rules)
    return _emergency(replace(after, emergency=state.emergency), (after.emergency, effects))


def _work(state: State, command: WorkCommand, moment: Moment) -> Step:
    driven = vehicle.view(state.vehicle, state.place.fix, moment.mono_ns)
    scene = work.Scene(position.report(state.place, moment.mono_ns), driven)
    after, messages = work.commanded(state.work, command, scene, moment)
    effects: list[Effect] = [StoreEvent(message) for message in messages]
    notes = [Note("work-done", {"what": str(type(message).__struct_config__.tag)}) for message in messages]
    return replace(state, work=after), [SaveWork(), *effects, *notes]


def _duty(state: State, command: SetDuty, moment: Moment, rules: Rules) -> Step:
    if not duty.is_status(rules.profile, command.status) or command.status == state.duty.status:
        return state, []
    where = position.report(state.place, moment.mono_ns)
    message = DutyChanged(**moment.envelope(), status=command.status, position=where)
    effects: list[Effect] = [StoreEvent(message), Note("duty-changed", {"status": command.status})]
    state = replace(state, duty=duty.Duty(command.status, message.id))
    fix = current_fix(state, moment.mono_ns)
    if fix is not None:
        effects.append(RecordPoint(reporting.point_of(fix, state.vehicle, UUID(moment.new_id()).bytes, moment.utc_ms)))
        state = replace(state, reported=reporting.Reported(moment.mono_ns, fix))
    return state, effects


def _stored(state: State, stored: Stored, _moment: Moment, _rules: Rules) -> Step:
    ids = stored.places.keys()
    if not _unseen(state, ids):
        state = replace(state, line=replace(state.line, disk_problem=""))
    return _emergency(state, proofs.stored(state.emergency, ids))


def _unseen(state: State, ids: Collection[str]) -> bool:
    """Whether these messages are all of silent alarms, or confirm an answer: nothing that becomes of them may show."""
    return bool(ids) and emergency.are_silent(state.emergency, set(ids) - {state.confirming})


def _store_failed(state: State, failed: StoreFailed, _moment: Moment, _rules: Rules) -> Step:
    new = failed.problem != state.line.disk_problem
    state, effects = _emergency(state, proofs.store_failed(state.emergency, failed.ids))
    if _unseen(state, failed.ids):
        return state, effects
    state = replace(state, line=replace(state.line, disk_problem=failed.problem))
    return state, [*effects, Note("store-failed", {"problem": failed.problem})] if new else effects


def _timer_saved(state: State, saved: TimerSaved, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, saved_timer=saved.incident), []


def _restored(state: State, told: Restored, moment: Moment, rules: Rules) -> Step:
    """Go on where the last run ended; the crew's own word since then counts for more."""
    together = restoring.merged(state.emergency, told.emergency or Emergency(), moment, rules)
    effects: list[Effect] = [SendAlarm(message) for alarm in together.alarms for message in alarm.unstored]
    effects += [SaveEmergency(), ShowRung(rung(together.alarms))]
    effects += [StoreEvent(TerminalStarted(**moment.envelope(), version=VERSION))]
    kept = state.work if told.work is None else work.restored(told.work)
    state = replace(state, emergency=together, zones=told.zones, restored=True, work=kept)
    if state.duty.message_id:
        return state, effects
    before = told.duty or ""
    status = before if duty.is_status(rules.profile, before) else state.duty.status
    message = DutyChanged(**moment.envelope(), status=status)
    return replace(state, duty=duty.Duty(status, message.id)), [*effects, StoreEvent(message)]


def _repaired(state: State, repaired: OutboxRepaired, moment: Moment, _rules: Rules) -> Step:
    """What stood in the damaged outbox is not stored any more; headquarters learns why numbers begin anew."""
    message = SourceChanged(**moment.envelope(), source=OUTBOX, up=True, problem=repaired.problem)
    return state, [SaveEmergency(), StoreEvent(message), Note("outbox-repaired", {"problem": repaired.problem})]


def _published(state: State, published: Published, moment: Moment, _rules: Rules) -> Step:
    if published.bearer == MQTT and not _unseen(state, published.ids):
        problem = "" if published.ids else state.line.problem
        state = replace(state, line=replace(state.line, broker_heard_mono_ns=moment.mono_ns, problem=problem))
    return _emergency(state, proofs.published(state.emergency, published.ids, published.bearer))


def _received(state: State, received: Received, moment: Moment, _rules: Rules) -> Step:
    state = replace(state, duty=duty.received(state.duty, received.ids), work=work.received(state.work, received.ids))
    return _emergency(state, proofs.received(state.emergency, received.ids, received.bearer, moment))


def _receipted(state: State, told: CapsuleReceipted, moment: Moment, _rules: Rules) -> Step:
    """A receipt that names a message of another life of this car says nothing."""
    receipt = told.receipt
    message_id = carrying.named_by(state.emergency, receipt.incident, receipt.tail)
    if message_id is None:
        return state, []
    state, effects = _emergency(state, proofs.received(state.emergency, (message_id,), told.bearer, moment))
    if not receipt.acknowledged_by:
        return state, effects
    status = AlarmStatus(receipt.incident, acknowledged_by=receipt.acknowledged_by, signals=receipt.signals)
    state, more = _emergency(state, proofs.taken_beside(state.emergency, status, moment))
    return state, [*effects, *more]


def _not_carried(state: State, told: CarryFailed, _moment: Moment, _rules: Rules) -> Step:
    after = carrying.failed(state.emergency, told.bearer, told.incident, told.problem, spent=told.spent)
    return _emergency(state, after)


def _desired(state: State, told: StateDesired, moment: Moment, _rules: Rules) -> Step:
    epoch, revision = told.state.epoch, told.state.revision
    # What another store said is not what is so now: it may have been under way since before a backup was restored.
    if epoch not in ("", state.line.epoch or epoch) or proofs.is_overtaken(state.emergency, told.state):
        return state, []
    state, effects = _emergency(state, proofs.desired(state.emergency, told.state, moment))
    if (epoch, revision) == state.confirmed:
        return state, effects
    state = replace(state, work=work.desired(state.work, told.state))
    # Before the disk has told of earlier alarms and jobs, they are not as headquarters says: it says it again.
    if not state.restored:
        return state, effects
    confirmed = StateConfirmed(**moment.envelope(), revision=revision, epoch=epoch)
    state = replace(state, confirmed=(epoch, revision), confirming=confirmed.id)
    return state, [*effects, SaveWork(), StoreEvent(confirmed)]


def _heartbeat(state: State, heard: HeartbeatHeard, moment: Moment, _rules: Rules) -> Step:
    beat = heard.heartbeat
    line = after_beat(state.line, beat, moment.mono_ns)
    # A store of another epoch does not know what the one before had from memory alone.
    again = emergency.unstored(state.emergency) if state.line.epoch != beat.epoch else ()
    effects: list[Effect] = [SendAlarm(message) for message in again]
    return replace(state, line=line), effects


def _picture(state: State, seen: PictureSeen, moment: Moment, _rules: Rules) -> Step:
    return replace(state, picture=PictureView(seen.picture, moment.mono_ns)), []


def _line(state: State, line: LineChanged, moment: Moment, _rules: Rules) -> Step:
    before = state.line
    state, effects = learning.lost_or_back(state, line, moment)
    state = replace(state, line=after_change(state.line, line, moment.mono_ns))
    if (before.connected, before.problem) == (line.connected, line.problem):
        return state, effects
    event = "connected" if line.connected else "disconnected"
    return state, [*effects, Note(event, {"broker": line.broker, "problem": line.problem})]


def _refused(state: State, refused: PublishRefused, moment: Moment, _rules: Rules) -> Step:
    new = state.line.problem != refused.problem
    line = replace(state.line, problem=refused.problem, broker_heard_mono_ns=moment.mono_ns)
    state = replace(state, line=line)
    return state, [Note("publish-refused", {"problem": refused.problem})] if new else []


def _doubted(state: State, doubted: Doubted, _moment: Moment, _rules: Rules) -> Step:
    line = state.line
    problem = f"{DOUBTED}{doubted.problem}" if doubted.problem else ""
    if problem or line.problem.startswith(DOUBTED):
        line = replace(line, problem=problem)
    notes: list[Effect] = [Note("headquarters-doubted", {"problem": problem})] if problem else []
    return replace(state, line=line), notes if line != state.line else []


def _pending(state: State, counted: PendingCounted, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, line=replace(state.line, pending=counted.pending)), []


def _emergency(state: State, after: tuple[Emergency, list[Effect]]) -> Step:
    """The state with this emergency; the lamps are told only of a change, and of nothing that is silent."""
    emergency, effects = after
    before, now = rung(state.emergency.alarms), rung(emergency.alarms)
    return replace(state, emergency=emergency), effects if before == now else [*effects, ShowRung(now)]


def _scene(state: State, moment: Moment) -> Scene:
    speed, _source = vehicle.speed_mps(state.vehicle, state.place.fix, moment.mono_ns)
    return Scene(
        position=position.report(state.place, moment.mono_ns),
        track=position.way_here(state.place, moment.mono_ns),
        speed_mps=None if speed is None else round(speed, 1),
        lights_on=vehicle.edge(state.vehicle, "lightbar"),
        siren_on=vehicle.edge(state.vehicle, "siren"),
        door_open=vehicle.door_open(state.vehicle, moment.mono_ns),
    )


STEPS = cast(
    dict[type[Input], Callable[[State, Input, Moment, Rules], Step]],
    {
        Fix: _fix,
        VehicleSignals: _vehicle,
        LightbarState: _vehicle,
        PowerState: _vehicle,
        ButtonState: _button,
        LinkQuality: _link,
        SourceHealth: _health,
        Tick: _tick,
        Commanded: _commanded,
        Stored: _stored,
        StoreFailed: _store_failed,
        TimerSaved: _timer_saved,
        Restored: _restored,
        OutboxRepaired: _repaired,
        Published: _published,
        Received: _received,
        CapsuleReceipted: _receipted,
        CarryFailed: _not_carried,
        StateDesired: _desired,
        HeartbeatHeard: _heartbeat,
        PictureSeen: _picture,
        LineChanged: _line,
        PublishRefused: _refused,
        Doubted: _doubted,
        PendingCounted: _pending,
    },
)
"""Every kind of input, once; a test holds this against the types."""
