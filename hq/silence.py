"""Why nothing is heard of a car, as far as headquarters can know it. Pure."""

from enum import StrEnum

from hq.units import Unit
from terminal.contract.dead_zones import Cell, DeadZones, cell_of

PLACE_TOLD_WITHIN_S = 330.0
"""A parked car tells its place every 300 s, a moving one every 30 s: an older one is not where it was lost."""


class Silence(StrEnum):
    """Why a car is silent; what is UNKNOWN needs a look."""

    PLANNED = "planned"
    DEAD_ZONE = "dead-zone"
    UNKNOWN = "unknown"


def why(unit: Unit, zones: DeadZones, now_s: float, *, has_open_alarm: bool) -> Silence:
    """The cause of this car's silence; with an open alarm none is good enough."""
    if has_open_alarm:
        return Silence.UNKNOWN
    if unit.goodbye or unit.ignition_on is False:
        return Silence.PLANNED
    if zones.at(lost_in(unit)).explains(now_s - unit.heard_s):
        return Silence.DEAD_ZONE
    return Silence.UNKNOWN


def lost_in(unit: Unit) -> Cell | None:
    """Where the car was when it was heard last; None when its place was not told shortly before."""
    position = unit.last.position
    if position is None or unit.placed_s is None or unit.heard_s - unit.placed_s > PLACE_TOLD_WITHIN_S:
        return None
    return cell_of(position.lat_deg, position.lon_deg)
