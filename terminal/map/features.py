"""What an offline map holds: lines and places, by kind, and from which level on each is there. Pure."""

from enum import IntEnum

from msgspec import Struct

LEVELS = (8, 11, 14)
"""Zoom levels of Web Mercator's tiles: a country, a region, a town's streets."""

GRID = 4096
"""A tile's coordinates are whole numbers from 0 to this; at level 14 one is 0.4 m at 45 degrees."""


class Kind(IntEnum):
    """What a line or a place is; a greater one is drawn over a smaller one."""

    LAKE = 1
    RIVER = 2
    RAIL = 3
    STREET = 4
    ROAD = 5
    MOTORWAY = 6
    BORDER = 7
    VILLAGE = 8
    TOWN = 9


FIRST_LEVEL = {
    Kind.LAKE: 8,
    Kind.RIVER: 8,
    Kind.RAIL: 14,
    Kind.STREET: 14,
    Kind.ROAD: 11,
    Kind.MOTORWAY: 8,
    Kind.BORDER: 8,
    Kind.VILLAGE: 11,
    Kind.TOWN: 8,
}
"""A kind is in the tiles of this level and of those that show more."""

PLACES = frozenset((Kind.VILLAGE, Kind.TOWN))


class Feature(Struct, frozen=True, array_like=True):
    """One line or place of a tile: x and y by turns, in the tile's grid; a place has one pair."""

    kind: int
    name: str
    points: tuple[int, ...]


class Tile(Struct, frozen=True, array_like=True):
    """All of one tile."""

    features: tuple[Feature, ...]
