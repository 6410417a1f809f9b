"""A window on the maps: lines as dots of cells or as pixels, names where there is room. Pure but for the tiles."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import cos, radians, sin
from operator import itemgetter
from typing import Protocol

from msgspec import Struct

from terminal.map.canvas import DOTS_ACROSS, DOTS_DOWN, Canvas
from terminal.map.features import GRID, LEVELS, PLACES, Feature, Kind
from terminal.map.mercator import metres, to_earth, to_square
from terminal.map.names import SAME_PLACE_M, Name, Place, shown
from terminal.map.raster import Raster

STREETS_BELOW_M = 14.0
REGION_BELOW_M = 200.0
"""Metres a dot, below which the streets' and the region's tiles are drawn."""


THICK = {
    Kind.LAKE: 0.12,
    Kind.RIVER: 0.25,
    Kind.RAIL: 0.06,
    Kind.STREET: 0.12,
    Kind.ROAD: 0.2,
    Kind.MOTORWAY: 0.32,
    Kind.BORDER: 0.12,
}
"""A line of pixels is so thick, in widths of a cell."""


class CellSize(Struct, frozen=True):
    """A cell in pixels."""

    height_px: int
    width_px: int


class Tiles(Protocol):
    """A map, as far as drawing needs it."""

    def tile(self, level: int, x: int, y: int) -> tuple[Feature, ...]: ...


class Window(Struct, frozen=True):
    """What is to be seen: its middle, its scale, its size in cells, which way is up, and how names are written."""

    lat_deg: float
    lon_deg: float
    metres_per_dot: float
    height: int
    width: int
    up_deg: float = 0.0
    in_cyrillic: bool = False

    def affine(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f): a point (x, y) of the square lies at dot (a x + b y + c, d x + e y + f)."""
        middle = to_square(self.lat_deg, self.lon_deg)
        scale, turn = metres(middle[1]) / self.metres_per_dot, radians(self.up_deg)
        a, b = scale * cos(turn), scale * sin(turn)
        across, down = self.width * DOTS_ACROSS / 2, self.height * DOTS_DOWN / 2
        return a, b, across - a * middle[0] - b * middle[1], -b, a, down + b * middle[0] - a * middle[1]

    def cell_of(self, lat_deg: float, lon_deg: float) -> tuple[int, int] | None:
        """The (row, column) of a place; None when it is not to be seen."""
        row, column = self.point_of(lat_deg, lon_deg)
        return (int(row), int(column)) if 0 <= row < self.height and 0 <= column < self.width else None

    def point_of(self, lat_deg: float, lon_deg: float) -> tuple[float, float]:
        """Where a place lies, as (rows, columns) from the upper left corner."""
        a, b, c, d, e, f = self.affine()
        x, y = to_square(lat_deg, lon_deg)
        return (d * x + e * y + f) / DOTS_DOWN, (a * x + b * y + c) / DOTS_ACROSS

    def place_at(self, row: float, column: float) -> tuple[float, float]:
        """The (lat_deg, lon_deg) in the middle of a cell."""
        middle = to_square(self.lat_deg, self.lon_deg)
        scale, turn = metres(middle[1]) / self.metres_per_dot, radians(self.up_deg)
        across = (column + 0.5 - self.width / 2) * DOTS_ACROSS / scale
        down = (row + 0.5 - self.height / 2) * DOTS_DOWN / scale
        x = middle[0] + across * cos(turn) - down * sin(turn)
        return to_earth(x, middle[1] + across * sin(turn) + down * cos(turn))

    @property
    def level(self) -> int:
        """The level of tiles that fits the scale."""
        if self.metres_per_dot < STREETS_BELOW_M:
            return LEVELS[2]
        return LEVELS[1] if self.metres_per_dot < REGION_BELOW_M else LEVELS[0]

    def tiles(self) -> Iterator[tuple[int, int]]:
        """The tiles that may show something in it."""
        middle = to_square(self.lat_deg, self.lon_deg)
        side = 1 << self.level
        reach_m = self.metres_per_dot * max(self.width * DOTS_ACROSS, self.height * DOTS_DOWN) / 2
        reach = 1.42 * reach_m / metres(middle[1])
        for x in range(int((middle[0] - reach) * side), int((middle[0] + reach) * side) + 1):
            for y in range(int((middle[1] - reach) * side), int((middle[1] + reach) * side) + 1):
                if 0 <= x < side and 0 <= y < side:
                    yield x, y


Line = tuple[int, list[tuple[float, float]]]
"""(kind, points in dots)."""


def drawn(window: Window, maps: Sequence[Tiles]) -> tuple[list[list[tuple[str, int]]], list[Name]]:
    """The window's rows as runs of (braille, kind), and names that do not cover one another."""
    canvas = Canvas(window.height, window.width)
    lines, places = _seen(window, maps)
    for kind, points in lines:
        for start, end in pairwise(points):
            canvas.line(start, end, kind)
    return canvas.rows(), names_of(window, places)


def plotted(window: Window, maps: Sequence[Tiles], cell: CellSize) -> tuple[Raster, list[Name]]:
    """The window's pixels, each of its line's kind or 0, and the same names; the greater kinds cover the smaller."""
    raster = Raster(window.height * cell.height_px, window.width * cell.width_px)
    across, down = cell.width_px / DOTS_ACROSS, cell.height_px / DOTS_DOWN
    lines, places = _seen(window, maps)
    for kind, points in sorted(lines, key=itemgetter(0)):
        thick = max(1.0, THICK[Kind(kind)] * cell.width_px)
        for start, end in pairwise([(x * across, y * down) for x, y in points]):
            raster.line(start, end, thick, kind)
    return raster, names_of(window, places)


def names_of(window: Window, places: set[Place]) -> list[Name]:
    """The names that there is room for, in the window's script."""
    near_dots = SAME_PLACE_M / window.metres_per_dot
    return list(shown(places, window.height, window.width, near_dots, in_cyrillic=window.in_cyrillic))


def _seen(window: Window, maps: Sequence[Tiles]) -> tuple[list[Line], set[Place]]:
    """All that lies in the window's tiles."""
    lines: list[Line] = []
    places: set[Place] = set()
    for one in maps:
        for x, y in window.tiles():
            _take_tile(window, (x, y), one.tile(window.level, x, y), lines, places)
    return lines, places


def _take_tile(
    window: Window, at: tuple[int, int], features: Sequence[Feature], lines: list[Line], places: set[Place]
) -> None:
    a, b, c, d, e, f = window.affine()
    side = 1 << window.level
    step = 1 / (side * GRID)
    left, top = at[0] / side, at[1] / side
    c, f = c + a * left + b * top, f + d * left + e * top
    a, b, d, e = a * step, b * step, d * step, e * step
    for feature in features:
        pairs = zip(feature.points[::2], feature.points[1::2], strict=True)
        points = [(a * x + b * y + c, d * x + e * y + f) for x, y in pairs]
        if feature.kind in PLACES:
            places.add((feature.kind, feature.name, *points[0]))
        else:
            lines.append((feature.kind, points))
