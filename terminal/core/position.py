"""Where the car is, how old that knowledge is, and the way it came. Pure."""

from math import asin, cos, radians, sin, sqrt

from msgspec import Struct
from msgspec.structs import replace

from hal.readings import Fix, FixMode
from terminal.contract.dead_zones import Cell, cell_of
from terminal.contract.messages import Position
from terminal.core.channels import ALARM_WAY_EVERY_S, ALARM_WAY_POINTS, stale_after_ns
from terminal.shown import PositionView

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius R1, IUGG."""

WAY_EVERY_NS = round(ALARM_WAY_EVERY_S * 1e9)

WayPoint = tuple[int, float, float]
"""(mono_ns, lat_deg, lon_deg)."""


class Place(Struct, frozen=True):
    """The newest fix, the newest one that had a position, and the way here, oldest first."""

    fix: Fix | None = None
    last_good: Fix | None = None
    way: tuple[WayPoint, ...] = ()


def has_position(fix: Fix) -> bool:
    """Whether the receiver knew where it was."""
    return fix.mode >= FixMode.FIX_2D and fix.lat_deg is not None and fix.lon_deg is not None


def apply(place: Place, fix: Fix) -> Place:
    """Where the car is after this fix."""
    if not has_position(fix):
        return replace(place, fix=fix)
    return Place(fix=fix, last_good=fix, way=_longer(place.way, fix))


def _longer(way: tuple[WayPoint, ...], fix: Fix) -> tuple[WayPoint, ...]:
    if way and fix.mono_ns - way[-1][0] < WAY_EVERY_NS:
        return way
    assert fix.lat_deg is not None
    assert fix.lon_deg is not None
    return (*way[1 - ALARM_WAY_POINTS :], (fix.mono_ns, fix.lat_deg, fix.lon_deg))


def cell(place: Place) -> Cell | None:
    """The part of the world in which the car is, or was last."""
    fix = place.last_good
    if fix is None or fix.lat_deg is None or fix.lon_deg is None:
        return None
    return cell_of(fix.lat_deg, fix.lon_deg)


def is_stale(place: Place, now_ns: int) -> bool:
    """Whether there is no position that may be shown as current."""
    return place.fix is None or not has_position(place.fix) or now_ns - place.fix.mono_ns > stale_after_ns(Fix)


def view(place: Place, now_ns: int) -> PositionView:
    """What the screen may show."""
    return PositionView(fix=place.fix, last_good=place.last_good, stale=is_stale(place, now_ns))


def report(place: Place, now_ns: int) -> Position | None:
    """The newest known position with its age, for a message; None when there was never one."""
    fix = place.last_good
    if fix is None or fix.lat_deg is None or fix.lon_deg is None:
        return None
    return Position(
        lat_deg=round(fix.lat_deg, 7),
        lon_deg=round(fix.lon_deg, 7),
        age_s=round(max(now_ns - fix.mono_ns, 0) / 1e9, 1),
        stale=is_stale(place, now_ns),
        mode=int(fix.mode),
        utc_ms=None if fix.utc is None else round(fix.utc.timestamp() * 1000),
        speed_mps=_rounded(fix.speed_mps, 2),
        track_deg=_rounded(fix.track_deg, 1),
        altitude_msl_m=_rounded(fix.altitude_msl_m, 1),
        eph_m=_rounded(fix.eph_m, 1),
    )


def way_here(place: Place, now_ns: int) -> tuple[tuple[int, float, float], ...]:
    """The way here as an alarm carries it: (seconds ago, lat_deg, lon_deg), oldest first."""
    return tuple(
        (max(now_ns - at_ns, 0) // 1_000_000_000, round(lat_deg, 5), round(lon_deg, 5))
        for at_ns, lat_deg, lon_deg in place.way
    )


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance of two (lat_deg, lon_deg), by the haversine formula."""
    lat_a, lat_b = radians(a[0]), radians(b[0])
    half_lat, half_lon = (lat_b - lat_a) / 2, radians(b[1] - a[1]) / 2
    chord = sin(half_lat) ** 2 + cos(lat_a) * cos(lat_b) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
