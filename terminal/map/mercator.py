"""Web Mercator (EPSG:3857): the earth as a unit square, x to the east and y to the south. Pure."""

from math import atan, cos, degrees, log, pi, radians, sinh, tan

MOST_LAT_DEG = 85.0511
"""Where the square ends."""

EQUATOR_M = 40_075_016.686
"""WGS 84's equator, which is the square's side."""

Point = tuple[float, float]
"""(x, y), each from 0 to 1."""


def to_square(lat_deg: float, lon_deg: float) -> Point:
    """A place of the earth on the square."""
    lat = radians(max(-MOST_LAT_DEG, min(MOST_LAT_DEG, lat_deg)))
    return lon_deg / 360 + 0.5, 0.5 - log(tan(pi / 4 + lat / 2)) / (2 * pi)


def to_earth(x: float, y: float) -> tuple[float, float]:
    """A place of the square as (lat_deg, lon_deg)."""
    return degrees(atan(sinh(pi * (1 - 2 * y)))), (x - 0.5) * 360


def metres(y: float) -> float:
    """How many metres on the ground the whole side stands for, along the parallel at this y."""
    lat_deg, _ = to_earth(0.5, y)
    return EQUATOR_M * cos(radians(lat_deg))
