"""Which colours fit the light outside: the sun where the car is decides, else its lights, else it is night. Pure."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from astral import Observer
from astral.sun import elevation

from terminal.link import Snapshot
from terminal.screen.palettes import Palette

DAY_ABOVE_DEG = 0.0
"""With the sun above the horizon a dark screen cannot be read; below it a bright one blinds."""


def fitting(snapshot: Snapshot | None, now_ns: int) -> Palette:
    """Day or night by core's word, which may be old: the sun goes on as it does. Red is chosen by hand alone."""
    if snapshot is None:
        return Palette.NIGHT
    fix = snapshot.position.last_good
    if fix is None or fix.utc is None or fix.lat_deg is None or fix.lon_deg is None:
        # Many laws ask for lights by day too, so that they tell less than the sun does.
        return Palette.DAY if snapshot.vehicle.headlights_on is False else Palette.NIGHT
    utc = fix.utc + timedelta(microseconds=(now_ns - fix.mono_ns) // 1000)
    return (
        Palette.DAY
        if _is_day(int(utc.timestamp() // 60), round(fix.lat_deg, 1), round(fix.lon_deg, 1))
        else Palette.NIGHT
    )


@lru_cache(maxsize=8)
def _is_day(minute: int, lat_deg: float, lon_deg: float) -> bool:
    at = datetime.fromtimestamp(minute * 60, UTC)
    return elevation(Observer(lat_deg, lon_deg), at) > DAY_ABOVE_DEG
