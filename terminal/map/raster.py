"""A field of pixels, each of one colour by its number; what is drawn later covers what was there. Pure."""

from collections.abc import Sequence
from math import ceil, hypot

Point = tuple[float, float]
"""(x, y) in pixels; a pixel's middle is at .5."""

GROUND = 0
"""The colour of what nothing was drawn on."""


class Raster:
    """Rows of pixels; what is drawn is cut at its edges. Colours are 0 to 255."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.rows = [bytearray(width) for _ in range(height)]

    def copy(self) -> "Raster":
        """Another with the same pixels."""
        other = Raster(0, self.width)
        other.height, other.rows = self.height, [row[:] for row in self.rows]
        return other

    def line(self, start: Point, end: Point, thick: float, colour: int) -> None:
        """A straight stroke; its ends are cut level with the rows or columns, which nobody sees of a road."""
        (x, y), (to_x, to_y) = (start, end) if start[1] <= end[1] else (end, start)
        half = thick / 2
        left, right = min(x, to_x) - half, max(x, to_x) + half
        if right < 0 or left > self.width or to_y + half < 0 or y - half > self.height:
            return
        top = max(_pixel(y - half), 0)
        rows = self.rows[top : max(_pixel(to_y + half), top + 1)]
        is_level = to_y - y < 1
        slope = 0.0 if is_level else (to_x - x) / (to_y - y)
        reach = right - left if is_level else half * hypot(1, slope)
        middle = x + (top + 0.5 - y) * slope
        for row in rows:
            self._span(row, max(middle - reach, left), min(middle + reach, right), colour)
            middle += slope

    def fill(self, corners: Sequence[Point], colour: int) -> None:
        """A convex polygon."""
        top, bottom = max(_pixel(min(y for _, y in corners)), 0), _pixel(max(y for _, y in corners))
        for number, row in enumerate(self.rows[top:bottom], top):
            crossed = list(_crossings(corners, number + 0.5))
            if crossed:
                self._span(row, min(crossed), max(crossed), colour)

    def _span(self, row: bytearray, left: float, right: float, colour: int) -> None:
        first, last = max(_pixel(left), 0), min(_pixel(right), self.width)
        if last > first:
            row[first:last] = bytes((colour,)) * (last - first)


def _pixel(edge: float) -> int:
    """The first pixel whose middle is not before this edge."""
    return ceil(edge - 0.5)


def _crossings(corners: Sequence[Point], y: float) -> "list[float]":
    """Where a polygon's sides cross the line at this y."""
    found = []
    for (x, from_y), (to_x, to_y) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (from_y <= y) != (to_y <= y):
            found.append(x + (y - from_y) / (to_y - from_y) * (to_x - x))
    return found
