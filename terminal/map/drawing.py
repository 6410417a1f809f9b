"""A window on the maps as rows of cells: lines as dots, names of places where there is room. Pure but for the tiles."""

from collections.abc import Iterator, Sequence
from math import cos, radians, sin
from typing import Protocol

from msgspec import Struct

from terminal.map.canvas import DOTS_ACROSS, DOTS_DOWN, Canvas
from terminal.map.features import GRID, LEVELS, PLACES, Feature
from terminal.map.mercator import metres, to_earth, to_square

STREETS_BELOW_M = 14.0
REGION_BELOW_M = 200.0
"""Metres a dot, below which the streets' and the region's tiles are drawn."""


class Tiles(Protocol):
    """A map, as far as drawing needs it."""

    def tile(self, level: int, x: int, y: int) -> tuple[Feature, ...]: ...


class Window(Struct, frozen=True):
    """What is to be seen: its middle, its scale, its size in cells, and which way is up."""

    lat_deg: float
    lon_deg: float
    metres_per_dot: float
    height: int
    width: int
    up_deg: float = 0.0

    def affine(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f): a point (x, y) of the square lies at dot (a x + b y + c, d x + e y + f)."""
        middle = to_square(self.lat_deg, self.lon_deg)
        scale, turn = metres(middle[1]) / self.metres_per_dot, radians(self.up_deg)
        a, b = scale * cos(turn), scale * sin(turn)
        across, down = self.width * DOTS_ACROSS / 2, self.height * DOTS_DOWN / 2
        return a, b, across - a * middle[0] - b * middle[1], -b, a, down + b * middle[0] - a * middle[1]

    def cell_of(self, lat_deg: float, lon_deg: float) -> tuple[int, int] | None:
        """The (row, column) of a place; None when it is not to be seen."""
        a, b, c, d, e, f = self.affine()
        x, y = to_square(lat_deg, lon_deg)
        row, column = int((d * x + e * y + f) // DOTS_DOWN), int((a * x + b * y + c) // DOTS_ACROSS)
        return (row, column) if 0 <= row < self.height and 0 <= column < self.width else None

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


class Name(Struct, frozen=True):
    """A place's name and where it begins."""

    row: int
    column: int
    text: str
    kind: int


def drawn(window: Window, maps: Sequence[Tiles]) -> tuple[list[list[tuple[str, int]]], list[Name]]:
    """The window's rows as runs of (braille, kind), and names that do not cover one another."""
    canvas = Canvas(window.height, window.width)
    places: set[tuple[int, str, float, float]] = set()
    for one in maps:
        for x, y in window.tiles():
            _draw_tile(canvas, window, (x, y), one.tile(window.level, x, y), places)
    return canvas.rows(), list(_names(window, places))


def _draw_tile(
    canvas: Canvas,
    window: Window,
    at: tuple[int, int],
    features: Sequence[Feature],
    places: set[tuple[int, str, float, float]],
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
            continue
        before = points[0]
        for point in points[1:]:
            canvas.line(before, point, feature.kind)
            before = point


def _names(window: Window, places: set[tuple[int, str, float, float]]) -> Iterator[Name]:
    """The greater places first; a name that would cover another is left out."""
    taken: set[tuple[int, int]] = set()
    for kind, name, x, y in sorted(places, key=lambda place: (-place[0], place[1])):
        row, column = int(y // DOTS_DOWN), int(x // DOTS_ACROSS)
        cells = {(row, column + place) for place in range(len(name) + 1)}
        fits = 0 <= row < window.height and column >= 0 and column + len(name) <= window.width
        if fits and not cells & taken:
            taken |= cells
            yield Name(row, column, name, kind)
