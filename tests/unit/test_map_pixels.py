"""Pixels of the map: strokes are where and as thick as they are said to be, and sixels say the same pixels."""

from math import hypot, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.map.drawing import THICK, CellSize, Window, drawn, plotted
from terminal.map.features import GRID, LEVELS, Feature, Kind
from terminal.map.mercator import to_earth, to_square
from terminal.map.raster import GROUND, Raster
from terminal.map.sixel import BAND, sixels
from terminal.map.tiling import tile_of
from tests.screen.gallery import MAPS
from tests.screen.sixel_reader import read

HEIGHT, WIDTH = 40, 60
POINTS = st.tuples(st.floats(-80, 140), st.floats(-80, 120))
CELL = CellSize(32, 16)
HALF_DOT_PX = 4
NOVI_SAD = (45.2551, 19.8452)


def away(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    across, down = end[0] - start[0], end[1] - start[1]
    length = across**2 + down**2
    share = 0.0 if length == 0 else ((point[0] - start[0]) * across + (point[1] - start[1]) * down) / length
    share = min(max(share, 0.0), 1.0)
    return hypot(start[0] + share * across - point[0], start[1] + share * down - point[1])


@given(POINTS, POINTS, st.floats(1, 9))
def test_a_stroke_covers_what_is_near_its_line_and_nothing_else(
    start: tuple[float, float], end: tuple[float, float], thick: float
) -> None:
    raster = Raster(HEIGHT, WIDTH)
    raster.line(start, end, thick, 3)
    for y, row in enumerate(raster.rows):
        assert len(row) == WIDTH
        for x, colour in enumerate(row):
            far = away((x + 0.5, y + 0.5), start, end)
            assert colour == 3 or far > thick / 2 - 1, (x, y, far)
            assert colour == GROUND or far < thick / 2 * 1.42 + 1, (x, y, far)


def test_a_disc_has_its_size_and_what_comes_later_covers_it() -> None:
    raster = Raster(HEIGHT, WIDTH)
    corners = [(30 + 15 * x, 20 + 15 * y) for x, y in ((1, 0), (0.7071, 0.7071), (0, 1), (-0.7071, 0.7071))]
    corners += [(60 - x, 40 - y) for x, y in corners]
    raster.fill(corners, 5)
    octagon = 2 * 2**0.5 * 15**2
    assert sum(row.count(5) for row in raster.rows) == pytest.approx(octagon, rel=0.03)
    assert octagon < pi * 15**2
    before = raster.copy()
    raster.line((0, 20), (60, 20), 4, 7)
    assert [row.count(7) for row in raster.rows] == [WIDTH if 18 <= y < 22 else 0 for y in range(HEIGHT)]
    assert not any(7 in row for row in before.rows), "a copy is another"


RUNS = st.lists(st.tuples(st.sampled_from((GROUND, 1, 7, 17)), st.integers(1, 12)), max_size=8)


@given(st.lists(RUNS, max_size=20), st.integers(1, WIDTH))
def test_sixels_say_every_pixel_of_whole_bands(runs: list[list[tuple[int, int]]], width: int) -> None:
    rows = [b"".join(bytes((colour,)) * length for colour, length in row)[:width].ljust(width, b"\0") for row in runs]
    assert read(sixels(rows)).rows == [list(row) for row in rows[: len(rows) - len(rows) % BAND]]


@pytest.mark.parametrize("up_deg", [0.0, 75.0])
@pytest.mark.parametrize("scale", [8.0, 64.0, 512.0])
def test_pixels_show_what_braille_shows_and_where(scale: float, up_deg: float) -> None:
    window = Window(*NOVI_SAD, scale, 9, 38, up_deg)
    rows, names = drawn(window, MAPS)
    raster, same_names = plotted(window, MAPS, CELL)
    assert same_names == names
    assert _kinds(raster) <= set(Kind)
    for number, runs in enumerate(rows):
        letters = [(letter, kind) for text, kind in runs for letter in text]
        for column, (letter, kind) in enumerate(letters):
            assert letter == " " or max(_around(raster, number, column)) >= kind, (number, column)


def _around(raster: Raster, row: int, column: int) -> set[int]:
    """The colours in a cell, and half a dot around it: that far a dot may be from its line."""
    top, left = row * CELL.height_px, column * CELL.width_px
    rows = raster.rows[max(top - HALF_DOT_PX, 0) : top + CELL.height_px + HALF_DOT_PX]
    return set().union(*(row[max(left - HALF_DOT_PX, 0) : left + CELL.width_px + HALF_DOT_PX] for row in rows))


def _kinds(raster: Raster) -> set[int]:
    return set().union(*raster.rows) - {GROUND}


class Crossing:
    """A tile with a motorway from north to south and, told later, a street across it."""

    at = tile_of(to_square(*NOVI_SAD), LEVELS[2])
    middle = to_earth(*((number + 0.5) / (1 << LEVELS[2]) for number in at))

    def tile(self, _level: int, x: int, y: int) -> tuple[Feature, ...]:
        half = GRID // 2
        north_south, west_east = (half, 0, half, GRID), (0, half, GRID, half)
        found = (Feature(Kind.MOTORWAY, "", north_south), Feature(Kind.STREET, "", west_east))
        return found if (x, y) == self.at else ()


@pytest.mark.parametrize("cell", [CELL, CellSize(48, 25), CellSize(64, 32)], ids=str)
def test_a_line_is_as_thick_as_its_kind_and_the_greater_kind_covers_the_smaller(cell: CellSize) -> None:
    raster, _ = plotted(Window(*Crossing.middle, 8.0, 9, 38), [Crossing()], cell)
    middle, above = raster.rows[raster.height // 2], raster.rows[cell.height_px]
    for row, street in ((middle, raster.width), (above, 0)):
        assert row.count(Kind.MOTORWAY) == pytest.approx(THICK[Kind.MOTORWAY] * cell.width_px, abs=1)
        assert row.count(Kind.MOTORWAY) + row.count(Kind.STREET) == max(street, row.count(Kind.MOTORWAY))
    column = [row[cell.width_px] for row in raster.rows]
    assert column.count(Kind.STREET) == pytest.approx(THICK[Kind.STREET] * cell.width_px, abs=1)
