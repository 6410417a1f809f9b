"""When headquarters gets the car's position: by time, distance, turn, speed change and state change. Pure."""

from msgspec import Struct

from hal.readings import Fix, FixMode
from terminal.contract.messages import Point, PointFlag
from terminal.core import position
from terminal.core.vehicle import Vehicle, edge


class Reporting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often the position is reported."""

    moving_distance_m: float = 150.0
    moving_period_s: float = 30.0
    parked_period_s: float = 300.0
    turn_deg: float = 30.0
    speed_change_mps: float = 8.0
    moving_above_mps: float = 1.5
    shortest_period_s: float = 2.0


class Reported(Struct, frozen=True):
    """What was reported last."""

    mono_ns: int
    fix: Fix | None


def due(reported: Reported | None, fix: Fix, now_ns: int, rules: Reporting) -> str:
    """Why this fix is worth reporting, or "" when it is not."""
    if not position.has_position(fix):
        return ""
    if reported is None or reported.fix is None:
        return "first"
    age_s = (now_ns - reported.mono_ns) / 1e9
    moving = (fix.speed_mps or 0.0) > rules.moving_above_mps
    if age_s >= (rules.moving_period_s if moving else rules.parked_period_s):
        return "time"
    if age_s < rules.shortest_period_s:
        return ""
    return _changed(reported.fix, fix, moving, rules)


def _changed(last: Fix, fix: Fix, moving: bool, rules: Reporting) -> str:
    # Also of a receiver that tells no speed, and of a car that creeps.
    if _distance_m(last, fix) >= rules.moving_distance_m:
        return "distance"
    if abs((fix.speed_mps or 0.0) - (last.speed_mps or 0.0)) >= rules.speed_change_mps:
        return "speed"
    if not moving and (last.speed_mps or 0.0) > rules.moving_above_mps:
        return "stopped"
    if moving and _turn_deg(last.track_deg, fix.track_deg) >= rules.turn_deg:
        return "turn"
    return ""


def _distance_m(a: Fix, b: Fix) -> float:
    if a.lat_deg is None or a.lon_deg is None or b.lat_deg is None or b.lon_deg is None:
        return 0.0
    return position.distance_m((a.lat_deg, a.lon_deg), (b.lat_deg, b.lon_deg))


def _turn_deg(before: float | None, after: float | None) -> float:
    if before is None or after is None:
        return 0.0
    return abs((after - before + 180) % 360 - 180)


def point_of(fix: Fix, vehicle: Vehicle, point_id: bytes, utc_ms: int | None) -> Point:
    """A track point of this fix, without a place yet; the fix must have a position."""
    assert fix.lat_deg is not None
    assert fix.lon_deg is not None
    flags = PointFlag.FIX_3D if fix.mode == FixMode.FIX_3D else 0
    for what, flag in (
        ("lightbar", PointFlag.LIGHTS_ON),
        ("siren", PointFlag.SIREN_ON),
        ("ignition", PointFlag.IGNITION_ON),
    ):
        flags |= flag if edge(vehicle, what) else 0
    return Point(
        seq=0,
        id=point_id,
        utc_ms=utc_ms if fix.utc is None else round(fix.utc.timestamp() * 1000),
        lat_e7=round(fix.lat_deg * 1e7),
        lon_e7=round(fix.lon_deg * 1e7),
        speed_cmps=None if fix.speed_mps is None else round(fix.speed_mps * 100),
        track_cdeg=None if fix.track_deg is None else round(fix.track_deg * 100),
        flags=flags,
    )
