"""One input, one step: (state, input, moment) to (state, effects). Pure."""

from collections.abc import Callable
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
    SourceHealth,
    VehicleSignals,
)
from terminal.contract.messages import (
    AlarmKind,
    AlarmMoved,
    AlarmStatus,
    DutyChanged,
    SourceChanged,
    StateConfirmed,
    TerminalStarted,
    VehicleChanged,
)
from terminal.core import carrying, duty, emergency, learning, position, reporting, restoring, vehicle, work
from terminal.core.alarm import is_open, rung
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
from terminal.core.emergency import Emergency, Scene
from terminal.core.inputs import (
    MQTT,
    CapsuleReceipted,
    CarryFailed,
    Commanded,
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
)
from terminal.core.line import after_beat, after_change, looked_at
from terminal.core.moment import Moment
from terminal.core.state import CIRCUIT_PROBLEMS, Rules, State, current_fix
from terminal.link import AlarmCommand, CancelAlarm, PictureView, RaiseAlarm, SetDuty, WorkCommand
from terminal.version import VERSION

Step = tuple[State, list[Effect]]

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
        return state, effects
    after = emergency.pressed(state.emergency, button.source, button.latched, _scene(state, moment), moment)
    state, alarm_effects = _emergency(state, after)
    return state, [*alarm_effects, *effects]


def _circuit(state: State, button: ButtonState, moment: Moment) -> Step:
    health = button.health
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
    return _emergency(state, emergency.ticked(state.emergency, moment))


def _commanded(state: State, commanded: Commanded, moment: Moment, rules: Rules) -> Step:
    command = commanded.command
    if isinstance(command, RaiseAlarm):
        scene = _scene(state, moment)
        after = emergency.raised_on_screen(
            state.emergency, scene, moment, AlarmKind(command.kind), silent=command.silent
        )
        return _emergency(state, after)
    if isinstance(command, CancelAlarm):
        return _emergency(state, emergency.cancelled(state.emergency, command.incident, moment))
    if isinstance(command, SetDuty):
        return _duty(state, command, moment, rules)
    if isinstance(command, AlarmCommand):
        return state, []
    return _work(state, command, moment)


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
    state = replace(state, line=replace(state.line, disk_problem=""))
    return _emergency(state, emergency.stored(state.emergency, stored.places.keys()))


def _store_failed(state: State, failed: StoreFailed, _moment: Moment, _rules: Rules) -> Step:
    new = failed.problem != state.line.disk_problem
    state = replace(state, line=replace(state.line, disk_problem=failed.problem))
    state, effects = _emergency(state, emergency.store_failed(state.emergency, failed.ids))
    return state, [*effects, Note("store-failed", {"problem": failed.problem})] if new else effects


def _restored(state: State, told: Restored, moment: Moment, rules: Rules) -> Step:
    """Go on where the last run ended; the crew's own word since then counts for more."""
    together = restoring.merged(state.emergency, told.emergency or Emergency(), moment)
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
    if published.bearer == MQTT:
        problem = "" if published.ids else state.line.problem
        state = replace(state, line=replace(state.line, broker_heard_mono_ns=moment.mono_ns, problem=problem))
    return _emergency(state, emergency.published(state.emergency, published.ids, published.bearer))


def _received(state: State, received: Received, _moment: Moment, _rules: Rules) -> Step:
    state = replace(state, duty=duty.received(state.duty, received.ids), work=work.received(state.work, received.ids))
    return _emergency(state, emergency.received(state.emergency, received.ids, received.bearer))


def _receipted(state: State, told: CapsuleReceipted, moment: Moment, _rules: Rules) -> Step:
    """A receipt that names a message of another life of this car says nothing."""
    receipt = told.receipt
    message_id = carrying.named_by(state.emergency, receipt.incident, receipt.tail)
    if message_id is None:
        return state, []
    state, effects = _emergency(state, emergency.received(state.emergency, (message_id,), told.bearer))
    if not receipt.acknowledged_by:
        return state, effects
    status = AlarmStatus(receipt.incident, acknowledged_by=receipt.acknowledged_by, signals=receipt.signals)
    state, more = _emergency(state, emergency.taken_beside(state.emergency, status, moment))
    return state, [*effects, *more]


def _not_carried(state: State, told: CarryFailed, _moment: Moment, _rules: Rules) -> Step:
    after = carrying.failed(state.emergency, told.bearer, told.incident, told.problem, spent=told.spent)
    return _emergency(state, after)


def _desired(state: State, told: StateDesired, moment: Moment, _rules: Rules) -> Step:
    epoch, revision = told.state.epoch, told.state.revision
    # What another store said is not what is so now: it may have been under way since before a backup was restored.
    if epoch not in ("", state.line.epoch or epoch) or emergency.is_overtaken(state.emergency, told.state):
        return state, []
    state, effects = _emergency(state, emergency.desired(state.emergency, told.state, moment))
    if (epoch, revision) == state.confirmed:
        return state, effects
    state = replace(state, work=work.desired(state.work, told.state))
    # Before the disk has told of earlier alarms and jobs, they are not as headquarters says: it says it again.
    if not state.restored:
        return state, effects
    confirmed = StateConfirmed(**moment.envelope(), revision=revision, epoch=epoch)
    return replace(state, confirmed=(epoch, revision)), [*effects, SaveWork(), StoreEvent(confirmed)]


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


def _pending(state: State, counted: PendingCounted, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, line=replace(state.line, pending=counted.pending)), []


def _emergency(state: State, after: tuple[Emergency, list[Effect]]) -> Step:
    return replace(state, emergency=after[0]), after[1]


def _scene(state: State, moment: Moment) -> Scene:
    speed, _source = vehicle.speed_mps(state.vehicle, state.place.fix, moment.mono_ns)
    return Scene(
        position=position.report(state.place, moment.mono_ns),
        track=position.way_here(state.place, moment.mono_ns),
        speed_mps=None if speed is None else round(speed, 1),
        lights_on=vehicle.edge(state.vehicle, "lightbar"),
        siren_on=vehicle.edge(state.vehicle, "siren"),
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
        PendingCounted: _pending,
    },
)
"""Every kind of input, once; a test holds this against the types."""
