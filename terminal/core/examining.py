"""The technician's self-test, step by step: what is asked, what comes of it, what the car tells meanwhile. Pure."""

from collections.abc import Callable
from typing import cast

from msgspec.structs import replace

from hal.readings import LightbarState, VehicleSignals
from terminal.asked import CloseWorkshop, Examine, OpenWorkshop, Refusal, WorkshopCommand
from terminal.core import vehicle, workshop
from terminal.core.alarm import is_open
from terminal.core.effects import CheckPin, Effect, MeasureDisk, Note, TestBoards
from terminal.core.inputs import BoardsTested, DiskMeasured, Input, PinChecked
from terminal.core.moment import Moment
from terminal.core.state import Rules, State

Step = tuple[State, list[Effect]]


def refusal(state: State, command: WorkshopCommand, rules: Rules) -> Refusal | None:
    """Why this cannot be. An open silent alarm is no reason: nothing may tell of it."""
    match command:
        case OpenWorkshop() if not rules.workshop.pin:
            return Refusal.NO_PIN
        case Examine() if not state.workshop.is_open:
            return Refusal.CLOSED
        case Examine(what="boards") if any(is_open(one) and not one.silent for one in state.emergency.alarms):
            return Refusal.ALARM_OPEN
    return None


def commanded(state: State, command: WorkshopCommand, moment: Moment, rules: Rules) -> Step:
    """What comes of a command; of one that cannot be, or that is under way already, nothing."""
    if refusal(state, command, rules) is not None:
        return state, []
    match command:
        case OpenWorkshop(pin=pin):
            return _opening(state, pin, moment)
        case CloseWorkshop():
            return replace(state, workshop=workshop.closed(state.workshop)), []
        case Examine(what=what):
            return _examined(state, what, moment)


def _opening(state: State, pin: str, moment: Moment) -> Step:
    if state.workshop.view.checking or state.workshop.is_open:
        return state, []
    after = workshop.tried(state.workshop, moment.mono_ns)
    return replace(state, workshop=after), [CheckPin(pin)] if after.view.checking else []


def _examined(state: State, what: str, moment: Moment) -> Step:
    if workshop.is_waiting(state.workshop, what):
        return state, []
    if what == "disk":
        return replace(state, workshop=workshop.disk_asked(state.workshop, moment.mono_ns)), [MeasureDisk()]
    return replace(state, workshop=workshop.boards_asked(state.workshop, moment.mono_ns)), [TestBoards()]


def noticed(state: State, told: Input, moment: Moment, rules: Rules) -> State:
    """The state with what a technician is to see of this input; a button's reading is none of it."""
    if not state.workshop.is_open:
        return state
    after = workshop.ticked(state.workshop, moment.mono_ns)
    if isinstance(told, VehicleSignals) and told.source not in rules.boards:
        after = workshop.told(after)
    if isinstance(told, VehicleSignals | LightbarState):
        lights, siren = (vehicle.edge(state.vehicle, what) for what in ("lightbar", "siren"))
        after = workshop.edges_seen(after, lights_on=lights, siren_on=siren)
    return state if after == state.workshop else replace(state, workshop=after)


def _pin(state: State, told: PinChecked, moment: Moment, _rules: Rules) -> Step:
    after = workshop.checked(state.workshop, moment.mono_ns, fits=told.fits)
    return replace(state, workshop=after), [Note("workshop-opened" if told.fits else "workshop-refused")]


def _disk(state: State, told: DiskMeasured, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, workshop=workshop.disk_told(state.workshop, told.sync_ms, told.problem)), []


def _boards(state: State, told: BoardsTested, _moment: Moment, _rules: Rules) -> Step:
    return replace(state, workshop=workshop.boards_told(state.workshop, told.tests)), []


STEPS = cast(
    dict[type[Input], Callable[[State, Input, Moment, Rules], Step]],
    {PinChecked: _pin, DiskMeasured: _disk, BoardsTested: _boards},
)
