"""The car as an alarm tells of it. Pure."""

from terminal.core import position, vehicle
from terminal.core.calling import Scene
from terminal.core.moment import Moment
from terminal.core.state import State


def scene_of(state: State, moment: Moment) -> Scene:
    """What the state says of it now."""
    speed, _source = vehicle.speed_mps(state.vehicle, state.place.fix, moment.mono_ns)
    return Scene(
        position=position.report(state.place, moment.mono_ns),
        track=position.way_here(state.place, moment.mono_ns),
        speed_mps=None if speed is None else round(speed, 1),
        lights_on=vehicle.edge(state.vehicle, "lightbar"),
        siren_on=vehicle.edge(state.vehicle, "siren"),
        door_open=vehicle.door_open(state.vehicle, moment.mono_ns),
    )
