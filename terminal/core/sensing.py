"""What the car's devices tell: one step for each kind of reading. Pure."""

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
    Press,
    SourceHealth,
    VehicleSignals,
)
from terminal.contract.messages import AlarmMoved, SourceChanged, VehicleChanged
from terminal.core import arming, calling, emergency, learning, position, reporting, vehicle
from terminal.core.alarm import is_open
from terminal.core.channels import ALARM_MOVED_EVERY_S
from terminal.core.effects import Effect, Note, RecordPoint, SendMoved, StoreEvent
from terminal.core.inputs import Input
from terminal.core.moment import Moment
from terminal.core.scene import scene_of
from terminal.core.state import CIRCUIT_PROBLEMS, Rules, State, current_fix, with_emergency

Step = tuple[State, list[Effect]]


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
    scene = scene_of(state, moment)
    after = calling.vehicle_told(state.emergency, reading, scene, moment, rules.alarms)
    state, alarm_effects = with_emergency(state, after)
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
    scene = scene_of(state, moment)
    after = calling.pressed(state.emergency, button.source, press, scene, moment, kind=kind, silent=button.hidden)
    return with_emergency(state, after)


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
    },
)
