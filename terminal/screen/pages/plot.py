"""The map in pixels: lines and marks are a picture, words stay letters in cells above it. Pure but for the tiles."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import ceil, floor
from typing import get_args

from msgspec import Struct

from terminal.map.drawing import CellSize, Tiles, Window, plotted
from terminal.map.features import Kind
from terminal.map.names import Name
from terminal.map.raster import GROUND, Raster
from terminal.map.sixel import sixels
from terminal.screen.cells import Area, Box
from terminal.screen.pages import symbols
from terminal.screen.pages.marks import Mark, MarkTone, Shape
from terminal.screen.pixels import Ink, Pixels

TONES: dict[int, str] = {
    GROUND: "plain",
    Kind.LAKE: "map-water",
    Kind.RIVER: "map-water",
    Kind.RAIL: "map-rail",
    Kind.STREET: "map-street",
    Kind.ROAD: "map-road",
    Kind.MOTORWAY: "map-motorway",
    Kind.BORDER: "map-border",
}
"""Of a line's kind, in cells and in pixels."""

MARKS: tuple[MarkTone, ...] = get_args(MarkTone)
INKS = (
    *(Ink(tone, is_behind=kind == GROUND) for kind, tone in sorted(TONES.items())),
    *(Ink(tone, is_behind) for tone in MARKS for is_behind in (False, True)),
)
"""By the number of a pixel: the ground, a line's kind, and two for each tone of a mark."""


class Symbol(Struct, frozen=True):
    """A mark where it is to be seen, in pixels and in degrees from what is above."""

    x: int
    y: int
    shape: Shape
    tone: MarkTone
    course_deg: int | None


def boxes(window: Window, maps: tuple[Tiles, ...], cell: CellSize, field: Area, marks: Iterable[Mark]) -> list[Box]:
    """The picture, names of places, and what is written at the marks; nothing that is written covers another."""
    marked = list(seen(window, cell, marks))
    pixels = picture(window, maps, cell, tuple(symbol for symbol, _ in marked))
    written = list(labels(field, cell, marked))
    names = [one for one in named(field, base(window, maps, cell)[1]) if is_free(one.area, written)]
    return [Box(area=field, pixels=pixels), *names, *written]


def is_free(line: Area, taken: Iterable[Box]) -> bool:
    """Whether nothing is written in these cells of a row."""
    areas = (one.area for one in taken)
    return all(one.top != line.top or one.right <= line.left or line.right <= one.left for one in areas)


def named(field: Area, names: Iterable[Name]) -> Iterator[Box]:
    """Names of places where they stand."""
    for one in names:
        area = Area(field.top + one.row, field.left + one.column, 1, len(one.text))
        yield Box(area=area, words=one.text, tone="map-place")


def seen(window: Window, cell: CellSize, marks: Iterable[Mark]) -> Iterator[tuple[Symbol, str]]:
    """The marks within the window, and their words."""
    for mark in marks:
        if window.cell_of(mark.lat_deg, mark.lon_deg) is not None:
            row, column = window.point_of(mark.lat_deg, mark.lon_deg)
            x, y = int(column * cell.width_px), int(row * cell.height_px)
            turn = None if mark.course_deg is None else round(mark.course_deg - window.up_deg)
            yield Symbol(x, y, mark.shape, mark.tone, turn), mark.words


def labels(field: Area, cell: CellSize, marked: Sequence[tuple[Symbol, str]]) -> Iterator[Box]:
    """The marks' words, the urgent ones first; none where others stand in every place."""
    taken = [Box(area=_cell_of(field, cell, symbol)) for symbol, _ in marked]
    for symbol, words in reversed(marked):
        areas = beside(field, cell, symbol, min(len(words), field.width)) if words else ()
        free = next((area for area in areas if field.holds(area) and is_free(area, taken)), None)
        if free is not None:
            taken.append(Box(area=free, words=words[: free.width], tone=symbol.tone))
            yield taken[-1]


def beside(field: Area, cell: CellSize, symbol: Symbol, width: int) -> Iterator[Area]:
    """Where a mark's words may stand: right of it, left, above, beneath."""
    reach = symbols.RADIUS * symbols.LONGEST * cell.height_px
    at = _cell_of(field, cell, symbol)
    yield Area(at.top, field.left + ceil((symbol.x + reach) / cell.width_px), 1, width)
    yield Area(at.top, field.left + floor((symbol.x - reach) / cell.width_px) - width, 1, width)
    left = max(min(at.left - width // 2, field.right - width), field.left)
    yield Area(at.top - 1, left, 1, width)
    yield Area(at.top + 1, left, 1, width)


def _cell_of(field: Area, cell: CellSize, symbol: Symbol) -> Area:
    return Area(field.top + symbol.y // cell.height_px, field.left + symbol.x // cell.width_px, 1, 1)


@lru_cache(maxsize=4)
def base(window: Window, maps: tuple[Tiles, ...], cell: CellSize) -> tuple[Raster, tuple[Name, ...]]:
    """What lies there, and its names; drawn once as long as nothing moves. Nobody draws on it, but on a copy."""
    raster, names = plotted(window, maps, cell)
    return raster, tuple(names)


@lru_cache(maxsize=4)
def picture(window: Window, maps: tuple[Tiles, ...], cell: CellSize, marked: tuple[Symbol, ...]) -> Pixels:
    """The map with its marks."""
    raster = base(window, maps, cell)[0].copy()
    for one in marked:
        edge = len(TONES) + 2 * MARKS.index(one.tone)
        radius = symbols.RADIUS * cell.height_px
        symbols.draw(raster, (one.x, one.y), one.shape, one.course_deg, radius, (edge, edge + 1))
    return Pixels(sixels(raster.rows), raster.height, raster.width, INKS)
